//! PURE: bytes → [`MessageFacts`], notice → bytes. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the reading of header blocks and of delivery reports, and the making of vigie's mails: templates, their linter
//! and the bytes. *May import* `domain`. *Start reading* at [`parse()`] for what comes in, at [`compose::compose`] for
//! what goes out, then [`notice`] for what a mail can say and [`lint`] for what it must say.
//!
//! Deliberately absent: any judgement (that is `domain::classify`), files (templates come in as text), any decision
//! whether to write, and the body: only of a report is the beginning of the body read, to name what bounced. mail-parser is given single fields, never a whole message: its message parser
//! takes the last of duplicate fields and yields nothing for lone-CR mail.
//!
//! [`MessageFacts`]: crate::domain::message::MessageFacts

pub mod compose;
mod fields;
mod form;
mod headers;
pub mod ics;
mod include;
pub mod lines;
pub mod lint;
mod marks;
pub mod notice;
pub mod parse;
mod public;
mod report;
pub mod sample;
mod tags;
pub mod template;
mod tongue;
mod values;
mod view;
mod words;

pub use parse::{parse, split, wants_body};
