//! A turn: the one transaction in which a decision is prepared, taken and written.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use super::schedule::Schedules;
use super::{Result, Store};
use crate::domain::event::Event;
use crate::domain::ledger::{Head, LedgerEntry};
use crate::domain::request::{MessageId, PersonId, RequestId};

/// The transaction of either database.
pub(super) enum Connection {
    /// `SQLite`'s one writer.
    Sqlite(Transaction<'static, Sqlite>),
    /// PostgreSQL, holding the head's row.
    Postgres(Transaction<'static, Postgres>),
}

impl Connection {
    pub(super) fn either(&mut self) -> Either<'_> {
        match self {
            Self::Sqlite(transaction) => Either::Sqlite(transaction),
            Self::Postgres(transaction) => Either::Postgres(transaction),
        }
    }
}

/// A borrowed connection of either database.
pub(super) enum Either<'a> {
    /// `SQLite`.
    Sqlite(&'a mut SqliteConnection),
    /// PostgreSQL.
    Postgres(&'a mut PgConnection),
}

/// Runs the same expression on the connection of either database.
macro_rules! on_turn {
    ($turn:expr, $connection:ident => $body:expr) => {
        match $turn.connection.either() {
            $crate::store::turn::Either::Sqlite($connection) => $body,
            $crate::store::turn::Either::Postgres($connection) => $body,
        }
    };
}
pub(super) use on_turn;

/// A transaction that holds the ledger's head: turns follow one another, on every node.
pub struct Turn {
    pub(super) connection: Connection,
    head: Head,
    next_message: i64,
    next_request: i64,
    next_person: i64,
    entries: Vec<LedgerEntry>,
    counters: HashMap<(String, i32), Counter>,
    /// Read once: a tick asks for a dozen of them.
    pub(super) schedules: Option<Schedules>,
}

/// The numbers of one prefix and year.
#[derive(Debug, Clone, Copy)]
struct Counter {
    last: i64,
    taken: bool,
}

/// Locks the head for this transaction (the row lock on PostgreSQL; `SQLite` has one writer anyway) and reads it.
pub(super) const LOCK_HEAD: &str = "UPDATE head SET turns = turns + 1 WHERE id = 1 \
     RETURNING seq, hash, next_message, next_request, next_person";
/// Puts the head back where the turn left it.
pub(super) const MOVE_HEAD: &str = "UPDATE head SET seq = $1, hash = $2, next_message = $3, next_request = $4, \
     next_person = $5 WHERE id = 1";

/// The last number given under a prefix in a year.
pub(super) const LAST_NUMBER: &str = "SELECT value FROM counter WHERE prefix = $1 AND year = $2";
/// Remembers the last number given.
pub(super) const SAVE_NUMBER: &str = "INSERT INTO counter (prefix, year, value) VALUES ($1, $2, $3) \
     ON CONFLICT (prefix, year) DO UPDATE SET value = excluded.value";

impl Turn {
    pub(super) async fn begin(store: &Store) -> Result<Self> {
        let mut connection = match store {
            Store::Sqlite { write, .. } => Connection::Sqlite(super::begin_writing(write).await?),
            Store::Postgres(pool) => Connection::Postgres(pool.begin().await?),
        };
        let row: (i64, String, i64, i64, i64) = match connection.either() {
            Either::Sqlite(connection) => sqlx::query_as(LOCK_HEAD).fetch_one(connection).await?,
            Either::Postgres(connection) => sqlx::query_as(LOCK_HEAD).fetch_one(connection).await?,
        };
        let (seq, hash, next_message, next_request, next_person) = row;
        let head = Head { seq, hash };
        Ok(Self {
            connection,
            head,
            next_message,
            next_request,
            next_person,
            entries: Vec::new(),
            counters: HashMap::new(),
            schedules: None,
        })
    }

    /// The place of the ledger's last entry as the turn found it, and of those that it has chained since.
    #[must_use]
    pub fn head_seq(&self) -> i64 {
        self.head.seq
    }

    /// Takes the next message id.
    pub fn take_message_id(&mut self) -> MessageId {
        self.next_message += 1;
        MessageId(self.next_message - 1)
    }

    /// The id that the next request gets.
    #[must_use]
    pub fn peek_request_id(&self) -> RequestId {
        RequestId(self.next_request)
    }

    /// Takes the next request id.
    pub fn take_request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request - 1)
    }

    /// The number that the next request of a prefix and year gets, from 1.
    pub async fn peek_number(&mut self, prefix: &str, year: i32) -> Result<i64> {
        let key = (prefix.to_owned(), year);
        if let Some(counter) = self.counters.get(&key) {
            return Ok(counter.last + 1);
        }
        let last: Option<i64> = on_turn!(self, connection => sqlx::query_scalar(LAST_NUMBER)
            .bind(prefix.to_owned())
            .bind(i64::from(year))
            .fetch_optional(connection)
            .await)?;
        let last = last.unwrap_or_default();
        self.counters.insert(key, Counter { last, taken: false });
        Ok(last + 1)
    }

    /// Takes the number that was peeked at.
    pub fn take_number(&mut self, prefix: &str, year: i32) {
        if let Some(counter) = self.counters.get_mut(&(prefix.to_owned(), year)) {
            counter.last += 1;
            counter.taken = true;
        }
    }

    async fn save_counters(&mut self) -> Result<()> {
        for ((prefix, year), counter) in std::mem::take(&mut self.counters) {
            if counter.taken {
                on_turn!(self, connection => sqlx::query(SAVE_NUMBER)
                    .bind(prefix)
                    .bind(i64::from(year))
                    .bind(counter.last)
                    .execute(connection)
                    .await
                    .map(drop))?;
            }
        }
        Ok(())
    }

    pub(super) fn take_person_id(&mut self) -> PersonId {
        self.next_person += 1;
        PersonId(self.next_person - 1)
    }

    /// Chains an event to the ledger; it is written when the turn commits.
    pub fn write_down(&mut self, event: &Event, now: DateTime<Utc>) {
        let entry = self.head.chain(event.draft(), now);
        self.entries.push(entry);
    }

    /// The end of the chain as the turn has it so far.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Writes the chained entries and the head, and commits: all of the turn, or nothing.
    pub async fn commit(mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        self.insert_entries(&entries).await?;
        self.save_counters().await?;
        let Head { seq, hash } = self.head.clone();
        on_turn!(self, connection => sqlx::query(MOVE_HEAD)
            .bind(seq)
            .bind(hash)
            .bind(self.next_message)
            .bind(self.next_request)
            .bind(self.next_person)
            .execute(connection)
            .await
            .map(drop))?;
        match self.connection {
            Connection::Sqlite(transaction) => transaction.commit().await?,
            Connection::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}
