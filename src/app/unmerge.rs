//! What a merge had joined, parted again: the messages that named the one request go back to it, and what they had said of
//! the other is undone.
//!
//! *Start reading* at [`part`]. The ledger says of each message through which request it came to the one that counted.

use serde_json::Value;

use super::Result;
use super::gesture::final_request;
use crate::domain::alert;
use crate::domain::decide::{Decision, change};
use crate::domain::event::{Event, Relinked};
use crate::domain::evidence::Evidence;
use crate::domain::gesture::{Said, reopen, reply};
use crate::domain::office::Office;
use crate::domain::request::{Request, Status};
use crate::store::{ReplyRow, Turn};

/// Why a request is open again.
pub(super) const MERGE_UNDONE: &str = "merge_undone";

/// Parts a request, open again and saved as such, from the one into which it had been merged.
pub(super) async fn part(
    turn: &mut Turn,
    office: &Office,
    request: &mut Request,
    into: &str,
    said: &Said,
    decision: &mut Decision,
) -> Result<()> {
    let Some(mut other) = final_request(turn, into).await? else { return Ok(()) };
    let digests = named_by(turn, request, &other).await?;
    let (own, others): (Vec<ReplyRow>, Vec<ReplyRow>) =
        turn.replies_of(other.id).await?.into_iter().partition(|reply| digests.contains(&reply.digest));
    for message in digests {
        turn.relink(&message, request.id).await?;
        let (reference, mailbox) = (request.reference.clone(), request.mailbox.clone());
        let from = other.reference.clone();
        decision.events.push(Event::Relinked(Box::new(Relinked { message, reference, mailbox, from, at: said.at })));
    }
    answer(office, request, &own, decision);
    if stands_by(&other, &own)
        && let Some(desk) = office.desk(&other.mailbox)
    {
        for reopened in reopen(desk, &other, said.at, MERGE_UNDONE, (None, Some(said.by.clone()))) {
            change(&mut other, reopened, None, decision);
        }
        answer(office, &mut other, &others, decision);
        other.next_alert_at = alert::next_alert(desk.clock(), &other);
        decision.requests.push(other);
    }
    Ok(())
}

/// The digests of the messages that stand under the other request and name this one, or one that was merged into it.
async fn named_by(turn: &mut Turn, request: &Request, other: &Request) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for payload in turn.through_others(&other.reference).await? {
        let payload: Value = serde_json::from_str(&payload).unwrap_or_default();
        let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
        let counts = final_request(turn, text("through")).await?;
        if counts.is_some_and(|counts| counts.id == request.id) {
            found.push(text("message").to_owned());
        }
    }
    Ok(found)
}

/// What our side wrote answers the request to which it belongs, as of when it was sent.
fn answer(office: &Office, request: &mut Request, replies: &[ReplyRow], decision: &mut Decision) {
    let Some(desk) = office.desk(&request.mailbox) else { return };
    for row in replies {
        let answered = reply(desk, request, row.at, row.evidence(&request.mailbox), row.holding);
        change(request, answered, Some(row.digest.clone()), decision);
    }
}

/// Whether nothing but one of these replies answers a request.
fn stands_by(request: &Request, replies: &[ReplyRow]) -> bool {
    let by_mail = matches!(request.evidence, Some(Evidence::SentReply | Evidence::SeenReply | Evidence::SameSubject));
    let answers = |reply: &ReplyRow| request.settled_at == Some(reply.at);
    request.status == Status::Answered && by_mail && replies.iter().any(answers)
}
