//! The facts that the ledger keeps: each [`Event`] becomes one entry, with all that is needed to fold it again.

use chrono::{DateTime, NaiveDate, Utc};

use super::breaker::Trip;
use super::calendars::Calendars;
use super::custody::Custody;
use super::effect::{EffectKind, Outcome};
use super::ledger::{Draft, Payload};
use super::policy::Mode;
use super::promised::News;
use super::receipt::{Rule, Times};
use super::register::Registration;
use super::request::{Change, Request};
use super::verdict::Reason;

/// A fact to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A mailbox is watched for the first time, or its mode changed.
    MailboxMode {
        /// The mailbox.
        mailbox: String,
        /// Its mode from now on.
        mode: Mode,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// A configuration was taken into use.
    Configuration {
        /// SHA-256 of its text, in hexadecimal.
        digest: String,
        /// The rules that it holds: what each set of them is called, and the SHA-256 of it, in hexadecimal.
        rules: Vec<(&'static str, String)>,
        /// The commitments, one a line, as [`super::policy::Commitment::canonical`] writes them.
        commitments: Vec<String>,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// Other calendars count the days from now on.
    Calendars {
        /// The calendar of every mailbox.
        calendars: Calendars,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// A message was seen, and judged.
    MessageRecorded(Box<MessageRecord>),
    /// A message turned out to belong to another request than the one under which it was recorded.
    Relinked(Box<Relinked>),
    /// A message opened a request.
    RequestOpened {
        /// The request.
        request: Box<Request>,
        /// The digest that stands for the message.
        message: String,
        /// The keyed digest that stands for the requester.
        person: Option<String>,
        /// The rule that said who asks for what.
        rule: String,
        /// Whether the mailbox counted in the official figures on the day of receipt.
        official: bool,
        /// The reference of the request that it continues.
        again_of: Option<String>,
    },
    /// A request changed.
    Changed {
        /// The request's reference.
        reference: String,
        /// Its mailbox.
        mailbox: String,
        /// The digest of the message that brought the change.
        message: Option<String>,
        /// The change.
        change: Change,
    },
    /// A requester is to be told to whom the request was handed (CRPA L114-2).
    TransferNoticeWanted {
        /// The request's reference.
        reference: String,
        /// Its mailbox.
        mailbox: String,
        /// The mail's id.
        effect: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt to send a mail ended.
    EffectSettled(Box<Settled>),
    /// A correspondent's address turned out to be undeliverable.
    Undeliverable {
        /// The keyed digest that stands for the person.
        person: String,
        /// The mailbox that learned it.
        mailbox: String,
        /// The digest of the report.
        message: String,
        /// The status code of the report (RFC 3463).
        status: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A person did something to the store itself.
    Custody(Box<Custody>),
    /// Mail reaches a correspondent again, as far as can be told.
    Deliverable {
        /// The keyed digest that stands for the person.
        person: String,
        /// The mailbox that learned it.
        mailbox: String,
        /// The digest of the message that shows it.
        message: String,
        /// What shows it.
        why: &'static str,
        /// When.
        at: DateTime<Utc>,
    },
    /// A delivery report says that a mail to a requester did not arrive.
    Bounced {
        /// The mail's id.
        effect: String,
        /// The reference of its request.
        reference: String,
        /// The mailbox.
        mailbox: String,
        /// The digest of the report.
        message: String,
        /// The status code of the report (RFC 3463).
        status: Option<String>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Other texts are in use.
    Texts {
        /// The digest of all of them.
        digest: String,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// A person asked that the acknowledgement of a request leave now rather than on its day.
    AcknowledgementHastened {
        /// The request's reference.
        reference: String,
        /// Its mailbox.
        mailbox: String,
        /// Who.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The breaker tripped: acknowledgements are held from now on.
    BreakerTripped(Trip),
    /// Acknowledgements of a mailbox have not left, and the law's limit is near.
    AcknowledgementsLate {
        /// The mailbox.
        mailbox: String,
        /// How many.
        count: u32,
        /// When the oldest of their messages was received.
        oldest: DateTime<Utc>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A human released the breaker.
    BreakerReleased {
        /// When.
        at: DateTime<Utc>,
        /// Who decided it.
        by: String,
        /// Whether what was held is withdrawn rather than sent.
        discarded: bool,
        /// How many mails were held.
        mails: u64,
    },
    /// A folder was compared whole with its server.
    Reconciled {
        /// The mailbox.
        mailbox: String,
        /// The folder.
        folder: String,
        /// How many messages the server has.
        server: i64,
        /// How many of them the store knew to be there, and others.
        store: i64,
        /// How many the server has and the store had not.
        missing: i64,
        /// How many the store had and the server has not.
        surplus: i64,
        /// Whether no difference is left.
        repaired: bool,
        /// When.
        at: DateTime<Utc>,
    },
    /// A person wrote into a register: a letter, an appointment, the value of an indicator.
    Registered(Box<Registration>),
    /// Something happened to a letter or an appointment by the clock or the calendar alone.
    Promised(Box<News>),
    /// A mailbox could not be read for longer than allowed, or can again.
    Blindness {
        /// The mailbox.
        mailbox: String,
        /// Since when it could not be read.
        since: DateTime<Utc>,
        /// Whether it can again.
        over: bool,
        /// What the server or the network said.
        cause: String,
        /// When this was noticed.
        at: DateTime<Utc>,
    },
}

/// A message put under another request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relinked {
    /// The digest that stands for the message.
    pub message: String,
    /// The reference of the request to which it belongs.
    pub reference: String,
    /// That request's mailbox.
    pub mailbox: String,
    /// The reference of the request under which it stood.
    pub from: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A message as the ledger keeps it: no address, no name, no subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// The digest that stands for the message.
    pub message: String,
    /// The mailbox.
    pub mailbox: String,
    /// The folder in which it was first seen.
    pub folder: String,
    /// What it is.
    pub verdict: &'static str,
    /// Why.
    pub reason: Reason,
    /// What kind of correspondent wrote it.
    pub from_kind: &'static str,
    /// The key of the commitment that covers it; empty where none does.
    pub commitment: String,
    /// When its answer is due, where one is.
    pub due_on: Option<NaiveDate>,
    /// The reference of the request that it belongs to.
    pub request: Option<String>,
    /// The reference of the request that it names itself, where that was merged into the one to which it belongs.
    pub through: Option<String>,
    /// The keyed digest that stands for the author.
    pub person: Option<String>,
    /// When it was received, officially.
    pub received_at: DateTime<Utc>,
    /// The rule that chose that date.
    pub rule: Rule,
    /// All the times known.
    pub times: Times,
    /// `send`, `withhold` or `none`.
    pub acknowledgement: &'static str,
    /// Why.
    pub acknowledgement_reason: Reason,
    /// The mails that acknowledge it, the first one first.
    pub mails: Vec<(EffectKind, String)>,
}

/// How an attempt to send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The mail's id.
    pub effect: String,
    /// What kind of mail.
    pub kind: EffectKind,
    /// The mailbox in whose name it went.
    pub mailbox: Option<String>,
    /// The reference of the request that it acknowledges.
    pub request: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// The same in codes, without an address: what the ledger keeps.
    pub summary: String,
    /// Whether it will be tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The digest of the template; of a mail in two languages both, joined by `+`.
    pub template: String,
    /// The name of the template.
    pub template_name: String,
    /// Its version.
    pub template_version: String,
    /// The digest of the text.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event {
    /// The entry's draft.
    #[must_use]
    pub fn draft(&self) -> Draft {
        match self {
            Self::MailboxMode { mailbox, mode, at } => {
                entry("mailbox_mode", *at, Some(mailbox), None, Payload::new().text("mode", mode.name()))
            }
            Self::Configuration { digest, rules, commitments, at } => {
                let payload = Payload::new().text("digest", digest).list("rules", commitments.iter().cloned());
                let payload = rules.iter().fold(payload, |payload, (name, digest)| payload.text(name, digest));
                entry("configuration", *at, None, None, payload)
            }
            Self::Calendars { calendars, at } => entry("calendars", *at, None, None, calendars.payload()),
            Self::MessageRecorded(record) => record.draft(),
            Self::Relinked(relinked) => relinked.draft(),
            Self::RequestOpened { request, message, person, rule, official, again_of } => {
                let draft = opened(request, message, person.as_ref(), rule, again_of.as_ref());
                Draft { payload: draft.payload.flag("perimeter", *official), ..draft }
            }
            Self::Changed { reference, mailbox, message, change } => {
                let payload = change.payload().maybe("message", message.as_ref());
                entry(change.kind(), change.at(), Some(mailbox), Some(reference), payload)
            }
            Self::TransferNoticeWanted { reference, mailbox, effect, at } => {
                let payload = Payload::new().text("effect", effect);
                entry("transfer_notice_wanted", *at, Some(mailbox), Some(reference), payload)
            }
            Self::EffectSettled(settled) => settled.draft(),
            Self::Undeliverable { person, mailbox, message, status, at } => {
                let payload = Payload::new().text("person", person).text("message", message);
                entry("address_undeliverable", *at, Some(mailbox), None, payload.maybe("status", status.as_ref()))
            }
            Self::Custody(custody) => custody.draft(),
            Self::Deliverable { person, mailbox, message, why, at } => {
                let payload = Payload::new().text("person", person).text("message", message).text("why", *why);
                entry("address_deliverable", *at, Some(mailbox), None, payload)
            }
            Self::Bounced { effect, reference, mailbox, message, status, at } => {
                let payload = Payload::new().text("effect", effect).text("message", message);
                let payload = payload.maybe("status", status.as_ref());
                entry("acknowledgement_bounced", *at, Some(mailbox), Some(reference), payload)
            }
            Self::Texts { digest, at } => entry("texts", *at, None, None, Payload::new().text("digest", digest)),
            Self::AcknowledgementHastened { reference, mailbox, by, at } => {
                entry("acknowledgement_hastened", *at, Some(mailbox), Some(reference), Payload::new().text("by", by))
            }
            Self::BreakerTripped(Trip { at, sent, limit }) => {
                let payload = Payload::new().int("sent", i64::from(*sent)).int("limit", i64::from(*limit));
                entry("breaker_tripped", *at, None, None, payload)
            }
            Self::AcknowledgementsLate { mailbox, count, oldest, at } => {
                let payload = Payload::new().int("count", i64::from(*count)).instant("oldest", *oldest);
                entry("acknowledgements_late", *at, Some(mailbox), None, payload)
            }
            Self::BreakerReleased { at, by, discarded, mails } => {
                let mails = i64::try_from(*mails).unwrap_or(i64::MAX);
                let payload = Payload::new().text("by", by).flag("discarded", *discarded).int("mails", mails);
                entry("breaker_released", *at, None, None, payload)
            }
            Self::Reconciled { mailbox, folder, server, store, missing, surplus, repaired, at } => {
                let payload = Payload::new().text("folder", folder).int("server", *server).int("store", *store);
                let payload = payload.int("missing", *missing).int("surplus", *surplus).flag("repaired", *repaired);
                entry("folder_reconciled", *at, Some(mailbox), None, payload)
            }
            Self::Registered(registration) => registration.draft(),
            Self::Promised(news) => news.draft(),
            Self::Blindness { mailbox, since, over, cause, at } => {
                let kind = if *over { "mailbox_sees_again" } else { "mailbox_blind" };
                entry(kind, *at, Some(mailbox), None, Payload::new().instant("since", *since).text("cause", cause))
            }
        }
    }
}

fn entry(
    kind: &'static str,
    occurred_at: DateTime<Utc>,
    mailbox: Option<&String>,
    request: Option<&String>,
    payload: Payload,
) -> Draft {
    Draft { occurred_at, kind, mailbox: mailbox.cloned(), request: request.cloned(), payload }
}

impl MessageRecord {
    fn draft(&self) -> Draft {
        let mut payload = Payload::new()
            .text("message", &self.message)
            .text("folder", &self.folder)
            .text("verdict", self.verdict)
            .text("reason", self.reason.code)
            .text("from_kind", self.from_kind)
            .maybe("due_on", self.due_on.map(|day| day.to_string()))
            .maybe("person", self.person.as_ref())
            .maybe("through", self.through.as_ref())
            .instant("received_at", self.received_at)
            .text("received_rule", self.rule.name())
            .instant("observed_at", self.times.observed_at)
            .text("acknowledgement", self.acknowledgement)
            .text("acknowledgement_reason", self.acknowledgement_reason.code);
        let (first, then) = (self.mails.first(), self.mails.get(1));
        payload = payload.maybe("effect", first.map(|(_, id)| id)).maybe("then", then.map(|(_, id)| id));
        if let Some((kind, _)) = first.filter(|(kind, _)| *kind != EffectKind::Acknowledgement) {
            payload = payload.text("mail", kind.name());
        }
        if !self.commitment.is_empty() {
            payload = payload.text("commitment", &self.commitment);
        }
        if !self.reason.detail.is_empty() {
            payload = payload.text("reason_detail", &self.reason.detail);
        }
        if !self.acknowledgement_reason.detail.is_empty() {
            payload = payload.text("acknowledgement_detail", &self.acknowledgement_reason.detail);
        }
        if let Some(date) = self.times.internal_date {
            payload = payload.instant("internal_date", date);
        }
        if let Some(date) = self.times.date {
            payload = payload.instant("header_date", date);
        }
        if let Some(received) = self.times.received {
            payload = payload.instant("received_header", received);
        }
        entry("message_recorded", self.received_at, Some(&self.mailbox), self.request.as_ref(), payload)
    }
}

fn opened(request: &Request, message: &str, person: Option<&String>, rule: &str, again_of: Option<&String>) -> Draft {
    let payload = Payload::new()
        .text("message", message)
        .text("bureau", &request.bureau)
        .maybe("person", person)
        .text("requester", request.requester.name())
        .text("nature", request.nature.name())
        .text("rule", rule)
        .text("commitment", &request.commitment)
        .int("limit", i64::from(request.limit))
        .instant("received_at", request.received_at)
        .text("due_on", request.due_on.to_string())
        .instant("due_at", request.due_at)
        .text("calendar", &request.calendar_revision)
        .text("acknowledgement", request.acknowledgement.name())
        .flag("backlog", request.backlog)
        .flag("flagged", request.flagged)
        .maybe("again_of", again_of);
    entry("request_opened", request.received_at, Some(&request.mailbox), Some(&request.reference), payload)
}

impl Relinked {
    fn draft(&self) -> Draft {
        let payload = Payload::new().text("message", &self.message).text("from", &self.from);
        entry("message_relinked", self.at, Some(&self.mailbox), Some(&self.reference), payload)
    }
}

impl Settled {
    fn draft(&self) -> Draft {
        let payload = Payload::new()
            .text("effect", &self.effect)
            .text("mail", self.kind.name())
            .int("attempt", i64::from(self.attempt))
            .text("template", &self.template)
            .text("template_name", &self.template_name)
            .text("template_version", &self.template_version)
            .text("text", &self.text)
            .maybe("retry_at", self.retry_at.map(super::ledger::rfc3339));
        let payload = payload.text("answer", &self.summary);
        let payload = match &self.outcome {
            Outcome::Accepted { queue_id, .. } => {
                payload.text("outcome", "accepted").maybe("queue_id", queue_id.as_ref())
            }
            Outcome::Refused { temporary, .. } => payload.text("outcome", "refused").flag("temporary", *temporary),
            Outcome::Unknown { .. } => payload.text("outcome", "unknown"),
            Outcome::Withdrawn { .. } => payload.text("outcome", "withdrawn"),
        };
        entry("mail_settled", self.at, self.mailbox.as_ref(), self.request.as_ref(), payload)
    }
}
