//! Tables for a terminal: aligned columns, a line under the heads, no decoration that a screen reader would spell out.

use std::fmt::Write as _;

use crate::domain::visible;

/// The widest a cell may be; the rest is cut, with an ellipsis.
const MAX_CELL: usize = 48;

/// Heads and rows of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns' heads.
    pub heads: Vec<String>,
    /// The rows, each with a cell for every head.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these heads.
    #[must_use]
    pub fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table in aligned columns.
    #[must_use]
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| {
                let cells = self.rows.iter().chain(std::iter::once(&self.heads)).filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count().min(MAX_CELL)).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        line(&mut out, &self.heads, &widths);
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        line(&mut out, &rule, &widths);
        for row in &self.rows {
            line(&mut out, row, &widths);
        }
        out
    }
}

fn line(out: &mut String, cells: &[String], widths: &[usize]) {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = shown(cell);
        let _ = write!(text, "{cell:<width$}  ");
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// The cell on one line, without control characters (a hostile subject must not steer the terminal), cut to width.
fn shown(cell: &str) -> String {
    let clean = visible::plain(cell);
    if clean.chars().count() <= MAX_CELL {
        return clean;
    }
    let mut cut: String = clean.chars().take(MAX_CELL - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_disarmed() {
        let mut table = Table::new(&["Référence", "État"]);
        table.push(vec!["PAN-2026-000001".into(), "en cours".into()]);
        table.push(vec!["ETR\u{1b}[2J".into(), "répondue".into()]);
        let expected = "Référence        État\n───────────────  ────────\nPAN-2026-000001  en cours\nETR\u{fffd}[2J          répondue\n";
        assert_eq!(table.render(), expected);
    }
}
