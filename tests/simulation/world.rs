//! The story handed to vigie, instant by instant: the use cases, a database in memory and a given `now`.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::gesture::{Word, gesture as say};
use vigie::app::ingest::{Arrived, Source, ingest, switch_on};
use vigie::app::refresh::take_into_use;
use vigie::app::sending::{self, Attempt, Proof, Ready};
use vigie::app::sighting::{Shown, observe};
use vigie::app::tick::{next_wake, tick};
use vigie::config::Settings;
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{Effect, EffectKind, Outcome};
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::sighting::FlagSet;
use vigie::mail::template::Templates;
use vigie::store::{Claim, FolderCursor, Store};

use super::house::{INBOX, INCOMPLETE, MAILBOXES, NO_REPLY, PHONE, SENT, known, settings};
use super::letters::{self, Letter};
use super::story::{Case, Echo, Event, Happening, Story};

/// How long a mail of unknown fate waits.
const UNKNOWN_WAIT: TimeDelta = TimeDelta::minutes(10);
/// Turns that may follow upon one another without an event: far more than a month of alerts and digests.
const MAX_TURNS: usize = 10_000;

/// A mail that the relay took.
#[derive(Debug, Clone)]
pub struct Mailed {
    pub at: DateTime<Utc>,
    pub effect: Effect,
}

/// The message of a request, and where it lies: the oldest place first.
struct Lying {
    bytes: Vec<u8>,
    internal: DateTime<Utc>,
    places: Vec<Place>,
}

/// A place of a message: mailbox, folder, UID.
#[derive(Clone, Copy)]
struct Place {
    mailbox: usize,
    folder: &'static str,
    uid: u32,
}

/// vigie in the middle of the story.
pub struct World<'a> {
    pub story: &'a Story,
    pub store: Store,
    pub settings: Settings,
    templates: Templates,
    pub now: DateTime<Utc>,
    /// The references that vigie gave to the story's requests.
    pub references: HashMap<String, String>,
    /// The Message-IDs of our acknowledgements, by the request's Message-ID.
    acknowledged: HashMap<String, String>,
    /// Where the message of each request lies.
    lying: HashMap<String, Lying>,
    cursors: HashMap<(usize, &'static str), FolderCursor>,
    uid: u32,
    /// Alerts and digests that left.
    pub mailed: Vec<Mailed>,
    /// Acknowledgements by recipient and request, as often as the relay took them.
    pub acknowledgements: HashMap<(String, String), usize>,
    refused: Vec<String>,
}

impl<'a> World<'a> {
    /// Switches vigie on at the story's beginning.
    pub async fn begin(story: &'a Story) -> Self {
        let settings = settings(&known(story.begins).closures);
        let templates = vigie::daemon::templates(&settings).unwrap();
        let store = Store::in_memory().await.unwrap();
        take_into_use(&store, &settings.office, story.begins).await.unwrap();
        let mut cursors = HashMap::new();
        for (number, mailbox) in MAILBOXES.iter().enumerate() {
            switch_on(&store, settings.office.desk(mailbox.name).unwrap(), story.begins).await.unwrap();
            let mut turn = store.begin().await.unwrap();
            for folder in [INBOX, SENT, PHONE, NO_REPLY, INCOMPLETE] {
                let cursor = turn.folder(mailbox.name, folder, role_of(folder).name()).await.unwrap();
                cursors.insert((number, folder), FolderCursor { uid_validity: 1, ..cursor });
            }
            turn.commit().await.unwrap();
        }
        tick(&store, &settings.office, story.begins).await.unwrap();
        let refused = story.people.iter().filter(|p| p.refused).map(|p| p.address.clone()).collect();
        Self {
            story,
            store,
            settings,
            templates,
            now: story.begins,
            references: HashMap::new(),
            acknowledged: HashMap::new(),
            lying: HashMap::new(),
            cursors,
            uid: 0,
            mailed: Vec::new(),
            acknowledgements: HashMap::new(),
            refused,
        }
    }

    /// Lives the story to its end; `morning` is asked on each working morning.
    pub async fn live(&mut self, mut morning: impl AsyncFnMut(&mut Self)) {
        let story = self.story;
        for event in &story.events {
            self.advance(event.at).await;
            if matches!(event.what, Happening::Morning) {
                morning(self).await;
            } else {
                self.happen(event).await;
            }
            self.send().await;
        }
        self.advance(story.ends).await;
    }

    /// Serves every wake before an instant, at the instant at which it falls due, or when vigie runs again.
    async fn advance(&mut self, to: DateTime<Utc>) {
        for _ in 0..MAX_TURNS {
            let due = self.store.next_due().await.unwrap();
            let wake = next_wake(&self.store, &self.settings.office).await.unwrap();
            let next = due.into_iter().chain(wake).min().map(super::story::seen);
            let Some(next) = next.filter(|next| *next < to) else {
                self.now = to;
                return;
            };
            self.now = next.max(self.now);
            tick(&self.store, &self.settings.office, self.now).await.unwrap();
            self.send().await;
        }
        panic!("time does not pass at {}", self.now);
    }

    async fn happen(&mut self, event: &Event) {
        match &event.what {
            Happening::Mail { mailbox, role, internal_date, bytes } => {
                let folder = if *role == FolderRole::Sent { SENT } else { INBOX };
                self.receive((*mailbox, folder), *internal_date, bytes).await;
            }
            Happening::Echo { case, what, id } => self.echo(&self.story.cases[*case], *what, id).await,
            Happening::Phone { case, at } => {
                self.decide(*case, Gesture::Answer(Way::Phone), *at).await;
            }
            Happening::Close { case } => {
                self.decide(*case, Gesture::Close { motive: "no_reply_needed".into() }, self.now).await;
            }
            Happening::Transfer { case } => {
                self.decide(*case, Gesture::Transfer { to: "une autre administration".into() }, self.now).await;
            }
            Happening::HandOver { case, to } => {
                self.decide(*case, Gesture::Transfer { to: MAILBOXES[*to].name.into() }, self.now).await;
            }
            Happening::Pause { case } => {
                self.decide(*case, Gesture::Suspend { motive: "missing_items".into() }, self.now).await;
            }
            Happening::Resume { case } => self.decide(*case, Gesture::Resume, self.now).await,
            Happening::Reopen { case } => self.decide(*case, Gesture::Reopen { why: "denied" }, self.now).await,
            Happening::Mark { case, marks } => {
                // Of a message that was deleted meanwhile nothing is shown any more.
                if let Some(place) = self.lying[&self.story.cases[*case].id].places.first().copied() {
                    let flags = vec![(place.uid, FlagSet::new(marks.iter().copied()))];
                    self.show(place, Shown { flags, gone: Vec::new() }).await;
                }
            }
            Happening::File { case, folder, leaves_first } => self.file(*case, folder, *leaves_first).await,
            Happening::Copy { case, to } => self.put(*case, (*to, INBOX)).await,
            Happening::Leave { case } | Happening::Delete { case } => self.leave(*case).await,
            Happening::Closure => {
                self.settings = settings(&known(self.now).closures);
                take_into_use(&self.store, &self.settings.office, self.now).await.unwrap();
            }
            Happening::Morning => {}
        }
    }

    async fn receive(&mut self, (mailbox, folder): (usize, &'static str), internal: DateTime<Utc>, bytes: &[u8]) {
        self.uid += 1;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let (header, body) = bytes.split_at(end);
        let mut arrived = Arrived::read(self.uid, internal, bytes.len() as u64, header.to_vec());
        if arrived.needs_body() {
            arrived.add_body(body);
        }
        let desk = self.settings.office.desk(MAILBOXES[mailbox].name).unwrap();
        let mut cursor = self.cursors[&(mailbox, folder)].clone();
        cursor.last_uid = i64::from(self.uid);
        let source = Source { office: &self.settings.office, desk, cursor, role: role_of(folder), lease: None };
        ingest(&self.store, &source, &[arrived], self.now).await.unwrap();
        let text = String::from_utf8_lossy(header);
        let (_, id) = text.split_once("Message-ID: <").unwrap();
        let id = id[..id.find('>').unwrap()].to_owned();
        let place = Place { mailbox, folder, uid: self.uid };
        if folder == INBOX {
            let fresh = || Lying { bytes: bytes.to_vec(), internal, places: vec![place] };
            self.lying.entry(id).or_insert_with(fresh);
        }
    }

    /// The message of a request appears at one more place.
    async fn put(&mut self, case: usize, (mailbox, folder): (usize, &'static str)) {
        let id = &self.story.cases[case].id;
        let (bytes, internal) = (self.lying[id].bytes.clone(), self.lying[id].internal);
        self.receive((mailbox, folder), internal, &bytes).await;
        let place = Place { mailbox, folder, uid: self.uid };
        self.lying.get_mut(id).unwrap().places.push(place);
    }

    /// The message of a request is gone from its oldest place.
    async fn leave(&mut self, case: usize) {
        let places = &mut self.lying.get_mut(&self.story.cases[case].id).unwrap().places;
        if !places.is_empty() {
            let place = places.remove(0);
            self.show(place, Shown { flags: Vec::new(), gone: vec![place.uid] }).await;
        }
    }

    /// The message of a request is moved to another folder, unless it was deleted before.
    async fn file(&mut self, case: usize, folder: &'static str, leaves_first: bool) {
        let Some(Place { mailbox, .. }) = self.lying[&self.story.cases[case].id].places.first().copied() else {
            return;
        };
        if leaves_first {
            self.leave(case).await;
            self.put(case, (mailbox, folder)).await;
        } else {
            self.put(case, (mailbox, folder)).await;
            self.leave(case).await;
        }
    }

    async fn reference(&mut self, case: &Case) -> Option<String> {
        if !self.references.contains_key(&case.id) {
            // Only acknowledged requests were learnt on the way.
            for line in self.store.list_requests(&vigie::store::RequestFilter::default()).await.unwrap() {
                self.references.insert(line.message_id, line.request.reference);
            }
        }
        self.references.get(&case.id).cloned()
    }

    async fn decide(&mut self, case: usize, gesture: Gesture, at: DateTime<Utc>) {
        let case = &self.story.cases[case];
        let Some(reference) = self.reference(case).await else { panic!("no request for {}", case.id) };
        let word = Word { gesture, by: "agent".into(), at, text: None };
        let done = say(&self.store, &self.settings.office, &reference, word.clone(), self.now).await;
        done.unwrap_or_else(|error| panic!("{word:?} of {case:?}: {error}"));
    }

    /// The server shows what became of a place.
    async fn show(&mut self, place: Place, shown: Shown) {
        let office = &self.settings.office;
        let desk = office.desk(MAILBOXES[place.mailbox].name).unwrap();
        let cursor = self.cursors[&(place.mailbox, place.folder)].clone();
        let source = Source { office, desk, cursor, role: role_of(place.folder), lease: None };
        observe(&self.store, &source, &shown, self.now).await.unwrap();
    }

    /// What answers our acknowledgement, wherever it got to.
    async fn echo(&mut self, case: &Case, what: Echo, id: &str) {
        let about = self.acknowledged.get(&case.id);
        let about = about.unwrap_or_else(|| panic!("{} was not acknowledged: {case:?}", case.id)).clone();
        let from = &self.story.people[case.person];
        let to = MAILBOXES[case.mailbox].name;
        let subject = format!("Re: {}", case.subject);
        let letter = Letter { from, to, subject: &subject, id, answers: Some(&about), at: self.now };
        let bytes = match what {
            Echo::Absence => letters::marked(&letter, "Auto-Submitted: auto-replied\r\n"),
            Echo::Bounce => letters::bounce(&letter, &about),
            Echo::FollowUp => letters::plain(&letter),
        };
        self.receive((case.mailbox, INBOX), self.now, &bytes).await;
    }

    /// Sends what is due, through a relay that refuses a few addresses for good.
    async fn send(&mut self) {
        while let Claim::Mail(due) = self.store.claim_due("essai", &[], self.now).await.unwrap() {
            let office = &self.settings.office;
            let ready = sending::prepare(&self.store, office, &self.templates, &due, self.now).await.unwrap();
            let outcome = match &ready {
                Ready::Send(mail) if mail.recipients.iter().any(|to| self.refused.contains(&to.to_string())) => {
                    Outcome::Refused { temporary: false, answer: "550 5.1.1 inconnu".into() }
                }
                Ready::Send(_) => Outcome::Accepted { answer: "250 Ok".into(), queue_id: None },
                Ready::Withdraw(why) => Outcome::Withdrawn { why: why.clone() },
            };
            let taken = matches!(outcome, Outcome::Accepted { .. });
            let attempt = Attempt { outcome, summary: String::new(), proof: Proof::default() };
            sending::settle(&self.store, office, &due, &attempt, UNKNOWN_WAIT, self.now).await.unwrap();
            if let (Ready::Send(mail), true) = (&ready, taken) {
                self.note(&due.effect, &due.message_id, &mail.bytes);
            }
        }
    }

    fn note(&mut self, effect: &Effect, message_id: &str, bytes: &[u8]) {
        if effect.kind != EffectKind::Acknowledgement {
            self.mailed.push(Mailed { at: self.now, effect: effect.clone() });
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        let (_, parent) = text.split_once("In-Reply-To: <").expect("an acknowledgement answers something");
        let parent = parent[..parent.find('>').unwrap()].to_owned();
        self.acknowledged.insert(parent.clone(), message_id.to_owned());
        self.references.insert(parent.clone(), effect.about[0].clone());
        *self.acknowledgements.entry((effect.recipients[0].to_string(), parent)).or_default() += 1;
    }
}

fn role_of(folder: &str) -> FolderRole {
    match folder {
        INBOX => FolderRole::Inbox,
        SENT => FolderRole::Sent,
        _ => FolderRole::Other,
    }
}
