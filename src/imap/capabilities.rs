//! What a server says it can do; probed at each login, never assumed.

use std::collections::BTreeSet;

use imap_proto::{Capability, Outcome, ResponseCode};

/// The set of capabilities that a server announced, in capitals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// From what the parser read.
    pub(super) fn new(list: &[Capability<'_>]) -> Self {
        let name = |capability: &Capability<'_>| match capability {
            Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
            Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_ascii_uppercase()),
            Capability::Atom(atom) => atom.to_ascii_uppercase(),
        };
        Self(list.iter().map(name).collect())
    }

    /// From the response code of a greeting or of a login.
    ///
    /// The parser wants `IMAP4rev1` in the list; where it is not (`IMAP4rev2` only), the code stays in the text.
    pub(super) fn from_outcome(outcome: &Outcome<'_>) -> Option<Self> {
        if let Some(ResponseCode::Capabilities(list)) = &outcome.code {
            return Some(Self::new(list));
        }
        let inner = outcome.information.as_deref()?.strip_prefix("[CAPABILITY ")?;
        let (list, _) = inner.split_once(']')?;
        Some(Self(list.split_ascii_whitespace().map(str::to_ascii_uppercase).collect()))
    }

    /// Whether the server announced `name` (capitals or not).
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_uppercase())
    }

    /// Every name, in capitals and sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a SASL mechanism is offered (RFC 3501 §6.2.2).
    pub fn auth(&self, mechanism: &str) -> bool {
        self.has(&format!("AUTH={mechanism}"))
    }

    /// RFC 2177: the server tells of changes by itself.
    pub fn idle(&self) -> bool {
        self.has("IDLE")
    }

    /// RFC 7162: modification sequences. QRESYNC includes it.
    pub fn condstore(&self) -> bool {
        self.has("CONDSTORE") || self.has("QRESYNC")
    }

    /// RFC 7162: what vanished since a modification sequence. It needs ENABLE.
    pub fn qresync(&self) -> bool {
        self.has("QRESYNC") && self.has("ENABLE")
    }

    /// RFC 5465: changes of several folders on one connection.
    pub fn notify(&self) -> bool {
        self.has("NOTIFY")
    }

    /// RFC 6154: which folder is Sent.
    pub fn special_use(&self) -> bool {
        self.has("SPECIAL-USE")
    }

    /// RFC 8474: identifiers that survive moves.
    pub fn objectid(&self) -> bool {
        self.has("OBJECTID")
    }

    /// RFC 4315: the UID of what was appended.
    pub fn uidplus(&self) -> bool {
        self.has("UIDPLUS")
    }

    /// RFC 6851: MOVE.
    pub fn r#move(&self) -> bool {
        self.has("MOVE")
    }

    /// RFC 2342: where others' and shared folders live.
    pub fn namespace(&self) -> bool {
        self.has("NAMESPACE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn reads_a_code_without_imap4rev1() {
        let outcome =
            Outcome { code: None, information: Some(Cow::Borrowed("[CAPABILITY IMAP4rev2 Idle AUTH=PLAIN] hi")) };
        let offered = Capabilities::from_outcome(&outcome).unwrap();
        assert!(offered.idle() && offered.auth("PLAIN") && !offered.condstore());
    }

    #[test]
    fn takes_qresync_for_condstore_but_needs_enable_to_use_it() {
        let offered = Capabilities::new(&[Capability::Atom(Cow::Borrowed("qresync"))]);
        assert!(offered.condstore());
        assert!(!offered.qresync());
    }
}
