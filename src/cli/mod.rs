//! The commands: one file per verb.
//!
//! *Owns* arguments, exit codes and what is printed. *May import* everything. *Start reading* at [`main`].
//!
//! Exit codes: 0 fine, 1 the answer is no (a check failed), 2 usage or configuration.

mod appointment;
mod backup;
mod breaker;
mod bundle;
mod calendar;
mod check;
mod closures;
mod commitments;
mod deadline;
mod explain;
mod findings;
mod forecast;
mod indicator;
mod indicators;
mod ledger;
mod letter;
mod listing;
mod messages;
mod output;
mod person;
mod proof;
mod purge;
mod register;
mod request;
mod requests;
mod run;
mod sample;
mod status;
mod template;
mod tracking;
mod typed;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Secrets, Settings};

/// The lookout over the functional mailboxes of a préfecture.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, about, propagate_version = true)]
struct Arguments {
    /// The configuration file
    #[arg(long, global = true, env = "VIGIE_CONFIG", default_value = "/etc/vigie/vigie.toml")]
    config: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the daemon
    Run,
    /// Check the configuration, the texts and, unless --offline, every server
    Check(check::Arguments),
    /// Say what vigie would decide of message files, and why
    Explain(explain::Arguments),
    /// List messages with their verdicts
    Messages(messages::Arguments),
    /// List requests with their deadlines
    Requests(requests::Arguments),
    /// Look at one request, or decide about it
    #[command(subcommand)]
    Request(request::Verb),
    /// Work out a deadline, day by day
    Deadline(deadline::Arguments),
    /// List the commitments, or bring open requests under those that hold today
    Commitments(commitments::Arguments),
    /// Print the public holidays and closures of a year, or import closures
    Calendar(calendar::Arguments),
    /// Verify or show the ledger
    #[command(subcommand)]
    Ledger(ledger::Verb),
    /// Check or preview the texts
    #[command(subcommand)]
    Template(template::Verb),
    /// Show the breaker, or release what it holds
    Breaker(breaker::Arguments),
    /// Print the indicators of a period: Annexe 1, or by mailbox, bureau, commitment, month
    Indicators(indicators::Arguments),
    /// Enter, list or import the values of indicators that vigie cannot reckon
    #[command(subcommand)]
    Indicator(indicator::Verb),
    /// Print a tracking sheet of a period
    TrackingSheet(tracking::Arguments),
    /// Keep the register of letters
    #[command(subcommand)]
    Letter(letter::Verb),
    /// Keep the register of appointments of élus
    #[command(subcommand)]
    Appointment(appointment::Verb),
    /// Draw an auditor's sample reproducibly, with each request's proof
    Sample(sample::Arguments),
    /// Back the database up into a file, while vigie runs
    Backup(backup::BackupArguments),
    /// Restore a backup into a database that is not there yet
    Restore(backup::RestoreArguments),
    /// List what may be purged, or purge a list under its visa
    Purge(purge::Arguments),
    /// Show or forget what is kept of a person
    #[command(subcommand)]
    Person(person::Verb),
    /// Say who was shown personal data
    AccessLog(person::AccessArguments),
    /// Say which limits each bureau is likely to miss, and how many answers it owes today
    Forecast(forecast::Arguments),
    /// Say how vigie stands
    Status(status::Arguments),
}

/// Why a command ended without its answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The configuration or the arguments.
    #[error("{0:#}")]
    Usage(anyhow::Error),
    /// Anything else.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl From<crate::config::Error> for Failure {
    fn from(error: crate::config::Error) -> Self {
        Self::Usage(error.into())
    }
}

impl From<crate::app::Error> for Failure {
    fn from(error: crate::app::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<crate::app::StoreError> for Failure {
    fn from(error: crate::app::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What a command answers: 0 for yes or done, 1 for no.
type Answer = Result<ExitCode, Failure>;

/// Parses the arguments, carries the verb out, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("vigie: {error}");
            return ExitCode::from(1);
        }
    };
    let answer = runtime.block_on(carry_out(arguments));
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match answer {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("vigie: {failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Failed(_) => ExitCode::from(1),
            }
        }
    }
}

async fn carry_out(arguments: Arguments) -> Answer {
    let config = arguments.config;
    match arguments.verb {
        Verb::Run => run::run(&config).await,
        Verb::Check(arguments) => check::check(&config, &arguments).await,
        Verb::Explain(arguments) => explain::explain(&config, &arguments),
        Verb::Messages(arguments) => messages::messages(&config, &arguments).await,
        Verb::Requests(arguments) => requests::requests(&config, &arguments).await,
        Verb::Request(verb) => request::request(&config, verb).await,
        Verb::Deadline(arguments) => deadline::deadline(&config, &arguments),
        Verb::Commitments(arguments) => commitments::commitments(&config, arguments).await,
        Verb::Calendar(arguments) => calendar::calendar(&config, &arguments),
        Verb::Ledger(verb) => ledger::ledger(&config, verb).await,
        Verb::Template(verb) => template::template(&config, verb),
        Verb::Breaker(arguments) => breaker::breaker(&config, arguments).await,
        Verb::Indicators(arguments) => indicators::indicators(&config, &arguments).await,
        Verb::Indicator(verb) => indicator::indicator(&config, verb).await,
        Verb::TrackingSheet(arguments) => tracking::tracking(&config, &arguments).await,
        Verb::Letter(verb) => letter::letter(&config, verb).await,
        Verb::Appointment(verb) => appointment::appointment(&config, verb).await,
        Verb::Sample(arguments) => sample::sample(&config, &arguments).await,
        Verb::Backup(arguments) => backup::back_up(&config, &arguments).await,
        Verb::Restore(arguments) => backup::restore(&config, &arguments).await,
        Verb::Purge(arguments) => purge::purge(&config, &arguments).await,
        Verb::Person(verb) => person::person(&config, verb).await,
        Verb::AccessLog(arguments) => person::access_log(&config, &arguments).await,
        Verb::Forecast(arguments) => forecast::forecast(&config, &arguments).await,
        Verb::Status(arguments) => status::status(&config, &arguments).await,
    }
}

/// Reads the configuration for a command that speaks to no mail server.
fn offline(config: &std::path::Path) -> Result<Settings, Failure> {
    Ok(Settings::load(config, Secrets::Skip)?)
}

/// Reads the configuration and opens the database.
async fn open(config: &std::path::Path) -> Result<(Settings, crate::app::Store), Failure> {
    let settings = Settings::load(config, Secrets::Store)?;
    let store = crate::app::Store::open_existing(&settings.store).await?;
    Ok((settings, store))
}
