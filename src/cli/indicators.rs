//! `vigie indicators --period P`: Annexe 1, or the same figures by mailbox, bureau, commitment or month.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use super::output;
use super::{Answer, Failure, names, open, register};
use crate::app::bilan;
use crate::app::facts::{self, Folded};
use crate::config::{LedgerSettings, Settings};
use crate::domain::indicator::annex::Line;
use crate::domain::indicator::outline::{By, Scope};
use crate::domain::office::Office;
use crate::domain::period::Period;
use crate::report::{figures, views};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The period: 2026, 2026-T3, 2026-11
    #[arg(long)]
    period: Period,
    /// Group requests instead of laying out the lines of Annexe 1
    #[arg(long, value_parser = ["mailbox", "bureau", "commitment", "month"])]
    by: Option<String>,
    /// With --by: which perimeter; the official one by default
    #[arg(long, requires = "by", value_parser = ["official", "outside", "all"])]
    perimeter: Option<String>,
    /// Only the indicator of this key
    #[arg(long, conflicts_with = "by")]
    key: Option<String>,
    /// Name the requests behind each figure, and what became of each
    #[arg(long)]
    explain: bool,
    /// As the ledger was at this entry; at its last one by default
    #[arg(long)]
    at_head: Option<i64>,
    /// The form of the output; ods and pdf are the whole report
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
    /// Where to write it; to the standard output by default
    #[arg(long)]
    output: Option<PathBuf>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Table,
    /// One object a line
    Json,
    /// For spreadsheets
    Csv,
    /// A spreadsheet with types, styles and charts
    Ods,
    /// For printing and for the auditor
    Pdf,
}

/// Prints the figures of a period.
pub async fn indicators(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let office = &settings.office;
    if let Some(key) = &arguments.key {
        names::indicator(office, key)?;
    }
    let period = arguments.period;
    match arguments.format {
        ReportFormat::Ods | ReportFormat::Pdf => {
            let office = sealed(&settings)?;
            let report = bilan::gather(&store, &office, period, arguments.at_head).await?;
            let document = match arguments.format {
                ReportFormat::Pdf => bilan::pdf(&report)?,
                ReportFormat::Ods | ReportFormat::Table | ReportFormat::Json | ReportFormat::Csv => {
                    bilan::ods(&report)?
                }
            };
            return register::write(&document, arguments.output.as_deref());
        }
        ReportFormat::Table | ReportFormat::Json | ReportFormat::Csv => {}
    }
    let folded = facts::load(&store, office, period.span(office.zone()), arguments.at_head).await?;
    let text = match arguments.by.as_deref().and_then(By::from_name) {
        Some(by) => grouped(arguments, &folded, office, by)?,
        None => annexed(arguments, &folded, office)?,
    };
    if arguments.output.is_none() {
        output::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    register::write(text.as_bytes(), arguments.output.as_deref())
}

/// The office with the key that signs the head of which a report is made; commands that make none read no key.
fn sealed(settings: &Settings) -> Result<Office, Failure> {
    let mut office = settings.office.clone();
    office.seal_key = settings.ledger.as_ref().map(LedgerSettings::key).transpose()?;
    Ok(office)
}

/// The figures by mailbox, bureau, commitment or month.
fn grouped(arguments: &Arguments, folded: &Folded, office: &Office, by: By) -> Result<String, Failure> {
    let (period, stamp) = (arguments.period, &folded.stamp);
    let scope = arguments.perimeter.as_deref().and_then(Scope::from_name).unwrap_or_default();
    let groups = folded.material(office).groups(period, by, scope);
    let listed: Vec<_> =
        groups.iter().map(|group| views::group(group, by.name(), period, stamp, arguments.explain)).collect();
    text(arguments.format, &listed, || {
        let mut text = figures::groups(&groups, by, scope, period, stamp).render();
        for group in groups.iter().filter(|_| arguments.explain) {
            text.push_str(&format!("\n{}\u{a0}: {}\n", group.label, group.requests.join(" ")));
        }
        text
    })
}

/// The lines of Annexe 1.
fn annexed(arguments: &Arguments, folded: &Folded, office: &Office) -> Result<String, Failure> {
    let (period, stamp) = (arguments.period, &folded.stamp);
    let mut annex = folded.material(office).annex(period);
    annex.lines.retain(|line| arguments.key.as_ref().is_none_or(|key| *key == line.rule.key));
    let listed: Vec<_> = annex.lines.iter().map(|line| views::line(line, period, stamp, arguments.explain)).collect();
    text(arguments.format, &listed, || {
        let mut text = figures::annex(&annex, stamp).render();
        for line in annex.lines.iter().filter(|_| arguments.explain) {
            text.push_str(&explained(line));
        }
        text
    })
}

/// The listing in one of the forms of text.
pub fn text<T: serde::Serialize>(
    format: ReportFormat,
    views: &[T],
    table: impl Fn() -> String,
) -> Result<String, Failure> {
    Ok(match format {
        ReportFormat::Json => output::json_lines(views)?,
        ReportFormat::Csv => crate::report::csv::render(&output::csv_table(views)?),
        ReportFormat::Table | ReportFormat::Ods | ReportFormat::Pdf => table(),
    })
}

/// The requests behind a line.
fn explained(line: &Line) -> String {
    let mut text = format!("\n{} – {}\u{a0}: {}\n", line.number, line.rule.label, line.value.french());
    for (reference, outcome) in &line.requests {
        text.push_str(&format!("  {reference}  {}\n", outcome.french()));
    }
    text
}
