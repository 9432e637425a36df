//! When the agents are warned: each level once, in the bureau's working hours, the most urgent only.

use chrono::{DateTime, NaiveDate, Utc};

use super::address::Address;
use super::calendar::Calendar;
use super::opening::OpeningHours;
use super::policy::MailboxPolicy;
use super::request::Request;
use super::schedule::Schedule;

/// The level of a request whose limit is past.
pub const OVERDUE: i64 = -1;
/// The most reminders about one request: a year of working days.
const MAX_REMINDERS: usize = 250;

/// Who is warned, when, about what.
#[derive(Debug, Clone, PartialEq)]
pub struct Bureau {
    /// The bureau's key in configuration and ledger: `citoyennete`.
    pub key: String,
    /// What people read: « Bureau de la citoyenneté ».
    pub label: String,
    /// The agents: every level.
    pub agents: Vec<Address>,
    /// The *chef de bureau*: from `heads_from` working days left on.
    pub heads: Vec<Address>,
    /// The level from which the heads are warned too.
    pub heads_from: i64,
    /// The *référent qualité*: once the limit is past.
    pub officers: Vec<Address>,
    /// The level from which the quality officers are warned too.
    pub officers_from: i64,
    /// The working days left at which an alert rises, besides [`OVERDUE`].
    pub thresholds: Vec<i64>,
    /// Every how many working days what is overdue is called to mind; 0 for never.
    pub remind_every: u16,
    /// When the bureau works.
    pub hours: OpeningHours,
    /// When the morning digest goes out.
    pub digest: Schedule,
    /// Whether the digest carries the deadlines as a calendar file.
    pub digest_ics: bool,
    /// Whether a mail says that what was warned of is done.
    pub clearance_mail: bool,
}

impl Bureau {
    /// To whom an alert of a level goes: agents, then also their head, then also the quality officer.
    #[must_use]
    pub fn recipients(&self, level: i64) -> Vec<Address> {
        let heads = if level <= self.heads_from { self.heads.as_slice() } else { &[] };
        let officers = if level <= self.officers_from { self.officers.as_slice() } else { &[] };
        let mut recipients: Vec<Address> = Vec::new();
        for address in self.agents.iter().chain(heads).chain(officers) {
            if !recipients.contains(address) {
                recipients.push(address.clone());
            }
        }
        recipients
    }

    /// The levels that have a day of their own, from the mildest to the most urgent; reminders follow [`OVERDUE`].
    fn levels(&self) -> Vec<i64> {
        let mut levels: Vec<i64> = self.thresholds.iter().copied().filter(|level| *level >= 0).collect();
        levels.push(OVERDUE);
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.dedup();
        levels
    }
}

/// Where the alert about a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// Nothing was said yet.
    Quiet,
    /// The agents were warned.
    Open,
    /// Their head, or the quality officer, was warned too.
    Escalated,
    /// What is overdue was called to mind again.
    Reminded,
}

super::names::names!(AlertState {
    Quiet => "none",
    Open => "open",
    Escalated => "escalated",
    Reminded => "reminded",
});

impl Bureau {
    /// Where the alert about a request stands.
    #[must_use]
    pub fn alert_state(&self, request: &Request) -> AlertState {
        match request.alert_level {
            None => AlertState::Quiet,
            Some(level) if level < OVERDUE => AlertState::Reminded,
            Some(level) if level <= self.heads_from || level <= self.officers_from => AlertState::Escalated,
            Some(_) => AlertState::Open,
        }
    }
}

/// What an alert is reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Clock<'a> {
    /// The calendar of the mailbox.
    pub calendar: &'a Calendar,
    /// The bureau that is warned.
    pub bureau: &'a Bureau,
    /// What was promised.
    pub policy: &'a MailboxPolicy,
}

/// The days from which the alerts about something are reckoned: a request, a letter, a clock of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The day of receipt.
    pub received_on: NaiveDate,
    /// The last civil day that is in time.
    pub due_on: NaiveDate,
    /// The most urgent level that was raised and still stands.
    pub raised: Option<i64>,
}

impl Due {
    fn of(clock: Clock<'_>, request: &Request) -> Self {
        let received_on = clock.calendar.civil(request.received_at);
        Self { received_on, due_on: request.due_on, raised: request.alert_level }
    }
}

/// The levels still to come, mildest first, each with the instant at which it rises.
///
/// A level whose day is not after the day of receipt is left out: a request with a limit of one day is not late by
/// its birth.
fn upcoming(clock: Clock<'_>, due: Due) -> impl Iterator<Item = (i64, DateTime<Utc>)> + use<'_> {
    let Due { received_on, due_on, raised } = due;
    let day_of = move |level: i64| match u16::try_from(level) {
        Ok(left) => clock.calendar.subtract_working_days(due_on, left),
        Err(_) => clock.calendar.add_working_days(due_on, 1),
    };
    clock
        .bureau
        .levels()
        .into_iter()
        .filter_map(move |level| Some((level, day_of(level)?)))
        .chain(reminders(clock, due_on))
        .filter(move |(level, _)| raised.is_none_or(|known| *level < known))
        .filter_map(move |(level, day)| Some((level, attended(clock, level, day)?)))
        .filter(move |(level, day)| *level <= OVERDUE || *day > received_on)
        .filter_map(move |(level, day)| Some((level, clock.bureau.hours.opening_of(clock.calendar, day)?)))
}

/// The days of the reminders of what is overdue: their levels go on below [`OVERDUE`], so that each comes once.
fn reminders(clock: Clock<'_>, due_on: NaiveDate) -> impl Iterator<Item = (i64, NaiveDate)> + use<'_> {
    let every = Some(clock.bureau.remind_every).filter(|every| *every > 0);
    let overdue = every.and_then(|_| Some((OVERDUE, clock.calendar.add_working_days(due_on, 1)?)));
    let next = move |(level, day): &(i64, NaiveDate)| {
        Some((level - 1, clock.calendar.add_working_days(*day, clock.bureau.remind_every)?))
    };
    std::iter::successors(overdue, next).skip(1).take(MAX_REMINDERS)
}

/// The day on which a level's alert finds someone. In a closure that does not suspend the count, a warning comes before
/// it, while there is still time, and what is overdue is told as soon as someone is back.
fn attended(clock: Clock<'_>, level: i64, day: NaiveDate) -> Option<NaiveDate> {
    /// A closure longer than this is no closure.
    const MAX_CLOSED_DAYS: usize = 366;
    let opens = |day: &NaiveDate| clock.bureau.hours.opening_of(clock.calendar, *day).is_some();
    if level <= OVERDUE {
        day.iter_days().take(MAX_CLOSED_DAYS).find(opens)
    } else {
        std::iter::successors(Some(day), NaiveDate::pred_opt).take(MAX_CLOSED_DAYS).find(opens)
    }
}

/// Whether nothing is ever said about a request: it is settled, older than the watch, or its promise was taken back.
fn is_silent(clock: Clock<'_>, request: &Request) -> bool {
    !request.is_running() || request.backlog || clock.policy.is_withdrawn(&request.commitment)
}

/// When the next alert about a request is due; `None` where none ever is.
#[must_use]
pub fn next_alert(clock: Clock<'_>, request: &Request) -> Option<DateTime<Utc>> {
    if is_silent(clock, request) {
        return None;
    }
    upcoming(clock, Due::of(clock, request)).next().map(|(_, at)| at)
}

/// What to do about a request whose alert is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rise {
    /// Raise this level now; the next one is due at the given instant.
    Raise(i64, Option<DateTime<Utc>>),
    /// The bureau is closed, or nothing is due yet: look again at the given instant.
    Wait(DateTime<Utc>),
    /// Nothing is ever due.
    Never,
}

/// Decides about one request: the most urgent of the levels that are due, and never out of hours.
#[must_use]
pub fn rise(clock: Clock<'_>, request: &Request, now: DateTime<Utc>) -> Rise {
    if is_silent(clock, request) { Rise::Never } else { rise_of(clock, Due::of(clock, request), now) }
}

/// The same about whatever has a limit.
#[must_use]
pub fn rise_of(clock: Clock<'_>, due: Due, now: DateTime<Utc>) -> Rise {
    let (mut reached, mut next) = (None, None);
    for (level, at) in upcoming(clock, due) {
        if at > now {
            next = Some(at);
            break;
        }
        reached = Some(level);
    }
    let Some(level) = reached else { return next.map_or(Rise::Never, Rise::Wait) };
    if !clock.bureau.hours.is_open(clock.calendar, now) {
        return clock.bureau.hours.next_open(clock.calendar, now).map_or(Rise::Never, Rise::Wait);
    }
    Rise::Raise(level, next)
}

/// The next morning digest strictly after an instant: at the scheduled time, on working days only.
#[must_use]
pub fn next_digest(clock: Clock<'_>, policy_zone: chrono_tz::Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    /// A digest is looked for over a year of daily firings, closures included.
    const MAX_FIRINGS: usize = 400;
    let mut at = after;
    for _ in 0..MAX_FIRINGS {
        at = clock.bureau.digest.next_after(at, policy_zone)?;
        if clock.calendar.is_working(clock.calendar.civil(at)) {
            return Some(at);
        }
    }
    None
}

/// Whether a request of the mailbox counts for a bureau's alerts.
#[must_use]
pub fn concerns(policy: &MailboxPolicy, bureau: &Bureau) -> bool {
    policy.bureau == bureau.key
}
