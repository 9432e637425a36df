//! A request's whole story, as the ledger tells it, in French.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Result;
use crate::domain::evidence::{Confidence, Evidence};
use crate::domain::gesture::Way;
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
    let notes: HashMap<String, String> = store.notes_of(reference).await?.into_iter().collect();
    let told = |entry: &LedgerEntry| {
        let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
        let note = payload.get("note").and_then(Value::as_str).and_then(|digest| notes.get(digest));
        let note = note.map_or_else(String::new, |note| format!(" (« {note} »)"));
        Told { seq: entry.seq, at: entry.occurred_at, text: format!("{}{note}", tell(entry)) }
    };
    Ok(entries.iter().map(told).collect())
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
            -1 => "alerte : échéance dépassée".to_owned(),
            level if level < 0 => format!("alerte : échéance dépassée, rappel n° {}", -1 - level),
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
        "transfer_notice_wanted" => "le demandeur est à prévenir de la transmission (CRPA, art. L114-2)".to_owned(),
        "mail_settled" => settled(&payload),
        other => {
            life(other, &payload).or_else(|| super::register::tell(other, &payload)).unwrap_or_else(|| other.to_owned())
        }
    }
}

/// What changes where a request stands.
fn life(kind: &str, payload: &Value) -> Option<String> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
    let by = || if text("by").is_empty() { String::new() } else { format!(" par {}", text("by")) };
    Some(match kind {
        "request_answered" | "holding_reply_seen" => {
            let what = if kind == "request_answered" {
                "réponse"
            } else {
                "réponse d’attente, qui n’arrête pas le délai,"
            };
            let way =
                if text("way").is_empty() { String::new() } else { format!(", voie\u{a0}: {}", way(text("way"))) };
            let (evidence, confidence) = (evidence(text("evidence")), confidence(text("confidence")));
            match text("by") {
                "" => format!("{what} constatée (preuve\u{a0}: {evidence}, confiance\u{a0}: {confidence}{way})"),
                by => format!("{what} déclarée par {by} (preuve\u{a0}: {evidence}{way})"),
            }
        }
        "substantive_reply_seen" => format!("réponse au fond constatée (preuve\u{a0}: {})", evidence(text("evidence"))),
        "answer_confirmed" => format!("réponse confirmée{}", by()),
        "request_closed" => format!("close{}\u{a0}: {}", by(), motive(text("motive"))),
        "request_merged" => format!("fusionnée{} dans {}", by(), text("into")),
        "request_transferred" if text("to").is_empty() => format!("transmise{} à une autre administration", by()),
        "request_transferred" => format!("transmise{} à {}", by(), text("to")),
        "request_reopened" => {
            format!("rouverte{}\u{a0}: {} ; le premier délai court toujours", by(), motive(text("why")))
        }
        "request_suspended" => format!("délai suspendu{}\u{a0}: {} (CRPA, art. L114-5)", by(), motive(text("motive"))),
        "request_resumed" => {
            let days = payload.get("suspended").and_then(Value::as_i64).unwrap_or_default();
            let how = if text("way") == "follow_up" { ", le demandeur a écrit" } else { "" };
            format!(
                "délai repris{}{how}\u{a0}: {days} jour(s) ouvré(s) de suspension, échéance le {}",
                by(),
                text("due_on")
            )
        }
        "request_moved" => format!(
            "confiée{} à la boîte {} (bureau {}), venant de {} (bureau {})",
            by(),
            text("mailbox"),
            text("bureau"),
            text("from_mailbox"),
            text("from_bureau")
        ),
        "request_forwarded" => "transférée par courriel, ce qui n’est pas une réponse".to_owned(),
        "request_message_gone" => "message disparu des dossiers surveillés, demande toujours due".to_owned(),
        "request_message_back" => "message de nouveau présent dans un dossier surveillé".to_owned(),
        _ => return None,
    })
}

fn evidence(name: &str) -> &'static str {
    Evidence::from_name(name).map_or("inconnue", Evidence::french)
}

fn confidence(name: &str) -> &'static str {
    Confidence::from_name(name).map_or("inconnue", Confidence::french)
}

fn way(name: &str) -> &'static str {
    Way::from_name(name).map_or("inconnue", Way::french)
}

/// The codes of motives; words of the configuration stand for themselves.
fn motive(code: &str) -> &str {
    match code {
        "no_reply_needed" => "aucune réponse n’est nécessaire",
        "withdrawn" => "le demandeur a renoncé",
        "out_of_scope" => "hors du champ de la boîte",
        "spam" => "indésirable",
        "unproven" => "répondue d’après l’agent, sans preuve",
        "other" => "motif écrit par l’agent, conservé à part",
        "missing_items" => "pièces manquantes",
        "gesture_undone" => "le geste a été défait dans le logiciel de messagerie",
        "flag_removed" => "la marque « répondu » a été retirée",
        "denied" => "la réponse a été démentie",
        "holding" => "la réponse n’était qu’une réponse d’attente",
        "incomplete" => "la réponse demandait des pièces",
        own => own,
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
