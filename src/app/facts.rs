//! The ledger's entries → the facts that figures are folded from.
//!
//! *Start reading* at [`load`]. The ledger only grows, so what is read up to one head is one state, without a transaction.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;

use super::{Error, Result, calendars};
use crate::domain::calendar::Calendar;
use crate::domain::calendars::CalendarHistory;
use crate::domain::indicator::Stamp;
use crate::domain::indicator::annex::Material;
use crate::domain::indicator::case::{Case, Due, End, Fact, Fold, Meeting};
use crate::domain::indicator::hand::Hands;
use crate::domain::indicator::sheet::Seen;
use crate::domain::ledger::Head;
use crate::domain::office::Office;
use crate::domain::policy::{Channel, Nature, Requester};
use crate::domain::promised::Owed;
use crate::domain::register::{Authority, HandValue, Reading};
use crate::store::{FactRow, Facts, Store};

/// The clock time that stands for a day of which only the date is known.
const NOON: NaiveTime = match NaiveTime::from_hms_opt(12, 0, 0) {
    Some(noon) => noon,
    None => NaiveTime::MIN,
};

/// All that figures of a span are made from.
#[derive(Debug)]
pub struct Folded {
    /// The requests received in the span, and all letters and appointments.
    pub cases: Vec<Case>,
    /// The values entered by hand.
    pub hands: Hands,
    /// The calendars that held.
    pub calendars: CalendarHistory,
    /// What all was read from.
    pub stamp: Stamp,
}

impl Folded {
    /// The same, for the domain to lay out.
    #[must_use]
    pub fn material<'a>(&'a self, office: &'a Office) -> Material<'a> {
        Material {
            office,
            rules: &office.indicators,
            cases: &self.cases,
            hands: &self.hands,
            calendars: &self.calendars,
            stamp: &self.stamp,
        }
    }
}

/// Folds all that was received in a span, as the ledger had it at a head: the last one by default.
pub async fn load(
    store: &Store,
    office: &Office,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    at_head: Option<i64>,
) -> Result<Folded> {
    let mut stamp = stamp(store, office, at_head).await?;
    let mut reader = Reader::new(calendars::history(store, office).await?);
    store.facts(Facts::Requests(from, until), stamp.head.seq, |row| reader.take(&row)).await?;
    store.facts(Facts::ByHand, stamp.head.seq, |row| reader.take(&row)).await?;
    reader.fault.map_or(Ok(()), Err)?;
    let (cases, calendars) = (reader.fold.into_cases(), reader.calendars);
    stamp.calendars = revisions(&cases, &calendars, stamp.head.seq);
    Ok(Folded { cases, hands: reader.hands, calendars, stamp })
}

/// The revisions of the calendars by which cases are counted.
fn revisions(cases: &[Case], calendars: &CalendarHistory, head: i64) -> Vec<String> {
    let of = |case: &Case| {
        let held = calendars.in_force(case.ended_by.unwrap_or(head));
        held.calendar(&case.mailbox, &case.bureau).map(Calendar::revision)
    };
    let used: BTreeSet<&str> = cases.iter().filter_map(of).collect();
    used.into_iter().map(str::to_owned).collect()
}

/// One request, letter or appointment as the ledger tells it; `None` where nothing opened it.
pub async fn case_of(store: &Store, office: &Office, reference: &str) -> Result<Option<Case>> {
    let mut reader = Reader::new(calendars::history(store, office).await?);
    for entry in store.ledger_of(reference).await? {
        reader.take(&FactRow {
            seq: entry.seq,
            occurred_at: entry.occurred_at.timestamp_millis(),
            recorded_at: entry.recorded_at.timestamp_millis(),
            kind: entry.kind,
            mailbox: entry.mailbox.unwrap_or_default(),
            request: reference.to_owned(),
            payload: entry.payload,
        });
    }
    reader.fault.map_or(Ok(()), Err)?;
    Ok(reader.fold.into_cases().pop())
}

/// The messages received in a span, up to a head.
pub async fn messages(store: &Store, (from, until): (DateTime<Utc>, DateTime<Utc>), head: i64) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let mut fault = None;
    store
        .facts(Facts::Messages(from, until), head, |row| match said(&row) {
            Ok(said) => seen.push(message(&row, &said)),
            Err(error) => fault = Some(error),
        })
        .await?;
    fault.map_or(Ok(seen), Err)
}

/// What the figures are computed from.
async fn stamp(store: &Store, office: &Office, at_head: Option<i64>) -> Result<Stamp> {
    let last = store.head().await?.seq;
    let wanted = at_head.unwrap_or(last);
    let found = store.head_at(wanted).await?;
    let (head, as_of) = match found {
        Some(found) => found,
        None if wanted == 0 => (Head::default(), DateTime::UNIX_EPOCH),
        None => return Err(Error::NoSuchHead { wanted, last }),
    };
    let in_force = store.configuration_at(head.seq).await?.and_then(|payload| digest_of(&payload));
    Ok(Stamp {
        prefecture: office.name.clone(),
        head,
        as_of,
        configuration: in_force.unwrap_or_else(|| office.digest.clone()),
        table: office.table_digest(),
        calendars: Vec::new(),
        zone: office.zone(),
    })
}

/// The digest that an entry about a configuration names.
fn digest_of(payload: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct SaidConfiguration {
        digest: String,
    }
    serde_json::from_str::<SaidConfiguration>(payload).ok().map(|said| said.digest)
}

/// Entries on their way into the fold; the first that cannot be read ends it.
struct Reader {
    calendars: CalendarHistory,
    fold: Fold,
    hands: Hands,
    fault: Option<Error>,
}

/// The named values of a payload that figures read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    acknowledgement: Cow<'a, str>,
    acknowledgement_reason: Cow<'a, str>,
    answered_on: Option<NaiveDate>,
    authority: Cow<'a, str>,
    backlog: bool,
    bureau: Cow<'a, str>,
    by: Cow<'a, str>,
    commitment: Cow<'a, str>,
    denominator: i64,
    due_at: Option<DateTime<Utc>>,
    due_on: Option<NaiveDate>,
    evidence: Cow<'a, str>,
    fixed_on: Option<NaiveDate>,
    form: Cow<'a, str>,
    held_commitment: Cow<'a, str>,
    held_due_on: Option<NaiveDate>,
    held_limit: u16,
    held_on: Option<NaiveDate>,
    holding: bool,
    key: Cow<'a, str>,
    level: i64,
    limit: u16,
    mailbox: Cow<'a, str>,
    nature: Cow<'a, str>,
    numerator: i64,
    owed: Cow<'a, str>,
    perimeter: Option<bool>,
    period: Cow<'a, str>,
    received_on: Option<NaiveDate>,
    requested_on: Option<NaiveDate>,
    requester: Cow<'a, str>,
    source: Cow<'a, str>,
    state: Cow<'a, str>,
    stops_clock: Option<bool>,
    text: Cow<'a, str>,
    value: i64,
    verdict: Cow<'a, str>,
}

fn said(row: &FactRow) -> Result<Said<'_>> {
    serde_json::from_str(&row.payload).map_err(|error| Error::Entry { seq: row.seq, what: error.to_string() })
}

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

fn missing(row: &FactRow, what: &str) -> Error {
    Error::Entry { seq: row.seq, what: format!("{} without {what}", row.kind) }
}

fn message(row: &FactRow, said: &Said<'_>) -> Seen {
    let withheld = said.acknowledgement == "withhold";
    Seen {
        mailbox: row.mailbox.clone(),
        received_at: at(row.occurred_at),
        verdict: said.verdict.clone().into_owned(),
        withheld: withheld.then(|| said.acknowledgement_reason.clone().into_owned()),
        request: (!row.request.is_empty()).then(|| row.request.clone()),
    }
}

impl Reader {
    fn new(calendars: CalendarHistory) -> Self {
        Self { calendars, fold: Fold::default(), hands: Hands::default(), fault: None }
    }

    fn take(&mut self, row: &FactRow) {
        if self.fault.is_some() {
            return;
        }
        match self.fact(row) {
            Ok(Some(fact)) => self.fold.take(row.seq, &row.request, fact),
            Ok(None) => {}
            Err(error) => self.fault = Some(error),
        }
    }

    /// What an entry says; `None` where figures do not depend on it.
    fn fact(&mut self, row: &FactRow) -> Result<Option<Fact>> {
        let occurred_at = at(row.occurred_at);
        Ok(Some(match row.kind.as_str() {
            "request_opened" => Fact::Opened(Box::new(opened(row, &said(row)?)?)),
            "request_answered" => {
                let said = said(row)?;
                Fact::Answered { at: occurred_at, holding: said.holding, evidence: said.evidence.into_owned() }
            }
            "holding_reply_seen" => Fact::HoldingSeen { at: occurred_at },
            "substantive_reply_seen" => Fact::Substantive { at: occurred_at },
            "request_merged" => Fact::Merged,
            "request_closed" => Fact::Closed { at: occurred_at },
            "request_transferred" => Fact::Transferred { at: occurred_at },
            "request_reclassified" => reclassified(row, &said(row)?)?,
            "request_redated" => {
                let said = said(row)?;
                Fact::Redated { due: due(row, &said)?, owed: owed(&said) }
            }
            "request_suspended" => Fact::Suspended { at: occurred_at },
            "request_resumed" => Fact::Resumed { at: occurred_at, due: due(row, &said(row)?)? },
            "request_reopened" => Fact::Reopened,
            "request_moved" => {
                let said = said(row)?;
                Fact::Moved { mailbox: said.mailbox.into_owned(), bureau: said.bureau.into_owned() }
            }
            "alert_raised" => {
                let said = said(row)?;
                Fact::Alerted { level: said.level, owed: owed(&said) }
            }
            "acknowledgement_state" => Fact::Acknowledged { state: said(row)?.state.into_owned() },
            "letter_registered" => Fact::Opened(Box::new(self.letter(row, &said(row)?)?)),
            "letter_answered" => {
                let said = said(row)?;
                let day = said.answered_on.ok_or_else(|| missing(row, "answered_on"))?;
                let stops = said.stops_clock.unwrap_or(!said.holding);
                Fact::Declared { at: self.noon(row, day), holding: said.holding, stops }
            }
            "appointment_requested" => Fact::Opened(Box::new(self.appointment(row, &said(row)?)?)),
            "appointment_fixed" => {
                let said = said(row)?;
                let fixed_on = said.fixed_on.ok_or_else(|| missing(row, "fixed_on"))?;
                let held_on = said.held_on.ok_or_else(|| missing(row, "held_on"))?;
                Fact::Fixed { at: self.noon(row, fixed_on), held_at: self.noon(row, held_on) }
            }
            "letter_withdrawn" | "appointment_withdrawn" => Fact::Withdrawn,
            "indicator_set" => {
                let (value, by) = hand(row, &said(row)?)?;
                self.hands.take(value, by, at(row.recorded_at), row.seq);
                return Ok(None);
            }
            _ => return Ok(None),
        }))
    }

    /// The calendar of a register's item.
    fn calendar(&self, row: &FactRow, bureau: &str) -> Result<&Calendar> {
        self.calendars.in_force(row.seq).calendar("", bureau).ok_or_else(|| missing(row, "a calendar"))
    }

    /// The instant that stands for a day.
    fn noon(&self, row: &FactRow, day: NaiveDate) -> DateTime<Utc> {
        self.calendar(row, "").map_or_else(|_| day.and_time(NOON).and_utc(), |calendar| calendar.instant(day, NOON))
    }

    fn letter(&self, row: &FactRow, said: &Said<'_>) -> Result<Case> {
        let day = said.received_on.ok_or_else(|| missing(row, "received_on"))?;
        self.by_hand(row, said, Channel::Letter, day)
    }

    fn appointment(&self, row: &FactRow, said: &Said<'_>) -> Result<Case> {
        let day = said.requested_on.ok_or_else(|| missing(row, "requested_on"))?;
        let due_on = said.held_due_on.ok_or_else(|| missing(row, "held_due_on"))?;
        let authority = Authority::from_name(&said.authority).ok_or_else(|| missing(row, "a known authority"))?;
        let due_at = self.calendar(row, &said.bureau)?.end_of_day(due_on);
        let mut case = self.by_hand(row, said, Channel::Appointment, day)?;
        let (commitment, limit) = (said.held_commitment.clone().into_owned(), said.held_limit);
        case.meeting = Some(Meeting { commitment, authority, due_on, due_at, limit, held_at: None, raised: None });
        Ok(case)
    }

    fn by_hand(&self, row: &FactRow, said: &Said<'_>, channel: Channel, day: NaiveDate) -> Result<Case> {
        let calendar = self.calendar(row, &said.bureau)?;
        let due_on = said.due_on.ok_or_else(|| missing(row, "due_on"))?;
        Ok(Case {
            channel,
            received_at: calendar.instant(day, NaiveTime::MIN),
            due_on,
            due_at: calendar.end_of_day(due_on),
            acknowledgement: String::new(),
            ..case(row, said, due_on)?
        })
    }
}

/// What every opening entry says.
fn case(row: &FactRow, said: &Said<'_>, due_on: NaiveDate) -> Result<Case> {
    // An appointment's entry names no nature: it has one.
    let nature = if said.nature.is_empty() { Some(Nature::Advice) } else { Nature::from_name(&said.nature) };
    Ok(Case {
        reference: row.request.clone(),
        channel: Channel::Mail,
        mailbox: row.mailbox.clone(),
        bureau: said.bureau.clone().into_owned(),
        requester: Requester::from_name(&said.requester).ok_or_else(|| missing(row, "a known requester"))?,
        nature: nature.ok_or_else(|| missing(row, "a known nature"))?,
        commitment: said.commitment.clone().into_owned(),
        limit: said.limit,
        official: said.perimeter.unwrap_or(true),
        backlog: said.backlog,
        received_at: at(row.occurred_at),
        due_on,
        due_at: DateTime::UNIX_EPOCH,
        holding_at: None,
        answered_at: None,
        substantive_at: None,
        evidence: String::new(),
        end: End::Open,
        ended_by: None,
        suspensions: Vec::new(),
        alerted: false,
        raised: None,
        cleared_by: None,
        acknowledgement: said.acknowledgement.clone().into_owned(),
        meeting: None,
    })
}

fn opened(row: &FactRow, said: &Said<'_>) -> Result<Case> {
    let due = due(row, said)?;
    Ok(Case { due_at: due.at, ..case(row, said, due.on)? })
}

/// The clock that an entry is about. A request has one, and its entries name none.
fn owed(said: &Said<'_>) -> Owed {
    Owed::from_name(&said.owed).unwrap_or(Owed::Answer)
}

fn due(row: &FactRow, said: &Said<'_>) -> Result<Due> {
    match (said.due_on, said.due_at) {
        (Some(on), Some(at)) => Ok(Due { on, at }),
        _ => Err(missing(row, "due_on and due_at")),
    }
}

fn reclassified(row: &FactRow, said: &Said<'_>) -> Result<Fact> {
    Ok(Fact::Reclassified {
        requester: Requester::from_name(&said.requester).ok_or_else(|| missing(row, "a known requester"))?,
        nature: Nature::from_name(&said.nature).ok_or_else(|| missing(row, "a known nature"))?,
        commitment: said.commitment.clone().into_owned(),
        limit: said.limit,
        due: due(row, said)?,
    })
}

fn hand(row: &FactRow, said: &Said<'_>) -> Result<(HandValue, String)> {
    let reading = Reading::told(&said.form, said.value, (said.numerator, said.denominator), &said.text);
    let reading = reading.ok_or_else(|| missing(row, "a known form"))?;
    let value = HandValue {
        key: said.key.clone().into_owned(),
        period: said.period.parse().map_err(|_| missing(row, "a period"))?,
        reading,
        source: said.source.clone().into_owned(),
    };
    Ok((value, said.by.clone().into_owned()))
}
