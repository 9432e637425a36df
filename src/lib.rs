//! vigie: the lookout over the functional mailboxes of a préfecture.
//!
//! The map, one line per room; imports run strictly downward (`tests/architecture.rs` fails on any other arrow):
//!
//! - [`domain`]: pure; what vigie means and every decision. Imports nothing.
//! - [`imap`]: sessions with mail servers; yields folders, UIDs, flags and header blocks. Imports `domain`.
//! - [`mail`]: pure; bytes → facts, notice → bytes. Imports `domain`.
pub mod domain;
pub mod imap;
