//! Letters and appointments: the same alerts as requests, the same entries, the same digest.

use chrono::{DateTime, NaiveDate, Utc};
use vigie::app::refresh::take_into_use;
use vigie::app::register::{NewAppointment, NewLetter, Origin};
use vigie::app::story;
use vigie::domain::calendar::{Calendar, Closure};
use vigie::domain::effect::EffectKind;
use vigie::domain::holidays::HolidayRules;
use vigie::domain::policy::{Nature, Requester};
use vigie::domain::register::Authority;
use vigie::store::{Details, Store};

use crate::world::{AGENTS, Sent, World, paris};

/// A bureau without a mailbox: it only answers letters and fixes appointments.
const CABINET: &str = "\n[[bureaux]]\nkey = \"cabinet\"\nlabel = \"Cabinet du préfet\"\n\
     agents = [\"agents.cabinet@prefecture.example.org\"]\nquality_officers = [\"qualite@prefecture.example.org\"]\n";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn letter(bureau: &str, received_on: &str) -> NewLetter {
    NewLetter {
        bureau: bureau.to_owned(),
        requester: Requester::Public,
        nature: Nature::GeneralInfo,
        received_on: day(received_on),
        official: true,
        details: Details { name: "Durand".into(), subject: "Voirie".into(), ..Details::default() },
        origin: Origin::default(),
        answered_on: None,
    }
}

fn appointment(bureau: &str, requested_on: &str) -> NewAppointment {
    NewAppointment {
        bureau: bureau.to_owned(),
        requester: Requester::Elected,
        authority: Authority::Prefect,
        requested_on: day(requested_on),
        official: true,
        details: Details { name: "Martin".into(), ..Details::default() },
        origin: Origin::default(),
        fixed: None,
    }
}

/// When a reference was told, and at which level.
fn told(world: &World, reference: &str) -> Vec<(DateTime<Utc>, i64)> {
    let alerts = world.of(EffectKind::Alert);
    alerts.iter().filter(|sent| sent.text.contains(reference)).map(|sent| (sent.at, sent.level.unwrap())).collect()
}

fn levels<const N: usize>(expected: [(&str, i64); N]) -> Vec<(DateTime<Utc>, i64)> {
    expected.iter().map(|(at, level)| (paris(at), *level)).collect()
}

/// The levels of the alerts that the ledger tells of a reference, and of which clock.
async fn entries(world: &World, reference: &str) -> Vec<(i64, String)> {
    let entries = world.store.ledger_of(reference).await.unwrap();
    let alerts = entries.iter().filter(|entry| entry.kind == "alert_raised");
    let payloads = alerts.map(|entry| serde_json::from_str::<serde_json::Value>(&entry.payload).unwrap());
    payloads.map(|said| (said["level"].as_i64().unwrap(), said["owed"].as_str().unwrap().to_owned())).collect()
}

fn digests_of<'a>(world: &'a World, bureau: &str) -> Vec<&'a Sent> {
    let digests = world.of(EffectKind::Digest).into_iter();
    digests.filter(|digest| digest.bureau == bureau).collect()
}

#[tokio::test]
async fn letters_that_wait_are_told_at_the_levels_of_requests_and_in_each_digest() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.advance("2026-05-07 10:00").await;
    let two = [letter("citoyennete", "2026-05-07"), letter("citoyennete", "2026-05-07")];
    world.by_hand(async |hand| hand.letters(&two).await).await;
    // Ten working days after 7 May: the last one is Tuesday 26. One is answered the day before.
    world.advance("2026-05-25 12:00").await;
    let answered = async |hand: vigie::app::register::Hand<'_>| {
        hand.answer_letter("COU-2026-000001", day("2026-05-25"), false).await
    };
    world.by_hand(answered).await;
    world.advance("2026-06-30 12:00").await;
    let both = [("2026-05-21 08:30", 2), ("2026-05-22 08:30", 1)];
    let [two, one] = both;
    assert_eq!(told(&world, "COU-2026-000001"), levels(both));
    let all = levels([two, one, ("2026-05-26 08:30", 0), ("2026-05-27 08:30", -1)]);
    assert_eq!(told(&world, "COU-2026-000002"), all);
    assert_eq!(world.alerts().len(), 4, "one mail a level");
    let digests = digests_of(&world, "citoyennete");
    let waits = digests.iter().filter(|digest| digest.text.contains("COU-2026-000002"));
    let days: Vec<NaiveDate> = waits.map(|digest| digest.at.date_naive()).collect();
    assert_eq!(days.first(), Some(&day("2026-05-21")), "two working days before");
    assert_eq!(days.last(), Some(&day("2026-06-30")), "as long as it waits");
    world.check().await;
}

#[tokio::test]
async fn an_alert_about_a_letter_is_an_entry_like_that_of_a_request_and_its_end_is_told_once() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.advance("2026-05-07 10:00").await;
    world.by_hand(async |hand| hand.letters(&[letter("citoyennete", "2026-05-07")]).await).await;
    world.advance("2026-05-22 12:00").await;
    let owed = "answer".to_owned();
    assert_eq!(entries(&world, "COU-2026-000001").await, [(2, owed.clone()), (1, owed)]);
    let zone = world.settings.office.zone();
    let story = story::of(&world.store, "COU-2026-000001", zone).await.unwrap();
    assert!(story.iter().any(|told| told.text.contains("alerte")), "{story:?}");
    for answered_on in ["2026-05-22", "2026-05-21"] {
        world.by_hand(async |hand| hand.answer_letter("COU-2026-000001", day(answered_on), false).await).await;
        world.advance(&format!("2026-05-{} 12:00", if answered_on.ends_with('2') { 26 } else { 29 })).await;
    }
    let digests = digests_of(&world, "citoyennete");
    let settled = digests.iter().filter(|digest| digest.text.contains("réglées depuis le dernier point"));
    let mornings: Vec<DateTime<Utc>> = settled.map(|digest| digest.at).collect();
    // The 25th is Whit Monday; the day that is corrected later is no news.
    assert_eq!(mornings, [paris("2026-05-26 08:30")]);
    world.check().await;
}

#[tokio::test]
async fn a_letter_that_is_written_down_late_is_told_at_the_next_opening_and_once() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.advance("2026-05-28 10:00").await;
    world.by_hand(async |hand| hand.letters(&[letter("citoyennete", "2026-05-04")]).await).await;
    world.advance("2026-06-30 12:00").await;
    assert_eq!(told(&world, "COU-2026-000001"), levels([("2026-05-29 08:30", -1)]));
    world.check().await;
}

#[tokio::test]
async fn a_letter_described_anew_with_a_later_limit_is_told_again() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.by_hand(async |hand| hand.letters(&[letter("citoyennete", "2026-05-04")]).await).await;
    // Due on Wednesday 20 May; said to have come a week later, on the 28th.
    world.advance("2026-05-20 12:00").await;
    world
        .by_hand(async |hand| hand.correct_letter("COU-2026-000001", &letter("citoyennete", "2026-05-11")).await)
        .await;
    world.advance("2026-05-28 12:00").await;
    let first = [("2026-05-18 08:30", 2), ("2026-05-19 08:30", 1), ("2026-05-20 08:30", 0)];
    let again = [("2026-05-22 08:30", 2), ("2026-05-26 08:30", 1), ("2026-05-27 08:30", 0), ("2026-05-28 08:30", -1)];
    assert_eq!(told(&world, "COU-2026-000001"), [levels(first), levels(again)].concat());
    world.check().await;
}

#[tokio::test]
async fn an_appointment_is_told_of_both_its_limits_until_it_has_a_date() {
    let mut world = World::new("2026-06-01 09:00").await;
    let wanted = [appointment("citoyennete", "2026-06-01"), appointment("citoyennete", "2026-06-01")];
    world.by_hand(async |hand| hand.appointments(&wanted).await).await;
    // To be fixed within four working days, on the 5th, and held within ten, on the 15th.
    world.advance("2026-06-04 12:00").await;
    world
        .by_hand(async |hand| hand.fix_appointment("RDV-2026-000001", day("2026-06-04"), day("2026-06-25")).await)
        .await;
    world.advance("2026-07-15 12:00").await;
    let before = [("2026-06-03 08:30", 2), ("2026-06-04 08:30", 1)];
    let [two, one] = before;
    assert_eq!(told(&world, "RDV-2026-000001"), levels(before), "fixed: what remains is to keep it");
    let fixing = [two, one, ("2026-06-05 08:30", 0), ("2026-06-08 08:30", -1)];
    let holding = [("2026-06-11 08:30", 2), ("2026-06-12 08:30", 1), ("2026-06-15 08:30", 0), ("2026-06-16 08:30", -1)];
    assert_eq!(told(&world, "RDV-2026-000002"), [levels(fixing), levels(holding)].concat());
    let second: Vec<i64> = entries(&world, "RDV-2026-000002")
        .await
        .into_iter()
        .filter(|(_, owed)| owed == "holding")
        .map(|(level, _)| level)
        .collect();
    assert_eq!(second, [2, 1, 0, -1]);
    let last = world.of(EffectKind::Alert).last().unwrap().text.clone();
    assert!(last.contains("rendez-vous à tenir, date non fixée, échéance le lundi 15 juin 2026"), "{last}");
    world.check().await;
}

#[tokio::test]
async fn a_bureau_without_a_mailbox_has_its_digest_and_its_alerts() {
    let store = Store::in_memory().await.unwrap();
    let mut world = World::with(store, "2026-05-04 09:00", |text| text + CABINET).await;
    world.by_hand(async |hand| hand.letters(&[letter("cabinet", "2026-05-04")]).await).await;
    world.advance("2026-05-22 12:00").await;
    let expected =
        [("2026-05-18 08:30", 2), ("2026-05-19 08:30", 1), ("2026-05-20 08:30", 0), ("2026-05-21 08:30", -1)];
    assert_eq!(told(&world, "COU-2026-000001"), levels(expected));
    let recipients: Vec<&Vec<String>> = world.of(EffectKind::Alert).iter().map(|sent| &sent.recipients).collect();
    assert!(recipients.iter().all(|to| to[0] == "agents.cabinet@prefecture.example.org"), "{recipients:?}");
    let mornings: Vec<DateTime<Utc>> = digests_of(&world, "cabinet").iter().map(|digest| digest.at).collect();
    let others: Vec<DateTime<Utc>> = digests_of(&world, "citoyennete").iter().map(|digest| digest.at).collect();
    assert_eq!(mornings, others);
    let last = &digests_of(&world, "cabinet").last().unwrap().text;
    assert!(last.contains("COU-2026-000001") && last.contains("1 courrier ou rendez-vous à traiter"), "{last}");
    world.check().await;
}

#[tokio::test]
async fn a_closure_of_a_bureau_without_a_mailbox_dates_its_letters() {
    let closed = "\n[[calendar.closures]]\nfrom = \"2026-05-15\"\nto = \"2026-05-15\"\nlabel = \"Pont\"\n\
         suspends = true\nbureaux = [\"cabinet\"]\n";
    let store = Store::in_memory().await.unwrap();
    let world = World::with(store, "2026-05-04 09:00", |text| text + CABINET + closed).await;
    let both = [letter("cabinet", "2026-05-04"), letter("citoyennete", "2026-05-04")];
    world.by_hand(async |hand| hand.letters(&both).await).await;
    let mut due = Vec::new();
    for number in [1, 2] {
        let entries = world.store.ledger_of(&format!("COU-2026-{number:06}")).await.unwrap();
        let said: serde_json::Value = serde_json::from_str(&entries[0].payload).unwrap();
        due.push(said["due_on"].as_str().unwrap().to_owned());
    }
    assert_eq!(due, ["2026-05-21", "2026-05-20"]);
    world.check().await;
}

#[tokio::test]
async fn requests_and_letters_that_reach_a_level_together_are_one_mail() {
    let mut world = World::new("2026-05-04 09:00").await;
    world.by_hand(async |hand| hand.letters(&[letter("citoyennete", "2026-05-04")]).await).await;
    // A letter of the 4th and a mail of the 12th are both due on Wednesday 20 May.
    world.ask("2026-05-12 10:00", "alice").await;
    world.advance("2026-05-21 12:00").await;
    let alerts = world.of(EffectKind::Alert);
    let told: Vec<(i64, bool, bool)> = alerts
        .iter()
        .map(|sent| {
            let named = |reference| sent.text.contains(reference);
            (sent.level.unwrap(), named("COU-2026-000001"), named("PAN-2026-000001"))
        })
        .collect();
    assert_eq!(told, [(2, true, true), (1, true, true), (0, true, true), (-1, true, true)]);
    assert_eq!(alerts[0].recipients, [AGENTS]);
    world.check().await;
}

/// The prefecture is closed on a day, decided now; the configuration is taken into use.
async fn close(world: &mut World, on: &str) {
    let closure = Closure { from: day(on), to: day(on), label: "Pont".into(), suspends: true };
    for calendar in world.settings.office.calendars.values_mut() {
        let closures = calendar.closures().iter().cloned().chain([closure.clone()]).collect();
        let (territory, zone, days) = (calendar.territory(), calendar.zone(), calendar.opening_days());
        *calendar = Calendar::new(territory, zone, HolidayRules::default(), closures, days);
    }
    reload(world).await;
}

async fn reload(world: &World) {
    take_into_use(&world.store, &world.settings.office, world.now).await.unwrap();
}

/// The days to which the limits of a reference were moved.
async fn moved(world: &World, reference: &str) -> Vec<String> {
    let entries = world.store.ledger_of(reference).await.unwrap();
    let redated = entries.iter().filter(|entry| entry.kind == "request_redated");
    let payloads = redated.map(|entry| serde_json::from_str::<serde_json::Value>(&entry.payload).unwrap());
    payloads.map(|said| format!("{} {}", said["owed"].as_str().unwrap(), said["due_on"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_closure_decided_later_dates_letters_and_appointments_that_wait_anew_and_their_alerts_follow() {
    let mut world = World::new("2026-05-04 09:00").await;
    reload(&world).await;
    let letters = [letter("citoyennete", "2026-05-04"), letter("citoyennete", "2026-05-04")];
    world.by_hand(async |hand| hand.letters(&letters).await).await;
    world.by_hand(async |hand| hand.appointments(&[appointment("citoyennete", "2026-05-04")]).await).await;
    world.advance("2026-05-05 09:00").await;
    let answered = async |hand: vigie::app::register::Hand<'_>| {
        hand.answer_letter("COU-2026-000001", day("2026-05-05"), false).await
    };
    world.by_hand(answered).await;
    world.advance("2026-05-05 10:00").await;
    reload(&world).await;
    // Due on the 20th; the appointment to be fixed by the 11th, and held by the 20th.
    close(&mut world, "2026-05-07").await;
    reload(&world).await;
    assert_eq!(moved(&world, "COU-2026-000001").await, Vec::<String>::new(), "what is settled stands");
    assert_eq!(moved(&world, "COU-2026-000002").await, ["answer 2026-05-21"], "once");
    assert_eq!(moved(&world, "RDV-2026-000001").await, ["fixing 2026-05-12", "holding 2026-05-21"]);
    world.advance("2026-05-22 12:00").await;
    let expected =
        [("2026-05-19 08:30", 2), ("2026-05-20 08:30", 1), ("2026-05-21 08:30", 0), ("2026-05-22 08:30", -1)];
    assert_eq!(told(&world, "COU-2026-000002"), levels(expected));
    let story = story::of(&world.store, "RDV-2026-000001", world.settings.office.zone()).await.unwrap();
    let told = |what: &str| story.iter().any(|told| told.text.starts_with(what));
    assert!(told("échéance de fixation du rendez-vous portée au mardi 12 mai 2026"), "{story:?}");
    world.check().await;
}
