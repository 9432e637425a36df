//! vigie killed at random moments while messages keep arriving: whatever the moment, nothing is lost, nothing doubled.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::generator::Random;
use support::house::{ETR, House, PAN, mail};
use support::postgres::Postgres;
use support::process::wait_until;
use support::smtp;
use vigie::clock;

/// How often vigie is killed.
const KILLS: usize = 20;
/// The longest life between two kills, in milliseconds: the shortest is none.
const LONGEST_LIFE: u32 = 1_200;
/// The pace of the messages.
const PACE: Duration = Duration::from_millis(80);

#[test]
fn twenty_kills_lose_nothing_and_double_only_what_the_ledger_calls_unknown_on_sqlite() {
    play(&mut House::new("acknowledge", |toml| toml));
}

#[test]
fn twenty_kills_lose_nothing_and_double_only_what_the_ledger_calls_unknown_on_postgresql() {
    let url = format!("url = \"{}\"", Postgres::database());
    play(&mut House::new("acknowledge", |toml| toml.replace("url = \"vigie.db\"", &url)));
}

fn play(house: &mut House) {
    let given = std::env::var("VIGIE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| clock::now().timestamp_millis().unsigned_abs());
    println!("killed by seed {seed} (VIGIE_SEED)");
    house.start();
    house.wait("both mailboxes watched", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
    let (port, enough) = (house.postfix.mx_port, AtomicBool::new(false));
    let sent = std::thread::scope(|scope| {
        let arriving = scope.spawn(|| write_until(&enough, port));
        let mut random = Random(seed);
        for _ in 0..KILLS {
            let life = u64::try_from(random.below(LONGEST_LIFE)).expect("a short life");
            wait_until(Duration::from_millis(life), || false);
            house.stop("KILL");
            house.start_unwatched();
        }
        enough.store(true, Ordering::SeqCst);
        arriving.join().expect("the messages are sent")
    });
    check(house, &sent);
    assert_eq!(house.stop("TERM"), Some(0));
}

/// A message that was sent, and what is due for it.
struct Written {
    id: String,
    verdict: &'static str,
}

/// Writes messages until it is told that they are enough: three requests, then a machine.
fn write_until(enough: &AtomicBool, port: u16) -> Vec<Written> {
    let mut written = Vec::new();
    // The server dates by the second: what arrives in the very second of the switch counts as before it.
    wait_until(Duration::from_secs(1), || false);
    while !enough.load(Ordering::SeqCst) {
        let number = written.len();
        let (id, from) = (format!("c{number}@example.org"), format!("usager{number}@d{}.example.org", number % 9));
        let (verdict, more) =
            if number % 4 == 3 { ("automated", "Auto-Submitted: auto-replied\n") } else { ("request", "") };
        let to = if number % 2 == 0 { PAN } else { ETR };
        let message = mail(&from, to, &id, "Ma demande", more).replace('\n', "\r\n");
        smtp::relay(port, &from, to, message.as_bytes());
        written.push(Written { id, verdict });
        wait_until(PACE, || false);
    }
    written
}

fn check(house: &House, sent: &[Written]) {
    house.wait_recorded(sent.len());
    house.wait("every acknowledgement settled", |house| {
        house.json(&["requests"]).iter().all(|request| request["acknowledgement"] != "pending")
    });
    let verified = &house.json(&["ledger", "verify"])[0];
    assert_eq!(verified["ok"], true, "{verified}");
    let mut found: Vec<(String, String)> = house
        .json(&["messages"])
        .iter()
        .map(|m| (m["message_id"].as_str().unwrap().to_owned(), m["verdict"].as_str().unwrap().to_owned()))
        .collect();
    let mut expected: Vec<(String, String)> =
        sent.iter().map(|written| (written.id.clone(), written.verdict.to_owned())).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "one verdict for each message");
    let unknown = unknown(house);
    let acknowledged = acknowledgements(house);
    let mut doubled = 0;
    for written in sent {
        let owed = usize::from(written.verdict == "request");
        let mails = acknowledged.get(&written.id).cloned().unwrap_or_default();
        let uncertain = mails.first().is_some_and(|mail| unknown.contains(mail));
        assert!(
            mails.iter().all(|mail| Some(mail) == mails.first()),
            "{}: one Message-ID for all attempts",
            written.id
        );
        assert!(mails.len() == owed || (mails.len() > owed && uncertain), "{}: {} mails", written.id, mails.len());
        doubled += mails.len().saturating_sub(owed);
    }
    println!("{} messages, {} mails of unknown fate, {doubled} doubled", sent.len(), unknown.len());
}

/// The mails whose fate the ledger calls unknown at some attempt.
fn unknown(house: &House) -> BTreeSet<String> {
    let entries = house.json(&["ledger", "show"]);
    let lost = entries.iter().filter(|e| e["kind"] == "mail_settled" && e["payload"]["outcome"] == "unknown");
    lost.map(|entry| entry["payload"]["effect"].as_str().expect("its id").to_owned()).collect()
}

/// The ids of the mails that reached the requesters, by the Message-ID of the message that they acknowledge.
fn acknowledgements(house: &House) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in house.sink.mails() {
        let text = mail.text();
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            value.trim().trim_matches(['<', '>']).to_owned()
        };
        let own = field("Message-ID:").split('@').next().unwrap_or_default().to_owned();
        found.entry(field("In-Reply-To:")).or_default().push(own);
    }
    found
}
