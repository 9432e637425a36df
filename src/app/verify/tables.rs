//! The tables that people query, row by row, against what the entries say.

use std::borrow::Borrow as _;

use chrono::DateTime;

use super::fold::Fold;
use crate::app::Result;
use crate::domain::breaker::Breaker;
use crate::domain::effect::EffectKind;
use crate::domain::ledger::rfc3339;
use crate::store::{
    EffectFacts, MailboxFacts, MessageFactsRow, NoteFacts, PersonFacts, RegisterItem, RequestFacts, Snapshot,
    TombstoneFacts,
};

/// Holds a table against the entries, page by page; the first row that differs ends it.
macro_rules! each {
    ($snapshot:ident . $page:ident, $first:expr, $place:ident, |$row:ident| $check:expr) => {
        let mut last = $first;
        loop {
            let page = $snapshot.$page(last.borrow()).await?;
            let Some(row) = page.last() else { break };
            last.clone_from(&row.$place);
            for $row in &page {
                if let Err(fault) = $check {
                    return Ok(Some(fault));
                }
            }
        }
    };
}

/// Holds every table against the entries; the first row that differs. What belongs to a request is looked at before
/// the requests are ticked off: what was forgotten with it may be gone.
pub(super) async fn compare(snapshot: &mut Snapshot, fold: &mut Fold) -> Result<Option<String>> {
    each!(snapshot.notes_after, String::new(), digest, |row| note(fold, row));
    each!(snapshot.items_after, String::new(), reference, |row| item(fold, row));
    each!(snapshot.messages_after, 0_i64, id, |row| message(fold, row));
    if let Some(lost) = lost_note(fold) {
        return Ok(Some(lost));
    }
    each!(snapshot.requests_after, 0_i64, id, |row| request(fold, row));
    each!(snapshot.effects_after, String::new(), id, |row| mail(fold, row));
    each!(snapshot.tombstones_after, String::new(), digest, |row| tombstone(fold, row));
    each!(snapshot.persons_after, String::new(), digest, |row| person(fold, row));
    let mailboxes = snapshot.mailboxes().await?;
    let found = mailboxes.iter().try_for_each(|row| mailbox(fold, row));
    let tripped = breaker(fold, &snapshot.breaker().await?);
    let sheets = [&fold.requests, &fold.messages, &fold.tombstones, &fold.mails, &fold.mailboxes, &fold.items];
    let whole = || sheets.into_iter().try_for_each(super::sheet::Sheet::end);
    Ok(found.and(tripped).and_then(|()| whole()).err())
}

/// An instant of a column as entries write it; 0 stands for none.
fn instant(millis: i64) -> String {
    let at = DateTime::from_timestamp_millis(millis).filter(|_| millis != 0);
    at.map(rfc3339).unwrap_or_default()
}

/// Days of a column as entries write them; none is not written.
fn days(count: i64) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// A truth value of a column as entries write it.
fn flag(value: i64) -> String {
    (value != 0).to_string()
}

fn request(fold: &mut Fold, row: &RequestFacts) -> Result<(), String> {
    let forgotten = !fold.requests.is_empty(&row.reference, "forgotten_at");
    // What names a row that was purged names nothing any more; who was forgotten has no name.
    let purged = fold.purged && row.again_of == "?" && !fold.requests.is_empty(&row.reference, "again_of");
    let nameless = forgotten && row.person.is_empty();
    let shown = [
        ("mailbox", Some(row.mailbox.clone())),
        ("bureau", Some(row.bureau.clone())),
        ("message", Some(row.message.clone())),
        ("person", Some(row.person.clone()).filter(|_| !nameless)),
        ("again_of", Some(row.again_of.clone()).filter(|_| !purged)),
        ("requester", Some(row.requester.clone())),
        ("nature", Some(row.nature.clone())),
        ("commitment", Some(row.commitment.clone())),
        ("limit", Some(row.day_limit.to_string())),
        ("received_at", Some(instant(row.received_at))),
        ("due_on", Some(row.due_on.clone())),
        ("due_at", Some(instant(row.due_at))),
        ("calendar", Some(row.calendar_revision.clone())),
        ("backlog", Some(flag(row.backlog))),
        ("flagged", Some(flag(row.flagged))),
        ("status", Some(row.status.clone())),
        ("settled_at", Some(instant(row.settled_at))),
        ("evidence", Some(row.evidence.clone())),
        ("confidence", Some(row.confidence.clone())),
        ("holding_at", Some(instant(row.holding_at))),
        ("substantive_at", Some(instant(row.substantive_at))),
        ("incomplete_since", Some(instant(row.incomplete_since))),
        ("suspended", Some(days(row.suspended_days))),
        ("merged_into", Some(row.merged_into.clone())),
        ("deleted_at", Some(instant(row.deleted_at))),
        ("forwarded_at", Some(instant(row.forwarded_at))),
        ("acknowledgement", Some(row.acknowledgement.clone())),
        ("acknowledged_at", Some(instant(row.acknowledged_at))),
        ("alert_level", Some(row.alert_level.clone())),
        ("forgotten_at", Some(instant(row.forgotten_at))),
    ];
    fold.requests.check(&row.reference, &shown)
}

fn message(fold: &mut Fold, row: &MessageFactsRow) -> Result<(), String> {
    let at = instant(row.forgotten_at);
    let told = row.forgotten_at == 0
        || fold.messages.holds(&row.digest, "forgotten_at", &at)
        || fold.requests.holds(&row.request, "forgotten_at", &at);
    if !told || (row.forgotten_at != 0 && !row.person.is_empty()) {
        return Err(format!("message {} was emptied, and no entry of the ledger says so", row.digest));
    }
    let facts = [
        row.folder.clone(),
        instant(row.received_at),
        row.received_rule.clone(),
        instant(row.internal_date),
        instant(row.header_date),
        instant(row.received_header),
        instant(row.observed_at),
        row.acknowledgement.clone(),
        row.acknowledgement_reason.clone(),
    ];
    let unless_forgotten = |text: String| if row.forgotten_at == 0 { Some(text) } else { None };
    let told = !fold.messages.is_empty(&row.digest, "listed");
    let listed = [row.from_kind.clone(), row.commitment.clone(), row.due_on.clone()].join("\n");
    let shown = [
        ("mailbox", Some(row.mailbox.clone())),
        ("facts", Some(facts.join("\n"))),
        ("verdict", Some(row.verdict.clone())),
        ("reason", Some(row.reason.clone())),
        ("request", Some(row.request.clone())),
        ("person", unless_forgotten(row.person.clone())),
        ("details", unless_forgotten(format!("{}\n{}", row.reason_detail, row.acknowledgement_detail))),
        ("listed", Some(listed).filter(|_| told)),
    ];
    fold.messages.check(&row.digest, &shown)
}

fn tombstone(fold: &mut Fold, row: &TombstoneFacts) -> Result<(), String> {
    let shown = [
        ("mailbox", Some(row.mailbox.clone())),
        ("verdict", Some(row.verdict.clone())),
        ("reason", Some(row.reason.clone())),
    ];
    fold.tombstones.check(&row.digest, &shown)
}

fn mail(fold: &mut Fold, row: &EffectFacts) -> Result<(), String> {
    let settled = !matches!(row.state.as_str(), "pending" | "sending" | "held");
    // A mail to agents enters the ledger with its first attempt; one to the public with the decision that wants it.
    let public = EffectKind::from_name(&row.kind).is_some_and(EffectKind::is_public);
    if !settled && !public && !fold.mails.has(&row.id) {
        return Ok(());
    }
    if !row.message_id.strip_prefix(row.id.as_str()).is_some_and(|rest| rest.starts_with('@')) {
        return Err(format!("mail {} does not bear the Message-ID that follows from its id", row.id));
    }
    let once_settled = |text: String| if settled { Some(text) } else { None };
    let bounced = format!("{} {}", instant(row.bounced_at), row.bounce_status);
    let shown = [
        ("kind", Some(row.kind.clone())),
        ("about", Some(format!("{}\n{}", row.mailbox, row.request))),
        ("state", Some(once_settled(row.state.clone()).unwrap_or_default())),
        ("settled_at", Some(instant(row.settled_at))),
        ("attempt", once_settled(row.attempts.to_string())),
        ("text", Some(row.text_digest.clone())),
        ("bounced", Some(if bounced == " " { String::new() } else { bounced })),
    ];
    fold.mails.check(&row.id, &shown)
}

fn person(fold: &mut Fold, row: &PersonFacts) -> Result<(), String> {
    if !row.is_authentic() {
        return Err(format!("person {} is not who the ledger says", row.digest));
    }
    fold.persons.check(&row.digest, &[("undeliverable_at", Some(instant(row.undeliverable_at)))])
}

/// What an agent wrote has to be what its digest says, about the request that the ledger names.
fn note(fold: &mut Fold, row: &NoteFacts) -> Result<(), String> {
    let told = fold.notes.remove(&row.digest);
    if !row.is_authentic() || told != Some((row.request.clone(), instant(row.written_at))) {
        return Err(format!("a note about request {} is not what the ledger says", row.request));
    }
    Ok(())
}

/// A note that is not there any more goes with what was forgotten of its request, or with the request.
fn lost_note(fold: &Fold) -> Option<String> {
    let kept = |reference: &str| fold.requests.has(reference) && fold.requests.is_empty(reference, "forgotten_at");
    let lost = fold.notes.values().map(|(reference, _)| reference).filter(|reference| kept(reference)).min()?;
    Some(format!("a note about request {lost} of the ledger is not in the table"))
}

/// The personal part of a letter or an appointment; emptied, an entry says so: by its name, or as one of so many.
fn item(fold: &mut Fold, row: &RegisterItem) -> Result<(), String> {
    let emptied = row.erased_at != 0;
    if !row.is_authentic() || emptied != row.key.is_empty() {
        return Err(format!("item {} of the register is not what the ledger says", row.reference));
    }
    let named = !fold.items.is_empty(&row.reference, "erased_at");
    if emptied && !named {
        fold.emptied -= 1;
        if fold.emptied < 0 {
            return Err(format!(
                "item {} of the register was emptied, and no entry of the ledger says so",
                row.reference
            ));
        }
    }
    let shown = [
        ("channel", Some(row.channel.clone())),
        ("details", Some(row.digest.clone())),
        ("erased_at", if emptied && !named { None } else { Some(instant(row.erased_at)) }),
    ];
    fold.items.check(&row.reference, &shown)
}

fn breaker(fold: &Fold, shown: &Breaker) -> Result<(), String> {
    let shown = shown.trip.map(|trip| [rfc3339(trip.at), trip.sent.to_string(), trip.limit.to_string()]);
    if shown == fold.trip { Ok(()) } else { Err("the breaker does not stand as the ledger says".to_owned()) }
}

fn mailbox(fold: &mut Fold, row: &MailboxFacts) -> Result<(), String> {
    if (row.blind_reported != 0) != (row.blind_since != 0) {
        return Err(format!("mailbox {} is not what the ledger says of its blindness", row.name));
    }
    let shown = [
        ("mode", Some(row.mode.clone())),
        ("watched_since", Some(instant(row.watched_since))),
        ("acknowledging_since", Some(instant(row.acknowledging_since))),
        ("blind_since", Some(instant(row.blind_since))),
    ];
    fold.mailboxes.check(&row.name, &shown)
}
