//! The test servers themselves: each one starts, does what the other tests ask of it, and goes away.

mod support;

use std::process::Command;

use support::dovecot::{Dovecot, Filled, MailFolder, Options};
use support::imap::Client;
use support::postfix::{self, Postfix};
use support::postgres::Postgres;
use support::process::{PATIENCE, Process, text, wait_until};
use support::sink::{self, Plan, Protection, Sink, Stage};
use support::smtp;
use support::tls::Authority;

const PAN: &str = "pref-pan@ain.example.org";
const MAIL: &[u8] = b"From: Alice <alice@example.org>\r\nTo: pref-pan@ain.example.org\r\nSubject: Titre\r\n\
    Message-ID: <a1@example.org>\r\n\r\nBonjour\r\n.\r\nfin\r\n";

#[test]
fn dovecot_delivers_appends_and_shows_messages() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    dovecot.deliver(PAN, MAIL);
    let date = chrono::DateTime::parse_from_rfc3339("2026-05-07T16:50:00+02:00").unwrap();
    let status = dovecot.append(PAN, "Éléments envoyés", MAIL, Some(date), "\\Seen");
    assert!(status.contains("APPENDUID"), "{status}");
    let delivered = dovecot.messages(PAN, "INBOX");
    assert_eq!(delivered.len(), 1);
    assert!(text(&delivered[0]).contains("\r\nBonjour\r\n.\r\nfin\r\n"), "{}", text(&delivered[0]));
    let mut imap = dovecot.imap(PAN);
    imap.select("Éléments envoyés");
    let said = imap.say("UID FETCH 1:* (INTERNALDATE FLAGS)");
    assert!(said.contains("7-May-2026 16:50:00 +0200") || said.contains("7-May-2026 14:50:00 +0000"), "{said}");
    assert!(said.contains("\\Seen"), "{said}");
    assert!(
        imap.say("LIST \"\" \"*\" RETURN (SPECIAL-USE)").contains("\\Sent) \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"")
    );
}

#[test]
fn dovecot_speaks_tls_under_its_authority_and_no_other() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    let mut imap = Client::login_tls(dovecot.imaps_port, &dovecot.ca_file, PAN, "secret");
    assert!(imap.say("NOOP").ends_with("completed (0.001 + 0.000 secs).") || imap.say("NOOP").contains("OK"));
    let other = Authority::new().write(&std::env::temp_dir().join(format!("vigie-other-{}", std::process::id())));
    let refused = std::panic::catch_unwind(|| Client::login_tls(dovecot.imaps_port, &other.ca, PAN, "secret"));
    std::fs::remove_dir_all(other.ca.parent().unwrap()).unwrap();
    assert!(refused.is_err(), "a certificate of another authority was accepted");
}

#[test]
fn dovecot_withdraws_the_capabilities_named() {
    let usual = Dovecot::start(&[(PAN, "secret")]);
    let said = usual.imap(PAN).say("CAPABILITY");
    assert!(said.contains(" QRESYNC") && said.contains(" IDLE") && said.contains("SPECIAL-USE"), "{said}");
    let options = Options { without: vec!["CONDSTORE", "QRESYNC", "IDLE"], ..Options::default() };
    let poor = Dovecot::start_with(&[(PAN, "secret")], options);
    let said = poor.imap(PAN).say("CAPABILITY");
    assert!(said.contains("UIDPLUS"), "{said}");
    for word in ["CONDSTORE", "QRESYNC", "IDLE"] {
        assert!(!said.contains(word), "{word} is still offered: {said}");
    }
}

#[test]
fn dovecot_is_filled_in_order_with_dates_and_flags() {
    let options = Options { folders: vec![MailFolder::plain("Traités")], separator: '.', ..Options::default() };
    let mut dovecot = Dovecot::start_with(&[(PAN, "secret")], options);
    for folder in ["INBOX", "Traités"] {
        dovecot.fill(PAN, folder, 2_000, |number| Filled {
            bytes: format!("Message-ID: <{number}@example.org>\r\nSubject: {number}\r\n\r\n{number}\r\n").into_bytes(),
            internal_date: 1_778_000_000 + number,
            flags: if number == 1_999 { "S" } else { "" },
        });
        let messages = dovecot.messages(PAN, folder);
        assert_eq!(messages.len(), 2_000);
        assert!(messages.iter().enumerate().all(|(n, message)| text(message).ends_with(&format!("\r\n\r\n{n}\r\n"))));
        let mut imap = dovecot.imap(PAN);
        imap.select(folder);
        let said = imap.say("UID FETCH 2000 (FLAGS INTERNALDATE)");
        assert!(said.contains("05-May-2026 17:26:39 +0000") && said.contains("\\Seen"), "{said}");
    }
}

#[test]
fn dovecot_comes_back_on_the_same_ports_with_its_mail() {
    let mut dovecot = Dovecot::start(&[(PAN, "secret")]);
    dovecot.deliver(PAN, MAIL);
    let port = dovecot.imap_port;
    dovecot.restart();
    assert_eq!(dovecot.messages(PAN, "INBOX").len(), 1);
    dovecot.kill();
    // The system closes the ports of the killed sessions one by one.
    let refused = || std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
    assert!(wait_until(PATIENCE, refused), "it still listens");
    dovecot.start_again();
    assert_eq!((dovecot.imap_port, dovecot.messages(PAN, "INBOX").len()), (port, 1));
}

#[test]
fn dovecot_limits_the_connections_of_an_account() {
    let options = Options { max_connections: 2, ..Options::default() };
    let dovecot = Dovecot::start_with(&[(PAN, "secret")], options);
    let held = (dovecot.imap(PAN), dovecot.imap(PAN));
    assert!(std::panic::catch_unwind(|| dovecot.imap(PAN)).is_err(), "a third connection was let in");
    drop(held);
}

#[test]
fn dovecot_forgets_an_old_password() {
    let mut dovecot = Dovecot::start(&[(PAN, "secret")]);
    dovecot.set_password(PAN, "nouveau");
    let port = dovecot.imap_port;
    assert!(std::panic::catch_unwind(|| Client::login(port, PAN, "secret")).is_err(), "the old password works");
    drop(dovecot.imap(PAN));
}

#[test]
fn dovecot_leaves_nothing_behind() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    let (pid, port) = (dovecot.pid(), dovecot.imap_port);
    let folder = dovecot.ca_file.parent().unwrap().to_owned();
    drop(dovecot);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

#[test]
fn postfix_carries_submitted_mail_to_dovecot_and_to_the_rest_of_the_world() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    let sink = Sink::start();
    let postfix = Postfix::start(&dovecot, &sink);
    let mut submission = smtp::Client::connect_starttls(postfix.submission_port, &postfix.ca_file);
    submission.expect("EHLO essai.example.org", "250");
    submission.expect("MAIL FROM:<>", "250");
    submission.expect("RCPT TO:<alice@example.org>", "554");
    submission.expect("RSET", "250");
    assert!(submission.authenticate(PAN, "faux").starts_with("535"));
    assert!(submission.authenticate(PAN, "secret").starts_with("235"));
    assert!(submission.send("", PAN, MAIL).starts_with("250"));
    assert!(submission.send(PAN, "alice@example.org", MAIL).starts_with("250"));
    let mails = sink.wait_for(1);
    assert_eq!(
        (mails[0].sender.as_str(), mails[0].recipients.as_slice()),
        (PAN, &["alice@example.org".to_owned()][..])
    );
    assert!(mails[0].text().ends_with("\r\nBonjour\r\n.\r\nfin\r\n"), "{}", mails[0].text());
    assert!(wait_until(PATIENCE, || dovecot.messages(PAN, "INBOX").len() == 1), "{}", postfix.maillog());
    assert!(text(&dovecot.messages(PAN, "INBOX")[0]).starts_with("Return-Path: <>\r\n"));
    let mut submissions = smtp::Client::connect_tls(postfix.submissions_port, &postfix.ca_file);
    submissions.expect("EHLO essai.example.org", "250");
    assert!(submissions.authenticate(PAN, "secret").starts_with("235"));
}

#[test]
fn postfix_tries_again_after_a_temporary_refusal_and_bounces_a_final_one() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    let sink = Sink::start();
    let postfix = Postfix::start(&dovecot, &sink);
    sink.plan([Plan::Say(Stage::Rcpt, "451 4.7.1 Revenez"), Plan::Accept, Plan::Say(Stage::Rcpt, "550 5.1.1 Inconnu")]);
    postfix.deliver(PAN, "alice@example.org", MAIL);
    assert_eq!(sink.wait_for(1).len(), 1);
    postfix.deliver(PAN, "personne@example.org", MAIL);
    assert!(wait_until(PATIENCE, || dovecot.messages(PAN, "INBOX").len() == 1), "{}", postfix.maillog());
    let bounce = text(&dovecot.messages(PAN, "INBOX")[0]);
    assert!(bounce.contains("Final-Recipient: rfc822; personne@example.org"), "{bounce}");
    postfix.wait_for_log("status=bounced");
    assert!(postfix.queue().contains("Mail queue is empty"), "{}", postfix.queue());
}

#[test]
fn postfix_refuses_the_null_sender_when_told_so() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    let sink = Sink::start();
    let options = postfix::Options { refuse_null_sender: true, ..postfix::Options::default() };
    let mut postfix = Postfix::start_with(&dovecot, &sink, &options);
    postfix.stop();
    postfix.start_again();
    let mut submission = smtp::Client::connect_tls(postfix.submissions_port, &postfix.ca_file);
    submission.expect("EHLO essai.example.org", "250");
    assert!(submission.authenticate(PAN, "secret").starts_with("235"));
    submission.expect("MAIL FROM:<>", "250");
    submission.expect("RCPT TO:<alice@example.org>", "554");
    submission.expect("RSET", "250");
    assert!(submission.send(PAN, "alice@example.org", MAIL).starts_with("250"));
}

#[test]
fn sink_does_what_its_plan_says() {
    let sink = Sink::start();
    sink.plan([
        Plan::Say(Stage::Mail, "421 4.3.2 Arrêt"),
        Plan::Say(Stage::Body, "452 4.3.1 Plein"),
        Plan::KeepThenCut,
        Plan::Cut(Stage::Data),
    ]);
    let mut first = smtp::Client::connect(sink.port);
    first.expect("MAIL FROM:<a@example.org>", "421");
    let mut second = smtp::Client::connect(sink.port);
    assert!(second.send("", "b@example.org", MAIL).starts_with("452"));
    assert!(sink.mails().is_empty());
    let cut = |port| std::panic::catch_unwind(|| smtp::Client::connect(port).send("", "b@example.org", MAIL)).is_err();
    assert!(cut(sink.port), "the final dot was answered");
    assert_eq!(sink.take().len(), 1);
    assert!(cut(sink.port), "DATA was answered");
    assert!(sink.remaining_plan().is_empty());
    sink.always(Some(Plan::Say(Stage::Rcpt, "550 5.1.1 Inconnu")));
    let mut third = smtp::Client::connect(sink.port);
    for _ in 0..2 {
        third.expect("MAIL FROM:<> BODY=8BITMIME", "250");
        third.expect("RCPT TO:<b@example.org>", "550");
        third.expect("DATA", "503");
    }
    sink.always(None);
    assert!(third.send("", "b@example.org", MAIL).starts_with("250"));
    assert_eq!(sink.mails()[0].bytes, MAIL);
    assert_eq!(sink.connections(), 5);
}

#[test]
fn sink_demands_tls_and_its_account_when_told_so() {
    let account = Some((PAN.to_owned(), "secret".to_owned()));
    let options = sink::Options {
        protection: Protection::StartTls,
        account,
        without: vec!["SMTPUTF8"],
        ..sink::Options::default()
    };
    let sink = Sink::start_with(options);
    let mut clear = smtp::Client::connect(sink.port);
    let said = clear.expect("EHLO essai.example.org", "250");
    assert!(said.contains("STARTTLS") && !said.contains("AUTH") && !said.contains("SMTPUTF8"), "{said}");
    clear.expect("MAIL FROM:<>", "530");
    let folder = tempfile::tempdir().unwrap();
    let ca_file = sink.authority.as_ref().unwrap().write(folder.path()).ca;
    let mut client = smtp::Client::connect_starttls(sink.port, &ca_file);
    client.expect("EHLO essai.example.org", "250");
    client.expect("MAIL FROM:<>", "530");
    assert!(client.authenticate(PAN, "faux").starts_with("535"));
    assert!(client.authenticate(PAN, "secret").starts_with("235"));
    assert!(client.send("", "b@example.org", MAIL).starts_with("250"));
    assert_eq!(sink.mails()[0].login.as_deref(), Some(PAN));
}

#[test]
fn postgres_gives_each_test_an_empty_database() {
    let (first, second) = (Postgres::database(), Postgres::database());
    assert_ne!(first, second);
    assert_eq!(first.rsplit_once('/').unwrap().0, second.rsplit_once('/').unwrap().0, "two servers");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tables: i64 = runtime.block_on(async {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(&first).await.unwrap();
        sqlx::query("CREATE TABLE t (n BIGINT NOT NULL)").execute(&mut connection).await.unwrap();
        let mut connection = sqlx::PgConnection::connect(&second).await.unwrap();
        let count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
        sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
    });
    assert_eq!(tables, 0);
}

#[test]
fn postgres_comes_back_on_the_same_port_with_its_data() {
    let mut postgres = Postgres::start();
    let url = postgres.create_database();
    postgres.psql(&url, "CREATE TABLE t (n BIGINT NOT NULL); INSERT INTO t VALUES (7)");
    postgres.stop();
    postgres.start_again();
    postgres.kill();
    postgres.start_again();
    assert_eq!(postgres.psql(&url, "SELECT n FROM t").trim(), "7");
}

#[test]
fn a_server_ends_when_its_test_is_killed() {
    const VICTIM: &str = "VIGIE_LAB_VICTIM";
    if std::env::var_os(VICTIM).is_some() {
        let server = Process::start(Command::new("sleep").arg("600"), "TERM", None).unwrap();
        println!("server {} of a test that dies", server.pid());
        std::process::abort();
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "a_server_ends_when_its_test_is_killed", "--nocapture"]).env(VICTIM, "1");
    let said = text(&again.output().unwrap().stdout);
    let (_, rest) = said.split_once("server ").unwrap_or_else(|| panic!("{said}"));
    let stat = format!("/proc/{}/stat", rest.split_whitespace().next().unwrap());
    let gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    assert!(wait_until(PATIENCE, gone), "{said}");
}
