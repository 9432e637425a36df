//! vigie in that year: the use cases, a database in memory, and a clock that is moved by hand.

use chrono::{NaiveDateTime, TimeDelta};
use vigie::app::forecast::of_bureau;
use vigie::app::gesture::{Word, gesture as say};
use vigie::app::ingest::{Arrived, Source, ingest, switch_on};
use vigie::app::refresh::take_into_use;
use vigie::app::sending::{Attempt, Proof, Ready, prepare, settle};
use vigie::app::tick::{next_wake, tick};
use vigie::config::{Secrets, Settings};
use vigie::domain::address::Address;
use vigie::domain::calendar::{Calendar, Closure};
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::holidays::HolidayRules;
use vigie::domain::office::Office;
use vigie::domain::policy::Mode;
use vigie::mail::template::Templates;
use vigie::store::{Claim, FolderCursor, Store};

use super::naive::{STRIKE, civil, date, utc};
use super::story::{Ask, Event, Fate, HABITS, Story, first_day};

/// Ticks that one step may take.
const MAX_TICKS: usize = 100;

/// A mail to agents that left.
#[derive(Debug, Clone)]
pub struct Told {
    /// When.
    pub at: NaiveDateTime,
    /// An alert or a digest.
    pub kind: EffectKind,
    /// To which bureau.
    pub bureau: String,
    /// The level of an alert.
    pub level: i64,
    /// The references of an alert.
    pub about: Vec<String>,
    /// To how many.
    pub recipients: usize,
}

/// What was forecast one morning of one open request.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// The request.
    pub reference: String,
    /// The chance that it misses its limit.
    pub risk: f64,
}

/// The prefecture.
pub struct World {
    pub store: Store,
    pub office: Office,
    pub told: Vec<Told>,
    pub acknowledged: usize,
    pub forecasts: Vec<Forecast>,
    templates: Templates,
    inboxes: Vec<FolderCursor>,
    sent: Vec<FolderCursor>,
    uid: u32,
    now: NaiveDateTime,
}

/// The shipped configuration, stretched to six mailboxes and bureaux.
fn office() -> (Office, Templates) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
    let settings = Settings::load(&path, Secrets::Skip).expect("the shipped configuration");
    let templates = vigie::daemon::templates(&settings).expect("the shipped texts");
    let mut office = settings.office;
    let (policy, bureau) = (office.mailboxes[0].clone(), office.bureaux[0].clone());
    let calendar = office.calendars[&policy.name].clone();
    let service = office.services[&policy.name].clone();
    let mut ours = policy.our_addresses.clone();
    let (mut mailboxes, mut bureaux) = (Vec::new(), Vec::new());
    for habit in &HABITS {
        let local = habit.mailbox.replace('é', "e");
        let address = Address::parse(&format!("{local}@prefecture.example.org")).expect("an address");
        ours.push(address.clone());
        let mut policy = policy.clone();
        (policy.name, policy.address, policy.aliases) = (habit.mailbox.to_owned(), address, Vec::new());
        (policy.bureau, policy.reference_prefix) = (habit.bureau.to_owned(), habit.prefix.to_owned());
        policy.mode = Mode::Acknowledge;
        mailboxes.push(policy);
        let mut bureau = bureau.clone();
        (bureau.key, bureau.label) = (habit.bureau.to_owned(), format!("Bureau {}", habit.bureau));
        bureaux.push(bureau);
        office.calendars.insert(habit.mailbox.to_owned(), calendar.clone());
        office.services.insert(habit.mailbox.to_owned(), service.clone());
    }
    for policy in &mut mailboxes {
        policy.our_addresses.clone_from(&ours);
    }
    (office.mailboxes, office.bureaux) = (mailboxes, bureaux);
    (office, templates)
}

impl World {
    pub async fn new() -> Self {
        let (office, templates) = office();
        let store = Store::in_memory().await.expect("a database");
        let start = first_day().and_hms_opt(0, 0, 0).expect("midnight");
        let (mut inboxes, mut sent) = (Vec::new(), Vec::new());
        for mailbox in &office.mailboxes {
            switch_on(&store, office.desk(&mailbox.name).expect("a desk"), utc(start)).await.expect("switched on");
            let mut turn = store.begin().await.expect("a turn");
            inboxes.push(turn.folder(&mailbox.name, "INBOX", "inbox").await.expect("a folder"));
            sent.push(turn.folder(&mailbox.name, "Éléments envoyés", "sent").await.expect("a folder"));
            turn.commit().await.expect("committed");
        }
        take_into_use(&store, &office, utc(start)).await.expect("taken into use");
        tick(&store, &office, utc(start)).await.expect("a tick");
        let (told, forecasts) = (Vec::new(), Vec::new());
        Self { store, office, told, acknowledged: 0, forecasts, templates, inboxes, sent, uid: 0, now: start }
    }

    /// Lives the whole story.
    pub async fn live(&mut self, story: &Story, until: NaiveDateTime) {
        let mut rest = story.events.as_slice();
        while let Some((at, first)) = rest.first() {
            self.advance(*at).await;
            let place = folder(story, *first);
            let together = rest.iter().take_while(|(when, event)| when == at && folder(story, *event) == place);
            let count = together.count();
            let (batch, after) = rest.split_at(count);
            self.happen(story, batch).await;
            rest = after;
        }
        self.advance(until).await;
    }

    async fn happen(&mut self, story: &Story, batch: &[(NaiveDateTime, Event)]) {
        if let Some((habit, role)) = folder(story, batch[0].1) {
            let mails: Vec<(NaiveDateTime, String)> = batch.iter().map(|(_, event)| mail(story, *event)).collect();
            self.read(habit, role, mails).await;
        } else {
            for (_, event) in batch {
                match event {
                    Event::Settled(ask) => self.say(&story.asks[*ask]).await,
                    Event::Strike => self.strike().await,
                    Event::Asked(_) | Event::Added(..) | Event::Noise(..) => {}
                }
            }
        }
        self.send().await;
    }

    async fn read(&mut self, habit: usize, role: FolderRole, mails: Vec<(NaiveDateTime, String)>) {
        let batch: Vec<Arrived> = mails
            .into_iter()
            .map(|(at, header)| {
                self.uid += 1;
                let header = header.into_bytes();
                let size = header.len() as u64 + 400;
                Arrived::read(self.uid, utc(at), size, header)
            })
            .collect();
        let cursor = if role == FolderRole::Sent { &self.sent[habit] } else { &self.inboxes[habit] };
        let cursor = FolderCursor { uid_validity: 1, last_uid: i64::from(self.uid), ..cursor.clone() };
        let desk = self.office.desk(HABITS[habit].mailbox).expect("a desk");
        let source = Source { office: &self.office, desk, cursor, role, lease: None };
        ingest(&self.store, &source, &batch, utc(self.now)).await.expect("read");
    }

    /// An agent says by a command what became of a question.
    async fn say(&mut self, ask: &Ask) {
        let now = utc(self.now);
        let (gesture, at) = match ask.fate {
            Fate::Phoned { at, .. } => (Gesture::Answer(Way::Phone), utc(at)),
            Fate::Closed { .. } => (Gesture::Close { motive: "thanks".to_owned() }, now),
            Fate::Transferred { .. } => (Gesture::Transfer { to: "une autre préfecture".to_owned() }, now),
            Fate::Mailed { .. } | Fate::Never => return,
        };
        let reference = self.reference(&ask.id).await;
        let word = Word { gesture, by: "agent".to_owned(), at, text: None };
        say(&self.store, &self.office, &reference, word, now).await.expect("an open request");
    }

    async fn reference(&self, id: &str) -> String {
        let mut turn = self.store.begin().await.expect("a turn");
        let found = turn.requests_by_message_id(&[id.to_owned()]).await.expect("read");
        let request = turn.requests(&[found[id]]).await.expect("read");
        request[&found[id]].reference.clone()
    }

    async fn strike(&mut self) {
        for calendar in self.office.calendars.values_mut() {
            let closure =
                Closure { from: date(STRIKE[0]), to: date(STRIKE[1]), label: "Grève".to_owned(), suspends: true };
            let (territory, days) = (calendar.territory(), calendar.opening_days());
            *calendar = Calendar::new(territory, calendar.zone(), HolidayRules::default(), vec![closure], days);
        }
        take_into_use(&self.store, &self.office, utc(self.now)).await.expect("taken into use");
    }

    /// Serves every wake on the way.
    async fn advance(&mut self, to: NaiveDateTime) {
        for _ in 0..MAX_TICKS * 400 {
            let wake = next_wake(&self.store, &self.office).await.expect("read");
            let Some(wake) = wake.map(civil).filter(|wake| *wake <= to) else { break };
            let morning = wake.date() != self.now.date() || wake > self.now;
            self.now = self.now.max(wake);
            tick(&self.store, &self.office, utc(self.now)).await.expect("a tick");
            self.send().await;
            if morning {
                self.forecast().await;
            }
        }
        self.now = self.now.max(to);
    }

    /// Looks ahead, each time something was due.
    async fn forecast(&mut self) {
        for habit in &HABITS {
            let found = of_bureau(&self.store, &self.office, habit.bureau, utc(self.now)).await.expect("read");
            let open = found.into_iter().flat_map(|found| found.open).filter(|request| request.left >= 0);
            self.forecasts.extend(open.map(|request| Forecast { reference: request.reference, risk: request.risk }));
        }
    }

    /// Sends all that is due; mails to agents are written, too.
    async fn send(&mut self) {
        let now = utc(self.now);
        while let Claim::Mail(due) = self.store.claim_due("year", &[], now).await.expect("claims") {
            let effect = &due.effect;
            let mut outcome = Outcome::Accepted { answer: "250 ok".to_owned(), queue_id: None };
            if effect.kind == EffectKind::Acknowledgement {
                self.acknowledged += 1;
            } else {
                match prepare(&self.store, &self.office, &self.templates, &due, now).await.expect("written") {
                    Ready::Send(_) => self.told.push(Told {
                        at: self.now,
                        kind: effect.kind,
                        bureau: effect.bureau.clone(),
                        level: effect.level.unwrap_or_default(),
                        about: effect.about.clone(),
                        recipients: effect.recipients.len(),
                    }),
                    Ready::Withdraw(why) => outcome = Outcome::Withdrawn { why },
                }
            }
            let attempt = Attempt { outcome, summary: "250".to_owned(), proof: Proof::default() };
            settle(&self.store, &self.office, &due, &attempt, TimeDelta::minutes(10), now).await.expect("settled");
        }
    }
}

/// What is read in one glance: a mailbox's inbox, or its Sent folder; nothing for what is no mail.
fn folder(story: &Story, event: Event) -> Option<(usize, FolderRole)> {
    match event {
        Event::Asked(ask) | Event::Added(ask, _) => Some((story.asks[ask].habit, FolderRole::Inbox)),
        Event::Noise(habit, _) => Some((habit, FolderRole::Inbox)),
        Event::Settled(ask) => {
            let ask = &story.asks[ask];
            matches!(ask.fate, Fate::Mailed { .. }).then_some((ask.habit, FolderRole::Sent))
        }
        Event::Strike => None,
    }
}

/// A mail's moment and its header.
fn mail(story: &Story, event: Event) -> (NaiveDateTime, String) {
    let header = |from: &str, to: &str, subject: &str, id: &str, at: NaiveDateTime, more: &str| {
        let date = utc(at).to_rfc2822();
        format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\nDate: {date}\r\n{more}\r\n")
    };
    let mailbox = |habit: usize| format!("{}@prefecture.example.org", HABITS[habit].mailbox.replace('é', "e"));
    let re = |id: &str| format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n");
    match event {
        Event::Asked(ask) => {
            let ask = &story.asks[ask];
            let more = ask.re.as_deref().map(re).unwrap_or_default();
            (ask.at, header(&ask.from, &mailbox(ask.habit), &ask.subject, &ask.id, ask.at, &more))
        }
        Event::Added(ask, at) => {
            let (number, ask) = (ask, &story.asks[ask]);
            let subject = format!("Re: {}", ask.subject);
            let id = format!("plus{number}@foyer.example.org");
            (at, header(&ask.from, &mailbox(ask.habit), &subject, &id, at, &re(&ask.id)))
        }
        Event::Noise(habit, at) => {
            let number = at.and_utc().timestamp();
            let (from, id) =
                (format!("robot@service{number}.example.org"), format!("m{number}.{habit}@machine.example.org"));
            let machine = "Auto-Submitted: auto-generated\r\n";
            (at, header(&from, &mailbox(habit), "Confirmation automatique", &id, at, machine))
        }
        Event::Settled(ask) => {
            let (number, ask) = (ask, &story.asks[ask]);
            let Fate::Mailed { sent, .. } = ask.fate else { return (ask.at, String::new()) };
            let id = format!("r{number}@prefecture.example.org");
            let subject = format!("RE: {}", ask.subject);
            (sent, header(&mailbox(ask.habit), &ask.from, &subject, &id, sent, &re(&ask.id)))
        }
        Event::Strike => (super::naive::declared(), String::new()),
    }
}
