//! A responder that declares itself by no header: told by what it sends. It answers each of our acknowledgements from
//! the same domain, from the same or nearly the same address, under a subject that quotes the last one.
//!
//! A human who writes twice, or ten citizens of one provider who all write "Titre de séjour", are none: the address must
//! be near *and* the subject akin, twice over, and an unchanged address must have grown its subject at the front as
//! responders do ("Automated Response: Re: …"), or name the reference that our acknowledgement gave.

use super::address::Address;
use super::message::MessageFacts;
use super::policy::MailboxPolicy;
use super::signs;
use super::verdict::Reason;

/// How many messages of one domain are compared.
pub const MAX_RECENT: usize = 200;
/// How many acknowledged messages of the kind make a loop: at most two acknowledgements are ever given.
const ENOUGH: usize = 2;
/// How many characters two local parts may differ by.
const NEAR: usize = 2;
/// The shortest subject, in letters, that proves something by being quoted.
const SHORTEST_QUOTE: usize = 3;

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
    let (address, subject) = (to.canonical(), core(&facts.subject));
    let quotes_us = signs::names_our_reference(&facts.subject, policy);
    let turns = recent.iter().take(MAX_RECENT).filter(|earlier| {
        let before = core(&earlier.subject);
        let changed = earlier.address != address;
        let grown = subject.len() > before.len() && subject.ends_with(&before);
        // Our acknowledgement shortens the subject that it quotes: who names our reference answers it, whatever remains.
        (quotes_us || (akin(&subject, &before) && (changed || grown))) && near(&address, &earlier.address)
    });
    let (mut acknowledged, mut looped) = (0, 0);
    for turn in turns {
        if turn.looped { looped += 1 } else { acknowledged += 1 }
    }
    (acknowledged >= ENOUGH || looped > 0)
        .then(|| Reason::with("looks_like_a_loop", format!("{} alike within a day", acknowledged + looped)))
}

/// The letters of a subject, folded, words separated by one space: numbers change from one turn to the next.
fn core(subject: &str) -> String {
    let folded = signs::folded(subject);
    let words = folded.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Whether one subject quotes the other, or both are empty.
fn akin(a: &str, b: &str) -> bool {
    let shorter = a.len().min(b.len());
    a == b || (shorter >= SHORTEST_QUOTE && (a.contains(b) || b.contains(a)))
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
    fn a_subject_is_compared_by_its_letters() {
        assert_eq!(core("RE: [Ticket 12] Été…"), core("Re [ticket 13] ete"));
        assert!(akin("automated response re titre", "titre") && !akin("titre", "passeport") && akin("", ""));
    }

    #[test]
    fn a_near_address_with_an_akin_subject_is_a_loop_from_the_third_on() {
        let facts = MessageFacts { subject: "Auto: Auto: Absence".into(), ..MessageFacts::default() };
        let to = Address::literal("robot-c", "x.org");
        let judged = |recent: &[Recent]| looks_like_a_loop(&facts, &to, &policy(), recent).is_some();
        let first = recent("robot-a@x.org", "Absence");
        assert!(!judged(std::slice::from_ref(&first)));
        assert!(judged(&[first.clone(), recent("robot-b@x.org", "Auto: Absence")]));
        assert!(judged(&[Recent { looped: true, ..first.clone() }]), "once a loop, always a loop");
        assert!(!judged(&[first.clone(), recent("jean.dupont@x.org", "Absence")]));
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
