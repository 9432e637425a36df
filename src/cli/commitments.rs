//! `vigie commitments`: what is promised to whom; `commitments apply`: a new promise for what was opened under an old one.

use std::path::Path;
use std::process::ExitCode;

use chrono::NaiveDate;
use serde::Serialize;

use super::output::{self, Format};
use super::typed::Author;
use super::{Answer, offline, open};
use crate::app::commitments::{Moved, Wanted, apply};
use crate::clock;
use crate::domain::french::{counted, french_day};
use crate::domain::policy::Commitment;
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Bring the open requests under the commitments that hold today; without --yes it only says which
    Apply {
        /// Those received since this day
        #[arg(long, value_parser = super::typed::day)]
        since: NaiveDate,
        /// Do it
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        author: Author,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

/// A commitment, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct View {
    key: String,
    label: String,
    channel: &'static str,
    requesters: Vec<&'static str>,
    natures: Vec<&'static str>,
    mailboxes: Vec<String>,
    limit: u16,
    /// In percent.
    target: f64,
    valid_from: Option<String>,
    valid_until: Option<String>,
    withdrawn: bool,
}

/// A request that comes under another promise, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct MovedView {
    reference: String,
    commitment: String,
    limit: u16,
    due_on: String,
    new_commitment: String,
    new_limit: u16,
    new_due_on: String,
    applied: bool,
}

/// Lists the commitments, or applies them.
pub async fn commitments(config: &Path, arguments: Arguments) -> Answer {
    match arguments.verb {
        None => list(config, arguments.format),
        Some(Verb::Apply { since, yes, author, format }) => {
            let (settings, store) = open(config).await?;
            let wanted = Wanted { since, by: author.agent, carry_out: yes };
            let moved = apply(&store, &settings.office, &wanted, clock::now()).await?;
            let views: Vec<MovedView> = moved.iter().map(|moved| moved_view(moved, yes)).collect();
            if format != Format::Table || !views.is_empty() {
                output::listing(format, &views, || moved_table(&moved))?;
            }
            if format == Format::Table {
                output::print(&said(moved.len(), yes))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(config: &Path, format: Format) -> Answer {
    let office = offline(config)?.office;
    let commitments: &[Commitment] = office.mailboxes.first().map_or(&[], |policy| &policy.commitments);
    let views: Vec<View> = commitments.iter().map(view).collect();
    output::listing(format, &views, || table(commitments))?;
    Ok(ExitCode::SUCCESS)
}

fn view(commitment: &Commitment) -> View {
    View {
        key: commitment.key.clone(),
        label: commitment.label.clone(),
        channel: commitment.channel.name(),
        requesters: commitment.requesters.iter().map(|requester| requester.name()).collect(),
        natures: commitment.natures.iter().map(|nature| nature.name()).collect(),
        mailboxes: commitment.mailboxes.clone(),
        limit: commitment.limit,
        target: f64::from(commitment.target) / 100.0,
        valid_from: commitment.valid_from.map(|day| day.to_string()),
        valid_until: commitment.valid_until.map(|day| day.to_string()),
        withdrawn: commitment.withdrawn,
    }
}

fn table(commitments: &[Commitment]) -> Table {
    let mut table = Table::new(&["Clé", "Engagement", "Délai", "Cible", "Du", "Au"]);
    for commitment in commitments {
        let day = |day: Option<NaiveDate>| day.map_or_else(|| "–".to_owned(), french_day);
        let label =
            if commitment.withdrawn { format!("{} (retiré)", commitment.label) } else { commitment.label.clone() };
        table.push(vec![
            commitment.key.clone(),
            label,
            format!("{} j", commitment.limit),
            format!("{},{:02} %", commitment.target / 100, commitment.target % 100),
            day(commitment.valid_from),
            day(commitment.valid_until),
        ]);
    }
    table
}

fn moved_view(moved: &Moved, applied: bool) -> MovedView {
    MovedView {
        reference: moved.reference.clone(),
        commitment: moved.before.0.clone(),
        limit: moved.before.1,
        due_on: moved.before.2.to_string(),
        new_commitment: moved.after.0.clone(),
        new_limit: moved.after.1,
        new_due_on: moved.after.2.to_string(),
        applied,
    }
}

fn moved_table(moved: &[Moved]) -> Table {
    let mut table = Table::new(&["Référence", "Engagement", "Échéance", "Nouvel engagement", "Nouvelle échéance"]);
    for Moved { reference, before, after } in moved {
        let promise = |(key, limit, _): &(String, u16, NaiveDate)| format!("{key} ({limit} j)");
        table.push(vec![reference.clone(), promise(before), french_day(before.2), promise(after), french_day(after.2)]);
    }
    table
}

fn said(count: usize, done: bool) -> String {
    match (count, done) {
        (0, _) => "Aucune demande ouverte ne change d’engagement.\n".to_owned(),
        (count, true) => {
            let moved = counted(count, "demande passée", "demandes passées");
            format!("{moved} sous l’engagement en vigueur, chacune avec son écriture au registre.\n")
        }
        (count, false) => {
            let moving = counted(count, "demande changerait", "demandes changeraient");
            format!("{moving} d’engagement\u{202f}; rien n’est fait sans --yes.\n")
        }
    }
}
