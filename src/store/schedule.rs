//! When what comes by the clock fires next: digests, clearances, reports, reconciliations. A dozen rows, so they are read
//! all at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::rows::{instant, millis};
use super::turn::{Turn, on_turn};
use super::{Result, Store, on_read};
use crate::domain::schedule::Firing;

/// Every schedule by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedules(HashMap<String, DateTime<Utc>>);

impl Schedules {
    fn new(rows: Vec<(String, i64)>) -> Self {
        Self(rows.into_iter().map(|(name, next)| (name, instant(next))).collect())
    }

    /// When a schedule fires next; `None` where it never ran.
    #[must_use]
    pub fn next(&self, name: &str) -> Option<DateTime<Utc>> {
        self.0.get(name).copied()
    }
}

impl Store {
    /// Every schedule.
    pub async fn schedules(&self) -> Result<Schedules> {
        Ok(Schedules::new(on_read!(self, pool => sqlx::query_as(SCHEDULES).fetch_all(pool).await)?))
    }

    /// When a schedule fires next; `None` where it never ran.
    pub async fn scheduled(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(self.schedules().await?.next(name))
    }
}

impl Turn {
    /// When a schedule fires next; `None` where it never ran.
    pub async fn scheduled(&mut self, name: &str) -> Result<Option<DateTime<Utc>>> {
        if self.schedules.is_none() {
            let rows = on_turn!(self, connection => sqlx::query_as(SCHEDULES).fetch_all(connection).await)?;
            self.schedules = Some(Schedules::new(rows));
        }
        Ok(self.schedules.as_ref().and_then(|schedules| schedules.next(name)))
    }

    /// What a schedule does now, moved on where it fires or has to be set anew: `next` says when it fires after an instant.
    pub async fn fires(
        &mut self,
        name: &str,
        now: DateTime<Utc>,
        next: impl Fn(DateTime<Utc>) -> DateTime<Utc> + Send,
    ) -> Result<Firing> {
        let firing = Firing::of(self.scheduled(name).await?, now, &next);
        if firing != Firing::Waits {
            self.schedule(name, next(now)).await?;
        }
        Ok(firing)
    }

    /// Sets when a schedule fires next.
    pub async fn schedule(&mut self, name: &str, next: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(SCHEDULE)
            .bind(name.to_owned())
            .bind(millis(next))
            .execute(connection)
            .await
            .map(drop))?;
        // what is asked again in this turn is read anew
        self.schedules = None;
        Ok(())
    }
}

pub(super) const SCHEDULES: &str = "SELECT name, next_at FROM schedule";
pub(super) const SCHEDULE: &str = "INSERT INTO schedule (name, next_at) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at";
