//! What single facts of a message betray: machines, lists, senders nobody reads, forwards. Shared by
//! [`super::classify`] and [`super::acknowledge`], so that both see the same signs.

use super::address::Address;
use super::message::{EnvelopeSender, MessageFacts};
use super::policy::{MailboxPolicy, matches_pattern};
use super::verdict::{Automaton, Reason};

/// Local parts that no human reads, without separators: `no-reply`, `ne_pas_repondre`, `DoNotReply`…
const NO_REPLY_NAMES: &[&str] = &[
    "noreply",
    "donotreply",
    "dontreply",
    "nepasrepondre",
    "nepasreponse",
    "sansreponse",
    "noresponder",
    "noresponse",
    "norispondere",
    "nonrispondere",
    "nichtantworten",
    "keineantwort",
    "noemail",
];

/// Local parts of mail systems and list managers (RFC 5230 §4.6).
const SYSTEM_NAMES: &[&str] = &[
    "mailer-daemon",
    "mailerdaemon",
    "postmaster",
    "listserv",
    "listserver",
    "majordomo",
    "sympa",
    "mailman",
    "bounce",
    "bounces",
    "root",
    "daemon",
    "nobody",
    "www-data",
    "apache",
    "cron",
];

/// Beginnings and endings of the local parts of lists and their bounces (RFC 5230 §4.6).
const LIST_HEADS: &[&str] = &["owner-", "bounce-", "bounces-", "bounce+", "bounces+", "return-"];
const LIST_TAILS: &[&str] = &["-request", "-owner", "-bounces", "-bounce", "-return"];

/// How subjects of automatic answers begin, in lower case without accents: French, English, German, Spanish, Italian,
/// Portuguese, Dutch. `auto: ` is the vacation reply of the State's platform; a citizen writes `Auto :`.
const AUTOMATIC_SUBJECTS: &[&str] = &[
    "reponse automatique",
    "reponse auto ",
    "reponse auto:",
    "reponse d'absence",
    "message d'absence",
    "avis d'absence",
    "notification d'absence",
    "absence du bureau",
    "absent du bureau",
    "absente du bureau",
    "auto: ",
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
    "away from the office",
    "vacation reply",
    "automatische antwort",
    "abwesenheit",
    "abwesend",
    "respuesta automatica",
    "fuera de la oficina",
    "fuera de oficina",
    "risposta automatica",
    "fuori ufficio",
    "fuori sede",
    "assente dall'ufficio",
    "assenza dall'ufficio",
    "resposta automatica",
    "automatisch antwoord",
];

/// How subjects begin of answers to invitations, in lower case without accents.
const CALENDAR_ANSWERS: &[&str] =
    &["accepte", "accepted", "refuse", "declined", "provisoire", "tentative", "annule", "canceled", "cancelled"];

/// How subjects begin that a spam filter rewrote.
const SPAM_SUBJECTS: &[&str] = &["[spam", "***spam", "*spam*", "{spam", "**spam**", "[pourriel"];

/// Prefixes of forwarded mail.
const FORWARDS: &[&str] = &["tr", "fwd", "fw", "wg", "rv", "transf", "trans"];

/// Headers by which applications notify; the others of their family only ask for a receipt.
const APPLICATION_HEADERS: &[&str] = &[
    "x-cron-env",
    "x-github-reason",
    "x-gitlab-project",
    "x-jira-fingerprint",
    "x-redmine-host",
    "x-linkedin-class",
    "x-facebook-notify",
];

/// The mark by which the message declares that a machine wrote it.
pub(super) fn machine(facts: &MessageFacts) -> Option<(Automaton, Reason)> {
    let marks = &facts.machine;
    if let Some(keyword) = marks.auto_submitted.as_deref().filter(|keyword| *keyword != "no") {
        // RFC 3834 §2: anything but `no` is automatic; §5: only `auto-replied` is an answer.
        let kind = if keyword == "auto-replied" { Automaton::AutoReply } else { Automaton::Notification };
        return Some((kind, Reason::with("auto_submitted", keyword)));
    }
    if let Some(name) = marks.responder_headers.first() {
        return Some((Automaton::AutoReply, Reason::with("responder_header", name)));
    }
    let has = |value: &str| marks.precedence.iter().any(|p| p == value);
    if ["auto_reply", "auto-reply", "autoreply"].into_iter().any(has) {
        return Some((Automaton::AutoReply, Reason::new("precedence_auto_reply")));
    }
    if has("junk") && marks.list_headers.is_empty() {
        return Some((Automaton::AutoReply, Reason::new("precedence_junk")));
    }
    if has("bulk") && marks.list_headers.is_empty() && !facts.in_reply_to.is_empty() {
        return Some((Automaton::AutoReply, Reason::with("precedence_bulk", "in-reply-to")));
    }
    if facts.envelope_sender == EnvelopeSender::Null {
        return Some((Automaton::AutoReply, Reason::new("null_envelope_sender")));
    }
    notification(facts).map(|reason| (Automaton::Notification, reason))
}

fn notification(facts: &MessageFacts) -> Option<Reason> {
    let marks = &facts.machine;
    if let Some(name) = marks.notification_headers.iter().find(|name| APPLICATION_HEADERS.contains(&name.as_str())) {
        return Some(Reason::with("notification_header", name));
    }
    if let Some(method) = marks.calendar_method.as_deref().filter(|m| matches!(*m, "reply" | "counter" | "cancel")) {
        return Some(Reason::with("calendar_reply", method));
    }
    let answers = |subject: &str| CALENDAR_ANSWERS.iter().any(|start| subject.starts_with(start));
    if is_calendar(facts) && marks.calendar_method.is_none() && answers(&folded(&facts.subject)) {
        return Some(Reason::with("calendar_reply", "content-class"));
    }
    let daemon = |author: &Address| author.local().to_ascii_lowercase().starts_with("mailer-daemon");
    facts.author().filter(|author| daemon(author)).map(|_| Reason::new("mailer_daemon"))
}

/// Whether the message carries an appointment.
pub(super) fn is_calendar(facts: &MessageFacts) -> bool {
    facts.machine.calendar_method.is_some() || facts.machine.notification_headers.iter().any(|n| n == "content-class")
}

/// The mark of a list, a newsletter or a campaign. A list that carries the mailbox's own address only distributes it.
pub(super) fn bulk(facts: &MessageFacts, policy: &MailboxPolicy) -> Option<Reason> {
    let marks = &facts.machine;
    let own = is_own_list(facts, policy);
    if !own && let Some(name) = marks.list_headers.first() {
        return Some(Reason::with("list_header", name));
    }
    let has = |value: &str| marks.precedence.iter().any(|p| p == value);
    if !own && has("list") {
        return Some(Reason::new("precedence_list"));
    }
    if !own && has("bulk") {
        return Some(Reason::new("precedence_bulk"));
    }
    marks.bulk_headers.iter().find(|name| is_campaign(name)).map(|name| Reason::with("campaign_header", name))
}

fn is_campaign(name: &str) -> bool {
    ["campaign", "campagn", "newsletter", "x-mc-user"].into_iter().any(|word| name.contains(word))
}

/// Whether the list is the mailbox's own distribution: `List-Id: <pref-pan.ain.example>` for pref-pan@ain.example.
fn is_own_list(facts: &MessageFacts, policy: &MailboxPolicy) -> bool {
    let Some(list) = facts.machine.list_id.as_deref() else { return false };
    std::iter::once(&policy.address).chain(&policy.aliases).any(|mine| {
        let rest = list.strip_suffix(mine.domain()).and_then(|head| head.strip_suffix('.'));
        rest.is_some_and(|local| local.eq_ignore_ascii_case(mine.local()))
    })
}

/// What makes an automatic answer unwise without taking the request away.
pub(super) fn weak(facts: &MessageFacts) -> Option<Reason> {
    let marks = &facts.machine;
    // MS-OXCMAIL 2.2.3.2.14: DR, NDR, RN and NRN are about reports, which an acknowledgement is not.
    let suppress = marks.auto_response_suppress.iter().find(|t| matches!(t.as_str(), "all" | "autoreply" | "oof"));
    if let Some(token) = suppress {
        return Some(Reason::with("auto_response_suppress", token));
    }
    if let Some(name) = marks.weak_headers.first() {
        return Some(Reason::with("weak_machine_header", name));
    }
    if let Some(name) = marks.bulk_headers.first() {
        return Some(Reason::with("bulk_header", name));
    }
    if let Some(start) = automatic_subject(&facts.subject) {
        return Some(Reason::with("automatic_subject", start));
    }
    is_calendar(facts).then(|| Reason::new("calendar_message"))
}

/// How an automatic answer's subject begins, where this one does.
pub(super) fn automatic_subject(subject: &str) -> Option<&'static str> {
    let mut folded = folded(subject);
    // Tags that gateways put before: `[EXTERNAL] Automatic reply: …`.
    while let Some((_, rest)) = folded.strip_prefix('[').and_then(|tagged| tagged.split_once(']')) {
        folded = rest.trim_start().to_owned();
    }
    AUTOMATIC_SUBJECTS.iter().copied().find(|start| folded.starts_with(start)).map(str::trim_end)
}

/// Whether the subject begins as one that a spam filter rewrote.
pub(super) fn spam_subject(subject: &str) -> bool {
    let folded = folded(subject);
    SPAM_SUBJECTS.iter().any(|start| folded.starts_with(start))
}

/// Whether the subject says that the message is forwarded: `TR : …`, `Fwd: …`.
pub(super) fn is_forward(subject: &str) -> bool {
    let prefix = subject.split_once(':').map(|(prefix, _)| prefix.trim().to_ascii_lowercase());
    prefix.is_some_and(|prefix| FORWARDS.contains(&prefix.as_str()))
}

/// Whether the subject names a reference of this mailbox: `PAN-2026-000123`.
pub(super) fn names_our_reference(subject: &str, policy: &MailboxPolicy) -> bool {
    let (subject, prefix) = (folded(subject), format!("{}-20", folded(&policy.reference_prefix)));
    !policy.reference_prefix.is_empty() && subject.contains(&prefix)
}

/// The pattern by which nobody reads what is sent to an address.
pub(super) fn no_reply<'p>(address: &Address, policy: &'p MailboxPolicy) -> Option<&'p str> {
    let canonical = address.canonical();
    let configured = policy.no_reply_senders.iter().find(|pattern| matches_pattern(pattern, &canonical));
    configured.map(String::as_str).or_else(|| built_in_no_reply(address.local()))
}

fn built_in_no_reply(local: &str) -> Option<&'static str> {
    let local = folded(local);
    let exact = SYSTEM_NAMES.iter().find(|name| local == **name);
    let listed = || {
        let head = LIST_HEADS.iter().find(|head| local.starts_with(**head));
        head.or_else(|| LIST_TAILS.iter().find(|tail| local.ends_with(**tail)))
    };
    // Words are joined from each of them on: `facture.ne-pas-repondre` is one, `bruno.reply` is none.
    let words: Vec<&str> = local.split(['-', '_', '.', '+']).collect();
    let joined = |from: usize| words.iter().skip(from).copied().collect::<String>();
    let named =
        || (0..words.len()).find_map(|from| NO_REPLY_NAMES.iter().find(|name| joined(from).starts_with(**name)));
    exact.or_else(listed).or_else(named).copied()
}

/// Whether an envelope address carries another one inside (VERP): a list's or a mailing service's. Rewritings that
/// forwarders and relays apply to human mail (SRS, BATV, Gmail's `+caf_=`) are none.
pub(super) fn is_verp(address: &Address) -> bool {
    let local = address.local().to_ascii_lowercase();
    let rewritten = ["srs0", "srs1", "prvs=", "btv1=="].into_iter().any(|head| local.starts_with(head));
    !rewritten && !local.contains("+caf_=") && local.contains('=')
}

/// The believed server that says that the author's domain disowns the message (DMARC).
pub(super) fn failed_authentication(facts: &MessageFacts, policy: &MailboxPolicy) -> Option<Reason> {
    let trusted = |server: &str| policy.trusted_servers.iter().any(|name| name.eq_ignore_ascii_case(server));
    let (server, result) = facts.trust.dmarc.iter().find(|(server, _)| trusted(server))?;
    (result == "fail").then(|| Reason::with("failed_authentication", server))
}

/// Lower case, without French, Spanish, German and Italian accents, with straight apostrophes.
pub(super) fn folded(text: &str) -> String {
    text.trim().chars().flat_map(char::to_lowercase).map(without_accent).collect()
}

fn without_accent(c: char) -> char {
    match c {
        'à' | 'â' | 'ä' | 'á' | 'ã' => 'a',
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
    fn knows_addresses_that_nobody_reads() {
        for (local, expected) in [
            ("noreply", true),
            ("No-Reply", true),
            ("no_reply", true),
            ("ne-pas-repondre", true),
            ("nepasrépondre", true),
            ("facturation.ne-pas-repondre", true),
            ("noreply+42", true),
            ("DoNotReply", true),
            ("MAILER-DAEMON", true),
            ("postmaster", true),
            ("bounces+123", true),
            ("liste-request", true),
            ("owner-liste", true),
            ("listserv", true),
            ("bruno.reply", false),
            ("bruno", false),
            ("request", false),
            ("mairie", false),
            ("replay", false),
            ("no", false),
        ] {
            assert_eq!(built_in_no_reply(local).is_some(), expected, "{local}");
        }
    }

    #[test]
    fn knows_how_automatic_subjects_begin() {
        for (subject, expected) in [
            ("Réponse automatique : Carte grise", true),
            ("Automatic reply: PAN-2026-000123", true),
            ("[EXTERNAL] Automatic reply: x", true),
            ("Auto: Accusé de réception", true),
            ("Automatische Antwort: x", true),
            ("Respuesta automática: x", true),
            ("Risposta automatica: x", true),
            ("Absence du bureau", true),
            ("Message d\u{2019}absence", true),
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

    #[test]
    fn knows_envelopes_that_carry_an_address() {
        for (address, expected) in [
            ("liste-return-12-pref-pan=ain.example@listes.example", true),
            ("srs0=ab=cd=orange.example=alice@forwarder.example", false),
            ("SRS1=x==y@forwarder.example", false),
            ("prvs=123abc=alice@example.org", false),
            ("alice+caf_=pref-pan=ain.example@mail.example", false),
            ("alice@example.org", false),
        ] {
            assert_eq!(Address::parse(address).map(|a| is_verp(&a)), Some(expected), "{address}");
        }
    }
}
