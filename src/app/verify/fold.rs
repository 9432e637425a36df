//! What the entries say of each row of the tables that people query: one arm a kind of entry.

use std::collections::HashMap;

use chrono::{Datelike as _, NaiveDate};
use serde_json::Value;

use super::sheet::Sheet;
use crate::domain::custody::Stage;
use crate::domain::ledger::{LedgerEntry, rfc3339};
use crate::domain::policy::Channel;

/// An instant that the tables hold as "none".
const NEVER: &str = "1970-01-01T00:00:00.000Z";

/// The tables, as the entries tell them.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) requests: Sheet,
    pub(super) messages: Sheet,
    /// What is left of messages whose rows were purged.
    pub(super) tombstones: Sheet,
    pub(super) mails: Sheet,
    pub(super) mailboxes: Sheet,
    pub(super) persons: Sheet,
    /// Letters and appointments.
    pub(super) items: Sheet,
    /// What agents wrote, by its digest: the request that it is about, and when.
    pub(super) notes: HashMap<String, (String, String)>,
    /// When the breaker tripped, after how many mails, and at which limit; `None` while acknowledgements flow.
    pub(super) trip: Option<[String; 3]>,
    /// Items that were emptied because a person asked to be forgotten: the ledger counts and does not name them.
    pub(super) emptied: i64,
    /// Whether rows were purged: what named them then names nothing.
    pub(super) purged: bool,
}

impl Default for Fold {
    fn default() -> Self {
        let messages = Sheet::new("message", &MESSAGE);
        Self {
            requests: Sheet::new("request", &REQUEST),
            tombstones: messages.like("purged message", &["mailbox", "verdict", "reason"]),
            messages,
            mails: Sheet::new("mail", &["kind", "state", "settled_at", "about", "attempt", "text", "bounced"]),
            mailboxes: Sheet::new("mailbox", &["mode", "watched_since", "acknowledging_since", "blind_since"]),
            persons: Sheet::new("person", &["undeliverable_at"]),
            items: Sheet::new("item", &["channel", "details", "erased_at"]),
            notes: HashMap::new(),
            trip: None,
            emptied: 0,
            purged: false,
        }
    }
}

/// The columns of a message. `facts` is what was seen of it, `details` what its reasons saw, `listed` what listings show
/// besides (entries of old releases do not say it); `forgotten_at` says that what is personal of it may be gone.
const MESSAGE: [&str; 9] =
    ["mailbox", "facts", "verdict", "reason", "details", "listed", "request", "person", "forgotten_at"];
/// The columns of a request; `due_day` is a number, and no table shows it.
const REQUEST: [&str; 31] = [
    "mailbox",
    "bureau",
    "message",
    "person",
    "again_of",
    "requester",
    "nature",
    "commitment",
    "limit",
    "received_at",
    "due_on",
    "due_at",
    "due_day",
    "calendar",
    "backlog",
    "flagged",
    "status",
    "settled_at",
    "evidence",
    "confidence",
    "holding_at",
    "substantive_at",
    "incomplete_since",
    "suspended",
    "merged_into",
    "deleted_at",
    "forwarded_at",
    "acknowledgement",
    "acknowledged_at",
    "alert_level",
    "forgotten_at",
];
/// What a commitment says of a request.
const COMMITTED: [&str; 4] = ["requester", "nature", "commitment", "limit"];
/// What dates a request.
const DATED: [&str; 3] = ["due_on", "due_at", "calendar"];

/// An entry with its payload read.
struct Said<'a> {
    entry: &'a LedgerEntry,
    payload: Value,
}

impl Said<'_> {
    /// A value of the payload as the tables show it; empty where there is none.
    fn text(&self, name: &str) -> String {
        match self.payload.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if text == NEVER => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// A list of texts of the payload.
    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.payload.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    fn at(&self) -> String {
        rfc3339(self.entry.occurred_at)
    }

    fn mailbox(&self) -> &str {
        self.entry.mailbox.as_deref().unwrap_or_default()
    }

    fn reference(&self) -> &str {
        self.entry.request.as_deref().unwrap_or_default()
    }
}

/// Whether a payload is what the writer writes: what two readers could read in two ways (a name that stands twice, a
/// number with a point, white space) is none. The hash covers the bytes and says nothing of that.
fn is_canonical(text: &str, payload: &Value) -> bool {
    fn is_plain(value: &Value) -> bool {
        match value {
            Value::Null | Value::Object(_) | Value::Array(_) => false,
            Value::Number(number) => number.is_i64(),
            Value::Bool(_) | Value::String(_) => true,
        }
    }
    // A list holds plain values, and no lists.
    let is_written = |value: &Value| value.as_array().map_or(is_plain(value), |values| values.iter().all(is_plain));
    let plain = payload.as_object().is_some_and(|named| named.values().all(is_written));
    plain && serde_json::to_string(payload).is_ok_and(|own| own == text)
}

impl Fold {
    /// Takes the next entry in; what is wrong with its form, where it cannot be believed.
    pub(super) fn take(&mut self, entry: &LedgerEntry) -> Result<(), String> {
        let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
        if !is_canonical(&entry.payload, &payload) {
            return Err(format!("entry {} is not in the form in which vigie writes", entry.seq));
        }
        let said = Said { entry, payload };
        self.note(&said);
        self.person_of(&said);
        self.fold(&said);
        Ok(())
    }

    fn fold(&mut self, said: &Said<'_>) {
        match said.entry.kind.as_str() {
            "message_recorded" => self.message_recorded(said),
            "message_relinked" => self.messages.set(&said.text("message"), "request", said.reference()),
            "request_opened" => self.request_opened(said),
            "request_answered" => self.request_answered(said),
            "request_closed" => self.settle(said, "closed"),
            "request_transferred" => self.settle(said, "transferred"),
            "request_merged" => self.request_merged(said),
            "request_reopened" => self.request_reopened(said),
            "request_suspended" => {
                self.stamp(said, "incomplete_since");
                self.requests.set(said.reference(), "alert_level", "");
            }
            "request_resumed" => self.request_resumed(said),
            "request_moved" => self.request_moved(said),
            "alert_raised" => self.requests.set(said.reference(), "alert_level", &said.text("level")),
            "holding_reply_seen" => {
                self.stamp(said, "holding_at");
                self.attach(said);
            }
            "substantive_reply_seen" => self.stamp(said, "substantive_at"),
            "answer_confirmed" => self.requests.set(said.reference(), "confidence", "medium"),
            "request_forwarded" => self.stamp(said, "forwarded_at"),
            "request_message_gone" => self.stamp(said, "deleted_at"),
            "request_message_back" => self.requests.set(said.reference(), "deleted_at", ""),
            "request_redated" => self.redate(said),
            "request_reclassified" => {
                self.copy(said, &COMMITTED);
                self.redate(said);
            }
            "acknowledgement_state" => self.acknowledgement(said),
            "transfer_notice_wanted" => self.mail_wanted(&said.text("effect"), "transfer_notice", said),
            "mail_settled" => self.mail_settled(said),
            "acknowledgement_bounced" => {
                self.mails.set(&said.text("effect"), "bounced", &format!("{} {}", said.at(), said.text("status")));
            }
            "address_undeliverable" => self.persons.set(&said.text("person"), "undeliverable_at", &said.at()),
            "address_deliverable" => self.persons.set(&said.text("person"), "undeliverable_at", ""),
            "breaker_tripped" => self.trip = Some([said.at(), said.text("sent"), said.text("limit")]),
            "breaker_released" => self.trip = None,
            "letter_registered" => self.registered(said, Channel::Letter),
            "appointment_requested" => self.registered(said, Channel::Appointment),
            "mailbox_mode" => self.mailbox_mode(said),
            "mailbox_blind" => self.mailboxes.set(said.mailbox(), "blind_since", &said.text("since")),
            "mailbox_sees_again" => self.mailboxes.set(said.mailbox(), "blind_since", ""),
            "purged" => self.purge(said),
            "person_erased" => self.person_erased(said),
            // The other kinds change no table that people query.
            _ => {}
        }
    }

    /// Copies values of the payload into the request's row, under the same names.
    fn copy(&mut self, said: &Said<'_>, names: &[&str]) {
        for name in names {
            self.requests.set(said.reference(), name, &said.text(name));
        }
    }

    fn message_recorded(&mut self, said: &Said<'_>) {
        const FACTS: [&str; 9] = [
            "folder",
            "received_at",
            "received_rule",
            "internal_date",
            "header_date",
            "received_header",
            "observed_at",
            "acknowledgement",
            "acknowledgement_reason",
        ];
        let message = said.text("message");
        let joined = |names: &[&str]| names.iter().map(|name| said.text(name)).collect::<Vec<_>>().join("\n");
        self.messages.open(&message, said.entry.seq);
        self.messages.set(&message, "mailbox", said.mailbox());
        self.messages.set(&message, "facts", &joined(&FACTS));
        self.messages.set(&message, "details", &joined(&["reason_detail", "acknowledgement_detail"]));
        if !said.text("from_kind").is_empty() {
            self.messages.set(&message, "listed", &joined(&["from_kind", "commitment", "due_on"]));
        }
        self.messages.set(&message, "person", &said.text("person"));
        self.messages.set(&message, "verdict", &said.text("verdict"));
        self.messages.set(&message, "reason", &said.text("reason"));
        self.messages.set(&message, "request", said.reference());
        let effect = said.text("effect");
        let kind = said.text("mail");
        self.mail_wanted(&effect, if kind.is_empty() { "acknowledgement" } else { &kind }, said);
        self.mail_wanted(&said.text("then"), "acknowledgement", said);
    }

    /// A mail to the public enters the ledger with the decision that wants it.
    fn mail_wanted(&mut self, effect: &str, kind: &str, said: &Said<'_>) {
        if !effect.is_empty() && !self.mails.has(effect) {
            self.mails.open(effect, said.entry.seq);
            self.mails.set(effect, "kind", kind);
            self.mails.set(effect, "about", &format!("{}\n{}", said.mailbox(), said.reference()));
        }
    }

    fn request_opened(&mut self, said: &Said<'_>) {
        const OPENED: [&str; 8] =
            ["bureau", "message", "person", "again_of", "received_at", "backlog", "flagged", "acknowledgement"];
        let reference = said.reference();
        self.requests.open(reference, said.entry.seq);
        self.requests.set(reference, "status", "open");
        self.requests.set(reference, "mailbox", said.mailbox());
        self.copy(said, &OPENED);
        self.copy(said, &COMMITTED);
        self.redate(said);
    }

    /// The deadline moves; what was raised about an earlier one says nothing about a later one.
    fn redate(&mut self, said: &Said<'_>) {
        let reference = said.reference();
        self.copy(said, &DATED);
        let day = said.text("due_on").parse().map_or(0, |day: NaiveDate| day.num_days_from_ce());
        let day = u64::try_from(day).unwrap_or_default();
        if day > self.requests.number(reference, "due_day") {
            self.requests.set(reference, "alert_level", "");
        }
        self.requests.set_number(reference, "due_day", day);
    }

    fn request_answered(&mut self, said: &Said<'_>) {
        self.settle(said, "answered");
        self.copy(said, &["evidence", "confidence"]);
        if said.text("holding") != "true" {
            self.stamp(said, "substantive_at");
        }
        self.attach(said);
    }

    /// An answer that was seen before its request is attached to it when that comes.
    fn attach(&mut self, said: &Said<'_>) {
        let message = said.text("message");
        if !message.is_empty() && self.messages.is_empty(&message, "request") {
            self.messages.set(&message, "verdict", "reply");
            self.messages.set(&message, "reason", "answers_known_request");
            self.messages.set(&message, "request", said.reference());
        }
    }

    fn settle(&mut self, said: &Said<'_>, status: &str) {
        self.requests.set(said.reference(), "status", status);
        self.requests.set(said.reference(), "incomplete_since", "");
        self.requests.set(said.reference(), "alert_level", "");
        self.stamp(said, "settled_at");
    }

    /// Writes the entry's instant into a column of the request's row.
    fn stamp(&mut self, said: &Said<'_>, column: &str) {
        self.requests.set(said.reference(), column, &said.at());
    }

    fn request_merged(&mut self, said: &Said<'_>) {
        self.settle(said, "closed");
        self.requests.set(said.reference(), "merged_into", &said.text("into"));
    }

    /// Another bureau was warned of nothing yet; the same one was, whichever of its mailboxes has the request.
    fn request_moved(&mut self, said: &Said<'_>) {
        if !self.requests.holds(said.reference(), "bureau", &said.text("bureau")) {
            self.requests.set(said.reference(), "alert_level", "");
        }
        self.copy(said, &["mailbox", "bureau"]);
    }

    fn request_reopened(&mut self, said: &Said<'_>) {
        self.requests.set(said.reference(), "status", "open");
        for column in ["settled_at", "substantive_at", "evidence", "confidence", "merged_into"] {
            self.requests.set(said.reference(), column, "");
        }
    }

    fn request_resumed(&mut self, said: &Said<'_>) {
        self.requests.set(said.reference(), "incomplete_since", "");
        self.redate(said);
        let days = said.text("suspended");
        self.requests.set(said.reference(), "suspended", if days == "0" { "" } else { &days });
    }

    fn acknowledgement(&mut self, said: &Said<'_>) {
        let state = said.text("state");
        let at = if state == "sent" { said.at() } else { String::new() };
        self.requests.set(said.reference(), "acknowledgement", &state);
        self.requests.set(said.reference(), "acknowledged_at", &at);
    }

    fn mail_settled(&mut self, said: &Said<'_>) {
        let effect = said.text("effect");
        self.mail_wanted(&effect, &said.text("mail"), said);
        let again = !said.text("retry_at").is_empty();
        let (state, at) = if again { (String::new(), String::new()) } else { (said.text("outcome"), said.at()) };
        let text = if state == "accepted" { said.text("text") } else { String::new() };
        for (column, value) in [("state", state), ("settled_at", at), ("attempt", said.text("attempt")), ("text", text)]
        {
            self.mails.set(&effect, column, &value);
        }
    }

    /// What an agent wrote about a request is known by its digest.
    fn note(&mut self, said: &Said<'_>) {
        let note = said.text("note");
        if !note.is_empty() {
            self.notes.insert(note, (said.reference().to_owned(), rfc3339(said.entry.recorded_at)));
        }
    }

    /// Whoever the ledger names has a row, until nothing names them any more.
    fn person_of(&mut self, said: &Said<'_>) {
        let person = said.text("person");
        if !person.is_empty() && !self.persons.has(&person) {
            self.persons.open(&person, said.entry.seq);
        }
    }

    /// A person is forgotten at once: requests, messages and the items that agents wrote down.
    fn person_erased(&mut self, said: &Said<'_>) {
        self.emptied += said.payload.get("items").and_then(Value::as_i64).unwrap_or_default();
        let person = said.text("person");
        // Whoever wrote letters alone had no digest.
        if !person.is_empty() {
            self.requests.fill_where(("person", &person), ("forgotten_at", &said.at()));
            self.messages.fill_where(("person", &person), ("forgotten_at", &said.at()));
        }
    }

    /// A letter or an appointment; described anew, it has a personal part again.
    fn registered(&mut self, said: &Said<'_>, channel: Channel) {
        self.items.open(said.reference(), said.entry.seq);
        self.items.set(said.reference(), "channel", channel.name());
        self.items.set(said.reference(), "details", &said.text("details"));
    }

    fn mailbox_mode(&mut self, said: &Said<'_>) {
        let (name, mode) = (said.mailbox(), said.text("mode"));
        if !self.mailboxes.has(name) {
            self.mailboxes.open(name, said.entry.seq);
            self.mailboxes.set(name, "watched_since", &said.at());
        }
        let acknowledging = if mode == "acknowledge" { said.at() } else { String::new() };
        self.mailboxes.set(name, "mode", &mode);
        self.mailboxes.set(name, "acknowledging_since", &acknowledging);
    }

    /// What was purged is no longer looked for; of what was only forgotten, what is personal may be gone.
    fn purge(&mut self, said: &Said<'_>) {
        if said.text("stage") == Stage::Rows.name() {
            self.purged = true;
            said.list("requests").for_each(|reference| self.requests.remove(reference));
            said.list("messages").for_each(|message| self.messages.hand_over(message, &mut self.tombstones));
            said.list("mails").for_each(|mail| self.mails.remove(mail));
            return;
        }
        for reference in said.list("requests") {
            self.requests.set(reference, "forgotten_at", &said.at());
            self.items.set(reference, "erased_at", &said.at());
        }
        for message in said.list("messages") {
            self.messages.set(message, "forgotten_at", &said.at());
        }
    }
}
