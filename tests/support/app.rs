//! A vigie without sockets and clocks: the shipped configuration, a store in memory, and the use cases called by hand.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::ingest::{Arrived, Ingested, Source, ingest, switch_on};
use vigie::app::sending::{self, Attempt, Proof, Ready};
use vigie::config::{Secrets, Settings};
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{Outcome, Settlement};
use vigie::domain::office::Office;
use vigie::domain::policy::Mode;
use vigie::domain::quota::Quota;
use vigie::mail::template::Templates;
use vigie::store::{Claim, DueEffect, FolderCursor, Listing, MessageLine, RequestFilter, RequestLine, Store};

/// When these tests take place: a Tuesday, at ten in the morning in Paris.
pub const START: &str = "2026-05-05T08:00:00Z";
/// How long a mail of unknown fate waits.
const UNKNOWN_WAIT: TimeDelta = TimeDelta::minutes(10);

/// An instant, minutes after the start.
pub fn at(minute: i64) -> DateTime<Utc> {
    START.parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// A vigie.
pub struct Vigie {
    pub store: Store,
    pub office: Office,
    pub templates: Templates,
    /// The relay's quotas; none at first.
    pub quotas: Vec<Quota>,
    cursors: Vec<FolderCursor>,
    uid: u32,
}

/// A mail that left: what was decided, and its bytes.
pub struct Sent {
    pub due: DueEffect,
    pub bytes: Vec<u8>,
    pub settlement: Settlement,
}

impl Vigie {
    /// A vigie with the shipped configuration, every mailbox acknowledging since the start; `adapt` may change it.
    pub async fn new(adapt: impl FnOnce(&mut Office)) -> Self {
        Self::on(Store::in_memory().await.unwrap(), adapt).await
    }

    /// The same on a given store.
    pub async fn on(store: Store, adapt: impl FnOnce(&mut Office)) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
        let settings = Settings::load(&path, Secrets::Skip).unwrap();
        let templates = vigie::daemon::templates(&settings).unwrap();
        let mut office = settings.office;
        for mailbox in &mut office.mailboxes {
            mailbox.mode = Mode::Acknowledge;
        }
        adapt(&mut office);
        let mut cursors = Vec::new();
        for mailbox in &office.mailboxes {
            switch_on(&store, office.desk(&mailbox.name).unwrap(), at(0)).await.unwrap();
            let mut turn = store.begin().await.unwrap();
            cursors.push(turn.folder(&mailbox.name, "INBOX", "inbox").await.unwrap());
            turn.commit().await.unwrap();
        }
        Self { store, office, templates, quotas: Vec::new(), cursors, uid: 0 }
    }

    /// The address of the first mailbox.
    pub fn address(&self) -> String {
        self.office.mailboxes[0].address.to_string()
    }

    /// Takes messages into the first mailbox, in one turn.
    pub async fn receive(&mut self, messages: &[Vec<u8>], now: DateTime<Utc>) -> Ingested {
        self.receive_in(0, messages, now).await
    }

    /// The same into any mailbox, by its place in the configuration.
    pub async fn receive_in(&mut self, mailbox: usize, messages: &[Vec<u8>], now: DateTime<Utc>) -> Ingested {
        let batch: Vec<Arrived> = messages.iter().map(|bytes| self.arrived(bytes, now)).collect();
        let name = &self.office.mailboxes[mailbox].name;
        let desk = self.office.desk(name).unwrap();
        let cursor = FolderCursor { uid_validity: 1, last_uid: i64::from(self.uid), ..self.cursors[mailbox].clone() };
        let source = Source { office: &self.office, desk, cursor, role: FolderRole::Inbox, lease: None };
        ingest(&self.store, &source, &batch, now).await.unwrap()
    }

    fn arrived(&mut self, bytes: &[u8], now: DateTime<Utc>) -> Arrived {
        self.uid += 1;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let (header, body) = bytes.split_at(end);
        let mut arrived = Arrived::read(self.uid, now, bytes.len() as u64, header.to_vec());
        if arrived.needs_body() {
            arrived.add_body(body);
        }
        arrived
    }

    /// Sends all that is due, the relay's word given by `relay`; what was handed to it.
    pub async fn send(&self, now: DateTime<Utc>, mut relay: impl FnMut(&DueEffect) -> Outcome) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(due) = self.claim(now).await {
            let ready = sending::prepare(&self.store, &self.office, &self.templates, &due, now).await.unwrap();
            let (outcome, bytes, proof) = match ready {
                Ready::Send(prepared) => (relay(&due), prepared.bytes, prepared.proof),
                Ready::Withdraw(why) => (Outcome::Withdrawn { why }, Vec::new(), Proof::default()),
            };
            let attempt = Attempt { outcome, summary: "said the test's relay".to_owned(), proof };
            let settled = sending::settle(&self.store, &self.office, &due, &attempt, UNKNOWN_WAIT, now);
            let settlement = settled.await.unwrap();
            sent.push(Sent { due, bytes, settlement });
        }
        sent
    }

    /// The mail that goes next, claimed.
    pub async fn claim(&self, now: DateTime<Utc>) -> Option<DueEffect> {
        match self.store.claim_due("essai", &self.quotas, now).await.unwrap() {
            Claim::Mail(due) => Some(*due),
            Claim::Wait(_) | Claim::Nothing => None,
        }
    }

    /// Sends all that is due through a relay that takes everything.
    pub async fn send_all(&self, now: DateTime<Utc>) -> Vec<Sent> {
        self.send(now, |_| accepted()).await
    }

    /// The messages, the oldest first.
    pub async fn messages(&self) -> Vec<MessageLine> {
        self.store.messages(&Listing::default()).await.unwrap()
    }

    /// The requests, the oldest first.
    pub async fn requests(&self) -> Vec<RequestLine> {
        self.store.list_requests(&RequestFilter::default()).await.unwrap()
    }

    /// How often the ledger holds an entry of a kind.
    pub async fn ledger(&self, kind: &str) -> usize {
        let (mut seq, mut count) = (0, 0);
        loop {
            let page = self.store.ledger_after(seq).await.unwrap();
            let Some(last) = page.last() else { return count };
            seq = last.seq;
            count += page.iter().filter(|entry| entry.kind == kind).count();
        }
    }

    /// Fails unless the ledger is whole and says what the tables say.
    pub async fn verify(&self) {
        let found = vigie::app::verify::verify(&self.store, &[]).await.unwrap();
        assert!(found.ok, "{:?}", found.first_fault);
    }
}

/// What a relay says that takes the mail.
pub fn accepted() -> Outcome {
    Outcome::Accepted { answer: "250 2.0.0 Ok: queued as 4X".to_owned(), queue_id: Some("4X".to_owned()) }
}

/// What a relay says that refuses it for now.
pub fn busy() -> Outcome {
    Outcome::Refused { temporary: true, answer: "451 4.7.1 Revenez plus tard".to_owned() }
}

/// A message without any header of a machine.
pub fn message(from: &str, to: &str, id: &str, subject: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n\
         Date: Tue, 5 May 2026 10:00:00 +0200\r\n\r\nBonjour,\r\n"
    )
    .into_bytes()
}

/// The plain text of a mail of vigie, quoted-printable and soft line breaks undone.
pub fn plain_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("=\r\n", "");
    let mut out: Vec<u8> = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'=').then(|| after.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(octet) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(octet);
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).replace('\u{a0}', " ")
}
