//! Servers that refuse, fall silent, hang up, or say what no server should.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie::imap::{
    Credentials, Endpoint, Error, Fetched, HeaderQueue, IdleEnd, Known, Security, Session, SpecialUse, UidRange,
    connect,
};

use crate::script::{Scripted, Step, dialogue, examined, hear, logged_in, message, patience, say, tagged, tls};

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
            assert_eq!(error.is_temporary(), answer.starts_with("NO"), "{command}: {error}");
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
async fn says_what_a_greeting_of_bye_says() {
    let server = Scripted::one(vec![say("* BYE Too many connections")]).await;
    let error = server.connect().await.unwrap_err();
    assert!(matches!(error, Error::Greeting { .. }) && error.is_temporary());
    assert!(error.to_string().contains("Too many connections"), "{error}");
}

#[tokio::test]
async fn takes_a_server_of_another_protocol_for_one_that_cannot_be_read() {
    let server = Scripted::one(vec![say("220 smtp.example.org ESMTP"), Step::Hang]).await;
    let error = server.connect().await.unwrap_err();
    assert!(matches!(error, Error::Unparsable { .. }), "{error}");
    assert!(!error.to_string().contains("ESMTP"), "what cannot be read is not repeated: {error}");
}

#[tokio::test]
async fn does_not_log_in_where_the_server_says_that_we_are() {
    let server = Scripted::one(vec![
        say("* PREAUTH welcome"),
        hear("CAPABILITY"),
        say("* CAPABILITY IMAP4rev1 IDLE"),
        tagged("OK"),
        hear("LOGOUT"),
        say("* BYE"),
        tagged("OK"),
    ])
    .await;
    let session = server.connect().await.unwrap();
    assert!(session.capabilities().idle());
    session.logout().await;
    server.finish().await;
}

#[tokio::test]
async fn never_logs_in_on_a_line_that_starttls_was_to_protect() {
    for greeting in ["* PREAUTH welcome", "* OK ready"] {
        let mut steps = vec![say(greeting)];
        if greeting.contains("OK") {
            steps.extend([hear("STARTTLS"), tagged("BAD unknown command")]);
        }
        steps.push(Step::Hang);
        let server = Scripted::one(steps).await;
        let endpoint = Endpoint { security: Security::StartTls, ..server.endpoint() };
        let error = connect(&endpoint, &Credentials::password("bob", "hunter2"), &tls(), patience()).await.unwrap_err();
        assert!(matches!(error, Error::StartTls { .. }) && !error.is_temporary(), "{error}");
    }
}

#[tokio::test]
async fn refuses_clear_text_towards_another_machine() {
    let endpoint = Endpoint { host: "192.0.2.1".to_owned(), port: 143, security: Security::Plain, ca_file: None };
    let error = connect(&endpoint, &Credentials::password("bob", "x"), &tls(), patience()).await.unwrap_err();
    assert!(matches!(error, Error::PlainRefused { .. }), "{error}");
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let port = Scripted::one(vec![]).await.port;
    // the scripted server closed nothing yet: take a port that was free a moment ago instead
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_ne!(port, free);
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: free, security: Security::Plain, ca_file: None };
    let error = connect(&endpoint, &Credentials::password("bob", "x"), &tls(), patience()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }) && error.is_temporary(), "{error}");
}

#[tokio::test]
async fn quotes_a_password_of_quotes_backslashes_and_spaces() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1] ready"),
        hear(r#"LOGIN "agent.-.balf" "a \"b\" \\c""#),
        tagged("OK [CAPABILITY IMAP4rev1] in"),
    ])
    .await;
    server.connect_as(&Credentials::password("agent.-.balf", r#"a "b" \c"#)).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn says_a_password_with_accents_in_utf8() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready"),
        hear("AUTHENTICATE PLAIN"),
        say("+ "),
        Step::Line("AGJvYgDDqXTDqQ==".to_owned()),
        tagged("OK [CAPABILITY IMAP4rev1] in"),
    ])
    .await;
    server.connect_as(&Credentials::password("bob", "été")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn sends_a_password_with_accents_as_a_literal_where_nothing_else_is_offered() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1] ready"),
        hear("LOGIN \"bob\" {5}"),
        say("+ go on"),
        Step::Octets(7),
        tagged("OK [CAPABILITY IMAP4rev1] in"),
    ])
    .await;
    server.connect_as(&Credentials::password("bob", "été")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn sends_no_password_where_the_server_disables_login() {
    let server = Scripted::one(vec![say("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready"), Step::Hang]).await;
    let error = server.connect().await.unwrap_err();
    assert!(matches!(error, Error::NoMechanism { .. }) && error.is_authentication(), "{error}");
}

#[tokio::test]
async fn logs_in_with_a_token_by_the_mechanism_that_is_offered() {
    let xoauth2 = "AUTHENTICATE XOAUTH2 dXNlcj1ib2IBYXV0aD1CZWFyZXIgdG9rZW4BAQ==";
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] ready"),
        hear(xoauth2),
        tagged("OK [CAPABILITY IMAP4rev1] in"),
    ])
    .await;
    server.connect_as(&Credentials::bearer("bob", "token")).await.unwrap();
    server.finish().await;

    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] ready"),
        hear("AUTHENTICATE OAUTHBEARER"),
        say("+"),
        Step::Line("bixhPWJvYiwBYXV0aD1CZWFyZXIgdG9rZW4BAQ==".to_owned()),
        tagged("OK [CAPABILITY IMAP4rev1] in"),
    ])
    .await;
    server.connect_as(&Credentials::bearer("bob", "token")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn answers_the_reasons_of_a_refused_token_and_says_that_the_login_failed() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready"),
        hear("AUTHENTICATE XOAUTH2 "),
        say("+ eyJzdGF0dXMiOiI0MDAifQ=="),
        Step::Line(String::new()),
        tagged("NO AUTHENTICATE failed."),
    ])
    .await;
    let error = server.connect_as(&Credentials::bearer("bob", "token")).await.unwrap_err();
    assert!(error.is_authentication() && !error.is_temporary(), "{error}");
    server.finish().await;
}

#[tokio::test]
async fn never_repeats_a_password_that_the_server_repeats() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1] ready"),
        hear("LOGIN"),
        tagged("BAD invalid command: LOGIN bob hunter2"),
    ])
    .await;
    let credentials = Credentials::password("bob", "hunter2");
    let error = server.connect_as(&credentials).await.unwrap_err();
    for shown in [error.to_string(), format!("{error:?}"), format!("{credentials:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn tries_again_later_a_login_that_an_overloaded_server_refuses() {
    let server = Scripted::one(vec![
        say("* OK [CAPABILITY IMAP4rev1] ready"),
        hear("LOGIN"),
        tagged("BAD User is authenticated but not connected."),
    ])
    .await;
    let error = server.connect().await.unwrap_err();
    assert!(error.is_temporary() && !error.is_authentication(), "{error}");
}

#[tokio::test]
async fn goes_on_where_the_server_refuses_courtesies() {
    let server = Scripted::one(dialogue([
        logged_in("ID ENABLE QRESYNC CONDSTORE"),
        vec![
            hear("ID ("),
            tagged("NO go away"),
            hear("ENABLE QRESYNC"),
            tagged("BAD no"),
            hear("EXAMINE \"INBOX\" (CONDSTORE)"),
        ],
        vec![say("* OK [UIDVALIDITY 3]"), tagged("OK")],
    ]))
    .await;
    let mut session = server.connect().await.unwrap();
    let known = Known { uidvalidity: 3, highestmodseq: 8 };
    let selected = session.examine("INBOX", Some(known)).await.unwrap();
    assert!(!selected.resynchronised);
    server.finish().await;
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

/// Fetches `uids` with a connection for each dialogue, as the daemon would; messages received, poison, and the rest.
async fn fetch_all(server: &Scripted, uids: std::ops::RangeInclusive<u32>) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let (mut received, mut poisoned) = (Vec::new(), Vec::new());
    let mut queue = HeaderQueue::new(uids);
    while !queue.is_done() {
        let mut session = server.inbox().await;
        let outcome = session
            .fetch_headers(&mut queue, |fetched| match fetched {
                Fetched::Message { uid, header, .. } => {
                    assert_eq!(header, format!("Subject: n{uid:03}\r\n").into_bytes());
                    received.push(uid);
                }
                Fetched::Poison { uid, .. } => poisoned.push(uid),
            })
            .await;
        if let Err(error) = outcome {
            assert!(error.is_temporary(), "{error}");
        }
    }
    (received, poisoned, queue.report().missing.clone())
}

#[tokio::test]
async fn isolates_a_message_whose_answer_cannot_be_read() {
    for poison in [
        // a value in two levels of brackets, a date that makes the parser panic, and an octet that no grammar has
        &b"* 3 FETCH (UID 3 FLAGS ((Seen)) RFC822.SIZE 3)"[..],
        b"* 3 FETCH (UID 3 INTERNALDATE NIL BODY[HEADER]<0> {0}\r\n)",
        b"* 3 FETCH \0",
    ] {
        let first = vec![hear("UID FETCH 1:5 "), message(1), message(2), say(poison), message(4), Step::Hang];
        let alone = vec![hear("UID FETCH 3 "), say(poison), Step::Hang];
        let rest = vec![hear("UID FETCH 4:5 "), message(4), message(5), tagged("OK")];
        let server = Scripted::play(vec![
            dialogue([examined("", 5), first]),
            dialogue([examined("", 5), alone]),
            dialogue([examined("", 5), rest]),
        ])
        .await;
        let (received, poisoned, missing) = fetch_all(&server, 1..=5).await;
        assert_eq!((received, poisoned, missing), (vec![1, 2, 4, 5], vec![3], vec![]));
        server.finish().await;
    }
}

#[tokio::test]
async fn isolates_a_message_that_the_server_refuses_on_the_same_connection() {
    let server = Scripted::one(dialogue([
        examined("", 3),
        vec![hear("UID FETCH 1:3 "), message(1), tagged("NO [SERVERBUG] Internal error")],
        vec![hear("UID FETCH 2 "), tagged("NO [SERVERBUG] Internal error")],
        vec![hear("UID FETCH 3 "), message(3), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, _) = fetch_all(&server, 1..=3).await;
    assert_eq!((received, poisoned), (vec![1, 3], vec![2]));
    server.finish().await;
}

#[tokio::test]
async fn isolates_a_message_at_which_the_server_hangs_up_each_time() {
    let cut = || dialogue([examined("", 2), vec![hear("UID FETCH 1:2 ")]]);
    let alone = || dialogue([examined("", 2), vec![hear("UID FETCH 1 ")]]);
    let rest = dialogue([examined("", 2), vec![hear("UID FETCH 2 "), message(2), tagged("OK")]]);
    let server = Scripted::play(vec![cut(), cut(), cut(), alone(), alone(), alone(), rest]).await;
    let (received, poisoned, _) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, poisoned), (vec![2], vec![1]));
    server.finish().await;
}

#[tokio::test]
async fn reports_as_poison_a_message_without_a_date() {
    let undated = "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"yesterday\" RFC822.SIZE 3 BODY[HEADER]<0> {0}\r\n)";
    let server = Scripted::one(dialogue([
        examined("", 2),
        vec![hear("UID FETCH 1:2 "), say(undated), message(2), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, _) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, poisoned), (vec![2], vec![1]));
}

#[tokio::test]
async fn asks_again_for_messages_that_an_answer_leaves_out_and_then_reports_them_missing() {
    let server = Scripted::one(dialogue([
        examined("", 5),
        vec![hear("UID FETCH 1:5 "), message(1), message(5), message(9), tagged("OK")],
        vec![hear("UID FETCH 2:4 "), message(3), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, missing) = fetch_all(&server, 1..=5).await;
    assert_eq!((received, poisoned, missing), (vec![1, 5, 3], vec![], vec![2, 4]));
    server.finish().await;
}

#[tokio::test]
async fn does_not_take_another_sessions_change_of_flags_for_the_message() {
    let server = Scripted::one(dialogue([
        examined("", 2),
        vec![
            hear("UID FETCH 1:2 "),
            say("* 1 FETCH (UID 1 FLAGS (\\Seen))"),
            say("* 2 FETCH (FLAGS (\\Seen))"),
            message(1),
            message(2),
            message(1),
            tagged("OK"),
        ],
    ]))
    .await;
    let (received, _, missing) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, missing), (vec![1, 2], vec![]));
}

#[tokio::test]
async fn stops_rather_than_call_a_whole_mailbox_poison() {
    let mut steps = examined("", 200);
    steps.extend((0..1000).flat_map(|_| [hear("UID FETCH"), tagged("NO [SERVERBUG] Internal error")]));
    let server = Scripted::one(steps).await;
    let mut session = server.inbox().await;
    let mut queue = HeaderQueue::new(1..=200);
    let error = session.fetch_headers(&mut queue, |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(queue.report().poisoned.len(), 50);
    assert!(!queue.is_done());
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

/// Idles for a second in a folder of three messages on a server that plays `steps` from IDLE on.
async fn idle(steps: Vec<Step>) -> Result<IdleEnd, Error> {
    let server = Scripted::one(dialogue([examined("IDLE", 3), steps])).await;
    let mut session = server.inbox().await;
    let end = session.idle(Duration::from_secs(1), &CancellationToken::new()).await;
    if end.is_ok() {
        server.finish().await;
    }
    end
}

#[tokio::test]
async fn wakes_from_idle_on_a_change_and_not_on_a_keep_alive() {
    for news in ["* 4 EXISTS", "* 2 EXPUNGE", "* VANISHED 2", "* 2 FETCH (FLAGS (\\Answered))"] {
        let steps = vec![
            hear("IDLE"),
            say("+ idling"),
            say("* OK Still here"),
            say(news),
            Step::Line("DONE".to_owned()),
            tagged("OK"),
        ];
        assert_eq!(idle(steps).await.unwrap(), IdleEnd::Changed, "{news}");
    }
    let still =
        vec![hear("IDLE"), say("+ idling"), say("* OK Still here"), Step::Line("DONE".to_owned()), tagged("OK")];
    assert_eq!(idle(still).await.unwrap(), IdleEnd::Timeout);
}

#[tokio::test]
async fn ends_idle_when_asked_to_stop() {
    let server = Scripted::one(dialogue([
        examined("IDLE", 3),
        vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(session.idle(Duration::from_mins(1), &stop).await.unwrap(), IdleEnd::Stopped);
    server.finish().await;
}

#[tokio::test]
async fn takes_a_server_that_ends_idle_by_itself_for_a_change() {
    assert_eq!(idle(vec![hear("IDLE"), say("+"), tagged("OK too long")]).await.unwrap(), IdleEnd::Changed);
    assert_eq!(idle(vec![hear("IDLE"), tagged("OK")]).await.unwrap(), IdleEnd::Changed);
}

#[tokio::test]
async fn takes_every_other_end_of_idle_for_an_error() {
    let refused = idle(vec![hear("IDLE"), tagged("BAD")]).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let bye = idle(vec![hear("IDLE"), say("+"), say("* BYE Autologout")]).await.unwrap_err();
    assert!(matches!(bye, Error::Bye { .. }), "{bye}");
    let end_of_file = idle(vec![hear("IDLE"), say("+")]).await.unwrap_err();
    assert!(matches!(end_of_file, Error::Closed { .. }), "{end_of_file}");
    let half_open = idle(vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), Step::Hang]).await.unwrap_err();
    assert!(matches!(half_open, Error::Deadline { .. }), "{half_open}");
}

#[tokio::test]
async fn wakes_at_once_for_what_arrived_since_the_folder_was_read() {
    let server = Scripted::one(dialogue([
        examined("IDLE", 3),
        vec![hear("UID SEARCH"), say("* SEARCH 1 2 3"), say("* 4 EXISTS"), tagged("OK")],
        vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    session.uids().await.unwrap();
    let (wait, stop) = (Duration::from_millis(50), CancellationToken::new());
    assert_eq!(session.idle(wait, &stop).await.unwrap(), IdleEnd::Changed);
    assert_eq!(session.idle(wait, &stop).await.unwrap(), IdleEnd::Timeout, "said once, not for ever");
    server.finish().await;
}

#[tokio::test]
async fn does_not_idle_where_the_server_cannot() {
    let server = Scripted::one(examined("", 3)).await;
    let mut session = server.inbox().await;
    let error = session.idle(Duration::from_secs(1), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.leaves_session_usable(), "{error}");
}
