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
    /// When the bureau works.
    pub hours: OpeningHours,
    /// When the morning digest goes out.
    pub digest: Schedule,
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

    /// The levels from the mildest to the most urgent.
    fn levels(&self) -> Vec<i64> {
        let mut levels: Vec<i64> = self.thresholds.iter().copied().filter(|level| *level >= 0).collect();
        levels.push(OVERDUE);
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.dedup();
        levels
    }
}

/// What an alert is reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Clock<'a> {
    /// The calendar of the mailbox.
    pub calendar: &'a Calendar,
    /// The bureau that is warned.
    pub bureau: &'a Bureau,
}

/// The levels still to come for a limit, mildest first, each with the instant at which it rises.
///
/// A level whose day is not after the day of receipt is left out: a request with a limit of one day is not late by
/// its birth.
fn upcoming(
    clock: Clock<'_>,
    received_on: NaiveDate,
    due_on: NaiveDate,
    raised: Option<i64>,
) -> Vec<(i64, DateTime<Utc>)> {
    let day_of = |level: i64| match u16::try_from(level) {
        Ok(left) => clock.calendar.subtract_working_days(due_on, left),
        Err(_) => clock.calendar.add_working_days(due_on, 1),
    };
    clock
        .bureau
        .levels()
        .into_iter()
        .filter(|level| raised.is_none_or(|known| *level < known))
        .filter_map(|level| Some((level, day_of(level)?)))
        .filter_map(|(level, day)| Some((level, attended(clock, level, day)?)))
        .filter(|(level, day)| *level == OVERDUE || *day > received_on)
        .filter_map(|(level, day)| Some((level, clock.bureau.hours.opening_of(clock.calendar, day)?)))
        .collect()
}

/// The day on which a level's alert finds someone. In a closure that does not suspend the count, a warning comes before
/// it, while there is still time, and what is overdue is told as soon as someone is back.
fn attended(clock: Clock<'_>, level: i64, day: NaiveDate) -> Option<NaiveDate> {
    /// A closure longer than this is no closure.
    const MAX_CLOSED_DAYS: usize = 366;
    let opens = |day: &NaiveDate| clock.bureau.hours.opening_of(clock.calendar, *day).is_some();
    if level == OVERDUE {
        day.iter_days().take(MAX_CLOSED_DAYS).find(opens)
    } else {
        std::iter::successors(Some(day), NaiveDate::pred_opt).take(MAX_CLOSED_DAYS).find(opens)
    }
}

/// When the next alert about a request is due; `None` where none ever is.
#[must_use]
pub fn next_alert(clock: Clock<'_>, request: &Request) -> Option<DateTime<Utc>> {
    if !request.is_running() || request.backlog {
        return None;
    }
    let received_on = clock.calendar.civil(request.received_at);
    upcoming(clock, received_on, request.due_on, request.alert_level).first().map(|(_, at)| *at)
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
    if !request.is_running() || request.backlog {
        return Rise::Never;
    }
    let received_on = clock.calendar.civil(request.received_at);
    let upcoming = upcoming(clock, received_on, request.due_on, request.alert_level);
    let Some((level, _)) = upcoming.iter().rev().find(|(_, at)| *at <= now) else {
        return upcoming.first().map_or(Rise::Never, |(_, at)| Rise::Wait(*at));
    };
    if !clock.bureau.hours.is_open(clock.calendar, now) {
        return clock.bureau.hours.next_open(clock.calendar, now).map_or(Rise::Never, Rise::Wait);
    }
    Rise::Raise(*level, upcoming.iter().find(|(next, _)| next < level).map(|(_, at)| *at))
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
