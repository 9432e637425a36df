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
use super::gate::{Gate, Gates};
use super::heart::{Heart, Pulse};
use super::line::Line;
use super::sync::Reader;
use super::trust::Trust;
use super::visit::Visit;
use crate::app::tick::{Sight, report_blindness, report_unread};
use crate::app::{Lease, Store, ingest};
use crate::clock;
use crate::config::{self, MailboxSettings, Settings};
use crate::domain::decide::Desk;
use crate::imap::{self, Deadlines, Endpoint};
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
/// How long a mailbox's lease lasts; it is renewed once half of that has passed.
pub(super) const LEASE_SPAN: TimeDelta = TimeDelta::seconds(60);
/// The longest wait between two looks at the lease.
pub(super) const LEASE_RENEWAL: Duration = Duration::from_secs(20);
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
    /// The authorities of the servers' certificates.
    pub trust: Trust,
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

/// The watch over one mailbox.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) settings: &'a MailboxSettings,
    pub(super) desk: Desk<'a>,
    pub(super) pulse: &'a Pulse,
    pub(super) gate: &'a Gate,
    /// Once the server said what cannot be read, or asking cost a session, it is no longer asked to tell of other folders.
    pub(super) shy: &'a AtomicBool,
}

impl Watch<'_> {
    /// One connection, from its login to its end; then a rest, where other mailboxes wait for the place.
    async fn session(&self, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let leased = clock::monotonic();
        let Some(lease) = self.lease().await? else {
            // another node sees it
            *blind_since = None;
            self.rest(LEASE_RENEWAL).await;
            return Ok(());
        };
        ingest::switch_on(&self.shared.store, self.desk, clock::now()).await?;
        // no place is free: the lease is renewed and the heart beats meanwhile
        let Some(place) = self.gate.enter(LEASE_RENEWAL).await else { return Ok(()) };
        self.visit((lease, leased), blind_since).await?;
        drop(place);
        if self.gate.is_crowded() && !self.shared.stop.is_cancelled() {
            self.rest(self.settings.scan_every.min(LONGEST_ROUND)).await;
        }
        Ok(())
    }

    /// One connection: reads, waits and reads again.
    async fn visit(&self, lease: (Lease, Instant), blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let access = Access::of(&self.settings.imap, &self.shared.tokens)?;
        let line = tokio::select! {
            () = self.shared.stop.cancelled() => return Ok(()),
            line = Line::open(endpoint(&self.settings.imap), access, &self.shared.trust, Deadlines::default()) => line?,
        };
        Visit::begin(*self, line, lease).await?.run(blind_since).await
    }

    pub(super) async fn lease(&self) -> anyhow::Result<Option<Lease>> {
        let Shared { store, settings, .. } = self.shared;
        Ok(store.lease(&self.settings.name, &settings.node, LEASE_SPAN, clock::now()).await?)
    }

    /// What a folder holds stays unseen: the administrators must know, as they do of a whole mailbox.
    pub(super) async fn warn_unread(&self, folder: Option<&str>, cause: &str) -> anyhow::Result<()> {
        let Shared { store, settings, news, .. } = self.shared;
        report_unread(store, &settings.office, &self.settings.name, folder, cause, clock::now()).await?;
        news.notify_waiters();
        Ok(())
    }

    pub(super) fn reader<'r>(&'r self, lease: &'r Lease) -> Reader<'r> {
        let Shared { store, settings, .. } = self.shared;
        Reader { store, office: &settings.office, desk: self.desk, lease, pulse: self.pulse }
    }

    pub(super) async fn rest(&self, span: Duration) {
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            () = sleep(span) => {}
        }
    }

    /// The mailbox can be read: says so where it could not.
    pub(super) async fn sees(&self, blind_since: &mut Option<DateTime<Utc>>) -> anyhow::Result<()> {
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
pub(super) fn is_about_folder(error: &anyhow::Error) -> bool {
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
