//! A configuration taken into use: written down, and the open requests held against it.

use chrono::{DateTime, Utc};

use super::{Result, calendars, promised};
use crate::domain::decide::Decision;
use crate::domain::event::Event;
use crate::domain::office::Office;
use crate::domain::redate::on_configuration;
use crate::domain::request::RequestId;
use crate::store::Store;

/// Open requests looked at in one turn.
const REQUESTS_PER_TURN: i64 = 1_000;

/// What a new configuration changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Requests, letters and appointments whose limit moved.
    pub redated: usize,
    /// Requests that are now warned of at another time, those whose limit moved among them.
    pub changed: usize,
}

/// Writes down which configuration is in force from now on, and lets what is open follow it, requests, letters and
/// appointments: a closure that was added re-dates them, one entry each; what is settled stands.
pub async fn take_into_use(store: &Store, office: &Office, now: DateTime<Utc>) -> Result<Refreshed> {
    let mut turn = store.begin().await?;
    let (digest, rules, commitments) = (office.digest.clone(), office.rules(), office.commitments());
    turn.write_down(&Event::Configuration { digest, rules, commitments, at: now }, now);
    calendars::note(&mut turn, office, now).await?;
    turn.commit().await?;
    let redated = promised::redate(store, office, now).await?;
    let (mut refreshed, mut after) = (Refreshed { redated, changed: 0 }, RequestId(0));
    loop {
        let mut turn = store.begin().await?;
        let requests = turn.open_requests(after, REQUESTS_PER_TURN).await?;
        let Some(last) = requests.last() else { return Ok(refreshed) };
        after = last.id;
        let mut decision = Decision::default();
        for request in &requests {
            // The requests of a mailbox that left the configuration wait for it to come back.
            let Some(desk) = office.desk(&request.mailbox) else { continue };
            on_configuration(desk, request, now, &mut decision);
        }
        turn.save_requests(&decision.requests).await?;
        for event in &decision.events {
            turn.write_down(event, now);
        }
        refreshed.redated += decision.events.len();
        refreshed.changed += decision.requests.len();
        turn.commit().await?;
    }
}
