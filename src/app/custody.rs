//! What people do to the store itself, written down.

use chrono::{DateTime, Utc};

use super::Result;
use crate::domain::custody::{Custody, Deed};
use crate::domain::event::Event;
use crate::domain::ledger::Head;
use crate::store::Store;

/// Writes down a deed that changes no table; the ledger's head with it.
pub async fn record(store: &Store, deed: Deed, by: &str, now: DateTime<Utc>) -> Result<Head> {
    let mut turn = store.begin().await?;
    turn.write_down(&Event::Custody(Box::new(Custody { deed, by: by.to_owned(), at: now })), now);
    let head = turn.head().clone();
    turn.commit().await?;
    Ok(head)
}
