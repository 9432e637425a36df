//! sqlx: snapshots in, decisions out, one transaction. `SQLite` or PostgreSQL, one SQL text for both.
//!
//! *Owns* the tables, the migrations and every SQL text. *May import* `domain`. *Start reading* at [`Store::begin`]
//! and [`Turn`]: a turn locks the ledger's head, loads what a decision needs, writes what it said, and commits.
//!
//! Invariants: nothing changes a request outside a [`Turn`]; the ledger's table refuses UPDATE and DELETE; instants
//! are milliseconds in UTC, `0` and `''` stand for "none". Deliberately absent: `Any` drivers, booleans and `now()` in
//! SQL, floating point.

mod agenda;
mod backup;
mod breaker;
mod history;
mod lease;
mod load;
mod mails;
mod marks;
mod places;
mod purge;
mod queries;
mod register;
mod rows;
mod schedule;
mod sending;
mod snapshot;
pub mod statements;
mod turn;
mod write;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

pub use agenda::Happened;
pub use backup::damage;
pub use history::PastRequest;
pub use lease::Lease;
pub use load::{KnownMessage, MailboxRow, Person, SentKey};
pub use mails::{DueCopy, MailRow};
pub use marks::{CopyRow, ReplyRow, StandingRow};
pub use places::PlaceRow;
pub use purge::{AccessLine, PersonMessage, PersonRow, Purgeable};
pub use queries::{FolderCursor, Listing, MessageLine, QueueState, RequestFilter, RequestLine};
pub use register::{Details, FactRow, Facts, RegisterItem};
pub use rows::{EffectRow, LedgerRow};
pub use schedule::Schedules;
pub use sending::{AfterAttempt, Claim, DueEffect, LateRow};
pub use snapshot::{
    EffectFacts, MailboxFacts, MessageFactsRow, NoteFacts, PersonFacts, RequestFacts, Snapshot, TombstoneFacts,
};
pub use turn::Turn;
pub use write::{Kept, LocationRow, MessageRow};

/// How many connections read at the same time.
const READERS: u32 = 4;
/// How many connections a PostgreSQL pool may hold.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Rows that `SQLite`'s own thread may be ahead of who reads them: some dozens of pages, so that neither side waits
/// for the other at each row.
const ROWS_AHEAD: usize = 512;
/// How long a connection is waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long `SQLite` waits for another process that writes (a `vigie request answer` beside the daemon).
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Takes `SQLite`'s write lock at once, so that no transaction finds half-way that it may not write.
const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// The database.
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded default: one writer, several readers, WAL, `synchronous=FULL`.
    Sqlite {
        /// The one connection that writes.
        write: SqlitePool,
        /// The connections that read.
        read: SqlitePool,
    },
    /// For several nodes.
    Postgres(PgPool),
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be opened.
    #[error("the database {place} cannot be opened: {cause}")]
    Open {
        /// Its path or its URL without the password.
        place: String,
        /// What the driver said.
        cause: sqlx::Error,
    },
    /// There is no database yet.
    #[error("there is no database {place} yet: `vigie run` makes it")]
    Absent {
        /// Its path.
        place: String,
    },
    /// The tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database refused: {0}")]
    Query(#[from] sqlx::Error),
    /// A row holds what vigie never writes.
    #[error("the table {table} holds {value:?} in column {column}, which vigie never writes")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What was found.
        value: String,
    },
    /// Another node watches the mailbox now.
    #[error("the lease of mailbox {mailbox} was taken over by another node")]
    LeaseLost {
        /// The mailbox.
        mailbox: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes for a person's key: {0}")]
    Random(getrandom::Error),
    /// A database that already holds something was to be filled.
    #[error("the database already holds something: a backup is restored into an empty one only")]
    NotEmpty,
    /// A person's key cannot be used.
    #[error("a person's key cannot be used")]
    Key,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Query(_) | Self::Random(_) => true,
            Self::Absent { .. }
            | Self::NotEmpty
            | Self::Key
            | Self::Migrate(_)
            | Self::Corrupt { .. }
            | Self::LeaseLost { .. } => false,
        }
    }
}

/// The result of a call to the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Runs the same expression on the reading pool of either database.
macro_rules! on_read {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { read: $pool, .. } => $body,
            $crate::store::Store::Postgres($pool) => $body,
        }
    };
}

/// Runs the same expression on the writing pool of either database.
macro_rules! on_write {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { write: $pool, .. } => $body,
            $crate::store::Store::Postgres($pool) => $body,
        }
    };
}
use {on_read, on_write};

impl Store {
    /// Opens the database that a URL names, and brings its tables up to date: `postgres://…`, `sqlite:PATH`, or a path.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url).await
        } else {
            Self::open_sqlite(Path::new(url.trim_start_matches("sqlite:"))).await
        }
    }

    /// The file of an embedded database; `None` for PostgreSQL.
    #[must_use]
    pub fn path_of(url: &str) -> Option<&Path> {
        (!url.starts_with("postgres")).then(|| Path::new(url.trim_start_matches("sqlite:")))
    }

    /// Opens the database like [`Store::open`], but makes none: a command must not leave behind a file that the daemon,
    /// under its own account, cannot open.
    pub async fn open_existing(url: &str) -> Result<Self> {
        let path = Path::new(url.trim_start_matches("sqlite:"));
        if !url.starts_with("postgres") && !path.exists() {
            return Err(Error::Absent { place: path.display().to_string() });
        }
        Self::open(url).await
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let failed = |cause| Error::Open { place: place.clone(), cause };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", "-8000")
            // What is forgotten is overwritten, not only unlinked.
            .pragma("secure_delete", "ON")
            .row_buffer_size(ROWS_AHEAD)
            .foreign_keys(true);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        let write = pool(1).connect_with(options.clone()).await.map_err(failed)?;
        // SQLite has no advisory lock: a command started beside the daemon must not bring the tables up to date twice.
        let lock = lock_beside(path).map_err(|cause| failed(sqlx::Error::Io(cause)))?;
        sqlx::migrate!("src/store/migrations/sqlite").run(&write).await?;
        drop(lock);
        let read = pool(READERS).connect_with(options.read_only(true)).await.map_err(failed)?;
        Ok(Self::Sqlite { write, read })
    }

    /// An embedded database in memory: one connection, gone with the value. Whole simulated years run on it.
    pub async fn in_memory() -> Result<Self> {
        let failed = |cause| Error::Open { place: ":memory:".into(), cause };
        let options = SqliteConnectOptions::from_str("sqlite::memory:").map_err(failed)?;
        let options = options.foreign_keys(true).row_buffer_size(ROWS_AHEAD);
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let write = pool.connect_with(options).await.map_err(failed)?;
        sqlx::migrate!("src/store/migrations/sqlite").run(&write).await?;
        Ok(Self::Sqlite { read: write.clone(), write })
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        let failed = |cause| Error::Open { place: without_password(url), cause };
        let options = PgConnectOptions::from_str(url).map_err(failed)?.application_name("vigie");
        let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = pool.connect_with(options).await.map_err(failed)?;
        sqlx::migrate!("src/store/migrations/postgres").run(&pool).await?;
        Ok(Self::Postgres(pool))
    }

    /// The instant by which leases are reckoned: the database's own clock where nodes share one, else the given one.
    pub async fn clock(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        match self {
            Self::Sqlite { .. } => Ok(now),
            Self::Postgres(pool) => {
                const SQL: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";
                let millis: i64 = sqlx::query_scalar(SQL).fetch_one(pool).await?;
                Ok(rows::instant(millis))
            }
        }
    }

    /// Begins a turn: the transaction in which a decision is taken and written.
    pub async fn begin(&self) -> Result<Turn> {
        Turn::begin(self).await
    }

    /// Closes all connections; what is committed stays.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins the one writing transaction of an embedded database.
///
/// A statement that fails for want of disk makes `SQLite` end its transaction by itself, which sqlx does not notice: it
/// refuses every later one on that connection. Such a connection is given up, and another one opened.
async fn begin_writing(pool: &SqlitePool) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, sqlx::Error> {
    match pool.begin_with(BEGIN_WRITING).await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            pool.acquire().await?.close().await?;
            pool.begin_with(BEGIN_WRITING).await
        }
        other => other,
    }
}

/// Takes the lock of the file beside the database; it is given back when the value is dropped.
fn lock_beside(path: &Path) -> std::io::Result<std::fs::File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(name)?;
    file.lock()?;
    Ok(file)
}

/// A database URL that can be shown: without its password.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}
