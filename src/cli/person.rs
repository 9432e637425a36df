//! `vigie person export|erase ADDRESS` and `vigie access-log`.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{self, Format, short_instant};
use super::{Answer, Failure, open};
use crate::app::Store;
use crate::app::retention::{self, Retention};
use crate::clock;
use crate::domain::address::Address;
use crate::domain::ledger::rfc3339;
use crate::report::table::Table;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Print everything that is kept of a person, as JSON (RGPD, article 15)
    Export {
        /// Their address
        address: String,
        /// Who asks for it; the login by default
        #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
        by: String,
    },
    /// Forget a person now: address, name, subjects, and the key of their digest (RGPD, article 17)
    Erase {
        /// Their address
        address: String,
        /// The number of the case that asked for it; never a name
        #[arg(long, value_parser = super::typed::words)]
        case: String,
        /// Who carries it out; the login by default
        #[arg(long, env = "USER", default_value = "inconnu", value_parser = super::typed::words)]
        by: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct AccessArguments {
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A line of the access log, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct AccessView {
    at: String,
    reader: String,
    question: String,
    about: String,
    shown: i64,
}

/// Carries the verb out.
pub async fn person(config: &Path, verb: Verb) -> Answer {
    let (settings, store) = open(config).await?;
    let now = clock::now();
    let address = |text: &str| {
        Address::parse(text).ok_or_else(|| Failure::Usage(anyhow::anyhow!("{text:?} n’est pas une adresse")))
    };
    match verb {
        Verb::Export { address: text, by } => {
            let file = retention::person_file(&store, &settings.office, &address(&text)?, &by, now).await?;
            let about = file.digest.get(..16).unwrap_or_default().to_owned();
            let seen = (by.as_str(), "person export", about.as_str());
            retention::note_access(
                &store,
                settings.office.retention,
                seen,
                file.messages.len() + file.items.len(),
                now,
            )
            .await?;
            output::json(&file)?;
        }
        Verb::Erase { address: text, case, by } => {
            let who = address(&text)?;
            let (messages, items) = retention::erase_person(&store, &settings.office, &who, (&case, &by), now).await?;
            output::print(&format!(
                "Personne oubliée : {messages} messages ne portent plus ni adresse, ni nom, ni objet\n"
            ))?;
            if !items.is_empty() {
                output::print(&format!("Courriers et rendez-vous vidés : {}\n", items.join(", ")))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes down that personal data are shown to whoever runs this command.
pub async fn note_access(
    store: &Store,
    retention: Retention,
    question: &str,
    about: &str,
    shown: usize,
) -> Result<(), Failure> {
    if shown == 0 {
        return Ok(());
    }
    let reader = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "inconnu".to_owned());
    Ok(retention::note_access(store, retention, (&reader, question, about), shown, clock::now()).await?)
}

/// Prints who was shown personal data.
pub async fn access_log(config: &Path, arguments: &AccessArguments) -> Answer {
    let (settings, store) = open(config).await?;
    let zone = settings.office.zone();
    let lines = retention::access_log(&store, settings.office.retention, clock::now()).await?;
    let views: Vec<AccessView> = lines
        .iter()
        .map(|line| AccessView {
            at: rfc3339(line.instant()),
            reader: line.reader.clone(),
            question: line.question.clone(),
            about: line.about.clone(),
            shown: line.shown,
        })
        .collect();
    output::listing(arguments.format, &views, || {
        let mut table = Table::new(&["Quand", "Qui", "Commande", "Sur", "Lignes"]);
        for line in &lines {
            let cells = [short_instant(line.instant(), zone), line.reader.clone(), line.question.clone()];
            table.push([cells.to_vec(), vec![line.about.clone(), line.shown.to_string()]].concat());
        }
        table
    })?;
    Ok(ExitCode::SUCCESS)
}
