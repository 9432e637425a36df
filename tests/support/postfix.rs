//! A Postfix of one's own: submission for those who authenticate, local boxes to Dovecot, the rest of the world to a sink.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use super::dovecot::Dovecot;
use super::process::{self, Folder, PATIENCE, Process, START_TRIES, wait_until};
use super::sink::Sink;
use super::smtp;

/// How a server differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Refuses the null reverse-path of those who authenticate, as some submission servers do.
    pub refuse_null_sender: bool,
    /// Lines appended to main.cf.
    pub extra: String,
}

/// A running Postfix; dropping it stops it.
#[derive(Debug)]
pub struct Postfix {
    /// Where other mail servers deliver, in clear.
    pub mx_port: u16,
    /// Submission with STARTTLS and AUTH.
    pub submission_port: u16,
    /// Submission with TLS from the first byte, and AUTH.
    pub submissions_port: u16,
    /// The certificate of the authority to trust.
    pub ca_file: PathBuf,
    /// The domain whose boxes are Dovecot's.
    pub domain: String,
    master_cf: String,
    process: Option<Process>,
    folder: Folder,
}

impl Postfix {
    /// Starts a server for the boxes of `dovecot`, that gives every other domain to `sink`.
    pub fn start(dovecot: &Dovecot, sink: &Sink) -> Self {
        Self::start_with(dovecot, sink, &Options::default())
    }

    /// Starts a server that differs from the usual one.
    pub fn start_with(dovecot: &Dovecot, sink: &Sink, options: &Options) -> Self {
        assert!(process::is_root(), "Postfix's master must be root: run these tests as root (sudo bash tests/run.sh)");
        let mut folder = Folder::new("postfix");
        folder.log("maillog");
        folder.log("master.out");
        let files = dovecot.options.authority.write(&folder.join("tls"));
        let login = dovecot.users.first().map_or("", |(login, _)| login.as_str());
        let domain = login.split_once('@').map_or("ain.example.org", |(_, domain)| domain).to_owned();
        make_queue(&folder);
        let boxes = dovecot.users.iter().fold(String::new(), |all, (login, _)| format!("{all}{login} dovecot\n"));
        write_old(&folder.join("boxes"), &boxes);
        let null = if options.refuse_null_sender {
            "-o { smtpd_sender_restrictions = check_sender_access inline:{{<> = reject Null sender}} }"
        } else {
            ""
        };
        let main = MAIN
            .replace("@STATE@", &folder.path().display().to_string())
            .replace("@DOMAINS@", &domains(dovecot, &domain))
            .replace("@DOMAIN@", &domain)
            .replace("@LMTP@", &dovecot.lmtp_port.to_string())
            .replace("@AUTH@", &dovecot.auth_port.to_string())
            .replace("@SINK@", &sink.port.to_string());
        fs::create_dir(folder.join("conf")).expect("the configuration's folder");
        write_old(&folder.join("conf/main.cf"), &format!("{main}{}\n", options.extra));
        let master_cf = MASTER.replace("@NULL@", null);
        let mut postfix = Self {
            mx_port: 0,
            submission_port: 0,
            submissions_port: 0,
            ca_file: files.ca,
            domain,
            master_cf,
            process: None,
            folder,
        };
        for _ in 0..START_TRIES {
            if postfix.try_ports() {
                return postfix;
            }
        }
        panic!("Postfix does not start:\n{}", postfix.maillog());
    }

    fn try_ports(&mut self) -> bool {
        self.mx_port = process::free_port();
        self.submission_port = process::free_port();
        self.submissions_port = process::free_port();
        let master = self
            .master_cf
            .replace("@MX@", &self.mx_port.to_string())
            .replace("@SUBMISSION@", &self.submission_port.to_string())
            .replace("@SUBMISSIONS@", &self.submissions_port.to_string());
        write_old(&self.folder.join("conf/master.cf"), &master);
        self.try_start()
    }

    fn try_start(&mut self) -> bool {
        let out = File::create(self.folder.join("master.out")).expect("the master's output");
        let mut command = Command::new(process::program("master", "postfix"));
        // Not `postfix start`: its checks take two seconds. `-d` keeps the server in the test's process group.
        command.arg("-d").arg("-c").arg(self.folder.join("conf")).current_dir(self.folder.path());
        command.stdout(out.try_clone().expect("the master's output")).stderr(out);
        let mut process = Process::start(&mut command, "TERM", Some(self.folder.path())).expect("starting Postfix");
        let mut ended = false;
        let up = wait_until(PATIENCE, || {
            ended = process.has_ended();
            ended || smtp::greets(self.mx_port)
        });
        if up && !ended {
            self.process = Some(process);
            return true;
        }
        let said = self.maillog();
        assert!(said.contains("Address already in use"), "Postfix does not start:\n{said}");
        false
    }

    /// What the server has logged.
    pub fn maillog(&self) -> String {
        self.folder.read_logs()
    }

    /// Waits until the log holds `what`; fails with the log when it does not come.
    pub fn wait_for_log(&self, what: &str) {
        let there = wait_until(PATIENCE, || self.maillog().contains(what));
        assert!(there, "{what:?} is not in Postfix's log:\n{}", self.maillog());
    }

    /// The queue, as `postqueue -p` shows it.
    pub fn queue(&self) -> String {
        self.tool("postqueue", &["-p"])
    }

    /// Tries every deferred message now.
    pub fn flush(&self) {
        self.tool("postqueue", &["-f"]);
    }

    /// Throws away every message of the queue.
    pub fn empty(&self) {
        self.tool("postsuper", &["-d", "ALL"]);
    }

    fn tool(&self, name: &str, args: &[&str]) -> String {
        let mut command = Command::new(process::program(name, "postfix"));
        process::run(command.arg("-c").arg(self.folder.join("conf")).args(args))
    }

    /// Delivers a message as another mail server would, over the public port.
    pub fn deliver(&self, sender: &str, recipient: &str, bytes: &[u8]) {
        smtp::relay(self.mx_port, sender, recipient, bytes);
    }

    /// Stops the server; what is in its queue stays there.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop("TERM");
        }
    }

    /// Starts the stopped server again, on the same ports, with the same queue.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "Postfix still runs");
        assert!(wait_until(PATIENCE, || self.try_start()), "its ports are taken:\n{}", self.maillog());
    }

    /// Suspends every process of the server, until [`thaw`](Self::thaw): it accepts connections and says nothing.
    pub fn freeze(&self) {
        self.process.as_ref().expect("Postfix is stopped").signal_group("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("Postfix is stopped").signal_group("CONT");
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }
}

/// Writes a file that looks old: Postfix waits until a configuration has not changed for two seconds.
fn write_old(path: &Path, content: &str) {
    fs::write(path, content)
        .and_then(|()| File::options().write(true).open(path)?.set_modified(UNIX_EPOCH))
        .expect("a file");
}

/// Every domain of Dovecot's boxes.
fn domains(dovecot: &Dovecot, first: &str) -> String {
    let mut all = vec![first];
    all.extend(dovecot.users.iter().filter_map(|(login, _)| login.split_once('@')).map(|(_, domain)| domain));
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

/// The queue's folders, with the owners and rights that `postfix check` would give.
fn make_queue(folder: &Folder) {
    let private = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private"];
    let (others, shared) = (["saved", "trace"], [("maildrop", 0o730), ("public", 0o710)]);
    for name in ["data", "spool", "spool/pid"] {
        fs::create_dir(folder.join(name)).expect("a folder of Postfix's");
    }
    process::give(&folder.join("data"), "postfix");
    let make = |name: &str, mode: u32, owner: &str| {
        let path = folder.join("spool").join(name);
        fs::create_dir(&path).expect("a folder of the queue");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its rights");
        process::run(Command::new("chown").arg(owner).arg(&path));
    };
    for name in private.iter().chain(&others) {
        make(name, 0o700, "postfix");
    }
    for (name, mode) in shared {
        make(name, mode, "postfix:postdrop");
    }
}

const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = @STATE@/spool
data_directory = @STATE@/data
maillog_file = @STATE@/maillog
maillog_file_prefixes = @STATE@
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = smtp.example.org
mydomain = example.org
myorigin = @DOMAIN@
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_transport = error:no local mail
virtual_mailbox_domains = @DOMAINS@
virtual_mailbox_maps = texthash:@STATE@/boxes
virtual_transport = lmtp:inet:127.0.0.1:@LMTP@
default_transport = smtp:[127.0.0.1]:@SINK@
relay_transport = smtp:[127.0.0.1]:@SINK@
# no name is ever resolved
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtputf8_enable = yes
smtp_tls_security_level = none
# a sink that hangs up must be tried again at once, and so must a deferred message
smtp_connection_cache_on_demand = no
smtp_destination_concurrency_failed_cohort_limit = 1000
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
recipient_delimiter = +
message_size_limit = 30000000
mailbox_size_limit = 0
biff = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:@AUTH@
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = @STATE@/tls/server.pem
smtpd_tls_key_file = @STATE@/tls/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 200
smtpd_error_sleep_time = 0
in_flow_delay = 0
";

const MASTER: &str = "\
127.0.0.1:@MX@ inet n - n - - smtpd
127.0.0.1:@SUBMISSION@ inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o mynetworks=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  @NULL@
127.0.0.1:@SUBMISSIONS@ inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o mynetworks=
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  @NULL@
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";
