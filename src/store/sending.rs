//! The queue of mails: claimed before the relay is spoken to, settled in a turn, recovered after a crash.

use chrono::{DateTime, TimeDelta, Utc};

use super::rows::{EffectRow, effect_columns, instant, maybe_millis, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read, on_write};
use crate::domain::effect::{Attempts, Effect};
use crate::domain::quota::{Draw, Quota};

/// How long a node may hold a mail before another one declares its fate unknown.
const ABANDONED_AFTER: TimeDelta = TimeDelta::minutes(15);

/// A mail that is to be sent now, and belongs to the caller until it is settled.
#[derive(Debug, Clone)]
pub struct DueEffect {
    /// The mail.
    pub effect: Effect,
    /// The Message-ID that it carries, at each attempt.
    pub message_id: String,
    /// This attempt included.
    pub attempts: Attempts,
}

/// How a mail stands after an attempt.
#[derive(Debug, Clone)]
pub struct AfterAttempt<'a> {
    /// `pending`, `accepted`, `refused`, `unknown`, `held`.
    pub state: &'static str,
    /// When to try again, or when it was tried.
    pub due_at: DateTime<Utc>,
    /// Attempts that ended in the unknown.
    pub unknowns: u32,
    /// When it was settled for good.
    pub settled_at: Option<DateTime<Utc>>,
    /// The relay's answer.
    pub answer: &'a str,
    /// The digest of the text that the relay took; empty where it took none.
    pub text: &'a str,
    /// Whether a copy is to be put into the mailbox's Sent folder.
    pub copy: bool,
}

/// What a node that asks for a mail to send is told.
#[derive(Debug, Clone)]
pub enum Claim {
    /// This mail is the caller's until it is settled.
    Mail(Box<DueEffect>),
    /// Mails are due, and the relay's quotas let none leave before this instant.
    Wait(DateTime<Utc>),
    /// No mail is due.
    Nothing,
}

/// Claims a mail and takes it out of every bucket, all in one transaction of either database. The buckets' rows are
/// locked first, in the order of the configuration: nodes follow one another.
macro_rules! claim {
    ($transaction:expr, $holder:expr, $quotas:expr, $now:expr) => {{
        let (mut wait, mut drawn) = (None, Vec::new());
        for quota in $quotas {
            let full_at: i64 = sqlx::query_scalar(LOCK_BUCKET).bind(quota.name()).fetch_one(&mut *$transaction).await?;
            match quota.draw(instant(full_at), $now) {
                Draw::Taken(full_at) => drawn.push((quota.name(), full_at)),
                Draw::Empty(until) => wait = wait.max(Some(until)),
            }
        }
        if wait.is_some() {
            let due: i64 = sqlx::query_scalar(IS_DUE).bind(millis($now)).fetch_one(&mut *$transaction).await?;
            (None, wait.filter(|_| due > 0))
        } else {
            let claim = sqlx::query_as(CLAIM_DUE).bind($holder.to_owned()).bind(millis($now));
            let row: Option<EffectRow> = claim.fetch_optional(&mut *$transaction).await?;
            for (name, full_at) in drawn.into_iter().filter(|_| row.is_some()) {
                let draw = sqlx::query(FILL_BUCKET).bind(millis(full_at)).bind(name);
                draw.execute(&mut *$transaction).await?;
            }
            (row, None)
        }
    }};
}

impl Store {
    /// Claims the mail that goes next, if the relay's quotas let one leave: from now on it counts as being sent, crash or
    /// no crash. Mails to agents go before acknowledgements, then what has waited longest.
    pub async fn claim_due(&self, holder: &str, quotas: &[Quota], now: DateTime<Utc>) -> Result<Claim> {
        let (row, wait) = match self {
            Self::Sqlite { write, .. } => {
                let mut transaction = super::begin_writing(write).await?;
                let claimed = claim!(transaction, holder, quotas, now);
                transaction.commit().await?;
                claimed
            }
            Self::Postgres(pool) => {
                let mut transaction = pool.begin().await?;
                let claimed = claim!(transaction, holder, quotas, now);
                transaction.commit().await?;
                claimed
            }
        };
        // Read once the claim stands: a row that cannot be read must not come back for ever, and block the others.
        Ok(match (row, wait) {
            (Some(row), _) => Claim::Mail(Box::new(DueEffect::from_row(&row)?)),
            (None, Some(until)) => Claim::Wait(until),
            (None, None) => Claim::Nothing,
        })
    }

    /// The mails that this node, or one long silent, was sending when it ended: their fate is unknown.
    pub async fn interrupted(&self, holder: &str, now: DateTime<Utc>) -> Result<Vec<DueEffect>> {
        let rows: Vec<EffectRow> = on_read!(self, pool => sqlx::query_as(INTERRUPTED)
            .bind(holder.to_owned())
            .bind(millis(now - ABANDONED_AFTER))
            .fetch_all(pool)
            .await)?;
        rows.iter().map(DueEffect::from_row).collect()
    }

    /// Gives a claimed mail back that nobody was asked to take: it is due as before, and the attempt does not count.
    pub async fn give_back(&self, id: &str) -> Result<()> {
        on_write!(self, pool => sqlx::query(GIVE_BACK).bind(id.to_owned()).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// When the next mail is due; `None` for an empty queue.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> = on_read!(self, pool => sqlx::query_scalar(NEXT_DUE).fetch_one(pool).await)?;
        Ok(next.map(instant))
    }
}

impl DueEffect {
    pub(super) fn from_row(row: &EffectRow) -> Result<Self> {
        let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        let since = instant(row.created_at);
        Ok(Self {
            effect: row.to_domain()?,
            message_id: row.message_id.clone(),
            attempts: Attempts { count: count(row.attempts), unknown: count(row.unknowns), since },
        })
    }
}

/// Acknowledgements of one mailbox that have not left, and of whom nobody was warned yet.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LateRow {
    /// The mailbox.
    pub mailbox: String,
    /// How many.
    pub mails: i64,
    /// When the oldest of their messages was received, in milliseconds.
    pub oldest: i64,
    /// An answer of the relay; empty for none.
    pub answer: String,
}

impl Store {
    /// When to warn next of an acknowledgement that has not left; `None` where all have.
    pub async fn next_warning(&self) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> = on_read!(self, pool => sqlx::query_scalar(NEXT_WARNING).fetch_one(pool).await)?;
        Ok(next.map(instant))
    }
}

impl Turn {
    /// The acknowledgements of which somebody is to be warned now, by mailbox; each is given once.
    pub async fn take_late(&mut self, now: DateTime<Utc>) -> Result<Vec<LateRow>> {
        let late: Vec<LateRow> =
            on_turn!(self, connection => sqlx::query_as(LATE).bind(millis(now)).fetch_all(connection).await)?;
        if !late.is_empty() {
            on_turn!(self, connection => sqlx::query(WARNED)
                .bind(millis(now))
                .execute(connection)
                .await
                .map(drop))?;
        }
        Ok(late)
    }

    /// Writes how a mail stands after an attempt; `false` where it was settled by another already.
    pub async fn settle_effect(&mut self, id: &str, after: &AfterAttempt<'_>) -> Result<bool> {
        let settled = on_turn!(self, connection => sqlx::query(SETTLE)
            .bind(after.state)
            .bind(millis(after.due_at))
            .bind(i64::from(after.unknowns))
            .bind(maybe_millis(after.settled_at))
            .bind(after.answer.replace('\0', ""))
            .bind(id.to_owned())
            .bind(after.text.to_owned())
            .bind(if after.copy { "wanted" } else { "none" })
            .execute(connection)
            .await
            .map(|done| done.rows_affected()));
        settled.map(|rows| rows > 0).map_err(Error::from)
    }
}

pub(super) const CLAIM_DUE: &str = concat!(
    "UPDATE effect SET state = 'sending', holder = $1, attempts = attempts + 1, due_at = $2 \
     WHERE state = 'pending' AND id = (SELECT id FROM effect WHERE state = 'pending' AND due_at <= $2 \
     ORDER BY CASE WHEN domain = '' THEN 0 ELSE 1 END, due_at, created_at, id LIMIT 1) RETURNING ",
    effect_columns!()
);
pub(super) const LOCK_BUCKET: &str = "INSERT INTO quota (name, full_at) VALUES ($1, 0) \
     ON CONFLICT (name) DO UPDATE SET full_at = quota.full_at RETURNING full_at";
pub(super) const FILL_BUCKET: &str = "UPDATE quota SET full_at = $1 WHERE name = $2";
pub(super) const IS_DUE: &str =
    "SELECT COUNT(*) FROM (SELECT id FROM effect WHERE state = 'pending' AND due_at <= $1 LIMIT 1) due";
pub(super) const NEXT_WARNING: &str = "SELECT MIN(warn_at) FROM effect WHERE warn_at <> 0";
pub(super) const LATE: &str = "SELECT e.mailbox, COUNT(*) AS mails, MIN(r.received_at) AS oldest, \
     MAX(e.answer) AS answer FROM effect e JOIN request r ON r.id = e.request \
     WHERE e.warn_at <> 0 AND e.warn_at <= $1 GROUP BY e.mailbox ORDER BY e.mailbox";
pub(super) const WARNED: &str = "UPDATE effect SET warn_at = 0 WHERE warn_at <> 0 AND warn_at <= $1";
pub(super) const GIVE_BACK: &str = "UPDATE effect SET state = 'pending', attempts = attempts - 1, holder = '' \
     WHERE id = $1 AND state = 'sending'";
pub(super) const INTERRUPTED: &str = concat!(
    "SELECT ",
    effect_columns!(),
    " FROM effect WHERE state = 'sending' AND (holder = $1 OR due_at < $2) ORDER BY created_at, id"
);
pub(super) const NEXT_DUE: &str = "SELECT MIN(due_at) FROM effect WHERE state = 'pending'";
pub(super) const SETTLE: &str = "UPDATE effect SET state = $1, due_at = $2, unknowns = $3, settled_at = $4, \
     answer = $5, holder = '', text_digest = $7, copy = $8, copy_at = $2, \
     warn_at = CASE WHEN $1 = 'pending' THEN warn_at ELSE 0 END WHERE id = $6 AND state = 'sending'";
