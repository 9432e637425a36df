//! What a person decides about a request by a command: answered by telephone, closed, transferred, merged, reopened…

use chrono::{DateTime, Utc};

use super::{Error, Result, unmerge};
use crate::domain::alert;
use crate::domain::decide::{Decision, Desk, change};
use crate::domain::gesture::{Gesture, GestureRule, Means, Said, brought_by_merge, changes, may_merge};
use crate::domain::office::Office;
use crate::domain::request::Request;
use crate::store::{Store, Turn};

/// Requests merged one into another that are followed: a longer chain is a ring.
const MAX_MERGES: usize = 20;

/// What a person says, by a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What is said.
    pub gesture: Gesture,
    /// Who says it.
    pub by: String,
    /// The instant that it is about; not after `now`.
    pub at: DateTime<Utc>,
    /// What was written about it: it may name people, and is kept beside the ledger, which knows its digest only.
    pub text: Option<String>,
}

/// Carries a person's word out.
pub async fn gesture(
    store: &Store,
    office: &Office,
    reference: &str,
    word: Word,
    now: DateTime<Utc>,
) -> Result<Request> {
    let mut turn = store.begin().await?;
    let request = turn.request_by_reference(reference).await?;
    let mut request = request.ok_or_else(|| Error::UnknownRequest(reference.to_owned()))?;
    let desk = office.desk(&request.mailbox).ok_or_else(|| Error::UnknownMailbox(request.mailbox.clone()))?;
    let destination = match (&word.gesture, &word.text) {
        (Gesture::Transfer { to }, None) => to.clone(),
        (_, text) => text.clone().unwrap_or_default(),
    };
    let note = match word.text.filter(|text| !text.trim().is_empty()) {
        Some(text) => Some(turn.keep_note(request.id, &text, now).await?),
        None => None,
    };
    let refused = |refusal| Error::Refused { reference: reference.to_owned(), refusal };
    let target = if let Gesture::Merge { into } = &word.gesture { final_request(&mut turn, into).await? } else { None };
    if let Some(target) = &target {
        may_merge(&request, target, now).map_err(refused)?;
    }
    let joined = request.merged_into.clone();
    let wanted = match resolve(&mut turn, office, word.gesture).await? {
        Gesture::Reopen { .. } if joined.is_some() => Gesture::Reopen { why: unmerge::MERGE_UNDONE },
        wanted => wanted,
    };
    let said = Said { by: word.by, at: word.at, in_client: false, note };
    let mut decision = carry_out(desk, &mut request, wanted, &said).map_err(refused)?;
    if let Some(into) = joined.filter(|_| request.merged_into.is_none()) {
        turn.save_requests(std::slice::from_ref(&request)).await?;
        unmerge::part(&mut turn, office, &mut request, &into, &said, &mut decision).await?;
    }
    if let Some(desk) = office.desk(&request.mailbox) {
        request.next_alert_at = alert::next_alert(desk.clock(), &request);
    }
    if let Some(target) = target {
        brings_pieces(office, target, &request, &said.by, &mut decision);
    }
    decision.requests.push(request.clone());
    turn.save_requests(&decision.requests).await?;
    super::transfer::tell(&mut turn, desk, &request, &destination, now).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    turn.commit().await?;
    Ok(request)
}

/// A merged request may bring the pieces for which the other one waits.
fn brings_pieces(office: &Office, mut target: Request, merged: &Request, by: &str, decision: &mut Decision) {
    let Some(desk) = office.desk(&target.mailbox) else { return };
    let Some(resumed) = brought_by_merge(desk, &target, merged, by) else { return };
    if change(&mut target, resumed, None, decision) {
        target.next_alert_at = alert::next_alert(desk.clock(), &target);
        decision.requests.push(target);
    }
}

/// Applies all that a gesture asks for, or nothing.
pub(super) fn carry_out(
    desk: Desk<'_>,
    request: &mut Request,
    gesture: Gesture,
    said: &Said,
) -> Result<Decision, crate::domain::request::Refusal> {
    let mut trial = request.clone();
    let wanted = changes(desk, &trial, gesture, said)?;
    for change in &wanted {
        trial.apply(change)?;
    }
    let mut decision = Decision::default();
    for wanted in wanted {
        change(request, wanted, None, &mut decision);
    }
    Ok(decision)
}

/// Names what the words of a command mean: a watched mailbox as destination is a move, and what was merged into another
/// request is looked for there.
async fn resolve(turn: &mut Turn, office: &Office, gesture: Gesture) -> Result<Gesture> {
    match gesture {
        Gesture::Merge { into } => {
            let target = final_request(turn, &into).await?.ok_or(Error::UnknownRequest(into))?;
            Ok(Gesture::Merge { into: target.reference })
        }
        Gesture::Transfer { to } => Ok(match destination(office, &to) {
            // What a person typed may name a person: the note says it, and the ledger only that there is one.
            Gesture::Transfer { to } if !is_configured(office, &to) => Gesture::Transfer { to: String::new() },
            known => known,
        }),
        other => Ok(other),
    }
}

/// Where a transfer goes: to a watched mailbox, by its name or address, or to another administration.
#[must_use]
pub fn destination(office: &Office, to: &str) -> Gesture {
    let watched = office.mailboxes.iter().find(|policy| {
        policy.name == to || crate::domain::address::Address::parse(to).is_some_and(|address| policy.is_mine(&address))
    });
    match watched {
        Some(policy) => Gesture::Move { mailbox: policy.name.clone(), bureau: policy.bureau.clone() },
        None => Gesture::Transfer { to: to.to_owned() },
    }
}

/// Whether the configuration names a destination.
fn is_configured(office: &Office, to: &str) -> bool {
    let named = |rule: &GestureRule| matches!(&rule.means, Means::Transferred(known) if known == to);
    office.mailboxes.iter().flat_map(|policy| &policy.gestures).any(named)
}

/// The request of a reference, or the one into which it was merged in the end.
pub(super) async fn final_request(turn: &mut Turn, reference: &str) -> Result<Option<Request>> {
    let mut found = turn.request_by_reference(reference).await?;
    for _ in 0..MAX_MERGES {
        let Some(into) = found.as_ref().and_then(|request| request.merged_into.clone()) else { break };
        found = turn.request_by_reference(&into).await?;
    }
    Ok(found)
}
