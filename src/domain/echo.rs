//! A responder that declares itself by no header: told by what it sends. It answers each of our acknowledgements from
//! the same domain, from the same or nearly the same address, under a subject that quotes the last one.
//!
//! A human who writes twice, or a hundred citizens of one provider who all write "Titre de séjour", are none. The address
//! must be near, and the message must answer ours (it names our reference or our mail), or quote two earlier subjects of
//! different lengths, each within the next, as only a responder's "Re: Re: Re:" does.

use super::address::Address;
use super::message::MessageFacts;
use super::policy::MailboxPolicy;
use super::signs;
use super::verdict::Reason;

/// How many messages of one domain are compared.
pub const MAX_RECENT: usize = 200;
/// How many earlier messages of the kind make a loop: at most two acknowledgements are ever given.
const ENOUGH: usize = 2;
/// How many characters two local parts may differ by.
const NEAR: usize = 2;

/// A message of the last day from the same domain, acknowledged or taken for a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// Who wrote it, in canonical form.
    pub address: String,
    /// Its subject.
    pub subject: String,
    /// Whether it was taken for a loop.
    pub looped: bool,
}

/// Whether a message that would be acknowledged to `to` is one more turn of a loop.
#[must_use]
pub fn looks_like_a_loop(
    facts: &MessageFacts,
    to: &Address,
    policy: &MailboxPolicy,
    recent: &[Recent],
) -> Option<Reason> {
    // A form or gateway writes for many, always from the same address.
    if recent.is_empty() || facts.reply_to.first().is_some_and(|reply_to| reply_to != to) {
        return None;
    }
    let (address, subject) = (to.canonical(), words(&facts.subject));
    // Our acknowledgement shortens the subject that it quotes: who names our reference answers it, whatever remains.
    let names_us = signs::names_our_reference(&facts.subject, policy);
    // A requester who answers our reply is a human; one under another name than a minute ago is not.
    let answers = names_our_mail(facts, policy);
    let (mut turns, mut looped) = (Vec::new(), false);
    for earlier in recent.iter().rev().take(MAX_RECENT) {
        let before = words(&earlier.subject);
        let told = names_us
            || (answers && earlier.address != address)
            || (grown(&subject, &before) && !turns.contains(&before))
            || (earlier.looped && subject == before);
        if told && near(&address, &earlier.address) {
            looped |= earlier.looped;
            turns.push(before);
        }
    }
    (looped || turns.len() >= ENOUGH)
        .then(|| Reason::with("looks_like_a_loop", format!("{} alike within a day", turns.len())))
}

/// Whether a message answers a mail of the mailbox: its Message-IDs lie in the mailbox's own domain.
fn names_our_mail(facts: &MessageFacts, policy: &MailboxPolicy) -> bool {
    facts.ancestors().any(|id| id.rsplit_once('@').is_some_and(|(_, domain)| domain == policy.address.domain()))
}

/// The words and signs of a subject, folded, without those that hold a digit: numbers change from one turn to the next,
/// and from one citizen's file to the next.
fn words(subject: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in signs::folded(subject).chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        if !word.is_empty() && !word.chars().any(char::is_numeric) {
            words.push(std::mem::take(&mut word));
        }
        word.clear();
        if !c.is_whitespace() {
            words.push(c.to_string());
        }
    }
    words
}

/// Whether one subject holds the other, and says more.
fn grown(now: &[String], before: &[String]) -> bool {
    now.len() > before.len() && !before.is_empty() && now.windows(before.len()).any(|window| window == before)
}

/// Whether two addresses of one domain differ by a few characters, or by numbers only.
fn near(a: &str, b: &str) -> bool {
    let local = |address: &str| address.rsplit_once('@').map_or_else(String::new, |(local, _)| local.to_owned());
    let letters = |local: &str| local.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let (a, b) = (local(a), local(b));
    let (only_a, only_b) = (letters(&a), letters(&b));
    (!only_a.is_empty() && only_a == only_b) || distance(&a, &b) <= NEAR
}

/// The edit distance of two texts, or more than [`NEAR`] where their lengths already say so (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > NEAR {
        return NEAR + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for ((y, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(row.iter()) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above + 1).min(left + 1).min(diagonal + usize::from(x != y)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(address: &str, subject: &str) -> Recent {
        Recent { address: address.into(), subject: subject.into(), looped: false }
    }

    #[test]
    fn measures_how_far_two_addresses_are() {
        assert_eq!(distance("robot", "robot"), 0);
        assert_eq!(distance("robot", "robots"), 1);
        assert_eq!(distance("robot", "rabat"), 2);
        assert!(distance("alice", "bernard") > NEAR);
        assert!(near("robot1@x.org", "robot998@x.org") && !near("accueil@x.org", "contact@x.org"));
    }

    #[test]
    fn a_subject_grows_by_words_and_signs_but_not_by_numbers() {
        let grows = |now: &str, before: &str| grown(&words(now), &words(before));
        assert!(grows("Re: Été", "ete") && grows("Absence !!", "Absence !"));
        assert!(!grows("Demande 123", "Demande 12") && !grows("Dossier a1b", "Dossier") && !grows("Titre", ""));
    }

    fn judged(subject: &str, recent: &[Recent]) -> bool {
        let facts = MessageFacts { subject: subject.into(), ..MessageFacts::default() };
        looks_like_a_loop(&facts, &Address::literal("robot-c", "x.org"), &policy(), recent).is_some()
    }

    #[test]
    fn a_subject_that_grows_from_a_near_address_is_a_loop_from_the_third_on() {
        let (first, second) = (recent("robot-a@x.org", "Absence"), recent("robot-b@x.org", "Auto: Absence"));
        assert!(!judged("Auto: Auto: Absence", std::slice::from_ref(&first)));
        assert!(judged("Auto: Auto: Absence", &[first.clone(), second.clone()]));
        assert!(judged("Auto: Absence", &[Recent { looped: true, ..first.clone() }]), "once a loop, always a loop");
        let others = [recent("jean.dupont@x.org", "Absence"), second];
        assert!(!judged("Auto: Auto: Absence", &others));
    }

    #[test]
    fn an_answer_to_our_own_mail_from_a_near_address_is_a_loop_whatever_its_subject() {
        let mut facts = MessageFacts { subject: "Absence".into(), ..MessageFacts::default() };
        let to = Address::literal("robot-c", "x.org");
        let earlier = [recent("robot-a@x.org", "Absence"), recent("robot-b@x.org", "Absence")];
        assert_eq!(looks_like_a_loop(&facts, &to, &policy(), &earlier), None);
        facts.in_reply_to = vec!["0123@ain.example".to_owned()];
        assert!(looks_like_a_loop(&facts, &to, &policy(), &earlier).is_some());
    }

    #[test]
    fn numbered_citizens_of_one_domain_are_no_loop() {
        let earlier: Vec<Recent> =
            (0..200).map(|n| recent(&format!("usager{n}@x.org"), &format!("Demande {n}"))).collect();
        let facts = MessageFacts { subject: "Demande 200".into(), ..MessageFacts::default() };
        assert_eq!(looks_like_a_loop(&facts, &Address::literal("usager200", "x.org"), &policy(), &earlier), None);
    }

    #[test]
    fn a_human_who_writes_the_same_again_is_no_loop() {
        let facts = MessageFacts { subject: "Rendez-vous".into(), ..MessageFacts::default() };
        let to = Address::literal("alice", "x.org");
        let same = vec![recent("alice@x.org", "Rendez-vous"); 5];
        assert_eq!(looks_like_a_loop(&facts, &to, &policy(), &same), None);
    }

    fn policy() -> MailboxPolicy {
        crate::domain::policy::tests::policy()
    }
}
