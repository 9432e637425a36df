//! `vigie status`: how vigie stands, mailbox by mailbox.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::output::{self, Format, short_instant};
use super::{Answer, Failure, open};
use crate::app::{blind_spot, forecast::of_bureau};
use crate::clock;
use crate::config::Settings;
use crate::domain::blind_spot::BlindSpot;
use crate::domain::french::counted;
use crate::domain::ledger::rfc3339;
use crate::report::table::Table;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A mailbox, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct MailboxStatus {
    mailbox: String,
    mode: &'static str,
    watched_since: Option<String>,
    last_scan: Option<String>,
    blind_since: Option<String>,
    messages: i64,
    open: i64,
    backlog_open: i64,
    /// Requests answered over the last 90 days, and those of them whose answer only a flag tells.
    answered: u32,
    answers_unseen: u32,
    /// What is not seen of its answers: `sent_stays_empty`, `answers_unseen`.
    blind_spot: Option<&'static str>,
}

/// Prints how vigie stands; the answer is no where a mailbox is blind.
pub async fn status(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let mut mailboxes = Vec::new();
    for mailbox in &settings.office.mailboxes {
        mailboxes.push(one(&store, &mailbox.name, mailbox.mode.name()).await?);
    }
    output::listing(arguments.format, &mailboxes, || table(&settings, &mailboxes))?;
    if arguments.format == Format::Table {
        output::print(&bureaux(&settings, &store).await?)?;
        let (queue, head) = (store.queue_state().await?, store.head().await?);
        output::print(&format!(
            "\nCourriels\u{a0}: en attente {}, en cours d’envoi {}, retenus {}, incertains {}, refusés {}\nRegistre\u{a0}: {}, tête {}\n",
            queue.pending,
            queue.sending,
            queue.held,
            queue.unknown,
            queue.refused,
            counted(head.seq, "écriture", "écritures"),
            head.hash
        ))?;
    }
    let writable = store.probe().await;
    if let Err(error) = &writable {
        output::say(&format!("BASE EN LECTURE SEULE, rien n’est relevé ni envoyé\u{a0}: {error}\n"));
    }
    Ok(ExitCode::from(u8::from(writable.is_err() || mailboxes.iter().any(|mailbox| mailbox.blind_since.is_some()))))
}

/// What is to be expected of each bureau, where its history is long enough.
async fn bureaux(settings: &Settings, store: &Store) -> Result<String, Failure> {
    let (office, now) = (&settings.office, clock::now());
    let mut text = String::new();
    for bureau in &office.bureaux {
        if let Some(found) = of_bureau(store, office, &bureau.key, now).await? {
            text.push_str(&format!("\n{}\u{a0}: {}\n", bureau.label, found.outlook.french()));
        }
    }
    Ok(text)
}

async fn one(store: &Store, name: &str, mode: &'static str) -> Result<MailboxStatus, Failure> {
    let row = store.mailbox(name).await?;
    let scanned = store.folders(name).await?.iter().map(|folder| folder.scanned_at).filter(|at| *at > 0).min();
    let counts = store.status_counts(name).await?;
    let sight = blind_spot::sight(store, name, clock::now()).await?;
    let open = |backlog: i64| counts.iter().filter(|c| c.0 == "open" && c.1 == backlog).map(|c| c.2).sum();
    Ok(MailboxStatus {
        mailbox: name.to_owned(),
        mode,
        watched_since: row.map(|row| rfc3339(row.watch.watched_since)),
        last_scan: scanned.and_then(DateTime::from_timestamp_millis).map(rfc3339),
        blind_since: row.and_then(|row| row.blind_since).map(rfc3339),
        messages: store.verdict_counts(name).await?.iter().map(|(_, count)| count).sum(),
        open: open(0),
        backlog_open: open(1),
        answered: sight.answered,
        answers_unseen: sight.unseen,
        blind_spot: sight.blind_spot().map(BlindSpot::name),
    })
}

fn table(settings: &Settings, mailboxes: &[MailboxStatus]) -> Table {
    let zone = settings.office.zone();
    let instant = |text: &Option<String>| {
        let parsed = text.as_ref().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        parsed.map_or_else(|| "jamais".to_owned(), |at| short_instant(at, zone))
    };
    let mut table = Table::new(&[
        "Boîte",
        "Mode",
        "Surveillée depuis",
        "Dernier relevé",
        "État",
        "Messages",
        "En cours",
        "Antérieures",
        "Réponses non vues",
    ]);
    for mailbox in mailboxes {
        let state = match &mailbox.blind_since {
            Some(_) => format!("AVEUGLE depuis {}", instant(&mailbox.blind_since)),
            None => "lisible".to_owned(),
        };
        table.push(vec![
            mailbox.mailbox.clone(),
            if mailbox.mode == "observe" { "observation" } else { "accusés envoyés" }.into(),
            instant(&mailbox.watched_since),
            instant(&mailbox.last_scan),
            state,
            mailbox.messages.to_string(),
            mailbox.open.to_string(),
            mailbox.backlog_open.to_string(),
            unseen(mailbox),
        ]);
    }
    table
}

/// `3 sur 40`, and what is wrong with it.
fn unseen(mailbox: &MailboxStatus) -> String {
    let counts = format!("{} sur {}", mailbox.answers_unseen, mailbox.answered);
    match mailbox.blind_spot.and_then(BlindSpot::from_name) {
        Some(BlindSpot::SentStaysEmpty) => format!("{counts}, DOSSIER D’ENVOI VIDE"),
        Some(BlindSpot::AnswersUnseen) => format!("{counts}, ANGLE MORT"),
        None => counts,
    }
}
