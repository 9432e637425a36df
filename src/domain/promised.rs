//! Letters and appointments that wait: what is owed of each, and when agents are warned of it.
//!
//! They have no state machine: the ledger says what is open, what is due and what was told already, and
//! [`super::indicator::case`] folds it.
//!
//! An appointment is owed twice while it has no date: the date itself, and a meeting within the second limit. Once it has
//! one, nobody is warned any more: what remains is to keep the appointment, and a date beyond the second limit was chosen
//! by somebody who read that limit.

use chrono::NaiveDate;

use super::alert::Due;
use super::calendar::Calendar;
use super::indicator::case::{Case, End};
use super::names::names;
use super::policy::Channel;

/// What a clock of a register waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// A letter's answer.
    Answer,
    /// An appointment's date.
    Fixing,
    /// The appointment itself.
    Holding,
}

names!(Owed { Answer => "answer", Fixing => "fixing", Holding => "holding" });

impl Owed {
    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Answer => "courrier à répondre",
            Self::Fixing => "rendez-vous à fixer",
            Self::Holding => "rendez-vous à tenir, date non fixée",
        }
    }
}

/// A letter that waits for its answer, or a clock of an appointment that waits for its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// What people call it.
    pub reference: String,
    /// The key of the bureau that owes it.
    pub bureau: String,
    /// The key of the commitment; empty where none covers it.
    pub commitment: String,
    /// What is owed.
    pub owed: Owed,
    /// The day of receipt, or of the demand.
    pub received_on: NaiveDate,
    /// The last civil day that is in time.
    pub due_on: NaiveDate,
    /// The level of the last alert about it that still stands.
    pub raised: Option<i64>,
}

impl Promised {
    /// What is owed of a case: nothing of one that ended, nothing of a request, which has its own alerts.
    #[must_use]
    pub fn of(case: &Case, calendar: &Calendar) -> Vec<Self> {
        let first = match case.channel {
            Channel::Letter => Owed::Answer,
            Channel::Appointment => Owed::Fixing,
            Channel::Mail | Channel::Site | Channel::Callback => return Vec::new(),
        };
        if case.end != End::Open {
            return Vec::new();
        }
        let promised = |owed, commitment: &String, due_on, raised| Self {
            reference: case.reference.clone(),
            bureau: case.bureau.clone(),
            commitment: commitment.clone(),
            owed,
            received_on: calendar.civil(case.received_at),
            due_on,
            raised,
        };
        let second = case.meeting.as_ref();
        let second = second.map(|meeting| promised(Owed::Holding, &meeting.commitment, meeting.due_on, meeting.raised));
        std::iter::once(promised(first, &case.commitment, case.due_on, case.raised)).chain(second).collect()
    }

    /// The days from which its alerts are reckoned.
    #[must_use]
    pub fn due(&self) -> Due {
        Due { received_on: self.received_on, due_on: self.due_on, raised: self.raised }
    }
}
