//! The way to each server: how many connections may be open at a time, and when each mailbox knocks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::{ServerSettings, Settings};

/// The time between two mailboxes of one server that connect, on average.
const STRIDE: Duration = Duration::from_millis(50);

/// The gates of all servers, by host and port.
#[derive(Debug, Default)]
pub struct Gates(HashMap<(String, u16), Gate>);

/// The gate of one server.
#[derive(Debug)]
pub struct Gate {
    mailboxes: u32,
    limit: Option<u16>,
    places: Arc<Semaphore>,
}

impl Gates {
    /// A gate for each server of a configuration.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut counted: HashMap<(String, u16), (u32, Option<u16>)> = HashMap::new();
        for ServerSettings { host, port, max_connections, .. } in settings.mailboxes.iter().map(|own| &own.imap) {
            let (mailboxes, limit) = counted.entry((host.clone(), *port)).or_default();
            *mailboxes += 1;
            *limit = [*limit, *max_connections].into_iter().flatten().min();
        }
        let gate = |(server, (mailboxes, limit)): (_, (u32, Option<u16>))| {
            let places = limit.map_or(Semaphore::MAX_PERMITS, usize::from);
            (server, Gate { mailboxes, limit, places: Arc::new(Semaphore::new(places)) })
        };
        Self(counted.into_iter().map(gate).collect())
    }

    /// The gate of a server.
    #[must_use]
    pub fn of(&self, server: &ServerSettings) -> Option<&Gate> {
        self.0.get(&(server.host.clone(), server.port))
    }
}

impl Gate {
    /// Whether there are more mailboxes than places: then they take turns, and none keeps its connection.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.limit.is_some_and(|limit| self.mailboxes > u32::from(limit))
    }

    /// A place, held until it is dropped; `None` where none becomes free in time.
    pub async fn enter(&self, patience: Duration) -> Option<OwnedSemaphorePermit> {
        timeout(patience, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }

    /// How long a mailbox waits before it connects, so that all do not in the same instant. It follows from the name: no
    /// chance, and the same at each start.
    #[must_use]
    pub fn delay(&self, mailbox: &str) -> Duration {
        let [first, second, third, fourth, ..]: [u8; 32] = Sha256::digest(mailbox).into();
        let share = u32::from_be_bytes([first, second, third, fourth]) % self.mailboxes.max(1);
        STRIDE * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_mailboxes_do_not_connect_in_the_same_instant() {
        let gate = Gate { mailboxes: 30, limit: Some(10), places: Arc::new(Semaphore::new(10)) };
        let delays: Vec<Duration> = (0..30).map(|n| gate.delay(&format!("pref-{n}"))).collect();
        let mut distinct = delays.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 15, "{delays:?}");
        assert!(delays.iter().all(|delay| *delay < STRIDE * 30));
        assert!(gate.is_crowded());
    }
}
