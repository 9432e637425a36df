//! What single facts of a message betray: machines, lists, senders nobody reads, forwards. Shared by
//! [`super::classify`] and [`super::acknowledge`], so that both see the same signs.

use super::message::{EnvelopeSender, MessageFacts, SpamMark, Writer};
use super::policy::MailboxPolicy;
use super::senders::is_system_title;
pub(super) use super::senders::{is_daemon, is_rewritten, is_verp, no_reply};
use super::subjects::{answers_invitation, report_subject};
pub(super) use super::subjects::{automatic_subject, folded, is_forward, spam_subject};
use super::verdict::{Automaton, Reason};

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
    if let Some(name) = marks.application_headers.first() {
        return Some(Reason::with("notification_header", name));
    }
    if let Some(method) = marks.calendar_method.as_deref().filter(|m| matches!(*m, "reply" | "counter" | "cancel")) {
        return Some(Reason::with("calendar_reply", method));
    }
    if is_calendar(facts) && marks.calendar_method.is_none() && answers_invitation(&facts.subject) {
        return Some(Reason::with("calendar_reply", "content-class"));
    }
    facts.author().filter(|author| is_daemon(author)).map(|_| Reason::new("mailer_daemon"))
}

/// Whether the message carries an appointment.
pub(super) fn is_calendar(facts: &MessageFacts) -> bool {
    facts.machine.calendar_method.is_some() || facts.machine.calendar_class
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
    if facts.from_name.as_deref().is_some_and(is_system_title) {
        return Some(Reason::new("system_title"));
    }
    if let Some(start) = automatic_subject(&facts.subject) {
        return Some(Reason::with("automatic_subject", start));
    }
    if let Some(start) = report_subject(&facts.subject) {
        return Some(Reason::with("report_subject", start));
    }
    is_calendar(facts).then(|| Reason::new("calendar_message"))
}

/// Whether the subject names a reference of this mailbox: `PAN-2026-000123`.
pub(super) fn names_our_reference(subject: &str, policy: &MailboxPolicy) -> bool {
    let (subject, prefix) = (folded(subject), format!("{}-20", folded(&policy.reference_prefix)));
    !policy.reference_prefix.is_empty() && subject.contains(&prefix)
}

/// The believed server that says that the author's domain disowns the message (DMARC), whatever else it says.
pub(super) fn failed_authentication(facts: &MessageFacts, policy: &MailboxPolicy) -> Option<Reason> {
    let trusted = |server: &str| policy.trusted_servers.iter().any(|name| name.eq_ignore_ascii_case(server));
    let (server, _) = facts.trust.dmarc.iter().find(|(server, result)| trusted(server) && result == "fail")?;
    Some(Reason::with("failed_authentication", server))
}

/// The spam mark that a believed server wrote. One that surely stood there before the message reached us is a stranger's
/// word: the filter of a forwarder must not take a request away.
pub(super) fn spam<'f>(facts: &'f MessageFacts, policy: &MailboxPolicy) -> Option<&'f SpamMark> {
    let last = facts.received_by.as_deref().unwrap_or_default();
    facts.trust.spam.iter().find(|mark| match &mark.by {
        Writer::Last | Writer::Unknown => true,
        Writer::Server(host) => policy.is_our_server(host) || same_site(host, last),
    })
}

/// Whether two servers belong together: the same name, or the same last two labels.
fn same_site(one: &str, other: &str) -> bool {
    let site = |host: &str| host.rsplit('.').take(2).map(str::to_ascii_lowercase).collect::<Vec<_>>();
    one.eq_ignore_ascii_case(other) || (one.contains('.') && site(one) == site(other))
}
