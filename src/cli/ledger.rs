//! `vigie ledger verify|show`: is the ledger whole, and what does it say.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format, french_instant};
use super::{Answer, open};
use crate::app::{query, story, verify};
use crate::domain::ledger::{LedgerEntry, rfc3339};
use crate::report::table::Table;
use crate::store::Store;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Walk the chain, and compare the tables with it
    Verify {
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Show the entries, or those about one request
    Show {
        /// The request's reference
        reference: Option<String>,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

/// An entry, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct EntryView {
    seq: i64,
    occurred_at: String,
    recorded_at: String,
    kind: String,
    mailbox: Option<String>,
    request: Option<String>,
    payload: serde_json::Value,
    previous: String,
    hash: String,
}

/// Carries the verb out.
pub async fn ledger(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    match verb {
        Verb::Verify { format } => verify_all(&store, format).await,
        Verb::Show { reference, format } => show(&settings.office, &store, reference, format).await,
    }
}

async fn verify_all(store: &Store, format: Format) -> Answer {
    let found = verify::verify(store).await?;
    match format {
        Format::Json => output::json(&found)?,
        Format::Csv => output::listing(Format::Csv, std::slice::from_ref(&found), Table::default)?,
        Format::Table => {
            let verdict = match &found.first_fault {
                None => {
                    "Registre intègre : la chaîne est entière et les tables disent ce que dit le registre.".to_owned()
                }
                Some(fault) => format!("REGISTRE ALTÉRÉ : {fault}"),
            };
            output::print(&format!(
                "{verdict}\n  écritures  {}\n  tête       {}\n  scellées   {}\n",
                found.entries, found.head, found.sealed
            ))?;
        }
    }
    Ok(ExitCode::from(u8::from(!found.ok)))
}

async fn show(
    office: &crate::domain::office::Office,
    store: &Store,
    reference: Option<String>,
    format: Format,
) -> Answer {
    let zone = office.zone();
    let mut after = 0;
    loop {
        let entries = match &reference {
            Some(reference) => {
                query::request(store, reference).await?;
                store.ledger_of(reference).await?
            }
            None => store.ledger_after(after).await?,
        };
        let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(ExitCode::SUCCESS) };
        after = last;
        for entry in &entries {
            match format {
                Format::Json => output::json(&view(entry))?,
                Format::Csv => output::print(&super::listing::csv_lines(&view(entry), entry.seq == 1)?)?,
                Format::Table => output::print(&format!(
                    "n° {:<7} {} : {}{}\n",
                    entry.seq,
                    french_instant(entry.occurred_at, zone),
                    entry.request.as_ref().map(|reference| format!("{reference}, ")).unwrap_or_default(),
                    story::tell(entry),
                ))?,
            }
        }
        if reference.is_some() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn view(entry: &LedgerEntry) -> EntryView {
    EntryView {
        seq: entry.seq,
        occurred_at: rfc3339(entry.occurred_at),
        recorded_at: rfc3339(entry.recorded_at),
        kind: entry.kind.clone(),
        mailbox: entry.mailbox.clone(),
        request: entry.request.clone(),
        payload: serde_json::from_str(&entry.payload).unwrap_or_default(),
        previous: entry.previous.clone(),
        hash: entry.hash.clone(),
    }
}
