//! The breaker's row, and the queue of acknowledgements that it holds.

use chrono::{DateTime, Utc};

use super::rows::{EffectRow, effect_columns, instant, maybe_instant, maybe_millis, millis};
use super::sending::DueEffect;
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::breaker::{Breaker, Trip};

type Row = (i64, i64, i64, i64);

impl Store {
    /// How the breaker stands.
    pub async fn breaker(&self) -> Result<Breaker> {
        let row: Row = on_read!(self, pool => sqlx::query_as(BREAKER).fetch_one(pool).await)?;
        Ok(read(row))
    }
}

impl Turn {
    /// How the breaker stands.
    pub async fn breaker(&mut self) -> Result<Breaker> {
        let row: Row = on_turn!(self, connection => sqlx::query_as(BREAKER).fetch_one(connection).await)?;
        Ok(read(row))
    }

    /// Stores how the breaker stands.
    pub async fn save_breaker(&mut self, breaker: Breaker) -> Result<()> {
        let (sent, limit) = breaker.trip.map_or((0, 0), |trip| (trip.sent, trip.limit));
        on_turn!(self, connection => sqlx::query(SAVE_BREAKER)
            .bind(maybe_millis(breaker.trip.map(|trip| trip.at)))
            .bind(i64::from(sent))
            .bind(i64::from(limit))
            .bind(maybe_millis(breaker.counted_from))
            .execute(connection)
            .await
            .map(drop))
        .map_err(Error::from)
    }

    /// Holds every acknowledgement that waits to be sent.
    pub async fn hold_acknowledgements(&mut self) -> Result<()> {
        on_turn!(self, connection => sqlx::query(HOLD).execute(connection).await.map(drop)).map_err(Error::from)
    }

    /// The held acknowledgements, the oldest first.
    pub async fn held(&mut self) -> Result<Vec<DueEffect>> {
        let rows: Vec<EffectRow> = on_turn!(self, connection => sqlx::query_as(HELD).fetch_all(connection).await)?;
        rows.iter().map(DueEffect::from_row).collect()
    }

    /// Puts the held acknowledgements back into the queue; how many.
    pub async fn release_held(&mut self, now: DateTime<Utc>) -> Result<u64> {
        on_turn!(self, connection => sqlx::query(RELEASE_HELD)
            .bind(millis(now))
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::from)
    }

    /// Withdraws the held acknowledgements.
    pub async fn discard_held(&mut self, why: &str, now: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(DISCARD_HELD)
            .bind(millis(now))
            .bind(why.replace('\0', ""))
            .execute(connection)
            .await
            .map(drop))
        .map_err(Error::from)
    }
}

pub(super) fn read((tripped_at, sent, limit, counted_from): Row) -> Breaker {
    let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    let trip = (tripped_at != 0).then(|| Trip { at: instant(tripped_at), sent: count(sent), limit: count(limit) });
    Breaker { trip, counted_from: maybe_instant(counted_from) }
}

pub(super) const BREAKER: &str = "SELECT tripped_at, trip_sent, trip_limit, counted_from FROM breaker WHERE id = 1";
pub(super) const SAVE_BREAKER: &str =
    "UPDATE breaker SET tripped_at = $1, trip_sent = $2, trip_limit = $3, counted_from = $4 WHERE id = 1";
pub(super) const HOLD: &str = "UPDATE effect SET state = 'held' WHERE domain <> '' AND state = 'pending'";
pub(super) const HELD: &str =
    concat!("SELECT ", effect_columns!(), " FROM effect WHERE state = 'held' ORDER BY created_at, id");
pub(super) const RELEASE_HELD: &str = "UPDATE effect SET state = 'pending', due_at = $1 WHERE state = 'held'";
pub(super) const DISCARD_HELD: &str =
    "UPDATE effect SET state = 'withdrawn', settled_at = $1, answer = $2, warn_at = 0 WHERE state = 'held'";
