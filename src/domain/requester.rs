//! Who asks, and what for: the policy's rules on the author's address, then those on words.

use super::address::Address;
use super::message::MessageFacts;
use super::nature::Asked;
use super::policy::{MailboxPolicy, Nature, Requester};

/// Says who asks, what for, and the id of the rule that said what for (`subject_complaint`, `subject_suggestion`, the
/// policy rule's id, or `default`).
#[must_use]
pub fn requester_and_nature(facts: &MessageFacts, policy: &MailboxPolicy) -> (Requester, Nature, String) {
    let rule = asker(facts, policy).and_then(|address| policy.requester_rule(address));
    let requester = rule.map(|rule| rule.requester).unwrap_or_default();
    let first_lines = facts.first_lines.as_deref();
    let asked = Asked { subject: &facts.subject, first_lines, requester, mailbox: &policy.name };
    if let Some(said) = policy.natures.iter().find(|rule| rule.holds(asked)) {
        return (requester, said.nature, said.id.clone());
    }
    match rule {
        Some(rule) => (requester, rule.nature.unwrap_or(policy.default_nature), rule.id.clone()),
        None => (requester, policy.default_nature, "default".to_owned()),
    }
}

/// The address of the person who asks: the author, or the Reply-To of a form that writes in our name.
#[must_use]
pub fn asker<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f Address> {
    on_behalf(facts, policy).or_else(|| facts.author())
}

/// The outside address for which one of our own addresses writes: a contact form sends From the mailbox, with the
/// citizen in Reply-To.
pub(super) fn on_behalf<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f Address> {
    let inside = |address: &Address| policy.is_ours(address) || policy.is_internal(address);
    facts.author().filter(|author| inside(author))?;
    facts.reply_to.first().filter(|reply_to| !inside(reply_to))
}
