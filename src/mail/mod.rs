//! PURE: bytes → [`MessageFacts`], notice → bytes. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the reading of header blocks and of delivery reports. *May import* `domain`. *Start reading* at [`parse()`].
//!
//! Deliberately absent: any judgement (that is `domain::classify`), and the body: only of a report is the beginning of
//! the body read, to name what bounced.
//!
//! [`MessageFacts`]: crate::domain::message::MessageFacts

pub mod parse;

pub use parse::{parse, split, wants_body};
