//! Rows as the tables hold them, and their way to and from the domain.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};

use super::Error;
use crate::domain::address::Address;
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::evidence::{Confidence, Evidence};
use crate::domain::ledger::LedgerEntry;
use crate::domain::policy::{Nature, Requester};
use crate::domain::request::{AcknowledgementState, MessageId, PersonId, Request, RequestId, Status};

/// Stands for "no alert raised" in `request.alert_level`.
const NO_LEVEL: i64 = 9_999;
/// Separates the items of a list in one column; no address and no reference holds it.
const LIST_SEPARATOR: char = '\n';

/// An instant from its column.
pub(super) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// An instant from its column; 0 stands for none.
pub(super) fn maybe_instant(millis: i64) -> Option<DateTime<Utc>> {
    (millis != 0).then(|| instant(millis))
}

/// An instant as its column holds it.
pub(super) fn millis(instant: DateTime<Utc>) -> i64 {
    instant.trunc_subsecs(3).timestamp_millis()
}

/// An instant that may be missing, as its column holds it.
pub(super) fn maybe_millis(instant: Option<DateTime<Utc>>) -> i64 {
    instant.map_or(0, millis)
}

fn named<T>(
    table: &'static str,
    column: &'static str,
    value: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, Error> {
    read(value).ok_or_else(|| Error::Corrupt { table, column, value: value.to_owned() })
}

fn maybe_named<T>(
    table: &'static str,
    column: &'static str,
    value: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    if value.is_empty() { Ok(None) } else { named(table, column, value, read).map(Some) }
}

/// A civil day from its column.
pub(super) fn day(table: &'static str, column: &'static str, value: &str) -> Result<NaiveDate, Error> {
    named(table, column, value, |text| text.parse().ok())
}

/// The columns of `request`, in the order of every SELECT and INSERT.
macro_rules! request_columns {
    () => {
        "id, reference, mailbox, bureau, message, person, requester, nature, \
     commitment, day_limit, received_at, due_on, due_at, calendar_revision, again_of, backlog, flagged, status, \
     settled_at, evidence, confidence, acknowledgement, acknowledged_at, alert_level, next_alert_at, \
     holding_at, substantive_at, incomplete_since, suspended_days, merged_into, deleted_at, forwarded_at, gesture, alert_cleared"
    };
}
pub(super) use request_columns;

/// A row of `request`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct RequestRow {
    pub id: i64,
    pub reference: String,
    pub mailbox: String,
    pub bureau: String,
    pub message: i64,
    pub person: i64,
    pub requester: String,
    pub nature: String,
    pub commitment: String,
    pub day_limit: i64,
    pub received_at: i64,
    pub due_on: String,
    pub due_at: i64,
    pub calendar_revision: String,
    pub again_of: i64,
    pub backlog: i64,
    pub flagged: i64,
    pub status: String,
    pub settled_at: i64,
    pub evidence: String,
    pub confidence: String,
    pub acknowledgement: String,
    pub acknowledged_at: i64,
    pub alert_level: i64,
    pub next_alert_at: i64,
    pub holding_at: i64,
    pub substantive_at: i64,
    pub incomplete_since: i64,
    pub suspended_days: i64,
    pub merged_into: String,
    pub deleted_at: i64,
    pub forwarded_at: i64,
    pub gesture: i64,
    pub alert_cleared: i64,
}

impl RequestRow {
    /// The request that the row holds.
    pub(super) fn into_domain(self) -> Result<Request, Error> {
        const TABLE: &str = "request";
        Ok(Request {
            id: RequestId(self.id),
            message: MessageId(self.message),
            person: (self.person != 0).then_some(PersonId(self.person)),
            requester: named(TABLE, "requester", &self.requester, Requester::from_name)?,
            nature: named(TABLE, "nature", &self.nature, Nature::from_name)?,
            limit: named(TABLE, "day_limit", &self.day_limit.to_string(), |text| text.parse().ok())?,
            received_at: instant(self.received_at),
            due_on: day(TABLE, "due_on", &self.due_on)?,
            due_at: instant(self.due_at),
            again_of: (self.again_of != 0).then_some(RequestId(self.again_of)),
            backlog: self.backlog != 0,
            flagged: self.flagged != 0,
            status: named(TABLE, "status", &self.status, Status::from_name)?,
            settled_at: maybe_instant(self.settled_at),
            evidence: maybe_named(TABLE, "evidence", &self.evidence, Evidence::from_name)?,
            confidence: maybe_named(TABLE, "confidence", &self.confidence, Confidence::from_name)?,
            acknowledgement: named(TABLE, "acknowledgement", &self.acknowledgement, AcknowledgementState::from_name)?,
            acknowledged_at: maybe_instant(self.acknowledged_at),
            alert_level: (self.alert_level != NO_LEVEL).then_some(self.alert_level),
            next_alert_at: maybe_instant(self.next_alert_at),
            alert_cleared: self.alert_cleared != 0,
            holding_at: maybe_instant(self.holding_at),
            substantive_at: maybe_instant(self.substantive_at),
            incomplete_since: maybe_instant(self.incomplete_since),
            suspended_days: named(TABLE, "suspended_days", &self.suspended_days.to_string(), |text| text.parse().ok())?,
            merged_into: (!self.merged_into.is_empty()).then_some(self.merged_into),
            deleted_at: maybe_instant(self.deleted_at),
            forwarded_at: maybe_instant(self.forwarded_at),
            gesture: (self.gesture != 0).then_some(MessageId(self.gesture)),
            reference: self.reference,
            mailbox: self.mailbox,
            bureau: self.bureau,
            commitment: self.commitment,
            calendar_revision: self.calendar_revision,
        })
    }
}

impl From<&Request> for RequestRow {
    fn from(request: &Request) -> Self {
        Self {
            id: request.id.0,
            reference: request.reference.clone(),
            mailbox: request.mailbox.clone(),
            bureau: request.bureau.clone(),
            message: request.message.0,
            person: request.person.map_or(0, |person| person.0),
            requester: request.requester.name().to_owned(),
            nature: request.nature.name().to_owned(),
            commitment: request.commitment.clone(),
            day_limit: i64::from(request.limit),
            received_at: millis(request.received_at),
            due_on: request.due_on.to_string(),
            due_at: millis(request.due_at),
            calendar_revision: request.calendar_revision.clone(),
            again_of: request.again_of.map_or(0, |of| of.0),
            backlog: i64::from(request.backlog),
            flagged: i64::from(request.flagged),
            status: request.status.name().to_owned(),
            settled_at: maybe_millis(request.settled_at),
            evidence: request.evidence.map_or("", Evidence::name).to_owned(),
            confidence: request.confidence.map_or("", Confidence::name).to_owned(),
            acknowledgement: request.acknowledgement.name().to_owned(),
            acknowledged_at: maybe_millis(request.acknowledged_at),
            alert_level: request.alert_level.unwrap_or(NO_LEVEL),
            next_alert_at: maybe_millis(request.next_alert_at),
            holding_at: maybe_millis(request.holding_at),
            substantive_at: maybe_millis(request.substantive_at),
            incomplete_since: maybe_millis(request.incomplete_since),
            suspended_days: i64::from(request.suspended_days),
            merged_into: request.merged_into.clone().unwrap_or_default(),
            deleted_at: maybe_millis(request.deleted_at),
            forwarded_at: maybe_millis(request.forwarded_at),
            gesture: request.gesture.map_or(0, |message| message.0),
            alert_cleared: i64::from(request.alert_cleared),
        }
    }
}

/// The columns of `effect`, in the order of every SELECT and INSERT.
macro_rules! effect_columns {
    () => {
        "id, kind, mailbox, bureau, request, recipients, domain, about, level, message_id, \
     created_at, due_at, warn_at, state, holder, attempts, unknowns, settled_at, answer"
    };
}
pub(super) use effect_columns;

/// A row of `effect`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EffectRow {
    /// The mail's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The mailbox in whose name it goes.
    pub mailbox: String,
    /// The bureau to which it goes.
    pub bureau: String,
    /// The request that it acknowledges; 0 for none.
    pub request: i64,
    /// To whom, one a line.
    pub recipients: String,
    /// The domain of the requester to whom it goes; empty for mails to agents.
    pub domain: String,
    /// What it is about, one a line.
    pub about: String,
    /// The alert level.
    pub level: i64,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// When it was decided.
    pub created_at: i64,
    /// Not to be sent before.
    pub due_at: i64,
    /// When to warn that it has not left; 0 for never.
    pub warn_at: i64,
    /// `pending`, `sending`, `accepted`, `refused`, `unknown`, `held`.
    pub state: String,
    /// The node that sends it.
    pub holder: String,
    /// Attempts so far.
    pub attempts: i64,
    /// Attempts that ended in the unknown.
    pub unknowns: i64,
    /// When it was settled; 0 for not yet.
    pub settled_at: i64,
    /// The relay's last answer.
    pub answer: String,
}

impl EffectRow {
    /// The mail as decided.
    pub fn to_domain(&self) -> Result<Effect, Error> {
        const TABLE: &str = "effect";
        let recipients = lines(&self.recipients);
        let addresses = recipients.iter().map(|text| named(TABLE, "recipients", text, Address::parse));
        Ok(Effect {
            id: self.id.clone(),
            kind: named(TABLE, "kind", &self.kind, EffectKind::from_name)?,
            mailbox: self.mailbox.clone(),
            bureau: self.bureau.clone(),
            request: (self.request != 0).then_some(RequestId(self.request)),
            recipients: addresses.collect::<Result<_, _>>()?,
            about: lines(&self.about),
            level: (self.level != NO_LEVEL).then_some(self.level),
            created_at: instant(self.created_at),
            due_at: instant(self.due_at),
            warn_at: maybe_instant(self.warn_at),
        })
    }

    /// The row of a mail that was just decided.
    pub(super) fn pending(effect: &Effect, message_id: String) -> Self {
        let recipients: Vec<String> = effect.recipients.iter().map(ToString::to_string).collect();
        let public = effect.kind.is_public();
        let domain = effect.recipients.first().filter(|_| public).map(|to| to.domain().to_owned());
        Self {
            id: effect.id.clone(),
            kind: effect.kind.name().to_owned(),
            mailbox: effect.mailbox.clone(),
            bureau: effect.bureau.clone(),
            request: effect.request.map_or(0, |request| request.0),
            recipients: recipients.join("\n"),
            domain: domain.unwrap_or_default(),
            about: effect.about.join("\n"),
            level: effect.level.unwrap_or(NO_LEVEL),
            message_id,
            created_at: millis(effect.created_at),
            due_at: millis(effect.due_at),
            warn_at: maybe_millis(effect.warn_at),
            state: "pending".to_owned(),
            holder: String::new(),
            attempts: 0,
            unknowns: 0,
            settled_at: 0,
            answer: String::new(),
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split(LIST_SEPARATOR).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The columns of `ledger`, in the order of every SELECT and INSERT.
macro_rules! ledger_columns {
    () => {
        "seq, occurred_at, recorded_at, kind, mailbox, request, payload, previous, hash"
    };
}
pub(super) use ledger_columns;

/// A row of `ledger`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LedgerRow {
    seq: i64,
    occurred_at: i64,
    recorded_at: i64,
    kind: String,
    mailbox: String,
    request: String,
    payload: String,
    previous: String,
    hash: String,
}

impl From<LedgerRow> for LedgerEntry {
    fn from(row: LedgerRow) -> Self {
        let some = |text: String| (!text.is_empty()).then_some(text);
        Self {
            seq: row.seq,
            occurred_at: instant(row.occurred_at),
            recorded_at: instant(row.recorded_at),
            kind: row.kind,
            mailbox: some(row.mailbox),
            request: some(row.request),
            payload: row.payload,
            previous: row.previous,
            hash: row.hash,
        }
    }
}

impl From<&LedgerEntry> for LedgerRow {
    fn from(entry: &LedgerEntry) -> Self {
        Self {
            seq: entry.seq,
            occurred_at: millis(entry.occurred_at),
            recorded_at: millis(entry.recorded_at),
            kind: entry.kind.clone(),
            mailbox: entry.mailbox.clone().unwrap_or_default(),
            request: entry.request.clone().unwrap_or_default(),
            payload: entry.payload.clone(),
            previous: entry.previous.clone(),
            hash: entry.hash.clone(),
        }
    }
}

impl LedgerRow {
    /// The values in the order of the columns.
    pub(super) fn values(self) -> (i64, i64, i64, [String; 6]) {
        let texts = [self.kind, self.mailbox, self.request, self.payload, self.previous, self.hash];
        (self.seq, self.occurred_at, self.recorded_at, texts)
    }
}
