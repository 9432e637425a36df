//! What a morning digest asks for: what was answered, guessed, withheld, and settled since agents were warned of it.

use chrono::{DateTime, Utc};

use super::rows::millis;
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};

/// From the first instant on, until before the second.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

impl Store {
    /// How many requests of a bureau were answered since an instant.
    pub async fn answered_in(&self, bureau: &str, (from, until): Span) -> Result<u32> {
        let count: i64 = on_read!(self, pool => sqlx::query_scalar(ANSWERED_IN)
            .bind(bureau.to_owned())
            .bind(millis(from))
            .bind(millis(until))
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
    pub async fn withheld_in(&self, bureau: &str, (from, until): Span) -> Result<Vec<(String, String)>> {
        on_read!(self, pool => sqlx::query_as(WITHHELD_IN)
            .bind(bureau.to_owned())
            .bind(millis(from))
            .bind(millis(until))
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
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

pub(super) const ANSWERED_IN: &str = "SELECT COUNT(*) FROM request WHERE bureau = $1 AND status = 'answered' \
     AND settled_at >= $2 AND settled_at < $3";
pub(super) const GUESSED: &str = "SELECT reference FROM request WHERE bureau = $1 AND status = 'answered' \
     AND confidence = 'low' AND backlog = 0 ORDER BY id LIMIT $2";
pub(super) const WITHHELD_IN: &str = "SELECT r.reference, m.acknowledgement_reason FROM request r \
     JOIN message m ON m.id = r.message WHERE r.bureau = $1 AND r.received_at >= $2 AND r.received_at < $3 AND r.backlog = 0 \
     AND r.acknowledgement = 'withheld' AND m.acknowledgement = 'withhold' ORDER BY r.id";
pub(super) const TAKE_CLEARED: &str =
    "UPDATE request SET alert_cleared = 0 WHERE bureau = $1 AND alert_cleared = 1 RETURNING reference";
