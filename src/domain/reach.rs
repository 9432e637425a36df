//! Whether mail reaches a correspondent. A delivery report marks the address as undeliverable; the mark never stays for
//! ever, for a mailbox that was full today is not full next week.

use chrono::{DateTime, Utc};

use super::message::MessageFacts;
use super::policy::MailboxPolicy;

/// Why an address is believed to be deliverable again, on a message that comes from it; `None` where it is not.
///
/// A message alone proves nothing: its From may be forged, and then each acknowledgement bounces again. One that names a
/// mail of ours shows that our mail was read there; one that its domain vouches for (DMARC, by a server that we trust)
/// comes from there; and after a while an acknowledgement is worth another try.
#[must_use]
pub fn regained(
    facts: &MessageFacts,
    policy: &MailboxPolicy,
    undeliverable_since: DateTime<Utc>,
    received_at: DateTime<Utc>,
) -> Option<&'static str> {
    let after = received_at.signed_duration_since(undeliverable_since);
    if after <= chrono::TimeDelta::zero() {
        return None;
    }
    let ours = |id: &str| id.rsplit_once('@').is_some_and(|(_, domain)| domain == policy.address.domain());
    if facts.ancestors().any(ours) {
        Some("answers_our_mail")
    } else if vouched_for(facts, policy) {
        Some("authenticated_sender")
    } else if after >= policy.limits.undeliverable_for {
        Some("undeliverable_long_ago")
    } else {
        None
    }
}

/// Whether a trusted server says that the author's domain stands behind the message (RFC 7489).
fn vouched_for(facts: &MessageFacts, policy: &MailboxPolicy) -> bool {
    let trusted = |server: &str| policy.trusted_servers.iter().any(|own| own.eq_ignore_ascii_case(server));
    facts.trust.dmarc.iter().find(|(server, _)| trusted(server)).is_some_and(|(_, result)| result == "pass")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::policy::tests::policy;

    #[test]
    fn a_mark_is_lifted_by_proof_or_by_time_and_by_nothing_else() {
        let mut policy = policy();
        policy.trusted_servers = vec!["mx.ain.example".to_owned()];
        let since = DateTime::UNIX_EPOCH;
        let plain = MessageFacts::default();
        let answers = MessageFacts { in_reply_to: vec!["0123@ain.example".to_owned()], ..MessageFacts::default() };
        let dmarc = |server: &str, result: &str| {
            let mut facts = MessageFacts::default();
            facts.trust.dmarc = vec![(server.to_owned(), result.to_owned())];
            facts
        };
        for (facts, hours, expected) in [
            (&plain, 1, None),
            (&plain, 23, None),
            (&plain, 24, Some("undeliverable_long_ago")),
            (&answers, 1, Some("answers_our_mail")),
            (&answers, -1, None),
            (&dmarc("mx.ain.example", "pass"), 1, Some("authenticated_sender")),
            (&dmarc("mx.ain.example", "fail"), 1, None),
            (&dmarc("elsewhere.example", "pass"), 1, None),
        ] {
            let at = since + TimeDelta::hours(hours);
            assert_eq!(regained(facts, &policy, since, at), expected, "{hours} h");
        }
    }
}
