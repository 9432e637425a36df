//! `vigie messages`: every message with its verdict.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use super::output::{self, Format, short_instant};
use super::{Answer, listing, names, open};
use crate::app::query::{self, MessageView};
use crate::domain::period::Period;
use crate::domain::reasons;
use crate::report::table::Table;
use crate::store::Listing;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of this mailbox only
    #[arg(long)]
    mailbox: Option<String>,
    /// Received in this period: 2026, 2026-T3, 2026-11
    #[arg(long)]
    period: Option<Period>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Lists messages, the oldest first.
pub async fn messages(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let zone = settings.office.zone();
    let span = arguments.period.map(|period| period.span(zone));
    let wanted = Listing {
        mailbox: arguments.mailbox.clone().unwrap_or_default(),
        from: span.map(|(from, _)| from),
        until: span.map(|(_, until)| until),
    };
    let views = query::messages(&store, &wanted).await?;
    names::mailbox(&settings.office, arguments.mailbox.as_deref(), !views.is_empty())?;
    output::listing(arguments.format, &views, || table(&views, zone))?;
    Ok(ExitCode::SUCCESS)
}

fn table(views: &[MessageView], zone: chrono_tz::Tz) -> Table {
    let mut table =
        Table::new(&["Reçu", "Boîte", "Dossier", "Verdict", "Motif", "Demande", "Accusé", "Motif de l’accusé"]);
    for view in views {
        let received = view.received_at.parse::<DateTime<Utc>>().unwrap_or_default();
        table.push(vec![
            short_instant(received, zone),
            view.mailbox.clone(),
            view.folder.clone().unwrap_or_default(),
            reasons::verdict(&view.verdict).to_owned(),
            reasons::french(&view.reason).to_owned(),
            view.request.clone().unwrap_or_default(),
            listing::acknowledgement(&view.acknowledgement).to_owned(),
            reasons::french(&view.acknowledgement_reason).to_owned(),
        ]);
    }
    table
}
