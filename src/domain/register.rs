//! What people write down by hand: letters, appointments of élus, values of indicators; each becomes a ledger entry.
//!
//! A correction is a new entry of the same kind for the same reference, or for the same key and period: the last one
//! holds, and the earlier ones stay to be read. Personal data (who wrote, about what, for which commune) stand in the
//! register's own table; the entry carries their keyed digest alone.
//!
//! Deliberately absent: days in working time. They are reckoned by the fold, from the calendar that it is given.

use chrono::{DateTime, NaiveDate, Utc};

use super::ledger::{Draft, Payload};
use super::names::names;
use super::period::Period;
use super::policy::{Nature, Requester};

/// The head of letters' references: `COU-2026-000001`.
pub const LETTER_PREFIX: &str = "COU";
/// The head of appointments' references: `RDV-2026-000001`.
pub const APPOINTMENT_PREFIX: &str = "RDV";

/// With whom an appointment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// *Préfet*.
    Prefect,
    /// *Secrétaire général*.
    SecretaryGeneral,
    /// *Sous-préfet*.
    SubPrefect,
    /// *Directeur*.
    Director,
}

names!(Authority {
    Prefect => "prefect",
    SecretaryGeneral => "secretary_general",
    SubPrefect => "sub_prefect",
    Director => "director",
});

impl Authority {
    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Prefect => "préfet",
            Self::SecretaryGeneral => "secrétaire général",
            Self::SubPrefect => "sous-préfet",
            Self::Director => "directeur",
        }
    }
}

/// A limit as it was when the register took the item in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The key of the commitment; empty where none covers it.
    pub commitment: String,
    /// The limit, in working days.
    pub limit: u16,
    /// The last civil day that is in time.
    pub due_on: NaiveDate,
}

/// A letter, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What people call it.
    pub reference: String,
    /// The key of the bureau that answers.
    pub bureau: String,
    /// Who wrote.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// The day of receipt (the date stamp).
    pub received_on: NaiveDate,
    /// When an answer is due.
    pub promise: Promise,
    /// The revision of the calendar that dated it.
    pub calendar: String,
    /// Whether it counts in the official figures.
    pub official: bool,
    /// The keyed digest that stands for the personal part.
    pub details: String,
}

/// An appointment asked for by an élu or a cadre territorial, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// What people call it.
    pub reference: String,
    /// The key of the bureau that fixes it.
    pub bureau: String,
    /// Who asks.
    pub requester: Requester,
    /// With whom.
    pub authority: Authority,
    /// The day of the demand.
    pub requested_on: NaiveDate,
    /// By when its date is to be fixed.
    pub fixing: Promise,
    /// By when it is to be held.
    pub holding: Promise,
    /// The revision of the calendar that dated it.
    pub calendar: String,
    /// Whether it counts in the official figures.
    pub official: bool,
    /// The keyed digest that stands for the personal part.
    pub details: String,
}

/// A value of an indicator, as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A count.
    Integer(i64),
    /// A mean count that is no whole number, in hundredths.
    Mean(i64),
    /// A share, by its two numbers.
    Ratio {
        /// How many of them.
        numerator: i64,
        /// Of how many; above 0.
        denominator: i64,
    },
    /// A share of which only the result is known, in hundredths of a percent.
    Percent(i64),
    /// A duration, in minutes.
    Duration(i64),
    /// Words: `moins d’une heure`.
    Text(String),
    /// *Sans objet*: `/`.
    NotApplicable,
}

impl Reading {
    /// The stable name of the form.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Mean(_) => "mean",
            Self::Ratio { .. } => "ratio",
            Self::Percent(_) => "percent",
            Self::Duration(_) => "duration",
            Self::Text(_) => "text",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// The reading that an entry of the ledger tells; `None` of a form that is not known.
    #[must_use]
    pub fn told(form: &str, value: i64, (numerator, denominator): (i64, i64), text: &str) -> Option<Self> {
        Some(match form {
            "integer" => Self::Integer(value),
            "mean" => Self::Mean(value),
            "ratio" => Self::Ratio { numerator, denominator },
            "percent" => Self::Percent(value),
            "duration" => Self::Duration(value),
            "text" => Self::Text(text.to_owned()),
            "not_applicable" => Self::NotApplicable,
            _ => return None,
        })
    }

    fn write(&self, payload: Payload) -> Payload {
        let payload = payload.text("form", self.form());
        match self {
            Self::Integer(value) | Self::Mean(value) | Self::Percent(value) | Self::Duration(value) => {
                payload.int("value", *value)
            }
            Self::Ratio { numerator, denominator } => {
                payload.int("numerator", *numerator).int("denominator", *denominator)
            }
            Self::Text(text) => payload.text("text", text),
            Self::NotApplicable => payload,
        }
    }
}

/// A value of an indicator for a period, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandValue {
    /// The indicator's key.
    pub key: String,
    /// The period.
    pub period: Period,
    /// The value.
    pub reading: Reading,
    /// Where it comes from: `standard téléphonique`, `enquête de janvier 2022`.
    pub source: String,
}

/// What a letter was answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterAnswer {
    /// The answer to the question.
    Substantive,
    /// A letter that says that one will follow: the clock runs on.
    Holding,
    /// The same, where the commitment takes it for an answer.
    HoldingThatStops,
}

/// What a person wrote into a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// A letter came in, or was described anew.
    Letter(Letter),
    /// A letter was answered.
    LetterAnswered {
        /// Its reference.
        reference: String,
        /// The day of the answer.
        answered_on: NaiveDate,
        /// Which kind of answer.
        answer: LetterAnswer,
    },
    /// A letter was registered by error.
    LetterWithdrawn {
        /// Its reference.
        reference: String,
    },
    /// An appointment was asked for, or described anew.
    Appointment(Appointment),
    /// The date of an appointment was fixed, or moved.
    AppointmentFixed {
        /// Its reference.
        reference: String,
        /// The day on which its date was fixed.
        fixed_on: NaiveDate,
        /// The day of the appointment.
        held_on: NaiveDate,
    },
    /// An appointment was registered by error, or the demand was withdrawn.
    AppointmentWithdrawn {
        /// Its reference.
        reference: String,
    },
    /// An indicator has a value.
    Indicator(HandValue),
}

/// What a person wrote into a register, who and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// What.
    pub what: Registered,
    /// Who.
    pub by: String,
    /// When the fact happened.
    pub occurred_at: DateTime<Utc>,
    /// Whether it replaces what was written before.
    pub correction: bool,
}

impl Registration {
    /// The entry's draft.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let payload = Payload::new().text("by", &self.by);
        let payload = if self.correction { payload.flag("correction", true) } else { payload };
        let (kind, request, payload) = match &self.what {
            Registered::Letter(letter) => ("letter_registered", Some(&letter.reference), letter.write(payload)),
            Registered::LetterAnswered { reference, answered_on, answer } => {
                let payload = payload.text("answered_on", answered_on.to_string());
                let payload = payload.flag("holding", *answer != LetterAnswer::Substantive);
                let payload = payload.flag("stops_clock", *answer != LetterAnswer::Holding);
                ("letter_answered", Some(reference), payload)
            }
            Registered::LetterWithdrawn { reference } => ("letter_withdrawn", Some(reference), payload),
            Registered::Appointment(wanted) => {
                ("appointment_requested", Some(&wanted.reference), wanted.write(payload))
            }
            Registered::AppointmentFixed { reference, fixed_on, held_on } => {
                let payload = payload.text("fixed_on", fixed_on.to_string()).text("held_on", held_on.to_string());
                ("appointment_fixed", Some(reference), payload)
            }
            Registered::AppointmentWithdrawn { reference } => ("appointment_withdrawn", Some(reference), payload),
            Registered::Indicator(value) => {
                let payload = payload.text("key", &value.key).text("period", value.period.to_string());
                ("indicator_set", None, value.reading.write(payload.text("source", &value.source)))
            }
        };
        Draft { occurred_at: self.occurred_at, kind, mailbox: None, request: request.cloned(), payload }
    }
}

impl Letter {
    fn write(&self, payload: Payload) -> Payload {
        payload
            .text("bureau", &self.bureau)
            .text("requester", self.requester.name())
            .text("nature", self.nature.name())
            .text("received_on", self.received_on.to_string())
            .text("commitment", &self.promise.commitment)
            .int("limit", i64::from(self.promise.limit))
            .text("due_on", self.promise.due_on.to_string())
            .text("calendar", &self.calendar)
            .flag("perimeter", self.official)
            .text("details", &self.details)
    }
}

impl Appointment {
    fn write(&self, payload: Payload) -> Payload {
        payload
            .text("bureau", &self.bureau)
            .text("requester", self.requester.name())
            .text("authority", self.authority.name())
            .text("requested_on", self.requested_on.to_string())
            .text("commitment", &self.fixing.commitment)
            .int("limit", i64::from(self.fixing.limit))
            .text("due_on", self.fixing.due_on.to_string())
            .text("held_commitment", &self.holding.commitment)
            .int("held_limit", i64::from(self.holding.limit))
            .text("held_due_on", self.holding.due_on.to_string())
            .text("calendar", &self.calendar)
            .flag("perimeter", self.official)
            .text("details", &self.details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_value_is_written_with_its_numbers_source_and_author() {
        let value = HandValue {
            key: "phone.answered".into(),
            period: Period::Quarter(2026, 3),
            reading: Reading::Ratio { numerator: 9, denominator: 10 },
            source: "standard téléphonique".into(),
        };
        let registration = Registration {
            what: Registered::Indicator(value),
            by: "qualite".into(),
            occurred_at: DateTime::UNIX_EPOCH,
            correction: true,
        };
        let draft = registration.draft();
        assert_eq!(draft.kind, "indicator_set");
        assert_eq!(
            draft.payload.canonical(),
            "{\"by\":\"qualite\",\"correction\":true,\"denominator\":10,\"form\":\"ratio\",\"key\":\"phone.answered\",\
             \"numerator\":9,\"period\":\"2026-T3\",\"source\":\"standard téléphonique\"}"
        );
    }
}
