//! Delivery reports, receipts and their pre-standard kin → [`Report`].
//!
//! The header says that a message is a report, the beginning of the body says of what: `message/delivery-status`
//! (RFC 3464), `message/disposition-notification` (RFC 8098), and the returned headers. Older servers (Exim, qmail)
//! write plain text, of which lines are read.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::domain::message::{EnvelopeSender, Report, ReportKind};
use crate::domain::subjects::failure_subject;

use super::fields::{fields, lines, split_at_empty_line, without_preamble};
use super::values::{self, Media, address, content_type, ids, keyword, line};

/// The most octets of a body that are looked at.
const MAX_BODY_OCTETS: usize = 262_144;
/// The most parts of a multipart that are looked at.
const MAX_PARTS: usize = 16;
/// How deep multiparts are followed.
const MAX_DEPTH: usize = 3;
/// The most recipients of one report.
const MAX_RECIPIENTS: usize = 200;
/// The most Message-IDs that a report is believed to be about.
const MAX_ORIGINALS: usize = 20;
/// The most lines that are read of a report in plain text.
const MAX_TEXT_LINES: usize = 2_000;

/// Words in the subject of a report of delay, lower case.
const DELAY_WORDS: &[&str] = &["delay", "warning: could not send", "warning: message", "still being retried", "retard"];
/// Words in the subject of a report of success, lower case.
const SUCCESS_WORDS: &[&str] =
    &["successful", "(success)", "(relay)", "(relayed)", "delivered:", "remis :", "relayed:"];
/// Names by which mail servers sign, lower case.
const DAEMONS: &[&str] = &[
    "mailer-daemon",
    "mailer_daemon",
    "mailer daemon",
    "mailerdaemon",
    "postmaster@",
    "post_master@",
    "postmaster <",
    "mail delivery s",
    "mail deliver s",
    "mail.delivery.system@",
    "mail delivery agent",
    "mail system@",
    "internet mail delivery",
    "courier mail server",
    "system administrator",
    "mail administrator",
    "administrateur systeme",
    "administrateur système",
    "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
];

/// What the header says that matters to a report.
#[derive(Debug, Default)]
pub(super) struct Outside<'x> {
    /// The media type.
    pub content_type: Option<&'x Media>,
    /// The From field as written.
    pub from: &'x str,
    /// The decoded subject.
    pub subject: &'x str,
    /// The value of X-Failed-Recipients (Exim, Gmail).
    pub failed: Option<&'x str>,
    /// Whether a field of a TLS report (RFC 8460 §5.3) is there.
    pub tls_report: bool,
    /// Whether a field of a complaint is there that does not travel as a report (Outlook.com's programme).
    pub complaint: bool,
    /// The Message-IDs of In-Reply-To.
    pub in_reply_to: &'x [String],
}

/// Recognises a report by its header.
pub(super) fn recognise(outside: &Outside<'_>, envelope: &EnvelopeSender) -> Option<Report> {
    let kind = kind(outside, envelope)?;
    let failed = outside.failed.map(values::addresses).unwrap_or_default();
    Some(Report {
        kind,
        original_message_ids: outside.in_reply_to.iter().take(MAX_ORIGINALS).cloned().collect(),
        failed_recipients: failed.into_iter().take(MAX_RECIPIENTS).collect(),
        status: None,
    })
}

fn kind(outside: &Outside<'_>, envelope: &EnvelopeSender) -> Option<ReportKind> {
    let subject = outside.subject.to_lowercase();
    if let Some(media) = outside.content_type
        && matches!(
            media.name.as_str(),
            "multipart/report"
                | "message/delivery-status"
                | "message/disposition-notification"
                | "message/feedback-report"
        )
    {
        let written = media.report_type.as_deref();
        return Some(match written.or(media.name.strip_prefix("message/")).unwrap_or_default() {
            "delivery-status" | "global-delivery-status" => delivery_kind(&subject),
            "disposition-notification" => ReportKind::Disposition,
            "feedback-report" => ReportKind::Abuse,
            "tlsrpt" => ReportKind::Authentication,
            "" if is_daemon(outside.from) => delivery_kind(&subject),
            _ => ReportKind::Other,
        });
    }
    // RFC 7489 §7.2.1.1 and RFC 8460 §5.3 say how the subjects of aggregate reports are written.
    if outside.tls_report || (subject.contains("report domain:") && subject.contains("submitter:")) {
        return Some(ReportKind::Authentication);
    }
    if outside.complaint {
        return Some(ReportKind::Abuse);
    }
    is_bounce_of_old(outside, envelope, &subject).then(|| delivery_kind(&subject))
}

/// Bounces in plain text. A human may well write about a bounce, or be called postmaster: the envelope must agree.
fn is_bounce_of_old(outside: &Outside<'_>, envelope: &EnvelopeSender, subject: &str) -> bool {
    let daemon = is_daemon(outside.from);
    let named_so =
        || failure_subject(outside.subject).is_some() || DELAY_WORDS.iter().any(|word| subject.starts_with(word));
    // Exim and Gmail write X-Failed-Recipients, and nobody else does.
    outside.failed.is_some()
        || match envelope {
            EnvelopeSender::Null => daemon || named_so(),
            EnvelopeSender::Unknown | EnvelopeSender::Unparsable => daemon && named_so(),
            EnvelopeSender::Address(path) => {
                let is = |name: &str| path.local().eq_ignore_ascii_case(name);
                let signed = is("postmaster") || outside.from.to_ascii_lowercase().contains("mailer-daemon");
                daemon && (is("mailer-daemon") || (signed && named_so()))
            }
        }
}

/// Whether a From field is a mail server's.
pub(super) fn is_daemon(from: &str) -> bool {
    let from = from.to_ascii_lowercase();
    DAEMONS.iter().any(|name| from.contains(name))
}

fn delivery_kind(subject: &str) -> ReportKind {
    if DELAY_WORDS.iter().any(|word| subject.contains(word)) {
        ReportKind::DeliveryDelay
    } else if SUCCESS_WORDS.iter().any(|word| subject.contains(word)) {
        ReportKind::DeliverySuccess
    } else {
        ReportKind::DeliveryFailure
    }
}

/// Reads what the beginning of the body adds.
pub(super) fn read_body(report: &mut Report, outside: &Outside<'_>, body: &[u8]) {
    let body = body.get(..MAX_BODY_OCTETS).unwrap_or(body);
    let mut found = Found::default();
    match outside.content_type {
        Some(media) if media.name.starts_with("multipart/") => read_multipart(&mut found, media, body, MAX_DEPTH),
        Some(media) if media.name.starts_with("message/") => read_part(&mut found, &media.name, body),
        _ => read_text(&mut found, body),
    }
    if found.originals.is_empty() {
        read_text(&mut found, body);
    }
    found.settle(report);
}

/// What the parts of a report said.
#[derive(Debug, Default)]
struct Found {
    originals: Vec<String>,
    recipients: Vec<Recipient>,
    feedback: Option<String>,
    status: Option<String>,
}

/// The fields of one recipient (RFC 3464 §2.3).
#[derive(Debug, Default)]
struct Recipient {
    address: Option<crate::domain::address::Address>,
    action: Option<String>,
    status: Option<String>,
}

impl Recipient {
    fn failed(&self) -> bool {
        self.action.as_deref().is_none_or(|action| action == "failed")
    }
}

impl Found {
    /// Puts into the report what was found; what the body does not say stays as the header said it.
    fn settle(self, report: &mut Report) {
        if !self.originals.is_empty() {
            report.original_message_ids = self.originals;
        }
        report.status = self.recipients.iter().find_map(|r| r.status.clone()).or(self.status);
        // RFC 6591: a report of failed authentication travels as a feedback report.
        if matches!(self.feedback.as_deref(), Some("auth-failure" | "dmarc")) {
            report.kind = ReportKind::Authentication;
        }
        let is_delivery = match report.kind {
            ReportKind::DeliveryFailure | ReportKind::DeliveryDelay | ReportKind::DeliverySuccess => true,
            ReportKind::Disposition | ReportKind::Abuse | ReportKind::Authentication | ReportKind::Other => false,
        };
        if !is_delivery {
            return;
        }
        if let Some(kind) = kind_of(&self.recipients) {
            report.kind = kind;
        }
        for recipient in self.recipients.into_iter().filter(Recipient::failed) {
            report.failed_recipients.extend(recipient.address.filter(|a| !report.failed_recipients.contains(a)));
        }
        if report.kind != ReportKind::DeliveryFailure {
            report.failed_recipients.clear();
        }
    }
}

/// One failure makes a report of failure, else one delay a report of delay.
fn kind_of(recipients: &[Recipient]) -> Option<ReportKind> {
    let has = |action: &str| recipients.iter().any(|r| r.action.as_deref() == Some(action));
    if has("failed") {
        Some(ReportKind::DeliveryFailure)
    } else if has("delayed") {
        Some(ReportKind::DeliveryDelay)
    } else if has("delivered") || has("relayed") || has("expanded") {
        Some(ReportKind::DeliverySuccess)
    } else {
        None
    }
}

fn read_multipart(found: &mut Found, outer: &Media, body: &[u8], depth: usize) {
    let Some(boundary) = outer.boundary.as_deref() else { return };
    let delimiter = format!("--{boundary}");
    for part in parts(body, delimiter.as_bytes()) {
        let (header, content) = split_at_empty_line(part);
        let (mut media, mut encoding) = (None, None);
        for field in fields(header) {
            if field.name.eq_ignore_ascii_case(b"content-type") {
                media = content_type(&line(field.value));
            } else if field.name.eq_ignore_ascii_case(b"content-transfer-encoding") {
                encoding = keyword(&line(field.value));
            }
        }
        match media {
            Some(inner) if inner.name.starts_with("multipart/") && depth > 0 => {
                read_multipart(found, &inner, content, depth - 1);
            }
            Some(inner) => read_part(found, &inner.name, &decoded(content, encoding.as_deref())),
            None => {}
        }
    }
}

/// The parts between delimiter lines; the last may be cut short.
fn parts<'x>(body: &'x [u8], delimiter: &[u8]) -> Vec<&'x [u8]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let end = at + line.len();
        if let Some(rest) = line.strip_prefix(delimiter)
            && matches!(rest.trim_ascii(), b"" | b"--")
        {
            parts.extend(start.and_then(|start| body.get(start..at)));
            start = (!rest.starts_with(b"--")).then_some(end);
        }
        if parts.len() >= MAX_PARTS {
            return parts;
        }
        at = end;
    }
    parts.extend(start.and_then(|start| body.get(start..)));
    parts
}

fn decoded<'x>(content: &'x [u8], encoding: Option<&str>) -> Cow<'x, [u8]> {
    let decoded = match encoding {
        Some("base64") => base64_decode(content),
        Some("quoted-printable") => quoted_printable_decode(content),
        _ => None,
    };
    decoded.map_or(Cow::Borrowed(content), Cow::Owned)
}

fn read_part(found: &mut Found, media: &str, content: &[u8]) {
    match media {
        "message/delivery-status" | "message/global-delivery-status" => read_status(found, content),
        "message/disposition-notification" | "message/global-disposition-notification" | "message/feedback-report" => {
            read_group(found, content);
        }
        "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/global-headers" => {
            let original = fields(content).find(|f| f.name.eq_ignore_ascii_case(b"message-id"));
            keep(&mut found.originals, original.map(|f| ids(&line(f.value))).unwrap_or_default());
        }
        _ => {}
    }
}

/// The groups of a delivery status: one for the message, one for each recipient.
fn read_status(found: &mut Found, content: &[u8]) {
    let mut rest = content;
    for _ in 0..=MAX_RECIPIENTS {
        rest = without_preamble(rest);
        if rest.is_empty() {
            return;
        }
        let (group, after) = split_at_empty_line(rest);
        read_group(found, group);
        rest = after;
    }
}

fn read_group(found: &mut Found, group: &[u8]) {
    let mut recipient = Recipient::default();
    for field in fields(group) {
        let value = line(field.value);
        match field.name.to_ascii_lowercase().as_slice() {
            b"original-message-id" | b"x-original-message-id" => keep(&mut found.originals, ids(&value)),
            b"final-recipient" => recipient.address = typed_address(&value).or(recipient.address),
            b"original-recipient" => recipient.address = recipient.address.or_else(|| typed_address(&value)),
            b"action" => recipient.action = keyword(&value),
            b"status" => recipient.status = keyword(&value),
            b"feedback-type" => found.feedback = keyword(&value),
            _ => {}
        }
    }
    if recipient.address.is_some() || recipient.action.is_some() {
        found.recipients.push(recipient);
    }
}

/// An address with its type before: `rfc822; alice@example.org`.
fn typed_address(value: &str) -> Option<crate::domain::address::Address> {
    address(value.split_once(';').map_or(value, |(_, address)| address))
}

/// Reports in plain text: the returned headers somewhere below, `<address>:` lines of qmail, a status code.
fn read_text(found: &mut Found, body: &[u8]) {
    let mut id_follows = false;
    for octets in lines(body).take(MAX_TEXT_LINES) {
        let text = line(octets);
        let text = text.trim_start_matches(['>', ' ']);
        let after_name = text.get(..11).filter(|name| name.eq_ignore_ascii_case("message-id:"));
        if after_name.is_some() || id_follows {
            let ids = if text.contains('<') { ids(text) } else { Vec::new() };
            id_follows = after_name.is_some() && ids.is_empty();
            keep(&mut found.originals, ids);
        }
        if let Some(failed) = text.strip_prefix('<').and_then(|t| t.strip_suffix(">:"))
            && found.recipients.len() < MAX_RECIPIENTS
        {
            found.recipients.extend(address(failed).map(|a| Recipient { address: Some(a), ..Recipient::default() }));
        }
        if found.status.is_none() {
            found.status =
                text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|w| is_status(w)).map(str::to_owned);
        }
    }
}

/// An enhanced status code of failure or delay (RFC 3463 §2).
fn is_status(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = parts.next().is_some_and(|class| matches!(class, "4" | "5"));
    let details = [parts.next(), parts.next()];
    class
        && parts.next().is_none()
        && details
            .iter()
            .all(|part| part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())))
}

fn keep(originals: &mut Vec<String>, ids: Vec<String>) {
    for id in ids {
        if originals.len() < MAX_ORIGINALS && !originals.contains(&id) {
            originals.push(id);
        }
    }
}
