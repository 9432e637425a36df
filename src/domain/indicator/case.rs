//! A request as figures see it: folded from the entries that opened and changed it.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::calendar::Calendar;
use crate::domain::policy::{Channel, Nature, Requester};
use crate::domain::promised::Owed;
use crate::domain::register::Authority;

/// The evidence of an answer that a person declares.
const DECLARATION: &str = "declaration";

/// How a request ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has not.
    Open,
    /// Our side answered.
    Answered,
    /// Closed without an answer, at an instant.
    Closed(DateTime<Utc>),
    /// Handed to another administration, at an instant.
    Transferred(DateTime<Utc>),
    /// Merged into another request, whose clock counts for both.
    Merged,
}

/// A request, a letter or an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What people call it.
    pub reference: String,
    /// By which way it came.
    pub channel: Channel,
    /// The mailbox that holds it; empty for letters and appointments.
    pub mailbox: String,
    /// The bureau that answers.
    pub bureau: String,
    /// Who asks.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// The key of the commitment; empty where none covers it.
    pub commitment: String,
    /// The limit, in working days.
    pub limit: u16,
    /// Whether it counts in the official figures.
    pub official: bool,
    /// Received before the watch began: its answer could not be seen.
    pub backlog: bool,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// The last civil day that is in time.
    pub due_on: NaiveDate,
    /// The first instant that is late.
    pub due_at: DateTime<Utc>,
    /// The first answer of a human that did not stop the clock.
    pub holding_at: Option<DateTime<Utc>>,
    /// The answer that stopped the clock.
    pub answered_at: Option<DateTime<Utc>>,
    /// The first answer to the question itself.
    pub substantive_at: Option<DateTime<Utc>>,
    /// What proves the answer; empty where nothing does.
    pub evidence: String,
    /// How it ended.
    pub end: End,
    /// The place in the ledger of the entry that ended it: by the calendar that held then its days are counted.
    pub ended_by: Option<i64>,
    /// When the clock stood still: each from, and until where it is known.
    pub suspensions: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    /// Whether an alert rose about it.
    pub alerted: bool,
    /// The level of the last alert that still stands.
    pub raised: Option<i64>,
    /// The place in the ledger of the entry that settled what agents had been warned of.
    pub cleared_by: Option<i64>,
    /// What became of its acknowledgement: `pending`, `sent`, `withheld`, `refused`, `unknown`; empty for none.
    pub acknowledgement: String,
    /// For appointments: with whom, and when they are held.
    pub meeting: Option<Meeting>,
}

/// The second clock of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// The key of the commitment; empty where none covers it.
    pub commitment: String,
    /// With whom.
    pub authority: Authority,
    /// The last civil day on which it is to be held.
    pub due_on: NaiveDate,
    /// The first instant that is late.
    pub due_at: DateTime<Utc>,
    /// The limit, in working days.
    pub limit: u16,
    /// The day of the appointment, once fixed; at its noon.
    pub held_at: Option<DateTime<Utc>>,
    /// The level of the last alert about this clock that still stands.
    pub raised: Option<i64>,
}

/// What an entry says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It was received. Said again (a register corrected), it replaces what was known of the receipt.
    Opened(Box<Case>),
    /// It was answered, in a way that stops the clock.
    Answered {
        /// When.
        at: DateTime<Utc>,
        /// Whether the answer only says that one will follow.
        holding: bool,
        /// What proves it.
        evidence: String,
    },
    /// A person said how it was answered; said again, it corrects.
    Declared {
        /// When.
        at: DateTime<Utc>,
        /// Whether the answer only says that one will follow.
        holding: bool,
        /// Whether it stops the clock.
        stops: bool,
    },
    /// A holding reply was seen that does not stop the clock.
    HoldingSeen {
        /// When.
        at: DateTime<Utc>,
    },
    /// The answer to the question came, after a holding reply that had stopped the clock.
    Substantive {
        /// When.
        at: DateTime<Utc>,
    },
    /// It was merged into another request.
    Merged,
    /// It was closed without an answer.
    Closed {
        /// When.
        at: DateTime<Utc>,
    },
    /// It was handed to another administration.
    Transferred {
        /// When.
        at: DateTime<Utc>,
    },
    /// Who asks, or for what, was corrected.
    Reclassified {
        /// Who asks.
        requester: Requester,
        /// What is asked.
        nature: Nature,
        /// The commitment.
        commitment: String,
        /// Its limit.
        limit: u16,
        /// The new deadline.
        due: Due,
    },
    /// The deadline moved.
    Redated {
        /// The new one.
        due: Due,
        /// The clock that it is about.
        owed: Owed,
    },
    /// The clock stands still: pieces are missing.
    Suspended {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The clock goes on.
    Resumed {
        /// When.
        at: DateTime<Utc>,
        /// The new deadline.
        due: Due,
    },
    /// What ended it was undone.
    Reopened,
    /// Another mailbox or bureau holds it now.
    Moved {
        /// The mailbox.
        mailbox: String,
        /// The bureau.
        bureau: String,
    },
    /// An alert rose.
    Alerted {
        /// Its level.
        level: i64,
        /// The clock that it is about.
        owed: Owed,
    },
    /// Its acknowledgement's fate changed.
    Acknowledged {
        /// The state's name.
        state: String,
    },
    /// The date of an appointment was fixed, or moved.
    Fixed {
        /// When it was fixed.
        at: DateTime<Utc>,
        /// When it is held.
        held_at: DateTime<Utc>,
    },
    /// It was registered by error.
    Withdrawn,
}

/// A deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The last civil day that is in time.
    pub on: NaiveDate,
    /// The first instant that is late.
    pub at: DateTime<Utc>,
}

/// Cases on their way through the ledger's entries, in the order of the ledger.
#[derive(Debug, Default)]
pub struct Fold {
    cases: HashMap<String, Case>,
}

impl Fold {
    /// Takes in what the entry at a place says. What is said of a case that was never opened is left out.
    pub fn take(&mut self, seq: i64, reference: &str, fact: Fact) {
        match fact {
            Fact::Opened(opened) => match self.cases.get_mut(reference) {
                Some(known) => known.described_anew(*opened),
                None => {
                    self.cases.insert(reference.to_owned(), *opened);
                }
            },
            Fact::Withdrawn => {
                self.cases.remove(reference);
            }
            other => {
                if let Some(case) = self.cases.get_mut(reference) {
                    case.take(seq, other);
                }
            }
        }
    }

    /// The cases, by the time of receipt and then by reference.
    #[must_use]
    pub fn into_cases(self) -> Vec<Case> {
        let mut cases: Vec<Case> = self.cases.into_values().collect();
        cases.sort_unstable_by(|a, b| (a.received_at, &a.reference).cmp(&(b.received_at, &b.reference)));
        cases
    }
}

impl Case {
    /// A register's item was described anew: what happened to it since stays.
    fn described_anew(&mut self, opened: Self) {
        let known = std::mem::replace(self, opened);
        self.holding_at = known.holding_at;
        self.answered_at = known.answered_at;
        self.substantive_at = known.substantive_at;
        self.evidence = known.evidence;
        (self.end, self.ended_by) = (known.end, known.ended_by);
        (self.alerted, self.cleared_by) = (known.alerted, known.cleared_by);
        self.raised = known.raised.filter(|_| self.due_on <= known.due_on);
        if let (Some(meeting), Some(known)) = (&mut self.meeting, known.meeting) {
            meeting.held_at = known.held_at;
            meeting.raised = known.raised.filter(|_| meeting.due_on <= known.due_on);
        }
    }

    fn take(&mut self, seq: i64, fact: Fact) {
        match fact {
            Fact::Answered { at, holding, evidence } => self.answered(seq, at, holding, evidence),
            Fact::Declared { at, holding, stops } => self.declared(seq, at, holding, stops),
            Fact::HoldingSeen { at } => self.holding_at = Some(at),
            Fact::Substantive { at } => self.substantive_at = Some(at),
            Fact::Merged => self.end = End::Merged,
            Fact::Closed { at } => self.settle(seq, End::Closed(at), at),
            Fact::Transferred { at } => self.settle(seq, End::Transferred(at), at),
            Fact::Reclassified { requester, nature, commitment, limit, due } => {
                (self.requester, self.nature, self.commitment, self.limit) = (requester, nature, commitment, limit);
                self.redate(due);
            }
            Fact::Redated { due, owed } => self.clock_redated(due, owed),
            Fact::Suspended { at } => {
                self.suspensions.push((at, None));
                self.raised = None;
            }
            Fact::Resumed { at, due } => {
                self.run_on(at);
                self.redate(due);
            }
            Fact::Reopened => self.reopened(),
            Fact::Moved { mailbox, bureau } => {
                // Another bureau was warned of nothing yet.
                self.raised = self.raised.filter(|_| self.bureau == bureau);
                (self.mailbox, self.bureau) = (mailbox, bureau);
            }
            Fact::Alerted { level, owed } => self.alerted(level, owed),
            Fact::Acknowledged { state } => self.acknowledgement = state,
            Fact::Fixed { at, held_at } => {
                self.answered(seq, at, false, DECLARATION.to_owned());
                if let Some(meeting) = &mut self.meeting {
                    meeting.held_at = Some(held_at);
                }
            }
            // Both are the fold's own matter.
            Fact::Opened(_) | Fact::Withdrawn => {}
        }
    }

    /// What is written down replaces what was known: an earlier answer found later, a proof instead of a guess, the
    /// correction of a day that a person gave.
    fn answered(&mut self, seq: i64, at: DateTime<Utc>, holding: bool, evidence: String) {
        self.answered_at = Some(at);
        if !holding {
            self.substantive_at = Some(at);
        }
        self.evidence = evidence;
        self.settle(seq, End::Answered, at);
    }

    /// The last word holds: an answer said to have been a holding reply only is one no more, and the answer that follows
    /// a holding reply that had stopped the clock leaves it stopped there.
    fn declared(&mut self, seq: i64, at: DateTime<Utc>, holding: bool, stops: bool) {
        let held_by = self.answered_at.filter(|_| self.substantive_at.is_none());
        match (holding, stops) {
            (false, _) if held_by.is_some_and(|held| held <= at) => self.substantive_at = Some(at),
            (true, false) => {
                self.reopened();
                self.holding_at = Some(at);
            }
            (true | false, _) => {
                self.substantive_at = None;
                self.answered(seq, at, holding, DECLARATION.to_owned());
            }
        }
    }

    fn settle(&mut self, seq: i64, end: End, at: DateTime<Utc>) {
        (self.end, self.ended_by) = (end, Some(seq));
        self.run_on(at);
        let second = self.meeting.as_mut().and_then(|meeting| meeting.raised.take());
        if self.raised.take().or(second).is_some() {
            self.cleared_by = Some(seq);
        }
    }

    fn clock_redated(&mut self, due: Due, owed: Owed) {
        match (owed, &mut self.meeting) {
            (Owed::Holding, Some(meeting)) => {
                meeting.raised = meeting.raised.filter(|_| due.on <= meeting.due_on);
                (meeting.due_on, meeting.due_at) = (due.on, due.at);
            }
            (Owed::Answer | Owed::Fixing | Owed::Holding, _) => self.redate(due),
        }
    }

    fn alerted(&mut self, level: i64, owed: Owed) {
        self.alerted = true;
        match (owed, &mut self.meeting) {
            (Owed::Holding, Some(meeting)) => meeting.raised = Some(level),
            (Owed::Answer | Owed::Fixing | Owed::Holding, _) => self.raised = Some(level),
        }
    }

    /// The clock does not stand still any more.
    fn run_on(&mut self, at: DateTime<Utc>) {
        if let Some((_, until @ None)) = self.suspensions.last_mut() {
            *until = Some(at);
        }
    }

    /// The first clock runs on, as if it had never stopped; a holding reply that was seen stays.
    fn reopened(&mut self) {
        (self.end, self.ended_by, self.cleared_by) = (End::Open, None, None);
        self.evidence.clear();
        (self.answered_at, self.substantive_at) = (None, None);
    }

    /// The first answer of a human, holding replies included.
    #[must_use]
    pub fn first_human(&self) -> Option<DateTime<Utc>> {
        self.holding_at.into_iter().chain(self.answered_at).min()
    }

    /// What was told of an earlier limit says nothing about a later one.
    fn redate(&mut self, due: Due) {
        self.raised = self.raised.filter(|_| due.on <= self.due_on);
        (self.due_on, self.due_at) = (due.on, due.at);
    }

    /// Whether its clock stands still.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.end == End::Open && matches!(self.suspensions.last(), Some((_, None)))
    }

    /// Working days from the receipt to an instant, those on which the clock stood still left out.
    #[must_use]
    pub fn working_days_until(&self, calendar: &Calendar, at: DateTime<Utc>) -> i64 {
        let days = |from, until| calendar.working_days_between(calendar.civil(from), calendar.civil(until)).max(0);
        let still: i64 = self
            .suspensions
            .iter()
            .filter(|(from, _)| *from < at)
            .map(|(from, until)| days(*from, until.map_or(at, |until| until.min(at))))
            .sum();
        (days(self.received_at, at) - still).max(0)
    }
}

#[cfg(test)]
pub(in crate::domain) mod tests {
    use super::*;

    pub fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    /// A mail of an usager received on 4 May 2026, due on the 12th (the 8th is a public holiday).
    pub fn case(reference: &str) -> Case {
        Case {
            reference: reference.to_owned(),
            channel: Channel::Mail,
            mailbox: "pref-pan".into(),
            bureau: "citoyennete".into(),
            requester: Requester::Public,
            nature: Nature::GeneralInfo,
            commitment: "mail.user.info".into(),
            limit: 5,
            official: true,
            backlog: false,
            received_at: at("2026-05-04T08:00:00Z"),
            due_on: NaiveDate::from_ymd_opt(2026, 5, 12).expect("a day"),
            due_at: at("2026-05-12T22:00:00Z"),
            holding_at: None,
            answered_at: None,
            substantive_at: None,
            evidence: String::new(),
            end: End::Open,
            ended_by: None,
            suspensions: Vec::new(),
            alerted: false,
            raised: None,
            cleared_by: None,
            acknowledgement: "sent".into(),
            meeting: None,
        }
    }

    fn fold(facts: Vec<Fact>) -> Case {
        let mut fold = Fold::default();
        fold.take(1, "A", Fact::Opened(Box::new(case("A"))));
        for (fact, seq) in facts.into_iter().zip(2..) {
            fold.take(seq, "A", fact);
        }
        fold.into_cases().pop().expect("the case")
    }

    fn answered(day: &str, holding: bool) -> Fact {
        Fact::Answered { at: at(day), holding, evidence: "sent_reply".into() }
    }

    #[test]
    fn a_holding_reply_is_a_human_answer_and_not_one_to_the_question() {
        let (first, last) = ("2026-05-05T08:00:00Z", "2026-05-07T08:00:00Z");
        let case = fold(vec![answered(first, true), Fact::Substantive { at: at(last) }]);
        assert_eq!((case.answered_at, case.substantive_at), (Some(at(first)), Some(at(last))));
        let case = fold(vec![Fact::HoldingSeen { at: at(first) }]);
        assert_eq!((case.first_human(), case.answered_at), (Some(at(first)), None));
        assert_eq!(case.end, End::Open);
    }

    #[test]
    fn a_declared_holding_reply_answers_only_where_the_commitment_says_so_and_the_last_word_holds() {
        let (first, last) = (at("2026-05-05T08:00:00Z"), at("2026-05-07T08:00:00Z"));
        let said = |at, holding, stops| Fact::Declared { at, holding, stops };
        let seen = |facts| {
            let case = fold(facts);
            (case.end, case.first_human(), case.answered_at, case.substantive_at)
        };
        let (held, real) = (said(first, true, false), said(last, false, true));
        assert_eq!(seen(vec![held.clone()]), (End::Open, Some(first), None, None));
        assert_eq!(seen(vec![held.clone(), real.clone()]), (End::Answered, Some(first), Some(last), Some(last)));
        assert_eq!(seen(vec![real.clone(), held]), (End::Open, Some(first), None, None));
        let stopping = said(first, true, true);
        assert_eq!(seen(vec![stopping.clone()]), (End::Answered, Some(first), Some(first), None));
        assert_eq!(seen(vec![stopping, real]), (End::Answered, Some(first), Some(first), Some(last)));
    }

    #[test]
    fn an_earlier_proof_found_later_counts() {
        let (first, last) = ("2026-05-05T08:00:00Z", "2026-05-07T08:00:00Z");
        assert_eq!(fold(vec![answered(last, false), answered(first, false)]).answered_at, Some(at(first)));
    }

    #[test]
    fn an_undone_gesture_leaves_an_open_request() {
        let first = answered("2026-05-05T08:00:00Z", false);
        assert_eq!(fold(vec![first.clone()]).ended_by, Some(2));
        let case = fold(vec![first, Fact::Reopened]);
        assert_eq!((case.end, case.answered_at, case.substantive_at), (End::Open, None, None));
        assert_eq!(case.ended_by, None);
    }

    #[test]
    fn days_on_which_the_clock_stood_still_do_not_count() {
        let calendar = Calendar::of(crate::domain::territory::Territory::Metropole);
        let due = Due { on: case("A").due_on, at: case("A").due_at };
        let facts = vec![
            Fact::Suspended { at: at("2026-05-05T08:00:00Z") },
            Fact::Resumed { at: at("2026-05-11T08:00:00Z"), due },
        ];
        // 5, 6, 7, 11 and 12 May are working days; from the 5th to the 11th the clock stood still.
        assert_eq!(case("A").working_days_until(&calendar, at("2026-05-12T08:00:00Z")), 5);
        assert_eq!(fold(facts).working_days_until(&calendar, at("2026-05-12T08:00:00Z")), 2);
    }

    #[test]
    fn a_register_item_described_anew_keeps_its_answer_and_one_withdrawn_is_gone() {
        let again = Case { official: false, ..case("A") };
        let case = fold(vec![answered("2026-05-05T08:00:00Z", false), Fact::Opened(Box::new(again))]);
        assert!(!case.official && case.answered_at.is_some());
        let mut gone = Fold::default();
        gone.take(1, "A", Fact::Opened(Box::new(tests::case("A"))));
        gone.take(2, "A", Fact::Withdrawn);
        assert_eq!(gone.into_cases(), Vec::new());
    }
}
