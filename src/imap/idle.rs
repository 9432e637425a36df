//! Waiting for the server to say that something changed (RFC 2177). A hint: whoever is woken looks for himself.

use std::time::Duration;

use imap_proto::{MailboxDatum, Response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::session::Session;
use super::wire::Wire;

/// Why an IDLE ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleEnd {
    /// Something changed in the folder, now or since it was last read.
    Changed,
    /// The time is up; the connection is alive.
    Timeout,
    /// The caller asked to stop.
    Stopped,
}

/// What one response means to a waiter.
enum Heard {
    Nothing,
    Changed,
    Consent,
    /// The server ended the IDLE by itself, with its tagged OK.
    Ended,
}

impl Session {
    /// Waits until the open folder changes, `wait` has passed, or `stop` is cancelled.
    ///
    /// A server may drop a client that idles for 30 minutes, and a middle box sooner: a few minutes is a good `wait`.
    /// Returns at once if something changed since the folder was last read.
    pub async fn idle(&mut self, wait: Duration, stop: &CancellationToken) -> Result<IdleEnd, Error> {
        if !self.capabilities().idle() {
            return Err(Error::Unsupported { host: self.wire.host(), capability: "IDLE" });
        }
        let wire = &mut self.wire;
        if wire.hints.take_news() {
            return Ok(IdleEnd::Changed);
        }
        wire.claim()?;
        let tag = wire.next_tag();
        let limit = wire.deadlines().idle_start;
        match timeout(limit, begin(wire, &tag)).await {
            Ok(Ok(Heard::Consent)) => {}
            Ok(Ok(_)) => return Ok(IdleEnd::Changed),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(wire.late("IDLE", limit)),
        }
        let waiting = timeout(wait, until_changed(wire, &tag));
        let end = tokio::select! {
            biased;
            () = stop.cancelled() => IdleEnd::Stopped,
            outcome = waiting => match outcome {
                Err(_) => IdleEnd::Timeout,
                Ok(Ok(Heard::Ended)) => return Ok(IdleEnd::Changed),
                Ok(Ok(_)) => IdleEnd::Changed,
                Ok(Err(error)) => return Err(error),
            },
        };
        let limit = wire.deadlines().idle_done;
        match timeout(limit, finish(wire, &tag)).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(wire.late("the end of IDLE", limit)),
        }
        // what was heard while ending wakes the caller now rather than at the next turn
        let changed = end != IdleEnd::Stopped && wire.hints.take_news();
        Ok(if changed { IdleEnd::Changed } else { end })
    }
}

/// Asks to idle, until the server consents or ends the command.
async fn begin(wire: &mut Wire, tag: &str) -> Result<Heard, Error> {
    wire.write("IDLE", format!("{tag} IDLE\r\n").as_bytes()).await?;
    wire.flush("IDLE").await?;
    let limit = wire.deadlines().idle_start;
    loop {
        match hear(wire, tag, limit).await? {
            end @ (Heard::Consent | Heard::Ended) => return Ok(end),
            Heard::Nothing | Heard::Changed => {}
        }
    }
}

/// Waits for a change, or for the server to end the command.
async fn until_changed(wire: &mut Wire, tag: &str) -> Result<Heard, Error> {
    if wire.hints.changed || wire.hints.elsewhere || wire.hints.overflowed {
        return Ok(Heard::Changed);
    }
    loop {
        // bounded by the caller's wait: a quiet folder is no mute server
        match hear(wire, tag, Duration::MAX).await? {
            end @ (Heard::Changed | Heard::Ended) => return Ok(end),
            Heard::Nothing | Heard::Consent => {}
        }
    }
}

/// Ends the command.
async fn finish(wire: &mut Wire, tag: &str) -> Result<(), Error> {
    wire.write("the end of IDLE", b"DONE\r\n").await?;
    wire.flush("the end of IDLE").await?;
    let limit = wire.deadlines().idle_done;
    loop {
        match hear(wire, tag, limit).await? {
            Heard::Ended => return Ok(()),
            Heard::Nothing | Heard::Changed | Heard::Consent => {}
        }
    }
}

/// Reads one response. Keep-alives (`* OK Still here`) are nothing.
async fn hear(wire: &mut Wire, tag: &str, limit: Duration) -> Result<Heard, Error> {
    wire.read("IDLE", limit, |wire, response| match (wire.settle("IDLE", tag, response), response) {
        (Some(outcome), _) => outcome.map(|()| Heard::Ended),
        (None, other) => Ok(match weigh(other) {
            // nothing more would be heard: the caller wakes now
            Heard::Nothing if wire.hints.overflowed => Heard::Changed,
            heard => heard,
        }),
    })
    .await?
}

/// What an untagged response means to a waiter.
fn weigh(response: &Response<'_>) -> Heard {
    match response {
        Response::Continue(_) => Heard::Consent,
        Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Status { .. })
        | Response::Expunge(_)
        | Response::Vanished { .. }
        | Response::Fetch(..) => Heard::Changed,
        _ => Heard::Nothing,
    }
}
