//! Which text answers whom, in which language: the shipped configuration and the shipped texts, worded as they leave.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::app::{Vigie, at, message, plain_text};
use vigie::app::query::request_view;
use vigie::domain::effect::EffectKind;
use vigie::domain::request::AcknowledgementState;
use vigie::domain::wording::{Bilingual, Registration};

/// A message to the mailbox of foreign nationals, with more header lines.
fn to_foreigners(id: &str, subject: &str, more: &str) -> Vec<u8> {
    format!(
        "From: alex@example.org\r\nTo: pref-etrangers@prefecture.example.org\r\nSubject: {subject}\r\n\
         Message-ID: <{id}@example.org>\r\n{more}\r\nBonjour,\r\n"
    )
    .into_bytes()
}

/// The acknowledgement of one message received by a mailbox: its text, and the name of its template in the ledger.
async fn acknowledged(vigie: &mut Vigie, mailbox: usize, bytes: Vec<u8>) -> (String, String) {
    vigie.receive_in(mailbox, &[bytes], at(1)).await;
    let sent = vigie.send_all(at(2)).await;
    let sent: Vec<_> = sent.iter().filter(|sent| sent.due.effect.kind == EffectKind::Acknowledgement).collect();
    assert_eq!(sent.len(), 1, "one acknowledgement");
    let reference = sent[0].due.effect.about[0].clone();
    let entries = vigie.store.ledger_of(&reference).await.unwrap();
    let settled = entries.iter().find(|entry| entry.kind == "mail_settled").unwrap();
    let payload: serde_json::Value = serde_json::from_str(&settled.payload).unwrap();
    assert!(!payload["template_version"].as_str().unwrap().is_empty());
    vigie.verify().await;
    (plain_text(&sent[0].bytes), payload["template_name"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_requester_and_nature_gets_its_own_text() {
    for (from, to, subject, template) in [
        ("alice@example.org", "pref-pan", "Permis de conduire", "pref-pan"),
        ("contact@mairie-bourg.example.org", "pref-pan", "Conseil en urbanisme", "elus"),
        ("alice@example.org", "pref-pan", "Réclamation : accueil au guichet", "reclamation"),
        ("depute@assemblee-nationale.fr", "pref-pan", "Dossier de subvention", "elus"),
    ] {
        let mut vigie = Vigie::new(|_| ()).await;
        let bytes = message(from, &format!("{to}@prefecture.example.org"), "m@example.org", subject);
        let (text, used) = acknowledged(&mut vigie, 0, bytes).await;
        assert_eq!(used, template, "{from} {subject}");
        let said = match template {
            "elus" => "J’ai l’honneur d’accuser réception",
            "reclamation" => "votre réclamation ou votre suggestion",
            _ => "point d’accueil numérique",
        };
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn foreign_nationals_read_french_then_english() {
    let mut vigie = Vigie::new(|_| ()).await;
    let (text, used) = acknowledged(&mut vigie, 1, to_foreigners("a", "Titre de sejour", "")).await;
    assert_eq!(used, "pref-etrangers+pref-etrangers.en");
    let (french, english) = (text.find("Madame, Monsieur").unwrap(), text.find("Dear Sir or Madam").unwrap());
    assert!(french < english, "French first");
    let text = text.replace('\u{a0}', " ");
    assert!(text.contains("Only the French text") || text.contains("French text above is the one"), "{text}");
    // Received on 5 May 2026: four months of silence, in both languages.
    assert!(text.contains("rejetée, sous réserve d’être complète, le samedi 5 septembre 2026"), "{text}");
    assert!(text.contains("rejected on Saturday 5 September 2026"), "{text}");
    assert!(text.contains("Tuesdays, 1.30 p.m."), "the service in English: {text}");
}

#[tokio::test]
async fn the_requester_s_language_decides_where_the_mailbox_answers_in_one() {
    for (subject, more, expected) in [
        ("Residence permit", "Content-Language: en-GB\r\n", "pref-etrangers.en"),
        ("Titre de sejour", "Content-Language: fr-FR\r\n", "pref-etrangers"),
        ("Titre de sejour", "", "pref-etrangers"),
        (
            "=?utf-8?b?0J/RgNC+0LTQu9C10L3QuNC1INCy0LjQtNCwINC90LAg0LbQuNGC0LXQu9GM0YHRgtCy0L4=?=",
            "",
            "pref-etrangers.en",
        ),
    ] {
        let mut vigie = Vigie::new(|office| {
            office.services.get_mut("pref-étrangers").unwrap().languages.bilingual = Bilingual::Never;
        })
        .await;
        let (_, used) = acknowledged(&mut vigie, 1, to_foreigners("a", subject, more)).await;
        assert_eq!(used, expected, "{subject} {more}");
    }
}

/// A vigie whose first mailbox sends a registration notice first, and the acknowledgement on the fifth working day.
async fn with_notices() -> Vigie {
    Vigie::new(|office| {
        let usual = office.mailboxes[0].texts.last_mut().unwrap();
        let notice = Registration { template: "enregistrement".to_owned(), translations: Vec::new(), full_after: 5 };
        usual.registration = Some(notice);
    })
    .await
}

/// Kinds of the mails to the public that leave at a minute.
async fn leaving(vigie: &Vigie, minute: i64) -> Vec<EffectKind> {
    let sent = vigie.send_all(at(minute)).await;
    sent.iter().map(|sent| sent.due.effect.kind).filter(|kind| kind.is_public()).collect()
}

/// A minute of a day that is so many days after the start, a Tuesday at ten.
fn day(days: i64) -> i64 {
    days * 24 * 60
}

#[tokio::test]
async fn a_registration_notice_goes_at_once_and_the_acknowledgement_on_its_working_day() {
    let mut vigie = with_notices().await;
    let to = vigie.address();
    vigie.receive(&[message("alice@example.org", &to, "a@example.org", "Permis")], at(1)).await;
    assert_eq!(vigie.store.queue_state().await.unwrap().pending, 2);
    assert_eq!(leaving(&vigie, 2).await, [EffectKind::RegistrationNotice]);
    let request = &vigie.requests().await[0].request;
    assert_eq!(request.acknowledgement, AcknowledgementState::Sent, "the notice is what the law wants at once");
    // Tue 5 May + 5 working days, over 8 May: Wed 13 May, at eight in Paris; the tests begin at ten.
    assert_eq!(leaving(&vigie, day(8) - 3 * 60).await, []);
    assert_eq!(leaving(&vigie, day(8) - 60).await, [EffectKind::Acknowledgement]);
    vigie.verify().await;
}

#[tokio::test]
async fn an_acknowledgement_that_an_answer_made_needless_is_withdrawn() {
    let mut vigie = with_notices().await;
    let to = vigie.address();
    vigie.receive(&[message("alice@example.org", &to, "a@example.org", "Permis")], at(1)).await;
    assert_eq!(leaving(&vigie, 2).await, [EffectKind::RegistrationNotice]);
    let answer = format!(
        "From: {to}\r\nTo: alice@example.org\r\nSubject: Re: Permis\r\nMessage-ID: <r@prefecture.example.org>\r\n\
         In-Reply-To: <a@example.org>\r\n\r\nBonjour\r\n"
    );
    vigie.receive(&[answer.into_bytes()], at(60)).await;
    let sent = vigie.send_all(at(day(9))).await;
    let withdrawn: Vec<_> = sent.iter().filter(|sent| sent.due.effect.kind == EffectKind::Acknowledgement).collect();
    assert!(withdrawn.len() == 1 && withdrawn[0].bytes.is_empty(), "nothing left");
    let view = request_view(&vigie.office, &vigie.requests().await[0], at(day(9)));
    assert_eq!((view.status, view.acknowledgement), ("answered", "sent"));
    vigie.verify().await;
}

#[tokio::test]
async fn an_agent_can_send_the_acknowledgement_before_its_day() {
    let mut vigie = with_notices().await;
    let to = vigie.address();
    vigie.receive(&[message("alice@example.org", &to, "a@example.org", "Permis")], at(1)).await;
    assert_eq!(leaving(&vigie, 2).await, [EffectKind::RegistrationNotice]);
    let hastened = vigie::app::letters::hasten(&vigie.store, "PAN-2026-000001", "jeanne", at(30)).await;
    assert_eq!(hastened.unwrap(), 1);
    assert_eq!(leaving(&vigie, 31).await, [EffectKind::Acknowledgement]);
    assert!(vigie::app::letters::hasten(&vigie.store, "PAN-2026-000001", "jeanne", at(32)).await.is_err());
    assert_eq!(vigie.ledger("acknowledgement_hastened").await, 1);
    vigie.verify().await;
}

#[tokio::test]
async fn a_notice_and_its_acknowledgement_count_as_one() {
    let mut vigie = with_notices().await;
    vigie.office.mailboxes[0].limits.per_address_per_day = 2;
    let to = vigie.address();
    for n in 0..3 {
        let subject = ["Permis", "Carte grise", "Passeport"][n];
        vigie.receive(&[message("alice@example.org", &to, &format!("a{n}@example.org"), subject)], at(1)).await;
    }
    assert_eq!(leaving(&vigie, 2).await.len(), 2, "two requests, and no more");
}
