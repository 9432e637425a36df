//! What subjects say of who wrote them: automatic answers, reports of mail servers, spam filters, forwards. A subject
//! proves nothing alone: it withholds an acknowledgement, it never takes a request away.

/// How subjects of automatic answers begin, in lower case without accents: French, English, German, Spanish, Italian,
/// Portuguese, Dutch, Swedish. `auto: ` is the vacation reply of the State's platform; a citizen writes `Auto :`.
const AUTOMATIC: &[&str] = &[
    "reponse automatique",
    "reponse automatisee",
    "reponse auto ",
    "reponse auto:",
    "message automatique",
    "message automatise",
    "courriel automatique",
    "courriel automatise",
    "reponse d'absence",
    "message d'absence",
    "avis d'absence",
    "notification d'absence",
    "absence du bureau",
    "absent du bureau",
    "absente du bureau",
    "absent(e) du bureau",
    "absent jusqu'au",
    "absente jusqu'au",
    "en conge jusqu'au",
    "en conges jusqu'au",
    "je suis actuellement absent",
    "auto: ",
    "auto-reponse",
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "auto-reply",
    "auto reply",
    "autoreply",
    "auto-response",
    "auto response",
    "autoresponse",
    "autoresponder",
    "out of office",
    "out of the office",
    "out-of-office",
    "ooo: ",
    "away from the office",
    "away from my mail",
    "vacation reply",
    "vacation response",
    "automatische antwort",
    "automatische ruckantwort",
    "autom. antwort",
    "abwesenheit",
    "abwesenheitsnotiz",
    "abwesenheitsnachricht",
    "abwesenheitsmeldung",
    "abwesenheitsassistent",
    "abwesend",
    "nicht im buro",
    "respuesta automatica",
    "mensaje automatico",
    "ausencia de la oficina",
    "fuera de la oficina",
    "fuera de oficina",
    "risposta automatica",
    "messaggio automatico",
    "fuori ufficio",
    "fuori sede",
    "assente dall'ufficio",
    "assenza dall'ufficio",
    "resposta automatica",
    "fora do escritorio",
    "automatisch antwoord",
    "afwezig",
    "autosvar",
];

/// How subjects of automatic answers end that keep the first subject before.
const AUTOMATIC_ENDS: &[&str] = &["(automatic response)", "(automatic reply)", "(auto-reply)", "(reponse automatique)"];

/// How subjects of delivery reports begin, in lower case without accents.
const FAILURES: &[&str] = &[
    "undelivered mail returned to sender",
    "undeliverable",
    "undeliverable mail",
    "undeliverable message",
    "undelivered",
    "undelivered mail",
    "delivery status notification",
    "delivery notification",
    "mail delivery failed",
    "mail delivery failure",
    "mail delivery error",
    "mail delivery problem",
    "mail not delivered",
    "mail failed",
    "mail system error",
    "mail could not be delivered",
    "delivery failure",
    "delivery failed",
    "delivery has failed",
    "delivery delayed",
    "delivery delay",
    "delayed mail",
    "warning: could not send message",
    "warning: message",
    "failure notice",
    "failure delivery",
    "returned mail",
    "returned to sender",
    "message delivery has failed",
    "message could not be delivered",
    "permanent delivery failure",
    "there was an error sending your mail",
    "sorry, your message could not be delivered",
    "[bounce]",
    "nondeliverable mail",
    "non-delivery",
    "non remis",
    "message non remis",
    "message non distribue",
    "courrier non remis",
    "remise retardee",
    "remise differee",
    "echec de remise",
    "echec de la remise",
    "echec de livraison",
    "echec de distribution",
    "echec d'envoi",
    "avis de non-remise",
    "notification d'etat de remise",
    "notification de l'etat de remise",
    "notification d'etat de distribution",
    "unzustellbar",
    "nicht zustellbar",
    "no se puede entregar",
    "no se ha podido entregar",
    "mancato recapito",
    "impossibile recapitare",
    "onbestelbaar",
    "nao foi possivel entregar",
];

/// How subjects of delivery reports end that keep the first subject before.
const FAILURE_ENDS: &[&str] = &["(delivery failed)", "(delivery failure)", "(non remis)"];

/// How subjects begin of reports that a mailbox provider's complaint loop sends without the format of RFC 5965.
const COMPLAINT_REPORTS: &[&str] =
    &["complaint about message from", "email feedback report for ip", "abuse report for "];

/// How subjects begin of receipts that a mail client sends without the format of RFC 8098.
const RECEIPTS: &[&str] = &["lu: ", "lu : ", "non lu: ", "non lu : ", "read: ", "not read: ", "gelesen: ", "leido: "];

/// How subjects begin of answers to invitations, in lower case without accents.
const CALENDAR_ANSWERS: &[&str] =
    &["accepte", "accepted", "refuse", "declined", "provisoire", "tentative", "annule", "canceled", "cancelled"];

/// How subjects begin that a spam filter rewrote.
const SPAM: &[&str] = &["[spam", "***spam", "*spam*", "{spam", "**spam**", "[pourriel"];

/// Prefixes of forwarded mail.
const FORWARDS: &[&str] = &["tr", "fwd", "fw", "wg", "rv", "transf", "trans", "i", "enc", "vb", "vs"];

/// What a human writes on after the name of an office or a bureau: `absence du bureau des étrangers`, `out of office hours`.
const OF_AN_OFFICE: &[&str] = &[" de ", " des ", " d'", " hours"];

/// How an automatic answer's subject begins (or ends), where this one does: the whole words, not the beginning of others.
pub(super) fn automatic_subject(subject: &str) -> Option<&'static str> {
    let folded = folded(subject);
    let bare = without_tags(&folded);
    let whole = |start: &&&str| {
        let Some(rest) = bare.strip_prefix(**start) else { return false };
        let office = start.ends_with("bureau") || start.ends_with("office");
        let ends = start.ends_with([' ', ':']) || !rest.starts_with(char::is_alphanumeric);
        ends && !(office && OF_AN_OFFICE.iter().any(|next| rest.starts_with(next)))
    };
    let begins = AUTOMATIC.iter().find(whole);
    begins.or_else(|| AUTOMATIC_ENDS.iter().find(|end| bare.ends_with(**end))).copied().map(str::trim_end)
}

/// How a delivery report's subject begins, where this one does. A human may well write about a bounce: only with a mail
/// server's signature is it one (see `mail::report`).
#[must_use]
pub fn failure_subject(subject: &str) -> Option<&'static str> {
    let folded = folded(subject);
    let bare = without_tags(&folded);
    FAILURES.iter().copied().find(|start| bare.starts_with(start))
}

/// How a report's subject begins, where this one is written as machines write it: nothing but the phrase, or what a
/// server puts after it. `Undelivered Mail Returned to Sender : que faire ?` is a human's.
pub(super) fn report_subject(subject: &str) -> Option<&'static str> {
    let folded = folded(subject);
    let bare = without_tags(&folded);
    let whole = |start: &&str| {
        let Some(rest) = bare.strip_prefix(*start) else { return false };
        let french = start.starts_with("non remis") || start.starts_with("remise") || start.starts_with("echec");
        rest.is_empty()
            || [":", " (", ",", " -", " notification", ";"].iter().any(|next| rest.starts_with(next))
            || (french && rest.starts_with(" :"))
    };
    let begins = |start: &&str| bare.starts_with(*start);
    let ends = || FAILURE_ENDS.iter().find(|end| bare.ends_with(**end));
    let failure = FAILURES.iter().find(|start| whole(start)).or_else(ends);
    failure.or_else(|| COMPLAINT_REPORTS.iter().chain(RECEIPTS).find(|start| begins(start))).copied().map(str::trim_end)
}

/// Whether the subject is that of an answer to an invitation.
pub(super) fn answers_invitation(subject: &str) -> bool {
    let subject = folded(subject);
    CALENDAR_ANSWERS.iter().any(|start| subject.starts_with(start))
}

/// Whether the subject begins as one that a spam filter rewrote.
pub(super) fn spam_subject(subject: &str) -> bool {
    let folded = folded(subject);
    SPAM.iter().any(|start| folded.starts_with(start))
}

/// Whether the subject says that the message is forwarded: `TR : …`, `Fwd: …`.
pub(super) fn is_forward(subject: &str) -> bool {
    let prefix = subject.split_once(':').map(|(prefix, _)| prefix.trim().to_ascii_lowercase());
    prefix.is_some_and(|prefix| FORWARDS.contains(&prefix.as_str()))
}

/// Without the tags that gateways put before: `[EXTERNAL] Automatic reply: …`. A tag that says something stays.
fn without_tags(folded: &str) -> &str {
    let mut rest = folded;
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|tagged| tagged.split_once(']')) {
        if rest.starts_with("[bounce]") {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// Lower case, without French, Spanish, German and Italian accents, with straight apostrophes.
pub(super) fn folded(text: &str) -> String {
    text.trim().chars().flat_map(char::to_lowercase).map(without_accent).collect()
}

fn without_accent(c: char) -> char {
    match c {
        'à' | 'â' | 'ä' | 'á' | 'ã' | 'å' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' | 'í' | 'ì' => 'i',
        'ô' | 'ö' | 'ó' | 'ò' | 'õ' => 'o',
        'ù' | 'û' | 'ü' | 'ú' => 'u',
        'ñ' => 'n',
        '\u{2019}' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_how_automatic_subjects_begin() {
        for (subject, expected) in [
            ("Réponse automatique : Carte grise", true),
            ("Automatic reply: PAN-2026-000123", true),
            ("[EXTERNAL] Automatic reply: x", true),
            ("[EXT] [TAG] Message automatique", true),
            ("Auto: Accusé de réception", true),
            ("AUTO: Jean Martin est absent (retour le 12/05/2026)", true),
            ("Automatische Antwort: x", true),
            ("Respuesta automática: x", true),
            ("Risposta automatica: x", true),
            ("Absence du bureau", true),
            ("Message d\u{2019}absence", true),
            ("Re:   Carte grise (Automatic Response)", true),
            ("Abwesenheitsnotiz: x", true),
            ("Message automatisé", true),
            ("Out of office: x", true),
            ("Absence du bureau du 12 au 15 mai", true),
            ("Abwesenheitsbescheinigung", false),
            ("Autoreplying to your letter", false),
            ("Fuori sedentarietà", false),
            ("Absence du bureau des étrangers le mardi", false),
            ("Absent du bureau de vote", false),
            ("Out of office hours", false),
            ("Auto : demande de carte grise", false),
            ("Automobile", false),
            ("Absence de réponse de vos services", false),
            ("absence", false),
            ("Re: Réponse automatique : Carte grise", false),
            ("Votre réponse automatique", false),
            ("", false),
        ] {
            assert_eq!(automatic_subject(subject).is_some(), expected, "{subject}");
        }
    }

    #[test]
    fn tells_a_report_from_a_human_who_writes_about_one() {
        for (subject, report, failure) in [
            ("Undelivered Mail Returned to Sender", true, true),
            ("Mail delivery failed: returning message to sender", true, true),
            ("Delivery Status Notification (Failure)", true, true),
            ("Delivery failure notification", true, true),
            ("Undeliverable: Accusé de réception", true, true),
            ("Undeliverable mail, MTA-BLOCKED", true, true),
            ("Returned Mail - Error During Delivery", true, true),
            ("Non remis\u{a0}: Accusé de réception", true, true),
            ("failure notice", true, true),
            ("[BOUNCE]", true, true),
            ("RE: Carte grise : non remis (delivery failed)", true, false),
            ("Lu : Carte grise", true, false),
            ("complaint about message from 192.0.2.1", true, false),
            ("Undelivered Mail Returned to Sender : que faire ?", false, true),
            ("Non remise de mon titre de séjour", false, true),
            ("Échec de livraison de ma carte d\u{2019}identité", false, true),
            ("TR : Mail delivery failed", false, false),
            ("Lundi", false, false),
            ("", false, false),
        ] {
            assert_eq!(report_subject(subject).is_some(), report, "{subject}");
            assert_eq!(failure_subject(subject).is_some(), failure, "{subject}");
        }
    }

    #[test]
    fn knows_forwards() {
        for (subject, expected) in [
            ("TR : demande", true),
            ("Tr: demande", true),
            ("Fwd: x", true),
            ("WG: x", true),
            ("Re: TR : x", false),
            ("Travaux : rue de la Gare", false),
            ("x", false),
        ] {
            assert_eq!(is_forward(subject), expected, "{subject}");
        }
    }
}
