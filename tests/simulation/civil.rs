//! The story's own calendar, the naive way: a list of holidays, days counted one by one, Paris time by the two dates of
//! the year on which the clocks change.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

/// Public holidays in metropolitan France, copied from the official list.
const HOLIDAYS: &[&str] = &[
    "2025-12-25",
    "2026-01-01",
    "2026-04-06",
    "2026-05-01",
    "2026-05-08",
    "2026-05-14",
    "2026-05-25",
    "2026-07-14",
    "2026-08-15",
    "2026-11-01",
    "2026-11-11",
    "2026-12-25",
    "2027-01-01",
    "2027-03-29",
];
/// Summer time in 2026: from the first instant to the second, in UTC.
const SUMMER: (&str, &str) = ("2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z");

/// Days on which the prefecture is closed besides holidays.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    pub from: &'static str,
    pub to: &'static str,
    pub label: &'static str,
    /// Whether the count of working days stops meanwhile.
    pub suspends: bool,
}

/// The closures that are known at an instant of the story.
#[derive(Debug, Clone, Default)]
pub struct Days {
    pub closures: Vec<Closed>,
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The civil time in Paris.
pub fn civil(at: DateTime<Utc>) -> NaiveDateTime {
    let [from, until] = [SUMMER.0, SUMMER.1].map(|text| text.parse::<DateTime<Utc>>().unwrap());
    let hours = if (from..until).contains(&at) { 2 } else { 1 };
    at.naive_utc() + TimeDelta::hours(hours)
}

/// The instant of a civil time in Paris; the story does nothing in the hours that are skipped or doubled.
pub fn instant(day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let guess = day.and_time(time).and_utc() - TimeDelta::hours(1);
    if civil(guess) == day.and_time(time) { guess } else { guess - TimeDelta::hours(1) }
}

/// The same, in seconds after midnight.
pub fn at_second(day: NaiveDate, second: i64) -> DateTime<Utc> {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(second).unwrap(), 0).unwrap();
    instant(day, time)
}

impl Days {
    fn closed(&self, day: NaiveDate, suspending_only: bool) -> bool {
        self.closures.iter().any(|c| (c.suspends || !suspending_only) && date(c.from) <= day && day <= date(c.to))
    }

    /// Whether a day counts.
    pub fn works(&self, day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
            && !HOLIDAYS.contains(&day.to_string().as_str())
            && !self.closed(day, true)
    }

    /// Whether somebody is there.
    pub fn staffed(&self, day: NaiveDate) -> bool {
        self.works(day) && !self.closed(day, false)
    }

    /// The n-th working day after a day.
    pub fn after(&self, day: NaiveDate, n: u16) -> NaiveDate {
        self.walk(day, n, 1)
    }

    /// The n-th working day before a day.
    pub fn before(&self, day: NaiveDate, n: u16) -> NaiveDate {
        self.walk(day, n, -1)
    }

    fn walk(&self, mut day: NaiveDate, n: u16, step: i64) -> NaiveDate {
        let mut left = n;
        while left > 0 {
            day += TimeDelta::days(step);
            if self.works(day) {
                left -= 1;
            }
        }
        day
    }

    /// Working days after `from`, up to and including `to`.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> i64 {
        from.iter_days().skip(1).take_while(|day| *day <= to).filter(|day| self.works(*day)).count() as i64
    }
}
