//! Whether a message is acknowledged: sent, or withheld and why (RFC 3834, RFC 5230, CRPA L112-11, R112-11-3).

use chrono::{DateTime, TimeDelta, Utc};

use super::address::Address;
use super::classify::FolderRole;
use super::echo::{Recent, looks_like_a_loop};
use super::message::{Defect, EnvelopeSender, MessageFacts};
use super::policy::{MailboxPolicy, Mode, RecipientRule, Watch};
use super::requester::form_user;
use super::signs;
use super::verdict::{Reason, Verdict};

/// How far a mail server's clock may run before ours.
const FUTURE_TOLERANCE: TimeDelta = TimeDelta::minutes(15);

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
    /// By all mailboxes, within the last hour: what [`super::breaker`] looks at.
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
    /// What came lately from the recipient's domain.
    pub recent: &'a [Recent],
    /// Whether an earlier bounce marked the address as undeliverable.
    pub undeliverable: bool,
    /// Whether this very request has already been acknowledged.
    pub already_acknowledged: bool,
}

/// Decides whether a message is acknowledged, and says why.
///
/// The checks run in a fixed order and the first one that objects gives the reason: time, then whom to write to, then
/// machines and lists, then trust, then limits. The mode comes last, so that `observe_mode` means "would have been sent".
#[must_use]
pub fn acknowledge(facts: &MessageFacts, verdict: &Verdict, moment: &Moment<'_>) -> Acknowledgement {
    match verdict {
        Verdict::Request | Verdict::RequestAgain(_) => {}
        Verdict::Unreadable => return Acknowledgement::Withhold(Reason::new("unreadable")),
        Verdict::FollowUp(_)
        | Verdict::Reply(_)
        | Verdict::Automated(_)
        | Verdict::Bounce(_)
        | Verdict::Bulk
        | Verdict::Spam
        | Verdict::Abusive
        | Verdict::Internal
        | Verdict::Duplicate(_) => return Acknowledgement::None,
    }
    let recipient = match recipient(facts, moment.policy) {
        Ok(recipient) => recipient,
        Err(reason) => return Acknowledgement::Withhold(time(moment).unwrap_or(reason)),
    };
    let objection = time(moment)
        .or_else(|| party(facts, &recipient.to, moment.policy))
        .or_else(|| machine(facts, moment.policy))
        .or_else(|| trust(facts, moment))
        .or_else(|| addressed(facts, moment.policy))
        .or_else(|| looks_like_a_loop(facts, &recipient.to, moment.policy, moment.recent))
        .or_else(|| limits(moment))
        .or_else(|| mode(moment.policy));
    match objection {
        Some(reason) => Acknowledgement::Withhold(reason),
        None => Acknowledgement::Send { to: recipient.to, reason: recipient.reason },
    }
}

/// Whom the acknowledgement would go to, and by which rule.
#[derive(Debug)]
struct Recipient {
    to: Address,
    reason: Reason,
}

impl Recipient {
    fn new(to: &Address, code: &'static str) -> Self {
        Self { to: to.clone(), reason: Reason::new(code) }
    }
}

/// The watch, the clock, and age (DESIGN §5: nothing received before the mailbox was switched on).
fn time(moment: &Moment<'_>) -> Option<Reason> {
    let Some(watch) = moment.watch.filter(|watch| watch.watched_since <= moment.received_at) else {
        return Some(Reason::new("before_watch"));
    };
    let switched_on = watch.acknowledging_since.is_some_and(|since| since <= moment.received_at);
    match moment.policy.mode {
        Mode::Acknowledge if !switched_on => return Some(Reason::new("before_switched_on")),
        Mode::Acknowledge | Mode::Observe => {}
    }
    let age = moment.now.signed_duration_since(moment.received_at);
    if age < -FUTURE_TOLERANCE {
        Some(Reason::new("received_in_future"))
    } else if age > moment.policy.acknowledge_max_age {
        Some(Reason::with("too_old", format!("{} h", age.num_hours())))
    } else {
        None
    }
}

/// From or Return-Path. RFC 3834 §4 prefers Return-Path; CRPA R112-11-3 the address that the sender used: the policy
/// decides, and where the two differ the reason records the choice. Reply-To is never used (RFC 3834 §4).
fn recipient(facts: &MessageFacts, policy: &MailboxPolicy) -> Result<Recipient, Reason> {
    if facts.has(Defect::DuplicateFrom) {
        return Err(Reason::with("duplicate_headers", "from"));
    }
    if facts.has(Defect::DuplicateMessageId) {
        return Err(Reason::with("duplicate_headers", "message-id"));
    }
    let Some(author) = facts.author() else {
        return Err(Reason::new("no_usable_address"));
    };
    if let Some(user) = form_user(facts, policy) {
        return Ok(Recipient::new(user, "acknowledged_to_form_user"));
    }
    let path = match &facts.envelope_sender {
        EnvelopeSender::Address(path) => Some(path),
        EnvelopeSender::Unknown => None,
        EnvelopeSender::Null => return Err(Reason::new("null_envelope_sender")),
        EnvelopeSender::Unparsable => match policy.recipient_rule {
            RecipientRule::From => None,
            RecipientRule::ReturnPath => return Err(Reason::with("no_usable_address", "return-path")),
        },
    };
    let author = match submitter(facts, path) {
        _ if facts.from.len() == 1 => author,
        Some(submitter) => return Ok(Recipient::new(submitter, "acknowledged_to_submitter")),
        None => return Err(Reason::with("several_authors", facts.from.len().to_string())),
    };
    let (to, code) = match (path, policy.recipient_rule) {
        (None, _) => (author, "acknowledged"),
        (Some(path), _) if path == author => (author, "acknowledged"),
        (Some(_), RecipientRule::From) => (author, "acknowledged_to_from"),
        (Some(path), RecipientRule::ReturnPath) => (path, "acknowledged_to_return_path"),
    };
    Ok(Recipient::new(to, code))
}

/// Of several authors, the one who sent the message (RFC 5322 §3.6.2 asks for Sender then), as Sender or else the
/// envelope says.
fn submitter<'f>(facts: &'f MessageFacts, path: Option<&'f Address>) -> Option<&'f Address> {
    facts.sender.iter().chain(path).find(|address| facts.from.contains(address))
}

/// Who must never be written to: ourselves (a loop), our own administration (CRPA L112-7), addresses nobody reads.
fn party(facts: &MessageFacts, to: &Address, policy: &MailboxPolicy) -> Option<Reason> {
    let path = match &facts.envelope_sender {
        EnvelopeSender::Address(path) => Some(path),
        EnvelopeSender::Unknown | EnvelopeSender::Null | EnvelopeSender::Unparsable => None,
    };
    // The form's own addresses are not written to.
    let form = form_user(facts, policy).is_some();
    let parties = || facts.from.iter().chain(&facts.sender).filter(|_| !form).chain([to]);
    if parties().any(|address| policy.is_mine(address)) {
        return Some(Reason::new("own_address"));
    }
    if parties().any(|address| policy.is_ours(address)) {
        return Some(Reason::new("our_address"));
    }
    if !policy.acknowledge_internal && parties().any(|address| policy.is_internal(address)) {
        return Some(Reason::new("internal_sender"));
    }
    if let Some(pattern) = parties().find_map(|address| signs::no_reply(address, policy)) {
        return Some(Reason::with("no_reply_sender", pattern));
    }
    // What a forwarder rewrote is a human's address inside, whatever the wrapping looks like.
    let path = path.filter(|path| !form && !signs::is_rewritten(path))?;
    if let Some(pattern) = signs::no_reply(path, policy) {
        return Some(Reason::with("no_reply_envelope", pattern));
    }
    signs::is_verp(path).then(|| Reason::new("verp_sender"))
}

/// Machines and lists (RFC 3834 §2, RFC 5230 §4.6). A reclassification by hand does not make a machine answerable.
fn machine(facts: &MessageFacts, policy: &MailboxPolicy) -> Option<Reason> {
    if form_user(facts, policy).is_some() {
        return facts.report.is_some().then(|| Reason::new("is_report"));
    }
    if let Some((_, reason)) = signs::machine(facts) {
        return Some(reason);
    }
    if let Some(reason) = signs::bulk(facts, policy) {
        return Some(reason);
    }
    if facts.report.is_some() {
        return Some(Reason::new("is_report"));
    }
    signs::weak(facts)
}

/// Spam filters and authentication: the address may be a third person's, who asked for nothing.
fn trust(facts: &MessageFacts, moment: &Moment<'_>) -> Option<Reason> {
    match moment.folder {
        FolderRole::Junk => return Some(Reason::new("junk_folder")),
        FolderRole::Sent => return Some(Reason::new("sent_folder")),
        FolderRole::Inbox | FolderRole::Other => {}
    }
    if let Some(mark) = signs::spam(facts, moment.policy) {
        return Some(Reason::with("spam_header", &mark.name));
    }
    if let Some(mark) = facts.trust.spam.first() {
        return Some(Reason::with("spam_header_elsewhere", &mark.name));
    }
    if signs::spam_subject(&facts.subject) {
        return Some(Reason::new("spam_subject"));
    }
    signs::failed_authentication(facts, moment.policy)
}

/// RFC 5230 §4.5: the mailbox, or one of its aliases, must be named in To, Cc, Bcc or a Resent field. Delivered-To is
/// written for every mail: it proves a blind copy or a redirection, not an address. An address of our own domains that is
/// nobody's here (a general address, a former one) was redirected to the mailbox: the citizen wrote to us, and is owed
/// an answer (CRPA L112-11, L114-2). That of a colleague or of another watched mailbox answers for itself.
fn addressed(facts: &MessageFacts, policy: &MailboxPolicy) -> Option<Reason> {
    let named = || facts.to.iter().chain(&facts.cc).chain(&facts.bcc).chain(&facts.resent_to);
    let redirected = |address: &Address| policy.is_internal(address) && !policy.is_ours(address);
    if policy.acknowledge_unaddressed || named().any(|address| policy.is_mine(address) || redirected(address)) {
        None
    } else if facts.delivered_to.iter().any(|address| policy.is_mine(address)) {
        Some(Reason::new("blind_copy"))
    } else {
        Some(Reason::new("not_addressed"))
    }
}

/// What has been sent already, and an address that is known to bounce.
fn limits(moment: &Moment<'_>) -> Option<Reason> {
    if moment.already_acknowledged {
        return Some(Reason::new("already_acknowledged"));
    }
    if moment.undeliverable {
        return Some(Reason::new("undeliverable_address"));
    }
    let (sent, limits) = (&moment.sent, &moment.policy.limits);
    [
        (sent.to_address_today, limits.per_address_per_day, "limit_per_address"),
        (sent.to_domain_this_hour, limits.per_domain_per_hour, "limit_per_domain"),
        (sent.in_thread_today, limits.per_thread_per_day, "limit_per_thread"),
        (sent.by_mailbox_this_hour, limits.per_mailbox_per_hour, "limit_per_mailbox"),
    ]
    .into_iter()
    .find(|(sent, limit, _)| sent >= limit)
    .map(|(sent, limit, code)| Reason::with(code, format!("{sent}/{limit}")))
}

fn mode(policy: &MailboxPolicy) -> Option<Reason> {
    match policy.mode {
        Mode::Observe => Some(Reason::new("observe_mode")),
        Mode::Acknowledge => None,
    }
}
