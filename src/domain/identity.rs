//! What makes a message the one it is, wherever it lies (DESIGN §3).
//!
//! The Message-ID with author and date, so that two different messages under one careless Message-ID stay two; without
//! a Message-ID the whole header block, with the server's date where no server on the way has stamped it. A message whose
//! header cannot be read is known by what the server says of it. (UIDVALIDITY, UID) locates and never identifies.

use sha2::{Digest as _, Sha256};

use super::ledger::hex;
use super::message::{Defect, MessageFacts};
use super::receipt::Times;

/// The digest that stands for a message, in hexadecimal.
#[must_use]
pub fn identity(facts: &MessageFacts, times: &Times) -> String {
    let mut hasher = Sha256::new();
    // Of several Message-IDs none can be believed.
    let believed = facts.message_id.as_ref().filter(|_| !facts.has(Defect::DuplicateMessageId));
    if let Some(id) = believed {
        hasher.update(b"message-id\0");
        hasher.update(id);
        hasher.update([0]);
        hasher.update(facts.author().map_or_else(String::new, super::address::Address::canonical));
        hasher.update([0]);
        hasher.update(facts.date.map_or(0, |date| date.timestamp()).to_be_bytes());
    } else {
        hasher.update(b"header\0");
        hasher.update(facts.header_digest);
        // A Received header is made once, for one delivery: with it the block is the message's own, whatever date a mail
        // client gives to it when it puts it elsewhere. Without one the same words may well be said twice.
        if facts.received.is_none() {
            hasher.update(times.internal_date.map_or(0, |date| date.timestamp()).to_be_bytes());
        }
    }
    hex(&hasher.finalize())
}

/// The digest that stands for a message of which the server gives no header: several of one mailbox may share it, and are
/// told apart as appearances.
#[must_use]
pub fn unreadable(mailbox: &str, size: u64, times: &Times) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"unreadable\0");
    hasher.update(mailbox);
    hasher.update([0]);
    hasher.update(size.to_be_bytes());
    hasher.update(times.internal_date.map_or(0, |date| date.timestamp()).to_be_bytes());
    hex(&hasher.finalize())
}

/// The digest that stands for another appearance of a known message, at a place of its own.
#[must_use]
pub fn appearance(identity: &str, place: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"appearance\0");
    hasher.update(identity);
    for part in place {
        hasher.update([0]);
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::domain::address::Address;

    fn facts(id: Option<&str>, from: &str) -> MessageFacts {
        MessageFacts {
            message_id: id.map(str::to_owned),
            from: Address::parse(from).into_iter().collect(),
            header_digest: [7; 32],
            ..MessageFacts::default()
        }
    }

    fn times(second: i64) -> Times {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        Times { internal_date: Some(at), received: None, date: None, observed_at: at }
    }

    #[test]
    fn a_message_is_the_same_wherever_and_whenever_it_was_stored() {
        let message = facts(Some("a@x"), "alice@example.org");
        assert_eq!(identity(&message, &times(1)), identity(&message, &times(99)));
    }

    #[test]
    fn two_authors_under_one_message_id_are_two_messages() {
        let alice = identity(&facts(Some("a@x"), "alice@example.org"), &times(1));
        assert_ne!(alice, identity(&facts(Some("a@x"), "bob@example.org"), &times(1)));
    }

    #[test]
    fn without_a_message_id_the_headers_and_the_second_identify() {
        let message = facts(None, "alice@example.org");
        assert_eq!(identity(&message, &times(1)), identity(&message, &times(1)));
        assert_ne!(identity(&message, &times(1)), identity(&message, &times(2)));
    }

    #[test]
    fn a_server_s_stamp_identifies_whatever_date_the_message_is_stored_under() {
        let stamped = MessageFacts { received: Some(DateTime::UNIX_EPOCH), ..facts(None, "alice@example.org") };
        assert_eq!(identity(&stamped, &times(1)), identity(&stamped, &times(2)));
    }

    #[test]
    fn what_cannot_be_read_is_one_message_per_mailbox_date_and_size() {
        assert_eq!(unreadable("a", 5, &times(1)), unreadable("a", 5, &times(1)));
        for other in [unreadable("b", 5, &times(1)), unreadable("a", 6, &times(1)), unreadable("a", 5, &times(2))] {
            assert_ne!(unreadable("a", 5, &times(1)), other);
        }
    }
}
