//! What the registers' verbs have in common: who writes, periods, files to read and to write.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::output;
use super::{Answer, Failure, person};
use crate::app::register::{Hand, Written};
use crate::clock;
use crate::config::Settings;
use crate::domain::policy::Channel;
use crate::store::{Details, Store};

/// The largest list that is read.
const MAX_LIST_OCTETS: u64 = 64 * 1024 * 1024;

/// Who writes into a register.
#[derive(Debug, clap::Args)]
pub struct Author {
    /// Who says so; the login by default
    #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
    pub agent: String,
}

/// A period, as an argument.
#[derive(Debug, Clone, Copy)]
pub struct Period(pub crate::domain::period::Period);

impl std::str::FromStr for Period {
    type Err = crate::domain::period::NoPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The hand that writes.
pub fn hand<'a>(store: &'a Store, settings: &'a Settings, author: &'a Author) -> Hand<'a> {
    Hand { store, office: &settings.office, by: &author.agent, now: clock::now() }
}

/// Prints the references that were given, one a line; how many lines were there already goes to stderr.
pub fn print_written(written: &Written) -> Answer {
    let mut text = String::new();
    for reference in &written.references {
        text.push_str(reference);
        text.push('\n');
    }
    output::print(&text)?;
    if written.known > 0 {
        eprintln!("vigie: {} lines were in the register already and were left out", written.known);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a list of bounded size.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    use anyhow::Context as _;
    let failed = || format!("reading {}", path.display());
    let file = std::fs::File::open(path).with_context(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_LIST_OCTETS + 1).read_to_end(&mut bytes).with_context(failed)?;
    if bytes.len() as u64 > MAX_LIST_OCTETS {
        return Err(anyhow::anyhow!("{}: is larger than {MAX_LIST_OCTETS} octets", path.display()).into());
    }
    Ok(bytes)
}

/// Writes a document to a file, or to the standard output where that is no terminal.
pub fn write(bytes: &[u8], output: Option<&Path>) -> Answer {
    use anyhow::Context as _;
    match output {
        Some(path) => {
            std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
        None if std::io::stdout().is_terminal() => {
            return Err(Failure::Usage(anyhow::anyhow!("a document is no text for a terminal: give --output FILE")));
        }
        None => std::io::stdout().lock().write_all(bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The personal parts of a register, by reference, for a question that shows those of `references`: which is written down.
pub async fn shown<'a>(
    settings: &Settings,
    store: &Store,
    channel: Channel,
    references: impl Iterator<Item = &'a str>,
    question: &str,
    about: &str,
) -> Result<HashMap<String, Details>, Failure> {
    let items = store.register_items(channel.name()).await?;
    let mut all: HashMap<String, Details> = items.into_iter().map(|item| (item.reference, item.details)).collect();
    let shown: HashMap<String, Details> = references
        .filter_map(|reference| all.remove_entry(reference))
        .filter(|(_, it)| *it != Details::default())
        .collect();
    person::note_access(store, settings.office.retention, question, about, shown.len()).await?;
    Ok(shown)
}
