//! Servers that refuse, fall silent, hang up, or answer what no server should.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie::imap::{Error, HeaderQueue, Known, Session, SpecialUse, UidRange};

use crate::script::{Scripted, Step, dialogue, examined, hear, logged_in, say, tagged};

/// Every command of a session, by the name that its command line starts with.
const COMMANDS: [&str; 8] =
    ["LIST", "EXAMINE", "UID SEARCH", "UID FETCH 1:*", "UID FETCH 5", "UID FETCH 1:3", "APPEND", "IDLE"];

/// Runs one of [`COMMANDS`].
async fn run(session: &mut Session, command: &str) -> Result<(), Error> {
    match command {
        "LIST" => session.list().await.map(drop),
        "EXAMINE" => session.examine("Traités", None).await.map(drop),
        "UID SEARCH" => session.uids().await.map(drop),
        "UID FETCH 1:*" => session.flags(UidRange::ALL, None).await.map(drop),
        "UID FETCH 5" => session.fetch_start(5, 1000).await.map(drop),
        "UID FETCH 1:3" => session.fetch_slice(&mut HeaderQueue::new(1..=3), |_| {}).await.map(drop),
        "APPEND" => session.append("INBOX", &["\\Seen"], b"x").await.map(drop),
        "IDLE" => session.idle(Duration::from_secs(5), &CancellationToken::new()).await.map(drop),
        other => panic!("{other} is not in the list"),
    }
}

#[tokio::test]
async fn tells_the_servers_words_when_it_refuses_a_command_and_goes_on() {
    for command in COMMANDS {
        // a refused FETCH of headers is not an error but narrowed; see the tests of poison
        if command == "UID FETCH 1:3" {
            continue;
        }
        for answer in ["NO [INUSE] Mailbox is locked", "BAD What?"] {
            let server = Scripted::one(dialogue([
                examined("IDLE", 3),
                vec![hear(command), tagged(answer), hear("UID SEARCH ALL"), say("* SEARCH 1 2 3"), tagged("OK")],
            ]))
            .await;
            let mut session = server.inbox().await;
            let error = run(&mut session, command).await.unwrap_err();
            let (_, text) = answer.split_once(' ').unwrap();
            assert!(error.to_string().contains(text), "{command}: {error}");
            assert!(error.leaves_session_usable(), "{command}: {error}");
            let names_a_folder = ["EXAMINE", "APPEND"].contains(&command);
            assert_eq!(error.is_temporary(), !(names_a_folder && answer.starts_with("BAD")), "{command}: {error}");
            assert_eq!(session.uids().await.unwrap(), [1, 2, 3], "{command}");
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn takes_a_good_bye_and_an_end_of_file_for_errors_in_every_command() {
    for command in COMMANDS {
        for last in [Some("* BYE Server shutting down"), Some("* 3 EXISTS"), None] {
            let mut steps = examined("IDLE", 3);
            steps.push(hear(command));
            steps.extend(last.map(say));
            let server = Scripted::one(steps).await;
            let mut session = server.inbox().await;
            let error = run(&mut session, command).await.unwrap_err();
            match last {
                Some(bye) if bye.contains("BYE") => assert!(matches!(error, Error::Bye { .. }), "{command}: {error}"),
                _ => assert!(matches!(error, Error::Closed { .. }), "{command}: {error}"),
            }
            assert!(error.is_temporary());
            let again = run(&mut session, command).await.unwrap_err();
            assert!(matches!(again, Error::Abandoned { .. }), "{command}: {again}");
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn gives_up_a_mute_server_at_the_deadline_and_never_uses_the_session_again() {
    for command in COMMANDS {
        let server = Scripted::one(dialogue([examined("IDLE", 3), vec![hear(command), Step::Hang]])).await;
        let mut session = server.inbox().await;
        let error = run(&mut session, command).await.unwrap_err();
        assert!(matches!(error, Error::Deadline { .. }) && error.is_temporary(), "{command}: {error}");
        assert!(matches!(run(&mut session, "UID SEARCH").await, Err(Error::Abandoned { .. })), "{command}");
        drop(session);
        server.finish().await;
    }
}

#[tokio::test]
async fn takes_an_end_of_file_inside_a_literal_for_an_error() {
    let cut = "* 5 FETCH (UID 5 BODY[]<0> {1000}\r\nReceived: from";
    let server = Scripted::one(dialogue([examined("", 5), vec![hear("UID FETCH 5"), Step::Raw(cut.into())]])).await;
    let error = server.inbox().await.fetch_start(5, 1000).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}

#[tokio::test]
async fn refuses_to_go_on_after_a_command_that_was_dropped_in_its_middle() {
    let server = Scripted::one(dialogue([examined("", 5), vec![hear("UID SEARCH"), Step::Hang]])).await;
    let mut session = server.inbox().await;
    assert!(tokio::time::timeout(Duration::from_millis(50), session.uids()).await.is_err());
    assert!(matches!(session.uids().await, Err(Error::Abandoned { .. })));
}

#[tokio::test]
async fn reads_odd_lists() {
    let server = Scripted::one(dialogue([
        logged_in("SPECIAL-USE LIST-EXTENDED"),
        vec![
            hear("LIST \"\" \"*\" RETURN (SPECIAL-USE)"),
            say(r#"* LIST (\HasNoChildren \Sent) "/" "&AMk-l&AOk-ments envoy&AOk-s""#),
            say(r#"* LIST () NIL "A&B""#),
            say("* LIST (\\NoSelect) \"\\\\\" {9}\r\nBoite \"x\""),
            say(r#"* LIST () "." INBOX"#),
            say("* 12 EXISTS"),
            tagged("OK"),
        ],
        vec![hear("EXAMINE \"A&B\""), say("* OK [UIDVALIDITY 1]"), tagged("OK")],
        vec![hear("EXAMINE \"R&-D\""), say("* OK [UIDVALIDITY 1]"), tagged("OK")],
    ]))
    .await;
    let mut session = server.connect().await.unwrap();
    let folders = session.list().await.unwrap();
    let names: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["Éléments envoyés", "A&B", "Boite \"x\"", "INBOX"]);
    assert_eq!(folders[0].special_use, Some(SpecialUse::Sent));
    assert_eq!(folders[1].delimiter, None);
    assert_eq!(folders[2].delimiter, Some('\\'));
    assert!(!folders[2].is_selectable());
    session.examine("A&B", None).await.unwrap();
    session.examine("R&D", None).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn lists_plainly_where_the_extended_list_is_refused() {
    let server = Scripted::one(dialogue([
        logged_in("SPECIAL-USE LIST-EXTENDED"),
        vec![hear("LIST \"\" \"*\" RETURN"), tagged("BAD Syntax"), hear("LIST \"\" \"*\""), tagged("OK")],
    ]))
    .await;
    assert!(server.connect().await.unwrap().list().await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn accepts_a_uidvalidity_of_zero_and_refuses_a_folder_without_one() {
    let server = Scripted::one(dialogue([
        logged_in(""),
        vec![hear("EXAMINE"), say("* 0 EXISTS"), say("* OK [UIDVALIDITY 0]"), tagged("OK")],
        vec![hear("EXAMINE"), say("* 0 EXISTS"), tagged("OK")],
    ]))
    .await;
    let mut session = server.connect().await.unwrap();
    let selected = session.examine("INBOX", None).await.unwrap();
    assert_eq!((selected.uidvalidity, selected.uidnext, selected.highestmodseq), (0, None, None));
    let error = session.examine("INBOX", None).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { item: "UIDVALIDITY", .. }), "{error}");
}

#[tokio::test]
async fn forgets_what_was_said_of_the_folder_that_qresync_closes() {
    let server = Scripted::one(dialogue([
        logged_in("ENABLE QRESYNC"),
        vec![hear("ENABLE QRESYNC"), say("* ENABLED QRESYNC"), tagged("OK")],
        vec![
            hear("EXAMINE \"INBOX\" (QRESYNC (7 90))"),
            say("* VANISHED 1:3"),
            say("* OK [CLOSED] Previous mailbox closed."),
            say("* 2 EXISTS"),
            say("* OK [UIDVALIDITY 7]"),
            say("* OK [HIGHESTMODSEQ 99]"),
            say("* VANISHED (EARLIER) 5:6,9"),
            say("* 1 FETCH (UID 4 FLAGS (\\Answered) MODSEQ (98))"),
            tagged("OK"),
        ],
    ]))
    .await;
    let mut session = server.connect().await.unwrap();
    let selected = session.examine("INBOX", Some(Known { uidvalidity: 7, highestmodseq: 90 })).await.unwrap();
    assert_eq!(selected.vanished, [UidRange::new(5, 6), UidRange::new(9, 9)]);
    assert_eq!(selected.changed.len(), 1);
    assert!(selected.resynchronised && selected.changed[0].1.answered);
    assert_eq!(selected.highestmodseq, Some(99));
}

#[tokio::test]
async fn refuses_to_take_a_search_without_an_answer_for_an_empty_folder() {
    let server = Scripted::one(dialogue([examined("", 3), vec![hear("UID SEARCH ALL"), tagged("OK")]])).await;
    let error = server.inbox().await.uids().await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { .. }), "{error}");
}

#[tokio::test]
async fn asks_for_the_uids_of_a_large_folder_in_slices_up_to_its_end() {
    let server = Scripted::one(dialogue([
        logged_in(""),
        vec![
            hear("EXAMINE"),
            say("* 50000 EXISTS"),
            say("* OK [UIDVALIDITY 7]"),
            say("* OK [UIDNEXT 50001]"),
            tagged("OK"),
        ],
        vec![hear("UID SEARCH UID 1:20000"), say("* SEARCH 2 1"), tagged("OK")],
        vec![hear("UID SEARCH UID 20001:*"), say("* SEARCH 60000 60005 19999"), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    assert_eq!(session.uids().await.unwrap(), [1, 2, 60000, 60005]);
    server.finish().await;
}

#[tokio::test]
async fn refuses_to_read_more_of_a_message_than_its_limit() {
    let server = Scripted::one(dialogue([
        examined("", 3),
        vec![hear("UID FETCH 2 (UID BODY.PEEK[]<0.10>)"), tagged("OK")],
        vec![hear("UID FETCH 2"), say("* 2 FETCH (UID 2 BODY[]<0> {3}\r\nabc)"), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    assert!(matches!(session.fetch_start(2, u32::MAX).await, Err(Error::TooMuch { .. })));
    assert_eq!(session.fetch_start(2, 10).await.unwrap(), None);
    assert_eq!(session.fetch_start(2, 10).await.unwrap().as_deref(), Some(&b"abc"[..]));
}

#[tokio::test]
async fn appends_past_news_of_other_messages_and_tells_where() {
    let server = Scripted::one(dialogue([
        examined("UIDPLUS", 3),
        vec![
            hear("APPEND \"Trait&AOk-s\" (\\Seen) {5}"),
            say("* 4 EXISTS"),
            say("+ OK"),
            Step::Octets(7),
            tagged("OK [APPENDUID 38505 3955] done"),
            hear("APPEND \"Nulle part\" () {5}"),
            tagged("NO [TRYCREATE] No such mailbox"),
            hear("UID SEARCH"),
            say("* SEARCH 1"),
            tagged("OK"),
        ],
    ]))
    .await;
    let mut session = server.inbox().await;
    assert_eq!(session.append("Traités", &["\\Seen"], b"a\r\nbc").await.unwrap(), Some((38505, 3955)));
    let error = session.append("Nulle part", &[], b"a\r\nbc").await.unwrap_err();
    assert!(matches!(&error, Error::FolderMissing { name, .. } if name == "Nulle part"), "{error}");
    session.uids().await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn survives_a_line_on_which_the_parser_panics() {
    // imap-proto 0.17 cuts the text after a code at its second octet, which is inside "é"
    let server =
        Scripted::one(dialogue([examined("", 2), vec![hear("UID SEARCH"), say("* OK [ALERT]é"), Step::Hang]])).await;
    let error = server.inbox().await.uids().await.unwrap_err();
    assert!(matches!(error, Error::Unparsable { .. }), "{error}");
}

#[tokio::test]
async fn never_shows_the_line_that_it_cannot_read() {
    let line = "* 1 FETCH (UID 1 ENVELOPE ((Confidentiel bob@example.org)))";
    let server = Scripted::one(dialogue([examined("", 2), vec![hear("UID FETCH"), say(line), Step::Hang]])).await;
    let error = server.inbox().await.flags(UidRange::ALL, None).await.unwrap_err();
    assert!(matches!(error, Error::Unparsable { .. }), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("Confidentiel") && !shown.contains("bob@"), "{shown}");
}
