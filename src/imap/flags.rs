//! The flags of a message, as far as vigie reads them.

/// Flags and keywords of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `\Seen`.
    pub seen: bool,
    /// `\Answered`.
    pub answered: bool,
    /// `\Deleted`.
    pub deleted: bool,
    /// Everything else as the server wrote it: `$Forwarded`, the agents' keywords, `\Flagged`, `\Draft`.
    pub keywords: Vec<String>,
}

impl Flags {
    /// From the server's list; names of flags are case-insensitive (RFC 9051 §2.3.2).
    pub(super) fn new<S: AsRef<str>>(list: &[S]) -> Self {
        let mut flags = Self::default();
        for flag in list.iter().map(AsRef::as_ref) {
            if flag.eq_ignore_ascii_case("\\Seen") {
                flags.seen = true;
            } else if flag.eq_ignore_ascii_case("\\Answered") {
                flags.answered = true;
            } else if flag.eq_ignore_ascii_case("\\Deleted") {
                flags.deleted = true;
            } else if !flag.eq_ignore_ascii_case("\\Recent") {
                flags.keywords.push(flag.to_owned());
            }
        }
        flags
    }

    /// The names of all, as the protocol writes them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let system = [(self.seen, "\\Seen"), (self.answered, "\\Answered"), (self.deleted, "\\Deleted")];
        let system = system.into_iter().filter_map(|(set, name)| set.then_some(name));
        system.chain(self.keywords.iter().map(String::as_str))
    }

    /// Whether the message carries this keyword; keywords are case-insensitive.
    pub fn has(&self, keyword: &str) -> bool {
        self.keywords.iter().any(|own| own.eq_ignore_ascii_case(keyword))
    }

    /// Whether a mail client marked the message as forwarded.
    pub fn forwarded(&self) -> bool {
        self.has("$Forwarded") || self.has("Forwarded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flags_whatever_their_case_and_forgets_recent() {
        let flags = Flags::new(&["\\SEEN", "\\recent", "$forwarded", "Vigie/Transmis"]);
        assert!(flags.seen && !flags.answered && !flags.deleted);
        assert!(flags.forwarded());
        assert!(flags.has("vigie/transmis"));
        assert_eq!(flags.keywords.len(), 2);
    }
}
