//! `vigie template lint|preview`: are the texts fit to be sent, and what do they look like.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::findings::Report;
use super::typed::Moment;
use super::{Answer, Failure, names, offline, output};
use crate::app::explain::explain;
use crate::app::letters::preview;
use crate::clock;
use crate::config::Settings;
use crate::daemon::templates;
use crate::daemon::texts::findings;
use crate::domain::acknowledge::Acknowledgement;
use crate::domain::decide::{Judgement, parts};
use crate::domain::policy::Mode;
use crate::domain::reasons;
use crate::mail::template::Kind;

/// The header field, at the head of a preview, that says that the mail would not be sent.
const NOT_SENT: &str = "X-Vigie-Preview";

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the mandatory mentions and the form of every text
    Lint,
    /// Print the mail that a message file would get first: its source; exit code 1 where it would get none
    Preview {
        /// The message file
        file: PathBuf,
        /// The mailbox that receives it
        #[arg(long)]
        mailbox: String,
        /// When it is received (2026-05-07T16:50, civil time, or RFC 3339); by default as its Received header says
        #[arg(long)]
        received_at: Option<Moment>,
        /// Another mail than the first
        #[arg(long, value_parser = ["registration", "acknowledgement", "transfer"])]
        kind: Option<String>,
        /// Where to write it; the terminal by default
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

/// Carries the verb out.
pub fn template(config: &Path, verb: Verb) -> Answer {
    let mut settings = offline(config)?;
    match verb {
        Verb::Lint => {
            let mut report = Report::default();
            lint_all(&settings, &mut report)?;
            report.print()
        }
        Verb::Preview { file, mailbox, received_at, kind, output } => {
            // What would be sent once it is sent: the mode is no reason to be told of.
            settings.office.mailboxes.iter_mut().for_each(|mailbox| mailbox.mode = Mode::Acknowledge);
            let texts = templates(&settings).map_err(Failure::Usage)?;
            let office = &settings.office;
            let desk = names::desk(office, &mailbox)?;
            let now = clock::now();
            let received_at = received_at.map(|at| at.past("--received-at", desk.policy.zone, now)).transpose()?;
            let raw = super::explain::read(&file).map_err(named(&file))?;
            let explained = explain(desk, &raw, None, received_at, now);
            let kind = kind.as_deref().and_then(Kind::from_name);
            let mut bytes = preview(office, &mailbox, &explained, &texts, kind)?;
            let withheld = withheld(&explained.judgement);
            if let Some(reason) = &withheld {
                output::say(&format!("aucun accusé ne partirait\u{a0}: {} [{reason}]\n", reasons::french(reason)));
                bytes.splice(..0, format!("{NOT_SENT}: no acknowledgement would be sent ({reason})\r\n").into_bytes());
            }
            match output {
                Some(path) => std::fs::write(&path, bytes).map_err(named(&path))?,
                None => output::print(&String::from_utf8_lossy(&bytes))?,
            }
            Ok(ExitCode::from(u8::from(withheld.is_some())))
        }
    }
}

/// Why a message would get no acknowledgement; none where it would get one.
fn withheld(judgement: &Judgement) -> Option<&'static str> {
    let sent = matches!(judgement.acknowledgement, Acknowledgement::Send { .. });
    (!sent).then(|| parts(&judgement.acknowledgement).1.code)
}

/// What went wrong with a file, and with which.
fn named(path: &Path) -> impl Fn(std::io::Error) -> std::io::Error {
    move |error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Checks every text; one that a mailbox with an implicit decision uses must also say what silence means.
pub fn lint_all(settings: &Settings, report: &mut Report) -> Result<(), Failure> {
    let texts = templates(settings).map_err(Failure::Usage)?;
    for (name, findings) in findings(settings, &texts).map_err(Failure::Usage)? {
        if findings.is_empty() {
            report.good(&format!("modèle {name}"));
        }
        for finding in findings {
            report.bad(&format!("modèle {name}\u{a0}: {} [{}]", finding.message, finding.cites));
        }
    }
    Ok(())
}
