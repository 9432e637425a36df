//! Mail addresses, parsed at the edge and compared the way mail servers compare them.

use std::fmt;

/// The longest address that SMTP can carry (RFC 5321 §4.5.3.1: 64 + 1 + 255 octets).
const MAX_ADDRESS_OCTETS: usize = 320;

/// An address `local@domain`: the domain in lower case, in ASCII (IDNA A-labels, RFC 5891); the local part as written.
///
/// Two addresses are equal when they match without regard to ASCII case: RFC 5321 §2.4 lets a local part be
/// case-sensitive, no mail service of the field makes it so, and an unequal twin would be a second acknowledgement.
#[derive(Debug, Clone)]
pub struct Address {
    local: String,
    domain: String,
}

impl Address {
    /// Parses `local@domain`, without display name or brackets. `None` where it cannot be a deliverable address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS_OCTETS {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        if local.is_empty()
            || local.chars().any(|c| c.is_control() || c.is_whitespace() || "<>()[],;:\"@\\".contains(c))
        {
            return None;
        }
        let domain = idna::domain_to_ascii(domain.trim_end_matches('.')).ok()?;
        let labels_fit = domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
        (labels_fit && domain.len() <= 255).then(|| Self { local: local.to_owned(), domain })
    }

    /// An address written in the source itself: nothing is checked in a release.
    #[must_use]
    pub fn literal(local: &str, domain: &str) -> Self {
        debug_assert!(Self::parse(&format!("{local}@{domain}")).is_some(), "{local}@{domain} is no address");
        Self { local: local.to_owned(), domain: domain.to_owned() }
    }

    /// The part before the `@`, as its owner writes it.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain in lower-case ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The form under which addresses are compared, stored and digested: all lower case.
    #[must_use]
    pub fn canonical(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }

    /// Whether the domain is `parent` or lies below it (`ain.gouv.fr` lies in `gouv.fr`).
    #[must_use]
    pub fn is_in_domain(&self, parent: &str) -> bool {
        let parent = parent.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        self.domain == parent || self.domain.strip_suffix(&parent).is_some_and(|head| head.ends_with('.'))
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        let same_local = || {
            self.local.eq_ignore_ascii_case(&other.local)
                || (!self.local.is_ascii() && self.local.to_lowercase() == other.local.to_lowercase())
        };
        self.domain == other.domain && same_local()
    }
}

impl Eq for Address {}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_without_regard_to_case() {
        assert_eq!(Address::parse("Pref-PAN@Ain.Gouv.fr"), Address::parse("pref-pan@ain.gouv.fr"));
    }

    #[test]
    fn keeps_an_international_domain_in_ascii() {
        let address = Address::parse("mairie@préfecture.example").map(|a| a.to_string());
        assert_eq!(address.as_deref(), Some("mairie@xn--prfecture-c4a.example"));
    }

    #[test]
    fn refuses_what_cannot_be_delivered() {
        for text in ["", "alice", "@example.org", "a b@example.org", "alice@", "alice@-x.org", "a@b..c", "<a@b.c>"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_domain_contains_only_its_own_subdomains() {
        let address = Address::parse("x@sub.ain.gouv.fr").expect("valid");
        assert!(address.is_in_domain("ain.gouv.fr"));
        assert!(address.is_in_domain("*.gouv.fr"));
        assert!(!address.is_in_domain("in.gouv.fr"));
    }
}
