//! A prefecture with the shipped configuration, and a clock that is moved by hand: no servers, no waiting.
#![allow(unreachable_pub, reason = "each part of the test binary uses what it needs")]

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::ingest::{self, Arrived, Source};
use vigie::app::register::Hand;
use vigie::app::sending::{self, Attempt, Proof, Ready};
use vigie::app::tick::{next_wake, tick};
use vigie::app::verify::verify;
use vigie::config::{Secrets, Settings};
use vigie::daemon::templates;
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::policy::Mode;
use vigie::mail::template::Templates;
use vigie::store::{Claim, Store};

use crate::support::app::plain_text;

/// Turns that one advance may take: far more than the alerts of a month.
const MAX_TURNS: usize = 10_000;
pub const AGENTS: &str = "agents.citoyennete@prefecture.example.org";
pub const HEAD: &str = "chef.citoyennete@prefecture.example.org";
pub const OFFICER: &str = "qualite@prefecture.example.org";

/// A mail that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub at: DateTime<Utc>,
    pub id: String,
    pub kind: EffectKind,
    pub bureau: String,
    pub level: Option<i64>,
    pub recipients: Vec<String>,
    pub text: String,
}

/// A prefecture with the shipped configuration, and a clock that is moved by hand.
pub struct World {
    pub store: Store,
    pub settings: Settings,
    pub templates: Templates,
    pub now: DateTime<Utc>,
    pub uid: u32,
    pub sent: Vec<Sent>,
}

/// Civil time in Paris.
pub fn paris(text: &str) -> DateTime<Utc> {
    let civil = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("an instant");
    civil.and_local_timezone(chrono_tz::Europe::Paris).unwrap().to_utc()
}

/// The shipped configuration, its mailboxes switched on.
pub fn settings(adapt: impl Fn(String) -> String) -> Settings {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let text = fs::read_to_string(shipped.join("vigie.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut text = text.replace("mode = \"observe\"", "mode = \"acknowledge\"");
    for file in ["templates", "commitments.toml", "requesters.toml", "closures.toml"] {
        let named = format!(" = \"{file}\"");
        assert!(text.contains(&named), "{named}");
        text = text.replace(&named, &format!(" = \"{}\"", shipped.join(file).display()));
    }
    let path = folder.path().join("vigie.toml");
    fs::write(&path, adapt(text)).unwrap();
    Settings::load(&path, Secrets::Skip).unwrap()
}

impl World {
    pub async fn new(start: &str) -> Self {
        Self::on(Store::in_memory().await.unwrap(), start).await
    }

    pub async fn on(store: Store, start: &str) -> Self {
        Self::with(store, start, |text| text).await
    }

    /// On a given store, `adapt` changing the configuration's text.
    pub async fn with(store: Store, start: &str, adapt: impl Fn(String) -> String) -> Self {
        let settings = settings(adapt);
        let templates = templates(&settings).unwrap();
        let now = paris(start);
        for mailbox in &settings.office.mailboxes {
            let desk = settings.office.desk(&mailbox.name).unwrap();
            ingest::switch_on(&store, desk, now).await.unwrap();
        }
        tick(&store, &settings.office, now).await.unwrap();
        Self { store, settings, templates, now, uid: 0, sent: Vec::new() }
    }

    /// Messages arrive in a folder of pref-pan, at once.
    pub async fn arrive(&mut self, folder: &str, role: FolderRole, at: DateTime<Utc>, headers: Vec<String>) {
        let desk = self.settings.office.desk("pref-pan").unwrap();
        assert_eq!(desk.policy.mode, Mode::Acknowledge);
        let batch: Vec<Arrived> = headers
            .into_iter()
            .map(|header| {
                self.uid += 1;
                let header = format!("{}\r\n\r\n", header.replace('\n', "\r\n")).into_bytes();
                let size = u64::try_from(header.len()).unwrap();
                Arrived::read(self.uid, at, size, header)
            })
            .collect();
        let mut turn = self.store.begin().await.unwrap();
        let cursor = turn.folder("pref-pan", folder, role.name()).await.unwrap();
        turn.commit().await.unwrap();
        let source = Source { office: &self.settings.office, desk, cursor, role, lease: None };
        ingest::ingest(&self.store, &source, &batch, self.now).await.unwrap();
    }

    pub async fn ask(&mut self, at: &str, id: &str) {
        self.advance(at).await;
        let header = question(id);
        self.arrive("INBOX", FolderRole::Inbox, self.now, vec![header]).await;
    }

    pub async fn answer(&mut self, at: &str, id: &str) {
        self.advance(at).await;
        self.reply(id).await;
    }

    pub async fn reply(&mut self, id: &str) {
        let header = format!(
            "From: pref-pan@prefecture.example.org\nTo: {id}@example.org\nSubject: Re: x\nMessage-ID: <r-{id}@x>\n\
             In-Reply-To: <{id}@example.org>"
        );
        self.arrive("Envoyés", FolderRole::Sent, self.now, vec![header]).await;
    }

    /// Lets time pass, doing all that falls due at the instant at which it does.
    pub async fn advance(&mut self, to: &str) {
        let to = paris(to);
        for _ in 0..MAX_TURNS {
            self.send().await;
            let due = self.store.next_due().await.unwrap();
            let wake = next_wake(&self.store, &self.settings.office).await.unwrap();
            let Some(next) = due.into_iter().chain(wake).min().filter(|next| *next <= to) else {
                self.now = to.max(self.now);
                return;
            };
            self.now = next.max(self.now);
            tick(&self.store, &self.settings.office, self.now).await.unwrap();
        }
        panic!("time does not pass: {} mails", self.sent.len());
    }

    /// Time passes while vigie does not run.
    pub fn sleep(&mut self, to: &str) {
        self.now = paris(to);
    }

    pub async fn send(&mut self) {
        while let Claim::Mail(due) = self.store.claim_due("essai", &[], self.now).await.unwrap() {
            let office = &self.settings.office;
            let ready = sending::prepare(&self.store, office, &self.templates, &due, self.now).await.unwrap();
            let outcome = match &ready {
                Ready::Send(_) => Outcome::Accepted { answer: "Ok".into(), queue_id: None },
                Ready::Withdraw(why) => Outcome::Withdrawn { why: why.clone() },
            };
            let attempt = Attempt { outcome, summary: String::new(), proof: Proof::default() };
            let wait = TimeDelta::minutes(10);
            sending::settle(&self.store, office, &due, &attempt, wait, self.now).await.unwrap();
            let Ready::Send(prepared) = ready else { continue };
            let effect = due.effect;
            self.sent.push(Sent {
                at: self.now,
                id: effect.id,
                kind: effect.kind,
                bureau: effect.bureau,
                level: effect.level,
                recipients: prepared.recipients.iter().map(ToString::to_string).collect(),
                text: plain_text(&prepared.bytes),
            });
        }
    }

    /// Somebody who keeps a register, now.
    pub async fn by_hand<T>(&self, write: impl AsyncFn(Hand<'_>) -> vigie::app::Result<T>) -> T {
        let Self { store, settings, now, .. } = self;
        write(Hand { store, office: &settings.office, by: "accueil", now: *now }).await.unwrap()
    }

    pub fn of(&self, kind: EffectKind) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.kind == kind).collect()
    }

    pub fn alerts(&self) -> Vec<(DateTime<Utc>, i64)> {
        self.of(EffectKind::Alert).iter().map(|sent| (sent.at, sent.level.unwrap())).collect()
    }

    /// The ledger is whole, and nobody was told of a command: agents have none.
    pub async fn check(&self) {
        let agents = self.sent.iter().filter(|sent| !sent.bureau.is_empty());
        for sent in agents {
            assert!(!sent.text.contains("« vigie"), "{}", sent.text);
        }
        let verified = verify(&self.store, &[]).await.unwrap();
        assert!(verified.ok, "{verified:?}");
    }
}

pub fn question(id: &str) -> String {
    format!(
        "From: {id}@example.org\nTo: pref-pan@prefecture.example.org\nSubject: Question\nMessage-ID: <{id}@example.org>"
    )
}
