//! What indicators are folded from, read from the ledger without reading it whole; and the personal part of registers.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::rows::{instant, millis};
use super::turn::{Turn, on_turn};
use super::{Error, Result, Store, on_read};
use crate::domain::ledger::{Head, Payload, hex};

/// The octets of an item's key.
const KEY_OCTETS: usize = 32;

/// The personal part of a letter or an appointment.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Details {
    /// Who writes or asks.
    pub name: String,
    /// In what quality: `maire`, `conseillère départementale`.
    pub quality: String,
    /// Of which town.
    pub town: String,
    /// About what.
    pub subject: String,
    /// Remarks.
    pub note: String,
}

/// An item's personal part, as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RegisterItem {
    /// The item's reference.
    pub reference: String,
    /// `letter` or `appointment`.
    pub channel: String,
    /// The personal part; empty once it was erased.
    #[sqlx(flatten)]
    pub details: Details,
    /// Its number in the list that it was imported from; empty for none.
    pub origin: String,
    /// The key of the digest, in hexadecimal; empty once it was erased.
    pub key: String,
    /// The keyed digest by which the ledger knows it.
    pub digest: String,
    /// When it was emptied, in milliseconds; 0 for never.
    pub erased_at: i64,
}

/// An entry of the ledger, as folds read it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FactRow {
    /// Its place.
    pub seq: i64,
    /// When the fact happened, in milliseconds.
    pub occurred_at: i64,
    /// When it was written down, in milliseconds.
    pub recorded_at: i64,
    /// What kind of fact.
    pub kind: String,
    /// The mailbox; empty for none.
    pub mailbox: String,
    /// The request's reference; empty for none.
    pub request: String,
    /// The payload's canonical JSON.
    pub payload: String,
}

/// Which entries a fold reads.
#[derive(Debug, Clone, Copy)]
pub enum Facts {
    /// All about the requests received in a span, of the kinds that change figures.
    Requests(DateTime<Utc>, DateTime<Utc>),
    /// The messages received in a span.
    Messages(DateTime<Utc>, DateTime<Utc>),
    /// All that people wrote into registers.
    ByHand,
    /// By which calendars days are counted.
    Calendars,
}

impl Store {
    /// Gives the entries up to a place in the ledger to `each`, one by one; those about one request, and those by hand, in
    /// the order of the ledger.
    pub async fn facts(&self, facts: Facts, head: i64, mut each: impl FnMut(FactRow)) -> Result<()> {
        let (sql, span) = match facts {
            Facts::Requests(from, until) => (REQUEST_FACTS, Some((from, until))),
            Facts::Messages(from, until) => (MESSAGE_FACTS, Some((from, until))),
            Facts::ByHand => (HAND_FACTS, None),
            Facts::Calendars => (CALENDAR_FACTS, None),
        };
        on_read!(self, pool => {
            let mut query = sqlx::query_as(sql).bind(head);
            if let Some((from, until)) = span {
                query = query.bind(from.timestamp_millis()).bind(until.timestamp_millis());
            }
            let mut rows = query.fetch(pool);
            while let Some(row) = rows.try_next().await? {
                each(row);
            }
        });
        Ok(())
    }

    /// The head that the ledger had at a place, and when it was written; `None` where it does not reach so far.
    pub async fn head_at(&self, seq: i64) -> Result<Option<(Head, DateTime<Utc>)>> {
        let row: Option<(i64, String, i64)> =
            on_read!(self, pool => sqlx::query_as(HEAD_AT).bind(seq).fetch_optional(pool).await)?;
        Ok(row.map(|(seq, hash, at)| (Head { seq, hash }, instant(at))))
    }

    /// The payload of the entry that names the configuration in force at a place in the ledger; `None` for none.
    pub async fn configuration_at(&self, seq: i64) -> Result<Option<String>> {
        Ok(on_read!(self, pool => sqlx::query_scalar(CONFIGURATION_AT).bind(seq).fetch_optional(pool).await)?)
    }

    /// The personal parts of a register, by reference.
    pub async fn register_items(&self, channel: &str) -> Result<Vec<RegisterItem>> {
        Ok(on_read!(self, pool => sqlx::query_as(REGISTER_ITEMS).bind(channel.to_owned()).fetch_all(pool).await)?)
    }
}

impl RegisterItem {
    /// An item with a key of its own.
    pub fn new(reference: String, channel: &str, details: Details, origin: String) -> Result<Self> {
        let mut key = [0_u8; KEY_OCTETS];
        getrandom::fill(&mut key).map_err(Error::Random)?;
        let digest = digest(&key, &reference, &details)?;
        Ok(Self { reference, channel: channel.to_owned(), details, origin, key: hex(&key), digest, erased_at: 0 })
    }

    /// Whether the personal part is what the digest says; an erased one says nothing any more.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        let Some(key) = crate::domain::ledger::unhex(&self.key).filter(|key| !key.is_empty()) else {
            return self.details == Details::default();
        };
        digest(&key, &self.reference, &self.details).is_ok_and(|digest| digest == self.digest)
    }
}

fn digest(key: &[u8], reference: &str, details: &Details) -> Result<String> {
    let payload = Payload::new()
        .text("reference", reference)
        .text("name", &details.name)
        .text("quality", &details.quality)
        .text("town", &details.town)
        .text("subject", &details.subject)
        .text("note", &details.note);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::Key)?;
    mac.update(payload.canonical().as_bytes());
    Ok(hex(&mac.finalize().into_bytes()))
}

impl Turn {
    /// Stores the personal part of an item; a correction replaces it.
    pub async fn save_register_item(&mut self, item: &RegisterItem) -> Result<()> {
        let RegisterItem { reference, channel, details, origin, key, digest, .. } = item.clone();
        let Details { name, quality, town, subject, note } = details;
        on_turn!(self, connection => sqlx::query(SAVE_REGISTER_ITEM)
            .bind(reference)
            .bind(channel)
            .bind(name)
            .bind(quality)
            .bind(town)
            .bind(subject)
            .bind(note)
            .bind(origin)
            .bind(key)
            .bind(digest)
            .execute(connection)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The personal part of an item, where there is such an item.
    pub async fn register_item(&mut self, reference: &str) -> Result<Option<RegisterItem>> {
        Ok(on_turn!(self, connection => sqlx::query_as(REGISTER_ITEM)
            .bind(reference.to_owned())
            .fetch_optional(connection)
            .await)?)
    }

    /// Empties the personal part of an item and its key, unless something was written about it after the entry `last`;
    /// whether it did.
    pub async fn erase_register_item(&mut self, reference: &str, last: i64, now: DateTime<Utc>) -> Result<bool> {
        let done = on_turn!(self, connection => sqlx::query(ERASE_REGISTER_ITEM)
            .bind(millis(now))
            .bind(reference.to_owned())
            .bind(last)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// The payload of the last entry that says by which calendars days are counted; `None` for none.
    pub async fn last_calendars(&mut self) -> Result<Option<String>> {
        Ok(on_turn!(self, connection => sqlx::query_scalar(LAST_CALENDARS).fetch_optional(connection).await)?)
    }

    /// Whether something was written by hand since an entry.
    pub async fn was_written_by_hand(&mut self, since: i64) -> Result<bool> {
        let count: i64 = on_turn!(self, connection => sqlx::query_scalar(WRITTEN_BY_HAND)
            .bind(since)
            .fetch_one(connection)
            .await)?;
        Ok(count > 0)
    }

    /// Whether a line of an imported list is in the register already.
    pub async fn has_origin(&mut self, channel: &str, origin: &str) -> Result<bool> {
        let count: i64 = on_turn!(self, connection => sqlx::query_scalar(HAS_ORIGIN)
            .bind(channel.to_owned())
            .bind(origin.to_owned())
            .fetch_one(connection)
            .await)?;
        Ok(count > 0)
    }
}

/// The kinds that registers write; the index `ledger_by_hand` is made for exactly this list.
macro_rules! by_hand {
    () => {
        "('letter_registered', 'letter_answered', 'letter_withdrawn', 'appointment_requested', 'appointment_fixed', \
         'appointment_withdrawn', 'indicator_set')"
    };
}

macro_rules! fact_columns {
    () => {
        "seq, occurred_at, recorded_at, kind, mailbox, request, payload"
    };
}

macro_rules! item_columns {
    () => {
        "reference, channel, name, quality, town, subject, note, origin, key, digest, erased_at"
    };
}

pub(super) const REQUEST_FACTS: &str = concat!(
    "SELECT ",
    fact_columns!(),
    " FROM ledger WHERE seq <= $1 AND request <> '' AND request IN (SELECT request FROM ledger \
     WHERE kind = 'request_opened' AND occurred_at >= $2 AND occurred_at < $3) \
     AND kind NOT IN ('message_recorded', 'mail_settled') ORDER BY request, seq"
);
pub(super) const MESSAGE_FACTS: &str = concat!(
    "SELECT ",
    fact_columns!(),
    " FROM ledger WHERE kind = 'message_recorded' AND seq <= $1 AND occurred_at >= $2 AND occurred_at < $3 ORDER BY seq"
);
/// What was written by hand, and what vigie wrote about it.
pub(super) const HAND_FACTS: &str = concat!(
    "SELECT ",
    fact_columns!(),
    " FROM ledger WHERE kind IN ",
    by_hand!(),
    " AND seq <= $1 UNION ALL SELECT ",
    fact_columns!(),
    " FROM ledger WHERE kind IN ('alert_raised', 'request_redated') AND request <> '' \
     AND request IN (SELECT reference FROM register_item) AND seq <= $1 ORDER BY seq"
);
pub(super) const WRITTEN_BY_HAND: &str =
    concat!("SELECT COUNT(*) FROM ledger WHERE kind IN ", by_hand!(), " AND seq > $1");
pub(super) const CALENDAR_FACTS: &str =
    concat!("SELECT ", fact_columns!(), " FROM ledger WHERE kind = 'calendars' AND seq <= $1 ORDER BY seq");
pub(super) const LAST_CALENDARS: &str = "SELECT payload FROM ledger WHERE kind = 'calendars' ORDER BY seq DESC LIMIT 1";
pub(super) const CONFIGURATION_AT: &str =
    "SELECT payload FROM ledger WHERE kind = 'configuration' AND seq <= $1 ORDER BY seq DESC LIMIT 1";
pub(super) const HEAD_AT: &str = "SELECT seq, hash, recorded_at FROM ledger WHERE seq = $1";
pub(super) const REGISTER_ITEMS: &str =
    concat!("SELECT ", item_columns!(), " FROM register_item WHERE channel = $1 ORDER BY reference");
pub(super) const ITEMS_AFTER: &str =
    concat!("SELECT ", item_columns!(), " FROM register_item WHERE reference > $1 ORDER BY reference LIMIT $2");
pub(super) const REGISTER_ITEM: &str = concat!("SELECT ", item_columns!(), " FROM register_item WHERE reference = $1");
pub(super) const HAS_ORIGIN: &str =
    "SELECT COUNT(*) FROM register_item WHERE channel = $1 AND origin = $2 AND origin <> ''";
pub(super) const ERASE_REGISTER_ITEM: &str = "UPDATE register_item SET name = '', quality = '', town = '', \
     subject = '', note = '', key = '', erased_at = $1 WHERE reference = $2 AND erased_at = 0 \
     AND (SELECT MAX(seq) FROM ledger WHERE request = $2 AND request <> '') = $3";
pub(super) const SAVE_REGISTER_ITEM: &str = concat!(
    "INSERT INTO register_item (",
    item_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) ON CONFLICT (reference) DO UPDATE SET \
     name = excluded.name, quality = excluded.quality, town = excluded.town, subject = excluded.subject, \
     note = excluded.note, key = excluded.key, digest = excluded.digest, erased_at = 0"
);
