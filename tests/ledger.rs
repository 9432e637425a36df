//! The ledger against someone who can write into the database.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

use chrono::{DateTime, Utc};
use vigie::app::verify::{Verification, verify};
use vigie::domain::event::Event;
use vigie::domain::ledger::Head;
use vigie::domain::seal::{Seal, SealKey};
use vigie::store::Store;

const ENTRIES: i64 = 300;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_778_000_000 + second, 0).expect("in range")
}

async fn ledger(entries: i64) -> Store {
    let store = Store::in_memory().await.expect("opens");
    let mut turn = store.begin().await.expect("begins");
    for second in 0..entries {
        let event = Event::Reconciled {
            mailbox: "pref-pan".into(),
            folder: "INBOX".into(),
            server: second,
            store: second,
            missing: 0,
            surplus: 0,
            repaired: true,
            at: at(second),
        };
        turn.write_down(&event, at(second));
    }
    turn.commit().await.expect("commits");
    store
}

async fn seal(store: &Store) -> Seal {
    let key = SealKey::new("prefecture.example.org/vigie", &[3; 32]);
    key.verifier().open(&key.seal(&store.head().await.expect("reads"))).expect("a seal")
}

async fn tamper(store: &Store, statements: &[String]) {
    let Store::Sqlite { write, .. } = store else { panic!("SQLite") };
    for sql in ["DROP TRIGGER ledger_refuses_update", "DROP TRIGGER ledger_refuses_delete"] {
        let _ = sqlx::query(sql).execute(write).await;
    }
    for sql in statements {
        sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(write).await.expect("tampers");
    }
}

/// The statements that change the entry at `first`, and rewrite all from there on so that the chain holds again.
async fn rechain(store: &Store, first: i64) -> Vec<String> {
    let mut head = Head::default();
    let mut statements = Vec::new();
    for mut entry in store.ledger_after(0).await.expect("reads") {
        if entry.seq == first {
            entry.mailbox = Some("pref-autre".to_owned());
        }
        entry.previous = std::mem::take(&mut head.hash);
        entry.hash = entry.expected_hash();
        statements.push(format!(
            "UPDATE ledger SET mailbox = '{}', previous = '{}', hash = '{}' WHERE seq = {}",
            entry.mailbox.unwrap_or_default(),
            entry.previous,
            entry.hash,
            entry.seq
        ));
        head = Head { seq: entry.seq, hash: entry.hash };
    }
    statements.push(format!("UPDATE head SET hash = '{}' WHERE id = 1", head.hash));
    statements
}

async fn check(store: &Store, seals: &[Seal]) -> Verification {
    verify(store, seals).await.expect("reads")
}

#[tokio::test]
async fn an_untouched_ledger_verifies_and_says_how_much_of_it_is_sealed() {
    let store = ledger(ENTRIES).await;
    let sealed = seal(&store).await;
    let found = check(&store, &[sealed]).await;
    assert_eq!((found.ok, found.entries, found.sealed, found.first_fault), (true, ENTRIES, ENTRIES, None));
}

#[tokio::test]
async fn a_changed_entry_is_found_without_a_seal() {
    let store = ledger(ENTRIES).await;
    tamper(&store, &["UPDATE ledger SET mailbox = 'pref-autre' WHERE seq = 150".to_owned()]).await;
    let found = check(&store, &[]).await;
    assert!(!found.ok && found.first_fault.expect("a fault").contains("150"));
}

#[tokio::test]
async fn a_rewriting_that_mends_the_chain_is_found_by_an_earlier_seal_only() {
    let store = ledger(ENTRIES).await;
    let kept = seal(&store).await;
    tamper(&store, &rechain(&store, 150).await).await;
    assert!(check(&store, &[]).await.ok, "the chain itself holds again");
    let found = check(&store, &[kept]).await;
    assert!(found.first_fault.expect("a fault").contains("written anew"));
}

#[tokio::test]
async fn a_truncation_that_mends_the_head_is_found_by_an_earlier_seal() {
    let store = ledger(ENTRIES).await;
    let kept = seal(&store).await;
    let last = store.ledger_after(ENTRIES - 11).await.expect("reads")[0].clone();
    let statements = [
        format!("DELETE FROM ledger WHERE seq > {}", last.seq),
        format!("UPDATE head SET seq = {}, hash = '{}'", last.seq, last.hash),
    ];
    tamper(&store, &statements).await;
    assert!(check(&store, &[]).await.ok, "a shorter chain is a chain");
    let found = check(&store, &[kept]).await;
    assert!(found.first_fault.expect("a fault").contains("cut off"));
}

#[tokio::test]
async fn a_truncation_that_leaves_the_head_is_found_without_a_seal() {
    let store = ledger(ENTRIES).await;
    tamper(&store, &["DELETE FROM ledger WHERE seq > 290".to_owned()]).await;
    assert!(!check(&store, &[]).await.ok);
}
