//! Six mailboxes and five bureaux, as a configuration that vigie loads, and what their agents are like.

use std::path::Path;

use vigie::config::{Secrets, Settings};

use chrono::{DateTime, Utc};

use super::civil::{Closed, Days};

/// The administration's own domain.
pub const DOMAIN: &str = "prefecture.example.org";

/// Where mail arrives.
pub const INBOX: &str = "INBOX";
/// Where copies of what was sent are kept.
pub const SENT: &str = "Éléments envoyés";
/// The folder of what was answered by telephone.
pub const PHONE: &str = "Vigie/Répondu par téléphone";
/// The folder of what needs no answer.
pub const NO_REPLY: &str = "Vigie/Sans suite";
/// The folder of what is incomplete.
pub const INCOMPLETE: &str = "Vigie/Incomplet";
/// The keyword of what was answered by telephone.
pub const KEYWORD: &str = "$VigieTelephone";
/// How the subject of a holding reply begins.
pub const ATTENTE: &str = "Réponse d’attente";

/// A mailbox.
pub struct Mailbox {
    pub name: &'static str,
    pub prefix: &'static str,
    pub bureau: usize,
    /// Its share of the mails.
    pub share: f64,
    /// What is asked there, where nothing else says it.
    pub nature: &'static str,
    /// How many of its requests are answered by telephone.
    pub by_phone: f64,
    /// How many of its writers are mairies.
    pub elected: f64,
}

/// A bureau.
pub struct Bureau {
    pub key: &'static str,
    pub thresholds: &'static [i64],
    /// Every how many working days what is overdue is called to mind; 0 for never.
    pub remind_every: u16,
    /// Its first and last minute of work.
    pub opens: i64,
    pub closes: i64,
    /// Requests that are quick, ordinary, slow; the rest is forgotten.
    pub mix: [f64; 3],
    /// Its share of all answers that its agents can give.
    pub capacity: f64,
}

pub const MAILBOXES: [Mailbox; 6] = [
    Mailbox {
        name: "pref-pan",
        prefix: "PAN",
        bureau: 0,
        share: 0.28,
        nature: "general_info",
        by_phone: 0.8,
        elected: 0.02,
    },
    Mailbox {
        name: "pref-etrangers",
        prefix: "ETR",
        bureau: 1,
        share: 0.40,
        nature: "general_info",
        by_phone: 0.05,
        elected: 0.01,
    },
    Mailbox {
        name: "pref-permis",
        prefix: "PER",
        bureau: 2,
        share: 0.14,
        nature: "general_info",
        by_phone: 0.2,
        elected: 0.01,
    },
    Mailbox {
        name: "pref-elus",
        prefix: "ELU",
        bureau: 3,
        share: 0.08,
        nature: "general_info",
        by_phone: 0.3,
        elected: 0.95,
    },
    Mailbox {
        name: "pref-reclamations",
        prefix: "REC",
        bureau: 0,
        share: 0.02,
        nature: "complaint",
        by_phone: 0.1,
        elected: 0.0,
    },
    Mailbox {
        name: "sp-nantua",
        prefix: "SPN",
        bureau: 4,
        share: 0.08,
        nature: "general_info",
        by_phone: 0.4,
        elected: 0.2,
    },
];

pub const BUREAUX: [Bureau; 5] = [
    Bureau {
        key: "citoyennete",
        thresholds: &[2, 1, 0],
        remind_every: 0,
        opens: 510,
        closes: 1020,
        mix: [0.55, 0.35, 0.08],
        capacity: 0.48,
    },
    Bureau {
        key: "etrangers",
        thresholds: &[2, 1, 0],
        remind_every: 5,
        opens: 525,
        closes: 990,
        mix: [0.22, 0.45, 0.27],
        capacity: 0.46,
    },
    Bureau {
        key: "permis",
        thresholds: &[3, 1, 0],
        remind_every: 0,
        opens: 510,
        closes: 1020,
        mix: [0.40, 0.45, 0.12],
        capacity: 0.24,
    },
    Bureau {
        key: "collectivites",
        thresholds: &[2, 0],
        remind_every: 3,
        opens: 540,
        closes: 1080,
        mix: [0.45, 0.40, 0.12],
        capacity: 0.14,
    },
    Bureau {
        key: "nantua",
        thresholds: &[1, 0],
        remind_every: 0,
        opens: 510,
        closes: 990,
        mix: [0.60, 0.30, 0.08],
        capacity: 0.14,
    },
];

/// The closures, each with the instant from which vigie knows it: one that does not stop the count, known from the
/// beginning; a strike that is written down when it is over; a bridging day decided while requests that it moves are open.
pub const CLOSURES: [(&str, Closed); 3] = [
    (
        "2025-12-01T08:00:00Z",
        Closed { from: "2026-07-13", to: "2026-07-13", label: "Veille de la fête nationale", suspends: false },
    ),
    ("2026-03-23T06:10:00Z", Closed { from: "2026-03-17", to: "2026-03-19", label: "Grève générale", suspends: true }),
    (
        "2026-05-11T07:20:00Z",
        Closed { from: "2026-05-15", to: "2026-05-15", label: "Pont de l’Ascension", suspends: true },
    ),
];

/// The days as vigie can know them at an instant.
pub fn known(at: DateTime<Utc>) -> Days {
    let decided = |text: &str| text.parse::<DateTime<Utc>>().unwrap() <= at;
    Days { closures: CLOSURES.iter().filter(|(since, _)| decided(since)).map(|(_, closed)| *closed).collect() }
}

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The house as vigie knows it, with these closures.
pub fn settings(closures: &[Closed]) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut toml = format!(
        "templates = \"{shipped}/templates\"\ncommitments = \"{shipped}/commitments.toml\"\n\
         requesters = \"{shipped}/requesters.toml\"\n\n[prefecture]\nname = \"Préfecture d’Exemple\"\n\
         territory = \"metropole\"\ninternal_domains = [\"{DOMAIN}\"]\nsender = \"vigie@{DOMAIN}\"\n\
         administrators = [\"sidsic@{DOMAIN}\"]\n\n[store]\nurl = \"vigie.db\"\n\n[smtp.server]\n\
         host = \"smtp.{DOMAIN}\"\nport = 465\nlogin = \"vigie\"\npassword_credential = \"smtp\"\n\n\
         [limits]\nper_mailbox_per_hour = 2000\nper_domain_per_hour = 2000\nbreaker_per_hour = 5000\n\n\
         [[gestures]]\nkeyword = \"{KEYWORD}\"\nmeans = \"answered\"\nby = \"phone\"\n\n\
         [[gestures]]\nfolder = \"{PHONE}\"\nmeans = \"answered\"\nby = \"phone\"\n\n\
         [[gestures]]\nfolder = \"{NO_REPLY}\"\nmeans = \"no_reply_needed\"\n\n\
         [[gestures]]\nfolder = \"{INCOMPLETE}\"\nmeans = \"incomplete\"\n",
        shipped = shipped.display()
    );
    for closure in closures {
        toml.push_str(&format!(
            "\n[[calendar.closures]]\nfrom = \"{}\"\nto = \"{}\"\nlabel = \"{}\"\nsuspends = {}\n",
            closure.from, closure.to, closure.label, closure.suspends
        ));
    }
    for bureau in &BUREAUX {
        let key = bureau.key;
        toml.push_str(&format!(
            "\n[[bureaux]]\nkey = \"{key}\"\nlabel = \"Bureau {key}\"\nagents = [\"agents.{key}@{DOMAIN}\"]\n\
             heads = [\"chef.{key}@{DOMAIN}\"]\nquality_officers = [\"qualite@{DOMAIN}\"]\nthresholds = {:?}\n\
             remind_every = {}\nhours = [\"{}-12:00\", \"13:30-{}\"]\ndigest = \"45 8 * * 1-5\"\n",
            bureau.thresholds,
            bureau.remind_every,
            clock(bureau.opens),
            clock(bureau.closes)
        ));
    }
    for mailbox in &MAILBOXES {
        toml.push_str(&of_mailbox(mailbox));
    }
    let path = folder.path().join("vigie.toml");
    std::fs::write(&path, toml).unwrap();
    Settings::load(&path, Secrets::Skip).unwrap()
}

fn of_mailbox(mailbox: &Mailbox) -> String {
    let Mailbox { name, prefix, nature, .. } = mailbox;
    let bureau = BUREAUX[mailbox.bureau].key;
    format!(
        "\n[[mailboxes]]\nname = \"{name}\"\naddress = \"{name}@{DOMAIN}\"\nbureau = \"{bureau}\"\n\
         prefix = \"{prefix}\"\nmode = \"acknowledge\"\nnature = \"{nature}\"\ntemplate = \"pref-pan\"\n\
         acknowledge_max_age = \"7d\"\n\
         holding_subjects = [\"{ATTENTE}*\"]\n\n[mailboxes.imap]\nhost = \"imap.{DOMAIN}\"\nport = 993\nlogin = \"{name}\"\n\
         password_credential = \"{name}\"\n\n[mailboxes.service]\nname = \"Service {name}\"\n\
         postal_address = \"1 place de la Préfecture, 01000 Exemple\"\ntelephone = \"04 00 00 00 00\"\n\
         data_protection = \"Vos données sont traitées par la préfecture : dpo@{DOMAIN}.\"\n"
    )
}
