//! A Dovecot 2.3 of one's own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, FixedOffset};

use super::imap::{self, Client};
use super::process::{self, Folder, PATIENCE, Process, START_TRIES, wait_until};
use super::smtp;
use super::tls::Authority;

/// What Dovecot 2.3 offers after login; [`Options::without`] cuts it down.
const CAPABILITIES: &str = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES \
    THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS \
    LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE \
    SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE";

/// A folder that every mailbox has.
#[derive(Debug, Clone)]
pub struct MailFolder {
    /// Its name, in clear.
    pub name: String,
    /// Its RFC 6154 use, such as `\Sent`.
    pub special_use: Option<&'static str>,
}

impl MailFolder {
    /// A folder of no special use.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), special_use: None }
    }

    /// A folder with a special use, such as `\Sent`.
    pub fn with_use(name: &str, special_use: &'static str) -> Self {
        Self { name: name.to_owned(), special_use: Some(special_use) }
    }
}

/// How a server differs from the usual one.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders that exist from the start, besides INBOX.
    pub folders: Vec<MailFolder>,
    /// Between the parts of a folder's name.
    pub separator: char,
    /// SASL mechanisms, as Dovecot writes them.
    pub auth_mechanisms: String,
    /// Capabilities withdrawn from what the server says it can do, for example `["CONDSTORE", "QRESYNC"]`.
    pub without: Vec<&'static str>,
    /// Connections that one account may hold at a time.
    pub max_connections: u32,
    /// `maildir`, `mdbox` or `sdbox`; only Maildir can be filled quickly.
    pub format: &'static str,
    /// Where Sieve's vacation replies go (a port that speaks SMTP); `None` leaves Sieve out.
    pub sieve_port: Option<u16>,
    /// The certificate that the server shows.
    pub authority: Authority,
    /// Lines appended to the configuration.
    pub extra: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folders: vec![
                MailFolder::with_use("Éléments envoyés", "\\Sent"),
                MailFolder::with_use("Brouillons", "\\Drafts"),
                MailFolder::with_use("Corbeille", "\\Trash"),
                MailFolder::with_use("Indésirables", "\\Junk"),
            ],
            separator: '/',
            auth_mechanisms: "plain login".to_owned(),
            without: Vec::new(),
            max_connections: 200,
            format: "maildir",
            sieve_port: None,
            authority: Authority::new(),
            extra: String::new(),
        }
    }
}

/// A message that [`Dovecot::fill`] writes.
#[derive(Debug, Clone)]
pub struct Filled {
    /// The message, its lines ended by CRLF.
    pub bytes: Vec<u8>,
    /// INTERNALDATE, in seconds since 1970.
    pub internal_date: u64,
    /// Maildir flags, such as `S` (seen), `RS` (replied to and seen), or nothing.
    pub flags: &'static str,
}

/// A running Dovecot; dropping it stops it.
#[derive(Debug)]
pub struct Dovecot {
    /// IMAP, with STARTTLS on offer (and plain login allowed, for the tests' own reading).
    pub imap_port: u16,
    /// IMAP over TLS.
    pub imaps_port: u16,
    /// LMTP.
    pub lmtp_port: u16,
    /// The SASL service that Postfix asks.
    pub auth_port: u16,
    /// The certificate of the authority to trust.
    pub ca_file: PathBuf,
    /// The accounts: login and password.
    pub users: Vec<(String, String)>,
    /// As it was started.
    pub options: Options,
    account: String,
    filled: u64,
    process: Option<Process>,
    folder: Folder,
}

impl Dovecot {
    /// Starts a server whose mailboxes are `users` (login, password), with the usual options.
    pub fn start(users: &[(&str, &str)]) -> Self {
        Self::start_with(users, Options::default())
    }

    /// Starts a server that differs from the usual one.
    pub fn start_with(users: &[(&str, &str)], options: Options) -> Self {
        let (account, group) = process::account("dovecot");
        let mut folder = Folder::new("dovecot");
        folder.log("dovecot.log");
        let files = options.authority.write(&folder.join("tls"));
        let users: Vec<(String, String)> =
            users.iter().map(|(login, password)| ((*login).to_owned(), (*password).to_owned())).collect();
        let mut dovecot = Self {
            imap_port: 0,
            imaps_port: 0,
            lmtp_port: 0,
            auth_port: 0,
            ca_file: files.ca,
            users,
            options,
            account,
            filled: 0,
            process: None,
            folder,
        };
        for name in ["run", "state", "mail"] {
            fs::create_dir(dovecot.folder.join(name)).expect("a folder of Dovecot's");
        }
        let passwords: String =
            dovecot.users.iter().fold(String::new(), |all, (login, password)| format!("{all}{login}:{password}\n"));
        fs::write(dovecot.folder.join("users"), passwords).expect("the accounts");
        process::give(dovecot.folder.path(), &dovecot.account);
        for _ in 0..START_TRIES {
            dovecot.imap_port = process::free_port();
            dovecot.imaps_port = process::free_port();
            dovecot.lmtp_port = process::free_port();
            dovecot.auth_port = process::free_port();
            fs::write(dovecot.config(), dovecot.configuration(&group)).expect("dovecot.conf");
            if dovecot.try_start() {
                return dovecot;
            }
        }
        panic!("Dovecot does not start:\n{}", dovecot.log());
    }

    fn try_start(&mut self) -> bool {
        let before = self.log().len();
        let mut command = process::command_as(&self.account, &process::program("dovecot", "dovecot-imapd"));
        command.arg("-F").arg("-c").arg(self.config()).current_dir(self.folder.path());
        let mut process = Process::start(&mut command, "TERM", Some(self.folder.path())).expect("starting Dovecot");
        let mut ended = false;
        wait_until(PATIENCE, || {
            ended = process.has_ended();
            ended || smtp::greets(self.imap_port)
        });
        if !ended {
            self.process = Some(process);
            return true;
        }
        let said = self.log();
        let said = said.get(before..).unwrap_or_default();
        assert!(said.contains("Address already in use"), "Dovecot does not start:\n{said}");
        false
    }

    fn config(&self) -> PathBuf {
        self.folder.join("dovecot.conf")
    }

    /// The master process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("Dovecot is stopped").pid()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.folder.read_logs()
    }

    /// Stops the server in good order; its sessions are closed.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop("TERM");
        }
    }

    /// Ends the server and every session at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts the stopped server again, on the same ports, with the same mail.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "Dovecot still runs");
        // left behind by a power cut, it would name whoever bears the number now
        let _ = fs::remove_file(self.folder.join("run").join("master.pid"));
        assert!(wait_until(PATIENCE, || self.try_start()), "its ports are taken:\n{}", self.log());
    }

    /// Stops and starts again.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Suspends every process of the server: it accepts connections and says nothing, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.process.as_ref().expect("Dovecot is stopped").signal_group("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("Dovecot is stopped").signal_group("CONT");
    }

    /// Runs doveadm on this server and returns what it printed.
    pub fn doveadm(&self, args: &[&str]) -> String {
        let mut command = process::command_as(&self.account, &process::program("doveadm", "dovecot-imapd"));
        process::run(command.arg("-c").arg(self.config()).args(args).current_dir(self.folder.path()))
    }

    /// Cuts every IMAP session of an account.
    pub fn kick(&self, mailbox: &str) {
        self.doveadm(&["kick", mailbox]);
    }

    /// Changes the password of an account; sessions that are open stay so.
    pub fn set_password(&mut self, mailbox: &str, password: &str) {
        for user in &mut self.users {
            if user.0 == mailbox {
                password.clone_into(&mut user.1);
            }
        }
        let passwords: String =
            self.users.iter().fold(String::new(), |all, (login, pass)| format!("{all}{login}:{pass}\n"));
        fs::write(self.folder.join("users"), passwords).expect("the accounts");
        self.doveadm(&["auth", "cache", "flush"]);
    }

    /// An IMAP session of the tests' own.
    pub fn imap(&self, mailbox: &str) -> Client {
        Client::login(self.imap_port, mailbox, self.password(mailbox))
    }

    /// The password of an account.
    pub fn password(&self, mailbox: &str) -> &str {
        let user = self.users.iter().find(|(login, _)| login == mailbox);
        &user.unwrap_or_else(|| panic!("{mailbox} is not a mailbox of this server")).1
    }

    /// Delivers a message by LMTP, from a sender outside.
    pub fn deliver(&self, mailbox: &str, bytes: &[u8]) {
        self.deliver_from("usager@example.org", mailbox, bytes);
    }

    /// Delivers a message by LMTP with its envelope sender, `""` for none.
    pub fn deliver_from(&self, sender: &str, mailbox: &str, bytes: &[u8]) {
        smtp::lmtp(self.lmtp_port, sender, mailbox, bytes);
    }

    /// Stores a message by IMAP with its date and flags, as a mail client or a migration would.
    pub fn append(
        &self,
        mailbox: &str,
        folder: &str,
        bytes: &[u8],
        internal_date: Option<DateTime<FixedOffset>>,
        flags: &str,
    ) -> String {
        self.imap(mailbox).append(folder, bytes, internal_date, flags)
    }

    /// Makes a Sieve script the active one of a mailbox; [`Options::sieve_port`] must be set.
    pub fn sieve(&self, mailbox: &str, script: &str) {
        // The first session makes the home.
        drop(self.imap(mailbox).select("INBOX"));
        let path = self.folder.join("mail").join(mailbox).join(".dovecot.sieve");
        fs::write(&path, script).expect("a Sieve script");
    }

    /// Creates a folder, its name in clear.
    pub fn create(&self, mailbox: &str, folder: &str) {
        self.imap(mailbox).ok(&format!("CREATE \"{}\"", imap::encode_folder(folder)));
    }

    /// The bytes of every message of a folder, in the order of their UIDs.
    pub fn messages(&self, mailbox: &str, folder: &str) -> Vec<Vec<u8>> {
        self.imap(mailbox).messages(folder)
    }

    /// Writes `count` messages straight into a Maildir folder, in order; 25 000 take a second or so.
    pub fn fill(&mut self, mailbox: &str, folder: &str, count: u64, message: impl Fn(u64) -> Filled) {
        assert_eq!(self.options.format, "maildir", "only Maildir can be filled");
        drop(self.imap(mailbox).select(folder));
        let maildir = self.folder.join("mail").join(mailbox).join("maildir");
        let name = imap::encode_folder(folder).replace(self.options.separator, ".");
        let home = if folder == "INBOX" { maildir } else { maildir.join(format!(".{name}")) };
        // Files enter `tmp`, get their date and owner, then move to `cur`: Dovecot never sees half a message.
        for number in 0..count {
            self.filled += 1;
            let filled = message(number);
            write_message(&home, self.filled, &filled);
        }
        process::give(&home, &self.account);
        for entry in fs::read_dir(home.join("tmp")).expect("the Maildir").map(|entry| entry.expect("an entry")) {
            fs::rename(entry.path(), home.join("cur").join(entry.file_name())).expect("moving to cur");
        }
    }

    fn configuration(&self, group: &str) -> String {
        let mut folders = String::new();
        for folder in &self.options.folders {
            let special_use = folder.special_use.map(|name| format!("special_use = {name}\n")).unwrap_or_default();
            let _ = writeln!(folders, "mailbox \"{}\" {{\nauto = subscribe\n{special_use}}}", folder.name);
        }
        let capability = if self.options.without.is_empty() {
            String::new()
        } else {
            let kept: Vec<&str> =
                CAPABILITIES.split_whitespace().filter(|word| !self.options.without.contains(word)).collect();
            format!("imap_capability = {}", kept.join(" "))
        };
        let (sieve, submission) = match self.options.sieve_port {
            Some(port) => ("sieve", format!("submission_host = 127.0.0.1:{port}")),
            None => ("", String::new()),
        };
        let replacements = [
            ("STATE", self.folder.path().display().to_string()),
            ("USER", self.account.clone()),
            ("GROUP", group.to_owned()),
            ("FORMAT", self.options.format.to_owned()),
            ("SEPARATOR", self.options.separator.to_string()),
            ("MECHANISMS", self.options.auth_mechanisms.clone()),
            ("CONNECTIONS", self.options.max_connections.to_string()),
            ("FOLDERS", folders),
            ("CAPABILITY", capability),
            ("SIEVE", sieve.to_owned()),
            ("SUBMISSION", submission),
            ("IMAP", self.imap_port.to_string()),
            ("IMAPS", self.imaps_port.to_string()),
            ("LMTP", self.lmtp_port.to_string()),
            ("AUTH", self.auth_port.to_string()),
            ("EXTRA", self.options.extra.clone()),
        ];
        replacements
            .iter()
            .fold(CONFIGURATION.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Good order would take a second, for a folder that goes away.
        self.kill();
    }
}

fn write_message(home: &Path, number: u64, filled: &Filled) {
    // Dovecot gives UIDs in the order of the first number of the name, then of `M`.
    let name = format!(
        "{}.M{:06}P1.essai,S={}:2,{}",
        1_000_000_000 + number,
        number % 1_000_000,
        filled.bytes.len(),
        filled.flags
    );
    let mut file = File::create_new(home.join("tmp").join(name)).expect("a message's file");
    file.write_all(&filled.bytes).expect("writing a message");
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(filled.internal_date);
    file.set_modified(date).expect("dating a message");
}

const CONFIGURATION: &str = r#"
base_dir = @STATE@/run
state_dir = @STATE@/state
log_path = @STATE@/dovecot.log
info_log_path = @STATE@/dovecot.log
debug_log_path = /dev/null
log_timestamp = "%Y-%m-%d %H:%M:%S "
default_internal_user = @USER@
default_internal_group = @GROUP@
default_login_user = @USER@
first_valid_uid = 1
protocols = imap lmtp
listen = 127.0.0.1
hostname = imap.example.org
@SUBMISSION@

ssl = yes
ssl_cert = <@STATE@/tls/server.pem
ssl_key = <@STATE@/tls/server.key
disable_plaintext_auth = no
auth_mechanisms = @MECHANISMS@
auth_failure_delay = 0

passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u @STATE@/users
}
userdb {
  driver = static
  args = uid=@USER@ gid=@GROUP@ home=@STATE@/mail/%u allow_all_users=no
}

mail_location = @FORMAT@:~/@FORMAT@
mail_fsync = never
recipient_delimiter = +

namespace inbox {
  inbox = yes
  separator = @SEPARATOR@
  @FOLDERS@
}

service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  client_limit = 1000
  inet_listener imap {
    port = @IMAP@
  }
  inet_listener imaps {
    port = @IMAPS@
    ssl = yes
  }
}
service imap {
  process_limit = 300
}
service anvil {
  chroot =
  # no waiting after a wrong password
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service lmtp {
  chroot =
  inet_listener lmtp {
    address = 127.0.0.1
    port = @LMTP@
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = @AUTH@
  }
}

protocol imap {
  mail_max_userip_connections = @CONNECTIONS@
  @CAPABILITY@
}
protocol lmtp {
  mail_plugins = $mail_plugins @SIEVE@
  postmaster_address = postmaster@example.org
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
}
@EXTRA@
"#;
