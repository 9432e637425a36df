//! The ladder: what a server offers decides how little is asked, never what is found.

use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;

use crate::request;
use crate::support::dovecot::{Dovecot, Filled, Options};
use crate::support::house::PAN;
use crate::support::imap::Client;
use crate::support::post::{FIRST, Post, USERS};

/// Messages that lie in the folder at first.
const FEW: u64 = 40;

fn filled(n: u64) -> Filled {
    Filled { bytes: request(&format!("u{n}")), internal_date: 1_772_528_400 + n, flags: "S" }
}

/// Arrivals, flags and disappearances in an inbox, on one rung; the client is logged in to it.
pub(super) async fn climb_down(port: u16, mut client: Client, asks_vanished: bool) {
    for n in 0..FEW {
        client.append("INBOX", &request(&format!("u{n}")), None, "\\Seen");
    }
    let post = Post::at(port).await;
    let first = post.glance().await;
    assert!(first.compared && first.ingested.recorded == 40, "{first:?}");
    let quiet = post.glance().await;
    assert!(!quiet.compared && quiet.new == 0 && quiet.gone == 0, "{quiet:?}");
    client.append("INBOX", &request("new"), None, "");
    let arrival = post.glance().await;
    assert!(!arrival.compared && arrival.ingested.recorded == 1, "{arrival:?}");
    client.select("INBOX");
    client.ok("UID STORE 3,7 +FLAGS (\\Deleted)");
    let flagged = post.glance().await;
    assert!(!flagged.compared && flagged.gone == 0, "flags change nothing: {flagged:?}");
    client.ok("UID EXPUNGE 3,7");
    client.append("INBOX", &request("newer"), None, "");
    let both = post.glance().await;
    assert_eq!((both.gone, both.ingested.recorded, both.compared), (2, 1, !asks_vanished), "{both:?}");
    assert!(!post.glance().await.compared);
    assert_eq!(post.recorded().await.len(), 42);
    assert_eq!(post.lying().await.len(), 40);
}

async fn on_dovecot(without: Vec<&'static str>, asks_vanished: bool) {
    let dovecot = Dovecot::start_with(&USERS, Options { without, ..Options::default() });
    climb_down(dovecot.imap_port, dovecot.imap(PAN), asks_vanished).await;
}

#[tokio::test]
async fn with_qresync_only_what_changed_is_asked() {
    on_dovecot(vec![], true).await;
}

#[tokio::test]
async fn with_condstore_only_a_disappearance_is_compared() {
    on_dovecot(vec!["QRESYNC"], false).await;
}

#[tokio::test]
async fn without_either_the_counts_say_whether_to_compare() {
    on_dovecot(vec!["QRESYNC", "CONDSTORE"], false).await;
}

#[tokio::test]
async fn the_whole_comparison_finds_what_the_counts_hide() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", 5, filled);
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    post.tamper("UPDATE location SET uid = 4000 WHERE uid = 2").await;
    let scan = post.pass(FIRST, "INBOX", FolderRole::Inbox, Pass::Scan).await;
    assert_eq!((scan.new, scan.gone), (0, 0));
    let whole = post.pass(FIRST, "INBOX", FolderRole::Inbox, Pass::Whole).await;
    assert_eq!((whole.new, whole.gone, whole.ingested.recorded), (1, 1, 0));
}

#[tokio::test]
async fn a_huge_leap_of_uids_costs_nothing() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", 3, filled);
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    dovecot.doveadm(&["mailbox", "update", "--min-next-uid", "4000000000", "-u", PAN, "INBOX"]);
    dovecot.append(PAN, "INBOX", &request("far"), None, "");
    let passed = post.glance().await;
    assert!(!passed.compared && passed.ingested.recorded == 1, "{passed:?}");
    assert_eq!(post.lying().await.last().unwrap().1, 4_000_000_000);
}
