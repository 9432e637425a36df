//! CSV (RFC 4180) that a spreadsheet opens without running anything.

use super::table::Table;
use crate::domain::visible;

/// The table as CSV: comma, CRLF, quotes doubled. A cell that a spreadsheet would take for a formula gets a leading
/// apostrophe.
#[must_use]
pub fn render(table: &Table) -> String {
    let mut out = String::new();
    for row in std::iter::once(&table.heads).chain(&table.rows) {
        let cells: Vec<String> = row.iter().map(|cell| quoted(&harmless(cell))).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

/// A number may begin with a minus; anything else that begins like a formula is disarmed.
fn harmless(cell: &str) -> String {
    let cell = visible::plain(cell);
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    if formula { format!("'{cell}") } else { cell }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n', ';']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_disarmed_and_a_number_is_not() {
        let mut table = Table::new(&["objet", "jours"]);
        table.push(vec!["=HYPERLINK(\"x\")".into(), "-2".into()]);
        table.push(vec!["a\u{1b}[2J\u{202e}b".into(), "1".into()]);
        assert_eq!(render(&table), "objet,jours\r\n\"'=HYPERLINK(\"\"x\"\")\",-2\r\na\u{fffd}[2J\u{fffd}b,1\r\n");
    }
}
