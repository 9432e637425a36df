//! What a person decides about a request: answered by telephone, closed, transferred, reclassified.

use chrono::{DateTime, Utc};

use super::{Error, Result};
use crate::domain::alert;
use crate::domain::deadline::deadline;
use crate::domain::decide::{Decision, change};
use crate::domain::evidence::Evidence;
use crate::domain::office::Office;
use crate::domain::policy::{Nature, Requester};
use crate::domain::request::{Change, Request};
use crate::store::Store;

/// What a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gesture {
    /// Answered by a way that vigie cannot see.
    Answer {
        /// When.
        at: DateTime<Utc>,
        /// `phone`, `counter`, `letter` or `mail`.
        way: String,
    },
    /// Nothing to answer.
    Close {
        /// Why.
        motive: String,
    },
    /// Handed to another administration.
    Transfer {
        /// To whom.
        to: String,
    },
    /// Who asks, or for what, was judged wrongly.
    Reclassify {
        /// Who asks.
        requester: Requester,
        /// What is asked.
        nature: Nature,
    },
}

/// Carries a gesture out, in the name of `by`.
pub async fn gesture(
    store: &Store,
    office: &Office,
    reference: &str,
    gesture: Gesture,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Request> {
    let mut turn = store.begin().await?;
    let request = turn.request_by_reference(reference).await?;
    let mut request = request.ok_or_else(|| Error::UnknownRequest(reference.to_owned()))?;
    let wanted = to_change(office, &request, gesture, by, now)?;
    let refused = |refusal| Error::Refused { reference: reference.to_owned(), refusal };
    request.clone().apply(&wanted).map_err(refused)?;
    let mut decision = Decision::default();
    change(&mut request, wanted, None, &mut decision);
    if let Some(desk) = office.desk(&request.mailbox) {
        request.next_alert_at = alert::next_alert(desk.clock(), &request);
    }
    turn.save_requests(std::slice::from_ref(&request)).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    turn.commit().await?;
    Ok(request)
}

fn to_change(office: &Office, request: &Request, gesture: Gesture, by: &str, now: DateTime<Utc>) -> Result<Change> {
    let by = by.to_owned();
    Ok(match gesture {
        Gesture::Answer { at, way } => {
            let evidence = Evidence::Declaration;
            Change::Answered { at, evidence, confidence: evidence.confidence(), by: Some(by), way: Some(way) }
        }
        Gesture::Close { motive } => Change::Closed { at: now, motive, by },
        Gesture::Transfer { to } => Change::Transferred { at: now, to, by },
        Gesture::Reclassify { requester, nature } => {
            let desk = office.desk(&request.mailbox);
            let desk = desk.ok_or_else(|| Error::UnknownMailbox(request.mailbox.clone()))?;
            let day = desk.calendar.civil(request.received_at);
            let commitment = desk.policy.commitment_of_mail(requester, nature, day);
            let limit = commitment.map_or(request.limit, |commitment| commitment.limit);
            let due = deadline(desk.calendar, request.received_at, limit).ok();
            Change::Reclassified {
                at: now,
                requester,
                nature,
                commitment: commitment.map_or_else(String::new, |commitment| commitment.key.clone()),
                limit,
                due_on: due.as_ref().map_or(request.due_on, |due| due.due_on),
                due_at: due.as_ref().map_or(request.due_at, |due| due.due_at),
                calendar_revision: due.map_or_else(|| request.calendar_revision.clone(), |due| due.calendar_revision),
                by,
            }
        }
    })
}
