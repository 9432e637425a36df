//! How many mails may leave: the breaker, the relay's quota, and what is told when they do not leave in time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use chrono::TimeDelta;
use support::app::{Sent, Vigie, accepted, at, busy, message};
use vigie::app::breaker::{Release, release};
use vigie::app::tick::tick;
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::quota::Quota;
use vigie::domain::request::AcknowledgementState;
use vigie::store::Store;

/// Messages of as many citizens of different domains.
fn citizens(vigie: &Vigie, from: usize, count: usize) -> Vec<Vec<u8>> {
    let to = vigie.address();
    (from..from + count)
        .map(|n| message(&format!("usager{n}@exemple{n}.org"), &to, &format!("m{n}@x.org"), &format!("Demande {n}")))
        .collect()
}

/// A vigie whose breaker trips on the fourth acknowledgement within the hour, after five messages.
async fn tripped() -> Vigie {
    let mut vigie = breaking_at_three(Store::in_memory().await.unwrap()).await;
    vigie.receive(&citizens(&vigie, 0, 5), at(1)).await;
    vigie
}

async fn breaking_at_three(store: Store) -> Vigie {
    Vigie::on(store, |office| {
        office.mailboxes.iter_mut().for_each(|mailbox| mailbox.limits.breaker_per_hour = 3);
    })
    .await
}

#[tokio::test]
async fn a_tripped_breaker_holds_every_acknowledgement_and_warns_once() {
    let mut vigie = tripped().await;
    vigie.receive(&citizens(&vigie, 5, 3), at(2)).await;
    let kinds: Vec<EffectKind> = vigie.send_all(at(3)).await.iter().map(|sent| sent.due.effect.kind).collect();
    assert_eq!(kinds, [EffectKind::Operations], "one warning, and nothing to the public");
    assert_eq!(vigie.store.queue_state().await.unwrap().held, 8, "what is decided joins the held queue");
    let pending = |state| move |line: &vigie::store::RequestLine| line.request.acknowledgement == state;
    assert!(vigie.requests().await.iter().all(pending(AcknowledgementState::Pending)));
    assert!(vigie.messages().await.iter().all(|message| message.acknowledgement == "send"));
    assert_eq!(vigie.ledger("breaker_tripped").await, 1);
    vigie.verify().await;
}

#[tokio::test]
async fn the_warning_names_the_command_that_releases() {
    let vigie = tripped().await;
    let sent = vigie.send_all(at(2)).await;
    let text = String::from_utf8_lossy(&sent[0].bytes).into_owned();
    assert!(text.contains("vigie breaker release"), "{text}");
    assert_eq!(sent[0].due.effect.recipients, vigie.office.administrators);
}

#[tokio::test]
async fn a_released_breaker_sends_what_it_held_and_counts_anew() {
    let mut vigie = tripped().await;
    assert_eq!(release(&vigie.store, Release::Send, "jeanne", at(2)).await.unwrap(), 5);
    let sent = vigie.send_all(at(3)).await;
    assert_eq!(sent.iter().filter(|sent| sent.due.effect.kind == EffectKind::Acknowledgement).count(), 5);
    vigie.receive(&citizens(&vigie, 10, 3), at(4)).await;
    assert_eq!(vigie.send_all(at(5)).await.len(), 3, "three more are allowed");
    vigie.receive(&citizens(&vigie, 20, 1), at(6)).await;
    assert!(vigie.store.breaker().await.unwrap().holds(), "the fourth trips it again");
    assert!(release(&vigie.store, Release::Send, "jeanne", at(7)).await.is_ok());
    assert!(release(&vigie.store, Release::Send, "jeanne", at(8)).await.is_err(), "nothing to release");
    assert_eq!((vigie.ledger("breaker_tripped").await, vigie.ledger("breaker_released").await), (2, 2));
    vigie.verify().await;
}

#[tokio::test]
async fn discarding_withdraws_each_held_mail_with_its_reason() {
    let vigie = tripped().await;
    assert_eq!(release(&vigie.store, Release::Discard, "jeanne", at(2)).await.unwrap(), 5);
    assert!(vigie.send_all(at(3)).await.iter().all(|sent| sent.due.effect.kind != EffectKind::Acknowledgement));
    let requests = vigie.requests().await;
    assert!(requests.iter().all(|line| line.request.acknowledgement == AcknowledgementState::Withheld));
    let story = vigie::app::story::of(&vigie.store, &requests[0].request.reference, vigie.office.zone()).await.unwrap();
    assert!(story.iter().any(|told| told.text.contains("discarded by jeanne")), "{story:?}");
    vigie.verify().await;
}

#[tokio::test]
async fn a_tripped_breaker_survives_a_restart_and_binds_a_second_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.db");
    let path = path.to_str().unwrap();
    let mut first = breaking_at_three(Store::open(path).await.unwrap()).await;
    first.receive(&citizens(&first, 0, 5), at(1)).await;
    first.store.close().await;
    let second = breaking_at_three(Store::open(path).await.unwrap()).await;
    assert!(second.store.breaker().await.unwrap().holds());
    assert!(second.send_all(at(9)).await.iter().all(|sent| sent.due.effect.kind == EffectKind::Operations));
}

#[tokio::test]
async fn mails_beyond_the_quota_wait_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.db");
    let path = path.to_str().unwrap();
    let quotas = vec![Quota { mails: 6, within: TimeDelta::minutes(30) }];
    let mut first = Vigie::on(Store::open(path).await.unwrap(), |_| ()).await;
    first.quotas.clone_from(&quotas);
    first.receive(&citizens(&first, 0, 8), at(1)).await;
    assert_eq!(first.send_all(at(2)).await.len(), 3, "half of the quota at once");
    first.store.close().await;
    let mut second = Vigie::on(Store::open(path).await.unwrap(), |_| ()).await;
    second.quotas = quotas;
    assert_eq!(second.send_all(at(3)).await.len(), 0, "a restart forgets nothing");
    assert_eq!(second.send_all(at(12)).await.len(), 1);
    assert_eq!(second.send_all(at(32)).await.len(), 2);
    assert_eq!(second.store.queue_state().await.unwrap().pending, 2);
}

#[tokio::test]
async fn a_mail_that_was_under_way_when_the_breaker_tripped_joins_the_held_ones() {
    let mut vigie = breaking_at_three(Store::in_memory().await.unwrap()).await;
    vigie.receive(&citizens(&vigie, 0, 1), at(1)).await;
    let due = vigie.claim(at(1)).await.unwrap();
    vigie.receive(&citizens(&vigie, 1, 4), at(1)).await;
    let attempt = vigie::app::sending::Attempt {
        outcome: support::app::busy(),
        summary: "451".to_owned(),
        proof: vigie::app::sending::Proof::default(),
    };
    let wait = chrono::TimeDelta::minutes(1);
    vigie::app::sending::settle(&vigie.store, &vigie.office, &due, &attempt, wait, at(1)).await.unwrap();
    assert_eq!(vigie.store.queue_state().await.unwrap().held, 5);
}

/// Ticks, and sends what is due through a relay that refuses acknowledgements for now and takes the rest.
async fn refused_for_now(vigie: &Vigie, minute: i64) -> Vec<Sent> {
    tick(&vigie.store, &vigie.office, at(minute)).await.unwrap();
    vigie
        .send(at(minute), |due| match due.effect.kind {
            EffectKind::Acknowledgement | EffectKind::RegistrationNotice | EffectKind::TransferNotice => busy(),
            EffectKind::Alert
            | EffectKind::Clearance
            | EffectKind::Digest
            | EffectKind::Report
            | EffectKind::Operations => accepted(),
        })
        .await
}

#[tokio::test]
async fn an_acknowledgement_refused_for_now_is_told_once_before_the_legal_limit_and_given_up_in_the_end() {
    let mut vigie = Vigie::new(|_| ()).await;
    vigie.receive(&citizens(&vigie, 0, 2), at(1)).await;
    let (mut warned, mut tries) = (Vec::new(), 0);
    for minute in (1..4 * 24 * 60).step_by(10) {
        for sent in refused_for_now(&vigie, minute).await {
            match sent.due.effect.kind {
                EffectKind::Operations => warned.push((minute, sent)),
                EffectKind::Acknowledgement | EffectKind::RegistrationNotice | EffectKind::TransferNotice => tries += 1,
                EffectKind::Alert | EffectKind::Clearance | EffectKind::Digest | EffectKind::Report => {}
            }
        }
    }
    assert_eq!(warned.len(), 1, "one warning for both");
    let (minute, warning) = &warned[0];
    // Received on a Tuesday: the law's limit is the end of Wednesday; somebody is warned at noon.
    assert_eq!((at(*minute) - at(0)).num_hours(), 26);
    let to = &warning.due.effect.recipients;
    let desk = vigie.office.desk(&vigie.office.mailboxes[0].name).unwrap();
    assert!(vigie.office.administrators.iter().chain(&desk.bureau.agents).all(|address| to.contains(address)));
    assert!((100..200).contains(&tries), "hourly at the most, for three days: {tries}");
    let state = |line: &vigie::store::RequestLine| line.request.acknowledgement;
    assert!(vigie.requests().await.iter().all(|line| state(line) == AcknowledgementState::Refused));
    assert_eq!(vigie.ledger("acknowledgements_late").await, 1);
    vigie.verify().await;
}

#[tokio::test]
async fn what_leaves_in_time_warns_nobody() {
    let mut vigie = Vigie::new(|_| ()).await;
    vigie.receive(&citizens(&vigie, 0, 2), at(1)).await;
    vigie.send_all(at(2)).await;
    assert_eq!(vigie.store.next_warning().await.unwrap(), None);
    tick(&vigie.store, &vigie.office, at(3 * 24 * 60)).await.unwrap();
    assert_eq!(vigie.ledger("acknowledgements_late").await, 0);
}

#[tokio::test]
async fn a_refusal_for_good_is_final_and_stands_in_the_digest() {
    let mut vigie = Vigie::new(|_| ()).await;
    vigie.receive(&citizens(&vigie, 0, 1), at(1)).await;
    let refused = Outcome::Refused { temporary: false, answer: "550 5.1.1 inconnu".to_owned() };
    assert_eq!(vigie.send(at(1), |_| refused.clone()).await.len(), 1);
    let request = vigie.requests().await.remove(0).request;
    assert_eq!(request.acknowledgement, AcknowledgementState::Refused);
    let mut digests = Vec::new();
    for minute in (2..3 * 24 * 60).step_by(30) {
        tick(&vigie.store, &vigie.office, at(minute)).await.unwrap();
        let sent = vigie.send_all(at(minute)).await;
        assert!(sent.iter().all(|sent| sent.due.effect.kind != EffectKind::Acknowledgement), "never again");
        let of_bureau =
            |sent: &Sent| sent.due.effect.kind == EffectKind::Digest && sent.due.effect.bureau == request.bureau;
        digests.extend(sent.into_iter().filter(of_bureau));
    }
    let facts = vigie::mail::parse::parse(&digests[0].bytes, None, 0);
    assert_eq!(facts.machine.auto_submitted.as_deref(), Some("auto-generated"));
    let body = support::app::plain_text(&digests[0].bytes);
    assert!(body.contains("Un accusé de réception n’a pas été remis") && body.contains(&request.reference), "{body}");
}
