//! The breaker, as a human releases it: what it held leaves, or is withdrawn for good.

use chrono::{DateTime, Utc};

use super::{Error, Result};
use crate::domain::breaker::Breaker;
use crate::domain::decide::{Decision, change};
use crate::domain::effect::Outcome;
use crate::domain::event::{Event, Settled};
use crate::domain::request::{AcknowledgementState, Change, RequestId};
use crate::store::{DueEffect, Store, Turn};

/// What becomes of the held acknowledgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// They are sent.
    Send,
    /// They are withdrawn.
    Discard,
}

/// Releases the breaker in the name of `by`; how many acknowledgements it held.
pub async fn release(store: &Store, release: Release, by: &str, now: DateTime<Utc>) -> Result<u64> {
    let mut turn = store.begin().await?;
    if !turn.breaker().await?.holds() {
        return Err(Error::BreakerNotTripped);
    }
    let mails = match release {
        Release::Send => turn.release_held(now).await?,
        Release::Discard => discard(&mut turn, by, now).await?,
    };
    turn.save_breaker(Breaker::released(now)).await?;
    let discarded = release == Release::Discard;
    turn.write_down(&Event::BreakerReleased { at: now, by: by.to_owned(), discarded, mails }, now);
    turn.commit().await?;
    Ok(mails)
}

/// Withdraws what is held: each mail with its reason, each request with its acknowledgement withheld.
async fn discard(turn: &mut Turn, by: &str, now: DateTime<Utc>) -> Result<u64> {
    let why = format!("breaker: discarded by {by}");
    let held = turn.held().await?;
    let ids: Vec<RequestId> = held.iter().filter_map(|due| due.effect.request).collect();
    let mut requests = turn.requests(&ids).await?;
    let mut decision = Decision::default();
    for due in &held {
        let request = due.effect.request.and_then(|id| requests.remove(&id));
        let reference = request.as_ref().map(|request| request.reference.clone());
        decision.events.push(withdrawn(due, reference, &why, now));
        let Some(mut request) = request else { continue };
        let withheld = Change::Acknowledgement { at: now, state: AcknowledgementState::Withheld };
        if change(&mut request, withheld, None, &mut decision) {
            decision.requests.push(request);
        }
    }
    turn.discard_held(&why, now).await?;
    turn.save_requests(&decision.requests).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    Ok(u64::try_from(held.len()).unwrap_or(u64::MAX))
}

fn withdrawn(due: &DueEffect, request: Option<String>, why: &str, now: DateTime<Utc>) -> Event {
    let effect = &due.effect;
    Event::EffectSettled(Box::new(Settled {
        effect: effect.id.clone(),
        kind: effect.kind,
        mailbox: Some(effect.mailbox.clone()),
        request,
        outcome: Outcome::Withdrawn { why: why.to_owned() },
        summary: why.to_owned(),
        retry_at: None,
        attempt: due.attempts.count,
        template: String::new(),
        template_name: String::new(),
        template_version: String::new(),
        text: String::new(),
        at: now,
    }))
}
