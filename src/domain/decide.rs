//! Snapshot + now → Decision: what vigie concludes of a message. The passing of time is for [`super::notices`], an agent's
//! word for [`super::gesture`].
//!
//! *Start reading* at [`on_message`]. A decision says all: the events to write down, the requests as they become, the
//! mails to send. The shells carry it out in one transaction and decide nothing.

use chrono::{DateTime, Utc};

use super::acknowledge::{Acknowledgement, Moment, SentCounts, acknowledge};
use super::alert::{self, Bureau, Clock};
use super::calendar::Calendar;
use super::classify::{Context, FolderRole, Links, OTHER_ADDRESS, SAME_SUBJECT, classify};
use super::deadline::{Deadline, deadline};
use super::dispatch;
use super::echo::Recent;
use super::effect::Effect;
use super::event::{Event, MessageRecord};
use super::evidence::{Confidence, Evidence};
use super::gesture;
use super::message::{MessageFacts, ReportKind};
use super::policy::{MailboxPolicy, Nature, Requester, Watch};
use super::reach;
use super::receipt::{Times, official};
use super::request::{AcknowledgementState, Change, MessageId, PersonId, Request, RequestId, Status};
use super::requester::requester_and_nature;
use super::same_subject::is_holding;
use super::verdict::{Reason, Verdict};

/// The limit of a request that no commitment covers: the shortest usual one, so that nothing waits unseen.
const LIMIT_WITHOUT_COMMITMENT: u16 = 5;

/// The configuration's side of a decision about one mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// What the prefecture decided for the mailbox.
    pub policy: &'a MailboxPolicy,
    /// The calendar of its territory.
    pub calendar: &'a Calendar,
    /// The bureau that answers.
    pub bureau: &'a Bureau,
}

impl<'a> Desk<'a> {
    /// What alerts are reckoned from.
    #[must_use]
    pub fn clock(&self) -> Clock<'a> {
        Clock { calendar: self.calendar, bureau: self.bureau, policy: self.policy }
    }
}

/// A message that arrived, and where.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// What it says.
    pub facts: &'a MessageFacts,
    /// The folder in which it lies.
    pub folder: &'a str,
    /// What that folder is for.
    pub role: FolderRole,
    /// The times known of it.
    pub times: Times,
    /// The digest that stands for it in the ledger.
    pub digest: &'a str,
    /// Its place in the store.
    pub message: MessageId,
}

/// The store's side of a decision about a message.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When vigie began to watch and to acknowledge the mailbox.
    pub watch: Watch,
    /// What the message is linked to.
    pub links: Links,
    /// The request to which the message is linked, as it stands.
    pub linked: Option<Request>,
    /// The request that the message itself names, by what it copies or answers: it may have been merged into the linked one.
    pub named: Option<(RequestId, String)>,
    /// Other open requests that a mail of our side may answer, by its recipient and its subject.
    pub alike: Vec<Request>,
    /// Whether an agent moved the message of the linked request into this mailbox: it was put here by a hand, and lies
    /// in its own mailbox no more.
    pub moved_here: bool,
    /// The author, and the keyed digest that stands for him.
    pub person: Option<(PersonId, String)>,
    /// The requester of the linked request, by keyed digest: whose address a report says to be undeliverable.
    pub linked_person: Option<String>,
    /// The mail to the public that a report names: its id.
    pub bounced_mail: Option<String>,
    /// Since when a report says that the author's address is undeliverable.
    pub undeliverable: Option<DateTime<Utc>>,
    /// How many automatic mails left lately.
    pub sent: SentCounts,
    /// What came lately from the domain that would be acknowledged.
    pub recent: Vec<Recent>,
    /// An answer of ours that was seen before the message it answers.
    pub answered_by: Option<EarlyReply>,
    /// The id and reference that the request gets, if one is opened.
    pub next: (RequestId, String),
}

/// An answer of ours that was seen before the message it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyReply {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Whether it lay in a Sent folder.
    pub in_sent: bool,
    /// Whether its subject says that it is a holding reply.
    pub holding: bool,
    /// The digest that stands for it.
    pub message: String,
}

impl EarlyReply {
    /// Of several the least counts: the earliest answer, before any holding reply.
    #[must_use]
    pub fn rank(&self) -> (bool, DateTime<Utc>) {
        (self.holding, self.at)
    }
}

/// What was concluded of a message.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// What it is.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Whether it is acknowledged, and why.
    pub acknowledgement: Acknowledgement,
    /// When it was officially received.
    pub received_at: DateTime<Utc>,
    /// Who asks.
    pub requester: Requester,
    /// What is asked.
    pub nature: Nature,
    /// The key of the commitment that covers it; empty where none does or none is due.
    pub commitment: String,
    /// The limit of that commitment, in working days.
    pub limit: u16,
    /// When its answer is due, where it opens a request.
    pub deadline: Option<Deadline>,
}

impl Judgement {
    /// What kind of correspondent wrote the message, for listings.
    #[must_use]
    pub fn from_kind(&self) -> &'static str {
        match self.verdict {
            Verdict::Reply(_) => "ours",
            Verdict::Internal => "internal",
            Verdict::Automated(_) | Verdict::Bounce(_) | Verdict::Bulk => "machine",
            Verdict::Request
            | Verdict::FollowUp(_)
            | Verdict::RequestAgain(_)
            | Verdict::Spam
            | Verdict::Abusive
            | Verdict::Duplicate(_)
            | Verdict::Unreadable => self.requester.name(),
        }
    }
}

/// What is to be carried out, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What to write down.
    pub events: Vec<Event>,
    /// The requests as they become; the new one among them.
    pub requests: Vec<Request>,
    /// The mails to send.
    pub effects: Vec<Effect>,
}

/// Decides about a message.
#[must_use]
pub fn on_message(
    desk: Desk<'_>,
    arrival: &Arrival<'_>,
    snapshot: &Snapshot,
    now: DateTime<Utc>,
) -> (Judgement, Decision) {
    let judgement = judge(desk, arrival, snapshot, now);
    let case = Case { desk, arrival, snapshot, judgement: &judgement };
    let mut decision = match case.open() {
        Some(request) => case.opened(request, now),
        None => case.attached(),
    };
    decision.events.extend(case.regained());
    (judgement, decision)
}

/// Judges a message without consequences: what `vigie explain` shows.
#[must_use]
pub fn judge(desk: Desk<'_>, arrival: &Arrival<'_>, snapshot: &Snapshot, now: DateTime<Utc>) -> Judgement {
    let context = Context { policy: desk.policy, folder: arrival.role, links: snapshot.links.clone() };
    let (verdict, reason) = classify(arrival.facts, &context);
    let (received_at, _) = official(&arrival.times);
    let moment = Moment {
        policy: desk.policy,
        watch: Some(snapshot.watch),
        folder: arrival.role,
        received_at,
        now,
        sent: snapshot.sent,
        recent: &snapshot.recent,
        undeliverable: snapshot.undeliverable.is_some()
            && regained(desk, arrival.facts, snapshot, received_at).is_none(),
        already_acknowledged: false,
    };
    let acknowledgement = acknowledge(arrival.facts, &verdict, &moment);
    let (requester, nature, _) = requester_and_nature(arrival.facts, desk.policy);
    let commitment = desk.policy.commitment_of_mail(requester, nature, desk.calendar.civil(received_at));
    let opens = opens_request(desk, &verdict);
    let limit = commitment.map_or(LIMIT_WITHOUT_COMMITMENT, |commitment| commitment.limit);
    let deadline = opens.then(|| deadline(desk.calendar, received_at, limit).ok()).flatten();
    let commitment = commitment.filter(|_| opens).map_or_else(String::new, |c| c.key.clone());
    Judgement { verdict, reason, acknowledgement, received_at, requester, nature, commitment, limit, deadline }
}

/// The stable name of an acknowledgement's decision, and its reason.
#[must_use]
pub fn parts(acknowledgement: &Acknowledgement) -> (&'static str, Reason) {
    match acknowledgement {
        Acknowledgement::Send { reason, .. } => ("send", reason.clone()),
        Acknowledgement::Withhold(reason) => ("withhold", reason.clone()),
        Acknowledgement::None => ("none", Reason::new("not_owed")),
    }
}

fn opens_request(desk: Desk<'_>, verdict: &Verdict) -> bool {
    verdict.opens_request() || (*verdict == Verdict::Internal && desk.policy.internal_opens_request)
}

/// A judged message, and all that its consequences depend on.
#[derive(Clone, Copy)]
struct Case<'a> {
    desk: Desk<'a>,
    arrival: &'a Arrival<'a>,
    snapshot: &'a Snapshot,
    judgement: &'a Judgement,
}

impl Case<'_> {
    /// The request that the message opens, where it opens one.
    fn open(&self) -> Option<Request> {
        let Self { desk, arrival, snapshot, judgement } = *self;
        let deadline = judgement.deadline.as_ref()?;
        let (id, reference) = snapshot.next.clone();
        let mut request = Request {
            id,
            reference,
            mailbox: desk.policy.name.clone(),
            bureau: desk.policy.bureau.clone(),
            message: arrival.message,
            person: snapshot.person.as_ref().map(|(id, _)| *id),
            requester: judgement.requester,
            nature: judgement.nature,
            commitment: judgement.commitment.clone(),
            limit: judgement.limit,
            received_at: judgement.received_at,
            due_on: deadline.due_on,
            due_at: deadline.due_at,
            calendar_revision: deadline.calendar_revision.clone(),
            again_of: judgement.verdict.request().filter(|_| judgement.verdict.opens_request()),
            backlog: judgement.received_at < snapshot.watch.watched_since,
            flagged: judgement.verdict == Verdict::Unreadable || arrival.role == FolderRole::Junk,
            status: Status::Open,
            settled_at: None,
            holding_at: None,
            substantive_at: None,
            incomplete_since: None,
            suspended_days: 0,
            merged_into: None,
            deleted_at: None,
            forwarded_at: None,
            gesture: None,
            evidence: None,
            confidence: None,
            acknowledgement: match judgement.acknowledgement {
                Acknowledgement::Send { .. } => AcknowledgementState::Pending,
                Acknowledgement::Withhold(_) | Acknowledgement::None => AcknowledgementState::Withheld,
            },
            acknowledged_at: None,
            alert_level: None,
            next_alert_at: None,
            alert_cleared: false,
        };
        request.next_alert_at = alert::next_alert(desk.clock(), &request);
        Some(request)
    }

    /// The consequences of a message that opens a request.
    fn opened(&self, mut request: Request, now: DateTime<Utc>) -> Decision {
        let mut decision = Decision::default();
        if let Acknowledgement::Send { to, .. } = &self.judgement.acknowledgement {
            decision.effects = dispatch::mails(self.desk, &request, to, self.arrival.digest, now);
        }
        decision.events.push(self.recorded(Some(request.reference.clone()), &decision.effects));
        decision.events.push(Event::RequestOpened {
            request: Box::new(request.clone()),
            message: self.arrival.digest.to_owned(),
            person: self.snapshot.person.as_ref().map(|(_, digest)| digest.clone()),
            rule: requester_and_nature(self.arrival.facts, self.desk.policy).2,
            official: self.desk.policy.is_official(self.desk.calendar.civil(request.received_at)),
            again_of: self.linked_reference(),
        });
        if let Some(early) = &self.snapshot.answered_by {
            let evidence = if early.in_sent { Evidence::SentReply } else { Evidence::SeenReply };
            let answer = gesture::reply(self.desk, &request, early.at, evidence, early.holding);
            change(&mut request, answer, Some(early.message.clone()), &mut decision);
        }
        decision.requests.push(request);
        decision
    }

    /// The consequences of a message that belongs to a known request, or to none.
    fn attached(&self) -> Decision {
        let mut decision = Decision::default();
        decision.events.push(self.recorded(self.linked_reference(), &[]));
        match self.judgement.verdict {
            Verdict::Reply(_) => self.answer(&mut decision),
            Verdict::Bounce(_) => self.bounce(&mut decision),
            Verdict::FollowUp(_) => self.resume(&mut decision),
            Verdict::Internal => self.handed_on(&mut decision),
            Verdict::Duplicate(_) if self.snapshot.moved_here => {
                self.hand_over(self.arrival.times.observed_at, &mut decision);
            }
            Verdict::Request
            | Verdict::RequestAgain(_)
            | Verdict::Automated(_)
            | Verdict::Bulk
            | Verdict::Spam
            | Verdict::Abusive
            | Verdict::Duplicate(_)
            | Verdict::Unreadable => {}
        }
        decision
    }

    /// The reference of the request that the verdict names.
    fn linked_reference(&self) -> Option<String> {
        let named = self.judgement.verdict.request()?;
        let linked = self.snapshot.linked.as_ref().map(|request| (request.id, &request.reference));
        let named_itself = self.snapshot.named.as_ref().map(|(id, reference)| (*id, reference));
        let mut known = linked.into_iter().chain(named_itself);
        known.find(|(id, _)| *id == named).map(|(_, reference)| reference.clone())
    }

    /// The reference of the request that the message names, where it was merged into the one that counts.
    fn through(&self) -> Option<String> {
        let counts = self.judgement.verdict.request()?;
        self.snapshot.named.as_ref().filter(|(id, _)| *id != counts).map(|(_, reference)| reference.clone())
    }

    fn recorded(&self, request: Option<String>, mails: &[Effect]) -> Event {
        let (_, rule) = official(&self.arrival.times);
        let (acknowledgement, acknowledgement_reason) = parts(&self.judgement.acknowledgement);
        Event::MessageRecorded(Box::new(MessageRecord {
            message: self.arrival.digest.to_owned(),
            mailbox: self.desk.policy.name.clone(),
            folder: self.arrival.folder.to_owned(),
            verdict: self.judgement.verdict.name(),
            reason: self.judgement.reason.clone(),
            from_kind: self.judgement.from_kind(),
            commitment: self.judgement.commitment.clone(),
            due_on: self.judgement.deadline.as_ref().map(|deadline| deadline.due_on),
            request,
            through: self.through(),
            person: self.snapshot.person.as_ref().map(|(_, digest)| digest.clone()),
            received_at: self.judgement.received_at,
            rule,
            times: self.arrival.times,
            acknowledgement,
            acknowledgement_reason,
            mails: mails.iter().map(|mail| (mail.kind, mail.id.clone())).collect(),
        }))
    }

    /// Our side answers the request to which the message is linked, and with it the others that it may answer.
    fn answer(&self, decision: &mut Decision) {
        let Some(linked) = self.snapshot.linked.clone() else { return };
        let own_sent = self.arrival.role == FolderRole::Sent && linked.mailbox == self.desk.policy.name;
        let evidence = match self.judgement.reason.code {
            SAME_SUBJECT => Evidence::SameSubject,
            _ if own_sent => Evidence::SentReply,
            _ => Evidence::SeenReply,
        };
        let alike = self.snapshot.alike.iter().cloned().map(|request| (request, Evidence::SameSubject));
        let holding = is_holding(&self.arrival.facts.subject, self.desk.policy);
        for (mut request, evidence) in std::iter::once((linked, evidence)).chain(alike) {
            let mut answer = gesture::reply(self.desk, &request, self.judgement.received_at, evidence, holding);
            if let Change::Answered { confidence, .. } = &mut answer
                && self.judgement.reason.code == OTHER_ADDRESS
            {
                // The requester's second address, or another administration that was asked: a human should look.
                *confidence = Confidence::Low;
            }
            self.change(&mut request, answer, decision);
        }
    }

    /// The requester wrote while pieces were missing: the clock runs on, whether or not they are all there. An agent who
    /// misses some says so again.
    fn resume(&self, decision: &mut Decision) {
        let Some(mut request) = self.snapshot.linked.clone() else { return };
        let at = self.judgement.received_at;
        if request.incomplete_since.is_some_and(|since| since <= at) {
            let resumed = gesture::resume(self.desk, &request, at, None, "follow_up");
            self.change(&mut request, resumed, decision);
        }
    }

    /// Our side forwarded the request: to this watched mailbox, which has it from now on, or outside, which is no answer.
    fn handed_on(&self, decision: &mut Decision) {
        if self.judgement.reason.code != "forwarded_by_us" {
            return;
        }
        let (facts, policy) = (self.arrival.facts, self.desk.policy);
        let recipients = || facts.to.iter().chain(&facts.cc).chain(&facts.bcc);
        if self.arrival.role != FolderRole::Sent && recipients().any(|address| policy.is_mine(address)) {
            self.hand_over(self.judgement.received_at, decision);
        } else if recipients().any(|address| !policy.is_ours(address) && !policy.is_internal(address)) {
            let Some(mut request) = self.snapshot.linked.clone() else { return };
            self.change(&mut request, Change::Forwarded { at: self.judgement.received_at }, decision);
        }
    }

    /// The request belongs to this mailbox from now on, with its first clock.
    fn hand_over(&self, at: DateTime<Utc>, decision: &mut Decision) {
        let Some(mut request) = self.snapshot.linked.clone() else { return };
        let at = at.max(request.received_at);
        let moved = gesture::moved(self.desk.policy, &request, at, None);
        self.change(&mut request, moved, decision);
        if request.deleted_at.is_some() && self.snapshot.moved_here {
            self.change(&mut request, Change::SourceRestored { at }, decision);
        }
    }

    /// Applies a change that the message brings; the alerts that are left are reckoned at the next tick.
    fn change(&self, request: &mut Request, wanted: Change, decision: &mut Decision) {
        if change(request, wanted, Some(self.arrival.digest.to_owned()), decision) {
            request.next_alert_at = request.is_running().then_some(self.arrival.times.observed_at);
            decision.requests.push(request.clone());
        }
    }

    /// A final delivery failure of our mail: the requester's address is undeliverable, and where it was the
    /// acknowledgement that bounced, the requester was told nothing. Nothing is reopened by it.
    fn bounce(&self, decision: &mut Decision) {
        let report = self.arrival.facts.report.as_ref();
        let Some(report) = report.filter(|report| report.kind == ReportKind::DeliveryFailure) else { return };
        let (message, at) = (self.arrival.digest.to_owned(), self.judgement.received_at);
        let (mailbox, status) = (self.desk.policy.name.clone(), report.status.clone());
        let linked = self.snapshot.linked.clone();
        if let (Some(mut request), Some(effect)) = (linked, self.snapshot.bounced_mail.clone()) {
            let lost = Change::Acknowledgement { at, state: AcknowledgementState::Refused };
            if change(&mut request, lost, Some(message.clone()), decision) {
                let (reference, mailbox) = (request.reference.clone(), mailbox.clone());
                let (message, status) = (message.clone(), status.clone());
                decision.events.push(Event::Bounced { effect, reference, mailbox, message, status, at });
                decision.requests.push(request);
            }
        }
        if let Some(person) = self.snapshot.linked_person.clone() {
            decision.events.push(Event::Undeliverable { person, mailbox, message, status, at });
        }
    }

    /// Mail reaches the author again, although a report said that it did not.
    fn regained(&self) -> Option<Event> {
        let (_, person) = self.snapshot.person.as_ref()?;
        let why = regained(self.desk, self.arrival.facts, self.snapshot, self.judgement.received_at)?;
        Some(Event::Deliverable {
            person: person.clone(),
            mailbox: self.desk.policy.name.clone(),
            message: self.arrival.digest.to_owned(),
            why,
            at: self.judgement.received_at,
        })
    }
}

fn regained(
    desk: Desk<'_>,
    facts: &MessageFacts,
    snapshot: &Snapshot,
    received_at: DateTime<Utc>,
) -> Option<&'static str> {
    reach::regained(facts, desk.policy, snapshot.undeliverable?, received_at)
}

/// Applies a change to a request and writes it down; `false` where the request refuses it.
pub fn change(request: &mut Request, change: Change, message: Option<String>, decision: &mut Decision) -> bool {
    if request.apply(&change).is_err() {
        return false;
    }
    decision.events.push(Event::Changed {
        reference: request.reference.clone(),
        mailbox: request.mailbox.clone(),
        message,
        change,
    });
    true
}
