//! What a mail of vigie can say, before any wording.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::domain::address::Address;
use crate::domain::policy::{Nature, Requester};

/// A mail to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// To the requester: *accusé d'enregistrement électronique* (CRPA R112-11-2).
    RegistrationNotice(Box<AckFields>),
    /// To the requester: *accusé de réception électronique* (CRPA R112-11-1).
    Acknowledgement(Box<AckFields>),
    /// To the requester: the request was handed to another administration (CRPA L114-2).
    TransferNotice(Box<AckFields>),
    /// To agents: something to do, or something wrong.
    Alert(AlertFields),
    /// To agents: the morning's state.
    Digest(DigestFields),
    /// To the quality officers: the report of a period, with its documents.
    Report(Box<ReportFields>),
}

impl Notice {
    /// The name of the template that words it.
    #[must_use]
    pub fn template(&self) -> &str {
        match self {
            Self::RegistrationNotice(fields) | Self::Acknowledgement(fields) | Self::TransferNotice(fields) => {
                &fields.template
            }
            Self::Alert(fields) => &fields.head.template,
            Self::Digest(fields) => &fields.head.template,
            Self::Report(fields) => &fields.head.template,
        }
    }

    /// Who receives it.
    #[must_use]
    pub fn recipients(&self) -> &[Address] {
        match self {
            Self::RegistrationNotice(fields) | Self::Acknowledgement(fields) | Self::TransferNotice(fields) => {
                std::slice::from_ref(&fields.to)
            }
            Self::Alert(fields) => &fields.head.to,
            Self::Digest(fields) => &fields.head.to,
            Self::Report(fields) => &fields.head.to,
        }
    }
}

/// Who a mail is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address; of an acknowledgement the mailbox's (CRPA R112-11-3).
    pub address: Address,
    /// The name shown with it.
    pub name: Option<String>,
}

/// The message that an acknowledgement answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parent {
    /// Its Message-ID, without brackets.
    pub message_id: Option<String>,
    /// Its References, oldest first, without brackets.
    pub references: Vec<String>,
    /// Its Thread-Index, in base64.
    pub thread_index: Option<String>,
}

/// The service in charge, as it is named to the public (CRPA R112-11-1, 2°).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name: `Préfecture de l'Ain, bureau de la citoyenneté`.
    pub name: String,
    /// The postal address, its lines separated by `\n`.
    pub address: String,
    /// The telephone number, as it is dialled from France.
    pub phone: String,
    /// The e-mail address to write to.
    pub email: Address,
    /// When the telephone is answered and the counter open.
    pub hours: Option<String>,
    /// The website.
    pub website: Option<String>,
}

/// The limit that the service set itself for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// In working days.
    pub working_days: u16,
    /// The last day.
    pub due_on: NaiveDate,
}

/// What silence means for a *demande* (CRPA L231-1, L231-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demande {
    /// The day on which, without an express decision, the demande is taken as decided.
    pub on: NaiveDate,
    /// How it is then taken.
    pub silence: Silence,
}

/// The decision that silence makes, with the mention that the law ties to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Acceptance; how to have it attested (CRPA L232-3).
    Acceptance {
        /// The sentence that tells how.
        attestation: String,
    },
    /// Rejection; by which ways and within which delays it can be disputed.
    Rejection {
        /// The text of the remedies.
        remedies: String,
    },
}

/// What an acknowledgement or a registration notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckFields {
    /// The name of the template.
    pub template: String,
    /// The mailbox.
    pub from: Sender,
    /// The requester.
    pub to: Address,
    /// The message that is acknowledged.
    pub parent: Parent,
    /// The reference: `PAN-2026-000123`.
    pub reference: String,
    /// When the message was received.
    pub received_at: DateTime<Utc>,
    /// The civil time in which the mailbox lives.
    pub zone: Tz,
    /// The service in charge.
    pub service: Service,
    /// The subject of the message, as received.
    pub original_subject: String,
    /// The display name of the requester, as received.
    pub requester_name: Option<String>,
    /// The limit for the answer, where the mailbox promises one.
    pub limit: Option<Limit>,
    /// What silence means, where the message is a *demande*.
    pub demande: Option<Demande>,
    /// The data-protection notice.
    pub data_protection: String,
    /// The signature block, its lines separated by `\n`.
    pub signature: String,
    /// The same in a second language, where the mail is in two.
    pub translation: Option<Box<AckFields>>,
    /// To whom the request was handed, in a transfer notice.
    pub destination: Option<String>,
}

/// What every mail to agents needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentHead {
    /// The name of the template.
    pub template: String,
    /// The address under which vigie writes to agents.
    pub from: Sender,
    /// The agents; at least one.
    pub to: Vec<Address>,
    /// The bureau, as agents call it.
    pub bureau: String,
    /// The civil time of the bureau.
    pub zone: Tz,
    /// The address of the bureau's page, where there is one.
    pub page: Option<String>,
}

/// A request, as agents need to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFields {
    /// The reference: `PAN-2026-000123`.
    pub reference: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// Who asks.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// From which address, so that the message can be found; `None` where it is purged.
    pub address: Option<Address>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Its age, in working days.
    pub age: u16,
    /// The last day.
    pub due_on: NaiveDate,
    /// Working days left: 0 on the last day, negative after it.
    pub working_days_left: i64,
    /// Whether the limit has passed.
    pub overdue: bool,
}

/// A condition of the machine that somebody must know: a blind mailbox, a tripped breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is wrong, in one line of French.
    pub title: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What to do about it.
    pub advice: String,
}

/// A way to say in the mail client that a request is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gesture {
    /// The folder, as the mail client shows it: `Vigie/Répondu par téléphone`.
    pub folder: String,
    /// What it says: `répondu par téléphone`.
    pub meaning: String,
}

/// To whom an alert has climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The agents.
    Agents,
    /// The *chef de bureau* too.
    Head,
    /// The *référent·e qualité* too.
    QualityOfficer,
    /// The administrators alone: about vigie itself.
    Administrators,
}

/// What an alert says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFields {
    /// From, to, template.
    pub head: AgentHead,
    /// To whom it has climbed.
    pub level: Level,
    /// Whether it only calls to mind what was told before.
    pub reminder: bool,
    /// The requests, in any order: the mail sorts them by urgency.
    pub items: Vec<ItemFields>,
    /// Letters and appointments that wait.
    pub lists: Vec<ListFields>,
    /// The references of requests that were warned of and are settled.
    pub cleared: Vec<String>,
    /// What is wrong with the machine.
    pub conditions: Vec<Condition>,
    /// How to say "done" in the mail client.
    pub gestures: Vec<Gesture>,
}

/// The figures of a morning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DigestCounts {
    /// Requests received since the last digest.
    pub received: u32,
    /// Requests answered since the last digest.
    pub answered: u32,
    /// Acknowledgements sent since the last digest.
    pub acknowledged: u32,
    /// Acknowledgements withheld since the last digest.
    pub withheld: u32,
    /// Requests open now.
    pub open: u32,
}

/// What the morning digest says. It goes out also when there is nothing to say, so that its absence is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFields {
    /// From, to, template.
    pub head: AgentHead,
    /// The day.
    pub day: NaiveDate,
    /// The figures.
    pub counts: DigestCounts,
    /// What is to be expected, in one sentence; none where the history is too short.
    pub forecast: Option<String>,
    /// The requests that are due soon or late, in any order: the mail sorts them by urgency.
    pub items: Vec<ItemFields>,
    /// What else an agent should look at.
    pub lists: Vec<ListFields>,
    /// What is wrong with the machine.
    pub conditions: Vec<Condition>,
    /// How to say "done" in the mail client.
    pub gestures: Vec<Gesture>,
    /// The newest seal of the ledger, a signed note: whoever keeps this mail can prove a rewriting.
    pub seal: Option<String>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
}

/// A list in a mail to agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFields {
    /// What the subject says of them, such as `2 courriers ou rendez-vous à traiter`; empty where they only inform.
    pub told: String,
    /// What they have in common.
    pub title: String,
    /// What to do about them; empty where nothing is to be done.
    pub advice: String,
    /// The references, on few lines.
    pub lines: Vec<String>,
}

/// A document that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name, in ASCII.
    pub name: String,
    /// Its type: `application/pdf`.
    pub media_type: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What the report of a period says, besides its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFields {
    /// From, to, template; the bureau is the prefecture.
    pub head: AgentHead,
    /// The period, as people read it: `3e trimestre 2026`.
    pub period: String,
    /// The summary, a sentence or two each.
    pub sentences: Vec<String>,
    /// How the same figures can be had again.
    pub command: String,
    /// The documents.
    pub attachments: Vec<Attachment>,
}
