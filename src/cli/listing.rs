//! What the listings have in common: periods, words, CSV lines.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::Failure;
use crate::domain::office::Office;
use crate::domain::period::{NoPeriod, Period};
use crate::report::csv;

/// What people read for `send`, `withhold`, `none`.
pub fn acknowledgement(name: &str) -> &str {
    match name {
        "send" => "envoyer",
        "withhold" => "retenir",
        _ => "sans objet",
    }
}

/// Refuses a mailbox of which nothing is known: neither the configuration has it nor, by what was found, the database.
pub fn known_mailbox(office: &Office, wanted: Option<&str>, found: usize) -> Result<(), Failure> {
    match wanted {
        Some(name) if found == 0 && office.desk(name).is_none() => {
            Err(Failure::Usage(anyhow::anyhow!("no mailbox is called {name:?}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// A period: `2026`, `2026-11`, `2026-T3`; its first instant, and the first after it.
pub fn period(text: &str, zone: Tz) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
    let period: Period = text.parse().map_err(|error: NoPeriod| Failure::Usage(error.into()))?;
    Ok(period.span(zone))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_a_quarter_or_a_month_in_civil_time() {
        for (text, from, until) in [
            ("2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
            ("2026-T3", "2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"),
            ("2026-11", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"),
        ] {
            let expected: (DateTime<Utc>, DateTime<Utc>) = (from.parse().unwrap(), until.parse().unwrap());
            assert_eq!(period(text, chrono_tz::Europe::Paris).unwrap(), expected, "{text}");
        }
        for text in ["", "2026-13", "2026-T5", "hier"] {
            assert!(period(text, chrono_tz::Europe::Paris).is_err(), "{text}");
        }
    }
}
