//! One connection to a mailbox's server: reads every folder, waits for news, reads again.
//!
//! *Start reading* at [`Visit::run`]. What the server tells while vigie waits is a hint that makes it look sooner; that it
//! looks at all depends on the clock alone: at [`GLANCE_AT_LEAST`] at the latest, and whole at `scan_every`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::folders::choose;
use super::line::Line;
use super::mailbox::{LEASE_RENEWAL, LEASE_SPAN, Watch, is_about_folder};
use super::sync::{Pass, Passed, Watched};
use crate::app::{Lease, reconcile};
use crate::clock;
use crate::domain::classify::FolderRole;
use crate::imap::IdleEnd;

/// The longest time between two looks at every folder where the server tells of all of them by itself. Where it does not,
/// they are looked at after each wait.
const GLANCE_AT_LEAST: Duration = Duration::from_mins(2);
/// The first pause between two looks after something came.
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// Each pause is longer than the one before by this share of it.
const PAUSE_GROWS_BY: u32 = 8;
/// How long after something came vigie looks again by itself, ever more seldom.
const LOOKS_FOR: Duration = Duration::from_secs(3);

/// A connection in use.
pub(super) struct Visit<'a> {
    watch: Watch<'a>,
    line: Line,
    folders: Vec<Watched>,
    lease: Lease,
    leased: Instant,
    rounds: Rounds,
}

/// When every folder was read last.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    read: Instant,
    /// The same, with that written down.
    scanned: Instant,
    scan_every: Duration,
}

impl Rounds {
    /// Every folder has been read.
    fn end(&mut self, pass: Pass, now: Instant) {
        self.read = now;
        match pass {
            Pass::Glance => {}
            Pass::Scan | Pass::Whole => self.scanned = now,
        }
    }

    /// How thoroughly to read after a wait; `None` to wait on: nothing was told by a server that tells of every folder.
    fn next(&self, news: bool, told: bool, now: Instant) -> Option<Pass> {
        if now >= self.next_scan() {
            return Some(Pass::Scan);
        }
        (news || !told || now >= self.read + GLANCE_AT_LEAST).then_some(Pass::Glance)
    }

    fn next_scan(&self) -> Instant {
        self.scanned + self.scan_every
    }
}

impl<'a> Visit<'a> {
    /// Begins with a line that has just been opened, and a lease with the instant at which it was asked for.
    pub(super) async fn begin(watch: Watch<'a>, line: Line, (lease, leased): (Lease, Instant)) -> anyhow::Result<Self> {
        let now = clock::monotonic();
        let rounds = Rounds { read: now, scanned: now, scan_every: watch.settings.scan_every };
        let mut visit = Self { watch, line, folders: Vec::new(), lease, leased, rounds };
        visit.list().await?;
        Ok(visit)
    }

    /// Reads, waits and reads again, until the end; only once, where other mailboxes wait for the place.
    pub(super) async fn run(mut self, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let mut next = Some(Pass::Scan);
        while let Some(pass) = next {
            let came = self.read(pass).await?;
            if pass == Pass::Scan {
                self.watch.sees(blind_since).await?;
            }
            self.reconcile_if_due().await?;
            let more = came && !self.is_over() && self.look_again().await?;
            next = self.wait(more).await?;
        }
        if self.line.session.has_gone_mute() {
            let name = &self.watch.settings.name;
            tracing::warn!(mailbox = %name, "mailbox {name}: the server gave up telling of other folders, and is asked no more");
            self.watch.shy.store(true, Ordering::Relaxed);
        }
        if self.gives_way() {
            // before the good-bye, which a server that falls silent would draw out
            self.watch.shared.store.release(&self.lease).await?;
        }
        self.line.session.logout().await;
        Ok(())
    }

    /// Whether this connection has had its time: others wait for it, its token expires, or its server fell mute. Where
    /// nobody waits, the next one is opened at once.
    fn is_over(&self) -> bool {
        self.gives_way() || self.line.is_expiring(clock::monotonic()) || self.line.session.has_gone_mute()
    }

    /// Whether the mailbox is left for a while.
    fn gives_way(&self) -> bool {
        self.watch.shared.stop.is_cancelled() || self.watch.gate.is_crowded()
    }

    /// Lists the folders to read, and asks the server to tell of them: before they are read, so that there is no gap
    /// between the reading and the telling.
    async fn list(&mut self) -> anyhow::Result<()> {
        self.folders = choose(self.watch.settings, &self.line.session.list().await?);
        let name = &self.watch.settings.name;
        if !self.folders.iter().any(|folder| folder.role == FolderRole::Sent) {
            tracing::warn!(mailbox = %name, "mailbox {name} has no Sent folder: name it as `sent`, or replies stay unseen");
            self.watch.warn_unread(None, "").await?;
        }
        let asks = !self.gives_way() && !self.watch.shy.load(Ordering::Relaxed);
        if !asks || !self.line.session.capabilities().idle() {
            return Ok(());
        }
        let others: Vec<String> = self.folders.iter().skip(1).map(|folder| folder.name.clone()).collect();
        if let Err(error) = self.line.session.notify(&others).await {
            tracing::warn!(mailbox = %name, "mailbox {name}: NOTIFY cost the session and is asked for no more");
            self.watch.shy.store(true, Ordering::Relaxed);
            return Err(error.into());
        }
        Ok(())
    }

    /// Reads all folders; then glances once more at the first, where mail arrives, so that it is the open one and
    /// nothing can have come in unseen before the wait begins. Whether anything came.
    async fn read(&mut self, pass: Pass) -> anyhow::Result<bool> {
        let reader = self.watch.reader(&self.lease);
        let mut came = false;
        let again = self.folders.first().filter(|_| self.folders.len() > 1).map(|inbox| (inbox, Pass::Glance));
        for (folder, pass) in self.folders.iter().map(|folder| (folder, pass)).chain(again) {
            let passed = match reader.pass(&mut self.line, folder, pass).await {
                Ok(passed) => passed,
                Err(error) if folder.role != FolderRole::Inbox && is_about_folder(&error) => {
                    let name = &self.watch.settings.name;
                    tracing::warn!(mailbox = %name, folder = %folder.name, "mailbox {name}: {error:#}; the others are read");
                    self.watch.warn_unread(Some(&folder.name), &format!("{error:#}")).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.watch.pulse.beat();
            came |= passed.new > 0;
            self.tell(folder, passed);
        }
        self.rounds.end(pass, clock::monotonic());
        Ok(came)
    }

    /// Compares every folder whole with the server, once a day.
    async fn reconcile_if_due(&mut self) -> anyhow::Result<()> {
        let Watch { shared, settings, desk, .. } = self.watch;
        let (store, office, schedule) = (&shared.store, &shared.settings.office, &shared.settings.reconcile);
        let (name, zone) = (&settings.name, desk.policy.zone);
        if !reconcile::is_due(store, name, schedule, zone, clock::now()).await? {
            return Ok(());
        }
        let reader = self.watch.reader(&self.lease);
        for folder in &self.folders {
            let found = match reader.reconcile(&mut self.line, folder).await {
                Ok(found) => found,
                Err(error) if folder.role != FolderRole::Inbox && is_about_folder(&error) => continue,
                Err(error) => return Err(error),
            };
            self.watch.pulse.beat();
            reconcile::record(store, office, &self.lease, &found, clock::now()).await?;
        }
        reconcile::put_off(store, name, schedule, zone, clock::now()).await?;
        // what the repair recorded may have to be acknowledged; a difference that is left is mailed
        shared.news.notify_waiters();
        tracing::info!(mailbox = %name, "mailbox {name}: every folder compared with the server");
        // the wait that follows is for the folder where mail arrives
        self.glance_at_inbox().await
    }

    fn tell(&self, folder: &Watched, Passed { ingested, gone, .. }: Passed) {
        if ingested.queued > 0 || ingested.opened > 0 {
            self.watch.shared.news.notify_waiters();
        }
        if ingested.recorded + ingested.moved + gone == 0 {
            return;
        }
        let name = &self.watch.settings.name;
        tracing::info!(
            mailbox = %name,
            folder = %folder.name,
            recorded = ingested.recorded,
            moved = ingested.moved,
            gone,
            opened = ingested.opened,
            queued = ingested.queued,
            "mailbox {name}: {} messages recorded in {}",
            ingested.recorded,
            folder.name,
        );
    }

    async fn glance_at_inbox(&mut self) -> anyhow::Result<()> {
        let Some(inbox) = self.folders.first() else { return Ok(()) };
        let passed = self.watch.reader(&self.lease).pass(&mut self.line, inbox, Pass::Glance).await?;
        self.watch.pulse.beat();
        self.tell(inbox, passed);
        Ok(())
    }

    /// Waits until there is something to read, unless there is already, and says how thoroughly; `None` where the
    /// connection has had its time. However much comes, the lease is renewed and no scan is put off.
    async fn wait(&mut self, already: bool) -> anyhow::Result<Option<Pass>> {
        while !self.is_over() {
            let news = already || self.wait_for_news().await?;
            self.renew_lease().await?;
            let told = self.line.session.is_notified();
            match self.rounds.next(news, told, clock::monotonic()) {
                Some(_) if self.is_over() => return Ok(None),
                Some(Pass::Scan) => {
                    self.list().await?;
                    return Ok(Some(Pass::Scan));
                }
                Some(pass) => return Ok(Some(pass)),
                None => {}
            }
        }
        Ok(None)
    }

    /// Waits until the server says that something changed, the lease wants renewal, or the next scan is due; whether
    /// there may be news.
    async fn wait_for_news(&mut self) -> anyhow::Result<bool> {
        let wait = self.rounds.next_scan().saturating_duration_since(clock::monotonic()).min(LEASE_RENEWAL);
        if wait.is_zero() {
            return Ok(true);
        }
        if !self.line.session.capabilities().idle() {
            self.watch.rest(wait).await;
            return Ok(true);
        }
        let end = self.line.session.idle(wait, &self.watch.shared.stop).await?;
        self.watch.pulse.beat();
        let name = &self.watch.settings.name;
        if end == IdleEnd::Changed {
            tracing::debug!(mailbox = %name, "mailbox {name}: the server has news");
        }
        Ok(end == IdleEnd::Changed)
    }

    /// Renews the lease, once half of it has passed.
    async fn renew_lease(&mut self) -> anyhow::Result<()> {
        let now = clock::monotonic();
        if now < self.leased + LEASE_SPAN.to_std()? / 2 {
            return Ok(());
        }
        self.lease = self.watch.lease().await?.context("another node took the mailbox over")?;
        self.leased = now;
        Ok(())
    }

    /// Looks again at the folder where mail arrives after something came, ever more seldom: who writes is often followed
    /// by others, and some servers tell a client in IDLE of a change half a second late (Dovecot does, to tell several at
    /// once). Each pause is an eighth longer than the one before, about four dozen looks after each arrival, so that who
    /// comes is seen within an eighth of the time since the last; never longer than the lease allows. Whether more came:
    /// then the other folders are read too.
    async fn look_again(&mut self) -> anyhow::Result<bool> {
        let longest = clock::monotonic() + LEASE_RENEWAL;
        let (mut end, mut pause, mut more) = (clock::monotonic() + LOOKS_FOR, FIRST_LOOK, false);
        while clock::monotonic() < end.min(longest) && !self.watch.shared.stop.is_cancelled() {
            if self.line.session.has_news().await? {
                self.glance_at_inbox().await?;
                (end, pause, more) = (clock::monotonic() + LOOKS_FOR, FIRST_LOOK, true);
            } else {
                self.watch.rest(pause).await;
                pause += pause / PAUSE_GROWS_BY;
            }
        }
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_tells_of_every_folder_is_looked_at_more_seldom_but_looked_at() {
        let start = clock::monotonic();
        let mut rounds = Rounds { read: start, scanned: start, scan_every: Duration::from_mins(5) };
        let soon = start + LEASE_RENEWAL;
        assert_eq!(rounds.next(false, true, soon), None);
        assert_eq!(rounds.next(true, true, soon), Some(Pass::Glance), "it told something");
        assert_eq!(rounds.next(false, false, soon), Some(Pass::Glance), "it tells nothing of the others");
        let late = start + GLANCE_AT_LEAST;
        assert_eq!(rounds.next(false, true, late), Some(Pass::Glance), "what it forgot to tell");
        rounds.end(Pass::Glance, late);
        assert_eq!(rounds.next(false, true, late + LEASE_RENEWAL), None);
        assert_eq!(
            rounds.next(false, true, start + Duration::from_mins(5)),
            Some(Pass::Scan),
            "glances put no scan off"
        );
        rounds.end(Pass::Scan, start + Duration::from_mins(5));
        assert_eq!(rounds.next(false, true, start + Duration::from_mins(6)), None);
    }
}
