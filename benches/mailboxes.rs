//! Many mailboxes on one real Dovecot, one process: memory, idle work, and how soon a new message is recorded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot set its scene ends at once; its counts are far below what a float holds"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use support::dovecot::{Dovecot, Options};
use support::process::wait_until;
use vigie::clock::monotonic;

/// Mailboxes of one server; one more lies on a server of its own, which stalls.
const MAILBOXES: usize = 300;
/// Messages whose way into the ledger is timed, with and without a stalled server.
const TIMED: usize = 300;
/// How long idleness is watched: as long as the usual `scan_every`, so that every mailbox is scanned once meanwhile.
const IDLE: Duration = Duration::from_mins(5);
/// How long all mailboxes may take to be watched.
const START: Duration = Duration::from_mins(5);
/// How long one message may take before the bench gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// Ticks of the processor's clock in a second, as Linux counts them in /proc.
const TICKS: f64 = 100.0;

fn main() {
    let users: Vec<String> = (0..MAILBOXES).map(|n| format!("balf{n:03}@prefecture.example.org")).collect();
    let pairs: Vec<(&str, &str)> = users.iter().map(|user| (user.as_str(), "secret")).collect();
    let dovecot = Dovecot::start_with(&pairs, roomy());
    let other = Dovecot::start(&[("lente@prefecture.example.org", "secret")]);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("secret"), "secret\n").expect("a secret");
    fs::write(folder.path().join("vigie.toml"), configuration(&dovecot, &other, &users)).expect("the configuration");
    let begun = monotonic();
    let mut vigie = Vigie::start(folder.path());
    assert!(wait_until(START, || vigie.watched() > MAILBOXES), "not all are watched");
    println!("{MAILBOXES} mailboxes on one Dovecot, TLS, one process, {} processors", cores());
    println!("  all watched after       {:>8.1} s", begun.elapsed().as_secs_f64());
    println!("  inotify instances       {:>8} for Dovecot's IDLE, fs.inotify.max_user_instances", inotify());
    let (work, before) = (vigie.ticks(), monotonic());
    std::thread::park_timeout(IDLE);
    let share = (vigie.ticks() - work) as f64 / TICKS / before.elapsed().as_secs_f64() * 100.0;
    println!("  idle work               {share:>8.2} % of a processor   (target: below 2)");
    println!("  resident memory         {:>8} kB   (target: below 200 000)", vigie.memory("VmRSS:"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.path().join("vigie.db")).read_only(true);
        let store = SqlitePool::connect_with(options).await.expect("the database");
        let mut known = 0;
        report("recorded after delivery", time(&dovecot, &store, &users, &mut known).await);
        other.freeze();
        report("the same, a server stalls", time(&dovecot, &store, &users, &mut known).await);
        other.thaw();
    });
    println!("  peak memory             {:>8} kB", vigie.memory("VmHWM:"));
    vigie.stop();
}

/// A Dovecot with room for every mailbox's session; where inotify has too few instances it looks by itself each second.
fn roomy() -> Options {
    let extra = "mailbox_idle_check_interval = 1s\ndefault_client_limit = 4000\ndefault_process_limit = 1500\n\
         service imap {\n  process_limit = 1500\n}\nservice imap-login {\n  client_limit = 3000\n}\n\
         service auth {\n  client_limit = 6000\n}\nservice anvil {\n  client_limit = 6000\n}\n";
    Options { extra: extra.to_owned(), max_connections: 20, ..Options::default() }
}

fn configuration(dovecot: &Dovecot, other: &Dovecot, users: &[String]) -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let config = config.display();
    let mut toml = format!(
        "templates = \"{config}/templates\"\ncommitments = \"{config}/commitments.toml\"\n\
         requesters = \"{config}/requesters.toml\"\n\
         [prefecture]\nname = \"Préfecture d’Exemple\"\nterritory = \"metropole\"\nnode = \"mesure\"\n\
         internal_domains = [\"prefecture.example.org\"]\nsender = \"vigie@prefecture.example.org\"\n\
         administrators = [\"sidsic@prefecture.example.org\"]\n[store]\nurl = \"vigie.db\"\n\
         [smtp.server]\nhost = \"localhost\"\nport = 1\nsecurity = \"plain\"\n\
         [[bureaux]]\nkey = \"accueil\"\nlabel = \"Accueil\"\nagents = [\"agents@prefecture.example.org\"]\n"
    );
    let served = users.iter().map(|user| (user.as_str(), dovecot)).chain([("lente@prefecture.example.org", other)]);
    for (number, (user, server)) in served.enumerate() {
        // the shipped commitments name two mailboxes
        let name = match number {
            0 => "pref-pan".to_owned(),
            1 => "pref-étrangers".to_owned(),
            _ => format!("b{number:03}"),
        };
        let (port, ca) = (server.imaps_port, server.ca_file.display());
        toml.push_str(&format!(
            "[[mailboxes]]\nname = \"{name}\"\naddress = \"{user}\"\nbureau = \"accueil\"\nprefix = \"B{number:03}\"\n\
             template = \"pref-pan\"\n[mailboxes.imap]\nhost = \"localhost\"\nport = {port}\nca_file = \"{ca}\"\n\
             login = \"{user}\"\npassword_file = \"secret\"\n[mailboxes.service]\nname = \"Service\"\n\
             postal_address = \"1 place\"\ntelephone = \"04 00 00 00 00\"\ndata_protection = \"Vos droits.\"\n"
        ));
    }
    toml
}

/// Delivers messages to one mailbox after the other, each once the one before is recorded: how long each took.
async fn time(dovecot: &Dovecot, store: &SqlitePool, users: &[String], known: &mut usize) -> Vec<Duration> {
    let mut spans = Vec::new();
    for n in 0..TIMED {
        // a step that is prime to the number of mailboxes visits each of them
        let user = &users[(n * 7) % users.len()];
        let text = format!(
            "From: Usager <usager{known}@example.org>\r\nTo: <{user}>\r\nSubject: Demande {known}\r\n\
             Message-ID: <n{known}@example.org>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0100\r\n\r\nBonjour\r\n"
        );
        dovecot.deliver(user, text.as_bytes());
        let begun = monotonic();
        *known += 1;
        while recorded(store).await < *known {
            assert!(begun.elapsed() < PATIENCE, "message {known} is not recorded");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        spans.push(begun.elapsed());
    }
    spans
}

async fn recorded(store: &SqlitePool) -> usize {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM message").fetch_one(store).await.expect("reads");
    usize::try_from(count).expect("a count")
}

fn report(what: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |share: usize| spans[(spans.len() - 1) * share / 100].as_secs_f64();
    let (median, high, most) = (at(50), at(99), at(100));
    println!("  {what:<26} median {median:.2} s, 99th percentile {high:.2} s (target: below 1), longest {most:.2} s");
}

fn inotify() -> String {
    fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").map_or("?".to_owned(), |text| text.trim().to_owned())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The program to measure: the one built with this bench, unless `VIGIE_PROGRAM` names another.
fn program() -> PathBuf {
    std::env::var_os("VIGIE_PROGRAM").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_vigie")), PathBuf::from)
}

/// The daemon as it ships.
struct Vigie {
    child: Child,
    folder: PathBuf,
}

impl Vigie {
    fn start(folder: &Path) -> Self {
        let log = fs::File::create(folder.join("vigie.log")).expect("a log");
        let mut command = Command::new(program());
        command.arg("run").arg("--config").arg(folder.join("vigie.toml")).current_dir(folder);
        command.stdout(Stdio::null()).stderr(log).env_remove("JOURNAL_STREAM");
        Self { child: command.spawn().expect("vigie runs"), folder: folder.to_owned() }
    }

    /// How many mailboxes were read at least once.
    fn watched(&mut self) -> usize {
        let log = self.folder.join("vigie.log");
        assert!(
            self.child.try_wait().expect("a state").is_none(),
            "vigie ended:\n{}",
            fs::read_to_string(log).unwrap()
        );
        let mut command = Command::new(program());
        command.args(["status", "--format", "json", "--config"]).arg(self.folder.join("vigie.toml"));
        let output = command.output().expect("vigie status");
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains("\"last_scan\":\"")).count()
    }

    /// The work that the process did so far, in ticks.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process runs");
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    }

    fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with(key)).expect("the key");
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
    }

    fn stop(mut self) {
        support::process::run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()));
        self.child.wait().expect("it ends");
    }
}
