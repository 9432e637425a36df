//! A Cyrus IMAP of one's own: the other make of server that préfectures meet, and the one that offers OBJECTID.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::imap::Client;
use super::process::{self, Folder, PATIENCE, Process, START_TRIES, wait_until};
use super::smtp;

/// A running Cyrus; dropping it stops it.
#[derive(Debug)]
pub struct Cyrus {
    /// IMAP, plain login allowed.
    pub imap_port: u16,
    users: Vec<(String, String)>,
    account: (String, String),
    root: PathBuf,
    process: Option<Process>,
    folder: Folder,
}

impl Cyrus {
    /// Starts a server whose mailboxes are `users` (address, password), without some of its capabilities.
    pub fn start(users: &[(&str, &str)], without: &[&str]) -> Self {
        let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cyrus");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/unpack-cyrus.sh");
        process::run(Command::new("bash").arg(script).arg(&unpacked));
        let account = process::account("nobody");
        let mut folder = Folder::new("cyrus");
        folder.log("cyrus.log");
        let users: Vec<(String, String)> =
            users.iter().map(|(login, password)| ((*login).to_owned(), (*password).to_owned())).collect();
        // other accounts may not enter the folders above the tests' own
        let root = folder.join("root");
        copy(&unpacked.join("root"), &root);
        let mut cyrus = Self { imap_port: 0, users, account, root, process: None, folder };
        for name in ["spool", "run/proc", "run/lock", "run/socket", "lib/db", "lib/socket", "lib/proc", "lib/msg"] {
            fs::create_dir_all(cyrus.folder.join(name)).expect("a folder of Cyrus's");
        }
        for (login, password) in cyrus.users.clone() {
            cyrus.add_user(&login, &password);
        }
        fs::write(cyrus.folder.join("imapd.conf"), cyrus.imapd_conf(without)).expect("imapd.conf");
        for _ in 0..START_TRIES {
            cyrus.imap_port = process::free_port();
            fs::write(cyrus.folder.join("cyrus.conf"), cyrus.cyrus_conf()).expect("cyrus.conf");
            process::give(cyrus.folder.path(), &cyrus.account.0);
            if cyrus.try_start() {
                return cyrus;
            }
        }
        panic!("Cyrus does not start:\n{}", cyrus.folder.read_logs());
    }

    fn try_start(&mut self) -> bool {
        let mut command = process::command_as(&self.account.0, &self.program("usr/lib/cyrus/bin/master"));
        command.arg("-D").arg("-C").arg(self.folder.join("imapd.conf")).arg("-M").arg(self.folder.join("cyrus.conf"));
        command.arg("-p").arg(self.folder.join("run/master.pid")).env("LD_LIBRARY_PATH", self.libraries());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("cyrus.log")).expect("a log");
        command.stderr(log.try_clone().expect("a log")).stdout(log).stdin(Stdio::null());
        let mut process = Process::start(command.current_dir(self.folder.path()), "TERM", Some(self.folder.path()))
            .expect("starting Cyrus");
        let mut ended = false;
        wait_until(PATIENCE, || {
            ended = process.has_ended();
            ended || smtp::greets(self.imap_port)
        });
        if !ended {
            self.process = Some(process);
        }
        !ended
    }

    fn add_user(&self, login: &str, password: &str) {
        let (name, domain) = login.split_once('@').expect("an address");
        let mut command = Command::new(self.program("usr/sbin/saslpasswd2"));
        command.args(["-p", "-c", "-f"]).arg(self.folder.join("sasldb2")).args(["-u", domain, name]);
        command.env("LD_LIBRARY_PATH", self.libraries()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("saslpasswd2");
        child.stdin.take().expect("its input").write_all(password.as_bytes()).expect("a password");
        assert!(child.wait().expect("saslpasswd2").success());
    }

    fn program(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn libraries(&self) -> String {
        let root = self.root.display();
        format!(
            "{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu:{root}/usr/lib/aarch64-linux-gnu:{root}/lib/aarch64-linux-gnu"
        )
    }

    /// An IMAP session of the tests' own.
    pub fn imap(&self, mailbox: &str) -> Client {
        let user = self.users.iter().find(|(login, _)| login == mailbox).expect("a mailbox of this server");
        Client::login(self.imap_port, mailbox, &user.1)
    }

    fn imapd_conf(&self, without: &[&str]) -> String {
        let state = self.folder.path().display();
        let (user, group) = &self.account;
        let mut text = format!(
            "configdirectory: {state}/lib\ndefaultpartition: default\npartition-default: {state}/spool\n\
             proc_path: {state}/run/proc\nmboxname_lockpath: {state}/run/lock\nlmtpsocket: {state}/run/socket/lmtp\n\
             idlesocket: {state}/run/socket/idle\ncyrus_user: {user}\ncyrus_group: {group}\n\
             virtdomains: userid\ndefaultdomain: example.invalid\nunixhierarchysep: yes\naltnamespace: yes\n\
             allowplaintext: yes\nsasl_mech_list: PLAIN LOGIN\nsasl_pwcheck_method: auxprop\n\
             sasl_auxprop_plugin: sasldb\nsasl_sasldb_path: {state}/sasldb2\nautocreate_users: anyone\n\
             autocreate_quota: 0\nautocreate_post: yes\nautocreate_inbox_folders: Envoi|Traites\nxlist-sent: Envoi\n\
             conversations: yes\nservername: imap.example.invalid\nduplicatesuppression: no\n"
        );
        if !without.is_empty() {
            let _ = writeln!(text, "suppress_capabilities: {}", without.join(" "));
        }
        text
    }

    fn cyrus_conf(&self) -> String {
        let (state, bin) = (self.folder.path().display(), self.program("usr/lib/cyrus/bin"));
        let (bin, port) = (bin.display(), self.imap_port);
        format!(
            "START {{\n  recover cmd=\"{bin}/ctl_cyrusdb -C {state}/imapd.conf -r\"\n\
             idled cmd=\"{bin}/idled -C {state}/imapd.conf\"\n}}\n\
             SERVICES {{\n  imap cmd=\"{bin}/imapd -C {state}/imapd.conf -U 30\" listen=\"127.0.0.1:{port}\" prefork=1 maxchild=50\n}}\n\
             EVENTS {{\n}}\n"
        )
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    process::run(Command::new("cp").arg("-a").arg(from).arg(to));
}
