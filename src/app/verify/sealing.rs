//! What the entries say of the sealing itself: whoever loses every seal, or takes them away, is found by the ledger.

use std::collections::HashSet;

use crate::domain::ledger::LedgerEntry;
use crate::domain::seal::Seal;

/// When sealing began, as the entries tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealing {
    /// The last entry that began to seal into an empty folder, or handed the key over.
    begun: Option<i64>,
    /// The keys with which it began.
    keys: HashSet<String>,
    /// The last entry at which it began again with a key that had sealed before.
    again: Option<i64>,
}

impl Sealing {
    /// Takes the next entry in.
    pub(super) fn take(&mut self, entry: &LedgerEntry) {
        match entry.kind.as_str() {
            "seal_key_rotated" => self.begun = Some(entry.seq),
            "sealing_begun" => {
                self.begun = Some(entry.seq);
                if !self.keys.insert(entry.payload.clone()) {
                    self.again = Some(entry.seq);
                }
            }
            _ => {}
        }
    }

    /// What is wrong where the ledger says that it was sealed, and none of the seals reaches that entry.
    pub(super) fn fault(&self, seals: &[Seal]) -> Option<String> {
        let begun = self.begun?;
        let reached = seals.iter().map(|seal| seal.head.seq).max().unwrap_or_default();
        (reached < begun).then(|| {
            format!(
                "the ledger was sealed at entry {begun}, and no seal that is here reaches it: the folder of seals was \
                 emptied, or is another one"
            )
        })
    }

    /// The entry at which sealing began again although the same key had sealed before: its seals were lost.
    #[must_use]
    pub fn again(&self) -> Option<i64> {
        self.again
    }
}
