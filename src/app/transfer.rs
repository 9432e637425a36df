//! Who is told that a request was handed to another administration (CRPA L114-2).

use chrono::{DateTime, TimeDelta, Utc};

use super::Result;
use crate::domain::address::Address;
use crate::domain::decide::Desk;
use crate::domain::effect::{Effect, EffectKind, effect_id};
use crate::domain::event::Event;
use crate::domain::ledger::rfc3339;
use crate::domain::policy::Mode;
use crate::domain::request::{AcknowledgementState, Request, Status};
use crate::store::Turn;

/// How long the mail waits: a gesture made by mistake is undone within that time, and nobody is told anything.
const SECOND_THOUGHTS: TimeDelta = TimeDelta::minutes(15);

/// Puts the mail to the requester into the queue, where they may be written to: the mailbox acknowledges, and they were
/// acknowledged, so that every check of an automatic mail was passed for this very address.
pub(super) async fn tell(
    turn: &mut Turn,
    desk: Desk<'_>,
    request: &Request,
    destination: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let acknowledged = matches!(request.acknowledgement, AcknowledgementState::Sent | AcknowledgementState::Pending);
    let mode = match desk.policy.mode {
        Mode::Acknowledge => true,
        Mode::Observe => false,
    };
    if request.status != Status::Transferred || !mode || !acknowledged || destination.trim().is_empty() {
        return Ok(());
    }
    let Some(to) = recipient(turn, request).await? else { return Ok(()) };
    let mailbox = &desk.policy.name;
    // Undone and made again, it is another mail, and only the last one is true.
    let since = request.settled_at.map(rfc3339).unwrap_or_default();
    let effect = Effect {
        id: effect_id(EffectKind::TransferNotice, &[mailbox, &request.reference, &since]),
        kind: EffectKind::TransferNotice,
        mailbox: mailbox.clone(),
        bureau: String::new(),
        request: Some(request.id),
        recipients: vec![to],
        about: vec![request.reference.clone(), destination.replace(['\n', '\r'], " "), since],
        level: None,
        created_at: now,
        due_at: now + SECOND_THOUGHTS,
        warn_at: None,
    };
    let message_id = format!("{}@{}", effect.id, desk.policy.address.domain());
    let (reference, mailbox) = (request.reference.clone(), mailbox.clone());
    let wanted = Event::TransferNoticeWanted { reference, mailbox, effect: effect.id.clone(), at: now };
    turn.queue(&[(effect, message_id)]).await?;
    turn.write_down(&wanted, now);
    Ok(())
}

/// The address to which the acknowledgement went.
async fn recipient(turn: &mut Turn, request: &Request) -> Result<Option<Address>> {
    let acknowledged = turn.acknowledged_to(request.id).await?;
    Ok(acknowledged.and_then(|address| Address::parse(&address)))
}
