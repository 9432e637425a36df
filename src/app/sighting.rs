//! What became of known messages at their places: flags that changed, places that are empty now.

use chrono::{DateTime, Utc};

use super::Result;
use super::ingest::Source;
use super::marks;
use crate::domain::request::MessageId;
use crate::domain::sighting::{FlagSet, Place, SeenChange, Sighting};
use crate::store::{PlaceRow, Store};

/// What the server showed of a folder's known messages. UIDs that the store does not know are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Messages with their flags as they are; those whose flags are as they were may be among them.
    pub flags: Vec<(u32, FlagSet)>,
    /// UIDs that are there no more.
    pub gone: Vec<u32>,
}

impl Shown {
    /// Whether there is nothing to note.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.gone.is_empty()
    }
}

/// Notes what the server showed, and says what of it is news: in one turn, so that a change is never noted without
/// what follows from it. What is shown a second time is no news.
pub async fn observe(store: &Store, source: &Source<'_>, shown: &Shown, now: DateTime<Utc>) -> Result<Vec<Sighting>> {
    let (folder, uid_validity) = (source.cursor.id, source.cursor.uid_validity);
    let mut turn = store.begin().await?;
    if let Some(lease) = source.lease {
        turn.check_lease(lease).await?;
    }
    let mut sightings = Vec::new();
    let mut shown_flags = shown.flags.clone();
    shown_flags.sort_by_key(|(uid, _)| *uid);
    let asked: Vec<u32> = shown_flags.iter().map(|(uid, _)| *uid).collect();
    for row in turn.places(folder, uid_validity, &asked).await? {
        // of several answers about one message the last counts
        let after = shown_flags.partition_point(|(uid, _)| *uid <= row.uid);
        let Some((_, flags)) = after.checked_sub(1).and_then(|at| shown_flags.get(at)) else { continue };
        if *flags != row.flags {
            turn.save_flags(folder, uid_validity, row.uid, flags).await?;
            let change = SeenChange::Flags { before: row.flags.clone(), now: flags.clone() };
            sightings.push(sighting(source, &row, change, now));
        }
    }
    for row in turn.places(folder, uid_validity, &shown.gone).await? {
        sightings.push(sighting(source, &row, SeenChange::Gone { flags: row.flags.clone() }, now));
    }
    turn.mark_gone(folder, uid_validity, &shown.gone, now).await?;
    let messages: Vec<MessageId> = sightings.iter().map(|sighting| sighting.message).collect();
    marks::follow(&mut turn, source.office, &messages, now).await?;
    turn.commit().await?;
    Ok(sightings)
}

fn sighting(source: &Source<'_>, row: &PlaceRow, change: SeenChange, now: DateTime<Utc>) -> Sighting {
    let place = Place {
        mailbox: source.desk.policy.name.clone(),
        folder: source.cursor.name.clone(),
        role: source.role,
        uid_validity: source.cursor.uid_validity,
        uid: row.uid,
    };
    Sighting { message: row.message, place, change, observed_at: now }
}
