//! `vigie requests`: the requests with their deadlines.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, Utc};

use super::output::{self, Format, short_instant};
use super::{Answer, listing, open, person};
use crate::app::query::{self, RequestView};
use crate::clock;
use crate::domain::forecast::percent;
use crate::domain::office::Office;
use crate::report::table::Table;
use crate::store::{RequestFilter, RequestLine};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of this mailbox only
    #[arg(long)]
    mailbox: Option<String>,
    /// In this state only
    #[arg(long, value_parser = ["open", "answered", "closed", "transferred"])]
    status: Option<String>,
    /// Due before this day
    #[arg(long)]
    due_before: Option<NaiveDate>,
    /// Only those that an agent should confirm or deny: guessed answers, forwarded or deleted without one
    #[arg(long)]
    doubtful: bool,
    /// Received in this period: 2026, 2026-T3, 2026-11
    #[arg(long)]
    period: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Lists requests, the oldest first.
pub async fn requests(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let span = arguments.period.as_ref().map(|period| listing::period(period, settings.office.zone())).transpose()?;
    let filter = RequestFilter {
        mailbox: arguments.mailbox.clone().unwrap_or_default(),
        bureau: String::new(),
        status: arguments.status.clone().unwrap_or_default(),
        due_before: arguments.due_before,
        from: span.map(|(from, _)| from),
        until: span.map(|(_, until)| until),
    };
    let mut lines = query::requests(&store, &filter).await?;
    listing::known_mailbox(&settings.office, arguments.mailbox.as_deref(), lines.len())?;
    lines.retain(|line| !arguments.doubtful || line.request.is_doubtful());
    let now = clock::now();
    let risks = query::risks(&store, &settings.office, now).await?;
    let view = |line| query::request_view(&settings.office, line, now).with_risk(&risks);
    let views: Vec<RequestView> = lines.iter().map(view).collect();
    // The subjects are personal; the other forms show none.
    if arguments.format == Format::Table {
        let about = arguments.mailbox.clone().unwrap_or_default();
        person::note_access(&store, settings.office.retention, "requests", &about, lines.len()).await?;
    }
    output::listing(arguments.format, &views, || table(&settings.office, &lines, &views, now))?;
    Ok(ExitCode::SUCCESS)
}

fn table(office: &Office, lines: &[RequestLine], views: &[RequestView], now: DateTime<Utc>) -> Table {
    let zone = office.zone();
    let mut table = Table::new(&[
        "Référence",
        "Boîte",
        "Reçue",
        "Échéance",
        "Reste",
        "Risque",
        "État",
        "Preuve",
        "Accusé",
        "Objet",
    ]);
    for (line, view) in lines.iter().zip(views) {
        let request = &line.request;
        table.push(vec![
            request.reference.clone(),
            request.mailbox.clone(),
            short_instant(request.received_at, zone),
            request.due_on.format("%d/%m/%Y").to_string(),
            days_left(query::days_left(office, request, now), request.within_limit(now)),
            view.miss_risk.map(percent).unwrap_or_default(),
            request.status.french().to_owned(),
            request.evidence.map_or("", crate::domain::evidence::Evidence::french).to_owned(),
            request.acknowledgement.french().to_owned(),
            line.subject.clone(),
        ]);
    }
    table
}

/// `2 j`, `aujourd’hui`, `retard 3 j`; once answered, whether in time.
fn days_left(left: Option<i64>, within: Option<bool>) -> String {
    match (left, within) {
        (Some(_), Some(false)) | (Some(i64::MIN..0), _) => {
            format!("retard {} j", left.unwrap_or_default().saturating_neg().max(1))
        }
        (Some(0), _) => "aujourd’hui".to_owned(),
        (Some(days), _) => format!("{days} j"),
        (None, Some(true)) => "dans le délai".to_owned(),
        (None, Some(false)) => "hors délai".to_owned(),
        (None, None) => String::new(),
    }
}
