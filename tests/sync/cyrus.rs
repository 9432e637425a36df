//! The other make of server: every rung of the ladder, and an identity that the server itself gives.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie::daemon::folders::choose;
use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;
use vigie::imap::IdleEnd;

use crate::flags::mark;
use crate::ladder::climb_down;
use crate::nameless;
use crate::support::cyrus::Cyrus;
use crate::support::house::PAN;
use crate::support::post::{FIRST, Post, USERS};

#[tokio::test]
async fn every_rung_of_the_ladder_holds_on_cyrus() {
    for (without, asks_vanished) in
        [(&[][..], true), (&["QRESYNC"], false), (&["QRESYNC", "CONDSTORE", "OBJECTID", "ENABLE"], false)]
    {
        let cyrus = Cyrus::start(&USERS, without);
        climb_down(cyrus.imap_port, cyrus.imap(PAN), asks_vanished).await;
    }
}

#[tokio::test]
async fn flags_are_seen_on_every_rung_on_cyrus() {
    for (without, pass) in
        [(&[][..], Pass::Glance), (&["QRESYNC"], Pass::Glance), (&["QRESYNC", "CONDSTORE"], Pass::Scan)]
    {
        let cyrus = Cyrus::start(&USERS, without);
        mark(cyrus.imap_port, cyrus.imap(PAN), pass).await;
    }
}

#[tokio::test]
async fn a_nameless_message_put_elsewhere_under_another_date_is_known_by_its_emailid() {
    let cyrus = Cyrus::start(&USERS, &[]);
    let mut client = cyrus.imap(PAN);
    let bytes = nameless("n");
    client.append("INBOX", &bytes, None, "");
    let post = Post::at(cyrus.imap_port).await;
    assert_eq!(post.glance().await.ingested.opened, 1);
    let date = chrono::DateTime::parse_from_rfc3339("2026-11-20T09:30:00+01:00").unwrap();
    client.select("INBOX");
    client.ok("UID STORE 1 +FLAGS (\\Deleted)");
    client.ok("UID EXPUNGE 1");
    client.append("Traites", &bytes, Some(date), "");
    let passed = post.pass(FIRST, "Traites", FolderRole::Other, Pass::Scan).await;
    assert_eq!((passed.ingested.moved, passed.ingested.recorded), (1, 0), "{passed:?}");
    post.verify().await;
}

#[tokio::test]
async fn folders_and_news_are_heard_of_cyrus() {
    let cyrus = Cyrus::start(&USERS, &[]);
    drop(cyrus.imap(PAN).select("INBOX"));
    let post = Post::at(cyrus.imap_port).await;
    let mut line = post.line(FIRST).await;
    let folders = choose(post.settings.mailbox(FIRST).unwrap(), &line.session.list().await.unwrap());
    assert!(folders.iter().any(|folder| folder.name == "Envoi" && folder.role == FolderRole::Sent), "{folders:?}");
    line.session.examine("INBOX", None).await.unwrap();
    let stop = CancellationToken::new();
    let (end, ()) = tokio::join!(line.session.idle(Duration::from_secs(20), &stop), async {
        let mut client = cyrus.imap(PAN);
        client.append("INBOX", &nameless("late"), None, "");
    });
    assert_eq!(end.unwrap(), IdleEnd::Changed);
}
