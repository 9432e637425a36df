//! A PostgreSQL of one's own, without durability: what it holds dies with the test.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::process::{self, Folder, PATIENCE, Process, START_TRIES, wait_until};

/// The server that the tests of one binary share.
static SHARED: OnceLock<Postgres> = OnceLock::new();
/// Numbers the databases of this process.
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A running PostgreSQL; dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    binaries: PathBuf,
    account: String,
    process: Option<Process>,
    folder: Folder,
}

impl Postgres {
    /// The URL of a fresh, empty database on the server that this test binary shares.
    pub fn database() -> String {
        SHARED.get_or_init(Self::start).create_database()
    }

    /// A server of one's own, for tests that stop it.
    pub fn start() -> Self {
        let (account, _) = process::account("postgres");
        let mut folder = Folder::new("postgres");
        folder.log("postgres.log");
        let mut postgres = Self { port: 0, binaries: binaries(), account, process: None, folder };
        postgres.make_data();
        for _ in 0..START_TRIES {
            postgres.port = process::free_port();
            if postgres.try_start() {
                return postgres;
            }
        }
        panic!("PostgreSQL does not start:\n{}", postgres.log());
    }

    /// The URL of the database that every server has.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a fresh, empty database on this server.
    pub fn create_database(&self) -> String {
        let name = format!("essai_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::SeqCst));
        let url = self.url();
        self.psql(&url, &format!("CREATE DATABASE {name}"));
        self.url_of(&name)
    }

    /// Runs SQL with psql and returns what it printed, unaligned and without headers.
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let mut command = Command::new(self.binaries.join("psql"));
        process::run(command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]))
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.folder.read_logs()
    }

    /// Stops the server in good order, its clients are cut.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop("INT");
        }
    }

    /// Ends the server at once; the next start recovers.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop("QUIT");
        }
    }

    /// Starts the stopped server again, on the same port, with the same data.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "PostgreSQL still runs");
        assert!(wait_until(PATIENCE, || self.try_start()), "its port is taken:\n{}", self.log());
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn try_start(&mut self) -> bool {
        let before = self.log().len();
        let log = File::options().create(true).append(true).open(self.folder.join("postgres.log")).expect("its log");
        let mut command = process::command_as(&self.account, &self.binaries.join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-p").arg(self.port.to_string());
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.stdout(log.try_clone().expect("its log")).stderr(log).current_dir(self.folder.path());
        let mut process = Process::start(&mut command, "QUIT", Some(self.folder.path())).expect("starting PostgreSQL");
        let mut ended = false;
        let up = wait_until(PATIENCE, || {
            ended = process.has_ended();
            ended || lets_in(self.port)
        });
        if up && !ended {
            self.process = Some(process);
            return true;
        }
        let said = self.log();
        let said = said.get(before..).unwrap_or_default();
        assert!(said.contains("Address already in use"), "PostgreSQL does not start:\n{said}");
        false
    }

    /// A data folder copied from a template, since `initdb` takes seconds and a copy does not.
    fn make_data(&self) {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(base).expect("the target's temporary folder");
        let version = process::run(Command::new(self.binaries.join("postgres")).arg("--version"));
        let name: String = version.chars().filter(char::is_ascii_alphanumeric).collect();
        let template = base.join(format!("template-{name}"));
        let data = self.folder.join("data");
        // Test processes run side by side: one of them makes the template, the others wait for it.
        let lock = File::create(base.join("template.lock")).expect("the template's lock");
        lock.lock().expect("locking the template");
        if !template.exists() {
            self.make_template(&base.join("template-in-progress"), &template);
        }
        lock.unlock().expect("unlocking the template");
        process::run(Command::new("cp").arg("-r").arg(&template).arg(&data));
        process::give(self.folder.path(), &self.account);
        fs::set_permissions(&data, Permissions::from_mode(0o700)).expect("the rights of the data folder");
    }

    fn make_template(&self, unfinished: &Path, template: &Path) {
        // In the temporary folder first: the account of PostgreSQL may have no right to enter the target folder.
        let made = self.folder.join("template");
        process::give(self.folder.path(), &self.account);
        let mut initdb = process::command_as(&self.account, &self.binaries.join("initdb"));
        initdb.args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        process::run(initdb.args(["--wal-segsize=1", "-D"]).arg(&made).current_dir(self.folder.path()));
        let _ = fs::remove_dir_all(unfinished);
        process::run(Command::new("cp").arg("-r").arg(&made).arg(unfinished));
        fs::rename(unfinished, template).expect("naming the template");
        fs::remove_dir_all(made).expect("removing the first copy");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The newest PostgreSQL of the system; Debian keeps its programs out of the PATH.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, path)| path.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map_or_else(
        || panic!("PostgreSQL is missing: run tests/run.sh, or `apt-get install postgresql`"),
        |(_, path)| path,
    )
}

/// Whether the server lets `postgres` in; it opens its port before that.
fn lets_in(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    if stream.set_read_timeout(Some(Duration::from_secs(5))).is_err() {
        return false;
    }
    // StartupMessage of protocol 3.0; the answer `R` is an authentication, `E` an error such as "starting up".
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(parameters.len() + 8).expect("a short message").to_be_bytes();
    let message = [&length[..], &196_608_u32.to_be_bytes(), parameters].concat();
    let mut answer = [0];
    stream.write_all(&message).is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"R"
}

const SETTINGS: [&str; 9] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=100",
    "max_wal_size=64MB",
    "timezone=UTC",
];
