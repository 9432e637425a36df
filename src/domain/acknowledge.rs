//! Whether a message is acknowledged: sent, or withheld and why (RFC 3834, RFC 5230, CRPA L112-11 and R112-11-1 …).

use chrono::{DateTime, Utc};

use super::address::Address;
use super::classify::FolderRole;
use super::message::MessageFacts;
use super::policy::{MailboxPolicy, Watch};
use super::verdict::{Reason, Verdict};

/// What becomes of a message's acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It is sent.
    Send {
        /// To whom.
        to: Address,
        /// Which rule chose the recipient.
        reason: Reason,
    },
    /// It would be owed, and is deliberately not sent.
    Withhold(Reason),
    /// Nothing is owed: the message is no request.
    None,
}

/// How many acknowledgements have already been sent; compared with [`super::policy::Limits`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentCounts {
    /// To the same address, today.
    pub to_address_today: u32,
    /// To the same domain, within the last hour.
    pub to_domain_this_hour: u32,
    /// In the same thread, today.
    pub in_thread_today: u32,
    /// By this mailbox, within the last hour.
    pub by_mailbox_this_hour: u32,
    /// By all mailboxes, within the last hour.
    pub by_all_this_hour: u32,
}

/// The moment of the decision: all that it looks at beside the message and its verdict.
#[derive(Debug, Clone)]
pub struct Moment<'a> {
    /// The mailbox's policy.
    pub policy: &'a MailboxPolicy,
    /// Since when the mailbox is watched and acknowledges; `None` where it has never been watched: nothing is sent
    /// ([`Watch::always`] explains a message apart from any store).
    pub watch: Option<Watch>,
    /// The folder in which the message lies.
    pub folder: FolderRole,
    /// The official instant of receipt.
    pub received_at: DateTime<Utc>,
    /// The instant of the decision.
    pub now: DateTime<Utc>,
    /// What has already been sent.
    pub sent: SentCounts,
    /// Whether an earlier bounce marked the address as undeliverable.
    pub undeliverable: bool,
    /// Whether this very request has already been acknowledged.
    pub already_acknowledged: bool,
}

/// Decides whether a message is acknowledged, and says why.
#[must_use]
pub fn acknowledge(facts: &MessageFacts, verdict: &Verdict, moment: &Moment<'_>) -> Acknowledgement {
    let _ = (facts, moment);
    if verdict.opens_request() { Acknowledgement::Withhold(Reason::new("observe_mode")) } else { Acknowledgement::None }
}
