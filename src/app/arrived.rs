//! A message as the mail server gave it: its header read, and of its body the beginning, where that is needed.

use chrono::{DateTime, Utc};

use crate::domain::message::MessageFacts;
use crate::domain::sighting::FlagSet;
use crate::mail::lines::first_lines;
use crate::mail::parse::{parse, wants_body};

/// A message as the mail server gave it, its header read.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Its UID.
    pub uid: u32,
    /// Its INTERNALDATE; `None` where the server gives none that can be read.
    pub internal_date: Option<DateTime<Utc>>,
    /// Its size in octets.
    pub size: u64,
    /// The flags that it bears.
    pub flags: FlagSet,
    /// The server's identifier of it (RFC 8474), where it gives one.
    pub email_id: Option<String>,
    /// Whether the server gave a header at all.
    pub(super) readable: bool,
    pub(super) facts: MessageFacts,
    /// Kept only where the beginning of the body is still to be read with it.
    header: Vec<u8>,
}

impl Arrived {
    /// Reads a message's header block.
    #[must_use]
    pub fn read(uid: u32, internal_date: impl Into<Option<DateTime<Utc>>>, size: u64, header: Vec<u8>) -> Self {
        Self::read_for(uid, internal_date, size, header, false)
    }

    /// The same in a mailbox of which some rule looks at the first lines of the text.
    #[must_use]
    pub fn read_for(
        uid: u32,
        internal_date: impl Into<Option<DateTime<Utc>>>,
        size: u64,
        header: Vec<u8>,
        first_lines: bool,
    ) -> Self {
        let facts = parse(&header, None, size);
        let header = if first_lines || wants_body(&facts) { header } else { Vec::new() };
        let (internal_date, flags) = (internal_date.into(), FlagSet::default());
        Self { uid, internal_date, size, flags, email_id: None, readable: true, facts, header }
    }

    /// A message whose header the server cannot give.
    #[must_use]
    pub fn unreadable(uid: u32, internal_date: Option<DateTime<Utc>>, size: u64) -> Self {
        Self { readable: false, ..Self::read(uid, internal_date, size, Vec::new()) }
    }

    /// The same with the flags that it bears.
    #[must_use]
    pub fn with_flags(self, flags: FlagSet) -> Self {
        Self { flags, ..self }
    }

    /// The same with the server's identifier of it.
    #[must_use]
    pub fn with_email_id(self, email_id: Option<String>) -> Self {
        Self { email_id, ..self }
    }

    /// Whether the beginning of the body is needed: to know what a report is about, or for its first lines.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        !self.header.is_empty()
    }

    /// Reads the header again, with the beginning of the body that [`Arrived::needs_body`] asked for.
    pub fn add_body(&mut self, start: &[u8]) {
        let header = std::mem::take(&mut self.header);
        self.facts = parse(&header, Some(start), self.size);
        if self.facts.report.is_none() {
            self.facts.first_lines = first_lines(&header, start);
        }
    }
}
