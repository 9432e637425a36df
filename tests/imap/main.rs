//! The IMAP room against servers: scripted ones, which say anything, and real ones.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set its scene must fail at once"
)]

mod dovecot;
mod script;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
