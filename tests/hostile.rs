//! What the fuzz targets (`fuzz/`) look for, in a few seconds of every test run: the corpus and a real server's words,
//! spoilt in thousands of ways by a seeded generator, end in facts or in an error, never in a panic or an endless wait.
//!
//! `VIGIE_ROUNDS=100000 cargo test --release --test hostile` goes on for longer; `VIGIE_SEED` draws otherwise.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use support::chance::Chance;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie::imap::{Credentials, Deadlines, Endpoint, HeaderQueue, Known, Security, UidRange, connect, tls_config};
use vigie::mail::parse::{parse, wants_body};

/// The seed, unless `VIGIE_SEED` says another.
const SEED: u64 = 20_261_124;
/// Headers that are spoilt and read.
const HEADERS: u64 = 3_000;
/// Sessions that are spoilt and played.
const SESSIONS: u64 = 300;
/// No session with a server that hangs up may last longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server says from its greeting to the end, as far as it depends on nothing: the tags are vigie's own.
const SESSION: &str = "* OK [CAPABILITY IMAP4rev1 IDLE ENABLE CONDSTORE QRESYNC OBJECTID NOTIFY] hi\r\nV1 OK [CAPABILITY IMAP4rev1 IDLE ENABLE CONDSTORE QRESYNC OBJECTID NOTIFY] in\r\n\
    * ENABLED QRESYNC\r\nV2 OK\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"\r\n\
    * LIST () NIL {5}\r\nINBOX\r\nV3 OK\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 9] next\r\n\
    * OK [HIGHESTMODSEQ 12] high\r\n* VANISHED (EARLIER) 1:2,5\r\n* 1 FETCH (UID 3 FLAGS (\\Answered Vigie/Transmis) MODSEQ (9))\r\n\
    V4 OK [READ-ONLY] done\r\n* SEARCH 3 4 7\r\nV5 OK\r\n* 2 FETCH (UID 4 FLAGS () MODSEQ (11))\r\nV6 OK\r\n\
    * 1 FETCH (UID 3 FLAGS (\\Seen) INTERNALDATE \" 7-May-2026 16:50:00 +0200\" RFC822.SIZE 1234 MODSEQ (9) EMAILID (M1) \
    BODY[HEADER]<0> {15}\r\nSubject: n001\r\n)\r\nV7 OK\r\n* 1 FETCH (UID 3 BODY[]<0> {4}\r\nabcd)\r\nV8 OK\r\n\
    V9 OK\r\n+ idling\r\n* STATUS Sent (MESSAGES 1 UIDNEXT 2)\r\n* 4 EXISTS\r\n* BYE later\r\n";

fn rounds(usual: u64) -> u64 {
    std::env::var("VIGIE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

fn chance() -> Chance {
    let seed = std::env::var("VIGIE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("VIGIE_SEED={seed}");
    Chance::new(seed)
}

/// One to a few changes: an octet, a cut, a stretch doubled, left out, moved or taken from elsewhere.
fn spoil(chance: &mut Chance, octets: &[u8], other: &[u8]) -> Vec<u8> {
    const SPICE: [&[u8]; 12] =
        [b"\r\n", b"{4294967295}\r\n", b"(", b")", b"\"", b"\0", b"=?utf-8?q?", b"\xff\xfe", b":", b"<", b"* ", b"\\"];
    let mut spoilt = octets.to_vec();
    for _ in 0..=chance.below(4) {
        let (at, length) = (chance.below(spoilt.len() + 1), chance.below(40));
        let end = (at + length).min(spoilt.len());
        match chance.below(7) {
            0 if at < spoilt.len() => spoilt[at] = u8::try_from(chance.below(256)).unwrap(),
            1 => spoilt.truncate(at),
            2 => drop(spoilt.splice(at..at, spoilt[at..end].to_vec())),
            3 => drop(spoilt.drain(at..end)),
            4 => drop(spoilt.splice(at..at, SPICE[chance.below(SPICE.len())].iter().copied())),
            5 => {
                let from = chance.below(other.len() + 1);
                let stretch = other[from..(from + length).min(other.len())].to_vec();
                drop(spoilt.splice(at..end, stretch));
            }
            _ => {
                let times = 1 + chance.below(200);
                drop(spoilt.splice(at..at, SPICE[chance.below(SPICE.len())].repeat(times)));
            }
        }
    }
    spoilt
}

#[test]
fn spoilt_headers_are_read_without_a_panic() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    let messages: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut chance = chance();
    for _ in 0..rounds(HEADERS) {
        let message = &messages[chance.below(messages.len())];
        let other = &messages[chance.below(messages.len())];
        let spoilt = spoil(&mut chance, message, other);
        let end = spoilt.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(spoilt.len(), |at| at + 4);
        let (header, body) = spoilt.split_at(end);
        let facts = parse(header, None, spoilt.len() as u64);
        if wants_body(&facts) {
            drop(parse(header, Some(body), spoilt.len() as u64));
        }
    }
}

#[tokio::test]
async fn spoilt_sessions_end_in_an_answer_or_an_error() {
    let mut chance = chance();
    // unspoilt it goes all the way, or nothing would be tried here
    let whole = play(SESSION.as_bytes().to_vec()).await;
    assert!(matches!(whole, Err(vigie::imap::Error::Bye { command: "IDLE", .. })), "{whole:?}");
    for _ in 0..rounds(SESSIONS) {
        let spoilt = spoil(&mut chance, SESSION.as_bytes(), SESSION.as_bytes());
        let ended = tokio::time::timeout(PATIENCE, play(spoilt.clone())).await;
        assert!(ended.is_ok(), "no end after {:?}", String::from_utf8_lossy(&spoilt));
    }
}

/// A session with a server that says these octets and hangs up.
async fn play(said: Vec<u8>) -> Result<(), vigie::imap::Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        let (mut line, _) = listener.accept().await.unwrap();
        drop(line.write_all(&said).await);
        drop(line.shutdown().await);
        drop(line.read_to_end(&mut Vec::new()).await);
    };
    let client = async {
        let endpoint = Endpoint { host: "127.0.0.1".into(), port, security: Security::Plain, ca_file: None };
        let tls = tls_config(None)?;
        let mut session = connect(&endpoint, &Credentials::password("a", "b"), &tls, Deadlines::default()).await?;
        session.list().await?;
        session.examine("INBOX", Some(Known { uidvalidity: 7, highestmodseq: 3 })).await?;
        session.uids().await?;
        session.flags(UidRange::ALL, Some(3)).await?;
        session.fetch_headers(&mut HeaderQueue::new([3]), |_| {}).await?;
        session.fetch_start(3, 1_000).await?;
        session.notify(&["Sent".to_owned()]).await?;
        // the news of the first wait is heard at once, the good-bye in the second
        session.idle(Duration::from_secs(2), &CancellationToken::new()).await?;
        session.idle(Duration::from_secs(2), &CancellationToken::new()).await?;
        Ok(())
    };
    let (outcome, ()) = tokio::join!(client, server);
    outcome
}
