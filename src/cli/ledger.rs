//! `vigie ledger verify|show|seal|key|export`: is the ledger whole, and what does it say.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::output::{self, Format, told_instant};
use super::{Answer, Failure, bundle, offline, open};
use crate::app::verify::{self, Verification};
use crate::app::{Error, story};
use crate::clock;
use crate::config::{LedgerSettings, Settings};
use crate::daemon::{seals, timestamps};
use crate::domain::ledger::{LedgerEntry, rfc3339};
use crate::domain::seal::{KeyRing, Seal, Verifier};
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
    Key {
        /// Replace the key by a fresh one, which the old one signs
        #[arg(long)]
        rotate: bool,
        /// Who decides it; the login by default
        #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
        by: String,
    },
    /// Seal the ledger now: write the seal into the configured folder, and print it
    Seal,
    /// Write the ledger, its seals and their keys into a folder that can be verified without vigie
    Export {
        /// The folder; it must not exist yet
        folder: PathBuf,
        /// Leave out what names a person (CRPA L311-6, L311-7)
        #[arg(long)]
        redacted: bool,
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

/// What a chain without any seal does not prove.
const NO_SEAL: &str = "Aucun sceau ne couvre ce registre : la chaîne est entière, mais rien n’exclut qu’elle ait été récrite \
     tout entière. Donnez un sceau reçu par courriel (--seal FICHIER --key CLÉ).\n";

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
    if let Verb::Key { rotate: false, .. } = verb {
        let settings = offline(config)?;
        return key(sealing(&settings)?);
    }
    let (settings, store) = open(config).await?;
    match verb {
        Verb::Key { by, .. } => rotate(sealing(&settings)?, &store, &by).await,
        Verb::Verify { seal, key, format } => {
            let found = match verified(&settings, &store, &seal, key.as_deref()).await {
                Err(Failure::Failed(error)) => Verification::impossible(&format!("{error:#}")),
                Err(usage) => return Err(usage),
                Ok(found) => found,
            };
            match format {
                Format::Json => output::json(&found)?,
                Format::Csv => output::listing(Format::Csv, std::slice::from_ref(&found), Table::default)?,
                Format::Table => output::print(&told(&found))?,
            }
            Ok(ExitCode::from(u8::from(!found.ok)))
        }
        Verb::Seal => seal(&settings, &store).await,
        Verb::Export { folder, redacted } => bundle::export(&settings, &store, &folder, redacted).await,
        Verb::Show { reference, format } => show(&settings.office, &store, reference, format).await,
    }
}

/// How the ledger is sealed, or an error that says how to have it sealed.
fn sealing(settings: &Settings) -> Result<&LedgerSettings, Failure> {
    let what = "the configuration has no [ledger]: give origin, key_file and seals";
    settings.ledger.as_ref().ok_or_else(|| Failure::Usage(anyhow::anyhow!(what)))
}

/// Makes the key where there is none; a key that is there stays. Prints it, and then those that it replaced.
fn key(ledger: &LedgerSettings) -> Answer {
    let key = seals::key(ledger)?;
    let ring = seals::ring(key.verifier(), Some(&ledger.seals), &[])?;
    output::print(&(ring.encode().join("\n") + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(ledger: &LedgerSettings, store: &Store, by: &str) -> Answer {
    seals::rotate(ledger, store, by, clock::now()).await?;
    key(ledger)?;
    eprintln!("La clé est remplacée. Pour que le service scelle avec elle : systemctl reload vigie");
    Ok(ExitCode::SUCCESS)
}

async fn seal(settings: &Settings, store: &Store) -> Answer {
    let ledger = sealing(settings)?;
    let (path, note) = seals::write(ledger, &seals::key(ledger)?, store, clock::now()).await?;
    output::print(&format!("{note}\n# {}\n", path.display()))?;
    timestamps::stamp_missing(ledger).await.context("the seal is written, but not stamped with the time")?;
    Ok(ExitCode::SUCCESS)
}

/// The seals to hold the ledger against: those of the configured folder and those given, each under a key of the ring.
pub(super) fn seals_of(settings: &Settings, given: &[PathBuf], key: Option<&str>) -> Result<Vec<Seal>, Failure> {
    let Some(ring) = ring(settings, given, key)? else { return Ok(Vec::new()) };
    let mut all = match &settings.ledger {
        Some(ledger) => seals::read_folder(&ledger.seals, &ring)?,
        None => Vec::new(),
    };
    for path in given {
        all.push(seals::read(path, &ring)?);
    }
    Ok(all)
}

/// The keys that are believed: the given one or the configuration's, and those that it vouches for; `None` where the
/// ledger is not sealed and no seal was given.
fn ring(settings: &Settings, given: &[PathBuf], key: Option<&str>) -> Result<Option<KeyRing>, Failure> {
    let folder = settings.ledger.as_ref().map(|ledger| ledger.seals.as_path());
    let trusted = match (key, &settings.ledger) {
        (Some(key), _) => Verifier::decode(key).map_err(|error| Failure::Usage(error.into()))?,
        (None, Some(ledger)) if ledger.key_file.exists() => ledger.key()?.verifier(),
        (None, _) if given.is_empty() => return Ok(None),
        (None, _) => return Err(Failure::Usage(anyhow::anyhow!("--seal needs the published key: --key NAME+ID+KEY"))),
    };
    Ok(Some(seals::ring(trusted, folder, given)?))
}

/// Holds the ledger against its seals, their stamps, and the tables against it. What cannot be read is an error.
async fn verified(
    settings: &Settings,
    store: &Store,
    given: &[PathBuf],
    key: Option<&str>,
) -> Result<Verification, Failure> {
    let seals = seals_of(settings, given, key)?;
    if let Some(ledger) = &settings.ledger {
        timestamps::check(ledger).context("un horodatage ne convient pas à son sceau")?;
    }
    let mut found = verify::verify(store, &seals).await?;
    if found.ok {
        found.first_fault = store.unguarded().await?;
    }
    Ok(found.demanding(&seals, key.is_some()))
}

/// The verdict, for people.
fn told(found: &Verification) -> String {
    let Verification { entries, head, sealed, .. } = found;
    let verdict = match &found.first_fault {
        None => "Registre intègre : la chaîne est entière et les tables disent ce que dit le registre.".to_owned(),
        Some(fault) if head.is_empty() => format!("REGISTRE NON VÉRIFIÉ : {fault}"),
        Some(fault) => format!("REGISTRE ALTÉRÉ : {fault}"),
    };
    let mut text = format!("{verdict}\n  écritures  {entries}\n  tête       {head}\n  scellées   {sealed}\n");
    if let Some(seq) = found.sealing.again() {
        text.push_str(&format!(
            "Attention : à l’écriture {seq}, le scellement a recommencé dans un dossier vide. Les sceaux d’avant n’y sont \
             plus ; demandez aux destinataires ceux qu’ils ont reçus par courriel.\n"
        ));
    }
    if found.ok && *sealed == 0 && *entries > 0 {
        text.push_str(NO_SEAL);
    }
    text
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
            // A request whose row was purged still has its story.
            Some(reference) => match store.ledger_of(reference).await? {
                entries if entries.is_empty() => return Err(Error::UnknownRequest(reference.clone()).into()),
                entries => entries,
            },
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
                    told_instant(entry.occurred_at, story::written_later(entry), zone),
                    entry.request.as_ref().map(|reference| format!("{reference}, ")).unwrap_or_default(),
                    story::tell(entry, zone),
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
