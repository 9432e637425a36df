//! `vigie request show|answer|close|transfer|reclassify REF`: one request, and what a person decides about it.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use super::output::{self, Format, french_instant};
use super::{Answer, Failure, open};
use crate::app::gesture::{Gesture, gesture};
use crate::app::{query, story};
use crate::clock;
use crate::config::Settings;
use crate::domain::deadline::explain;
use crate::domain::french::french_date;
use crate::domain::policy::{Nature, Requester};
use crate::store::{RequestLine, Store};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show a request: its dates, its proofs, its story
    Show {
        /// Its reference, such as PAN-2026-000123
        reference: String,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Say that it was answered by a way that vigie cannot see
    Answer {
        /// Its reference
        reference: String,
        /// The way
        #[arg(long, value_parser = ["phone", "counter", "letter", "mail"])]
        by: String,
        /// When (RFC 3339); now by default
        #[arg(long)]
        at: Option<DateTime<Utc>>,
        /// Who says so; the login by default
        #[arg(long, env = "USER", default_value = "inconnu")]
        agent: String,
    },
    /// Say that no answer is needed
    Close {
        /// Its reference
        reference: String,
        /// Why
        #[arg(long)]
        motive: String,
        /// Who says so; the login by default
        #[arg(long, env = "USER", default_value = "inconnu")]
        agent: String,
    },
    /// Say that it was handed to another administration
    Transfer {
        /// Its reference
        reference: String,
        /// To whom
        #[arg(long)]
        to: String,
        /// Who says so; the login by default
        #[arg(long, env = "USER", default_value = "inconnu")]
        agent: String,
    },
    /// Correct who asks, or for what
    Reclassify {
        /// Its reference
        reference: String,
        /// Who asks
        #[arg(long, value_parser = ["public", "elected", "local_official", "local_authority"])]
        requester: String,
        /// What is asked
        #[arg(long, value_parser = ["general_info", "advice", "complaint", "suggestion", "appointment"])]
        nature: String,
        /// Who says so; the login by default
        #[arg(long, env = "USER", default_value = "inconnu")]
        agent: String,
    },
}

/// Carries the verb out.
pub async fn request(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    let now = clock::now();
    let (reference, wanted, agent) = match verb {
        Verb::Show { reference, format } => return show(&settings, &store, &reference, format).await,
        Verb::Answer { reference, by, at, agent } => {
            let at = at.unwrap_or(now);
            if at > now {
                return Err(Failure::Usage(anyhow::anyhow!("--at {at} is in the future")));
            }
            (reference, Gesture::Answer { at, way: by }, agent)
        }
        Verb::Close { reference, motive, agent } => (reference, Gesture::Close { motive }, agent),
        Verb::Transfer { reference, to, agent } => (reference, Gesture::Transfer { to }, agent),
        Verb::Reclassify { reference, requester, nature, agent } => {
            let unknown = || Failure::Usage(anyhow::anyhow!("unknown requester or nature"));
            let requester = Requester::from_name(&requester).ok_or_else(unknown)?;
            let nature = Nature::from_name(&nature).ok_or_else(unknown)?;
            (reference, Gesture::Reclassify { requester, nature }, agent)
        }
    };
    let request = gesture(&store, &settings.office, &reference, wanted, &agent, now).await?;
    output::print(&format!("{} : {}\n", request.reference, request.status.french()))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(settings: &Settings, store: &Store, reference: &str, format: Format) -> Answer {
    let line = query::request(store, reference).await?;
    let now = clock::now();
    let view = query::request_view(&settings.office, &line, now);
    if format != Format::Table {
        output::listing(format, &[view], crate::report::table::Table::default)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = head(settings, &line);
    text.push_str("\nCalcul de l’échéance\n");
    if let Some(desk) = settings.office.desk(&line.request.mailbox) {
        let steps =
            explain(desk.calendar, line.request.received_at, line.request.limit).map_err(anyhow::Error::from)?;
        for step in steps {
            let counted = step.counted.map_or("   –".to_owned(), |day| format!("J+{day:<2}"));
            text.push_str(&format!("  {counted}  {} : {}\n", french_date(step.date), step.why));
        }
    }
    text.push_str("\nHistoire, d’après le registre\n");
    let zone = settings.office.zone();
    for told in story::of(store, reference).await? {
        text.push_str(&format!("  n° {:<6} {} : {}\n", told.seq, french_instant(told.at, zone), told.text));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn head(settings: &Settings, line: &RequestLine) -> String {
    let request = &line.request;
    let zone = settings.office.zone();
    let mut text = format!(
        "{}\n  objet         {}\n  demandeur     {} <{}>\n  boîte         {}\n  reçue         {}\n  échéance      {} ({} jours ouvrés, engagement {})\n  état          {}\n",
        request.reference,
        printable(&line.subject),
        printable(&line.name),
        printable(&line.address),
        request.mailbox,
        french_instant(request.received_at, zone),
        french_date(request.due_on),
        request.limit,
        if request.commitment.is_empty() { "–" } else { &request.commitment },
        request.status.french(),
    );
    if let (Some(at), Some(evidence)) = (request.settled_at, request.evidence) {
        text.push_str(&format!("  réponse       {} : {}\n", french_instant(at, zone), evidence.french()));
    }
    text.push_str(&format!("  accusé        {}\n", request.acknowledgement.french()));
    text
}

/// Without control characters: a hostile subject must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
