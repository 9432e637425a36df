//! What happened to the house rather than to one request, told in French; and the words that both kinds of story use.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::domain::calendar::civil_time;
use crate::domain::custody::Stage;
use crate::domain::french::{counted, french_date, french_time};
use crate::domain::policy::{Nature, Requester};

/// The digits of a digest that are shown to people.
const SHOWN_DIGITS: usize = 12;

/// An entry's payload, in the words of people.
pub(super) struct Telling<'a> {
    pub(super) payload: &'a Value,
    pub(super) zone: Tz,
}

impl Telling<'_> {
    /// A text; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.payload.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number; 0 where there is none.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.payload.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// How long a list is.
    fn count(&self, name: &str) -> usize {
        self.payload.get(name).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The texts of a list.
    fn names(&self, name: &str) -> String {
        let list = self.payload.get(name).and_then(Value::as_array).into_iter().flatten();
        let texts: std::collections::BTreeSet<&str> = list.filter_map(Value::as_str).collect();
        texts.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// `lundi 18 mai 2026`.
    pub(super) fn day(&self, name: &str) -> String {
        let day: Option<NaiveDate> = self.text(name).parse().ok();
        day.map_or_else(|| self.text(name).to_owned(), french_date)
    }

    /// `lundi 18 mai 2026 à 16 h 50`.
    pub(super) fn instant(&self, name: &str) -> String {
        let at: Option<DateTime<Utc>> = self.text(name).parse().ok();
        at.map_or_else(
            || self.text(name).to_owned(),
            |at| {
                let civil = civil_time(self.zone, at);
                format!("{} à {}", french_date(civil.date()), french_time(civil.time()))
            },
        )
    }

    /// The head of a digest.
    pub(super) fn digest(&self, name: &str) -> &str {
        self.text(name).get(..SHOWN_DIGITS).unwrap_or_else(|| self.text(name))
    }

    /// What an entry about the house says; `None` for another kind.
    pub(super) fn of_the_house(&self, kind: &str) -> Option<String> {
        Some(match kind {
            "mailbox_mode" => match self.text("mode") {
                "acknowledge" => "boîte surveillée, les accusés de réception sont envoyés".to_owned(),
                _ => "boîte surveillée en observation, rien n’est envoyé au public".to_owned(),
            },
            "configuration" => format!("configuration mise en service (empreinte {})", self.digest("digest")),
            "calendars" => format!("calendriers en service\u{a0}: {}", self.names("revisions")),
            "texts" => format!("textes mis en service (empreinte {})", self.digest("digest")),
            "address_undeliverable" => format!("adresse injoignable (code {})", self.text("status")),
            "address_deliverable" => "adresse de nouveau joignable".to_owned(),
            "folder_reconciled" => self.reconciled(),
            "mailbox_blind" => {
                format!("boîte illisible depuis le {}\u{a0}: {}", self.instant("since"), self.text("cause"))
            }
            "mailbox_sees_again" => {
                format!("boîte de nouveau lisible\u{202f}; elle ne l’était plus depuis le {}", self.instant("since"))
            }
            _ => return self.of_custody(kind),
        })
    }

    fn reconciled(&self) -> String {
        let (missing, surplus) = (self.number("missing"), self.number("surplus"));
        let missing_ones = counted(missing, "manquant", "manquants");
        let gap = match (missing, surplus, self.payload.get("repaired").and_then(Value::as_bool)) {
            (0, 0, _) => "aucun écart".to_owned(),
            (_, _, Some(true)) => format!("{missing_ones}, {surplus} en trop\u{202f}; relevé depuis"),
            (_, _, _) => format!("{missing_ones}, {surplus} en trop\u{202f}; un écart demeure"),
        };
        let (folder, server) = (self.text("folder"), counted(self.number("server"), "message", "messages"));
        format!("dossier {folder} comparé au serveur, qui a {server}\u{a0}: {gap}")
    }

    fn of_custody(&self, kind: &str) -> Option<String> {
        let by = self.text("by");
        Some(match kind {
            "sealing_begun" => "scellement du registre commencé, dans un dossier sans sceau".to_owned(),
            "seal_key_rotated" => format!("clé de scellement remplacée par {by}"),
            "disposal_approved" => format!(
                "élimination de {} et {} autorisée (visa {}, liste {}), exécutée par {by}",
                counted(self.number("requests"), "demande", "demandes"),
                counted(self.number("messages"), "message", "messages"),
                self.text("visa"),
                self.digest("list")
            ),
            "purged" => {
                let rows = self.text("stage") == Stage::Rows.name();
                let what = if rows { "lignes éliminées" } else { "données personnelles effacées" };
                let requests = counted(self.count("requests"), "demande", "demandes");
                let messages = counted(self.count("messages"), "message", "messages");
                format!("{what} sous le visa {}\u{a0}: {requests}, {messages}", self.text("visa"))
            }
            "person_erased" => {
                let messages = counted(self.number("messages"), "message", "messages");
                format!("personne oubliée par {by} (dossier {}), auteur de {messages}", self.text("case"))
            }
            "personal_data_shown" => format!("données d’une personne communiquées par {by}"),
            "store_restored" => {
                format!("base restaurée par {by} d’une sauvegarde arrêtée à l’écriture {}", self.number("seq"))
            }
            "store_writable_again" => format!(
                "base de nouveau inscriptible\u{202f}; elle ne l’était plus depuis le {}\u{a0}: {}",
                self.instant("since"),
                self.text("cause")
            ),
            _ => return None,
        })
    }
}

/// Who asks, for people.
pub(super) fn requester(name: &str) -> &str {
    Requester::from_name(name).map_or(name, |requester| requester.french())
}

/// What is asked, for people.
pub(super) fn nature(name: &str) -> &str {
    Nature::from_name(name).map_or(name, |nature| nature.french())
}
