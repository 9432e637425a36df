//! Retention (DOMAIN: addresses until closure and some days, rows for some full years), and what a person may ask.
//!
//! A purge is a list, shown first; a visa of the departmental archives, written down; and only then the execution, of
//! exactly that list. The chain still verifies afterwards, and no figure changes: both live in the ledger.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Utc, Weekday};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::items::{self, Item};
use super::{Error, Result};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::calendar::civil_time;
use crate::domain::custody::{Custody, Deed, Purged, Stage};
use crate::domain::event::Event;
use crate::domain::french::counted;
use crate::domain::ledger::{hex, rfc3339};
use crate::domain::office::Office;
pub use crate::domain::retention::Retention;
use crate::mail::notice::Condition;
use crate::store::{AccessLine, PersonRow, Purgeable, Store, Turn};

/// Requests, or messages, of one turn of a purge: what one entry of the ledger lists.
const PER_TURN: usize = crate::domain::custody::NAMES_PER_ENTRY;
/// The day of the digests that propose a purge: once a week is enough.
const DIGEST_DAY: Weekday = Weekday::Mon;
/// What to do about what is kept too long.
const PROPOSAL: &str = "Rien ne s’efface tout seul. L’administrateur imprime la liste («\u{a0}vigie purge --format csv\u{a0}»), les archives \
     départementales la visent, puis «\u{a0}vigie purge --list FICHIER --visa RÉFÉRENCE\u{a0}» l’exécute.";
/// What a list names, in the order in which it goes.
const KINDS: [&str; 4] = ["request", "message", "letter", "appointment"];
/// What of it stands in registers.
const ITEMS: [&str; 2] = ["letter", "appointment"];
/// The heads of the list's columns.
const HEADS: &str = "stage;kind;name;mailbox;category;result;received_on;settled_on";
/// A line of a purge's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PurgeLine {
    /// `personal` or `rows`.
    pub stage: &'static str,
    /// `request`, `message`, `letter` or `appointment`.
    pub kind: &'static str,
    /// The request's reference, or the message's digest.
    pub name: String,
    /// The mailbox.
    pub mailbox: String,
    /// The request's nature, or the message's verdict.
    pub category: String,
    /// The request's status; empty for a message.
    pub result: String,
    /// The day of receipt, in UTC.
    pub received_on: String,
    /// The day on which it was settled, in UTC; empty for a message.
    pub settled_on: String,
    /// Its place in the store; of a register's item, the last entry about it.
    #[serde(skip)]
    id: i64,
}

/// What may be purged now.
pub async fn list(store: &Store, retention: Retention, office: &Office, now: DateTime<Utc>) -> Result<Vec<PurgeLine>> {
    let mut lines = Vec::new();
    for (stage, before) in
        [(Stage::Rows, retention.rows_before(office.zone(), now)), (Stage::Personal, retention.personal_before(now))]
    {
        let (requests, messages) = store.purgeable(before, stage == Stage::Rows).await?;
        lines.extend(requests.into_iter().map(|row| line(stage, "request", row)));
        lines.extend(messages.into_iter().map(|row| line(stage, "message", row)));
    }
    // What goes whole is not listed a second time for what goes with it.
    let whole: std::collections::HashSet<(&'static str, i64)> =
        lines.iter().filter(|line| line.stage == Stage::Rows.name()).map(|line| (line.kind, line.id)).collect();
    lines.retain(|line| line.stage == Stage::Rows.name() || !whole.contains(&(line.kind, line.id)));
    let before = retention.personal_before(now);
    let items = items::load(store, office).await?;
    lines.extend(items.iter().filter_map(|item| item_line(item, before)));
    Ok(lines)
}

/// What the digest of a bureau says, once a week, of what may be disposed of: it is proposed, and never done by itself.
pub(super) async fn condition(
    store: &Store,
    office: &Office,
    bureau: &Bureau,
    now: DateTime<Utc>,
) -> Result<Option<Condition>> {
    let zone = office.zone();
    if civil_time(zone, now).weekday() != DIGEST_DAY {
        return Ok(None);
    }
    let kept = office.retention;
    let (personal, rows, first) =
        store.purgeable_of(&bureau.key, kept.personal_before(now), kept.rows_before(zone, now)).await?;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    let told = [
        (
            count(personal),
            "demande close garde des données personnelles",
            "demandes closes gardent des données personnelles",
        ),
        (count(rows), "demande n’a plus à être conservée", "demandes n’ont plus à être conservées"),
    ];
    let parts: Vec<String> =
        told.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| counted(*count, one, many)).collect();
    let title = format!("Durée de conservation échue\u{a0}: {}", parts.join("\u{202f}; "));
    Ok((!parts.is_empty()).then(|| Condition { title, since: first + kept.personal(), advice: PROPOSAL.to_owned() }))
}

/// The line of a letter or an appointment that was closed before an instant.
fn item_line(item: &Item, before: DateTime<Utc>) -> Option<PurgeLine> {
    let closed_at = item.closed_at.filter(|at| *at < before)?;
    Some(PurgeLine {
        stage: Stage::Personal.name(),
        kind: item.kind,
        name: item.stored.reference.clone(),
        mailbox: String::new(),
        category: item.nature.to_owned(),
        result: item.result.to_owned(),
        received_on: item.received_at.date_naive().to_string(),
        settled_on: closed_at.date_naive().to_string(),
        id: item.last,
    })
}

fn line(stage: Stage, kind: &'static str, row: Purgeable) -> PurgeLine {
    let day = |millis: i64| {
        let at = DateTime::from_timestamp_millis(millis).filter(|_| millis != 0);
        at.map(|at| at.date_naive().to_string()).unwrap_or_default()
    };
    PurgeLine {
        stage: stage.name(),
        kind,
        received_on: day(row.received_at),
        settled_on: day(row.settled_at),
        name: row.name,
        mailbox: row.mailbox,
        category: row.category,
        result: row.result,
        id: row.id,
    }
}

/// The list as the departmental archives get it: CSV, one line an item, nothing personal.
#[must_use]
pub fn csv(lines: &[PurgeLine]) -> String {
    let mut text = format!("{HEADS}\n");
    for line in lines {
        let PurgeLine { stage, kind, name, mailbox, category, result, received_on, settled_on, .. } = line;
        let _ = writeln!(
            text,
            "{stage};{kind};{name};{};{category};{result};{received_on};{settled_on}",
            mailbox.replace([';', '\n', '"'], " ")
        );
    }
    text
}

/// Carries out exactly what a list says, under its visa. An item that may no longer be purged (reopened since the list was
/// printed) refuses the whole list before anything is touched; one that is reopened meanwhile stops it there.
pub async fn purge(
    store: &Store,
    retention: Retention,
    allowed: &[PurgeLine],
    list: &str,
    visa: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let known: HashMap<String, &PurgeLine> =
        allowed.iter().map(|line| (key(line.stage, line.kind, &line.name), line)).collect();
    let mut wanted = Vec::new();
    for text in list.lines().filter(|text| !text.trim().is_empty() && *text != HEADS) {
        let mut cells = text.trim().trim_start_matches('\u{feff}').split(';').map(|cell| cell.trim_matches('"'));
        let named =
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        let line = known.get(&key(named.0, named.1, named.2));
        wanted.push(*line.ok_or_else(|| Error::NotPurgeable(text.to_owned()))?);
    }
    if wanted.is_empty() {
        return Err(Error::NothingListed);
    }
    let messages = wanted.iter().filter(|line| line.kind == "message").count();
    let (requests, messages) = (number(wanted.len() - messages), number(messages));
    let digest = hex(&Sha256::digest(list.as_bytes()));
    let approved = Deed::DisposalApproved { visa: visa.to_owned(), list: digest, requests, messages };
    super::custody::record(store, approved, by, now).await?;
    let mut done = 0;
    for stage in [Stage::Personal, Stage::Rows] {
        for kind in KINDS {
            let lines: Vec<&PurgeLine> =
                wanted.iter().copied().filter(|line| line.stage == stage.name() && line.kind == kind).collect();
            for part in lines.chunks(PER_TURN) {
                purge_part(store, stage, part, visa, by, now).await.map_err(|error| stopped(error, done))?;
                done += part.len();
            }
        }
    }
    // What was mailed to agents names no request, and stands on no list.
    let mut turn = store.begin().await?;
    turn.forget_mails(retention.personal_before(now)).await?;
    turn.commit().await?;
    Ok(wanted.len())
}

/// The error of a turn, where earlier turns have purged something already.
fn stopped(error: Error, done: usize) -> Error {
    match error {
        Error::NotPurgeable(name) if done > 0 => Error::PurgeStopped { name, done },
        other => other,
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn key(stage: &str, kind: &str, name: &str) -> String {
    format!("{stage};{kind};{name}")
}

/// One turn: what it takes away and the entry that says so, together or not at all.
async fn purge_part(
    store: &Store,
    stage: Stage,
    part: &[&PurgeLine],
    visa: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let ids = |kind: &str| -> Vec<i64> { part.iter().filter(|line| line.kind == kind).map(|line| line.id).collect() };
    let (requests, mut messages) = (ids("request"), ids("message"));
    let mut turn = store.begin().await?;
    for item in part.iter().filter(|line| ITEMS.contains(&line.kind)) {
        if !turn.erase_register_item(&item.name, item.id, now).await? {
            return Err(Error::NotPurgeable(item.name.clone()));
        }
    }
    // Looked at again under the turn's lock: a request that an agent has just reopened stays.
    let settled = turn.settled_among(&requests).await?;
    if settled.len() != requests.len() {
        let open = part.iter().find(|line| line.kind == "request" && !settled.contains(&line.id));
        return Err(Error::NotPurgeable(open.map(|line| line.name.clone()).unwrap_or_default()));
    }
    messages.extend(turn.messages_of(&requests).await?);
    turn.forget(&requests, &messages, now).await?;
    let purged = match stage {
        Stage::Rows => turn.purge(&requests, &messages).await?,
        Stage::Personal => {
            let names = |messages: bool| {
                part.iter().filter(|line| (line.kind == "message") == messages).map(|line| line.name.clone()).collect()
            };
            Purged { requests: names(false), messages: names(true), mails: Vec::new() }
        }
    };
    for purged in purged.parts() {
        write_down(&mut turn, Deed::Purged { stage, visa: visa.to_owned(), purged }, by, now);
    }
    Ok(turn.commit().await?)
}

fn write_down(turn: &mut Turn, deed: Deed, by: &str, now: DateTime<Utc>) {
    turn.write_down(&Event::Custody(Box::new(Custody { deed, by: by.to_owned(), at: now })), now);
}

/// Everything that is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonFile {
    /// Their address.
    pub address: String,
    /// The name that they gave.
    pub name: String,
    /// The digest that stands for them in the ledger.
    pub digest: String,
    /// When a report said that the address is undeliverable: RFC 3339; `null` for never.
    pub undeliverable_at: Option<String>,
    /// Their messages, the oldest first.
    pub messages: Vec<PersonMessageView>,
    /// What agents wrote down of their letters and appointments.
    pub items: Vec<PersonItemView>,
}

/// A letter or an appointment, as an agent wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonItemView {
    /// Its reference.
    pub reference: String,
    /// The day of receipt, in UTC.
    pub received_on: String,
    /// Who writes or asks.
    pub name: String,
    /// In what quality.
    pub quality: String,
    /// Of which town.
    pub town: String,
    /// About what.
    pub subject: String,
    /// Remarks.
    pub note: String,
}

/// A message, as its author is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonMessageView {
    /// When it was received: RFC 3339, UTC.
    pub received_at: String,
    /// The mailbox.
    pub mailbox: String,
    /// Its subject.
    pub subject: String,
    /// Its Message-ID.
    pub message_id: String,
    /// What it was judged to be.
    pub verdict: String,
    /// The reference of its request.
    pub request: Option<String>,
    /// Where that request stands.
    pub status: Option<String>,
}

/// Shows everything that is kept of a person (RGPD, article 15), and writes down that it was shown.
pub async fn person_file(
    store: &Store,
    office: &Office,
    address: &Address,
    by: &str,
    now: DateTime<Utc>,
) -> Result<PersonFile> {
    let (person, items) = known_of(store, office, address).await?;
    let instant = |millis: i64| DateTime::from_timestamp_millis(millis).map(rfc3339).unwrap_or_default();
    let some = |text: String| (!text.is_empty()).then_some(text);
    let messages = store.messages_of_person(person.id).await?.into_iter().map(|message| PersonMessageView {
        received_at: instant(message.received_at),
        mailbox: message.mailbox,
        subject: message.subject,
        message_id: message.message_id,
        verdict: message.verdict,
        request: some(message.reference),
        status: some(message.status),
    });
    let file = PersonFile {
        undeliverable_at: (person.undeliverable_at != 0).then(|| instant(person.undeliverable_at)),
        address: person.address,
        name: person.name,
        digest: person.digest.clone(),
        messages: messages.collect(),
        items: items.into_iter().map(item_view).collect(),
    };
    super::custody::record(store, Deed::PersonShown { person: person.digest }, by, now).await?;
    Ok(file)
}

fn item_view(item: Item) -> PersonItemView {
    let details = item.stored.details;
    PersonItemView {
        reference: item.stored.reference,
        received_on: item.received_at.date_naive().to_string(),
        name: details.name,
        quality: details.quality,
        town: details.town,
        subject: details.subject,
        note: details.note,
    }
}

/// The person behind an address, and what agents wrote down of them. Whoever wrote letters alone has no row: only their
/// address, where an agent typed it, tells them.
async fn known_of(store: &Store, office: &Office, address: &Address) -> Result<(PersonRow, Vec<Item>)> {
    let canonical = address.canonical();
    let person = store.person(&canonical).await?;
    let name = person.as_ref().map(|person| person.name.clone()).unwrap_or_default();
    let items: Vec<Item> =
        items::load(store, office).await?.into_iter().filter(|item| item.is_of(&canonical, &name)).collect();
    match person {
        None if items.is_empty() => Err(Error::UnknownPerson(address.to_string())),
        None => Ok((PersonRow { address: canonical, ..PersonRow::default() }, items)),
        Some(person) => Ok((person, items)),
    }
}

/// Forgets a person now (RGPD, article 17): address, name, subjects, the key of their digest, and what agents wrote down of
/// their letters and appointments. Refused while one of their requests is open: it could no longer be answered. How many
/// messages they had sent, and the letters and appointments.
pub async fn erase_person(
    store: &Store,
    office: &Office,
    address: &Address,
    (case, by): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(usize, Vec<String>)> {
    let (person, items) = known_of(store, office, address).await?;
    let mut turn = store.begin().await?;
    let requests = turn.requests_of(person.id).await?;
    let open = requests.iter().filter(|(_, _, status)| status == "open").map(|(_, reference, _)| reference.as_str());
    let waiting =
        items.iter().filter(|item| item.closed_at.is_none_or(|at| at > now)).map(|item| item.stored.reference.as_str());
    let open: Vec<&str> = open.chain(waiting).collect();
    if !open.is_empty() {
        return Err(Error::StillOpen(open.join(", ")));
    }
    let messages = turn.message_ids_of(person.id).await?;
    let requests: Vec<i64> = requests.into_iter().map(|(id, _, _)| id).collect();
    turn.forget(&requests, &messages, now).await?;
    for item in &items {
        if !turn.erase_register_item(&item.stored.reference, item.last, now).await? {
            return Err(Error::NotPurgeable(item.stored.reference.clone()));
        }
    }
    let case = case.to_owned();
    let deed = Deed::PersonErased {
        person: person.digest,
        case,
        messages: number(messages.len()),
        items: number(items.len()),
    };
    write_down(&mut turn, deed, by, now);
    turn.commit().await?;
    Ok((messages.len(), items.into_iter().map(|item| item.stored.reference).collect()))
}

/// Writes down that personal data were shown to somebody.
pub async fn note_access(
    store: &Store,
    retention: Retention,
    (reader, question, about): (&str, &str, &str),
    shown: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    let shown = i64::try_from(shown).unwrap_or(i64::MAX);
    let (reader, question, about) = (reader.to_owned(), question.to_owned(), about.to_owned());
    let line = AccessLine { at: now.timestamp_millis(), reader, question, about, shown };
    let mut turn = store.begin().await?;
    turn.note_access(&line, retention.access_since(now)).await?;
    Ok(turn.commit().await?)
}

/// Who was shown personal data, within the span for which that is kept.
pub async fn access_log(store: &Store, retention: Retention, now: DateTime<Utc>) -> Result<Vec<AccessLine>> {
    Ok(store.access_log(retention.access_since(now)).await?)
}
