//! Ping-pong with other machines: whatever answers our acknowledgements, it gets two of them at the most.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::app::{Sent, Vigie, at, message};
use support::dovecot::{Dovecot, Options};
use support::house::{ADMIN, House, PAN, mail};
use support::sink::Sink;
use vigie::domain::effect::EffectKind;

/// Rounds that each ping-pong is given.
const ROUNDS: i64 = 12;

fn acknowledgements(sent: &[Sent]) -> Vec<Vec<u8>> {
    let public = |sent: &&Sent| sent.due.effect.kind == EffectKind::Acknowledgement;
    sent.iter().filter(public).map(|sent| sent.bytes.clone()).collect()
}

async fn warnings(vigie: &Vigie, minute: i64) -> usize {
    vigie.send_all(at(minute)).await.iter().filter(|sent| sent.due.effect.kind == EffectKind::Operations).count()
}

#[tokio::test]
async fn two_vigies_exchange_one_acknowledgement() {
    let mut first = Vigie::new(|_| ()).await;
    let mut second = Vigie::new(|office| {
        let mailbox = &mut office.mailboxes[0];
        mailbox.address = vigie::domain::address::Address::parse("accueil@autre.example.net").unwrap();
        mailbox.internal_domains.clear();
        mailbox.our_addresses = vec![mailbox.address.clone()];
        mailbox.reference_prefix = "AUT".to_owned();
    })
    .await;
    // An agent of the second writes to the first from the functional address, by hand.
    let hand = message(&second.address(), &first.address(), "h@autre.example.net", "Dossier commun");
    let (mut flying, mut exchanged) = (vec![hand], 0);
    for round in 0..ROUNDS {
        let here = if round % 2 == 0 { &mut first } else { &mut second };
        here.receive(&flying, at(round)).await;
        flying = acknowledgements(&here.send_all(at(round)).await);
        exchanged += flying.len();
    }
    assert_eq!(exchanged, 1);
    assert_eq!(second.messages().await[0].verdict, "automated");
}

#[tokio::test]
async fn a_vacation_of_pigeonhole_gets_no_acknowledgement() {
    const ABSENT: &str = "absente@example.net";
    let replies = Sink::start();
    let options = Options { sieve_port: Some(replies.port), ..Options::default() };
    let dovecot = Dovecot::start_with(&[(ABSENT, "secret")], options);
    let script = "require \"vacation\";\nvacation :days 1 :subject \"Absence\" \"Je suis absente.\";\n";
    dovecot.sieve(ABSENT, script);
    let mut vigie = Vigie::new(|_| ()).await;
    let mailbox = vigie.address();
    // She writes, and is acknowledged: Pigeonhole must not answer that, and we must not answer what it answers.
    vigie.receive(&[message(ABSENT, &mailbox, "a@example.net", "Titre de séjour")], at(1)).await;
    let acknowledged = acknowledgements(&vigie.send_all(at(1)).await);
    assert_eq!(acknowledged.len(), 1);
    dovecot.deliver(ABSENT, &acknowledged[0]);
    // Then an agent writes to her from the mailbox, by hand: Pigeonhole answers this one.
    dovecot.deliver_from(&mailbox, ABSENT, &message(&mailbox, ABSENT, "r@prefecture.example", "Votre dossier"));
    let answers: Vec<Vec<u8>> = replies.wait_for(1).into_iter().map(|mail| mail.bytes).collect();
    assert_eq!(answers.len(), 1, "the acknowledgement was not answered");
    vigie.receive(&answers, at(2)).await;
    assert_eq!(acknowledgements(&vigie.send_all(at(2)).await).len(), 0);
    assert_eq!(vigie.messages().await[1].verdict, "automated");
}

/// Plays a responder without headers that writes again at each round, answered or not: how many acknowledgements it got.
async fn played(vigie: &mut Vigie, mut turn: impl FnMut(i64, &str) -> (String, String)) -> usize {
    let (mut subject, mut got) = ("Titre de séjour".to_owned(), 0);
    for round in 0..ROUNDS {
        let (from, next) = turn(round, &subject);
        subject = next;
        let bytes = message(&from, &vigie.address(), &format!("r{round}@example.net"), &subject);
        vigie.receive(&[bytes], at(round)).await;
        let acknowledged = acknowledgements(&vigie.send(at(round), |_| support::app::accepted()).await);
        got += acknowledged.len();
        if let Some(bytes) = acknowledged.first() {
            subject = vigie::mail::parse::parse(bytes, None, 0).subject;
        }
    }
    got
}

#[tokio::test]
async fn a_responder_that_changes_its_address_and_grows_its_subject_gets_two() {
    let mut vigie = Vigie::new(|_| ()).await;
    let mut address = "reponse-automatique".to_owned();
    let got = played(&mut vigie, |round, subject| {
        // One byte a round, each at another place.
        let place = usize::try_from(round).unwrap() % address.len();
        address.replace_range(place..=place, "x");
        (format!("{address}@example.net"), format!("Re: {subject}"))
    })
    .await;
    assert_eq!(got, 2);
    let told = vigie.messages().await.iter().filter(|m| m.acknowledgement_reason == "looks_like_a_loop").count();
    assert_eq!(told, usize::try_from(ROUNDS).unwrap() - 2);
    vigie.verify().await;
}

#[test]
fn through_real_servers_a_responder_without_headers_gets_two_and_the_administrators_a_warning() {
    const REPLIES: usize = 6;
    let mut house = House::new("acknowledge", |toml| toml);
    house.start();
    let (mut address, mut subject) = ("reponse-automatique".to_owned(), "Titre de séjour".to_owned());
    let public = |house: &House| -> Vec<String> {
        let mails = house.sink.mails();
        mails.iter().map(support::sink::Mail::text).filter(|text| text.contains("X-Vigie: acknowledgement")).collect()
    };
    for round in 0..REPLIES {
        address.replace_range(round..=round, "x");
        let from = format!("{address}@example.net");
        house.receive(PAN, &mail(&from, PAN, &format!("r{round}@example.net"), &subject, ""));
        house.wait_recorded(round + 1);
        if round < 2 {
            house.wait("the acknowledgement that is owed", |house| public(house).len() > round);
        }
        // It answers what it gets, and without an answer goes on all the same.
        let quoted = public(&house).last().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("Subject: ")).map(|subject| subject.trim().to_owned())
        });
        subject = format!("Re: {}", quoted.filter(|_| round < 2).unwrap_or(subject));
    }
    house.wait("the warning", |house| !house.dovecot.messages(ADMIN, "INBOX").is_empty());
    let messages = house.json(&["messages"]);
    let looped = messages.iter().filter(|message| message["acknowledgement_reason"] == "looks_like_a_loop").count();
    assert_eq!((public(&house).len(), looped), (2, REPLIES - 2), "{messages:#?}");
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
}

#[tokio::test]
async fn a_loop_warns_the_administrators_once_and_names_both_addresses() {
    let mut vigie = Vigie::new(|_| ()).await;
    for round in 0..6 {
        let from = format!("robot{round}@example.net");
        let subject = format!("{}Absence", "Re: ".repeat(usize::try_from(round).unwrap()));
        vigie.receive(&[message(&from, &vigie.address(), &format!("r{round}@example.net"), &subject)], at(round)).await;
    }
    let sent = vigie.send_all(at(7)).await;
    let warned: Vec<&Sent> = sent.iter().filter(|sent| sent.due.effect.kind == EffectKind::Operations).collect();
    assert_eq!((warned.len(), acknowledgements(&sent).len()), (1, 2));
    let text = support::app::plain_text(&warned[0].bytes);
    assert!(text.contains(&vigie.address()) && text.contains("robot2@example.net"), "{text}");
    assert_eq!(warnings(&vigie, 8).await, 0);
}

#[tokio::test]
async fn a_responder_that_prepends_its_own_words_gets_two() {
    let mut vigie = Vigie::new(|_| ()).await;
    let got = played(&mut vigie, |_, subject| {
        ("service@example.net".to_owned(), format!("Automated Response: Re: {subject}"))
    })
    .await;
    assert!(got <= 2, "{got}");
}

#[tokio::test]
async fn numbered_citizens_who_write_alike_are_all_acknowledged() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    let one = |n: i64| message(&format!("usager{n}@example.net"), &to, &format!("n{n}@x"), &format!("Demande {n}"));
    let mails: Vec<Vec<u8>> = (1..=150).map(one).collect();
    vigie.receive(&mails, at(1)).await;
    assert_eq!(acknowledgements(&vigie.send_all(at(1)).await).len(), mails.len());
}

#[tokio::test]
async fn two_requests_of_one_sender_on_one_day_get_two_acknowledgements() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    let mails = ["Titre de séjour", "Carte grise"].map(|subject| message("alice@example.net", &to, subject, subject));
    vigie.receive(&mails, at(1)).await;
    assert_eq!(acknowledgements(&vigie.send_all(at(1)).await).len(), 2);
}

#[tokio::test]
async fn citizens_of_one_provider_with_one_subject_are_all_acknowledged() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    let names = ["alice", "bernard.dupont", "chloe-m", "d.martin", "eloise1987", "farid", "gwenaelle", "hugo.b"];
    let mails: Vec<Vec<u8>> = names
        .iter()
        .map(|name| message(&format!("{name}@orange.fr"), &to, &format!("{name}@o"), "Rendez-vous titre de séjour"))
        .collect();
    vigie.receive(&mails, at(1)).await;
    assert_eq!(acknowledgements(&vigie.send_all(at(1)).await).len(), names.len());
}

#[tokio::test]
async fn a_sender_who_insists_in_the_same_words_is_acknowledged_up_to_the_daily_limit() {
    let mut vigie = Vigie::new(|_| ()).await;
    let to = vigie.address();
    for minute in 0..4 {
        let id = format!("m{minute}@example.net");
        vigie.receive(&[message("alice@example.net", &to, &id, "Rendez-vous")], at(minute)).await;
    }
    assert_eq!(acknowledgements(&vigie.send_all(at(9)).await).len(), 4);
}

#[tokio::test]
async fn a_mailbox_that_answers_by_itself_is_told_once_a_week() {
    let mut vigie = Vigie::new(|_| ()).await;
    let ours = vigie.address();
    // The State's platform answers `Auto: …`; the mailbox sees it where an agent wrote to it.
    let answer = |id: &str| message(&ours, &ours, id, "Auto: Demande");
    vigie.receive(&[answer("v1@x"), answer("v2@x")], at(1)).await;
    let sent = vigie.send_all(at(2)).await;
    assert_eq!((sent.len(), vigie.messages().await.iter().filter(|m| m.verdict == "automated").count()), (1, 2));
    let text = support::app::plain_text(&sent[0].bytes);
    assert!(text.contains("son message d’absence est activé"), "{text}");
    vigie.receive(&[answer("v3@x")], at(3)).await;
    assert_eq!(warnings(&vigie, 4).await, 0);
    vigie.receive(&[answer("v4@x")], at(8 * 24 * 60)).await;
    assert_eq!(warnings(&vigie, 8 * 24 * 60 + 1).await, 1);
}

#[tokio::test]
async fn the_user_of_a_contact_form_is_acknowledged_and_not_the_form() {
    let form = |office: &mut vigie::domain::office::Office| {
        office.mailboxes.iter_mut().for_each(|mailbox| mailbox.form_senders = vec!["noreply@site.example.net".into()]);
    };
    let mut vigie = Vigie::new(form).await;
    let mail = message("noreply@site.example.net", &vigie.address(), "f@x", "Nouveau message");
    let head = b"Reply-To: Odile Martin <odile@example.net>\r\nAuto-Submitted: auto-generated\r\n";
    vigie.receive(&[[&head[..], &mail].concat()], at(1)).await;
    let sent = vigie.send_all(at(2)).await;
    let acknowledged = acknowledgements(&sent);
    assert_eq!((acknowledged.len(), sent[0].due.effect.recipients[0].to_string()), (1, "odile@example.net".to_owned()));
    let text = support::app::plain_text(&acknowledged[0]);
    assert!(!text.contains("noreply"), "{text}");
}
