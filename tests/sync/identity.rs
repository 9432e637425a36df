//! A message is the one it was wherever it goes: (UIDVALIDITY, UID) locates, it never identifies.

use chrono::{DateTime, FixedOffset};
use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;

use crate::support::dovecot::Dovecot;
use crate::support::house::{ETR, PAN};
use crate::support::post::{FIRST, Post, SECOND, USERS};
use crate::{nameless, request};

/// A folder of the agents.
const FILED: &str = "Traités";

fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

/// A mailbox with one message, two equal ones without Message-ID, and a copy of the first; all read.
async fn scene() -> (Dovecot, Post) {
    let dovecot = Dovecot::start(&USERS);
    dovecot.create(PAN, FILED);
    let mut client = dovecot.imap(PAN);
    let second = instant("2026-11-20T10:00:00+01:00");
    let (named, twin) = (request("a"), nameless("twin"));
    for (bytes, date) in [(&named, None), (&twin, Some(second)), (&twin, Some(second)), (&named, None)] {
        client.append("INBOX", bytes, date, "");
    }
    let post = Post::at(dovecot.imap_port).await;
    let first = post.glance().await;
    assert_eq!((first.ingested.recorded, first.ingested.opened), (4, 3));
    post.pass(FIRST, FILED, FolderRole::Other, Pass::Glance).await;
    (dovecot, post)
}

async fn filed(post: &Post) {
    post.pass(FIRST, FILED, FolderRole::Other, Pass::Glance).await;
}

/// The folder was read anew and everything in it is what it was.
async fn unchanged(post: &Post, places: &[(&str, i64, i64)]) {
    let recorded = post.recorded().await;
    let verdicts: Vec<&str> = recorded.iter().map(|row| row.1.as_str()).collect();
    assert_eq!(verdicts, ["request", "request", "request", "duplicate"], "{recorded:?}");
    let lying = post.lying().await;
    let lying: Vec<(&str, i64, i64)> = lying.iter().map(|(name, uid, id)| (name.as_str(), *uid, *id)).collect();
    assert_eq!(lying, places);
    assert_eq!(post.queued().await, 1, "one acknowledgement, to the one that is recent");
    assert_eq!(post.glance().await.new, 0);
    post.verify().await;
}

#[tokio::test]
async fn another_uidvalidity_brings_neither_request_nor_hole() {
    let (dovecot, post) = scene().await;
    dovecot.doveadm(&["mailbox", "update", "--uid-validity", "7", "-u", PAN, "INBOX"]);
    let passed = post.glance().await;
    assert_eq!((passed.new, passed.ingested.moved), (4, 4));
    unchanged(&post, &[("INBOX", 1, 1), ("INBOX", 2, 2), ("INBOX", 3, 3), ("INBOX", 4, 4)]).await;
    let gone = post.places().await.into_iter().filter(|place| !place.5).count();
    assert_eq!(gone, 4, "the old places are kept as empty");
}

#[tokio::test]
async fn a_message_moved_out_and_back_lies_at_one_place() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    client.select("INBOX");
    client.ok("UID MOVE 1:2 \"Trait&AOk-s\"");
    post.glance().await;
    filed(&post).await;
    unchanged(&post, &[("INBOX", 3, 3), ("INBOX", 4, 4), (FILED, 1, 1), (FILED, 2, 2)]).await;
    client.select(FILED);
    client.ok("UID MOVE 1:2 INBOX");
    post.glance().await;
    filed(&post).await;
    unchanged(&post, &[("INBOX", 3, 3), ("INBOX", 4, 4), ("INBOX", 5, 1), ("INBOX", 6, 2)]).await;
}

#[tokio::test]
async fn a_message_moved_out_and_back_between_two_glances_is_no_other() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    client.select("INBOX");
    client.ok("UID MOVE 2 \"Trait&AOk-s\"");
    client.select(FILED);
    client.ok("UID MOVE 1 INBOX");
    let passed = post.glance().await;
    assert_eq!((passed.gone, passed.ingested.moved, passed.ingested.recorded), (1, 1, 0));
    unchanged(&post, &[("INBOX", 1, 1), ("INBOX", 3, 3), ("INBOX", 4, 4), ("INBOX", 5, 2)]).await;
}

#[tokio::test]
async fn a_copy_in_another_folder_is_the_same_message_at_two_places() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    client.select("INBOX");
    client.ok("UID COPY 1 \"Trait&AOk-s\"");
    post.glance().await;
    filed(&post).await;
    let all = [("INBOX", 1, 1), ("INBOX", 2, 2), ("INBOX", 3, 3), ("INBOX", 4, 4), (FILED, 1, 1)];
    unchanged(&post, &all).await;
}

#[tokio::test]
async fn a_mail_client_that_uploads_an_old_message_again_opens_nothing() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    let bytes = client.messages("INBOX").remove(0);
    client.select("INBOX");
    client.ok("UID STORE 1 +FLAGS (\\Deleted)");
    client.ok("UID EXPUNGE 1");
    post.glance().await;
    client.append("INBOX", &bytes, Some(instant("2026-11-23T08:00:00+01:00")), "\\Seen");
    let passed = post.glance().await;
    assert_eq!((passed.ingested.moved, passed.ingested.opened), (1, 0));
    unchanged(&post, &[("INBOX", 2, 2), ("INBOX", 3, 3), ("INBOX", 4, 4), ("INBOX", 5, 1)]).await;
}

#[tokio::test]
async fn a_folder_deleted_and_made_again_keeps_what_its_messages_were() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    let messages = client.messages("INBOX");
    client.select("INBOX");
    client.ok("UID MOVE 1:4 \"Trait&AOk-s\"");
    post.glance().await;
    filed(&post).await;
    client.ok("DELETE \"Trait&AOk-s\"");
    dovecot.create(PAN, FILED);
    let second = instant("2026-11-20T10:00:00+01:00");
    for bytes in &messages {
        client.append(FILED, bytes, Some(second), "");
    }
    filed(&post).await;
    unchanged(&post, &[(FILED, 1, 1), (FILED, 2, 2), (FILED, 3, 3), (FILED, 4, 4)]).await;
}

#[tokio::test]
async fn a_backup_restored_in_place_hides_no_message() {
    let (dovecot, post) = scene().await;
    let mut client = dovecot.imap(PAN);
    client.append(FILED, &request("b"), None, "");
    client.append(FILED, &request("c"), None, "");
    filed(&post).await;
    let status = client.say("STATUS \"Trait&AOk-s\" (UIDVALIDITY)");
    let validity: String =
        status.split("UIDVALIDITY ").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
    client.ok("DELETE \"Trait&AOk-s\"");
    dovecot.create(PAN, FILED);
    dovecot.doveadm(&["mailbox", "update", "--uid-validity", &validity, "-u", PAN, FILED]);
    client.append(FILED, &request("d"), None, "");
    let passed = post.pass(FIRST, FILED, FolderRole::Other, Pass::Glance).await;
    assert_eq!((passed.new, passed.ingested.opened), (1, 1));
    let lying = post.lying().await;
    assert_eq!(lying.last().unwrap(), &(FILED.to_owned(), 1, 7), "UID 1 is another message now: {lying:?}");
}

#[tokio::test]
async fn one_message_in_two_mailboxes_is_one_request_and_two_receipts() {
    let dovecot = Dovecot::start(&USERS);
    let bytes = request("a");
    dovecot.append(PAN, "INBOX", &bytes, None, "");
    dovecot.append(ETR, "INBOX", &bytes, None, "");
    let post = Post::at(dovecot.imap_port).await;
    for _ in 0..2 {
        for mailbox in [FIRST, SECOND] {
            post.pass(mailbox, "INBOX", FolderRole::Inbox, Pass::Whole).await;
        }
        let recorded = post.recorded().await;
        assert_eq!(
            recorded.iter().map(|row| (row.1.as_str(), row.2)).collect::<Vec<_>>(),
            [("request", 1), ("duplicate", 1)]
        );
        assert_eq!(post.queued().await, 1);
        assert_eq!(post.lying().await.len(), 2);
        dovecot.doveadm(&["mailbox", "update", "--uid-validity", "9", "-u", ETR, "INBOX"]);
    }
}

#[tokio::test]
async fn our_own_copy_of_what_we_sent_to_another_mailbox_hides_nothing_there() {
    for sent_first in [true, false] {
        let dovecot = Dovecot::start(&USERS);
        let bytes = format!(
            "From: Accueil <{PAN}>\r\nTo: {ETR}\r\nMessage-ID: <between@prefecture.example.org>\r\n\
             Date: Mon, 23 Nov 2026 08:00:00 +0100\r\nSubject: Dossier de Mme X\r\n\r\n"
        );
        dovecot.append(PAN, "Éléments envoyés", bytes.as_bytes(), None, "\\Seen");
        dovecot.append(ETR, "INBOX", bytes.as_bytes(), None, "");
        let mut post = Post::at(dovecot.imap_port).await;
        for policy in &mut post.settings.office.mailboxes {
            policy.internal_opens_request = policy.name == SECOND;
        }
        let places = [(FIRST, "Éléments envoyés", FolderRole::Sent), (SECOND, "INBOX", FolderRole::Inbox)];
        let order = if sent_first { [0, 1] } else { [1, 0] };
        for (mailbox, folder, role) in order.map(|at| places[at]) {
            post.pass(mailbox, folder, role, Pass::Whole).await;
        }
        let recorded = post.recorded().await;
        let opened = recorded.iter().filter(|row| row.1 == "request").count();
        assert_eq!(opened, 1, "our copy read first: {sent_first}: {recorded:?}");
    }
}
