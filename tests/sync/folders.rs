//! Which folders are read, and what a message is in each.

use vigie::daemon::folders::choose;
use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;

use crate::request;
use crate::support::dovecot::{Dovecot, MailFolder, Options};
use crate::support::house::PAN;
use crate::support::post::{FIRST, Post, USERS};

async fn chosen(post: &Post, folders: &[&str]) -> Vec<(String, FolderRole)> {
    let mut settings = post.settings.mailbox(FIRST).unwrap().clone();
    settings.folders = folders.iter().map(|name| (*name).to_owned()).collect();
    let listed = post.line(FIRST).await.session.list().await.unwrap();
    choose(&settings, &listed).into_iter().map(|folder| (folder.name, folder.role)).collect()
}

#[tokio::test]
async fn folders_are_found_by_their_use_and_by_pattern() {
    let dovecot = Dovecot::start(&USERS);
    for name in ["Traités", "Traités/2025", "Traités/2026", "Autre"] {
        dovecot.create(PAN, name);
    }
    let post = Post::at(dovecot.imap_port).await;
    let mut found = chosen(&post, &["Traités/*"]).await;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("INBOX", FolderRole::Inbox),
        ("Indésirables", FolderRole::Junk),
        ("Traités/2025", FolderRole::Other),
        ("Traités/2026", FolderRole::Other),
        ("Éléments envoyés", FolderRole::Sent),
    ];
    assert_eq!(found, expected.map(|(name, role)| (name.to_owned(), role)));
    let all = chosen(&post, &["*"]).await;
    assert!(!all.iter().any(|(name, _)| name == "Brouillons" || name == "Corbeille"), "{all:?}");
    assert_eq!(all.iter().filter(|(name, _)| name == "INBOX").count(), 1);
}

#[tokio::test]
async fn junk_is_known_by_its_usual_names_where_the_server_says_nothing() {
    let folders = ["Courrier indésirable", "Junk E-mail", "Messages envoyés"].map(MailFolder::plain).to_vec();
    let dovecot = Dovecot::start_with(&USERS, Options { folders, ..Options::default() });
    let post = Post::at(dovecot.imap_port).await;
    let found = chosen(&post, &[]).await;
    assert_eq!(found.iter().filter(|(_, role)| *role == FolderRole::Junk).count(), 2, "{found:?}");
    assert_eq!(found.iter().filter(|(_, role)| *role == FolderRole::Sent).count(), 1, "{found:?}");
}

#[tokio::test]
async fn human_mail_in_junk_is_shown_and_becomes_a_request_when_an_agent_moves_it_out() {
    let dovecot = Dovecot::start(&USERS);
    let mut client = dovecot.imap(PAN);
    client.append("Indésirables", &request("human"), None, "");
    let post = Post::at(dovecot.imap_port).await;
    let junk = || post.pass(FIRST, "Indésirables", FolderRole::Junk, Pass::Glance);
    junk().await;
    let shown = post.recorded().await;
    assert_eq!((shown[0].1.as_str(), shown[0].3.as_str()), ("spam", "none"), "{shown:?}");
    client.select("Indésirables");
    client.ok("UID MOVE 1 INBOX");
    for _ in 0..2 {
        post.glance().await;
        junk().await;
        let recorded = post.recorded().await;
        assert_eq!(recorded.len(), 2, "{recorded:?}");
        assert_eq!((recorded[1].1.as_str(), recorded[1].2, recorded[1].3.as_str()), ("request", 1, "send"));
        assert_eq!(post.lying().await, [("INBOX".to_owned(), 1, 2)]);
        assert_eq!(post.queued().await, 1);
        dovecot.doveadm(&["mailbox", "update", "--uid-validity", "11", "-u", PAN, "INBOX"]);
    }
}

#[tokio::test]
async fn a_requester_s_further_message_in_junk_is_flagged_and_never_acknowledged() {
    let dovecot = Dovecot::start(&USERS);
    let mut client = dovecot.imap(PAN);
    let head = "From: alice@example.org\r\nSubject: Demande\r\nDate: Mon, 23 Nov 2026 08:00:00 +0100\r\n";
    client.append("INBOX", format!("{head}To: {PAN}\r\nMessage-ID: <a1@x>\r\n\r\nA").as_bytes(), None, "");
    let reply = "From: pan <pref-pan@prefecture.example.org>\r\nTo: alice@example.org\r\nMessage-ID: <r1@x>\r\n\
         In-Reply-To: <a1@x>\r\nSubject: Re: Demande\r\n\r\nR";
    client.append("Éléments envoyés", reply.as_bytes(), None, "\\Seen");
    let again = format!("{head}To: {PAN}\r\nMessage-ID: <a2@x>\r\nReferences: <a1@x> <r1@x>\r\n\r\nB");
    client.append("Indésirables", again.as_bytes(), None, "");
    let post = Post::at(dovecot.imap_port).await;
    post.glance().await;
    post.pass(FIRST, "Éléments envoyés", FolderRole::Sent, Pass::Glance).await;
    post.pass(FIRST, "Indésirables", FolderRole::Junk, Pass::Glance).await;
    let recorded = post.recorded().await;
    assert_eq!((recorded[2].1.as_str(), recorded[2].3.as_str()), ("request_again", "withhold"), "{recorded:?}");
    let requests = post.store.list_requests(&vigie::store::RequestFilter::default()).await.unwrap();
    assert_eq!(requests.iter().map(|line| line.request.flagged).collect::<Vec<_>>(), [false, true]);
}
