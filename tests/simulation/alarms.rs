//! Which alert is due when, worked out from the truth alone: the levels of each bureau, its hours, the days on which
//! somebody is there.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::civil::{Days, at_second, civil};
use super::house::{BUREAUX, Bureau, known};
use super::story::{Case, OUTAGE, Story};
use super::truth::Reckoned;

/// An alert about one request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    pub at: DateTime<Utc>,
    pub bureau: usize,
    /// Working days left; -1 once overdue.
    pub level: i64,
    /// The request's Message-ID.
    pub case: String,
}

/// Noon's pause, in minutes of the day.
const NOON: (i64, i64) = (720, 810);

/// All alerts that the story makes due.
pub fn due(story: &Story) -> BTreeSet<Alarm> {
    story.cases.iter().filter(|case| !case.backlog).flat_map(|case| of_case(case, story.ends)).collect()
}

fn of_case(case: &Case, ends: DateTime<Utc>) -> Vec<Alarm> {
    let silenced = case.settled.map_or(ends, |settled| settled.seen_at.min(ends));
    let (mut alarms, mut raised) = (Vec::new(), i64::MAX);
    for (part, Reckoned { since: from, due, bureau: number, standing, anew }) in case.due.iter().enumerate() {
        let bureau = &BUREAUX[*number];
        let until = case.due.get(part + 1).map_or(silenced, |next| silenced.min(next.since));
        let days = known(*from);
        if *standing {
            continue;
        }
        if *anew || (part > 0 && case.due[part - 1].due < *due) {
            // More time was given: all is said anew.
            raised = i64::MAX;
        }
        let mut moments: Vec<(DateTime<Utc>, i64)> = levels(bureau, &days, *due, ends)
            .into_iter()
            .map(|(level, day)| (level, staffed(&days, day, level)))
            .filter(|(level, day)| *level < 0 || *day > civil(case.received_at).date())
            .map(|(level, day)| (attended(bureau, &days, at_second(day, bureau.opens * 60).max(*from)), level))
            .filter(|(at, _)| at < &until)
            .collect();
        // At one moment only the most urgent is told.
        moments.sort_unstable();
        for (at, level) in moments.iter().copied() {
            let most_urgent = moments.iter().filter(|(other, _)| *other == at).map(|(_, level)| *level).min();
            if level < raised && most_urgent == Some(level) {
                raised = level;
                alarms.push(Alarm { at, bureau: *number, level, case: case.id.clone() });
            }
        }
    }
    alarms
}

/// The levels of a limit with their days: the warnings, the delay, and what calls it to mind.
fn levels(bureau: &Bureau, days: &Days, due: NaiveDate, ends: DateTime<Utc>) -> Vec<(i64, NaiveDate)> {
    let warnings = bureau.thresholds.iter().map(|left| (*left, days.before(due, u16::try_from(*left).unwrap())));
    let mut levels: Vec<(i64, NaiveDate)> = warnings.collect();
    let (mut level, mut day) = (-1, days.after(due, 1));
    while day <= civil(ends).date() {
        levels.push((level, day));
        if bureau.remind_every == 0 {
            break;
        }
        (level, day) = (level - 1, days.after(day, bureau.remind_every));
    }
    levels
}

/// The day on which somebody is there: a warning is told on the last one before, a delay on the first one after.
fn staffed(days: &Days, mut day: NaiveDate, level: i64) -> NaiveDate {
    while !days.staffed(day) {
        day += TimeDelta::days(if level < 0 { 1 } else { -1 });
    }
    day
}

/// The first moment from `at` on at which vigie runs and the bureau is open.
fn attended(bureau: &Bureau, days: &Days, at: DateTime<Utc>) -> DateTime<Utc> {
    let [from, until] = [OUTAGE.0, OUTAGE.1].map(|text| text.parse::<DateTime<Utc>>().unwrap());
    let at = if (from..until).contains(&at) { until } else { at };
    if is_open(bureau, days, at) {
        return at;
    }
    let mut day = civil(at).date();
    loop {
        for minute in [bureau.opens, NOON.1] {
            let opening = at_second(day, minute * 60);
            if opening > at && is_open(bureau, days, opening) {
                return opening;
            }
        }
        day += TimeDelta::days(1);
    }
}

/// Whether somebody of the bureau is there.
pub fn is_open(bureau: &Bureau, days: &Days, at: DateTime<Utc>) -> bool {
    let local = civil(at);
    let minute = (local - local.date().and_hms_opt(0, 0, 0).unwrap()).num_minutes();
    let slots = [(bureau.opens, NOON.0), (NOON.1, bureau.closes)];
    days.staffed(local.date()) && slots.iter().any(|(opens, closes)| *opens <= minute && minute < *closes)
}
