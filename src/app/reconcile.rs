//! The daily comparison of each folder with its server: when it is due, and what it found, written down.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Result;
use super::tick::queue;
use crate::domain::event::Event;
use crate::domain::french::counted;
use crate::domain::office::Office;
use crate::domain::schedule::{Firing, Schedule};
use crate::domain::warning::Warning;
use crate::store::{Lease, Store};

/// What the comparison of one folder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The mailbox.
    pub mailbox: String,
    /// The folder.
    pub folder: String,
    /// How many messages the server has.
    pub server: usize,
    /// How many the store knew to be there.
    pub store: usize,
    /// UIDs that the server has and the store had not.
    pub missing: Vec<u32>,
    /// UIDs that the store had and the server has not.
    pub surplus: Vec<u32>,
    /// Those of both that are left after the repair.
    pub left: Vec<u32>,
}

impl Finding {
    /// Whether server and store agree now.
    #[must_use]
    pub fn is_repaired(&self) -> bool {
        self.left.is_empty()
    }
}

/// Whether a mailbox's comparison is due; the first one is at the schedule's next firing.
pub async fn is_due(store: &Store, mailbox: &str, schedule: &Schedule, zone: Tz, now: DateTime<Utc>) -> Result<bool> {
    let scheduled = store.scheduled(&name(mailbox)).await?;
    let firing =
        Firing::of(scheduled, now, |after| schedule.next_after(after, zone).unwrap_or(DateTime::<Utc>::MAX_UTC));
    if firing == Firing::Anew {
        put_off(store, mailbox, schedule, zone, now).await?;
    }
    Ok(matches!(firing, Firing::Due(_)))
}

/// Puts a mailbox's comparison off to the schedule's next firing.
pub async fn put_off(store: &Store, mailbox: &str, schedule: &Schedule, zone: Tz, now: DateTime<Utc>) -> Result<()> {
    let Some(next) = schedule.next_after(now, zone) else { return Ok(()) };
    let mut turn = store.begin().await?;
    turn.schedule(&name(mailbox), next).await?;
    turn.commit().await?;
    Ok(())
}

fn name(mailbox: &str) -> String {
    format!("reconcile:{mailbox}")
}

/// Writes down what a comparison found, and warns the administrators of a difference that is left.
pub async fn record(store: &Store, office: &Office, lease: &Lease, found: &Finding, now: DateTime<Utc>) -> Result<()> {
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let mut turn = store.begin().await?;
    turn.check_lease(lease).await?;
    let event = Event::Reconciled {
        mailbox: found.mailbox.clone(),
        folder: found.folder.clone(),
        server: count(found.server),
        store: count(found.store),
        missing: count(found.missing.len()),
        surplus: count(found.surplus.len()),
        repaired: found.is_repaired(),
        at: now,
    };
    turn.write_down(&event, now);
    if !found.is_repaired() {
        let cause = format!(
            "Dossier {}\u{a0}: {} encore après relève, sur {} au serveur et {} au registre.",
            found.folder,
            counted(found.left.len(), "message diffère", "messages diffèrent"),
            found.server,
            found.store
        );
        let (mailbox, folder) = (found.mailbox.clone(), found.folder.clone());
        let warning = Warning::Gap { mailbox, folder, at: now, cause };
        queue(&mut turn, office, warning.mail(office, now).as_slice()).await?;
    }
    turn.commit().await?;
    Ok(())
}
