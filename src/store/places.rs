//! Where known messages lie, with which flags, and where they lie no more.

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::rows::millis;
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::request::MessageId;
use crate::domain::sighting::FlagSet;

/// UIDs of one IN list.
const UIDS_PER_LIST: usize = 500;

/// A place that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// The UID.
    pub uid: u32,
    /// The message that lies there.
    pub message: MessageId,
    /// The flags that it bore when last seen.
    pub flags: FlagSet,
}

impl Store {
    /// The UIDs of a folder whose messages bore flags when last seen.
    pub async fn flagged_uids(&self, folder: i64, uid_validity: i64) -> Result<Vec<i64>> {
        on_read!(self, pool => sqlx::query_scalar(FLAGGED_UIDS)
            .bind(folder)
            .bind(uid_validity)
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }
}

impl Turn {
    /// What lies at these places; nothing of those that are empty or unknown.
    pub async fn places(&mut self, folder: i64, uid_validity: i64, uids: &[u32]) -> Result<Vec<PlaceRow>> {
        let mut found = Vec::with_capacity(uids.len());
        for chunk in uids.chunks(UIDS_PER_LIST) {
            let rows: Vec<(i64, i64, String)> = on_turn!(self, connection => {
                let mut builder = QueryBuilder::new(PLACES);
                builder.push_bind(folder).push(" AND uid_validity = ").push_bind(uid_validity).push(" AND uid IN (");
                let mut list = builder.separated(", ");
                for uid in chunk {
                    list.push_bind(i64::from(*uid));
                }
                builder.push(")");
                builder.build_query_as().fetch_all(connection).await
            })?;
            found.extend(rows.into_iter().filter_map(|(uid, message, flags)| {
                let uid = u32::try_from(uid).ok()?;
                Some(PlaceRow { uid, message: MessageId(message), flags: FlagSet::from_text(&flags) })
            }));
        }
        Ok(found)
    }

    /// Keeps the flags that a message bears at a place.
    pub async fn save_flags(&mut self, folder: i64, uid_validity: i64, uid: u32, flags: &FlagSet) -> Result<()> {
        on_turn!(self, connection => sqlx::query(SAVE_FLAGS)
            .bind(flags.text())
            .bind(folder)
            .bind(uid_validity)
            .bind(i64::from(uid))
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Marks locations as empty: their messages are no longer there.
    pub async fn mark_gone(&mut self, folder: i64, uid_validity: i64, uids: &[u32], now: DateTime<Utc>) -> Result<()> {
        for uid in uids {
            on_turn!(self, connection => sqlx::query(MARK_GONE)
                .bind(millis(now))
                .bind(folder)
                .bind(uid_validity)
                .bind(i64::from(*uid))
                .execute(connection)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// Marks every location in a folder as empty: its UIDs no longer mean what they meant.
    pub async fn supersede(&mut self, folder: i64, now: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(SUPERSEDE)
            .bind(millis(now))
            .bind(folder)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }
}

/// The head of what lies at some places; the folder, the UIDVALIDITY and the UIDs follow.
const PLACES: &str = "SELECT uid, message, flags FROM location WHERE gone_at = 0 AND folder = ";
/// The places whose messages bear flags.
pub(super) const FLAGGED_UIDS: &str =
    "SELECT uid FROM location WHERE folder = $1 AND uid_validity = $2 AND gone_at = 0 AND flags <> ''";
/// Keeps the flags of a place.
pub(super) const SAVE_FLAGS: &str =
    "UPDATE location SET flags = $1 WHERE folder = $2 AND uid_validity = $3 AND uid = $4";
/// Marks a place as empty.
pub(super) const MARK_GONE: &str =
    "UPDATE location SET gone_at = $1 WHERE folder = $2 AND uid_validity = $3 AND uid = $4 AND gone_at = 0";
/// Marks all places of a folder as empty.
pub(super) const SUPERSEDE: &str = "UPDATE location SET gone_at = $1 WHERE folder = $2 AND gone_at = 0";
