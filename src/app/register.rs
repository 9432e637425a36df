//! What people write into the registers: letters, appointments of élus, values of indicators.
//!
//! *Start reading* at [`write`]: every use case ends there, with entries and personal parts committed together or not
//! at all. A correction is a new entry of the same kind.

mod lists;
mod tell;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};

pub use self::lists::{Differing, Written};
pub use self::tell::tell;

use super::Result;
use super::facts::case_of;
use crate::domain::calendar::Calendar;
use crate::domain::event::Event;
use crate::domain::french::{french_day, quoted};
use crate::domain::indicator::annex::{Form, LineRule};
use crate::domain::indicator::case::Case;
use crate::domain::office::Office;
use crate::domain::policy::{Channel, Commitment, Nature, Requester};
use crate::domain::register::{
    Appointment, Authority, HandValue, Letter, LetterAnswer, Promise, Reading, Registered, Registration,
};
use crate::store::{Details, RegisterItem, Store, Turn};

/// The limit of a letter that no commitment covers, in working days.
const LETTER_LIMIT: u16 = 10;
/// The limit for fixing an appointment that no commitment covers, in working days.
const FIXING_LIMIT: u16 = 4;
/// The limit for holding it, in working days.
const HOLDING_LIMIT: u16 = 10;
/// The commitment of fixing an appointment.
const FIXING: &str = "appointment.proposal";
/// The commitment of holding it.
const HOLDING: &str = "appointment.held";
/// The longest duration that an indicator may have, in minutes: a year.
const MAX_MINUTES: i64 = 366 * 24 * 60;
/// The first year of which a register is kept: an earlier one is a slip of the keyboard.
pub const FIRST_YEAR: i32 = 2000;
/// The most characters of one personal text.
const MAX_TEXT: usize = 500;

/// Why a register refuses what is written into it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bureau is not configured.
    #[error("aucun bureau n’a la clé {}", quoted(.0))]
    Bureau(String),
    /// The day lies before any register: a year of two digits, mostly.
    #[error("le {} est antérieur à {FIRST_YEAR}\u{a0}: l’année s’écrit en quatre chiffres", french_day(*.0))]
    TooEarly(NaiveDate),
    /// The day lies in the future.
    #[error("le {} est dans l’avenir", french_day(*.0))]
    Future(NaiveDate),
    /// What follows would come before what it follows.
    #[error("le {} précède le {}", french_day(*after), french_day(*before))]
    Order {
        /// The day that should come first.
        before: NaiveDate,
        /// The day that should follow.
        after: NaiveDate,
    },
    /// A text is too long.
    #[error("un texte dépasse {MAX_TEXT}\u{a0}caractères")]
    TooLong,
    /// The register has no such item.
    #[error("le registre n’a pas d’élément {0}")]
    Unknown(String),
    /// The indicator is not configured.
    #[error("aucun indicateur n’a la clé {} (voir «\u{a0}vigie indicator list\u{a0}»)", quoted(.0))]
    Indicator(String),
    /// The value is not of the indicator’s form.
    #[error("l’indicateur {} attend {expected}", quoted(key))]
    Form {
        /// The indicator.
        key: String,
        /// What it expects.
        expected: &'static str,
    },
    /// The numbers of a share make none.
    #[error("un taux attend un numérateur compris entre 0 et le dénominateur, et un dénominateur positif")]
    Share,
    /// No working day is left in a century.
    #[error("le calendrier ne compte pas assez de jours ouvrés")]
    Calendar,
}

impl Refused {
    /// Whether what was typed could never be registered; else it is what the register says that forbids it.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Bureau(_)
            | Self::TooEarly(_)
            | Self::Future(_)
            | Self::TooLong
            | Self::Indicator(_)
            | Self::Form { .. }
            | Self::Share => true,
            Self::Order { .. } | Self::Unknown(_) | Self::Calendar => false,
        }
    }
}

/// Where an item comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its line in an imported list; none where it was typed.
    pub line: Option<usize>,
    /// Its number in that list, or a digest of what the line says; empty where it was typed.
    pub number: String,
    /// Whether the list itself gives the number.
    pub own: bool,
}

/// A letter to register.
#[derive(Debug, Clone)]
pub struct NewLetter {
    /// The bureau that answers.
    pub bureau: String,
    /// Who wrote.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// The day of receipt.
    pub received_on: NaiveDate,
    /// Whether it counts in the official figures.
    pub official: bool,
    /// The personal part.
    pub details: Details,
    /// Where it comes from.
    pub origin: Origin,
    /// The day of the answer, where it is known already.
    pub answered_on: Option<NaiveDate>,
}

/// An appointment to register.
#[derive(Debug, Clone)]
pub struct NewAppointment {
    /// The bureau that fixes it.
    pub bureau: String,
    /// Who asks.
    pub requester: Requester,
    /// With whom.
    pub authority: Authority,
    /// The day of the demand.
    pub requested_on: NaiveDate,
    /// Whether it counts in the official figures.
    pub official: bool,
    /// The personal part.
    pub details: Details,
    /// Where it comes from.
    pub origin: Origin,
    /// The day of the fixing and that of the appointment, where they are known already.
    pub fixed: Option<(NaiveDate, NaiveDate)>,
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Hand<'a> {
    /// The store.
    pub store: &'a Store,
    /// The configuration.
    pub office: &'a Office,
    /// Who.
    pub by: &'a str,
    /// When.
    pub now: DateTime<Utc>,
}

impl Hand<'_> {
    /// Describes a letter anew.
    pub async fn correct_letter(&self, reference: &str, new: &NewLetter) -> Result<()> {
        let mut turn = self.known(reference, Channel::Letter).await?;
        let letter = self.letter(&mut turn, reference.to_owned(), new).await?;
        self.note(&mut turn, Registered::Letter(letter), new.received_on, true)?;
        Ok(turn.commit().await?)
    }

    /// Says when a letter was answered; said again, it corrects.
    pub async fn answer_letter(&self, reference: &str, answered_on: NaiveDate, holding: bool) -> Result<()> {
        let case = self.case(reference).await?;
        let mut turn = self.known(reference, Channel::Letter).await?;
        self.in_order(self.day(&case.bureau, case.received_at)?, answered_on)?;
        let stops = self.commitments().any(|rule| rule.key == case.commitment && rule.holding_reply_answers);
        let answer = match (holding, stops) {
            (false, _) => LetterAnswer::Substantive,
            (true, true) => LetterAnswer::HoldingThatStops,
            (true, false) => LetterAnswer::Holding,
        };
        let what = Registered::LetterAnswered { reference: reference.to_owned(), answered_on, answer };
        let before = if holding { case.first_human() } else { case.substantive_at };
        self.note(&mut turn, what, answered_on, before.is_some())?;
        Ok(turn.commit().await?)
    }

    /// Describes an appointment anew.
    pub async fn correct_appointment(&self, reference: &str, new: &NewAppointment) -> Result<()> {
        let mut turn = self.known(reference, Channel::Appointment).await?;
        let wanted = self.appointment(&mut turn, reference.to_owned(), new).await?;
        self.note(&mut turn, Registered::Appointment(wanted), new.requested_on, true)?;
        Ok(turn.commit().await?)
    }

    /// Says when the date of an appointment was fixed, and for which day; said again, it corrects.
    pub async fn fix_appointment(&self, reference: &str, fixed_on: NaiveDate, held_on: NaiveDate) -> Result<()> {
        let case = self.case(reference).await?;
        let mut turn = self.known(reference, Channel::Appointment).await?;
        self.in_order(self.day(&case.bureau, case.received_at)?, fixed_on)?;
        self.note(&mut turn, fixing(reference, fixed_on, held_on)?, fixed_on, case.answered_at.is_some())?;
        Ok(turn.commit().await?)
    }

    /// Takes an item out of the figures: it was registered by error. Its entries stay.
    pub async fn withdraw(&self, reference: &str, channel: Channel) -> Result<()> {
        self.case(reference).await?;
        let mut turn = self.known(reference, channel).await?;
        let reference = reference.to_owned();
        let what = match channel {
            Channel::Letter => Registered::LetterWithdrawn { reference },
            Channel::Appointment => Registered::AppointmentWithdrawn { reference },
            Channel::Mail | Channel::Site | Channel::Callback => return Err(Refused::Unknown(reference).into()),
        };
        turn.write_down(&self.event(what, self.now, false), self.now);
        Ok(turn.commit().await?)
    }

    /// Enters values of indicators, all of them or none; how many were new or changed.
    pub async fn indicators(&self, values: &[HandValue]) -> Result<usize> {
        for value in values {
            let rule = self.office.indicators.iter().find(|rule| rule.key == value.key);
            self.in_order(value.period.first(), value.period.first())?;
            accepts(rule.ok_or_else(|| Refused::Indicator(value.key.clone()))?, &value.reading)?;
        }
        let known = super::facts::load(self.store, self.office, (self.now, self.now), None).await?.hands;
        let mut turn = self.begin().await?;
        let mut changed = 0;
        for value in values {
            let before = known.exact(&value.key, value.period);
            if before.is_some_and(|before| before.value == value.reading.value() && before.source == value.source) {
                continue;
            }
            changed += 1;
            let event = self.event(Registered::Indicator(value.clone()), self.now, before.is_some());
            turn.write_down(&event, self.now);
        }
        turn.commit().await?;
        Ok(changed)
    }

    /// A turn in which the ledger knows by which calendars the days of what is written are counted.
    async fn begin(&self) -> Result<Turn> {
        let mut turn = self.store.begin().await?;
        super::calendars::note(&mut turn, self.office, self.now).await?;
        Ok(turn)
    }

    /// A turn in which a known item is written about.
    async fn known(&self, reference: &str, channel: Channel) -> Result<Turn> {
        let mut turn = self.begin().await?;
        let item = turn.register_item(reference).await?.filter(|item| item.channel == channel.name());
        item.ok_or_else(|| Refused::Unknown(reference.to_owned()))?;
        Ok(turn)
    }

    async fn case(&self, reference: &str) -> Result<Case> {
        let case = case_of(self.store, self.office, reference).await?;
        case.ok_or_else(|| Refused::Unknown(reference.to_owned()).into())
    }

    fn calendar(&self, bureau: &str) -> Result<&Calendar, Refused> {
        self.office.bureau(bureau).ok_or_else(|| Refused::Bureau(bureau.to_owned()))?;
        self.office.calendar_of("", bureau).ok_or_else(|| Refused::Bureau(bureau.to_owned()))
    }

    fn day(&self, bureau: &str, at: DateTime<Utc>) -> Result<NaiveDate, Refused> {
        Ok(self.calendar(bureau)?.civil(at))
    }

    /// Refuses a fact of the future, and one that comes before what it follows.
    fn in_order(&self, before: NaiveDate, after: NaiveDate) -> Result<(), Refused> {
        let today = crate::domain::calendar::civil_time(self.office.zone(), self.now).date();
        if before.year() < FIRST_YEAR {
            return Err(Refused::TooEarly(before));
        }
        match (after < before, after > today) {
            (true, _) => Err(Refused::Order { before, after }),
            (false, true) => Err(Refused::Future(after)),
            (false, false) => Ok(()),
        }
    }

    async fn number(&self, turn: &mut Turn, prefix: &str, day: NaiveDate) -> Result<String> {
        let number = turn.peek_number(prefix, day.year()).await?;
        turn.take_number(prefix, day.year());
        Ok(format!("{prefix}-{}-{number:06}", day.year()))
    }

    async fn letter(&self, turn: &mut Turn, reference: String, new: &NewLetter) -> Result<Letter> {
        self.in_order(new.received_on, new.received_on)?;
        let calendar = self.calendar(&new.bureau)?;
        let policy = self.office.desk_of_bureau(&new.bureau).map(|desk| desk.policy);
        let covering = policy
            .or(self.office.mailboxes.first())
            .and_then(|policy| policy.commitment(Channel::Letter, new.requester, new.nature, new.received_on));
        let promise = promise(calendar, covering, LETTER_LIMIT, new.received_on)?;
        let details = save(turn, &reference, Channel::Letter, &new.details, &new.origin.number).await?;
        Ok(Letter {
            reference,
            bureau: new.bureau.clone(),
            requester: new.requester,
            nature: new.nature,
            received_on: new.received_on,
            promise,
            calendar: calendar.revision().to_owned(),
            official: new.official,
            details,
        })
    }

    async fn appointment(&self, turn: &mut Turn, reference: String, new: &NewAppointment) -> Result<Appointment> {
        self.in_order(new.requested_on, new.requested_on)?;
        let calendar = self.calendar(&new.bureau)?;
        let with_key = |key: &str| self.commitments().find(|commitment| commitment.key == key && !commitment.withdrawn);
        let fixing = promise(calendar, with_key(FIXING), FIXING_LIMIT, new.requested_on)?;
        let holding = promise(calendar, with_key(HOLDING), HOLDING_LIMIT, new.requested_on)?;
        let details = save(turn, &reference, Channel::Appointment, &new.details, &new.origin.number).await?;
        Ok(Appointment {
            reference,
            bureau: new.bureau.clone(),
            requester: new.requester,
            authority: new.authority,
            requested_on: new.requested_on,
            fixing,
            holding,
            calendar: calendar.revision().to_owned(),
            official: new.official,
            details,
        })
    }

    /// The commitments; every mailbox carries them all.
    fn commitments(&self) -> impl Iterator<Item = &Commitment> {
        self.office.mailboxes.first().into_iter().flat_map(|mailbox| &mailbox.commitments)
    }

    fn event(&self, what: Registered, occurred_at: DateTime<Utc>, correction: bool) -> Event {
        Event::Registered(Box::new(Registration { what, by: self.by.to_owned(), occurred_at, correction }))
    }

    /// Writes down what happened on a day.
    fn note(&self, turn: &mut Turn, what: Registered, day: NaiveDate, correction: bool) -> Result<()> {
        let calendar = self.office.calendar_of("", "").ok_or(Refused::Calendar)?;
        let at = calendar.instant(day, chrono::NaiveTime::MIN);
        turn.write_down(&self.event(what, at, correction), self.now);
        Ok(())
    }
}

fn fixing(reference: &str, fixed_on: NaiveDate, held_on: NaiveDate) -> Result<Registered, Refused> {
    if held_on < fixed_on {
        return Err(Refused::Order { before: fixed_on, after: held_on });
    }
    Ok(Registered::AppointmentFixed { reference: reference.to_owned(), fixed_on, held_on })
}

fn promise(calendar: &Calendar, rule: Option<&Commitment>, usual: u16, day: NaiveDate) -> Result<Promise, Refused> {
    let limit = rule.map_or(usual, |rule| rule.limit);
    let due_on = calendar.add_working_days(day, limit).ok_or(Refused::Calendar)?;
    Ok(Promise { commitment: rule.map_or_else(String::new, |rule| rule.key.clone()), limit, due_on })
}

/// Stores the personal part of an item; the digest that stands for it.
async fn save(turn: &mut Turn, reference: &str, channel: Channel, details: &Details, origin: &str) -> Result<String> {
    let Details { name, quality, town, subject, note } = details;
    if [name, quality, town, subject, note].iter().any(|text| text.chars().count() > MAX_TEXT) {
        return Err(Refused::TooLong.into());
    }
    let item = RegisterItem::new(reference.to_owned(), channel.name(), details.clone(), origin.to_owned())?;
    turn.save_register_item(&item).await?;
    Ok(item.digest)
}

/// Whether a reading has the form that a line expects.
pub fn accepts(rule: &LineRule, reading: &Reading) -> Result<(), Refused> {
    if let Reading::Ratio { numerator, denominator } = reading
        && (*denominator <= 0 || !(0..=*denominator).contains(numerator))
    {
        return Err(Refused::Share);
    }
    let (fits, expected) = match rule.form {
        Form::Count => (matches!(reading, Reading::Integer(0..)), "un nombre entier (--value)"),
        Form::Mean => (
            matches!(reading, Reading::Integer(0..) | Reading::Mean(0..)),
            "un nombre d’au plus deux décimales (--value)",
        ),
        Form::Share => (
            matches!(reading, Reading::Ratio { .. } | Reading::Percent(0..=10_000)),
            "un taux de 0 à 100\u{a0}% (--numerator et --denominator, ou --percent)",
        ),
        Form::Duration => (
            matches!(reading, Reading::Duration(0..=MAX_MINUTES) | Reading::Text(_)),
            "une durée d’un an au plus (--duration) ou un texte (--text)",
        ),
        Form::Text => (matches!(reading, Reading::Text(_)), "un texte (--text)"),
    };
    if fits || *reading == Reading::NotApplicable {
        Ok(())
    } else {
        Err(Refused::Form { key: rule.key.clone(), expected })
    }
}
