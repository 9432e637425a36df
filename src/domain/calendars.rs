//! The calendars by which days are counted, as the ledger tells them: which one held in each mailbox, and since when.
//!
//! A closure that is added later moves no delay that was counted before: what was settled is counted by the calendar that
//! held when that was written down ([`CalendarHistory::in_force`]).

use super::calendar::Calendar;
use super::ledger::Payload;
use super::office::Office;

/// The calendar of every mailbox, and of every bureau that has none, at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendars {
    places: Vec<Place>,
    /// Each calendar once.
    calendars: Vec<Calendar>,
}

/// A mailbox and its bureau.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Empty for a bureau without any.
    mailbox: String,
    bureau: String,
    /// Which of the calendars is its own.
    calendar: usize,
}

impl Calendars {
    /// Those of the configuration, in the order of its mailboxes, then of the bureaux that have none.
    #[must_use]
    pub fn of(office: &Office) -> Self {
        let mut all = Self::default();
        for policy in &office.mailboxes {
            if let Some(calendar) = office.calendars.get(&policy.bureau) {
                all.add(&policy.name, &policy.bureau, calendar.clone());
            }
        }
        for bureau in office.bureaux.iter().filter(|_| !office.mailboxes.is_empty()) {
            let known = all.places.iter().any(|place| place.bureau == bureau.key);
            if let Some(calendar) = office.calendars.get(&bureau.key).filter(|_| !known) {
                all.add("", &bureau.key, calendar.clone());
            }
        }
        all
    }

    fn add(&mut self, mailbox: &str, bureau: &str, calendar: Calendar) {
        let known = self.calendars.iter().position(|known| known.revision() == calendar.revision());
        let place = known.unwrap_or(self.calendars.len());
        if known.is_none() {
            self.calendars.push(calendar);
        }
        self.places.push(Place { mailbox: mailbox.to_owned(), bureau: bureau.to_owned(), calendar: place });
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calendars.is_empty()
    }

    /// What the ledger's entry says: the texts of the calendars, and the mailboxes, their bureaux and the revisions of
    /// their calendars, in the same order.
    #[must_use]
    pub fn payload(&self) -> Payload {
        let revision =
            |place: &Place| self.calendars.get(place.calendar).map(|calendar| calendar.revision().to_owned());
        Payload::new()
            .list("mailboxes", self.places.iter().map(|place| place.mailbox.clone()))
            .list("bureaux", self.places.iter().map(|place| place.bureau.clone()))
            .list("revisions", self.places.iter().filter_map(revision))
            .list("texts", self.calendars.iter().map(Calendar::text))
    }

    /// Reads what [`Self::payload`] wrote; `None` for anything else.
    #[must_use]
    pub fn read(mailboxes: &[String], bureaux: &[String], revisions: &[String], texts: &[String]) -> Option<Self> {
        let calendars: Vec<Calendar> = texts.iter().map(|text| Calendar::read(text)).collect::<Option<_>>()?;
        if mailboxes.len() != bureaux.len() || mailboxes.len() != revisions.len() {
            return None;
        }
        let mut all = Self { places: Vec::new(), calendars };
        for ((mailbox, bureau), revision) in mailboxes.iter().zip(bureaux).zip(revisions) {
            let calendar = all.calendars.iter().position(|calendar| calendar.revision() == revision)?;
            all.places.push(Place { mailbox: mailbox.clone(), bureau: bureau.clone(), calendar });
        }
        Some(all)
    }

    /// The calendar of a mailbox; where it names none that is known, that of its bureau, else the prefecture's.
    #[must_use]
    pub fn calendar(&self, mailbox: &str, bureau: &str) -> Option<&Calendar> {
        let own = self.places.iter().find(|place| !mailbox.is_empty() && place.mailbox == mailbox);
        let of_bureau = || self.places.iter().find(|place| place.bureau == bureau);
        let place = own.or_else(of_bureau).or(self.places.first())?;
        self.calendars.get(place.calendar)
    }
}

/// The calendars that held one after the other.
#[derive(Debug, Clone)]
pub struct CalendarHistory {
    /// Those of today's configuration, for a ledger that names none yet.
    today: Calendars,
    /// From which entry of the ledger on, in its order.
    known: Vec<(i64, Calendars)>,
}

impl CalendarHistory {
    /// An empty history: today's calendars hold until the ledger says otherwise.
    #[must_use]
    pub fn new(office: &Office) -> Self {
        Self { today: Calendars::of(office), known: Vec::new() }
    }

    /// Calendars that hold from an entry on; given in the order of the ledger.
    pub fn take(&mut self, seq: i64, calendars: Calendars) {
        self.known.push((seq, calendars));
    }

    /// The calendars that held when an entry was written. What is older than all that the ledger knows is counted by the
    /// first, so that the answer stays the same as the ledger grows.
    #[must_use]
    pub fn in_force(&self, seq: i64) -> &Calendars {
        let later = self.known.partition_point(|(from, _)| *from <= seq);
        self.known.get(later.saturating_sub(1)).map_or(&self.today, |(_, calendars)| calendars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::territory::Territory;

    fn calendars(territories: &[(&str, &str, Territory)]) -> Calendars {
        let mut all = Calendars::default();
        for (mailbox, bureau, territory) in territories {
            all.add(mailbox, bureau, Calendar::of(*territory));
        }
        all
    }

    fn three() -> Calendars {
        calendars(&[
            ("pan", "citoyenneté", Territory::Metropole),
            ("étrangers", "étrangers", Territory::Mayotte),
            ("bop", "citoyenneté", Territory::Metropole),
        ])
    }

    fn territory(calendars: &Calendars, mailbox: &str, bureau: &str) -> Option<Territory> {
        calendars.calendar(mailbox, bureau).map(Calendar::territory)
    }

    #[test]
    fn a_mailbox_has_its_own_calendar_else_its_bureau_s_else_the_first() {
        let all = three();
        assert_eq!(territory(&all, "étrangers", "citoyenneté"), Some(Territory::Mayotte));
        assert_eq!(territory(&all, "", "étrangers"), Some(Territory::Mayotte));
        assert_eq!(territory(&all, "gone", "gone"), Some(Territory::Metropole));
        assert_eq!(territory(&Calendars::default(), "pan", ""), None);
    }

    #[test]
    fn what_the_ledger_keeps_is_read_back_and_each_calendar_stands_there_once() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (metropole, mayotte) = (Calendar::of(Territory::Metropole), Calendar::of(Territory::Mayotte));
        let mailboxes = owned(&["pan", "étrangers", "bop"]);
        let bureaux = owned(&["citoyenneté", "étrangers", "citoyenneté"]);
        let revisions = owned(&[metropole.revision(), mayotte.revision(), metropole.revision()]);
        let texts = [metropole.text(), mayotte.text()];
        assert_eq!(Calendars::read(&mailboxes, &bureaux, &revisions, &texts), Some(three()));
        let payload = three().payload().canonical();
        assert_eq!(payload.matches("territory metropole").count(), 1);
        assert_eq!(Calendars::read(&mailboxes, &bureaux, &revisions, &texts[..1]), None);
        assert_eq!(Calendars::read(&mailboxes[1..], &bureaux, &revisions, &texts), None);
    }

    #[test]
    fn the_calendars_of_an_entry_hold_until_the_next_and_the_first_for_what_is_older() {
        let only = |territory| calendars(&[("pan", "", territory)]);
        let mut history = CalendarHistory { today: only(Territory::Metropole), known: Vec::new() };
        let held = |history: &CalendarHistory, seq| territory(history.in_force(seq), "pan", "");
        assert_eq!(held(&history, 7), Some(Territory::Metropole));
        history.take(10, only(Territory::Mayotte));
        history.take(20, only(Territory::Guyane));
        for (seq, expected) in [(1, Territory::Mayotte), (10, Territory::Mayotte), (19, Territory::Mayotte)] {
            assert_eq!(held(&history, seq), Some(expected));
        }
        assert_eq!((held(&history, 20), held(&history, 99)), (Some(Territory::Guyane), Some(Territory::Guyane)));
    }
}
