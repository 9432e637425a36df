//! `vigie backup FILE` and `vigie restore FILE`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::typed::Author;
use super::{Answer, Failure, ledger, open, output};
use crate::app::backup;
use crate::clock;
use crate::config::{Secrets, Settings};
use crate::domain::french::counted;

#[derive(Debug, clap::Args)]
pub struct BackupArguments {
    /// The file to write; it must not exist yet
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArguments {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    author: Author,
}

/// So many entries, in words.
fn entries(count: i64) -> String {
    counted(count, "écriture", "écritures")
}

/// Writes a backup while the daemon runs.
pub async fn back_up(config: &Path, arguments: &BackupArguments) -> Answer {
    let (_, store) = open(config).await?;
    let written = backup::back_up(&store, &arguments.file).await;
    store.close().await;
    let head = written?;
    output::print(&format!("{}\u{a0}: {}, tête {}\n", arguments.file.display(), entries(head.seq), head.hash))?;
    Ok(ExitCode::SUCCESS)
}

/// Restores a backup into a database that is not there yet.
pub async fn restore(config: &Path, arguments: &RestoreArguments) -> Answer {
    let settings = Settings::load(config, Secrets::Store)?;
    let seals = ledger::seals_of(&settings, &[], None)?;
    let found =
        backup::restore(&settings.store, &arguments.file, &seals, &arguments.author.agent, clock::now()).await?;
    if let Some(fault) = found.first_fault {
        return Err(Failure::Failed(anyhow::anyhow!(
            "la base restaurée n’est pas conforme au registre\u{a0}: {fault}"
        )));
    }
    output::print(&format!("Base restaurée et vérifiée\u{a0}: {}, tête {}\n", entries(found.entries), found.head))?;
    let lost = seals.iter().map(|seal| seal.head.seq).filter(|seq| *seq >= found.entries).max();
    if let Some(seq) = lost {
        output::print(&format!(
            "Un sceau couvre {}\u{a0}: ce qui a suivi la sauvegarde est perdu, et «\u{a0}ledger verify\u{a0}» le dira tant \
             que ce sceau est dans le dossier. Prévenez l’auditeur.\n",
            entries(seq)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
