//! What a message is: facts + policy + what the store knows → [`Verdict`] and [`Reason`] (DESIGN §3).

use super::address::Address;
use super::message::{Defect, EnvelopeSender, MessageFacts, ReportKind};
use super::policy::MailboxPolicy;
use super::request::RequestId;
use super::requester::{form_user, on_behalf};
use super::same_subject::is_holding;
use super::signs;
use super::verdict::{Automaton, Reason, Verdict};

/// The code of a reply of ours that goes to another outside address than the requester's.
pub const OTHER_ADDRESS: &str = "reply_to_other_address";
/// The reason of a reply that only its recipient and its subject tell.
pub const SAME_SUBJECT: &str = "same_correspondent_and_subject";
/// What is found of a mail of ours whose subject says that it is a holding reply.
pub const HOLDING: &str = "holding";
/// What is found of a further copy of a message that an agent's hand put into another mailbox.
pub const PUT_BY_HAND: &str = "put_by_hand";

/// What the folder in which a message lies is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FolderRole {
    /// Where mail arrives.
    #[default]
    Inbox,
    /// Where copies of what our side sent are kept.
    Sent,
    /// Where the server or an agent puts spam.
    Junk,
    /// Any other watched folder.
    Other,
}

super::names::names!(FolderRole { Inbox => "inbox", Sent => "sent", Junk => "junk", Other => "other" });

/// All that a classification looks at beside the message.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The mailbox's policy.
    pub policy: &'a MailboxPolicy,
    /// The folder in which the message lies.
    pub folder: FolderRole,
    /// What the store knows of the message's relations.
    pub links: Links,
}

/// The message's relations to what is already recorded, looked up beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Some where the message's identity is already recorded, with the request of the first one, where it has one.
    pub duplicate_of: Option<Option<RequestId>>,
    /// Whether this copy of a message that another mailbox received was put here by a hand.
    pub put_by_hand: bool,
    /// The request that In-Reply-To or References names.
    pub thread: Option<ThreadLink>,
    /// The open request that a mail of our side may answer by its recipient and its subject.
    pub by_subject: Option<SubjectLink>,
    /// The request whose acknowledgement or notice a report names.
    pub bounced: Option<RequestId>,
    /// Messages from the author's address to this mailbox in the last hour, this one not counted.
    pub recent_from_sender: u32,
}

/// A request that a message's In-Reply-To or References names: by the request's own Message-ID, or that of a follow-up,
/// of a reply, or of our acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadLink {
    /// The request.
    pub request: RequestId,
    /// Whether the request is already answered or closed.
    pub answered: bool,
    /// Whether the author of this message is the requester.
    pub by_requester: bool,
    /// Whether the requester is among the recipients (To, Cc, Bcc) of this message.
    pub to_requester: bool,
}

/// An open request of a recipient of our side's mail, linked by the subject alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectLink {
    /// The request.
    pub request: RequestId,
    /// Whether the subject names its reference; else it is only the same.
    pub named: bool,
}

/// Says what a message is, and why. The order is the meaning: who speaks first is believed.
///
/// - What is already recorded, and what cannot be read, is so whoever wrote it.
/// - vigie's own mails and reports come before our side's: they are sent from our addresses too.
/// - Our side comes before machines, so that a colleague's mail is never a stranger's; but an automatic answer of ours
///   is a machine's, never a reply that stops a clock.
/// - A message of the requester in a known thread is kept from lists' and spam filters' marks: losing it is worse.
#[must_use]
pub fn classify(facts: &MessageFacts, context: &Context<'_>) -> (Verdict, Reason) {
    recorded(facts, context)
        .or_else(|| vigie(facts))
        .or_else(|| report(facts, context))
        .or_else(|| our_side(facts, context))
        .or_else(|| machine(facts, context))
        .or_else(|| bulk(facts, context))
        .or_else(|| spam(facts, context))
        .or_else(|| abusive(facts, context))
        .or_else(|| internal(facts, context))
        .or_else(|| thread(facts, context))
        .unwrap_or_else(|| request(facts, context))
}

type Judgement = Option<(Verdict, Reason)>;

fn recorded(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    if let Some(request) = context.links.duplicate_of {
        let found = if context.links.put_by_hand { PUT_BY_HAND } else { "" };
        return Some((Verdict::Duplicate(request), Reason::with("known_identity", found)));
    }
    facts.has(Defect::NoHeaders).then(|| (Verdict::Unreadable, Reason::new("no_headers")))
}

fn vigie(facts: &MessageFacts) -> Judgement {
    facts.machine.vigie.as_ref().map(|_| (Verdict::Automated(Automaton::Vigie), Reason::new("vigie_mail")))
}

fn report(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let report = facts.report.as_ref()?;
    let bounced = Verdict::Bounce(context.links.bounced);
    let status = report.status.as_deref().unwrap_or_default();
    Some(match report.kind {
        ReportKind::DeliveryFailure => (bounced, Reason::with("delivery_failure", status)),
        ReportKind::DeliveryDelay => (bounced, Reason::with("delivery_delay", status)),
        ReportKind::DeliverySuccess => (bounced, Reason::with("delivery_success", status)),
        ReportKind::Disposition => (Verdict::Automated(Automaton::ReadReceipt), Reason::new("read_receipt")),
        ReportKind::Abuse => (Verdict::Automated(Automaton::Report), Reason::new("abuse_report")),
        ReportKind::Authentication => (Verdict::Automated(Automaton::Report), Reason::new("authentication_report")),
        ReportKind::Other => (Verdict::Automated(Automaton::Report), Reason::new("other_report")),
    })
}

/// What our side sent; of a holding reply it is noted that it is one, for a reply may be read before its request.
fn our_side(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let (verdict, reason) = from_our_side(facts, context)?;
    let holding = !verdict.opens_request() && reason.detail.is_empty() && is_holding(&facts.subject, context.policy);
    Some((verdict, if holding { Reason::with(reason.code, HOLDING) } else { reason }))
}

/// A copy in a Sent folder, or a message of one of our addresses. A From that the author's domain disowns proves nothing.
fn from_our_side(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let policy = context.policy;
    let sent = context.folder == FolderRole::Sent && !came_from_outside(facts, policy);
    let ours = facts.author().is_some_and(|author| policy.is_ours(author)) && is_authentic(facts, policy);
    if !sent && (!ours || form_user(facts, policy).is_some()) {
        return None;
    }
    if let Some((kind, reason)) = signs::machine(facts) {
        return Some((Verdict::Automated(kind), reason));
    }
    if let Some(start) = signs::automatic_subject(&facts.subject) {
        return Some((Verdict::Automated(Automaton::AutoReply), Reason::with("automatic_subject_of_ours", start)));
    }
    if let (None, Some(reply)) = (context.links.thread, by_subject(facts, context)) {
        return Some(reply);
    }
    match context.links.thread {
        // A colleague who wrote the request is its requester, not its answerer.
        Some(link) if link.by_requester && !sent => None,
        Some(link) => Some(answer(facts, policy, link, sent)),
        None if sent => Some((Verdict::Internal, Reason::new("sent_by_us"))),
        None if on_behalf(facts, policy).is_some() => None,
        None if policy.internal_opens_request && !facts.author().is_some_and(|a| policy.is_mine(a)) => None,
        None => Some((Verdict::Internal, Reason::new("sent_by_us"))),
    }
}

/// A mail of ours to someone whose open request it names, or whose open request has the same subject: it was written
/// anew rather than as an answer.
fn by_subject(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let link = context.links.by_subject.filter(|_| !signs::is_forward(&facts.subject))?;
    let code = if link.named { "names_our_reference" } else { SAME_SUBJECT };
    Some((Verdict::Reply(link.request), Reason::new(code)))
}

/// Whether a message in a Sent folder is a stranger's that was moved there: it travelled, it is addressed to us, and
/// nothing says that one of us wrote it. A copy that a mail client saves has not travelled.
fn came_from_outside(facts: &MessageFacts, policy: &MailboxPolicy) -> bool {
    let inside = |address: &Address| policy.is_ours(address) || policy.is_internal(address);
    let travelled = facts.received.is_some() || facts.envelope_sender != EnvelopeSender::Unknown;
    let to_us = facts.to.iter().chain(&facts.cc).chain(&facts.delivered_to).any(|address| policy.is_mine(address));
    travelled && to_us && !facts.author().is_some_and(inside)
}

fn is_authentic(facts: &MessageFacts, policy: &MailboxPolicy) -> bool {
    signs::failed_authentication(facts, policy).is_none()
}

/// What a message of ours is to the request that it names. It is a reply if it goes to the requester; to another
/// outside address only if it answers directly and is no forward (L114-2: a transfer is not an answer).
fn answer(facts: &MessageFacts, policy: &MailboxPolicy, link: ThreadLink, sent: bool) -> (Verdict, Reason) {
    let reply = Verdict::Reply(link.request);
    let outside = |address: &Address| !policy.is_ours(address) && !policy.is_internal(address);
    if link.to_requester && sent {
        (reply, Reason::new("sent_reply"))
    } else if link.to_requester {
        (reply, Reason::new("reply_seen"))
    } else if signs::is_forward(&facts.subject) {
        (Verdict::Internal, Reason::new("forwarded_by_us"))
    } else if !facts.in_reply_to.is_empty() && facts.to.iter().any(outside) {
        (reply, Reason::new(OTHER_ADDRESS))
    } else {
        (Verdict::Internal, Reason::new("internal_discussion"))
    }
}

/// Whether what our side sent may turn out to answer a message that is not seen yet: it goes outside, and is neither
/// automatic nor a forward (L114-2), by the same rules as an answer to a known request.
#[must_use]
pub fn may_answer_unseen(facts: &MessageFacts, policy: &MailboxPolicy, reason: &Reason) -> bool {
    let outside = |address: &Address| !policy.is_ours(address) && !policy.is_internal(address);
    let leaves = policy.internal_opens_request || facts.to.iter().chain(&facts.cc).chain(&facts.bcc).any(outside);
    reason.code == "sent_by_us" && leaves && !signs::is_forward(&facts.subject)
}

fn machine(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    // A form may well say that it is automatic: what it carries is not.
    if form_user(facts, context.policy).is_some() {
        return None;
    }
    if let Some((kind, reason)) = signs::machine(facts) {
        return Some((Verdict::Automated(kind), reason));
    }
    // The subject alone proves nothing; with our own message named, it does (an answer to our acknowledgement).
    let start = signs::automatic_subject(&facts.subject)?;
    let code = if context.links.thread.is_some() {
        Reason::with("automatic_subject_in_thread", start)
    } else if signs::names_our_reference(&facts.subject, context.policy) {
        Reason::with("automatic_subject_with_reference", start)
    } else {
        return None;
    };
    Some((Verdict::Automated(Automaton::AutoReply), code))
}

fn is_requester_in_thread(context: &Context<'_>) -> bool {
    context.links.thread.is_some_and(|link| link.by_requester)
}

fn bulk(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let reason = signs::bulk(facts, context.policy)?;
    let human = is_requester_in_thread(context) || form_user(facts, context.policy).is_some();
    (!human).then_some((Verdict::Bulk, reason))
}

fn spam(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    if is_requester_in_thread(context) {
        return None;
    }
    let reason = match (signs::spam(facts, context.policy), context.folder) {
        (Some(mark), _) => Reason::with("spam_header", &mark.name),
        (None, FolderRole::Junk) => Reason::new("junk_folder"),
        (None, FolderRole::Inbox | FolderRole::Sent | FolderRole::Other) => return None,
    };
    Some((Verdict::Spam, reason))
}

/// CRPA L112-11: nothing is owed to sending that is abusive by its number. A gateway that writes for many is no abuser.
fn abusive(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let author = facts.author()?;
    let gateway = facts.reply_to.first().is_some_and(|reply_to| reply_to != author);
    let recent = context.links.recent_from_sender;
    if gateway || context.policy.is_internal(author) || recent < context.policy.limits.abusive_per_hour {
        return None;
    }
    Some((Verdict::Abusive, Reason::with("abusive_sending", format!("{recent} in one hour"))))
}

fn internal(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let policy = context.policy;
    let author = facts.author().filter(|author| policy.is_internal(author) || policy.is_ours(author))?;
    let disowned = !is_authentic(facts, policy);
    if disowned || on_behalf(facts, policy).is_some() || is_requester_in_thread(context) {
        return None;
    }
    match context.links.thread {
        Some(link) if link.to_requester => {
            Some((Verdict::Reply(link.request), Reason::with("reply_from_internal_domain", author.domain())))
        }
        _ if policy.internal_opens_request => Some((Verdict::Request, Reason::new("internal_request"))),
        Some(_) => Some((Verdict::Internal, Reason::new("internal_discussion"))),
        None => Some((Verdict::Internal, Reason::with("internal_sender", author.domain()))),
    }
}

fn thread(facts: &MessageFacts, context: &Context<'_>) -> Judgement {
    let link = context.links.thread?;
    Some(if signs::is_forward(&facts.subject) {
        (Verdict::Request, Reason::new("forwarded_message"))
    } else if !link.by_requester {
        (Verdict::Request, Reason::new("other_sender_in_thread"))
    } else if link.answered {
        (Verdict::RequestAgain(link.request), Reason::new("requester_writes_again"))
    } else {
        (Verdict::FollowUp(link.request), Reason::new("requester_adds"))
    })
}

/// What nothing above claimed is a request; the reason names what a human should know of it.
fn request(facts: &MessageFacts, context: &Context<'_>) -> (Verdict, Reason) {
    let policy = context.policy;
    let unread = facts.author().and_then(|author| signs::no_reply(author, policy));
    // One sign may be a form's or a scanner's, which carry what humans ask; two are a notification's.
    let answerable = form_user(facts, policy).is_some()
        || facts.reply_to.iter().any(|reply_to| signs::no_reply(reply_to, policy).is_none());
    if let (Some(pattern), Some(_), false) = (unread, signs::weak(facts), answerable) {
        return (Verdict::Automated(Automaton::Notification), Reason::with("no_reply_notification", pattern));
    }
    let reason = if facts.author().is_none() {
        Reason::new("no_sender")
    } else if facts.has(Defect::DuplicateFrom) {
        Reason::new("duplicate_from")
    } else if on_behalf(facts, policy).is_some() {
        Reason::new("relayed_form")
    } else if let Some(pattern) = unread {
        Reason::with("no_reply_sender", pattern)
    } else if let Some(start) = signs::automatic_subject(&facts.subject) {
        Reason::with("automatic_subject", start)
    } else {
        Reason::new("new_request")
    };
    (Verdict::Request, reason)
}
