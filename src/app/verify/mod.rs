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
mod sheet;
mod tables;

use self::chain::Chain;
use self::fold::Fold;
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
}

/// Walks the whole ledger, holds it against seals that were kept elsewhere, and the tables against it.
pub async fn verify(store: &Store, seals: &[Seal]) -> Result<Verification> {
    let mut snapshot = store.snapshot().await?;
    let (mut chain, mut fold) = (Chain::new(seals), Fold::default());
    let mut fault = walk(&mut snapshot, &mut chain, &mut fold).await?;
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
    })
}

/// Reads every entry in its order; the first that cannot be believed ends the walk.
async fn walk(snapshot: &mut Snapshot, chain: &mut Chain, fold: &mut Fold) -> Result<Option<String>> {
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
        }
    }
}
