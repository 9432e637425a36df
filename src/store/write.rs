//! What a turn writes: rows in bulk, because a first run brings twenty-five thousand messages.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::Result;
use super::rows::{
    EffectRow, LedgerRow, RequestRow, effect_columns, ledger_columns, maybe_millis, millis, request_columns,
};
use super::turn::{Turn, on_turn};
use crate::domain::effect::Effect;
use crate::domain::language::language_of;
use crate::domain::ledger::LedgerEntry;
use crate::domain::message::MessageFacts;
use crate::domain::receipt::{Rule, Times};
use crate::domain::request::{MessageId, PersonId, Request, RequestId};
use crate::domain::sighting::FlagSet;
use crate::domain::verdict::Reason;

/// Rows of one INSERT: with the widest table's columns this stays below `SQLite`'s 32 766 parameters.
const ROWS_PER_INSERT: usize = 400;

/// A message as it is stored.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Its place.
    pub id: MessageId,
    /// The digest that stands for it.
    pub digest: String,
    /// The mailbox.
    pub mailbox: String,
    /// The folder in which it was first seen.
    pub folder: String,
    /// Who wrote it.
    pub person: Option<PersonId>,
    /// The domain of the author, where the message is acknowledged or taken for a loop: what loops are told by.
    pub domain: String,
    /// What kind of correspondent wrote it: a requester's name, `ours`, `internal` or `machine`.
    pub from_kind: &'static str,
    /// What it is.
    pub verdict: &'static str,
    /// Why.
    pub reason: Reason,
    /// The request that it belongs to; 0 for none.
    pub request: i64,
    /// The key of the commitment that covers it.
    pub commitment: String,
    /// When its answer is due; empty for never.
    pub due_on: String,
    /// When it was received, officially.
    pub received_at: DateTime<Utc>,
    /// The rule that chose that date.
    pub rule: Rule,
    /// All the times known.
    pub times: Times,
    /// `send`, `withhold` or `none`.
    pub acknowledgement: &'static str,
    /// Why.
    pub acknowledgement_reason: Reason,
    /// The server's identifier of it (RFC 8474), where it gives one.
    pub email_id: Option<String>,
    /// What else of the message is kept.
    pub kept: Kept,
}

/// What is kept of a message's headers besides the judgement.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    message_id: String,
    subject: String,
    thread_refs: String,
    thread_index: String,
    language: String,
    size: i64,
}

impl Kept {
    /// What is kept of a message; the thread headers only where an acknowledgement will need them.
    #[must_use]
    pub fn of(facts: &MessageFacts, acknowledged: bool) -> Self {
        let thread = |text: String| if acknowledged { text } else { String::new() };
        Self {
            message_id: facts.message_id.clone().unwrap_or_default(),
            subject: without_nul(&facts.subject),
            thread_refs: thread(facts.references.join(" ")),
            thread_index: thread(facts.thread_index.clone().unwrap_or_default()),
            language: language_of(facts),
            size: i64::try_from(facts.size).unwrap_or(i64::MAX),
        }
    }
}

/// PostgreSQL's TEXT refuses the NUL character.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Where a message lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationRow {
    /// The folder's place in the store.
    pub folder: i64,
    /// The folder's UIDVALIDITY.
    pub uid_validity: i64,
    /// The message's UID.
    pub uid: i64,
    /// The message.
    pub message: MessageId,
    /// When it was seen there.
    pub seen_at: DateTime<Utc>,
    /// The flags that it bears there.
    pub flags: FlagSet,
}

/// Inserts rows in statements of [`ROWS_PER_INSERT`], the same text on both databases.
macro_rules! insert_all {
    ($turn:expr, $head:expr, $tail:expr, $rows:expr, |$b:ident, $row:ident| $bind:expr) => {
        for chunk in $rows.chunks(ROWS_PER_INSERT) {
            on_turn!($turn, connection => {
                let mut builder = QueryBuilder::new($head);
                builder.push_values(chunk.iter().cloned(), |mut $b, $row| { $bind; });
                builder.push($tail);
                builder.build().execute(connection).await.map(drop)
            })?;
        }
    };
}

impl Turn {
    pub(super) async fn insert_entries(&mut self, entries: &[LedgerEntry]) -> Result<()> {
        let rows: Vec<LedgerRow> = entries.iter().map(LedgerRow::from).collect();
        insert_all!(self, concat!("INSERT INTO ledger (", ledger_columns!(), ") "), "", rows, |b, row| {
            let (seq, occurred_at, recorded_at, texts) = row.values();
            b.push_bind(seq).push_bind(occurred_at).push_bind(recorded_at);
            for text in texts {
                b.push_bind(without_nul(&text));
            }
        });
        Ok(())
    }

    /// Stores messages.
    pub async fn insert_messages(&mut self, rows: &[MessageRow]) -> Result<()> {
        const HEAD: &str = "INSERT INTO message (id, digest, message_id, mailbox, folder, person, domain, subject, \
             thread_refs, thread_index, language, from_kind, verdict, reason, reason_detail, request, commitment, due_on, \
             received_at, received_rule, internal_date, header_date, received_header, observed_at, size, \
             acknowledgement, acknowledgement_reason, acknowledgement_detail, email_id) ";
        insert_all!(self, HEAD, "", rows, |b, row| {
            b.push_bind(row.id.0).push_bind(row.digest).push_bind(without_nul(&row.kept.message_id));
            b.push_bind(row.mailbox).push_bind(row.folder).push_bind(row.person.map_or(0, |person| person.0));
            b.push_bind(row.domain);
            b.push_bind(row.kept.subject).push_bind(without_nul(&row.kept.thread_refs));
            b.push_bind(without_nul(&row.kept.thread_index)).push_bind(without_nul(&row.kept.language));
            b.push_bind(row.from_kind)
                .push_bind(row.verdict)
                .push_bind(row.reason.code)
                .push_bind(without_nul(&row.reason.detail));
            b.push_bind(row.request).push_bind(row.commitment).push_bind(row.due_on);
            b.push_bind(millis(row.received_at)).push_bind(row.rule.name());
            b.push_bind(maybe_millis(row.times.internal_date)).push_bind(maybe_millis(row.times.date));
            b.push_bind(maybe_millis(row.times.received)).push_bind(millis(row.times.observed_at));
            b.push_bind(row.kept.size).push_bind(row.acknowledgement).push_bind(row.acknowledgement_reason.code);
            b.push_bind(without_nul(&row.acknowledgement_reason.detail));
            b.push_bind(without_nul(&row.email_id.unwrap_or_default()));
        });
        Ok(())
    }

    /// Stores where messages lie; a place that is known already is seen again, with the message that lies there now: a
    /// server restored from a backup gives its UIDs a second time.
    pub async fn insert_locations(&mut self, rows: &[LocationRow]) -> Result<()> {
        const HEAD: &str = "INSERT INTO location (folder, uid_validity, uid, message, seen_at, gone_at, flags) ";
        const TAIL: &str = " ON CONFLICT (folder, uid_validity, uid) DO UPDATE SET \
             seen_at = CASE WHEN location.message = excluded.message THEN location.seen_at ELSE excluded.seen_at END, \
             message = excluded.message, gone_at = 0, flags = excluded.flags";
        insert_all!(self, HEAD, TAIL, rows, |b, row| {
            b.push_bind(row.folder).push_bind(row.uid_validity).push_bind(row.uid);
            b.push_bind(row.message.0).push_bind(millis(row.seen_at)).push_bind(0_i64);
            b.push_bind(row.flags.text());
        });
        Ok(())
    }

    /// Stores requests as they have become; of several states of one request the last counts.
    pub async fn save_requests(&mut self, requests: &[Request]) -> Result<()> {
        const HEAD: &str = concat!("INSERT INTO request (", request_columns!(), ") ");
        const TAIL: &str = " ON CONFLICT (id) DO UPDATE SET mailbox = excluded.mailbox, \
             bureau = excluded.bureau, requester = excluded.requester, nature = excluded.nature, \
             commitment = excluded.commitment, day_limit = excluded.day_limit, due_on = excluded.due_on, \
             due_at = excluded.due_at, calendar_revision = excluded.calendar_revision, flagged = excluded.flagged, \
             status = excluded.status, settled_at = excluded.settled_at, evidence = excluded.evidence, \
             confidence = excluded.confidence, acknowledgement = excluded.acknowledgement, \
             acknowledged_at = excluded.acknowledged_at, alert_level = excluded.alert_level, \
             next_alert_at = excluded.next_alert_at, holding_at = excluded.holding_at, \
             substantive_at = excluded.substantive_at, incomplete_since = excluded.incomplete_since, \
             suspended_days = excluded.suspended_days, merged_into = excluded.merged_into, \
             deleted_at = excluded.deleted_at, forwarded_at = excluded.forwarded_at, gesture = excluded.gesture, \
             alert_cleared = excluded.alert_cleared";
        let mut seen = HashSet::new();
        let last: Vec<&Request> = requests.iter().rev().filter(|request| seen.insert(request.id)).collect();
        let rows: Vec<RequestRow> = last.into_iter().rev().map(RequestRow::from).collect();
        insert_all!(self, HEAD, TAIL, rows, |b, row| {
            b.push_bind(row.id).push_bind(row.reference).push_bind(row.mailbox).push_bind(row.bureau);
            b.push_bind(row.message).push_bind(row.person).push_bind(row.requester).push_bind(row.nature);
            b.push_bind(row.commitment).push_bind(row.day_limit).push_bind(row.received_at).push_bind(row.due_on);
            b.push_bind(row.due_at).push_bind(row.calendar_revision).push_bind(row.again_of);
            b.push_bind(row.backlog).push_bind(row.flagged).push_bind(row.status).push_bind(row.settled_at);
            b.push_bind(row.evidence).push_bind(row.confidence).push_bind(row.acknowledgement);
            b.push_bind(row.acknowledged_at).push_bind(row.alert_level).push_bind(row.next_alert_at);
            b.push_bind(row.holding_at).push_bind(row.substantive_at).push_bind(row.incomplete_since);
            b.push_bind(row.suspended_days).push_bind(row.merged_into).push_bind(row.deleted_at);
            b.push_bind(row.forwarded_at).push_bind(row.gesture).push_bind(row.alert_cleared);
        });
        Ok(())
    }

    /// Puts mails into the queue, each with the Message-ID that it will carry; one that is known already stays as it is.
    pub async fn queue(&mut self, effects: &[(Effect, String)]) -> Result<()> {
        const HEAD: &str = concat!("INSERT INTO effect (", effect_columns!(), ") ");
        const TAIL: &str = " ON CONFLICT (id) DO NOTHING";
        let rows: Vec<EffectRow> = effects.iter().map(|(effect, id)| EffectRow::pending(effect, id.clone())).collect();
        insert_all!(self, HEAD, TAIL, rows, |b, row| {
            b.push_bind(row.id).push_bind(row.kind).push_bind(row.mailbox).push_bind(row.bureau);
            b.push_bind(row.request)
                .push_bind(row.recipients)
                .push_bind(row.domain)
                .push_bind(row.about)
                .push_bind(row.level);
            b.push_bind(row.message_id).push_bind(row.created_at).push_bind(row.due_at).push_bind(row.warn_at);
            b.push_bind(row.state);
            b.push_bind(row.holder).push_bind(row.attempts).push_bind(row.unknowns);
            b.push_bind(row.settled_at).push_bind(row.answer);
        });
        Ok(())
    }

    /// Remembers answers of ours whose request is not known yet: the Message-IDs that each names.
    pub async fn insert_early_replies(&mut self, rows: &[(String, MessageId)]) -> Result<()> {
        const HEAD: &str = "INSERT INTO early_reply (parent, message) ";
        const TAIL: &str = " ON CONFLICT (parent, message) DO NOTHING";
        insert_all!(self, HEAD, TAIL, rows, |b, row| {
            b.push_bind(without_nul(&row.0)).push_bind(row.1.0);
        });
        Ok(())
    }

    /// Attaches a message that is already stored to a request, as the answer it turned out to be.
    pub async fn attach_reply(&mut self, digest: &str, request: i64) -> Result<()> {
        on_turn!(self, connection => sqlx::query(ATTACH_REPLY)
            .bind(request)
            .bind(digest.to_owned())
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Puts a message that is already stored under another request.
    pub async fn relink(&mut self, digest: &str, request: RequestId) -> Result<()> {
        on_turn!(self, connection => sqlx::query(RELINK)
            .bind(request.0)
            .bind(digest.to_owned())
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }
}

/// Puts a stored message under another request.
pub(super) const RELINK: &str = "UPDATE message SET request = $1 WHERE digest = $2";
/// Attaches a stored message to a request as its reply.
pub(super) const ATTACH_REPLY: &str =
    "UPDATE message SET request = $1, verdict = 'reply', reason = 'answers_known_request' WHERE digest = $2";
