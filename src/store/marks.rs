//! What messages bear in the agents' mail clients, and the requests to be looked at again because of it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::load::VALUES_PER_LIST;
use super::rows::{instant, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::classify::{FolderRole, HOLDING, PUT_BY_HAND, SAME_SUBJECT};
use crate::domain::evidence::Evidence;
use crate::domain::gesture::Lying;
use crate::domain::request::{MessageId, RequestId};
use crate::domain::sighting::FlagSet;

/// Replies of one request that are looked at when a gesture is undone.
const MAX_REPLIES: i64 = 50;

/// A recorded message, as far as gestures look at it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StandingRow {
    /// Its place in the store.
    pub id: i64,
    /// The digest that stands for it.
    pub digest: String,
    /// Its Message-ID; empty for none.
    pub message_id: String,
    /// The mailbox.
    pub mailbox: String,
    /// What it was judged to be.
    pub verdict: String,
    /// The request that it belongs to; 0 for none.
    pub request: i64,
    /// When it was received, in milliseconds.
    pub received_at: i64,
    /// The marks that were last seen on it, one a line.
    pub marks: String,
}

/// An answer of ours to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRow {
    /// The digest that stands for it.
    pub digest: String,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// When it was first seen to lie somewhere.
    pub seen_at: DateTime<Utc>,
    /// The mailbox in which it was seen.
    pub mailbox: String,
    /// Whether it lay in a Sent folder.
    pub in_sent: bool,
    /// The code of why it was taken for a reply.
    pub reason: String,
    /// Whether its subject says that it is a holding reply.
    pub holding: bool,
}

impl ReplyRow {
    /// What it proves of a request of this mailbox.
    #[must_use]
    pub fn evidence(&self, mailbox: &str) -> Evidence {
        match self.reason.as_str() {
            SAME_SUBJECT => Evidence::SameSubject,
            _ if self.in_sent && self.mailbox == mailbox => Evidence::SentReply,
            _ => Evidence::SeenReply,
        }
    }
}

/// A message of a request that bears marks.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MarkedRow {
    /// The message's place in the store.
    pub id: i64,
    /// The request.
    pub request: i64,
    /// What the message was judged to be.
    pub verdict: String,
    /// The marks that were last seen on it, one a line.
    pub marks: String,
}

/// A further copy of a request's message that lies somewhere now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// The request.
    pub request: RequestId,
    /// The mailbox in which the copy lies.
    pub mailbox: String,
    /// Whether a hand put it there, rather than the server that delivered it.
    pub by_hand: bool,
}

/// Selects the rows whose column is one of the numbers.
macro_rules! select_ids {
    ($turn:expr, $row:ty, $head:expr, $ids:expr, $tail:expr) => {{
        let mut found: Vec<$row> = Vec::new();
        for chunk in $ids.chunks(VALUES_PER_LIST) {
            let rows: Vec<$row> = on_turn!($turn, connection => {
                let mut builder = QueryBuilder::new($head);
                let mut list = builder.separated(", ");
                for id in chunk {
                    list.push_bind(id.0);
                }
                builder.push($tail);
                builder.build_query_as().fetch_all(connection).await
            })?;
            found.extend(rows);
        }
        found
    }};
}

impl Turn {
    /// These messages, in the order in which they were recorded.
    pub async fn standings(&mut self, ids: &[MessageId]) -> Result<Vec<StandingRow>> {
        Ok(select_ids!(self, StandingRow, STANDINGS, ids, ") ORDER BY id"))
    }

    /// Where these messages lie now.
    pub async fn lying(&mut self, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Lying>>> {
        let mut found: HashMap<MessageId, Vec<Lying>> = HashMap::new();
        for (message, folder, role, flags, seen_at) in
            select_ids!(self, (i64, String, String, String, i64), LYING, ids, ")")
        {
            let known = FolderRole::from_name(&role);
            let role = known.ok_or(Error::Corrupt { table: "folder", column: "role", value: role })?;
            let lying = Lying { folder, role, flags: FlagSet::from_text(&flags), seen_at: instant(seen_at) };
            found.entry(MessageId(message)).or_default().push(lying);
        }
        Ok(found)
    }

    /// Keeps the marks that were seen on a message.
    pub async fn save_marks(&mut self, message: i64, marks: &str) -> Result<()> {
        on_turn!(self, connection => sqlx::query(SAVE_MARKS)
            .bind(marks.to_owned())
            .bind(message)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Our answers to a request, the earliest first.
    pub async fn replies_of(&mut self, request: RequestId) -> Result<Vec<ReplyRow>> {
        type Row = (String, i64, String, String, String, i64, i64);
        let rows: Vec<Row> = on_turn!(self, connection => sqlx::query_as(REPLIES_OF)
            .bind(request.0)
            .bind(MAX_REPLIES)
            .fetch_all(connection)
            .await)?;
        let reply = |(digest, at, mailbox, reason, detail, in_sent, seen_at): Row| ReplyRow {
            digest,
            at: instant(at),
            seen_at: instant(seen_at),
            mailbox,
            in_sent: in_sent != 0,
            reason,
            holding: detail == HOLDING,
        };
        Ok(rows.into_iter().map(reply).collect())
    }

    /// What the ledger says of the messages that belong to a request through one that was merged into it, in order.
    pub async fn through_others(&mut self, reference: &str) -> Result<Vec<String>> {
        Ok(on_turn!(self, connection => sqlx::query_scalar(THROUGH_OTHERS)
            .bind(reference.to_owned())
            .fetch_all(connection)
            .await)?)
    }

    /// Whether what gestures had said of a request was ended since an instant by something else than their undoing: the
    /// clock was resumed, or the request reopened.
    pub async fn undone_since(&mut self, reference: &str, at: DateTime<Utc>) -> Result<bool> {
        let ended: i64 = on_turn!(self, connection => sqlx::query_scalar(UNDONE_SINCE)
            .bind(reference.to_owned())
            .bind(millis(at))
            .fetch_one(connection)
            .await)?;
        Ok(ended > 0)
    }

    /// The further copies of these requests' messages that lie somewhere now.
    pub async fn copies_of(&mut self, requests: &[RequestId]) -> Result<Vec<CopyRow>> {
        let rows = select_ids!(self, (i64, String, String), COPIES_OF, requests, ") ORDER BY m.request, m.mailbox");
        let copy = |(request, mailbox, detail): (i64, String, String)| CopyRow {
            request: RequestId(request),
            mailbox,
            by_hand: detail == PUT_BY_HAND,
        };
        Ok(rows.into_iter().map(copy).collect())
    }

    /// Has a request looked at again, because of what was seen at an instant; the earliest is kept.
    pub async fn look_again(&mut self, request: RequestId, seen_at: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(LOOK_AGAIN)
            .bind(request.0)
            .bind(millis(seen_at))
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The requests to be looked at again because of what was seen until an instant, each with when, the oldest first.
    pub async fn to_look_at(&mut self, until: DateTime<Utc>, limit: i64) -> Result<Vec<(RequestId, DateTime<Utc>)>> {
        let rows: Vec<(i64, i64)> = on_turn!(self, connection => sqlx::query_as(TO_LOOK_AT)
            .bind(millis(until))
            .bind(limit)
            .fetch_all(connection)
            .await)?;
        Ok(rows.into_iter().map(|(request, seen_at)| (RequestId(request), instant(seen_at))).collect())
    }

    /// These requests were looked at.
    pub async fn looked_at(&mut self, until: DateTime<Utc>, requests: &[RequestId]) -> Result<()> {
        for request in requests {
            on_turn!(self, connection => sqlx::query(LOOKED_AT)
                .bind(request.0)
                .bind(millis(until))
                .execute(connection)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// The messages of these requests that bear marks.
    pub async fn marks_of(&mut self, requests: &[RequestId]) -> Result<Vec<MarkedRow>> {
        Ok(select_ids!(self, MarkedRow, MARKS_OF, requests, ") ORDER BY id"))
    }

    /// Which of these messages lie in a watched folder.
    pub async fn present(&mut self, ids: &[MessageId]) -> Result<HashSet<MessageId>> {
        let rows = select_ids!(self, (i64,), PRESENT, ids, ")");
        Ok(rows.into_iter().map(|(id,)| MessageId(id)).collect())
    }
}

impl Store {
    /// When what was seen first, and waits to be looked at again, was seen; `None` where nothing waits.
    pub async fn first_to_look_at(&self) -> Result<Option<DateTime<Utc>>> {
        let next: Option<i64> = on_read!(self, pool => sqlx::query_scalar(FIRST_TO_LOOK_AT).fetch_one(pool).await)?;
        Ok(next.map(instant))
    }
}

pub(super) const SAVE_MARKS: &str = "UPDATE message SET marks = $1 WHERE id = $2";
pub(super) const REPLIES_OF: &str = "SELECT m.digest, m.received_at, m.mailbox, m.reason, m.reason_detail, \
     (SELECT COUNT(*) FROM location l JOIN folder f ON f.id = l.folder WHERE l.message = m.id AND f.role = 'sent'), \
     (SELECT COALESCE(MIN(seen_at), m.received_at) FROM location WHERE message = m.id) \
     FROM message m WHERE m.request = $1 AND m.request <> 0 AND m.verdict = 'reply' ORDER BY m.received_at, m.id LIMIT $2";
pub(super) const THROUGH_OTHERS: &str = "SELECT payload FROM ledger WHERE request = $1 AND request <> '' \
     AND kind = 'message_recorded' AND payload LIKE '%\"through\":%' ORDER BY seq";
pub(super) const UNDONE_SINCE: &str = "SELECT COUNT(*) FROM ledger WHERE request = $1 AND request <> '' AND occurred_at >= $2 \
     AND ((kind = 'request_resumed' AND payload NOT LIKE '%\"way\":\"gesture\"%') \
     OR (kind = 'request_reopened' AND payload NOT LIKE '%\"why\":\"gesture_undone\"%'))";
pub(super) const LOOK_AGAIN: &str =
    "INSERT INTO look_again (request, seen_at) VALUES ($1, $2) ON CONFLICT (request) DO NOTHING";
pub(super) const TO_LOOK_AT: &str =
    "SELECT request, seen_at FROM look_again WHERE seen_at <= $1 ORDER BY seen_at, request LIMIT $2";
pub(super) const LOOKED_AT: &str = "DELETE FROM look_again WHERE request = $1 AND seen_at <= $2";
pub(super) const FIRST_TO_LOOK_AT: &str = "SELECT MIN(seen_at) FROM look_again";

// Texts to which a list of values is added.
pub(super) const STANDINGS: &str =
    "SELECT id, digest, message_id, mailbox, verdict, request, received_at, marks FROM message WHERE id IN (";
pub(super) const LYING: &str = "SELECT l.message, f.name, f.role, l.flags, l.seen_at FROM location l \
     JOIN folder f ON f.id = l.folder WHERE l.gone_at = 0 AND l.message IN (";
pub(super) const COPIES_OF: &str = "SELECT DISTINCT m.request, m.mailbox, m.reason_detail FROM message m \
     JOIN location l ON l.message = m.id WHERE m.verdict = 'duplicate' AND l.gone_at = 0 \
     AND m.request <> 0 AND m.request IN (";
pub(super) const MARKS_OF: &str = "SELECT id, request, verdict, marks FROM message WHERE marks <> '' AND request IN (";
pub(super) const PRESENT: &str = "SELECT DISTINCT message FROM location WHERE gone_at = 0 AND message IN (";
