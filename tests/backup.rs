//! Backups: taken while vigie runs, restored on either engine, refused where damaged, never left half written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::path::Path;

use support::app::{Vigie, at, message};
use support::postgres::Postgres;
use support::shell::Shell;
use vigie::app::verify::verify;
use vigie::store::Store;

/// A database with some requests in it, left open.
async fn filled(url: &str, requests: i64) -> Vigie {
    let mut vigie = Vigie::on(Store::open(url).await.unwrap(), |_| {}).await;
    let address = vigie.address();
    for number in 0..requests {
        let from = format!("Élodie Exemple <usager{number}@example.org>");
        vigie.receive(&[message(&from, &address, &format!("m{number}@example.org"), "Titre")], at(number)).await;
        vigie.send_all(at(number)).await;
    }
    vigie
}

fn beside(shell: &Shell, name: &str) -> String {
    shell.path(name).display().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_taken_while_vigie_writes_restores_to_what_it_was() {
    let shell = Shell::new();
    let mut vigie = filled(&beside(&shell, "vigie.db"), 20).await;
    let head = vigie.store.head().await.unwrap();
    shell.say(&["backup", "copie.vigie"]);
    let address = vigie.address();
    vigie.receive(&[message("Zoé <zoe@example.org>", &address, "later@example.org", "Après")], at(99)).await;
    vigie.verify().await;
    vigie.store.close().await;
    let refused = shell.run(&["restore", "copie.vigie"]);
    assert!(!refused.status.success(), "a database that is there is never overwritten");
    std::fs::remove_file(shell.path("vigie.db")).unwrap();
    std::fs::write(shell.path("vigie.db-wal"), "a journal without its database").unwrap();
    let refused = shell.run(&["restore", "copie.vigie"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("vigie.db-wal"), "it would be replayed into the backup");
    std::fs::remove_file(shell.path("vigie.db-wal")).unwrap();
    shell.say(&["restore", "copie.vigie", "--agent", "Camille Exemple"]);
    let found = &shell.json(&["ledger", "verify"])[0];
    assert_eq!((&found["ok"], found["entries"].as_i64()), (&true.into(), Some(head.seq + 1)), "{found}");
    let last = shell.json(&["ledger", "show"]).pop().unwrap();
    assert_eq!((&last["kind"], &last["payload"]["by"]), (&"store_restored".into(), &"Camille Exemple".into()));
    assert_eq!((last["payload"]["seq"].as_i64(), &last["payload"]["hash"]), (Some(head.seq), &head.hash.into()));
    assert_eq!(shell.json(&["requests"]).len(), 20);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_touches_nothing() {
    let shell = Shell::new();
    filled(&beside(&shell, "vigie.db"), 200).await.store.close().await;
    shell.say(&["backup", "copie.vigie"]);
    std::fs::remove_file(shell.path("vigie.db")).unwrap();
    let whole = std::fs::read(shell.path("copie.vigie")).unwrap();
    let mut changed = whole.clone();
    let needle = b"usager7@example.org";
    for at in 0..changed.len() - 9 {
        if &changed[at..at + 9] == b"\"limit\":5" {
            changed[at + 8] = b'6';
        }
    }
    let mut torn = whole.clone();
    let page = 4_096 * (whole.len() / 8_192);
    torn[page..page + 64].fill(0xff);
    assert!(whole.windows(needle.len()).any(|window| window == needle));
    for (what, octets) in [
        ("cut in two", whole[..whole.len() / 2].to_vec()),
        ("no database", b"bonjour".repeat(1_000)),
        ("an empty file", Vec::new()),
        ("a changed entry", changed),
        ("a torn page", torn),
    ] {
        std::fs::write(shell.path("abîmée.vigie"), &octets).unwrap();
        let output = shell.run(&["restore", "abîmée.vigie"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        assert!(said.contains("abîmée.vigie") && said.contains("endommagé"), "{what}: {said}");
        assert!(!shell.path("vigie.db").exists(), "{what}");
        assert_eq!(std::fs::read(shell.path("abîmée.vigie")).unwrap(), octets, "{what}: the backup stays as it is");
    }
    assert_eq!(names(shell.folder.path()), ["abîmée.vigie", "copie.vigie", "vigie.db.lock", "vigie.toml"]);
    shell.say(&["restore", "copie.vigie"]);
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_no_file_under_its_name() {
    let shell = Shell::new();
    filled(&beside(&shell, "vigie.db"), 1_500).await.store.close().await;
    let mut caught = 0;
    for wait in 0..40_u64 {
        let mut child = shell.start(&["backup", "copie.vigie"]);
        for _ in 0..wait * 40 {
            std::thread::yield_now();
        }
        while !shell.path("copie.vigie.inachevé").exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if shell.path("copie.vigie").exists() {
            std::fs::remove_file(shell.path("copie.vigie")).unwrap();
            continue;
        }
        caught += 1;
        if caught == 5 {
            break;
        }
    }
    assert!(caught > 0, "no backup was caught at work");
    shell.say(&["backup", "copie.vigie"]);
    let left: Vec<String> = names(shell.folder.path()).into_iter().filter(|name| name.contains("inachevé")).collect();
    assert_eq!(left, [""; 0], "what a killed backup left is swept by the next");
}

#[tokio::test]
async fn one_file_serves_both_engines() {
    let (postgres, shell) = (Postgres::start(), Shell::new());
    let (first, second) = (postgres.create_database(), postgres.create_database());
    let vigie = filled(&first, 30).await;
    let copy = shell.path("copie.vigie");
    let head = vigie::app::backup::back_up(&vigie.store, &copy).await.unwrap();
    assert_eq!(head, vigie.store.head().await.unwrap());
    // PostgreSQL → file → PostgreSQL, and file → SQLite.
    for url in [second, beside(&shell, "autre.db")] {
        let found = vigie::app::backup::restore(&url, &copy, &[], "essai", at(100)).await.unwrap();
        assert_eq!((found.ok, found.entries), (true, head.seq + 1), "{url}");
        let mut again = Vigie::on(Store::open(&url).await.unwrap(), |_| {}).await;
        let address = again.address();
        again.receive(&[message("Zoé <zoe@example.org>", &address, "z@example.org", "Après")], at(200)).await;
        assert_eq!(again.requests().await.len(), 31, "numbers go on where they were: {url}");
        again.verify().await;
        let refused = vigie::app::backup::restore(&url, &copy, &[], "essai", at(100)).await;
        assert!(refused.is_err(), "a store that holds something is never filled again: {url}");
        assert_eq!(verify(&again.store, &[]).await.unwrap().first_fault, None);
        again.store.close().await;
    }
}
