//! The IMAP room against servers: scripted ones, which say anything, and real ones.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set its scene must fail at once"
)]

mod commands;
mod dovecot;
mod fetch;
mod idle;
mod login;
mod script;
#[path = "../support/mod.rs"]
mod support;
