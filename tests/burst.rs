//! A flood of requests, and a relay at its worst: each request ends with exactly one acknowledgement or a recorded reason,
//! and what reached the public twice is exactly what was recorded as of unknown fate.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::TimeDelta;
use support::app::{Vigie, accepted, at, busy, message};
use support::sink::{Plan, Sink, Stage};
use tokio_util::sync::CancellationToken;
use vigie::app::sending::{self, Attempt, Proof, Ready};
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::request::AcknowledgementState;
use vigie::smtp::{self, Deadlines, Relay, Security, Submission};
use vigie::store::DueEffect;

/// The requests of the simulated burst.
const REQUESTS: usize = 10_000;
/// Messages of one turn, as the daemon takes them in.
const BATCH: usize = 1_000;
/// The requests of the burst through real SMTP.
const SMTP_REQUESTS: usize = 500;
/// The plan of the relay, printed with each failure by being here.
const SEED: u64 = 0x5eed_2026;
/// How long a mail of unknown fate waits.
const WAIT: TimeDelta = TimeDelta::minutes(10);
/// The most minutes that the queue may take to empty: retries go on for three days.
const MINUTES: i64 = 4 * 24 * 60;

/// A small generator (xorshift*), so that the plan is the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// A vigie whose limits let a burst through.
async fn unlimited() -> Vigie {
    Vigie::new(|office| {
        for mailbox in &mut office.mailboxes {
            mailbox.limits.per_mailbox_per_hour = u32::MAX;
            mailbox.limits.per_domain_per_hour = u32::MAX;
            mailbox.limits.breaker_per_hour = u32::MAX;
        }
    })
    .await
}

fn requests(vigie: &Vigie, from: usize, count: usize) -> Vec<Vec<u8>> {
    let to = vigie.address();
    let one = |n: usize| {
        let sender = format!("usager{n}@d{}.example", n % 97);
        // Letters only: nothing but the sender tells a citizen from the next.
        let subject: String = n.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
        message(&sender, &to, &format!("b{n}@x.example"), &format!("Demande {subject} {n}"))
    };
    (from..from + count).map(one).collect()
}

/// What became of the mails, as the public saw it and as the ledger tells it.
#[derive(Default)]
struct World {
    received: HashMap<String, usize>,
    unknown: HashSet<String>,
    accepted: HashSet<String>,
}

impl World {
    fn note(&mut self, mail: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Unknown { .. } => drop(self.unknown.insert(mail.to_owned())),
            Outcome::Accepted { .. } => drop(self.accepted.insert(mail.to_owned())),
            Outcome::Refused { .. } | Outcome::Withdrawn { .. } => {}
        }
    }

    fn received(&self, mail: &str) -> usize {
        self.received.get(mail).copied().unwrap_or_default()
    }

    /// Nobody got two mails but those whose fate was recorded as unknown, and of these exactly those accepted later.
    fn check(&self) {
        let doubled: HashSet<&String> = self.received.iter().filter(|(_, n)| **n > 1).map(|(mail, _)| mail).collect();
        assert!(doubled.iter().all(|mail| self.unknown.contains(*mail)), "doubled without being recorded");
        let later = self.unknown.intersection(&self.accepted).filter(|mail| self.received(mail) != 2);
        assert_eq!(later.count(), 0, "kept and accepted again: twice, no more, no less");
        assert!(!doubled.is_empty(), "the plan has such cases");
    }
}

/// What each request ended with.
async fn check_requests(vigie: &Vigie, count: usize) -> HashMap<&'static str, usize> {
    let mut ends: HashMap<&'static str, usize> = HashMap::new();
    let requests = vigie.requests().await;
    assert_eq!(requests.len(), count);
    for line in &requests {
        *ends.entry(line.request.acknowledgement.name()).or_default() += 1;
        assert_ne!(line.request.acknowledgement, AcknowledgementState::Pending, "{}", line.request.reference);
    }
    vigie.verify().await;
    ends
}

/// The relay by the plan: 60 % taken, the rest refused, lost or mute.
fn by_plan(dice: &mut Dice, world: &mut World, mail: &str) -> Outcome {
    let lost = || Outcome::Unknown { why: "the link was lost after DATA".to_owned() };
    let outcome = match dice.roll(10) {
        0 | 1 => busy(),
        2 => Outcome::Refused { temporary: false, answer: "550 5.1.1 inconnu".to_owned() },
        3 => lost(),
        // It hangs before the final dot: nothing was taken.
        4 => Outcome::Refused { temporary: true, answer: "no answer to MAIL FROM in time".to_owned() },
        _ => accepted(),
    };
    if matches!(outcome, Outcome::Accepted { .. } | Outcome::Unknown { .. }) {
        *world.received.entry(mail.to_owned()).or_default() += 1;
    }
    world.note(mail, &outcome);
    outcome
}

async fn settle(vigie: &Vigie, due: &DueEffect, outcome: Outcome, minute: i64) {
    let attempt = Attempt { outcome, summary: "by the plan".to_owned(), proof: Proof::default() };
    sending::settle(&vigie.store, &vigie.office, due, &attempt, WAIT, at(minute)).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "figures for people; nothing depends on them")]
fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

#[tokio::test]
async fn ten_thousand_requests_through_a_relay_at_its_worst_end_with_one_mail_or_a_reason() {
    let mut vigie = unlimited().await;
    for batch in 0..REQUESTS / BATCH {
        let messages = requests(&vigie, batch * BATCH, BATCH);
        let watch = stopwatch();
        let ingested = vigie.receive(&messages, at(1)).await;
        assert_eq!(ingested.queued, BATCH);
        eprintln!("batch {batch}: {} messages in {} ms", BATCH, watch.elapsed().as_millis());
    }
    let (mut dice, mut world, watch, mut attempts) = (Dice(SEED), World::default(), stopwatch(), 0);
    for minute in 1..MINUTES {
        if vigie.store.next_due().await.unwrap().is_none() {
            break;
        }
        while let Some(due) = vigie.claim(at(minute)).await {
            attempts += 1;
            let outcome = by_plan(&mut dice, &mut world, &due.effect.id);
            settle(&vigie, &due, outcome, minute).await;
        }
    }
    eprintln!("{attempts} attempts in {} ms", watch.elapsed().as_millis());
    world.check();
    let ends = check_requests(&vigie, REQUESTS).await;
    assert_eq!(ends.values().sum::<usize>(), REQUESTS, "{ends:?}");
    assert_eq!(ends["sent"], world.accepted.len());
    assert!(ends["refused"] > 0 && ends["unknown"] > 0, "{ends:?}");
}

#[tokio::test]
async fn a_flood_beyond_the_limits_ends_with_mails_and_recorded_reasons() {
    let mut vigie = Vigie::new(|_| ()).await;
    let messages = requests(&vigie, 0, BATCH);
    vigie.receive(&messages, at(1)).await;
    vigie.send_all(at(2)).await;
    let ends = check_requests(&vigie, BATCH).await;
    assert_eq!((ends["sent"], ends["withheld"]), (300, BATCH - 300), "the limit of the mailbox");
    let withheld = |line: &&vigie::store::MessageLine| line.acknowledgement == "withhold";
    let reasons: HashSet<String> =
        vigie.messages().await.iter().filter(withheld).map(|line| line.acknowledgement_reason.clone()).collect();
    assert_eq!(reasons, HashSet::from(["limit_per_mailbox".to_owned()]));
}

/// The sink's plan for one attempt.
fn plan(dice: &mut Dice) -> Plan {
    match dice.roll(20) {
        0 | 1 => Plan::Say(Stage::Rcpt, "451 4.7.1 Revenez plus tard"),
        2 => Plan::Say(Stage::Body, "452 4.3.1 Plus de place"),
        3 => Plan::Say(Stage::Body, "550 5.7.1 Refus"),
        4 => Plan::Cut(Stage::Data),
        5 => Plan::Hang(Stage::Mail),
        6 | 7 => Plan::KeepThenCut,
        8 => Plan::KeepThenHang,
        _ => Plan::Accept,
    }
}

fn relay(port: u16) -> Relay {
    let short = Duration::from_millis(150);
    let deadlines = Deadlines { mail: short, recipient: short, data: short, verdict: short, ..Deadlines::default() };
    Relay {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::Plain,
        ca_file: None,
        login: None,
        hello_name: Some("vigie.example".to_owned()),
        deadlines,
    }
}

async fn submit(vigie: &Vigie, sender: &mut smtp::Sender, due: &DueEffect, minute: i64) -> Outcome {
    let ready = sending::prepare(&vigie.store, &vigie.office, &vigie.templates, due, at(minute)).await.unwrap();
    let prepared = match ready {
        Ready::Send(prepared) => prepared,
        Ready::Withdraw(why) => return Outcome::Withdrawn { why },
    };
    let submission = Submission { reverse_path: None, recipients: &prepared.recipients, bytes: &prepared.bytes };
    match sender.submit(submission, at(minute), &CancellationToken::new()).await {
        smtp::Outcome::Accepted { answer, queue_id, .. } => Outcome::Accepted { answer, queue_id },
        smtp::Outcome::Refused { temporary, answer, .. } => Outcome::Refused { temporary, answer },
        smtp::Outcome::Unknown { why } => Outcome::Unknown { why },
        smtp::Outcome::Stopped => unreachable!("nobody stops the sender"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_mails_through_a_misbehaving_relay_are_doubled_only_where_recorded() {
    let mut vigie = unlimited().await;
    let messages = requests(&vigie, 0, SMTP_REQUESTS);
    vigie.receive(&messages, at(1)).await;
    let sink = Sink::start();
    let mut dice = Dice(SEED);
    sink.plan((0..2 * SMTP_REQUESTS).map(|_| plan(&mut dice)));
    let (mut world, mut sender) = (World::default(), smtp::Sender::new(relay(sink.port)));
    for minute in (1..MINUTES).step_by(5) {
        if vigie.store.next_due().await.unwrap().is_none() {
            break;
        }
        while let Some(due) = vigie.claim(at(minute)).await {
            assert_eq!(due.effect.kind, EffectKind::Acknowledgement);
            let outcome = submit(&vigie, &mut sender, &due, minute).await;
            world.note(due.effect.recipients[0].local(), &outcome);
            settle(&vigie, &due, outcome, minute).await;
        }
    }
    for mail in sink.mails() {
        let (local, _) = mail.recipients[0].split_once('@').unwrap();
        *world.received.entry(local.to_owned()).or_default() += 1;
    }
    world.check();
    let ends = check_requests(&vigie, SMTP_REQUESTS).await;
    assert_eq!(ends["sent"], world.accepted.len(), "{ends:?}");
}
