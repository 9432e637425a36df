//! A request's whole story, as the ledger tells it, in French.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::Result;
use super::chronicle::{Telling, nature, requester};
use crate::domain::deadline::Suspension;
use crate::domain::effect::EffectKind;
use crate::domain::evidence::{Confidence, Evidence};
use crate::domain::french::counted;
use crate::domain::gesture::Way;
use crate::domain::ledger::LedgerEntry;
use crate::domain::office::Office;
use crate::domain::promised::Owed;
use crate::domain::reasons;
use crate::domain::request::Request;
use crate::domain::share::{self, Share};
use crate::domain::visible;
use crate::store::Store;

/// How long after the fact an entry may be written down and still count as written at once.
const PROMPTLY: TimeDelta = TimeDelta::minutes(1);

/// One entry, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the ledger.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it was written down, where that was later.
    pub written_at: Option<DateTime<Utc>>,
    /// What happened, in a sentence.
    pub text: String,
}

/// The story of a request, in the order in which it was written down.
pub async fn of(store: &Store, reference: &str, zone: Tz) -> Result<Vec<Told>> {
    let entries = store.ledger_of(reference).await?;
    let notes: HashMap<String, String> = store.notes_of(reference).await?.into_iter().collect();
    let told = |entry: &LedgerEntry| {
        let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
        let note = payload.get("note").and_then(Value::as_str).and_then(|digest| notes.get(digest));
        let note = note.map_or_else(String::new, |note| format!(" («\u{a0}{note}\u{a0}»)"));
        let text = format!("{}{}", tell(entry, zone), visible::plain(&note));
        Told { seq: entry.seq, at: entry.occurred_at, written_at: written_later(entry), text }
    };
    Ok(entries.iter().map(told).collect())
}

/// How long each bureau had a request, by the entries about it.
pub async fn shares(store: &Store, office: &Office, request: &Request, now: DateTime<Utc>) -> Result<Vec<Share>> {
    let Some(desk) = office.desk(&request.mailbox) else { return Ok(Vec::new()) };
    let entries = store.ledger_of(&request.reference).await?;
    let had = entries.iter().filter(|entry| ["request_opened", "request_moved"].contains(&entry.kind.as_str()));
    let steps: Vec<(DateTime<Utc>, String)> = had
        .map(|entry| {
            let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
            let bureau = payload.get("bureau").and_then(Value::as_str).unwrap_or_default();
            (entry.occurred_at, bureau.to_owned())
        })
        .collect();
    Ok(share::shares(desk.calendar, &steps, request.settled_at, now))
}

/// The days by which missing pieces put the limit of a request off, by the entries about it: a suspension that still
/// lasts, or that an answer ended, put nothing off.
pub async fn suspensions(store: &Store, office: &Office, request: &Request) -> Result<Vec<Suspension>> {
    let Some(desk) = office.desk(&request.mailbox) else { return Ok(Vec::new()) };
    let (mut since, mut found) = (None, Vec::new());
    for entry in store.ledger_of(&request.reference).await? {
        let day = desk.calendar.civil(entry.occurred_at);
        match entry.kind.as_str() {
            "request_suspended" => since = Some(day),
            "request_resumed" => found.extend(since.take().map(|since| (since, day))),
            _ => {}
        }
    }
    Ok(found)
}

/// What one entry says, in a sentence.
#[must_use]
pub fn tell(entry: &LedgerEntry, zone: Tz) -> String {
    let payload: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
    let told = Telling { payload: &payload, zone };
    let kind = entry.kind.as_str();
    let request = || arrival(kind, &told).or_else(|| life(kind, &told));
    let register = || super::register::tell(kind, &payload);
    let said = request().or_else(register).or_else(|| told.of_the_house(kind)).unwrap_or_else(|| kind.to_owned());
    visible::plain(&said)
}

/// When an entry was written down, where that was later than what it tells: whoever gives a past day is seen to.
#[must_use]
pub fn written_later(entry: &LedgerEntry) -> Option<DateTime<Utc>> {
    (entry.recorded_at - entry.occurred_at > PROMPTLY).then_some(entry.recorded_at)
}

/// How a request came about, and what vigie sent about it.
fn arrival(kind: &str, told: &Telling<'_>) -> Option<String> {
    Some(match kind {
        "message_recorded" => format!(
            "message enregistré comme {}\u{a0}: {} Accusé de réception\u{a0}: {} {}",
            reasons::verdict(told.text("verdict")),
            reasons::french(told.text("reason")),
            match told.text("acknowledgement") {
                "send" => "à envoyer.",
                "withhold" => "retenu.",
                _ => "sans objet.",
            },
            reasons::french(told.text("acknowledgement_reason")),
        ),
        "message_relinked" => {
            format!("message rattaché à cette demande, la fusion avec {} étant défaite", told.text("from"))
        }
        "request_opened" => format!(
            "demande ouverte ({}, {}), échéance le {} ({}, calendrier {})",
            requester(told.text("requester")),
            nature(told.text("nature")),
            told.day("due_on"),
            counted(told.number("limit"), "jour ouvré", "jours ouvrés"),
            told.text("calendar")
        ),
        "request_reclassified" => format!(
            "requalifiée par {}\u{a0}: {}, {}, échéance le {}",
            told.text("by"),
            requester(told.text("requester")),
            nature(told.text("nature")),
            told.day("due_on")
        ),
        "request_redated" => {
            format!("échéance{} portée au {} (calendrier {})", which(told), told.day("due_on"), told.text("calendar"))
        }
        "acknowledgement_state" => format!("accusé de réception\u{a0}: {}", acknowledgement(told.text("state"))),
        "alert_raised" => alert(told),
        "breaker_tripped" => {
            let sent = counted(told.number("sent"), "accusé", "accusés");
            format!("disjoncteur déclenché\u{a0}: {sent} dans l’heure (limite {})", told.number("limit"))
        }
        "acknowledgements_late" => {
            let late = counted(told.number("count"), "accusé n’est pas parti", "accusés ne sont pas partis");
            format!("alerte\u{a0}: {late}, le délai légal approche")
        }
        "breaker_released" => {
            let discarded = told.payload.get("discarded").and_then(Value::as_bool).unwrap_or_default();
            let mails = told.number("mails");
            let mails = if discarded {
                counted(mails, "accusé retiré", "accusés retirés")
            } else {
                counted(mails, "accusé remis en file", "accusés remis en file")
            };
            format!("disjoncteur réarmé par {}\u{a0}: {mails}", told.text("by"))
        }
        "acknowledgement_bounced" => {
            format!("accusé revenu\u{a0}: il n’a pas été remis (rapport {})", told.text("status"))
        }
        "acknowledgement_hastened" => {
            format!("accusé de réception demandé par {}, sans attendre son jour", told.text("by"))
        }
        "transfer_notice_wanted" => "le demandeur est à prévenir de la transmission (CRPA, art. L114-2)".to_owned(),
        "mail_settled" => settled(told),
        _ => return None,
    })
}

/// Which limit an entry is about: that of an appointment says it, a request has one.
fn which(told: &Telling<'_>) -> &'static str {
    match Owed::from_name(told.text("owed")) {
        Some(Owed::Fixing) => " de fixation du rendez-vous",
        Some(Owed::Holding) => " de tenue du rendez-vous",
        Some(Owed::Answer) | None => "",
    }
}

fn alert(told: &Telling<'_>) -> String {
    let which = which(told);
    match told.number("level") {
        -1 => format!("alerte\u{a0}: échéance{which} dépassée"),
        level if level < 0 => format!("alerte\u{a0}: échéance{which} dépassée, rappel n°\u{a0}{}", -1 - level),
        0 => format!("alerte\u{a0}: échéance{which} aujourd’hui"),
        1 => format!("alerte\u{a0}: 1\u{a0}jour ouvré avant l’échéance{which}"),
        level => format!("alerte\u{a0}: {level}\u{a0}jours ouvrés avant l’échéance{which}"),
    }
}

/// What changes where a request stands.
fn life(kind: &str, told: &Telling<'_>) -> Option<String> {
    let text = |name: &str| told.text(name);
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
            format!("rouverte{}\u{a0}: {}\u{202f}; le premier délai court toujours", by(), motive(text("why")))
        }
        "request_suspended" => format!("délai suspendu{}\u{a0}: {} (CRPA, art. L114-5)", by(), motive(text("motive"))),
        "request_resumed" => {
            let days = counted(told.number("suspended"), "jour ouvré", "jours ouvrés");
            let how = match text("way") {
                "follow_up" => ", le demandeur a écrit",
                "merge" => ", les pièces sont venues avec la demande fusionnée",
                _ => "",
            };
            format!("délai repris{}{how}\u{a0}: {days} de suspension, échéance le {}", by(), told.day("due_on"))
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
        "flag_removed" => "la marque «\u{a0}répondu\u{a0}» a été retirée",
        "denied" => "la réponse a été démentie",
        "merge_undone" => "la fusion a été défaite",
        "holding" => "la réponse n’était qu’une réponse d’attente",
        "incomplete" => "la réponse demandait des pièces",
        own => own,
    }
}

fn acknowledgement(state: &str) -> &'static str {
    crate::domain::request::AcknowledgementState::from_name(state)
        .map_or("état inconnu", crate::domain::request::AcknowledgementState::french)
}

/// What the relay answered, of which the ledger keeps the summary that logs have (`smtp::Outcome::summary`).
fn relay(answer: &str) -> String {
    if let Some((queue, refused)) = answer.strip_prefix("accepted (").and_then(|rest| rest.split_once("), ")) {
        let queue =
            if queue == "without queue id" { "sans numéro de file".to_owned() } else { format!("file {queue}") };
        let refused = refused.split(' ').next().and_then(|count| count.parse::<u64>().ok()).filter(|count| *count > 0);
        let refused =
            refused.map(|count| format!(", {}", counted(count, "destinataire refusé", "destinataires refusés")));
        return format!("{queue}{}", refused.unwrap_or_default());
    }
    let refusals = [
        ("temporarily refused at ", "refus temporaire à l’étape"),
        ("finally refused at ", "refus définitif à l’étape"),
    ];
    for (english, french) in refusals {
        if let Some((stage, code)) = answer.strip_prefix(english).and_then(|rest| rest.split_once(": ")) {
            let code = code.replace("no reply code", "sans code");
            return format!("{french} {stage}, {code}");
        }
    }
    match answer {
        "unknown: lost after the final dot" => "liaison perdue après la remise du texte".to_owned(),
        other => other.to_owned(),
    }
}

fn settled(told: &Telling<'_>) -> String {
    let text = |name: &str| told.text(name);
    let outcome = match text("outcome") {
        "accepted" => "accepté par le relais",
        "refused" => "refusé par le relais",
        "unknown" => "issue inconnue (liaison perdue)",
        _ => "sans objet",
    };
    let again = if text("retry_at").is_empty() {
        String::new()
    } else {
        format!(", nouvel essai le {}", told.instant("retry_at"))
    };
    let digest = told.digest("text");
    let mail = EffectKind::from_name(text("mail")).map_or(text("mail"), |kind| kind.french());
    let template = match text("template_name") {
        "" => String::new(),
        name => format!("\u{202f}; modèle {name}, version {}", text("template_version")),
    };
    format!(
        "courrier «\u{a0}{mail}\u{a0}» {outcome}{again} (réponse\u{a0}: {}{template}\u{202f}; texte {digest})",
        relay(text("answer"))
    )
}
