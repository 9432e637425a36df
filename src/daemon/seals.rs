//! Seals as files: one a sealing, named after the sealed entry, never overwritten.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::app::Store;
use crate::config::LedgerSettings;
use crate::domain::seal::{Seal, SealKey, Verifier};

/// The most seals that one folder may hold for a verification: thirty years of days.
const MAX_SEALS: usize = 11_000;
/// The ending of a seal's file.
const ENDING: &str = "seal";

/// Seals the ledger as it stands; the file and what stands in it.
pub async fn write(settings: &LedgerSettings, key: &SealKey, store: &Store) -> anyhow::Result<(PathBuf, String)> {
    let head = store.head().await?;
    let note = key.seal(&head);
    let folder = &settings.seals;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join(format!("{:012}.{ENDING}", head.seq));
    if !path.exists() {
        let unfinished = path.with_extension("new");
        let mut file =
            std::fs::File::create(&unfinished).with_context(|| format!("writing {}", unfinished.display()))?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &path).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok((path, note))
}

/// Reads the seals of a folder; none where there is no folder yet.
pub fn read_folder(folder: &Path, verifier: &Verifier) -> anyhow::Result<Vec<Seal>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut seals = Vec::new();
    for entry in entries.take(MAX_SEALS) {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            seals.push(read(&path, verifier)?);
        }
    }
    Ok(seals)
}

/// Reads one seal, and believes it only under the key.
pub fn read(path: &Path, verifier: &Verifier) -> anyhow::Result<Seal> {
    let note = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    verifier.open(&note).with_context(|| format!("{}", path.display()))
}
