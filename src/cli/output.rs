//! How listings are printed.

use std::io::Write as _;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use clap::ValueEnum;
use serde::Serialize;

use super::Failure;
use crate::domain::calendar::civil_time;
use crate::domain::french::{french_date, french_time};
use crate::report::csv;
use crate::report::table::Table;

/// What people read of a listing without lines.
const NOTHING: &str = "Rien à afficher.\n";

/// The form of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One object a line
    Json,
    /// For spreadsheets
    Csv,
}

/// Prints values one JSON object a line, or the table that people read.
pub fn listing<T: Serialize>(format: Format, values: &[T], table: impl Fn() -> Table) -> Result<(), Failure> {
    match format {
        Format::Json => print(&json_lines(values)?),
        Format::Table if values.is_empty() => print(NOTHING),
        Format::Table => print(&table().render()),
        Format::Csv => print(&csv::render(&csv_table(values)?)),
    }
}

/// One value as a JSON object on a line.
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    print(&json_lines(std::slice::from_ref(value))?)
}

/// Values one JSON object a line.
pub fn json_lines<T: Serialize>(values: &[T]) -> Result<String, Failure> {
    let mut out = String::new();
    for value in values {
        out.push_str(&serde_json::to_string(value).map_err(anyhow::Error::from)?);
        out.push('\n');
    }
    Ok(out)
}

/// The members of a JSON object in the order in which they are written.
struct Members(Vec<(String, serde_json::Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A table with the keys of the JSON objects as heads, in their order, for CSV.
pub fn csv_table<T: Serialize>(values: &[T]) -> Result<Table, Failure> {
    let mut table = Table::default();
    for value in values {
        let text = serde_json::to_string(value).map_err(anyhow::Error::from)?;
        let Members(members) = serde_json::from_str(&text).map_err(anyhow::Error::from)?;
        if table.heads.is_empty() {
            table.heads = members.iter().map(|(key, _)| key.clone()).collect();
        }
        let cell = |value: &serde_json::Value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        table.push(members.iter().map(|(_, value)| cell(value)).collect());
    }
    Ok(table)
}

/// Says something to whoever runs the command, besides its answer. A standard error that is closed is no reason to fail:
/// the exit code still tells.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints a text; a reader that has read enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// `jeudi 7 mai 2026 à 16 h 50`.
pub fn french_instant(instant: DateTime<Utc>, zone: Tz) -> String {
    let civil = civil_time(zone, instant);
    format!("{} à {}", french_date(civil.date()), french_time(civil.time()))
}

/// `jeudi 7 mai 2026 à 16 h 50`, and when it was written down where that was later. What is known by its day alone, as
/// letters are, happened at midnight.
pub fn told_instant(at: DateTime<Utc>, written_at: Option<DateTime<Utc>>, zone: Tz) -> String {
    let civil = civil_time(zone, at);
    let at = if civil.time() == NaiveTime::MIN { french_date(civil.date()) } else { french_instant(at, zone) };
    written_at.map_or(at.clone(), |written| format!("{at} (écrit le {})", french_instant(written, zone)))
}

/// `07/05/2026 16:50`, for narrow tables.
pub fn short_instant(instant: DateTime<Utc>, zone: Tz) -> String {
    civil_time(zone, instant).format("%d/%m/%Y %H:%M").to_string()
}
