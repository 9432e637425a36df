//! PURE: what vigie means. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the vocabulary (requests, verdicts, deadlines, alerts, ledger entries) and every decision.
//! *May import* nothing of the house. *Start reading* at [`decide`], then [`request`].
//!
//! Deliberately absent: serialisation of rows and JSON (they belong to the rooms that speak them), and any
//! reading of the clock: `now` is a parameter, taken once per turn.

pub mod address;
pub mod calendar;
pub mod deadline;
pub mod french;
pub mod holidays;
pub mod message;
pub mod opening;
pub mod policy;
pub mod request;
pub mod schedule;
pub mod territory;
pub mod verdict;
