//! What changes a request after it was opened, and how each change is written into the ledger.
//!
//! A payload holds all that is needed to fold the request again, and no free text of a person: a motive is a code or
//! words of the configuration, and what an agent typed stands in the table of notes, by its keyed digest.

use chrono::{DateTime, NaiveDate, Utc};

use super::evidence::{Confidence, Evidence};
use super::ledger::{Payload, rfc3339};
use super::policy::{Nature, Requester};
use super::request::{AcknowledgementState, Status};

/// What changes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Our side answered, and the clock stops.
    Answered {
        /// When, by the mail server's clock or the agent's word.
        at: DateTime<Utc>,
        /// What proves it.
        evidence: Evidence,
        /// How strongly.
        confidence: Confidence,
        /// Whether it is a holding reply that the commitment lets stop the clock.
        holding: bool,
        /// Who declared it, where a person did.
        by: Option<String>,
        /// By which way, where a person declared it: `phone`, `counter`, `letter`, `mail`.
        way: Option<String>,
    },
    /// Our side answered, and the clock runs on: a holding reply, a request for missing pieces, or a way of answering
    /// that the commitment does not let count.
    HoldingReply {
        /// When.
        at: DateTime<Utc>,
        /// What proves it.
        evidence: Evidence,
        /// How strongly.
        confidence: Confidence,
        /// Who declared it, where a person did.
        by: Option<String>,
        /// By which way, where a person declared it.
        way: Option<String>,
    },
    /// The answer on the substance came, after a holding reply that had stopped the clock.
    SubstantiveReply {
        /// When.
        at: DateTime<Utc>,
        /// What proves it.
        evidence: Evidence,
    },
    /// An agent confirmed an answer that was only guessed.
    Confirmed {
        /// When.
        at: DateTime<Utc>,
        /// Who.
        by: String,
    },
    /// Closed without an answer.
    Closed {
        /// When.
        at: DateTime<Utc>,
        /// Why: a code, or words of the configuration.
        motive: String,
        /// The digest of what the agent wrote about it.
        note: Option<String>,
        /// Who decided it.
        by: String,
    },
    /// Merged into another request, whose clock counts for both.
    Merged {
        /// When.
        at: DateTime<Utc>,
        /// The other request's reference.
        into: String,
        /// Who decided it.
        by: String,
    },
    /// Handed to another administration (CRPA L114-2).
    Transferred {
        /// When.
        at: DateTime<Utc>,
        /// To whom: words of the configuration; empty where only the note says it.
        to: String,
        /// The digest of what the agent wrote about it.
        note: Option<String>,
        /// Who decided it.
        by: String,
    },
    /// What had settled it was undone or denied: the first clock runs on.
    Reopened {
        /// When.
        at: DateTime<Utc>,
        /// Why, in a code: `gesture_undone`, `flag_removed`, `denied`, `holding`, `incomplete`, `merge_undone`.
        why: String,
        /// The digest of what the agent wrote about it.
        note: Option<String>,
        /// Who decided it, where a person did.
        by: Option<String>,
    },
    /// Pieces are missing: the clock stands still (CRPA L114-5, R112-11-4).
    Suspended {
        /// When.
        at: DateTime<Utc>,
        /// Why: a code, or words of the configuration.
        motive: String,
        /// The digest of what the agent wrote about it.
        note: Option<String>,
        /// Who decided it, where a person did.
        by: Option<String>,
        /// How it was said: `gesture`, `command`.
        way: Option<String>,
    },
    /// The pieces came: the clock runs on, with the working days that it stood still added.
    Resumed {
        /// When.
        at: DateTime<Utc>,
        /// The working days that it stood still, earlier suspensions included.
        suspended: u16,
        /// The new due day.
        due_on: NaiveDate,
        /// The new end.
        due_at: DateTime<Utc>,
        /// The revision of the calendar.
        calendar_revision: String,
        /// Who decided it, where a person did.
        by: Option<String>,
        /// How it was noticed: `gesture`, `command`, `follow_up`, `merge`.
        way: Option<String>,
    },
    /// Handed to another watched mailbox or bureau: same reference, first clock kept.
    Moved {
        /// When.
        at: DateTime<Utc>,
        /// The mailbox that has it now.
        mailbox: String,
        /// The bureau that answers now.
        bureau: String,
        /// The mailbox that had it.
        from_mailbox: String,
        /// The bureau that had it.
        from_bureau: String,
        /// Who decided it, where a person did.
        by: Option<String>,
    },
    /// Our side forwarded it, which is no answer.
    Forwarded {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its message lies in no watched folder any more.
    SourceDeleted {
        /// When that was seen.
        at: DateTime<Utc>,
    },
    /// Its message lies in a watched folder again.
    SourceRestored {
        /// When that was seen.
        at: DateTime<Utc>,
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
    /// Its limit is past: merged into another it would be late no more.
    Late,
    /// The other request came later: its clock cannot count for both.
    OtherIsLater,
    /// The other request is older than vigie's watch, and never alerted: the clock of both would be lost.
    OtherIsBacklog,
    /// The other request was answered before this one came.
    OtherWasAnswered,
    /// The other request stands under another promise.
    OtherPromise,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOpen(status) => write!(f, "la demande n’est plus ouverte (état\u{a0}: {})", status.french()),
            Self::BeforeReceipt => f.write_str("la réponse serait antérieure à la demande"),
            Self::NothingNew => f.write_str("rien ne change"),
            Self::Late => f.write_str(
                "son délai est dépassé, et le retard doit rester compté\u{a0}: répondez-y, ou clôturez-la avec son motif",
            ),
            Self::OtherIsLater => {
                f.write_str("l’autre demande est plus récente\u{a0}: fusionnez la plus récente dans la plus ancienne")
            }
            Self::OtherIsBacklog => f.write_str(
                "l’autre demande est antérieure à la surveillance de la boîte et ne donne lieu à aucune alerte\u{a0}: plus rien ne rappellerait celle-ci",
            ),
            Self::OtherWasAnswered => {
                f.write_str("l’autre demande avait déjà reçu sa réponse quand celle-ci est arrivée")
            }
            Self::OtherPromise => f.write_str("l’autre demande relève d’un autre engagement ou d’un autre demandeur"),
        }
    }
}

impl Change {
    /// The kind of its ledger entry.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "request_answered",
            Self::HoldingReply { .. } => "holding_reply_seen",
            Self::SubstantiveReply { .. } => "substantive_reply_seen",
            Self::Confirmed { .. } => "answer_confirmed",
            Self::Closed { .. } => "request_closed",
            Self::Merged { .. } => "request_merged",
            Self::Transferred { .. } => "request_transferred",
            Self::Reopened { .. } => "request_reopened",
            Self::Suspended { .. } => "request_suspended",
            Self::Resumed { .. } => "request_resumed",
            Self::Moved { .. } => "request_moved",
            Self::Forwarded { .. } => "request_forwarded",
            Self::SourceDeleted { .. } => "request_message_gone",
            Self::SourceRestored { .. } => "request_message_back",
            Self::Acknowledgement { .. } => "acknowledgement_state",
            Self::AlertRaised { .. } => "alert_raised",
            Self::Reclassified { .. } => "request_reclassified",
            Self::Redated { .. } => "request_redated",
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Answered { at, .. }
            | Self::HoldingReply { at, .. }
            | Self::SubstantiveReply { at, .. }
            | Self::Confirmed { at, .. }
            | Self::Closed { at, .. }
            | Self::Merged { at, .. }
            | Self::Transferred { at, .. }
            | Self::Reopened { at, .. }
            | Self::Suspended { at, .. }
            | Self::Resumed { at, .. }
            | Self::Moved { at, .. }
            | Self::Forwarded { at }
            | Self::SourceDeleted { at }
            | Self::SourceRestored { at }
            | Self::Acknowledgement { at, .. }
            | Self::AlertRaised { at, .. }
            | Self::Reclassified { at, .. }
            | Self::Redated { at, .. } => *at,
        }
    }

    /// What its ledger entry says besides kind, instant, mailbox and reference.
    #[must_use]
    pub fn payload(&self) -> Payload {
        let payload = Payload::new();
        match self {
            Self::Answered { evidence, confidence, holding, by, way, .. } => {
                proof(*evidence, *confidence, by.as_ref(), way.as_ref()).flag("holding", *holding)
            }
            Self::HoldingReply { evidence, confidence, by, way, .. } => {
                proof(*evidence, *confidence, by.as_ref(), way.as_ref())
            }
            Self::SubstantiveReply { evidence, .. } => payload.text("evidence", evidence.name()),
            Self::Confirmed { by, .. } => payload.text("by", by),
            Self::Closed { motive, note, by, .. } => {
                payload.text("motive", motive).maybe("note", note.as_ref()).text("by", by)
            }
            Self::Merged { into, by, .. } => payload.text("into", into).text("by", by),
            Self::Transferred { to, note, by, .. } => {
                payload.text("to", to).maybe("note", note.as_ref()).text("by", by)
            }
            Self::Reopened { why, note, by, .. } => {
                payload.text("why", why).maybe("note", note.as_ref()).maybe("by", by.as_ref())
            }
            Self::Suspended { motive, note, by, way, .. } => payload
                .text("motive", motive)
                .maybe("note", note.as_ref())
                .maybe("by", by.as_ref())
                .maybe("way", way.as_ref()),
            Self::Resumed { suspended, due_on, due_at, calendar_revision, by, way, .. } => {
                due(payload, *due_on, *due_at, calendar_revision)
                    .int("suspended", i64::from(*suspended))
                    .maybe("by", by.as_ref())
                    .maybe("way", way.as_ref())
            }
            Self::Moved { mailbox, bureau, from_mailbox, from_bureau, by, .. } => payload
                .text("mailbox", mailbox)
                .text("bureau", bureau)
                .text("from_mailbox", from_mailbox)
                .text("from_bureau", from_bureau)
                .maybe("by", by.as_ref()),
            Self::Forwarded { .. } | Self::SourceDeleted { .. } | Self::SourceRestored { .. } => payload,
            Self::Acknowledgement { state, .. } => payload.text("state", state.name()),
            Self::AlertRaised { level, next, .. } => payload.int("level", *level).maybe("next", next.map(rfc3339)),
            Self::Reclassified {
                requester, nature, commitment, limit, due_on, due_at, calendar_revision, by, ..
            } => due(payload, *due_on, *due_at, calendar_revision)
                .text("requester", requester.name())
                .text("nature", nature.name())
                .text("commitment", commitment)
                .int("limit", i64::from(*limit))
                .text("by", by),
            Self::Redated { due_on, due_at, calendar_revision, next_alert_at, .. } => {
                due(payload, *due_on, *due_at, calendar_revision).maybe("next_alert_at", next_alert_at.map(rfc3339))
            }
        }
    }
}

fn proof(evidence: Evidence, confidence: Confidence, by: Option<&String>, way: Option<&String>) -> Payload {
    let payload = Payload::new().text("evidence", evidence.name()).text("confidence", confidence.name());
    payload.maybe("by", by).maybe("way", way)
}

/// A deadline, as entries write it.
pub(super) fn due(payload: Payload, due_on: NaiveDate, due_at: DateTime<Utc>, calendar_revision: &str) -> Payload {
    payload.text("due_on", due_on.to_string()).instant("due_at", due_at).text("calendar", calendar_revision)
}
