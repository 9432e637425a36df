//! The year's calendar as a person reads it off the wall: no code of vigie.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Europe::Paris;

/// The public holidays of 2026, and the first of 2027.
const HOLIDAYS: [(i32, u32, u32); 12] = [
    (2026, 1, 1),
    (2026, 4, 6),
    (2026, 5, 1),
    (2026, 5, 8),
    (2026, 5, 14),
    (2026, 5, 25),
    (2026, 7, 14),
    (2026, 8, 15),
    (2026, 11, 1),
    (2026, 11, 11),
    (2026, 12, 25),
    (2027, 1, 1),
];
/// The days of the strike.
pub const STRIKE: [(i32, u32, u32); 2] = [(2026, 6, 11), (2026, 6, 12)];

/// A civil day.
pub fn date((year, month, day): (i32, u32, u32)) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

/// When the strike is written into the configuration: the Monday after it, before anybody is at work.
pub fn declared() -> NaiveDateTime {
    date((2026, 6, 15)).and_hms_opt(7, 0, 0).expect("a time")
}

/// The instant of a civil time of Paris.
pub fn utc(civil: NaiveDateTime) -> DateTime<Utc> {
    let shown = |civil: NaiveDateTime| civil.and_local_timezone(Paris).earliest();
    shown(civil).or_else(|| shown(civil + TimeDelta::hours(1))).expect("a time that the clocks show").to_utc()
}

/// The civil time of an instant.
pub fn civil(instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&Paris).naive_local()
}

fn strikes(day: NaiveDate) -> bool {
    STRIKE.iter().any(|strike| date(*strike) == day)
}

/// Whether a day counts; the strike's days count until they are written down.
pub fn counts(day: NaiveDate, strike_known: bool) -> bool {
    let week_end = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let holiday = HOLIDAYS.iter().any(|holiday| date(*holiday) == day);
    !(week_end || holiday || strike_known && strikes(day))
}

/// Whether agents are at work on a day: they know of the strike.
pub fn agents_work(day: NaiveDate) -> bool {
    counts(day, true)
}

/// The n-th day after another that passes.
pub fn after(day: NaiveDate, n: u32, passes: impl Fn(NaiveDate) -> bool) -> NaiveDate {
    let mut found = day;
    for _ in 0..n {
        found = found.succ_opt().expect("a day");
        while !passes(found) {
            found = found.succ_opt().expect("a day");
        }
    }
    found
}

/// The last day for what was received on a day, under a limit in working days.
pub fn due(received: NaiveDate, limit: u32, strike_known: bool) -> NaiveDate {
    after(received, limit, |day| counts(day, strike_known))
}

/// How many days that count lie after one day, up to and including another.
pub fn days_between(day: NaiveDate, until: NaiveDate, strike_known: bool) -> i64 {
    let found = day.iter_days().skip(1).take_while(|d| *d <= until).filter(|d| counts(*d, strike_known)).count();
    i64::try_from(found).expect("a few")
}

/// The round of the post at which something is seen: every ten minutes.
pub fn round(at: NaiveDateTime) -> NaiveDateTime {
    let over = i64::from(at.minute() % 10);
    if over == 0 && at.second() == 0 {
        at
    } else {
        at + TimeDelta::minutes(10 - over) - TimeDelta::seconds(at.second().into())
    }
}
