//! What people do to the store itself, each an entry of the ledger: keys handed over, rows disposed of, persons
//! forgotten or shown, a backup restored.

use chrono::{DateTime, Utc};

use super::ledger::{Draft, Payload};
use super::names::names;

/// The most names that one entry lists: a longer list goes on in the next entry.
pub const NAMES_PER_ENTRY: usize = 500;

/// What a purge takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Addresses, names and subjects; the rows stay.
    Personal,
    /// The rows themselves; the ledger stays.
    Rows,
}

names!(Stage { Personal => "personal", Rows => "rows" });

/// What was purged, by the names that the ledger has for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// References of requests, letters and appointments.
    pub requests: Vec<String>,
    /// Digests of messages.
    pub messages: Vec<String>,
    /// Ids of mails.
    pub mails: Vec<String>,
}

impl Purged {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.messages.is_empty() && self.mails.is_empty()
    }

    /// The same in parts of at most [`NAMES_PER_ENTRY`] names of each kind.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let longest = self.requests.len().max(self.messages.len()).max(self.mails.len());
        let part = |names: &[String], from: usize| names.iter().skip(from).take(NAMES_PER_ENTRY).cloned().collect();
        let take = |from: usize| Self {
            requests: part(&self.requests, from),
            messages: part(&self.messages, from),
            mails: part(&self.mails, from),
        };
        (0..longest).step_by(NAMES_PER_ENTRY).map(take).collect()
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The first seal was made, or one in a folder that holds none.
    SealingBegun {
        /// The published form of the key that seals.
        key: String,
    },
    /// The key that seals gave way to the next one.
    KeyRotated {
        /// The published form of the old key.
        old: String,
        /// The published form of the new key.
        new: String,
    },
    /// The departmental archives allowed a disposal (Code du patrimoine, L212-2).
    DisposalApproved {
        /// The reference of their visa.
        visa: String,
        /// SHA-256 of the list that it covers, in hexadecimal.
        list: String,
        /// Requests on the list, letters and appointments included.
        requests: i64,
        /// Messages on the list that belong to none.
        messages: i64,
    },
    /// Something was purged.
    Purged {
        /// How much of it.
        stage: Stage,
        /// The reference of the visa.
        visa: String,
        /// What.
        purged: Purged,
    },
    /// A person was forgotten.
    PersonErased {
        /// The digest that stood for them.
        person: String,
        /// The number of the case that asked for it; never a name.
        case: String,
        /// Messages that they had sent.
        messages: i64,
        /// Letters and appointments of theirs that were emptied.
        items: i64,
    },
    /// Everything known of a person was shown to somebody.
    PersonShown {
        /// The digest that stands for them.
        person: String,
    },
    /// The store took no writing for a while: nothing was recorded meanwhile, and all of it afterwards.
    WritableAgain {
        /// Since when it took none.
        since: DateTime<Utc>,
        /// What the database said.
        cause: String,
    },
    /// The store was restored from a backup that ended here: what followed it is lost.
    Restored {
        /// The place of the backup's last entry.
        seq: i64,
        /// That entry's hash.
        hash: String,
    },
}

/// A deed, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// What was done.
    pub deed: Deed,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Custody {
    /// The entry's draft.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let by = Payload::new().text("by", &self.by);
        let (kind, payload) = match &self.deed {
            // The same key says the same, whoever it was: a key that begins twice has lost its seals.
            Deed::SealingBegun { key } => ("sealing_begun", Payload::new().text("key", key)),
            Deed::KeyRotated { old, new } => ("seal_key_rotated", by.text("old", old).text("new", new)),
            Deed::DisposalApproved { visa, list, requests, messages } => {
                let counted = by.int("requests", *requests).int("messages", *messages);
                ("disposal_approved", counted.text("visa", visa).text("list", list))
            }
            Deed::Purged { stage, visa, purged } => {
                let Purged { requests, messages, mails } = purged.clone();
                let named = by.list("requests", requests).list("messages", messages).list("mails", mails);
                ("purged", named.text("stage", stage.name()).text("visa", visa))
            }
            Deed::PersonErased { person, case, messages, items } => {
                let counted = by.int("messages", *messages).int("items", *items);
                ("person_erased", counted.text("person", person).text("case", case))
            }
            Deed::PersonShown { person } => ("personal_data_shown", by.text("person", person)),
            Deed::WritableAgain { since, cause } => {
                ("store_writable_again", by.instant("since", *since).text("cause", cause))
            }
            Deed::Restored { seq, hash } => ("store_restored", by.int("seq", *seq).text("hash", hash)),
        };
        Draft { occurred_at: self.at, kind, mailbox: None, request: None, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_goes_on_in_the_next_entry() {
        let requests: Vec<String> = (0..1_200).map(|n| format!("PAN-2026-{n:06}")).collect();
        let purged = Purged { requests: requests.clone(), messages: vec!["m".into()], mails: Vec::new() };
        let parts = purged.parts();
        assert_eq!(parts.iter().map(|part| part.requests.len()).collect::<Vec<_>>(), [500, 500, 200]);
        assert_eq!(parts.iter().map(|part| part.messages.len()).sum::<usize>(), 1);
        assert_eq!(parts.into_iter().flat_map(|part| part.requests).collect::<Vec<_>>(), requests);
    }
}
