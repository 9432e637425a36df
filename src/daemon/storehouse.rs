//! Whether the database takes writing: a full disk or a file made read-only shows here first, and says so where it can.
//!
//! While it takes none, nothing is taken in: each mailbox's turn fails whole, its cursor stays, and its messages wait on
//! the server. The administrators are written to directly, for the queue of mails is in the database.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::mailbox::Shared;
use super::sender::{relay, submit};
use crate::app::custody;
use crate::app::sending::{self, Ready};
use crate::clock;
use crate::domain::custody::Deed;
use crate::domain::effect::{Attempts, Outcome};
use crate::domain::warning::Warning;
use crate::smtp::Sender;
use crate::store::DueEffect;

/// How often the database is written to on trial while all is well.
const PROBE_EVERY: Duration = Duration::from_secs(20);
/// How often while it takes no writing.
const PROBE_AGAIN_AFTER: Duration = Duration::from_secs(3);
/// How long the loop may be without progress before the watchdog starves.
const PATIENCE: Duration = Duration::from_mins(15);
/// The part of vigie that ails, in its health.
const PART: &str = "store";
/// In whose name the ledger says that the database takes writing again.
const VIGIE: &str = "vigie";

/// A time in which the database takes no writing.
struct Trouble {
    since: DateTime<Utc>,
    cause: String,
    told: bool,
}

/// Watches over the database until it is told to stop.
pub async fn run(shared: Shared) -> anyhow::Result<()> {
    let pulse = shared.heart.pulse("storehouse", PATIENCE);
    let mut trouble: Option<Trouble> = None;
    loop {
        pulse.beat();
        match (shared.store.probe().await, trouble.take()) {
            (Ok(()), None) => {}
            (Ok(()), Some(over)) => trouble = recovered(&shared, over).await,
            (Err(error), known) => {
                let cause = error.to_string();
                if known.is_none() {
                    tracing::error!("the database takes no writing, nothing is taken in until it does: {cause}");
                }
                shared.heart.ail(PART, cause.clone());
                let mut now = known.unwrap_or_else(|| Trouble { since: clock::now(), cause, told: false });
                now.told = now.told || tell(&shared, &now).await;
                trouble = Some(now);
            }
        }
        let wait = if trouble.is_some() { PROBE_AGAIN_AFTER } else { PROBE_EVERY };
        tokio::select! {
            () = shared.stop.cancelled() => return Ok(()),
            () = sleep(wait) => {}
        }
    }
}

/// Writes down that it takes writing again; the trouble goes on where even that cannot be written.
async fn recovered(shared: &Shared, over: Trouble) -> Option<Trouble> {
    let deed = Deed::WritableAgain { since: over.since, cause: over.cause.clone() };
    match custody::record(&shared.store, deed, VIGIE, clock::now()).await {
        Ok(_) => {
            shared.heart.heal(PART);
            shared.news.notify_waiters();
            tracing::info!("the database takes writing again");
            None
        }
        Err(error) => {
            tracing::error!("the database takes no writing again: {error}");
            Some(over)
        }
    }
}

/// Writes to the administrators; whether nothing is left to be told.
async fn tell(shared: &Shared, trouble: &Trouble) -> bool {
    let templates = Arc::clone(&shared.texts.borrow());
    let office = &shared.settings.office;
    let (now, since) = (clock::now(), trouble.since);
    let warning = Warning::Unwritable { since, cause: trouble.cause.clone() };
    let Some(effect) = warning.mail(office, now) else { return true };
    let message_id = format!("{}@{}", effect.id, office.sender.domain());
    let due = DueEffect { effect, message_id, attempts: Attempts { count: 1, unknown: 0, since: now } };
    let prepared = match sending::prepare(&shared.store, office, &templates, &due, now).await {
        Ok(Ready::Send(prepared)) => prepared,
        Ok(Ready::Withdraw(_)) => return true,
        Err(error) => {
            tracing::error!("the administrators cannot be written to: {error}");
            return false;
        }
    };
    let mut sender = Sender::new(relay(&shared.settings));
    let attempt = submit(shared, &mut sender, &due, *prepared).await;
    sender.close().await;
    let said = attempt.as_ref().map_or("stopped", |attempt| attempt.summary.as_str());
    tracing::info!("the administrators were written to: {said}");
    attempt.is_some_and(|attempt| match attempt.outcome {
        Outcome::Accepted { .. } | Outcome::Unknown { .. } | Outcome::Withdrawn { .. } => true,
        Outcome::Refused { temporary, .. } => !temporary,
    })
}
