//! `vigie check`: the configuration, the texts and, unless `--offline`, every server. Each finding says what to do.

use std::path::Path;

use super::findings::Report;
use super::{Answer, Failure};
use crate::app::{Store, StoreError};
use crate::config::{MailboxSettings, Secrets, Settings};
use crate::daemon::mailbox::{credentials, endpoint};
use crate::daemon::sender::relay;
use crate::daemon::templates;
use crate::imap::{self, Deadlines};
use crate::smtp;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Speak to no server, and read no secret
    #[arg(long)]
    offline: bool,
}

/// Checks everything that can be checked, and tells all findings rather than the first.
pub async fn check(config: &Path, arguments: &Arguments) -> Answer {
    let secrets = if arguments.offline { Secrets::Skip } else { Secrets::Read };
    let settings = Settings::load(config, secrets)?;
    templates(&settings).map_err(Failure::Usage)?;
    let mut report = Report::default();
    report.good(&format!(
        "configuration : {} boîtes, {} bureaux",
        settings.mailboxes.len(),
        settings.office.bureaux.len()
    ));
    super::template::lint_all(&settings, &mut report)?;
    if !arguments.offline {
        report.add("base de données", probe_store(&settings.store).await);
        for mailbox in &settings.mailboxes {
            report.add(&format!("boîte {}", mailbox.name), probe_mailbox(mailbox).await);
        }
        report.add("relais SMTP", smtp::probe(&relay(&settings)).await.map(|()| "joignable et authentifié".to_owned()));
    }
    report.print()
}

/// Opens the database where there is one; makes none, for under another account the daemon could not open it.
async fn probe_store(url: &str) -> Result<String, StoreError> {
    match Store::open_existing(url).await {
        Ok(_) => Ok("accessible".to_owned()),
        Err(StoreError::Absent { place }) => Ok(format!("{place} n’existe pas encore ; vigie run la créera")),
        Err(error) => Err(error),
    }
}

/// Logs in, finds the folders, and opens each for reading.
async fn probe_mailbox(mailbox: &MailboxSettings) -> anyhow::Result<String> {
    let tls = imap::tls_config(mailbox.imap.ca_file.as_deref())?;
    let mut session =
        imap::connect(&endpoint(&mailbox.imap), &credentials(mailbox)?, &tls, Deadlines::default()).await?;
    let inbox = session.examine(&mailbox.inbox, None).await?;
    let listed = session.list().await?;
    let sent: Vec<String> = if mailbox.sent.is_empty() {
        imap::find_sent(&listed).into_iter().map(|folder| folder.name.clone()).collect()
    } else {
        mailbox.sent.clone()
    };
    for folder in sent.iter().chain(&mailbox.folders) {
        session.examine(folder, None).await?;
    }
    session.logout().await;
    let sent = if sent.is_empty() { "aucun : les réponses ne seront pas vues".to_owned() } else { sent.join(", ") };
    Ok(format!("{} messages dans {}, dossiers d’envoi : {sent}", inbox.exists, mailbox.inbox))
}
