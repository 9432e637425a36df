//! A backup while the daemon runs, and its way back: verified before anything is touched.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::verify::{Verification, verify};
use super::{Error, Result, custody};
use crate::domain::custody::Deed;
use crate::domain::ledger::Head;
use crate::domain::seal::Seal;
use crate::store::{self, Store};

/// The ending of a file that is not whole yet.
const UNFINISHED: &str = ".inachevé";

/// Writes the whole store into a file that must not exist yet: whole or not at all, however the attempt ends. The
/// backup's head.
pub async fn back_up(store: &Store, path: &Path) -> Result<Head> {
    if path.exists() {
        return Err(Error::Exists(path.to_owned()));
    }
    let unfinished = beside(path);
    sweep(&unfinished)?;
    let written = write(store, &unfinished).await;
    if written.is_err() {
        sweep(&unfinished)?;
    }
    let head = written?;
    settle_into(&unfinished, path)?;
    Ok(head)
}

async fn write(store: &Store, unfinished: &Path) -> Result<Head> {
    store.copy_into(unfinished).await?;
    if let Some(damage) = store::damage(unfinished).await? {
        return Err(Error::Damaged { path: unfinished.to_owned(), damage });
    }
    let copy = Store::open_existing(&unfinished.display().to_string()).await?;
    let head = copy.head().await;
    copy.close().await;
    Ok(head?)
}

/// Restores a backup into a store that does not exist yet (`SQLite`) or is empty (PostgreSQL), in the name of `by`, once
/// its pages are whole and its ledger verifies. A damaged backup is refused, and nothing was touched.
pub async fn restore(url: &str, backup: &Path, seals: &[Seal], by: &str, now: DateTime<Utc>) -> Result<Verification> {
    let target = Store::path_of(url);
    // A journal that outlived its database would be replayed into the restored one.
    for ending in ["", "-wal", "-journal"] {
        if let Some(path) = target.map(|path| with_ending(path, ending)).filter(|path| path.exists()) {
            return Err(Error::Exists(path));
        }
    }
    let unfinished = target.map_or_else(|| beside(backup), beside);
    sweep(&unfinished)?;
    let restored = bring_back(url, backup, &unfinished, target, seals, by, now).await;
    sweep(&unfinished)?;
    restored
}

async fn bring_back(
    url: &str,
    backup: &Path,
    unfinished: &Path,
    target: Option<&Path>,
    seals: &[Seal],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Verification> {
    let file = |cause| Error::File { path: backup.to_owned(), cause };
    std::fs::copy(backup, unfinished).map_err(file)?;
    let damaged = |damage| Error::Damaged { path: backup.to_owned(), damage };
    if let Some(damage) = store::damage(unfinished).await? {
        return Err(damaged(damage));
    }
    let copy = Store::open_existing(&unfinished.display().to_string()).await?;
    let found = believe(&copy, seals).await;
    if let Ok(Some(fault)) = &found {
        copy.close().await;
        return Err(damaged(fault.clone()));
    }
    found?;
    let head = copy.head().await?;
    let deed = Deed::Restored { seq: head.seq, hash: head.hash };
    custody::record(&copy, deed, by, now).await?;
    if let Some(target) = target {
        copy.close().await;
        settle_into(unfinished, target)?;
    } else {
        Store::open(url).await?.fill_from(&copy).await?;
        copy.close().await;
    }
    let store = Store::open_existing(url).await?;
    let found = verify(&store, &[]).await;
    store.close().await;
    found
}

/// The first fault of a copy; seals that cover more than it holds were made after the backup, and say nothing against it.
async fn believe(copy: &Store, seals: &[Seal]) -> Result<Option<String>> {
    let head = copy.head().await?;
    let earlier: Vec<Seal> = seals.iter().filter(|seal| seal.head.seq <= head.seq).cloned().collect();
    match verify(copy, &earlier).await?.first_fault {
        None => Ok(copy.unguarded().await?),
        fault => Ok(fault),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn beside(path: &Path) -> PathBuf {
    with_ending(path, UNFINISHED)
}

/// Takes away what an attempt left behind.
fn sweep(unfinished: &Path) -> Result<()> {
    for ending in ["", "-journal", "-wal", "-shm", ".lock"] {
        let path = with_ending(unfinished, ending);
        if path.exists() {
            std::fs::remove_file(&path).map_err(|cause| Error::File { path, cause })?;
        }
    }
    Ok(())
}

/// Gives a whole file its name, once it has reached the disk.
fn settle_into(unfinished: &Path, path: &Path) -> Result<()> {
    let failed = |cause| Error::File { path: path.to_owned(), cause };
    std::fs::File::open(unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(unfinished, path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    sweep(unfinished)
}
