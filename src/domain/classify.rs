//! What a message is: facts + policy + what the store knows → [`Verdict`] and [`Reason`] (DESIGN §3).

use super::message::MessageFacts;
use super::policy::MailboxPolicy;
use super::request::RequestId;
use super::verdict::{Reason, Verdict};

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

super::policy::names!(FolderRole { Inbox => "inbox", Sent => "sent", Junk => "junk", Other => "other" });

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
    /// The request that In-Reply-To or References names.
    pub thread: Option<ThreadLink>,
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

/// Says what a message is, and why.
#[must_use]
pub fn classify(facts: &MessageFacts, context: &Context<'_>) -> (Verdict, Reason) {
    let _ = (facts, context);
    (Verdict::Request, Reason::new("new_request"))
}
