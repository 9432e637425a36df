//! What the listings have in common: words, CSV lines.

use serde::Serialize;

use super::Failure;
use crate::report::csv;

/// What people read for `send`, `withhold`, `none`.
pub fn acknowledgement(name: &str) -> &str {
    match name {
        "send" => "à envoyer",
        "withhold" => "retenu",
        _ => "sans objet",
    }
}

/// A value as a line of CSV, with the heads before it where `head` says so.
pub fn csv_lines<T: Serialize>(value: &T, head: bool) -> Result<String, Failure> {
    let table = super::output::csv_table(std::slice::from_ref(value))?;
    let text = csv::render(&table);
    if head {
        return Ok(text);
    }
    Ok(text.split_once("\r\n").map(|(_, line)| line.to_owned()).unwrap_or_default())
}
