//! What a bureau's requests became: the lean columns that a forecast learns from.

use chrono::{DateTime, NaiveDate, Utc};

use super::rows::{day, instant, maybe_instant, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::request::Status;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    /// What people call it.
    pub reference: String,
    /// The mailbox that received it.
    pub mailbox: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// The last civil day on which an answer is in time.
    pub due_on: NaiveDate,
    /// Whether it is open.
    pub open: bool,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
}

impl Store {
    /// How many requests of a bureau were answered since an instant.
    pub async fn answered_since(&self, bureau: &str, since: DateTime<Utc>) -> Result<u32> {
        let count: i64 = on_read!(self, pool => sqlx::query_scalar(ANSWERED_SINCE)
            .bind(bureau.to_owned())
            .bind(millis(since))
            .fetch_one(pool)
            .await)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The requests of a bureau whose answer is only a guess, the oldest first, at most `limit`.
    pub async fn guessed(&self, bureau: &str, limit: i64) -> Result<Vec<String>> {
        on_read!(self, pool => sqlx::query_scalar(GUESSED).bind(bureau.to_owned()).bind(limit).fetch_all(pool).await)
            .map_err(Error::from)
    }

    /// The requests of a bureau received since an instant whose acknowledgement was withheld: reference and reason.
    pub async fn withheld_since(&self, bureau: &str, since: DateTime<Utc>) -> Result<Vec<(String, String)>> {
        on_read!(self, pool => sqlx::query_as(WITHHELD_SINCE)
            .bind(bureau.to_owned())
            .bind(millis(since))
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }

    /// The requests of a bureau that are open, or were received since an instant; none older than the watch.
    pub async fn past_requests(&self, bureau: &str, since: DateTime<Utc>) -> Result<Vec<PastRequest>> {
        let rows: Vec<(String, String, i64, String, String, i64)> = on_read!(self, pool => sqlx::query_as(PAST_REQUESTS)
            .bind(bureau.to_owned())
            .bind(millis(since))
            .fetch_all(pool)
            .await)?;
        let past = |(reference, mailbox, received_at, due_on, status, settled_at): (_, _, _, String, String, _)| {
            Ok(PastRequest {
                reference,
                mailbox,
                received_at: instant(received_at),
                due_on: day("request", "due_on", &due_on)?,
                open: status == Status::Open.name(),
                settled_at: maybe_instant(settled_at),
            })
        };
        rows.into_iter().map(past).collect()
    }
}

impl Turn {
    /// Takes the requests of a bureau that agents were warned of and that were settled since: who takes them tells them.
    pub async fn take_cleared(&mut self, bureau: &str) -> Result<Vec<String>> {
        let mut taken: Vec<String> = on_turn!(self, connection => sqlx::query_scalar(TAKE_CLEARED)
            .bind(bureau.to_owned())
            .fetch_all(connection)
            .await)?;
        taken.sort();
        Ok(taken)
    }
}

pub(super) const ANSWERED_SINCE: &str =
    "SELECT COUNT(*) FROM request WHERE bureau = $1 AND status = 'answered' AND settled_at >= $2";
pub(super) const GUESSED: &str = "SELECT reference FROM request WHERE bureau = $1 AND status = 'answered' \
     AND confidence = 'low' AND backlog = 0 ORDER BY id LIMIT $2";
pub(super) const WITHHELD_SINCE: &str = "SELECT r.reference, m.acknowledgement_reason FROM request r \
     JOIN message m ON m.id = r.message WHERE r.bureau = $1 AND r.received_at >= $2 AND r.backlog = 0 \
     AND r.acknowledgement = 'withheld' AND m.acknowledgement = 'withhold' ORDER BY r.id";
pub(super) const TAKE_CLEARED: &str =
    "UPDATE request SET alert_cleared = 0 WHERE bureau = $1 AND alert_cleared = 1 RETURNING reference";
pub(super) const PAST_REQUESTS: &str = "SELECT reference, mailbox, received_at, due_on, status, settled_at FROM request \
     WHERE bureau = $1 AND backlog = 0 AND (status = 'open' OR received_at >= $2) ORDER BY id";
