//! What delivery reports say of our mails and of addresses, brought to the batch under way and to the tables.

use std::collections::HashMap;

use super::Result;
use crate::domain::event::Event;
use crate::domain::message::MessageFacts;
use crate::store::{Person, Turn};

/// The Message-IDs that a report names.
pub(super) fn reported(facts: &MessageFacts) -> impl Iterator<Item = &String> {
    facts.report.iter().flat_map(|report| report.original_message_ids.iter())
}

/// The Message-IDs that a report names, or that it answers.
pub(super) fn named_by(facts: &MessageFacts) -> impl Iterator<Item = &str> {
    reported(facts).map(String::as_str).chain(facts.ancestors())
}

/// What later messages of the batch must know of an event: whether mail reaches a person.
pub(super) fn learn(persons: &mut HashMap<String, Person>, event: &Event) {
    let (digest, since) = if let Event::Undeliverable { person, at, .. } = event {
        (person, Some(*at))
    } else if let Event::Deliverable { person, .. } = event {
        (person, None)
    } else {
        return;
    };
    for person in persons.values_mut().filter(|person| person.digest == *digest) {
        person.undeliverable = since;
    }
}

/// Brings what an event says of addresses and mails to their tables.
pub(super) async fn mark(turn: &mut Turn, event: &Event) -> Result<()> {
    if let Event::Undeliverable { person, at, .. } = event {
        turn.mark_undeliverable(person, Some(*at)).await?;
    }
    if let Event::Deliverable { person, .. } = event {
        turn.mark_undeliverable(person, None).await?;
    }
    if let Event::Bounced { effect, status, at, .. } = event {
        turn.mark_bounced(effect, status.as_deref().unwrap_or_default(), *at).await?;
    }
    Ok(())
}
