//! Whatever a server says, at whatever place it hangs up: a session ends in an answer or in an error, never in a panic,
//! an endless wait or a boundless memory.
#![no_main]

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use vigie::imap::{Credentials, Deadlines, Endpoint, HeaderQueue, Known, Security, UidRange, connect, tls_config};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// Reads the system's authorities, which would take most of a round; no round uses them.
static TLS: LazyLock<Arc<rustls::ClientConfig>> = LazyLock::new(|| tls_config(None).expect("TLS"));

/// What the server says before the input: it gets past the login, which the input may still spoil.
const LOGIN: &[u8] = b"* OK hi\r\nV1 OK [CAPABILITY IMAP4rev1 IDLE ENABLE CONDSTORE QRESYNC OBJECTID NOTIFY] in\r\n";

fuzz_target!(|input: &[u8]| {
    let _ = RUNTIME.block_on(session(input));
});

async fn session(input: &[u8]) -> Result<(), vigie::imap::Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its port").port();
    let (greets, said) = match input.split_first() {
        Some((0, rest)) => (false, rest),
        _ => (true, input),
    };
    let server = async {
        let (mut line, _) = listener.accept().await.expect("a client");
        let head = if greets { LOGIN } else { b"" };
        drop(line.write_all(head).await);
        drop(line.write_all(said).await);
        drop(line.shutdown().await);
        let mut rest = Vec::new();
        drop(line.read_to_end(&mut rest).await);
    };
    let client = async {
        let endpoint = Endpoint { host: "127.0.0.1".into(), port, security: Security::Plain, ca_file: None };
        let deadlines = Deadlines {
            response: Duration::from_secs(1),
            command: Duration::from_secs(2),
            idle_start: Duration::from_secs(1),
            idle_done: Duration::from_secs(1),
            ..Deadlines::default()
        };
        let mut session = connect(&endpoint, &Credentials::password("a", "b"), &TLS, deadlines).await?;
        session.list().await?;
        session.examine("INBOX", Some(Known { uidvalidity: 7, highestmodseq: 3 })).await?;
        session.uids().await?;
        session.flags(UidRange::ALL, Some(3)).await?;
        let mut queue = HeaderQueue::new(1..=5);
        session.fetch_headers(&mut queue, |_| {}).await?;
        session.fetch_start(1, 1_000).await?;
        session.idle(Duration::from_millis(1), &CancellationToken::new()).await?;
        Ok(())
    };
    let (outcome, ()) = tokio::join!(client, server);
    outcome
}
