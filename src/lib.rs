//! vigie: the lookout over the functional mailboxes of a préfecture.
//!
//! The map, one line per room; imports run strictly downward (`tests/architecture.rs` fails on any other arrow):
//!
//! - [`domain`]: pure; what vigie means and every decision. Imports nothing.
//! - [`mail`]: pure; bytes → facts, notice → bytes. Imports `domain`.
//! - [`smtp`]: submits bytes; accepted, refused or unknown. Imports `domain`.
pub mod domain;
pub mod mail;
pub mod smtp;
