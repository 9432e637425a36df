//! Header block → [`MessageFacts`].

use crate::domain::message::MessageFacts;

/// Reads what a message says. Never fails: what cannot be read is a [`crate::domain::message::Defect`].
#[must_use]
pub fn parse(header: &[u8], body_start: Option<&[u8]>, size: u64) -> MessageFacts {
    let _ = (header, body_start);
    MessageFacts { size, ..MessageFacts::default() }
}

/// Whether the beginning of the body is needed to name what a report is about.
#[must_use]
pub fn wants_body(facts: &MessageFacts) -> bool {
    facts.report.is_some()
}

/// Splits a whole message into header block and body.
#[must_use]
pub fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    (raw, &[])
}
