//! PURE: what vigie means. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the vocabulary (requests, verdicts, deadlines, alerts, ledger entries) and every decision.
//! *May import* nothing of the house. *Start reading* at [`decide`], then [`request`] and [`life`].
//!
//! Deliberately absent: serialisation of rows and JSON (they belong to the rooms that speak them), and any
//! reading of the clock: `now` is a parameter, taken once per turn.

pub mod acknowledge;
pub mod address;
pub mod alert;
pub mod blind_spot;
pub mod breaker;
pub mod calendar;
mod calendar_text;
pub mod calendars;
pub mod change;
pub mod classify;
pub mod clocks;
pub mod custody;
pub mod deadline;
pub mod decide;
pub mod dispatch;
pub mod echo;
pub mod effect;
pub mod event;
pub mod evidence;
pub mod forecast;
pub mod french;
pub mod gesture;
pub mod holidays;
pub mod identity;
pub mod indicator;
pub mod language;
pub mod ledger;
pub mod life;
pub mod marks;
pub mod message;
mod names;
pub mod nature;
pub mod notices;
pub mod office;
pub mod opening;
pub mod period;
pub mod policy;
pub mod promised;
pub mod quota;
pub mod reach;
pub mod reasons;
pub mod receipt;
pub mod redate;
pub mod register;
pub mod request;
pub mod requester;
pub mod retention;
pub mod same_subject;
pub mod schedule;
pub mod seal;
mod senders;
pub mod share;
pub mod sighting;
mod signs;
pub mod subjects;
pub mod territory;
pub mod thread;
pub mod verdict;
pub mod visible;
pub mod warning;
pub mod wording;
