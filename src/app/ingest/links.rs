//! What our side's mails are linked to besides the Message-IDs that they name: the open requests of those to whom they go.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;

use super::{Overlay, Parsed, Slot, Source};
use crate::app::Result;
use crate::app::gesture::final_request;
use crate::domain::address::Address;
use crate::domain::classify::{FolderRole, SubjectLink};
use crate::domain::decide::Judgement;
use crate::domain::gesture::{GestureRule, Sign};
use crate::domain::receipt::official;
use crate::domain::request::{MessageId, Request, RequestId, Status};
use crate::domain::same_subject::{named_reference, normalised};
use crate::store::{KnownMessage, Turn};

/// How long after a request a mail to the same person under the same subject may be its answer.
const WINDOW: TimeDelta = TimeDelta::days(60);
/// Open requests of one person that are looked at.
const MAX_REQUESTS_OF_ONE: usize = 50;

/// An open request, as a mail to its requester may answer it.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    request: RequestId,
    subject: Option<String>,
}

/// What a mail of ours is linked to by its recipients and its subject.
#[derive(Debug, Default)]
pub(super) struct BySubject {
    /// The request that it answers, where its Message-IDs name none.
    pub(super) link: Option<SubjectLink>,
    /// All that it may answer.
    pub(super) alike: Vec<Request>,
}

/// The open requests of everyone to whom our side writes in a batch, by address, and those requests.
pub(super) async fn awaited(
    turn: &mut Turn,
    source: &Source<'_>,
    batch: &[Parsed<'_>],
    requests: &mut HashMap<RequestId, Request>,
) -> Result<HashMap<String, Vec<Awaited>>> {
    let mut addresses: HashSet<String> = HashSet::new();
    for message in batch.iter().filter(|message| may_be_ours(source, message)) {
        let facts = message.facts;
        addresses.extend(facts.to.iter().chain(&facts.cc).chain(&facts.bcc).map(Address::canonical));
    }
    let addresses: Vec<String> = addresses.into_iter().collect();
    let mut found: HashMap<String, Vec<Awaited>> = HashMap::new();
    let mut ids = Vec::new();
    for (address, request, subject) in turn.open_requests_of(&addresses).await? {
        let known = found.entry(address).or_default();
        if known.len() < MAX_REQUESTS_OF_ONE {
            known.push(Awaited { request, subject: normalised(&subject) });
            ids.push(request);
        }
    }
    ids.retain(|id| !requests.contains_key(id));
    requests.extend(turn.requests(&ids).await?);
    Ok(found)
}

/// Follows what was merged: the request into which each was merged in the end is the one that counts.
pub(super) async fn follow_merges(
    turn: &mut Turn,
    requests: &mut HashMap<RequestId, Request>,
) -> Result<HashMap<RequestId, RequestId>> {
    let merged: Vec<Request> = requests.values().filter(|request| request.merged_into.is_some()).cloned().collect();
    let mut found = HashMap::new();
    for request in merged {
        if let Some(target) = final_request(turn, &request.reference).await? {
            found.insert(request.id, target.id);
            requests.entry(target.id).or_insert(target);
        }
    }
    Ok(found)
}

/// Whether a message can be one of our side's: what is looked up for the others would be for nothing.
fn may_be_ours(source: &Source<'_>, message: &Parsed<'_>) -> bool {
    let policy = source.desk.policy;
    source.role == FolderRole::Sent || message.facts.author().is_some_and(|author| policy.is_ours(author))
}

/// A message that was just recorded, as later ones of the batch find it.
pub(super) fn known(
    source: &Source<'_>,
    message: &Parsed<'_>,
    slot: &Slot,
    request: Option<RequestId>,
    judgement: &Judgement,
) -> KnownMessage {
    KnownMessage {
        digest: slot.digest.clone(),
        id: slot.id.0,
        request: request.map_or(0, |request| request.0),
        mailbox: source.desk.policy.name.clone(),
        verdict: judgement.verdict.name().to_owned(),
        reason: judgement.reason.code.to_owned(),
        message_id: message.facts.message_id.clone().unwrap_or_default(),
        size: i64::try_from(message.arrived.size).unwrap_or(i64::MAX),
        email_id: message.arrived.email_id.clone().unwrap_or_default(),
        internal_date: message.times.internal_date.map_or(0, |date| date.timestamp_millis()),
    }
}

/// Whether a further copy of a message may have been put into this mailbox by a hand: the same bytes with the same date of
/// receipt, which COPY and MOVE keep (RFC 9051 §6.4.7), and nothing in it that names this mailbox. A server that delivers
/// or redirects dates anew, or adds its trace; one that delivers to two blind copies at once does neither, so that only
/// when the first copy is gone from its own mailbox the request goes with this one.
pub(super) fn put_by_hand(source: &Source<'_>, message: &Parsed<'_>, first: &KnownMessage) -> bool {
    let facts = message.facts;
    let named = facts.to.iter().chain(&facts.cc).chain(&facts.bcc).chain(&facts.delivered_to).chain(&facts.resent_to);
    let policy = source.desk.policy;
    source.role == FolderRole::Inbox
        && first.mailbox != policy.name
        && u64::try_from(first.size) == Ok(message.arrived.size)
        && message.times.internal_date.is_some_and(|date| date.timestamp_millis() == first.internal_date)
        && !named.into_iter().any(|address| policy.is_mine(address))
}

impl Overlay {
    /// The request that counts for one that may have been merged.
    pub(super) fn counting(&self, id: RequestId) -> RequestId {
        self.merged.get(&id).copied().unwrap_or(id)
    }

    /// The open requests that a mail of ours may answer: those of its recipients whose reference its subject names, or
    /// whose subject is the same and which the mailbox or bureau of the mail answers. People write to several services
    /// under one subject, and the answer of one is not that of another.
    pub(super) fn by_subject(&self, source: &Source<'_>, message: &Parsed<'_>) -> BySubject {
        if !may_be_ours(source, message) {
            return BySubject::default();
        }
        let (facts, sent_at) = (message.facts, official(&message.times).0);
        let subject = normalised(&facts.subject);
        let mut found = BySubject::default();
        for address in facts.to.iter().chain(&facts.cc).chain(&facts.bcc) {
            for awaited in self.awaited.get(&address.canonical()).into_iter().flatten() {
                let Some(request) = self.requests.get(&self.counting(awaited.request)) else { continue };
                let due = request.status == Status::Open && request.received_at <= sent_at;
                if !due || found.alike.iter().any(|known| known.id == request.id) {
                    continue;
                }
                let prefix = request.reference.split('-').next().unwrap_or_default();
                let named = named_reference(&facts.subject, prefix).as_ref() == Some(&request.reference);
                let policy = source.desk.policy;
                let ours = request.mailbox == policy.name || request.bureau == policy.bureau;
                let alike = subject.is_some() && subject == awaited.subject;
                let same = ours && alike && sent_at - request.received_at <= WINDOW;
                if named {
                    found.link = Some(SubjectLink { request: request.id, named });
                } else if !same {
                    continue;
                }
                // The latest of several is the one that is answered; the others are answered with it.
                if found.link.is_none_or(|link| !link.named) {
                    found.link = Some(SubjectLink { request: request.id, named });
                }
                found.alike.push(request.clone());
            }
        }
        found
    }

    /// The messages of the batch on which an agent's mail client may show something, or that lie at another place than before.
    pub(super) fn marked(&self, source: &Source<'_>) -> Vec<MessageId> {
        let means = |rule: &GestureRule| matches!(&rule.sign, Sign::Folder(folder) if *folder == source.cursor.name);
        let in_gesture_folder = source.desk.policy.gestures.iter().any(means);
        let new: HashSet<MessageId> = self.written.messages.iter().map(|message| message.id).collect();
        let shown = self
            .written
            .locations
            .iter()
            .filter(|location| in_gesture_folder || !location.flags.is_empty() || !new.contains(&location.message));
        shown.map(|location| location.message).collect()
    }
}
