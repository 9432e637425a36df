//! The ledger's second reader: it walks the chain by itself and shares only the canonical encoding with the writer.
//!
//! Four things are checked, in this order: that the chain is whole and passes through every seal ([`chain`]), that no
//! seal covers more than there is, that it ends where the head says, and that the tables which people query are what the
//! entries say ([`fold`], [`tables`]). All is read in one snapshot: the daemon may go on writing.
//!
//! A new kind of entry that changes a table is one arm in [`fold::Fold::take`]; a new column of a table is one name in
//! its sheet there, and one value in [`tables`]. What is not compared, and why, stands in `tests/ledger_tables.rs`, which
//! tries every column of every table.

pub mod chain;
mod fold;
pub mod sealing;
mod sheet;
mod tables;

use self::chain::Chain;
use self::fold::Fold;
use self::sealing::Sealing;
use super::Result;
use crate::domain::seal::Seal;
use crate::store::{Snapshot, Store};

/// What the verification found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// Entries read and believed.
    pub entries: i64,
    /// The hash of the last of them, in hexadecimal.
    pub head: String,
    /// Entries covered by a seal.
    pub sealed: i64,
    /// Whether nothing was found.
    pub ok: bool,
    /// The first fault, in words; `null` where there is none.
    pub first_fault: Option<String>,
    /// What is no fault and has to be known, in words; `null` where there is nothing.
    pub warning: Option<String>,
    /// What the entries say of the sealing.
    #[serde(skip)]
    pub sealing: Sealing,
}

/// What a chain without any seal does not prove.
const NO_SEAL: &str =
    "no seal covers this ledger: the chain is whole, but nothing excludes that all of it was written anew";

impl Verification {
    /// What is said where a seal, a stamp or the ledger itself cannot be read: nothing was verified, and no head is named.
    #[must_use]
    pub fn impossible(why: &str) -> Self {
        Self {
            entries: 0,
            head: String::new(),
            sealed: 0,
            ok: false,
            first_fault: Some(why.to_owned()),
            warning: None,
            sealing: Sealing::default(),
        }
    }

    /// Holds the ledger against the seals that are here: the ledger itself says whether there have to be any, and whoever
    /// gives a key (`by_key`) expects that something is signed with it.
    #[must_use]
    pub fn demanding(mut self, seals: &[Seal], by_key: bool) -> Self {
        let unsigned = || {
            (by_key && seals.is_empty()).then(|| "nothing is signed, so nothing is proven: no seal is here".to_owned())
        };
        self.first_fault = self.first_fault.or_else(|| self.sealing.fault(seals)).or_else(unsigned);
        self.ok = self.first_fault.is_none();
        let lost =
            |seq| format!("sealing began again at entry {seq}, in a folder without the earlier seals of the same key");
        let unsealed = || (self.ok && self.sealed == 0 && self.entries > 0).then(|| NO_SEAL.to_owned());
        self.warning = self.sealing.again().map(lost).or_else(unsealed);
        self
    }
}

/// Walks the whole ledger, holds it against seals that were kept elsewhere, and the tables against it.
pub async fn verify(store: &Store, seals: &[Seal]) -> Result<Verification> {
    let mut snapshot = store.snapshot().await?;
    let (mut chain, mut fold, mut sealing) = (Chain::new(seals), Fold::default(), Sealing::default());
    let mut fault = walk(&mut snapshot, &mut chain, &mut fold, &mut sealing).await?;
    if fault.is_none() {
        fault = chain.end(&snapshot.head().await?).err();
    }
    if fault.is_none() {
        fault = tables::compare(&mut snapshot, &mut fold).await?;
    }
    let reached = chain.head();
    Ok(Verification {
        entries: reached.seq,
        head: reached.hash.clone(),
        sealed: chain.sealed(),
        ok: fault.is_none(),
        first_fault: fault,
        warning: None,
        sealing,
    })
}

/// Reads every entry in its order; the first that cannot be believed ends the walk.
async fn walk(
    snapshot: &mut Snapshot,
    chain: &mut Chain,
    fold: &mut Fold,
    sealing: &mut Sealing,
) -> Result<Option<String>> {
    if snapshot.entries_before_the_first().await? > 0 {
        return Ok(Some("an entry stands before the first".to_owned()));
    }
    loop {
        let page = snapshot.ledger_after(chain.head().seq).await?;
        if page.is_empty() {
            return Ok(None);
        }
        for entry in &page {
            if let Err(fault) = chain.step(entry).and_then(|()| fold.take(entry)) {
                return Ok(Some(fault));
            }
            sealing.take(entry);
        }
    }
}
