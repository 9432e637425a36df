//! Which request a message belongs to.
//!
//! Only Message-IDs tell: In-Reply-To and References that name the request, a message already attached to it, or our
//! acknowledgement. Deliberately absent: threading what comes in on the subject or on Thread-Index alone, which mixes up
//! strangers who write "Demande de rendez-vous" on the same day. What *our side* sends to a requester is linked by recipient
//! and subject too ([`super::same_subject`]), as a guess that an agent confirms or denies.

use super::message::MessageFacts;
use super::request::RequestId;

/// How many ancestors of one message are looked up: a longer References header is noise or an attack.
pub const MAX_ANCESTORS: usize = 50;

/// The Message-IDs that a message answers, nearest first, without repetition, at most [`MAX_ANCESTORS`].
#[must_use]
pub fn ancestors(facts: &MessageFacts) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for id in facts.ancestors() {
        if found.len() >= MAX_ANCESTORS {
            break;
        }
        if !id.is_empty() && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// The request of the nearest ancestor that is known.
#[must_use]
pub fn belongs_to(facts: &MessageFacts, known: impl Fn(&str) -> Option<RequestId>) -> Option<RequestId> {
    ancestors(facts).into_iter().find_map(known)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn facts(in_reply_to: &[&str], references: &[&str]) -> MessageFacts {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        MessageFacts { in_reply_to: owned(in_reply_to), references: owned(references), ..MessageFacts::default() }
    }

    #[test]
    fn the_nearest_known_ancestor_wins() {
        let table = HashMap::from([("old", RequestId(1)), ("new", RequestId(2))]);
        let known = |id: &str| table.get(id).copied();
        assert_eq!(belongs_to(&facts(&["unseen"], &["old", "new"]), known), Some(RequestId(2)));
        assert_eq!(belongs_to(&facts(&["old"], &["old", "new"]), known), Some(RequestId(1)));
        assert_eq!(belongs_to(&facts(&["unseen"], &[]), known), None);
    }

    #[test]
    fn an_endless_references_header_is_cut() {
        let many: Vec<String> = (0..5_000).map(|n| format!("id{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(ancestors(&facts(&[], &many)).len(), MAX_ANCESTORS);
    }
}
