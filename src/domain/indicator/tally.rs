//! Counting cases: what became of each as of an instant, and the rates and delays of many.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::case::{Case, End};
use super::value::{Delays, Share};
use crate::domain::calendars::CalendarHistory;

/// What became of a case, as of an instant, by one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Answered before the limit.
    InTime,
    /// Answered after it.
    Late,
    /// Not answered, and past it.
    Overdue,
    /// Not answered, and not yet due.
    Pending,
    /// Not yet due, because the clock stands still.
    Suspended,
    /// Closed before the limit, without need of an answer.
    Closed,
    /// Handed to another administration before the limit.
    Transferred,
    /// Merged into another request, whose clock counts for both.
    Merged,
    /// Received before the watch began: nobody can tell.
    Backlog,
}

crate::domain::names::names!(Outcome {
    InTime => "in_time",
    Late => "late",
    Overdue => "overdue",
    Pending => "pending",
    Suspended => "suspended",
    Closed => "closed",
    Transferred => "transferred",
    Merged => "merged",
    Backlog => "backlog",
});

impl Outcome {
    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::InTime => "répondue dans le délai",
            Self::Late => "répondue hors délai",
            Self::Overdue => "sans réponse, délai dépassé",
            Self::Pending => "en cours, non échue",
            Self::Suspended => "suspendue (pièces attendues)",
            Self::Closed => "close sans suite",
            Self::Transferred => "transmise",
            Self::Merged => "réunie à une autre demande",
            Self::Backlog => "antérieure à la surveillance",
        }
    }
}

/// Which instant counts as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The answer that stopped the clock: what rates are made of.
    Answer,
    /// The first answer of a human, holding replies included.
    FirstHuman,
    /// The first answer to the question itself.
    Substantive,
    /// For appointments: the appointment itself.
    Held,
}

/// By what delays are counted, and as of when.
#[derive(Debug, Clone, Copy)]
pub struct Reckoning<'a> {
    /// The calendars that held.
    pub calendars: &'a CalendarHistory,
    /// The ledger's entry up to which all is known.
    pub head: i64,
    /// When that entry was written.
    pub as_of: DateTime<Utc>,
}

/// A deadline met or not, and when.
#[derive(Debug, Clone, Copy)]
struct Race {
    at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
}

impl Case {
    fn race(&self, measure: Measure) -> Race {
        let held = self.meeting.as_ref();
        match measure {
            Measure::Answer => Race { at: self.answered_at, due_at: self.due_at },
            Measure::FirstHuman => Race { at: self.first_human(), due_at: self.due_at },
            Measure::Substantive => Race { at: self.substantive_at, due_at: self.due_at },
            Measure::Held => Race {
                at: held.and_then(|meeting| meeting.held_at),
                due_at: held.map_or(self.due_at, |meeting| meeting.due_at),
            },
        }
    }

    /// What became of it by a measure, as of an instant.
    #[must_use]
    pub fn outcome(&self, measure: Measure, as_of: DateTime<Utc>) -> Outcome {
        let Race { at, due_at } = self.race(measure);
        match (at, self.end) {
            _ if self.backlog => Outcome::Backlog,
            (_, End::Merged) => Outcome::Merged,
            (Some(at), _) if at < due_at => Outcome::InTime,
            (Some(_), _) => Outcome::Late,
            (None, End::Closed(at)) if at < due_at => Outcome::Closed,
            (None, End::Transferred(at)) if at < due_at => Outcome::Transferred,
            (None, End::Open) if self.is_suspended() => Outcome::Suspended,
            (None, End::Open | End::Answered) if as_of < due_at => Outcome::Pending,
            (None, End::Open | End::Answered | End::Closed(_) | End::Transferred(_)) => Outcome::Overdue,
        }
    }

    /// The delay that counts, in working days: until the answer, or, past the limit without one, so far. They are those
    /// of the calendar that held when the entry that ended it was written; without an end, of the one that holds.
    #[must_use]
    pub fn delay(&self, by: Reckoning<'_>, measure: Measure) -> Option<i64> {
        let as_of = by.as_of;
        let until = match (self.outcome(measure, as_of), self.end) {
            (Outcome::InTime | Outcome::Late, _) => self.race(measure).at?,
            (Outcome::Overdue, End::Closed(at) | End::Transferred(at)) => at,
            (Outcome::Overdue, End::Open | End::Answered | End::Merged) => as_of,
            (
                Outcome::Pending
                | Outcome::Suspended
                | Outcome::Closed
                | Outcome::Transferred
                | Outcome::Merged
                | Outcome::Backlog,
                _,
            ) => {
                return None;
            }
        };
        let calendars = by.calendars.in_force(self.ended_by.unwrap_or(by.head));
        Some(self.working_days_until(calendars.calendar(&self.mailbox, &self.bureau)?, until))
    }
}

/// How often each outcome came, by one measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Outcome, u64>);

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        *self.0.entry(outcome).or_default() += 1;
    }

    /// How many cases came to this.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0.get(&outcome).copied().unwrap_or_default()
    }

    /// The rate: in time, of those that are judged.
    #[must_use]
    pub fn rate(&self) -> Share {
        let in_time = self.of(Outcome::InTime);
        Share { numerator: in_time, denominator: in_time + self.of(Outcome::Late) + self.of(Outcome::Overdue) }
    }
}

/// Many cases, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were received; neither the backlog nor what was merged into another request is among them.
    pub received: u64,
    /// By the answer that stopped the clock.
    pub answer: Counts,
    /// By the first answer of a human.
    pub first_human: Counts,
    /// By the first answer to the question itself.
    pub substantive: Counts,
    /// The delays until the answer that stopped the clock.
    pub delays: Option<Delays>,
    /// How many of those delays are still growing: cases without an answer, past their limit.
    pub growing: u64,
}

impl Tally {
    /// Counts cases; `answer` says what stops the clock.
    #[must_use]
    pub fn of<'a>(by: Reckoning<'_>, cases: impl IntoIterator<Item = &'a Case>, answer: Measure) -> Self {
        let as_of = by.as_of;
        let mut tally = Self::default();
        let mut days = Vec::new();
        for case in cases {
            let outcome = case.outcome(answer, as_of);
            tally.received += u64::from(!matches!(outcome, Outcome::Backlog | Outcome::Merged));
            tally.answer.add(outcome);
            tally.first_human.add(case.outcome(Measure::FirstHuman, as_of));
            tally.substantive.add(case.outcome(Measure::Substantive, as_of));
            days.extend(case.delay(by, answer));
        }
        tally.growing = tally.answer.of(Outcome::Overdue);
        tally.delays = Delays::of(&mut days);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::{at, case};
    use super::*;

    #[test]
    fn every_case_comes_to_exactly_one_outcome() {
        let before = at("2026-05-11T10:00:00Z");
        let after = at("2026-06-01T10:00:00Z");
        let due_at = case("A").due_at;
        let with = |end, answered_at| Case { answered_at, end, ..case("A") };
        for (case, as_of, expected) in [
            (with(End::Open, None), before, Outcome::Pending),
            (with(End::Open, None), after, Outcome::Overdue),
            (with(End::Open, None), due_at, Outcome::Overdue),
            (with(End::Answered, Some(before)), after, Outcome::InTime),
            (with(End::Answered, Some(due_at)), after, Outcome::Late),
            (with(End::Closed(before), None), after, Outcome::Closed),
            (with(End::Closed(after), None), after, Outcome::Overdue),
            (with(End::Transferred(before), None), after, Outcome::Transferred),
            (with(End::Transferred(after), None), after, Outcome::Overdue),
            (with(End::Merged, None), after, Outcome::Merged),
            (Case { suspensions: vec![(before, None)], ..case("A") }, after, Outcome::Suspended),
            (Case { backlog: true, ..with(End::Answered, Some(before)) }, after, Outcome::Backlog),
        ] {
            assert_eq!(case.outcome(Measure::Answer, as_of), expected, "{:?} {as_of}", case.end);
        }
    }

    #[test]
    fn a_closure_in_time_leaves_the_rate_and_one_after_the_limit_does_not() {
        let mut counts = Counts::default();
        for outcome in [Outcome::InTime, Outcome::Late, Outcome::Overdue, Outcome::Closed, Outcome::Pending] {
            counts.add(outcome);
        }
        assert_eq!(counts.rate(), Share { numerator: 1, denominator: 3 });
    }
}
