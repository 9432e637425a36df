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
}

impl Store {
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

pub(super) const PAST_REQUESTS: &str = "SELECT reference, mailbox, received_at, due_on, status, settled_at FROM request \
     WHERE bureau = $1 AND backlog = 0 AND (status = 'open' OR received_at >= $2) ORDER BY id";
