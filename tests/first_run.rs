//! A mailbox that was in use for years before vigie came.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::dovecot::Filled;
use support::house::{House, PAN};

/// Messages that lie in the mailbox before the first run.
const OLD_MESSAGES: u64 = 5_000;

fn old_message(n: u64) -> Filled {
    let reply = if n > 0 && n.is_multiple_of(3) {
        format!("References: <old{}@example.org>\r\n", n - 1)
    } else {
        String::new()
    };
    let text = format!(
        "Return-Path: <usager{n}@example.org>\r\nReceived: from mx by imap; Tue, 3 Mar 2026 10:00:00 +0100\r\n\
         From: Usager {n} <usager{}@example.org>\r\nTo: {PAN}\r\nSubject: Demande {n}\r\n{reply}\
         Message-ID: <old{n}@example.org>\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n\r\nBonjour\r\n",
        n / 2
    );
    Filled { bytes: text.into_bytes(), internal_date: 1_772_528_400 + n, flags: "S" }
}

#[test]
fn a_backlog_is_recorded_whole_and_nothing_is_sent() {
    let mut house = House::new("acknowledge", |toml| toml);
    house.dovecot.fill(PAN, "INBOX", OLD_MESSAGES, old_message);
    house.start();
    let expected = i64::try_from(OLD_MESSAGES).unwrap();
    house.wait("the whole backlog recorded", |house| house.json(&["status"])[0]["messages"] == expected);
    let messages = house.json(&["messages"]);
    assert!(messages.iter().all(|message| message["acknowledgement"] != "send"));
    assert!(house.sink.mails().is_empty());
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
    let request = &house.json(&["requests"])[0];
    assert_eq!((&request["backlog"], &request["acknowledgement"]), (&true.into(), &"withheld".into()));
}
