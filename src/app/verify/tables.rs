//! The tables that people query, row by row, against what the entries say.

use chrono::DateTime;

use super::fold::Fold;
use crate::app::Result;
use crate::domain::effect::EffectKind;
use crate::domain::ledger::rfc3339;
use crate::store::{EffectFacts, MailboxFacts, MessageFactsRow, RequestFacts, Snapshot};

/// Holds every table against the entries; the first row that differs.
pub(super) async fn compare(snapshot: &mut Snapshot, fold: &mut Fold) -> Result<Option<String>> {
    let mut last = 0;
    loop {
        let page = snapshot.requests_after(last).await?;
        let Some(row) = page.last() else { break };
        last = row.id;
        if let Some(fault) = page.iter().find_map(|row| request(fold, row).err()) {
            return Ok(Some(fault));
        }
    }
    last = 0;
    loop {
        let page = snapshot.messages_after(last).await?;
        let Some(row) = page.last() else { break };
        last = row.id;
        if let Some(fault) = page.iter().find_map(|row| message(fold, row).err()) {
            return Ok(Some(fault));
        }
    }
    let mut last = String::new();
    loop {
        let page = snapshot.effects_after(&last).await?;
        let Some(row) = page.last() else { break };
        last.clone_from(&row.id);
        if let Some(fault) = page.iter().find_map(|row| mail(fold, row).err()) {
            return Ok(Some(fault));
        }
    }
    let mailboxes = snapshot.mailboxes().await?;
    let found = mailboxes.iter().try_for_each(|row| mailbox(fold, row));
    let sheets = [&fold.requests, &fold.messages, &fold.mails, &fold.mailboxes];
    Ok(found.and_then(|()| sheets.into_iter().try_for_each(super::sheet::Sheet::end)).err())
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
    let forgotten = !fold.requests.is_empty(&row.reference, "forgotten");
    // What names a row that was purged names nothing any more.
    let unless_gone = |text: &String, gone: bool| if text.is_empty() && gone { None } else { Some(text.clone()) };
    let shown = [
        ("mailbox", Some(row.mailbox.clone())),
        ("bureau", Some(row.bureau.clone())),
        ("message", Some(row.message.clone())),
        ("person", unless_gone(&row.person, forgotten)),
        ("again_of", unless_gone(&row.again_of, fold.purged)),
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
    ];
    fold.requests.check(&row.reference, &shown)
}

fn message(fold: &mut Fold, row: &MessageFactsRow) -> Result<(), String> {
    let facts = [
        row.mailbox.clone(),
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
    let shown = [
        ("facts", Some(facts.join("\n"))),
        ("verdict", Some(row.verdict.clone())),
        ("reason", Some(row.reason.clone())),
        ("request", Some(row.request.clone())),
    ];
    fold.messages.check(&row.digest, &shown)
}

fn mail(fold: &mut Fold, row: &EffectFacts) -> Result<(), String> {
    let settled = !matches!(row.state.as_str(), "pending" | "sending" | "held");
    // A mail to agents enters the ledger with its first attempt; one to the public with the decision that wants it.
    let public = EffectKind::from_name(&row.kind).is_some_and(EffectKind::is_public);
    if !settled && !public && !fold.mails.has(&row.id) {
        return Ok(());
    }
    let state = if settled { row.state.clone() } else { String::new() };
    let shown =
        [("kind", Some(row.kind.clone())), ("state", Some(state)), ("settled_at", Some(instant(row.settled_at)))];
    fold.mails.check(&row.id, &shown)
}

fn mailbox(fold: &mut Fold, row: &MailboxFacts) -> Result<(), String> {
    let shown = [
        ("mode", Some(row.mode.clone())),
        ("watched_since", Some(instant(row.watched_since))),
        ("acknowledging_since", Some(instant(row.acknowledging_since))),
        ("blind_since", Some(instant(row.blind_since))),
    ];
    fold.mailboxes.check(&row.name, &shown)
}
