//! A whole prefecture in a temporary folder: Dovecot, Postfix, a sink that plays the rest of the world, and vigie's
//! own program with a configuration like the shipped one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::dovecot::{self, Dovecot};
use super::postfix::{self, Postfix};
use super::process::{PATIENCE, text, wait_until};
use super::sink::{Mail, Sink};

/// The functional address of the first mailbox.
pub const PAN: &str = "pref-pan@prefecture.example.org";
/// The functional address of the second mailbox.
pub const ETR: &str = "pref-etrangers@prefecture.example.org";
/// An agent of the bureau of the first mailbox.
pub const AGENT: &str = "agents.citoyennete@prefecture.example.org";
/// An administrator.
pub const ADMIN: &str = "sidsic@prefecture.example.org";
/// The folder of sent messages.
pub const SENT: &str = "Éléments envoyés";

/// vigie's program.
const VIGIE: &str = env!("CARGO_BIN_EXE_vigie");

/// The prefecture. Dropping it stops everything that it started.
pub struct House {
    /// The mail server of the mailboxes.
    pub dovecot: Dovecot,
    /// The relay.
    pub postfix: Postfix,
    /// The rest of the world.
    pub sink: Sink,
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl House {
    /// A prefecture whose mailboxes are in `mode`; `adapt` may change the configuration's text before it is written.
    pub fn new(mode: &str, adapt: impl Fn(String) -> String) -> Self {
        Self::with(mode, dovecot::Options::default(), adapt)
    }

    /// The same with another mail server.
    pub fn with(mode: &str, options: dovecot::Options, adapt: impl Fn(String) -> String) -> Self {
        let users = [(PAN, "pan secret"), (ETR, "etrangers"), (AGENT, "agent"), (ADMIN, "admin")];
        let dovecot = Dovecot::start_with(&users, options);
        let sink = Sink::start();
        // What comes from this machine comes from the world: nothing is added to it, no Message-ID above all.
        let outside = postfix::Options { extra: "local_header_rewrite_clients =".to_owned(), ..Default::default() };
        let postfix = Postfix::start_with(&dovecot, &sink, &outside);
        let folder = tempfile::Builder::new().prefix("vigie-house-").tempdir().expect("a temporary folder");
        let house = Self { dovecot, postfix, sink, folder, daemon: None };
        for (name, word) in [("pan", users[0].1), ("etr", users[1].1)] {
            fs::write(house.path(name), format!("{word}\n")).expect("a secret");
        }
        house.configure(&adapt(house.usual(mode)));
        house
    }

    /// A path in the prefecture's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration.
    pub fn configure(&self, toml: &str) {
        fs::write(self.path("vigie.toml"), toml).expect("the configuration");
    }

    /// The usual configuration: every working hour is open, so that no test depends on the time of day.
    pub fn usual(&self, mode: &str) -> String {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let (config, ca) = (config.display(), self.dovecot.ca_file.display());
        let (imaps, starttls, submissions) =
            (self.dovecot.imaps_port, self.dovecot.imap_port, self.postfix.submissions_port);
        let service = "[mailboxes.service]\nname = \"Service d’essai\"\npostal_address = \"1 place de la Préfecture, 01000 Exemple\"\n\
             telephone = \"04 00 00 00 00\"\ndata_protection = \"Vos droits : dpo@prefecture.example.org.\"\n";
        format!(
            "templates = \"{config}/templates\"\ncommitments = \"{config}/commitments.toml\"\n\
             requesters = \"{config}/requesters.toml\"\n\
             [prefecture]\nname = \"Préfecture d’Exemple\"\nterritory = \"metropole\"\nnode = \"essai\"\n\
             internal_domains = [\"prefecture.example.org\"]\nsender = \"vigie@prefecture.example.org\"\n\
             administrators = [\"{ADMIN}\"]\n\
             [store]\nurl = \"vigie.db\"\n\
             [smtp]\nunknown_retry_after = \"1s\"\nquota = []\n\
             [smtp.server]\nhost = \"localhost\"\nport = {submissions}\nca_file = \"{ca}\"\nlogin = \"{PAN}\"\npassword_file = \"pan\"\n\
             [[bureaux]]\nkey = \"citoyennete\"\nlabel = \"Bureau de la citoyenneté\"\nagents = [\"{AGENT}\"]\n\
             hours = [\"00:00-00:00\"]\n\
             [[bureaux]]\nkey = \"etrangers\"\nlabel = \"Bureau des étrangers\"\nagents = [\"{AGENT}\"]\n\
             hours = [\"00:00-00:00\"]\n\
             [[mailboxes]]\nname = \"pref-pan\"\naddress = \"{PAN}\"\nbureau = \"citoyennete\"\nprefix = \"PAN\"\nmode = \"{mode}\"\n\
             template = \"pref-pan\"\nscan_every = \"2s\"\n\
             [mailboxes.imap]\nhost = \"localhost\"\nport = {imaps}\nca_file = \"{ca}\"\nlogin = \"{PAN}\"\npassword_file = \"pan\"\n\
             {service}\
             [[mailboxes]]\nname = \"pref-étrangers\"\naddress = \"{ETR}\"\nbureau = \"etrangers\"\nprefix = \"ETR\"\nmode = \"{mode}\"\n\
             template = \"pref-etrangers\"\nscan_every = \"2s\"\n\
             [mailboxes.imap]\nhost = \"localhost\"\nport = {starttls}\nsecurity = \"starttls\"\nca_file = \"{ca}\"\nlogin = \"{ETR}\"\npassword_file = \"etr\"\n\
             {service}"
        )
    }

    fn command(&self, program: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(arguments).arg("--config").arg(self.path("vigie.toml"));
        command
    }

    /// Runs a command of vigie to its end, which a minute must bring.
    pub fn vigie(&self, arguments: &[&str]) -> Output {
        self.command(&["timeout", "60", VIGIE], arguments).output().expect("vigie runs")
    }

    /// What a listing prints as JSON, a value a line; a command that fails is told with its error.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.vigie(&[arguments, &["--format", "json"]].concat());
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        assert!(error.is_empty(), "vigie {arguments:?}: {error}");
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Starts the daemon, and looks whether it has made its database.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same, with variables of the environment.
    pub fn start_with(&mut self, variables: &[(&str, &str)]) {
        self.spawn(variables);
        let made = wait_until(PATIENCE, || self.has_ended() || self.vigie(&["status"]).stderr.is_empty());
        assert!(made, "vigie makes no database:\n{}", self.log());
    }

    /// Starts the daemon and leaves the processors to it.
    pub fn start_unwatched(&mut self) {
        self.spawn(&[]);
    }

    fn spawn(&mut self, variables: &[(&str, &str)]) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = self.command(&[VIGIE], &["run"]);
        command.env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET").stdout(Stdio::null()).stderr(log);
        command.envs(variables.iter().copied());
        self.daemon = Some(command.spawn().expect("vigie starts"));
    }

    /// Whether the daemon has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.daemon.as_mut().is_none_or(|daemon| daemon.try_wait().expect("its status").is_some())
    }

    /// The daemon's pid.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("vigie runs").id()
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status().expect("kill");
        assert!(sent.success(), "vigie no longer runs:\n{}", self.log());
    }

    /// Sends the daemon a signal and waits for its end; its exit code.
    pub fn stop(&mut self, signal: &str) -> Option<i32> {
        self.stop_within(signal, PATIENCE)
    }

    /// The same, where it must end within a span.
    pub fn stop_within(&mut self, signal: &str, span: Duration) -> Option<i32> {
        self.signal(signal);
        let mut daemon = self.daemon.take().expect("vigie runs");
        let mut code = None;
        let ended = wait_until(span, || {
            daemon.try_wait().expect("its status").inspect(|status| code = status.code()).is_some()
        });
        if !ended {
            self.daemon = Some(daemon);
        }
        assert!(ended, "vigie does not end within {span:?}");
        code
    }

    /// What the daemon wrote into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until a condition holds; fails with the daemon's log.
    pub fn wait(&self, what: &str, mut ready: impl FnMut(&Self) -> bool) {
        assert!(wait_until(PATIENCE, || ready(self)), "not within {} s: {what}\n{}", PATIENCE.as_secs(), self.log());
    }

    /// Waits until so many messages are recorded.
    pub fn wait_recorded(&self, count: usize) -> Vec<Value> {
        self.wait(&format!("{count} messages recorded"), |house| house.json(&["messages"]).len() >= count);
        self.json(&["messages"])
    }

    /// Waits until no mail waits to be sent, and gives those that reached the rest of the world.
    pub fn wait_sent(&self, count: usize) -> Vec<Mail> {
        self.wait(&format!("{count} mails at the sink"), |house| house.sink.mails().len() >= count);
        self.sink.mails()
    }

    /// Puts a message into a mailbox while the relay is down.
    pub fn receive_locally(&self, mailbox: &str, message: &str) {
        self.dovecot.deliver_from(sender_of(message), mailbox, message.replace('\n', "\r\n").as_bytes());
    }

    /// Delivers a message to a mailbox as its mail server would receive it.
    pub fn receive(&self, mailbox: &str, message: &str) {
        self.postfix.deliver(sender_of(message), mailbox, message.replace('\n', "\r\n").as_bytes());
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            eprintln!("vigie's log:\n{}", self.log());
        }
    }
}

/// The address of the From header: the envelope's sender.
fn sender_of(message: &str) -> &str {
    let from = message.lines().find_map(|line| line.strip_prefix("From: ")).unwrap_or_default();
    from.rsplit_once('<').map_or(from, |(_, address)| address.trim_end_matches('>'))
}

/// A message of a citizen.
pub fn mail(from: &str, to: &str, id: &str, subject: &str, more: &str) -> String {
    let date = chrono_date();
    format!(
        "From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{id}>\nDate: {date}\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n{more}\nBonjour,\n\nPouvez-vous m’aider ?\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "a real server lives in real time")]
fn chrono_date() -> String {
    chrono::Utc::now().to_rfc2822()
}
