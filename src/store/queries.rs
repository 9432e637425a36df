//! What people ask: listings, counts, the ledger page by page. Read only, outside any turn.

use chrono::{DateTime, NaiveDate, Utc};

use super::load::{MAILBOX, MailboxRow};
use super::rows::{LedgerRow, RequestRow, instant, ledger_columns, millis, request_columns};
use super::{Error, Result, Store, on_read};
use crate::domain::ledger::{Head, LedgerEntry};
use crate::domain::request::{PersonId, Request, RequestId};

/// Entries of the ledger read at a time.
pub const LEDGER_PAGE: i64 = 2_000;

/// How far a folder was read.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FolderCursor {
    /// Its place.
    pub id: i64,
    /// Its mailbox.
    pub mailbox: String,
    /// Its name, in Unicode.
    pub name: String,
    /// `inbox`, `sent`, `junk` or `other`.
    pub role: String,
    /// The UIDVALIDITY under which it was read; -1 for never.
    pub uid_validity: i64,
    /// The highest UID that was recorded.
    pub last_uid: i64,
    /// The UIDNEXT below which every message is recorded; 0 for none.
    pub uid_next: i64,
    /// The modification sequence up to which everything is recorded; 0 for none.
    pub highest_modseq: i64,
    /// When it was read last; 0 for never.
    pub scanned_at: i64,
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Of this mailbox; of all where empty.
    pub mailbox: String,
    /// Received at or after.
    pub from: Option<DateTime<Utc>>,
    /// Received before.
    pub until: Option<DateTime<Utc>>,
}

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Of this mailbox; of all where empty.
    pub mailbox: String,
    /// Of this bureau; of all where empty.
    pub bureau: String,
    /// In this state; in any where empty.
    pub status: String,
    /// Due before this day.
    pub due_before: Option<NaiveDate>,
    /// Received at or after.
    pub from: Option<DateTime<Utc>>,
    /// Received before.
    pub until: Option<DateTime<Utc>>,
}

/// A line of `vigie messages`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MessageLine {
    /// The Message-ID, without brackets; empty for none.
    pub message_id: String,
    /// The mailbox.
    pub mailbox: String,
    /// The folder in which it was first seen.
    pub folder: String,
    /// When it was received, in milliseconds.
    pub received_at: i64,
    /// What kind of correspondent wrote it.
    pub from_kind: String,
    /// What it is.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// What the reason saw.
    pub reason_detail: String,
    /// The reference of its request; empty for none.
    pub reference: String,
    /// `send`, `withhold` or `none`.
    pub acknowledgement: String,
    /// Why.
    pub acknowledgement_reason: String,
    /// What that reason saw.
    pub acknowledgement_detail: String,
    /// The key of the commitment.
    pub commitment: String,
    /// When its answer is due; empty for never.
    pub due_on: String,
}

/// A line of `vigie requests`: the request, and what its message said.
#[derive(Debug, Clone)]
pub struct RequestLine {
    /// The request.
    pub request: Request,
    /// Its message's Message-ID.
    pub message_id: String,
    /// Its message's subject.
    pub subject: String,
    /// Its message's References, space-separated; kept only where it is acknowledged.
    pub thread_refs: String,
    /// Outlook's Thread-Index of its message.
    pub thread_index: String,
    /// The language of its message.
    pub language: String,
    /// Who asks.
    pub address: String,
    /// By which name.
    pub name: String,
    /// Why its message was not acknowledged, or by which rule it was.
    pub acknowledgement_reason: String,
    /// What that reason saw.
    pub acknowledgement_detail: String,
    /// What became of the acknowledgement that was refused, bounced or lost.
    pub failure: Option<Failure>,
}

/// Why an acknowledgement did not arrive, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When it was refused, or when the report came that says so.
    pub at: DateTime<Utc>,
    /// The status of the report that came back; `None` where it was the relay that refused or lost it.
    pub bounce_status: Option<String>,
}

impl Failure {
    /// Reads [`request_join`]'s column: `1` and a status for a bounce, `0` for the relay, after the instant.
    fn read(text: &str) -> Option<Self> {
        let (at, what) = text.split_once(' ')?;
        let (bounced, status) = what.split_once(' ')?;
        Some(Self { at: instant(at.parse().ok()?), bounce_status: (bounced == "1").then(|| status.to_owned()) })
    }
}

#[derive(sqlx::FromRow)]
struct RequestJoin {
    #[sqlx(flatten)]
    request: RequestRow,
    message_id: String,
    subject: String,
    thread_refs: String,
    thread_index: String,
    language: String,
    address: String,
    name: String,
    acknowledgement_reason: String,
    acknowledgement_detail: String,
    failure: String,
}

/// What `vigie status` counts.
#[derive(Debug, Clone, Default)]
pub struct QueueState {
    /// Mails waiting.
    pub pending: i64,
    /// Mails being sent.
    pub sending: i64,
    /// Mails held by the breaker.
    pub held: i64,
    /// Mails of unknown fate.
    pub unknown: i64,
    /// Mails refused for good.
    pub refused: i64,
}

impl Store {
    /// Lists messages, the oldest first.
    pub async fn messages(&self, listing: &Listing) -> Result<Vec<MessageLine>> {
        let (from, until) = span(listing.from, listing.until);
        on_read!(self, pool => sqlx::query_as(MESSAGES)
            .bind(listing.mailbox.clone())
            .bind(from)
            .bind(until)
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }

    /// Lists requests, the oldest first.
    pub async fn list_requests(&self, filter: &RequestFilter) -> Result<Vec<RequestLine>> {
        let (from, until) = span(filter.from, filter.until);
        let due_before = filter.due_before.map_or_else(String::new, |day| day.to_string());
        let rows: Vec<RequestJoin> = on_read!(self, pool => sqlx::query_as(REQUESTS)
            .bind(filter.mailbox.clone())
            .bind(filter.bureau.clone())
            .bind(filter.status.clone())
            .bind(due_before)
            .bind(from)
            .bind(until)
            .fetch_all(pool)
            .await)?;
        rows.into_iter().map(RequestJoin::into_line).collect()
    }

    /// One request, by its reference.
    pub async fn request_line(&self, reference: &str) -> Result<Option<RequestLine>> {
        let row: Option<RequestJoin> = on_read!(self, pool => sqlx::query_as(REQUEST_LINE)
            .bind(reference.to_owned())
            .fetch_optional(pool)
            .await)?;
        row.map(RequestJoin::into_line).transpose()
    }

    /// One request, by its place.
    pub async fn request_line_by_id(&self, id: RequestId) -> Result<Option<RequestLine>> {
        let row: Option<RequestJoin> = on_read!(self, pool => sqlx::query_as(REQUEST_LINE_BY_ID)
            .bind(id.0)
            .fetch_optional(pool)
            .await)?;
        row.map(RequestJoin::into_line).transpose()
    }

    /// A mailbox's row, where there is one.
    pub async fn mailbox(&self, name: &str) -> Result<Option<MailboxRow>> {
        let row = on_read!(self, pool => sqlx::query_as(MAILBOX).bind(name.to_owned()).fetch_optional(pool).await)?;
        row.map(MailboxRow::read).transpose()
    }

    /// The address of a person.
    pub async fn address_of(&self, person: PersonId) -> Result<Option<String>> {
        on_read!(self, pool => sqlx::query_scalar(ADDRESS_OF).bind(person.0).fetch_optional(pool).await)
            .map_err(Error::from)
    }

    /// What agents wrote about a request, by the digests that stand for it in the ledger.
    pub async fn notes_of(&self, reference: &str) -> Result<Vec<(String, String)>> {
        on_read!(self, pool => sqlx::query_as(NOTES_OF).bind(reference.to_owned()).fetch_all(pool).await)
            .map_err(Error::from)
    }

    /// How the answers to a mailbox's requests received since an instant are proved: evidence, count.
    pub async fn answers_by_evidence(&self, mailbox: &str, since: DateTime<Utc>) -> Result<Vec<(String, i64)>> {
        on_read!(self, pool => sqlx::query_as(ANSWERS_BY_EVIDENCE)
            .bind(mailbox.to_owned())
            .bind(millis(since))
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }

    /// How many messages came into a mailbox's Sent folders since an instant.
    pub async fn sent_copies(&self, mailbox: &str, since: DateTime<Utc>) -> Result<i64> {
        on_read!(self, pool => sqlx::query_scalar(SENT_COPIES)
            .bind(mailbox.to_owned())
            .bind(millis(since))
            .fetch_one(pool)
            .await)
        .map_err(Error::from)
    }

    /// The ledger's head.
    pub async fn head(&self) -> Result<Head> {
        let (seq, hash): (i64, String) = on_read!(self, pool => sqlx::query_as(HEAD).fetch_one(pool).await)?;
        Ok(Head { seq, hash })
    }

    /// Writes something and nothing: fails while the database takes no writing (a full disk, a file made read-only).
    pub async fn probe(&self) -> Result<()> {
        super::on_write!(self, pool => sqlx::query(PROBE).execute(pool).await.map(drop)).map_err(Error::from)
    }

    /// Entries after a place, in order, at most [`LEDGER_PAGE`].
    pub async fn ledger_after(&self, seq: i64) -> Result<Vec<LedgerEntry>> {
        let rows: Vec<LedgerRow> = on_read!(self, pool => sqlx::query_as(LEDGER_AFTER)
            .bind(seq)
            .bind(LEDGER_PAGE)
            .fetch_all(pool)
            .await)?;
        Ok(rows.into_iter().map(LedgerEntry::from).collect())
    }

    /// The entries about one request, in order.
    pub async fn ledger_of(&self, reference: &str) -> Result<Vec<LedgerEntry>> {
        let rows: Vec<LedgerRow> = on_read!(self, pool => sqlx::query_as(LEDGER_OF)
            .bind(reference.to_owned())
            .fetch_all(pool)
            .await)?;
        Ok(rows.into_iter().map(LedgerEntry::from).collect())
    }

    /// The earliest instant at which an alert is due; `None` where none ever is.
    pub async fn next_alert(&self) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> = on_read!(self, pool => sqlx::query_scalar(NEXT_ALERT).fetch_one(pool).await)?;
        Ok(next.map(instant))
    }

    /// The UIDs recorded of a folder and not known to be gone.
    pub async fn uids(&self, folder: i64, uid_validity: i64) -> Result<Vec<i64>> {
        on_read!(self, pool => sqlx::query_scalar(UIDS)
            .bind(folder)
            .bind(uid_validity)
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }

    /// The same from a UID on.
    pub async fn uids_from(&self, folder: i64, uid_validity: i64, first: u32) -> Result<Vec<i64>> {
        on_read!(self, pool => sqlx::query_scalar(UIDS_FROM)
            .bind(folder)
            .bind(uid_validity)
            .bind(i64::from(first))
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }

    /// How many messages of a folder are recorded and not known to be gone.
    pub async fn count_uids(&self, folder: i64, uid_validity: i64) -> Result<i64> {
        on_read!(self, pool => sqlx::query_scalar(COUNT_UIDS)
            .bind(folder)
            .bind(uid_validity)
            .fetch_one(pool)
            .await)
        .map_err(Error::from)
    }

    /// The folders of a mailbox, as far as they were read.
    pub async fn folders(&self, mailbox: &str) -> Result<Vec<FolderCursor>> {
        on_read!(self, pool => sqlx::query_as(FOLDERS).bind(mailbox.to_owned()).fetch_all(pool).await)
            .map_err(Error::from)
    }

    /// How the queue of mails stands.
    pub async fn queue_state(&self) -> Result<QueueState> {
        let rows: Vec<(String, i64)> = on_read!(self, pool => sqlx::query_as(QUEUE_STATE).fetch_all(pool).await)?;
        let count = |state: &str| rows.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
        Ok(QueueState {
            pending: count("pending"),
            sending: count("sending"),
            held: count("held"),
            unknown: count("unknown"),
            refused: count("refused"),
        })
    }

    /// Messages by verdict, for a mailbox.
    pub async fn verdict_counts(&self, mailbox: &str) -> Result<Vec<(String, i64)>> {
        on_read!(self, pool => sqlx::query_as(VERDICT_COUNTS).bind(mailbox.to_owned()).fetch_all(pool).await)
            .map_err(Error::from)
    }

    /// Requests by state, for a mailbox: state, whether older than the watch, count.
    pub async fn status_counts(&self, mailbox: &str) -> Result<Vec<(String, i64, i64)>> {
        on_read!(self, pool => sqlx::query_as(STATUS_COUNTS).bind(mailbox.to_owned()).fetch_all(pool).await)
            .map_err(Error::from)
    }
}

impl RequestJoin {
    fn into_line(self) -> Result<RequestLine> {
        Ok(RequestLine {
            request: self.request.into_domain()?,
            message_id: self.message_id,
            subject: self.subject,
            thread_refs: self.thread_refs,
            thread_index: self.thread_index,
            language: self.language,
            address: self.address,
            name: self.name,
            acknowledgement_reason: self.acknowledgement_reason,
            acknowledgement_detail: self.acknowledgement_detail,
            failure: Failure::read(&self.failure),
        })
    }
}

fn span(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> (i64, i64) {
    (from.map_or(i64::MIN, millis), until.map_or(i64::MAX, millis))
}

macro_rules! request_join {
    ($tail:literal) => {
        concat!(
            "SELECT r.*, COALESCE(m.message_id, '') AS message_id, COALESCE(m.subject, '') AS subject, \
             COALESCE(m.thread_refs, '') AS thread_refs, COALESCE(m.thread_index, '') AS thread_index, \
             COALESCE(m.language, '') AS language, COALESCE(p.address, '') AS address, COALESCE(p.name, '') AS name, \
             COALESCE(m.acknowledgement_reason, '') AS acknowledgement_reason, \
             COALESCE(m.acknowledgement_detail, '') AS acknowledgement_detail, \
             CASE WHEN r.acknowledgement IN ('refused', 'unknown') THEN COALESCE((SELECT \
             CASE WHEN e.bounced_at <> 0 THEN CAST(e.bounced_at AS TEXT) || ' 1 ' || e.bounce_status \
             ELSE CAST(e.settled_at AS TEXT) || ' 0 ' END FROM effect e WHERE e.request = r.id AND e.request <> 0 \
             AND e.domain <> '' AND (e.bounced_at <> 0 OR e.state IN ('refused', 'unknown')) \
             ORDER BY e.bounced_at DESC, e.settled_at DESC, e.id LIMIT 1), '') ELSE '' END AS failure \
             FROM (SELECT ",
            request_columns!(),
            " FROM request) r LEFT JOIN message m ON m.id = r.message LEFT JOIN person p ON p.id = r.person ",
            $tail
        )
    };
}

pub(super) const MESSAGES: &str = "SELECT m.message_id, m.mailbox, m.folder, m.received_at, m.from_kind, m.verdict, \
     m.reason, m.reason_detail, COALESCE(r.reference, '') AS reference, m.acknowledgement, m.acknowledgement_reason, \
     m.acknowledgement_detail, m.commitment, m.due_on FROM message m LEFT JOIN request r ON r.id = m.request \
     WHERE ($1 = '' OR m.mailbox = $1) AND m.received_at >= $2 AND m.received_at < $3 ORDER BY m.received_at, m.id";
pub(super) const REQUESTS: &str = request_join!(
    "WHERE ($1 = '' OR r.mailbox = $1) AND ($2 = '' OR r.bureau = $2) AND ($3 = '' OR r.status = $3) \
     AND ($4 = '' OR r.due_on < $4) AND r.received_at >= $5 AND r.received_at < $6 ORDER BY r.received_at, r.id"
);
pub(super) const REQUEST_LINE: &str = request_join!("WHERE r.reference = $1");
pub(super) const REQUEST_LINE_BY_ID: &str = request_join!("WHERE r.id = $1");
pub(super) const ADDRESS_OF: &str = "SELECT address FROM person WHERE id = $1";
pub(super) const ANSWERS_BY_EVIDENCE: &str = "SELECT evidence, COUNT(*) FROM request \
     WHERE mailbox = $1 AND received_at >= $2 AND status = 'answered' AND backlog = 0 GROUP BY evidence ORDER BY evidence";
pub(super) const SENT_COPIES: &str = "SELECT COUNT(*) FROM location l JOIN folder f ON f.id = l.folder \
     JOIN message m ON m.id = l.message \
     WHERE f.mailbox = $1 AND f.role = 'sent' AND l.seen_at >= $2 AND m.verdict <> 'automated'";
pub(super) const NOTES_OF: &str =
    "SELECT n.digest, n.text FROM note n JOIN request r ON r.id = n.request WHERE r.reference = $1 ORDER BY n.digest";
pub(super) const HEAD: &str = "SELECT seq, hash FROM head WHERE id = 1";
pub(super) const PROBE: &str = "UPDATE head SET turns = turns + 1 WHERE id = 1";
pub(super) const LEDGER_AFTER: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2");
pub(super) const LEDGER_OF: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE request = $1 AND request <> '' ORDER BY seq");
pub(super) const NEXT_ALERT: &str = "SELECT MIN(next_alert_at) FROM request WHERE next_alert_at <> 0";
pub(super) const UIDS: &str = "SELECT uid FROM location WHERE folder = $1 AND uid_validity = $2 AND gone_at = 0";
pub(super) const UIDS_FROM: &str =
    "SELECT uid FROM location WHERE folder = $1 AND uid_validity = $2 AND uid >= $3 AND gone_at = 0";
pub(super) const COUNT_UIDS: &str =
    "SELECT COUNT(*) FROM location WHERE folder = $1 AND uid_validity = $2 AND gone_at = 0";
pub(super) const FOLDERS: &str = "SELECT id, mailbox, name, role, uid_validity, last_uid, uid_next, highest_modseq, scanned_at \
     FROM folder WHERE mailbox = $1 ORDER BY id";
pub(super) const QUEUE_STATE: &str = "SELECT state, COUNT(*) FROM effect GROUP BY state";
pub(super) const VERDICT_COUNTS: &str =
    "SELECT verdict, COUNT(*) FROM message WHERE mailbox = $1 GROUP BY verdict ORDER BY verdict";
pub(super) const STATUS_COUNTS: &str = "SELECT status, backlog, COUNT(*) FROM request WHERE mailbox = $1 GROUP BY status, backlog ORDER BY status, backlog";
