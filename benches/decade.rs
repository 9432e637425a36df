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
use vigie::app::backup;
use vigie::clock::{self, monotonic};
use vigie::store::Store;

/// Requests of ten years.
const REQUESTS: u32 = 300_000;
/// What makes the store the one it is.
const SEED: u64 = 2026;
/// The year whose figures are asked for.
const YEAR: &str = "2030";
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
    let url = Postgres::database();
    let begun = monotonic();
    runtime.block_on(restore(&url, &path));
    println!("  restored into PostgreSQL, verified before and after, in {:.0} s", begun.elapsed().as_secs_f64());
    let postgres = config(settings.path(), &url);
    verify(&postgres, "PostgreSQL");
    indicators(&postgres, "PostgreSQL");
}

/// Brings the store into an empty PostgreSQL.
async fn restore(url: &str, path: &Path) {
    let restored = backup::restore(url, path, &[], "bench", clock::now()).await.expect("restored");
    assert!(restored.ok, "{:?}", restored.first_fault);
    let store = Store::open(url).await.expect("opens");
    let Store::Postgres(pool) = &store else { panic!("PostgreSQL") };
    // What autovacuum does by itself on a server that has run for years.
    sqlx::query("ANALYZE").execute(pool).await.expect("analyses");
    store.close().await;
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
        .replace("= \"closures.toml\"", &format!("= \"{}/closures.toml\"", shipped.display()))
        .replace("= \"requesters.toml\"", &format!("= \"{}/requesters.toml\"", shipped.display()))
        .replace("= \"closures.toml\"", &format!("= \"{}/closures.toml\"", shipped.display()));
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
