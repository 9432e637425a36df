//! A request and its life: the only state machine of the house.
//!
//! Every change is an [`Event`]; [`Request::open`] and [`Request::apply`] are the only ways to a new state, and each
//! event is a ledger entry ([`super::event`] says how it is written), so the table of requests is a fold of the ledger.

use chrono::{DateTime, NaiveDate, Utc};

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
    /// When it was answered, closed or transferred.
    pub settled_at: Option<DateTime<Utc>>,
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
}

/// What changes a request after it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Our side answered.
    Answered {
        /// When, by the mail server's clock or the agent's word.
        at: DateTime<Utc>,
        /// What proves it.
        evidence: Evidence,
        /// How strongly.
        confidence: Confidence,
        /// Who declared it, where a person did.
        by: Option<String>,
        /// By which way, where a person declared it: `phone`, `counter`, `letter`, `mail`.
        way: Option<String>,
    },
    /// Closed without an answer.
    Closed {
        /// When.
        at: DateTime<Utc>,
        /// Why, in the agent's words or a code.
        motive: String,
        /// Who decided it.
        by: String,
    },
    /// Handed to another administration or bureau.
    Transferred {
        /// When.
        at: DateTime<Utc>,
        /// To whom.
        to: String,
        /// Who decided it.
        by: String,
    },
    /// The acknowledgement's fate changed.
    Acknowledgement {
        /// When.
        at: DateTime<Utc>,
        /// What became of it.
        state: AcknowledgementState,
    },
    /// An alert rose.
    AlertRaised {
        /// When.
        at: DateTime<Utc>,
        /// Working days left, -1 when overdue.
        level: i64,
        /// When the next level is due.
        next: Option<DateTime<Utc>>,
    },
    /// The commitment was corrected by an agent.
    Reclassified {
        /// When.
        at: DateTime<Utc>,
        /// The corrected kind of requester.
        requester: Requester,
        /// The corrected nature.
        nature: Nature,
        /// The commitment that now covers it.
        commitment: String,
        /// Its limit.
        limit: u16,
        /// The new due day.
        due_on: NaiveDate,
        /// The new end.
        due_at: DateTime<Utc>,
        /// The revision of the calendar.
        calendar_revision: String,
        /// Who decided it.
        by: String,
    },
    /// The limit moved because the calendar changed.
    Redated {
        /// When.
        at: DateTime<Utc>,
        /// The new due day.
        due_on: NaiveDate,
        /// The new end.
        due_at: DateTime<Utc>,
        /// The revision of the calendar.
        calendar_revision: String,
        /// When the next alert is due.
        next_alert_at: Option<DateTime<Utc>>,
    },
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request is no longer open.
    NotOpen(Status),
    /// The answer would come before the request.
    BeforeReceipt,
    /// The change says nothing new.
    NothingNew,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOpen(status) => write!(f, "la demande n’est plus ouverte (état : {})", status.french()),
            Self::BeforeReceipt => f.write_str("la réponse serait antérieure à la demande"),
            Self::NothingNew => f.write_str("rien ne change"),
        }
    }
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
    /// Whether an answer came before the limit; `None` while the answer is to come and the limit not past.
    #[must_use]
    pub fn within_limit(&self, now: DateTime<Utc>) -> Option<bool> {
        match (self.status, self.settled_at) {
            (Status::Answered, Some(at)) => Some(at < self.due_at),
            (Status::Open, _) if now >= self.due_at => Some(false),
            (Status::Open | Status::Answered | Status::Closed | Status::Transferred, _) => None,
        }
    }

    /// Checks a change against the state and applies it.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Answered { at, evidence, confidence, .. } => self.answer(*at, *evidence, *confidence),
            Change::Closed { at, .. } => self.settle(Status::Closed, *at),
            Change::Transferred { at, .. } => self.settle(Status::Transferred, *at),
            Change::Acknowledgement { at, state } => self.acknowledge(*state, *at),
            Change::AlertRaised { level, next, .. } => self.raise(*level, *next),
            Change::Reclassified {
                requester, nature, commitment, limit, due_on, due_at, calendar_revision, ..
            } => {
                self.requester = *requester;
                self.nature = *nature;
                self.commitment.clone_from(commitment);
                self.limit = *limit;
                self.redate(*due_on, *due_at, calendar_revision);
                Ok(())
            }
            Change::Redated { due_on, due_at, calendar_revision, next_alert_at, .. } => {
                if self.status != Status::Open {
                    return Err(Refusal::NotOpen(self.status));
                }
                self.redate(*due_on, *due_at, calendar_revision);
                self.next_alert_at = *next_alert_at;
                Ok(())
            }
        }
    }

    /// The first human answer stops the clock: an answer dated earlier than the known one replaces it, a later one
    /// changes nothing. An answer found after a closure corrects the closure.
    fn answer(&mut self, at: DateTime<Utc>, evidence: Evidence, confidence: Confidence) -> Result<(), Refusal> {
        if at < self.received_at {
            return Err(Refusal::BeforeReceipt);
        }
        let replaces = match self.status {
            Status::Open | Status::Closed => true,
            Status::Answered => {
                let stronger = self.confidence.is_none_or(|known| confidence >= known);
                stronger && self.settled_at.is_none_or(|known| at < known)
            }
            Status::Transferred => return Err(Refusal::NotOpen(self.status)),
        };
        if !replaces {
            return Err(Refusal::NothingNew);
        }
        self.status = Status::Answered;
        self.settled_at = Some(at);
        self.evidence = Some(evidence);
        self.confidence = Some(confidence);
        self.silence();
        Ok(())
    }

    fn settle(&mut self, status: Status, at: DateTime<Utc>) -> Result<(), Refusal> {
        if self.status != Status::Open {
            return Err(Refusal::NotOpen(self.status));
        }
        self.status = status;
        self.settled_at = Some(at);
        self.silence();
        Ok(())
    }

    fn acknowledge(&mut self, state: AcknowledgementState, at: DateTime<Utc>) -> Result<(), Refusal> {
        if self.acknowledgement == state {
            return Err(Refusal::NothingNew);
        }
        self.acknowledgement = state;
        self.acknowledged_at = (state == AcknowledgementState::Sent).then_some(at);
        Ok(())
    }

    fn raise(&mut self, level: i64, next: Option<DateTime<Utc>>) -> Result<(), Refusal> {
        if self.status != Status::Open {
            return Err(Refusal::NotOpen(self.status));
        }
        self.alert_level = Some(level);
        self.next_alert_at = next;
        Ok(())
    }

    fn redate(&mut self, due_on: NaiveDate, due_at: DateTime<Utc>, calendar_revision: &str) {
        if due_on > self.due_on {
            // More time: what was raised about the earlier limit says nothing about this one.
            self.alert_level = None;
        }
        self.due_on = due_on;
        self.due_at = due_at;
        calendar_revision.clone_into(&mut self.calendar_revision);
    }

    fn silence(&mut self) {
        self.alert_level = None;
        self.next_alert_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_778_000_000 + hour * 3_600, 0).expect("in range")
    }

    fn request() -> Request {
        Request {
            id: RequestId(1),
            reference: "PAN-2026-000001".into(),
            mailbox: "pref-pan".into(),
            bureau: "citoyennete".into(),
            message: MessageId(1),
            person: None,
            requester: Requester::Public,
            nature: Nature::GeneralInfo,
            commitment: "mail.user.info".into(),
            limit: 5,
            received_at: at(0),
            due_on: at(100).date_naive(),
            due_at: at(100),
            calendar_revision: "r".into(),
            again_of: None,
            backlog: false,
            flagged: false,
            status: Status::Open,
            settled_at: None,
            evidence: None,
            confidence: None,
            acknowledgement: AcknowledgementState::Pending,
            acknowledged_at: None,
            alert_level: Some(2),
            next_alert_at: Some(at(90)),
        }
    }

    fn answered(hour: i64, evidence: Evidence) -> Change {
        Change::Answered { at: at(hour), evidence, confidence: evidence.confidence(), by: None, way: None }
    }

    #[test]
    fn the_first_answer_stops_the_clock_and_silences_the_alert() {
        let mut request = request();
        assert_eq!(request.apply(&answered(99, Evidence::SentReply)), Ok(()));
        assert_eq!(request.apply(&answered(120, Evidence::SentReply)), Err(Refusal::NothingNew));
        assert_eq!((request.status, request.settled_at), (Status::Answered, Some(at(99))));
        assert_eq!(request.within_limit(at(500)), Some(true));
        assert_eq!((request.alert_level, request.next_alert_at), (None, None));
    }

    #[test]
    fn an_answer_found_later_but_dated_earlier_corrects_the_date() {
        let mut request = request();
        request.apply(&answered(120, Evidence::Declaration)).expect("open");
        assert_eq!(request.within_limit(at(500)), Some(false));
        request.apply(&answered(50, Evidence::SentReply)).expect("stronger and earlier");
        assert_eq!(request.within_limit(at(500)), Some(true));
    }

    #[test]
    fn a_weak_guess_never_replaces_a_proof() {
        let mut request = request();
        request.apply(&answered(99, Evidence::SentReply)).expect("open");
        assert_eq!(request.apply(&answered(10, Evidence::Flag)), Err(Refusal::NothingNew));
    }

    #[test]
    fn an_unanswered_request_is_late_only_once_its_last_day_is_over() {
        let request = request();
        assert_eq!(request.within_limit(at(99)), None);
        assert_eq!(request.within_limit(at(100)), Some(false));
    }

    #[test]
    fn nothing_answers_before_the_request() {
        assert_eq!(request().apply(&answered(-1, Evidence::SentReply)), Err(Refusal::BeforeReceipt));
    }

    #[test]
    fn a_closed_request_raises_no_alert() {
        let mut request = request();
        request.apply(&Change::Closed { at: at(5), motive: "sans objet".into(), by: "agent".into() }).expect("open");
        let raised = request.apply(&Change::AlertRaised { at: at(6), level: 0, next: None });
        assert_eq!(raised, Err(Refusal::NotOpen(Status::Closed)));
    }
}
