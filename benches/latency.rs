//! How long an acknowledgement takes: from a message's acceptance by Dovecot (LMTP) to the acknowledgement's acceptance
//! by Postfix, one message at a time, beside Pigeonhole's vacation on the same servers in the same run.
//!
//! Both submit through one proxy on loopback, which notes the instant at which Postfix says "queued". Pigeonhole answers
//! while Dovecot still takes the message, before the acceptance: both are therefore also timed from the final dot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a bench that cannot set its scene ends at once; its counts are far below what a float holds, and quiet is what it must keep at times"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use support::dovecot::{Dovecot, Options};
use support::house::{AGENT, House, PAN};
use support::smtp::Client;
use vigie::clock::monotonic;

/// Messages to each of the two.
const MESSAGES: usize = 500;
/// Messages in a row to one of the two, before it is the other's turn.
const BLOCK: usize = 50;
/// Messages after a quiet while, vigie's only.
const ISOLATED: usize = 10;
/// How long it is quiet before each of them: longer than vigie looks again by itself.
const QUIET: Duration = Duration::from_secs(8);
/// How long an answer may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The instants of one message.
#[derive(Clone, Copy)]
struct Timed {
    from_dot: Duration,
    from_acceptance: Duration,
}

/// A proxy to Postfix, in clear, that notes each "queued".
struct Proxy {
    port: u16,
    upstream: Arc<AtomicU16>,
    queued: Receiver<Instant>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let (port, upstream) = (listener.local_addr().expect("its address").port(), Arc::new(AtomicU16::new(0)));
        let (note, queued) = channel();
        let to = Arc::clone(&upstream);
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to.load(Ordering::SeqCst))).expect("Postfix");
                client.set_nodelay(true).expect("a socket");
                server.set_nodelay(true).expect("a socket");
                let (from_client, to_client) = (client.try_clone().expect("a socket"), client);
                let (from_server, to_server) = (server.try_clone().expect("a socket"), server);
                let note = note.clone();
                thread::spawn(move || pump(from_client, to_server, None));
                thread::spawn(move || pump(from_server, to_client, Some(&note)));
            }
        });
        Self { port, upstream, queued }
    }

    fn wait(&self) -> Instant {
        self.queued.recv_timeout(PATIENCE).expect("an answer in time")
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, note: Option<&Sender<Instant>>) {
    let mut buffer = [0_u8; 16_384];
    while let Ok(read) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        if let Some(note) = note.filter(|_| bytes.windows(9).any(|window| window == b"queued as")) {
            let _ = note.send(monotonic());
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Delivers one message; the instants of its final dot and of Dovecot's acceptance.
fn deliver(dovecot: &Dovecot, mailbox: &str, number: usize) -> (Instant, Instant) {
    let mut lmtp = Client::connect(dovecot.lmtp_port);
    let say = |lmtp: &mut Client, line: String| lmtp.say(line.as_bytes());
    say(&mut lmtp, "LHLO essai.example.org\r\n".to_owned());
    say(&mut lmtp, format!("MAIL FROM:<usager{number}@example.org>\r\n"));
    say(&mut lmtp, format!("RCPT TO:<{mailbox}>\r\n"));
    say(&mut lmtp, "DATA\r\n".to_owned());
    let text = format!(
        "From: Usager {number} <usager{number}@example.org>\r\nTo: {mailbox}\r\nSubject: Question {number}\r\n\
         Message-ID: <latence{number}@example.org>\r\nDate: Tue, 5 May 2026 10:00:00 +0200\r\n\r\nBonjour,\r\n.\r\n"
    );
    let dot = monotonic();
    let said = say(&mut lmtp, text);
    let accepted = monotonic();
    assert!(said.starts_with("250"), "LMTP: {said}");
    (dot, accepted)
}

fn timed(dovecot: &Dovecot, proxy: &Proxy, mailbox: &str, number: usize) -> Timed {
    let (dot, accepted) = deliver(dovecot, mailbox, number);
    let queued = proxy.wait();
    Timed { from_dot: queued.duration_since(dot), from_acceptance: queued.saturating_duration_since(accepted) }
}

fn main() {
    let proxy = Proxy::start();
    let options = Options { sieve_port: Some(proxy.port), ..Options::default() };
    let mut house = House::with("acknowledge", options, |toml| {
        let (before, after) = toml.split_once("[smtp.server]\n").expect("the relay");
        let (_, after) = after.split_once("[[bureaux]]").expect("the bureaux");
        let server = format!("[smtp.server]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\n", proxy.port);
        let limits =
            "[limits]\nper_mailbox_per_hour = 100000\nper_domain_per_hour = 100000\nbreaker_per_hour = 100000\n";
        format!("{before}{server}{limits}[[bureaux]]{after}").replace("scan_every = \"2s\"", "scan_every = \"5m\"")
    });
    proxy.upstream.store(house.postfix.mx_port, Ordering::SeqCst);
    house.dovecot.sieve(AGENT, "require [\"vacation-seconds\"];\nvacation :seconds 0 \"Je suis absente.\";\n");
    house.start();
    thread::sleep(Duration::from_secs(3));
    // Nothing is counted of the first of each: caches, first connections.
    for warm in 0..5 {
        timed(&house.dovecot, &proxy, PAN, 900_000 + warm);
        timed(&house.dovecot, &proxy, AGENT, 910_000 + warm);
    }
    let (mut vigie, mut pigeonhole, mut number) = (Vec::new(), Vec::new(), 0);
    while vigie.len() < MESSAGES {
        for _ in 0..BLOCK {
            number += 1;
            vigie.push(timed(&house.dovecot, &proxy, PAN, number));
        }
        for _ in 0..BLOCK {
            number += 1;
            pigeonhole.push(timed(&house.dovecot, &proxy, AGENT, number));
        }
    }
    let mut isolated = Vec::new();
    for _ in 0..ISOLATED {
        thread::sleep(QUIET);
        number += 1;
        isolated.push(timed(&house.dovecot, &proxy, PAN, number));
    }
    println!(
        "latency of an acknowledgement, {MESSAGES} messages one at a time, in blocks of {BLOCK}, loopback, SQLite FULL"
    );
    let ours = line("vigie", &vigie);
    let theirs = line("Pigeonhole vacation", &pigeonhole);
    println!(
        "  vigie's median from acceptance is {:.1} times Pigeonhole's from the dot (target: below 3)",
        ours / theirs
    );
    line("vigie, after 8 s of quiet", &isolated);
    println!(
        "  (Dovecot tells a client in IDLE half a second after the first change; vigie then looks again by itself)"
    );
}

/// Prints a line; the median that is compared, in milliseconds: vigie's from the acceptance, Pigeonhole's from the dot,
/// as it answers before the acceptance.
fn line(who: &str, timed: &[Timed]) -> f64 {
    let figures = |of: fn(&Timed) -> Duration| {
        let mut all: Vec<f64> = timed.iter().map(|timed| of(timed).as_secs_f64() * 1_000.0).collect();
        all.sort_by(f64::total_cmp);
        let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)];
        (at(0.5), at(0.99), all[all.len() - 1])
    };
    let (median, p99, most) = figures(|timed| timed.from_acceptance);
    let (dot_median, dot_p99, _) = figures(|timed| timed.from_dot);
    println!(
        "  {who:<28} from acceptance: median {median:>6.1} ms, 99 % {p99:>6.1} ms, most {most:>6.1} ms; from the dot: median \
         {dot_median:>6.1} ms, 99 % {dot_p99:>6.1} ms"
    );
    if median > 0.0 { median } else { dot_median }
}
