//! The ledger as lines of text that a reader without vigie can check: `HASH ENTRY`, the entry in its canonical bytes.
//!
//! The hash of a line is SHA-256 of the bytes behind the first space. In the occulted form (CRPA L311-6, L311-7) what
//! names a person is left out of the entry: its line reads `HASH~ENTRY`, and only its place in the chain can be checked.

use serde_json::Value;

use super::Result;
use crate::domain::ledger::{Head, LedgerEntry, rfc3339};
use crate::store::{Snapshot, Store};

/// The values of payloads that name a person, stand for one, or were written by one in free words.
const OCCULTED: [&str; 8] = ["person", "by", "message", "motive", "to", "why", "cause", "messages"];

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Every byte, to be verified.
    Whole,
    /// Without what names a person, for whoever asks.
    Occulted,
}

/// A ledger that is being exported, in one snapshot.
pub struct Export {
    snapshot: Snapshot,
    form: Form,
    reached: i64,
}

/// Begins an export.
pub async fn begin(store: &Store, form: Form) -> Result<Export> {
    Ok(Export { snapshot: store.snapshot().await?, form, reached: 0 })
}

impl Export {
    /// The next lines, each with its line break; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>> {
        let page = self.snapshot.ledger_after(self.reached).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.reached = last.seq;
        let line = match self.form {
            Form::Whole => line,
            Form::Occulted => occulted_line,
        };
        Ok(Some(page.iter().map(line).collect()))
    }

    /// The head that the store knows: it has to name the last line.
    pub async fn head(&mut self) -> Result<Head> {
        Ok(self.snapshot.head().await?)
    }
}

/// An entry's line.
#[must_use]
pub fn line(entry: &LedgerEntry) -> String {
    format!("{} {}\n", entry.hash, entry.canonical())
}

/// An entry's line without what names a person; the same as [`line`] where nothing does.
#[must_use]
pub fn occulted_line(entry: &LedgerEntry) -> String {
    let Ok(Value::Object(mut payload)) = serde_json::from_str(&entry.payload) else { return line(entry) };
    let names: Vec<&str> = OCCULTED.into_iter().filter(|name| payload.remove(*name).is_some()).collect();
    if names.is_empty() {
        return line(entry);
    }
    let mut shown = serde_json::json!({
        "kind": entry.kind,
        "occulted": names,
        "occurred_at": rfc3339(entry.occurred_at),
        "payload": payload,
        "previous": entry.previous,
        "recorded_at": rfc3339(entry.recorded_at),
        "seq": entry.seq,
    });
    if let Value::Object(object) = &mut shown {
        object.extend(entry.mailbox.iter().map(|mailbox| ("mailbox".to_owned(), mailbox.as_str().into())));
        object.extend(entry.request.iter().map(|request| ("request".to_owned(), request.as_str().into())));
    }
    format!("{}~{shown}\n", entry.hash)
}
