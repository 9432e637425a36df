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
use lettre::message::header::{ContentTransferEncoding, ContentType, From as FromHeader, HeaderName, HeaderValue, To};
use lettre::message::{Mailbox, Mailboxes, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest as _, Sha256};

use super::headers::{bracketed, one_line, references, thread_index};
use super::notice::{AckFields, AgentHead, Notice, Sender};
use super::template::{Kind, Rendered, Template, TemplateError, Templates, digest, hex};
use super::view::{AckView, AlertView, DigestView};
use crate::domain::address::Address;
use crate::domain::message::VIGIE_HEADER;

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
    /// The digest of its template.
    pub template_digest: String,
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
    let template = templates.get(notice.template())?;
    let wanted = kind(notice);
    if template.kind != wanted {
        return Err(TemplateError::WrongKind { name: template.name.clone(), is: template.kind, wanted }.into());
    }
    let message_id = stamp.message_id()?;
    let rendered = match notice {
        Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) => {
            template.render(&AckView::new(fields))?
        }
        Notice::Alert(fields) => template.render(&AlertView::new(fields))?,
        Notice::Digest(fields) => template.render(&DigestView::new(fields))?,
    };
    let subject: String = one_line(&rendered.subject).chars().take(MAX_SUBJECT).collect();
    let head = match notice {
        Notice::RegistrationNotice(fields) | Notice::Acknowledgement(fields) => public_head(fields, stamp, &subject)?,
        Notice::Alert(fields) => agent_head(&fields.head, stamp, &subject)?,
        Notice::Digest(fields) => agent_head(&fields.head, stamp, &subject)?,
    };
    let head = head
        .message_id(Some(format!("<{message_id}>")))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw(VIGIE_HEADER, wanted.name()))
        .raw_header(raw("Content-Language", &template.language));
    let text_digest = digest(&[&subject, &rendered.text, rendered.html.as_deref().unwrap_or_default()]);
    let bytes = finish(head, template, rendered, stamp)?;
    Ok(Composed { bytes, message_id, template_digest: template.digest.clone(), text_digest })
}

pub(super) fn kind(notice: &Notice) -> Kind {
    match notice {
        Notice::RegistrationNotice(_) => Kind::Registration,
        Notice::Acknowledgement(_) => Kind::Acknowledgement,
        Notice::Alert(_) => Kind::Alert,
        Notice::Digest(_) => Kind::Digest,
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

/// Both forms in quoted-printable: ASCII on the wire, short lines, and no relay that could need 8BITMIME.
fn finish(
    head: MessageBuilder,
    template: &Template,
    rendered: Rendered,
    stamp: &Stamp,
) -> Result<Vec<u8>, ComposeError> {
    let text = part(ContentType::TEXT_PLAIN, &rendered.text, template);
    let message = match rendered.html {
        None => head.singlepart(text),
        Some(html) => {
            let boundary: String = hex(&Sha256::digest(format!("boundary {}", stamp.effect_id))).chars().take(40).collect();
            let parts = MultiPart::builder().kind(MultiPartKind::Alternative).boundary(boundary);
            head.multipart(parts.singlepart(text).singlepart(part(ContentType::TEXT_HTML, &html, template)))
        }
    };
    let message = message.map_err(|error| build(&error))?;
    Ok(message.formatted())
}

fn part(content_type: ContentType, text: &str, template: &Template) -> SinglePart {
    let text = format!("{}\n", text.trim_end()).replace("\r\n", "\n").replace('\n', "\r\n");
    let body = lettre::message::Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable);
    let mut builder = SinglePart::builder().header(content_type);
    builder = builder.header(ContentTransferEncoding::QuotedPrintable);
    let _ = template;
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
