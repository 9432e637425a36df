//! Figures folded from ledger facts, and from nothing else.
//!
//! *Start reading* at [`case`]: entries become [`case::Fact`]s, facts fold into [`case::Case`]s, cases are counted by
//! [`tally`], and [`annex`] and [`sheet`] lay the counts out as Annexe 1 and as the two tracking sheets.
//!
//! What the figures mean, once for all:
//! - a request belongs to the period in which it was received, whenever it was answered;
//! - the rate is: answered in time ÷ (answered in time + answered late + not answered and past the limit). Requests that
//!   are open and not yet due are shown apart; so are those closed without need of an answer, or transferred, before the
//!   limit. Closed or transferred after the limit, they count as not answered in time;
//! - delays are in working days of the calendar that held in the mailbox when the end was written down, the day of receipt
//!   being day 0: a closure that is added later moves no delay of the past; what was not answered and is
//!   past its limit counts with the delay that it has reached, so that silence never shortens an average;
//! - a share is rounded to a hundredth of a percent, half up, but never up to `100,00 %` nor down to `0,00 %`;
//! - figures are as of the ledger's head from which they were folded: the same head gives the same figures for ever.
//!
//! Deliberately absent: rankings of people, and any figure of one agent.

pub mod annex;
pub mod case;
pub mod hand;
pub mod outline;
pub mod sample;
pub mod sheet;
pub mod tally;
pub mod value;

use chrono::{DateTime, Utc};

use super::ledger::Head;

/// What a set of figures was computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The prefecture's name.
    pub prefecture: String,
    /// The ledger's head.
    pub head: Head,
    /// When that head was written: what is due is reckoned as of this instant.
    pub as_of: DateTime<Utc>,
    /// SHA-256 of the configuration that was in force at that head, in hexadecimal; of today's where the ledger names none.
    pub configuration: String,
    /// SHA-256 of the lines of the table, with the labels and targets that are shown, in hexadecimal.
    pub table: String,
    /// The revisions of the calendars by which delays are counted, each once, in order.
    pub calendars: Vec<String>,
    /// The civil time of periods.
    pub zone: chrono_tz::Tz,
}
