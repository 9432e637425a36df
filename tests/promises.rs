//! What was promised, and what becomes of it when the promise, the calendar or the perimeter changes; what the digest says
//! of it all. The use cases, a database in memory and a given `now`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails at the line that could not"
)]

mod support;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use support::app::{Vigie, at, message, plain_text};
use vigie::app::commitments::{Wanted, apply};
use vigie::app::gesture::{Word, gesture};
use vigie::app::refresh::take_into_use;
use vigie::app::tick::{next_wake, tick};
use vigie::domain::alert::AlertState;
use vigie::domain::clocks::{ClockKind, ClockState, clocks};
use vigie::domain::effect::EffectKind;
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::policy::{Perimeter, Requester};

/// An hour of the first day, in Paris ten o'clock, and days after it.
fn days(days: i64) -> DateTime<Utc> {
    at(0) + TimeDelta::days(days)
}

async fn ask(vigie: &mut Vigie, from: &str, id: &str, now: DateTime<Utc>) {
    let to = vigie.address();
    vigie.receive(&[message(from, &to, id, "Demande")], now).await;
}

/// Lets time pass, and sends what falls due; the mails of a kind, in words.
async fn live(vigie: &Vigie, until: DateTime<Utc>, kind: EffectKind) -> Vec<(DateTime<Utc>, String)> {
    let mut mails = Vec::new();
    for _ in 0..500 {
        let wake = next_wake(&vigie.store, &vigie.office).await.unwrap();
        let Some(now) = wake.filter(|wake| *wake <= until) else { return mails };
        tick(&vigie.store, &vigie.office, now).await.unwrap();
        let sent = vigie.send_all(now).await;
        let wanted = sent.iter().filter(|sent| sent.due.effect.kind == kind);
        mails.extend(wanted.map(|sent| (now, plain_text(&sent.bytes))));
    }
    panic!("time does not pass");
}

async fn answer(vigie: &Vigie, reference: &str, now: DateTime<Utc>) {
    let word = Word { gesture: Gesture::Answer(Way::Phone), by: "agent".to_owned(), at: now, text: None };
    gesture(&vigie.store, &vigie.office, reference, word, now).await.unwrap();
}

async fn payloads(vigie: &Vigie, kind: &str) -> Vec<Value> {
    let entries = vigie.store.ledger_after(0).await.unwrap();
    entries.iter().filter(|e| e.kind == kind).map(|e| serde_json::from_str(&e.payload).unwrap()).collect()
}

#[tokio::test]
async fn clocks_are_independent() {
    let mut vigie = Vigie::new(|_| {}).await;
    ask(&mut vigie, "alice@example.org", "a1@example.org", at(0)).await;
    let state = |vigie: &Vigie, line: &vigie::store::RequestLine, now| {
        let desk = vigie.office.desk("pref-pan").unwrap();
        clocks(desk, &line.request, now)
            .into_iter()
            .map(|c| (c.kind, c.due_on.to_string(), c.state))
            .collect::<Vec<_>>()
    };
    let line = vigie.requests().await.remove(0);
    let due = |kind, day: &str, state| (kind, day.to_owned(), state);
    assert_eq!(
        state(&vigie, &line, at(1)),
        [
            due(ClockKind::Registration, "2026-05-06", ClockState::Running),
            due(ClockKind::Acknowledgement, "2026-05-21", ClockState::Running),
            due(ClockKind::Callback, "2026-05-13", ClockState::Running),
            due(ClockKind::Answer, "2026-05-13", ClockState::Running),
        ]
    );
    vigie.send_all(at(2)).await;
    let line = vigie.requests().await.remove(0);
    let states: Vec<ClockState> = state(&vigie, &line, days(20)).into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states, [ClockState::Met, ClockState::Met, ClockState::Missed, ClockState::Missed]);
    answer(&vigie, &line.request.reference, days(7)).await;
    let line = vigie.requests().await.remove(0);
    let states: Vec<ClockState> = state(&vigie, &line, days(20)).into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states, [ClockState::Met; 4]);
    vigie.verify().await;
}

#[tokio::test]
async fn a_new_promise_is_applied_to_what_is_open_only_when_asked_and_with_an_entry() {
    let mut vigie = Vigie::new(|_| {}).await;
    ask(&mut vigie, "alice@example.org", "a1@example.org", at(0)).await;
    ask(&mut vigie, "bob@example.org", "b1@example.org", days(1)).await;
    for commitment in vigie.office.mailboxes.iter_mut().flat_map(|policy| &mut policy.commitments) {
        commitment.limit = if commitment.key == "mail.user.info" { 3 } else { commitment.limit };
    }
    take_into_use(&vigie.store, &vigie.office, days(1)).await.unwrap();
    let due = |lines: &[vigie::store::RequestLine]| -> Vec<String> {
        lines.iter().map(|line| line.request.due_on.to_string()).collect()
    };
    assert_eq!(due(&vigie.requests().await), ["2026-05-13", "2026-05-15"]);
    let since: NaiveDate = "2026-05-06".parse().unwrap();
    let mut wanted = Wanted { since, by: "qualite".to_owned(), carry_out: false };
    let told = apply(&vigie.store, &vigie.office, &wanted, days(1)).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(due(&vigie.requests().await), ["2026-05-13", "2026-05-15"]);
    wanted.carry_out = true;
    apply(&vigie.store, &vigie.office, &wanted, days(1)).await.unwrap();
    assert_eq!(due(&vigie.requests().await), ["2026-05-13", "2026-05-12"]);
    assert!(apply(&vigie.store, &vigie.office, &wanted, days(1)).await.unwrap().is_empty());
    let entries = payloads(&vigie, "request_reclassified").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["by"], "qualite (commitments apply --since 2026-05-06)");
    vigie.verify().await;
}

#[tokio::test]
async fn the_perimeter_of_the_day_of_receipt_stands_in_the_ledger() {
    let mut vigie = Vigie::new(|office| {
        let from = "2026-05-06".parse().ok();
        office.mailboxes[0].perimeter = vec![Perimeter { from, until: None, official: false }];
    })
    .await;
    ask(&mut vigie, "alice@example.org", "a1@example.org", at(0)).await;
    ask(&mut vigie, "bob@example.org", "b1@example.org", days(1)).await;
    let flags: Vec<Value> = payloads(&vigie, "request_opened").await.iter().map(|p| p["perimeter"].clone()).collect();
    assert_eq!(flags, [Value::Bool(true), Value::Bool(false)]);
}

#[tokio::test]
async fn each_configuration_names_its_rules() {
    let mut vigie = Vigie::new(|_| {}).await;
    take_into_use(&vigie.store, &vigie.office, at(0)).await.unwrap();
    vigie.office.mailboxes[0].perimeter = vec![Perimeter { from: None, until: None, official: false }];
    take_into_use(&vigie.store, &vigie.office, at(1)).await.unwrap();
    let entries = payloads(&vigie, "configuration").await;
    for same in ["commitments", "calendar", "requesters"] {
        assert_eq!(entries[0][same].as_str().unwrap().len(), 64, "{same}");
        assert_eq!(entries[0][same], entries[1][same], "{same}");
    }
    assert_ne!(entries[0]["perimeter"], entries[1]["perimeter"]);
    let rules = entries[0]["rules"].as_array().unwrap();
    assert!(
        rules.iter().any(|rule| rule.as_str().unwrap().starts_with("mail.user.info mail * * * limit=5")),
        "{rules:?}"
    );
}

#[tokio::test]
async fn an_elected_official_who_asks_for_an_appointment_comes_under_its_promise() {
    let mut vigie = Vigie::new(|_| {}).await;
    let to = vigie.address();
    let mails = [
        message("mairie@commune.example.org", &to, "m1@example.org", "Demande de rendez-vous avec la préfète"),
        message("alice@example.org", &to, "a1@example.org", "Demande de rendez-vous"),
    ];
    vigie.receive(&mails, at(0)).await;
    let found: Vec<_> = vigie
        .requests()
        .await
        .into_iter()
        .map(|line| (line.request.requester, line.request.nature.name(), line.request.commitment, line.request.limit))
        .collect();
    assert_eq!(
        found,
        [
            (Requester::LocalAuthority, "appointment", "appointment.proposal".to_owned(), 4),
            (Requester::Public, "general_info", "mail.user.info".to_owned(), 5),
        ]
    );
}

#[tokio::test]
async fn the_digest_says_what_is_due_when_and_what_was_settled() {
    let mut vigie = Vigie::new(|_| {}).await;
    live(&vigie, at(0), EffectKind::Digest).await;
    for (n, day) in [0, 1, 2, 6].into_iter().enumerate() {
        live(&vigie, days(day), EffectKind::Digest).await;
        ask(&mut vigie, &format!("u{n}@foyer{n}.example.org"), &format!("u{n}@example.org"), days(day)).await;
    }
    // Wednesday 13 May: the first is due today, the next on Friday (Ascension is off), the third on Monday.
    let digests = live(&vigie, days(8), EffectKind::Digest).await;
    let text = &digests.iter().rfind(|(_, text)| text.contains("Bureau de la citoyenneté")).unwrap().1;
    let order = [
        "À répondre aujourd’hui, dernier jour",
        "PAN-2026-000001",
        "À répondre pour le prochain jour ouvré",
        "PAN-2026-000002",
        "À répondre ensuite",
        "PAN-2026-000003",
    ];
    let places: Vec<usize> =
        order.iter().map(|what| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("PAN-2026-000004"), "{text}");
    let line = vigie.requests().await.remove(0);
    let bureau = vigie.office.bureau("citoyennete").unwrap();
    assert_eq!(bureau.alert_state(&line.request), AlertState::Escalated);
    answer(&vigie, "PAN-2026-000001", days(8) + TimeDelta::hours(1)).await;
    let digests = live(&vigie, days(10), EffectKind::Digest).await;
    let text = &digests.iter().find(|(_, text)| text.contains("Bureau de la citoyenneté")).unwrap().1;
    assert!(text.contains("DÉJÀ SIGNALÉES, RÉGLÉES DEPUIS LE DERNIER POINT (1)\r\n- PAN-2026-000001"), "{text}");
    let later = live(&vigie, days(13), EffectKind::Digest).await;
    assert!(later.iter().all(|(_, text)| !text.contains("RÉGLÉES DEPUIS")), "it is said once");
    vigie.verify().await;
}

#[tokio::test]
async fn a_clearance_is_mailed_only_where_wanted_and_only_of_what_was_warned_of() {
    let mut vigie = Vigie::new(|office| office.bureaux[0].clearance_mail = true).await;
    live(&vigie, at(0), EffectKind::Clearance).await;
    ask(&mut vigie, "alice@example.org", "a1@example.org", at(0)).await;
    ask(&mut vigie, "bob@example.org", "b1@example.org", days(6)).await;
    let none = live(&vigie, days(8), EffectKind::Clearance).await;
    assert!(none.is_empty(), "{none:?}");
    answer(&vigie, "PAN-2026-000001", days(8) + TimeDelta::minutes(5)).await;
    answer(&vigie, "PAN-2026-000002", days(8) + TimeDelta::minutes(5)).await;
    let mails = live(&vigie, days(10), EffectKind::Clearance).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].1.contains("1 demande signalée est réglée"), "{}", mails[0].1);
    assert!(mails[0].1.contains("PAN-2026-000001") && !mails[0].1.contains("PAN-2026-000002"), "{}", mails[0].1);
    assert_eq!(mails[0].0.date_naive(), days(8).date_naive(), "within the hour");
}

#[tokio::test]
async fn the_deadlines_go_with_the_digest_as_a_calendar_where_wanted() {
    let mut vigie = Vigie::new(|office| office.bureaux[0].digest_ics = true).await;
    tick(&vigie.store, &vigie.office, at(0)).await.unwrap();
    ask(&mut vigie, "alice@example.org", "a1@example.org", at(0)).await;
    tick(&vigie.store, &vigie.office, days(1)).await.unwrap();
    let sent = vigie.send_all(days(1)).await;
    let digest = sent.iter().find(|sent| sent.due.effect.bureau == "citoyennete").unwrap();
    let parsed = mail_parser::MessageParser::default().parse(&digest.bytes).unwrap();
    assert_eq!(parsed.attachment_count(), 1, "{}", String::from_utf8_lossy(&digest.bytes));
    let file = mail_parser::MimeHeaders::attachment_name(parsed.attachments().next().unwrap()).unwrap().to_owned();
    let text = String::from_utf8(parsed.attachments().next().unwrap().contents().to_vec()).unwrap();
    assert_eq!(file, "echeances.ics");
    assert!(text.contains("DTSTART;VALUE=DATE:20260513") && text.contains("UID:PAN-2026-000001@vigie"), "{text}");
    assert!(parsed.body_text(0).is_some() && parsed.body_html(0).is_some(), "both forms are there");
    let other = sent.iter().find(|sent| sent.due.effect.bureau == "etrangers").unwrap();
    assert_eq!(mail_parser::MessageParser::default().parse(&other.bytes).unwrap().attachment_count(), 0);
}
