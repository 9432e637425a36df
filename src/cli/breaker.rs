//! `vigie breaker [release]`: whether acknowledgements are held, and the human word that lets them go.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format, short_instant};
use super::typed::Author;
use super::{Answer, open};
use crate::app::breaker::{Release, release};
use crate::clock;
use crate::domain::ledger::rfc3339;
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Let the held acknowledgements leave, or withdraw them
    Release {
        /// Withdraw the held acknowledgements instead: they are never sent
        #[arg(long)]
        discard: bool,
        #[command(flatten)]
        author: Author,
    },
}

/// The breaker, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct BreakerView {
    state: &'static str,
    tripped_at: Option<String>,
    sent: Option<u32>,
    limit: u32,
    held: i64,
    released_at: Option<String>,
}

/// Shows the breaker, or releases it.
pub async fn breaker(config: &Path, arguments: Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    if let Some(Verb::Release { discard, author }) = arguments.verb {
        let how = if discard { Release::Discard } else { Release::Send };
        let mails = release(&store, how, &author.agent, clock::now()).await?;
        let done =
            if discard { "retirés\u{a0}: ils ne partiront pas" } else { "remis en file\u{a0}: ils vont partir" };
        output::print(&format!("Disjoncteur réarmé par {}\u{202f}; accusés {done}\u{a0}: {mails}.\n", author.agent))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (breaker, queue) = (store.breaker().await?, store.queue_state().await?);
    let limits = settings.office.mailboxes.first().map(|mailbox| mailbox.limits).unwrap_or_default();
    let view = BreakerView {
        state: if breaker.holds() { "tripped" } else { "closed" },
        tripped_at: breaker.trip.map(|trip| rfc3339(trip.at)),
        sent: breaker.trip.map(|trip| trip.sent),
        limit: breaker.trip.map_or(limits.breaker_per_hour, |trip| trip.limit),
        held: queue.held,
        released_at: breaker.counted_from.map(rfc3339),
    };
    let zone = settings.office.zone();
    output::listing(arguments.format, std::slice::from_ref(&view), || {
        let mut table = Table::new(&["État", "Depuis", "Partis dans l’heure", "Limite", "Retenus", "Réarmé"]);
        let instant =
            |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(|| "–".to_owned(), |at| short_instant(at, zone));
        table.push(vec![
            if breaker.holds() { "DÉCLENCHÉ" } else { "armé" }.to_owned(),
            instant(breaker.trip.map(|trip| trip.at)),
            breaker.trip.map_or_else(|| "–".to_owned(), |trip| trip.sent.to_string()),
            view.limit.to_string(),
            view.held.to_string(),
            instant(breaker.counted_from),
        ]);
        table
    })?;
    Ok(ExitCode::SUCCESS)
}
