//! What became of each mail after it left: reports about it, its copy in the Sent folder, the proof of what was said.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::load::{VALUES_PER_LIST, select_in};
use super::rows::{EffectRow, effect_columns, instant, millis};
use super::sending::DueEffect;
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read, on_write};
use crate::domain::request::RequestId;

/// A mail about one request, as the queue knows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MailRow {
    /// The mail's id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// To whom, one a line.
    pub recipients: String,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// When it was decided, in milliseconds.
    pub created_at: i64,
    /// When it is due next, in milliseconds.
    pub due_at: i64,
    /// `pending`, `sending`, `accepted`, `refused`, `unknown`, `held`, `withdrawn`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was settled, in milliseconds; 0 for not yet.
    pub settled_at: i64,
    /// The relay's last answer.
    pub answer: String,
    /// When a report said that it did not arrive, in milliseconds; 0 for never.
    pub bounced_at: i64,
    /// The status of that report.
    pub bounce_status: String,
    /// `none`, `wanted`, `copied`, `failed`.
    pub copy: String,
}

/// A mail whose copy is to be put into the Sent folder.
#[derive(Debug, Clone)]
pub struct DueCopy {
    /// The mail.
    pub mail: DueEffect,
    /// The digest of the text that the relay took.
    pub text: String,
    /// Attempts so far.
    pub attempts: i64,
}

#[derive(sqlx::FromRow)]
struct CopyRow {
    #[sqlx(flatten)]
    effect: EffectRow,
    text_digest: String,
    copy_attempts: i64,
}

impl Turn {
    /// Our mails to the public that bear one of these Message-IDs: their ids.
    pub async fn public_mails(&mut self, ids: &[String]) -> Result<HashMap<String, String>> {
        Ok(select_in!(self, (String, String), PUBLIC_MAILS, ids, ")").into_iter().collect())
    }

    /// Notes that a report says of a mail that it did not arrive.
    pub async fn mark_bounced(&mut self, id: &str, status: &str, at: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(MARK_BOUNCED)
            .bind(millis(at))
            .bind(status.to_owned())
            .bind(id.to_owned())
            .execute(connection)
            .await
            .map(drop))
        .map_err(Error::from)
    }

    /// Makes the mails to the public that wait for their day about a request due now; how many.
    pub async fn hasten(&mut self, request: RequestId, now: DateTime<Utc>) -> Result<u64> {
        on_turn!(self, connection => sqlx::query(HASTEN)
            .bind(millis(now))
            .bind(request.0)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::from)
    }
}

impl Store {
    /// The mails to the public about a request, the oldest first.
    pub async fn mails_about(&self, request: RequestId) -> Result<Vec<MailRow>> {
        on_read!(self, pool => sqlx::query_as(MAILS_ABOUT).bind(request.0).fetch_all(pool).await).map_err(Error::from)
    }

    /// The mails of a mailbox whose copy is due, the oldest first, at most `limit`.
    pub async fn copies_due(&self, mailbox: &str, now: DateTime<Utc>, limit: i64) -> Result<Vec<DueCopy>> {
        let rows: Vec<CopyRow> = on_read!(self, pool => sqlx::query_as(COPIES_DUE)
            .bind(mailbox.to_owned())
            .bind(millis(now))
            .bind(limit)
            .fetch_all(pool)
            .await)?;
        let due = |row: &CopyRow| {
            let mail = DueEffect::from_row(&row.effect)?;
            Ok(DueCopy { mail, text: row.text_digest.clone(), attempts: row.copy_attempts })
        };
        rows.iter().map(due).collect()
    }

    /// When the next copy of a mailbox is due; `None` where none is wanted.
    pub async fn next_copy(&self, mailbox: &str) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> =
            on_read!(self, pool => sqlx::query_scalar(NEXT_COPY).bind(mailbox.to_owned()).fetch_one(pool).await)?;
        Ok(next.map(instant))
    }

    /// Notes how a mail's copy stands: `wanted` again at an instant, `copied`, `failed`.
    pub async fn settle_copy(&self, id: &str, copy: &'static str, at: DateTime<Utc>) -> Result<()> {
        on_write!(self, pool => sqlx::query(SETTLE_COPY)
            .bind(copy)
            .bind(millis(at))
            .bind(id.to_owned())
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }
}

pub(super) const MARK_BOUNCED: &str = "UPDATE effect SET bounced_at = $1, bounce_status = $2 WHERE id = $3";
pub(super) const HASTEN: &str = "UPDATE effect SET due_at = $1 \
     WHERE request = $2 AND request <> 0 AND kind = 'acknowledgement' AND state = 'pending' AND due_at > $1";
pub(super) const MAILS_ABOUT: &str = "SELECT id, kind, recipients, message_id, created_at, due_at, state, attempts, \
     settled_at, answer, bounced_at, bounce_status, copy FROM effect \
     WHERE request = $1 AND request <> 0 AND domain <> '' ORDER BY created_at, due_at, id";
pub(super) const COPIES_DUE: &str = concat!(
    "SELECT ",
    effect_columns!(),
    ", text_digest, copy_attempts FROM effect WHERE copy = 'wanted' AND mailbox = $1 AND copy_at <= $2 \
     ORDER BY copy_at, id LIMIT $3"
);
pub(super) const NEXT_COPY: &str = "SELECT MIN(copy_at) FROM effect WHERE copy = 'wanted' AND mailbox = $1";
pub(super) const SETTLE_COPY: &str =
    "UPDATE effect SET copy = $1, copy_at = $2, copy_attempts = copy_attempts + 1 WHERE id = $3";

// Texts to which a list of values is added.
pub(super) const PUBLIC_MAILS: &str = "SELECT message_id, id FROM effect WHERE domain <> '' AND message_id IN (";
