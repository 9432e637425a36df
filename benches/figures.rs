//! Figures, side by side with a peer or a limit in the same run, as ratios. `bash tests/bench.sh` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot set its scene ends at once; its counts are far below what a float holds"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::dovecot::{Dovecot, Filled, Options};
use support::house::{House, PAN};
use support::process::wait_until;
use vigie::clock::monotonic;
use vigie::imap::{Credentials, Deadlines, Endpoint, HeaderQueue, Security, connect, tls_config};

/// Messages of a year of one prefecture.
const YEAR: u64 = 25_000;
/// Runs of each measurement; the median is quoted.
const RUNS: usize = 3;
/// Message files that one `explain` reads.
const EXPLAINED: usize = 10_000;
/// How long a first run may take before the bench gives up.
const FIRST_RUN: Duration = Duration::from_mins(5);

fn main() {
    println!("figures of {RUNS} runs each, the median quoted; servers and vigie share this machine's processors\n");
    // cargo adds words of its own that begin with a dash
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, figure) in [("first_run", first_run as fn()), ("restart", restart), ("explain", explain)] {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            figure();
        }
    }
}

/// A message of the year that went by before vigie came.
fn old_message(n: u64) -> Filled {
    let text = format!(
        "Return-Path: <usager{n}@example.org>\r\nDelivered-To: {PAN}\r\n\
         Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby imap.prefecture.example.org with LMTP id {n}\r\n\
         \tfor <{PAN}>; Tue, 3 Mar 2026 10:00:00 +0100\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=a; bh=x; b=y\r\n\
         From: Usager {n} <usager{}@example.org>\r\nTo: PAN <{PAN}>\r\nSubject: =?utf-8?q?Demande_de_rendez-vous_n=C2=B0?= {n}\r\n\
         Message-ID: <old{n}@example.org>\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nUser-Agent: essai\r\n\r\nBonjour,\r\n\r\nJe souhaite un rendez-vous.\r\n",
        n / 2
    );
    Filled { bytes: text.into_bytes(), internal_date: 1_772_528_400 + n, flags: "S" }
}

fn first_run() {
    let mut fetches = Vec::new();
    let mut runs = Vec::new();
    let mut memory = Vec::new();
    let mut copies = Vec::new();
    let mut verifications = Vec::new();
    for _ in 0..RUNS {
        let mut house = House::new("acknowledge", |toml| toml.replace("scan_every = \"2s\"", "scan_every = \"5m\""));
        house.dovecot.fill(PAN, "INBOX", YEAR, old_message);
        fetch(&house.dovecot);
        fetches.push(fetch(&house.dovecot));
        copies.extend(mbsync(&house));
        let begun = monotonic();
        house.start_unwatched();
        let line = format!("\"recorded\":{YEAR}");
        assert!(wait_until(FIRST_RUN, || house.log().contains(&line)), "not recorded:\n{}", house.log());
        runs.push(begun.elapsed());
        memory.push(peak_memory(house.pid()));
        assert!(house.sink.mails().is_empty(), "something was sent");
        let begun = monotonic();
        assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
        verifications.push(begun.elapsed());
    }
    let (fetch, run) = (median(&mut fetches), median(&mut runs));
    let rate = |span: Duration| YEAR as f64 / span.as_secs_f64();
    println!("first run on {YEAR} old messages, warm server cache, TLS, SQLite with synchronous=FULL");
    println!("  plain header fetch      {:>8.2} s  {:>8.0} messages/s   the limit", fetch.as_secs_f64(), rate(fetch));
    println!(
        "  vigie, into the ledger  {:>8.2} s  {:>8.0} messages/s   {:.1} times the fetch (target: at most 6)",
        run.as_secs_f64(),
        rate(run),
        run.as_secs_f64() / fetch.as_secs_f64()
    );
    if copies.is_empty() {
        println!("  mbsync                  not installed");
    } else {
        let copy = median(&mut copies);
        println!(
            "  mbsync, a copy          {:>8.2} s  {:>8.0} messages/s   vigie is {:.1} times as fast",
            copy.as_secs_f64(),
            rate(copy),
            copy.as_secs_f64() / run.as_secs_f64()
        );
    }
    memory.sort_unstable();
    println!("  peak memory             {:>8} kB               (target: below 100 000)", memory[RUNS / 2]);
    let verification = median(&mut verifications);
    let entries = (2 * YEAR + 4) as f64;
    println!(
        "  ledger verify           {:>8.2} s  of {entries} entries and {YEAR} requests: {:.2} s for 100 000 entries\n",
        verification.as_secs_f64(),
        verification.as_secs_f64() * 100_000.0 / entries
    );
}

/// From the start of the process to the recording of what came while it was down, in a mailbox that is known: on the
/// highest rung of the ladder and on the lowest.
fn restart() {
    println!("restart with {YEAR} messages known, one came meanwhile");
    for (rung, without, target) in [("QRESYNC", vec![], 2), ("the lowest rung", vec!["QRESYNC", "CONDSTORE"], 5)] {
        let options = Options { without, ..Options::default() };
        let slowly = |toml: String| toml.replace("scan_every = \"2s\"", "scan_every = \"5m\"");
        let mut house = House::with("observe", options, slowly);
        house.dovecot.fill(PAN, "INBOX", YEAR, old_message);
        house.start_unwatched();
        let line = format!("\"recorded\":{YEAR}");
        assert!(wait_until(FIRST_RUN, || house.log().contains(&line)), "not recorded:\n{}", house.log());
        let mut runs = Vec::new();
        for run in 1..=RUNS {
            house.stop("TERM");
            house.dovecot.append(PAN, "INBOX", &old_message(YEAR + run as u64).bytes, None, "");
            let before = house.log().matches("\"recorded\":1,").count();
            let begun = monotonic();
            house.start_unwatched();
            let caught_up = || house.log().matches("\"recorded\":1,").count() > before;
            assert!(wait_until(FIRST_RUN, caught_up), "not recorded:\n{}", house.log());
            runs.push(begun.elapsed());
        }
        let spent = median(&mut runs).as_secs_f64();
        println!("  {rung:<22}  {spent:>8.2} s   (target: below {target} s)");
    }
    println!();
}

/// All headers of the mailbox, over TLS, by vigie's own IMAP room: what any reader of headers must at least spend.
fn fetch(dovecot: &Dovecot) -> Duration {
    let endpoint = Endpoint {
        host: "localhost".to_owned(),
        port: dovecot.imaps_port,
        security: Security::Implicit,
        ca_file: Some(dovecot.ca_file.clone()),
    };
    let credentials = Credentials::password(PAN, dovecot.password(PAN));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begun = monotonic();
    let received = runtime.block_on(async {
        let tls = tls_config(endpoint.ca_file.as_deref()).expect("TLS");
        let mut session = connect(&endpoint, &credentials, &tls, Deadlines::default()).await.expect("connects");
        session.examine("INBOX", None).await.expect("opens");
        let mut queue = HeaderQueue::new(session.uids().await.expect("lists"));
        let report = session.fetch_headers(&mut queue, drop).await.expect("fetches");
        session.logout().await;
        report.received
    });
    assert_eq!(received, YEAR);
    begun.elapsed()
}

/// mbsync copying the same mailbox; nothing where it is not installed.
fn mbsync(house: &House) -> Option<Duration> {
    Command::new("mbsync").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let (config, copy) = (house.path("mbsyncrc"), house.path("copy"));
    std::fs::create_dir_all(&copy).expect("a folder");
    let text = format!(
        "IMAPAccount pan\nHost localhost\nPort {}\nUser {PAN}\nPass \"{}\"\nSSLType IMAPS\nCertificateFile {}\n\n\
         IMAPStore there\nAccount pan\n\nMaildirStore here\nPath {}/\nInbox {}/INBOX\n\n\
         Channel all\nFar :there:INBOX\nNear :here:INBOX\nCreate Near\nSync Pull\nSyncState *\n",
        house.dovecot.imaps_port,
        house.dovecot.password(PAN),
        house.dovecot.ca_file.display(),
        copy.display(),
        copy.display(),
    );
    std::fs::write(&config, text).expect("written");
    let begun = monotonic();
    let done = Command::new("mbsync").arg("-q").arg("-c").arg(&config).arg("all").output().expect("mbsync runs");
    assert!(done.status.success(), "mbsync: {}", String::from_utf8_lossy(&done.stderr));
    Some(begun.elapsed())
}

/// `vigie explain` over many files in one call.
fn explain() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let messages: Vec<Vec<u8>> = std::fs::read_dir(corpus)
        .expect("the corpus")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .map(|path| std::fs::read(path).expect("readable"))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<_> = (0..EXPLAINED).map(|n| folder.path().join(format!("{n}.eml"))).collect();
    for (file, message) in files.iter().zip(messages.iter().cycle()) {
        std::fs::write(file, message).expect("written");
    }
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
    let mut runs: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
            command
                .args(["explain", "--mailbox", "pref-pan", "--format", "json", "--config"])
                .arg(&config)
                .args(&files);
            let begun = monotonic();
            let output = command.output().expect("vigie runs");
            let spent = begun.elapsed();
            assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), EXPLAINED);
            spent
        })
        .collect();
    let rate = EXPLAINED as f64 / median(&mut runs).as_secs_f64();
    println!("explain over {EXPLAINED} files in one call");
    println!("  decided                 {rate:>8.0} messages/s   {:.1} times the target of 5 000", rate / 5_000.0);
}

fn median(spans: &mut [Duration]) -> Duration {
    spans.sort_unstable();
    spans[spans.len() / 2]
}

/// The most memory that the process ever held, in kB.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
}
