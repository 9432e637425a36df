//! Servers that are old, incomplete or wrong: whatever they do, each message is recorded once.

use vigie::daemon::folders::choose;
use vigie::daemon::sync::{Pass, Watched};
use vigie::domain::classify::FolderRole;
use vigie::imap::Deadlines;

use crate::request;
use crate::support::odd::{Message, Odd, Trouble};
use crate::support::post::{FIRST, Post, SECOND};

fn nameless(text: &str, received: bool) -> Vec<u8> {
    let stamp = if received { "Received: from a by mx.example.org; Tue, 24 Nov 2026 09:59:58 +0100\r\n" } else { "" };
    format!("{stamp}From: Usager <{text}@example.org>\r\nSubject: Demande\r\n\r\n").into_bytes()
}

fn verdicts(recorded: &[vigie::store::MessageLine]) -> Vec<&str> {
    recorded.iter().map(|line| line.verdict.as_str()).collect()
}

#[tokio::test]
async fn what_the_server_cannot_give_is_recorded_once_and_dated_by_what_it_says_of_it() {
    for trouble in [Trouble::Garbage, Trouble::Refusal, Trouble::Bye] {
        let server = Odd::start("").await;
        for uid in 1..=6 {
            server.arrive("INBOX", Message::new(uid, request(&format!("u{uid}"))));
        }
        server.folder("INBOX", |inbox| {
            inbox.messages[2].trouble = Some(trouble);
            inbox.messages[4].trouble = Some(trouble);
            inbox.messages[4].date = None;
        });
        let post = Post::at(server.port).await;
        let passed = post.glance().await;
        assert_eq!((passed.ingested.recorded, passed.ingested.opened), (6, 6), "{trouble:?}");
        let unreadable = post.rules("unreadable").await;
        assert_eq!(unreadable, ["internaldate", "observed"], "{trouble:?}");
        server.folder("INBOX", |inbox| inbox.uid_validity = 8);
        let passed = post.glance().await;
        assert_eq!((passed.ingested.recorded, passed.ingested.moved), (0, 6), "{trouble:?}");
        assert_eq!(post.lying().await.len(), 6);
        post.verify().await;
    }
}

#[tokio::test]
async fn a_date_that_cannot_be_read_costs_the_date_and_not_the_message() {
    let server = Odd::start("").await;
    server.arrive("INBOX", Message { trouble: Some(Trouble::Date), ..Message::new(1, nameless("a", true)) });
    server.arrive("INBOX", Message::new(2, request("u2")));
    let post = Post::at(server.port).await;
    assert_eq!(post.glance().await.ingested.opened, 2);
    assert_eq!(post.rules("request").await, ["received_header", "internaldate"]);
    post.verify().await;
}

#[tokio::test]
async fn what_two_mailboxes_cannot_read_is_two_messages() {
    let server = Odd::start("").await;
    let message = Message { trouble: Some(Trouble::Refusal), date: None, ..Message::new(1, request("u1")) };
    server.arrive("INBOX", message);
    let post = Post::at(server.port).await;
    for mailbox in [FIRST, SECOND] {
        let passed = post.pass(mailbox, "INBOX", FolderRole::Inbox, Pass::Scan).await;
        assert_eq!(passed.ingested.opened, 1, "{mailbox}");
    }
}

#[tokio::test]
async fn a_message_without_a_date_of_the_server_is_read_and_dated_by_its_received_header() {
    let server = Odd::start("").await;
    for (uid, date) in [(1, None), (2, Some("1-Jan-1970 00:00:00 +0000".to_owned()))] {
        server.arrive("INBOX", Message { date, ..Message::new(uid, nameless(&format!("a{uid}"), true)) });
    }
    let post = Post::at(server.port).await;
    assert_eq!(post.glance().await.ingested.opened, 2);
    assert_eq!(post.rules("request").await, ["received_header", "received_header"]);
    post.verify().await;
}

#[tokio::test]
async fn a_nameless_message_is_known_again_by_the_server_s_identifier_or_by_the_stamp_of_its_way() {
    for (capabilities, received) in [("OBJECTID", false), ("", true)] {
        let server = Odd::start(capabilities).await;
        server.arrive("INBOX", Message::new(1, nameless("a", received)));
        let post = Post::at(server.port).await;
        assert_eq!(post.glance().await.ingested.opened, 1);
        // a mail client puts it elsewhere and back, under another date
        server.folder("INBOX", |inbox| {
            let mut back = Message { uid: 2, ..inbox.messages.remove(0) };
            back.date = Some("24-Nov-2026 11:30:00 +0100".to_owned());
            inbox.messages.push(back);
            inbox.uid_next = Some(3);
        });
        let passed = post.glance().await;
        let counted = (passed.gone, passed.ingested.moved, passed.ingested.recorded);
        assert_eq!(counted, (1, 1, 0), "{capabilities:?} {received}");
        assert_eq!(post.lying().await, [("INBOX".to_owned(), 2, 1)]);
    }
}

#[tokio::test]
async fn an_identifier_that_the_server_gives_twice_hides_no_message() {
    let server = Odd::start("OBJECTID").await;
    for uid in 1..=2 {
        let email_id = "Msame".to_owned();
        server.arrive("INBOX", Message { email_id, ..Message::new(uid, request(&format!("u{uid}"))) });
    }
    let post = Post::at(server.port).await;
    assert_eq!(post.glance().await.ingested.opened, 2);
    server.folder("INBOX", |inbox| inbox.messages.clear());
    post.glance().await;
    let email_id = "Msame".to_owned();
    server.arrive("INBOX", Message { email_id, ..Message::new(3, request("another")) });
    assert_eq!(post.glance().await.ingested.opened, 1);
}

#[tokio::test]
async fn a_server_that_says_neither_uidvalidity_nor_uidnext_loses_nothing() {
    let server = Odd::start("").await;
    server.folder("INBOX", |inbox| (inbox.uid_validity, inbox.uid_next) = (0, None));
    let post = Post::at(server.port).await;
    for uid in [1, 5, 9] {
        server.arrive("INBOX", Message::new(uid, request(&format!("u{uid}"))));
        let passed = post.glance().await;
        assert_eq!((passed.ingested.recorded, passed.gone), (1, 0), "{passed:?}");
    }
    server.folder("INBOX", |inbox| drop(inbox.messages.remove(1)));
    assert_eq!(post.glance().await.gone, 1);
    assert_eq!(post.glance().await.new, 0);
}

#[tokio::test]
async fn a_good_bye_after_any_command_leaves_nothing_out() {
    // past the last command of two passes the server has no occasion left
    for after in 1..=14 {
        let server = Odd::start("").await;
        for uid in 1..=5 {
            server.arrive("INBOX", Message::new(uid, request(&format!("u{uid}"))));
        }
        let post = Post::at(server.port).await;
        server.settings().bye_after = Some(after);
        let inbox = Watched { name: "INBOX".to_owned(), role: FolderRole::Inbox };
        for _ in 0..4 {
            let Ok(mut line) = post.try_line(FIRST, None, Deadlines::default()).await else { continue };
            // a pass that fails is what is tried here: the next one makes up for it
            drop(post.reader(FIRST).pass(&mut line, &inbox, Pass::Scan).await);
        }
        let recorded = post.store.messages(&vigie::store::Listing::default()).await.unwrap();
        assert_eq!(verdicts(&recorded), ["request"; 5], "good-bye after {after} commands");
        assert_eq!(post.lying().await.len(), 5);
    }
}

#[tokio::test]
async fn what_other_sessions_do_meanwhile_confuses_nothing() {
    let server = Odd::start("").await;
    for uid in 1..=3 {
        server.arrive("INBOX", Message::new(uid, request(&format!("u{uid}"))));
    }
    server.settings().chatter = "* OK Still here\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n\
         * 1 FETCH (FLAGS () UID 1)\r\n* OK [PERMANENTFLAGS ()] none\r\n"
        .to_owned();
    let post = Post::at(server.port).await;
    assert_eq!(post.glance().await.ingested.opened, 3);
    assert_eq!(post.glance().await.new, 0);
}

#[tokio::test]
async fn folders_are_found_where_the_server_lists_them_oddly() {
    let server = Odd::start("").await;
    server.settings().list = [
        // Exchange: attributes that nobody asked for, a name in modified UTF-7
        "(\\HasNoChildren \\Marked) \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"",
        // UW-IMAP: no hierarchy; Courier: everything below INBOX
        "(\\NoInferiors \\UnMarked) NIL INBOX",
        "(\\HasNoChildren) \".\" INBOX.Sent",
        // a literal, a quote and a backslash in a name, raw UTF-8, a name in quotes that needs none
        "() \"/\" {16}\r\nCourrier \"Junk\" ",
        "(\\Noselect) \"/\" \"\"",
        "() \"\\\\\" \"Public\\\\Folders\"",
        "() \"/\" \"Éléments envoyés\"",
        "(\\HasNoChildren) \"/\" \"Courrier ind&AOk-sirable\"",
        // a name that is no modified UTF-7
        "() \"/\" \"R&D\"",
    ]
    .map(str::to_owned)
    .to_vec();
    let post = Post::at(server.port).await;
    let listed = post.line(FIRST).await.session.list().await.unwrap();
    let settings = post.settings.mailbox(FIRST).unwrap();
    let chosen: Vec<_> = choose(settings, &listed).into_iter().map(|folder| (folder.name, folder.role)).collect();
    let expected = [
        ("INBOX", FolderRole::Inbox),
        ("Éléments envoyés", FolderRole::Sent),
        ("INBOX.Sent", FolderRole::Sent),
        ("Courrier indésirable", FolderRole::Junk),
    ];
    assert_eq!(chosen, expected.map(|(name, role)| (name.to_owned(), role)), "{listed:?}");
    assert!(listed.iter().any(|folder| folder.name == "R&D"), "{listed:?}");
}

#[tokio::test]
async fn a_folder_is_opened_by_the_name_that_the_server_uses() {
    let server = Odd::start("").await;
    server.settings().list = vec!["() \"/\" INBOX".to_owned(), "() \"/\" \"R&D\"".to_owned()];
    server.folder("R&D", |folder| (folder.uid_validity, folder.uid_next) = (1, Some(1)));
    server.arrive("R&D", Message::new(1, request("u1")));
    let post = Post::at(server.port).await;
    let mut line = post.line(FIRST).await;
    line.session.list().await.unwrap();
    let folder = Watched { name: "R&D".to_owned(), role: FolderRole::Other };
    let passed = post.reader(FIRST).pass(&mut line, &folder, Pass::Scan).await.unwrap();
    assert_eq!(passed.ingested.recorded, 1);
}
