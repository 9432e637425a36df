//! `vigie deadline`: a deadline, worked out day by day. Needs no configuration where the territory is given.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format};
use super::typed::Moment;
use super::{Answer, Failure, names, offline};
use crate::domain::calendar::Calendar;
use crate::domain::deadline::{deadline as work_out, explain};
use crate::domain::french::french_date;
use crate::domain::territory::Territory;
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// When it was received: RFC 3339, or civil time of the territory (2026-05-07T16:50, 2026-05-07)
    #[arg(long)]
    received: Moment,
    /// The limit in working days
    #[arg(long)]
    days: u16,
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

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct View {
    due_on: String,
    due_at: String,
    calendar_revision: String,
    steps: Vec<StepView>,
}

/// A day, counted or skipped, and why.
#[derive(Debug, Serialize)]
struct StepView {
    date: String,
    counted: Option<u16>,
    code: &'static str,
    why: String,
}

/// Works a deadline out.
pub fn deadline(config: &Path, arguments: &Arguments) -> Answer {
    let calendar = calendar(config, arguments.territory.as_deref(), arguments.mailbox.as_deref())?;
    let received = arguments.received.instant(calendar.zone());
    let wrong = |error: crate::domain::deadline::DeadlineError| Failure::Usage(error.into());
    let due = work_out(&calendar, received, arguments.days).map_err(wrong)?;
    let steps = explain(&calendar, received, arguments.days, &[]).map_err(wrong)?;
    let view = View {
        due_on: due.due_on.to_string(),
        due_at: due.due_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        calendar_revision: due.calendar_revision.clone(),
        steps: steps
            .into_iter()
            .map(|step| StepView { date: step.date.to_string(), counted: step.counted, code: step.code, why: step.why })
            .collect(),
    };
    match arguments.format {
        Format::Json => output::json(&view)?,
        Format::Csv => output::listing(Format::Csv, &view.steps, Table::default)?,
        Format::Table => {
            let mut table = Table::new(&["Jour", "Compte", "Motif"]);
            for step in &view.steps {
                let day = step.date.parse().map(french_date).unwrap_or_default();
                table.push(vec![day, step.counted.map_or("–".into(), |n| format!("J+{n}")), step.why.clone()]);
            }
            let text = format!("{}\nÉchéance\u{a0}: {} (fin de journée)\n", table.render(), french_date(due.due_on));
            output::print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The calendar of a territory, or the configuration's: that of a mailbox, or the first.
pub fn calendar(config: &Path, territory: Option<&str>, mailbox: Option<&str>) -> Result<Calendar, Failure> {
    if let Some(name) = territory {
        let known: Vec<&str> = Territory::ALL.iter().map(|territory| territory.name()).collect();
        let unknown = || anyhow::anyhow!("{name:?} is no territory; there are {}", known.join(", "));
        Ok(Calendar::of(Territory::from_name(name).ok_or_else(unknown).map_err(Failure::Usage)?))
    } else {
        let office = offline(config)?.office;
        let name = match (mailbox, office.mailboxes.first()) {
            (Some(name), _) => name,
            (None, Some(first)) => &first.name,
            (None, None) => return Err(Failure::Usage(anyhow::anyhow!("the configuration has no mailbox"))),
        };
        Ok(names::desk(&office, name)?.calendar.clone())
    }
}
