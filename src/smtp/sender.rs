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
/// the conversation stands. Dropping a [`Self::submit`] or [`Self::refresh`] under way drops its connection with it.
pub struct Sender {
    relay: Relay,
    open: Option<Open>,
}

struct Open {
    session: Session,
    used_at: DateTime<Utc>,
    messages: u32,
    /// Whether it answered RSET since it was used last.
    refreshed: bool,
}

impl Sender {
    /// A sender without a connection yet.
    #[must_use]
    pub fn new(relay: Relay) -> Self {
        Self { relay, open: None }
    }

    /// Sees whether the connection at hand is of use, so that the next message need not wait for the answer. Call it right
    /// before [`Self::submit`], while the message is fetched or written; `stop` ends the wait.
    pub async fn refresh(&mut self, now: DateTime<Utc>, stop: &CancellationToken) {
        let fresh = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            fresh = self.at_hand(now) => fresh,
        };
        self.open = fresh;
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
        open.refreshed = false;
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

    /// The connection at hand if it is of use, else a new one.
    async fn ready(&mut self, now: DateTime<Utc>) -> Result<Open, super::Error> {
        if let Some(open) = self.open.take_if(|open| open.refreshed) {
            return Ok(open);
        }
        if let Some(open) = self.at_hand(now).await {
            return Ok(open);
        }
        Ok(Open { session: Session::open(&self.relay).await?, used_at: now, messages: 0, refreshed: true })
    }

    /// The connection at hand if it is fresh and answers RSET. No message is at risk here: one that fails is dropped.
    async fn at_hand(&mut self, now: DateTime<Utc>) -> Option<Open> {
        let mut open = self.open.take()?;
        let idle = now.signed_duration_since(open.used_at);
        let fresh = idle >= TimeDelta::zero() && idle <= KEEP_IDLE;
        open.refreshed = fresh && open.session.reset(&self.relay.deadlines).await.is_ok();
        open.refreshed.then_some(open)
    }
}
