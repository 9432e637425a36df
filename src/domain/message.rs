//! What a message says, unjudged: the facts that headers and the server gave. Judging is [`super::classify`]'s work.
//!
//! Deliberately absent: the body. vigie reads headers, and of a delivery report the part that names what bounced;
//! it keeps neither.

use chrono::{DateTime, Utc};

use super::address::Address;

/// SHA-256 of some bytes.
pub type Digest = [u8; 32];

/// What the header block of one message says. Every field is what was read, never what was concluded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFacts {
    /// SHA-256 of the header block as the server gave it: tells apart messages without a Message-ID.
    pub header_digest: Digest,
    /// The Message-ID without its angle brackets, trimmed; of several, the first.
    pub message_id: Option<String>,
    /// The addresses of the From header, each once.
    pub from: Vec<Address>,
    /// The display name of the first From address.
    pub from_name: Option<String>,
    /// The Sender header.
    pub sender: Option<Address>,
    /// The Reply-To header.
    pub reply_to: Vec<Address>,
    /// The display name of the first Reply-To address.
    pub reply_to_name: Option<String>,
    /// The reverse-path of the envelope, as the final server wrote it into Return-Path (RFC 5321 §4.4).
    pub envelope_sender: EnvelopeSender,
    /// The To header.
    pub to: Vec<Address>,
    /// The Cc header.
    pub cc: Vec<Address>,
    /// The Bcc header, where a sender left it in.
    pub bcc: Vec<Address>,
    /// Resent-To, Resent-Cc and Resent-Bcc.
    pub resent_to: Vec<Address>,
    /// Where the final server says it delivered: Delivered-To, X-Original-To, Envelope-To.
    pub delivered_to: Vec<Address>,
    /// The subject, decoded, on one line.
    pub subject: String,
    /// Message-IDs of In-Reply-To, without brackets.
    pub in_reply_to: Vec<String>,
    /// Message-IDs of References, oldest first, without brackets.
    pub references: Vec<String>,
    /// The Date header, where it can be read.
    pub date: Option<DateTime<Utc>>,
    /// The date of the topmost Received header: the one our own server wrote.
    pub received: Option<DateTime<Utc>>,
    /// The server that wrote the topmost Received header (its `by`), lower case: our own, whatever it is called.
    pub received_by: Option<String>,
    /// Marks by which machines declare themselves.
    pub machine: MachineMarks,
    /// What the message is as a report (multipart/report and its pre-standard kin).
    pub report: Option<Report>,
    /// Spam and authentication verdicts written by servers.
    pub trust: TrustMarks,
    /// Language tags of Content-Language and Accept-Language, in the order of preference, lower case.
    pub languages: Vec<String>,
    /// Outlook's Thread-Index, still in base64.
    pub thread_index: Option<String>,
    /// What is wrong with the message's form; an empty list for an ordinary message.
    pub defects: Vec<Defect>,
    /// The first lines of the text, where a rule of the mailbox reads them; judged by, and never kept.
    pub first_lines: Option<String>,
    /// The size of the whole message in octets, as the server gave it; 0 where unknown.
    pub size: u64,
}

/// The reverse-path of the envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EnvelopeSender {
    /// No Return-Path header: the server does not say.
    #[default]
    Unknown,
    /// `<>`: a report or an automatic answer (RFC 5321 §4.5.5).
    Null,
    /// An address.
    Address(Address),
    /// Something is there that is no address.
    Unparsable,
}

/// Headers by which machines declare themselves, as written: lower-cased, comments and parameters removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineMarks {
    /// The keyword of Auto-Submitted (RFC 3834 §5), lower case, without comments and parameters: `no`, `auto-replied`…
    pub auto_submitted: Option<String>,
    /// Every value of Precedence, lower case.
    pub precedence: Vec<String>,
    /// The tokens of X-Auto-Response-Suppress, lower case.
    pub auto_response_suppress: Vec<String>,
    /// Names, lower case, of List-* headers (RFC 2369, RFC 2919), Mailing-List, X-Mailing-List and their kin.
    pub list_headers: Vec<String>,
    /// The identifier of List-Id (RFC 2919), lower case, without brackets: `pref-pan.ain.example`.
    pub list_id: Option<String>,
    /// Names, lower case, of headers that only automatic responders write: X-Autoreply, X-Autorespond,
    /// X-Autoresponder, X-POST-MessageClass…, with the value where the name alone does not say it.
    pub responder_headers: Vec<String>,
    /// Headers that bulk senders write (Feedback-ID, X-Campaign…), names in lower case.
    pub bulk_headers: Vec<String>,
    /// Headers by which applications notify (X-Cron-Env, X-GitHub-Reason…), names in lower case.
    pub application_headers: Vec<String>,
    /// Headers that machines write and that also ride on what a human wrote: X-Loop, the mark of a rule of the author's
    /// own mailbox. Names in lower case.
    pub weak_headers: Vec<String>,
    /// Whether Content-Class says that the message carries an appointment (Exchange).
    pub calendar_class: bool,
    /// The method of a calendar message (RFC 5546), lower case: `request`, `reply`, `cancel`; empty where unsaid.
    pub calendar_method: Option<String>,
    /// The header by which vigie marks its own mails (see [`VIGIE_HEADER`]), with its value.
    pub vigie: Option<String>,
    /// The media type of the message, lower case, without parameters: `multipart/report`.
    pub content_type: Option<String>,
}

/// The header that every mail of vigie carries, so that vigie knows its own (and another vigie's) mails again.
pub const VIGIE_HEADER: &str = "X-Vigie";

/// A report about another message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is reported.
    pub kind: ReportKind,
    /// Message-IDs that the report names as its subject, without brackets (Original-Message-ID, the returned headers).
    pub original_message_ids: Vec<String>,
    /// Recipients that failed (Final-Recipient, Original-Recipient, X-Failed-Recipients).
    pub failed_recipients: Vec<Address>,
    /// The enhanced status code (RFC 3463) of the first recipient, such as `5.1.1`.
    pub status: Option<String>,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// A delivery status notification (RFC 3464), or an older form of it, with a final failure.
    DeliveryFailure,
    /// A delivery status notification of a delay.
    DeliveryDelay,
    /// A delivery status notification of success or relaying.
    DeliverySuccess,
    /// A disposition notification: read, deleted unread (RFC 8098).
    Disposition,
    /// An abuse report (RFC 5965).
    Abuse,
    /// An aggregate or failure report of DMARC or TLS.
    Authentication,
    /// Another multipart/report.
    Other,
}

/// Verdicts that servers wrote into the message. Which of them is believed is the mailbox policy's matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustMarks {
    /// Headers that say "spam", topmost first. Empty where the topmost of such headers says that it is none: the last
    /// server writes on top, and its word replaces what stands below.
    pub spam: Vec<SpamMark>,
    /// The dmarc= result of each Authentication-Results header, topmost first, with the server's name, lower case:
    /// (`mx.ain.gouv.fr`, `fail`).
    pub dmarc: Vec<(String, String)>,
}

/// A header that says "spam".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpamMark {
    /// Its name, lower case.
    pub name: String,
    /// Who wrote it.
    pub by: Writer,
}

/// Who wrote a header, as its place among the Received fields tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// The last server: the header stands above every Received field.
    Last,
    /// This server (its name in lower case) or an earlier one: its Received field is the next above, others stand below.
    Server(String),
    /// Nothing tells: it stands below every Received field, where filters append and where an author may have written.
    Unknown,
}

/// What is wrong with the form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// The header block cannot be read as one.
    NoHeaders,
    /// No From header, or none with an address.
    NoSender,
    /// More than one From header (RFC 5322 §3.6 allows one), and not all of them the same.
    DuplicateFrom,
    /// More than one Message-ID header, and not all of them the same.
    DuplicateMessageId,
    /// A From or Reply-To address that cannot be parsed.
    UnparsableSender,
    /// No Message-ID header.
    NoMessageId,
    /// The Date header cannot be read.
    UnreadableDate,
    /// Raw octets outside ASCII in a header, read as UTF-8 or windows-1252.
    RawOctets,
}

impl MessageFacts {
    /// The address that wrote the message: the first of From.
    #[must_use]
    pub fn author(&self) -> Option<&Address> {
        self.from.first()
    }

    /// The Message-IDs that the message answers, nearest first: In-Reply-To, then References from the newest.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.in_reply_to.iter().chain(self.references.iter().rev()).map(String::as_str)
    }

    /// Whether the form has the given defect.
    #[must_use]
    pub fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }
}
