//! Who was told what, when, with which text, and what became of it: each mail to the public about a request. The texts,
//! the outcomes and the queue ids come from the ledger; addresses and the relay's own words from the queue, as long as
//! they are kept.

use std::collections::HashMap;

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;

use super::Result;
use crate::domain::ledger::rfc3339;
use crate::domain::request::Request;
use crate::store::{MailRow, Store};

/// One mail to the public about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailView {
    /// `acknowledgement` or `registration_notice`.
    pub kind: String,
    /// To whom.
    pub to: Vec<String>,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// When it was decided: RFC 3339, UTC.
    pub decided_at: String,
    /// When it is to leave, where it has not left yet.
    pub due_at: Option<String>,
    /// `pending`, `sending`, `accepted`, `refused`, `unknown`, `held`, `withdrawn`, or `bounced`.
    pub state: String,
    /// When it was settled.
    pub settled_at: Option<String>,
    /// Attempts so far.
    pub attempts: i64,
    /// The name of the template; of a mail in two languages both, joined by `+`.
    pub template: Option<String>,
    /// Its version.
    pub template_version: Option<String>,
    /// Its digest.
    pub template_digest: Option<String>,
    /// The digest of the text: subject, plain text and HTML.
    pub text_digest: Option<String>,
    /// The relay's answer.
    pub answer: Option<String>,
    /// The relay's queue id.
    pub queue_id: Option<String>,
    /// When a report said that it did not arrive.
    pub bounced_at: Option<String>,
    /// The status of that report.
    pub bounce_status: Option<String>,
    /// How its copy in the Sent folder stands: `none`, `wanted`, `copied`, `failed`.
    pub copy: String,
}

/// The mails to the public about a request, the oldest first.
pub async fn mails(store: &Store, request: &Request) -> Result<Vec<MailView>> {
    let mut settled: HashMap<String, Value> = HashMap::new();
    for entry in store.ledger_of(&request.reference).await?.iter().filter(|entry| entry.kind == "mail_settled") {
        let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
        if let Some(effect) = payload.get("effect").and_then(Value::as_str) {
            settled.insert(effect.to_owned(), payload);
        }
    }
    let rows = store.mails_about(request.id).await?;
    Ok(rows.into_iter().map(|row| view(settled.get(&row.id).unwrap_or(&Value::Null), row)).collect())
}

fn view(said: &Value, row: MailRow) -> MailView {
    let text = |name: &str| said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let instant =
        |millis: i64| (millis != 0).then(|| rfc3339(DateTime::from_timestamp_millis(millis).unwrap_or_default()));
    let waits = matches!(row.state.as_str(), "pending" | "sending" | "held");
    MailView {
        to: row.recipients.lines().map(str::to_owned).collect(),
        message_id: row.message_id,
        decided_at: instant(row.created_at).unwrap_or_default(),
        due_at: instant(row.due_at).filter(|_| waits),
        state: if row.bounced_at == 0 { row.state } else { "bounced".to_owned() },
        settled_at: instant(row.settled_at),
        attempts: row.attempts,
        template: text("template_name"),
        template_version: text("template_version"),
        template_digest: text("template"),
        text_digest: text("text"),
        answer: Some(row.answer).filter(|answer| !answer.is_empty()).or_else(|| text("answer")),
        queue_id: text("queue_id"),
        bounced_at: instant(row.bounced_at),
        bounce_status: Some(row.bounce_status).filter(|status| !status.is_empty()),
        copy: row.copy,
        kind: row.kind,
    }
}
