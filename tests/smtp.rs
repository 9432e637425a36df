//! The submission of mails: what is known after each way in which a relay can answer, hang, or hang up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene must fail at once, at the line that could not"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use support::dovecot::Dovecot;
use support::postfix::{self, Postfix};
use support::process::{PATIENCE, text, wait_until};
use support::sink::{self, Plan, Protection, Sink, Stage as At};
use support::tls::Authority;
use tokio_util::sync::CancellationToken;
use vigie::domain::address::Address;
use vigie::smtp::{
    Deadlines, Error, Login, Outcome, Relay, SecretKind, Security, Sender, Stage, Submission, probe, submit,
};

const MAIL: &[u8] = b"From: pref-pan@ain.example.org\r\nTo: alice@example.org\r\nSubject: Titre\r\n\
    Message-ID: <a1@example.org>\r\n\r\nBonjour\r\n.\r\n..fin\r\n";
const PAN: &str = "pref-pan@ain.example.org";
/// Larger than what the two sockets hold, so that a relay that stops reading is felt.
const LARGE: usize = 32 * 1024 * 1024;

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// Deadlines that a healthy loopback never reaches, and that a hanging relay reaches soon.
fn short() -> Deadlines {
    let soon = Duration::from_millis(700);
    Deadlines {
        connect: soon,
        greeting: soon,
        hello: soon,
        tls: Duration::from_secs(5),
        auth: soon,
        mail: soon,
        recipient: soon,
        data: soon,
        body: soon,
        verdict: soon,
        farewell: soon,
    }
}

/// A relay in clear that must answer at once.
fn relay(port: u16) -> Relay {
    Relay {
        host: "localhost".to_owned(),
        port,
        security: Security::Plain,
        ca_file: None,
        login: None,
        hello_name: Some("vigie.ain.example.org".to_owned()),
        deadlines: short(),
    }
}

/// The same with the deadlines that vigie ships, where no deadline is tried.
fn patient(relay: Relay) -> Relay {
    Relay { deadlines: Deadlines::default(), ..relay }
}

fn login(user: &str, secret: &str) -> Login {
    Login { user: user.to_owned(), secret: secret.to_owned().into(), kind: SecretKind::Password }
}

async fn send(relay: &Relay, recipients: &[&str]) -> Outcome {
    send_bytes(relay, recipients, MAIL).await
}

async fn send_bytes(relay: &Relay, recipients: &[&str], bytes: &[u8]) -> Outcome {
    let recipients: Vec<Address> = recipients.iter().map(|recipient| address(recipient)).collect();
    submit(relay, Submission { reverse_path: None, recipients: &recipients, bytes }).await
}

/// What a refusal says, in one comparable piece: whether it is temporary, its code, its step.
fn refusal(outcome: &Outcome) -> (bool, Option<u16>, Stage) {
    match outcome {
        Outcome::Refused { temporary, code, stage, .. } => (*temporary, *code, *stage),
        other => panic!("refused, not {other:?}"),
    }
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown { .. })
}

fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

// ---- a relay that says exactly what it is told ----

/// A relay for one connection: greets, then for each step waits for a line that begins so, and says the given octets.
/// The step `.` waits for the final dot. Past the last step it reads to the end. Gives back all it has read.
fn scripted(greeting: &'static [u8], steps: Vec<(&'static str, &'static [u8])>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        drop(listener);
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut heard = String::new();
        stream.write_all(greeting).expect("greeting");
        for (awaited, reply) in steps {
            loop {
                let mut line = Vec::new();
                let size = reader.read_until(b'\n', &mut line).unwrap_or(0);
                let line = text(&line);
                heard.push_str(&line);
                if size == 0 {
                    return heard;
                }
                if (awaited == "." && line == ".\r\n") || (awaited != "." && line.starts_with(awaited)) {
                    break;
                }
            }
            if stream.write_all(reply).is_err() {
                return heard;
            }
        }
        let mut rest = Vec::new();
        // A client that resets the connection has said all it had to say.
        let _ = reader.read_to_end(&mut rest);
        heard + &text(&rest)
    });
    (port, thread)
}

const HELLO: (&str, &[u8]) = ("EHLO", b"250-essai\r\n250 8BITMIME\r\n");
const OK: &[u8] = b"250 ok\r\n";

/// A relay that takes the envelope, then reads `octets` of the message and does no more; it hangs up unless `stay`.
fn stops_reading(octets: usize, stay: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        stream.write_all(b"220 essai\r\n").expect("greeting");
        for reply in [&b"250 essai\r\n"[..], OK, OK, b"354 go\r\n"] {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a command");
            stream.write_all(reply).expect("a reply");
        }
        let mut some = vec![0; octets];
        reader.read_exact(&mut some).expect("a part of the message");
        if stay {
            // A second client never comes: the connection stays until the test ends.
            let _ = listener.accept();
        }
    });
    port
}

// ---- acceptance ----

#[tokio::test]
async fn an_accepted_mail_arrives_unchanged_with_its_queue_id() {
    let sink = Sink::start();
    sink.plan([Plan::Say(At::Body, "250 2.0.0 Ok: queued as 4XyZ")]);
    let outcome = send(&relay(sink.port), &["alice@example.org"]).await;
    let answer = "2.0.0 Ok: queued as 4XyZ".to_owned();
    assert_eq!(outcome, Outcome::Accepted { answer, queue_id: Some("4XyZ".to_owned()), refused: Vec::new() });
    let mails = sink.wait_for(1);
    assert_eq!(text(&mails[0].bytes), text(MAIL));
    assert_eq!((mails[0].sender.as_str(), mails[0].parameters.as_str()), ("", ""));
    assert_eq!(mails[0].recipients, ["alice@example.org"]);
}

#[tokio::test]
async fn a_large_mail_with_dots_everywhere_arrives_unchanged() {
    let sink = Sink::start();
    let mut mail = b"Subject: x\r\n\r\n".to_vec();
    while mail.len() < 1_000_000 {
        mail.extend_from_slice(b".\r\n..\r\n.a\r\nb.\r\n\r\n");
    }
    let outcome = send_bytes(&patient(relay(sink.port)), &["alice@example.org"], &mail).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
    assert!(sink.wait_for(1)[0].bytes == mail, "the message arrived changed");
}

#[tokio::test]
async fn an_answer_of_several_lines_is_joined() {
    let last: &[u8] = b"250-2.0.0 taken\r\n250 2.0.0 queued as A1\r\n";
    let steps = vec![HELLO, ("MAIL", OK), ("RCPT", OK), ("DATA", b"354 go\r\n"), (".", last)];
    let (port, _) = scripted(b"220-essai\r\n220 ready\r\n", steps);
    let outcome = send(&relay(port), &["alice@example.org"]).await;
    let Outcome::Accepted { answer, queue_id, .. } = outcome else { panic!("accepted: {outcome:?}") };
    assert_eq!((answer.as_str(), queue_id.as_deref()), ("2.0.0 taken 2.0.0 queued as A1", Some("A1")));
}

#[tokio::test]
async fn an_answer_in_latin_1_after_the_dot_is_still_an_acceptance() {
    let steps = vec![HELLO, ("MAIL", OK), ("RCPT", OK), ("DATA", b"354 go\r\n"), (".", b"250 accept\xe9 sous A1\r\n")];
    let (port, _) = scripted(b"220 essai\r\n", steps);
    let outcome = send(&relay(port), &["alice@example.org"]).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
}

// ---- refusals ----

#[tokio::test]
async fn a_refusal_is_temporary_or_final_as_its_step_and_code_say() {
    for (at, line, expected) in [
        // What precedes MAIL FROM is about the relay or our login: the mail is never given up for it.
        (At::Greeting, "421 4.3.2 Arrêt", (true, Some(421), Stage::Greeting)),
        (At::Greeting, "554 5.7.1 Non", (true, Some(554), Stage::Greeting)),
        (At::Ehlo, "550 5.7.1 Non", (true, Some(550), Stage::Hello)),
        (At::Auth, "454 4.7.0 Plus tard", (true, Some(454), Stage::Login)),
        (At::Auth, "535 5.7.8 Mot de passe", (true, Some(535), Stage::Login)),
        (At::Mail, "451 4.3.0 Plus tard", (true, Some(451), Stage::Mail)),
        (At::Mail, "421 4.3.2 Arrêt", (true, Some(421), Stage::Mail)),
        (At::Mail, "530 5.7.0 Authentification", (true, Some(530), Stage::Mail)),
        (At::Mail, "550 5.7.1 Non", (false, Some(550), Stage::Mail)),
        (At::Rcpt, "450 4.2.1 Plus tard", (true, Some(450), Stage::Recipient)),
        (At::Rcpt, "421 4.3.2 Arrêt", (true, Some(421), Stage::Recipient)),
        (At::Rcpt, "550 5.1.1 Inconnu", (false, Some(550), Stage::Recipient)),
        (At::Data, "451 4.3.0 Plus tard", (true, Some(451), Stage::Data)),
        (At::Data, "554 5.5.1 Non", (false, Some(554), Stage::Data)),
        (At::Body, "452 4.3.1 Plein", (true, Some(452), Stage::Verdict)),
        (At::Body, "421 4.3.2 Arrêt", (true, Some(421), Stage::Verdict)),
        (At::Body, "552 5.3.4 Trop grand", (false, Some(552), Stage::Verdict)),
    ] {
        let account = Some(("vigie".to_owned(), "secret".to_owned()));
        let sink = Sink::start_with(sink::Options { account, ..sink::Options::default() });
        sink.plan([Plan::Say(at, line)]);
        let relay = Relay { login: Some(login("vigie", "secret")), ..relay(sink.port) };
        let outcome = send(&relay, &["alice@example.org"]).await;
        assert_eq!(refusal(&outcome), expected, "{at:?} {line}");
        assert!(sink.mails().is_empty(), "{at:?} {line}");
    }
}

#[tokio::test]
async fn a_refusal_of_several_lines_is_joined() {
    let sink = Sink::start();
    sink.plan([Plan::Say(At::Rcpt, "550-5.7.25 no PTR record\r\n550 5.7.25 for this address")]);
    let outcome = send(&relay(sink.port), &["alice@example.org"]).await;
    let Outcome::Refused { answer, refused, .. } = outcome else { panic!("refused: {outcome:?}") };
    assert_eq!(answer, "5.7.25 no PTR record for this address");
    assert_eq!((refused[0].index, refused[0].code), (0, Some(550)));
}

#[tokio::test]
async fn a_mail_goes_to_the_recipients_that_are_accepted() {
    let sink = Sink::start();
    sink.plan([Plan::Say(At::Rcpt, "550 5.1.1 Inconnu"), Plan::Say(At::Rcpt, "450 4.2.1 Plus tard")]);
    let outcome = send(&relay(sink.port), &["a@example.org", "b@example.org", "c@example.org"]).await;
    let Outcome::Accepted { refused, .. } = outcome else { panic!("accepted: {outcome:?}") };
    let refused: Vec<_> = refused.iter().map(|refusal| (refusal.index, refusal.temporary, refusal.code)).collect();
    assert_eq!(refused, [(0, false, Some(550)), (1, true, Some(450))]);
    assert_eq!(sink.wait_for(1)[0].recipients, ["c@example.org"]);
}

#[tokio::test]
async fn one_temporary_refusal_among_the_recipients_is_worth_another_try() {
    let sink = Sink::start();
    sink.plan([Plan::Say(At::Rcpt, "550 5.1.1 Inconnu"), Plan::Say(At::Rcpt, "450 4.2.1 Plus tard")]);
    let outcome = send(&relay(sink.port), &["a@example.org", "b@example.org"]).await;
    assert_eq!(refusal(&outcome), (true, Some(550), Stage::Recipient));
    let Outcome::Refused { refused, .. } = outcome else { panic!("refused") };
    assert_eq!(refused.len(), 2);
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_a_temporary_refusal() {
    let port = support::process::free_port();
    let outcome = send(&relay(port), &["alice@example.org"]).await;
    assert_eq!(refusal(&outcome), (true, None, Stage::Connect));
    let unnamed = Relay { host: "relais.invalid".to_owned(), ..relay(port) };
    assert_eq!(refusal(&send(&unnamed, &["alice@example.org"]).await), (true, None, Stage::Connect));
}

// ---- hanging and hanging up ----

const BEFORE_THE_DOT: [(At, Stage); 6] = [
    (At::Greeting, Stage::Greeting),
    (At::Ehlo, Stage::Hello),
    (At::Auth, Stage::Login),
    (At::Mail, Stage::Mail),
    (At::Rcpt, Stage::Recipient),
    (At::Data, Stage::Data),
];

async fn after(plan: Plan) -> (Outcome, Sink) {
    let account = Some(("vigie".to_owned(), "secret".to_owned()));
    let sink = Sink::start_with(sink::Options { account, ..sink::Options::default() });
    sink.plan([plan]);
    let relay = Relay { login: Some(login("vigie", "secret")), ..relay(sink.port) };
    (send(&relay, &["alice@example.org"]).await, sink)
}

#[tokio::test]
async fn a_relay_that_hangs_before_the_dot_is_left_at_its_deadline() {
    for (at, stage) in BEFORE_THE_DOT {
        let (outcome, sink) = after(Plan::Hang(at)).await;
        assert_eq!(refusal(&outcome), (true, None, stage), "{at:?}");
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn a_relay_that_hangs_up_before_the_dot_has_not_the_mail() {
    for (at, stage) in BEFORE_THE_DOT {
        let (outcome, sink) = after(Plan::Cut(at)).await;
        assert_eq!(refusal(&outcome), (true, None, stage), "{at:?}");
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn a_loss_after_the_dot_is_unknown_whether_the_mail_was_kept_or_not() {
    for (plan, kept) in
        [(Plan::Cut(At::Body), 0), (Plan::Hang(At::Body), 0), (Plan::KeepThenCut, 1), (Plan::KeepThenHang, 1)]
    {
        let (outcome, sink) = after(plan.clone()).await;
        assert!(is_unknown(&outcome), "{plan:?}: {outcome:?}");
        assert_eq!(sink.mails().len(), kept, "{plan:?}");
    }
}

#[tokio::test]
async fn a_relay_that_stops_inside_the_mail_has_not_the_mail() {
    let mut mail = b"Subject: x\r\n\r\n".to_vec();
    mail.resize(LARGE, b'x');
    for stay in [true, false] {
        let outcome = send_bytes(&relay(stops_reading(100_000, stay)), &["alice@example.org"], &mail).await;
        assert_eq!(refusal(&outcome), (true, None, Stage::Body), "stay: {stay}");
    }
}

#[tokio::test]
async fn the_farewell_does_not_change_an_acceptance() {
    for plan in [Plan::Hang(At::Quit), Plan::Cut(At::Quit)] {
        let (outcome, sink) = after(plan).await;
        assert!(is_accepted(&outcome), "{outcome:?}");
        assert_eq!(sink.mails().len(), 1);
    }
}

// ---- answers that belong to another command ----

#[tokio::test]
async fn only_354_opens_the_mail() {
    // A relay one answer ahead: every reply is a yes, and none is the answer to the command before it.
    let ahead = vec![HELLO, ("MAIL", &b"250 ok\r\n250 ok\r\n"[..]), ("RCPT", OK)];
    let (port, heard) = scripted(b"220 essai\r\n", ahead);
    let outcome = send(&relay(port), &["alice@example.org"]).await;
    assert_eq!(refusal(&outcome), (true, None, Stage::Data));
    assert!(!heard.join().expect("the relay").contains("Bonjour"), "the mail was sent");
}

#[tokio::test]
async fn only_250_closes_the_mail() {
    for odd in [&b"354 go\r\n"[..], b"251 forwarded\r\n", b"220 hello\r\n", b"hello\r\n", b"250-never ended\r\n"] {
        let steps = vec![HELLO, ("MAIL", OK), ("RCPT", OK), ("DATA", &b"354 go\r\n"[..]), (".", odd)];
        let (port, _) = scripted(b"220 essai\r\n", steps);
        let outcome = send(&relay(port), &["alice@example.org"]).await;
        assert!(is_unknown(&outcome), "{}: {outcome:?}", text(odd));
    }
}

#[tokio::test]
async fn a_yes_that_is_not_the_due_one_is_no_yes() {
    for (verb, stage) in [("MAIL", Stage::Mail), ("RCPT", Stage::Recipient), ("DATA", Stage::Data)] {
        let reply = |at: &str, usual: &'static [u8]| if at == verb { &b"220 odd\r\n"[..] } else { usual };
        let envelope =
            [("MAIL", reply("MAIL", OK)), ("RCPT", reply("RCPT", OK)), ("DATA", reply("DATA", b"354 go\r\n"))];
        let (port, _) = scripted(b"220 essai\r\n", [HELLO].into_iter().chain(envelope).collect());
        assert_eq!(refusal(&send(&relay(port), &["alice@example.org"]).await), (true, None, stage), "{verb}");
    }
}

// ---- what a message needs ----

#[tokio::test]
async fn an_international_domain_needs_no_smtputf8() {
    let sink = Sink::start_with(sink::Options { without: vec!["SMTPUTF8"], ..sink::Options::default() });
    let outcome = send(&relay(sink.port), &["mairie@préfecture.example"]).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
    let mails = sink.wait_for(1);
    assert_eq!(mails[0].recipients, ["mairie@xn--prfecture-c4a.example"]);
    assert_eq!(mails[0].parameters, "");
}

#[tokio::test]
async fn an_international_local_part_needs_smtputf8() {
    let without = Sink::start_with(sink::Options { without: vec!["SMTPUTF8"], ..sink::Options::default() });
    let outcome = send(&relay(without.port), &["renée@example.org"]).await;
    assert_eq!(refusal(&outcome), (false, None, Stage::Mail));
    let with = Sink::start();
    let outcome = send(&relay(with.port), &["renée@example.org"]).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
    let mails = with.wait_for(1);
    assert_eq!((mails[0].parameters.as_str(), mails[0].recipients[0].as_str()), ("SMTPUTF8", "renée@example.org"));
}

#[tokio::test]
async fn eight_bit_octets_need_8bitmime() {
    let mail = "Subject: x\r\n\r\nréponse\r\n".as_bytes();
    let without = Sink::start_with(sink::Options { without: vec!["8BITMIME"], ..sink::Options::default() });
    let outcome = send_bytes(&relay(without.port), &["alice@example.org"], mail).await;
    assert_eq!(refusal(&outcome), (false, None, Stage::Mail));
    let with = Sink::start();
    assert!(is_accepted(&send_bytes(&relay(with.port), &["alice@example.org"], mail).await));
    assert_eq!(with.wait_for(1)[0].parameters, "BODY=8BITMIME");
}

#[tokio::test]
async fn a_mail_that_could_be_read_as_two_is_never_sent() {
    let sink = Sink::start();
    for mail in [&b"Subject: x\r\n\r\na\n.\nMAIL FROM:<>\n"[..], b"Subject: x\r\n\r\na\r.\r", b"a\r\n\rb"] {
        let outcome = send_bytes(&relay(sink.port), &["alice@example.org"], mail).await;
        assert_eq!(refusal(&outcome), (false, None, Stage::Mail));
    }
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_mail_to_nobody_is_never_sent() {
    let sink = Sink::start();
    assert_eq!(refusal(&send(&relay(sink.port), &[]).await), (false, None, Stage::Mail));
}

#[tokio::test]
async fn a_reverse_path_and_odd_local_parts_are_sent_in_legal_form() {
    let sink = Sink::start();
    let (from, to) = (address(PAN), [address("a..b@example.org")]);
    let submission = Submission { reverse_path: Some(&from), recipients: &to, bytes: MAIL };
    let outcome = submit(&relay(sink.port), submission).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
    let mails = sink.wait_for(1);
    assert_eq!((mails[0].sender.as_str(), mails[0].recipients[0].as_str()), (PAN, "\"a..b\"@example.org"));
}

// ---- TLS and login ----

const BOTH_KINDS: [(Protection, Security); 2] =
    [(Protection::Implicit, Security::Implicit), (Protection::StartTls, Security::StartTls)];

/// A sink that wants TLS and a login, the relay towards it, and the folder that holds its authority.
fn protected(protection: Protection, security: Security) -> (Sink, Relay, tempfile::TempDir) {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = authority.write(folder.path()).ca;
    let sink = Sink::start_with(sink::Options {
        protection,
        authority: Some(authority),
        account: Some((PAN.to_owned(), "secret".to_owned())),
        ..sink::Options::default()
    });
    let relay =
        Relay { security, ca_file: Some(ca_file), login: Some(login(PAN, "secret")), ..patient(relay(sink.port)) };
    (sink, relay, folder)
}

#[tokio::test]
async fn mails_go_over_tls_with_a_login() {
    for (protection, security) in BOTH_KINDS {
        let (sink, relay, _folder) = protected(protection, security);
        probe(&relay).await.expect("the probe passes");
        let outcome = send(&relay, &["alice@example.org"]).await;
        assert!(is_accepted(&outcome), "{protection:?}: {outcome:?}");
        assert_eq!(sink.wait_for(1)[0].login.as_deref(), Some(PAN));
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_with_advice() {
    for (protection, security) in BOTH_KINDS {
        let (sink, relay, folder) = protected(protection, security);
        // The stranger bears the same name as the authority: an authority that was renewed.
        let stranger = Authority::new().write(&folder.path().join("stranger")).ca;
        for (ca_file, advice) in
            [(None, "name that authority in ca_file"), (Some(stranger), "was that authority renewed")]
        {
            let relay = Relay { ca_file, ..relay.clone() };
            let said = probe(&relay).await.expect_err("not trusted").to_string();
            assert!(said.contains("does not trust") && said.contains(advice), "{said}");
            assert_eq!(refusal(&send(&relay, &["alice@example.org"]).await), (true, None, Stage::Tls));
        }
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_advice() {
    let authority = Authority::for_names(&["smtp.ailleurs.example"]);
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = Some(authority.write(folder.path()).ca);
    let options = sink::Options { protection: Protection::Implicit, authority: Some(authority), ..Default::default() };
    let sink = Sink::start_with(options);
    let relay = Relay { security: Security::Implicit, ca_file, ..patient(relay(sink.port)) };
    let said = probe(&relay).await.expect_err("not for localhost").to_string();
    assert!(said.contains("for another name"), "{said}");
}

#[tokio::test]
async fn starttls_that_is_not_offered_ends_before_anything_is_said() {
    let steps = vec![("EHLO", &b"250-essai\r\n250 AUTH PLAIN LOGIN\r\n"[..])];
    let (port, heard) = scripted(b"220 essai\r\n", steps);
    let relay = Relay { security: Security::StartTls, login: Some(login(PAN, "secret")), ..relay(port) };
    let outcome = send(&relay, &["alice@example.org"]).await;
    assert_eq!(refusal(&outcome), (true, None, Stage::Tls));
    assert_eq!(heard.join().expect("the relay"), "EHLO vigie.ain.example.org\r\n");
}

#[tokio::test]
async fn what_is_said_in_clear_ahead_of_the_handshake_is_not_believed() {
    let ahead: &[u8] =
        b"220 go\r\n250-essai\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n";
    let steps = vec![("EHLO", &b"250-essai\r\n250 STARTTLS\r\n"[..]), ("STARTTLS", ahead)];
    let (port, heard) = scripted(b"220 essai\r\n", steps);
    let relay = Relay { security: Security::StartTls, login: Some(login(PAN, "secret")), ..relay(port) };
    let outcome = send(&relay, &["alice@example.org"]).await;
    assert_eq!(refusal(&outcome), (true, None, Stage::Tls));
    let heard = heard.join().expect("the relay");
    assert!(!heard.contains("AUTH") && !heard.contains("Bonjour"), "{heard}");
}

#[tokio::test]
async fn a_relay_without_tls_on_a_tls_port_is_named_as_such() {
    let sink = Sink::start();
    let relay = Relay { security: Security::Implicit, ..patient(relay(sink.port)) };
    let said = probe(&relay).await.expect_err("no TLS there").to_string();
    assert!(said.contains("does not speak TLS on this port"), "{said}");
}

#[tokio::test]
async fn an_authorities_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("vide.pem");
    std::fs::write(&empty, "rien").expect("a file");
    for (file, why) in [(folder.path().join("absent.pem"), "No such file"), (empty, "no certificate")] {
        let sink = Sink::start();
        let relay = Relay { security: Security::Implicit, ca_file: Some(file.clone()), ..patient(relay(sink.port)) };
        let said = probe(&relay).await.expect_err("no authority").to_string();
        assert!(said.contains(why) && said.contains(&file.display().to_string()), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_with_the_relays_answer() {
    let (_sink, relay, _folder) = protected(Protection::StartTls, Security::StartTls);
    let relay = Relay { login: Some(login(PAN, "faux")), ..relay };
    let error = probe(&relay).await.expect_err("wrong password");
    assert!(matches!(error, Error::Refused { stage: Stage::Login, code: 535, .. }), "{error:?}");
    assert_eq!(error.to_string(), "the relay refuses AUTH: 535 5.7.8 Authentication credentials invalid");
    assert_eq!(refusal(&send(&relay, &["alice@example.org"]).await), (true, Some(535), Stage::Login));
}

#[tokio::test]
async fn login_is_used_where_plain_is_not_offered() {
    let steps = vec![
        ("EHLO", &b"250-essai\r\n250 AUTH LOGIN XOAUTH2\r\n"[..]),
        ("AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        ("dmlnaWU=", b"334 UGFzc3dvcmQ6\r\n"),
        ("c2VjcmV0", b"235 welcome\r\n"),
        ("NOOP", OK),
    ];
    let (port, _) = scripted(b"220 essai\r\n", steps);
    let relay = Relay { login: Some(login("vigie", "secret")), ..relay(port) };
    probe(&relay).await.expect("the probe passes");
}

#[tokio::test]
async fn a_token_is_used_with_xoauth2_and_its_refusal_is_told() {
    let token = Some(Login { user: "vigie".to_owned(), secret: "jeton".into(), kind: SecretKind::AccessToken });
    let hello = ("EHLO", &b"250-essai\r\n250 AUTH PLAIN XOAUTH2\r\n"[..]);
    // user=vigie^Aauth=Bearer jeton^A^A
    let auth = "AUTH XOAUTH2 dXNlcj12aWdpZQFhdXRoPUJlYXJlciBqZXRvbgEB";
    let (port, _) = scripted(b"220 essai\r\n", vec![hello, (auth, b"235 welcome\r\n"), ("NOOP", OK)]);
    probe(&Relay { login: token.clone(), ..relay(port) }).await.expect("the probe passes");
    let challenge: &[u8] = b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n";
    let refused = vec![hello, (auth, challenge), ("\r\n", b"535 5.7.3 expired token\r\n")];
    let (port, _) = scripted(b"220 essai\r\n", refused);
    let said = probe(&Relay { login: token, ..relay(port) }).await.expect_err("expired").to_string();
    assert_eq!(said, "the relay refuses AUTH: 535 5.7.3 expired token");
}

#[tokio::test]
async fn a_password_is_never_given_to_a_method_that_it_does_not_fit() {
    let (port, heard) = scripted(b"220 essai\r\n", vec![("EHLO", b"250-essai\r\n250 AUTH XOAUTH2\r\n")]);
    let error = probe(&Relay { login: Some(login("vigie", "secret")), ..relay(port) }).await.expect_err("no method");
    assert!(matches!(error, Error::NoMechanism { .. }), "{error:?}");
    assert!(!heard.join().expect("the relay").contains("AUTH"));
}

#[test]
fn no_printed_form_holds_the_secret() {
    let relay = Relay { login: Some(login("vigie", "motdepasse")), ..relay(25) };
    assert!(!format!("{relay:?}").contains("motdepasse"));
}

// ---- several mails over one connection ----

fn noon() -> DateTime<Utc> {
    "2026-05-07T12:00:00Z".parse().expect("a date")
}

async fn next(sender: &mut Sender, now: DateTime<Utc>) -> Outcome {
    let recipients = [address("alice@example.org")];
    let submission = Submission { reverse_path: None, recipients: &recipients, bytes: MAIL };
    sender.submit(submission, now, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_connection_serves_several_mails_while_it_is_fresh() {
    let sink = Sink::start();
    let mut sender = Sender::new(relay(sink.port));
    for _ in 0..3 {
        assert!(is_accepted(&next(&mut sender, noon()).await));
    }
    assert_eq!((sink.mails().len(), sink.connections()), (3, 1));
    assert!(is_accepted(&next(&mut sender, noon() + TimeDelta::minutes(5)).await));
    assert!(is_accepted(&next(&mut sender, noon()).await), "a clock that was set back");
    assert_eq!((sink.mails().len(), sink.connections()), (5, 3));
    sender.close().await;
}

#[tokio::test]
async fn a_connection_is_kept_after_a_clear_refusal_and_left_after_a_doubt() {
    for (plan, connections) in [
        (Plan::Say(At::Rcpt, "550 5.1.1 Inconnu"), 1),
        (Plan::Say(At::Data, "451 4.3.0 Plus tard"), 1),
        (Plan::Say(At::Body, "552 5.3.4 Trop grand"), 1),
        (Plan::Say(At::Body, "421 4.3.2 Arrêt"), 2),
        (Plan::Hang(At::Mail), 2),
        (Plan::KeepThenHang, 2),
        (Plan::Say(At::Data, "250 2.0.0 Ok"), 2),
    ] {
        let sink = Sink::start();
        sink.plan([plan.clone()]);
        let mut sender = Sender::new(relay(sink.port));
        assert!(!is_accepted(&next(&mut sender, noon()).await), "{plan:?}");
        let before = sink.mails().len();
        assert!(is_accepted(&next(&mut sender, noon()).await), "{plan:?}");
        assert_eq!((sink.mails().len() - before, sink.connections()), (1, connections), "{plan:?}");
    }
}

#[tokio::test]
async fn a_refused_mail_leaves_nothing_to_the_next_one() {
    let sink = Sink::start();
    sink.plan([Plan::Say(At::Data, "451 4.3.0 Plus tard")]);
    let mut sender = Sender::new(relay(sink.port));
    assert!(!is_accepted(&next(&mut sender, noon()).await));
    assert!(is_accepted(&next(&mut sender, noon()).await));
    assert_eq!(sink.wait_for(1)[0].recipients, ["alice@example.org"]);
}

#[tokio::test]
async fn a_connection_that_the_relay_left_meanwhile_is_replaced() {
    let accepted = [HELLO, ("MAIL", OK), ("RCPT", OK), ("DATA", &b"354 go\r\n"[..]), (".", OK)];
    let (port, _) = scripted(b"220 essai\r\n", accepted.into_iter().chain([("RSET", &b"421 bye\r\n"[..])]).collect());
    let mut sender = Sender::new(relay(port));
    assert!(is_accepted(&next(&mut sender, noon()).await));
    // The script takes one connection: the attempt to replace it is what is refused, and the mail is not lost.
    assert_eq!(refusal(&next(&mut sender, noon()).await), (true, None, Stage::Connect));
}

// ---- stopping ----

/// Submits to a sink that hangs, and stops once it has been reached.
async fn stopped(plan: Plan) -> (Outcome, Sink) {
    let sink = Sink::start();
    sink.plan([plan]);
    let relay = patient(relay(sink.port));
    let stop = CancellationToken::new();
    let token = stop.clone();
    let waiting = tokio::spawn(async move {
        let recipients = [address("alice@example.org")];
        let submission = Submission { reverse_path: None, recipients: &recipients, bytes: MAIL };
        Sender::new(relay).submit(submission, noon(), &token).await
    });
    let reached = || sink.remaining_plan().is_empty();
    assert!(tokio::task::block_in_place(|| wait_until(PATIENCE, reached)), "the sink was reached");
    stop.cancel();
    (waiting.await.expect("no panic"), sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_before_the_dot_is_no_refusal_and_after_it_leaves_a_doubt() {
    for at in [At::Greeting, At::Mail, At::Data] {
        let (outcome, _) = stopped(Plan::Hang(at)).await;
        assert_eq!(outcome, Outcome::Stopped, "{at:?}");
    }
    let (outcome, sink) = stopped(Plan::KeepThenHang).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    assert!(wait_until(PATIENCE, || sink.mails().len() == 1));
}

#[tokio::test]
async fn a_stopped_sender_does_not_begin() {
    let sink = Sink::start();
    let recipients = [address("alice@example.org")];
    let submission = Submission { reverse_path: None, recipients: &recipients, bytes: MAIL };
    let stop = CancellationToken::new();
    stop.cancel();
    let outcome = Sender::new(relay(sink.port)).submit(submission, noon(), &stop).await;
    assert_eq!((outcome, sink.connections()), (Outcome::Stopped, 0));
}

// ---- a real relay ----

fn towards(port: u16, security: Security, ca_file: PathBuf) -> Relay {
    Relay { security, ca_file: Some(ca_file), login: Some(login(PAN, "secret")), ..patient(relay(port)) }
}

#[tokio::test]
async fn postfix_takes_mails_over_both_kinds_of_tls() {
    let (dovecot, sink) = (Dovecot::start(&[(PAN, "secret")]), Sink::start());
    let postfix = Postfix::start(&dovecot, &sink);
    for (port, security) in
        [(postfix.submission_port, Security::StartTls), (postfix.submissions_port, Security::Implicit)]
    {
        let relay = towards(port, security, postfix.ca_file.clone());
        probe(&relay).await.expect("the probe passes");
        let outcome = send(&relay, &["alice@example.org"]).await;
        let Outcome::Accepted { queue_id: Some(id), .. } = outcome else { panic!("{security:?}: {outcome:?}") };
        postfix.wait_for_log(&format!("{id}: from=<>"));
        let wrong = Relay { login: Some(login(PAN, "faux")), ..relay.clone() };
        let said = probe(&wrong).await.expect_err("wrong password").to_string();
        assert!(said.starts_with("the relay refuses AUTH: 535 5.7.8"), "{said}");
        let nobody = Relay { login: None, ..relay.clone() };
        assert_eq!(refusal(&send(&nobody, &["alice@example.org"]).await), (false, Some(554), Stage::Recipient));
        let untrusted = Relay { ca_file: None, ..relay };
        assert_eq!(refusal(&send(&untrusted, &["alice@example.org"]).await), (true, None, Stage::Tls));
    }
    let mails = sink.wait_for(2);
    let whole =
        |mail: &sink::Mail| mail.sender.is_empty() && mail.text().ends_with("\r\n\r\nBonjour\r\n.\r\n..fin\r\n");
    assert!(mails.iter().all(whole), "{mails:#?}");
}

#[tokio::test]
async fn postfix_serves_several_mails_over_one_connection() {
    let (dovecot, sink) = (Dovecot::start(&[(PAN, "secret")]), Sink::start());
    let postfix = Postfix::start(&dovecot, &sink);
    let mut sender = Sender::new(towards(postfix.submission_port, Security::StartTls, postfix.ca_file.clone()));
    for _ in 0..5 {
        assert!(is_accepted(&next(&mut sender, noon()).await));
    }
    sender.close().await;
    assert_eq!(sink.wait_for(5).len(), 5);
    postfix.wait_for_log("ehlo=2 starttls=1 auth=1 mail=5 rcpt=5 data=5 rset=4 quit=1");
}

#[tokio::test]
async fn postfix_refuses_a_null_reverse_path_and_a_large_mail_for_good() {
    let (dovecot, sink) = (Dovecot::start(&[(PAN, "secret")]), Sink::start());
    let extra = "message_size_limit = 100000\n".to_owned();
    let postfix = Postfix::start_with(&dovecot, &sink, &postfix::Options { refuse_null_sender: true, extra });
    let relay = towards(postfix.submission_port, Security::StartTls, postfix.ca_file.clone());
    assert_eq!(refusal(&send(&relay, &["alice@example.org"]).await), (false, Some(554), Stage::Recipient));
    let (from, to) = (address(PAN), [address("alice@example.org")]);
    let outcome = submit(&relay, Submission { reverse_path: Some(&from), recipients: &to, bytes: MAIL }).await;
    assert!(is_accepted(&outcome), "{outcome:?}");
    let mut large = b"Subject: x\r\n\r\n".to_vec();
    (0..5_000).for_each(|_| large.extend_from_slice(b"une ligne de quarante caracteres environ\r\n"));
    let outcome = submit(&relay, Submission { reverse_path: Some(&from), recipients: &to, bytes: &large }).await;
    assert_eq!(refusal(&outcome), (false, Some(552), Stage::Verdict));
}

#[tokio::test]
async fn a_frozen_postfix_is_left_at_the_deadline() {
    let (dovecot, sink) = (Dovecot::start(&[(PAN, "secret")]), Sink::start());
    let postfix = Postfix::start(&dovecot, &sink);
    let relay = towards(postfix.submission_port, Security::StartTls, postfix.ca_file.clone());
    postfix.freeze();
    let outcome = send(&Relay { deadlines: short(), ..relay }, &["alice@example.org"]).await;
    postfix.thaw();
    assert_eq!(refusal(&outcome), (true, None, Stage::Greeting));
}
