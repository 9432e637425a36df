//! Wakes when something is due by the clock: alerts, digests.

use std::time::Duration;

use tokio::time::sleep;

use super::mailbox::Shared;
use super::{seals, timestamps};
use crate::app::tick;
use crate::clock;

/// The longest sleep: the wall clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The shortest sleep between two ticks.
const SHORTEST_SLEEP: Duration = Duration::from_millis(200);
/// How long the loop may be without progress before the watchdog starves.
const PATIENCE: Duration = Duration::from_mins(5);

/// Seals the ledger beside the digests that carry a seal; without `[ledger]` nothing is sealed.
async fn seal(shared: &Shared) {
    let (Some(settings), Some(key)) = (&shared.settings.ledger, &shared.settings.office.seal_key) else { return };
    match seals::write(settings, key, &shared.store, clock::now()).await {
        Ok((path, _)) => {
            tracing::info!("the ledger is sealed in {}", path.display());
            if let Err(error) = timestamps::stamp_missing(settings).await {
                tracing::warn!("a seal is not stamped with the time yet: {error:#}");
            }
        }
        Err(error) => tracing::error!("the ledger cannot be sealed: {error:#}"),
    }
}

/// Ticks until it is told to stop.
pub async fn run(shared: Shared) -> anyhow::Result<()> {
    let pulse = shared.heart.pulse("ticker", PATIENCE);
    let office = &shared.settings.office;
    tick::tick(&shared.store, office, clock::now()).await?;
    loop {
        pulse.beat();
        let news = shared.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let next = tick::next_wake(&shared.store, office).await?;
        let now = clock::now();
        if next.is_some_and(|next| next <= now) {
            let ticked = tick::tick(&shared.store, office, now).await?;
            if ticked.queued > 0 {
                tracing::info!("{} mails to agents queued", ticked.queued);
                shared.news.notify_waiters();
                seal(&shared).await;
            }
            if ticked.more {
                continue;
            }
        }
        let until = next.and_then(|next| (next - clock::now()).to_std().ok()).unwrap_or(LONGEST_SLEEP);
        tokio::select! {
            () = shared.stop.cancelled() => return Ok(()),
            () = &mut news => {}
            () = sleep(until.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)) => {}
        }
    }
}
