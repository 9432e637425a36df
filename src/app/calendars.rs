//! By which calendars days are counted, written into the ledger and read back from it.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Error, Result};
use crate::domain::calendars::{CalendarHistory, Calendars};
use crate::domain::event::Event;
use crate::domain::office::Office;
use crate::store::{FactRow, Facts, Store, Turn};

/// Writes down by which calendars days are counted from now on, where the ledger does not say so yet.
pub(super) async fn note(turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<()> {
    let calendars = Calendars::of(office);
    if !calendars.is_empty() && turn.last_calendars().await? != Some(calendars.payload().canonical()) {
        turn.write_down(&Event::Calendars { calendars, at: now }, now);
    }
    Ok(())
}

/// The calendars that held, from the whole ledger: what is older than the first of them is counted by that one, at any head.
pub(super) async fn history(store: &Store, office: &Office) -> Result<CalendarHistory> {
    let (mut history, mut fault) = (CalendarHistory::new(office), None);
    store
        .facts(Facts::Calendars, i64::MAX, |row| match said(&row) {
            Ok(calendars) => history.take(row.seq, calendars),
            Err(error) => fault = Some(error),
        })
        .await?;
    fault.map_or(Ok(history), Err)
}

/// What an entry says of the calendars.
#[derive(Debug, Deserialize)]
struct SaidCalendars {
    mailboxes: Vec<String>,
    bureaux: Vec<String>,
    revisions: Vec<String>,
    texts: Vec<String>,
}

fn said(row: &FactRow) -> Result<Calendars> {
    let said: SaidCalendars =
        serde_json::from_str(&row.payload).map_err(|error| Error::Entry { seq: row.seq, what: error.to_string() })?;
    Calendars::read(&said.mailboxes, &said.bureaux, &said.revisions, &said.texts)
        .ok_or_else(|| Error::Entry { seq: row.seq, what: "calendars that this version cannot count by".to_owned() })
}
