//! The part of `vigie request show` that proves what the public was told; and why, where it was told nothing.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::output::french_instant;
use crate::app::proof::MailView;
use crate::app::query::{ClockView, RequestView, why_not_acknowledged};
use crate::domain::effect::EffectKind;
use crate::domain::ledger::rfc3339;
use crate::domain::reasons;
use crate::domain::request::AcknowledgementState;
use crate::domain::share::Share;
use crate::store::RequestLine;

/// A request with the mails about it.
#[derive(Debug, Serialize)]
pub struct Proven {
    #[serde(flatten)]
    request: RequestView,
    clocks: Vec<ClockView>,
    mails: Vec<MailView>,
    bureaux: Vec<ShareView>,
}

/// How long a bureau had a request.
#[derive(Debug, Serialize)]
struct ShareView {
    bureau: String,
    from: String,
    until: Option<String>,
    working_days: i64,
}

impl Proven {
    /// The request as `requests` shows it, its clocks, its mails, and the time that each bureau had it.
    pub fn new(request: RequestView, clocks: Vec<ClockView>, mails: Vec<MailView>, shares: &[Share]) -> Self {
        let share = |share: &Share| ShareView {
            bureau: share.bureau.clone(),
            from: rfc3339(share.from),
            until: share.until.map(rfc3339),
            working_days: share.working_days,
        };
        Self { request, clocks, mails, bureaux: shares.iter().map(share).collect() }
    }
}

/// What was sent, and why nothing was where nothing was.
pub fn tell(line: &RequestLine, mails: &[MailView], zone: Tz) -> String {
    let mut text = "\nCe qui a été dit au demandeur\n".to_owned();
    if mails.is_empty() || line.request.acknowledgement == AcknowledgementState::Withheld {
        let (code, detail) = why_not_acknowledged(line);
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        text.push_str(&format!("  rien n’a été envoyé\u{a0}: {} [{code}]{detail}\n", reasons::french(&code)));
    }
    for mail in mails {
        text.push_str(&one(mail, zone));
    }
    text
}

fn one(mail: &MailView, zone: Tz) -> String {
    let at = |text: &Option<String>| {
        let instant = text.as_ref().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        instant.map_or_else(|| "–".to_owned(), |at| french_instant(at, zone))
    };
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    let kind = EffectKind::from_name(&mail.kind).map_or(mail.kind.as_str(), |kind| kind.french());
    let state = match mail.state.as_str() {
        "pending" => format!("partira le {}", at(&mail.due_at)),
        "sending" => "en cours d’envoi".to_owned(),
        "held" => "retenu par le disjoncteur".to_owned(),
        "accepted" => format!("accepté par le relais le {}", at(&mail.settled_at)),
        "refused" => format!("refusé par le relais le {}", at(&mail.settled_at)),
        "unknown" => format!("issue inconnue depuis le {}", at(&mail.settled_at)),
        "bounced" => {
            format!("revenu le {} (rapport {})\u{a0}: non remis", at(&mail.bounced_at), or_dash(&mail.bounce_status))
        }
        _ => format!("retiré le {}", at(&mail.settled_at)),
    };
    let mut text = format!("  {kind} à {}\u{a0}: {state}\n", mail.to.join(", "));
    let mut line = |label: &str, value: String| text.push_str(&format!("    {label:<10} {value}\n"));
    if mail.text_digest.is_some() {
        let digest = or_dash(&mail.template_digest);
        line(
            "modèle",
            format!("{}, version {}, empreinte {digest}", or_dash(&mail.template), or_dash(&mail.template_version)),
        );
        line("texte", format!("empreinte {}", or_dash(&mail.text_digest)));
    }
    if mail.answer.is_some() {
        line(
            "relais",
            format!("{} (file {}, essais\u{a0}: {})", or_dash(&mail.answer), or_dash(&mail.queue_id), mail.attempts),
        );
    }
    line("Message-ID", mail.message_id.clone());
    match mail.copy.as_str() {
        "copied" => line("copie", "dans les éléments envoyés".to_owned()),
        "wanted" => line("copie", "à ranger dans les éléments envoyés".to_owned()),
        "failed" => line("copie", "n’a pu être rangée dans les éléments envoyés".to_owned()),
        _ => {}
    }
    text
}
