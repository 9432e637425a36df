//! The watch over one mailbox: connect, read every folder, wait for news, read again; start over after any trouble.
//!
//! *Start reading* at [`watch`]. A mailbox's trouble stays its own: other tasks never wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::access::{Access, Tokens};
use super::folders::choose;
use super::gate::{Gate, Gates};
use super::heart::{Heart, Pulse};
use super::line::Line;
use super::sync::{Pass, Passed, Reader, Watched};
use crate::app::tick::{Sight, report_blindness, report_unread};
use crate::app::{Lease, Store, ingest, reconcile};
use crate::clock;
use crate::config::{self, MailboxSettings, Settings};
use crate::domain::classify::FolderRole;
use crate::domain::decide::Desk;
use crate::imap::{self, Deadlines, Endpoint, IdleEnd, Session};
use crate::mail::template::Templates;

/// The wait before the first new attempt after trouble.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
/// The wait after a first refused login, doubled with each further one: hammering locks the account.
const LOGIN_BACKOFF: Duration = Duration::from_mins(5);
/// The longest wait after a refused login.
const LONGEST_LOGIN_BACKOFF: Duration = Duration::from_hours(1);
/// The longest wait between two turns of a mailbox whose server has too few places for all.
const LONGEST_ROUND: Duration = Duration::from_mins(1);
/// How long a mailbox's lease lasts; it is renewed at every wait.
pub(super) const LEASE_SPAN: TimeDelta = TimeDelta::seconds(60);
/// The longest wait between two renewals of the lease.
const LEASE_RENEWAL: Duration = Duration::from_secs(20);
/// The first pause between two looks after something came.
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// Each pause is longer than the one before by this share of it.
const PAUSE_GROWS_BY: u32 = 8;
/// How long after something came vigie looks again by itself, ever more seldom.
const LOOKS_FOR: Duration = Duration::from_secs(3);
/// How long the loop may be without progress before the watchdog starves: longer than any single deadline.
const PATIENCE: Duration = Duration::from_mins(15);

/// What every task shares.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The configuration in force.
    pub settings: Arc<Settings>,
    /// The database.
    pub store: Store,
    /// The heartbeats.
    pub heart: Heart,
    /// The ways to the servers.
    pub gates: Arc<Gates>,
    /// The access tokens in force.
    pub tokens: Tokens,
    /// The texts in use.
    pub texts: Arc<watch::Sender<Arc<Templates>>>,
    /// Wakes the sender and the ticker: there may be something to send.
    pub news: Arc<Notify>,
    /// Ends everything.
    pub stop: CancellationToken,
}

/// Watches a mailbox until it is told to stop.
pub async fn watch(shared: Shared, name: String) -> anyhow::Result<()> {
    let settings = shared.settings.mailbox(&name).context("the mailbox is not in the configuration")?;
    let desk = shared.settings.office.desk(&name).context("the mailbox has no desk")?;
    let pulse = shared.heart.pulse(format!("mailbox {name}"), PATIENCE);
    let gate = shared.gates.of(&settings.imap).context("the server has no gate")?;
    let shy = AtomicBool::new(false);
    let watch = Watch { shared: &shared, settings, desk, pulse: &pulse, gate, shy: &shy };
    let mut backoff = Backoff::default();
    let mut blind_since: Option<DateTime<Utc>> = None;
    watch.rest(gate.delay(&name)).await;
    while !shared.stop.is_cancelled() {
        pulse.beat();
        let Err(error) = watch.session(&mut blind_since).await else {
            backoff = Backoff::default();
            continue;
        };
        if shared.stop.is_cancelled() {
            break;
        }
        if blind_since.is_none() {
            backoff = Backoff::default();
        }
        let since = *blind_since.get_or_insert_with(clock::now);
        let cause = error.downcast_ref::<imap::Error>();
        let refused = cause.is_some_and(imap::Error::is_authentication);
        if matches!(cause, Some(imap::Error::Unparsable { .. })) {
            shy.store(true, Ordering::Relaxed);
        }
        let wait = backoff.next(refused) + gate.delay(&name);
        let seconds = wait.as_secs();
        tracing::warn!(mailbox = %name, "mailbox {name} cannot be read: {error:#}; next attempt in {seconds} s");
        watch.wait_blind(wait, since, &format!("{error:#}"), refused).await;
    }
    Ok(())
}

/// The waits between attempts, doubled up to a limit; those after refused logins are counted apart.
#[derive(Debug)]
struct Backoff {
    trouble: Duration,
    refusal: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { trouble: FIRST_BACKOFF, refusal: LOGIN_BACKOFF }
    }
}

impl Backoff {
    fn next(&mut self, refused: bool) -> Duration {
        let (wait, longest) =
            if refused { (&mut self.refusal, LONGEST_LOGIN_BACKOFF) } else { (&mut self.trouble, LONGEST_BACKOFF) };
        let doubled = (*wait * 2).min(longest);
        std::mem::replace(wait, doubled)
    }
}

#[derive(Clone, Copy)]
struct Watch<'a> {
    shared: &'a Shared,
    settings: &'a MailboxSettings,
    desk: Desk<'a>,
    pulse: &'a Pulse,
    gate: &'a Gate,
    /// Once the server said what cannot be read, it is no longer asked to tell of other folders.
    shy: &'a AtomicBool,
}

impl Watch<'_> {
    /// One connection, from its login to its end; then a rest, where other mailboxes wait for the place.
    async fn session(&self, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let Some(lease) = self.lease().await? else {
            self.rest(LEASE_RENEWAL).await;
            return Ok(());
        };
        ingest::switch_on(&self.shared.store, self.desk, clock::now()).await?;
        // no place is free: the lease is renewed and the heart beats meanwhile
        let Some(place) = self.gate.enter(LEASE_RENEWAL).await else { return Ok(()) };
        self.visit(lease, blind_since).await?;
        drop(place);
        if self.gate.is_crowded() && !self.shared.stop.is_cancelled() {
            self.rest(self.settings.scan_every.min(LONGEST_ROUND)).await;
        }
        Ok(())
    }

    /// Reads, waits and reads again, until the end; only once, where other mailboxes wait for the place.
    async fn visit(&self, mut lease: Lease, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let access = Access::of(&self.settings.imap, &self.shared.tokens)?;
        let mut line = tokio::select! {
            () = self.shared.stop.cancelled() => return Ok(()),
            line = Line::open(endpoint(&self.settings.imap), access, Deadlines::default()) => line?,
        };
        let mut folders = self.folders(&mut line.session).await?;
        let mut pass = Pass::Scan;
        let mut scanned = clock::monotonic();
        loop {
            let came = self.read(&mut line, &folders, pass, &lease).await?;
            if pass == Pass::Scan {
                scanned = clock::monotonic();
                self.sees(blind_since).await?;
            }
            self.reconcile_if_due(&mut line, &folders, &lease).await?;
            let crowded = self.gate.is_crowded();
            if !self.shared.stop.is_cancelled() && !crowded {
                let again = folders.first().filter(|_| came);
                let more = match again {
                    Some(inbox) => self.look_again(&mut line, inbox, &lease).await?,
                    None => false,
                };
                if !more {
                    self.wait_for_news(&mut line.session, &folders, scanned + self.settings.scan_every).await?;
                }
            }
            if self.shared.stop.is_cancelled() || crowded {
                line.session.logout().await;
                self.shared.store.release(&lease).await?;
                return Ok(());
            }
            if line.is_expiring(clock::monotonic()) {
                // the next session is opened at once, with a new token
                line.session.logout().await;
                return Ok(());
            }
            let due = clock::monotonic() >= scanned + self.settings.scan_every;
            pass = if due { Pass::Scan } else { Pass::Glance };
            if due {
                folders = self.folders(&mut line.session).await?;
            }
            lease = self.lease().await?.context("another node took the mailbox over")?;
        }
    }

    async fn lease(&self) -> anyhow::Result<Option<Lease>> {
        let Shared { store, settings, .. } = self.shared;
        Ok(store.lease(&self.settings.name, &settings.node, LEASE_SPAN, clock::now()).await?)
    }

    /// The folders to read.
    async fn folders(&self, session: &mut Session) -> anyhow::Result<Vec<Watched>> {
        let folders = choose(self.settings, &session.list().await?);
        if !folders.iter().any(|folder| folder.role == FolderRole::Sent) {
            let name = &self.settings.name;
            tracing::warn!(mailbox = %name, "mailbox {name} has no Sent folder: name it as `sent`, or replies stay unseen");
            self.warn_unread(None, "").await?;
        }
        Ok(folders)
    }

    /// What a folder holds stays unseen: the administrators must know, as they do of a whole mailbox.
    async fn warn_unread(&self, folder: Option<&str>, cause: &str) -> anyhow::Result<()> {
        let Shared { store, settings, news, .. } = self.shared;
        report_unread(store, &settings.office, &self.settings.name, folder, cause, clock::now()).await?;
        news.notify_waiters();
        Ok(())
    }

    fn reader<'r>(&'r self, lease: &'r Lease) -> Reader<'r> {
        let Shared { store, settings, .. } = self.shared;
        Reader { store, office: &settings.office, desk: self.desk, lease, pulse: self.pulse }
    }

    /// Reads all folders; then glances once more at the first, where mail arrives, so that it is the open one and
    /// nothing can have come in unseen before the wait begins.
    /// Whether anything came.
    async fn read(&self, line: &mut Line, folders: &[Watched], pass: Pass, lease: &Lease) -> anyhow::Result<bool> {
        let reader = self.reader(lease);
        let mut came = false;
        let again = folders.first().filter(|_| folders.len() > 1).map(|inbox| (inbox, Pass::Glance));
        for (folder, pass) in folders.iter().map(|folder| (folder, pass)).chain(again) {
            let passed = match reader.pass(line, folder, pass).await {
                Ok(passed) => passed,
                Err(error) if folder.role != FolderRole::Inbox && is_about_folder(&error) => {
                    let name = &self.settings.name;
                    tracing::warn!(mailbox = %name, folder = %folder.name, "mailbox {name}: {error:#}; the others are read");
                    self.warn_unread(Some(&folder.name), &format!("{error:#}")).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.pulse.beat();
            came |= passed.new > 0;
            self.tell(folder, passed);
        }
        Ok(came)
    }

    /// Compares every folder whole with the server, once a day.
    async fn reconcile_if_due(&self, line: &mut Line, folders: &[Watched], lease: &Lease) -> anyhow::Result<()> {
        let Shared { store, settings, .. } = self.shared;
        let (name, schedule, zone) = (&self.settings.name, &settings.reconcile, self.desk.policy.zone);
        if !reconcile::is_due(store, name, schedule, zone, clock::now()).await? {
            return Ok(());
        }
        for folder in folders {
            let found = match self.reader(lease).reconcile(line, folder).await {
                Ok(found) => found,
                Err(error) if folder.role != FolderRole::Inbox && is_about_folder(&error) => continue,
                Err(error) => return Err(error),
            };
            self.pulse.beat();
            reconcile::record(store, &settings.office, lease, &found, clock::now()).await?;
        }
        reconcile::put_off(store, name, schedule, zone, clock::now()).await?;
        // what the repair recorded may have to be acknowledged; a difference that is left is mailed
        self.shared.news.notify_waiters();
        tracing::info!(mailbox = %name, "mailbox {name}: every folder compared with the server");
        // the wait that follows is for the folder where mail arrives
        let Some(inbox) = folders.first() else { return Ok(()) };
        let passed = self.reader(lease).pass(line, inbox, Pass::Glance).await?;
        self.tell(inbox, passed);
        Ok(())
    }

    fn tell(&self, folder: &Watched, Passed { ingested, gone, .. }: Passed) {
        if ingested.queued > 0 || ingested.opened > 0 {
            self.shared.news.notify_waiters();
        }
        if ingested.recorded + ingested.moved + gone == 0 {
            return;
        }
        let name = &self.settings.name;
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

    /// Waits until the server says that something changed, the lease wants renewal, or the next scan is due.
    async fn wait_for_news(&self, session: &mut Session, folders: &[Watched], until: Instant) -> anyhow::Result<()> {
        let wait = until.saturating_duration_since(clock::monotonic()).min(LEASE_RENEWAL);
        if wait.is_zero() {
            return Ok(());
        }
        if !session.capabilities().idle() {
            self.rest(wait).await;
            return Ok(());
        }
        // where the server can, it tells of replies and gestures in the other folders too
        if !self.shy.load(Ordering::Relaxed) {
            let others: Vec<String> = folders.iter().skip(1).map(|folder| folder.name.clone()).collect();
            session.notify(&others).await?;
        }
        let end = session.idle(wait, &self.shared.stop).await?;
        self.pulse.beat();
        if end == IdleEnd::Changed {
            tracing::debug!(mailbox = %self.settings.name, "mailbox {}: the server has news", self.settings.name);
        }
        Ok(())
    }

    /// Looks again at the folder where mail arrives after something came, ever more seldom: who writes is often followed
    /// by others, and some servers tell a client in IDLE of a change half a second late (Dovecot does, to tell several at
    /// once). Each pause is an eighth longer than the one before, about four dozen looks after each arrival, so that who
    /// comes is seen within an eighth of the time since the last; never longer than the lease allows. Whether more came:
    /// then the other folders are read too.
    async fn look_again(&self, line: &mut Line, inbox: &Watched, lease: &Lease) -> anyhow::Result<bool> {
        let longest = clock::monotonic() + LEASE_RENEWAL;
        let (mut end, mut pause, mut more) = (clock::monotonic() + LOOKS_FOR, FIRST_LOOK, false);
        while clock::monotonic() < end.min(longest) && !self.shared.stop.is_cancelled() {
            if line.session.has_news().await? {
                let passed = self.reader(lease).pass(line, inbox, Pass::Glance).await?;
                self.pulse.beat();
                self.tell(inbox, passed);
                (end, pause, more) = (clock::monotonic() + LOOKS_FOR, FIRST_LOOK, true);
            } else {
                self.rest(pause).await;
                pause += pause / PAUSE_GROWS_BY;
            }
        }
        Ok(more)
    }

    async fn rest(&self, span: Duration) {
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            () = sleep(span) => {}
        }
    }

    /// The mailbox can be read: says so where it could not.
    async fn sees(&self, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        if blind_since.take().is_some() {
            tracing::info!(mailbox = %self.settings.name, "mailbox {} can be read again", self.settings.name);
        }
        let Shared { store, settings, .. } = self.shared;
        report_blindness(store, &settings.office, &self.settings.name, Sight::Regained, clock::now()).await?;
        Ok(())
    }

    /// Waits before the next attempt; warns the administrators when the mailbox has been blind for too long, and at
    /// once when its login is refused.
    async fn wait_blind(&self, wait: Duration, since: DateTime<Utc>, cause: &str, refused: bool) {
        let end = clock::monotonic() + wait;
        loop {
            let now = clock::now();
            if refused || now - since >= self.shared.settings.blind_after {
                let Shared { store, settings, .. } = self.shared;
                let sight = Sight::Lost { since, cause };
                match report_blindness(store, &settings.office, &self.settings.name, sight, now).await {
                    Ok(()) => self.shared.news.notify_waiters(),
                    Err(error) => {
                        tracing::error!("the blindness of {} cannot be recorded: {error}", self.settings.name);
                    }
                }
            }
            self.pulse.beat();
            let left = end.saturating_duration_since(clock::monotonic());
            if left.is_zero() || self.shared.stop.is_cancelled() {
                return;
            }
            self.rest(left.min(LEASE_RENEWAL)).await;
        }
    }
}

/// Whether the server refused one folder, and goes on.
fn is_about_folder(error: &anyhow::Error) -> bool {
    error.downcast_ref::<imap::Error>().is_some_and(imap::Error::leaves_session_usable)
}

/// The server's address in imap's words.
#[must_use]
pub fn endpoint(server: &config::ServerSettings) -> Endpoint {
    Endpoint {
        host: server.host.clone(),
        port: server.port,
        security: match server.security {
            config::Security::Implicit => imap::Security::Implicit,
            config::Security::StartTls => imap::Security::StartTls,
            config::Security::Plain => imap::Security::Plain,
        },
        ca_file: server.ca_file.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_tried_ever_more_seldom() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..6).map(|_| backoff.next(true).as_secs() / 60).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        assert_eq!(backoff.next(false), FIRST_BACKOFF, "other trouble is counted apart");
    }
}
