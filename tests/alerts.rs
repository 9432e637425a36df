//! Alerts and digests over simulated weeks: the use cases, a database and a given `now`; no servers, no waiting.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails at the line that could not"
)]

use std::fs;
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use vigie::app::ingest::{self, Arrived, Source};
use vigie::app::register::{Hand, NewLetter, Origin};
use vigie::app::sending::{self, Attempt, Proof, Ready};
use vigie::app::tick::{next_wake, tick};
use vigie::app::verify::verify;
use vigie::config::{Secrets, Settings};
use vigie::daemon::templates;
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::policy::{Mode, Nature, Requester};
use vigie::mail::template::Templates;
use vigie::store::{Claim, Details, RequestFilter, Store};

/// Turns that one advance may take: far more than the alerts of a month.
const MAX_TURNS: usize = 10_000;
const AGENTS: &str = "agents.citoyennete@prefecture.example.org";
const HEAD: &str = "chef.citoyennete@prefecture.example.org";
const OFFICER: &str = "qualite@prefecture.example.org";

/// A mail that left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    at: DateTime<Utc>,
    id: String,
    kind: EffectKind,
    bureau: String,
    level: Option<i64>,
    recipients: Vec<String>,
    text: String,
}

/// A prefecture with the shipped configuration, and a clock that is moved by hand.
struct World {
    store: Store,
    settings: Settings,
    templates: Templates,
    now: DateTime<Utc>,
    uid: u32,
    sent: Vec<Sent>,
}

/// Civil time in Paris.
fn paris(text: &str) -> DateTime<Utc> {
    let civil = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("an instant");
    civil.and_local_timezone(chrono_tz::Europe::Paris).unwrap().to_utc()
}

/// The shipped configuration, its mailboxes switched on.
fn settings() -> Settings {
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
    fs::write(&path, text).unwrap();
    Settings::load(&path, Secrets::Skip).unwrap()
}

impl World {
    async fn new(start: &str) -> Self {
        Self::on(Store::in_memory().await.unwrap(), start).await
    }

    async fn on(store: Store, start: &str) -> Self {
        let settings = settings();
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
    async fn arrive(&mut self, folder: &str, role: FolderRole, at: DateTime<Utc>, headers: Vec<String>) {
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

    async fn ask(&mut self, at: &str, id: &str) {
        self.advance(at).await;
        let header = question(id);
        self.arrive("INBOX", FolderRole::Inbox, self.now, vec![header]).await;
    }

    async fn answer(&mut self, at: &str, id: &str) {
        self.advance(at).await;
        self.reply(id).await;
    }

    async fn reply(&mut self, id: &str) {
        let header = format!(
            "From: pref-pan@prefecture.example.org\nTo: {id}@example.org\nSubject: Re: x\nMessage-ID: <r-{id}@x>\n\
             In-Reply-To: <{id}@example.org>"
        );
        self.arrive("Envoyés", FolderRole::Sent, self.now, vec![header]).await;
    }

    /// Lets time pass, doing all that falls due at the instant at which it does.
    async fn advance(&mut self, to: &str) {
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
    fn sleep(&mut self, to: &str) {
        self.now = paris(to);
    }

    async fn send(&mut self) {
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
                text: String::from_utf8_lossy(&prepared.bytes).into_owned(),
            });
        }
    }

    fn of(&self, kind: EffectKind) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.kind == kind).collect()
    }

    fn alerts(&self) -> Vec<(DateTime<Utc>, i64)> {
        self.of(EffectKind::Alert).iter().map(|sent| (sent.at, sent.level.unwrap())).collect()
    }

    async fn check(&self) {
        let verified = verify(&self.store, &[]).await.unwrap();
        assert!(verified.ok, "{verified:?}");
    }
}

fn question(id: &str) -> String {
    format!(
        "From: {id}@example.org\nTo: pref-pan@prefecture.example.org\nSubject: Question\nMessage-ID: <{id}@example.org>"
    )
}

#[tokio::test]
async fn an_alert_rises_at_two_one_and_no_day_left_and_once_overdue() {
    let mut world = World::new("2026-05-04 09:00").await;
    // The eve of a public holiday; Ascension follows: due on Monday 18 May.
    world.ask("2026-05-07 16:50", "alice").await;
    world.advance("2026-06-30 12:00").await;
    let expected =
        [("2026-05-13 08:30", 2), ("2026-05-15 08:30", 1), ("2026-05-18 08:30", 0), ("2026-05-19 08:30", -1)];
    assert_eq!(world.alerts(), expected.map(|(at, level)| (paris(at), level)));
    let alerts = world.of(EffectKind::Alert);
    let recipients: Vec<&Vec<String>> = alerts.iter().map(|alert| &alert.recipients).collect();
    assert_eq!(recipients, [&vec![AGENTS], &vec![AGENTS], &vec![AGENTS, HEAD], &vec![AGENTS, HEAD, OFFICER]]);
    assert!(alerts.iter().all(|alert| alert.text.contains("PAN-2026-000001")));
    assert_eq!(world.of(EffectKind::Acknowledgement).len(), 1);
    world.check().await;
}

#[tokio::test]
async fn nothing_rises_after_an_answer() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.ask("2026-05-07 16:50", "alice").await;
    world.ask("2026-05-07 16:51", "bob").await;
    world.answer("2026-05-12 10:00", "bob").await;
    world.answer("2026-05-13 10:00", "alice").await;
    world.advance("2026-06-30 12:00").await;
    assert_eq!(world.alerts(), [(paris("2026-05-13 08:30"), 2)]);
    assert!(!world.of(EffectKind::Alert)[0].text.contains("PAN-2026-000002"));
    world.check().await;
}

#[tokio::test]
async fn an_alert_that_waits_in_the_queue_is_withdrawn_by_the_answer() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.ask("2026-05-07 16:50", "alice").await;
    world.advance("2026-05-13 08:29").await;
    world.sleep("2026-05-13 08:30");
    tick(&world.store, &world.settings.office, world.now).await.unwrap();
    world.reply("alice").await;
    world.advance("2026-05-14 08:00").await;
    assert_eq!(world.alerts(), []);
    world.check().await;
}

#[tokio::test]
async fn five_hundred_requests_make_one_mail_a_level() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.advance("2026-05-07 16:50").await;
    let questions = (0..500).map(|number| question(&format!("usager{number}"))).collect();
    world.arrive("INBOX", FolderRole::Inbox, world.now, questions).await;
    world.advance("2026-06-30 12:00").await;
    let levels: Vec<i64> = world.alerts().iter().map(|(_, level)| *level).collect();
    assert_eq!(levels, [2, 1, 0, -1]);
    let text = &world.of(EffectKind::Alert)[3].text;
    assert!(text.len() < 2_000_000, "{} octets", text.len());
    world.check().await;
}

#[tokio::test]
async fn agents_are_never_disturbed_out_of_hours_or_on_holidays() {
    let mut world = World::new("2026-04-20 09:00").await;
    let start = paris("2026-04-20 10:00");
    // Every hour of three weeks with two public holidays in them, nights and week-ends included.
    for hour in 0..500 {
        let at = start + TimeDelta::hours(hour);
        let civil = at.with_timezone(&chrono_tz::Europe::Paris).format("%Y-%m-%d %H:%M").to_string();
        world.ask(&civil, &format!("usager{hour}")).await;
    }
    world.advance("2026-06-30 12:00").await;
    let office = &world.settings.office;
    let desk = office.desk("pref-pan").unwrap();
    for sent in world.sent.iter().filter(|sent| sent.kind != EffectKind::Acknowledgement) {
        assert!(desk.bureau.hours.is_open(desk.calendar, sent.at), "{:?} at {}", sent.kind, sent.at);
    }
    let requests = world.store.list_requests(&RequestFilter::default()).await.unwrap();
    assert!(requests.iter().all(|line| line.request.alert_level == Some(-1)), "each is overdue, and was told");
    let told: Vec<i64> = world.alerts().iter().map(|(_, level)| *level).collect();
    // One mail a level and morning at most, though the requests came one by one.
    let mut mornings: Vec<(String, i64)> =
        world.alerts().iter().map(|(at, level)| (at.date_naive().to_string(), *level)).collect();
    mornings.dedup();
    assert_eq!(mornings.len(), told.len());
    world.check().await;
}

#[tokio::test]
async fn the_digest_goes_out_each_working_morning_also_when_there_is_nothing_to_say() {
    let mut world = World::new("2026-05-12 12:00").await;
    world.advance("2026-05-19 12:00").await;
    let expected = ["2026-05-13 08:30", "2026-05-15 08:30", "2026-05-18 08:30", "2026-05-19 08:30"].map(paris);
    for bureau in ["citoyennete", "etrangers"] {
        let digests = world.of(EffectKind::Digest);
        let mornings: Vec<DateTime<Utc>> =
            digests.iter().filter(|digest| digest.bureau == bureau).map(|digest| digest.at).collect();
        assert_eq!(mornings, expected, "{bureau}");
    }
    world.check().await;
}

#[tokio::test]
async fn what_came_before_the_watch_is_recorded_and_never_acknowledged_alerted_or_listed() {
    let mut world = World::new("2026-05-04 09:00").await;
    let old = (0..20).map(|number| question(&format!("ancien{number}"))).collect();
    world.arrive("INBOX", FolderRole::Inbox, paris("2026-04-20 10:00"), old).await;
    let yesterday = vec![question("veille")];
    world.arrive("INBOX", FolderRole::Inbox, paris("2026-05-04 08:59"), yesterday).await;
    world.advance("2026-06-30 12:00").await;
    assert!(world.of(EffectKind::Acknowledgement).is_empty());
    assert!(world.alerts().is_empty());
    assert!(world.of(EffectKind::Digest).iter().all(|digest| !digest.text.contains("PAN-2026-")));
    let requests = world.store.list_requests(&RequestFilter::default()).await.unwrap();
    assert_eq!(requests.len(), 21);
    assert!(requests.iter().all(|line| line.request.backlog));
    world.check().await;
}

#[tokio::test]
async fn after_a_long_silence_only_the_most_urgent_level_is_told_at_the_next_opening() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.ask("2026-05-07 16:50", "alice").await;
    world.advance("2026-05-08 12:00").await;
    world.sent.clear();
    world.sleep("2026-05-20 22:00");
    tick(&world.store, &world.settings.office, world.now).await.unwrap();
    world.advance("2026-06-30 12:00").await;
    assert_eq!(world.alerts(), [(paris("2026-05-21 08:30"), -1)]);
    // Digests that were missed are not sent afterwards in one go.
    let first = world.of(EffectKind::Digest)[0].at;
    assert_eq!(first, paris("2026-05-21 08:30"));
    world.check().await;
}

#[tokio::test]
async fn a_restart_at_every_step_loses_and_doubles_no_alert() {
    let steps = ["2026-05-13 08:29", "2026-05-13 08:31", "2026-05-15 08:30", "2026-05-16 12:00", "2026-05-19 09:00"];
    let mut calm = World::new("2026-05-04 09:00").await;
    calm.ask("2026-05-07 16:50", "alice").await;
    calm.advance("2026-06-01 12:00").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.db").display().to_string();
    let mut world = World::on(Store::open(&path).await.unwrap(), "2026-05-04 09:00").await;
    world.ask("2026-05-07 16:50", "alice").await;
    for step in steps.iter().chain(&["2026-06-01 12:00"]) {
        world.advance(step).await;
        world.store.close().await;
        let sent = std::mem::take(&mut world.sent);
        // What a start does: the mailboxes are switched on already, and what is due is looked at.
        let civil = world.now.with_timezone(&chrono_tz::Europe::Paris).format("%Y-%m-%d %H:%M").to_string();
        world = World::on(Store::open(&path).await.unwrap(), &civil).await;
        world.uid = 100;
        world.sent = sent;
    }
    // References of effects depend on nothing but the decision: the same mails, at the same instants.
    let told = |world: &World| world.sent.iter().map(|s| (s.at, s.kind, s.bureau.clone(), s.level)).collect::<Vec<_>>();
    assert_eq!(told(&world), told(&calm));
    let mut ids: Vec<&String> = world.sent.iter().map(|sent| &sent.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), world.sent.len());
    world.check().await;
}

#[tokio::test]
async fn an_alert_cut_off_while_it_was_sent_is_sent_once_more_and_no_more() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.ask("2026-05-07 16:50", "alice").await;
    world.advance("2026-05-13 08:29").await;
    world.sleep("2026-05-13 08:30");
    tick(&world.store, &world.settings.office, world.now).await.unwrap();
    let mut claimed = 0;
    while matches!(world.store.claim_due("essai", &[], world.now).await.unwrap(), Claim::Mail(_)) {
        claimed += 1;
    }
    let wait = TimeDelta::minutes(10);
    let recovered = sending::recover(&world.store, &world.settings.office, "essai", wait, world.now).await.unwrap();
    assert_eq!(recovered, claimed);
    world.advance("2026-05-14 12:00").await;
    assert_eq!(world.alerts(), [(paris("2026-05-13 08:40"), 2)]);
    world.check().await;
}

#[tokio::test]
async fn letters_that_wait_are_told_at_the_levels_of_requests_and_in_each_digest() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.advance("2026-05-07 10:00").await;
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let letter = || NewLetter {
        bureau: "citoyennete".into(),
        requester: Requester::Public,
        nature: Nature::GeneralInfo,
        received_on: day("2026-05-07"),
        official: true,
        details: Details { name: "Durand".into(), subject: "Voirie".into(), ..Details::default() },
        origin: Origin::default(),
        answered_on: None,
    };
    let store = world.store.clone();
    let office = world.settings.office.clone();
    let hand = |now| Hand { store: &store, office: &office, by: "accueil", now };
    hand(world.now).letters(&[letter(), letter()]).await.unwrap();
    // Ten working days after 7 May: the last one is Tuesday 26. One is answered the day before.
    world.advance("2026-05-25 12:00").await;
    hand(world.now).answer_letter("COU-2026-000001", day("2026-05-25"), false).await.unwrap();
    world.advance("2026-06-30 12:00").await;
    let told = |reference: &str| -> Vec<(DateTime<Utc>, i64)> {
        let about = |sent: &&&Sent| sent.text.contains(reference);
        world.of(EffectKind::Alert).iter().filter(about).map(|sent| (sent.at, sent.level.unwrap())).collect()
    };
    let [two, one] = [("2026-05-21 08:30", 2), ("2026-05-22 08:30", 1)].map(|(at, level)| (paris(at), level));
    let [last, late] = [("2026-05-26 08:30", 0), ("2026-05-27 08:30", -1)].map(|(at, level)| (paris(at), level));
    assert_eq!(told("COU-2026-000001"), [two, one]);
    assert_eq!(told("COU-2026-000002"), [two, one, last, late]);
    assert_eq!(world.alerts().len(), 4, "one mail a level");
    let digests = world.of(EffectKind::Digest);
    let named =
        digests.iter().filter(|digest| digest.bureau == "citoyennete" && digest.text.contains("COU-2026-000002"));
    let days: Vec<NaiveDate> = named.map(|digest| digest.at.date_naive()).collect();
    assert_eq!(days.first(), Some(&day("2026-05-21")), "two working days before");
    assert_eq!(days.last(), Some(&day("2026-06-30")), "as long as it waits");
    world.check().await;
}
