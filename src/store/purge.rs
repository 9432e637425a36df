//! Forgetting: addresses, names and subjects first, whole rows years later; and the log of who was shown such data.
//!
//! What is deliberately kept: the ledger, which knows a person only by a digest whose key goes with the person's row; and
//! of each purged message its digest, so that a message still lying in its folder is never taken for a new one.

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::rows::{instant, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::custody::Purged;

/// Values of one IN list.
const VALUES_PER_LIST: usize = 500;
/// Lines of the access log that one question is answered with.
const MAX_ACCESS_LINES: i64 = 100_000;

/// A request, or a message that belongs to none, that may be purged.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Purgeable {
    /// Its place in the store.
    pub id: i64,
    /// The request's reference, or the message's digest.
    pub name: String,
    /// The mailbox.
    pub mailbox: String,
    /// The request's nature, or the message's verdict.
    pub category: String,
    /// The request's status; empty for a message.
    pub result: String,
    /// When it was received, in milliseconds.
    pub received_at: i64,
    /// When it was settled, in milliseconds; 0 for a message.
    pub settled_at: i64,
}

/// A person and what is known of them.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub struct PersonRow {
    /// Their place in the store.
    pub id: i64,
    /// Their address.
    pub address: String,
    /// Their name.
    pub name: String,
    /// The digest that stands for them in the ledger.
    pub digest: String,
    /// When a report said that the address is undeliverable, in milliseconds; 0 for never.
    pub undeliverable_at: i64,
}

/// A message of a person, as it is shown to them.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PersonMessage {
    /// When it was received, in milliseconds.
    pub received_at: i64,
    /// The mailbox.
    pub mailbox: String,
    /// Its subject.
    pub subject: String,
    /// Its Message-ID.
    pub message_id: String,
    /// What it was judged to be.
    pub verdict: String,
    /// The reference of its request; empty for none.
    pub reference: String,
    /// Where that request stands; empty for none.
    pub status: String,
}

/// A line of the access log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccessLine {
    /// When, in milliseconds.
    pub at: i64,
    /// Who asked: the login.
    pub reader: String,
    /// The command.
    pub question: String,
    /// About what: a reference, a mailbox, a person's digest; empty for all.
    pub about: String,
    /// How many rows with personal data were shown.
    pub shown: i64,
}

/// Runs a statement with an IN list of ids, on either database, list by list; the rows that it touched.
macro_rules! each_list {
    ($turn:expr, $head:expr, $ids:expr, $tail:expr) => {{
        let mut touched = 0_u64;
        for chunk in $ids.chunks(VALUES_PER_LIST) {
            touched += on_turn!($turn, connection => {
                let mut builder = QueryBuilder::new($head);
                let mut list = builder.separated(", ");
                for id in chunk {
                    list.push_bind(*id);
                }
                builder.push($tail);
                builder.build().execute(connection).await.map(|done| done.rows_affected())
            })?;
        }
        touched
    }};
}

/// Selects one column of the rows that an IN list of ids names.
macro_rules! column_of {
    ($turn:expr, $kind:ty, $head:expr, $ids:expr, $tail:expr) => {{
        let mut found: Vec<$kind> = Vec::new();
        for chunk in $ids.chunks(VALUES_PER_LIST) {
            let rows: Vec<($kind,)> = on_turn!($turn, connection => {
                let mut builder = QueryBuilder::new($head);
                let mut list = builder.separated(", ");
                for id in chunk {
                    list.push_bind(*id);
                }
                builder.push($tail);
                builder.build_query_as().fetch_all(connection).await
            })?;
            found.extend(rows.into_iter().map(|(value,)| value));
        }
        found
    }};
}

impl Store {
    /// The requests settled before an instant whose requester is still known (`forgotten` false), or whose rows are still
    /// there (true), and the messages received before it that belong to no request; the oldest first.
    pub async fn purgeable(&self, before: DateTime<Utc>, rows: bool) -> Result<(Vec<Purgeable>, Vec<Purgeable>)> {
        let (requests, messages) = if rows { (OLD_REQUESTS, OLD_MESSAGES) } else { (KNOWN_REQUESTS, KNOWN_MESSAGES) };
        let ask = async |sql: &'static str| -> Result<Vec<Purgeable>> {
            on_read!(self, pool => sqlx::query_as(sql).bind(millis(before)).fetch_all(pool).await).map_err(Error::from)
        };
        Ok((ask(requests).await?, ask(messages).await?))
    }

    /// What is known of the person behind an address in canonical form.
    pub async fn person(&self, address: &str) -> Result<Option<PersonRow>> {
        on_read!(self, pool => sqlx::query_as(PERSON).bind(address.to_owned()).fetch_optional(pool).await)
            .map_err(Error::from)
    }

    /// The messages of a person, the oldest first.
    pub async fn messages_of_person(&self, person: i64) -> Result<Vec<PersonMessage>> {
        on_read!(self, pool => sqlx::query_as(PERSON_MESSAGES).bind(person).fetch_all(pool).await).map_err(Error::from)
    }

    /// How many requests of a bureau may lose what is personal of them, being closed before an instant; how many may go as
    /// rows, being closed before another; and when the first of all these was closed.
    pub async fn purgeable_of(
        &self,
        bureau: &str,
        personal: DateTime<Utc>,
        rows: DateTime<Utc>,
    ) -> Result<(i64, i64, DateTime<Utc>)> {
        let (personal, rows, first): (i64, i64, i64) = on_read!(self, pool => sqlx::query_as(PURGEABLE_OF)
            .bind(millis(personal))
            .bind(millis(rows))
            .bind(bureau.to_owned())
            .fetch_one(pool)
            .await)?;
        Ok((personal, rows, instant(first)))
    }

    /// The access log since an instant, the oldest first.
    pub async fn access_log(&self, since: DateTime<Utc>) -> Result<Vec<AccessLine>> {
        on_read!(self, pool => sqlx::query_as(ACCESS_LOG)
            .bind(millis(since))
            .bind(MAX_ACCESS_LINES)
            .fetch_all(pool)
            .await)
        .map_err(Error::from)
    }
}

impl Turn {
    /// Writes down that personal data were shown, and drops what is older than `keep_since`.
    pub async fn note_access(&mut self, line: &AccessLine, keep_since: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(TRIM_ACCESS).bind(millis(keep_since)).execute(connection).await.map(drop))?;
        on_turn!(self, connection => sqlx::query(NOTE_ACCESS)
            .bind(line.at)
            .bind(line.reader.replace('\0', ""))
            .bind(line.question.clone())
            .bind(line.about.replace('\0', ""))
            .bind(line.shown)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Those of these requests that are settled.
    pub async fn settled_among(&mut self, requests: &[i64]) -> Result<Vec<i64>> {
        const TAIL: &str = ") AND settled_at <> 0 AND status <> 'open'";
        Ok(column_of!(self, i64, "SELECT id FROM request WHERE id IN (", requests, TAIL))
    }

    /// The messages of these requests.
    pub async fn messages_of(&mut self, requests: &[i64]) -> Result<Vec<i64>> {
        Ok(column_of!(self, i64, "SELECT id FROM message WHERE request IN (", requests, ") ORDER BY id"))
    }

    /// The requests of a person, open ones first by their references.
    pub async fn requests_of(&mut self, person: i64) -> Result<Vec<(i64, String, String)>> {
        on_turn!(self, connection => sqlx::query_as(PERSON_REQUESTS).bind(person).fetch_all(connection).await)
            .map_err(Error::from)
    }

    /// The messages of a person, by place.
    pub async fn message_ids_of(&mut self, person: i64) -> Result<Vec<i64>> {
        on_turn!(self, connection => sqlx::query_scalar(PERSON_MESSAGE_IDS).bind(person).fetch_all(connection).await)
            .map_err(Error::from)
    }

    /// Forgets addresses, names, subjects and agents' words of requests and messages; persons whom nothing names any more
    /// go with their keys.
    pub async fn forget(&mut self, requests: &[i64], messages: &[i64], now: DateTime<Utc>) -> Result<()> {
        let at = millis(now);
        let mut persons =
            column_of!(self, i64, "SELECT person FROM request WHERE person <> 0 AND id IN (", requests, ")");
        persons.extend(column_of!(
            self,
            i64,
            "SELECT person FROM message WHERE person <> 0 AND id IN (",
            messages,
            ")"
        ));
        persons.sort_unstable();
        persons.dedup();
        let head = format!("UPDATE message SET {FORGOTTEN_MESSAGE}, forgotten_at = {at} WHERE id IN (");
        each_list!(self, head.as_str(), messages, ")");
        each_list!(self, "DELETE FROM early_reply WHERE message IN (", messages, ")");
        each_list!(self, "DELETE FROM note WHERE request IN (", requests, ")");
        let head = format!("UPDATE effect SET {FORGOTTEN_MAIL} WHERE settled_at <> 0 AND request IN (");
        each_list!(self, head.as_str(), requests, ")");
        let head = format!("UPDATE request SET person = 0, forgotten_at = {at} WHERE id IN (");
        each_list!(self, head.as_str(), requests, ")");
        each_list!(self, "DELETE FROM person WHERE id IN (", persons, UNNAMED);
        Ok(())
    }

    /// Forgets what mails that belong to no request said and to whom, once they were settled before an instant.
    pub async fn forget_mails(&mut self, before: DateTime<Utc>) -> Result<u64> {
        on_turn!(self, connection => sqlx::query(FORGET_MAILS)
            .bind(millis(before))
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::from)
    }

    /// Takes the rows of requests and messages away; what they were, by the ledger's names. Of each message the digest
    /// stays, and its place while it lies there.
    pub async fn purge(&mut self, requests: &[i64], messages: &[i64]) -> Result<Purged> {
        let purged = Purged {
            requests: column_of!(
                self,
                String,
                "SELECT reference FROM request WHERE id IN (",
                requests,
                ") ORDER BY id"
            ),
            messages: column_of!(self, String, "SELECT digest FROM message WHERE id IN (", messages, ") ORDER BY id"),
            mails: column_of!(self, String, "SELECT id FROM effect WHERE request IN (", requests, ") ORDER BY id"),
        };
        each_list!(self, BURY, messages, ")");
        each_list!(self, "DELETE FROM location WHERE gone_at <> 0 AND message IN (", messages, ")");
        each_list!(self, "DELETE FROM message WHERE id IN (", messages, ")");
        each_list!(self, "DELETE FROM effect WHERE request IN (", requests, ")");
        each_list!(self, "DELETE FROM request WHERE id IN (", requests, ")");
        Ok(purged)
    }
}

/// When a line of the log was written.
impl AccessLine {
    /// The instant.
    #[must_use]
    pub fn instant(&self) -> DateTime<Utc> {
        instant(self.at)
    }
}

const BURY: &str = "INSERT INTO tombstone (digest, id, mailbox, verdict, reason) \
     SELECT digest, id, mailbox, verdict, reason FROM message WHERE id IN (";
const FORGOTTEN_MESSAGE: &str = "person = 0, message_id = '', domain = '', subject = '', thread_refs = '', \
     thread_index = '', reason_detail = '', acknowledgement_detail = ''";
const FORGOTTEN_MAIL: &str = "recipients = '', domain = '', about = '', answer = ''";
const UNNAMED: &str = ") AND NOT EXISTS (SELECT 1 FROM request r WHERE r.person = person.id AND r.person <> 0) \
     AND NOT EXISTS (SELECT 1 FROM message m WHERE m.person = person.id AND m.person <> 0)";

macro_rules! purgeable_requests {
    ($which:literal) => {
        concat!(
            "SELECT id, reference AS name, mailbox, nature AS category, status AS result, received_at, settled_at \
             FROM request WHERE settled_at <> 0 AND settled_at < $1 AND status <> 'open'",
            $which,
            " ORDER BY settled_at, id"
        )
    };
}
macro_rules! purgeable_messages {
    ($which:literal) => {
        concat!(
            "SELECT id, digest AS name, mailbox, verdict AS category, '' AS result, received_at, \
             CAST(0 AS BIGINT) AS settled_at FROM message WHERE request = 0 AND received_at < $1",
            $which,
            " ORDER BY received_at, id"
        )
    };
}
// A mail that was still on its way when its request was forgotten is forgotten by the next purge.
pub(super) const KNOWN_REQUESTS: &str = purgeable_requests!(
    " AND (forgotten_at = 0 OR EXISTS (SELECT 1 FROM effect e WHERE e.request = request.id AND e.request <> 0 \
     AND e.settled_at <> 0 AND e.recipients <> ''))"
);
pub(super) const KNOWN_MESSAGES: &str = purgeable_messages!(" AND forgotten_at = 0");
pub(super) const OLD_REQUESTS: &str = purgeable_requests!("");
pub(super) const OLD_MESSAGES: &str = purgeable_messages!("");
pub(super) const PURGEABLE_OF: &str = "SELECT COUNT(CASE WHEN forgotten_at = 0 AND settled_at >= $2 THEN 1 END), \
     COUNT(CASE WHEN settled_at < $2 THEN 1 END), COALESCE(MIN(settled_at), 0) FROM request \
     WHERE bureau = $3 AND status <> 'open' AND settled_at <> 0 AND settled_at < $1 AND (forgotten_at = 0 OR settled_at < $2)";
pub(super) const PERSON: &str = "SELECT id, address, name, digest, undeliverable_at FROM person WHERE address = $1";
pub(super) const PERSON_MESSAGES: &str = "SELECT m.received_at, m.mailbox, m.subject, m.message_id, m.verdict, \
     COALESCE(r.reference, '') AS reference, COALESCE(r.status, '') AS status \
     FROM message m LEFT JOIN request r ON r.id = m.request AND m.request <> 0 \
     WHERE m.person = $1 AND m.person <> 0 ORDER BY m.received_at, m.id";
pub(super) const PERSON_REQUESTS: &str =
    "SELECT id, reference, status FROM request WHERE person = $1 AND person <> 0 ORDER BY reference";
pub(super) const PERSON_MESSAGE_IDS: &str = "SELECT id FROM message WHERE person = $1 AND person <> 0 ORDER BY id";
pub(super) const FORGET_MAILS: &str = "UPDATE effect SET recipients = '', domain = '', about = '', answer = '' \
     WHERE settled_at <> 0 AND settled_at < $1 AND request = 0 AND recipients <> ''";
pub(super) const ACCESS_LOG: &str =
    "SELECT at, reader, question, about, shown FROM access_log WHERE at >= $1 ORDER BY id LIMIT $2";
pub(super) const TRIM_ACCESS: &str = "DELETE FROM access_log WHERE at < $1";
pub(super) const NOTE_ACCESS: &str = "INSERT INTO access_log (id, at, reader, question, about, shown) \
     SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5 FROM access_log";
