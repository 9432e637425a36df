//! Greetings, STARTTLS and logins, on servers that say odd things.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vigie::imap::{Credentials, Endpoint, Error, Known, Security, connect, tls_config};

use crate::script::{Scripted, Step, converse, dialogue, hear, logged_in, patience, say, tagged, tls};
use crate::support::process::free_port;
use crate::support::tls::{Authority, Files};

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
async fn believes_nothing_that_was_slipped_in_before_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new().write(folder.path());
    let acceptor = acceptor(&authority);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let injected = "OK go\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nV1 OK injected\r\nV2 OK injected";
        converse(&mut tcp, vec![say("* OK ready"), hear("STARTTLS"), tagged(injected)]).await;
        let secured = [hear("CAPABILITY"), say("* CAPABILITY IMAP4rev1"), tagged("OK")];
        let login = [hear("LOGIN"), tagged("OK [CAPABILITY IMAP4rev1 IDLE] in")];
        converse(acceptor.accept(tcp).await.unwrap(), secured.into_iter().chain(login).collect()).await;
    });
    let endpoint = Endpoint {
        host: "localhost".to_owned(),
        port,
        security: Security::StartTls,
        ca_file: Some(authority.ca.clone()),
    };
    let tls = tls_config(endpoint.ca_file.as_deref()).unwrap();
    let session = connect(&endpoint, &Credentials::password("bob", "hunter2"), &tls, patience()).await.unwrap();
    assert!(session.capabilities().idle());
    server.await.unwrap();
}

/// The server's side of TLS.
fn acceptor(files: &Files) -> tokio_rustls::TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(&files.cert).unwrap();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn refuses_clear_text_towards_another_machine() {
    let endpoint = Endpoint { host: "192.0.2.1".to_owned(), port: 143, security: Security::Plain, ca_file: None };
    let error = connect(&endpoint, &Credentials::password("bob", "x"), &tls(), patience()).await.unwrap_err();
    assert!(matches!(error, Error::PlainRefused { .. }), "{error}");
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let port = free_port();
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::Plain, ca_file: None };
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
