//! What a turn loads before a decision.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::QueryBuilder;

use super::queries::FolderCursor;
use super::rows::{RequestRow, instant, maybe_instant, maybe_millis, millis, request_columns};
use super::turn::{Turn, on_turn};
use super::{Error, Result};
use crate::domain::address::Address;
use crate::domain::classify::HOLDING;
use crate::domain::decide::EarlyReply;
use crate::domain::echo::{MAX_RECENT, Recent};
use crate::domain::ledger::hex;
use crate::domain::policy::{Mode, Watch};
use crate::domain::request::{MessageId, PersonId, Request, RequestId};

/// Values of one IN list.
pub(super) const VALUES_PER_LIST: usize = 500;
/// The octets of a person's key.
const KEY_OCTETS: usize = 32;

/// A message that is stored already.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KnownMessage {
    /// The digest that stands for it.
    pub digest: String,
    /// Its place.
    pub id: i64,
    /// The request that it belongs to; 0 for none.
    pub request: i64,
    /// The mailbox in which it was first seen.
    pub mailbox: String,
    /// What it was judged to be.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// Its Message-ID; empty for none.
    pub message_id: String,
    /// Its size in octets.
    pub size: i64,
    /// The server's identifier of it; empty for none.
    pub email_id: String,
    /// Its INTERNALDATE, in milliseconds; 0 for none.
    pub internal_date: i64,
}

/// The columns of [`KnownMessage`].
macro_rules! known_columns {
    () => {
        "digest, id, request, mailbox, verdict, reason, message_id, size, email_id, internal_date"
    };
}

/// A correspondent.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their place.
    pub id: PersonId,
    /// The keyed digest that stands for them in the ledger.
    pub digest: String,
    /// Since when a report says that the address is undeliverable.
    pub undeliverable: Option<DateTime<Utc>>,
}

/// A mailbox as the store knows it.
#[derive(Debug, Clone, Copy)]
pub struct MailboxRow {
    /// Its mode when vigie last ran.
    pub mode: Mode,
    /// When vigie began to watch and to acknowledge it.
    pub watch: Watch,
    /// Since when it cannot be read.
    pub blind_since: Option<DateTime<Utc>>,
    /// Whether that was reported.
    pub blind_reported: bool,
}

impl MailboxRow {
    /// The row of [`MAILBOX`]'s columns.
    pub(super) fn read(
        (mode, watched, acknowledging, blind_since, blind_reported): (String, i64, i64, i64, i64),
    ) -> Result<Self> {
        let mode = Mode::from_name(&mode).ok_or(Error::Corrupt { table: "mailbox", column: "mode", value: mode })?;
        let watch = Watch { watched_since: instant(watched), acknowledging_since: maybe_instant(acknowledging) };
        Ok(Self { mode, watch, blind_since: maybe_instant(blind_since), blind_reported: blind_reported != 0 })
    }
}

/// Selects the rows whose column is one of the values, the same text on both databases.
macro_rules! select_in {
    ($turn:expr, $row:ty, $head:expr, $values:expr, $tail:expr) => {{
        let mut found: Vec<$row> = Vec::new();
        for chunk in $values.chunks(VALUES_PER_LIST) {
            let rows: Vec<$row> = on_turn!($turn, connection => {
                let mut builder = QueryBuilder::new($head);
                let mut list = builder.separated(", ");
                for value in chunk {
                    list.push_bind(value.clone());
                }
                builder.push($tail);
                builder.build_query_as().fetch_all(connection).await
            })?;
            found.extend(rows);
        }
        found
    }};
}

pub(super) use select_in;

impl Turn {
    /// The mailbox's row, where there is one.
    pub async fn mailbox(&mut self, name: &str) -> Result<Option<MailboxRow>> {
        let row: Option<(String, i64, i64, i64, i64)> = on_turn!(self, connection => sqlx::query_as(MAILBOX)
            .bind(name.to_owned())
            .fetch_optional(connection)
            .await)?;
        row.map(MailboxRow::read).transpose()
    }

    /// Stores the mailbox's row.
    pub async fn save_mailbox(&mut self, name: &str, row: MailboxRow) -> Result<()> {
        on_turn!(self, connection => sqlx::query(SAVE_MAILBOX)
            .bind(name.to_owned())
            .bind(row.mode.name())
            .bind(millis(row.watch.watched_since))
            .bind(maybe_millis(row.watch.acknowledging_since))
            .bind(maybe_millis(row.blind_since))
            .bind(i64::from(row.blind_reported))
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The folder's cursor; a folder that was never seen gets an empty one.
    pub async fn folder(&mut self, mailbox: &str, name: &str, role: &str) -> Result<FolderCursor> {
        on_turn!(self, connection => sqlx::query_as(ENSURE_FOLDER)
            .bind(mailbox.to_owned())
            .bind(name.to_owned())
            .bind(role.to_owned())
            .fetch_one(connection)
            .await)
        .map_err(Error::from)
    }

    /// Moves a folder's cursor on.
    pub async fn move_cursor(&mut self, cursor: &FolderCursor, now: DateTime<Utc>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(MOVE_CURSOR)
            .bind(cursor.uid_validity)
            .bind(cursor.last_uid)
            .bind(cursor.uid_next)
            .bind(cursor.highest_modseq)
            .bind(millis(now))
            .bind(cursor.id)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The messages known under these digests.
    pub async fn known_messages(&mut self, digests: &[String]) -> Result<HashMap<String, KnownMessage>> {
        let mut rows = select_in!(self, KnownMessage, KNOWN_BY_DIGEST, digests, ")");
        rows.extend(select_in!(self, KnownMessage, BURIED, digests, ")"));
        Ok(rows.into_iter().map(|row| (row.digest.clone(), row)).collect())
    }

    /// The messages of a mailbox that bear these identifiers of its server, the oldest first.
    pub async fn known_by_email_id(&mut self, mailbox: &str, ids: &[String]) -> Result<Vec<KnownMessage>> {
        let rows = select_in!(self, KnownMessage, KNOWN_BY_EMAIL_ID, ids, ") ORDER BY id");
        Ok(rows.into_iter().filter(|row| row.mailbox == mailbox).collect())
    }

    /// Where a message lies in a folder now.
    pub async fn uids_of(&mut self, message: MessageId, folder: i64, uid_validity: i64) -> Result<Vec<i64>> {
        on_turn!(self, connection => sqlx::query_scalar(UIDS_OF)
            .bind(message.0)
            .bind(folder)
            .bind(uid_validity)
            .fetch_all(connection)
            .await)
        .map_err(Error::from)
    }

    /// The requests to which these Message-IDs belong: of messages, and of our own acknowledgements.
    pub async fn requests_by_message_id(&mut self, ids: &[String]) -> Result<HashMap<String, RequestId>> {
        let mut found: HashMap<String, RequestId> = HashMap::new();
        for (id, request) in select_in!(self, (String, i64), REQUESTS_OF_MAILS, ids, ")") {
            found.insert(id, RequestId(request));
        }
        for (id, request) in select_in!(self, (String, i64), REQUESTS_OF_MESSAGES, ids, ") ORDER BY id") {
            found.entry(id).or_insert(RequestId(request));
        }
        Ok(found)
    }

    /// These requests.
    pub async fn requests(&mut self, ids: &[RequestId]) -> Result<HashMap<RequestId, Request>> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let rows = select_in!(self, RequestRow, REQUESTS_BY_ID, ids, ")");
        rows.into_iter().map(|row| row.into_domain().map(|request| (request.id, request))).collect()
    }

    /// The open requests of these persons, the earliest first: address, request, subject of its message.
    pub async fn open_requests_of(&mut self, addresses: &[String]) -> Result<Vec<(String, RequestId, String)>> {
        let rows =
            select_in!(self, (String, i64, String), OPEN_REQUESTS_OF, addresses, ") ORDER BY r.received_at, r.id");
        Ok(rows.into_iter().map(|(address, id, subject)| (address, RequestId(id), subject)).collect())
    }

    /// The request of a reference.
    pub async fn request_by_reference(&mut self, reference: &str) -> Result<Option<Request>> {
        let row: Option<RequestRow> = on_turn!(self, connection => sqlx::query_as(REQUEST_BY_REFERENCE)
            .bind(reference.to_owned())
            .fetch_optional(connection)
            .await)?;
        row.map(RequestRow::into_domain).transpose()
    }

    /// The open requests whose alert is due, the oldest first, at most `limit`.
    pub async fn alerts_due(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Request>> {
        let rows: Vec<RequestRow> = on_turn!(self, connection => sqlx::query_as(ALERTS_DUE)
            .bind(millis(now))
            .bind(limit)
            .fetch_all(connection)
            .await)?;
        rows.into_iter().map(RequestRow::into_domain).collect()
    }

    /// Open requests after a place, in order, at most `limit`.
    pub async fn open_requests(&mut self, after: RequestId, limit: i64) -> Result<Vec<Request>> {
        let rows: Vec<RequestRow> = on_turn!(self, connection => sqlx::query_as(OPEN_REQUESTS)
            .bind(after.0)
            .bind(limit)
            .fetch_all(connection)
            .await)?;
        rows.into_iter().map(RequestRow::into_domain).collect()
    }

    /// The persons behind these addresses; who is new gets a key of their own.
    pub async fn persons(&mut self, people: &[(Address, String)]) -> Result<HashMap<String, Person>> {
        let addresses: Vec<String> = people.iter().map(|(address, _)| address.canonical()).collect();
        let rows = select_in!(self, (String, i64, String, i64), PERSONS, addresses, ")");
        let mut found: HashMap<String, Person> = rows
            .into_iter()
            .map(|(address, id, digest, since)| {
                (address, Person { id: PersonId(id), digest, undeliverable: maybe_instant(since) })
            })
            .collect();
        let mut new: Vec<NewPerson> = Vec::new();
        for (address, name) in people {
            let address = address.canonical();
            if found.contains_key(&address) {
                continue;
            }
            let id = self.take_person_id();
            let (key, digest) = keyed_digest(&address)?;
            found.insert(address.clone(), Person { id, digest: digest.clone(), undeliverable: None });
            new.push(NewPerson { id: id.0, address, name: name.replace('\0', ""), key, digest });
        }
        self.insert_persons(&new).await?;
        Ok(found)
    }

    async fn insert_persons(&mut self, people: &[NewPerson]) -> Result<()> {
        for chunk in people.chunks(VALUES_PER_LIST) {
            on_turn!(self, connection => {
                let mut builder =
                    QueryBuilder::new("INSERT INTO person (id, address, name, key, digest, undeliverable_at) ");
                builder.push_values(chunk.iter().cloned(), |mut b, person| {
                    b.push_bind(person.id).push_bind(person.address).push_bind(person.name);
                    b.push_bind(person.key).push_bind(person.digest).push_bind(0_i64);
                });
                builder.build().execute(connection).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// The addresses of these persons, in canonical form.
    pub async fn addresses(&mut self, ids: &[PersonId]) -> Result<HashMap<PersonId, String>> {
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let rows = select_in!(self, (i64, String), ADDRESSES, ids, ")");
        Ok(rows.into_iter().map(|(id, address)| (PersonId(id), address)).collect())
    }

    /// To whom a request's acknowledgement goes or went.
    pub async fn acknowledged_to(&mut self, request: RequestId) -> Result<Option<String>> {
        on_turn!(self, connection => sqlx::query_scalar(ACKNOWLEDGED_TO)
            .bind(request.0)
            .fetch_optional(connection)
            .await)
        .map_err(Error::from)
    }

    /// Keeps what an agent wrote about a request; the keyed digest that stands for it in the ledger.
    pub async fn keep_note(&mut self, request: RequestId, text: &str, now: DateTime<Utc>) -> Result<String> {
        let (key, digest) = keyed_digest(text)?;
        on_turn!(self, connection => sqlx::query(KEEP_NOTE)
            .bind(digest.clone())
            .bind(key)
            .bind(request.0)
            .bind(text.replace('\0', "\u{fffd}"))
            .bind(millis(now))
            .execute(connection)
            .await
            .map(drop))?;
        Ok(digest)
    }

    /// The digest that stands for a person.
    pub async fn person_digest(&mut self, id: PersonId) -> Result<Option<String>> {
        on_turn!(self, connection => sqlx::query_scalar(PERSON_DIGEST).bind(id.0).fetch_optional(connection).await)
            .map_err(Error::from)
    }

    /// Marks an address as undeliverable since an instant, or as deliverable again.
    pub async fn mark_undeliverable(&mut self, digest: &str, since: Option<DateTime<Utc>>) -> Result<()> {
        on_turn!(self, connection => sqlx::query(MARK_UNDELIVERABLE)
            .bind(maybe_millis(since))
            .bind(digest.to_owned())
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Answers of ours that name one of these Message-IDs and were seen before it.
    pub async fn early_replies(&mut self, ids: &[String]) -> Result<HashMap<String, EarlyReply>> {
        let rows = select_in!(self, (String, String, String, i64, String), EARLY_REPLIES, ids, ")");
        let reply = |(parent, message, role, at, detail): (String, String, String, i64, String)| {
            let (in_sent, holding) = (role == "sent", detail == HOLDING);
            (parent, EarlyReply { at: instant(at), in_sent, holding, message })
        };
        let mut replies: Vec<(String, EarlyReply)> = rows.into_iter().map(reply).collect();
        // Of several the last that is collected stays.
        replies.sort_by_key(|(_, reply)| Reverse(reply.rank()));
        Ok(replies.into_iter().collect())
    }

    /// How many messages of a person were received between two instants, both included.
    pub async fn messages_from(&mut self, person: PersonId, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<u32> {
        let count: i64 = on_turn!(self, connection => sqlx::query_scalar(MESSAGES_FROM)
            .bind(person.0)
            .bind(millis(since))
            .bind(millis(until))
            .fetch_one(connection)
            .await)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The latest messages of a domain since an instant that were acknowledged or taken for a loop, the newest first.
    pub async fn recent_of_domain(&mut self, domain: &str, since: DateTime<Utc>) -> Result<Vec<Recent>> {
        let limit = i64::try_from(MAX_RECENT).unwrap_or(i64::MAX);
        let rows: Vec<(String, String, String)> = on_turn!(self, connection => sqlx::query_as(RECENT_OF_DOMAIN)
            .bind(domain.to_owned())
            .bind(millis(since))
            .bind(limit)
            .fetch_all(connection)
            .await)?;
        let recent = |(address, subject, acknowledgement): (String, String, String)| Recent {
            address,
            subject,
            looped: acknowledgement != "send",
        };
        Ok(rows.into_iter().map(recent).collect())
    }

    /// How many acknowledgements were decided since an instant.
    pub async fn sent_since(&mut self, key: &SentKey, since: DateTime<Utc>) -> Result<u32> {
        let since = millis(since);
        let count: i64 = on_turn!(self, connection => match key {
            SentKey::Address(text) => sqlx::query_scalar(SENT_TO_ADDRESS).bind(since).bind(text.clone()),
            SentKey::Domain(text) => sqlx::query_scalar(SENT_TO_DOMAIN).bind(since).bind(text.clone()),
            SentKey::Thread(request) => sqlx::query_scalar(SENT_IN_THREAD).bind(since).bind(request.0),
            SentKey::Mailbox(text) => sqlx::query_scalar(SENT_BY_MAILBOX).bind(since).bind(text.clone()),
            SentKey::All => sqlx::query_scalar(SENT_BY_ALL).bind(since),
        }
        .fetch_one(connection)
        .await)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

/// What acknowledgements are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SentKey {
    /// To an address, in canonical form.
    Address(String),
    /// To a domain.
    Domain(String),
    /// For a request, or for one that continues it.
    Thread(RequestId),
    /// By a mailbox.
    Mailbox(String),
    /// By all mailboxes.
    All,
}

#[derive(Debug, Clone)]
struct NewPerson {
    id: i64,
    address: String,
    name: String,
    key: String,
    digest: String,
}

/// A fresh key, and the digest that it makes of an address (HMAC-SHA256, RFC 2104). Destroying the key with the row is
/// what makes the digest say nothing any more.
fn keyed_digest(address: &str) -> Result<(String, String)> {
    let mut key = [0_u8; KEY_OCTETS];
    getrandom::fill(&mut key).map_err(Error::Random)?;
    Ok((hex(&key), digest_under(&key, address)?))
}

/// The digest that a key makes of a text.
pub(super) fn digest_under(key: &[u8], text: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Key)?;
    mac.update(text.as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

pub(super) const MAILBOX: &str =
    "SELECT mode, watched_since, acknowledging_since, blind_since, blind_reported FROM mailbox WHERE name = $1";
pub(super) const SAVE_MAILBOX: &str = "INSERT INTO mailbox (name, mode, watched_since, acknowledging_since, \
     blind_since, blind_reported) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET \
     mode = excluded.mode, watched_since = excluded.watched_since, \
     acknowledging_since = excluded.acknowledging_since, blind_since = excluded.blind_since, \
     blind_reported = excluded.blind_reported";
pub(super) const ENSURE_FOLDER: &str = "INSERT INTO folder (mailbox, name, role, uid_validity, last_uid, \
     uid_next, highest_modseq, scanned_at) VALUES ($1, $2, $3, -1, 0, 0, 0, 0) \
     ON CONFLICT (mailbox, name) DO UPDATE SET role = excluded.role \
     RETURNING id, mailbox, name, role, uid_validity, last_uid, uid_next, highest_modseq, scanned_at";
pub(super) const MOVE_CURSOR: &str = "UPDATE folder SET uid_validity = $1, last_uid = $2, uid_next = $3, \
     highest_modseq = $4, scanned_at = $5 WHERE id = $6";
pub(super) const UIDS_OF: &str =
    "SELECT uid FROM location WHERE message = $1 AND folder = $2 AND uid_validity = $3 AND gone_at = 0";
pub(super) const REQUEST_BY_REFERENCE: &str =
    concat!("SELECT ", request_columns!(), " FROM request WHERE reference = $1");
pub(super) const ALERTS_DUE: &str = concat!(
    "SELECT ",
    request_columns!(),
    " FROM request WHERE next_alert_at <> 0 AND next_alert_at <= $1 ORDER BY next_alert_at, id LIMIT $2"
);
pub(super) const ACKNOWLEDGED_TO: &str = "SELECT recipients FROM effect \
     WHERE request = $1 AND request <> 0 AND kind IN ('acknowledgement', 'registration_notice') ORDER BY created_at, id LIMIT 1";
pub(super) const KEEP_NOTE: &str =
    "INSERT INTO note (digest, key, request, text, written_at) VALUES ($1, $2, $3, $4, $5)";
pub(super) const OPEN_REQUESTS: &str =
    concat!("SELECT ", request_columns!(), " FROM request WHERE status = 'open' AND id > $1 ORDER BY id LIMIT $2");
pub(super) const PERSON_DIGEST: &str = "SELECT digest FROM person WHERE id = $1";
pub(super) const MARK_UNDELIVERABLE: &str = "UPDATE person SET undeliverable_at = $1 WHERE digest = $2";
pub(super) const MESSAGES_FROM: &str = "SELECT COUNT(*) FROM message \
     WHERE person = $1 AND person <> 0 AND received_at >= $2 AND received_at <= $3";
pub(super) const RECENT_OF_DOMAIN: &str = "SELECT p.address, m.subject, m.acknowledgement FROM message m \
     JOIN person p ON p.id = m.person WHERE m.domain = $1 AND m.domain <> '' AND m.observed_at >= $2 \
     ORDER BY m.observed_at DESC, m.id DESC LIMIT $3";
// A registration notice and the acknowledgement that follows it are one answer: requests are counted.
pub(super) const SENT_TO_ADDRESS: &str = "SELECT COUNT(DISTINCT request) FROM effect \
     WHERE domain <> '' AND created_at >= $1 AND lower(recipients) = $2";
pub(super) const SENT_TO_DOMAIN: &str =
    "SELECT COUNT(DISTINCT request) FROM effect WHERE domain <> '' AND created_at >= $1 AND domain = $2";
pub(super) const SENT_IN_THREAD: &str = "SELECT COUNT(DISTINCT request) FROM effect WHERE domain <> '' \
     AND created_at >= $1 AND request <> 0 \
     AND request IN (SELECT id FROM request WHERE id = $2 OR (again_of = $2 AND again_of <> 0))";
pub(super) const SENT_BY_MAILBOX: &str =
    "SELECT COUNT(DISTINCT request) FROM effect WHERE domain <> '' AND created_at >= $1 AND mailbox = $2";
pub(super) const SENT_BY_ALL: &str =
    "SELECT COUNT(DISTINCT request) FROM effect WHERE domain <> '' AND created_at >= $1";

// Texts to which a list of values is added.
pub(super) const KNOWN_BY_DIGEST: &str = concat!("SELECT ", known_columns!(), " FROM message WHERE digest IN (");
// A message whose row was purged is still known, so that one that lies in its folder is not taken for a new one.
pub(super) const BURIED: &str = "SELECT digest, id, CAST(0 AS BIGINT) AS request, mailbox, verdict, reason, \
     '' AS message_id, CAST(0 AS BIGINT) AS size, '' AS email_id, \
     CAST(0 AS BIGINT) AS internal_date FROM tombstone WHERE digest IN (";
pub(super) const KNOWN_BY_EMAIL_ID: &str =
    concat!("SELECT ", known_columns!(), " FROM message WHERE email_id <> '' AND email_id IN (");
pub(super) const REQUESTS_OF_MESSAGES: &str = "SELECT message_id, request FROM message \
     WHERE message_id <> '' AND request <> 0 AND message_id IN (";
pub(super) const REQUESTS_OF_MAILS: &str =
    "SELECT message_id, request FROM effect WHERE request <> 0 AND message_id IN (";
pub(super) const REQUESTS_BY_ID: &str = concat!("SELECT ", request_columns!(), " FROM request WHERE id IN (");
pub(super) const OPEN_REQUESTS_OF: &str = "SELECT p.address, r.id, COALESCE(m.subject, '') FROM person p \
     JOIN request r ON r.person = p.id AND r.person <> 0 AND r.status = 'open' \
     LEFT JOIN message m ON m.id = r.message WHERE p.address IN (";
pub(super) const PERSONS: &str = "SELECT address, id, digest, undeliverable_at FROM person WHERE address IN (";
pub(super) const ADDRESSES: &str = "SELECT id, address FROM person WHERE id IN (";
pub(super) const EARLY_REPLIES: &str = "SELECT e.parent, m.digest, COALESCE((SELECT MAX(f.role) FROM location l JOIN folder f \
     ON f.id = l.folder WHERE l.message = m.id), 'other'), m.received_at, m.reason_detail \
     FROM early_reply e JOIN message m ON m.id = e.message WHERE e.parent IN (";
