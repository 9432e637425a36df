//! Sessions with a real Dovecot.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use tokio_util::sync::CancellationToken;
use vigie::imap::{
    Credentials, Deadlines, Endpoint, Error, Fetched, Flags, HeaderQueue, IdleEnd, Known, Security, Session,
    SpecialUse, UidRange, connect, find_sent, tls_config,
};

use crate::support::dovecot::{Dovecot, Options};
use crate::support::tls::Authority;

/// The mailbox of these tests, and its password.
const PAN: (&str, &str) = ("pref-pan@example.org", "mot de passe");
/// A message with a header of three lines.
const MESSAGE: &[u8] =
    b"From: usager@example.org\r\nSubject: Bonjour\r\nMessage-ID: <a1@example.org>\r\n\r\nUne question.\r\n";

/// Where a server is, with TLS from the first byte.
fn endpoint(dovecot: &Dovecot) -> Endpoint {
    Endpoint {
        host: "localhost".to_owned(),
        port: dovecot.imaps_port,
        security: Security::Implicit,
        ca_file: Some(dovecot.ca_file.clone()),
    }
}

fn starttls(dovecot: &Dovecot) -> Endpoint {
    Endpoint { port: dovecot.imap_port, security: Security::StartTls, ..endpoint(dovecot) }
}

fn trust(ca_file: &Path) -> Arc<rustls::ClientConfig> {
    tls_config(Some(ca_file)).unwrap()
}

async fn log_in(endpoint: &Endpoint, ca_file: &Path, password: &str) -> Result<Session, Error> {
    connect(endpoint, &Credentials::password(PAN.0, password), &trust(ca_file), Deadlines::default()).await
}

async fn session(dovecot: &Dovecot) -> Session {
    log_in(&endpoint(dovecot), &dovecot.ca_file, PAN.1).await.unwrap()
}

/// The messages of the open folder.
async fn fetch(session: &mut Session) -> Vec<Fetched> {
    let mut queue = HeaderQueue::new(session.uids().await.unwrap());
    let mut fetched = Vec::new();
    session.fetch_headers(&mut queue, |one| fetched.push(one)).await.unwrap();
    fetched
}

fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

#[tokio::test]
async fn logs_in_by_implicit_tls_and_by_starttls() {
    let dovecot = Dovecot::start(&[PAN]);
    for endpoint in [endpoint(&dovecot), starttls(&dovecot)] {
        let mut session = log_in(&endpoint, &dovecot.ca_file, PAN.1).await.unwrap();
        let offered = session.capabilities();
        assert!(offered.idle() && offered.condstore() && offered.qresync() && offered.notify());
        assert!(offered.special_use() && offered.uidplus() && offered.r#move() && offered.namespace());
        assert!(!offered.objectid());
        assert_eq!(session.examine("INBOX", None).await.unwrap().exists, 0);
        session.logout().await;
    }
}

#[tokio::test]
async fn refuses_a_server_whose_authority_is_unknown_and_says_what_to_do() {
    let dovecot = Dovecot::start(&[PAN]);
    let folder = tempfile::tempdir().unwrap();
    // an authority of the same name with another key
    let namesake = tls_config(Some(&Authority::new().write(folder.path()).ca)).unwrap();
    let system = tls_config(None).unwrap();
    for (tls, said) in [(system, "authority unknown to this machine; give"), (namesake, "but not its signature; give")]
    {
        for endpoint in [endpoint(&dovecot), starttls(&dovecot)] {
            let credentials = Credentials::password(PAN.0, PAN.1);
            let error = connect(&endpoint, &credentials, &tls, Deadlines::default()).await.unwrap_err();
            assert!(matches!(error, Error::Tls { .. }) && !error.is_temporary(), "{error:?}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
    assert!(!dovecot.log().contains("Login"), "nothing was sent:\n{}", dovecot.log());
}

#[tokio::test]
async fn refuses_a_certificate_made_for_another_name() {
    let options = Options { authority: Authority::for_names(&["imap.elsewhere.example"]), ..Options::default() };
    let dovecot = Dovecot::start_with(&[PAN], options);
    let error = log_in(&endpoint(&dovecot), &dovecot.ca_file, PAN.1).await.unwrap_err();
    assert!(error.to_string().contains("made for another name"), "{error}");
}

#[tokio::test]
async fn says_that_the_port_speaks_no_tls() {
    let dovecot = Dovecot::start(&[PAN]);
    let wrong = Endpoint { port: dovecot.imap_port, ..endpoint(&dovecot) };
    let error = log_in(&wrong, &dovecot.ca_file, PAN.1).await.unwrap_err();
    assert!(error.to_string().contains("use STARTTLS"), "{error}");
}

#[test]
fn says_what_is_wrong_with_an_authority_file() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (path, said) in [(empty, "no certificate"), (folder.path().join("absent.pem"), "No such file")] {
        let error = tls_config(Some(&path)).unwrap_err();
        assert!(matches!(error, Error::CaFile { .. }));
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn tells_a_wrong_password_from_a_server_in_trouble() {
    let dovecot = Dovecot::start(&[PAN]);
    let error = log_in(&endpoint(&dovecot), &dovecot.ca_file, "wrong").await.unwrap_err();
    assert!(error.is_authentication() && !error.is_temporary(), "{error}");
    assert!(error.to_string().contains("AUTHENTICATIONFAILED"), "{error}");
}

#[tokio::test]
async fn logs_in_with_the_passwords_that_people_choose() {
    let odd = [
        ("quotes@example.org", r#"a "b" \ c"#),
        ("accents@example.org", "œuf à la coque"),
        ("star@example.org", "*(%{3}"),
    ];
    let dovecot = Dovecot::start(&odd);
    for (login, password) in odd {
        let credentials = Credentials::password(login, password);
        connect(&endpoint(&dovecot), &credentials, &trust(&dovecot.ca_file), Deadlines::default()).await.unwrap();
    }
}

#[tokio::test]
async fn says_which_folder_is_missing() {
    let dovecot = Dovecot::start(&[PAN]);
    let mut session = session(&dovecot).await;
    let error = session.examine("Boîte partagée/pref-pan", None).await.unwrap_err();
    assert!(matches!(error, Error::FolderMissing { .. }) && !error.is_temporary());
    assert!(error.to_string().contains("“Boîte partagée/pref-pan”"), "{error}");
    assert!(error.to_string().contains("localhost"), "{error}");
    session.examine("INBOX", None).await.unwrap();
}

#[tokio::test]
async fn opens_folders_by_their_names_in_unicode() {
    let names = ["Éléments envoyés", "R&D", "Boîte partagée/pref-pan", "📮", "a {3} % (b)"];
    let dovecot = Dovecot::start(&[PAN]);
    for name in names.into_iter().skip(1) {
        dovecot.create(PAN.0, name);
    }
    let mut session = session(&dovecot).await;
    let listed = session.list().await.unwrap();
    for name in names {
        let folder = listed.iter().find(|folder| folder.name == name).unwrap_or_else(|| panic!("{name} in {listed:?}"));
        assert_eq!(folder.delimiter, Some('/'));
        session.examine(name, None).await.unwrap();
    }
    let sent = find_sent(&listed);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].name.as_str(), sent[0].special_use), ("Éléments envoyés", Some(SpecialUse::Sent)));
    let parent = listed.iter().find(|folder| folder.name == "Boîte partagée").unwrap();
    assert!(!parent.is_selectable() || parent.attributes.iter().any(|own| own == "\\HasChildren"));
}

#[tokio::test]
async fn fetches_headers_with_the_servers_date_and_changes_nothing() {
    let dovecot = Dovecot::start(&[PAN]);
    let date = instant("2026-05-07T23:59:59+02:00");
    dovecot.append(PAN.0, "INBOX", MESSAGE, Some(date), "");
    dovecot.append(PAN.0, "INBOX", MESSAGE, Some(date), "\\Answered $Forwarded Vigie/Transmis");
    let mut session = session(&dovecot).await;
    session.examine("INBOX", None).await.unwrap();
    let fetched = fetch(&mut session).await;
    assert_eq!(fetched.len(), 2);
    for one in fetched {
        let Fetched::Message { uid, internal_date, size, flags, modseq, header, header_cut, .. } = one else {
            panic!("poison")
        };
        assert_eq!(internal_date, Some(date.with_timezone(&Utc)));
        assert_eq!(size, MESSAGE.len() as u64);
        assert!(modseq.is_some() && !header_cut);
        assert_eq!(header, MESSAGE.strip_suffix(b"Une question.\r\n").unwrap());
        assert!(!flags.seen && !flags.deleted);
        assert_eq!((flags.answered, flags.forwarded(), flags.has("Vigie/Transmis")), (uid == 2, uid == 2, uid == 2));
    }
    assert_eq!(session.fetch_start(1, 20).await.unwrap().as_deref(), MESSAGE.get(..20));
    let flags = session.flags(UidRange::ALL, None).await.unwrap();
    assert!(flags.iter().all(|(_, flags)| !flags.seen));
    session.logout().await;
    let reply = dovecot.imap(PAN.0).say("STATUS INBOX (UNSEEN)");
    assert!(reply.contains("UNSEEN 2"), "{reply}");
}

#[tokio::test]
async fn cuts_a_header_without_end() {
    let dovecot = Dovecot::start(&[PAN]);
    let mut long = b"Subject: long\r\n".to_vec();
    for number in 0..10_000 {
        long.extend_from_slice(format!("X-{number}: Lorem ipsum dolor sit amet\r\n").as_bytes());
    }
    long.extend_from_slice(b"\r\nbody\r\n");
    dovecot.append(PAN.0, "INBOX", &long, None, "");
    let mut session = session(&dovecot).await;
    session.examine("INBOX", None).await.unwrap();
    let [Fetched::Message { header, header_cut: true, size, .. }] = &fetch(&mut session).await[..] else {
        panic!("one cut message")
    };
    assert_eq!(header.len(), 128 * 1024);
    assert_eq!(*size, long.len() as u64);
}

#[tokio::test]
async fn wakes_from_idle_within_a_second_of_a_delivery() {
    let dovecot = Dovecot::start(&[PAN]);
    let mut session = session(&dovecot).await;
    session.examine("INBOX", None).await.unwrap();
    let stop = CancellationToken::new();
    let idling = tokio::spawn(async move {
        let end = session.idle(Duration::from_secs(30), &stop).await.unwrap();
        (session, end)
    });
    tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await.unwrap_err();
    assert!(!idling.is_finished());
    dovecot.deliver(PAN.0, MESSAGE);
    let woken = tokio::time::timeout(Duration::from_secs(1), idling).await.expect("within a second");
    let (mut session, end) = woken.unwrap();
    assert_eq!(end, IdleEnd::Changed);
    assert_eq!(session.uids().await.unwrap(), [1]);
    let stop = CancellationToken::new();
    assert_eq!(session.idle(Duration::from_millis(100), &stop).await.unwrap(), IdleEnd::Timeout);
    stop.cancel();
    assert_eq!(session.idle(Duration::from_secs(30), &stop).await.unwrap(), IdleEnd::Stopped);
    assert_eq!(session.uids().await.unwrap(), [1]);
}

#[tokio::test]
async fn learns_by_qresync_and_by_condstore_what_changed_since() {
    let dovecot = Dovecot::start(&[PAN]);
    for _ in 0..5 {
        dovecot.append(PAN.0, "INBOX", MESSAGE, None, "");
    }
    let mut session = session(&dovecot).await;
    let before = session.examine("INBOX", None).await.unwrap();
    let modseq = before.highestmodseq.unwrap();
    let mut agent = dovecot.imap(PAN.0);
    agent.select("INBOX");
    agent.ok("UID STORE 2 +FLAGS (\\Answered)");
    agent.ok("UID STORE 3:4 +FLAGS.SILENT (\\Deleted)");
    agent.ok("EXPUNGE");
    dovecot.deliver(PAN.0, MESSAGE);

    let known = Known { uidvalidity: before.uidvalidity, highestmodseq: modseq };
    let after = session.examine("INBOX", Some(known)).await.unwrap();
    assert!(after.resynchronised && after.uidvalidity == before.uidvalidity);
    assert!(after.highestmodseq.unwrap() > modseq);
    assert_eq!(after.vanished, [UidRange::new(3, 4)]);
    let changed: Vec<u32> = after.changed.iter().map(|(uid, _)| *uid).collect();
    assert_eq!(changed, [2, 6]);
    assert!(after.changed[0].1.answered);

    let answered = Flags { answered: true, ..Flags::default() };
    let since = session.flags(UidRange::new(1, 5), Some(modseq)).await.unwrap();
    assert_eq!(since, [(2, answered)]);
    assert_eq!(session.uids().await.unwrap(), [1, 2, 5, 6]);
}

#[tokio::test]
async fn sweeps_flags_where_the_server_keeps_no_modification_sequences() {
    let without = vec!["CONDSTORE", "QRESYNC", "SPECIAL-USE"];
    let dovecot = Dovecot::start_with(&[PAN], Options { without, ..Options::default() });
    dovecot.append(PAN.0, "INBOX", MESSAGE, None, "\\Seen");
    let mut session = session(&dovecot).await;
    assert!(!session.capabilities().condstore());
    let known = Known { uidvalidity: 1, highestmodseq: 1 };
    let selected = session.examine("INBOX", Some(known)).await.unwrap();
    assert!(!selected.resynchronised);
    let flags = session.flags(UidRange::ALL, Some(1)).await.unwrap();
    assert_eq!(flags, [(1, Flags { seen: true, ..Flags::default() })]);
    let [Fetched::Message { modseq: None, .. }] = &fetch(&mut session).await[..] else { panic!("one message") };
    assert_eq!(find_sent(&session.list().await.unwrap())[0].name, "Éléments envoyés");
}

#[tokio::test]
async fn appends_a_message_and_knows_where() {
    let dovecot = Dovecot::start(&[PAN]);
    let mut session = session(&dovecot).await;
    let selected = session.examine("Éléments envoyés", None).await.unwrap();
    let place = session.append("Éléments envoyés", &["\\Seen"], MESSAGE).await.unwrap();
    assert_eq!(place, Some((selected.uidvalidity, 1)));
    assert_eq!(dovecot.messages(PAN.0, "Éléments envoyés"), [MESSAGE]);
    let error = session.append("Absent", &[], MESSAGE).await.unwrap_err();
    assert!(matches!(error, Error::FolderMissing { .. }), "{error}");
}

#[tokio::test]
async fn notices_a_restart_in_idle_and_a_freeze_in_a_command() {
    let mut dovecot = Dovecot::start(&[PAN]);
    let mut session = session(&dovecot).await;
    session.examine("INBOX", None).await.unwrap();
    let idling =
        tokio::spawn(
            async move { session.idle(Duration::from_secs(30), &CancellationToken::new()).await.map(|_| session) },
        );
    tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await.unwrap_err();
    dovecot.stop();
    let error = tokio::time::timeout(Duration::from_secs(5), idling).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, Error::Bye { .. } | Error::Closed { .. }) && error.is_temporary(), "{error}");
    let refused = log_in(&endpoint(&dovecot), &dovecot.ca_file, PAN.1).await.unwrap_err();
    assert!(matches!(refused, Error::Connect { .. }) && refused.is_temporary(), "{refused}");

    dovecot.start_again();
    let deadlines = Deadlines { response: Duration::from_millis(500), ..Deadlines::default() };
    let credentials = Credentials::password(PAN.0, PAN.1);
    let mut session = connect(&endpoint(&dovecot), &credentials, &trust(&dovecot.ca_file), deadlines).await.unwrap();
    session.examine("INBOX", None).await.unwrap();
    dovecot.freeze();
    let late = session.uids().await.unwrap_err();
    dovecot.thaw();
    assert!(matches!(late, Error::Deadline { .. }), "{late}");
    assert!(matches!(session.uids().await, Err(Error::Abandoned { .. })));
}

#[tokio::test]
async fn tells_of_another_folder_while_waiting_on_the_inbox() {
    let dovecot = Dovecot::start(&[PAN]);
    let mut session = session(&dovecot).await;
    let others = ["Éléments envoyés".to_owned(), "Indésirables".to_owned(), "Corbeille".to_owned()];
    session.examine("INBOX", None).await.unwrap();
    assert!(session.notify(&others).await.unwrap() && session.is_notified());
    let stop = CancellationToken::new();
    let mut client = dovecot.imap(PAN.0);
    for (folder, command) in [
        ("Éléments envoyés", None),
        ("INBOX", None),
        ("Éléments envoyés", Some("UID STORE 1 +FLAGS (\\Answered)")),
        ("Éléments envoyés", Some("UID MOVE 1 Corbeille")),
    ] {
        let happens = async {
            match command {
                None => drop(client.append(folder, MESSAGE, None, "")),
                Some(command) => {
                    client.select(folder);
                    client.ok(command);
                }
            }
        };
        let (end, ()) = tokio::join!(session.idle(Duration::from_secs(20), &stop), happens);
        assert_eq!(end.unwrap(), IdleEnd::Changed, "{folder} {command:?}");
        session.examine("INBOX", None).await.unwrap();
        // what was told of one change may come in two pieces: all of it is heard before the next
        while session.idle(Duration::from_millis(700), &stop).await.unwrap() == IdleEnd::Changed {
            session.examine("INBOX", None).await.unwrap();
        }
    }
    session.logout().await;
}

#[tokio::test]
async fn does_without_news_of_other_folders_where_the_server_tells_none() {
    let dovecot = Dovecot::start_with(&[PAN], Options { without: vec!["NOTIFY"], ..Options::default() });
    let mut session = session(&dovecot).await;
    assert!(!session.notify(&["Corbeille".to_owned()]).await.unwrap());
    assert!(!session.is_notified());
}
