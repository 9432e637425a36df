//! What the entries say of each row of the tables that people query: one arm a kind of entry.

use serde_json::Value;

use super::sheet::Sheet;
use crate::domain::custody::Stage;
use crate::domain::ledger::{LedgerEntry, rfc3339};

/// An instant that the tables hold as "none".
const NEVER: &str = "1970-01-01T00:00:00.000Z";

/// The tables, as the entries tell them.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) requests: Sheet,
    pub(super) messages: Sheet,
    pub(super) mails: Sheet,
    pub(super) mailboxes: Sheet,
    /// Whether rows were purged: what named them then names nothing.
    pub(super) purged: bool,
}

impl Default for Fold {
    fn default() -> Self {
        Self {
            requests: Sheet::new("request", &REQUEST),
            messages: Sheet::new("message", &["facts", "verdict", "reason", "request"]),
            mails: Sheet::new("mail", &["kind", "state", "settled_at"]),
            mailboxes: Sheet::new("mailbox", &["mode", "watched_since", "acknowledging_since", "blind_since"]),
            purged: false,
        }
    }
}

/// The columns of a request; `forgotten` says that its requester's name may be gone.
const REQUEST: [&str; 29] = [
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
    "forgotten",
];
/// What a commitment says of a request.
const COMMITTED: [&str; 7] = ["requester", "nature", "commitment", "limit", "due_on", "due_at", "calendar"];
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

impl Fold {
    /// Takes the next entry in.
    pub(super) fn take(&mut self, entry: &LedgerEntry) {
        let payload = serde_json::from_str(&entry.payload).unwrap_or_default();
        let said = Said { entry, payload };
        match entry.kind.as_str() {
            "message_recorded" => self.message_recorded(&said),
            "request_opened" => self.request_opened(&said),
            "request_answered" => self.request_answered(&said),
            "request_closed" => self.settle(&said, "closed"),
            "request_transferred" => self.settle(&said, "transferred"),
            "request_merged" => self.request_merged(&said),
            "request_reopened" => self.request_reopened(&said),
            "request_suspended" => self.stamp(&said, "incomplete_since"),
            "request_resumed" => self.request_resumed(&said),
            "request_moved" => self.copy(&said, &["mailbox", "bureau"]),
            "holding_reply_seen" => {
                self.stamp(&said, "holding_at");
                self.attach(&said);
            }
            "substantive_reply_seen" => self.stamp(&said, "substantive_at"),
            "answer_confirmed" => self.requests.set(said.reference(), "confidence", "medium"),
            "request_forwarded" => self.stamp(&said, "forwarded_at"),
            "request_message_gone" => self.stamp(&said, "deleted_at"),
            "request_message_back" => self.requests.set(said.reference(), "deleted_at", ""),
            "request_redated" => self.copy(&said, &DATED),
            "request_reclassified" => self.copy(&said, &COMMITTED),
            "acknowledgement_state" => self.acknowledgement(&said),
            "transfer_notice_wanted" => self.mail_wanted(&said.text("effect"), "transfer_notice", &said),
            "mail_settled" => self.mail_settled(&said),
            "mailbox_mode" => self.mailbox_mode(&said),
            "mailbox_blind" => self.mailboxes.set(said.mailbox(), "blind_since", &said.text("since")),
            "mailbox_sees_again" => self.mailboxes.set(said.mailbox(), "blind_since", ""),
            "purged" => self.purge(&said),
            // Whoever wrote letters alone had no digest.
            "person_erased" if said.text("person").is_empty() => {}
            "person_erased" => self.requests.set_where(("person", &said.text("person")), ("forgotten", "true")),
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
        let mut facts = vec![said.mailbox().to_owned()];
        facts.extend(FACTS.iter().map(|name| said.text(name)));
        self.messages.open(&message, said.entry.seq);
        self.messages.set(&message, "facts", &facts.join("\n"));
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

    fn request_reopened(&mut self, said: &Said<'_>) {
        self.requests.set(said.reference(), "status", "open");
        for column in ["settled_at", "substantive_at", "evidence", "confidence", "merged_into"] {
            self.requests.set(said.reference(), column, "");
        }
    }

    fn request_resumed(&mut self, said: &Said<'_>) {
        self.requests.set(said.reference(), "incomplete_since", "");
        self.copy(said, &DATED);
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
        if !self.mails.has(&effect) {
            self.mails.open(&effect, said.entry.seq);
            self.mails.set(&effect, "kind", &said.text("mail"));
        }
        let again = !said.text("retry_at").is_empty();
        let (state, at) = if again { (String::new(), String::new()) } else { (said.text("outcome"), said.at()) };
        self.mails.set(&effect, "state", &state);
        self.mails.set(&effect, "settled_at", &at);
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

    /// What was purged is no longer looked for; of what was only forgotten, the requester's name may be gone.
    fn purge(&mut self, said: &Said<'_>) {
        let rows = said.text("stage") == Stage::Rows.name();
        self.purged |= rows;
        for reference in said.list("requests") {
            if rows {
                self.requests.remove(reference);
            } else {
                self.requests.set(reference, "forgotten", "true");
            }
        }
        if rows {
            said.list("messages").for_each(|message| self.messages.remove(message));
            said.list("mails").for_each(|mail| self.mails.remove(mail));
        }
    }
}
