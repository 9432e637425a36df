//! Folders of a real Dovecot, read pass by pass into a database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test fails at the line that could not"
)]

mod cyrus;
mod flags;
mod folders;
mod identity;
mod ladder;
mod odd;
mod reconcile;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod telling;

use support::house::{PAN, mail};

/// A message of a citizen, its lines ended by CRLF.
fn request(id: &str) -> Vec<u8> {
    let text = mail(&format!("Usager <{id}@example.org>"), PAN, &format!("{id}@example.org"), "Demande", "");
    text.replace('\n', "\r\n").into_bytes()
}

/// The same without a Message-ID.
fn nameless(id: &str) -> Vec<u8> {
    let text = String::from_utf8(request(id)).unwrap();
    text.replace(&format!("Message-ID: <{id}@example.org>\r\n"), "").into_bytes()
}
