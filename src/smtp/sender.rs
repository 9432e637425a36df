//! Several messages over one connection, kept a bounded time and never past a doubt.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::session::{Session, keeps};
use super::{Outcome, Relay, Submission};

/// How long an idle connection is kept; relays under load hang up after ten seconds or more.
const KEEP_IDLE: TimeDelta = TimeDelta::seconds(20);
/// The most messages over one connection.
const MAX_MESSAGES: u32 = 100;

/// Submits messages one after the other to one relay.
///
/// A connection is used again only while it is fresh, after RSET, and after outcomes that leave no doubt about where
/// the conversation stands. Dropping a [`Self::submit`] under way drops its connection with it.
pub struct Sender {
    relay: Relay,
    open: Option<Open>,
}

struct Open {
    session: Session,
    used_at: DateTime<Utc>,
    messages: u32,
}

impl Sender {
    /// A sender without a connection yet.
    #[must_use]
    pub fn new(relay: Relay) -> Self {
        Self { relay, open: None }
    }

    /// Submits one message. `now` decides whether the connection at hand is still fresh; `stop` ends the wait in good
    /// order: [`Outcome::Stopped`] before the final dot, [`Outcome::Unknown`] after it.
    pub async fn submit(
        &mut self,
        submission: Submission<'_>,
        now: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Outcome {
        let ready = tokio::select! {
            biased;
            () = stop.cancelled() => return super::Error::Stopped.into(),
            ready = self.ready(now) => ready,
        };
        let mut open = match ready {
            Ok(open) => open,
            Err(error) => return error.into(),
        };
        let outcome = open.session.deliver(submission, &self.relay.deadlines, stop).await;
        open.messages += 1;
        open.used_at = now;
        if keeps(&outcome) && open.messages < MAX_MESSAGES {
            self.open = Some(open);
        }
        outcome
    }

    /// Hangs up. Call it when nothing is left to send.
    pub async fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.session.quit(self.relay.deadlines.farewell).await;
        }
    }

    /// The connection at hand if it is fresh and answers RSET, else a new one.
    async fn ready(&mut self, now: DateTime<Utc>) -> Result<Open, super::Error> {
        if let Some(mut open) = self.open.take() {
            let idle = now.signed_duration_since(open.used_at);
            // No message is at risk here: a connection that fails RSET is simply replaced.
            if idle >= TimeDelta::zero() && idle <= KEEP_IDLE && open.session.reset(&self.relay.deadlines).await.is_ok()
            {
                return Ok(open);
            }
        }
        Ok(Open { session: Session::open(&self.relay).await?, used_at: now, messages: 0 })
    }
}
