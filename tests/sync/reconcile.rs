//! The daily comparison of server and store: differences are named, repaired and written down.

use chrono::{DateTime, Utc};
use vigie::app::reconcile::{Finding, is_due, record};
use vigie::daemon::sync::Watched;
use vigie::domain::classify::FolderRole;
use vigie::domain::schedule::Schedule;

use crate::request;
use crate::support::dovecot::{Dovecot, Filled};
use crate::support::house::PAN;
use crate::support::post::{FIRST, Post, USERS};

fn filled(n: u64) -> Filled {
    Filled { bytes: request(&format!("u{n}")), internal_date: 1_772_528_400 + n, flags: "" }
}

async fn reconcile(post: &Post) -> Finding {
    let inbox = Watched { name: "INBOX".to_owned(), role: FolderRole::Inbox };
    let mut line = post.line(FIRST).await;
    post.reader(FIRST).reconcile(&mut line, &inbox).await.unwrap()
}

#[tokio::test]
async fn a_difference_is_named_and_repaired_and_a_new_message_is_none() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", 6, filled);
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    post.tamper("UPDATE location SET uid = 4000 WHERE uid = 2").await;
    dovecot.append(PAN, "INBOX", &request("fresh"), None, "");
    let found = reconcile(&post).await;
    assert_eq!((found.server, found.store), (7, 7));
    assert_eq!((found.missing.as_slice(), found.surplus.as_slice()), ([2].as_slice(), [4000].as_slice()));
    assert!(found.is_repaired());
    let agreed = reconcile(&post).await;
    assert!(agreed.missing.is_empty() && agreed.surplus.is_empty());
    assert_eq!(post.recorded().await.len(), 7);
}

#[tokio::test]
async fn the_finding_is_a_ledger_entry_and_what_is_left_is_mailed() {
    let dovecot = Dovecot::start(&USERS);
    let post = Post::at(dovecot.imap_port).await;
    let office = &post.settings.office;
    let found = |left: Vec<u32>| Finding {
        mailbox: FIRST.to_owned(),
        folder: "INBOX".to_owned(),
        server: 7,
        store: 6,
        missing: vec![2],
        surplus: Vec::new(),
        left,
    };
    for left in [vec![], vec![2]] {
        let now = vigie::clock::now();
        record(&post.store, office, post.reader(FIRST).lease, &found(left), now).await.unwrap();
    }
    assert_eq!(post.queued().await, 1, "only what is not repaired is worth a mail");
    let entries = post.store.ledger_after(0).await.unwrap();
    let written: Vec<_> = entries.iter().filter(|entry| entry.kind == "folder_reconciled").collect();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0].mailbox.as_deref(), Some(FIRST));
}

#[tokio::test]
async fn it_is_due_once_a_day_at_four_in_the_morning() {
    let dovecot = Dovecot::start(&USERS);
    let post = Post::at(dovecot.imap_port).await;
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let due = async |at: &str| {
        let schedule: &Schedule = &post.settings.reconcile;
        is_due(&post.store, FIRST, schedule, chrono_tz::Europe::Paris, instant(at)).await.unwrap()
    };
    assert!(!due("2026-11-23T20:00:00Z").await, "the first one is at the next firing");
    assert!(!due("2026-11-24T02:59:00Z").await);
    assert!(due("2026-11-24T03:00:00Z").await);
}
