//! A request: the obligation that a message opened, and what can be asked of it.
//!
//! How it changes is for [`super::life`], how each change is written for [`super::change`].

use chrono::{DateTime, NaiveDate, Utc};

pub use super::change::{Change, Refusal};
use super::evidence::{Confidence, Evidence};
use super::names::names;
use super::policy::{Nature, Requester};

/// Identifies a request in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub i64);

/// Identifies a message in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub i64);

/// Identifies a correspondent in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonId(pub i64);

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody answered yet.
    Open,
    /// Our side answered.
    Answered,
    /// Closed without an answer to the requester, with a motive.
    Closed,
    /// Handed to another administration.
    Transferred,
}

names!(Status { Open => "open", Answered => "answered", Closed => "closed", Transferred => "transferred" });

/// Where the acknowledgement of a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcknowledgementState {
    /// To be sent.
    Pending,
    /// Accepted by the relay.
    Sent,
    /// Deliberately not sent; the reason stands in the ledger.
    Withheld,
    /// Refused for good by the relay.
    Refused,
    /// Nobody knows: the link was lost after the text was handed over.
    Unknown,
}

names!(AcknowledgementState {
    Pending => "pending",
    Sent => "sent",
    Withheld => "withheld",
    Refused => "refused",
    Unknown => "unknown",
});

/// An obligation that a message opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its place in the store.
    pub id: RequestId,
    /// What people call it: `PAN-2026-000123`.
    pub reference: String,
    /// The mailbox that received it.
    pub mailbox: String,
    /// The bureau that answers.
    pub bureau: String,
    /// The message that opened it.
    pub message: MessageId,
    /// Who asks.
    pub person: Option<PersonId>,
    /// What kind of person asks.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// The key of the commitment that covers it; empty where none does.
    pub commitment: String,
    /// The limit, in working days.
    pub limit: u16,
    /// When the mail server received the message.
    pub received_at: DateTime<Utc>,
    /// The last civil day on which an answer is in time.
    pub due_on: NaiveDate,
    /// The first instant at which an answer is late.
    pub due_at: DateTime<Utc>,
    /// The revision of the calendar that dated it.
    pub calendar_revision: String,
    /// The request that it continues, where the requester writes again after our reply.
    pub again_of: Option<RequestId>,
    /// Received before vigie watched the mailbox: shown, never acknowledged, never alerted.
    pub backlog: bool,
    /// A human has to look: the message could not be parsed.
    pub flagged: bool,
    /// Where it stands.
    pub status: Status,
    /// When it was answered, closed or transferred: what stops the clock.
    pub settled_at: Option<DateTime<Utc>>,
    /// When our side first answered without stopping the clock: a holding reply, a request for missing pieces.
    pub holding_at: Option<DateTime<Utc>>,
    /// When our side first answered on the substance.
    pub substantive_at: Option<DateTime<Utc>>,
    /// Since when pieces are missing and the clock stands still (CRPA L114-5); the state stays open.
    pub incomplete_since: Option<DateTime<Utc>>,
    /// Working days by which the limit was put off because pieces were missing.
    pub suspended_days: u16,
    /// The reference of the request into which it was merged: it has no clock of its own any more.
    pub merged_into: Option<String>,
    /// When its message was found to lie in no watched folder any more.
    pub deleted_at: Option<DateTime<Utc>>,
    /// When our side forwarded it without answering.
    pub forwarded_at: Option<DateTime<Utc>>,
    /// The message whose place or mark in a mail client made the state: undone there, it is undone here.
    pub gesture: Option<MessageId>,
    /// What proves the answer.
    pub evidence: Option<Evidence>,
    /// How strongly.
    pub confidence: Option<Confidence>,
    /// Where its acknowledgement stands.
    pub acknowledgement: AcknowledgementState,
    /// When the relay accepted the acknowledgement.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// The most urgent alert level raised and not cleared: working days left, -1 when overdue.
    pub alert_level: Option<i64>,
    /// When the next alert is due; `None` where none ever is.
    pub next_alert_at: Option<DateTime<Utc>>,
    /// Agents were warned of it, it was settled since, and nobody has told them yet.
    pub alert_cleared: bool,
}

impl Status {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Open => "en cours",
            Self::Answered => "répondue",
            Self::Closed => "close",
            Self::Transferred => "transmise",
        }
    }
}

impl AcknowledgementState {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Pending => "à envoyer",
            Self::Sent => "envoyé",
            Self::Withheld => "retenu",
            Self::Refused => "refusé",
            Self::Unknown => "incertain",
        }
    }
}

impl Request {
    /// Whether an answer came before the limit; `None` while the answer is to come and the limit not past, and while the
    /// clock stands still for missing pieces.
    #[must_use]
    pub fn within_limit(&self, now: DateTime<Utc>) -> Option<bool> {
        match (self.status, self.settled_at) {
            (Status::Answered, Some(at)) => Some(at < self.due_at),
            (Status::Open, _) if self.incomplete_since.unwrap_or(now) >= self.due_at => Some(false),
            (Status::Open | Status::Answered | Status::Closed | Status::Transferred, _) => None,
        }
    }

    /// The first human answer of any kind, holding or on the substance.
    #[must_use]
    pub fn first_answer_at(&self) -> Option<DateTime<Utc>> {
        let settled = self.settled_at.filter(|_| self.status == Status::Answered);
        self.holding_at.into_iter().chain(settled).min()
    }

    /// The limit in working days, those included by which missing pieces put it off: what a deadline is reckoned with.
    #[must_use]
    pub fn allowed_days(&self) -> u16 {
        self.limit.saturating_add(self.suspended_days)
    }

    /// Whether its clock runs: it is open, and waits for nothing from the requester.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == Status::Open && self.incomplete_since.is_none()
    }

    /// Whether an agent should confirm or deny what was concluded of it: a guess stands for its answer, it was forwarded
    /// and nothing says that it was answered, or its message is gone unanswered.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        if self.backlog {
            return false;
        }
        match self.status {
            Status::Answered => self.confidence == Some(Confidence::Low),
            Status::Open => self.forwarded_at.is_some() || self.deleted_at.is_some(),
            Status::Closed | Status::Transferred => false,
        }
    }
}
