//! PURE: what vigie means. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the vocabulary (requests, verdicts, deadlines, alerts, ledger entries) and every decision.
//! *May import* nothing of the house. *Start reading* at [`decide`], then [`request`].
//!
//! Deliberately absent: serialisation of rows and JSON (they belong to the rooms that speak them), and any
//! reading of the clock: `now` is a parameter, taken once per turn.

pub mod acknowledge;
pub mod address;
pub mod calendar;
pub mod classify;
pub mod message;
pub mod policy;
pub mod reasons;
pub mod request;
pub mod requester;
mod signs;
pub mod verdict;
