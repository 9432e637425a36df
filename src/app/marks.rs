//! What the agents' mail clients show on messages → what it says of their requests: gestures, flags, a message that is gone.
//!
//! *Start reading* at [`follow`]. The marks that a message bears are held against those that it bore when it was last
//! looked at: what was added takes effect, what was taken away is undone, each as a new entry. A flag and a disappearance
//! are not believed at once: the reply to which the flag belongs, or the folder into which the message was moved, may come
//! to light a moment later. [`look_again`] concludes.

use chrono::{DateTime, TimeDelta, Utc};

use super::Result;
use super::gesture::{carry_out, destination, final_request};
use crate::domain::alert;
use crate::domain::decide::{Decision, Desk, change};
use crate::domain::evidence::Evidence;
use crate::domain::gesture::{self, Gesture, GestureRule, Lying, Means, Said};
use crate::domain::marks::{Made, Marks};
use crate::domain::office::Office;
use crate::domain::request::{Change, MessageId, Request, RequestId, Status};
use crate::domain::verdict::Verdict;
use crate::store::{CopyRow, MarkedRow, StandingRow, Store, Turn};

/// How long a better proof than a flag is waited for, and a message that is gone to turn up in another folder.
const GRACE: TimeDelta = TimeDelta::minutes(15);
/// Requests looked at again in one turn.
const REQUESTS_PER_TURN: i64 = 1_000;
/// The verdict of what machines send, vigie among them.
const AUTOMATED: &str = "automated";
/// The code of a suspension by a gesture.
const MISSING: &str = "missing_items";

/// Takes account of what these messages bear now, in the places where they lie now.
pub(super) async fn follow(turn: &mut Turn, office: &Office, ids: &[MessageId], now: DateTime<Utc>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let lying = turn.lying(ids).await?;
    for message in turn.standings(ids).await? {
        // A machine's message says nothing of a request wherever it is moved: our acknowledgement's copy least of all.
        if message.verdict == AUTOMATED {
            continue;
        }
        let Some(desk) = office.desk(&message.mailbox) else { continue };
        let places = lying.get(&MessageId(message.id)).map_or(&[][..], Vec::as_slice);
        let before = Marks::from_text(&message.marks);
        let after = before.seen_at(&desk.policy.gestures, places, now);
        let Some(request) = request_of(turn, &message).await? else { continue };
        let mut case =
            Case { turn: &mut *turn, office, message: &message, request, decision: Decision::default(), now };
        case.place(places).await?;
        if before != after {
            case.gestures(&desk.policy.gestures, &before, &after).await?;
            case.flags(&before, &after).await?;
        }
        case.save().await?;
        if before != after {
            turn.save_marks(message.id, &after.text()).await?;
        }
    }
    Ok(())
}

/// Concludes about the requests that wait to be looked at again; whether there are more.
pub(super) async fn look_again(turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<bool> {
    let until = now - GRACE;
    let waiting = turn.to_look_at(until, REQUESTS_PER_TURN).await?;
    let ids: Vec<RequestId> = waiting.iter().map(|(id, _)| *id).collect();
    let requests = turn.requests(&ids).await?;
    let sources: Vec<MessageId> = requests.values().map(|request| request.message).collect();
    let (marks, present) = (turn.marks_of(&ids).await?, turn.present(&sources).await?);
    let copies = turn.copies_of(&ids).await?;
    let (mut decision, mut saved) = (Decision::default(), Vec::new());
    for (id, seen_at) in &waiting {
        let Some(mut request) = requests.get(id).cloned() else { continue };
        let Some(desk) = office.desk(&request.mailbox) else { continue };
        if request.status != Status::Open {
            continue;
        }
        let before = decision.events.len();
        // A flag that was there before was looked at in its time.
        let flags = flags_of(*id, &marks).into_iter().filter(|flagged_at| flagged_at >= seen_at).collect();
        if let Some(at) = of_no_reply_seen(turn, desk, &request, flags).await? {
            let answer = gesture::reply(desk, &request, at, Evidence::Flag, false);
            change(&mut request, answer, None, &mut decision);
        }
        if !present.contains(&request.message) {
            match whereabouts(office, &request, &copies) {
                Whereabouts::Here => {}
                Whereabouts::In(to) => {
                    for wanted in taken_along(desk, to, &request, *seen_at) {
                        change(&mut request, wanted, None, &mut decision);
                    }
                }
                Whereabouts::Gone => {
                    change(&mut request, Change::SourceDeleted { at: *seen_at }, None, &mut decision);
                }
            }
        }
        let Some(desk) = office.desk(&request.mailbox) else { continue };
        if decision.events.len() > before {
            request.next_alert_at = alert::next_alert(desk.clock(), &request);
            saved.push(request);
        }
    }
    turn.save_requests(&saved).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    turn.looked_at(until, &ids).await?;
    Ok(i64::try_from(waiting.len()).unwrap_or(i64::MAX) >= REQUESTS_PER_TURN)
}

/// When the next request has to be looked at again; `None` where none has.
pub(super) async fn next_look(store: &Store) -> Result<Option<DateTime<Utc>>> {
    Ok(store.first_to_look_at().await?.map(|seen_at| seen_at + GRACE))
}

/// Whether a message of this verdict is the requester's: a flag on it is about answering the request.
fn is_theirs(verdict: &str) -> bool {
    [Verdict::Request.name(), "request_again", "follow_up", "duplicate", Verdict::Unreadable.name()].contains(&verdict)
}

/// When the requester's messages of a request were flagged as answered.
fn flags_of(id: RequestId, marked: &[MarkedRow]) -> Vec<DateTime<Utc>> {
    let theirs = marked.iter().filter(|row| row.request == id.0 && is_theirs(&row.verdict));
    theirs.filter_map(|row| Marks::from_text(&row.marks).answered).collect()
}

/// The first of these flags that is not that of a reply that was seen, of a holding reply for one. Clients flag on the day
/// on which they send, and vigie may see that day's reply and flag later: the flag of a later day is that of a reply which
/// nobody sees.
async fn of_no_reply_seen(
    turn: &mut Turn,
    desk: Desk<'_>,
    request: &Request,
    flags: Vec<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>> {
    if flags.is_empty() {
        return Ok(None);
    }
    let day = |at| desk.calendar.civil(at);
    let replies = turn.replies_of(request.id).await?.into_iter().filter(|reply| reply.at >= request.received_at);
    let last_reply = replies.map(|reply| day(reply.at.max(reply.seen_at))).max();
    Ok(flags.into_iter().filter(|flagged_at| last_reply.is_none_or(|last| last < day(*flagged_at))).min())
}

/// An agent moved the message of a request to another mailbox: the request goes along, and out of the folder that had said
/// that pieces are missing its clock goes on.
fn taken_along(from: Desk<'_>, to: Desk<'_>, request: &Request, at: DateTime<Utc>) -> Vec<Change> {
    let left = request.incomplete_since.is_some() && request.gesture == Some(request.message);
    let resumed = left.then(|| gesture::resume(from, request, at, None, "gesture"));
    resumed.into_iter().chain([gesture::moved(to.policy, request, at, None)]).collect()
}

/// Where the message of a request lies that is gone from its own place.
enum Whereabouts<'a> {
    /// A copy lies in the mailbox that has the request.
    Here,
    /// An agent moved it into the mailbox of this desk.
    In(Desk<'a>),
    /// Nowhere that is watched.
    Gone,
}

fn whereabouts<'a>(office: &'a Office, request: &Request, copies: &[CopyRow]) -> Whereabouts<'a> {
    let mut copies = copies.iter().filter(|copy| copy.request == request.id);
    if copies.clone().any(|copy| copy.mailbox == request.mailbox) {
        return Whereabouts::Here;
    }
    copies
        .find_map(|copy| office.desk(&copy.mailbox).filter(|_| copy.by_hand))
        .map_or(Whereabouts::Gone, Whereabouts::In)
}

/// The request that a message is about: its own, that of the mail of ours that it is a copy of, or the one into which
/// that was merged.
async fn request_of(turn: &mut Turn, message: &StandingRow) -> Result<Option<Request>> {
    let mut id = (message.request != 0).then_some(RequestId(message.request));
    if id.is_none() && !message.message_id.is_empty() {
        id = turn.requests_by_message_id(std::slice::from_ref(&message.message_id)).await?.into_values().next();
    }
    let Some(id) = id else { return Ok(None) };
    match turn.requests(&[id]).await?.remove(&id) {
        Some(request) if request.merged_into.is_some() => final_request(turn, &request.reference).await,
        found => Ok(found),
    }
}

/// Whether what a gesture said still holds where another is made upon it: an answer stays the first, a holding reply one,
/// and what settles a request ends a suspension by itself.
fn stays_under(means: &Means, upon: &Means) -> bool {
    matches!((means, upon), (Means::Incomplete | Means::Holding, _) | (Means::Answered(_), Means::Answered(_)))
}

/// A message whose marks changed, and its request.
struct Case<'a> {
    turn: &'a mut Turn,
    office: &'a Office,
    message: &'a StandingRow,
    request: Request,
    decision: Decision,
    now: DateTime<Utc>,
}

impl<'a> Case<'a> {
    /// The request's own message is gone, or is there again.
    async fn place(&mut self, places: &[Lying]) -> Result<()> {
        if self.request.message != MessageId(self.message.id) || self.request.status != Status::Open {
            return Ok(());
        }
        if places.is_empty() {
            let copies = self.turn.copies_of(&[self.request.id]).await?;
            match whereabouts(self.office, &self.request, &copies) {
                Whereabouts::Here => {}
                Whereabouts::In(to) => {
                    let Some(desk) = self.desk() else { return Ok(()) };
                    for wanted in taken_along(desk, to, &self.request, self.now) {
                        self.change(wanted);
                    }
                }
                Whereabouts::Gone => self.turn.look_again(self.request.id, self.now).await?,
            }
        } else if self.request.deleted_at.is_some() {
            self.change(Change::SourceRestored { at: self.now });
        }
        Ok(())
    }

    async fn gestures<'r>(&mut self, rules: &'r [GestureRule], before: &'r Marks, after: &'r Marks) -> Result<()> {
        let (was, is) = (before.gestures.first(), after.gestures.first());
        if was.map(|made| &made.name) == is.map(|made| &made.name) {
            return Ok(());
        }
        let known = |made: &'r Made| Some((made, &rules.iter().find(|rule| rule.name() == made.name)?.means));
        let (gone, new) = (was.and_then(known), is.and_then(known));
        if was.is_some() && gone.is_none() {
            // The configuration does not know it any more: what it said stays said.
            return Ok(());
        }
        let mut at = self.now;
        if let Some((was, means)) = gone {
            let upon = new.filter(|_| after.bears(&was.name));
            if !upon.is_some_and(|(_, upon)| stays_under(means, upon)) {
                let answered_at = self.request.settled_at.filter(|_| self.request.status == Status::Answered);
                let slip = new.is_none() && self.now - was.since < GRACE;
                self.undo(was, means, slip).await?;
                if let (Some(answered_at), Some((_, Means::Answered(_)))) = (answered_at, new) {
                    // By another way than was said first, and not at another time.
                    at = answered_at;
                }
            }
        }
        let Some((is, means)) = new else { return self.said_elsewhere(rules, after).await };
        match was {
            Some(was) if before.bears(&is.name) => self.make_again(is, means, was.since).await,
            Some(_) | None => self.make(&is.name, means, at).await,
        }
    }

    /// A gesture is undone: what another message of the request bears still counts, and so does a flag that was not believed
    /// because the gesture said more.
    async fn said_elsewhere(&mut self, rules: &[GestureRule], after: &Marks) -> Result<()> {
        let others = self.turn.marks_of(&[self.request.id]).await?;
        let others = others.into_iter().filter(|row| row.id != self.message.id && is_theirs(&row.verdict));
        let mut flags: Vec<DateTime<Utc>> = after.answered.into_iter().collect();
        for (id, marks) in others.map(|row| (row.id, Marks::from_text(&row.marks))) {
            flags.extend(marks.answered);
            let Some(made) = marks.gestures.first() else { continue };
            let Some(rule) = rules.iter().find(|rule| rule.name() == made.name) else { continue };
            if self.request.gesture.is_none() && self.request.status == Status::Open {
                self.make_again(made, &rule.means, made.since).await?;
                self.request.gesture = self.request.gesture.map(|_| MessageId(id));
            }
        }
        if let Some(flagged_at) = flags.into_iter().min()
            && self.request.status == Status::Open
            && !self.turn.undone_since(&self.request.reference, flagged_at).await?
        {
            self.turn.look_again(self.request.id, flagged_at).await?;
        }
        Ok(())
    }

    /// The gesture that lay upon an earlier one is undone: the earlier one counts again, as of its own time, unless
    /// something else has ended what it said. A suspension had been ended by the gesture upon it, and goes on from there.
    async fn make_again(&mut self, made: &Made, means: &Means, upon_since: DateTime<Utc>) -> Result<()> {
        let since = made.since.max(self.request.received_at);
        if self.turn.undone_since(&self.request.reference, since).await? {
            return Ok(());
        }
        let at = if *means == Means::Incomplete { since.max(upon_since) } else { since };
        self.make(&made.name, means, at).await
    }

    /// A gesture was made, at an instant.
    async fn make(&mut self, name: &str, means: &Means, at: DateTime<Utc>) -> Result<()> {
        let at = match means {
            // On our own mail the gesture says what that mail was.
            Means::Holding if self.message.verdict == "reply" => {
                DateTime::from_timestamp_millis(self.message.received_at).unwrap_or(self.now)
            }
            Means::Holding
            | Means::Answered(_)
            | Means::Transferred(_)
            | Means::NoReplyNeeded(_)
            | Means::Incomplete => at,
        };
        let wanted = match means {
            Means::Answered(way) => Gesture::Answer(*way),
            Means::Holding => Gesture::Holding,
            Means::Transferred(to) => destination(self.office, to),
            Means::NoReplyNeeded(motive) => Gesture::Close { motive: motive.clone() },
            Means::Incomplete => Gesture::Suspend { motive: MISSING.to_owned() },
        };
        let said = Said { by: name.to_owned(), at, in_client: true, note: None };
        let Some(desk) = self.desk() else { return Ok(()) };
        if let Ok(done) = carry_out(desk, &mut self.request, wanted, &said) {
            self.decision.events.extend(done.events);
            self.request.gesture = Some(MessageId(self.message.id));
            if let Means::Transferred(to) = means {
                super::transfer::tell(self.turn, desk, &self.request, to, self.now).await?;
            }
        }
        Ok(())
    }

    /// A gesture was undone: so is what it made, where nothing else has made the state since.
    async fn undo(&mut self, made: &Made, means: &Means, slip: bool) -> Result<()> {
        if self.request.gesture != Some(MessageId(self.message.id)) {
            return Ok(());
        }
        let by = Some(made.name.clone());
        let Some(desk) = self.desk() else { return Ok(()) };
        match (self.request.status, means) {
            (Status::Answered | Status::Closed | Status::Transferred, _) => {
                self.reopen("gesture_undone", by);
                self.answers_since(made.since).await?;
            }
            (Status::Open, _) if self.request.incomplete_since.is_some() => {
                let resumed = gesture::resume(desk, &self.request, self.now, by, "gesture");
                self.change(resumed);
            }
            (Status::Open, Means::Transferred(_)) => self.move_back(by),
            // What was called a holding reply stays one wherever the message is moved to work on it, but for a slip.
            (Status::Open, Means::Holding) if slip => {
                let held_at = self.request.holding_at.take();
                self.answers_since(held_at.unwrap_or(self.now)).await?;
                self.request.holding_at = held_at;
            }
            (Status::Open, Means::Answered(_) | Means::Holding | Means::NoReplyNeeded(_) | Means::Incomplete) => {}
        }
        self.request.gesture = None;
        Ok(())
    }

    /// The answers of ours that came since an instant count again, once the gesture that stood before them is undone. Those
    /// before it were known when it was made, and whatever was said of them stands.
    async fn answers_since(&mut self, since: DateTime<Utc>) -> Result<()> {
        for reply in self.turn.replies_of(self.request.id).await?.into_iter().filter(|reply| reply.at >= since) {
            let Some(desk) = self.desk() else { return Ok(()) };
            let evidence = reply.evidence(&self.request.mailbox);
            let answer = gesture::reply(desk, &self.request, reply.at, evidence, reply.holding);
            change(&mut self.request, answer, Some(reply.digest), &mut self.decision);
        }
        Ok(())
    }

    /// To the mailbox in which the message lies.
    fn move_back(&mut self, by: Option<String>) {
        let Some(policy) = self.office.desk(&self.message.mailbox).map(|desk| desk.policy) else { return };
        self.change(gesture::moved(policy, &self.request, self.now, by));
    }

    fn reopen(&mut self, why: &str, by: Option<String>) {
        let Some(desk) = self.desk() else { return };
        for change in gesture::reopen(desk, &self.request, self.now, why, (None, by)) {
            self.change(change);
        }
    }

    /// The client's own flags: a better proof is waited for before `\Answered` is believed.
    async fn flags(&mut self, before: &Marks, after: &Marks) -> Result<()> {
        if !is_theirs(&self.message.verdict) {
            return Ok(());
        }
        if after.answered.is_some() && before.answered.is_none() && self.request.status == Status::Open {
            self.turn.look_again(self.request.id, self.now).await?;
        }
        if let Some(since) = before.answered.filter(|_| after.answered.is_none())
            && self.request.evidence == Some(Evidence::Flag)
        {
            self.reopen("flag_removed", None);
            self.answers_since(since).await?;
        }
        if after.forwarded && !before.forwarded {
            self.change(Change::Forwarded { at: self.now });
        }
        Ok(())
    }

    fn desk(&self) -> Option<Desk<'a>> {
        self.office.desk(&self.request.mailbox)
    }

    fn change(&mut self, wanted: Change) {
        // The entry names the message only where it belongs to the request.
        let digest = (self.message.request == self.request.id.0).then(|| self.message.digest.clone());
        change(&mut self.request, wanted, digest, &mut self.decision);
    }

    async fn save(mut self) -> Result<()> {
        if self.decision.events.is_empty() {
            return Ok(());
        }
        if let Some(desk) = self.office.desk(&self.request.mailbox) {
            self.request.next_alert_at = alert::next_alert(desk.clock(), &self.request);
        }
        self.turn.save_requests(std::slice::from_ref(&self.request)).await?;
        for event in &self.decision.events {
            self.turn.write_down(event, self.now);
        }
        Ok(())
    }
}
