//! A database of an earlier version, with rows in it, is brought up to date on both engines, and nothing in it is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::borrow::Cow;
use std::path::Path;

use chrono::{DateTime, Utc};
use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::{Connection as _, Executor as _};
use support::app::{Vigie, at, message};
use support::postgres::Postgres;
use vigie::domain::ledger::{Draft, Head, Payload};
use vigie::store::Store;

/// The migrations of an engine up to a version.
async fn up_to(engine: &str, version: i64) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations").join(engine);
    let mut migrator = Migrator::new(folder).await.expect("the migrations");
    let earlier: Vec<_> = migrator.iter().filter(|migration| migration.version <= version).cloned().collect();
    migrator.migrations = Cow::Owned(earlier);
    migrator
}

/// Every version of an engine's migrations.
async fn versions(engine: &str) -> Vec<i64> {
    up_to(engine, i64::MAX).await.iter().map(|migration| migration.version).collect()
}

/// The digests that stand for the message and for its author: HMAC-SHA256 of alice@example.org under thirty-two times 0x11.
fn digests() -> (String, String) {
    ("ab".repeat(32), "508abdb52897c99766e2ee43addbfe26a580db02899db1e092263d2cfcf970c1".to_owned())
}

fn instants() -> (DateTime<Utc>, DateTime<Utc>) {
    ("2026-05-05T08:00:00Z".parse().unwrap(), "2026-05-06T08:00:00Z".parse().unwrap())
}

/// What the first version of vigie wrote down of a request that was answered.
fn entries_of_the_first_version() -> Vec<Draft> {
    let ((message, person), (received, answered)) = (digests(), instants());
    let (mailbox, request) = (Some("pref-pan".to_owned()), Some("PAN-2026-000001".to_owned()));
    let draft = |at, kind, request: &Option<String>, payload| Draft {
        occurred_at: at,
        kind,
        mailbox: mailbox.clone(),
        request: request.clone(),
        payload,
    };
    let times = |payload: Payload| payload.instant("received_at", received).text("received_rule", "internaldate");
    vec![
        draft(received, "mailbox_mode", &None, Payload::new().text("mode", "observe")),
        draft(
            received,
            "message_recorded",
            &request,
            times(Payload::new())
                .text("message", &message)
                .text("folder", "INBOX")
                .text("verdict", "request")
                .text("reason", "asks_something")
                .text("person", &person)
                .instant("internal_date", received)
                .instant("observed_at", received)
                .text("acknowledgement", "withhold")
                .text("acknowledgement_reason", "observe_mode"),
        ),
        draft(
            received,
            "request_opened",
            &request,
            Payload::new()
                .text("message", &message)
                .text("bureau", "citoyennete")
                .text("person", &person)
                .text("requester", "public")
                .text("nature", "general_info")
                .text("rule", "default")
                .text("commitment", "mail.user.info")
                .int("limit", 5)
                .instant("received_at", received)
                .text("due_on", "2026-05-13")
                .text("due_at", "2026-05-13T22:00:00.000Z")
                .text("calendar", "c0")
                .text("acknowledgement", "withheld")
                .flag("backlog", false)
                .flag("flagged", false),
        ),
        draft(
            answered,
            "request_answered",
            &request,
            Payload::new().text("evidence", "declaration").text("confidence", "medium").text("by", "camille"),
        ),
    ]
}

/// The same with its tables, as statements.
fn rows_of_the_first_version() -> Vec<String> {
    let ((message, person), (received, answered)) = (digests(), instants());
    let mut head = Head::default();
    let millis = |at: DateTime<Utc>| at.timestamp_millis();
    let (r, a, due) = (millis(received), millis(answered), millis("2026-05-13T22:00:00Z".parse().unwrap()));
    let mut rows: Vec<String> = entries_of_the_first_version()
        .into_iter()
        .map(|draft| {
            let entry = head.chain(draft, answered);
            format!(
                "INSERT INTO ledger (seq, occurred_at, recorded_at, kind, mailbox, request, payload, previous, hash) \
                 VALUES ({}, {}, {}, '{}', '{}', '{}', '{}', '{}', '{}')",
                entry.seq,
                millis(entry.occurred_at),
                millis(entry.recorded_at),
                entry.kind,
                entry.mailbox.unwrap_or_default(),
                entry.request.unwrap_or_default(),
                entry.payload,
                entry.previous,
                entry.hash
            )
        })
        .collect();
    rows.extend([
        format!(
            "UPDATE head SET seq = {}, hash = '{}', next_message = 2, next_request = 2, next_person = 2",
            head.seq, head.hash
        ),
        format!("INSERT INTO mailbox VALUES ('pref-pan', 'observe', {r}, 0, 0, 0)"),
        format!(
            "INSERT INTO folder (mailbox, name, role, uid_validity, last_uid, uid_next, highest_modseq, scanned_at) \
             VALUES ('pref-pan', 'INBOX', 'inbox', 1, 1, 2, 7, {r})"
        ),
        format!("INSERT INTO person VALUES (1, 'alice@example.org', 'Alice', '{}', '{person}', 0)", "11".repeat(32)),
        format!(
            "INSERT INTO message VALUES (1, '{message}', 'a1@example.org', 'pref-pan', 'INBOX', 1, '', 'Titre', '', '', '', \
             'public', 'request', 'asks_something', '', 1, 'mail.user.info', '2026-05-13', {r}, 'internaldate', {r}, 0, 0, \
             {r}, 2000, 'withhold', 'observe_mode', '')"
        ),
        format!("INSERT INTO location (folder, uid_validity, uid, message, seen_at, gone_at) SELECT id, 1, 1, 1, {r}, 0 FROM folder"),
        format!(
            "INSERT INTO request VALUES (1, 'PAN-2026-000001', 'pref-pan', 'citoyennete', 1, 1, 'public', 'general_info', \
             'mail.user.info', 5, {r}, '2026-05-13', {due}, 'c0', 0, 0, 0, 'answered', {a}, 'declaration', 'medium', \
             'withheld', 0, 9999, 0)"
        ),
        format!(
            "INSERT INTO effect VALUES ('e1', 'digest', '', 'citoyennete', 0, 'agents@prefecture.example.org', '', '', 9999, \
             'e1@prefecture.example.org', {r}, {r}, 0, 'pending', '', 0, 0, 0, '')"
        ),
        "INSERT INTO counter VALUES ('PAN', 2026, 1)".to_owned(),
    ]);
    rows
}

/// Opens a database of an earlier version as the daemon does, and goes on working with it.
async fn goes_on(url: &str) {
    let store = Store::open(url).await.expect("brought up to date");
    let mut vigie = Vigie::on(store, |_| {}).await;
    vigie.verify().await;
    let lines = vigie.requests().await;
    assert_eq!((lines.len(), lines[0].request.reference.as_str()), (1, "PAN-2026-000001"));
    assert_eq!((lines[0].subject.as_str(), lines[0].address.as_str()), ("Titre", "alice@example.org"));
    assert_eq!(vigie.store.queue_state().await.unwrap().pending, 1, "a waiting mail still waits");
    let address = vigie.address();
    vigie.receive(&[message("Zoé <zoe@example.org>", &address, "z@example.org", "Après")], at(1)).await;
    assert_eq!(vigie.requests().await[1].request.reference, "PAN-2026-000002", "numbers go on");
    vigie.verify().await;
    vigie.store.close().await;
}

#[tokio::test]
async fn rows_of_the_first_version_survive_every_later_one_on_sqlite() {
    // The first version, and each later one as a stop on the way.
    for stop in versions("sqlite").await {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vigie.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        up_to("sqlite", 1).await.run_direct(None, &mut connection, false).await.unwrap();
        for row in rows_of_the_first_version() {
            connection.execute(sqlx::AssertSqlSafe(row)).await.unwrap();
        }
        up_to("sqlite", stop).await.run_direct(None, &mut connection, false).await.unwrap();
        connection.close().await.unwrap();
        goes_on(path.to_str().unwrap()).await;
    }
}

#[tokio::test]
async fn rows_of_the_first_version_survive_every_later_one_on_postgresql() {
    let postgres = Postgres::start();
    for stop in versions("postgres").await {
        let url = postgres.create_database();
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        up_to("postgres", 1).await.run_direct(None, &mut connection, false).await.unwrap();
        for row in rows_of_the_first_version() {
            connection.execute(sqlx::AssertSqlSafe(row)).await.unwrap();
        }
        up_to("postgres", stop).await.run_direct(None, &mut connection, false).await.unwrap();
        connection.close().await.unwrap();
        goes_on(&url).await;
    }
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_with_a_clear_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.db");
    let url = path.to_str().unwrap();
    Store::open(url).await.unwrap().close().await;
    let mut connection =
        sqlx::SqliteConnection::connect_with(&sqlx::sqlite::SqliteConnectOptions::new().filename(&path)).await.unwrap();
    connection.ensure_migrations_table("_sqlx_migrations").await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', 1, x'00', 0)";
    connection.execute(later).await.unwrap();
    connection.close().await.unwrap();
    let refused = Store::open(url).await.unwrap_err().to_string();
    assert!(refused.contains("9999"), "{refused}");
}
