//! `vigie sample --period P --size N --seed S`: the auditor's sample, and each request's proof.

use std::path::Path;
use std::process::ExitCode;

use super::output::{self, Format, told_instant};
use super::{Answer, open};
use crate::app::{facts, story};
use crate::domain::french::counted;
use crate::domain::indicator::sample::draw;
use crate::domain::indicator::tally::Measure;
use crate::domain::ledger::rfc3339;
use crate::domain::period::Period;
use crate::report::views::or_null;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The period: 2026, 2026-T3, 2026-11
    #[arg(long)]
    period: Period,
    /// How many requests
    #[arg(long)]
    size: usize,
    /// Any word: the same seed draws the same requests from the same period
    #[arg(long)]
    seed: String,
    /// As the ledger was at this entry; at its last one by default
    #[arg(long)]
    at_head: Option<i64>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A request drawn, as `--format json` prints it.
#[derive(Debug, serde::Serialize)]
struct Drawn {
    reference: String,
    rank: String,
    #[serde(serialize_with = "or_null")]
    mailbox: String,
    bureau: String,
    received_at: String,
    due_on: String,
    answered_at: Option<String>,
    #[serde(serialize_with = "or_null")]
    evidence: String,
    outcome: &'static str,
    entries: Vec<Proof>,
    ledger_seq: i64,
    ledger_hash: String,
}

/// An entry of the ledger that proves a request's figures.
#[derive(Debug, serde::Serialize)]
struct Proof {
    seq: i64,
    occurred_at: String,
    kind: String,
    hash: String,
    text: String,
}

/// Of how many requests the sample is drawn.
fn extent(drawn: usize, all: usize, period: Period) -> String {
    if all == 0 {
        return format!(
            "Aucune demande n’a été reçue pendant la période ({})\u{a0}: rien à tirer.\n\n",
            period.french()
        );
    }
    let drawn = counted(drawn, "demande tirée", "demandes tirées");
    format!("{drawn} sur {all}, reçues pendant la période ({}).\n\n", period.french())
}

/// Draws the sample and prints it.
pub async fn sample(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let office = &settings.office;
    let period = arguments.period;
    let folded = facts::load(&store, office, period.span(office.zone()), arguments.at_head).await?;
    let (stamp, zone) = (&folded.stamp, office.zone());
    let material = folded.material(office);
    let all = material.of_period(period).count();
    let drawn = draw(material.of_period(period), &arguments.seed, arguments.size);
    let mut text = extent(drawn.len(), all, period);
    let mut views = Vec::new();
    for (rank, case) in drawn {
        let outcome = case.outcome(Measure::Answer, stamp.as_of);
        let mut entries = Vec::new();
        text.push_str(&format!("{} – {} (tirage {rank})\n", case.reference, outcome.french()));
        for entry in store.ledger_of(&case.reference).await?.iter().filter(|entry| entry.seq <= stamp.head.seq) {
            let told = story::tell(entry, zone);
            text.push_str(&format!(
                "  n°\u{a0}{:<7} {}\u{a0}: {told}\n             empreinte {}\n",
                entry.seq,
                told_instant(entry.occurred_at, story::written_later(entry), zone),
                entry.hash
            ));
            entries.push(Proof {
                seq: entry.seq,
                occurred_at: rfc3339(entry.occurred_at),
                kind: entry.kind.clone(),
                hash: entry.hash.clone(),
                text: told,
            });
        }
        views.push(Drawn {
            reference: case.reference.clone(),
            rank,
            mailbox: case.mailbox.clone(),
            bureau: case.bureau.clone(),
            received_at: rfc3339(case.received_at),
            due_on: case.due_on.to_string(),
            answered_at: case.answered_at.map(rfc3339),
            evidence: case.evidence.clone(),
            outcome: outcome.name(),
            entries,
            ledger_seq: stamp.head.seq,
            ledger_hash: stamp.head.hash.clone(),
        });
    }
    match arguments.format {
        Format::Table => {
            text.push('\n');
            for note in crate::report::figures::provenance(stamp) {
                text.push_str(&format!("{note}\n"));
            }
            output::print(&text)?;
        }
        Format::Json | Format::Csv => {
            if views.is_empty() {
                output::say(&text);
            }
            output::listing(arguments.format, &views, Default::default)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
