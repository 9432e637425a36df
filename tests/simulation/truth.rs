//! What is true of a request, and since when vigie can know it: how it ended, and how its limit moved on the way.

use chrono::{DateTime, NaiveDate, Utc};

use super::civil::civil;
use super::house::{MAILBOXES, known};
use super::story::Case;

/// How a request ended, as far as vigie can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub status: &'static str,
    pub evidence: Option<&'static str>,
    pub at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

/// The last day of a limit, as it is reckoned from an instant on.
#[derive(Debug, Clone, Copy)]
pub struct Reckoned {
    pub since: DateTime<Utc>,
    pub due: NaiveDate,
    /// The bureau that has it.
    pub bureau: usize,
    /// Pieces are missing, or it is taken for settled: nothing is said.
    pub standing: bool,
    /// The clock goes on, or another bureau has it: what was said before is said anew.
    pub anew: bool,
}

/// What happens to a clock, as of the instant at which vigie sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// A closure is decided.
    Decided,
    /// Pieces are missing.
    Halts,
    /// They came; they had been missing since an instant.
    GoesOn(DateTime<Utc>),
    /// It is settled.
    Settled,
    /// What had settled it is undone.
    Reopened,
    /// Another mailbox has it.
    Moved(usize),
}

/// The last day of a request's limit, and how it moved while the request was open.
pub fn reckon(case: &Case, decisions: &[DateTime<Utc>]) -> Vec<Reckoned> {
    let day = civil(case.received_at).date();
    let decided = decisions.iter().filter(|at| case.seen_at < **at).map(|at| (*at, Turn::Decided));
    let mut turns: Vec<(DateTime<Utc>, Turn)> = decided.chain(case.turns.iter().copied()).collect();
    turns.sort();
    let (mut halted, mut incomplete, mut settled) = (0, false, false);
    let mut bureau = MAILBOXES[case.mailbox].bureau;
    let first = known(case.seen_at).after(day, case.limit);
    let mut reckoned = vec![Reckoned { since: case.seen_at, due: first, bureau, standing: false, anew: false }];
    for (at, turn) in turns {
        if case.settled.is_some_and(|settled| settled.seen_at <= at) {
            break;
        }
        let days = known(at);
        let mut anew = false;
        match turn {
            Turn::Decided => {}
            Turn::Halts => incomplete = true,
            Turn::GoesOn(since) => {
                (incomplete, anew) = (false, true);
                // What was late before stays so.
                let late = civil(since).date() > reckoned.last().map_or(first, |last| last.due);
                halted +=
                    if late { 0 } else { u16::try_from(days.between(civil(since).date(), civil(at).date())).unwrap() };
            }
            Turn::Settled => settled = true,
            Turn::Reopened => (settled, anew) = (false, true),
            Turn::Moved(mailbox) => {
                // What its bureau was told stays told where the bureau is the same.
                anew = bureau != MAILBOXES[mailbox].bureau;
                bureau = MAILBOXES[mailbox].bureau;
            }
        }
        let (due, standing) = (days.after(day, case.limit + halted), incomplete || settled);
        reckoned.push(Reckoned { since: at, due, bureau, standing, anew });
    }
    reckoned
}

impl Case {
    /// How its clock stood at an instant.
    pub fn reckoned_at(&self, at: DateTime<Utc>) -> &Reckoned {
        self.due.iter().rev().find(|reckoned| reckoned.since <= at).unwrap_or(&self.due[0])
    }

    /// The last day of its limit, as it was reckoned last.
    pub fn due_on(&self) -> NaiveDate {
        self.due.last().unwrap().due
    }

    /// Whether it missed its limit, in truth.
    pub fn is_late(&self) -> bool {
        self.settled.is_none_or(|settled| civil(settled.at).date() > self.due_on())
    }
}
