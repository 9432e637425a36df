//! Header block → [`MessageFacts`].

use sha2::{Digest as _, Sha256};

use crate::domain::message::{Defect, EnvelopeSender, MessageFacts, ReportKind, VIGIE_HEADER, Writer};

use super::fields::{fields, split_at_empty_line, without_preamble};
use super::marks::{read_machine, read_trust};
use super::report::{self, Outside};
use super::values::{
    Media, address, addresses, content_type, date, ids, is_ambiguous, line, mailboxes, text, without_comments,
};

/// The most octets of a header block that are read, hundreds of times an ordinary one; the digest covers them all. A mark
/// further down is not seen (the README says so).
const MAX_HEADER_OCTETS: usize = 1_048_576;
/// The most languages that are kept.
const MAX_LANGUAGES: usize = 16;
/// The longest Thread-Index that is kept: Outlook adds five octets for each answer.
const MAX_THREAD_INDEX_CHARS: usize = 2_048;
/// The most authors that are kept: several are withheld from, many are no authors.
const MAX_AUTHORS: usize = 64;
/// The most rules that are believed to have passed a message on.
const MAX_RULES: usize = 16;
/// The longest server name that is kept (RFC 1035 §2.3.4).
const MAX_SERVER_CHARS: usize = 255;
/// The fields of a TLS report (RFC 8460 §5.3), as one name.
const TLS_REPORT: &str = "tls-report";
/// The field of a complaint that Outlook.com forwards to the senders of its programme.
const COMPLAINT: &str = "complaint";

/// Reads what a message says: its header block, of a report the beginning of its body (see [`wants_body`]), and its
/// whole size in octets as the server gave it. Never fails: what cannot be read is a [`Defect`].
#[must_use]
pub fn parse(header: &[u8], body_start: Option<&[u8]>, size: u64) -> MessageFacts {
    let mut reader = Reader::default();
    reader.facts.size = size;
    reader.facts.header_digest = Sha256::digest(header).into();
    let mut name = String::new();
    let block = header.get(..MAX_HEADER_OCTETS).unwrap_or(header);
    for field in fields(block) {
        name.clear();
        name.extend(field.name.iter().map(|octet| char::from(octet.to_ascii_lowercase())));
        reader.raw |= !field.value.is_ascii();
        reader.field(&name, field.value);
    }
    reader.finish(block, body_start)
}

/// Whether the beginning of the body is needed to name what a report is about.
#[must_use]
pub fn wants_body(facts: &MessageFacts) -> bool {
    facts.report.as_ref().is_some_and(|report| match report.kind {
        ReportKind::DeliveryFailure
        | ReportKind::DeliveryDelay
        | ReportKind::DeliverySuccess
        | ReportKind::Disposition
        | ReportKind::Abuse
        | ReportKind::Other => true,
        ReportKind::Authentication => false,
    })
}

/// Splits a whole message, as a file holds it, into header block and body. The empty line belongs to neither.
#[must_use]
pub fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    split_at_empty_line(without_preamble(raw))
}

/// What was read so far, field by field.
#[derive(Debug, Default)]
struct Reader {
    facts: MessageFacts,
    /// The first From field as written; `Some` once there was one.
    from: Option<String>,
    /// Names of fields of which the first alone counts, once met.
    met: Vec<&'static str>,
    spam_verdict_met: bool,
    /// The server of the nearest Received field above, and how many spam marks stand above that field.
    above: Option<String>,
    marks_above: usize,
    /// The mailboxes whose rules passed the message on (Exchange).
    rules_of: Vec<String>,
    failed: Option<String>,
    content_type: Option<Media>,
    accept_languages: Vec<String>,
    raw: bool,
    /// Whether any field of mail was met, known by name.
    known: bool,
    fields: usize,
}

impl Reader {
    fn field(&mut self, name: &str, value: &[u8]) {
        self.fields += 1;
        let known_before = self.known;
        self.known = true;
        match name {
            "from" => self.from(&line(value)),
            "sender" => {
                let sender = addresses(&line(value)).into_iter().next();
                self.facts.sender = self.facts.sender.take().or(sender);
            }
            "reply-to" => self.reply_to(&line(value)),
            "return-path" => self.return_path(&line(value)),
            "to" => self.facts.to.extend(addresses(&line(value))),
            "cc" => self.facts.cc.extend(addresses(&line(value))),
            "bcc" => self.facts.bcc.extend(addresses(&line(value))),
            "resent-to" | "resent-cc" | "resent-bcc" => self.facts.resent_to.extend(addresses(&line(value))),
            "subject" => self.subject(&line(value)),
            "message-id" => self.message_id(&line(value)),
            "in-reply-to" => self.facts.in_reply_to.extend(ids(&line(value))),
            "references" => self.facts.references.extend(ids(&line(value))),
            "date" => self.date(&line(value)),
            "received" => self.received(&line(value)),
            "content-type" => self.content_type(&line(value)),
            "mime-version" => {}
            _ => {
                self.known = known_before;
                self.mark(name, value);
            }
        }
    }

    /// Fields that many messages lack.
    fn mark(&mut self, name: &str, value: &[u8]) {
        let value = line(value);
        let value = value.as_ref();
        match name {
            "delivered-to" | "x-original-to" | "envelope-to" | "x-envelope-to" => {
                self.facts.delivered_to.extend(addresses(value));
            }
            "content-language" => self.facts.languages.extend(languages(value)),
            "accept-language" | "x-accept-language" => self.accept_languages.extend(languages(value)),
            "thread-index" if self.facts.thread_index.is_none() => {
                let index: String = value.split_whitespace().collect();
                self.facts.thread_index = Some(index).filter(|i| !i.is_empty() && i.len() <= MAX_THREAD_INDEX_CHARS);
            }
            "x-failed-recipients" => self.failed = Some(value.to_owned()),
            "x-ms-exchange-inbox-rules-loop" if self.rules_of.len() < MAX_RULES => self.rules_of.push(value.to_owned()),
            "tls-report-domain" | "tls-report-submitter" => _ = self.is_first(TLS_REPORT),
            "x-hmxmroriginalrecipient" => _ = self.is_first(COMPLAINT),
            _ if name.eq_ignore_ascii_case(VIGIE_HEADER) => self.facts.machine.vigie = Some(text(value)),
            _ => {}
        }
        read_machine(name, value, &mut self.facts.machine);
        let above = self.met.contains(&"received").then_some(self.above.as_deref()).map(Option::unwrap_or_default);
        self.spam_verdict_met |= read_trust(name, value, self.spam_verdict_met, above, &mut self.facts.trust);
    }

    /// Of several From fields the first counts: it is the one that most mail programs show. One that says the same again
    /// misleads nobody.
    fn from(&mut self, line: &str) {
        if self.from.is_some() {
            if addresses(line).iter().any(|address| !self.facts.from.contains(address)) {
                self.defect(Defect::DuplicateFrom);
            }
            return;
        }
        // One of two addresses in one author may be a third person's: neither is believed.
        let mailboxes = if is_ambiguous(line) { Vec::new() } else { mailboxes(line) };
        self.facts.from_name = mailboxes.first().and_then(|mailbox| mailbox.name.clone());
        for address in mailboxes.into_iter().filter_map(|mailbox| mailbox.address).take(MAX_AUTHORS) {
            if !self.facts.from.contains(&address) {
                self.facts.from.push(address);
            }
        }
        if self.facts.from.is_empty() && line.contains('@') {
            self.defect(Defect::UnparsableSender);
        } else if self.facts.from.is_empty() {
            self.defect(Defect::NoSender);
        }
        self.from = Some(line.to_owned());
    }

    fn reply_to(&mut self, line: &str) {
        if self.is_first("reply-to") {
            let mailboxes = mailboxes(line);
            self.facts.reply_to_name = mailboxes.first().and_then(|mailbox| mailbox.name.clone());
            self.facts.reply_to = mailboxes.into_iter().filter_map(|mailbox| mailbox.address).collect();
            if self.facts.reply_to.is_empty() && line.contains('@') {
                self.defect(Defect::UnparsableSender);
            }
        }
    }

    /// Of several Return-Path fields the topmost counts: the final server wrote it (RFC 5321 §4.4).
    fn return_path(&mut self, line: &str) {
        if !self.is_first("return-path") {
            return;
        }
        let path = without_comments(line);
        let path = path.trim();
        self.facts.envelope_sender = match address(path) {
            Some(address) => EnvelopeSender::Address(address),
            None if path.starts_with('<') && path.trim_matches(['<', '>']).trim().is_empty() => EnvelopeSender::Null,
            None if path.is_empty() => EnvelopeSender::Unknown,
            // qmail and sendmail name the null path so.
            None if path.trim_matches(['<', '>']).eq_ignore_ascii_case("mailer-daemon") => EnvelopeSender::Null,
            None => EnvelopeSender::Unparsable,
        };
    }

    fn subject(&mut self, line: &str) {
        if self.is_first("subject") {
            self.facts.subject = text(line);
        }
    }

    fn message_id(&mut self, line: &str) {
        if !self.is_first("message-id") {
            if ids(line).into_iter().next() != self.facts.message_id {
                self.defect(Defect::DuplicateMessageId);
            }
            return;
        }
        self.facts.message_id = ids(line).into_iter().next();
    }

    fn date(&mut self, line: &str) {
        if self.is_first("date") {
            self.facts.date = date(line);
            if self.facts.date.is_none() {
                self.defect(Defect::UnreadableDate);
            }
        }
    }

    fn received(&mut self, line: &str) {
        let by = receiver(line);
        if self.is_first("received") {
            let stamp = line.rsplit_once(';').map(|(_, stamp)| stamp);
            self.facts.received = stamp.and_then(date);
            self.facts.received_by.clone_from(&by);
        }
        self.above = by;
        self.marks_above = self.facts.trust.spam.len();
    }

    fn content_type(&mut self, line: &str) {
        if self.content_type.is_none() {
            self.content_type = content_type(line);
        }
    }

    fn is_first(&mut self, name: &'static str) -> bool {
        let first = !self.met.contains(&name);
        if first {
            self.met.push(name);
        }
        first
    }

    fn defect(&mut self, defect: Defect) {
        if !self.facts.has(defect) {
            self.facts.defects.push(defect);
        }
    }

    fn finish(mut self, block: &[u8], body_start: Option<&[u8]>) -> MessageFacts {
        if self.from.is_none() {
            self.defect(Defect::NoSender);
        }
        if self.facts.message_id.is_none() {
            self.defect(Defect::NoMessageId);
        }
        if self.raw {
            self.defect(Defect::RawOctets);
        }
        if !self.known && (self.fields == 0 || is_binary(block)) {
            self.defect(Defect::NoHeaders);
        }
        self.facts.defects.sort_unstable();
        let accepted = std::mem::take(&mut self.accept_languages);
        self.facts.languages.extend(accepted);
        self.facts.languages.truncate(MAX_LANGUAGES);
        for mark in self.facts.trust.spam.iter_mut().skip(self.marks_above).filter(|mark| mark.by != Writer::Last) {
            mark.by = Writer::Unknown;
        }
        self.calendar();
        self.rules();
        self.report(body_start);
        self.facts.machine.content_type = self.content_type.map(|media| media.name);
        self.facts
    }

    fn calendar(&mut self) {
        if let Some(media) = self.content_type.as_ref().filter(|media| media.name == "text/calendar") {
            self.facts.machine.calendar_method = Some(media.method.clone().unwrap_or_default());
        }
    }

    /// A rule of the author's own mailbox may have answered; that of another one has passed a human's mail on.
    fn rules(&mut self) {
        let author = self.facts.author();
        let own = |mailbox: &String| address(mailbox).is_none_or(|mailbox| author == Some(&mailbox));
        if self.rules_of.iter().any(own) {
            self.facts.machine.weak_headers.push("x-ms-exchange-inbox-rules-loop".to_owned());
        }
    }

    fn report(&mut self, body_start: Option<&[u8]>) {
        let outside = Outside {
            content_type: self.content_type.as_ref(),
            from: self.from.as_deref().unwrap_or_default(),
            subject: &self.facts.subject,
            failed: self.failed.as_deref(),
            tls_report: self.met.contains(&TLS_REPORT),
            complaint: self.met.contains(&COMPLAINT),
            in_reply_to: &self.facts.in_reply_to,
        };
        let mut report = report::recognise(&outside, &self.facts.envelope_sender);
        if let (Some(report), Some(body)) = (report.as_mut(), body_start) {
            report::read_body(report, &outside, body);
        }
        self.facts.report = report;
    }
}

/// The server that wrote a Received field: its `by` clause (RFC 5321 §4.4).
fn receiver(line: &str) -> Option<String> {
    let line = without_comments(line);
    let mut words = line.split_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("by"))?;
    let host = words.next()?.trim_end_matches(';');
    (host.len() <= MAX_SERVER_CHARS).then(|| host.to_ascii_lowercase())
}

/// Whether a block holds octets that no text holds.
fn is_binary(block: &[u8]) -> bool {
    block.iter().any(|octet| octet.is_ascii_control() && !octet.is_ascii_whitespace())
}

/// Language tags without their weights, lower case.
fn languages(line: &str) -> Vec<String> {
    let tags = line.split(',').filter_map(|part| part.split(';').next()).map(str::trim);
    tags.filter(|tag| {
        (1..=35).contains(&tag.len()) && tag.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    })
    .take(MAX_LANGUAGES)
    .map(str::to_ascii_lowercase)
    .collect()
}
