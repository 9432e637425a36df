//! From a notice to the bytes of a mail. Same inputs, same bytes: no clock, no randomness, boundaries from the effect's id.
//!
//! Headers of acknowledgements follow RFC 3834; they are what keeps other machines from answering. Deliberately absent:
//! `Precedence` (RFC 3834 §3.1.8 asks for Auto-Submitted instead, and some filters treat it as bulk mail), and the
//! prefix `Auto:` of RFC 3834 §3.1.5, which a MAY offers: the reference in brackets and the words of the template say
//! that the mail answers automatically, while the platform's own vacation replies use `Auto:` and must stay
//! distinguishable from an acknowledgement. The original subject is quoted, as that section asks, but shortened,
//! stripped of control characters, and left out where it carries a link (`headers.rs`).

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::Address as Mail;
use lettre::address::Envelope;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, From as FromHeader, HeaderName, HeaderValue, To,
};
use lettre::message::{
    Body, Mailbox, Mailboxes, Message, MessageBuilder, MultiPart, MultiPartBuilder, MultiPartKind, SinglePart,
};
use sha2::{Digest as _, Sha256};

use super::headers::{bracketed, one_line, references, thread_index};
use super::notice::{AckFields, AgentHead, Attachment, Notice, Sender};
use super::public::{of_kind, word};
use super::template::{Kind, Rendered, TemplateError, Templates, digest, hex};
use super::view::{AlertView, DigestView, ReportView};
use crate::domain::address::Address;
use crate::domain::message::VIGIE_HEADER;

pub use super::public::Used;

/// The longest effect id.
const MAX_EFFECT_ID: usize = 120;
/// The longest subject, in characters; templates that say more are cut.
const MAX_SUBJECT: usize = 200;

/// What makes a mail the one that a decision wanted: its identity and its date, decided before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The id of the effect, the left part of the Message-ID: letters, digits, `.`, `_` and `-`.
    pub effect_id: String,
    /// The date of the mail.
    pub date: DateTime<Utc>,
    /// The domain of the Message-ID.
    pub domain: String,
}

/// A mail, ready to submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The whole message, ASCII, lines ended by CRLF.
    pub bytes: Vec<u8>,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// Which templates worded it.
    pub used: Used,
    /// SHA-256, in hex, of what was said: subject, plain text and HTML as rendered.
    pub text_digest: String,
}

/// Why a mail could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The template is missing, of another kind, or cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The effect's id or the domain cannot stand in a Message-ID.
    #[error("{effect_id}@{domain} is no Message-ID")]
    MessageId {
        /// The effect's id.
        effect_id: String,
        /// The domain.
        domain: String,
    },
    /// The mail is for nobody.
    #[error("the mail has no recipient")]
    NoRecipient,
    /// The date is not one of this era.
    #[error("the date {date} cannot stand in a mail")]
    Date {
        /// The date.
        date: DateTime<Utc>,
    },
    /// The builder refuses.
    #[error("the mail cannot be built: {why}")]
    Build {
        /// Its words.
        why: String,
    },
}

/// Words a notice and makes the mail of it.
///
/// # Errors
/// A template that is missing, of another kind or faulty; a stamp that cannot stand in a header; no recipient.
pub fn compose(notice: &Notice, templates: &Templates, stamp: &Stamp) -> Result<Composed, ComposeError> {
    let message_id = stamp.message_id()?;
    let wanted = kind(notice);
    let (rendered, used) = match notice {
        Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) | Notice::TransferNotice(fields) => {
            word(templates, fields, wanted)?
        }
        Notice::Alert(fields) => worded(templates, &fields.head, wanted, &AlertView::new(fields))?,
        Notice::Digest(fields) => worded(templates, &fields.head, wanted, &DigestView::new(fields))?,
        Notice::Report(fields) => worded(templates, &fields.head, wanted, &ReportView::new(fields))?,
    };
    // No-break spaces are for reading, not for a list of subjects: an ASCII subject stays ASCII.
    let subject = one_line(&rendered.subject.replace(['\u{a0}', '\u{202f}'], " "));
    let subject: String = subject.chars().take(MAX_SUBJECT).collect();
    let head = match notice {
        Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) | Notice::TransferNotice(fields) => {
            public_head(fields, stamp, &subject)?
        }
        Notice::Alert(fields) => agent_head(&fields.head, stamp, &subject)?,
        Notice::Digest(fields) => agent_head(&fields.head, stamp, &subject)?,
        Notice::Report(fields) => agent_head(&fields.head, stamp, &subject)?,
    };
    let head = head
        .message_id(Some(format!("<{message_id}>")))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw(VIGIE_HEADER, wanted.name()))
        .raw_header(raw("Content-Language", &used.languages));
    let text_digest = digest(&[&subject, &rendered.text, rendered.html.as_deref().unwrap_or_default()]);
    let attachments = match notice {
        Notice::Digest(fields) => fields.attachments.as_slice(),
        Notice::Report(fields) => fields.attachments.as_slice(),
        Notice::RegistrationNotice(_) | Notice::Acknowledgement(_) | Notice::TransferNotice(_) | Notice::Alert(_) => {
            &[]
        }
    };
    let bytes = finish(head, rendered, attachments, stamp)?;
    Ok(Composed { bytes, message_id, used, text_digest })
}

/// The words of a mail to agents.
fn worded(
    templates: &Templates,
    head: &AgentHead,
    kind: Kind,
    view: &impl serde::Serialize,
) -> Result<(Rendered, Used), ComposeError> {
    let template = of_kind(templates, &head.template, kind)?;
    Ok((template.render(view)?, Used::one(template)))
}

pub(super) fn kind(notice: &Notice) -> Kind {
    match notice {
        Notice::RegistrationNotice(_) => Kind::Registration,
        Notice::Acknowledgement(_) => Kind::Acknowledgement,
        Notice::TransferNotice(_) => Kind::Transfer,
        Notice::Alert(_) => Kind::Alert,
        Notice::Digest(_) => Kind::Digest,
        Notice::Report(_) => Kind::Report,
    }
}

impl Stamp {
    /// The Message-ID without brackets. Retries carry the same, so that the receiving side can tell one from two.
    ///
    /// # Errors
    /// [`ComposeError::MessageId`] where the id or the domain holds what a Message-ID cannot.
    pub fn message_id(&self) -> Result<String, ComposeError> {
        let atom = |text: &str| {
            !text.is_empty()
                && text.len() <= MAX_EFFECT_ID
                && text.split('.').all(|part| !part.is_empty())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if atom(&self.effect_id) && atom(&self.domain) {
            Ok(format!("{}@{}", self.effect_id, self.domain))
        } else {
            Err(ComposeError::MessageId { effect_id: self.effect_id.clone(), domain: self.domain.clone() })
        }
    }
}

/// The headers of an answer to the public (RFC 3834 §3.1).
fn public_head(fields: &AckFields, stamp: &Stamp, subject: &str) -> Result<MessageBuilder, ComposeError> {
    let mut head = opening(&fields.from, std::slice::from_ref(&fields.to), stamp, subject)?;
    let parent = &fields.parent;
    if let Some(id) = parent.message_id.as_deref().and_then(bracketed) {
        head = head.in_reply_to(id);
    }
    if let Some(ids) = references(&parent.references, parent.message_id.as_deref()) {
        head = head.references(ids);
    }
    if let Some(index) = parent.thread_index.as_deref().and_then(|i| thread_index(i, stamp.date, &stamp.effect_id)) {
        head = head.raw_header(folded("Thread-Index", &index));
    }
    Ok(head.raw_header(raw("Auto-Submitted", "auto-replied")))
}

/// The headers of a mail to agents: made by a machine, and answering nothing (RFC 3834 §5).
fn agent_head(head: &AgentHead, stamp: &Stamp, subject: &str) -> Result<MessageBuilder, ComposeError> {
    Ok(opening(&head.from, &head.to, stamp, subject)?.raw_header(raw("Auto-Submitted", "auto-generated")))
}

fn opening(from: &Sender, to: &[Address], stamp: &Stamp, subject: &str) -> Result<MessageBuilder, ComposeError> {
    if to.is_empty() {
        return Err(ComposeError::NoRecipient);
    }
    let seconds = u64::try_from(stamp.date.timestamp()).map_err(|_| ComposeError::Date { date: stamp.date })?;
    let date = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let name = from.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let from = Mailbox::new(name, mail_form(&from.address));
    let to: Mailboxes = to.iter().map(|address| Mailbox::new(None, mail_form(address))).collect();
    // lettre would read the envelope back from the headers; it goes elsewhere (`smtp`), this one only fills the place.
    let envelope = Envelope::new(None, vec![from.email.clone()]).map_err(|error| build(&error))?;
    Ok(Message::builder()
        .header(FromHeader::from(Mailboxes::from(from)))
        .header(To::from(to))
        .date(date)
        .subject(subject)
        .envelope(envelope))
}

/// Both forms in quoted-printable: ASCII on the wire, short lines, and no relay that could need 8BITMIME. Documents
/// follow, in base64.
fn finish(
    head: MessageBuilder,
    rendered: Rendered,
    attachments: &[Attachment],
    stamp: &Stamp,
) -> Result<Vec<u8>, ComposeError> {
    let text = part(ContentType::TEXT_PLAIN, &rendered.text);
    let forms = rendered.html.map(|html| part(ContentType::TEXT_HTML, &html));
    let message = match (forms, attachments) {
        (None, []) => head.singlepart(text),
        (None, documents) => head.multipart(with_documents(stamp, documents, |mixed| mixed.singlepart(text))?),
        (Some(html), []) => head.multipart(alternative(stamp, text, html)),
        (Some(html), documents) => {
            let forms = alternative(stamp, text, html);
            head.multipart(with_documents(stamp, documents, |mixed| mixed.multipart(forms))?)
        }
    };
    let message = message.map_err(|error| build(&error))?;
    Ok(message.formatted())
}

/// The same inputs give the same boundary.
fn boundary(stamp: &Stamp, of: &str) -> String {
    hex(&Sha256::digest(format!("{of} {}", stamp.effect_id))).chars().take(40).collect()
}

fn alternative(stamp: &Stamp, text: SinglePart, html: SinglePart) -> MultiPart {
    let parts = MultiPart::builder().kind(MultiPartKind::Alternative).boundary(boundary(stamp, "boundary"));
    parts.singlepart(text).singlepart(html)
}

fn with_documents(
    stamp: &Stamp,
    documents: &[Attachment],
    body: impl FnOnce(MultiPartBuilder) -> MultiPart,
) -> Result<MultiPart, ComposeError> {
    let mixed = MultiPart::builder().kind(MultiPartKind::Mixed).boundary(boundary(stamp, "documents"));
    documents.iter().try_fold(body(mixed), |parts, document| {
        let media_type = ContentType::parse(document.media_type)
            .map_err(|_| ComposeError::Build { why: format!("{} is no media type", document.media_type) })?;
        let content = Body::new_with_encoding(document.bytes.clone(), ContentTransferEncoding::Base64);
        let content =
            content.map_err(|_| ComposeError::Build { why: format!("{} has no base64 form", document.name) })?;
        let part = SinglePart::builder()
            .header(media_type)
            .header(ContentDisposition::attachment(&document.name))
            .body(content);
        Ok(parts.singlepart(part))
    })
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    let text = format!("{}\n", text.trim_end()).replace("\r\n", "\n").replace('\n', "\r\n");
    let body = lettre::message::Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable);
    let builder = SinglePart::builder().header(content_type);
    match body {
        Ok(body) => builder.body(body),
        Err(text) => builder.body(text),
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A long value without spaces: folded every 70 characters, as Outlook folds its own.
fn folded(name: &'static str, value: &str) -> HeaderValue {
    let pieces: Vec<String> =
        value.as_bytes().chunks(60).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.to_owned(), pieces.join("\r\n "))
}

/// The address as a header carries it: a local part that is no dot-atom goes between quotes (RFC 5322 §3.4.1).
fn mail_form(address: &Address) -> Mail {
    let is_atom = address.local().split('.').all(|atom| !atom.is_empty());
    let local = if is_atom { address.local().to_owned() } else { format!("\"{}\"", address.local()) };
    Mail::new_dangerous(local, address.domain())
}

fn build(error: &lettre::error::Error) -> ComposeError {
    ComposeError::Build { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use mail_parser::{Address as Parsed, HeaderValue as Value, MessageParser, MimeHeaders, PartType};

    use super::*;
    use crate::mail::notice::Parent;
    use crate::mail::sample::{self, Case, shipped_sources};

    /// RFC 5322 §2.1.1.
    const MAX_LINE: usize = 998;

    fn templates() -> Templates {
        Templates::new(shipped_sources()).expect("the shipped templates can be read")
    }

    fn stamp() -> Stamp {
        let date = "2026-05-07T14:50:07.25Z".parse().expect("a date");
        Stamp { effect_id: "ack.4711".to_owned(), date, domain: "vigie.ain.gouv.example".to_owned() }
    }

    fn composed(notice: &Notice) -> Composed {
        compose(notice, &templates(), &stamp()).expect("composed")
    }

    fn acknowledgement(change: impl FnOnce(&mut AckFields)) -> Notice {
        let mut fields = AckFields { template: "pref-pan".to_owned(), ..sample::acknowledgement() };
        change(&mut fields);
        Notice::Acknowledgement(Box::new(fields))
    }

    /// Every notice, worded by every template that fits it, in every case.
    fn all_mails() -> Vec<(String, Notice)> {
        let templates = templates();
        let names: Vec<String> = templates.names().map(str::to_owned).collect();
        let cases = [Case::Rejection, Case::Acceptance, Case::Bare];
        let notice = |name: &String, case| sample::notice(templates.kind(name).expect("loaded"), case, name);
        names.iter().flat_map(|name| cases.map(|case| (format!("{name}-{case:?}"), notice(name, case)))).collect()
    }

    fn header(bytes: &[u8], name: &str) -> Option<String> {
        let message = MessageParser::default().parse(bytes).expect("a message");
        let raw = message.header_raw(name)?;
        Some(raw.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn an_acknowledgement_carries_the_headers_of_rfc_3834() {
        let Composed { bytes, message_id, .. } = composed(&acknowledgement(|_| {}));
        let get = |name: &str| header(&bytes, name).unwrap_or_else(|| panic!("{name} is there"));
        assert_eq!(message_id, "ack.4711@vigie.ain.gouv.example");
        for (name, expected) in [
            ("Message-ID", "<ack.4711@vigie.ain.gouv.example>"),
            ("Date", "Thu, 07 May 2026 14:50:07 +0000"),
            ("To", "camille.exemple@example.org"),
            ("In-Reply-To", "<a1@example.org>"),
            ("References", "<a0@example.org> <a1@example.org>"),
            ("Auto-Submitted", "auto-replied"),
            ("X-Auto-Response-Suppress", "All"),
            ("X-Vigie", "acknowledgement"),
            ("Content-Language", "fr"),
            ("MIME-Version", "1.0"),
        ] {
            assert_eq!(get(name), expected, "{name}");
        }
        for absent in ["Precedence", "Reply-To", "Return-Path", "Cc", "Bcc", "Thread-Index"] {
            assert_eq!(header(&bytes, absent), None, "{absent}");
        }
    }

    #[test]
    fn an_acknowledgement_comes_from_the_mailbox_under_its_name() {
        for name in ["Préfecture de l’Ain – PAN", "PAN, préfecture (Ain) \"numérique\"", "Prefecture"] {
            let bytes = composed(&acknowledgement(|fields| fields.from.name = Some(name.to_owned()))).bytes;
            let message = MessageParser::default().parse(&bytes).expect("a message");
            let Some(Parsed::List(from)) = message.from() else { panic!("one From") };
            let from: Vec<_> =
                from.iter().map(|a| (a.name().unwrap_or_default(), a.address().unwrap_or_default())).collect();
            assert_eq!(from, [(name, "pref-pan@ain.gouv.example")]);
        }
    }

    #[test]
    fn the_subject_begins_with_the_reference_and_quotes_the_message() {
        let subject = |original: &str| {
            let bytes = composed(&acknowledgement(|fields| fields.original_subject = original.to_owned())).bytes;
            let message = MessageParser::default().parse(&bytes).expect("a message");
            message.subject().expect("a subject").to_owned()
        };
        let start = "[PAN-2026-000123] Votre message du 7 mai 2026";
        assert_eq!(subject("Carte d’identité périmée"), format!("{start} : Carte d’identité périmée"));
        assert_eq!(subject("Re: a\r\nBcc: victim@example.org"), format!("{start} : a Bcc: victim@example.org"));
        assert_eq!(subject("gagnez sur http://example.com"), start);
        assert_eq!(subject(""), start);
        assert!(subject(&"très ".repeat(500)).chars().count() < MAX_SUBJECT);
    }

    #[test]
    fn a_hostile_parent_adds_no_header() {
        let bytes = composed(&acknowledgement(|fields| {
            fields.parent = Parent {
                message_id: Some("x>\r\nBcc: victim@example.org\r\nX: <y".to_owned()),
                references: vec!["ok@example.org".to_owned(), "a\nBcc: z".to_owned()],
                thread_index: Some("AAAA\r\nBcc: z".to_owned()),
            };
        }))
        .bytes;
        assert_eq!(header(&bytes, "Bcc"), None);
        assert_eq!(header(&bytes, "In-Reply-To"), None);
        assert_eq!(header(&bytes, "References").as_deref(), Some("<ok@example.org>"));
        assert_eq!(header(&bytes, "Thread-Index"), None);
    }

    #[test]
    fn a_message_without_id_is_answered_without_reference_to_it() {
        let bytes = composed(&acknowledgement(|fields| fields.parent = Parent::default())).bytes;
        assert_eq!((header(&bytes, "In-Reply-To"), header(&bytes, "References")), (None, None));
    }

    #[test]
    fn a_thread_index_is_continued() {
        let parent: Vec<u8> = [1, 0xdc, 0xde, 0x31, 0x20, 0].into_iter().chain([9; 16]).collect();
        let parent = base64::engine::general_purpose::STANDARD.encode(parent);
        let bytes = composed(&acknowledgement(|fields| fields.parent.thread_index = Some(parent.clone()))).bytes;
        let index = header(&bytes, "Thread-Index").expect("continued").replace(' ', "");
        assert_eq!(index.len(), 36, "27 octets in base64");
        assert!(index.starts_with(parent.trim_end_matches('=').get(..28).expect("long enough")));
    }

    #[test]
    fn mails_to_agents_are_marked_as_generated() {
        for (name, kind) in [("alerte", Kind::Alert), ("point-du-matin", Kind::Digest), ("bilan", Kind::Report)] {
            let bytes = composed(&sample::notice(kind, Case::Rejection, name)).bytes;
            let get = |name: &str| header(&bytes, name);
            assert_eq!(get("Auto-Submitted").as_deref(), Some("auto-generated"));
            assert_eq!(get("X-Auto-Response-Suppress").as_deref(), Some("All"));
            assert_eq!(get("X-Vigie").as_deref(), Some(kind.name()));
            assert_eq!((get("Precedence"), get("In-Reply-To")), (None, None));
        }
    }

    #[test]
    fn the_plain_text_comes_first_and_says_the_same() {
        for (name, notice) in all_mails() {
            let bytes = composed(&notice).bytes;
            let message = MessageParser::default().parse(&bytes).expect("a message");
            let kinds: Vec<String> =
                message.parts.iter().filter_map(|part| part.content_type()?.subtype().map(str::to_owned)).collect();
            let kinds: Vec<&str> =
                kinds.iter().map(String::as_str).filter(|kind| !["mixed", "pdf"].contains(kind)).collect();
            assert_eq!(kinds, ["alternative", "plain", "html"], "{name}");
            let bodies: Vec<&str> = message
                .parts
                .iter()
                .filter_map(|part| match &part.body {
                    PartType::Text(text) | PartType::Html(text) => Some(text.as_ref()),
                    _ => None,
                })
                .collect();
            let [text, html] = bodies.as_slice() else { panic!("{name} has two forms") };
            let language = if name.contains(".en-") { "en" } else { "fr" };
            assert!(html.starts_with(&format!("<!DOCTYPE html>\r\n<html lang=\"{language}\">")), "{name}");
            for form in [text, html] {
                assert!(!form.contains("{{") && !form.contains("{%") && !form.contains('\u{fffd}'), "{name}: {form}");
            }
            assert!(!text.contains("\r\n\r\n\r\n"), "{name} has a hole:\n{text}");
        }
    }

    #[test]
    fn every_mail_is_ascii_in_short_crlf_lines() {
        for (name, notice) in all_mails() {
            let bytes = composed(&notice).bytes;
            assert!(bytes.is_ascii(), "{name}");
            let text = String::from_utf8(bytes).expect("ASCII");
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{name} has a bare line end");
            for line in text.split("\r\n") {
                assert!(line.len() <= 78, "{name}: {line}");
                assert!(line.len() <= MAX_LINE);
            }
        }
    }

    #[test]
    fn every_part_names_its_encoding_and_charset() {
        let bytes = composed(&acknowledgement(|_| {})).bytes;
        let message = MessageParser::default().parse(&bytes).expect("a message");
        for part in message.parts.iter().skip(1) {
            let charset = part.content_type().and_then(|kind| kind.attribute("charset"));
            assert_eq!(charset.map(str::to_lowercase).as_deref(), Some("utf-8"));
            assert_eq!(part.content_transfer_encoding(), Some("quoted-printable"));
            assert!(part.headers.iter().all(|header| !matches!(header.value, Value::Empty)));
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes() {
        for (name, notice) in all_mails() {
            assert_eq!(composed(&notice), composed(&notice), "{name}");
        }
    }

    #[test]
    fn another_effect_changes_the_identity_and_not_the_words() {
        let notice = acknowledgement(|_| {});
        let other = Stamp { effect_id: "ack.4712".to_owned(), ..stamp() };
        let (one, two) = (composed(&notice), compose(&notice, &templates(), &other).expect("composed"));
        assert_ne!(one.message_id, two.message_id);
        assert_eq!((one.used, one.text_digest), (two.used, two.text_digest));
    }

    #[test]
    fn a_strangers_words_are_escaped_in_html() {
        let subject = "<b>gras</b> & \"guillemets\"";
        let bytes = composed(&acknowledgement(|fields| {
            subject.clone_into(&mut fields.original_subject);
            fields.service.name = "Bureau <des> étrangers".to_owned();
        }))
        .bytes;
        let message = MessageParser::default().parse(&bytes).expect("a message");
        let html = message.body_html(0).expect("html");
        assert!(html.contains("Bureau &lt;des&gt; étrangers") && !html.contains("<b>gras"));
    }

    #[test]
    fn odd_addresses_keep_a_legal_form() {
        for (address, expected) in
            [("a..b@example.org", "\"a..b\"@example.org"), ("x@préfecture.example", "x@xn--prfecture-c4a.example")]
        {
            let to = Address::parse(address).expect("an address");
            let bytes = composed(&acknowledgement(|fields| fields.to = to)).bytes;
            assert_eq!(header(&bytes, "To").as_deref(), Some(expected));
        }
    }

    #[test]
    fn refuses_a_template_of_another_kind() {
        let error = compose(&acknowledgement(|f| "alerte".clone_into(&mut f.template)), &templates(), &stamp());
        assert_eq!(
            error.expect_err("refused").to_string(),
            "template alerte is of kind alert, where acknowledgement is needed"
        );
        assert!(compose(&acknowledgement(|f| "rien".clone_into(&mut f.template)), &templates(), &stamp()).is_err());
    }

    #[test]
    fn refuses_an_effect_id_that_is_no_message_id() {
        for id in ["", "a b", "a@b", "a..b", "é", "a\r\nBcc: x", &"a".repeat(121)] {
            let stamp = Stamp { effect_id: id.to_owned(), ..stamp() };
            let error = compose(&acknowledgement(|_| {}), &templates(), &stamp).expect_err("refused");
            assert!(matches!(error, ComposeError::MessageId { .. }), "{id}");
        }
    }

    #[test]
    fn refuses_a_mail_to_nobody() {
        let Notice::Alert(mut fields) = sample::notice(Kind::Alert, Case::Bare, "alerte") else { panic!("an alert") };
        fields.head.to.clear();
        assert_eq!(compose(&Notice::Alert(fields), &templates(), &stamp()), Err(ComposeError::NoRecipient));
    }
}
