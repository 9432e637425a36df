//! The chain itself: each entry follows from the one before, and each seal names the entry that stands at its place.

use std::collections::HashMap;

use crate::domain::ledger::{Fault, Head, LedgerEntry};
use crate::domain::seal::Seal;

/// A walk over the entries, from the first.
#[derive(Debug, Clone)]
pub struct Chain {
    /// What seals say: the hash of the entry at a place.
    seals: HashMap<i64, String>,
    /// Two seals of one place that say different things.
    torn: Option<i64>,
    reached: Head,
}

impl Chain {
    /// A walk that has to pass through every seal.
    #[must_use]
    pub fn new(seals: &[Seal]) -> Self {
        let (mut known, mut torn): (HashMap<i64, String>, _) = (HashMap::new(), None);
        for seal in seals {
            let earlier = known.insert(seal.head.seq, seal.head.hash.clone());
            if earlier.is_some_and(|hash| hash != seal.head.hash) {
                torn = torn.or(Some(seal.head.seq));
            }
        }
        Self { seals: known, torn, reached: Head::default() }
    }

    /// The last entry that was believed.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.reached
    }

    /// How many of the entries that were believed a seal covers.
    #[must_use]
    pub fn sealed(&self) -> i64 {
        self.seals.keys().copied().filter(|seq| *seq <= self.reached.seq).max().unwrap_or_default()
    }

    /// Takes the next entry; what is wrong with it, where it cannot be believed.
    pub fn step(&mut self, entry: &LedgerEntry) -> Result<(), String> {
        self.follow(entry).map_err(|fault| fault.to_string())?;
        if self.seals.get(&entry.seq).is_some_and(|sealed| *sealed != entry.hash) {
            return Err(format!("entry {} is not the one that was sealed: the ledger was written anew", entry.seq));
        }
        self.reached.seq = entry.seq;
        self.reached.hash.clone_from(&entry.hash);
        Ok(())
    }

    fn follow(&self, entry: &LedgerEntry) -> Result<(), Fault> {
        let expected = self.reached.seq + 1;
        if entry.seq != expected {
            return Err(Fault::Place { expected, found: entry.seq });
        }
        if entry.previous != self.reached.hash {
            return Err(Fault::Link { seq: entry.seq });
        }
        if entry.expected_hash() != entry.hash {
            return Err(Fault::Content { seq: entry.seq });
        }
        Ok(())
    }

    /// Ends the walk: no seal may cover more than there is, and the head has to name the last entry.
    pub fn end(&self, head: &Head) -> Result<(), String> {
        let reached = self.reached.seq;
        if let Some(seq) = self.torn {
            return Err(format!("two seals of entry {seq} differ: the ledger was written twice"));
        }
        if self.seals.get(&0).is_some_and(|hash| *hash != Head::default().hash) {
            return Err("a seal of an empty ledger names an entry".to_owned());
        }
        if let Some(beyond) = self.seals.keys().copied().filter(|seq| *seq > reached).max() {
            return Err(format!(
                "a seal covers {beyond} entries, and there are {reached}: entries were cut off, or an older backup restored"
            ));
        }
        if *head != self.reached {
            return Err(format!(
                "the ledger ends at entry {reached} but its head says {}: entries were cut off or added",
                head.seq
            ));
        }
        Ok(())
    }
}
