//! `vigie letter add|answer|correct|withdraw|import|list`: the register of letters.

use std::path::Path;
use std::process::ExitCode;

use chrono::NaiveDate;

use super::output::{self, Format};
use super::register::{self, ListFile, Withdrawn};
use super::typed::{self, Author};
use super::{Answer, Failure, open};
use crate::app::register::{NewLetter, Origin};
use crate::app::{facts, import};
use crate::config::Settings;
use crate::domain::indicator::case::Case;
use crate::domain::indicator::tally::Measure;
use crate::domain::period::Period;
use crate::domain::policy::{Channel, Nature, Requester};
use crate::report::sheet::{Cell, Sheet};
use crate::report::views::or_null;
use crate::store::{Details, Store};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Register a letter; print its reference
    Add {
        #[command(flatten)]
        letter: LetterArguments,
        /// The day of the answer, where it is known already
        #[arg(long, value_parser = typed::day)]
        answered_on: Option<NaiveDate>,
        #[command(flatten)]
        author: Author,
    },
    /// Say when a letter was answered; said again, it corrects
    Answer {
        /// Its reference, such as COU-2026-000012
        #[arg(value_parser = typed::reference)]
        reference: String,
        /// The day of the answer
        #[arg(long, value_parser = typed::day)]
        on: NaiveDate,
        /// The answer only says that one will follow
        #[arg(long)]
        holding: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Describe a letter anew; the earlier description stays in the ledger
    Correct {
        /// Its reference
        #[arg(value_parser = typed::reference)]
        reference: String,
        #[command(flatten)]
        letter: LetterArguments,
        #[command(flatten)]
        author: Author,
    },
    /// Take a letter out of the figures that was registered by error
    Withdraw(Withdrawn),
    /// Register the letters of a CSV or ODS list (columns: reçu le, nom, objet, répondu le, demandeur, nature, bureau, numéro)
    Import(ListFile),
    /// List the letters received in a period
    List {
        /// The period: 2026, 2026-T3, 2026-11
        #[arg(long)]
        period: Period,
        /// The form of the output
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

/// What describes a letter.
#[derive(Debug, clap::Args)]
pub struct LetterArguments {
    /// The bureau that answers
    #[arg(long)]
    bureau: String,
    /// The day of receipt
    #[arg(long, value_parser = typed::day)]
    received_on: NaiveDate,
    /// Who wrote
    #[arg(long, default_value = "public", value_parser = ["public", "elected", "local_official", "local_authority"])]
    requester: String,
    /// What is asked
    #[arg(long, default_value = "general_info", value_parser = ["general_info", "advice", "complaint", "suggestion"])]
    nature: String,
    /// The writer's name
    #[arg(long, default_value = "", value_parser = typed::text)]
    name: String,
    /// About what
    #[arg(long, default_value = "", value_parser = typed::text)]
    subject: String,
    /// Remarks
    #[arg(long, default_value = "", value_parser = typed::text)]
    note: String,
    /// Keep it out of the official figures
    #[arg(long)]
    outside_perimeter: bool,
}

impl LetterArguments {
    fn letter(self, answered_on: Option<NaiveDate>) -> NewLetter {
        NewLetter {
            bureau: self.bureau,
            requester: Requester::from_name(&self.requester).unwrap_or_default(),
            nature: Nature::from_name(&self.nature).unwrap_or_default(),
            received_on: self.received_on,
            official: !self.outside_perimeter,
            details: Details { name: self.name, subject: self.subject, note: self.note, ..Details::default() },
            origin: Origin::default(),
            answered_on,
        }
    }
}

/// Carries the verb out.
pub async fn letter(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    match verb {
        Verb::Add { letter, answered_on, author } => {
            let written = register::hand(&store, &settings, &author).letters(&[letter.letter(answered_on)]).await?;
            register::print_written(&written)
        }
        Verb::Answer { reference, on, holding, author } => {
            register::hand(&store, &settings, &author).answer_letter(&reference, on, holding).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Correct { reference, letter, author } => {
            register::hand(&store, &settings, &author).correct_letter(&reference, &letter.letter(None)).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Withdraw(Withdrawn { reference, author }) => {
            register::hand(&store, &settings, &author).withdraw(&reference, Channel::Letter).await?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Import(list) => {
            let letters =
                import::letters(&list.read(&settings.office)?, &list.bureau).map_err(crate::app::Error::from)?;
            let written = register::hand(&store, &settings, &list.author).letters(&letters).await?;
            register::print_written(&written)
        }
        Verb::List { period, format } => list(&settings, &store, period, format).await,
    }
}

/// A letter, as `--format json` prints it.
#[derive(Debug, serde::Serialize)]
struct LetterView {
    reference: String,
    bureau: String,
    requester: &'static str,
    nature: &'static str,
    #[serde(serialize_with = "or_null")]
    commitment: String,
    received_on: String,
    due_on: String,
    answered_on: Option<String>,
    working_days: Option<i64>,
    outcome: &'static str,
    official: bool,
    #[serde(serialize_with = "or_null")]
    name: String,
    #[serde(serialize_with = "or_null")]
    subject: String,
    #[serde(serialize_with = "or_null")]
    note: String,
}

async fn list(settings: &Settings, store: &Store, period: Period, format: Format) -> Result<ExitCode, Failure> {
    let office = &settings.office;
    let folded = facts::load(store, office, period.span(office.zone()), None).await?;
    let material = folded.material(office);
    let civil = |at| crate::domain::calendar::civil_time(office.zone(), at).date();
    let view = |case: &Case, details: Details| LetterView {
        reference: case.reference.clone(),
        bureau: case.bureau.clone(),
        requester: case.requester.name(),
        nature: case.nature.name(),
        commitment: case.commitment.clone(),
        received_on: civil(case.received_at).to_string(),
        due_on: case.due_on.to_string(),
        answered_on: case.answered_at.map(|at| civil(at).to_string()),
        working_days: case.delay(material.reckoning(), Measure::Answer),
        outcome: case.outcome(Measure::Answer, folded.stamp.as_of).name(),
        official: case.official,
        name: details.name,
        subject: details.subject,
        note: details.note,
    };
    let cases: Vec<&Case> = material.of_period(period).filter(|case| case.channel == Channel::Letter).collect();
    let named = cases.iter().map(|case| case.reference.as_str());
    let mut details =
        register::shown(settings, store, Channel::Letter, named, "letter list", &period.to_string()).await?;
    let mut views = Vec::new();
    let heads = ["Référence", "Bureau", "Reçu le", "Échéance", "Répondu le", "Délai", "Résultat", "Nom", "Objet"];
    let mut sheet = Sheet::new("Courriers", format!("Registre des courriers, {}", period.french()), &heads);
    for case in cases {
        let details = details.remove(&case.reference).unwrap_or_default();
        let view = view(case, details);
        sheet.push(vec![
            Cell::text(&view.reference),
            Cell::text(&view.bureau),
            Cell::Day(civil(case.received_at)),
            Cell::Day(case.due_on),
            Cell::maybe(case.answered_at, |at| Cell::Day(civil(at))),
            Cell::maybe(view.working_days, Cell::Count),
            Cell::text(case.outcome(Measure::Answer, folded.stamp.as_of).french()),
            Cell::text(&view.name),
            Cell::text(&view.subject),
        ]);
        views.push(view);
    }
    match format {
        Format::Table => output::print(&sheet.render())?,
        Format::Json | Format::Csv => output::listing(format, &views, Default::default)?,
    }
    Ok(ExitCode::SUCCESS)
}
