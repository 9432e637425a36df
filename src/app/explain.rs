//! What vigie would decide of a message file, and why: the same judgement as for a message that arrives, apart from
//! any store. The message is taken as judged at the moment of its receipt.

use chrono::{DateTime, Utc};

use super::query::MessageView;
use crate::domain::acknowledge::SentCounts;
use crate::domain::classify::{FolderRole, Links};
use crate::domain::decide::{Arrival, Desk, Judgement, Snapshot, judge, parts};
use crate::domain::ledger::rfc3339;
use crate::domain::message::MessageFacts;
use crate::domain::policy::Watch;
use crate::domain::receipt::Times;
use crate::domain::request::{MessageId, RequestId};
use crate::mail::lines::first_lines;
use crate::mail::parse::{parse, split, wants_body};

/// Octets of a report's beginning that are read to know what bounced.
const REPORT_START: usize = 64 * 1024;

/// A message, what was read of it, and what is concluded.
#[derive(Debug, Clone)]
pub struct Explained {
    /// What it says.
    pub facts: MessageFacts,
    /// What is concluded.
    pub judgement: Judgement,
    /// The same as a listing shows it.
    pub view: MessageView,
}

/// Judges a whole message as if it had just arrived in the inbox of the desk's mailbox.
///
/// `received_at` is the moment of receipt; where it is not given, the topmost Received header says it, else the Date
/// header, else `now`. One that lies after `now` says nothing.
#[must_use]
pub fn explain(
    desk: Desk<'_>,
    raw: &[u8],
    file: Option<String>,
    received_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Explained {
    let (header, body) = split(raw);
    let size = u64::try_from(raw.len()).unwrap_or(u64::MAX);
    let mut facts = parse(header, None, size);
    if wants_body(&facts) {
        facts = parse(header, Some(body.get(..REPORT_START).unwrap_or(body)), size);
    }
    if facts.report.is_none() && desk.policy.reads_first_lines() {
        facts.first_lines = first_lines(header, body);
    }
    let received_at =
        [received_at, facts.received, facts.date].into_iter().flatten().find(|at| *at <= now).unwrap_or(now);
    let times = Times {
        internal_date: Some(received_at),
        received: facts.received,
        date: facts.date,
        observed_at: received_at,
    };
    let arrival =
        Arrival { facts: &facts, folder: "INBOX", role: FolderRole::Inbox, times, digest: "", message: MessageId(0) };
    let snapshot = Snapshot {
        watch: Watch::always(),
        links: Links::default(),
        linked: None,
        named: None,
        alike: Vec::new(),
        moved_here: false,
        person: None,
        linked_person: None,
        bounced_mail: None,
        undeliverable: None,
        sent: SentCounts::default(),
        recent: Vec::new(),
        answered_by: None,
        next: (RequestId(0), String::new()),
    };
    let judgement = judge(desk, &arrival, &snapshot, received_at);
    let view = view(desk, file, &facts, &judgement);
    Explained { facts, judgement, view }
}

fn view(desk: Desk<'_>, file: Option<String>, facts: &MessageFacts, judgement: &Judgement) -> MessageView {
    let (acknowledgement, reason) = parts(&judgement.acknowledgement);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    MessageView {
        file,
        message_id: facts.message_id.clone(),
        mailbox: desk.policy.name.clone(),
        folder: Some("INBOX".to_owned()),
        received_at: rfc3339(judgement.received_at),
        from_kind: judgement.from_kind().to_owned(),
        verdict: judgement.verdict.name().to_owned(),
        reason: judgement.reason.code.to_owned(),
        reason_detail: some(&judgement.reason.detail),
        request: None,
        acknowledgement: acknowledgement.to_owned(),
        acknowledgement_reason: reason.code.to_owned(),
        acknowledgement_detail: some(&reason.detail),
        commitment: some(&judgement.commitment),
        due_on: judgement.deadline.as_ref().map(|deadline| deadline.due_on.to_string()),
    }
}
