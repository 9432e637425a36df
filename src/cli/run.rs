//! `vigie run`: the daemon.

use std::path::Path;
use std::process::ExitCode;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Answer, Failure};
use crate::daemon;

/// Libraries that would write logins or mails into the log, whatever filter is asked for.
const SILENCED: [&str; 4] = ["async_imap=warn", "lettre=warn", "sqlx=warn", "rustls=warn"];

/// Runs the daemon until it is told to stop.
pub async fn run(config: &Path) -> Answer {
    log()?;
    let (settings, templates) = daemon::load(config).map_err(Failure::Usage)?;
    daemon::run(config, settings, templates).await?;
    Ok(ExitCode::SUCCESS)
}

/// Logs to the journal where there is one, else JSON lines on standard error.
fn log() -> Result<(), Failure> {
    let mut filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    for directive in SILENCED {
        filter = filter.add_directive(directive.parse().map_err(anyhow::Error::from)?);
    }
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let registry = tracing_subscriber::registry().with(filter);
    match journal {
        Some(journal) => registry.with(journal).init(),
        None => registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).log_internal_errors(false))
            .init(),
    }
    Ok(())
}
