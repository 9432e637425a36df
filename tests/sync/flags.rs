//! What agents mark a message with is seen on every rung of the ladder, and reading alone is no news.

use vigie::app::ingest::Source;
use vigie::app::sighting::{Shown, observe};
use vigie::clock;
use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;
use vigie::domain::sighting::{FlagSet, SeenChange};

use crate::request;
use crate::support::dovecot::{Dovecot, Filled, Options};
use crate::support::house::PAN;
use crate::support::imap::Client;
use crate::support::post::{FIRST, Post, USERS};

fn filled(n: u64) -> Filled {
    Filled { bytes: request(&format!("u{n}")), internal_date: 1_772_528_400 + n, flags: "S" }
}

/// Changes flags in every way; `pass` is the least that sees them.
pub(super) async fn mark(port: u16, mut client: Client, pass: Pass) {
    for n in 0..5 {
        client.append("INBOX", &request(&format!("u{n}")), None, "\\Seen");
    }
    client.select("INBOX");
    client.ok("UID STORE 2 +FLAGS (\\Answered)");
    let post = Post::at(port).await;
    let read = || post.pass(FIRST, "INBOX", FolderRole::Inbox, pass);
    assert_eq!(read().await.sightings, 0, "flags at the arrival are no change");
    assert_eq!(post.flags().await, [(2, "\\Answered".to_owned())]);

    client.ok("UID STORE 1:5 -FLAGS (\\Seen)");
    client.ok("UID STORE 1 +FLAGS (\\Flagged)");
    assert_eq!(read().await.sightings, 0, "reading and stars are noise");

    client.ok("UID STORE 3 +FLAGS ($Forwarded VigieSansSuite)");
    client.ok("UID STORE 2 -FLAGS (\\Answered)");
    client.append("INBOX", &request("new"), None, "\\Answered");
    let passed = read().await;
    assert_eq!((passed.sightings, passed.ingested.recorded), (2, 1), "{passed:?}");
    let expected = [(3, "$Forwarded VigieSansSuite".to_owned()), (6, "\\Answered".to_owned())];
    assert_eq!(post.flags().await, expected);
    assert_eq!(read().await.sightings, 0, "seen once");

    client.ok("UID STORE 3 +FLAGS (\\Deleted)");
    client.ok("UID EXPUNGE 3");
    let passed = read().await;
    assert_eq!((passed.sightings, passed.gone), (1, 1), "{passed:?}");
}

async fn on_dovecot(without: Vec<&'static str>, pass: Pass) {
    let dovecot = Dovecot::start_with(&USERS, Options { without, ..Options::default() });
    mark(dovecot.imap_port, dovecot.imap(PAN), pass).await;
}

#[tokio::test]
async fn with_qresync_a_flag_is_seen_at_the_next_glance() {
    on_dovecot(vec![], Pass::Glance).await;
}

#[tokio::test]
async fn with_condstore_a_flag_is_seen_at_the_next_glance() {
    on_dovecot(vec!["QRESYNC"], Pass::Glance).await;
}

#[tokio::test]
async fn without_either_a_flag_is_seen_at_the_next_scan() {
    on_dovecot(vec!["QRESYNC", "CONDSTORE"], Pass::Scan).await;
}

#[tokio::test]
async fn the_whole_comparison_sees_a_flag_that_a_server_kept_to_itself() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", 3, filled);
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    post.tamper("UPDATE location SET flags = 'VigieTransmis' WHERE uid = 2").await;
    assert_eq!(post.glance().await.sightings, 0);
    let whole = post.pass(FIRST, "INBOX", FolderRole::Inbox, Pass::Whole).await;
    assert_eq!(whole.sightings, 1);
    assert!(post.flags().await.is_empty());
}

#[tokio::test]
async fn a_change_is_told_with_its_message_and_its_place() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", 3, filled);
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    let cursor = post.store.folders(FIRST).await.unwrap().remove(0);
    let (office, desk) = (&post.settings.office, post.desk(FIRST));
    let source = Source { office, desk, cursor, role: FolderRole::Inbox, lease: None };
    let tagged = FlagSet::new(["VigieTransmis"]);
    // of two answers about one message the last counts; one about an unknown message is passed over
    let flags = vec![(2, FlagSet::new(["old"])), (77, tagged.clone()), (2, tagged.clone())];
    let shown = Shown { flags, gone: vec![1, 99] };
    let told = observe(&post.store, &source, &shown, clock::now()).await.unwrap();
    let changes: Vec<_> = told.iter().map(|s| (s.message.0, s.place.uid, s.change.clone())).collect();
    let flagged = SeenChange::Flags { before: FlagSet::default(), now: tagged };
    assert_eq!(changes, [(2, 2, flagged), (1, 1, SeenChange::Gone { flags: FlagSet::default() })]);
    assert_eq!((told[0].place.folder.as_str(), told[0].place.mailbox.as_str()), ("INBOX", FIRST));
    assert!(observe(&post.store, &source, &shown, clock::now()).await.unwrap().is_empty(), "no news twice");
}
