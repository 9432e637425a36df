//! `vigie ledger verify|show`: is the ledger whole, and what does it say.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format, french_instant};
use super::{Answer, Failure, offline, open};
use crate::app::{query, story, verify};
use crate::config::{LedgerSettings, Settings};
use crate::daemon::seals::{read as read_seal, read_folder, write as write_seal};
use crate::domain::ledger::{LedgerEntry, hex, rfc3339};
use crate::domain::seal::{Seal, Verifier};
use crate::report::table::Table;
use crate::store::Store;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Walk the chain, hold it against the seals, and compare the tables with it
    Verify {
        /// A seal that was kept elsewhere, besides those of the configured folder
        #[arg(long)]
        seal: Vec<PathBuf>,
        /// The published key of the seals (NAME+ID+KEY); the configuration's by default
        #[arg(long)]
        key: Option<String>,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Make the key that seals the ledger, where there is none, and print its public half
    Key,
    /// Seal the ledger now: write the seal into the configured folder, and print it
    Seal,
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
    let verb = match verb {
        Verb::Key => return key(&offline(config)?),
        other => other,
    };
    let (settings, store) = open(config).await?;
    match verb {
        Verb::Key => key(&settings),
        Verb::Verify { seal, key, format } => {
            let seals = seals(&settings, &seal, key.as_deref())?;
            verify_all(&store, &seals, format).await
        }
        Verb::Seal => seal(&settings, &store).await,
        Verb::Show { reference, format } => show(&settings.office, &store, reference, format).await,
    }
}

/// How the ledger is sealed, or an error that says how to have it sealed.
fn sealing(settings: &Settings) -> Result<&LedgerSettings, Failure> {
    let what = "the configuration has no [ledger]: give origin, key_file and seals";
    settings.ledger.as_ref().ok_or_else(|| Failure::Usage(anyhow::anyhow!(what)))
}

/// Makes the key where there is none; a key that is there stays.
fn key(settings: &Settings) -> Answer {
    let ledger = sealing(settings)?;
    if !ledger.key_file.exists() {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no random octets: {error}"))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&ledger.key_file)?;
        file.write_all(format!("{}\n", hex(&secret)).as_bytes())?;
        file.sync_all()?;
    }
    output::print(&format!("{}\n", ledger.key()?.verifier().encode()))?;
    Ok(ExitCode::SUCCESS)
}

async fn seal(settings: &Settings, store: &Store) -> Answer {
    let ledger = sealing(settings)?;
    let (path, note) = write_seal(ledger, &ledger.key()?, store).await?;
    output::print(&format!("{note}\n# {}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The seals to hold the ledger against: those of the configured folder and those given, each under the key.
fn seals(settings: &Settings, given: &[PathBuf], key: Option<&str>) -> Result<Vec<Seal>, Failure> {
    let verifier = match (key, &settings.ledger) {
        (Some(key), _) => Verifier::decode(key).map_err(|error| Failure::Usage(error.into()))?,
        (None, Some(ledger)) if ledger.key_file.exists() => ledger.key()?.verifier(),
        (None, _) if given.is_empty() => return Ok(Vec::new()),
        (None, _) => return Err(Failure::Usage(anyhow::anyhow!("--seal needs the published key: --key NAME+ID+KEY"))),
    };
    let mut seals = match &settings.ledger {
        Some(ledger) => read_folder(&ledger.seals, &verifier)?,
        None => Vec::new(),
    };
    for path in given {
        seals.push(read_seal(path, &verifier)?);
    }
    Ok(seals)
}

async fn verify_all(store: &Store, seals: &[Seal], format: Format) -> Answer {
    let found = verify::verify(store, seals).await?;
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
