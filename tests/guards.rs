//! What makes the database itself refuse any change of the ledger, and how its absence is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use sqlx::AssertSqlSafe;
use support::app::{Vigie, at, message};
use support::postgres::Postgres;
use support::shell::Shell;
use vigie::app::backup;
use vigie::store::Store;

/// What somebody may do to the guards of `SQLite`; each leaves a ledger that is still true.
const SQLITE: [(&str, &str); 6] = [
    ("one is missing", "DROP TRIGGER ledger_refuses_delete"),
    ("the replacing one is missing", "DROP TRIGGER ledger_refuses_replace"),
    (
        "one does nothing",
        "DROP TRIGGER ledger_refuses_update; CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger BEGIN SELECT 1; END",
    ),
    (
        "one is never set off, and has the right words in a comment",
        "DROP TRIGGER ledger_refuses_update; CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger WHEN 0 \
         /* BEFORE UPDATE ON ledger\nBEGIN SELECT RAISE(ABORT, 'the ledger only grows: UPDATE refused'); END */ \
         BEGIN SELECT 1; END",
    ),
    (
        "a foreign one stands beside them",
        "CREATE TRIGGER zz AFTER INSERT ON message BEGIN UPDATE message SET subject = '' WHERE id = NEW.id; END",
    ),
    (
        "a foreign one on the ledger",
        "CREATE TRIGGER aa BEFORE INSERT ON ledger WHEN NEW.kind = 'alert_raised' BEGIN SELECT RAISE(IGNORE); END",
    ),
];
/// The same on PostgreSQL.
const POSTGRES: [(&str, &str); 5] = [
    ("one is missing", "DROP TRIGGER ledger_refuses_truncate ON ledger"),
    ("one is switched off", "ALTER TABLE ledger DISABLE TRIGGER ledger_refuses_change"),
    (
        "the function does nothing",
        "CREATE OR REPLACE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ),
    (
        "one is never set off",
        "DROP TRIGGER ledger_refuses_change ON ledger; CREATE TRIGGER ledger_refuses_change BEFORE UPDATE OR DELETE ON ledger \
         FOR EACH ROW WHEN (false) EXECUTE FUNCTION ledger_only_grows()",
    ),
    (
        "a foreign one",
        "CREATE TRIGGER zz BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
];

async fn filled(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    let mut vigie = Vigie::on(store.clone(), |_| {}).await;
    let address = vigie.address();
    vigie.receive(&[message("Zoé <zoe@example.org>", &address, "a@example.org", "Titre")], at(0)).await;
    store
}

/// Carries statements out, one by one.
async fn alter(path: &str, statements: &str) {
    let pool = sqlx::SqlitePool::connect(path).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn nothing_changes_an_entry_on_either_engine() {
    let postgres = Postgres::start();
    let shell = Shell::new();
    let path = shell.path("vigie.db").display().to_string();
    let copy = "INSERT OR REPLACE INTO ledger SELECT seq, occurred_at, recorded_at, 'forged', mailbox, request, payload, \
         previous, hash FROM ledger WHERE seq = 1";
    let Store::Sqlite { write, .. } = filled(&path).await else { panic!("SQLite") };
    for sql in ["UPDATE ledger SET kind = 'forged'", "DELETE FROM ledger", "DELETE FROM ledger WHERE seq = 1", copy] {
        let refused = sqlx::query(sql).execute(&write).await.unwrap_err().to_string();
        assert!(refused.contains("the ledger only grows"), "{sql}: {refused}");
    }
    let Store::Postgres(pool) = filled(&postgres.create_database()).await else { panic!("PostgreSQL") };
    let copy = "INSERT INTO ledger SELECT * FROM ledger WHERE seq = 1 ON CONFLICT (seq) DO UPDATE SET kind = 'forged'";
    for sql in ["UPDATE ledger SET kind = 'forged'", "DELETE FROM ledger", "TRUNCATE ledger", copy] {
        let refused = sqlx::query(sql).execute(&pool).await.unwrap_err().to_string();
        assert!(refused.contains("the ledger only grows"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn guards_that_are_not_those_of_vigie_are_a_fault_for_verify_and_for_restore() {
    for (what, statements) in SQLITE {
        let shell = Shell::new();
        let path = shell.path("vigie.db").display().to_string();
        filled(&path).await.close().await;
        assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
        alter(&path, statements).await;
        let found = &shell.json(&["ledger", "verify"])[0];
        assert!(found["first_fault"].as_str().is_some_and(|fault| fault.contains("triggers")), "{what}: {found}");
        shell.say(&["backup", "copie.vigie"]);
        std::fs::remove_file(&path).unwrap();
        let refused = shell.run(&["restore", "copie.vigie"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains("triggers"), "{what}: {said}");
        assert!(!shell.path("vigie.db").exists(), "{what}: nothing was touched");
    }
}

#[tokio::test]
async fn guards_that_are_not_those_of_vigie_are_found_on_postgresql_too() {
    let (postgres, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
    for (number, (what, statements)) in POSTGRES.into_iter().enumerate() {
        let url = postgres.create_database();
        let store = filled(&url).await;
        assert_eq!(store.unguarded().await.unwrap(), None);
        let Store::Postgres(pool) = &store else { panic!("PostgreSQL") };
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(pool).await.unwrap();
        assert!(store.unguarded().await.unwrap().is_some(), "{what}");
        // The copy is a file with guards of its own: it restores what is true.
        let copy = folder.path().join(format!("{number}.vigie"));
        backup::back_up(&store, &copy).await.unwrap();
        let target = postgres.create_database();
        assert!(backup::restore(&target, &copy, &[], "essai", at(9)).await.unwrap().ok, "{what}");
        assert_eq!(Store::open(&target).await.unwrap().unguarded().await.unwrap(), None, "{what}");
    }
}
