//! Processes that belong to the tests: started in their own group, stopped by that group, never by a name.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a server may take to answer or to end before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How often a server is started on other ports when one of them was taken meanwhile.
pub const START_TRIES: usize = 8;
/// How long the folder of a failed test is kept, once the test's process is gone.
const KEPT: Duration = Duration::from_hours(1);
/// How much of a log is printed when a test fails.
const LOG_LINES: usize = 120;

/// Calls `ready` every few milliseconds until it is true; false when `patience` ran out.
#[expect(clippy::disallowed_methods, reason = "a real server lives in real time; the tests wait here and nowhere else")]
pub fn wait_until(patience: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    loop {
        if ready() {
            return true;
        }
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A loopback port that nobody listens on.
///
/// Below the range from which the kernel takes the local ports of outgoing connections, so that a server which a test
/// stops and starts again finds its port still free.
pub fn free_port() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ephemeral: u16 = range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(32_768);
    let lowest = 16_384.min(ephemeral.saturating_sub(8_192)).max(1_025);
    let span = ephemeral.saturating_sub(lowest).max(1);
    for _ in 0..1_000 {
        let bytes = getrandom::u64().expect("randomness").to_le_bytes();
        let port = lowest + u16::from_le_bytes([bytes[0], bytes[1]]) % span;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port").local_addr().expect("its address").port()
}

/// The path of a server's program, which Debian keeps out of an ordinary user's PATH.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/postfix/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: run tests/run.sh, or `apt-get install {package}`"))
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    id(&["-u"]) == "0"
}

/// The account and group under which a server that refuses root is run: `wanted` when root, oneself otherwise.
pub fn account(wanted: &str) -> (String, String) {
    if is_root() { (id(&["-un", wanted]), id(&["-gn", wanted])) } else { (id(&["-un"]), id(&["-gn"])) }
}

fn id(args: &[&str]) -> String {
    let out = Command::new("id").args(args).output().expect("running id");
    assert!(out.status.success(), "id {args:?}: {} (is the server's package installed?)", text(&out.stderr));
    text(&out.stdout).trim().to_owned()
}

/// `program` as a command that runs under `user` (only root can change account; anybody else already is that user).
pub fn command_as(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new(self::program("setpriv", "util-linux"));
    command.args(["--reuid", user, "--regid", &id(&["-gn", user]), "--clear-groups", "--"]).arg(program);
    command
}

/// Hands a folder and all that it holds to `user` (nothing to do unless root).
pub fn give(folder: &Path, user: &str) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(folder));
    }
}

/// Runs a command to its end and returns its standard output; fails with its standard error.
pub fn run(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}\n{}{}", out.status, text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}

/// Bytes as text, for messages to people.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server process, its children included.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guardian: Child,
}

impl Process {
    /// Starts `command` in a process group of its own, with a guardian that stops it by `signal`, and removes the
    /// folder `remove`, should the test process end without stopping it.
    pub fn start(command: &mut Command, signal: &str, remove: Option<&Path>) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
        // The guardian reads a pipe that only the test process holds open: end of file means that the test is gone.
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian", signal, &child.id().to_string()])
            .arg(remove.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(Self { child, guardian })
    }

    /// The pid of the server's master process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the master process has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal to the master process alone.
    pub fn signal(&self, signal: &str) {
        kill(signal, &self.child.id().to_string());
    }

    /// Sends a signal to the master process and all its children.
    pub fn signal_group(&self, signal: &str) {
        kill(signal, &format!("-{}", self.child.id()));
    }

    /// Asks the master to end with `signal`, waits, and puts an end to what remains of its group.
    pub fn stop(mut self, signal: &str) {
        self.signal(signal);
        let ended = wait_until(PATIENCE, || self.has_ended());
        self.signal_group("KILL");
        if !ended {
            end(&mut self.child);
        }
    }

    /// Ends the whole group at once, as a power cut would.
    pub fn kill(mut self) {
        self.signal_group("KILL");
        end(&mut self.child);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guardian goes first: it must never signal a pid that the system has given to somebody else.
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
        if !self.has_ended() {
            self.signal_group("KILL");
            end(&mut self.child);
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

const GUARDIAN: &str = r#"
read -r _
kill -s "$1" "$2"
tries=0
while kill -s 0 "$2" && [ "$tries" -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
kill -s KILL -- "-$2"
[ -z "$3" ] || rm -rf -- "$3"
"#;

fn kill(signal: &str, target: &str) {
    // The shell's own kill: /bin/kill is in a package that a small system may lack. A process already gone is no fault.
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "kill", signal, target])
        .stderr(Stdio::null())
        .status();
}

/// A server's temporary folder: removed at the end, kept and named when the test fails.
#[derive(Debug)]
pub struct Folder {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    logs: Vec<PathBuf>,
}

impl Folder {
    /// A folder that other accounts may enter, since servers change account.
    pub fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        clear(name);
        let prefix = format!("vigie-{name}-{}-", std::process::id());
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("opening the folder");
        let path = dir.path().to_owned();
        Self { dir: Some(dir), path, logs: Vec::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of an entry, for a configuration file.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of a log that is printed when the test fails.
    pub fn log(&mut self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        self.logs.push(path.clone());
        path
    }

    /// All logs so far.
    pub fn read_logs(&self) -> String {
        self.logs.iter().filter_map(|log| fs::read(log).ok()).map(|bytes| text(&bytes)).collect()
    }
}

/// Removes what failed or interrupted tests left behind.
fn clear(name: &str) {
    let prefix = format!("vigie-{name}-");
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let pid = file.to_str().and_then(|file| file.strip_prefix(&prefix)?.split_once('-')).map(|(pid, _)| pid);
        let Some(pid) = pid.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) else { continue };
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|then| then.elapsed().ok());
        if !Path::new("/proc").join(pid).exists() && age.is_some_and(|age| age > KEPT) {
            // another test may be at it too
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        if let Some(dir) = self.dir.take() {
            eprintln!("--- the test failed; its server's folder is kept: {}", dir.keep().display());
        }
        for log in &self.logs {
            let content = fs::read(log).map(|bytes| text(&bytes)).unwrap_or_default();
            let lines: Vec<&str> = content.lines().collect();
            eprintln!("--- {} (last {LOG_LINES} lines)", log.display());
            for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}
