//! `vigie tracking-sheet mail|appointments --period P`: the two tracking sheets.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::indicators::{ReportFormat, text};
use super::{Answer, Failure, names, open, output, register};
use crate::app::facts;
use crate::domain::period::Period;
use crate::domain::policy::Channel;
use crate::report::figures::{self, Who};
use crate::report::sheet::Sheet;
use crate::report::{ods, pdf, views};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which sheet
    #[arg(value_parser = ["mail", "appointments"])]
    sheet: String,
    /// The period: 2026, 2026-T3, 2026-11
    #[arg(long)]
    period: Period,
    /// As the ledger was at this entry; at its last one by default
    #[arg(long)]
    at_head: Option<i64>,
    /// Only this mailbox
    #[arg(long)]
    mailbox: Option<String>,
    /// With the list of the requests (always in ods and pdf)
    #[arg(long)]
    details: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: ReportFormat,
    /// Where to write it; to the standard output by default
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Prints a tracking sheet.
pub async fn tracking(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let office = &settings.office;
    let period = arguments.period;
    let span = period.span(office.zone());
    let folded = facts::load(&store, office, span, arguments.at_head).await?;
    let material = folded.material(office);
    let stamp = &folded.stamp;
    if arguments.sheet == "appointments" {
        let rows = material.appointment_rows(period);
        let named = rows.iter().map(|row| row.reference.as_str());
        let question = "tracking-sheet appointments";
        let mut who =
            register::shown(&settings, &store, Channel::Appointment, named, question, &period.to_string()).await?;
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let details = who.remove(&row.reference).unwrap_or_default();
                let who = Who { name: details.name, quality: details.quality, town: details.town, note: details.note };
                (row, who)
            })
            .collect();
        let listed: Vec<_> = rows.iter().map(|(row, who)| views::appointment(row, who, stamp)).collect();
        return give(arguments, &listed, &[figures::appointments(&rows, period, stamp)], stamp);
    }
    let wanted = |mailbox: &str| arguments.mailbox.as_ref().is_none_or(|wanted| wanted == mailbox);
    let seen = facts::messages(&store, span, stamp.head.seq).await?;
    let mut rows = material.mail_rows(period, &seen);
    rows.retain(|row| wanted(&row.mailbox));
    let mut details = material.details(period);
    details.retain(|detail| wanted(&detail.mailbox));
    names::mailbox(office, arguments.mailbox.as_deref(), !rows.is_empty() || !details.is_empty())?;
    let sheets = [figures::mails(&rows, period, stamp), figures::details(&details, period, stamp)];
    if arguments.details && matches!(arguments.format, ReportFormat::Json | ReportFormat::Csv) {
        let listed: Vec<_> = details.iter().map(|detail| views::detail(detail, stamp)).collect();
        return give(arguments, &listed, &sheets, stamp);
    }
    let listed: Vec<_> = rows.iter().map(|row| views::mail_row(row, stamp)).collect();
    give(arguments, &listed, &sheets, stamp)
}

/// Prints or writes the sheets in the form that was asked for.
fn give<T: serde::Serialize>(
    arguments: &Arguments,
    listed: &[T],
    sheets: &[Sheet],
    stamp: &crate::domain::indicator::Stamp,
) -> Answer {
    let failed =
        |error: &dyn std::fmt::Display| Failure::Failed(anyhow::anyhow!("the document cannot be made: {error}"));
    let document = match arguments.format {
        ReportFormat::Ods => ods::write(sheets).map_err(|error| failed(&error))?,
        ReportFormat::Pdf => pdf::sheets(sheets, stamp).map_err(|error| failed(&error))?,
        ReportFormat::Table | ReportFormat::Json | ReportFormat::Csv => {
            let shown = if arguments.details { sheets } else { sheets.get(..1).unwrap_or_default() };
            let table = || shown.iter().map(Sheet::render).collect::<Vec<_>>().join("\n");
            let text = text(arguments.format, listed, table)?;
            if arguments.output.is_none() {
                output::print(&text)?;
                return Ok(ExitCode::SUCCESS);
            }
            text.into_bytes()
        }
    };
    register::write(&document, arguments.output.as_deref())
}
