//! What the registers' entries say, in sentences.

use crate::domain::french::french_date;
use crate::domain::period::Period;
use crate::domain::register::Reading;

/// What a register's entry says, in a sentence; `None` for entries of other kinds.
#[must_use]
pub fn tell(kind: &str, payload: &serde_json::Value) -> Option<String> {
    let text = |name: &str| payload.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let day = |name: &str| text(name).parse().map_or_else(|_| text(name).to_owned(), french_date);
    let (by, again) = (text("by"), payload.get("correction").is_some_and(|value| value == true));
    let again = if again { " (correction)" } else { "" };
    Some(match kind {
        "letter_registered" => {
            format!(
                "courrier inscrit par {by}{again}\u{a0}: reçu le {}, échéance le {}",
                day("received_on"),
                day("due_on")
            )
        }
        "letter_answered" => {
            let stops = payload.get("stops_clock").is_some_and(|value| value == true);
            let what = match (payload.get("holding").is_some_and(|value| value == true), stops) {
                (false, _) => "réponse au courrier",
                (true, true) => "réponse d’attente au courrier, qui arrête le délai,",
                (true, false) => "réponse d’attente au courrier, qui n’arrête pas le délai,",
            };
            format!("{what} déclarée par {by}{again}\u{a0}: {}", day("answered_on"))
        }
        "letter_withdrawn" => format!("courrier retiré du registre par {by}\u{a0}: inscrit par erreur"),
        "appointment_requested" => format!(
            "demande de rendez-vous inscrite par {by}{again}\u{a0}: du {}, à fixer avant le {}, à tenir avant le {}",
            day("requested_on"),
            day("due_on"),
            day("held_due_on")
        ),
        "appointment_fixed" => {
            format!("rendez-vous fixé{again} le {} pour le {} (selon {by})", day("fixed_on"), day("held_on"))
        }
        "appointment_withdrawn" => format!("demande de rendez-vous retirée du registre par {by}"),
        "indicator_set" => {
            let number = |name: &str| payload.get(name).and_then(serde_json::Value::as_i64).unwrap_or_default();
            let ratio = (number("numerator"), number("denominator"));
            let reading = Reading::told(text("form"), number("value"), ratio, text("text"));
            format!(
                "valeur de l’indicateur {} ({}) saisie par {by}{again}\u{a0}: {} (source\u{a0}: {})",
                text("key"),
                text("period").parse().map_or_else(|_| text("period").to_owned(), Period::french),
                reading.map_or_else(|| "de forme inconnue".to_owned(), |reading| reading.value().french()),
                text("source")
            )
        }
        _ => return None,
    })
}
