//! Ten years of a préfecture's mail, for the figures of size: every message goes through the real use cases, so the store
//! and its ledger are what ten years of running would have left. No sockets, no waiting; the same seed, the same store.
//!
//! Start reading at [`fill`]. Three hundred thousand requests take some minutes, so benches keep the file: [`kept`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::ingest::{Arrived, Source, ingest};
use vigie::app::sending::{self, Attempt, Proof};
use vigie::domain::address::Address;
use vigie::domain::classify::FolderRole;
use vigie::domain::office::Office;
use vigie::domain::policy::{Limits, Mode};
use vigie::store::{FolderCursor, Store};

use super::app::{Vigie, accepted, at};
use super::generator::Random;

/// Mailboxes besides the two of the shipped configuration.
const FURTHER_MAILBOXES: usize = 2;
/// The days over which requests are spread.
const DAYS: i64 = 3_650;
/// Persons who write, per hundred requests.
const PERSONS_PER_HUNDRED: u32 = 40;
/// How long a mail of unknown fate would wait.
const UNKNOWN_WAIT: TimeDelta = TimeDelta::minutes(10);

/// What was put in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Put {
    /// Messages of the public that ask for something.
    pub requests: u32,
    /// Replies of our side.
    pub replies: u32,
    /// Messages of lists.
    pub bulk: u32,
}

/// The office of the decade: the shipped one with more mailboxes; the first acknowledges, the others observe.
pub fn adapt(office: &mut Office) {
    for number in 0..FURTHER_MAILBOXES {
        let mut policy = office.mailboxes[1].clone();
        policy.name = format!("pref-bureau-{number}");
        let address = format!("pref-bureau-{number}@prefecture.example.org");
        policy.address = Address::parse(&address).expect("an address");
        policy.reference_prefix = format!("B{number}");
        let shipped = &office.mailboxes[1].name;
        office.services.insert(policy.name.clone(), office.services[shipped].clone());
        office.mailboxes.push(policy);
    }
    let ours: Vec<_> = office.mailboxes.iter().map(|policy| policy.address.clone()).collect();
    let endless = u32::MAX;
    for (number, policy) in office.mailboxes.iter_mut().enumerate() {
        policy.mode = if number == 0 { Mode::Acknowledge } else { Mode::Observe };
        policy.our_addresses.clone_from(&ours);
        policy.limits = Limits {
            per_address_per_day: endless,
            per_domain_per_hour: endless,
            per_thread_per_day: endless,
            per_mailbox_per_hour: endless,
            breaker_per_hour: endless,
            abusive_per_hour: endless,
            ..policy.limits
        };
    }
}

/// A file with the decade in it, made where there is none yet for this count and seed.
pub async fn kept(folder: &Path, requests: u32, seed: u64) -> PathBuf {
    let path = folder.join(format!("decade-{requests}-{seed}.db"));
    if !path.exists() {
        let unfinished = path.with_extension("new");
        for ending in ["new", "new-wal", "new-shm", "new.lock"] {
            let _ = std::fs::remove_file(path.with_extension(ending));
        }
        let store = Store::open(unfinished.to_str().expect("a path in UTF-8")).await.expect("opens");
        let Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
        // A file that is thrown away when its making is cut off need not reach the disk at each turn.
        sqlx::query("PRAGMA synchronous = OFF").execute(write).await.expect("sets");
        fill(&store, requests, seed).await;
        store.close().await;
        std::fs::rename(&unfinished, &path).expect("renamed");
    }
    path
}

/// Puts ten years of mail into an empty store.
pub async fn fill(store: &Store, requests: u32, seed: u64) -> Put {
    let vigie = Vigie::on(store.clone(), adapt).await;
    let mut decade = Decade::new(vigie, requests, seed).await;
    for day in 0..DAYS {
        decade.day(day).await;
    }
    decade.put
}

/// A reply that our side will send.
struct Planned {
    mailbox: usize,
    to: u32,
    number: u32,
    at: DateTime<Utc>,
}

struct Decade {
    vigie: Vigie,
    random: Random,
    requests: u32,
    uid: u32,
    /// The inbox and the Sent folder of each mailbox.
    folders: Vec<[FolderCursor; 2]>,
    planned: BTreeMap<i64, Vec<Planned>>,
    put: Put,
}

impl Decade {
    async fn new(vigie: Vigie, requests: u32, seed: u64) -> Self {
        let mut folders = Vec::new();
        let mut turn = vigie.store.begin().await.unwrap();
        for policy in &vigie.office.mailboxes {
            let inbox = turn.folder(&policy.name, "INBOX", "inbox").await.unwrap();
            folders.push([inbox, turn.folder(&policy.name, "Sent", "sent").await.unwrap()]);
        }
        turn.commit().await.unwrap();
        let (random, planned, put) = (Random(seed), BTreeMap::new(), Put::default());
        Self { vigie, random, requests, uid: 0, folders, planned, put }
    }

    /// How many requests have arrived by the end of a day.
    fn target(&self, day: i64) -> u32 {
        u32::try_from(i64::from(self.requests) * (day + 1) / DAYS).expect("below the count")
    }

    async fn day(&mut self, day: i64) {
        let mut arriving: Vec<Vec<Arrived>> = vec![Vec::new(); self.folders.len()];
        while self.put.requests < self.target(day) {
            let mailbox = usize::try_from(self.random.below(4)).expect("a place");
            let message = self.request(day, mailbox);
            arriving[mailbox].push(message);
            if self.random.below(20) == 0 {
                let message = self.bulk(day, mailbox);
                arriving[mailbox].push(message);
            }
        }
        let evening = at(day * 1_440 + 700);
        for (mailbox, batch) in arriving.into_iter().enumerate() {
            self.take_in(mailbox, 0, &batch, evening).await;
        }
        self.settle(evening).await;
        let mut sent: Vec<Vec<Arrived>> = vec![Vec::new(); self.folders.len()];
        for reply in self.planned.remove(&day).unwrap_or_default() {
            let message = self.reply(&reply);
            sent[reply.mailbox].push(message);
        }
        for (mailbox, batch) in sent.into_iter().enumerate() {
            self.take_in(mailbox, 1, &batch, evening + TimeDelta::minutes(10)).await;
        }
    }

    async fn take_in(&mut self, mailbox: usize, folder: usize, batch: &[Arrived], now: DateTime<Utc>) {
        if batch.is_empty() {
            return;
        }
        let office = &self.vigie.office;
        let desk = office.desk(&office.mailboxes[mailbox].name).unwrap();
        let role = if folder == 0 { FolderRole::Inbox } else { FolderRole::Sent };
        let cursor = &mut self.folders[mailbox][folder];
        (cursor.uid_validity, cursor.last_uid) = (1, i64::from(self.uid));
        let source = Source { office, desk, cursor: cursor.clone(), role, lease: None };
        ingest(&self.vigie.store, &source, batch, now).await.unwrap();
    }

    async fn settle(&self, now: DateTime<Utc>) {
        let proof = Proof::default();
        let attempt = Attempt { outcome: accepted(), summary: "250 2.0.0".to_owned(), proof };
        while let Some(due) = self.vigie.claim(now).await {
            sending::settle(&self.vigie.store, &self.vigie.office, &due, &attempt, UNKNOWN_WAIT, now).await.unwrap();
        }
    }

    fn request(&mut self, day: i64, mailbox: usize) -> Arrived {
        self.put.requests += 1;
        let number = self.put.requests;
        let person =
            u32::try_from(self.random.below((self.requests / 100 * PERSONS_PER_HUNDRED).max(1))).expect("small");
        let minute = day * 1_440 + self.random.below(600);
        let received = at(minute);
        // Of a hundred requests eighty-five are answered in time, ten late, five never.
        let delay = match self.random.below(100) {
            0..85 => Some(self.random.below(5)),
            85..95 => Some(8 + self.random.below(20)),
            _ => None,
        };
        if let Some(delay) = delay {
            let at = at((day + delay) * 1_440 + 610 + self.random.below(60));
            self.planned.entry(day + delay).or_default().push(Planned { mailbox, to: person, number, at });
        }
        let from = match self.random.below(20) {
            0 => format!("elu{person}@mairie-exemple.fr"),
            _ => format!("usager{person}@example.org"),
        };
        let to = &self.vigie.office.mailboxes[mailbox].address;
        let header = format!(
            "Return-Path: <{from}>\r\nFrom: Camille Exemple {person} <{from}>\r\nTo: {to}\r\nSubject: Demande de \
             renseignement {number}\r\nMessage-ID: <demande{number}@example.org>\r\nDate: {}\r\n\r\n",
            received.to_rfc2822()
        );
        self.arrived(received, header)
    }

    fn reply(&mut self, reply: &Planned) -> Arrived {
        self.put.replies += 1;
        let from = &self.vigie.office.mailboxes[reply.mailbox].address;
        let header = format!(
            "From: {from}\r\nTo: usager{}@example.org\r\nSubject: Re: Demande de renseignement {number}\r\nMessage-ID: \
             <reponse{number}@prefecture.example.org>\r\nIn-Reply-To: <demande{number}@example.org>\r\nDate: {}\r\n\r\n",
            reply.to,
            reply.at.to_rfc2822(),
            number = reply.number,
        );
        self.arrived(reply.at, header)
    }

    fn bulk(&mut self, day: i64, mailbox: usize) -> Arrived {
        self.put.bulk += 1;
        let (to, number) = (&self.vigie.office.mailboxes[mailbox].address, self.put.bulk);
        let header = format!(
            "From: lettre@example.com\r\nTo: {to}\r\nSubject: Lettre {number}\r\nMessage-ID: <l{number}@example.com>\r\n\
             List-Id: <lettre.example.com>\r\nList-Unsubscribe: <https://example.com/>\r\n\r\n"
        );
        self.arrived(at(day * 1_440 + 300), header)
    }

    fn arrived(&mut self, received: DateTime<Utc>, header: String) -> Arrived {
        self.uid += 1;
        Arrived::read(self.uid, received, 2_000, header.into_bytes())
    }
}
