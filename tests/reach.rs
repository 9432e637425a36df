//! Acknowledgements that do not arrive: what a delivery report changes, and what it never does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use chrono::{DateTime, Utc};
use support::app::{Sent, Vigie, at, message};
use vigie::app::query::{RequestView, request_view};
use vigie::domain::effect::{EffectKind, Outcome};

const ALICE: &str = "alice@example.net";
/// A minute of the following day.
const TOMORROW: i64 = 24 * 60 + 60;

/// A report (RFC 3464) that `what` happened to a mail.
fn report(to: &str, mail: &str, action: &str, status: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n\
         Message-ID: <{action}{status}@mx.example.net>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n\
         Final-Recipient: rfc822; {ALICE}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{mail}>\r\nSubject: x\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

/// Alice's request was acknowledged, and a report came back; the acknowledgement's Message-ID.
async fn bounced(vigie: &mut Vigie, action: &str, status: &str) -> String {
    let to = vigie.address();
    vigie.receive(&[message(ALICE, &to, "a1@example.net", "Titre")], at(1)).await;
    let sent = vigie.send_all(at(2)).await;
    let mail = sent[0].due.message_id.clone();
    vigie.receive(&[report(&to, &mail, action, status)], at(5)).await;
    mail
}

async fn view(vigie: &Vigie, now: DateTime<Utc>) -> RequestView {
    request_view(&vigie.office, &vigie.requests().await[0], now)
}

async fn acknowledged(vigie: &mut Vigie, bytes: Vec<u8>, minute: i64) -> Vec<Sent> {
    vigie.receive(&[bytes], at(minute)).await;
    let sent = vigie.send_all(at(minute)).await;
    sent.into_iter().filter(|sent| sent.due.effect.kind == EffectKind::Acknowledgement).collect()
}

#[tokio::test]
async fn a_bounced_acknowledgement_is_shown_as_refused_with_the_report_s_status() {
    let mut vigie = Vigie::new(|_| ()).await;
    bounced(&mut vigie, "failed", "5.1.1").await;
    let view = view(&vigie, at(6)).await;
    assert_eq!((view.acknowledgement, view.acknowledged_at.as_deref()), ("refused", None));
    assert_eq!(view.acknowledgement_why.as_deref(), Some("bounced"));
    assert_eq!(view.acknowledgement_detail.as_deref(), Some("5.1.1"));
    assert_eq!(view.acknowledgement_failed_at.as_deref(), Some("2026-05-05T08:05:00.000Z"));
    assert_eq!((view.status, vigie.requests().await.len()), ("open", 1), "nothing is opened or closed by it");
    assert!(vigie.send_all(at(7)).await.is_empty(), "nothing answers a report");
    assert_eq!(vigie.ledger("acknowledgement_bounced").await, 1);
    vigie.verify().await;
}

#[tokio::test]
async fn a_delay_or_a_success_changes_nothing() {
    for (action, status) in [("delayed", "4.4.1"), ("delivered", "2.0.0")] {
        let mut vigie = Vigie::new(|_| ()).await;
        bounced(&mut vigie, action, status).await;
        assert_eq!(view(&vigie, at(6)).await.acknowledgement, "sent", "{action}");
        assert_eq!(vigie.ledger("address_undeliverable").await, 0);
    }
}

#[tokio::test]
async fn a_report_about_an_agent_s_answer_says_nothing_of_the_acknowledgement() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    vigie.receive(&[message(ALICE, &to, "a1@example.net", "Titre")], at(1)).await;
    vigie.send_all(at(2)).await;
    let answer = format!(
        "From: {to}\r\nTo: {ALICE}\r\nSubject: Re: Titre\r\nMessage-ID: <r1@prefecture.example.org>\r\n\
         In-Reply-To: <a1@example.net>\r\n\r\nBonjour\r\n"
    );
    vigie.receive(&[answer.into_bytes()], at(3)).await;
    vigie.receive(&[report(&to, "r1@prefecture.example.org", "failed", "5.2.2")], at(5)).await;
    let view = view(&vigie, at(6)).await;
    assert_eq!((view.status, view.acknowledgement), ("answered", "sent"), "an answer that bounced is told elsewhere");
    vigie.verify().await;
}

#[tokio::test]
async fn a_bounced_address_is_left_alone_for_a_day_and_then_tried_again() {
    let mut vigie = Vigie::new(|_| ()).await;
    bounced(&mut vigie, "failed", "5.2.2").await;
    let to = vigie.address();
    let again = |id: &str| message(ALICE, &to, id, "Carte grise");
    assert!(acknowledged(&mut vigie, again("a2@example.net"), 30).await.is_empty());
    assert_eq!(vigie.messages().await.last().unwrap().acknowledgement_reason, "undeliverable_address");
    assert_eq!(acknowledged(&mut vigie, again("a3@example.net"), TOMORROW).await.len(), 1);
    assert_eq!(vigie.ledger("address_deliverable").await, 1);
    assert_eq!(acknowledged(&mut vigie, again("a4@example.net"), TOMORROW + 5).await.len(), 1);
    assert_eq!(vigie.ledger("address_deliverable").await, 1, "lifted once");
    vigie.verify().await;
}

#[tokio::test]
async fn an_address_that_answers_our_mail_or_is_vouched_for_is_alive_at_once() {
    for more in ["In-Reply-To: <MAIL>\r\n", "Authentication-Results: mx.prefecture.example.org; dmarc=pass\r\n"] {
        let mut vigie = Vigie::new(|_| ()).await;
        let mail = bounced(&mut vigie, "failed", "5.1.1").await;
        let to = vigie.address();
        let text = format!(
            "From: {ALICE}\r\nTo: {to}\r\nSubject: Autre demande\r\nMessage-ID: <a9@example.net>\r\n{}\r\nBonjour\r\n",
            more.replace("MAIL", &mail)
        );
        vigie.receive(&[text.into_bytes()], at(10)).await;
        assert_eq!(vigie.ledger("address_deliverable").await, 1, "{more}");
        let next = message(ALICE, &to, "b1@example.net", "Permis de chasser");
        assert_eq!(acknowledged(&mut vigie, next, 20).await.len(), if more.starts_with('I') { 1 } else { 2 });
        vigie.verify().await;
    }
}

#[tokio::test]
async fn a_refusal_by_the_relay_is_told_apart_from_a_bounce() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    vigie.receive(&[message(ALICE, &to, "a1@example.net", "Titre")], at(1)).await;
    let refusal = || Outcome::Refused { temporary: false, answer: "550 5.1.1 inconnu".to_owned() };
    vigie.send(at(2), |_| refusal()).await;
    let view = view(&vigie, at(3)).await;
    assert_eq!((view.acknowledgement, view.acknowledgement_why.as_deref()), ("refused", Some("refused_by_relay")));
    assert!(view.acknowledgement_failed_at.is_some());
}

#[tokio::test]
async fn a_withheld_acknowledgement_says_why_in_the_listing() {
    let mut vigie = Vigie::new(|office| office.mailboxes[0].mode = vigie::domain::policy::Mode::Observe).await;
    let to = vigie.address();
    vigie.receive(&[message(ALICE, &to, "a1@example.net", "Titre")], at(1)).await;
    let view = view(&vigie, at(3)).await;
    assert_eq!((view.acknowledgement, view.acknowledgement_why.as_deref()), ("withheld", Some("observe_mode")));
}
