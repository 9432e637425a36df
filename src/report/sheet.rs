//! A sheet of typed cells: what ODS and PDF write, and what a terminal shows.

use chrono::NaiveDate;

use super::table::Table;
use crate::domain::indicator::value::{decimal, percent};

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words.
    Text(String),
    /// A count.
    Count(i64),
    /// A share, in hundredths of a percent.
    Percent(i64),
    /// A number, in hundredths.
    Decimal(i64),
    /// A day.
    Day(NaiveDate),
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A cell, or an empty one.
    pub fn maybe<T>(value: Option<T>, cell: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// What people read.
    #[must_use]
    pub fn french(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Percent(hundredths) => percent(*hundredths),
            Self::Decimal(hundredths) => decimal(*hundredths),
            Self::Day(day) => day.format("%d/%m/%Y").to_string(),
        }
    }

    /// Whether it stands at the right of its column.
    #[must_use]
    pub fn is_number(&self) -> bool {
        match self {
            Self::Count(_) | Self::Percent(_) | Self::Decimal(_) => true,
            Self::Empty | Self::Text(_) | Self::Day(_) => false,
        }
    }
}

/// A chart over some columns of its sheet: one line or row of bars a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What people read above it.
    pub title: String,
    /// What it shows, in a sentence, for who cannot see it.
    pub description: String,
    /// The columns of the values, from 0; the first column of the sheet holds the names of the points.
    pub columns: Vec<usize>,
    /// Bars instead of lines.
    pub bars: bool,
}

/// A sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its short name: the tab's.
    pub name: String,
    /// What people read above it.
    pub title: String,
    /// The columns' heads.
    pub heads: Vec<String>,
    /// The rows, each with a cell for every head.
    pub rows: Vec<Vec<Cell>>,
    /// What people read below it.
    pub notes: Vec<String>,
    /// The chart beside it.
    pub chart: Option<Chart>,
}

impl Sheet {
    /// An empty sheet.
    #[must_use]
    pub fn new(name: &str, title: impl Into<String>, heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { name: name.to_owned(), title: title.into(), heads, ..Self::default() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The same for a terminal: title, aligned columns, notes.
    #[must_use]
    pub fn render(&self) -> String {
        let mut table = Table { heads: self.heads.clone(), rows: Vec::new() };
        for row in &self.rows {
            table.push(row.iter().map(Cell::french).collect());
        }
        let mut out = format!("{}\n\n{}", self.title, table.render());
        if !self.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            out.push_str(note);
            out.push('\n');
        }
        out
    }
}
