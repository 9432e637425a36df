//! What an agent says about a request, by a command or by a gesture in the mail client, and what it changes.
//!
//! *Start reading* at [`changes`]. A gesture is the place of a message (a folder) or a mark on it (a keyword) to which the
//! configuration gives a meaning; [`borne`] reads which one a message bears. Undoing it in the client undoes its effect.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::classify::FolderRole;
use super::deadline::deadline;
use super::decide::Desk;
use super::evidence::{Confidence, Evidence};
use super::names::names;
use super::policy::{Commitment, MailboxPolicy, Nature, Requester};
use super::redate::redated;
use super::request::{Change, Refusal, Request, Status};
use super::sighting::FlagSet;

/// By which way our side answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By telephone.
    Phone,
    /// At the counter.
    Counter,
    /// By letter.
    Letter,
    /// By a mail that vigie could not see.
    Mail,
}

impl Way {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Phone => "téléphone",
            Self::Counter => "guichet",
            Self::Letter => "courrier",
            Self::Mail => "courriel",
        }
    }
}

names!(Way { Phone => "phone", Counter => "counter", Letter => "letter", Mail => "mail" });

/// What a gesture in the mail client means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Answered by a way that vigie cannot see.
    Answered(Way),
    /// A holding reply was given: the clock runs on, unless the commitment says otherwise.
    Holding,
    /// Handed to another administration, or to another watched mailbox.
    Transferred(String),
    /// Nothing to answer, for a motive.
    NoReplyNeeded(String),
    /// Pieces are missing: the clock stands still.
    Incomplete,
}

/// Where a gesture is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// The message lies in a folder of this name, in Unicode.
    Folder(String),
    /// The message bears a keyword; ASCII case does not count (RFC 9051 §2.3.2).
    Keyword(String),
}

/// A gesture that the configuration knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GestureRule {
    /// Where it is seen.
    pub sign: Sign,
    /// What it means.
    pub means: Means,
}

impl GestureRule {
    /// Its stable name in the ledger: `folder:Vigie/Sans suite`, `keyword:$VigieTelephone`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.sign {
            Sign::Folder(folder) => format!("folder:{folder}"),
            Sign::Keyword(keyword) => format!("keyword:{keyword}"),
        }
    }
}

/// A folder in which a message lies now, and its marks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// The folder's name.
    pub folder: String,
    /// What the folder is for.
    pub role: FolderRole,
    /// The flags and keywords of the message there.
    pub flags: FlagSet,
    /// Since when it is known to lie there.
    pub seen_at: DateTime<Utc>,
}

/// Which gestures a message bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Borne<'a> {
    /// Those of these rules, at least one.
    Rules(Vec<&'a GestureRule>),
    /// None, and it lies where mail arrives: a former gesture is undone.
    Nothing,
    /// It lies where gestures are neither made nor undone (filed away, deleted): what was said stays said.
    Unknown,
}

/// Which gestures a message bears, by the places where it lies: those of the place seen last first.
#[must_use]
pub fn borne<'a>(rules: &'a [GestureRule], places: &[Lying]) -> Borne<'a> {
    let says = |rule: &GestureRule, place: &Lying| match &rule.sign {
        Sign::Folder(folder) => *folder == place.folder,
        Sign::Keyword(keyword) => place.flags.has(keyword),
    };
    let mut places: Vec<&Lying> = places.iter().collect();
    places.sort_by_key(|place| Reverse(place.seen_at));
    let mut found: Vec<&GestureRule> = Vec::new();
    for rule in places.iter().flat_map(|place| rules.iter().filter(|rule| says(rule, place))) {
        if !found.contains(&rule) {
            found.push(rule);
        }
    }
    match found.is_empty() {
        false => Borne::Rules(found),
        true if places.iter().any(|place| place.role == FolderRole::Inbox) => Borne::Nothing,
        true => Borne::Unknown,
    }
}

/// What an agent says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gesture {
    /// Answered by a way that vigie cannot see.
    Answer(Way),
    /// The answer seen, or the one that is declared, is only a holding reply.
    Holding,
    /// Nothing to answer.
    Close {
        /// A code, or words of the configuration.
        motive: String,
    },
    /// Handed to another administration.
    Transfer {
        /// Words of the configuration; empty where only the note says to whom.
        to: String,
    },
    /// Handed to another watched mailbox.
    Move {
        /// The mailbox that has it now.
        mailbox: String,
        /// The bureau that answers there.
        bureau: String,
    },
    /// The same as another request: that one's clock counts.
    Merge {
        /// The other request's reference.
        into: String,
    },
    /// Pieces are missing.
    Suspend {
        /// A code, or words of the configuration.
        motive: String,
    },
    /// The pieces came.
    Resume,
    /// The answer or closure is denied, or the gesture that made it undone.
    Reopen {
        /// Why, in a code.
        why: &'static str,
    },
    /// The guessed answer was one.
    Confirm,
    /// Who asks, or for what, was judged wrongly.
    Reclassify {
        /// Who asks.
        requester: Requester,
        /// What is asked.
        nature: Nature,
    },
}

/// Who says it, when, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The agent's login, or the gesture's name.
    pub by: String,
    /// The instant that it is about.
    pub at: DateTime<Utc>,
    /// Whether it was a gesture in the mail client rather than a command.
    pub in_client: bool,
    /// The digest of what the agent wrote about it.
    pub note: Option<String>,
}

impl Said {
    fn evidence(&self) -> Evidence {
        if self.in_client { Evidence::Gesture } else { Evidence::Declaration }
    }

    fn way(&self) -> &'static str {
        if self.in_client { "gesture" } else { "command" }
    }
}

/// The changes that a gesture asks for, in order; each must still be applied.
pub fn changes(desk: Desk<'_>, request: &Request, gesture: Gesture, said: &Said) -> Result<Vec<Change>, Refusal> {
    let Said { by, at, note, .. } = said.clone();
    let ends = ends_suspension(desk, request, &gesture, said);
    let changes = match gesture {
        // Every guess is about a mail: whoever says in the mail client that a mail answered it says that the guess was right.
        Gesture::Answer(Way::Mail) if said.in_client && is_guessed(request) => vec![Change::Confirmed { at, by }],
        Gesture::Answer(way) => vec![answer(desk, request, way, said)],
        Gesture::Holding => holding(desk, request, said),
        Gesture::Close { motive } => vec![Change::Closed { at, motive, note, by }],
        Gesture::Transfer { to } => vec![Change::Transferred { at, to, note, by }],
        Gesture::Move { mailbox, bureau } => vec![Change::Moved {
            at,
            mailbox,
            bureau,
            from_mailbox: request.mailbox.clone(),
            from_bureau: request.bureau.clone(),
            by: Some(by),
        }],
        Gesture::Merge { into } if into == request.reference => return Err(Refusal::NothingNew),
        Gesture::Merge { into } => vec![Change::Merged { at, into, by }],
        Gesture::Suspend { motive } => suspend(desk, request, motive, said),
        Gesture::Resume => vec![resume(desk, request, at, Some(by), said.way())],
        Gesture::Reopen { why } => reopen(desk, request, at, why, (note, Some(by))),
        Gesture::Confirm => vec![Change::Confirmed { at, by }],
        Gesture::Reclassify { requester, nature } => vec![reclassify(desk, request, (requester, nature), said)],
    };
    Ok(ends.into_iter().chain(changes).collect())
}

/// What settles a request while pieces are missing ends that too: the days that the clock stood still are not counted
/// against those who answer.
fn ends_suspension(desk: Desk<'_>, request: &Request, gesture: &Gesture, said: &Said) -> Option<Change> {
    let settles = match gesture {
        Gesture::Answer(way) => matches!(answer(desk, request, *way, said), Change::Answered { .. }),
        Gesture::Close { .. } | Gesture::Transfer { .. } | Gesture::Merge { .. } => true,
        Gesture::Holding
        | Gesture::Move { .. }
        | Gesture::Suspend { .. }
        | Gesture::Resume
        | Gesture::Reopen { .. }
        | Gesture::Confirm
        | Gesture::Reclassify { .. } => false,
    };
    let stands = settles && request.incomplete_since.is_some_and(|since| since <= said.at);
    stands.then(|| resume(desk, request, said.at, Some(said.by.clone()), said.way()))
}

/// Whether a request may be merged into another, whose clock then counts for both: no limit that is missed, or that would
/// be, may be lost by it. People write from several addresses, so that the same person is not asked for, but the same
/// kind of requester under the same promise.
pub fn may_merge(request: &Request, target: &Request, now: DateTime<Utc>) -> Result<(), Refusal> {
    if request.within_limit(now) == Some(false) {
        return Err(Refusal::Late);
    }
    if (request.requester, &request.commitment) != (target.requester, &target.commitment) {
        return Err(Refusal::OtherPromise);
    }
    if target.received_at > request.received_at {
        return Err(Refusal::OtherIsLater);
    }
    if target.backlog && !request.backlog {
        return Err(Refusal::OtherIsBacklog);
    }
    match target.settled_at {
        Some(at) if at < request.received_at => Err(Refusal::OtherWasAnswered),
        Some(_) | None => Ok(()),
    }
}

/// What came after pieces were asked for, and is merged into the request that waits for them, brings them: the clock runs
/// on as of its receipt, for one of the two has to run.
#[must_use]
pub fn brought_by_merge(desk: Desk<'_>, target: &Request, merged: &Request, by: &str) -> Option<Change> {
    let awaited = target.incomplete_since.is_some_and(|since| since <= merged.received_at);
    awaited.then(|| resume(desk, target, merged.received_at, Some(by.to_owned()), "merge"))
}

/// The commitment that covers a request, as the configuration has it now.
#[must_use]
pub fn commitment<'a>(desk: Desk<'a>, request: &Request) -> Option<&'a Commitment> {
    let received_on = desk.calendar.civil(request.received_at);
    desk.policy.commitment_of_key(&request.commitment, received_on)
}

/// An answer that an agent declares stops the clock, unless it was by telephone and the commitment does not let that.
fn answer(desk: Desk<'_>, request: &Request, way: Way, said: &Said) -> Change {
    let evidence = said.evidence();
    let (at, confidence) = (said.at, evidence.confidence());
    let (by, name) = (Some(said.by.clone()), Some(way.name().to_owned()));
    let phone_counts = commitment(desk, request).is_none_or(|commitment| commitment.phone_answers);
    if way == Way::Phone && !phone_counts {
        return Change::HoldingReply { at, evidence, confidence, by, way: name };
    }
    Change::Answered { at, evidence, confidence, holding: false, by, way: name }
}

/// What a mail of our side to the requester changes: the answer, a holding reply, or the answer on the substance after a
/// holding reply that had stopped the clock. While pieces are missing, a mail asks for them and answers nothing; and what was
/// sent before a gesture that speaks of a holding reply is that reply, whichever of both is seen first.
#[must_use]
pub fn reply(desk: Desk<'_>, request: &Request, at: DateTime<Utc>, evidence: Evidence, holding: bool) -> Change {
    let confidence = evidence.confidence();
    let holding_counts = commitment(desk, request).is_some_and(|commitment| commitment.holding_reply_answers);
    let told_of = request.incomplete_since.is_some() || request.holding_at.is_some_and(|held| at <= held);
    if told_of || (holding && !holding_counts) {
        return Change::HoldingReply { at, evidence, confidence, by: None, way: None };
    }
    let held = request.status == Status::Answered && request.substantive_at.is_none();
    if held && !holding && request.settled_at.is_some_and(|settled| settled <= at) {
        return Change::SubstantiveReply { at, evidence };
    }
    Change::Answered { at, evidence, confidence, holding, by: None, way: None }
}

/// What was taken for the answer was a holding reply, or one is declared.
fn holding(desk: Desk<'_>, request: &Request, said: &Said) -> Vec<Change> {
    let counts = commitment(desk, request).is_some_and(|commitment| commitment.holding_reply_answers);
    let (at, evidence, confidence) = known_answer(request).unwrap_or_else(|| {
        let evidence = said.evidence();
        (said.at, evidence, evidence.confidence())
    });
    let (by, way) = (Some(said.by.clone()), None);
    let held = if counts {
        Change::Answered { at, evidence, confidence, holding: true, by, way }
    } else {
        Change::HoldingReply { at, evidence, confidence, by, way }
    };
    let mut changes = reopened(desk, request, "holding", said);
    // An earlier holding reply stays the first answer.
    if counts || changes.is_empty() || is_first(request, at) {
        changes.push(held);
    }
    changes
}

/// Pieces are missing. The mail that asks for them may have been taken for the answer: it is a holding reply, and the
/// clock stands still since then.
fn suspend(desk: Desk<'_>, request: &Request, motive: String, said: &Said) -> Vec<Change> {
    let mut changes = reopened(desk, request, "incomplete", said);
    let mut at = said.at;
    if let Some((asked_at, evidence, confidence)) = known_answer(request) {
        at = asked_at;
        if is_first(request, at) {
            changes.push(Change::HoldingReply { at, evidence, confidence, by: None, way: None });
        }
    }
    let (by, way) = (Some(said.by.clone()), Some(said.way().to_owned()));
    changes.push(Change::Suspended { at, motive, note: said.note.clone(), by, way });
    changes
}

/// Whether a holding reply would be the first.
fn is_first(request: &Request, at: DateTime<Utc>) -> bool {
    request.holding_at.is_none_or(|known| at < known)
}

fn is_guessed(request: &Request) -> bool {
    request.status == Status::Answered && request.confidence == Some(Confidence::Low)
}

fn known_answer(request: &Request) -> Option<(DateTime<Utc>, Evidence, Confidence)> {
    let settled = request.settled_at.filter(|_| request.status == Status::Answered)?;
    Some((settled, request.evidence?, request.confidence?))
}

fn reopened(desk: Desk<'_>, request: &Request, why: &str, said: &Said) -> Vec<Change> {
    match request.status {
        Status::Answered => reopen(desk, request, said.at, why, (None, Some(said.by.clone()))),
        Status::Open | Status::Closed | Status::Transferred => Vec::new(),
    }
}

/// What had settled a request is undone: its first clock runs on as if it had never stopped, by the calendar as it is now,
/// for a closure that was decided meanwhile moved the limits of those that were open.
#[must_use]
pub fn reopen(
    desk: Desk<'_>,
    request: &Request,
    at: DateTime<Utc>,
    why: &str,
    (note, by): (Option<String>, Option<String>),
) -> Vec<Change> {
    let reopened = Change::Reopened { at, why: why.to_owned(), note, by };
    let mut open = request.clone();
    let caught_up = open.apply(&reopened).ok().and_then(|()| redated(desk, &open, at));
    std::iter::once(reopened).chain(caught_up).collect()
}

/// To the mailbox of this policy, with the first clock.
#[must_use]
pub fn moved(policy: &MailboxPolicy, request: &Request, at: DateTime<Utc>, by: Option<String>) -> Change {
    Change::Moved {
        at,
        mailbox: policy.name.clone(),
        bureau: policy.bureau.clone(),
        from_mailbox: request.mailbox.clone(),
        from_bureau: request.bureau.clone(),
        by,
    }
}

/// The pieces came: the limit moves by the working days that the clock stood still.
#[must_use]
pub fn resume(desk: Desk<'_>, request: &Request, at: DateTime<Utc>, by: Option<String>, way: &str) -> Change {
    let calendar = desk.calendar;
    let since = calendar.civil(request.incomplete_since.unwrap_or(at));
    // A limit that was missed before stays missed.
    let missed = request.incomplete_since.is_some_and(|since| since >= request.due_at);
    let days = if missed { 0 } else { calendar.working_days_between(since, calendar.civil(at)) };
    let stood = u16::try_from(days).unwrap_or_default();
    let suspended = request.suspended_days.saturating_add(stood);
    let due = deadline(calendar, request.received_at, request.limit.saturating_add(suspended)).ok();
    Change::Resumed {
        at,
        suspended,
        due_on: due.as_ref().map_or(request.due_on, |due| due.due_on),
        due_at: due.as_ref().map_or(request.due_at, |due| due.due_at),
        calendar_revision: due.map_or_else(|| request.calendar_revision.clone(), |due| due.calendar_revision),
        by,
        way: Some(way.to_owned()),
    }
}

fn reclassify(desk: Desk<'_>, request: &Request, (requester, nature): (Requester, Nature), said: &Said) -> Change {
    let day = desk.calendar.civil(request.received_at);
    let commitment = desk.policy.commitment_of_mail(requester, nature, day);
    let limit = commitment.map_or(request.limit, |commitment| commitment.limit);
    let due = deadline(desk.calendar, request.received_at, limit.saturating_add(request.suspended_days)).ok();
    Change::Reclassified {
        at: said.at,
        requester,
        nature,
        commitment: commitment.map_or_else(String::new, |commitment| commitment.key.clone()),
        limit,
        due_on: due.as_ref().map_or(request.due_on, |due| due.due_on),
        due_at: due.as_ref().map_or(request.due_at, |due| due.due_at),
        calendar_revision: due.map_or_else(|| request.calendar_revision.clone(), |due| due.calendar_revision),
        by: said.by.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &str, role: FolderRole, flags: &[&str], minute: i64) -> Lying {
        Lying {
            folder: folder.into(),
            role,
            flags: FlagSet::new(flags.iter().copied()),
            seen_at: DateTime::from_timestamp(minute * 60, 0).expect("in range"),
        }
    }

    fn rules() -> Vec<GestureRule> {
        let phone = Sign::Folder("Vigie/Répondu par téléphone".into());
        let none = Sign::Folder("Vigie/Sans suite".into());
        vec![
            GestureRule { sign: phone, means: Means::Answered(Way::Phone) },
            GestureRule { sign: none, means: Means::NoReplyNeeded("no_reply_needed".into()) },
            GestureRule { sign: Sign::Keyword("$VigieGuichet".into()), means: Means::Answered(Way::Counter) },
        ]
    }

    fn name(places: &[Lying]) -> String {
        match borne(&rules(), places) {
            Borne::Rules(rules) => rules.first().map_or_else(String::new, |rule| rule.name()),
            Borne::Nothing => "nothing".into(),
            Borne::Unknown => "unknown".into(),
        }
    }

    #[test]
    fn a_gesture_is_borne_by_place_or_mark_and_undone_where_mail_arrives() {
        let inbox = |minute| place("INBOX", FolderRole::Inbox, &[], minute);
        let phone = |minute| place("Vigie/Répondu par téléphone", FolderRole::Other, &[], minute);
        let none = |minute| place("Vigie/Sans suite", FolderRole::Other, &[], minute);
        assert_eq!(name(&[inbox(1), phone(2)]), "folder:Vigie/Répondu par téléphone");
        assert_eq!(name(&[inbox(3)]), "nothing");
        assert_eq!(name(&[phone(1), none(2)]), "folder:Vigie/Sans suite");
        assert_eq!(name(&[none(3), phone(5)]), "folder:Vigie/Répondu par téléphone");
        let marked = place("INBOX", FolderRole::Inbox, &["\\Seen", "$vigieguichet"], 1);
        assert_eq!(name(&[marked]), "keyword:$VigieGuichet");
    }

    #[test]
    fn what_is_filed_away_or_deleted_after_a_gesture_stays_said() {
        assert_eq!(name(&[]), "unknown");
        assert_eq!(name(&[place("Archives", FolderRole::Other, &[], 9)]), "unknown");
    }
}
