//! When an answer is due, and the explanation of it day by day.
//!
//! The day of receipt is day 0 and does not count; a limit of N ends at the end of the N-th working day after it
//! (DOMAIN §3).
//!
//! Deliberately absent: which limit holds (that is the policy's matter), and storage of the explanation: the revision
//! of the calendar is stored, and the explanation is worked out again.

use chrono::{DateTime, NaiveDate, Utc};

use super::calendar::{Calendar, Day};
use super::french::{french_rank, french_weekday};

/// When something is due, and by which calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The last day, in the service's civil time.
    pub due_on: NaiveDate,
    /// The first instant that is too late: the end of `due_on`, exclusive.
    pub due_at: DateTime<Utc>,
    /// The calendar by which it was computed ([`Calendar::revision`]).
    pub calendar_revision: String,
}

/// Why there is no deadline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadlineError {
    /// The calendar does not hold that many working days within a century.
    #[error(
        "no deadline: fewer than {limit} working days in the century after {received_on}; \
         check the opening days and the closures of the calendar"
    )]
    NoWorkingDay {
        /// The day of receipt.
        received_on: NaiveDate,
        /// The limit that was asked for, in working days.
        limit: u16,
    },
}

/// One civil day on the way from receipt to deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The day.
    pub date: NaiveDate,
    /// 0 on the day of receipt, 1 to N on the days that count, `None` on the days that do not.
    pub counted: Option<u16>,
    /// The stable code: `receipt`, `working`, `closed_counted`, `holiday`, `not_open`, `closed`, `suspended`.
    pub code: &'static str,
    /// The reason in French: `jour férié : Ascension`.
    pub why: String,
}

/// The deadline of what was received at an instant, under a limit in working days.
pub fn deadline(calendar: &Calendar, received_at: DateTime<Utc>, limit: u16) -> Result<Deadline, DeadlineError> {
    let received_on = calendar.civil(received_at);
    let due_on =
        calendar.add_working_days(received_on, limit).ok_or(DeadlineError::NoWorkingDay { received_on, limit })?;
    Ok(Deadline { due_on, due_at: calendar.end_of_day(due_on), calendar_revision: calendar.revision().to_owned() })
}

/// The days on which the clock stood still for missing pieces: those after the first, up to the second.
pub type Suspension = (NaiveDate, NaiveDate);

/// Every civil day from receipt to deadline, counted or skipped, and why. `limit` holds the days of the suspensions, as
/// [`deadline`] does.
pub fn explain(
    calendar: &Calendar,
    received_at: DateTime<Utc>,
    limit: u16,
    suspensions: &[Suspension],
) -> Result<Vec<Step>, DeadlineError> {
    let due_on = deadline(calendar, received_at, limit)?.due_on;
    let received_on = calendar.civil(received_at);
    let receipt = Step {
        date: received_on,
        counted: Some(0),
        code: "receipt",
        why: "jour de réception, qui ne compte pas".to_owned(),
    };
    let mut steps = vec![receipt];
    let mut counted = 0;
    for date in received_on.iter_days().skip(1).take_while(|date| *date <= due_on) {
        let day = calendar.day(date);
        if counts(&day) && suspensions.iter().any(|(since, until)| *since < date && date <= *until) {
            let why = "pièces manquantes, délai suspendu".to_owned();
            steps.push(Step { date, counted: None, code: "suspended", why });
            continue;
        }
        counted += u16::from(counts(&day));
        steps.push(step(date, &day, counted));
    }
    Ok(steps)
}

/// Working days left from today to the due day: 0 on the due day, negative after it by the working days that passed.
///
/// On the week-end after a due Friday it is still 0: whether a request is overdue is told by [`Deadline::due_at`].
#[must_use]
pub fn working_days_left(calendar: &Calendar, due_on: NaiveDate, today: NaiveDate) -> i64 {
    calendar.working_days_between(today, due_on)
}

fn counts(day: &Day) -> bool {
    match day {
        Day::Working | Day::ClosedCounted(_) => true,
        Day::Holiday(_) | Day::NotOpen(_) | Day::Closed(_) => false,
    }
}

/// One day's step; `counted` is the number of working days up to and including it.
fn step(date: NaiveDate, day: &Day, counted: u16) -> Step {
    let rank = french_rank(counted);
    let (code, why) = match day {
        Day::Working => ("working", format!("{rank} jour ouvré")),
        Day::ClosedCounted(label) => {
            ("closed_counted", format!("{rank} jour ouvré, fermeture qui ne suspend pas le délai\u{a0}: {label}"))
        }
        Day::Holiday(name) => ("holiday", format!("jour férié\u{a0}: {name}")),
        Day::NotOpen(weekday) => ("not_open", format!("{}, jour non ouvré", french_weekday(*weekday))),
        Day::Closed(label) => ("closed", format!("fermeture\u{a0}: {label}")),
    };
    Step { date, counted: counts(day).then_some(counted), code, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::{Closure, MONDAY_TO_FRIDAY, Territory};
    use crate::domain::holidays::HolidayRules;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn due(calendar: &Calendar, received: &str, limit: u16) -> String {
        deadline(calendar, at(received), limit).expect("a deadline").due_on.to_string()
    }

    fn with_pont(suspends: bool) -> Calendar {
        let day = date("2026-05-15");
        let pont = Closure { from: day, to: day, label: "Pont de l'Ascension".to_owned(), suspends };
        let territory = Territory::Metropole;
        Calendar::new(territory, territory.zone(), HolidayRules::default(), vec![pont], MONDAY_TO_FRIDAY)
    }

    #[test]
    fn skips_8_may_and_ascension() {
        let deadline = deadline(&Calendar::of(Territory::Metropole), at("2026-05-07T14:50:00Z"), 5).expect("due");
        assert_eq!(deadline.due_on, date("2026-05-18"));
        assert_eq!(deadline.due_at, at("2026-05-18T22:00:00Z"));
        assert_eq!(deadline.calendar_revision, Calendar::of(Territory::Metropole).revision());
    }

    #[test]
    fn a_closure_moves_the_deadline_only_if_it_suspends() {
        assert_eq!(due(&with_pont(true), "2026-05-07T14:50:00Z", 5), "2026-05-19");
        assert_eq!(due(&with_pont(false), "2026-05-07T14:50:00Z", 5), "2026-05-18");
    }

    #[test]
    fn crosses_the_turn_of_the_year() {
        assert_eq!(due(&Calendar::of(Territory::Metropole), "2026-12-24T09:00:00Z", 5), "2027-01-04");
    }

    #[test]
    fn easter_is_longer_in_alsace_moselle() {
        assert_eq!(due(&Calendar::of(Territory::Metropole), "2026-04-02T09:00:00Z", 5), "2026-04-10");
        assert_eq!(due(&Calendar::of(Territory::AlsaceMoselle), "2026-04-02T09:00:00Z", 5), "2026-04-13");
    }

    #[test]
    fn the_last_second_of_a_day_and_midnight_are_two_days_of_receipt() {
        let calendar = Calendar::of(Territory::Metropole);
        for (received, expected) in [
            ("2026-06-01T21:59:59Z", "2026-06-02"),
            ("2026-06-01T22:00:00Z", "2026-06-03"),
            ("2026-03-28T22:59:59Z", "2026-03-30"),
            ("2026-03-29T21:59:59Z", "2026-03-30"),
            ("2026-03-29T22:00:00Z", "2026-03-31"),
            ("2026-10-25T22:59:59Z", "2026-10-26"),
            ("2026-10-25T23:00:00Z", "2026-10-27"),
        ] {
            assert_eq!(due(&calendar, received, 1), expected, "{received}");
        }
    }

    #[test]
    fn a_leap_day_counts_like_another() {
        assert_eq!(due(&Calendar::of(Territory::Metropole), "2028-02-28T10:00:00Z", 1), "2028-02-29");
        assert_eq!(due(&Calendar::of(Territory::Metropole), "2028-02-29T10:00:00Z", 1), "2028-03-01");
        assert_eq!(due(&Calendar::of(Territory::Metropole), "2027-02-26T10:00:00Z", 1), "2027-03-01");
    }

    #[test]
    fn the_day_of_receipt_is_that_of_the_territory() {
        let received = "2026-05-06T20:00:00Z";
        assert_eq!(due(&Calendar::of(Territory::Metropole), received, 1), "2026-05-07");
        assert_eq!(due(&Calendar::of(Territory::NouvelleCaledonie), received, 1), "2026-05-11");
    }

    #[test]
    fn explains_each_day_from_receipt_to_deadline() {
        let steps = explain(&with_pont(true), at("2026-05-07T14:50:00Z"), 5, &[]).expect("steps");
        let codes: Vec<_> = steps.iter().map(|step| (step.code, step.counted)).collect();
        assert_eq!(
            codes,
            [
                ("receipt", Some(0)),
                ("holiday", None),
                ("not_open", None),
                ("not_open", None),
                ("working", Some(1)),
                ("working", Some(2)),
                ("working", Some(3)),
                ("holiday", None),
                ("closed", None),
                ("not_open", None),
                ("not_open", None),
                ("working", Some(4)),
                ("working", Some(5)),
            ]
        );
        assert_eq!(steps[7].why, "jour férié\u{a0}: Ascension");
        assert_eq!(steps[9].why, "samedi, jour non ouvré");
        assert_eq!(steps[12].why, "5e jour ouvré");
        assert_eq!(steps[12].date, date("2026-05-19"));
    }

    #[test]
    fn shows_a_closure_that_does_not_suspend_and_counts_its_day() {
        let steps = explain(&with_pont(false), at("2026-05-07T14:50:00Z"), 5, &[]).expect("steps");
        let pont = steps.iter().find(|step| step.code == "closed_counted").expect("the closure");
        assert_eq!((pont.date, pont.counted), (date("2026-05-15"), Some(4)));
        assert_eq!(pont.why, "4e jour ouvré, fermeture qui ne suspend pas le délai\u{a0}: Pont de l'Ascension");
    }

    #[test]
    fn working_days_left_shrink_to_zero_and_go_below() {
        let calendar = Calendar::of(Territory::Metropole);
        for (today, left) in [
            ("2026-05-07", 5),
            ("2026-05-10", 5),
            ("2026-05-15", 1),
            ("2026-05-17", 1),
            ("2026-05-18", 0),
            ("2026-05-19", -1),
            ("2026-05-22", -4),
            ("2026-05-25", -4),
        ] {
            assert_eq!(working_days_left(&calendar, date("2026-05-18"), date(today)), left, "{today}");
        }
    }

    #[test]
    fn refuses_a_limit_that_no_calendar_holds() {
        let error = deadline(&Calendar::of(Territory::Metropole), at("2026-05-07T14:50:00Z"), u16::MAX);
        assert!(error.is_err_and(|error| error.to_string().contains("65535 working days")));
    }

    #[test]
    fn days_on_which_pieces_were_missing_are_told_and_do_not_count() {
        let calendar = Calendar::of(Territory::Metropole);
        // From Tuesday to Thursday the clock stood still: two working days more.
        let missing = [(date("2026-06-02"), date("2026-06-04"))];
        let steps = explain(&calendar, at("2026-06-01T08:00:00Z"), 7, &missing).expect("steps");
        let told: Vec<_> = steps.iter().map(|step| (step.date.to_string(), step.code, step.counted)).collect();
        assert_eq!(told[1], ("2026-06-02".to_owned(), "working", Some(1)));
        assert_eq!(told[2], ("2026-06-03".to_owned(), "suspended", None));
        assert_eq!(told[3], ("2026-06-04".to_owned(), "suspended", None));
        assert_eq!(told.last(), Some(&("2026-06-10".to_owned(), "working", Some(5))));
    }
}
