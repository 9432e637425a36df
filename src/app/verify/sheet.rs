//! A table as the entries tell it, small enough for ten years of requests.
//!
//! Cells are kept as 64-bit digests under a key drawn anew for each verification: whoever prepares a database cannot
//! aim at a collision, and two equal digests are two equal texts but for one chance in 2⁶⁴.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// The digest of a cell that holds nothing.
const EMPTY: u64 = 0;

/// A table: rows of named columns.
#[derive(Debug)]
pub(super) struct Sheet {
    /// What a row is, in a sentence about a fault: `request`, `message`…
    what: &'static str,
    columns: &'static [&'static str],
    key: RandomState,
    /// Where a row's cells begin, and the entry that made the row.
    rows: HashMap<u64, (u32, u32)>,
    cells: Vec<u64>,
}

impl Sheet {
    /// An empty table.
    pub(super) fn new(what: &'static str, columns: &'static [&'static str]) -> Self {
        Self { what, columns, key: RandomState::new(), rows: HashMap::new(), cells: Vec::new() }
    }

    /// An empty table whose cells may be compared with those of this one.
    pub(super) fn like(&self, what: &'static str, columns: &'static [&'static str]) -> Self {
        Self { key: self.key.clone(), ..Self::new(what, columns) }
    }

    fn digest(&self, text: &str) -> u64 {
        // The digest 0 is kept for "nothing": a text that would get it takes the next one.
        if text.is_empty() { EMPTY } else { self.key.hash_one(text).max(1) }
    }

    /// Adds an empty row, made by the entry at `seq`; a row of that name is begun anew.
    pub(super) fn open(&mut self, name: &str, seq: i64) {
        let first = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.cells.resize(self.cells.len() + self.columns.len(), EMPTY);
        self.rows.insert(self.digest(name), (first, u32::try_from(seq).unwrap_or(u32::MAX)));
    }

    /// Whether a row of that name is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.rows.contains_key(&self.digest(name))
    }

    /// Writes a cell; a row that was never opened stays away.
    pub(super) fn set(&mut self, name: &str, column: &str, text: &str) {
        let digest = self.digest(text);
        if let Some(cell) = self.place(name, column).and_then(|place| self.cells.get_mut(place)) {
            *cell = digest;
        }
    }

    /// Writes a number as it is, into a column that no table shows; a number is compared with numbers alone.
    pub(super) fn set_number(&mut self, name: &str, column: &str, number: u64) {
        if let Some(cell) = self.place(name, column).and_then(|place| self.cells.get_mut(place)) {
            *cell = number;
        }
    }

    /// The number that was written; 0 where there is none.
    pub(super) fn number(&self, name: &str, column: &str) -> u64 {
        self.place(name, column).and_then(|place| self.cells.get(place)).copied().unwrap_or_default()
    }

    /// Takes a row away and keeps of it, in another table, the columns that both have.
    pub(super) fn hand_over(&mut self, name: &str, other: &mut Self) {
        let Some((_, seq)) = self.rows.get(&self.digest(name)).copied() else { return };
        other.open(name, seq.into());
        for column in other.columns {
            let cell = self.number(name, column);
            other.set_number(name, column, cell);
        }
        self.remove(name);
    }

    /// Whether a cell holds nothing, or is not there.
    pub(super) fn is_empty(&self, name: &str, column: &str) -> bool {
        self.place(name, column).and_then(|place| self.cells.get(place)).is_none_or(|cell| *cell == EMPTY)
    }

    /// Whether a cell holds this text.
    pub(super) fn holds(&self, name: &str, column: &str, text: &str) -> bool {
        self.place(name, column).and_then(|place| self.cells.get(place)) == Some(&self.digest(text))
    }

    /// Writes a cell that holds nothing yet, in every row in which another column holds a text.
    pub(super) fn fill_where(&mut self, (known, text): (&str, &str), (column, value): (&str, &str)) {
        let place = |name: &str| self.columns.iter().position(|column| *column == name);
        let (Some(known), Some(column)) = (place(known), place(column)) else { return };
        let (text, value) = (self.digest(text), self.digest(value));
        for row in self.cells.chunks_exact_mut(self.columns.len()) {
            if row.get(known) == Some(&text)
                && let Some(cell) = row.get_mut(column).filter(|cell| **cell == EMPTY)
            {
                *cell = value;
            }
        }
    }

    /// Takes a row away.
    pub(super) fn remove(&mut self, name: &str) {
        self.rows.remove(&self.digest(name));
    }

    fn place(&self, name: &str, column: &str) -> Option<usize> {
        let (first, _) = self.rows.get(&self.digest(name))?;
        let column = self.columns.iter().position(|known| *known == column)?;
        usize::try_from(*first).ok().map(|first| first + column)
    }

    /// Holds a row of the table against the one that the entries tell, and ticks it off. Of each column the text that the
    /// table shows is given; `None` where the table no longer knows it.
    pub(super) fn check(&mut self, name: &str, shown: &[(&'static str, Option<String>)]) -> Result<(), String> {
        if !self.has(name) {
            return Err(format!("{} {name} is not in the ledger", self.what));
        }
        for (column, text) in shown {
            let Some(text) = text else { continue };
            let told = self.place(name, column).and_then(|place| self.cells.get(place));
            if told != Some(&self.digest(text)) {
                return Err(format!(
                    "{} {name} is not what the ledger says: the table has {column} {text:?}",
                    self.what
                ));
            }
        }
        self.remove(name);
        Ok(())
    }

    /// Fails where a row that the entries tell was not ticked off.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.rows.values().map(|(_, seq)| *seq).min() {
            None => Ok(()),
            Some(seq) => Err(format!("the {} of entry {seq} of the ledger is not in the table", self.what)),
        }
    }
}
