//! `vigie calendar`: public holidays and closures of a year.

use std::path::Path;
use std::process::ExitCode;

use chrono::Datelike as _;
use serde::Serialize;

use super::deadline::calendar as choose;
use super::output::{self, Format};
use super::{Answer, closures};
use crate::clock;
use crate::domain::french::french_date;
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The year; this one by default
    #[arg(long)]
    year: Option<i32>,
    /// The territory; the configuration's by default
    #[arg(long)]
    territory: Option<String>,
    /// The calendar of this mailbox's bureau; the first one's by default
    #[arg(long, conflicts_with = "territory")]
    mailbox: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Check an iCalendar file of closures, and add them to the configuration with --apply
    Import(closures::Import),
}

/// A day off.
#[derive(Debug, Serialize)]
struct DayView {
    date: String,
    kind: &'static str,
    label: String,
    counted: bool,
}

/// Prints a year.
pub fn calendar(config: &Path, arguments: &Arguments) -> Answer {
    if let Some(Verb::Import(import)) = &arguments.verb {
        return closures::import(config, import);
    }
    let calendar = choose(config, arguments.territory.as_deref(), arguments.mailbox.as_deref())?;
    let year = arguments.year.unwrap_or_else(|| calendar.civil(clock::now()).year());
    let holidays = calendar.holidays(year).into_iter().map(|(date, label)| (date, "holiday", label.to_owned(), false));
    let closures = calendar.closures().iter().flat_map(|closure| {
        let days = closure.from.iter_days().take_while(|day| *day <= closure.to).filter(|day| day.year() == year);
        days.map(|day| (day, "closure", closure.label.clone(), !closure.suspends)).collect::<Vec<_>>()
    });
    let mut days: Vec<_> = holidays.chain(closures).collect();
    days.sort();
    let views: Vec<DayView> = days
        .iter()
        .map(|(date, kind, label, counted)| DayView {
            date: date.to_string(),
            kind,
            label: label.clone(),
            counted: *counted,
        })
        .collect();
    output::listing(arguments.format, &views, || {
        let mut table = Table::new(&["Jour", "Nature", "Libellé", "Compté"]);
        for (date, kind, label, counted) in &days {
            let kind = if *kind == "holiday" { "jour férié" } else { "fermeture" };
            table.push(vec![
                french_date(*date),
                kind.into(),
                label.clone(),
                if *counted { "oui" } else { "non" }.into(),
            ]);
        }
        table
    })?;
    Ok(ExitCode::SUCCESS)
}
