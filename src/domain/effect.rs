//! A mail to send: written with the decision that wants it, settled by what became of it.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::ledger::hex;
use super::names::names;
use super::request::RequestId;

/// How many hexadecimal digits of SHA-256 make an effect's id: 128 bits.
const ID_DIGITS: usize = 32;
/// The wait before the first retry of a mail that the relay refused for now.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(1);
/// The longest wait between two retries.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(1);
/// How long a mail is tried before it is given up, and shown as refused.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);

/// What kind of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EffectKind {
    /// An acknowledgement to a requester.
    Acknowledgement,
    /// To a requester: the request was handed to another administration (CRPA L114-2).
    TransferNotice,
    /// A registration notice to a requester, whose acknowledgement follows.
    RegistrationNotice,
    /// An alert to agents.
    Alert,
    /// To agents: what they were warned of is settled.
    Clearance,
    /// The morning digest to agents.
    Digest,
    /// The report of a period to the quality officers.
    Report,
    /// A warning to the administrators about vigie's own state.
    Operations,
}

names!(EffectKind {
    Acknowledgement => "acknowledgement",
    TransferNotice => "transfer_notice",
    RegistrationNotice => "registration_notice",
    Alert => "alert",
    Clearance => "clearance",
    Digest => "digest",
    Report => "report",
    Operations => "operations",
});

impl EffectKind {
    /// What people call such a mail.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Acknowledgement => "accusé de réception",
            Self::TransferNotice => "avis de transmission",
            Self::RegistrationNotice => "accusé d’enregistrement",
            Self::Alert => "alerte",
            Self::Clearance => "fin d’alerte",
            Self::Digest => "point du matin",
            Self::Report => "bilan",
            Self::Operations => "avis à l’exploitant",
        }
    }

    /// Whether the public gets it: it is counted by the limits, and held by the breaker.
    #[must_use]
    pub fn is_public(self) -> bool {
        match self {
            Self::Acknowledgement | Self::RegistrationNotice | Self::TransferNotice => true,
            Self::Alert | Self::Clearance | Self::Digest | Self::Report | Self::Operations => false,
        }
    }
}

/// A mail to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Deterministic: the same decision taken twice wants the same mail once.
    pub id: String,
    /// What kind of mail.
    pub kind: EffectKind,
    /// The mailbox in whose name it goes; empty for alerts and digests.
    pub mailbox: String,
    /// The bureau to which it goes; empty for acknowledgements.
    pub bureau: String,
    /// The request that it acknowledges.
    pub request: Option<RequestId>,
    /// To whom.
    pub recipients: Vec<Address>,
    /// What it is about: references of requests, or the text of a warning.
    pub about: Vec<String>,
    /// The alert level: working days left, -1 when overdue.
    pub level: Option<i64>,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// Not to be sent before.
    pub due_at: DateTime<Utc>,
    /// When to warn that it has still not left; `None` where nobody is to be warned.
    pub warn_at: Option<DateTime<Utc>>,
}

/// The deterministic id of a mail, from what makes it the one it is.
#[must_use]
pub fn effect_id(kind: EffectKind, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(kind.name());
    for part in parts {
        hasher.update([0]);
        hasher.update(part);
    }
    let mut id = hex(&hasher.finalize());
    id.truncate(ID_DIGITS);
    id
}

/// What became of an attempt to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay took the mail.
    Accepted {
        /// Its answer.
        answer: String,
        /// The queue id in it, where one was found.
        queue_id: Option<String>,
    },
    /// The relay refused it, or could not be reached.
    Refused {
        /// Whether trying again may help.
        temporary: bool,
        /// Its answer, or what went wrong.
        answer: String,
    },
    /// The link was lost after the text was handed over: nobody knows.
    Unknown {
        /// What was seen.
        why: String,
    },
    /// Nobody tried: there is nothing left to say.
    Withdrawn {
        /// Why.
        why: String,
    },
}

/// What to do with a mail after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Done: the relay has it.
    Accepted,
    /// Try again at this instant.
    Retry(DateTime<Utc>),
    /// Never again: refused.
    Refused,
    /// Never again: nobody knows.
    Unknown,
    /// Never: it was not sent, and need not be.
    Withdrawn,
}

/// How often a mail was tried, and how those attempts ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts so far, this one included.
    pub count: u32,
    /// How many of the earlier ones ended in the unknown.
    pub unknown: u32,
    /// When the mail was decided.
    pub since: DateTime<Utc>,
}

/// Settles an attempt. A mail whose fate is unknown is tried once more, after a wait, under the same Message-ID; a
/// clear refusal for now is retried with a wait that doubles up to a cap (RFC 5321 §4.5.4.1).
#[must_use]
pub fn settle(outcome: &Outcome, attempts: Attempts, unknown_wait: TimeDelta, now: DateTime<Utc>) -> Settlement {
    match outcome {
        Outcome::Accepted { .. } => Settlement::Accepted,
        Outcome::Refused { temporary: false, .. } => Settlement::Refused,
        Outcome::Refused { temporary: true, .. } if now - attempts.since >= GIVE_UP_AFTER => Settlement::Refused,
        Outcome::Refused { temporary: true, .. } => {
            let doublings = attempts.count.saturating_sub(1).min(10);
            Settlement::Retry(now + (FIRST_RETRY * (1 << doublings)).min(LONGEST_RETRY))
        }
        Outcome::Unknown { .. } if attempts.unknown == 0 => Settlement::Retry(now + unknown_wait),
        Outcome::Unknown { .. } => Settlement::Unknown,
        Outcome::Withdrawn { .. } => Settlement::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: TimeDelta = TimeDelta::minutes(5);

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn attempts(count: u32, unknown: u32) -> Attempts {
        Attempts { count, unknown, since: at(0) }
    }

    #[test]
    fn the_same_decision_wants_the_same_mail() {
        let id = effect_id(EffectKind::Acknowledgement, &["pref-pan", "PAN-2026-000001"]);
        assert_eq!(id, effect_id(EffectKind::Acknowledgement, &["pref-pan", "PAN-2026-000001"]));
        assert_ne!(id, effect_id(EffectKind::Acknowledgement, &["pref-panPAN-2026-000001"]));
        assert_eq!(id.len(), ID_DIGITS);
    }

    #[test]
    fn an_unknown_fate_is_tried_once_more_and_then_left() {
        let lost = Outcome::Unknown { why: "end of file".into() };
        assert_eq!(settle(&lost, attempts(1, 0), WAIT, at(1)), Settlement::Retry(at(6)));
        assert_eq!(settle(&lost, attempts(2, 1), WAIT, at(7)), Settlement::Unknown);
    }

    #[test]
    fn a_refusal_for_now_waits_longer_each_time_up_to_an_hour() {
        let busy = Outcome::Refused { temporary: true, answer: "451".into() };
        for (count, minutes) in [(1, 1), (2, 2), (3, 4), (7, 60), (40, 60)] {
            assert_eq!(settle(&busy, attempts(count, 0), WAIT, at(10)), Settlement::Retry(at(10 + minutes)), "{count}");
        }
        assert_eq!(settle(&busy, attempts(90, 0), WAIT, at(3 * 24 * 60)), Settlement::Refused);
    }
}
