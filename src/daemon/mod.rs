//! Tasks, reconnection, supervision, signals, `sd_notify`, cron.
//!
//! *Owns* every wait and every connection's life. *May import* all but `cli`. *Start reading* at [`run`], then
//! [`mailbox`].
//!
//! Invariants: a task that fails or panics is started again and takes no other with it; the watchdog is fed only while
//! every loop makes progress; a reload that cannot be taken leaves the old configuration in force. Deliberately absent:
//! decisions, and any state that a crash could lose.

pub mod access;
pub mod copies;
pub mod folders;
pub mod gate;
pub mod heart;
pub mod line;
pub mod mailbox;
pub mod reconcile;
pub mod seals;
pub mod sender;
pub mod storehouse;
pub mod sync;
pub mod texts;
pub mod ticker;
pub mod timestamps;
pub mod trust;
mod visit;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::access::Tokens;
use self::gate::Gates;
use self::heart::Heart;
use self::mailbox::Shared;
pub use self::texts::templates;
use self::trust::Trust;
use crate::app::{Store, refresh};
use crate::clock;
use crate::config::{Secrets, Settings};
use crate::domain::policy::SentCopy;
use crate::mail::template::Templates;

/// How long tasks get to finish what they are at when they are told to stop.
const FAREWELL: Duration = Duration::from_millis(1_500);
/// The wait before a task that failed is started again.
const RESTART_AFTER: Duration = Duration::from_secs(2);
/// How often the watchdog is fed when systemd asks for none.
const USUAL_BEAT: Duration = Duration::from_secs(10);

/// A task of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    Mailbox(String),
    Copies(String),
    Sender,
    Texts,
    Ticker,
    Storehouse,
    Web,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mailbox(name) => write!(f, "mailbox {name}"),
            Self::Copies(name) => write!(f, "copies {name}"),
            Self::Texts => f.write_str("texts"),
            Self::Sender => f.write_str("sender"),
            Self::Ticker => f.write_str("ticker"),
            Self::Storehouse => f.write_str("storehouse"),
            Self::Web => f.write_str("web"),
        }
    }
}

/// Runs until SIGTERM or SIGINT; SIGHUP reloads the configuration at `path`.
pub async fn run(path: &Path, settings: Settings, templates: Templates) -> anyhow::Result<()> {
    // First of all: a SIGHUP that comes before vigie is ready must not end it.
    let mut hangup = signal(SignalKind::hangup())?;
    let store = Store::open(&settings.store).await?;
    let refreshed = refresh::take_into_use(&store, &settings.office, clock::now()).await?;
    tracing::info!("{} open requests were dated anew", refreshed.redated);
    let mut crew = Crew::start(settings, templates, store.clone());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let beat = sd_notify::watchdog_enabled().map_or(USUAL_BEAT, |span| span / 3);
    let mut beats = interval(beat);
    say(&[NotifyState::Ready]);
    tracing::info!("vigie watches {} mailboxes", crew.shared.settings.mailboxes.len());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => crew = crew.reload(path).await,
            _ = beats.tick() => crew.feed_watchdog(),
            Some(ended) = crew.tasks.join_next_with_id() => crew.mourn(ended),
        }
    }
    say(&[NotifyState::Stopping]);
    tracing::info!("vigie stops");
    crew.dismiss().await;
    timeout(FAREWELL, store.close()).await.ok();
    Ok(())
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}

/// The tasks of one configuration.
struct Crew {
    shared: Shared,
    tasks: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, Task>,
}

impl Crew {
    fn start(settings: Settings, templates: Templates, store: Store) -> Self {
        let (settings, texts) = (Arc::new(settings), Arc::new(watch::Sender::new(Arc::new(templates))));
        let (heart, news, stop) = (Heart::default(), Arc::new(Notify::new()), CancellationToken::new());
        let gates = Arc::new(Gates::new(&settings));
        let (tokens, trust) = (Tokens::default(), Trust::default());
        let shared = Shared { settings: Arc::clone(&settings), store, heart, gates, tokens, trust, texts, news, stop };
        let mut crew = Self { shared, tasks: JoinSet::new(), names: HashMap::new() };
        for mailbox in &settings.mailboxes {
            crew.hire(Task::Mailbox(mailbox.name.clone()), Duration::ZERO);
        }
        for policy in settings.office.mailboxes.iter().filter(|policy| policy.sent_copy == SentCopy::Always) {
            crew.hire(Task::Copies(policy.name.clone()), Duration::ZERO);
        }
        crew.hire(Task::Sender, Duration::ZERO);
        crew.hire(Task::Texts, Duration::ZERO);
        crew.hire(Task::Ticker, Duration::ZERO);
        crew.hire(Task::Storehouse, Duration::ZERO);
        if settings.web.is_some() {
            crew.hire(Task::Web, Duration::ZERO);
        }
        crew
    }

    /// Starts a task, after a wait.
    fn hire(&mut self, task: Task, after: Duration) {
        let (shared, role) = (self.shared.clone(), task.clone());
        let stop = self.shared.stop.clone();
        let handle = self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(after) => {}
            }
            match role {
                Task::Mailbox(name) => mailbox::watch(shared, name).await,
                Task::Copies(name) => copies::run(shared, name).await,
                Task::Sender => sender::run(shared).await,
                Task::Texts => texts::run(shared).await,
                Task::Ticker => ticker::run(shared).await,
                Task::Storehouse => storehouse::run(shared).await,
                Task::Web => serve(shared).await,
            }
        });
        self.names.insert(handle.id(), task);
    }

    /// A task ended: if it was not told to, it is started again.
    fn mourn(&mut self, ended: Result<(Id, anyhow::Result<()>), tokio::task::JoinError>) {
        let (id, cause) = match ended {
            Ok((id, Ok(()))) => (id, None),
            Ok((id, Err(error))) => (id, Some(format!("{error:#}"))),
            Err(error) => (error.id(), Some(if error.is_panic() { "it panicked".into() } else { error.to_string() })),
        };
        let Some(task) = self.names.remove(&id) else { return };
        if self.shared.stop.is_cancelled() {
            return;
        }
        let cause = cause.unwrap_or_else(|| "it ended by itself".into());
        tracing::error!("the task {task} ended: {cause}; it is started again in {} s", RESTART_AFTER.as_secs());
        self.hire(task, RESTART_AFTER);
    }

    fn feed_watchdog(&self) {
        let stuck = self.shared.heart.stuck(clock::monotonic());
        if stuck.is_empty() {
            let status = format!("watching {} mailboxes", self.shared.settings.mailboxes.len());
            say(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
        } else {
            let status = format!("no progress: {}", stuck.join(", "));
            tracing::error!("{status}; the watchdog is not fed");
            say(&[NotifyState::Status(&status)]);
        }
    }

    /// Takes a new configuration into use; a bad one is refused, and the old one stays in force.
    async fn reload(self, path: &Path) -> Self {
        say(&[NotifyState::Reloading]);
        let loaded = load(path);
        let crew = match loaded {
            Err(error) => {
                tracing::error!("the new configuration is refused, the old one stays in force: {error:#}");
                self
            }
            Ok((settings, templates)) => {
                if settings.store != self.shared.settings.store {
                    tracing::warn!("the database stays the same until vigie is restarted");
                }
                let store = self.shared.store.clone();
                self.dismiss().await;
                match refresh::take_into_use(&store, &settings.office, clock::now()).await {
                    Ok(done) => {
                        tracing::info!("the new configuration is in force; open requests dated anew: {}", done.redated);
                    }
                    Err(error) => tracing::error!("the new configuration cannot be written down: {error}"),
                }
                Self::start(settings, templates, store)
            }
        };
        say(&[NotifyState::Ready]);
        crew
    }

    /// Tells every task to stop, and waits for them a little: what is cut off is found again at the next start.
    async fn dismiss(mut self) {
        self.shared.stop.cancel();
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(FAREWELL, all_ended).await.is_err() {
            tracing::warn!("some tasks did not end in time and are cut off");
            self.tasks.abort_all();
        }
    }
}

/// Reads a configuration and its texts, and checks that they render.
pub fn load(path: &Path) -> anyhow::Result<(Settings, Templates)> {
    let settings = Settings::load(path, Secrets::Read)?;
    let templates = templates(&settings)?;
    Ok((settings, templates))
}

async fn serve(shared: Shared) -> anyhow::Result<()> {
    let Some(address) = shared.settings.web else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let heart = shared.heart.clone();
    let health = move || heart.ills(clock::monotonic());
    let stop = shared.stop.clone();
    crate::web::serve(listener, shared.store.clone(), Arc::new(health), async move { stop.cancelled().await }).await?;
    Ok(())
}
