//! Who asks, and what for: the policy's rules on the author's address, then those on words.

use super::address::Address;
use super::message::MessageFacts;
use super::nature::Asked;
use super::policy::{MailboxPolicy, Nature, Requester};
use super::signs::failed_authentication;

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

/// The display name of the person who asks.
#[must_use]
pub fn asker_name<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f str> {
    let name = if on_behalf(facts, policy).is_some() { &facts.reply_to_name } else { &facts.from_name };
    name.as_deref()
}

/// The outside address for which a contact form or one of our own addresses writes: a form sends From the mailbox, or
/// from its own address, with the citizen in Reply-To.
pub(super) fn on_behalf<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f Address> {
    let inside = |address: &Address| policy.is_ours(address) || policy.is_internal(address);
    facts.author().filter(|author| inside(author) || policy.is_form(author))?;
    facts.reply_to.first().filter(|reply_to| !inside(reply_to) && !policy.is_form(reply_to))
}

/// The citizen for whom a configured contact form writes, unless the form's domain disowns the message: then anyone
/// may have written it, to have us write to anyone.
pub(super) fn form_user<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f Address> {
    facts.author().filter(|author| policy.is_form(author))?;
    on_behalf(facts, policy).filter(|_| failed_authentication(facts, policy).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::tests::policy;

    #[test]
    fn the_user_of_a_form_is_named_as_reply_to_names_him() {
        let mut policy = policy();
        let mut facts = MessageFacts {
            from: vec![Address::literal("noreply", "site.example")],
            from_name: Some("Site".to_owned()),
            reply_to: vec![Address::literal("odile", "example.org")],
            reply_to_name: Some("Odile".to_owned()),
            ..MessageFacts::default()
        };
        assert_eq!(asker_name(&facts, &policy), Some("Site"), "an unknown sender is the author");
        policy.form_senders = vec!["noreply@site.example".to_owned()];
        assert_eq!(asker_name(&facts, &policy), Some("Odile"));
        assert_eq!(form_user(&facts, &policy), facts.reply_to.first());
        policy.trusted_servers = vec!["mx.ain.example".to_owned()];
        facts.trust.dmarc = vec![("mx.ain.example".to_owned(), "fail".to_owned())];
        assert_eq!(form_user(&facts, &policy), None, "a forged form has us write to nobody");
    }
}
