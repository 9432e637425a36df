//! One pass over a folder: what is new there is fetched, recorded and decided; what is gone is noted.
//!
//! Two passes: a *glance* asks only for UIDs above the last one recorded (woken by IDLE, it costs two round trips); a
//! *scan* compares every UID of the server with the store's. IDLE and the glance are hints, the timed scan is the truth.

use std::collections::HashSet;

use anyhow::Context as _;

use super::heart::Pulse;
use super::line::Line;
use crate::app::ingest::{self, Arrived, Ingested, Source};
use crate::app::{Lease, Store};
use crate::clock;
use crate::domain::classify::FolderRole;
use crate::domain::decide::Desk;
use crate::domain::office::Office;
use crate::imap::{self, Fetched, HeaderQueue, Session};
use crate::store::FolderCursor;

/// Messages of one turn: large enough that a first run costs few commits, small enough to stay flat in memory.
const BATCH: usize = 1_000;
/// Octets of a report's beginning that are read to know what bounced.
const REPORT_START: u32 = 64 * 1024;

/// Sessions that one batch may cost before the mailbox is given up for now: enough to isolate a message among a slice.
const MAX_RELAYS: usize = 40;

/// How thoroughly a folder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Only what is above the last recorded UID.
    Glance,
    /// Every UID is compared.
    Scan,
}

/// A folder to read.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Its name, in Unicode.
    pub name: String,
    /// What it is for.
    pub role: FolderRole,
}

/// What a pass needs besides the session.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The database.
    pub store: &'a Store,
    /// The prefecture.
    pub office: &'a Office,
    /// The mailbox's desk.
    pub desk: Desk<'a>,
    /// The node's right to watch it.
    pub lease: &'a Lease,
    /// Beats with each batch.
    pub pulse: &'a Pulse,
}

/// What a pass found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// What became of the new messages.
    pub ingested: Ingested,
    /// Messages that are no longer where they lay.
    pub gone: usize,
}

impl Reader<'_> {
    /// Reads a folder.
    pub async fn pass(&self, line: &mut Line, folder: &Watched, pass: Pass) -> anyhow::Result<Passed> {
        let selected = line.session.examine(&folder.name, None).await?;
        let mut cursor = self.cursor(folder).await?;
        let uid_validity = i64::from(selected.uidvalidity);
        let renewed = cursor.uid_validity != uid_validity;
        if renewed {
            cursor = FolderCursor { uid_validity, last_uid: 0, highest_modseq: 0, ..cursor };
        }
        let mut passed = Passed::default();
        let last = u32::try_from(cursor.last_uid).unwrap_or(u32::MAX);
        let new = match selected.uidnext {
            Some(next) if pass == Pass::Glance && !renewed => (last.saturating_add(1)..next).collect(),
            Some(_) | None => {
                let (new, gone) = self.compare(&mut line.session, &cursor).await?;
                passed.gone = gone.len();
                self.note_scan(&cursor, &gone).await?;
                new
            }
        };
        passed.ingested = self.fetch(line, folder, cursor, new).await?;
        Ok(passed)
    }

    async fn cursor(&self, folder: &Watched) -> anyhow::Result<FolderCursor> {
        let mailbox = &self.desk.policy.name;
        let known = self.store.folders(mailbox).await?;
        if let Some(cursor) = known.into_iter().find(|c| c.name == folder.name && c.role == folder.role.name()) {
            return Ok(cursor);
        }
        let mut turn = self.store.begin().await?;
        let cursor = turn.folder(mailbox, &folder.name, folder.role.name()).await?;
        turn.commit().await?;
        Ok(cursor)
    }

    /// The UIDs that the server has and the store has not, and the other way round.
    async fn compare(&self, session: &mut Session, cursor: &FolderCursor) -> anyhow::Result<(Vec<u32>, Vec<u32>)> {
        let there: Vec<u32> = session.uids().await?;
        let known: HashSet<i64> = self.store.uids(cursor.id, cursor.uid_validity).await?.into_iter().collect();
        let new = there.iter().copied().filter(|uid| !known.contains(&i64::from(*uid))).collect();
        let there: HashSet<i64> = there.into_iter().map(i64::from).collect();
        let gone = known.into_iter().filter(|uid| !there.contains(uid)).filter_map(|uid| u32::try_from(uid).ok());
        Ok((new, gone.collect()))
    }

    /// Writes down that the folder was compared, and what is no longer there.
    async fn note_scan(&self, cursor: &FolderCursor, gone: &[u32]) -> anyhow::Result<()> {
        let now = clock::now();
        let mut turn = self.store.begin().await?;
        turn.check_lease(self.lease).await?;
        turn.mark_gone(cursor.id, cursor.uid_validity, gone, now).await?;
        turn.move_cursor(cursor, now).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Fetches, and records what was fetched while the next batch comes in.
    async fn fetch(
        &self,
        line: &mut Line,
        folder: &Watched,
        mut cursor: FolderCursor,
        new: Vec<u32>,
    ) -> anyhow::Result<Ingested> {
        let uid_validity = u32::try_from(cursor.uid_validity).context("UIDVALIDITY")?;
        let mut fetching = Fetching { line, folder: &folder.name, uid_validity, queue: HeaderQueue::new(new) };
        let mut total = Ingested::default();
        let mut waiting = fetching.next_batch().await?;
        while !waiting.is_empty() {
            let highest = waiting.iter().map(|arrived| i64::from(arrived.uid)).max().unwrap_or_default();
            cursor.last_uid = cursor.last_uid.max(highest);
            let source = Source {
                office: self.office,
                desk: self.desk,
                cursor: cursor.clone(),
                role: folder.role,
                lease: Some(self.lease),
            };
            let recording = ingest::ingest(self.store, &source, &waiting, clock::now());
            let (recorded, coming) = tokio::join!(recording, fetching.next_batch());
            let recorded = recorded.context("recording messages")?;
            total.add(recorded);
            self.pulse.beat();
            waiting = coming?;
        }
        Ok(total)
    }
}

/// The fetching of one folder's new messages, which outlives the sessions that it may cost.
struct Fetching<'a> {
    line: &'a mut Line,
    folder: &'a str,
    uid_validity: u32,
    queue: HeaderQueue,
}

impl Fetching<'_> {
    /// The next messages, at most about [`BATCH`]; with the beginning of each report.
    async fn next_batch(&mut self) -> anyhow::Result<Vec<Arrived>> {
        let mut batch: Vec<Arrived> = Vec::new();
        let mut poison: Vec<(u32, imap::Error)> = Vec::new();
        let mut relaid = 0;
        while batch.len() < BATCH && !self.queue.is_done() {
            let take = |fetched| match fetched {
                Fetched::Message { uid, internal_date, size, header, .. } => {
                    batch.push(Arrived { uid, internal_date, size, header, body_start: None });
                }
                Fetched::Poison { uid, error } => poison.push((uid, error)),
            };
            match self.line.session.fetch_slice(&mut self.queue, take).await {
                Ok(_) => {}
                Err(error) if error.leaves_session_usable() || relaid >= MAX_RELAYS => return Err(error.into()),
                // A message that kills the session is narrowed down by the queue, session after session.
                Err(error) => {
                    relaid += 1;
                    tracing::warn!("the session was lost while fetching: {error}");
                    let selected = self.line.relay(self.folder, self.uid_validity).await?;
                    selected.context("UIDVALIDITY changed while fetching")?;
                }
            }
        }
        for arrived in &mut batch {
            if ingest::needs_body(&arrived.header) {
                arrived.body_start = self.line.session.fetch_start(arrived.uid, REPORT_START).await?;
            }
        }
        let internal_date = clock::now();
        for (uid, error) in poison {
            tracing::error!(
                uid,
                "message {uid} cannot be read from the server, and is recorded as unreadable: {error}"
            );
            batch.push(Arrived { uid, internal_date, size: 0, header: Vec::new(), body_start: None });
        }
        batch.sort_by_key(|arrived| arrived.uid);
        Ok(batch)
    }
}
