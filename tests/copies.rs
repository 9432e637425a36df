//! What the daemon does beside sending: the copy in the Sent folder, the texts that change under it, and the proof of
//! what was said, on real servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::fs;
use std::path::Path;

use support::house::{House, PAN, SENT, mail};
use support::process::text;
use vigie::clock;
use vigie::store::Store;

fn citizen(id: &str, subject: &str) -> String {
    mail("Alice <alice@example.org>", PAN, id, subject, "")
}

#[tokio::test]
async fn a_copy_lies_once_in_the_sent_folder_and_is_neither_reply_nor_request() {
    let mut house = House::new("acknowledge", |toml| {
        toml.replacen("template = \"pref-pan\"", "template = \"pref-pan\"\nsent_copy = \"always\"", 1)
    });
    house.start();
    house.receive(PAN, &citizen("a1@example.org", "Permis de conduire"));
    let sent = house.wait_sent(1);
    house.wait("a copy in Sent", |house| house.dovecot.messages(PAN, SENT).len() == 1);
    let copy = text(&house.dovecot.messages(PAN, SENT)[0]);
    let id = copy.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    assert!(sent[0].text().contains(&id), "the copy is the mail that left");
    let messages = house.wait_recorded(2);
    assert!(messages.iter().any(|message| message["verdict"] == "automated"), "{messages:?}");
    let shown = &house.json(&["request", "show", "PAN-2026-000001"])[0];
    let mail = &shown["mails"][0];
    assert_eq!((shown["status"].as_str(), shown["acknowledgement"].as_str()), (Some("open"), Some("sent")));
    assert_eq!((mail["state"].as_str(), mail["copy"].as_str()), (Some("accepted"), Some("copied")), "{mail}");
    assert_eq!((mail["template"].as_str(), mail["to"][0].as_str()), (Some("pref-pan"), Some("alice@example.org")));
    assert!(mail["queue_id"].is_string() && mail["text_digest"].as_str().unwrap().len() == 64, "{mail}");
    let told = text(&house.vigie(&["request", "show", "PAN-2026-000001"]).stdout);
    assert!(told.contains("accusé de réception à alice@example.org\u{a0}: accepté par le relais"), "{told}");
    // As after a crash between writing the copy and noting it.
    let store = Store::open(&house.path("vigie.db").display().to_string()).await.unwrap();
    let effect = mail["message_id"].as_str().unwrap().split('@').next().unwrap().to_owned();
    store.settle_copy(&effect, "wanted", clock::now()).await.unwrap();
    house.receive(PAN, &citizen("a2@example.org", "Carte grise"));
    house.wait("the second copy", |house| house.dovecot.messages(PAN, SENT).len() == 2);
    house.wait("the first noted again", |house| {
        house.json(&["request", "show", "PAN-2026-000001"])[0]["mails"][0]["copy"] == "copied"
    });
    assert_eq!(house.dovecot.messages(PAN, SENT).len(), 2, "no second copy of the first");
}

#[test]
fn changed_texts_are_used_at_once_and_those_that_lack_a_mention_are_refused() {
    let mut house = House::new("acknowledge", |toml| toml);
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates"), house.path("texts"));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let usual = house.usual("acknowledge").replacen(&from.display().to_string(), &to.display().to_string(), 1);
    house.configure(&usual);
    house.start();
    let file = to.join("pref-pan.txt");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, before.replace("Nous avons bien reçu", "Nous avons effectivement reçu")).unwrap();
    house.wait("the new text in use", |house| house.log().contains("changed texts are in use"));
    house.receive(PAN, &citizen("a1@example.org", "Permis de conduire"));
    let said = house.wait_sent(1)[0].text().replace("=\r\n", "").replace("=\n", "");
    assert!(said.contains("Nous avons effectivement re"), "{said}");
    let part = to.join("_service.txt");
    let shared = fs::read_to_string(&part).unwrap();
    fs::write(&part, shared.replace("{{ service.phone }}", "")).unwrap();
    house.wait("the faulty text refused", |house| house.log().contains("the changed texts are refused"));
    house.receive(PAN, &citizen("a2@example.org", "Carte grise"));
    let said = house.wait_sent(2)[1].text().replace("=\r\n", "").replace("=\n", "");
    assert!(said.contains("Nous avons effectivement re"), "the good text stays: {said}");
    let entries = house.json(&["ledger", "show"]);
    assert_eq!(entries.iter().filter(|entry| entry["kind"] == "texts").count(), 1);
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
}
