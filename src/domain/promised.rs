//! Letters and appointments that wait: what is owed of each, and when agents are warned of it.
//!
//! They have no state machine: the ledger says what is open, what is due and what was told already, and
//! [`super::indicator::case`] folds it.
//!
//! An appointment is owed twice while it has no date: the date itself, and a meeting within the second limit. Once it has
//! one, nobody is warned any more: what remains is to keep the appointment, and a date beyond the second limit was chosen
//! by somebody who read that limit.

use chrono::{DateTime, NaiveDate, Utc};

use super::alert::Due;
use super::calendar::Calendar;
use super::event::Event;
use super::indicator::case::{Case, End};
use super::ledger::{Draft, Payload};
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
    /// The limit, in working days.
    pub limit: u16,
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
        let promised = |owed, commitment: &String, (limit, due_on), raised| Self {
            reference: case.reference.clone(),
            bureau: case.bureau.clone(),
            commitment: commitment.clone(),
            owed,
            limit,
            received_on: calendar.civil(case.received_at),
            due_on,
            raised,
        };
        let second = case.meeting.as_ref();
        let second = second.map(|meeting| {
            promised(Owed::Holding, &meeting.commitment, (meeting.limit, meeting.due_on), meeting.raised)
        });
        let first = promised(first, &case.commitment, (case.limit, case.due_on), case.raised);
        std::iter::once(first).chain(second).collect()
    }

    /// What a calendar that changed makes of the limit; `None` where that limit stands, or where the calendar gives none.
    #[must_use]
    pub fn redated(&self, calendar: &Calendar, at: DateTime<Utc>) -> Option<Event> {
        let due_on = calendar.add_working_days(self.received_on, self.limit)?;
        let (due_at, revision) = (calendar.end_of_day(due_on), calendar.revision().to_owned());
        (due_on != self.due_on).then(|| self.news(What::Redated { due_on, due_at, revision }, at))
    }

    /// That an alert rose about it.
    #[must_use]
    pub fn alerted(&self, level: i64, at: DateTime<Utc>) -> Event {
        self.news(What::Alerted { level }, at)
    }

    fn news(&self, what: What, at: DateTime<Utc>) -> Event {
        Event::Promised(Box::new(News { reference: self.reference.clone(), owed: self.owed, what, at }))
    }

    /// The days from which its alerts are reckoned.
    #[must_use]
    pub fn due(&self) -> Due {
        Due { received_on: self.received_on, due_on: self.due_on, raised: self.raised }
    }
}

/// What happened to a letter or an appointment by the clock or the calendar alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    reference: String,
    owed: Owed,
    what: What,
    at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// An alert rose: working days left, -1 when overdue.
    Alerted { level: i64 },
    /// The calendar changed, and with it the limit.
    Redated { due_on: NaiveDate, due_at: DateTime<Utc>, revision: String },
}

impl News {
    /// The entry's draft: that of a request, and which limit it is about.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let payload = Payload::new().text("owed", self.owed.name());
        let (kind, payload) = match &self.what {
            What::Alerted { level } => ("alert_raised", payload.int("level", *level)),
            What::Redated { due_on, due_at, revision } => {
                ("request_redated", super::change::due(payload, *due_on, *due_at, revision))
            }
        };
        Draft { occurred_at: self.at, kind, mailbox: None, request: Some(self.reference.clone()), payload }
    }
}
