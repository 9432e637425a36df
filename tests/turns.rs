//! Whole turns on a database in memory with a given instant: what comes in, what the clock brings, what stays true.
#![expect(clippy::expect_used, reason = "what is written here can be parsed, or the tests are worth nothing")]

use chrono::{DateTime, TimeDelta, Utc};
use vigie::app::gesture::{Word, gesture};
use vigie::app::ingest::{self, Arrived, Ingested, Source};
use vigie::app::query;
use vigie::app::tick::{next_wake, tick};
use vigie::config::{Secrets, Settings};
use vigie::domain::calendar::{Calendar, Closure, MONDAY_TO_FRIDAY, Territory};
use vigie::domain::classify::FolderRole;
use vigie::domain::gesture::Gesture;
use vigie::domain::holidays::HolidayRules;
use vigie::domain::office::Office;
use vigie::domain::policy::{Mode, Nature, Requester};
use vigie::store::{RequestFilter, RequestLine, Store};

const PAN: &str = "pref-pan@prefecture.example.org";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// A prefecture that acknowledges, watched since 1 June 2026.
struct House {
    office: Office,
    store: Store,
    next_uid: u32,
}

impl House {
    async fn new() -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
        let mut office = Settings::load(&path, Secrets::Skip).expect("the shipped configuration").office;
        office.mailboxes.iter_mut().for_each(|mailbox| mailbox.mode = Mode::Acknowledge);
        let house = Self { office, store: Store::in_memory().await.expect("a database"), next_uid: 1 };
        for mailbox in &house.office.mailboxes {
            let desk = house.office.desk(&mailbox.name).expect("a desk");
            ingest::switch_on(&house.store, desk, at("2026-06-01T06:00:00Z")).await.expect("switched on");
        }
        house
    }

    /// Reads messages, each a received instant and a header, as one batch of a folder of pref-pan.
    async fn read(&mut self, folder: &str, role: FolderRole, mails: &[(&str, &str)], now: &str) -> Ingested {
        let mut turn = self.store.begin().await.expect("a turn");
        let mut cursor = turn.folder("pref-pan", folder, role.name()).await.expect("a folder");
        turn.commit().await.expect("committed");
        cursor.uid_validity = 1;
        let mut batch = Vec::new();
        for (received, header) in mails {
            let header = format!("{}\r\n\r\n", header.replace('\n', "\r\n")).into_bytes();
            let size = header.len() as u64;
            batch.push(Arrived::read(self.next_uid, at(received), size, header));
            self.next_uid += 1;
        }
        let desk = self.office.desk("pref-pan").expect("a desk");
        let source = Source { office: &self.office, desk, cursor, role, lease: None };
        ingest::ingest(&self.store, &source, &batch, at(now)).await.expect("ingested")
    }

    async fn requests(&self) -> Vec<RequestLine> {
        query::requests(&self.store, &RequestFilter::default()).await.expect("requests")
    }

    /// `STATUS`, one a request, the oldest first.
    async fn statuses(&self) -> Vec<&'static str> {
        self.requests().await.iter().map(|line| line.request.status.name()).collect()
    }
}

/// A citizen's message.
fn from_alice(id: &str) -> String {
    format!("From: alice@example.net\nTo: {PAN}\nSubject: Titre\nMessage-ID: <{id}>")
}

/// What an agent wrote, with the header that matters.
fn from_us(to: &str, id: &str, subject: &str, more: &str) -> String {
    format!("From: {PAN}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{id}>\n{more}")
}

#[tokio::test]
async fn what_one_person_wrote_over_a_week_end_is_not_abusive_when_it_is_read_at_once() {
    let mut house = House::new().await;
    let start = at("2026-06-05T16:00:00Z");
    let mails: Vec<(String, String)> = (0..80)
        .map(|n| ((start + TimeDelta::minutes(40 * n)).to_rfc3339(), from_alice(&format!("a{n}@example.net"))))
        .collect();
    let mails: Vec<(&str, &str)> = mails.iter().map(|(at, mail)| (at.as_str(), mail.as_str())).collect();
    let ingested = house.read("INBOX", FolderRole::Inbox, &mails, "2026-06-08T06:00:00Z").await;
    assert_eq!(ingested.opened, 80);
}

#[tokio::test]
async fn the_hour_in_which_sending_is_abusive_is_the_sender_s() {
    let mut house = House::new().await;
    let mails: Vec<String> = (0..80).map(|n| from_alice(&format!("a{n}@example.net"))).collect();
    for half in mails.chunks(40) {
        let half: Vec<(&str, &str)> = half.iter().map(|mail| ("2026-06-05T16:00:00Z", mail.as_str())).collect();
        house.read("INBOX", FolderRole::Inbox, &half, "2026-06-08T06:00:00Z").await;
    }
    assert_eq!(house.requests().await.len(), 60);
}

#[tokio::test]
async fn an_answer_read_before_its_request_answers_it_in_the_same_batch_too() {
    let mut house = House::new().await;
    let answer = from_us("alice@example.net", "r1@prefecture.example.org", "Re: Titre", "In-Reply-To: <a1@x>");
    let (request, now) = (from_alice("a1@x"), "2026-06-05T08:00:00Z");
    let mails = [("2026-06-05T07:00:00Z", answer.as_str()), ("2026-06-04T07:00:00Z", request.as_str())];
    house.read("Archives", FolderRole::Other, &mails, now).await;
    assert_eq!(house.statuses().await, ["answered"]);
}

#[tokio::test]
async fn what_is_no_answer_to_the_public_answers_nothing_when_it_is_read_first() {
    for sent in [
        from_us(
            "alice@example.net",
            "r1@p",
            "Réponse automatique : Titre",
            "In-Reply-To: <a1@x>\nAuto-Submitted: auto-replied",
        ),
        from_us("autre@prefecture.example.org", "r2@p", "Re: Titre", "In-Reply-To: <a1@x>\nReferences: <a1@x>"),
        from_us("collegue@autre-service.example", "r3@p", "Tr : Titre", "References: <a1@x>"),
    ] {
        let mut house = House::new().await;
        house.read("Sent", FolderRole::Sent, &[("2026-06-05T07:00:00Z", &sent)], "2026-06-05T08:00:00Z").await;
        let request = [("2026-06-04T07:00:00Z", &*from_alice("a1@x"))];
        house.read("INBOX", FolderRole::Inbox, &request, "2026-06-05T08:00:00Z").await;
        assert_eq!(house.statuses().await, ["open"], "{sent}");
    }
}

#[tokio::test]
async fn a_closure_whose_days_count_is_warned_of_before_it_and_told_after_it() {
    let mut house = House::new().await;
    let (from, to) = ("2026-12-24".parse().expect("a date"), "2026-12-31".parse().expect("a date"));
    let closure = Closure { from, to, label: "Fin d’année".to_owned(), suspends: false };
    let metropole = Territory::Metropole;
    let calendar = Calendar::new(metropole, metropole.zone(), HolidayRules::default(), vec![closure], MONDAY_TO_FRIDAY);
    house.office.calendars.insert("citoyennete".to_owned(), calendar);
    let mail = [("2026-12-21T09:00:00Z", &*from_alice("a1@x"))];
    house.read("INBOX", FolderRole::Inbox, &mail, "2026-12-21T09:00:01Z").await;
    let next = |lines: Vec<RequestLine>| lines.first().and_then(|line| line.request.next_alert_at);
    assert_eq!(house.requests().await[0].request.due_on.to_string(), "2026-12-29");
    assert_eq!(next(house.requests().await), Some(at("2026-12-23T07:30:00Z")));
    tick(&house.store, &house.office, at("2026-12-23T07:30:00Z")).await.expect("a tick");
    assert_eq!(house.requests().await[0].request.alert_level, Some(0));
    assert_eq!(next(house.requests().await), Some(at("2027-01-04T07:30:00Z")));
}

#[tokio::test]
async fn a_mailbox_that_comes_back_into_the_configuration_is_alerted_again() {
    let mut house = House::new().await;
    let mail = [("2026-06-04T07:00:00Z", &*from_alice("a1@x"))];
    house.read("INBOX", FolderRole::Inbox, &mail, "2026-06-04T08:00:00Z").await;
    let mut without = house.office.clone();
    without.mailboxes.retain(|mailbox| mailbox.name != "pref-pan");
    tick(&house.store, &without, at("2026-06-12T08:00:00Z")).await.expect("a tick");
    tick(&house.store, &house.office, at("2026-06-15T08:00:00Z")).await.expect("a tick");
    assert_eq!(house.requests().await[0].request.alert_level, Some(-1));
}

#[tokio::test]
async fn a_bureau_that_lost_its_mailbox_wakes_nobody() {
    let house = House::new().await;
    tick(&house.store, &house.office, at("2026-06-05T08:00:00Z")).await.expect("a tick");
    let mut without = house.office.clone();
    without.mailboxes.clear();
    tick(&house.store, &without, at("2026-06-09T08:00:00Z")).await.expect("a tick");
    assert_eq!(next_wake(&house.store, &without).await.expect("read"), None);
}

#[tokio::test]
async fn a_copy_that_bounced_elsewhere_does_not_silence_the_requester() {
    for (failed, queued) in [("copie@ailleurs.example", 1), ("Alice@example.net", 0)] {
        let mut house = House::new().await;
        let answer =
            from_us("alice@example.net", "r1@p", "Re: Titre", "Cc: copie@ailleurs.example\nIn-Reply-To: <a1@x>");
        let bounce = format!(
            "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: {PAN}\nMessage-ID: <b1@mx>\n\
             Subject: Undelivered Mail Returned to Sender\nX-Failed-Recipients: {failed}\nIn-Reply-To: <r1@p>"
        );
        let mails = [
            ("2026-06-04T07:00:00Z", &*from_alice("a1@x")),
            ("2026-06-04T08:00:00Z", &answer),
            ("2026-06-04T08:00:10Z", &bounce),
        ];
        house.read("INBOX", FolderRole::Inbox, &mails, "2026-06-04T08:01:00Z").await;
        let later = [("2026-06-05T07:00:00Z", &*from_alice("a2@x"))];
        let ingested = house.read("INBOX", FolderRole::Inbox, &later, "2026-06-05T07:00:01Z").await;
        assert_eq!((ingested.opened, ingested.queued), (1, queued), "{failed}");
    }
}

#[tokio::test]
async fn an_overdue_request_that_is_given_more_time_is_alerted_again() {
    let mut house = House::new().await;
    let mail = [("2026-06-04T07:00:00Z", &*from_alice("a1@x"))];
    house.read("INBOX", FolderRole::Inbox, &mail, "2026-06-04T08:00:00Z").await;
    tick(&house.store, &house.office, at("2026-06-12T08:00:00Z")).await.expect("a tick");
    assert_eq!(house.requests().await[0].request.alert_level, Some(-1));
    for commitment in house.office.mailboxes.iter_mut().flat_map(|mailbox| &mut mailbox.commitments) {
        commitment.limit = 15;
    }
    let complaint = Gesture::Reclassify { requester: Requester::Public, nature: Nature::Complaint };
    let now = at("2026-06-12T08:00:01Z");
    let word = Word { gesture: complaint, by: "agent".into(), at: now, text: None };
    gesture(&house.store, &house.office, "PAN-2026-000001", word, now).await.expect("reclassified");
    let request = house.requests().await.remove(0).request;
    assert_eq!((request.alert_level, request.due_on.to_string().as_str()), (None, "2026-06-25"));
    let ticked = tick(&house.store, &house.office, at("2026-06-26T08:00:00Z")).await.expect("a tick");
    assert!(ticked.queued > 0);
    assert_eq!(house.requests().await[0].request.alert_level, Some(-1));
}
