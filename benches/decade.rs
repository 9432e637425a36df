//! Ten years of one préfecture, on both engines: how long what an auditor asks takes, and how much memory.
//! `bash tests/bench.sh` runs it; `cargo bench --bench decade -- 30000` takes another size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a bench that cannot set its scene ends at once; its counts are far below what a float holds"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::decade;
use support::postgres::Postgres;
use vigie::clock::monotonic;
use vigie::store::Store;

/// Requests of ten years.
const REQUESTS: u32 = 300_000;
/// What makes the store the one it is.
const SEED: u64 = 2026;
/// The year whose figures are asked for.
const YEAR: &str = "2030";
/// Entries of one INSERT.
const ROWS_PER_INSERT: usize = 2_000;
/// Runs of each measurement; the median is quoted.
const RUNS: usize = 3;

fn main() {
    let requests = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(REQUESTS);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begun = monotonic();
    let path = runtime.block_on(decade::kept(folder, requests, SEED));
    println!(
        "ten years: {requests} requests through the real use cases ({:.0} s to make)",
        begun.elapsed().as_secs_f64()
    );
    let settings = tempfile::tempdir().expect("a folder");
    let sqlite = config(settings.path(), &path.display().to_string());
    verify(&sqlite, "SQLite");
    indicators(&sqlite, "SQLite");
    let database = Postgres::database();
    runtime.block_on(copy_ledger(&path.display().to_string(), &database));
    indicators(&config(settings.path(), &database), "PostgreSQL");
}

/// Writes the same ledger into an empty PostgreSQL: what figures are folded from.
async fn copy_ledger(from: &str, to: &str) {
    let (from, to) = (Store::open(from).await.expect("opens"), Store::open(to).await.expect("opens"));
    let Store::Postgres(pool) = &to else { panic!("PostgreSQL") };
    let mut head = from.head_at(0).await.expect("reads").map(|(head, _)| head).unwrap_or_default();
    loop {
        let page = from.ledger_after(head.seq).await.expect("reads");
        let Some(last) = page.last() else { break };
        (head.seq, head.hash) = (last.seq, last.hash.clone());
        for rows in page.chunks(ROWS_PER_INSERT) {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO ledger (seq, occurred_at, recorded_at, kind, mailbox, request, payload, previous, hash) ",
            );
            insert.push_values(rows, |mut row, entry| {
                row.push_bind(entry.seq)
                    .push_bind(entry.occurred_at.timestamp_millis())
                    .push_bind(entry.recorded_at.timestamp_millis())
                    .push_bind(&entry.kind)
                    .push_bind(entry.mailbox.as_deref().unwrap_or_default())
                    .push_bind(entry.request.as_deref().unwrap_or_default())
                    .push_bind(&entry.payload)
                    .push_bind(&entry.previous)
                    .push_bind(&entry.hash);
            });
            insert.build().execute(pool).await.expect("writes");
        }
    }
    let moved = sqlx::query("UPDATE head SET seq = $1, hash = $2").bind(head.seq).bind(&head.hash);
    moved.execute(pool).await.expect("moves the head");
    // What autovacuum does by itself on a server that has run for years.
    sqlx::query("ANALYZE ledger").execute(pool).await.expect("analyses");
}

/// `vigie indicators` for a year: the median time, and the most memory of any run.
fn indicators(config: &Path, engine: &str) {
    let (mut spans, mut memory, mut received) = (Vec::new(), 0, 0);
    for _ in 0..RUNS {
        let begun = monotonic();
        let (answer, peak) = measured(config, &["indicators", "--period", YEAR, "--by", "month", "--format", "json"]);
        spans.push(begun.elapsed());
        let all: serde_json::Value = serde_json::from_str(answer.lines().last().expect("a line")).expect("JSON");
        received = all["received"].as_i64().expect("a count");
        memory = memory.max(peak);
    }
    println!(
        "  indicators {YEAR}, {engine:<10} {:>6.2} s for {received} requests (target: below 1)   {:>4} MB (target: below 200)",
        median(&mut spans).as_secs_f64(),
        memory / 1024
    );
}

/// The shipped configuration on another database.
fn config(folder: &Path, url: &str) -> std::path::PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let text = std::fs::read_to_string(shipped.join("vigie.toml")).expect("the shipped configuration");
    let text = text
        .replace("/var/lib/vigie/vigie.db", url)
        .replace("= \"templates\"", &format!("= \"{}/templates\"", shipped.display()))
        .replace("= \"commitments.toml\"", &format!("= \"{}/commitments.toml\"", shipped.display()))
        .replace("= \"requesters.toml\"", &format!("= \"{}/requesters.toml\"", shipped.display()));
    let path = folder.join("vigie.toml");
    std::fs::write(&path, text).expect("written");
    path
}

/// `vigie ledger verify`: the median time, and the most memory of any run.
fn verify(config: &Path, engine: &str) {
    let mut spans = Vec::new();
    let (mut memory, mut entries) = (0, 0);
    for _ in 0..RUNS {
        let begun = monotonic();
        let (answer, peak) = measured(config, &["ledger", "verify", "--format", "json"]);
        spans.push(begun.elapsed());
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["ok"], true, "{answer}");
        entries = answer["entries"].as_i64().expect("a count");
        memory = memory.max(peak);
    }
    println!(
        "  ledger verify, {engine:<10} {:>6.1} s of {entries} entries (target: below 30)   {:>4} MB (target: below 200)",
        median(&mut spans).as_secs_f64(),
        memory / 1024
    );
}

/// Runs vigie; what it printed, and the most memory that it held, in kB, as GNU time tells.
fn measured(config: &Path, arguments: &[&str]) -> (String, u64) {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M", env!("CARGO_BIN_EXE_vigie"), "--config"])
        .arg(config)
        .args(arguments)
        .output()
        .expect("GNU time is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let peak = said.lines().last().and_then(|line| line.trim().parse().ok()).expect("a figure from GNU time");
    (String::from_utf8_lossy(&output.stdout).into_owned(), peak)
}

fn median(spans: &mut [Duration]) -> Duration {
    spans.sort_unstable();
    spans[spans.len() / 2]
}
