//! What mails to agents ask for: what was written down between two digests, what is guessed, and what was settled since
//! they were warned of it.

use chrono::{DateTime, Utc};

use super::rows::millis;
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::notices::Stretch;

/// What happened to a bureau's requests in a stretch of the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Happened {
    /// Requests opened; those from before the watch are not counted.
    pub opened: u32,
    /// Requests answered, and not reopened since.
    pub answered: u32,
    /// Requests whose acknowledgement left, and did not come back.
    pub acknowledged: u32,
}

impl Store {
    /// What happened to a bureau's requests in a stretch of the ledger.
    pub async fn happened(&self, bureau: &str, stretch: Stretch) -> Result<Happened> {
        let rows: Vec<(String, i64)> = on_read!(self, pool => sqlx::query_as(HAPPENED)
            .bind(bureau.to_owned())
            .bind(stretch.after)
            .bind(stretch.until)
            .fetch_all(pool)
            .await)?;
        let of = |kind: &str| {
            let count = rows.iter().find(|(known, _)| known == kind).map_or(0, |(_, count)| *count);
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let (opened, answered) = (of("request_opened"), of("request_answered"));
        Ok(Happened { opened, answered, acknowledged: of("acknowledgement_state") })
    }

    /// The requests of a bureau whose answer is only a guess, the oldest first, at most `limit`.
    pub async fn guessed(&self, bureau: &str, limit: i64) -> Result<Vec<String>> {
        on_read!(self, pool => sqlx::query_scalar(GUESSED).bind(bureau.to_owned()).bind(limit).fetch_all(pool).await)
            .map_err(Error::from)
    }

    /// The requests of a bureau opened in a stretch of the ledger whose acknowledgement was withheld: reference and reason.
    pub async fn withheld_in(&self, bureau: &str, stretch: Stretch) -> Result<Vec<(String, String)>> {
        on_read!(self, pool => sqlx::query_as(WITHHELD_IN)
            .bind(bureau.to_owned())
            .bind(stretch.after)
            .bind(stretch.until)
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

    /// An alert was withdrawn before it left: the requests about which no other left were warned of by nobody, and their
    /// end is no news.
    pub async fn never_warned(&mut self, references: &[String]) -> Result<()> {
        for reference in references {
            on_turn!(self, connection => sqlx::query(NEVER_WARNED)
                .bind(reference.clone())
                .execute(connection)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// Up to which entry something was told; `None` where it never was.
    pub async fn told(&mut self, name: &str) -> Result<Option<i64>> {
        Ok(on_turn!(self, connection => sqlx::query_scalar(TOLD)
            .bind(name.to_owned())
            .fetch_optional(connection)
            .await)?)
    }

    /// Remembers up to which entry something was told.
    pub async fn tell(&mut self, name: &str, seq: i64) -> Result<()> {
        on_turn!(self, connection => sqlx::query(TELL)
            .bind(name.to_owned())
            .bind(seq)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The last entry written down before an instant; 0 where none was.
    pub async fn last_entry_before(&mut self, at: DateTime<Utc>) -> Result<i64> {
        let found: Option<i64> = on_turn!(self, connection => sqlx::query_scalar(LAST_ENTRY_BEFORE)
            .bind(millis(at))
            .fetch_optional(connection)
            .await)?;
        Ok(found.unwrap_or_default())
    }
}

/// Walks the stretch and looks each request up, whatever the planner knows of the tables: a stretch is a day.
pub(super) const HAPPENED: &str = "SELECT l.kind, COUNT(DISTINCT l.request) FROM ledger l CROSS JOIN request r \
     WHERE r.reference = l.request AND l.seq > $2 AND l.seq <= $3 AND r.bureau = $1 \
     AND ((l.kind = 'request_opened' AND r.backlog = 0) OR (l.kind = 'request_answered' AND r.status = 'answered') \
     OR (l.kind = 'acknowledgement_state' AND r.acknowledgement = 'sent')) GROUP BY l.kind";
pub(super) const GUESSED: &str = "SELECT reference FROM request WHERE bureau = $1 AND status = 'answered' \
     AND confidence = 'low' AND backlog = 0 ORDER BY id LIMIT $2";
pub(super) const WITHHELD_IN: &str = "SELECT r.reference, m.acknowledgement_reason FROM ledger l CROSS JOIN request r \
     CROSS JOIN message m WHERE r.reference = l.request AND m.id = r.message AND l.seq > $2 AND l.seq <= $3 \
     AND l.kind = 'request_opened' AND r.bureau = $1 AND r.backlog = 0 AND r.acknowledgement = 'withheld' \
     AND m.acknowledgement = 'withhold' ORDER BY r.id";
pub(super) const TAKE_CLEARED: &str =
    "UPDATE request SET alert_cleared = 0 WHERE bureau = $1 AND alert_cleared = 1 RETURNING reference";
/// It looks through the alerts that left; that one is withdrawn is rare.
pub(super) const NEVER_WARNED: &str = "UPDATE request SET alert_cleared = 0 WHERE reference = $1 AND alert_cleared = 1 \
     AND NOT EXISTS (SELECT 1 FROM effect WHERE kind = 'alert' AND state = 'accepted' AND about LIKE '%' || $1 || '%')";
pub(super) const TOLD: &str = "SELECT seq FROM told WHERE name = $1";
pub(super) const TELL: &str = "INSERT INTO told (name, seq) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET seq = excluded.seq";
pub(super) const LAST_ENTRY_BEFORE: &str = "SELECT seq FROM ledger WHERE recorded_at < $1 ORDER BY seq DESC LIMIT 1";
