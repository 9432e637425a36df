//! Bytes that arrived in a folder → recorded, judged, threaded, decided, committed: a whole batch in one turn.
//!
//! *Start reading* at [`ingest`]. Within a batch each message sees what the ones before it decided: [`Overlay`] holds
//! what the store said at the beginning of the turn, and what was added since.

mod appearances;
mod links;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};

use self::appearances::{duplicates, load_by_email_id};
use self::links::{Awaited, BySubject};
use super::Result;
pub use super::arrived::Arrived;
use super::marks;
use super::reach::{self, named_by, reported};
use super::tally::Tally;
use crate::domain::acknowledge::{Acknowledgement, SentCounts};
use crate::domain::address::Address;
use crate::domain::breaker::Breaker;
use crate::domain::classify::{FolderRole, HOLDING, Links, ThreadLink, may_answer_unseen};
use crate::domain::decide::{self, Arrival, Decision, Desk, EarlyReply, Judgement, Snapshot};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::identity::{identity, unreadable};
use crate::domain::message::MessageFacts;
use crate::domain::office::Office;
use crate::domain::policy::{Mode, Watch};
use crate::domain::receipt::{Times, official};
use crate::domain::request::{MessageId, PersonId, Request, RequestId, Status};
use crate::domain::requester::{asker, asker_name};
use crate::domain::thread::{ancestors, belongs_to};
use crate::domain::verdict::Reason;
use crate::domain::warning::{Warning, own_answer};
use crate::store::{FolderCursor, Kept, KnownMessage, Lease, LocationRow, MailboxRow, MessageRow, Person, Store, Turn};

/// The span over which messages of one sender are counted (CRPA L112-11).
const ABUSE_SPAN: TimeDelta = TimeDelta::hours(1);

/// The folder that a batch comes from.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The prefecture: whom to warn.
    pub office: &'a Office,
    /// The desk of its mailbox.
    pub desk: Desk<'a>,
    /// How far it was read.
    pub cursor: FolderCursor,
    /// What it is for.
    pub role: FolderRole,
    /// The node's right to watch the mailbox.
    pub lease: Option<&'a Lease>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Messages recorded for the first time.
    pub recorded: usize,
    /// Known messages seen at another place.
    pub moved: usize,
    /// Requests opened.
    pub opened: usize,
    /// Mails put into the queue.
    pub queued: usize,
}

impl Ingested {
    /// Adds what became of another batch.
    pub fn add(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.moved += other.moved;
        self.opened += other.opened;
        self.queued += other.queued;
    }
}

/// Makes sure that the store knows the mailbox and its mode: from this instant on it is watched, or acknowledged.
pub async fn switch_on(store: &Store, desk: Desk<'_>, now: DateTime<Utc>) -> Result<Watch> {
    // INTERNALDATE has whole seconds: what arrives within the second of the switch is not older than it.
    let now = now.trunc_subsecs(0);
    let mut turn = store.begin().await?;
    let known = turn.mailbox(&desk.policy.name).await?;
    let mode = desk.policy.mode;
    let acknowledging = (mode == Mode::Acknowledge).then_some(now);
    let row = match known {
        Some(row) if row.mode == mode => return Ok(row.watch),
        Some(row) => {
            let watch = Watch { acknowledging_since: acknowledging, ..row.watch };
            MailboxRow { mode, watch, ..row }
        }
        None => {
            let watch = Watch { watched_since: now, acknowledging_since: acknowledging };
            MailboxRow { mode, watch, blind_since: None, blind_reported: false }
        }
    };
    turn.save_mailbox(&desk.policy.name, row).await?;
    turn.write_down(&Event::MailboxMode { mailbox: desk.policy.name.clone(), mode, at: now }, now);
    turn.commit().await?;
    Ok(row.watch)
}

/// Records, judges and decides a batch in the order of its UIDs, moves the folder's cursor to `cursor`, and commits.
pub async fn ingest(store: &Store, source: &Source<'_>, batch: &[Arrived], now: DateTime<Utc>) -> Result<Ingested> {
    let parsed: Vec<Parsed<'_>> =
        batch.iter().map(|arrived| Parsed::read(arrived, &source.desk.policy.name, now)).collect();
    let mut turn = store.begin().await?;
    if let Some(lease) = source.lease {
        turn.check_lease(lease).await?;
    }
    let mut overlay = Overlay::load(&mut turn, source, &parsed, now).await?;
    for message in &parsed {
        overlay.take_in(&mut turn, source, message, now).await?;
    }
    let marked = overlay.marked(source);
    let ingested = overlay.write(&mut turn, source.office, now).await?;
    marks::follow(&mut turn, source.office, &marked, now).await?;
    turn.move_cursor(&source.cursor, now).await?;
    turn.commit().await?;
    Ok(ingested)
}

/// A message, parsed.
struct Parsed<'a> {
    arrived: &'a Arrived,
    facts: &'a MessageFacts,
    times: Times,
    identity: String,
}

impl<'a> Parsed<'a> {
    fn read(arrived: &'a Arrived, mailbox: &str, now: DateTime<Utc>) -> Self {
        let facts = &arrived.facts;
        // 1970 is what clocks and servers say that know no date
        let said = |date: Option<DateTime<Utc>>| date.filter(|date| *date != DateTime::UNIX_EPOCH);
        let times = Times {
            internal_date: said(arrived.internal_date),
            received: said(facts.received),
            date: said(facts.date),
            observed_at: now,
        };
        let identity =
            if arrived.readable { identity(facts, &times) } else { unreadable(mailbox, arrived.size, &times) };
        Self { arrived, facts, times, identity }
    }

    /// Who asks, where that is a person to be kept: nobody of our own side.
    fn author(&self, desk: Desk<'_>) -> Option<&Address> {
        // An agent may ask too, where internal mail opens requests.
        let policy = desk.policy;
        let asks =
            |author: &&Address| !policy.is_ours(author) || (policy.internal_opens_request && !policy.is_mine(author));
        asker(self.facts, policy).filter(asks)
    }
}

/// A judged message's place in the store.
struct Slot {
    digest: String,
    id: MessageId,
    person: Option<PersonId>,
    answered_by: Option<EarlyReply>,
}

/// What the store said at the beginning of the turn, and what the batch added since.
struct Overlay {
    watch: Watch,
    known: HashMap<String, KnownMessage>,
    /// The same by the server's identifiers, the oldest first.
    by_email_id: HashMap<String, Vec<KnownMessage>>,
    /// The number from which a message's next appearance is looked for: those before it lie in the folder already.
    numbers: HashMap<String, u32>,
    threads: HashMap<String, RequestId>,
    /// Our mails to the public that the batch names, by Message-ID: their ids.
    mails: HashMap<String, String>,
    requests: HashMap<RequestId, Request>,
    /// Requests that were merged, each with the one that counts.
    merged: HashMap<RequestId, RequestId>,
    /// The open requests of those to whom our side writes in this batch, by address.
    awaited: HashMap<String, Vec<Awaited>>,
    persons: HashMap<String, Person>,
    addresses: HashMap<PersonId, String>,
    early: HashMap<String, EarlyReply>,
    breaker: Breaker,
    tally: Tally,
    written: Written,
}

/// What the turn will write.
#[derive(Default)]
struct Written {
    messages: Vec<MessageRow>,
    locations: Vec<LocationRow>,
    requests: Vec<Request>,
    effects: Vec<(Effect, String)>,
    warnings: Vec<Effect>,
    events: Vec<Event>,
    early: Vec<(String, MessageId)>,
    attached: Vec<(String, RequestId)>,
    ingested: Ingested,
}

impl Overlay {
    async fn load(turn: &mut Turn, source: &Source<'_>, batch: &[Parsed<'_>], now: DateTime<Utc>) -> Result<Self> {
        let desk = source.desk;
        let watch = turn.mailbox(&desk.policy.name).await?.map(|row| row.watch);
        let watch = watch.unwrap_or(Watch { watched_since: now, acknowledging_since: None });
        let identities: Vec<String> = batch.iter().map(|message| message.identity.clone()).collect();
        let known = turn.known_messages(&identities).await?;
        let by_email_id = load_by_email_id(turn, source, batch).await?;
        let mut named: HashSet<String> = HashSet::new();
        for message in batch {
            named.extend(ancestors(message.facts).into_iter().map(str::to_owned));
            named.extend(reported(message.facts).cloned());
        }
        let named: Vec<String> = named.into_iter().collect();
        let threads = turn.requests_by_message_id(&named).await?;
        let mails = turn.public_mails(&named).await?;
        let mut linked: Vec<RequestId> = threads.values().copied().collect();
        linked.extend(known.values().filter(|message| message.request != 0).map(|message| RequestId(message.request)));
        linked.sort_unstable();
        linked.dedup();
        let mut requests = turn.requests(&linked).await?;
        let merged = links::follow_merges(turn, &mut requests).await?;
        let awaited = links::awaited(turn, source, batch, &mut requests).await?;
        let requesters: Vec<PersonId> = requests.values().filter_map(|request| request.person).collect();
        let mut addresses = turn.addresses(&requesters).await?;
        let new = |message: &&Parsed<'_>| {
            let by_server = message.arrived.email_id.as_ref().is_some_and(|id| by_email_id.contains_key(id));
            !by_server && !known.contains_key(&message.identity)
        };
        let persons = turn.persons(&authors(batch.iter().filter(new), desk)).await?;
        addresses.extend(persons.iter().map(|(address, person)| (person.id, address.clone())));
        let ids: Vec<String> = batch.iter().filter_map(|message| message.facts.message_id.clone()).collect();
        let early = turn.early_replies(&ids).await?;
        let breaker = turn.breaker().await?;
        let (tally, written, numbers) = (Tally::default(), Written::default(), HashMap::new());
        Ok(Self {
            watch,
            known,
            by_email_id,
            numbers,
            threads,
            mails,
            requests,
            merged,
            awaited,
            persons,
            addresses,
            early,
            breaker,
            tally,
            written,
        })
    }

    /// Takes one message in: a known one is seen at another place, a new one is judged.
    async fn take_in(
        &mut self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let place = |id: MessageId| LocationRow {
            folder: source.cursor.id,
            uid_validity: source.cursor.uid_validity,
            uid: i64::from(message.arrived.uid),
            message: id,
            seen_at: now,
            flags: message.arrived.flags.clone(),
        };
        let (digest, seen) = self.appearance(turn, source, message).await?;
        if let Some(known) = seen {
            self.written.ingested.moved += 1;
            self.written.locations.push(place(MessageId(known.id)));
            return Ok(());
        }
        let id = turn.take_message_id();
        self.written.locations.push(place(id));
        self.meet(turn, source.desk, message).await?;
        self.judge(turn, source, message, (id, digest), now).await
    }

    /// Makes the author known. Who wrote what is recorded already is not asked for before: a person who was forgotten must
    /// not come back because an old message was seen at another place.
    async fn meet(&mut self, turn: &mut Turn, desk: Desk<'_>, message: &Parsed<'_>) -> Result<()> {
        let mut unknown = authors(std::iter::once(message), desk);
        unknown.retain(|(address, _)| !self.persons.contains_key(&address.canonical()));
        if !unknown.is_empty() {
            let met = turn.persons(&unknown).await?;
            self.addresses.extend(met.iter().map(|(address, person)| (person.id, address.clone())));
            self.persons.extend(met);
        }
        Ok(())
    }

    async fn judge(
        &mut self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
        (id, digest): (MessageId, String),
        now: DateTime<Utc>,
    ) -> Result<()> {
        let desk = source.desk;
        let duplicate_of = self.known.get(&message.identity).and_then(|first| duplicates(source, message, first));
        let year = desk.calendar.civil(official(&message.times).0).year();
        let number = turn.peek_number(&desk.policy.reference_prefix, year).await?;
        let reference = format!("{}-{year}-{number:06}", desk.policy.reference_prefix);
        let arrival = Arrival {
            facts: message.facts,
            folder: &source.cursor.name,
            role: source.role,
            times: message.times,
            digest: &digest,
            message: id,
        };
        let mut snapshot =
            self.snapshot(turn, source, message, duplicate_of, (turn.peek_request_id(), reference)).await?;
        let (mut judgement, mut decision) = decide::on_message(desk, &arrival, &snapshot, now);
        if let Acknowledgement::Send { to, .. } = &judgement.acknowledgement {
            let thread = judgement.verdict.request();
            let whom = (to, thread, desk.policy.name.as_str());
            snapshot.sent = self.tally.counts(turn, whom, &self.breaker, now).await?;
            snapshot.recent = self.tally.recent(turn, to, now).await?.to_vec();
            (judgement, decision) = decide::on_message(desk, &arrival, &snapshot, now);
        }
        if decision.requests.iter().any(|request| request.id == snapshot.next.0) {
            turn.take_request_id();
            turn.take_number(&desk.policy.reference_prefix, year);
            self.written.ingested.opened += 1;
        }
        let slot = Slot {
            digest,
            id,
            person: snapshot.person.as_ref().map(|(person, _)| *person),
            answered_by: snapshot.answered_by,
        };
        self.count(source, &decision, snapshot.sent, now);
        self.remember(source, message, &judgement, now);
        self.keep(source, message, slot, &judgement, decision);
        Ok(())
    }

    async fn snapshot(
        &self,
        turn: &mut Turn,
        source: &Source<'_>,
        message: &Parsed<'_>,
        duplicate_of: Option<Option<RequestId>>,
        next: (RequestId, String),
    ) -> Result<Snapshot> {
        let desk = source.desk;
        let person = message.author(desk).and_then(|author| self.persons.get(&author.canonical()));
        let threaded = belongs_to(message.facts, |id| self.threads.get(id).copied());
        let bounced = reported(message.facts).find_map(|id| self.threads.get(id).copied()).or(threaded);
        // Who wrote a request that was merged is a requester of the one that counts.
        let writer = threaded.and_then(|id| self.requests.get(&id)).and_then(|request| request.person);
        // What happens to a merged request happens to the one that counts, until they are parted again.
        let named = duplicate_of.flatten().or(threaded).and_then(|id| self.requests.get(&id));
        let named = named.map(|request| (request.id, request.reference.clone()));
        let [duplicate, threaded, bounced] =
            [duplicate_of.flatten(), threaded, bounced].map(|id| id.map(|id| self.counting(id)));
        let BySubject { link: by_subject, mut alike } = self.by_subject(source, message);
        let guessed = by_subject.map(|link| link.request).filter(|_| threaded.is_none());
        let linked = duplicate.or(threaded).or(bounced).or(guessed);
        let linked = linked.and_then(|id| self.requests.get(&id).cloned());
        alike.retain(|request| linked.as_ref().is_none_or(|linked| linked.id != request.id));
        let first = self.known.get(&message.identity);
        let put_by_hand = first.is_some_and(|first| links::put_by_hand(source, message, first));
        let moved_here = match &linked {
            Some(request) if put_by_hand => turn.present(&[request.message]).await?.is_empty(),
            Some(_) | None => false,
        };
        let linked_person = match linked.as_ref().and_then(|request| request.person) {
            Some(id) if self.failed_at(id, message.facts) => turn.person_digest(id).await?,
            Some(_) | None => None,
        };
        let received_at = official(&message.times).0;
        let recent = match person {
            Some(person) if received_at >= self.watch.watched_since => {
                self.recent_from(turn, person.id, received_at).await?
            }
            Some(_) | None => 0,
        };
        let thread = threaded.and_then(|id| self.requests.get(&id)).map(|request| ThreadLink {
            request: request.id,
            answered: request.status != Status::Open,
            by_requester: person.is_some_and(|own| [request.person, writer].contains(&Some(own.id))),
            to_requester: [request.person, writer].into_iter().flatten().filter_map(|id| self.addresses.get(&id)).any(
                |requester| {
                    let facts = message.facts;
                    facts.to.iter().chain(&facts.cc).chain(&facts.bcc).any(|address| address.canonical() == *requester)
                },
            ),
        });
        let answered_by = message.facts.message_id.as_ref().and_then(|id| self.early.get(id)).cloned();
        Ok(Snapshot {
            watch: self.watch,
            links: Links { duplicate_of, put_by_hand, thread, by_subject, bounced, recent_from_sender: recent },
            linked,
            named,
            alike,
            moved_here,
            person: person.map(|person| (person.id, person.digest.clone())),
            linked_person,
            bounced_mail: named_by(message.facts).find_map(|id| self.mails.get(id)).cloned(),
            undeliverable: person.and_then(|person| person.undeliverable),
            sent: SentCounts::default(),
            recent: Vec::new(),
            answered_by,
            next,
        })
    }

    /// Whether a report says of a person's address that it failed; one that names nobody is about the requester.
    fn failed_at(&self, person: PersonId, facts: &MessageFacts) -> bool {
        let Some(report) = &facts.report else { return false };
        let address = self.addresses.get(&person);
        let named = |failed: &Address| address.is_some_and(|known| *known == failed.canonical());
        report.failed_recipients.is_empty() || report.failed_recipients.iter().any(named)
    }

    /// Messages of a person received in the hour before an instant: by the time of receipt, because what a week-end
    /// brought is read at once on Monday.
    async fn recent_from(&self, turn: &mut Turn, person: PersonId, until: DateTime<Utc>) -> Result<u32> {
        let since = until - ABUSE_SPAN;
        let of_the_hour = |row: &&MessageRow| row.person == Some(person) && (since..=until).contains(&row.received_at);
        let queued = self.written.messages.iter().filter(of_the_hour).count();
        let stored = turn.messages_from(person, since, until).await?;
        Ok(stored.saturating_add(u32::try_from(queued).unwrap_or(u32::MAX)))
    }

    /// Counts the acknowledgement that was decided, and trips the breaker where it is one too many: it is queued all the
    /// same, and held with the others.
    fn count(&mut self, source: &Source<'_>, decision: &Decision, sent: SentCounts, now: DateTime<Utc>) {
        let acknowledges = |effect: &&Effect| effect.kind.is_public();
        let Some(effect) = decision.effects.iter().find(acknowledges) else { return };
        let request = decision.requests.iter().find(|request| Some(request.id) == effect.request);
        self.tally.add(effect, request);
        let limit = source.desk.policy.limits.breaker_per_hour;
        let Some(trip) = self.breaker.admit(sent.by_all_this_hour, limit, now) else { return };
        self.breaker.trip = Some(trip);
        self.written.events.push(Event::BreakerTripped(trip));
        self.written.warnings.extend(Warning::BreakerTripped(trip).mail(source.office, now));
    }

    /// Remembers a message by which a loop may be told; warns of one that was, and of a mailbox that answers by itself.
    fn remember(&mut self, source: &Source<'_>, message: &Parsed<'_>, judgement: &Judgement, now: DateTime<Utc>) {
        let itself = own_answer(source.office, message.facts, &judgement.verdict, judgement.received_at, now);
        self.written.warnings.extend(itself.and_then(|warning| warning.mail(source.office, now)));
        let Some(author) = message.facts.author().filter(|_| tells_loops(judgement)) else { return };
        let looped = is_loop(judgement);
        self.tally.remember(author, &message.facts.subject, looped);
        if looped {
            let policy = source.desk.policy;
            let parties = (policy.address.clone(), author.clone());
            let warning = Warning::Loop { mailbox: policy.name.clone(), parties, at: now };
            self.written.warnings.extend(warning.mail(source.office, now));
        }
    }

    /// Keeps what was decided, for the messages that follow in the batch and for the store.
    fn keep(
        &mut self,
        source: &Source<'_>,
        message: &Parsed<'_>,
        slot: Slot,
        judgement: &Judgement,
        decision: Decision,
    ) {
        let id = slot.id;
        let desk = source.desk;
        let opened = decision.requests.iter().find(|request| request.message == id).map(|request| request.id);
        let request = opened.or_else(|| judgement.verdict.request());
        if let (Some(request), Some(message_id)) = (request, &message.facts.message_id) {
            self.threads.entry(message_id.clone()).or_insert(request);
        }
        // An answer dated before the request is refused, and stays what it was.
        let answers = |event: &Event, early: &EarlyReply| matches!(event, Event::Changed { message: Some(by), .. } if *by == early.message);
        let taken = |early: &&EarlyReply| decision.events.iter().any(|event| answers(event, early));
        if let (Some(opened), Some(early)) = (opened, slot.answered_by.as_ref().filter(taken)) {
            self.written.attached.push((early.message.clone(), opened));
        }
        if request.is_none() && may_answer_unseen(message.facts, desk.policy, &judgement.reason) {
            self.keep_early(source, message, &slot, judgement);
        }
        for request in &decision.requests {
            self.requests.insert(request.id, request.clone());
        }
        for effect in &decision.effects {
            self.threads.extend(effect.request.map(|request| (message_id_of(effect, desk), request)));
            self.mails.insert(message_id_of(effect, desk), effect.id.clone());
        }
        decision.events.iter().for_each(|event| reach::learn(&mut self.persons, event));
        let message_row = row(source, message, &slot, request, judgement);
        let known = links::known(source, message, &slot, request, judgement);
        self.known.insert(slot.digest, known);
        let written = &mut self.written;
        written.ingested.recorded += 1;
        written.ingested.queued += decision.effects.len();
        written.messages.push(message_row);
        written.requests.extend(decision.requests);
        written.effects.extend(decision.effects.into_iter().map(|effect| {
            let message_id = message_id_of(&effect, desk);
            (effect, message_id)
        }));
        written.events.extend(decision.events);
    }

    /// Remembers an answer of ours to what is not known yet: it may lie further on in this very batch.
    fn keep_early(&mut self, source: &Source<'_>, message: &Parsed<'_>, slot: &Slot, judgement: &Judgement) {
        let reply = EarlyReply {
            at: judgement.received_at,
            in_sent: source.role == FolderRole::Sent,
            holding: judgement.reason.detail == HOLDING,
            message: slot.digest.clone(),
        };
        for parent in ancestors(message.facts) {
            self.written.early.push((parent.to_owned(), slot.id));
            let known = self.early.entry(parent.to_owned()).or_insert_with(|| reply.clone());
            if reply.rank() < known.rank() {
                *known = reply.clone();
            }
        }
    }

    async fn write(self, turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<Ingested> {
        let written = self.written;
        turn.insert_messages(&written.messages).await?;
        turn.insert_locations(&written.locations).await?;
        turn.save_requests(&written.requests).await?;
        turn.queue(&written.effects).await?;
        super::tick::queue(turn, office, &written.warnings).await?;
        if self.breaker.holds() {
            turn.save_breaker(self.breaker).await?;
            turn.hold_acknowledgements().await?;
        }
        turn.insert_early_replies(&written.early).await?;
        for (digest, request) in &written.attached {
            turn.attach_reply(digest, request.0).await?;
        }
        for event in &written.events {
            reach::mark(turn, event).await?;
            turn.write_down(event, now);
        }
        Ok(written.ingested)
    }
}

fn is_loop(judgement: &Judgement) -> bool {
    matches!(&judgement.acknowledgement, Acknowledgement::Withhold(reason) if reason.code == "looks_like_a_loop")
}

/// Whether later messages of the domain are compared with this one.
fn tells_loops(judgement: &Judgement) -> bool {
    matches!(judgement.acknowledgement, Acknowledgement::Send { .. }) || is_loop(judgement)
}

fn authors<'a>(batch: impl Iterator<Item = &'a Parsed<'a>>, desk: Desk<'_>) -> Vec<(Address, String)> {
    let mut seen = HashSet::new();
    let mut people = Vec::new();
    for message in batch {
        if let Some(author) = message.author(desk)
            && seen.insert(author.canonical())
        {
            people.push((author.clone(), asker_name(message.facts, desk.policy).unwrap_or_default().to_owned()));
        }
    }
    people
}

/// The Message-ID of a mail in the mailbox's name.
fn message_id_of(effect: &Effect, desk: Desk<'_>) -> String {
    format!("{}@{}", effect.id, desk.policy.address.domain())
}

fn row(
    source: &Source<'_>,
    message: &Parsed<'_>,
    slot: &Slot,
    request: Option<RequestId>,
    judgement: &Judgement,
) -> MessageRow {
    let (acknowledgement, acknowledgement_reason): (&'static str, Reason) = decide::parts(&judgement.acknowledgement);
    let (received_at, rule) = official(&message.times);
    let author = message.facts.author();
    MessageRow {
        id: slot.id,
        digest: slot.digest.clone(),
        mailbox: source.desk.policy.name.clone(),
        folder: source.cursor.name.clone(),
        person: slot.person,
        domain: author.filter(|_| tells_loops(judgement)).map_or_else(String::new, |author| author.domain().to_owned()),
        from_kind: judgement.from_kind(),
        verdict: judgement.verdict.name(),
        reason: judgement.reason.clone(),
        request: request.map_or(0, |request| request.0),
        commitment: judgement.commitment.clone(),
        due_on: judgement.deadline.as_ref().map_or_else(String::new, |deadline| deadline.due_on.to_string()),
        received_at,
        rule,
        times: message.times,
        acknowledgement,
        acknowledgement_reason,
        email_id: message.arrived.email_id.clone(),
        kept: Kept::of(message.facts, acknowledgement == "send"),
    }
}
