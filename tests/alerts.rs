//! Alerts and digests over simulated weeks: the use cases, a database and a given `now`; no servers, no waiting.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails at the line that could not"
)]

#[path = "alerts/registers.rs"]
mod registers;
mod support;
#[path = "alerts/world.rs"]
mod world;

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::sending;
use vigie::app::tick::tick;
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::EffectKind;
use vigie::store::{Claim, RequestFilter, Store};
use world::{AGENTS, HEAD, OFFICER, World, paris, question};

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
    let urgency =
        ["à traiter sous 2 jours ouvrés.", "à traiter sous 1 jour ouvré.", "à traiter aujourd’hui.", "en retard."];
    for (alert, urgency) in alerts.iter().zip(urgency) {
        assert!(alert.text.contains("PAN-2026-000001"), "{}", alert.text);
        assert!(alert.text.contains(&format!("1 demande {urgency}")), "{}", alert.text);
    }
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
    world.advance("2026-05-15 12:00").await;
    assert_eq!(world.alerts(), []);
    let told = world.of(EffectKind::Digest).iter().filter(|digest| digest.text.contains("réglées")).count();
    assert_eq!(told, 0, "nobody was warned, and its end is no news");
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

/// What a digest says was received and answered since the last one.
fn figures(world: &World, bureau: &str) -> Vec<(String, String)> {
    let digests = world.of(EffectKind::Digest).into_iter().filter(|digest| digest.bureau == bureau);
    let value = |text: &str, of: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(of)).expect(of);
        line.rsplit_once(':').unwrap().1.trim().to_owned()
    };
    digests.map(|digest| (value(&digest.text, "Demandes reçues"), value(&digest.text, "Demandes ayant reçu"))).collect()
}

#[tokio::test]
async fn what_was_received_before_a_digest_and_read_after_it_is_counted_by_the_next_one() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.ask("2026-05-04 10:00", "alice").await;
    // Received at ten past eight and answered at twenty past, while the server was mute: read at nine.
    world.advance("2026-05-05 09:00").await;
    world.arrive("INBOX", FolderRole::Inbox, paris("2026-05-05 08:10"), vec![question("bob")]).await;
    world.reply("alice").await;
    world.advance("2026-05-07 09:00").await;
    let told = figures(&world, "citoyennete");
    let told: Vec<(&str, &str)> = told.iter().map(|(received, answered)| (&**received, &**answered)).collect();
    assert_eq!(told, [("1", "0"), ("1", "1"), ("0", "0")]);
    world.check().await;
}
