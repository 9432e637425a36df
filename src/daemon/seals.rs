//! Seals as files: one a sealing, named after the sealed entry, never overwritten; rotations of the key beside them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use crate::app::{Store, custody};
use crate::config::LedgerSettings;
use crate::domain::custody::Deed;
use crate::domain::ledger::hex;
use crate::domain::seal::{KeyRing, Seal, SealKey, Verifier};

/// The most files that a folder of seals may hold: a hundred a working day for forty years. One more is told, never left out.
const MAX_FILES: usize = 1_000_000;
/// The largest file of a seal that is read.
const MAX_SEAL_OCTETS: u64 = 64 * 1024;
/// Who seals: nobody in particular.
const SEALER: &str = "vigie";
/// The ending of a seal's file.
const ENDING: &str = "seal";
/// The ending of a rotation's file.
const ROTATION_ENDING: &str = "rotation";

/// Seals the ledger as it stands at `now`; the file and what stands in it. Where the folder holds no seal yet the ledger
/// says first that sealing begins, so that a folder which is emptied later is missed.
pub async fn write(
    settings: &LedgerSettings,
    key: &SealKey,
    store: &Store,
    now: DateTime<Utc>,
) -> anyhow::Result<(PathBuf, String)> {
    if all_files(&settings.seals)?.is_empty() {
        tracing::warn!("no seal is in {}: sealing begins", settings.seals.display());
        custody::record(store, Deed::SealingBegun { key: key.verifier().encode() }, SEALER, now).await?;
    }
    let head = store.head().await?;
    let note = key.seal(&head);
    let path = settings.seals.join(format!("{:012}.{ENDING}", head.seq));
    if !path.exists() {
        write_new(&path, &note, 0o644)?;
    }
    Ok((path, note))
}

/// Writes a file whole or not at all.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let what = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .with_context(|| format!("writing {}", unfinished.display()))?;
    file.write_all(text.as_bytes()).with_context(what)?;
    file.sync_all().with_context(what)?;
    std::fs::rename(&unfinished, path).with_context(what)
}

/// The files of a folder with an ending, in the order of their names; none where there is no folder yet.
fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut paths = Vec::new();
    for (number, entry) in entries.enumerate() {
        anyhow::ensure!(number < MAX_FILES, "{} holds more than {MAX_FILES} files", folder.display());
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads a note; a file that is too large to be one is refused. A mail client may have saved it with other line breaks, or
/// without the last one: the signature is over the text as it was written.
pub fn note(path: &Path) -> anyhow::Result<String> {
    let what = || format!("reading {}", path.display());
    let size = std::fs::metadata(path).with_context(what)?.len();
    anyhow::ensure!(size <= MAX_SEAL_OCTETS, "{} is too large to be a seal", path.display());
    let text = std::fs::read_to_string(path).with_context(what)?.replace("\r\n", "\n");
    Ok(format!("{}\n", text.trim_end_matches('\n')))
}

/// Everything that a folder of seals holds, as paths: seals, then rotations.
pub fn all_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok([files(folder, ENDING)?, files(folder, ROTATION_ENDING)?].concat())
}

/// Everything that proves something in a folder of seals, as paths: seals, rotations, stamps.
pub fn proofs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok([all_files(folder)?, files(folder, super::timestamps::ENDING)?].concat())
}

/// The keys that a trusted one vouches for, by the rotations of a folder and those given.
pub fn ring(trusted: Verifier, folder: Option<&Path>, given: &[PathBuf]) -> anyhow::Result<KeyRing> {
    let mut paths = folder.map(|folder| files(folder, ROTATION_ENDING)).transpose()?.unwrap_or_default();
    paths.extend_from_slice(given);
    let notes = paths.iter().map(|path| note(path)).collect::<anyhow::Result<Vec<String>>>()?;
    Ok(KeyRing::new(trusted, &notes))
}

/// Reads the seals of a folder; a rotation is a seal too.
pub fn read_folder(folder: &Path, ring: &KeyRing) -> anyhow::Result<Vec<Seal>> {
    all_files(folder)?.iter().map(|path| read(path, ring)).collect()
}

/// Reads one seal, and believes it only under a key of the ring.
pub fn read(path: &Path, ring: &KeyRing) -> anyhow::Result<Seal> {
    ring.open(&note(path)?).with_context(|| format!("{}", path.display()))
}

/// The key that seals, made where there is none yet; one that was about to follow when the machine went down follows.
pub fn key(settings: &LedgerSettings) -> anyhow::Result<SealKey> {
    if !settings.key_file.exists() {
        write_new(&settings.key_file, &fresh_secret()?, 0o600)?;
    }
    let key = settings.key()?;
    let next = next_file(settings);
    if !next.exists() {
        return Ok(key);
    }
    let following = settings.key_in(&next)?;
    let ring = ring(key.verifier(), Some(&settings.seals), &[])?;
    if !ring.encode().contains(&following.verifier().encode()) {
        return Ok(key);
    }
    std::fs::rename(&next, &settings.key_file).with_context(|| format!("writing {}", settings.key_file.display()))?;
    Ok(following)
}

/// Replaces the key that seals by a fresh one: the ledger says so, the old key signs the new one, then it is destroyed.
pub async fn rotate(settings: &LedgerSettings, store: &Store, by: &str, now: DateTime<Utc>) -> anyhow::Result<SealKey> {
    let old = key(settings)?;
    let next = next_file(settings);
    write_new(&next, &fresh_secret()?, 0o600)?;
    let new = settings.key_in(&next)?;
    let deed = Deed::KeyRotated { old: old.verifier().encode(), new: new.verifier().encode() };
    let head = custody::record(store, deed, by, now).await?;
    let path = settings.seals.join(format!("{:012}.{ROTATION_ENDING}", head.seq));
    write_new(&path, &old.hand_over(&new, &head), 0o644)?;
    std::fs::rename(&next, &settings.key_file).with_context(|| format!("writing {}", settings.key_file.display()))?;
    Ok(new)
}

fn next_file(settings: &LedgerSettings) -> PathBuf {
    settings.key_file.with_extension("next")
}

/// 32 random octets in hexadecimal, on a line.
fn fresh_secret() -> anyhow::Result<String> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no random octets: {error}"))?;
    Ok(format!("{}\n", hex(&secret)))
}
