//! `vigie check`: the configuration, the texts and, unless `--offline`, every server. Each finding says what to do.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;

use super::findings::Report;
use super::{Answer, Failure};
use crate::app::reconcile::{self, Finding};
use crate::app::{Store, StoreError, ingest};
use crate::clock;
use crate::config::{MailboxSettings, Secrets, Settings};
use crate::daemon::access::{Access, Tokens};
use crate::daemon::folders::choose;
use crate::daemon::heart::Heart;
use crate::daemon::line::Line;
use crate::daemon::mailbox::endpoint;
use crate::daemon::sender::relay;
use crate::daemon::sync::Reader;
use crate::daemon::templates;
use crate::daemon::trust::Trust;
use crate::domain::classify::FolderRole;
use crate::domain::french::counted;
use crate::domain::gesture::{GestureRule, Sign};
use crate::imap::{Deadlines, ListedFolder, Session};
use crate::smtp;

/// How long a comparison may hold a mailbox's lease without renewing it.
const LEASE_SPAN: TimeDelta = TimeDelta::minutes(10);
/// How long a folder may take: told to nobody here, a command has no watchdog.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Speak to no server, and read no secret
    #[arg(long)]
    offline: bool,
    /// Compare every folder whole with its server, repair what differs, and write the result into the ledger
    #[arg(long, conflicts_with = "offline")]
    reconcile: bool,
}

/// Checks everything that can be checked, and tells all findings rather than the first.
pub async fn check(config: &Path, arguments: &Arguments) -> Answer {
    let secrets = if arguments.offline { Secrets::Skip } else { Secrets::Read };
    let settings = Settings::load(config, secrets)?;
    templates(&settings).map_err(Failure::Usage)?;
    let mut report = Report::default();
    report.good(&format!(
        "configuration\u{a0}: {}, {}",
        counted(settings.mailboxes.len(), "boîte", "boîtes"),
        counted(settings.office.bureaux.len(), "bureau", "bureaux")
    ));
    super::template::lint_all(&settings, &mut report)?;
    if !arguments.offline {
        report.add("base de données", probe_store(&settings.store).await);
        for mailbox in &settings.mailboxes {
            let rules = settings.office.desk(&mailbox.name).map_or(&[][..], |desk| &desk.policy.gestures);
            match probe_mailbox(mailbox, rules).await {
                Ok(probed) => probed.tell(&mailbox.name, &mut report),
                Err(error) => report.bad(&format!("boîte {}\u{a0}: {error:#}", mailbox.name)),
            }
        }
        report.add("relais SMTP", smtp::probe(&relay(&settings)).await.map(|()| "joignable et authentifié".to_owned()));
    }
    if arguments.reconcile {
        let store = Store::open(&settings.store).await.context("la base de données").map_err(Failure::Usage)?;
        for mailbox in &settings.mailboxes {
            if let Err(error) = reconcile_mailbox(&settings, &store, mailbox, &mut report).await {
                report.bad(&format!("boîte {}\u{a0}: {error:#}", mailbox.name));
            }
        }
    }
    report.print()
}

/// Opens the database where there is one; makes none, for under another account the daemon could not open it.
async fn probe_store(url: &str) -> Result<String, StoreError> {
    match Store::open_existing(url).await {
        Ok(_) => Ok("accessible".to_owned()),
        Err(StoreError::Absent { place }) => Ok(format!("{place} n’existe pas encore\u{202f}; vigie run la créera")),
        Err(error) => Err(error),
    }
}

/// Compares each folder of a mailbox with its server. It may run beside the daemon: both hold the node's lease, and
/// what one records the other finds recorded.
async fn reconcile_mailbox(
    settings: &Settings,
    store: &Store,
    mailbox: &MailboxSettings,
    report: &mut Report,
) -> anyhow::Result<()> {
    let desk = settings.office.desk(&mailbox.name).context("la boîte n’a pas de bureau")?;
    ingest::switch_on(store, desk, clock::now()).await?;
    let lease = store.lease(&mailbox.name, &settings.node, LEASE_SPAN, clock::now()).await?;
    let lease = lease.context("un autre nœud surveille cette boîte\u{a0}: lancez la commande sur ce nœud")?;
    let access = Access::of(&mailbox.imap, &Tokens::default())?;
    let mut line = Line::open(endpoint(&mailbox.imap), access, &Trust::default(), Deadlines::default()).await?;
    let folders = choose(mailbox, &line.session.list().await?);
    let heart = Heart::default();
    let pulse = heart.pulse("check", PATIENCE);
    let reader = Reader { store, office: &settings.office, desk, lease: &lease, pulse: &pulse };
    for folder in &folders {
        let found = reader.reconcile(&mut line, folder).await?;
        reconcile::record(store, &settings.office, &lease, &found, clock::now()).await?;
        let text = told(&found);
        if found.is_repaired() { report.good(&text) } else { report.bad(&text) }
    }
    line.session.logout().await;
    Ok(())
}

fn told(found: &Finding) -> String {
    let Finding { mailbox, folder, server, store, missing, surplus, left } = found;
    let server = counted(*server, "message", "messages");
    let head = format!("boîte {mailbox}, dossier {folder}\u{a0}: {server} au serveur, {store} au registre");
    match (missing.len() + surplus.len(), left.len()) {
        (0, _) => head,
        (_, 0) => {
            let missing = counted(missing.len(), "manquant", "manquants");
            format!("{head}\u{202f}; {missing}, {}\u{a0}: réparé", counted(surplus.len(), "disparu", "disparus"))
        }
        (_, left) => {
            let left = counted(left, "message diffère", "messages diffèrent");
            format!("{head}\u{202f}; {left} encore après relève")
        }
    }
}

/// What a mailbox's server said.
struct Probed {
    /// What is as it should be, in words.
    text: String,
    /// The gestures that no agent can make yet, in words.
    unmade: Vec<String>,
}

impl Probed {
    fn tell(&self, mailbox: &str, report: &mut Report) {
        report.good(&format!("boîte {mailbox}\u{a0}: {}", self.text));
        for gesture in &self.unmade {
            report.note(&format!("boîte {mailbox}\u{a0}: {gesture}"));
        }
    }
}

/// The gestures for which the server has no folder, or keeps no keyword.
async fn unmade(
    session: &mut Session,
    mailbox: &MailboxSettings,
    rules: &[GestureRule],
    listed: &[ListedFolder],
) -> anyhow::Result<Vec<String>> {
    let exists = |wanted: &str| listed.iter().any(|folder| folder.name == wanted && folder.is_selectable());
    let mut unmade = Vec::new();
    let mut keywords = Vec::new();
    for rule in rules {
        match &rule.sign {
            Sign::Folder(folder) if exists(folder) => {}
            Sign::Folder(folder) => unmade.push(format!(
                "le dossier de geste «\u{a0}{folder}\u{a0}» n’existe pas encore sur le serveur\u{202f}; créez-le pour que les agents s’en servent"
            )),
            Sign::Keyword(keyword) => keywords.push(keyword.as_str()),
        }
    }
    if !keywords.is_empty() && !session.keeps_keywords(&mailbox.inbox).await? {
        unmade.push(format!(
            "le serveur ne garde pas de mots-clés dans {} pour ce compte (PERMANENTFLAGS)\u{202f}; si les agents y ont les mêmes \
             droits, les gestes {} ne seront jamais vus\u{a0}: préférez des dossiers",
            mailbox.inbox,
            keywords.join(", ")
        ));
    }
    Ok(unmade)
}

/// Logs in, finds the folders, and opens each for reading.
async fn probe_mailbox(mailbox: &MailboxSettings, rules: &[GestureRule]) -> anyhow::Result<Probed> {
    let access = Access::of(&mailbox.imap, &Tokens::default())?;
    let mut session =
        Line::open(endpoint(&mailbox.imap), access, &Trust::default(), Deadlines::default()).await?.session;
    let inbox = session.examine(&mailbox.inbox, None).await?;
    let listed = session.list().await?;
    let folders = choose(mailbox, &listed);
    for folder in &folders {
        session.examine(&folder.name, None).await?;
    }
    let unmade = unmade(&mut session, mailbox, rules, &listed).await?;
    session.logout().await;
    let sent: Vec<&str> =
        folders.iter().filter(|folder| folder.role == FolderRole::Sent).map(|folder| folder.name.as_str()).collect();
    let sent =
        if sent.is_empty() { "aucun\u{a0}: les réponses ne seront pas vues".to_owned() } else { sent.join(", ") };
    Ok(Probed {
        text: format!(
            "{} dans {}, dossiers d’envoi\u{a0}: {sent}",
            counted(inbox.exists, "message", "messages"),
            mailbox.inbox
        ),
        unmade,
    })
}
