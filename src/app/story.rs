//! A request's whole story, as the ledger tells it, in French.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Result;
use crate::domain::ledger::LedgerEntry;
use crate::domain::reasons;
use crate::store::Store;

/// One entry, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the ledger.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened, in a sentence.
    pub text: String,
}

/// The story of a request, in the order in which it was written down.
pub async fn of(store: &Store, reference: &str) -> Result<Vec<Told>> {
    let entries = store.ledger_of(reference).await?;
    Ok(entries.iter().map(|entry| Told { seq: entry.seq, at: entry.occurred_at, text: tell(entry) }).collect())
}

/// What one entry says, in a sentence.
#[must_use]
pub fn tell(entry: &LedgerEntry) -> String {
    let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
    let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
    match entry.kind.as_str() {
        "message_recorded" => format!(
            "message enregistré ({}) : {} Accusé de réception : {} {}",
            text("verdict"),
            reasons::french(text("reason")),
            match text("acknowledgement") {
                "send" => "à envoyer.",
                "withhold" => "retenu.",
                _ => "sans objet.",
            },
            reasons::french(text("acknowledgement_reason")),
        ),
        "request_opened" => {
            let limit = payload.get("limit").and_then(Value::as_i64).unwrap_or_default();
            format!(
                "demande ouverte, échéance le {} ({limit} jours ouvrés, calendrier {})",
                text("due_on"),
                text("calendar")
            )
        }
        "request_answered" => match text("by") {
            "" => format!("réponse constatée (preuve : {}, confiance : {})", text("evidence"), text("confidence")),
            by => format!("réponse déclarée par {by} (voie : {})", text("way")),
        },
        "request_closed" => format!("close par {} : {}", text("by"), text("motive")),
        "request_transferred" => format!("transmise par {} à {}", text("by"), text("to")),
        "request_reclassified" => {
            format!(
                "requalifiée par {} : {}, {}, échéance le {}",
                text("by"),
                text("requester"),
                text("nature"),
                text("due_on")
            )
        }
        "request_redated" => format!("échéance reportée au {} (calendrier {})", text("due_on"), text("calendar")),
        "acknowledgement_state" => format!("accusé de réception : {}", acknowledgement(text("state"))),
        "alert_raised" => match payload.get("level").and_then(Value::as_i64).unwrap_or_default() {
            level if level < 0 => "alerte : échéance dépassée".to_owned(),
            0 => "alerte : échéance aujourd’hui".to_owned(),
            level => format!("alerte : {level} jour(s) ouvré(s) avant l’échéance"),
        },
        "breaker_tripped" => {
            let number = |name: &str| payload.get(name).and_then(Value::as_i64).unwrap_or_default();
            format!("disjoncteur déclenché : {} accusés dans l’heure (limite {})", number("sent"), number("limit"))
        }
        "acknowledgements_late" => {
            let count = payload.get("count").and_then(Value::as_i64).unwrap_or_default();
            format!("alerte : {count} accusés ne sont pas partis, le délai légal approche")
        }
        "breaker_released" => {
            let discarded = payload.get("discarded").and_then(Value::as_bool).unwrap_or_default();
            let mails = payload.get("mails").and_then(Value::as_i64).unwrap_or_default();
            let done = if discarded { "retirés" } else { "remis en file" };
            format!("disjoncteur réarmé par {} : {mails} accusés {done}", text("by"))
        }
        "acknowledgement_bounced" => format!("accusé revenu : il n’a pas été remis (rapport {})", text("status")),
        "acknowledgement_hastened" => format!("accusé de réception demandé par {}, sans attendre son jour", text("by")),
        "mail_settled" => settled(&payload),
        other => other.to_owned(),
    }
}

fn acknowledgement(state: &str) -> &'static str {
    crate::domain::request::AcknowledgementState::from_name(state)
        .map_or("état inconnu", crate::domain::request::AcknowledgementState::french)
}

fn settled(payload: &Value) -> String {
    let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
    let outcome = match text("outcome") {
        "accepted" => "accepté par le relais",
        "refused" => "refusé par le relais",
        "unknown" => "issue inconnue (liaison perdue)",
        _ => "sans objet",
    };
    let again =
        if text("retry_at").is_empty() { String::new() } else { format!(", nouvel essai le {}", text("retry_at")) };
    let digest = text("text").get(..12).unwrap_or_default();
    let mail = match text("mail") {
        "acknowledgement" => "accusé de réception",
        "registration_notice" => "accusé d’enregistrement",
        other => other,
    };
    let template = match text("template_name") {
        "" => String::new(),
        name => format!(" ; modèle {name}, version {}", text("template_version")),
    };
    format!("courrier « {mail} » {outcome}{again} (réponse : {}{template} ; texte {digest})", text("answer"))
}
