//! Tables for a terminal: aligned columns, a line under the heads, no decoration that a screen reader would spell out.

use std::fmt::Write as _;

/// The widest that a line of a cell may be.
const MAX_CELL: usize = 48;
/// How many lines a cell may have; the rest is cut, with an ellipsis.
const MAX_LINES: usize = 3;

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
        let rows: Vec<Vec<Vec<String>>> = std::iter::once(&self.heads)
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| lines(cell)).collect())
            .collect();
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| {
                rows.iter().filter_map(|row| row.get(column)).flatten().map(|line| width(line)).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for (number, row) in rows.iter().enumerate() {
            write_row(&mut out, row, &widths);
            if number == 0 {
                let rule: Vec<_> = widths.iter().map(|width| vec!["─".repeat(*width)]).collect();
                write_row(&mut out, &rule, &widths);
            }
        }
        out
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Writes a row, its cells side by side, over as many lines as the longest of them has.
fn write_row(out: &mut String, cells: &[Vec<String>], widths: &[usize]) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..height {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let line = cell.get(number).map_or("", String::as_str);
            let _ = write!(text, "{line:<width$}  ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

/// The cell in lines no wider than [`MAX_CELL`], broken at spaces where there are any, without control characters (a
/// hostile subject must not steer the terminal).
fn lines(cell: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in cell.split(' ') {
        let mut rest: Vec<char> = word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if let Some(line) = lines.last_mut().filter(|line| width(line) + 1 + rest.len() <= MAX_CELL && !line.is_empty())
        {
            line.push(' ');
            line.extend(rest);
            continue;
        }
        while !rest.is_empty() {
            let further = rest.split_off(rest.len().min(MAX_CELL));
            lines.push(rest.into_iter().collect());
            rest = further;
        }
    }
    if lines.first().is_some_and(String::is_empty) && lines.len() > 1 {
        lines.remove(0);
    }
    cut(lines)
}

/// At most [`MAX_LINES`]; an ellipsis says that there was more.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(MAX_CELL - 1).chain(['…']).collect();
        }
    }
    lines
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

    #[test]
    fn a_long_cell_goes_on_in_the_next_line_and_is_cut_after_three() {
        let mut table = Table::new(&["N°", "Indicateur", "Valeur"]);
        let label = "Taux de réponse aux suggestions/réclamations dans le délai de 5 jours";
        table.push(vec!["6".into(), label.into(), "/".into()]);
        table.push(vec!["7".into(), "x".repeat(200), String::new()]);
        let lines: Vec<String> = table.render().lines().skip(2).map(str::to_owned).collect();
        let value = format!("6   {:<48}  /", "Taux de réponse aux suggestions/réclamations");
        assert_eq!(lines[..2], [value, format!("    {}", "dans le délai de 5 jours")]);
        let long = ["7   ", "    ", "    "].map(|number| format!("{number}{}", "x".repeat(48)));
        assert_eq!(lines[2..4], long[..2]);
        assert_eq!(lines[4..], [format!("    {}…", "x".repeat(47))]);
    }
}
