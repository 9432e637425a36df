//! What the registers' verbs have in common: who writes, periods, files to read and to write.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output;
use super::typed::Author;
use super::{Answer, Failure, person};
use crate::app::register::{Differing, Hand, Written};
use crate::clock;
use crate::config::Settings;
use crate::domain::french::counted;
use crate::domain::office::Office;
use crate::domain::policy::Channel;
use crate::store::{Details, Store};

/// The largest list that is read.
const MAX_LIST_OCTETS: u64 = 64 * 1024 * 1024;

/// An item that is to go out of the figures, and who says so.
#[derive(Debug, clap::Args)]
pub struct Withdrawn {
    /// Its reference
    #[arg(value_parser = super::typed::reference)]
    pub reference: String,
    #[command(flatten)]
    pub author: Author,
}

/// A list of a spreadsheet, and who brings it.
#[derive(Debug, clap::Args)]
pub struct ListFile {
    /// The list
    file: PathBuf,
    /// The bureau of lines that name none
    #[arg(long)]
    pub bureau: String,
    #[command(flatten)]
    pub author: Author,
}

impl ListFile {
    /// Its content, once its bureau is known to be one.
    pub fn read(&self, office: &Office) -> Result<Vec<u8>, Failure> {
        super::names::bureau(office, &self.bureau)?;
        read(&self.file)
    }
}

/// The hand that writes.
pub fn hand<'a>(store: &'a Store, settings: &'a Settings, author: &'a Author) -> Hand<'a> {
    Hand { store, office: &settings.office, by: &author.agent, now: clock::now() }
}

/// Prints the references that were given, one a line; what became of the other lines goes to stderr. The answer is no
/// where a line says otherwise than the register.
pub fn print_written(written: &Written) -> Answer {
    let Written { references, completed, known, differing } = written;
    output::print(&references.iter().flat_map(|reference| [reference.as_str(), "\n"]).collect::<String>())?;
    let mut said = String::new();
    if !completed.is_empty() {
        let lines =
            counted(completed.len(), "ligne déjà inscrite est complétée", "lignes déjà inscrites sont complétées");
        said.push_str(&format!("{lines}\u{a0}: {}\n", completed.join(", ")));
    }
    if *known > 0 {
        said.push_str(&counted(*known, "ligne était déjà au registre", "lignes étaient déjà au registre"));
        said.push('\n');
    }
    for Differing { line, reference, columns } in differing {
        said.push_str(&format!(
            "ligne {line}\u{a0}: ce numéro est celui de {reference}, que le registre décrit autrement ({})\u{a0}; rien n’y est \
             changé\n",
            columns.join(", ")
        ));
    }
    output::say(&said);
    Ok(ExitCode::from(u8::from(!differing.is_empty())))
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
