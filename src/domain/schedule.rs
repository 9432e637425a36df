//! Recurring times in the usual five-field crontab, in civil time.
//!
//! The `cron` crate searches, and never sees a time zone: with one, version 0.17 misses what the clocks skip, fires
//! twice what they double, and can go back in time. It is given civil time dressed as UTC, and
//! [`super::calendar::instant_in`] makes instants of its answers. It is given no weekday numbers either, because its 1
//! is Sunday: the fields are read here, and handed over as plain lists and weekday names.
//!
//! Deliberately absent: seconds, years, `@daily`, `L` and `#`.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::str::FromStr;

use super::calendar::{civil_time, instant_in};

/// The longest expression, in octets.
const MAX_EXPRESSION_OCTETS: usize = 400;
/// How many firings are passed over to come out of a doubled hour; a day that comes twice has 1 440 minutes.
const MAX_SKIPPED_FIRINGS: usize = 3_000;
/// A clock that is set back by less than this fires nothing a second time.
const SLIP: TimeDelta = TimeDelta::hours(1);
/// The years that the `cron` crate knows.
const KNOWN_YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;
/// The parts of an expression.
const FIELDS: [Field; 5] = [Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::Weekday];
/// crontab(5): the names of months, the first is 1.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// crontab(5): the names of the days of the week, the first is 0.
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field of a crontab expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0–59.
    Minute,
    /// 0–23.
    Hour,
    /// 1–31.
    DayOfMonth,
    /// 1–12, or `jan` to `dec`.
    Month,
    /// 0–7, 0 and 7 being Sunday, or `sun` to `sat`.
    Weekday,
}

impl Field {
    /// The smallest and the greatest value.
    fn bounds(self) -> (u32, u32) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    /// The names that stand for the values from the smallest on.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
            Self::Month => &MONTHS,
            Self::Weekday => &WEEKDAYS,
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::Weekday => "day of week",
        })
    }
}

/// What is wrong with a crontab expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("{0} field(s): a schedule has five, `minute hour day-of-month month day-of-week`, as in `30 8 * * 1-5`")]
    FieldCount(usize),
    /// Too long to be meant.
    #[error("the schedule is {0} octets long: at most {MAX_EXPRESSION_OCTETS} are allowed")]
    TooLong(usize),
    /// Neither a number in the field's bounds nor one of its names.
    #[error("{field}: `{text}` is not a value from {min} to {max}", min = field.bounds().0, max = field.bounds().1)]
    Value {
        /// The field.
        field: Field,
        /// What stands there.
        text: String,
    },
    /// A range that goes backwards.
    #[error("{field}: the range `{text}` goes backwards; write it as two, separated by a comma")]
    Backwards {
        /// The field.
        field: Field,
        /// The range.
        text: String,
    },
    /// A step that is no positive number, or that follows a single value.
    #[error("{field}: `{text}` is not a step; write `*/15` or `8-18/2`")]
    Step {
        /// The field.
        field: Field,
        /// The part of the field.
        text: String,
    },
    /// The `cron` crate refuses what was handed over: a fault of ours, or a new version of the crate.
    #[error("`{text}` is refused: {cause}")]
    Refused {
        /// The expression.
        text: String,
        /// The crate's words.
        cause: String,
    },
    /// A date that no year has, such as 30 February.
    #[error("`{0}` never happens: no year has such a day")]
    Never(String),
}

/// What something that recurs is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// Nothing: its time is to come.
    Waits,
    /// It fires now, for this instant.
    Due(DateTime<Utc>),
    /// It has no time, or one further ahead than its rule knows: it gets one, and nothing was missed.
    Anew,
}

impl Firing {
    /// What something does that was to fire at `scheduled` and fires after any instant at `next` of it.
    ///
    /// A clock that ran ahead and was set right leaves times behind that its rule would reach only much later: whoever
    /// kept to them would be silent until then.
    pub fn of(
        scheduled: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        next: impl Fn(DateTime<Utc>) -> DateTime<Utc>,
    ) -> Self {
        match scheduled {
            Some(at) if at <= now => Self::Due(at),
            Some(at) if at <= next(now + SLIP) => Self::Waits,
            Some(_) | None => Self::Anew,
        }
    }
}

/// A recurring civil time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    source: String,
    /// One rule; two when both days are restricted, for crontab(5) then fires on either.
    rules: Vec<cron::Schedule>,
}

impl Schedule {
    /// Reads five fields: values, names, `*`, ranges, steps, and lists of them.
    ///
    /// When both the day of month and the day of week are restricted (neither begins with `*`), a day that matches
    /// either will do, as crontab(5) has it.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > MAX_EXPRESSION_OCTETS {
            return Err(ScheduleError::TooLong(text.len()));
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(ScheduleError::FieldCount(parts.len()));
        };
        let either_day = !day.starts_with('*') && !weekday.starts_with('*');
        let mut lists = Vec::with_capacity(FIELDS.len());
        for (field, part) in FIELDS.into_iter().zip([minute, hour, day, month, weekday]) {
            lists.push(render(field, parse_field(field, part)?));
        }
        let [minute, hour, day, month, weekday] = lists.as_slice() else {
            return Err(ScheduleError::FieldCount(lists.len()));
        };
        let expressions = if either_day {
            vec![format!("0 {minute} {hour} {day} {month} *"), format!("0 {minute} {hour} * {month} {weekday}")]
        } else {
            vec![format!("0 {minute} {hour} {day} {month} {weekday}")]
        };
        let source = parts.join(" ");
        let rules = expressions.iter().map(|text| cron::Schedule::from_str(text)).collect::<Result<_, _>>();
        let rules = rules.map_err(|cause| ScheduleError::Refused { text: source.clone(), cause: cause.to_string() })?;
        let schedule = Self { source, rules };
        match schedule.next_civil(DateTime::UNIX_EPOCH.naive_utc()) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never(schedule.source)),
        }
    }

    /// The expression, with single spaces.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first instant strictly after the given one at which the schedule fires in a zone's civil time.
    ///
    /// A time that the clocks skip fires at the first instant after the gap, a time that they show twice fires at its
    /// first coming only; so `*/15` rests through the second coming of an hour. `None` after the year 2100.
    #[must_use]
    pub fn next_after(&self, instant: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // The civil time of an instant never has a firing behind it that is still to come: `instant_in` is monotonic.
        let mut civil = civil_time(zone, instant);
        for _ in 0..MAX_SKIPPED_FIRINGS {
            civil = self.next_civil(civil)?;
            let fires_at = instant_in(zone, civil);
            if fires_at > instant {
                return Some(fires_at);
            }
        }
        None
    }

    /// The first civil time strictly after another; for the crate, which knows instants only, it is dressed as UTC.
    fn next_civil(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.max(DateTime::UNIX_EPOCH.naive_utc());
        if !KNOWN_YEARS.contains(&after.year()) {
            return None;
        }
        self.rules.iter().filter_map(|rule| rule.after(&after.and_utc()).next()).map(|found| found.naive_utc()).min()
    }
}

/// The values of a field, as bits.
fn parse_field(field: Field, text: &str) -> Result<u64, ScheduleError> {
    text.split(',').try_fold(0, |bits, part| Ok(bits | parse_part(field, part)?))
}

/// One part of a list: `*`, a value, a range, or one of the first and last with a step.
fn parse_part(field: Field, part: &str) -> Result<u64, ScheduleError> {
    let wrong_step = || ScheduleError::Step { field, text: part.to_owned() };
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, Some(step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(wrong_step)?)),
        None => (part, None),
    };
    let (first, last) = match span.split_once('-') {
        Some((first, last)) => (parse_value(field, first)?, parse_value(field, last)?),
        None if span == "*" => match field {
            Field::Weekday => (0, 6),
            Field::Minute | Field::Hour | Field::DayOfMonth | Field::Month => field.bounds(),
        },
        None if step.is_some() => return Err(wrong_step()),
        None => (parse_value(field, span)?, parse_value(field, span)?),
    };
    // `fri-sun` is meant well, and 7 is Sunday too.
    let last = if field == Field::Weekday && last == 0 && first > 0 { 7 } else { last };
    if last < first {
        return Err(ScheduleError::Backwards { field, text: span.to_owned() });
    }
    let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
    Ok((first..=last).step_by(step).fold(0, |bits, value| bits | bit(field, value)))
}

/// The bit of a value; both Sundays are one.
fn bit(field: Field, value: u32) -> u64 {
    1 << if field == Field::Weekday && value == 7 { 0 } else { value }
}

fn parse_value(field: Field, text: &str) -> Result<u32, ScheduleError> {
    let (min, max) = field.bounds();
    let named =
        (min..=max).zip(field.names()).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(value, _)| value);
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    named
        .or_else(|| text.parse().ok().filter(|value| digits && (min..=max).contains(value)))
        .ok_or_else(|| ScheduleError::Value { field, text: text.to_owned() })
}

/// A field in the words of the `cron` crate: `*`, or a list, of names for the days of the week.
fn render(field: Field, bits: u64) -> String {
    let (min, max) = field.bounds();
    let values: Vec<u32> = (min..=max).filter(|value| bits & 1 << value != 0).collect();
    let all = (min..=max).fold(0, |all, value| all | bit(field, value));
    if bits == all {
        return "*".to_owned();
    }
    let words: Vec<String> = match field {
        Field::Weekday => (min..=max)
            .zip(field.names())
            .filter(|(value, _)| values.contains(value))
            .map(|(_, name)| (*name).to_owned())
            .collect(),
        Field::Minute | Field::Hour | Field::DayOfMonth | Field::Month => {
            values.iter().map(ToString::to_string).collect()
        }
    };
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, Timelike, Weekday};
    use chrono_tz::Europe::Paris;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    /// The firings after an instant, before another, in Paris.
    fn firings(expression: &str, after: &str, before: &str) -> Vec<String> {
        let schedule = Schedule::parse(expression).expect("valid");
        let next = |instant: &DateTime<Utc>| schedule.next_after(*instant, Paris);
        std::iter::successors(next(&at(after)), next)
            .take_while(|instant| *instant < at(before))
            .map(|instant| instant.format("%dT%H:%MZ").to_string())
            .collect()
    }

    #[test]
    fn a_daily_time_that_the_clocks_skip_fires_after_the_gap() {
        assert_eq!(
            firings("30 2 * * *", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
            ["28T01:30Z", "29T01:00Z", "30T00:30Z"]
        );
    }

    #[test]
    fn a_daily_time_that_comes_twice_fires_once() {
        assert_eq!(firings("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), ["25T00:30Z", "26T01:30Z"]);
    }

    #[test]
    fn quarters_of_an_hour_never_go_back_in_time() {
        assert_eq!(
            firings("*/15 * * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:31:00Z"),
            ["29T00:45Z", "29T01:00Z", "29T01:15Z", "29T01:30Z"]
        );
        assert_eq!(
            firings("*/15 * * * *", "2026-10-25T00:20:00Z", "2026-10-25T02:16:00Z"),
            ["25T00:30Z", "25T00:45Z", "25T02:00Z", "25T02:15Z"]
        );
    }

    #[test]
    fn asked_within_the_second_coming_of_an_hour_it_waits_for_the_next_one() {
        let schedule = Schedule::parse("*/15 * * * *").expect("valid");
        assert_eq!(schedule.next_after(at("2026-10-25T01:10:00Z"), Paris), Some(at("2026-10-25T02:00:00Z")));
    }

    #[test]
    fn one_to_five_are_monday_to_friday() {
        for expression in ["0 8 * * 1-5", "0 8 * * mon-fri", "0 8 * * MON,TUE,3,Thu,5"] {
            assert_eq!(
                firings(expression, "2026-06-05T12:00:00Z", "2026-06-13T12:00:00Z"),
                ["08T06:00Z", "09T06:00Z", "10T06:00Z", "11T06:00Z", "12T06:00Z"],
                "{expression}"
            );
        }
    }

    #[test]
    fn zero_and_seven_are_sunday() {
        for expression in ["0 8 * * 0", "0 8 * * 7", "0 8 * * sun", "0 8 * * 0,7"] {
            assert_eq!(
                firings(expression, "2026-06-05T12:00:00Z", "2026-06-13T12:00:00Z"),
                ["07T06:00Z"],
                "{expression}"
            );
        }
        for expression in ["0 8 * * 6-7", "0 8 * * sat-sun", "0 8 * * 6-0"] {
            assert_eq!(
                firings(expression, "2026-06-05T12:00:00Z", "2026-06-13T12:00:00Z"),
                ["06T06:00Z", "07T06:00Z", "13T06:00Z"],
                "{expression}"
            );
        }
    }

    #[test]
    fn a_day_of_month_or_a_day_of_week_will_do_when_both_are_restricted() {
        assert_eq!(
            firings("0 12 10 * mon", "2026-06-01T12:00:00Z", "2026-06-16T00:00:00Z"),
            ["08T10:00Z", "10T10:00Z", "15T10:00Z"]
        );
        assert_eq!(firings("0 12 */10 * mon", "2026-06-01T12:00:00Z", "2026-06-30T00:00:00Z"), Vec::<String>::new());
    }

    #[test]
    fn reads_lists_ranges_steps_and_names() {
        assert_eq!(
            firings("5,20-22/2 8-18/5 1 jan,6 *", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            [
                "01T07:05Z",
                "01T07:20Z",
                "01T07:22Z",
                "01T12:05Z",
                "01T12:20Z",
                "01T12:22Z",
                "01T17:05Z",
                "01T17:20Z",
                "01T17:22Z",
                "01T06:05Z",
                "01T06:20Z",
                "01T06:22Z",
                "01T11:05Z",
                "01T11:20Z",
                "01T11:22Z",
                "01T16:05Z",
                "01T16:20Z",
                "01T16:22Z"
            ]
        );
        assert_eq!(firings("0 0 29 2 *", "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z"), ["28T23:00Z", "28T23:00Z"]);
    }

    #[test]
    fn is_strictly_after_and_ends_with_the_crate_in_2100() {
        let schedule = Schedule::parse("0 8 * * *").expect("valid");
        assert_eq!(schedule.next_after(at("2026-06-05T06:00:00Z"), Paris), Some(at("2026-06-06T06:00:00Z")));
        assert_eq!(schedule.next_after(at("2026-06-05T05:59:59.5Z"), Paris), Some(at("2026-06-05T06:00:00Z")));
        assert_eq!(schedule.next_after(at("2101-06-05T06:00:00Z"), Paris), None);
        assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC, Paris), None);
        assert_eq!(schedule.next_after(DateTime::<Utc>::MIN_UTC, Paris), Some(at("1970-01-01T07:00:00Z")));
    }

    #[test]
    fn says_what_is_wrong() {
        for (expression, message) in [
            ("", "0 field(s): a schedule has five"),
            ("0 30 8 * * 1-5", "6 field(s)"),
            ("@daily", "1 field(s)"),
            ("60 8 * * *", "minute: `60` is not a value from 0 to 59"),
            ("0 24 * * *", "hour: `24` is not a value from 0 to 23"),
            ("0 8 0 * *", "day of month: `0` is not a value from 1 to 31"),
            ("0 8 * 13 *", "month: `13` is not a value"),
            ("0 8 * * lundi", "day of week: `lundi` is not a value from 0 to 7"),
            ("0 8 * * 8", "day of week: `8`"),
            ("+5 8 * * *", "minute: `+5`"),
            ("5, 8 * * *", "minute: `` is not"),
            ("0 18-8 * * *", "hour: the range `18-8` goes backwards"),
            ("*/0 8 * * *", "minute: `*/0` is not a step"),
            ("5/10 8 * * *", "minute: `5/10` is not a step"),
            ("*/x 8 * * *", "minute: `*/x` is not a step"),
            ("0 8 30 2 *", "`0 8 30 2 *` never happens"),
        ] {
            let error = Schedule::parse(expression).expect_err(expression).to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(Schedule::parse(&"1,".repeat(300)), Err(ScheduleError::TooLong(600)));
    }

    /// The first minute at which the clocks of Paris show a civil time or a later one, found by looking at each.
    fn naive_instant(civil: NaiveDateTime) -> DateTime<Utc> {
        let start = (civil - TimeDelta::hours(3)).and_utc();
        let minutes = (0..400).map(|minute| start + TimeDelta::minutes(minute));
        minutes.into_iter().find(|minute| civil_time(Paris, *minute) >= civil).expect("found")
    }

    fn some_of(field: std::ops::Range<u32>) -> impl Strategy<Value = Vec<u32>> {
        prop::collection::btree_set(field, 1..5).prop_map(|set| set.into_iter().collect())
    }

    fn list(values: &[u32]) -> String {
        values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn fires_exactly_when_each_minute_looked_at_says_so(
            minutes in some_of(0..60), hours in some_of(0..5), weekdays in some_of(0..7), autumn: bool,
        ) {
            let day = if autumn { "2026-10-24T00:00:00" } else { "2026-03-28T00:00:00" };
            let start: NaiveDateTime = day.parse().expect("a time");
            let fits = |civil: &NaiveDateTime| {
                let weekday: Weekday = civil.weekday();
                minutes.contains(&civil.minute()) && hours.contains(&civil.hour())
                    && weekdays.contains(&weekday.num_days_from_sunday())
            };
            let civils = (0..3 * 1_440).map(|minute| start + TimeDelta::minutes(minute));
            let mut expected: Vec<_> = civils.filter(fits).map(naive_instant).collect();
            expected.dedup();
            let expression = format!("{} {} * * {}", list(&minutes), list(&hours), list(&weekdays));
            let schedule = Schedule::parse(&expression).expect("valid");
            let next = |instant: &DateTime<Utc>| schedule.next_after(*instant, Paris);
            let first = next(&(naive_instant(start) - TimeDelta::seconds(1)));
            let found: Vec<_> = std::iter::successors(first, next)
                .take_while(|instant| *instant < naive_instant(start + TimeDelta::days(3))).collect();
            prop_assert_eq!(found, expected, "{}", expression);
        }
    }
}
