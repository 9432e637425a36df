//! What proves an answer, and how strongly (DESIGN §3).

use super::names::names;

/// What proves that a request was answered, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A message in a Sent folder whose In-Reply-To or References name the request or our acknowledgement.
    SentReply,
    /// A message seen elsewhere with one of our addresses as its author (Cc, Bcc, another watched mailbox).
    SeenReply,
    /// A message of ours to the same correspondent with the same subject, within a window.
    SameSubject,
    /// The `\Answered` or `$Forwarded` flag on the request's message.
    Flag,
    /// A gesture in the mail client: a move to a folder, a keyword.
    Gesture,
    /// An agent's declaration: by telephone, at the counter, by letter.
    Declaration,
    /// Nothing: closed without proof of an answer.
    Unproven,
}

names!(Evidence {
    SentReply => "sent_reply",
    SeenReply => "seen_reply",
    SameSubject => "same_subject",
    Flag => "flag",
    Gesture => "gesture",
    Declaration => "declaration",
    Unproven => "unproven",
});

/// How much an evidence is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A guess that a human should look at.
    Low,
    /// Probable.
    Medium,
    /// As good as the mail server's own word.
    High,
}

names!(Confidence { Low => "low", Medium => "medium", High => "high" });

impl Confidence {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Low => "faible",
            Self::Medium => "moyenne",
            Self::High => "forte",
        }
    }
}

impl Evidence {
    /// The confidence that the evidence deserves by itself.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        match self {
            Self::SentReply | Self::SeenReply => Confidence::High,
            Self::Gesture | Self::Declaration => Confidence::Medium,
            Self::SameSubject | Self::Flag | Self::Unproven => Confidence::Low,
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::SentReply => "réponse dans les messages envoyés",
            Self::SeenReply => "réponse vue dans une boîte surveillée",
            Self::SameSubject => "même correspondant et même objet",
            Self::Flag => "marque « répondu » du logiciel de messagerie",
            Self::Gesture => "geste dans le logiciel de messagerie",
            Self::Declaration => "déclaration d’un agent",
            Self::Unproven => "sans preuve",
        }
    }
}
