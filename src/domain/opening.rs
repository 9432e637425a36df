//! When a bureau is at work: slots of the day, on the staffed days of its [`Calendar`].
//!
//! Alerts go out inside these hours only (DESIGN §4). Hours decide nothing about deadlines, which run in whole days.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::calendar::Calendar;

/// The most slots in a day.
const MAX_SLOTS: usize = 24;
/// How far the search for the next opening goes, in civil days: ten years.
const MAX_SEARCH_DAYS: usize = 3_653;

/// The slots of a working day, in order, without overlap. A slot ends before its second time; `00:00` there means the
/// end of the day, so that a bureau that never closes has no closed minute at midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    slots: Vec<(NaiveTime, NaiveTime)>,
}

/// What is wrong with opening hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// No slot at all: nobody would ever be alerted.
    #[error("the opening hours have no slot")]
    NoSlot,
    /// More slots than a day has hours.
    #[error("{0} slots of opening in a day: at most {MAX_SLOTS} are allowed")]
    TooManySlots(usize),
    /// A slot that ends before it begins.
    #[error("the slot {from}-{to} ends before it begins")]
    Backwards {
        /// The slot's beginning.
        from: NaiveTime,
        /// The slot's end.
        to: NaiveTime,
    },
    /// A slot that begins before the end of the one before it.
    #[error("the slot that begins at {from} overlaps the slot before it, which ends at {previous_to}")]
    Overlap {
        /// The later slot's beginning.
        from: NaiveTime,
        /// The earlier slot's end.
        previous_to: NaiveTime,
    },
}

impl OpeningHours {
    /// Checks the slots of a day; they may come in any order.
    pub fn new(mut slots: Vec<(NaiveTime, NaiveTime)>) -> Result<Self, OpeningError> {
        if slots.is_empty() {
            return Err(OpeningError::NoSlot);
        }
        if slots.len() > MAX_SLOTS {
            return Err(OpeningError::TooManySlots(slots.len()));
        }
        slots.sort_unstable();
        if let Some(&(from, to)) = slots.iter().find(|(from, to)| to <= from && *to != NaiveTime::MIN) {
            return Err(OpeningError::Backwards { from, to });
        }
        for ((_, previous_to), (from, _)) in slots.iter().zip(slots.iter().skip(1)) {
            if previous_to > from || *previous_to == NaiveTime::MIN {
                return Err(OpeningError::Overlap { from: *from, previous_to: *previous_to });
            }
        }
        Ok(Self { slots })
    }

    /// The slots of a working day, in order.
    #[must_use]
    pub fn slots(&self) -> &[(NaiveTime, NaiveTime)] {
        &self.slots
    }

    /// Whether someone is at work at an instant.
    #[must_use]
    pub fn is_open(&self, calendar: &Calendar, instant: DateTime<Utc>) -> bool {
        self.spans(calendar, calendar.civil(instant)).any(|(opens, closes)| opens <= instant && instant < closes)
    }

    /// The first instant, from the given one on, at which someone is at work. `None` when nobody is for ten years.
    #[must_use]
    pub fn next_open(&self, calendar: &Calendar, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = calendar.civil(instant).iter_days().take(MAX_SEARCH_DAYS);
        days.flat_map(|date| self.spans(calendar, date))
            .find(|(_, closes)| instant < *closes)
            .map(|(opens, _)| opens.max(instant))
    }

    /// The first instant of a day at which someone is at work. `None` on a day that is not staffed.
    #[must_use]
    pub fn opening_of(&self, calendar: &Calendar, date: NaiveDate) -> Option<DateTime<Utc>> {
        self.spans(calendar, date).next().map(|(opens, _)| opens)
    }

    /// The share, from 0 to 1, of a day's working hours that is still to come at an instant; 0 on a day that is not
    /// staffed.
    #[must_use]
    pub fn share_left(&self, calendar: &Calendar, instant: DateTime<Utc>) -> f64 {
        let (mut all, mut left) = (0, 0);
        for (opens, closes) in self.spans(calendar, calendar.civil(instant)) {
            all += (closes - opens).num_seconds();
            left += (closes - instant.clamp(opens, closes)).num_seconds();
        }
        let seconds = |seconds: i64| f64::from(i32::try_from(seconds).unwrap_or(i32::MAX));
        if all == 0 { 0.0 } else { seconds(left) / seconds(all) }
    }

    /// The slots of a date as instants, the end exclusive. A slot that the clocks skip whole is left out.
    fn spans<'a>(
        &'a self,
        calendar: &'a Calendar,
        date: NaiveDate,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + 'a {
        let slots = if calendar.is_staffed(date) { self.slots.as_slice() } else { &[] };
        slots
            .iter()
            .map(move |(from, to)| {
                let closes =
                    if *to == NaiveTime::MIN { calendar.end_of_day(date) } else { calendar.instant(date, *to) };
                (calendar.instant(date, *from), closes)
            })
            .filter(|(opens, closes)| opens < closes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::{Closure, MONDAY_TO_FRIDAY, Territory};
    use crate::domain::holidays::HolidayRules;
    use chrono::{TimeDelta, WeekdaySet};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn hours(slots: &[(&str, &str)]) -> Result<OpeningHours, OpeningError> {
        OpeningHours::new(slots.iter().map(|(a, b)| (a.parse().expect("a time"), b.parse().expect("a time"))).collect())
    }

    fn office() -> OpeningHours {
        hours(&[("13:30:00", "17:00:00"), ("09:00:00", "12:00:00")]).expect("valid")
    }

    fn all_days(slots: &[(&str, &str)]) -> (Calendar, OpeningHours) {
        let rules = HolidayRules::default();
        let calendar = Calendar::new(Territory::Metropole, chrono_tz::Europe::Paris, rules, vec![], WeekdaySet::ALL);
        (calendar, hours(slots).expect("valid"))
    }

    #[test]
    fn is_open_within_the_slots_and_closed_at_lunch() {
        let calendar = Calendar::of(Territory::Metropole);
        for (instant, open) in [
            ("2026-05-18T06:59:59Z", false),
            ("2026-05-18T07:00:00Z", true),
            ("2026-05-18T09:59:59Z", true),
            ("2026-05-18T10:00:00Z", false),
            ("2026-05-18T11:30:00Z", true),
            ("2026-05-18T15:00:00Z", false),
            ("2026-05-14T08:00:00Z", false),
            ("2026-05-16T08:00:00Z", false),
        ] {
            assert_eq!(office().is_open(&calendar, at(instant)), open, "{instant}");
        }
    }

    #[test]
    fn waits_for_the_next_opening() {
        let calendar = Calendar::of(Territory::Metropole);
        for (instant, opens) in [
            ("2026-05-18T08:12:00Z", "2026-05-18T08:12:00Z"),
            ("2026-05-18T10:00:00Z", "2026-05-18T11:30:00Z"),
            ("2026-05-13T15:00:00Z", "2026-05-15T07:00:00Z"),
            ("2026-05-07T15:00:00Z", "2026-05-11T07:00:00Z"),
            ("2026-03-27T20:00:00Z", "2026-03-30T07:00:00Z"),
            ("2026-10-23T20:00:00Z", "2026-10-26T08:00:00Z"),
        ] {
            assert_eq!(office().next_open(&calendar, at(instant)), Some(at(opens)), "{instant}");
        }
    }

    #[test]
    fn nobody_is_at_work_in_a_closure_even_if_its_days_count() {
        let day = "2026-05-15".parse().expect("a date");
        let pont = Closure { from: day, to: day, label: "Pont".to_owned(), suspends: false };
        let territory = Territory::Metropole;
        let calendar =
            Calendar::new(territory, territory.zone(), HolidayRules::default(), vec![pont], MONDAY_TO_FRIDAY);
        assert_eq!(office().opening_of(&calendar, day), None);
        assert_eq!(office().next_open(&calendar, at("2026-05-14T10:00:00Z")), Some(at("2026-05-18T07:00:00Z")));
    }

    #[test]
    fn opens_a_working_day_at_its_first_slot() {
        let calendar = Calendar::of(Territory::Guadeloupe);
        let opening = office().opening_of(&calendar, "2026-05-18".parse().expect("a date"));
        assert_eq!(opening, Some(at("2026-05-18T13:00:00Z")));
    }

    #[test]
    fn a_bureau_that_never_closes_has_no_closed_minute_at_midnight() {
        let (calendar, always) = all_days(&[("00:00:00", "00:00:00")]);
        let start = at("2026-03-27T00:00:00Z");
        assert!((0..5_000).all(|minute| always.is_open(&calendar, start + TimeDelta::minutes(minute))));
    }

    #[test]
    fn follows_the_clocks_through_a_skipped_and_a_doubled_hour() {
        let (calendar, night) = all_days(&[("02:15:00", "02:45:00"), ("02:50:00", "04:00:00")]);
        let next = |instant| night.next_open(&calendar, at(instant));
        assert_eq!(next("2026-03-28T23:30:00Z"), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(next("2026-10-24T23:30:00Z"), Some(at("2026-10-25T00:15:00Z")));
        assert!(!night.is_open(&calendar, at("2026-10-25T00:46:00Z")));
        assert!(night.is_open(&calendar, at("2026-10-25T01:20:00Z")));
    }

    #[test]
    fn the_share_of_the_day_that_is_left_shrinks_with_the_slots() {
        let calendar = Calendar::of(Territory::Metropole);
        for (instant, share) in [
            ("2026-06-08T05:00:00Z", 1.0),
            ("2026-06-08T10:00:00Z", 0.5),
            ("2026-06-08T11:00:00Z", 0.5),
            ("2026-06-08T20:00:00Z", 0.0),
            ("2026-06-07T10:00:00Z", 0.0),
        ] {
            let hours = hours(&[("09:00:00", "12:00:00"), ("14:00:00", "17:00:00")]).expect("hours");
            let found = hours.share_left(&calendar, at(instant));
            assert!((found - share).abs() < 1e-9, "{instant} {found}");
        }
    }

    #[test]
    fn gives_up_when_nobody_ever_comes() {
        let rules = HolidayRules::default();
        let calendar = Calendar::new(Territory::Metropole, chrono_tz::Europe::Paris, rules, vec![], WeekdaySet::EMPTY);
        assert_eq!(office().next_open(&calendar, at("2026-05-18T08:12:00Z")), None);
    }

    #[test]
    fn says_what_is_wrong_with_the_slots() {
        for (slots, message) in [
            (&[][..], "no slot"),
            (&[("12:00:00", "09:00:00")][..], "12:00:00-09:00:00 ends before it begins"),
            (&[("09:00:00", "12:00:00"), ("11:00:00", "17:00:00")][..], "begins at 11:00:00 overlaps"),
            (&[("09:00:00", "00:00:00"), ("11:00:00", "17:00:00")][..], "begins at 11:00:00 overlaps"),
            (&[("09:00:00", "10:00:00"); 25][..], "25 slots"),
        ] {
            let error = hours(slots).expect_err("refused").to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
