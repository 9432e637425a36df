//! `vigie purge`: what may go, and, under a visa, its going.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::output::{self, Format};
use super::{Answer, Failure, open};
use crate::app::retention::{self, PurgeLine};
use crate::clock;
use crate::report::table::Table;

/// The largest list that is read: some million lines.
const MAX_LIST_OCTETS: u64 = 256 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Carry out exactly this list (the CSV that `vigie purge --format csv` prints)
    #[arg(long, requires = "visa")]
    list: Option<PathBuf>,
    /// The reference of the visa of the departmental archives for that list
    #[arg(long, requires = "list", value_parser = super::typed::words)]
    visa: Option<String>,
    /// Who carries it out; the login by default
    #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
    by: String,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Lists what may be purged, and touches nothing; with a list and its visa, carries that list out.
pub async fn purge(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let now = clock::now();
    let lines = retention::list(&store, settings.office.retention, &settings.office, now).await?;
    let (Some(path), Some(visa)) = (&arguments.list, &arguments.visa) else {
        match arguments.format {
            Format::Csv => output::print(&retention::csv(&lines))?,
            format @ (Format::Json | Format::Table) => output::listing(format, &lines, || table(&lines))?,
        }
        return Ok(ExitCode::SUCCESS);
    };
    let list = read(path)?;
    let purged = retention::purge(&store, settings.office.retention, &lines, &list, visa, &arguments.by, now).await?;
    output::print(&format!("{purged} éléments éliminés sous le visa {visa}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<String, Failure> {
    let what = || format!("reading {}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(what)?;
    file.take(MAX_LIST_OCTETS).read_to_string(&mut text).with_context(what)?;
    Ok(text)
}

fn table(lines: &[PurgeLine]) -> Table {
    let mut table = Table::new(&["Élimination", "Objet", "Boîte", "Catégorie", "Résultat", "Reçu le", "Clos le"]);
    for line in lines {
        let what = if line.stage == "rows" { "ligne entière" } else { "données personnelles" };
        let short: String = line.name.chars().take(18).collect();
        let cells = [what, &short, &line.mailbox, &line.category, &line.result, &line.received_on, &line.settled_on];
        table.push(cells.map(str::to_owned).to_vec());
    }
    table
}
