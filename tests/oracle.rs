//! Working days against independent computations: every row of `tests/oracle/`, and every civil day of 2019–2035
//! against a naive reading of the same table.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "the helpers of a test fail loudly, as it does")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc, Weekday};
use vigie::domain::calendar::{Calendar, Territory};
use vigie::domain::deadline::{deadline, explain, working_days_left};

const HOLIDAYS: &str = include_str!("oracle/holidays.csv");
const DEADLINES: &str = include_str!("oracle/deadlines.csv");
const YEARS: std::ops::RangeInclusive<i32> = 2019..=2035;
/// The greatest limit that the walk over every day checks.
const LIMITS: u16 = 30;

/// The columns of a row, by name. Neither file quotes a field.
fn rows(csv: &'static str) -> Vec<HashMap<&'static str, &'static str>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    lines.map(|line| header.iter().copied().zip(line.split(',')).collect()).collect()
}

fn territory(row: &HashMap<&str, &str>) -> Territory {
    Territory::from_name(row["territory"]).expect("a known territory")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// The recommended holidays of the table, with their names.
fn recommended() -> BTreeMap<(Territory, NaiveDate), &'static str> {
    let rows = rows(HOLIDAYS);
    rows.iter()
        .filter(|row| row["recommended"] == "yes")
        .map(|row| ((territory(row), date(row["date"])), row["name"]))
        .collect()
}

#[test]
fn holidays_are_those_recommended_and_no_others() {
    let expected: BTreeSet<(Territory, NaiveDate)> = recommended().into_keys().collect();
    let mut found = BTreeSet::new();
    for territory in Territory::ALL {
        let calendar = Calendar::of(territory);
        for year in YEARS {
            found.extend(calendar.holidays(year).into_iter().map(|(date, _)| (territory, date)));
        }
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    let wrong: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "missing {missing:?}, wrong {wrong:?}");
    assert_eq!(expected.len(), 2_700);
}

#[test]
fn rejected_holidays_are_ordinary_days() {
    let rejected: Vec<_> = rows(HOLIDAYS).into_iter().filter(|row| row["recommended"] == "no").collect();
    assert_eq!(rejected.len(), 120);
    for row in rejected {
        let calendar = Calendar::of(territory(&row));
        let day = date(row["date"]);
        assert!(calendar.holidays(day.year()).iter().all(|(holiday, _)| *holiday != day), "{row:?}");
    }
}

#[test]
fn holidays_carry_the_names_of_the_table() {
    for ((territory, day), name) in recommended() {
        // Two feasts on one day: the table joins their names. Its « 2ème » is the law's « Second ».
        let mut expected: Vec<String> = name.split(" ; ").map(|name| name.replace("2ème", "Second")).collect();
        let holidays = Calendar::of(territory).holidays(day.year());
        let mut found: Vec<&str> = holidays.iter().filter(|(date, _)| *date == day).map(|(_, name)| *name).collect();
        expected.sort();
        found.sort_unstable();
        assert_eq!(found, expected, "{} {day}", territory.name());
    }
}

#[test]
fn deadlines_are_those_of_the_table_to_the_second() {
    let rows = rows(DEADLINES);
    assert_eq!(rows.len(), 1_000);
    for row in rows {
        let calendar = Calendar::of(territory(&row));
        assert_eq!(calendar.zone().name(), row["zone"]);
        let received_at = instant(row["received_at_utc"]);
        let limit = row["n_working_days"].parse().expect("a number");
        let found = deadline(&calendar, received_at, limit).expect("a deadline");
        assert_eq!(calendar.civil(received_at), date(row["receipt_day_local"]), "{row:?}");
        assert_eq!(found.due_on, date(row["due_date"]), "{row:?}");
        assert_eq!(found.due_at, instant(row["due_end_exclusive_utc"]), "{row:?}");
        assert_eq!(found.due_at - TimeDelta::seconds(1), instant(row["due_last_second_local"]), "{row:?}");
    }
}

#[test]
fn explanations_end_on_the_deadlines_of_the_table() {
    for row in rows(DEADLINES) {
        let calendar = Calendar::of(territory(&row));
        let limit: u16 = row["n_working_days"].parse().expect("a number");
        let steps = explain(&calendar, instant(row["received_at_utc"]), limit, &[]).expect("steps");
        let last = steps.last().expect("a step");
        assert_eq!((last.date, last.counted), (date(row["due_date"]), Some(limit)), "{row:?}");
        let counted: Vec<u16> = steps.iter().filter_map(|step| step.counted).collect();
        assert_eq!(counted, (0..=limit).collect::<Vec<_>>(), "{row:?}");
    }
}

/// The working days from 2019 on, in order, as the table tells them; in January 2036 only its first day is off.
fn naive_working_days(territory: Territory, holidays: &BTreeMap<(Territory, NaiveDate), &str>) -> Vec<NaiveDate> {
    date("2019-01-01")
        .iter_days()
        .take_while(|day| *day < date("2036-03-01"))
        .filter(|day| day.weekday() != Weekday::Sat && day.weekday() != Weekday::Sun)
        .filter(|day| !holidays.contains_key(&(territory, *day)) && *day != date("2036-01-01"))
        .collect()
}

fn check_every_day(territory: Territory, working: &[NaiveDate]) {
    let calendar = Calendar::of(territory);
    // The place in the list of the first working day after the day of receipt.
    let mut next = 0;
    for day in date("2019-01-01").iter_days().take_while(|day| YEARS.contains(&day.year())) {
        assert_eq!(calendar.is_working(day), working[next] == day, "{} {day}", territory.name());
        next += usize::from(working[next] == day);
        for (limit, due_on) in (1..=LIMITS).zip(&working[next..]) {
            let found = calendar.add_working_days(day, limit);
            assert_eq!(found, Some(*due_on), "{} {day} + {limit}", territory.name());
        }
        let due_on = working[next + usize::from(LIMITS) - 1];
        assert_eq!(working_days_left(&calendar, due_on, day), i64::from(LIMITS), "{} {day}", territory.name());
    }
}

#[test]
fn every_day_and_limit_agrees_with_a_naive_count_in_the_first_territories() {
    let holidays = recommended();
    for territory in Territory::ALL.into_iter().step_by(2) {
        check_every_day(territory, &naive_working_days(territory, &holidays));
    }
}

#[test]
fn every_day_and_limit_agrees_with_a_naive_count_in_the_other_territories() {
    let holidays = recommended();
    for territory in Territory::ALL.into_iter().skip(1).step_by(2) {
        check_every_day(territory, &naive_working_days(territory, &holidays));
    }
}

#[test]
fn every_day_begins_and_ends_at_local_midnight_in_every_territory() {
    for territory in Territory::ALL {
        let calendar = Calendar::of(territory);
        for day in date("2019-01-01").iter_days().take_while(|day| YEARS.contains(&day.year())) {
            let end = calendar.end_of_day(day);
            let next = day.succ_opt().expect("a date");
            assert_eq!(calendar.civil(end - TimeDelta::seconds(1)), day);
            assert_eq!(calendar.civil(end), next);
            let shown = end.with_timezone(&calendar.zone());
            assert_eq!((shown.date_naive(), shown.num_seconds_from_midnight()), (next, 0));
        }
    }
}
