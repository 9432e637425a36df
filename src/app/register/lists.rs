//! Lists taken into the registers. A list grows, and is imported again: a line that is there already is held against what
//! the register says, brings what it lacks (the answer, the day that was fixed), and is said where the two disagree.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Hand, NewAppointment, NewLetter, Origin, fixing};
use crate::app::import::ImportError;
use crate::app::{Error, Result, facts};
use crate::domain::calendar::civil_time;
use crate::domain::indicator::case::Case;
use crate::domain::policy::Channel;
use crate::domain::register::{APPOINTMENT_PREFIX, LETTER_PREFIX, LetterAnswer, Registered};
use crate::store::{Details, RegisterItem, Turn};

/// What became of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The references given, in order.
    pub references: Vec<String>,
    /// The references of those that were there, and to which the list brought an answer or a day.
    pub completed: Vec<String>,
    /// How many lines the register had already.
    pub known: usize,
    /// The lines that say otherwise than the register, which keeps what it says.
    pub differing: Vec<Differing>,
}

/// A line that has the number of an item and says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// The line.
    pub line: usize,
    /// The item's reference.
    pub reference: String,
    /// The columns in which they differ.
    pub columns: Vec<&'static str>,
}

/// What a register says of the items that a list may name.
struct Known {
    /// By their number in a list, and by their reference.
    items: HashMap<String, RegisterItem>,
    /// By their reference; those that were withdrawn are in none.
    cases: HashMap<String, Case>,
}

impl Known {
    /// The case and the personal part of what a line names by a number of its own; none where it stands for itself.
    fn of(&self, origin: &Origin) -> Option<(&RegisterItem, Option<&Case>)> {
        let item = self.items.get(&origin.number).filter(|_| origin.own)?;
        Some((item, self.cases.get(&item.reference)))
    }
}

impl Hand<'_> {
    /// Registers letters, all of them or none.
    pub async fn letters(&self, letters: &[NewLetter]) -> Result<Written> {
        let known = self.known_items(Channel::Letter, letters.iter().map(|new| &new.origin)).await?;
        let mut turn = self.begin().await?;
        let mut written = Written::default();
        for new in letters {
            let taken = self.list_letter(&mut turn, &known, new, &mut written).await;
            taken.map_err(|error| on_line(new.origin.line, error))?;
        }
        turn.commit().await?;
        Ok(written)
    }

    async fn list_letter(&self, turn: &mut Turn, known: &Known, new: &NewLetter, written: &mut Written) -> Result<()> {
        let reference = if let Some((item, case)) = known.of(&new.origin) {
            let (columns, lacks) = case.map(|case| self.letter_against(case, item, new)).unwrap_or_default();
            if !written.bring(&item.reference, &new.origin, columns, lacks && new.answered_on.is_some()) {
                return Ok(());
            }
            item.reference.clone()
        } else if turn.has_origin(Channel::Letter.name(), &new.origin.number).await? {
            written.known += 1;
            return Ok(());
        } else {
            let reference = self.number(turn, LETTER_PREFIX, new.received_on).await?;
            let letter = self.letter(turn, reference.clone(), new).await?;
            self.note(turn, Registered::Letter(letter), new.received_on, false)?;
            written.references.push(reference.clone());
            reference
        };
        if let Some(answered_on) = new.answered_on {
            self.in_order(new.received_on, answered_on)?;
            let answer = LetterAnswer::Substantive;
            let what = Registered::LetterAnswered { reference, answered_on, answer };
            self.note(turn, what, answered_on, false)?;
        }
        Ok(())
    }

    /// The columns in which a line says otherwise than the register, and whether the register knows no answer yet.
    fn letter_against(&self, case: &Case, item: &RegisterItem, new: &NewLetter) -> (Vec<&'static str>, bool) {
        let answered = case.answered_at.map(|at| self.civil(at));
        let differs = [
            ("bureau", case.bureau != new.bureau),
            ("demandeur", case.requester != new.requester),
            ("nature", case.nature != new.nature),
            ("reçu le", self.civil(case.received_at) != new.received_on),
            ("répondu le", disagrees(answered, new.answered_on)),
        ];
        (columns(&differs, item, &new.details), answered.is_none())
    }

    /// Registers appointments, all of them or none.
    pub async fn appointments(&self, appointments: &[NewAppointment]) -> Result<Written> {
        let known = self.known_items(Channel::Appointment, appointments.iter().map(|new| &new.origin)).await?;
        let mut turn = self.begin().await?;
        let mut written = Written::default();
        for new in appointments {
            let taken = self.list_appointment(&mut turn, &known, new, &mut written).await;
            taken.map_err(|error| on_line(new.origin.line, error))?;
        }
        turn.commit().await?;
        Ok(written)
    }

    async fn list_appointment(
        &self,
        turn: &mut Turn,
        known: &Known,
        new: &NewAppointment,
        written: &mut Written,
    ) -> Result<()> {
        let reference = if let Some((item, case)) = known.of(&new.origin) {
            let (columns, lacks) = case.map(|case| self.appointment_against(case, item, new)).unwrap_or_default();
            if !written.bring(&item.reference, &new.origin, columns, lacks && new.fixed.is_some()) {
                return Ok(());
            }
            item.reference.clone()
        } else if turn.has_origin(Channel::Appointment.name(), &new.origin.number).await? {
            written.known += 1;
            return Ok(());
        } else {
            let reference = self.number(turn, APPOINTMENT_PREFIX, new.requested_on).await?;
            let wanted = self.appointment(turn, reference.clone(), new).await?;
            self.note(turn, Registered::Appointment(wanted), new.requested_on, false)?;
            written.references.push(reference.clone());
            reference
        };
        if let Some((fixed_on, held_on)) = new.fixed {
            self.in_order(new.requested_on, fixed_on)?;
            self.note(turn, fixing(&reference, fixed_on, held_on)?, fixed_on, false)?;
        }
        Ok(())
    }

    /// The columns in which a line says otherwise than the register, and whether the register knows no date yet.
    fn appointment_against(&self, case: &Case, item: &RegisterItem, new: &NewAppointment) -> (Vec<&'static str>, bool) {
        let meeting = case.meeting.as_ref();
        let fixed_on = case.answered_at.map(|at| self.civil(at));
        let held_on = meeting.and_then(|meeting| meeting.held_at).map(|at| self.civil(at));
        let (new_fixed, new_held) = new.fixed.unzip();
        let differs = [
            ("bureau", case.bureau != new.bureau),
            ("demandeur", case.requester != new.requester),
            ("autorité", meeting.is_some_and(|meeting| meeting.authority != new.authority)),
            ("date de demande", self.civil(case.received_at) != new.requested_on),
            ("date de fixation", disagrees(fixed_on, new_fixed)),
            ("date du rendez-vous", disagrees(held_on, new_held)),
        ];
        (columns(&differs, item, &new.details), fixed_on.is_none())
    }

    /// What the register says of the items that a list may name; nothing is read for a list without numbers.
    async fn known_items(&self, channel: Channel, mut named: impl Iterator<Item = &Origin>) -> Result<Known> {
        let mut items = HashMap::new();
        if !named.any(|origin| origin.own) {
            return Ok(Known { items, cases: HashMap::new() });
        }
        for item in self.store.register_items(channel.name()).await? {
            if !item.origin.is_empty() {
                items.insert(item.origin.clone(), item.clone());
            }
            items.insert(item.reference.clone(), item);
        }
        // An empty span: registers are read whole, and no mail.
        let folded = facts::load(self.store, self.office, (self.now, self.now), None).await?;
        let cases = folded.cases.into_iter().filter(|case| case.channel == channel);
        let cases = cases.map(|case| (case.reference.clone(), case)).collect();
        Ok(Known { items, cases })
    }

    fn civil(&self, at: DateTime<Utc>) -> NaiveDate {
        civil_time(self.office.zone(), at).date()
    }
}

impl Written {
    /// Counts a line that the register knows; whether it brings what the register lacks.
    fn bring(&mut self, reference: &str, origin: &Origin, columns: Vec<&'static str>, completes: bool) -> bool {
        let line = origin.line.unwrap_or_default();
        if !columns.is_empty() {
            self.differing.push(Differing { line, reference: reference.to_owned(), columns });
            return false;
        }
        if completes {
            self.completed.push(reference.to_owned());
        } else {
            self.known += 1;
        }
        completes
    }
}

/// Whether both give a day, and not the same.
fn disagrees(known: Option<NaiveDate>, listed: Option<NaiveDate>) -> bool {
    known.zip(listed).is_some_and(|(known, listed)| known != listed)
}

/// The columns that differ, those of the personal part among them: an empty cell says nothing, and of an emptied item
/// nothing is known.
fn columns(differs: &[(&'static str, bool)], item: &RegisterItem, listed: &Details) -> Vec<&'static str> {
    let known = &item.details;
    let personal = [
        ("nom", &known.name, &listed.name),
        ("qualité", &known.quality, &listed.quality),
        ("commune", &known.town, &listed.town),
        ("objet", &known.subject, &listed.subject),
        ("observations", &known.note, &listed.note),
    ];
    let personal = personal
        .into_iter()
        .map(|(column, known, listed)| (column, item.erased_at == 0 && !listed.is_empty() && known != listed));
    differs.iter().copied().chain(personal).filter(|(_, differs)| *differs).map(|(column, _)| column).collect()
}

/// The refusal of what a list says, with the line that says it.
fn on_line(line: Option<usize>, error: Error) -> Error {
    match (line, error) {
        (Some(line), Error::Register(refused)) => ImportError::Line { line, refused }.into(),
        (_, other) => other,
    }
}
