//! One consistent view of the whole database: a reading transaction that sees nothing of what is written meanwhile.
//!
//! The verifier and the exports read through it, so that the daemon may go on writing. Every read is a page.

use sqlx::{Postgres, Sqlite, Transaction};

use super::rows::LedgerRow;
use super::{Error, Result, Store};
use crate::domain::ledger::{Head, LedgerEntry};

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
    /// The reference of the request that it continues; empty for none.
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
}

/// A row of `effect` without addresses.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EffectFacts {
    /// The mail's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
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
    pub async fn requests_after(&mut self, id: i64) -> Result<Vec<RequestFacts>> {
        on_snapshot!(self, connection => sqlx::query_as(REQUESTS_AFTER)
            .bind(id)
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// Messages after a place in the store, in order, at most a page; empty at the end.
    pub async fn messages_after(&mut self, id: i64) -> Result<Vec<MessageFactsRow>> {
        on_snapshot!(self, connection => sqlx::query_as(MESSAGES_AFTER)
            .bind(id)
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// Mails after an id, in the order of ids, at most a page; empty at the end.
    pub async fn effects_after(&mut self, id: &str) -> Result<Vec<EffectFacts>> {
        on_snapshot!(self, connection => sqlx::query_as(EFFECTS_AFTER)
            .bind(id.to_owned())
            .bind(ROWS_PER_PAGE)
            .fetch_all(connection)
            .await)
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
     COALESCE(m.digest, '') AS message, COALESCE(p.digest, '') AS person, COALESCE(a.reference, '') AS again_of, \
     r.requester, r.nature, r.commitment, r.day_limit, r.received_at, r.due_on, r.due_at, r.calendar_revision, \
     r.backlog, r.flagged, r.status, r.settled_at, r.evidence, r.confidence, r.acknowledgement, r.acknowledged_at, \
     r.holding_at, r.substantive_at, r.incomplete_since, r.suspended_days, r.merged_into, r.deleted_at, r.forwarded_at \
     FROM request r LEFT JOIN message m ON m.id = r.message LEFT JOIN person p ON p.id = r.person \
     LEFT JOIN request a ON a.id = r.again_of AND r.again_of <> 0 WHERE r.id > $1 ORDER BY r.id LIMIT $2";
pub(super) const MESSAGES_AFTER: &str = "SELECT m.id, m.digest, m.mailbox, m.folder, m.verdict, m.reason, \
     COALESCE(r.reference, '') AS request, m.received_at, \
     m.received_rule, m.internal_date, m.header_date, m.received_header, m.observed_at, \
     m.acknowledgement, m.acknowledgement_reason \
     FROM message m LEFT JOIN request r ON r.id = m.request AND m.request <> 0 WHERE m.id > $1 ORDER BY m.id LIMIT $2";
pub(super) const EFFECTS_AFTER: &str =
    "SELECT id, kind, state, settled_at FROM effect WHERE id > $1 ORDER BY id LIMIT $2";
pub(super) const MAILBOXES: &str =
    "SELECT name, mode, watched_since, acknowledging_since, blind_since FROM mailbox ORDER BY name";
