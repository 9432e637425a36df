//! PURE: bytes → facts, notice → bytes. No async, IO, clock, environment, randomness or logging.
//!
//! *Owns* the making of vigie's mails: templates, their linter, and the bytes. *May import* `domain`. *Start reading*
//! at [`compose()`], then [`notice`] for what a mail can say, then [`lint`] for what it must say.
//!
//! Deliberately absent: files (templates come in as text), and any decision whether to write.

pub mod compose;
mod headers;
pub mod lint;
pub mod notice;
pub mod sample;
pub mod template;
mod view;

pub use compose::{ComposeError, Composed, Stamp, compose};
pub use lint::{Finding, lint};
pub use notice::{AckFields, AlertFields, DigestFields, Notice};
pub use template::{Kind, TemplateError, TemplateSource, Templates};
