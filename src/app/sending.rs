//! A mail that is due → its bytes; what became of it → its settlement, in one turn.
//!
//! *Start reading* at [`prepare`] and [`settle`]. A mail is claimed (by the store) before the relay is spoken to, so a
//! crash in between is found by [`recover`] as an unknown fate, never as silence.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Error, Result, bilan, digest, letters, texts};
use crate::domain::address::Address;
use crate::domain::effect::{EffectKind, Outcome, Settlement, settle as decide_settlement};
use crate::domain::event::{Event, Settled};
use crate::domain::office::Office;
use crate::domain::policy::SentCopy;
use crate::domain::request::{AcknowledgementState, Change};
use crate::mail::compose::{Stamp, Used, compose};
use crate::mail::template::Templates;
use crate::store::{AfterAttempt, DueEffect, Store, Turn};

/// A mail, ready for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Headers and body, lines ended by CRLF.
    pub bytes: Vec<u8>,
    /// From whom the envelope comes where it is not null: the mailbox, or vigie's own sender.
    pub sender: Address,
    /// To whom it goes.
    pub recipients: Vec<Address>,
    /// Which text it carries.
    pub proof: Proof,
}

/// Which text a mail carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Which templates.
    pub used: Used,
    /// The digest of the text.
    pub text: String,
}

/// What to do with a mail that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Submit it.
    Send(Box<Prepared>),
    /// There is nothing left to say.
    Withdraw(String),
}

/// What became of an attempt, as the shell saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What became of it; texts may quote addresses and stay in the queue's table.
    pub outcome: Outcome,
    /// The same in codes, for the ledger: never an address.
    pub summary: String,
    /// Which text it carried.
    pub proof: Proof,
}

/// Writes the mail that a decision wanted.
pub async fn prepare(
    store: &Store,
    office: &Office,
    templates: &Templates,
    due: &DueEffect,
    now: DateTime<Utc>,
) -> Result<Ready> {
    let effect = &due.effect;
    let notice = match effect.kind {
        EffectKind::Acknowledgement => letters::acknowledgement(store, office, effect).await?,
        EffectKind::TransferNotice => letters::transfer_notice(store, office, templates, effect).await?,
        EffectKind::RegistrationNotice => letters::registration_notice(store, office, effect).await?,
        EffectKind::Alert => texts::alert(store, office, effect, now).await?,
        EffectKind::Clearance => texts::clearance(office, effect)?,
        EffectKind::Digest => digest::digest(store, office, effect, now).await?,
        EffectKind::Report => bilan::notice(store, office, effect).await?,
        EffectKind::Operations => texts::operations(office, effect),
    };
    let Some((notice, sender)) = notice else {
        return Ok(Ready::Withdraw("answered meanwhile: nothing is left to say".to_owned()));
    };
    let domain = due.message_id.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
    let stamp = Stamp { effect_id: effect.id.clone(), date: effect.created_at, domain };
    let composed = compose(&notice, templates, &stamp)
        .map_err(|cause| Error::Compose { effect: effect.id.clone(), cause: Box::new(cause) })?;
    let proof = Proof { used: composed.used, text: composed.text_digest };
    Ok(Ready::Send(Box::new(Prepared { bytes: composed.bytes, sender, recipients: effect.recipients.clone(), proof })))
}

/// Settles an attempt: the queue, the request and the ledger in one turn.
pub async fn settle(
    store: &Store,
    office: &Office,
    due: &DueEffect,
    attempt: &Attempt,
    unknown_wait: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Settlement> {
    let settlement = decide_settlement(&attempt.outcome, due.attempts, unknown_wait, now);
    let mut turn = store.begin().await?;
    let accepted = settlement == Settlement::Accepted;
    let wants_copy = office.desk(&due.effect.mailbox).is_some_and(|desk| desk.policy.sent_copy == SentCopy::Always);
    let after = AfterAttempt {
        text: if accepted { &attempt.proof.text } else { "" },
        copy: accepted && wants_copy && due.effect.kind.is_public(),
        ..after(due, settlement, &attempt.outcome, now)
    };
    if !turn.settle_effect(&due.effect.id, &after).await? {
        return Ok(settlement);
    }
    let reference = settle_request(&mut turn, due, settlement, now).await?;
    let effect = &due.effect;
    if effect.kind == EffectKind::Alert && settlement == Settlement::Withdrawn {
        turn.never_warned(&effect.about).await?;
    }
    if effect.kind.is_public() && after.state == "pending" && turn.breaker().await?.holds() {
        turn.hold_acknowledgements().await?;
    }
    let retry_at = match settlement {
        Settlement::Retry(at) => Some(at),
        Settlement::Accepted | Settlement::Refused | Settlement::Unknown | Settlement::Withdrawn => None,
    };
    let settled = Settled {
        effect: effect.id.clone(),
        kind: effect.kind,
        mailbox: office.desk(&effect.mailbox).map(|_| effect.mailbox.clone()),
        request: reference,
        outcome: attempt.outcome.clone(),
        summary: attempt.summary.clone(),
        retry_at,
        attempt: due.attempts.count,
        template: attempt.proof.used.digest.clone(),
        template_name: attempt.proof.used.name.clone(),
        template_version: attempt.proof.used.version.clone(),
        text: attempt.proof.text.clone(),
        at: now,
    };
    turn.write_down(&Event::EffectSettled(Box::new(settled)), now);
    turn.commit().await?;
    Ok(settlement)
}

fn answer_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Accepted { answer, .. } | Outcome::Refused { answer, .. } => answer,
        Outcome::Unknown { why } | Outcome::Withdrawn { why } => why,
    }
}

fn after<'a>(due: &DueEffect, settlement: Settlement, outcome: &'a Outcome, now: DateTime<Utc>) -> AfterAttempt<'a> {
    let lost = u32::from(matches!(outcome, Outcome::Unknown { .. }));
    let (state, due_at, settled_at) = match settlement {
        Settlement::Accepted => ("accepted", now, Some(now)),
        Settlement::Retry(at) => ("pending", at, None),
        Settlement::Refused => ("refused", now, Some(now)),
        Settlement::Unknown => ("unknown", now, Some(now)),
        Settlement::Withdrawn => ("withdrawn", now, Some(now)),
    };
    let (unknowns, answer) = (due.attempts.unknown + lost, answer_of(outcome));
    AfterAttempt { state, due_at, unknowns, settled_at, answer, text: "", copy: false }
}

/// Brings the acknowledgement's fate to its request; the request's reference.
async fn settle_request(
    turn: &mut Turn,
    due: &DueEffect,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let Some(id) = due.effect.request else { return Ok(None) };
    let Some(mut request) = turn.requests(&[id]).await?.remove(&id) else { return Ok(None) };
    let reference = request.reference.clone();
    if due.effect.kind == EffectKind::TransferNotice {
        return Ok(Some(reference));
    }
    let state = match settlement {
        Settlement::Accepted => AcknowledgementState::Sent,
        Settlement::Refused => AcknowledgementState::Refused,
        Settlement::Unknown => AcknowledgementState::Unknown,
        Settlement::Retry(_) | Settlement::Withdrawn => return Ok(Some(reference)),
    };
    let mut decision = crate::domain::decide::Decision::default();
    let change = Change::Acknowledgement { at: now, state };
    if crate::domain::decide::change(&mut request, change, None, &mut decision) {
        turn.save_requests(std::slice::from_ref(&request)).await?;
        for event in &decision.events {
            turn.write_down(event, now);
        }
    }
    Ok(Some(reference))
}

/// Settles the mails that were being sent when this node, or one long silent, ended: nobody knows what became of them.
pub async fn recover(
    store: &Store,
    office: &Office,
    node: &str,
    unknown_wait: TimeDelta,
    now: DateTime<Utc>,
) -> Result<usize> {
    let interrupted = store.interrupted(node, now).await?;
    for due in &interrupted {
        let why = "the node ended while the mail was being sent".to_owned();
        let attempt = Attempt { outcome: Outcome::Unknown { why: why.clone() }, summary: why, proof: Proof::default() };
        settle(store, office, due, &attempt, unknown_wait, now).await?;
    }
    Ok(interrupted.len())
}
