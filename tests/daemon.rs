//! The program as a prefecture runs it, on real mail servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use support::house::{AGENT, ETR, House, PAN, SENT, mail};
use vigie::store::Store;

fn unchanged(toml: String) -> String {
    toml
}

#[test]
fn a_request_is_recorded_acknowledged_timed_and_answered() {
    let mut house = House::new("acknowledge", unchanged);
    house.start();
    house.wait("both mailboxes watched", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
    house.receive(PAN, &mail("Alice <alice@example.org>", PAN, "a1@example.org", "Rendez-vous", ""));
    let sent = house.wait_sent(1);
    assert_eq!(sent[0].sender, "", "a null reverse-path");
    assert_eq!(sent[0].recipients, ["alice@example.org"]);
    let text = sent[0].text();
    for header in ["Auto-Submitted: auto-replied", "In-Reply-To: <a1@example.org>", "X-Auto-Response-Suppress: All"] {
        assert!(text.contains(header), "{header}:\n{text}");
    }
    assert!(text.contains("PAN-2026-000001") || text.contains("-000001"), "{text}");
    house.wait("the acknowledgement is settled", |house| house.json(&["requests"])[0]["acknowledgement"] == "sent");
    let reply = mail(
        &format!("PAN <{PAN}>"),
        "alice@example.org",
        "r1@prefecture.example.org",
        "Re: Rendez-vous",
        "In-Reply-To: <a1@example.org>\nReferences: <a1@example.org>\n",
    );
    house.dovecot.append(PAN, SENT, reply.replace('\n', "\r\n").as_bytes(), None, "\\Seen");
    house.wait("the answer is seen", |house| house.json(&["requests"])[0]["status"] == "answered");
    let request = &house.json(&["requests"])[0];
    assert_eq!(request["evidence"], "sent_reply");
    assert_eq!(request["within_limit"], true);
    assert_eq!(request["message_id"], "a1@example.org");
    let verified = &house.json(&["ledger", "verify"])[0];
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn observe_mode_sends_nothing_and_says_what_it_would_have_sent() {
    let mut house = House::new("observe", unchanged);
    house.start();
    house.receive(ETR, &mail("Bob <bob@example.org>", ETR, "b1@example.org", "Titre de séjour", ""));
    let messages = house.wait_recorded(1);
    assert_eq!(messages[0]["mailbox"], "pref-étrangers");
    assert_eq!(messages[0]["verdict"], "request");
    assert_eq!(messages[0]["acknowledgement"], "withhold");
    let reason = messages[0]["acknowledgement_reason"].as_str().unwrap();
    assert!(reason == "observe_mode" || reason == "before_watch", "{reason}");
    assert!(house.sink.mails().is_empty());
}

#[test]
fn a_mail_that_a_reload_cut_off_is_sent_all_the_same() {
    let mut house = House::new("observe", unchanged);
    house.start();
    let sql = format!(
        "INSERT INTO effect (id, kind, mailbox, bureau, request, recipients, about, level, message_id, created_at, \
         due_at, state, holder, attempts, unknowns, settled_at, answer, domain, warn_at) VALUES ('cut', 'digest', '', 'citoyennete', 0, \
         '{AGENT}', '', 0, 'cut@prefecture.example.org', 0, 0, 'sending', 'essai', 1, 0, 0, '', '', 0)"
    );
    let path = house.path("vigie.db").display().to_string();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&path).await.unwrap();
        let Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(write).await.unwrap();
        store.close().await;
    });
    house.signal("HUP");
    house.wait("the digest arrives", |house| {
        let arrived = house.dovecot.messages(AGENT, "INBOX");
        arrived.iter().any(|mail| String::from_utf8_lossy(mail).contains("<cut@prefecture.example.org>"))
    });
    assert_eq!(house.stop("TERM"), Some(0));
}
