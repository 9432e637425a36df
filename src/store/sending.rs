//! The queue of mails: claimed before the relay is spoken to, settled in a turn, recovered after a crash.

use chrono::{DateTime, TimeDelta, Utc};

use super::rows::{EffectRow, effect_columns, instant, maybe_millis, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read, on_write};
use crate::domain::effect::{Attempts, Effect};

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
}

impl Store {
    /// Claims the mail that has waited longest: from now on it counts as being sent, crash or no crash.
    pub async fn claim_due(&self, holder: &str, now: DateTime<Utc>) -> Result<Option<DueEffect>> {
        let row: Option<EffectRow> = on_write!(self, pool => sqlx::query_as(CLAIM_DUE)
            .bind(holder.to_owned())
            .bind(millis(now))
            .fetch_optional(pool)
            .await)?;
        row.as_ref().map(DueEffect::from_row).transpose()
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
    fn from_row(row: &EffectRow) -> Result<Self> {
        let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        let since = instant(row.created_at);
        Ok(Self {
            effect: row.to_domain()?,
            message_id: row.message_id.clone(),
            attempts: Attempts { count: count(row.attempts), unknown: count(row.unknowns), since },
        })
    }
}

impl Turn {
    /// Writes how a mail stands after an attempt; `false` where it was settled by another already.
    pub async fn settle_effect(&mut self, id: &str, after: &AfterAttempt<'_>) -> Result<bool> {
        let settled = on_turn!(self, connection => sqlx::query(SETTLE)
            .bind(after.state)
            .bind(millis(after.due_at))
            .bind(i64::from(after.unknowns))
            .bind(maybe_millis(after.settled_at))
            .bind(after.answer.replace('\0', ""))
            .bind(id.to_owned())
            .execute(connection)
            .await
            .map(|done| done.rows_affected()));
        settled.map(|rows| rows > 0).map_err(Error::from)
    }
}

pub(super) const CLAIM_DUE: &str = concat!(
    "UPDATE effect SET state = 'sending', holder = $1, attempts = attempts + 1, due_at = $2 \
     WHERE state = 'pending' AND id = (SELECT id FROM effect WHERE state = 'pending' AND due_at <= $2 \
     ORDER BY due_at, created_at, id LIMIT 1) RETURNING ",
    effect_columns!()
);
pub(super) const GIVE_BACK: &str = "UPDATE effect SET state = 'pending', attempts = attempts - 1, holder = '' \
     WHERE id = $1 AND state = 'sending'";
pub(super) const INTERRUPTED: &str = concat!(
    "SELECT ",
    effect_columns!(),
    " FROM effect WHERE state = 'sending' AND (holder = $1 OR due_at < $2) ORDER BY created_at, id"
);
pub(super) const NEXT_DUE: &str = "SELECT MIN(due_at) FROM effect WHERE state = 'pending'";
pub(super) const SETTLE: &str = "UPDATE effect SET state = $1, due_at = $2, unknowns = $3, settled_at = $4, \
     answer = $5, holder = '' WHERE id = $6 AND state = 'sending'";
