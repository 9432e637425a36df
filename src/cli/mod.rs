//! The commands: one file per verb.
//!
//! *Owns* arguments, exit codes and what is printed. *May import* everything. *Start reading* at [`main`].
//!
//! | exit code | means |
//! |---|---|
//! | 0 | done, or the answer is yes |
//! | 1 | the answer is no: a check found a fault, a file's content or a change is refused, a reference, an entry, a person or a file is not there, a server or the database failed |
//! | 2 | usage: a word, option, date or value that cannot be, the name of a mailbox, bureau, indicator, territory or period that nobody bears, or the configuration |

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
mod names;
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

/// What scripts may rely on.
const EXIT_CODES: &str = "Exit codes: 0 done, or yes; 1 the answer is no; 2 usage or configuration (README, Commands)";

/// The lookout over the functional mailboxes of a préfecture.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, about, propagate_version = true, after_help = EXIT_CODES)]
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
        if error.is_usage() { Self::Usage(error.into()) } else { Self::Failed(error.into()) }
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
            output::say(&format!("vigie: {error}\n"));
            return ExitCode::from(1);
        }
    };
    let answer = runtime.block_on(carry_out(arguments));
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match answer {
        Ok(code) => code,
        Err(failure) => {
            output::say(&format!("vigie: {failure}\n"));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory as _};

    use super::Arguments;

    /// Every command and subcommand, as people type it.
    fn commands(of: &Command, before: &str, all: &mut BTreeSet<String>) {
        for command in of.get_subcommands().filter(|command| command.get_name() != "help") {
            let path = format!("{before}{}", command.get_name());
            commands(command, &format!("{path} "), all);
            all.insert(path);
        }
    }

    fn has_option(command: &Command, long: &str) -> bool {
        command.get_arguments().any(|argument| argument.get_long() == Some(long))
            || command.get_subcommands().any(|command| has_option(command, long))
    }

    #[test]
    fn the_arguments_contradict_each_other_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_readme_lists_each_command_and_no_other() {
        let mut program = Arguments::command();
        program.build();
        let mut real = BTreeSet::new();
        commands(&program, "", &mut real);
        let readme = include_str!("../../README.md");
        let table =
            readme.split_once("## Commands").and_then(|(_, rest)| rest.split_once("\n## ")).expect("a chapter").0;
        let mut listed = BTreeSet::new();
        for row in table.lines().filter(|line| line.starts_with("| `")) {
            let mut verb = "";
            for quoted in row.split('`').skip(1).step_by(2) {
                let words: Vec<&str> = quoted.split(' ').collect();
                let prefixes = (1..=words.len()).rev().map(|length| words[..length].join(" "));
                let path = prefixes.into_iter().find(|path| real.contains(path)).unwrap_or_else(|| words[0].to_owned());
                let sibling = format!("{verb} {path}");
                if verb.is_empty() {
                    assert!(real.contains(&path), "README names `{quoted}`, which is no command");
                    verb = words[0];
                    listed.insert(path);
                } else if real.contains(&sibling) {
                    listed.insert(sibling);
                } else if real.contains(&path) {
                    listed.insert(path);
                }
                let command = program.find_subcommand(verb).expect(verb);
                let options = quoted.split([' ', '[', ']', '|', ',']).filter_map(|word| word.strip_prefix("--"));
                for option in options {
                    assert!(has_option(command, option), "README gives `{verb}` the option --{option}");
                }
            }
        }
        let parents: BTreeSet<String> =
            real.iter().filter_map(|path| path.split_once(' ')).map(|(verb, _)| verb.to_owned()).collect();
        let missing: Vec<&String> = real.difference(&listed).filter(|path| !parents.contains(*path)).collect();
        assert!(missing.is_empty(), "README does not list {missing:?}");
    }
}
