//! Who asks, and what for: the policy's rules on the author's address, then words of the subject.

use super::address::Address;
use super::message::MessageFacts;
use super::policy::{MailboxPolicy, Nature, Requester};
use super::signs::folded;

/// Words that make a complaint of a message, without accents; endings are free.
const COMPLAINTS: &[&str] = &["reclamation", "plainte"];
/// Words that make a suggestion of a message.
const SUGGESTIONS: &[&str] = &["suggestion"];
/// What is a complaint to the police and none against the service.
const CRIMINAL: &[&str] =
    &["depot de plainte", "porter plainte", "plainte contre x", "recepisse de plainte", "plainte penale"];

/// Says who asks, what for, and the id of the rule that said what for (`subject_complaint`, `subject_suggestion`, the
/// policy rule's id, or `default`).
#[must_use]
pub fn requester_and_nature(facts: &MessageFacts, policy: &MailboxPolicy) -> (Requester, Nature, String) {
    let rule = asker(facts, policy).and_then(|address| policy.requester_rule(address));
    let requester = rule.map(|rule| rule.requester).unwrap_or_default();
    if let Some((nature, id)) = by_subject(&facts.subject) {
        return (requester, nature, id.to_owned());
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

fn by_subject(subject: &str) -> Option<(Nature, &'static str)> {
    let subject = folded(subject);
    let has = |words: &[&str]| {
        let mut spoken = subject.split(|c: char| !c.is_alphanumeric());
        spoken.any(|spoken| words.iter().any(|word| spoken == *word || spoken.strip_suffix('s') == Some(word)))
    };
    if has(COMPLAINTS) && !CRIMINAL.iter().any(|words| subject.contains(words)) {
        Some((Nature::Complaint, "subject_complaint"))
    } else if has(SUGGESTIONS) {
        Some((Nature::Suggestion, "subject_suggestion"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_subject_makes_a_complaint() {
        for (subject, expected) in [
            ("Réclamation", Some(Nature::Complaint)),
            ("Re: RECLAMATIONS sur l'accueil", Some(Nature::Complaint)),
            ("Plainte : délai de réponse", Some(Nature::Complaint)),
            ("Suggestions pour le site", Some(Nature::Suggestion)),
            ("Dépôt de plainte", None),
            ("Complainte", None),
            ("Titre de séjour", None),
        ] {
            assert_eq!(by_subject(subject).map(|(nature, _)| nature), expected, "{subject}");
        }
    }
}
