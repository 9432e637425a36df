//! What is forgotten, when, under which visa; and that neither the chain nor any figure notices.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use support::app::{Vigie, at, message};
use support::postgres::Postgres;
use support::shell::Shell;
use vigie::app::gesture::{self, Word};
use vigie::app::retention::{self, PurgeLine, Retention};
use vigie::domain::address::Address;
use vigie::domain::gesture::Gesture;
use vigie::store::Store;

const BY: &str = "Camille Exemple";

/// Requests of Alice (two, both closed), Bruno (one closed, one open), and a newsletter.
async fn house(store: Store) -> Vigie {
    let mut vigie = Vigie::on(store, |_| {}).await;
    let to = vigie.address();
    let mails = [
        message("Alice Exemple <alice@example.org>", &to, "a1@example.org", "Titre de séjour"),
        message("Alice Exemple <alice@example.org>", &to, "a2@example.org", "Carte grise"),
        message("Bruno Exemple <bruno@example.org>", &to, "b1@example.org", "Association"),
        message("Bruno Exemple <bruno@example.org>", &to, "b2@example.org", "Permis"),
        message("lettre@example.com", &to, "l1@example.com", "Lettre\r\nList-Id: <lettre.example.com>"),
    ];
    vigie.receive(&mails, at(0)).await;
    vigie.send_all(at(1)).await;
    for reference in ["PAN-2026-000001", "PAN-2026-000002", "PAN-2026-000003"] {
        let gesture = Gesture::Close { motive: "sans objet".to_owned() };
        let text = Some("Madame Exemple a rappelé".to_owned());
        let word = Word { gesture, by: BY.to_owned(), at: at(60), text };
        gesture::gesture(&vigie.store, &vigie.office, reference, word, at(60)).await.unwrap();
    }
    vigie
}

/// An embedded database in a file.
async fn on_disk() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("vigie.db").to_str().unwrap()).await.unwrap();
    (folder, store)
}

fn day(days: i64) -> DateTime<Utc> {
    at(60) + TimeDelta::days(days)
}

async fn list(vigie: &Vigie, now: DateTime<Utc>) -> Vec<PurgeLine> {
    retention::list(&vigie.store, Retention::default(), vigie.office.zone(), now).await.unwrap()
}

async fn purge_all(vigie: &Vigie, now: DateTime<Utc>) -> usize {
    let lines = list(vigie, now).await;
    retention::purge(&vigie.store, &lines, &retention::csv(&lines), "AD01-2026-17", BY, now).await.unwrap()
}

/// Every text of every table but the ledger's, to look for what should be gone.
async fn everything(store: &Store) -> String {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copie");
    store.copy_into(&copy).await.unwrap();
    let octets = std::fs::read(&copy).unwrap();
    String::from_utf8_lossy(&octets).into_owned()
}

async fn forgets_after_ninety_days(store: Store) {
    let vigie = house(store).await;
    assert_eq!(list(&vigie, day(89)).await, [], "nothing is listed too early");
    let lines = list(&vigie, day(91)).await;
    let named: Vec<(&str, &str)> = lines.iter().map(|line| (line.stage, line.name.as_str())).take(3).collect();
    let closed = [1, 2, 3].map(|n| format!("PAN-2026-00000{n}"));
    assert_eq!(named, closed.each_ref().map(|name| ("personal", name.as_str())));
    assert_eq!((lines.len(), lines[3].kind, lines[3].category.as_str()), (4, "message", "bulk"));
    let before = vigie.ledger("request_opened").await;
    assert_eq!(purge_all(&vigie, day(91)).await, 4);
    let kept = everything(&vigie.store).await;
    for gone in [
        "alice@example.org",
        "Alice Exemple",
        "Titre de séjour",
        "Carte grise",
        "Association",
        "a1@example.org",
        "a rappelé",
    ] {
        assert!(!kept.contains(gone), "{gone} is still there");
    }
    for stays in ["bruno@example.org", "Permis", "PAN-2026-000001"] {
        assert!(kept.contains(stays), "{stays} is gone: its request is open");
    }
    assert_eq!(vigie.requests().await.len(), 4);
    assert_eq!(vigie.ledger("request_opened").await, before);
    vigie.verify().await;
    assert_eq!(list(&vigie, day(92)).await, [], "what was forgotten is not listed again");
}

#[tokio::test]
async fn addresses_names_and_subjects_are_forgotten_ninety_days_after_the_closure_and_the_chain_holds() {
    let (folder, store) = on_disk().await;
    forgets_after_ninety_days(store.clone()).await;
    store.close().await;
    let octets = std::fs::read(folder.path().join("vigie.db")).unwrap();
    for gone in ["alice@example.org", "Carte grise"] {
        let found = octets.windows(gone.len()).any(|window| window == gone.as_bytes());
        assert!(!found, "{gone} is still in the free space of the file");
    }
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let postgres = Postgres::start();
    forgets_after_ninety_days(Store::open(&postgres.create_database()).await.unwrap()).await;
    rows_go_after_three_full_years(Store::open(&postgres.create_database()).await.unwrap()).await;
}

async fn rows_go_after_three_full_years(store: Store) {
    let mut vigie = house(store).await;
    purge_all(&vigie, day(91)).await;
    let late_2029 = "2029-12-31T22:00:00Z".parse().unwrap();
    assert_eq!(list(&vigie, late_2029).await, [], "2026 is kept for all of 2027, 2028 and 2029");
    let in_2030 = "2029-12-31T23:30:00Z".parse().unwrap();
    let lines = list(&vigie, in_2030).await;
    assert_eq!(lines.iter().filter(|line| line.stage == "rows").count(), 4, "{lines:?}");
    purge_all(&vigie, in_2030).await;
    let left: Vec<String> = vigie.requests().await.into_iter().map(|line| line.request.reference).collect();
    assert_eq!(left, ["PAN-2026-000004"]);
    assert_eq!(vigie.ledger("request_opened").await, 4, "the ledger keeps every figure");
    vigie.verify().await;
    // The server numbers its folder anew, and the message still lies there: it is never taken for a new one.
    let mut turn = vigie.store.begin().await.unwrap();
    let folder = turn.folder(&vigie.office.mailboxes[0].name, "INBOX", "inbox").await.unwrap();
    turn.supersede(folder.id, in_2030).await.unwrap();
    turn.commit().await.unwrap();
    let to = vigie.address();
    let again = message("Alice Exemple <alice@example.org>", &to, "a1@example.org", "Titre de séjour");
    let ingested = vigie.receive(&[again], in_2030).await;
    assert_eq!((ingested.recorded, ingested.opened), (0, 0));
    vigie.verify().await;
}

#[tokio::test]
async fn rows_go_after_three_full_years_and_every_figure_stays() {
    rows_go_after_three_full_years(Store::in_memory().await.unwrap()).await;
}

#[tokio::test]
async fn a_list_that_names_what_may_not_go_is_refused_whole() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    let lines = list(&vigie, day(91)).await;
    let entries = vigie.store.head().await.unwrap().seq;
    for foreign in ["personal;request;PAN-2026-000004;", "rows;request;PAN-2026-000001;", "n’importe quoi"] {
        let text = format!("{}{foreign}\n", retention::csv(&lines));
        let refused = retention::purge(&vigie.store, &lines, &text, "V", BY, day(91)).await;
        assert!(refused.is_err(), "{foreign}");
    }
    assert_eq!(vigie.store.head().await.unwrap().seq, entries, "nothing was done");
}

#[tokio::test]
async fn a_purge_that_is_not_in_the_ledger_is_taken_for_a_fault() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    sqlx::query("DELETE FROM request WHERE reference = 'PAN-2026-000001'").execute(write).await.unwrap();
    let found = vigie::app::verify::verify(&vigie.store, &[]).await.unwrap();
    assert!(found.first_fault.is_some_and(|fault| fault.contains("request")));
}

#[tokio::test]
async fn a_person_is_shown_what_is_kept_of_them_and_can_be_forgotten_once_answered() {
    let (_folder, store) = on_disk().await;
    let vigie = house(store).await;
    let (alice, bruno) = (Address::parse("Alice@example.org").unwrap(), Address::parse("bruno@example.org").unwrap());
    let file = retention::person_file(&vigie.store, &alice, BY, day(1)).await.unwrap();
    assert_eq!(
        file.messages.iter().map(|kept| kept.subject.as_str()).collect::<Vec<_>>(),
        ["Titre de séjour", "Carte grise"]
    );
    assert_eq!(vigie.ledger("personal_data_shown").await, 1);
    let refused = retention::erase_person(&vigie.store, &bruno, "2026-4", BY, day(1)).await.unwrap_err();
    assert!(refused.to_string().contains("PAN-2026-000004"), "{refused}");
    assert_eq!(retention::erase_person(&vigie.store, &alice, "2026-5", BY, day(1)).await.unwrap(), 2);
    let kept = everything(&vigie.store).await;
    assert!(!kept.contains("alice@example.org") && !kept.contains("Carte grise") && kept.contains("bruno@example.org"));
    assert!(retention::person_file(&vigie.store, &alice, BY, day(1)).await.is_err());
    vigie.verify().await;
}

#[tokio::test]
async fn whoever_is_shown_personal_data_is_written_down_for_twelve_months() {
    let shell = Shell::new();
    let url = shell.path("vigie.db").display().to_string();
    house(Store::open(&url).await.unwrap()).await.store.close().await;
    shell.say(&["requests"]);
    shell.say(&["request", "show", "PAN-2026-000001"]);
    shell.say(&["person", "export", "alice@example.org"]);
    shell.json(&["requests"]);
    let log = shell.json(&["access-log"]);
    let told: Vec<(&str, &str, i64)> = log
        .iter()
        .map(|line| {
            (line["reader"].as_str().unwrap(), line["question"].as_str().unwrap(), line["shown"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(told, [("camille", "requests", 4), ("camille", "request show", 1), ("camille", "person export", 2)]);
    let store = Store::open(&url).await.unwrap();
    let later = vigie::clock::now() + TimeDelta::days(373);
    retention::note_access(&store, Retention::default(), ("camille", "requests", ""), 1, later).await.unwrap();
    assert_eq!(store.access_log(DateTime::UNIX_EPOCH).await.unwrap().len(), 1, "older lines are dropped");
    store.close().await;
}

#[tokio::test]
async fn the_command_lists_first_and_purges_only_a_list_with_its_visa() {
    let shell = Shell::new();
    let url = shell.path("vigie.db").display().to_string();
    house(Store::open(&url).await.unwrap()).await.store.close().await;
    let list = shell.say(&["purge", "--format", "csv"]);
    std::fs::write(shell.path("liste.csv"), &list).unwrap();
    assert_eq!(shell.run(&["purge", "--list", "liste.csv"]).status.code(), Some(2), "a visa is asked for");
    let lines = list.lines().count() - 1;
    let said = shell.say(&["purge", "--list", "liste.csv", "--visa", "AD01-2026-17", "--by", BY]);
    assert!(said.contains(&format!("{lines} éléments")), "{said}");
    let approved =
        shell.json(&["ledger", "show"]).into_iter().find(|entry| entry["kind"] == "disposal_approved").unwrap();
    assert_eq!((&approved["payload"]["visa"], &approved["payload"]["by"]), (&"AD01-2026-17".into(), &BY.into()));
    assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
}
