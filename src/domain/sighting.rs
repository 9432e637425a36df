//! What the mail server shows of a known message after its arrival: flags that changed, a place that is empty now.
//!
//! Plain data, unjudged. That a message *came* to a place, by arrival, move or copy, is told by its recording.

use chrono::{DateTime, Utc};

use super::classify::FolderRole;
use super::request::MessageId;

/// Flags of one message that are kept; an agent sets a handful.
const MAX_FLAGS: usize = 32;
/// Octets of one flag beyond which it is no keyword that a person set.
const MAX_FLAG_OCTETS: usize = 100;
/// Flags that come and go with mere reading, or say nothing of how a request stands.
const NOISE: [&str; 4] = ["\\Seen", "\\Recent", "\\Draft", "\\Flagged"];

/// The flags and keywords of a message that may mean something: `\Answered`, `\Deleted`, `$Forwarded`, the agents' own.
/// Their order and case say nothing (RFC 9051 §2.3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagSet(Vec<String>);

impl FlagSet {
    /// From the server's names; noise, repetitions and what no person can have set are dropped.
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let means = |name: &&str| {
            let fits = !name.is_empty() && name.len() <= MAX_FLAG_OCTETS && !name.contains(char::is_whitespace);
            fits && !NOISE.iter().any(|noise| noise.eq_ignore_ascii_case(name))
        };
        let mut kept: Vec<String> = names.into_iter().filter(means).map(str::to_owned).collect();
        kept.sort_by_key(|name| name.to_ascii_lowercase());
        kept.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        kept.truncate(MAX_FLAGS);
        Self(kept)
    }

    /// Reads [`FlagSet::text`] back.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self::new(text.split(' '))
    }

    /// The names, separated by spaces: no flag holds one.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.join(" ")
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the message carries this flag or keyword.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a mail client says that it answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.has("\\Answered")
    }

    /// Whether a mail client says that it forwarded.
    #[must_use]
    pub fn forwarded(&self) -> bool {
        self.has("$Forwarded") || self.has("Forwarded")
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The names that are in this set and not in the other.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.names().filter(|name| !other.has(name))
    }
}

/// A place where a message lies or lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The mailbox.
    pub mailbox: String,
    /// The folder, in Unicode.
    pub folder: String,
    /// What the folder is for.
    pub role: FolderRole,
    /// The folder's UIDVALIDITY.
    pub uid_validity: i64,
    /// The message's UID there.
    pub uid: u32,
}

/// Something that changed about a known message at one of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The message.
    pub message: MessageId,
    /// Where.
    pub place: Place,
    /// What.
    pub change: SeenChange,
    /// When vigie saw it: a mail server does not say when a flag was set.
    pub observed_at: DateTime<Utc>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenChange {
    /// The flags that may mean something are others than before.
    Flags {
        /// As they were when last seen.
        before: FlagSet,
        /// As they are.
        now: FlagSet,
    },
    /// The message no longer lies there: deleted, or moved, to a watched folder or to another.
    Gone {
        /// The flags that it bore last.
        flags: FlagSet,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_case_and_reading_change_nothing() {
        let one = FlagSet::new(["\\Seen", "Vigie/Transmis", "\\answered", "\\ANSWERED", "\\Recent"]);
        let other = FlagSet::new(["\\answered", "Vigie/Transmis"]);
        assert_eq!(one, other);
        assert!(one.answered() && one.has("vigie/transmis") && !one.forwarded());
        assert_eq!(FlagSet::from_text(&one.text()), one);
        assert!(FlagSet::from_text("").is_empty());
    }

    #[test]
    fn says_what_was_added() {
        let (before, now) = (FlagSet::new(["a", "b"]), FlagSet::new(["B", "c"]));
        assert_eq!(now.beyond(&before).collect::<Vec<_>>(), ["c"]);
        assert_eq!(before.beyond(&now).collect::<Vec<_>>(), ["a"]);
    }
}
