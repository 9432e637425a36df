//! Mail servers that stall, vanish, refuse or are short of places: the mailboxes catch up, each for itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::dovecot::{Dovecot, Options};
use support::house::{ETR, House, PAN, mail};

/// A prefecture whose second mailbox lies on a server of its own.
fn two_servers() -> (House, Dovecot) {
    let other = Dovecot::start(&[(ETR, "etrangers")]);
    let (port, ca) = (other.imaps_port, other.ca_file.display().to_string());
    let house = House::new("observe", |toml| {
        let (head, tail) = toml.split_once("name = \"pref-étrangers\"").unwrap();
        let (before, after) = tail.split_once("[mailboxes.imap]").unwrap();
        let (_, service) = after.split_once("[mailboxes.service]").unwrap();
        format!(
            "{head}name = \"pref-étrangers\"{before}[mailboxes.imap]\nhost = \"localhost\"\nport = {port}\n\
             ca_file = \"{ca}\"\nlogin = \"{ETR}\"\npassword_file = \"etr\"\n[mailboxes.service]{service}"
        )
    });
    (house, other)
}

fn bytes(id: &str, to: &str) -> Vec<u8> {
    mail("Alice <alice@example.org>", to, id, "Demande", "").replace('\n', "\r\n").into_bytes()
}

fn watched(house: &House) -> bool {
    house.json(&["status"]).iter().all(|mailbox| mailbox["last_scan"].is_string())
}

#[test]
fn a_stalled_server_stops_its_own_mailbox_only() {
    let (mut house, other) = two_servers();
    house.start();
    house.wait("both mailboxes watched", watched);
    other.freeze();
    for n in 0..3 {
        house.dovecot.append(PAN, "INBOX", &bytes(&format!("a{n}@example.org"), PAN), None, "");
    }
    assert_eq!(house.wait_recorded(3).len(), 3);
    other.thaw();
    other.append(ETR, "INBOX", &bytes("b@example.org", ETR), None, "");
    house.wait_recorded(4);
}

#[test]
fn a_server_that_comes_back_is_caught_up_with_at_its_own_dates() {
    let (mut house, mut other) = two_servers();
    house.start();
    house.wait("both mailboxes watched", watched);
    let date = chrono::DateTime::parse_from_rfc3339("2026-11-20T09:30:00+01:00").unwrap();
    other.append(ETR, "INBOX", &bytes("early@example.org", ETR), Some(date), "");
    other.stop();
    house.dovecot.append(PAN, "INBOX", &bytes("a@example.org", PAN), None, "");
    house.wait("the other mailbox goes on", |house| {
        house.json(&["messages"]).iter().any(|message| message["message_id"] == "a@example.org")
    });
    other.start_again();
    let messages = house.wait_recorded(2);
    let early = messages.iter().find(|message| message["message_id"] == "early@example.org").unwrap();
    assert!(early["received_at"].as_str().unwrap().starts_with("2026-11-20T08:30:00"), "{early}");
}

#[test]
fn a_refused_login_is_not_hammered_and_told_at_once() {
    let (mut house, other) = two_servers();
    std::fs::write(house.path("etr"), "wrong\n").unwrap();
    house.start();
    house.wait("the administrators are told", |house| {
        !house.dovecot.messages(support::house::ADMIN, "INBOX").is_empty()
    });
    house.dovecot.append(PAN, "INBOX", &bytes("a@example.org", PAN), None, "");
    house.wait_recorded(1);
    let attempts = other.log().matches("auth failed, 1 attempts").count();
    assert_eq!(attempts, 1, "{}", other.log());
    assert!(house.log().contains("next attempt in 30"), "{}", house.log());
}

#[test]
fn mailboxes_take_turns_where_the_server_has_fewer_places() {
    let options =
        Options { extra: "service imap {\n  process_limit = 1\n  client_limit = 1\n}\n".into(), ..Options::default() };
    let mut house = House::with("observe", options, |toml| {
        let imaps = toml.split("[mailboxes.imap]\nhost = \"localhost\"\nport = ").nth(1).unwrap();
        let port: String = imaps.chars().take_while(char::is_ascii_digit).collect();
        let toml = toml.replace("security = \"starttls\"\n", "");
        let (head, tail) = toml.split_once("name = \"pref-étrangers\"").unwrap();
        let (before, after) = tail.split_once("port = ").unwrap();
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let second = format!("{head}name = \"pref-étrangers\"{before}port = {port}{rest}");
        second.replace("[mailboxes.imap]\n", "[mailboxes.imap]\nmax_connections = 1\n")
    });
    house.start();
    house.wait("both mailboxes read in turn", watched);
    assert!(!house.log().contains("cannot be read"), "{}", house.log());
}

#[test]
fn the_check_compares_every_folder_with_its_server_on_demand() {
    let mut house = House::new("observe", |toml| toml);
    house.dovecot.append(PAN, "INBOX", &bytes("a@example.org", PAN), None, "");
    house.start();
    house.wait_recorded(1);
    let output = house.vigie(&["check", "--reconcile"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("boîte pref-pan, dossier INBOX\u{a0}: 1\u{a0}message au serveur, 1 au registre"), "{said}");
    assert!(said.contains("dossier Indésirables\u{a0}: 0\u{a0}message "), "{said}");
    let entries = house.json(&["ledger", "show"]);
    assert!(entries.iter().any(|entry| entry["kind"] == "folder_reconciled"), "{entries:?}");
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
}
