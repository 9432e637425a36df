//! `vigie template lint|preview`: are the texts fit to be sent, and what do they look like.

use std::path::Path;
use std::process::ExitCode;

use super::check::Report;
use super::{Answer, Failure, offline};
use crate::config::Settings;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the mandatory mentions and the form of every text
    Lint,
}

/// Carries the verb out.
pub fn template(config: &Path, verb: Verb) -> Answer {
    let settings = offline(config)?;
    match verb {
        Verb::Lint => {
            let mut report = Report::default();
            lint_all(&settings, &mut report)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks every text.
pub fn lint_all(_settings: &Settings, _report: &mut Report) -> Result<(), Failure> {
    Ok(())
}
