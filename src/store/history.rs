//! What a bureau's requests became: the lean columns that a forecast learns from.

use chrono::{DateTime, NaiveDate, Utc};

use super::rows::{day, instant, maybe_instant, millis};
use super::{Result, Store, on_read};
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
    /// Since when pieces are missing and its clock stands still.
    pub incomplete_since: Option<DateTime<Utc>>,
    /// Working days for which its clock stood still before.
    pub suspended_days: u16,
}

#[derive(sqlx::FromRow)]
struct PastRow {
    reference: String,
    mailbox: String,
    received_at: i64,
    due_on: String,
    status: String,
    settled_at: i64,
    incomplete_since: i64,
    suspended_days: i64,
}

impl PastRow {
    fn read(self) -> Result<PastRequest> {
        Ok(PastRequest {
            reference: self.reference,
            mailbox: self.mailbox,
            received_at: instant(self.received_at),
            due_on: day("request", "due_on", &self.due_on)?,
            open: self.status == Status::Open.name(),
            settled_at: maybe_instant(self.settled_at),
            incomplete_since: maybe_instant(self.incomplete_since),
            suspended_days: u16::try_from(self.suspended_days).unwrap_or(u16::MAX),
        })
    }
}

impl Store {
    /// The requests of a bureau that are open, or were received since an instant; none older than the watch, and none that
    /// was merged into another: that one is the request.
    pub async fn past_requests(&self, bureau: &str, since: DateTime<Utc>) -> Result<Vec<PastRequest>> {
        let rows: Vec<PastRow> = on_read!(self, pool => sqlx::query_as(PAST_REQUESTS)
            .bind(bureau.to_owned())
            .bind(millis(since))
            .fetch_all(pool)
            .await)?;
        rows.into_iter().map(PastRow::read).collect()
    }
}

pub(super) const PAST_REQUESTS: &str = "SELECT reference, mailbox, received_at, due_on, status, settled_at, \
     incomplete_since, suspended_days FROM request WHERE bureau = $1 AND backlog = 0 AND merged_into = '' AND (status = 'open' OR received_at >= $2) ORDER BY id";
