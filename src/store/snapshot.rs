//! One consistent view of the whole database: a reading transaction that sees nothing of what is written meanwhile.
//!
//! The verifier and the exports read through it, so that the daemon may go on writing. Every read is a page.

use sqlx::{Postgres, Sqlite, Transaction};

use super::load::digest_under;
use super::register::RegisterItem;
use super::rows::LedgerRow;
use super::{Error, Result, Store};
use crate::domain::breaker::Breaker;
use crate::domain::ledger::{Head, LedgerEntry, unhex};

/// Rows of a table read at a time.
const ROWS_PER_PAGE: i64 = 5_000;

/// A reading transaction of either database.
pub struct Snapshot {
    connection: Connection,
}

enum Connection {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs the same expression on the snapshot's connection of either database.
macro_rules! on_snapshot {
    ($snapshot:expr, $connection:ident => $body:expr) => {
        match &mut $snapshot.connection {
            Connection::Sqlite(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
            Connection::Postgres(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
        }
    };
}

/// A row of `request` beside the digests that stand for its message and requester.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RequestFacts {
    /// Its place in the store.
    pub id: i64,
    /// What people call it.
    pub reference: String,
    /// The mailbox that received it.
    pub mailbox: String,
    /// The bureau that answers.
    pub bureau: String,
    /// The digest of the message that opened it; empty once that message's row was purged.
    pub message: String,
    /// The keyed digest of the requester; empty once the person was forgotten.
    pub person: String,
    /// The reference of the request that it continues; empty for none, `?` for one that is gone.
    pub again_of: String,
    /// What kind of person asks.
    pub requester: String,
    /// What is asked.
    pub nature: String,
    /// The key of its commitment.
    pub commitment: String,
    /// Its limit in working days.
    pub day_limit: i64,
    /// When its message was received, in milliseconds.
    pub received_at: i64,
    /// The last civil day on which an answer is in time.
    pub due_on: String,
    /// The first instant at which an answer is late, in milliseconds.
    pub due_at: i64,
    /// The revision of the calendar that dated it.
    pub calendar_revision: String,
    /// Whether it came before the watch began.
    pub backlog: i64,
    /// Whether a human has to look.
    pub flagged: i64,
    /// Where it stands.
    pub status: String,
    /// When it was settled, in milliseconds; 0 for not yet.
    pub settled_at: i64,
    /// What proves the answer.
    pub evidence: String,
    /// How strongly.
    pub confidence: String,
    /// When our side first answered without stopping the clock, in milliseconds; 0 for never. So are the three that follow.
    pub holding_at: i64,
    /// When our side first answered on the substance.
    pub substantive_at: i64,
    /// Since when pieces are missing.
    pub incomplete_since: i64,
    /// Working days by which the limit was put off because pieces were missing.
    pub suspended_days: i64,
    /// The reference of the request into which it was merged; empty for none.
    pub merged_into: String,
    /// When its message was found to be gone, in milliseconds; 0 for never.
    pub deleted_at: i64,
    /// When our side forwarded it, in milliseconds; 0 for never.
    pub forwarded_at: i64,
    /// Where its acknowledgement stands.
    pub acknowledgement: String,
    /// When the relay took it, in milliseconds; 0 for not yet.
    pub acknowledged_at: i64,
    /// The most urgent alert level raised and not cleared; empty for none.
    pub alert_level: String,
    /// When its requester was forgotten, in milliseconds; 0 for never.
    pub forgotten_at: i64,
}

/// A row of `message` without what is kept of its headers.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MessageFactsRow {
    /// Its place in the store.
    pub id: i64,
    /// The digest that stands for it.
    pub digest: String,
    /// The mailbox.
    pub mailbox: String,
    /// The folder in which it was first seen.
    pub folder: String,
    /// What it is.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// What the reason saw; empty once it was forgotten.
    pub reason_detail: String,
    /// What kind of correspondent wrote it.
    pub from_kind: String,
    /// The key of the commitment that covers it; empty for none.
    pub commitment: String,
    /// The last civil day on which an answer is in time; empty for none.
    pub due_on: String,
    /// The keyed digest of its author; empty for none, and once the person was forgotten.
    pub person: String,
    /// The reference of its request; empty for none.
    pub request: String,
    /// When it was received, in milliseconds.
    pub received_at: i64,
    /// The rule that chose that date.
    pub received_rule: String,
    /// Its INTERNALDATE, in milliseconds.
    pub internal_date: i64,
    /// Its Date header, in milliseconds; 0 for none.
    pub header_date: i64,
    /// Its top trusted Received header, in milliseconds; 0 for none.
    pub received_header: i64,
    /// When vigie saw it, in milliseconds.
    pub observed_at: i64,
    /// `send`, `withhold` or `none`.
    pub acknowledgement: String,
    /// Why.
    pub acknowledgement_reason: String,
    /// What that reason saw; empty once it was forgotten.
    pub acknowledgement_detail: String,
    /// When what is personal of it was forgotten, in milliseconds; 0 for never.
    pub forgotten_at: i64,
}

/// A row of `effect` without addresses.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EffectFacts {
    /// The mail's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The mailbox in whose name it goes; empty for none.
    pub mailbox: String,
    /// The reference of its request; empty for none.
    pub request: String,
    /// The Message-ID that it carries.
    pub message_id: String,
    /// How many attempts were made to send it.
    pub attempts: i64,
    /// The digest of the text that was accepted; empty for none.
    pub text_digest: String,
    /// When a report said that it did not arrive, in milliseconds; 0 for never.
    pub bounced_at: i64,
    /// The status code of that report; empty for none.
    pub bounce_status: String,
    /// `pending`, `sending`, `accepted`, `refused`, `unknown`, `held` or `withdrawn`.
    pub state: String,
    /// When it was settled, in milliseconds; 0 for not yet.
    pub settled_at: i64,
}

/// A row of `mailbox`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MailboxFacts {
    /// Its name.
    pub name: String,
    /// Its mode.
    pub mode: String,
    /// Since when it is watched, in milliseconds.
    pub watched_since: i64,
    /// Since when it is acknowledged, in milliseconds; 0 for never.
    pub acknowledging_since: i64,
    /// Since when it cannot be read, in milliseconds; 0 for readable.
    pub blind_since: i64,
    /// Whether that was reported.
    pub blind_reported: i64,
}

/// A row of `person` without the name.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PersonFacts {
    /// The keyed digest that stands for them.
    pub digest: String,
    /// The key of the digest.
    pub key: String,
    /// Their address.
    pub address: String,
    /// Since when the address is undeliverable, in milliseconds; 0 for deliverable.
    pub undeliverable_at: i64,
}

/// A row of `note`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NoteFacts {
    /// The keyed digest that stands for it.
    pub digest: String,
    /// The key of the digest.
    pub key: String,
    /// What an agent wrote.
    pub text: String,
    /// The reference of its request; empty where there is none.
    pub request: String,
    /// When it was written, in milliseconds.
    pub written_at: i64,
}

/// A row of `tombstone`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TombstoneFacts {
    /// The digest of the message whose row was purged.
    pub digest: String,
    /// The mailbox.
    pub mailbox: String,
    /// What it was.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

impl PersonFacts {
    /// Whether the digest is the address's.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        is_digest_of(&self.digest, &self.key, &self.address)
    }
}

impl NoteFacts {
    /// Whether the digest is the text's.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        is_digest_of(&self.digest, &self.key, &self.text)
    }
}

fn is_digest_of(digest: &str, key: &str, text: &str) -> bool {
    unhex(key).and_then(|key| digest_under(&key, text).ok()).is_some_and(|own| own == digest)
}

impl Store {
    /// Begins a reading transaction. An embedded database in memory has one connection: nothing else may be asked of it
    /// until the snapshot is dropped.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let connection = match self {
            Self::Sqlite { read, .. } => Connection::Sqlite(read.begin().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.begin_with(BEGIN_POSTGRES).await?),
        };
        Ok(Snapshot { connection })
    }
}

impl Snapshot {
    /// The ledger's head.
    pub async fn head(&mut self) -> Result<Head> {
        let (seq, hash): (i64, String) =
            on_snapshot!(self, connection => sqlx::query_as(super::queries::HEAD).fetch_one(connection).await)?;
        Ok(Head { seq, hash })
    }

    /// Entries after a place, in order, at most a page; empty at the end.
    pub async fn ledger_after(&mut self, seq: i64) -> Result<Vec<LedgerEntry>> {
        let rows: Vec<LedgerRow> = on_snapshot!(self, connection => sqlx::query_as(super::queries::LEDGER_AFTER)
            .bind(seq)
            .bind(super::queries::LEDGER_PAGE)
            .fetch_all(connection)
            .await)?;
        Ok(rows.into_iter().map(LedgerEntry::from).collect())
    }

    /// Entries that stand before the first place, where none ever does.
    pub async fn entries_before_the_first(&mut self) -> Result<i64> {
        on_snapshot!(self, connection => sqlx::query_scalar(ENTRIES_BEFORE).fetch_one(connection).await)
            .map_err(Error::from)
    }

    /// Requests after a place in the store, in order, at most a page; empty at the end.
    pub async fn requests_after(&mut self, id: &i64) -> Result<Vec<RequestFacts>> {
        on_snapshot!(self, connection => sqlx::query_as(REQUESTS_AFTER)
            .bind(*id)
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// Messages after a place in the store, in order, at most a page; empty at the end.
    pub async fn messages_after(&mut self, id: &i64) -> Result<Vec<MessageFactsRow>> {
        on_snapshot!(self, connection => sqlx::query_as(MESSAGES_AFTER)
            .bind(*id)
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// Mails after an id, in the order of ids, at most a page; empty at the end.
    pub async fn effects_after(&mut self, id: &str) -> Result<Vec<EffectFacts>> {
        self.page_after(EFFECTS_AFTER, id).await
    }

    /// Persons after a digest, in the order of digests, at most a page; empty at the end.
    pub async fn persons_after(&mut self, digest: &str) -> Result<Vec<PersonFacts>> {
        self.page_after(PERSONS_AFTER, digest).await
    }

    /// Notes after a digest, in the order of digests, at most a page; empty at the end.
    pub async fn notes_after(&mut self, digest: &str) -> Result<Vec<NoteFacts>> {
        self.page_after(NOTES_AFTER, digest).await
    }

    /// What is left of purged messages after a digest, in the order of digests, at most a page; empty at the end.
    pub async fn tombstones_after(&mut self, digest: &str) -> Result<Vec<TombstoneFacts>> {
        self.page_after(TOMBSTONES_AFTER, digest).await
    }

    /// The registers' items after a reference, in the order of references, at most a page; empty at the end.
    pub async fn items_after(&mut self, reference: &str) -> Result<Vec<RegisterItem>> {
        self.page_after(super::register::ITEMS_AFTER, reference).await
    }

    async fn page_after<Row>(&mut self, sql: &'static str, last: &str) -> Result<Vec<Row>>
    where
        Row: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        on_snapshot!(self, connection => sqlx::query_as(sql)
            .bind(last.to_owned())
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// The breaker.
    pub async fn breaker(&mut self) -> Result<Breaker> {
        on_snapshot!(self, connection => sqlx::query_as(super::breaker::BREAKER).fetch_one(connection).await)
            .map(super::breaker::read)
            .map_err(Error::from)
    }

    /// All mailboxes, by name.
    pub async fn mailboxes(&mut self) -> Result<Vec<MailboxFacts>> {
        on_snapshot!(self, connection => sqlx::query_as(MAILBOXES).fetch_all(connection).await).map_err(Error::from)
    }
}

/// PostgreSQL's snapshot; `SQLite`'s begins with the first read of its transaction.
const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
pub(super) const ENTRIES_BEFORE: &str = "SELECT COUNT(*) FROM ledger WHERE seq <= 0";
pub(super) const REQUESTS_AFTER: &str = "SELECT r.id, r.reference, r.mailbox, r.bureau, \
     COALESCE(m.digest, '') AS message, COALESCE(p.digest, CASE WHEN r.person = 0 THEN '' ELSE '?' END) AS person, \
     COALESCE(a.reference, CASE WHEN r.again_of = 0 THEN '' ELSE '?' END) AS again_of, \
     r.requester, r.nature, r.commitment, r.day_limit, r.received_at, r.due_on, r.due_at, r.calendar_revision, \
     r.backlog, r.flagged, r.status, r.settled_at, r.evidence, r.confidence, r.acknowledgement, r.acknowledged_at, \
     r.holding_at, r.substantive_at, r.incomplete_since, r.suspended_days, r.merged_into, r.deleted_at, r.forwarded_at, \
     CASE WHEN r.alert_level = 9999 THEN '' ELSE CAST(r.alert_level AS TEXT) END AS alert_level, r.forgotten_at FROM request r LEFT JOIN message m ON m.id = r.message LEFT JOIN person p ON p.id = r.person \
     LEFT JOIN request a ON a.id = r.again_of AND r.again_of <> 0 WHERE r.id > $1 ORDER BY r.id LIMIT $2";
pub(super) const MESSAGES_AFTER: &str = "SELECT m.id, m.digest, m.mailbox, m.folder, m.verdict, m.reason, \
     COALESCE(r.reference, CASE WHEN m.request = 0 THEN '' ELSE '?' END) AS request, m.received_at, \
     m.received_rule, m.internal_date, m.header_date, m.received_header, m.observed_at, \
     m.acknowledgement, m.acknowledgement_reason, m.reason_detail, m.acknowledgement_detail, m.from_kind, m.commitment, \
     m.due_on, COALESCE(p.digest, CASE WHEN m.person = 0 THEN '' ELSE '?' END) AS person, m.forgotten_at \
     FROM message m LEFT JOIN person p ON p.id = m.person AND m.person <> 0 LEFT JOIN request r ON r.id = m.request AND m.request <> 0 WHERE m.id > $1 ORDER BY m.id LIMIT $2";
pub(super) const EFFECTS_AFTER: &str = "SELECT e.id, e.kind, e.mailbox, COALESCE(r.reference, CASE WHEN e.request = 0 THEN '' ELSE '?' END) AS request, e.message_id, e.state, e.attempts, \
     e.settled_at, e.text_digest, e.bounced_at, e.bounce_status FROM effect e \
     LEFT JOIN request r ON r.id = e.request AND e.request <> 0 WHERE e.id > $1 ORDER BY e.id LIMIT $2";
pub(super) const PERSONS_AFTER: &str =
    "SELECT digest, key, address, undeliverable_at FROM person WHERE digest > $1 ORDER BY digest LIMIT $2";
pub(super) const NOTES_AFTER: &str = "SELECT n.digest, n.key, n.text, COALESCE(r.reference, '') AS request, n.written_at \
     FROM note n LEFT JOIN request r ON r.id = n.request WHERE n.digest > $1 ORDER BY n.digest LIMIT $2";
pub(super) const TOMBSTONES_AFTER: &str =
    "SELECT digest, mailbox, verdict, reason FROM tombstone WHERE digest > $1 ORDER BY digest LIMIT $2";

pub(super) const MAILBOXES: &str =
    "SELECT name, mode, watched_since, acknowledging_since, blind_since, blind_reported FROM mailbox ORDER BY name";
