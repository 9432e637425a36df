//! Gestures and flags on a real Dovecot, and what is not seen of a mailbox's answers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test fails at the line that could not"
)]

mod support;

use chrono::TimeDelta;
use support::app::{Vigie, at, message};
use support::dovecot::Dovecot;
use support::house::{PAN, mail};
use support::imap::{Client, encode_folder};
use support::post::{FIRST, Post, USERS};
use vigie::app::blind_spot::sight;
use vigie::app::sighting::{Shown, observe};
use vigie::app::tick::tick;
use vigie::daemon::folders::choose;
use vigie::daemon::sync::Pass;
use vigie::domain::blind_spot::BlindSpot;
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::EffectKind;
use vigie::domain::evidence::Evidence;
use vigie::domain::gesture::{GestureRule, Means, Sign, Way};
use vigie::domain::request::Status;
use vigie::domain::sighting::FlagSet;
use vigie::store::{RequestFilter, Store};

/// A folder of gestures, with accents.
const PHONE: &str = "Vigie/Répondu par téléphone";

fn bytes(id: &str) -> Vec<u8> {
    let text = mail(&format!("Usager <{id}@example.org>"), PAN, &format!("{id}@example.org"), "Demande", "");
    text.replace('\n', "\r\n").into_bytes()
}

fn rules() -> Vec<GestureRule> {
    vec![
        GestureRule { sign: Sign::Folder(PHONE.to_owned()), means: Means::Answered(Way::Phone) },
        GestureRule { sign: Sign::Keyword("$VigieGuichet".to_owned()), means: Means::Answered(Way::Counter) },
    ]
}

/// Where each request stands, in the order of their references: state, evidence.
async fn states(store: &Store) -> Vec<(Status, String)> {
    let lines = store.list_requests(&RequestFilter::default()).await.unwrap();
    let evidence = |evidence: Option<Evidence>| evidence.map_or("", Evidence::name).to_owned();
    lines.iter().map(|line| (line.request.status, evidence(line.request.evidence))).collect()
}

/// Reads inbox and folder of gestures, in the order in which the daemon does or in the other.
async fn read(post: &Post, inbox_first: bool) {
    let folders = [("INBOX", FolderRole::Inbox), (PHONE, FolderRole::Other)];
    let order: Vec<_> = if inbox_first { folders.to_vec() } else { folders.into_iter().rev().collect() };
    for (folder, role) in order {
        post.pass(FIRST, folder, role, Pass::Scan).await;
    }
}

fn moves(client: &mut Client, from: &str, uid: u32, to: &str) {
    client.select(from);
    client.ok(&format!("UID MOVE {uid} \"{}\"", encode_folder(to)));
}

#[tokio::test]
async fn a_gesture_in_the_mail_client_answers_and_is_undone_there() {
    for inbox_first in [true, false] {
        let dovecot = Dovecot::start(&USERS);
        dovecot.create(PAN, PHONE);
        let mut post = Post::at(dovecot.imap_port).await;
        for policy in &mut post.settings.office.mailboxes {
            policy.gestures = rules();
        }
        for id in ["un", "deux"] {
            dovecot.append(PAN, "INBOX", &bytes(id), None, "");
        }
        read(&post, inbox_first).await;
        let open = (Status::Open, String::new());
        assert_eq!(states(&post.store).await, [open.clone(), open.clone()]);
        let mut client = dovecot.imap(PAN);
        moves(&mut client, "INBOX", 1, PHONE);
        client.select("INBOX");
        client.ok("UID STORE 2 +FLAGS ($VigieGuichet)");
        read(&post, inbox_first).await;
        let answered = (Status::Answered, "gesture".to_owned());
        assert_eq!(states(&post.store).await, [answered.clone(), answered.clone()], "inbox first: {inbox_first}");
        moves(&mut client, PHONE, 1, "INBOX");
        client.select("INBOX");
        client.ok("UID STORE 2 -FLAGS ($VigieGuichet)");
        read(&post, inbox_first).await;
        assert_eq!(states(&post.store).await, [open.clone(), open.clone()], "inbox first: {inbox_first}");
        post.verify().await;
    }
}

#[tokio::test]
async fn the_folder_of_a_gesture_is_watched_once_it_exists() {
    let dovecot = Dovecot::start(&USERS);
    let post = Post::at(dovecot.imap_port).await;
    let mut settings = post.settings.mailbox(FIRST).unwrap().clone();
    settings.gesture_folders = vec![PHONE.to_owned()];
    let watched = async |settings: &vigie::config::MailboxSettings| {
        let listed = post.line(FIRST).await.session.list().await.unwrap();
        choose(settings, &listed).into_iter().any(|folder| folder.name == PHONE)
    };
    assert!(!watched(&settings).await);
    dovecot.create(PAN, PHONE);
    assert!(watched(&settings).await);
}

/// Twelve requests, each answered as the mail client's flag alone says.
async fn answered_out_of_sight(vigie: &mut Vigie) {
    let to = vigie.address();
    let messages: Vec<Vec<u8>> = (0..12)
        .map(|n| message(&format!("usager{n}@example.org"), &to, &format!("u{n}@example.org"), "Demande"))
        .collect();
    vigie.receive(&messages, at(1)).await;
    let desk = vigie.office.desk(&vigie.office.mailboxes[0].name).unwrap();
    let cursor = vigie.store.folders(&desk.policy.name).await.unwrap().remove(0);
    let source =
        vigie::app::ingest::Source { office: &vigie.office, desk, cursor, role: FolderRole::Inbox, lease: None };
    let flags = (1..=12).map(|uid| (uid, FlagSet::new(["\\Answered"]))).collect();
    observe(&vigie.store, &source, &Shown { flags, gone: Vec::new() }, at(10)).await.unwrap();
    tick(&vigie.store, &vigie.office, at(24)).await.unwrap();
    assert!(states(&vigie.store).await.iter().all(|(status, _)| *status == Status::Open), "a reply may still come");
    tick(&vigie.store, &vigie.office, at(25)).await.unwrap();
    assert!(states(&vigie.store).await.iter().all(|(_, evidence)| evidence == "flag"));
}

#[tokio::test]
async fn answers_that_nobody_sees_are_measured_and_told_once_a_month() {
    let mut vigie = Vigie::new(|_| ()).await;
    tick(&vigie.store, &vigie.office, at(0)).await.unwrap();
    answered_out_of_sight(&mut vigie).await;
    let name = vigie.office.mailboxes[0].name.clone();
    let found = sight(&vigie.store, &name, at(30)).await.unwrap();
    assert_eq!((found.answered, found.unseen, found.blind_spot()), (12, 12, Some(BlindSpot::SentStaysEmpty)));
    vigie.send_all(at(30)).await;
    let mut told = 0;
    for day in 1..=50 {
        let now = at(0) + TimeDelta::days(day);
        tick(&vigie.store, &vigie.office, now).await.unwrap();
        for sent in vigie.send_all(now).await {
            if sent.due.effect.kind == EffectKind::Operations {
                let text = support::app::plain_text(&sent.bytes);
                assert!(text.contains("le dossier d’envoi n’a rien reçu en 90 jours, pour 12 réponses"), "{text}");
                assert!(text.contains("copie cachée"), "the remedy is told: {text}");
                told += 1;
            }
        }
    }
    assert_eq!(told, 1, "in June; in July the answers are older than the mail of the month before");
    vigie.verify().await;
}

#[tokio::test]
async fn an_agent_who_asks_is_answered_like_anyone() {
    let mut vigie = Vigie::new(|office| {
        let agent = vigie::domain::address::Address::parse("jeanne@prefecture.example.org").unwrap();
        for mailbox in &mut office.mailboxes {
            mailbox.internal_opens_request = true;
            mailbox.our_addresses.push(agent.clone());
        }
    })
    .await;
    let to = vigie.address();
    vigie
        .receive(&[message("jeanne@prefecture.example.org", &to, "j1@prefecture.example.org", "Badge perdu")], at(1))
        .await;
    assert_eq!(states(&vigie.store).await, [(Status::Open, String::new())]);
    let reply = message(&to, "jeanne@prefecture.example.org", "r1@prefecture.example.org", "Badge");
    let reply =
        String::from_utf8(reply).unwrap().replace("\r\n\r\n", "\r\nIn-Reply-To: <j1@prefecture.example.org>\r\n\r\n");
    vigie.receive(&[reply.into_bytes()], at(60)).await;
    assert_eq!(states(&vigie.store).await, [(Status::Answered, "seen_reply".to_owned())]);
}
