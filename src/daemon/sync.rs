//! One pass over a folder: what is new there is fetched, recorded and decided; what is gone is noted.
//!
//! A pass climbs down a ladder and stops at the first rung that accounts for every message:
//! 1. UIDNEXT has not moved and the server counts as many messages as the store: nothing came, nothing went.
//! 2. The UIDs from the stored UIDNEXT on are new, and QRESYNC (RFC 7162 §3.2.5) names what vanished; the counts agree.
//! 3. Every UID of the server is compared with the store's.
//!
//! The counts are the proof: UIDs only grow under one UIDVALIDITY, so that what the store knows below UIDNEXT can only
//! shrink. CONDSTORE's HIGHESTMODSEQ is therefore needed for nothing here but QRESYNC's question, and for noticing that a
//! server went back in time. The cursor moves at the end of a pass, when everything up to it is recorded. The whole
//! comparison of [`Pass::Whole`], once a day, takes nobody's word for anything.

use std::collections::HashSet;

use anyhow::Context as _;

use super::heart::Pulse;
use super::line::Line;
use crate::app::ingest::{self, Arrived, Ingested, Source};
use crate::app::sighting::{self, Shown};
use crate::app::{Lease, Store};
use crate::clock;
use crate::domain::classify::FolderRole;
use crate::domain::decide::Desk;
use crate::domain::office::Office;
use crate::domain::sighting::FlagSet;
use crate::imap::{self, Fetched, HeaderQueue, Known, Outline, Selected, Session, UidRange};
use crate::store::FolderCursor;

/// Messages of one turn: large enough that a first run costs few commits, small enough to stay flat in memory.
const BATCH: usize = 1_000;
/// Octets of headers after which a turn is full all the same: what is read of them is kept in memory until it is recorded.
const BATCH_OCTETS: usize = 8 << 20;
/// Octets of a report's beginning that are read to know what bounced.
const REPORT_START: u32 = 64 * 1024;

/// Sessions that one batch may cost before the mailbox is given up for now: enough to isolate a message among a slice.
const MAX_RELAYS: usize = 40;

/// How thoroughly a folder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Down the ladder; what changed nothing is not written down.
    Glance,
    /// Down the ladder; that the folder was read is written down.
    Scan,
    /// Every UID is compared.
    Whole,
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
    /// Messages that the store did not know at this place.
    pub new: usize,
    /// Known messages whose flags changed or that are no longer where they lay.
    pub sightings: usize,
    /// Whether every UID had to be compared.
    pub compared: bool,
}

/// How server and store differ.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// What the server has and the store has not.
    pub(super) new: Vec<u32>,
    /// What the store has and the server has not.
    pub(super) gone: Vec<u32>,
    /// How many UIDs the server has, where all were asked.
    pub(super) server: usize,
    /// How many the store has, where all were asked.
    pub(super) store: usize,
    compared: bool,
}

impl Reader<'_> {
    /// Reads a folder.
    pub async fn pass(&self, line: &mut Line, folder: &Watched, pass: Pass) -> anyhow::Result<Passed> {
        let before = self.cursor(folder).await?;
        let selected = line.session.examine(&folder.name, known(&before).filter(|_| pass != Pass::Whole)).await?;
        let mut cursor = before.clone();
        if no_longer_means_the_same(&before, &selected) {
            cursor = self.begin_anew(&before, &selected).await?;
        }
        let difference = match pass {
            Pass::Whole => self.compare(&mut line.session, &cursor).await?,
            Pass::Glance | Pass::Scan => self.descend(&mut line.session, &cursor, &selected).await?,
        };
        let Difference { new, gone, compared, .. } = difference;
        let flags = self.changed_flags(&mut line.session, &cursor, selected.clone(), pass).await?;
        let mut passed = Passed { gone: gone.len(), new: new.len(), compared, ..Passed::default() };
        // before anything new is judged: a message that moved out and came back lies at one place, not at two
        passed.sightings = self.observe(folder, &cursor, flags, gone).await?;
        let end = FolderCursor {
            uid_next: selected.uidnext.map_or(0, i64::from),
            highest_modseq: selected.highestmodseq.map_or(0, |modseq| i64::try_from(modseq).unwrap_or(0)),
            ..cursor.clone()
        };
        let moved = (end.uid_next, end.highest_modseq) != (before.uid_next, before.highest_modseq);
        let (ingested, concluded) = self.fetch(line, folder, &mut cursor, &end, new).await?;
        passed.ingested = ingested;
        if !concluded && (moved || pass != Pass::Glance) {
            self.conclude(&FolderCursor { last_uid: cursor.last_uid, ..end }).await?;
        }
        Ok(passed)
    }

    pub(super) async fn cursor(&self, folder: &Watched) -> anyhow::Result<FolderCursor> {
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

    /// The folder's UIDs mean something else than they did: its messages lie nowhere until they are seen again.
    async fn begin_anew(&self, before: &FolderCursor, selected: &Selected) -> anyhow::Result<FolderCursor> {
        if before.uid_validity >= 0 {
            let (mailbox, folder) = (&self.desk.policy.name, &before.name);
            tracing::warn!(mailbox = %mailbox, folder = %folder, "the UIDs of {folder} changed their meaning: it is read anew");
        }
        let uid_validity = i64::from(selected.uidvalidity);
        let cursor = FolderCursor { uid_validity, last_uid: 0, uid_next: 0, highest_modseq: 0, ..before.clone() };
        let now = clock::now();
        let mut turn = self.store.begin().await?;
        turn.check_lease(self.lease).await?;
        turn.supersede(cursor.id, now).await?;
        turn.move_cursor(&cursor, now).await?;
        turn.commit().await?;
        Ok(cursor)
    }

    /// Down the ladder, as far as needed.
    async fn descend(
        &self,
        session: &mut Session,
        cursor: &FolderCursor,
        selected: &Selected,
    ) -> anyhow::Result<Difference> {
        let (Some(next), Some(first)) = (selected.uidnext, u32::try_from(cursor.uid_next).ok().filter(|uid| *uid > 0))
        else {
            return self.compare(session, cursor).await;
        };
        let mut difference = Difference::default();
        if next > first {
            let known = self.store.uids_from(cursor.id, cursor.uid_validity, first).await?;
            let known: HashSet<i64> = known.into_iter().collect();
            difference.new = session.uids_from(first).await?;
            difference.new.retain(|uid| !known.contains(&i64::from(*uid)));
        }
        if selected.resynchronised && !selected.vanished.is_empty() {
            difference.gone = self.among(cursor, &selected.vanished).await?;
        }
        let counted = self.store.count_uids(cursor.id, cursor.uid_validity).await?;
        // what came in after the folder was opened is not in its count
        let came = difference.new.iter().filter(|uid| **uid < next).count();
        let expected = counted + as_count(came) - as_count(difference.gone.len());
        if expected == i64::from(selected.exists) { Ok(difference) } else { self.compare(session, cursor).await }
    }

    /// The recorded UIDs that lie in these ranges, which may name UIDs that never were.
    async fn among(&self, cursor: &FolderCursor, ranges: &[UidRange]) -> anyhow::Result<Vec<u32>> {
        let known = self.store.uids(cursor.id, cursor.uid_validity).await?;
        let known = known.into_iter().filter_map(|uid| u32::try_from(uid).ok());
        Ok(known.filter(|uid| ranges.iter().any(|range| range.contains(*uid))).collect())
    }

    /// The UIDs that the server has and the store has not, and the other way round.
    pub(super) async fn compare(&self, session: &mut Session, cursor: &FolderCursor) -> anyhow::Result<Difference> {
        let there: Vec<u32> = session.uids().await?;
        let known: HashSet<i64> = self.store.uids(cursor.id, cursor.uid_validity).await?.into_iter().collect();
        let (server, store) = (there.len(), known.len());
        let new = there.iter().copied().filter(|uid| !known.contains(&i64::from(*uid))).collect();
        let there: HashSet<i64> = there.into_iter().map(i64::from).collect();
        let gone = known.into_iter().filter(|uid| !there.contains(uid)).filter_map(|uid| u32::try_from(uid).ok());
        Ok(Difference { new, gone: gone.collect(), server, store, compared: true })
    }

    /// The flags of known messages that may have changed since the folder was last read, as the server's rung allows:
    /// told on opening (QRESYNC), asked since the last modification sequence (CONDSTORE), or all of them, but not at
    /// every glance. Once a day all of them are asked of every server.
    async fn changed_flags(
        &self,
        session: &mut Session,
        cursor: &FolderCursor,
        selected: Selected,
        pass: Pass,
    ) -> anyhow::Result<Vec<(u32, FlagSet)>> {
        if cursor.uid_next == 0 && cursor.last_uid == 0 {
            return Ok(Vec::new());
        }
        let since = u64::try_from(cursor.highest_modseq).unwrap_or_default();
        let told = match (pass, selected.highestmodseq) {
            (Pass::Glance | Pass::Scan, Some(_)) if selected.resynchronised => selected.changed,
            (Pass::Glance | Pass::Scan, Some(modseq)) if modseq == since => Vec::new(),
            (Pass::Glance | Pass::Scan, Some(_)) if since > 0 => session.flags(UidRange::ALL, Some(since)).await?,
            (Pass::Glance, None) => Vec::new(),
            (Pass::Glance | Pass::Scan | Pass::Whole, _) => return self.sweep_flags(session, cursor).await,
        };
        Ok(told.iter().map(|(uid, flags)| (*uid, FlagSet::new(flags.names()))).collect())
    }

    /// Every message's flags, but for those that bear none and bore none.
    async fn sweep_flags(&self, session: &mut Session, cursor: &FolderCursor) -> anyhow::Result<Vec<(u32, FlagSet)>> {
        let flagged = self.store.flagged_uids(cursor.id, cursor.uid_validity).await?;
        let flagged: HashSet<i64> = flagged.into_iter().collect();
        let all = session.flags(UidRange::ALL, None).await?;
        let all = all.iter().map(|(uid, flags)| (*uid, FlagSet::new(flags.names())));
        Ok(all.filter(|(uid, flags)| !flags.is_empty() || flagged.contains(&i64::from(*uid))).collect())
    }

    /// Notes the flags that changed and what is no longer there.
    async fn observe(
        &self,
        folder: &Watched,
        cursor: &FolderCursor,
        flags: Vec<(u32, FlagSet)>,
        gone: Vec<u32>,
    ) -> anyhow::Result<usize> {
        let source = self.source(folder, cursor);
        let mut news = 0;
        // the gone first: a message that is gone has no flags
        let turns = gone.chunks(BATCH).map(|gone| Shown { gone: gone.to_vec(), flags: Vec::new() });
        let turns = turns.chain(flags.chunks(BATCH).map(|flags| Shown { flags: flags.to_vec(), gone: Vec::new() }));
        for shown in turns {
            news += sighting::observe(self.store, &source, &shown, clock::now()).await?.len();
            self.pulse.beat();
        }
        Ok(news)
    }

    fn source(&self, folder: &Watched, cursor: &FolderCursor) -> Source<'_> {
        let (office, desk, lease) = (self.office, self.desk, Some(self.lease));
        Source { office, desk, cursor: cursor.clone(), role: folder.role, lease }
    }

    /// Writes down how far the folder was read.
    async fn conclude(&self, cursor: &FolderCursor) -> anyhow::Result<()> {
        let mut turn = self.store.begin().await?;
        turn.check_lease(self.lease).await?;
        turn.move_cursor(cursor, clock::now()).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Fetches, and records what was fetched while the next batch comes in. The last batch is recorded with the pass's
    /// `end`: an acknowledgement waits for one write to the disk, and not for two. Whether that was written.
    async fn fetch(
        &self,
        line: &mut Line,
        folder: &Watched,
        cursor: &mut FolderCursor,
        end: &FolderCursor,
        new: Vec<u32>,
    ) -> anyhow::Result<(Ingested, bool)> {
        let uid_validity = u32::try_from(cursor.uid_validity).context("UIDVALIDITY")?;
        let first_lines = self.desk.policy.reads_first_lines() && folder.role == FolderRole::Inbox;
        let queue = HeaderQueue::new(new);
        let mut fetching = Fetching { line, folder: &folder.name, uid_validity, queue, first_lines };
        let (mut total, mut concluded) = (Ingested::default(), false);
        let mut waiting = fetching.next_batch().await?;
        while !waiting.is_empty() {
            let highest = waiting.iter().map(|arrived| i64::from(arrived.uid)).max().unwrap_or_default();
            cursor.last_uid = cursor.last_uid.max(highest);
            concluded = fetching.queue.is_done();
            if concluded {
                *cursor = FolderCursor { last_uid: cursor.last_uid, ..end.clone() };
            }
            let source = self.source(folder, cursor);
            let recording = ingest::ingest(self.store, &source, &waiting, clock::now());
            let (recorded, coming) = tokio::join!(recording, fetching.next_batch());
            let recorded = recorded.context("recording messages")?;
            total.add(recorded);
            self.pulse.beat();
            waiting = coming?;
        }
        Ok((total, concluded))
    }
}

/// What QRESYNC is asked about; `None` where nothing is known.
fn known(cursor: &FolderCursor) -> Option<Known> {
    let uidvalidity = u32::try_from(cursor.uid_validity).ok()?;
    let highestmodseq = u64::try_from(cursor.highest_modseq).ok().filter(|modseq| *modseq > 0)?;
    Some(Known { uidvalidity, highestmodseq })
}

/// Whether the folder's UIDs mean something else than they did: another UIDVALIDITY, or counters that went back, as they
/// do where a backup was restored in place.
fn no_longer_means_the_same(cursor: &FolderCursor, selected: &Selected) -> bool {
    let went_back = selected.uidnext.is_some_and(|next| i64::from(next) < cursor.uid_next.max(cursor.last_uid + 1));
    let forgot =
        selected.highestmodseq.is_some_and(|modseq| i64::try_from(modseq).unwrap_or(0) < cursor.highest_modseq);
    i64::from(selected.uidvalidity) != cursor.uid_validity || went_back || forgot
}

fn as_count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The fetching of one folder's new messages, which outlives the sessions that it may cost.
struct Fetching<'a> {
    line: &'a mut Line,
    folder: &'a str,
    uid_validity: u32,
    queue: HeaderQueue,
    /// Whether some rule of the mailbox looks at the first lines of the text.
    first_lines: bool,
}

impl Fetching<'_> {
    /// The next messages, at most about [`BATCH`]; with the beginning of each report.
    async fn next_batch(&mut self) -> anyhow::Result<Vec<Arrived>> {
        let mut batch: Vec<Arrived> = Vec::new();
        let mut poison: Vec<(u32, imap::Error)> = Vec::new();
        let (mut relaid, mut octets, lines) = (0, 0, self.first_lines);
        while batch.len() < BATCH && octets < BATCH_OCTETS && !self.queue.is_done() {
            let take = |fetched| match fetched {
                Fetched::Message { uid, internal_date, size, flags, email_id, header, .. } => {
                    octets += header.len();
                    let flags = FlagSet::new(flags.names());
                    let arrived = Arrived::read_for(uid, internal_date, size, header, lines);
                    batch.push(arrived.with_flags(flags).with_email_id(email_id));
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
        for (uid, error) in poison {
            batch.push(self.rescue(uid, &error).await?);
        }
        for arrived in &mut batch {
            if arrived.needs_body()
                && let Some(start) = self.line.session.fetch_start(arrived.uid, REPORT_START).await?
            {
                arrived.add_body(&start);
            }
        }
        batch.sort_by_key(|arrived| arrived.uid);
        Ok(batch)
    }

    /// A message of which one item cannot be read: its header is asked for alone, then what the server can say without
    /// it. Each may cost a session.
    async fn rescue(&mut self, uid: u32, error: &imap::Error) -> anyhow::Result<Arrived> {
        let header = match self.line.session.fetch_header(uid).await {
            Ok(header) => header,
            Err(error) => self.go_on(&error).await?,
        };
        let outline = match self.line.session.fetch_outline(uid).await {
            Ok(outline) => outline,
            Err(error) => self.go_on(&error).await?,
        };
        let Outline { internal_date, size, email_id } = outline.unwrap_or_default();
        let arrived = if let Some(header) = header {
            Arrived::read_for(uid, internal_date, size, header, self.first_lines)
        } else {
            tracing::error!(
                uid,
                "message {uid} cannot be read from the server, and is recorded as unreadable: {error}"
            );
            Arrived::unreadable(uid, internal_date, size)
        };
        Ok(arrived.with_email_id(email_id))
    }

    /// Lays the line anew where an answer that cannot be read cost it.
    async fn go_on<T>(&mut self, error: &imap::Error) -> anyhow::Result<Option<T>> {
        if !error.leaves_session_usable() {
            let selected = self.line.relay(self.folder, self.uid_validity).await?;
            selected.context("UIDVALIDITY changed while fetching")?;
        }
        Ok(None)
    }
}
