//! `vigie template lint|preview`: are the texts fit to be sent, and what do they look like.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use super::findings::Report;
use super::{Answer, Failure, offline, output};
use crate::app::explain::explain;
use crate::app::letters::preview;
use crate::clock;
use crate::config::Settings;
use crate::daemon::templates;
use crate::daemon::texts::findings;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the mandatory mentions and the form of every text
    Lint,
    /// Print the acknowledgement that a message file would get: the mail's source
    Preview {
        /// The message file
        file: PathBuf,
        /// The mailbox that receives it
        #[arg(long)]
        mailbox: String,
        /// When it is received (RFC 3339); by default as its Received header says
        #[arg(long)]
        received_at: Option<DateTime<Utc>>,
        /// Where to write it; the terminal by default
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

/// Carries the verb out.
pub fn template(config: &Path, verb: Verb) -> Answer {
    let settings = offline(config)?;
    match verb {
        Verb::Lint => {
            let mut report = Report::default();
            lint_all(&settings, &mut report)?;
            report.print()
        }
        Verb::Preview { file, mailbox, received_at, output } => {
            let texts = templates(&settings).map_err(Failure::Usage)?;
            let office = &settings.office;
            let desk = office.desk(&mailbox).ok_or_else(|| super::explain::unknown(office, &mailbox))?;
            let now = clock::now();
            let received_at = super::explain::receipt(received_at, now)?;
            let explained = explain(desk, &super::explain::read(&file)?, None, received_at, now);
            let bytes = preview(office, &mailbox, &explained, &texts)?;
            match output {
                Some(path) => std::fs::write(path, bytes)?,
                None => output::print(&String::from_utf8_lossy(&bytes))?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks every text; one that a mailbox with an implicit decision uses must also say what silence means.
pub fn lint_all(settings: &Settings, report: &mut Report) -> Result<(), Failure> {
    let texts = templates(settings).map_err(Failure::Usage)?;
    for (name, findings) in findings(settings, &texts).map_err(Failure::Usage)? {
        if findings.is_empty() {
            report.good(&format!("modèle {name}"));
        }
        for finding in findings {
            report.bad(&format!("modèle {name} : {} [{}]", finding.message, finding.cites));
        }
    }
    Ok(())
}
