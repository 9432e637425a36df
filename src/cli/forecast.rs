//! `vigie forecast`: what is to be expected of each bureau, from its own history.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format};
use super::{Answer, names, open};
use crate::app::forecast::{BureauForecast, of_bureau};
use crate::clock;
use crate::domain::forecast::{MIN_SETTLED, WINDOW, percent};
use crate::domain::office::Office;
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of this bureau only, by its key
    #[arg(long)]
    bureau: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A bureau's forecast, as `--format json` prints it; `null` where its history is too short.
#[derive(Debug, Serialize)]
struct BureauView {
    bureau: String,
    learnt_from: Option<u32>,
    open_in_time: Option<usize>,
    expected_misses: Option<f64>,
    answers_needed_today: Option<usize>,
    most_exposed: Option<String>,
    most_exposed_risk: Option<f64>,
    explanation: String,
}

/// Prints the forecast of each bureau.
pub async fn forecast(config: &Path, arguments: &Arguments) -> Answer {
    let (settings, store) = open(config).await?;
    let office = &settings.office;
    if let Some(key) = &arguments.bureau {
        names::bureau(office, key)?;
    }
    let now = clock::now();
    let mut views = Vec::new();
    for bureau in &office.bureaux {
        if arguments.bureau.as_ref().is_none_or(|key| *key == bureau.key) {
            views.push(view(&bureau.key, of_bureau(&store, office, &bureau.key, now).await?));
        }
    }
    output::listing(arguments.format, &views, || table(office, &views))?;
    if arguments.format == Format::Table {
        let sentences: Vec<String> = views
            .iter()
            .map(|view| format!("\n{}\u{a0}: {}\n", label(office, &view.bureau), view.explanation))
            .collect();
        output::print(&sentences.concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn view(bureau: &str, forecast: Option<BureauForecast>) -> BureauView {
    let rounded = |share: f64| (share * 1_000.0).round() / 1_000.0;
    let outlook = forecast.map(|forecast| forecast.outlook);
    let worst = outlook.as_ref().and_then(|outlook| outlook.worst.clone());
    BureauView {
        bureau: bureau.to_owned(),
        learnt_from: outlook.as_ref().map(|outlook| outlook.settled),
        open_in_time: outlook.as_ref().map(|outlook| outlook.in_time),
        expected_misses: outlook.as_ref().map(|outlook| rounded(outlook.expected)),
        answers_needed_today: outlook.as_ref().map(|outlook| outlook.needed),
        most_exposed: worst.as_ref().map(|(reference, _)| reference.clone()),
        most_exposed_risk: worst.map(|(_, risk)| rounded(risk)),
        explanation: outlook.map_or_else(too_short, |outlook| outlook.french()),
    }
}

/// Why nothing is forecast.
fn too_short() -> String {
    format!(
        "historique trop court, aucune prévision\u{a0}: il faut au moins {MIN_SETTLED}\u{a0}demandes réglées parmi celles \
         reçues en {WINDOW}\u{a0}jours ouvrés."
    )
}

/// What people call a bureau.
fn label<'a>(office: &'a Office, key: &'a str) -> &'a str {
    office.bureau(key).map_or(key, |bureau| &bureau.label)
}

fn table(office: &Office, views: &[BureauView]) -> Table {
    let mut table = Table::new(&[
        "Bureau",
        "Dans le délai",
        "Dépassements attendus",
        "Réponses à donner aujourd’hui",
        "La plus exposée",
        "Risque",
    ]);
    for view in views {
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        table.push(vec![
            label(office, &view.bureau).to_owned(),
            number(view.open_in_time),
            view.expected_misses.map(|misses| format!("{misses:.1}").replace('.', ",")).unwrap_or_default(),
            number(view.answers_needed_today),
            view.most_exposed.clone().unwrap_or_default(),
            view.most_exposed_risk.map(percent).unwrap_or_default(),
        ]);
    }
    table
}
