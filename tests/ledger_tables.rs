//! Every cell of every table that people query, changed by hand behind the ledger: `ledger verify` finds it. What is not
//! compared is named here, with the reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::SqlitePool;
use support::app::{Vigie, at, message};
use vigie::app::gesture::{self, Word};
use vigie::app::register::{Hand, NewAppointment, NewLetter, Origin};
use vigie::app::retention::{self, Retention};
use vigie::app::tick::{Sight, report_blindness, tick};
use vigie::app::verify::verify;
use vigie::domain::address::Address;
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::policy::{Nature, Requester};
use vigie::domain::register::Authority;
use vigie::store::{Details, Store};

const BY: &str = "Camille Exemple";
/// A month is kept after the closure, and no year of rows besides the running one.
const SHORT: Retention = Retention { personal_days: 30, row_years: 0, access_months: 12 };
/// Rows of one table that are tried: the first ones and the last ones, so many of each.
const ROWS: usize = 2;

/// Tables of which nothing is compared, and why.
const WORKSHOP: [(&str, &str); 10] = [
    ("access_log", "kept for twelve months, then dropped: it says who looked, and no figure rests on it"),
    ("counter", "only gives the next number; the references themselves are compared, and given once by the table"),
    ("early_reply", "waits for a message that has not come yet"),
    ("folder", "cursors of the mail server, which is the truth: the daily reconciliation compares the folders with it"),
    ("lease", "which node watches what, for minutes"),
    ("location", "where the mail server keeps a message, which is the truth: compared by the daily reconciliation"),
    ("look_again", "what the next tick looks at"),
    ("quota", "how many mails the relay takes in the next minutes"),
    ("schedule", "when the next digest leaves"),
    ("told", "up to which entry the last digest counted"),
];
/// Columns that are not compared, and why.
const EXEMPT: [(&str, &str); 40] = [
    ("breaker.counted_from", "since when the breaker counts; that it tripped is compared"),
    ("breaker.id", "there is one row"),
    ("effect.about", "what the text is made from; the digest of the text that left is compared"),
    ("effect.answer", "the relay's words, which may name a person; their codes are in the ledger"),
    ("effect.bureau", "to whom a mail to agents goes"),
    ("effect.copy", "whether the copy in the Sent folder was put there"),
    ("effect.copy_at", "when to try that"),
    ("effect.copy_attempts", "how often that was tried"),
    ("effect.created_at", "orders the queue; when the mail was settled is compared"),
    ("effect.domain", "personal: the ledger must not know it"),
    ("effect.due_at", "orders the queue"),
    ("effect.holder", "the node that sends it, for seconds"),
    ("effect.message_id", "follows from the id, which is compared, and from the domain of the mailbox"),
    ("effect.level", "which alert it brings; that the alert rose is compared"),
    ("effect.recipients", "personal: the ledger must not know it"),
    ("effect.unknowns", "how often the link was lost; each loss is an entry"),
    ("effect.warn_at", "when somebody is warned of it"),
    ("head.id", "there is one row"),
    ("head.next_message", "the next place of a row"),
    ("head.next_person", "the next place of a row"),
    ("head.next_request", "the next place of a row"),
    ("head.turns", "counts transactions"),
    ("message.domain", "personal: the ledger must not know it"),
    ("message.email_id", "the mail server's own name of it, which finds it again after a move"),
    ("message.language", "chooses the language of the acknowledgement; the digest of its text is compared"),
    ("message.marks", "what a mail client showed at the last look; the next look asks it again"),
    ("message.message_id", "personal, and gone with the rest once it is forgotten: the ledger must not know it"),
    ("message.size", "tells a moved message from another"),
    ("message.subject", "personal: the ledger must not know it"),
    ("message.thread_index", "personal: the ledger must not know it"),
    ("message.thread_refs", "personal: the ledger must not know it"),
    ("person.id", "the place of a row: what names it is found not to"),
    ("person.name", "personal: the ledger must not know it"),
    ("register_item.origin", "the number in an imported list, by which a line comes once"),
    ("request.alert_cleared", "whether the next digest says that the alert is over"),
    ("request.gesture", "the mark in the mail client which, undone, undoes the answer; the answer is compared"),
    ("request.id", "the place of a row: what names it is found not to"),
    ("request.next_alert_at", "reckoned anew from the configuration at each start"),
    ("tombstone.id", "the place of a row"),
    ("message.id", "the place of a row: what names it is found not to"),
];
/// Columns that are compared where the ledger can know them, and why not everywhere.
const PARTLY: [(&str, &str); 3] = [
    ("effect.attempts", "a mail on its way is counted before its attempt is an entry"),
    ("message.reason_detail", "gone once the message was forgotten"),
    ("message.acknowledgement_detail", "gone once the message was forgotten"),
];

fn day(days: i64) -> DateTime<Utc> {
    at(0) + TimeDelta::days(days)
}

fn date(days: i64) -> NaiveDate {
    day(days).date_naive()
}

async fn say(vigie: &Vigie, number: u32, gesture: Gesture, text: Option<&str>, now: DateTime<Utc>) {
    let year = now.format("%Y");
    let word = Word { gesture, by: BY.to_owned(), at: now, text: text.map(str::to_owned) };
    gesture::gesture(&vigie.store, &vigie.office, &format!("PAN-{year}-{number:06}"), word, now).await.unwrap();
}

fn close() -> Gesture {
    Gesture::Close { motive: "sans objet".to_owned() }
}

async fn purge(vigie: &Vigie, now: DateTime<Utc>) {
    let lines = retention::list(&vigie.store, SHORT, &vigie.office, now).await.unwrap();
    let csv = retention::csv(&lines);
    retention::purge(&vigie.store, SHORT, &lines, &csv, "AD01-2027-3", BY, now).await.unwrap();
}

fn letter(name: &str, received: i64, answered: Option<i64>) -> NewLetter {
    NewLetter {
        bureau: "citoyennete".into(),
        requester: Requester::Public,
        nature: Nature::GeneralInfo,
        received_on: date(received),
        official: true,
        details: Details { name: name.into(), subject: "Voirie".into(), ..Details::default() },
        origin: Origin::default(),
        answered_on: answered.map(date),
    }
}

/// What happens in a prefecture, one of each: the rows of all tables that people query.
async fn scene() -> Vigie {
    let mut vigie = Vigie::new(|_| {}).await;
    let to = vigie.address();
    let from = |name: &str| format!("{name} Exemple <{name}@example.org>");
    let mail = |name: &str, id: &str| message(&from(name), &to, &format!("{id}@example.org"), &format!("Objet {id}"));
    // The year before: all of it is purged, but for its entries.
    vigie.receive(&[mail("alice", "a1"), mail("bruno", "b1")], day(0)).await;
    let list = message("lettre@example.com", &to, "l1@example.com", "Lettre\r\nList-Id: <lettre.example.com>");
    vigie.receive(&[list], day(0)).await;
    vigie.send_all(day(0) + TimeDelta::minutes(1)).await;
    for number in [1, 2] {
        say(&vigie, number, close(), Some("Madame Exemple a rappelé"), day(1)).await;
    }
    purge(&vigie, day(300)).await;

    let names = ["chloe", "denis", "emma", "farid", "gilles", "hana", "ines", "jules", "karim", "louis"];
    let mails: Vec<Vec<u8>> = names.iter().map(|name| mail(name, name)).collect();
    vigie.receive(&mails, day(301)).await;
    let sent = vigie.send_all(day(301) + TimeDelta::minutes(1)).await;
    let again = message(&from("alice"), &to, "a2@example.org", "Objet a2\r\nIn-Reply-To: <a1@example.org>");
    vigie.receive(&[again], day(301) + TimeDelta::minutes(2)).await;
    let report = format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: {to}\r\n\
         Message-ID: <d1@mx.example>\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n\
         X-Failed-Recipients: hana@example.org\r\nIn-Reply-To: <{}>\r\n\r\nNon remis.\r\n",
        sent.iter().find(|sent| sent.due.effect.recipients[0].to_string().starts_with("hana")).unwrap().due.message_id
    );
    vigie.receive(&[report.into_bytes()], day(301) + TimeDelta::minutes(5)).await;
    let hand = |now| Hand { store: &vigie.store, office: &vigie.office, by: BY, now };
    let letters = [letter("Mona Inventée", 302, Some(303)), letter("Noé Inventé", 320, None)];
    hand(day(330)).letters(&letters).await.unwrap();
    let asked = NewAppointment {
        bureau: "citoyennete".into(),
        requester: Requester::Elected,
        authority: Authority::Prefect,
        requested_on: date(310),
        official: true,
        details: Details { name: "Maire Inventée".into(), note: "Pont".into(), ..Details::default() },
        origin: Origin::default(),
        fixed: Some((date(311), date(331))),
    };
    hand(day(330)).appointments(&[asked]).await.unwrap();
    say(&vigie, 1, close(), Some("Chloé a rappelé"), day(302)).await;
    say(&vigie, 2, Gesture::Answer(Way::Phone), Some("Denis, par téléphone"), day(302)).await;
    let seen = day(303);
    purge(&vigie, day(340)).await;

    let now = day(340) + TimeDelta::hours(1);
    say(&vigie, 3, Gesture::Suspend { motive: "pièces".to_owned() }, None, seen).await;
    say(&vigie, 4, Gesture::Merge { into: "PAN-2027-000005".to_owned() }, None, seen).await;
    say(&vigie, 5, Gesture::Transfer { to: "caf".to_owned() }, Some("À la caisse de l’Ain"), now).await;
    say(&vigie, 7, Gesture::Answer(Way::Counter), None, now).await;
    say(&vigie, 8, close(), Some("Sans suite"), now).await;
    let reply = format!(
        "From: {to}\r\nTo: louis@example.org\r\nMessage-ID: <r1@prefecture.example.org>\r\nSubject: Re: Objet louis\r\n\
         In-Reply-To: <louis@example.org>\r\n\r\nVoici.\r\n"
    );
    vigie.receive(&[reply.into_bytes()], now).await;
    let address = Address::parse("ines@example.org").unwrap();
    retention::erase_person(&vigie.store, &vigie.office, &address, ("CNIL-1", BY), now).await.unwrap();
    tick(&vigie.store, &vigie.office, now).await.unwrap();
    vigie.send_all(now + TimeDelta::minutes(1)).await;
    let sight = Sight::Lost { since: now, cause: "connexion refusée" };
    report_blindness(&vigie.store, &vigie.office, "pref-pan", sight, now + TimeDelta::hours(1)).await.unwrap();
    // At last the breaker trips.
    vigie.office.mailboxes.iter_mut().for_each(|mailbox| mailbox.limits.breaker_per_hour = 1);
    let burst: Vec<Vec<u8>> = ["oscar", "paul", "rose"].iter().map(|name| mail(name, name)).collect();
    vigie.receive(&burst, now + TimeDelta::hours(2)).await;
    tick(&vigie.store, &vigie.office, now + TimeDelta::hours(3)).await.unwrap();
    vigie.send_all(now + TimeDelta::hours(4)).await;
    assert_eq!(vigie.ledger("breaker_tripped").await, 1);
    vigie
}

async fn columns(pool: &SqlitePool) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT m.name, c.name, c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
         AND m.name NOT LIKE 'sqlite_%' AND m.name NOT IN ('_sqlx_migrations', 'ledger') ORDER BY m.name, c.cid",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// Changes one cell, looks whether that is found, and puts it back.
async fn is_found(
    vigie: &Vigie,
    pool: &SqlitePool,
    (table, column, kind): (&str, &str, &str),
    (place, row): (&str, &str),
) -> bool {
    let other = if kind == "TEXT" {
        format!("{column} || 'x'")
    } else {
        format!("CASE {column} WHEN 0 THEN 1 WHEN 1 THEN 0 ELSE {column} + 1000000 END")
    };
    let ask = async |sql: String| -> String {
        let answer = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.clone())).fetch_one(pool).await;
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    };
    let before = ask(format!("SELECT quote({column}) FROM {table} WHERE {place} = {row}")).await;
    // What tells the row may be what was changed.
    let row =
        ask(format!("UPDATE {table} SET {column} = {other} WHERE {place} = {row} RETURNING quote({place})")).await;
    let found = verify(&vigie.store, &[]).await.map_or(true, |found| !found.ok);
    ask(format!("UPDATE {table} SET {column} = {before} WHERE {place} = {row} RETURNING quote({place})")).await;
    found
}

#[tokio::test]
async fn every_cell_that_people_query_is_held_against_the_ledger_or_named_here_with_a_reason() {
    let vigie = scene().await;
    vigie.verify().await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    for pragma in ["PRAGMA ignore_check_constraints = ON", "PRAGMA foreign_keys = OFF"] {
        sqlx::query(pragma).execute(write).await.unwrap();
    }
    let exempt: BTreeMap<&str, &str> = EXEMPT.into_iter().chain(PARTLY).collect();
    let mut missed = Vec::new();
    let mut tried = 0;
    // The first column of every table tells its rows apart.
    let mut first: Option<(String, String)> = None;
    for (table, column, kind) in columns(write).await {
        if WORKSHOP.iter().any(|(workshop, _)| *workshop == table) {
            continue;
        }
        let name = format!("{table}.{column}");
        if first.as_ref().is_none_or(|(of, _)| *of != table) {
            first = Some((table.clone(), column.clone()));
        }
        let place = &first.as_ref().unwrap().1;
        let sql = format!("SELECT quote({place}) FROM {table} ORDER BY {place}");
        let all: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(write).await.unwrap();
        assert!(!all.is_empty(), "the scene has no row of {table}");
        let last = all.len().saturating_sub(ROWS).max(ROWS.min(all.len()));
        let rows: Vec<&String> = all.iter().take(ROWS).chain(&all[last..]).collect();
        let mut unseen = Vec::new();
        for row in &rows {
            tried += 1;
            if !is_found(&vigie, write, (&table, &column, &kind), (place, row)).await {
                unseen.push(*row);
            }
        }
        let partly = PARTLY.iter().any(|(partly, _)| *partly == name) && unseen.len() < rows.len();
        match (exempt.get(name.as_str()), unseen.is_empty()) {
            (Some(_), true) if column != "id" => missed.push(format!("{name} is compared: exempt for nothing")),
            (None, false) => missed.push(format!("{name} of rows {unseen:?} is not compared")),
            (Some(_), false) if PARTLY.iter().any(|(other, _)| *other == name) && !partly => {
                missed.push(format!("{name} is compared nowhere"));
            }
            _ => {}
        }
    }
    vigie.verify().await;
    assert!(missed.is_empty(), "{tried} cells tried:\n{}", missed.join("\n"));
}
