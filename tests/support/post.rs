//! A post at a mail server: what the daemon reads folders with, driven pass by pass on a database of its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigie::app::ingest::switch_on;
use vigie::clock;
use vigie::config::{Secrets, Settings};
use vigie::daemon::access::{Access, Tokens};
use vigie::daemon::gate::Gates;
use vigie::daemon::heart::{Heart, Pulse};
use vigie::daemon::line::Line;
use vigie::daemon::mailbox::{Shared, endpoint};
use vigie::daemon::sync::{Pass, Passed, Reader, Watched};
use vigie::daemon::trust::Trust;
use vigie::domain::classify::FolderRole;
use vigie::domain::decide::Desk;
use vigie::imap::{Deadlines, Endpoint};
use vigie::store::{Lease, Store};

use super::house::{ETR, PAN};
use super::process::PATIENCE;

/// The accounts of a post's server.
pub const USERS: [(&str, &str); 2] = [(PAN, "pan secret"), (ETR, "etrangers")];
/// The first mailbox.
pub const FIRST: &str = "pref-pan";
/// The second mailbox.
pub const SECOND: &str = "pref-étrangers";

/// A message as the store has it: Message-ID, verdict, request, acknowledgement.
pub type Recorded = (String, String, i64, String);
/// A place as the store has it: mailbox, folder, UID, the message's id and Message-ID, whether it lies there.
pub type Place = (String, String, i64, i64, String, bool);

/// Settings, a database and a lease for each mailbox.
pub struct Post {
    /// The configuration.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    pulse: Pulse,
    tokens: Tokens,
    trust: Trust,
    leases: Vec<Lease>,
    folder: Option<tempfile::TempDir>,
}

impl Post {
    /// A post at the server that listens on a loopback port in the clear; it has watched for an hour.
    pub async fn at(port: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("vigie-post-").tempdir().expect("a temporary folder");
        for (login, word) in USERS {
            fs::write(folder.path().join(login), format!("{word}\n")).expect("a secret");
        }
        fs::write(folder.path().join("vigie.toml"), configuration(port)).expect("the configuration");
        let settings = Settings::load(&folder.path().join("vigie.toml"), Secrets::Read).expect("settings");
        let store = Store::open(&settings.store).await.expect("a database");
        Self { folder: Some(folder), ..Self::with(settings, store).await }
    }

    /// A post with given settings and database; it has watched for an hour.
    pub async fn with(settings: Settings, store: Store) -> Self {
        let mut leases = Vec::new();
        for mailbox in [FIRST, SECOND] {
            let since = clock::now() - TimeDelta::hours(1);
            switch_on(&store, settings.office.desk(mailbox).expect("a desk"), since).await.expect("switched on");
            let lease = store.lease(mailbox, "essai", TimeDelta::hours(1), clock::now()).await.expect("a lease");
            leases.push(lease.expect("nobody else holds it"));
        }
        let pulse = Heart::default().pulse("post", Duration::from_mins(1));
        Self { settings, store, pulse, tokens: Tokens::default(), trust: Trust::default(), leases, folder: None }
    }

    /// What decisions know of a mailbox.
    pub fn desk(&self, mailbox: &str) -> Desk<'_> {
        self.settings.office.desk(mailbox).expect("a desk")
    }

    /// What reads the folders of a mailbox.
    pub fn reader(&self, mailbox: &str) -> Reader<'_> {
        let lease = self.leases.iter().find(|lease| lease.mailbox == mailbox).expect("a lease");
        Reader {
            store: &self.store,
            office: &self.settings.office,
            desk: self.desk(mailbox),
            lease,
            pulse: &self.pulse,
        }
    }

    /// A session for a mailbox.
    pub async fn line(&self, mailbox: &str) -> Line {
        self.try_line(mailbox, None, Deadlines::default()).await.expect("a session")
    }

    /// A session for a mailbox, through another port if one is given.
    pub async fn try_line(
        &self,
        mailbox: &str,
        port: Option<u16>,
        deadlines: Deadlines,
    ) -> Result<Line, vigie::imap::Error> {
        let settings = self.settings.mailbox(mailbox).expect("settings");
        let usual = endpoint(&settings.imap);
        let endpoint = Endpoint { port: port.unwrap_or(usual.port), ..usual };
        let access = Access::of(&settings.imap, &self.tokens).expect("a password");
        Line::open(endpoint, access, &self.trust, deadlines).await
    }

    /// Watches the first mailbox as the daemon does, until `stop`.
    pub fn watch(&self, stop: &CancellationToken) -> JoinHandle<anyhow::Result<()>> {
        let texts = vigie::daemon::templates(&self.settings).expect("the texts");
        let settings = Arc::new(self.settings.clone());
        let shared = Shared {
            store: self.store.clone(),
            heart: Heart::default(),
            gates: Arc::new(Gates::new(&settings)),
            tokens: Tokens::default(),
            trust: Trust::default(),
            texts: Arc::new(tokio::sync::watch::Sender::new(Arc::new(texts))),
            news: Arc::default(),
            stop: stop.clone(),
            settings,
        };
        tokio::spawn(vigie::daemon::mailbox::watch(shared, FIRST.to_owned()))
    }

    /// Waits until so many messages are recorded.
    pub async fn wait_recorded(&self, count: usize) -> Vec<Recorded> {
        let waiting = async {
            loop {
                let recorded = self.recorded().await;
                if recorded.len() >= count {
                    return recorded;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("all are recorded")
    }

    /// Reads a folder in a session of its own.
    pub async fn pass(&self, mailbox: &str, folder: &str, role: FolderRole, pass: Pass) -> Passed {
        let mut line = self.line(mailbox).await;
        let watched = Watched { name: folder.to_owned(), role };
        let passed = self.reader(mailbox).pass(&mut line, &watched, pass).await.expect("the folder is read");
        line.session.logout().await;
        passed
    }

    /// Glances at the inbox of the first mailbox.
    pub async fn glance(&self) -> Passed {
        self.pass(FIRST, "INBOX", FolderRole::Inbox, Pass::Glance).await
    }

    /// Every message, in the order of its recording.
    pub async fn recorded(&self) -> Vec<Recorded> {
        let Store::Sqlite { read, .. } = &self.store else { unreachable!("posts use SQLite") };
        sqlx::query_as("SELECT message_id, verdict, request, acknowledgement FROM message ORDER BY id")
            .fetch_all(read)
            .await
            .expect("messages")
    }

    /// Every place.
    pub async fn places(&self) -> Vec<Place> {
        let Store::Sqlite { read, .. } = &self.store else { unreachable!("posts use SQLite") };
        sqlx::query_as(
            "SELECT f.mailbox, f.name, l.uid, l.message, m.message_id, l.gone_at = 0 FROM location l \
             JOIN folder f ON f.id = l.folder JOIN message m ON m.id = l.message ORDER BY f.id, l.uid_validity, l.uid",
        )
        .fetch_all(read)
        .await
        .expect("places")
    }

    /// Where messages lie now: folder, UID and the message's id.
    pub async fn lying(&self) -> Vec<(String, i64, i64)> {
        let places = self.places().await.into_iter().filter(|place| place.5);
        places.map(|(_, folder, uid, message, ..)| (folder, uid, message)).collect()
    }

    /// The UIDs that bear flags where they lie, with those.
    pub async fn flags(&self) -> Vec<(i64, String)> {
        let Store::Sqlite { read, .. } = &self.store else { unreachable!("posts use SQLite") };
        sqlx::query_as("SELECT uid, flags FROM location WHERE gone_at = 0 AND flags <> '' ORDER BY folder, uid")
            .fetch_all(read)
            .await
            .expect("flags")
    }

    /// The rules that dated the messages of a verdict, in the order of their recording.
    pub async fn rules(&self, verdict: &str) -> Vec<String> {
        let Store::Sqlite { read, .. } = &self.store else { unreachable!("posts use SQLite") };
        sqlx::query_scalar("SELECT received_rule FROM message WHERE verdict = $1 ORDER BY id")
            .bind(verdict.to_owned())
            .fetch_all(read)
            .await
            .expect("rules")
    }

    /// The ledger and the tables agree.
    pub async fn verify(&self) {
        let verified = vigie::app::verify::verify(&self.store, &[]).await.expect("verified");
        assert_eq!(verified.first_fault, None);
    }

    /// How many mails wait to be sent.
    pub async fn queued(&self) -> i64 {
        self.store.queue_state().await.expect("the queue").pending
    }

    /// Changes the database behind vigie's back.
    pub async fn tamper(&self, sql: &'static str) {
        let Store::Sqlite { write, .. } = &self.store else { unreachable!("posts use SQLite") };
        sqlx::query(sql).execute(write).await.expect("tampering");
    }
}

fn configuration(port: u16) -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let config = config.display();
    let mut toml = format!(
        "templates = \"{config}/templates\"\ncommitments = \"{config}/commitments.toml\"\n\
         requesters = \"{config}/requesters.toml\"\n\
         [prefecture]\nname = \"Préfecture d’Exemple\"\nterritory = \"metropole\"\nnode = \"essai\"\n\
         internal_domains = [\"prefecture.example.org\"]\nsender = \"vigie@prefecture.example.org\"\n\
         administrators = [\"sidsic@prefecture.example.org\"]\n\
         [store]\nurl = \"vigie.db\"\n\
         [smtp.server]\nhost = \"localhost\"\nport = 1\nsecurity = \"plain\"\n\
         [[bureaux]]\nkey = \"accueil\"\nlabel = \"Accueil\"\nagents = [\"agents@prefecture.example.org\"]\n"
    );
    for (name, address, prefix, template) in [(FIRST, PAN, "PAN", "pref-pan"), (SECOND, ETR, "ETR", "pref-etrangers")] {
        toml.push_str(&format!(
            "[[mailboxes]]\nname = \"{name}\"\naddress = \"{address}\"\nbureau = \"accueil\"\nprefix = \"{prefix}\"\n\
             mode = \"acknowledge\"\ntemplate = \"{template}\"\n\
             [mailboxes.imap]\nhost = \"localhost\"\nport = {port}\nsecurity = \"plain\"\nlogin = \"{address}\"\n\
             password_file = \"{address}\"\n\
             [mailboxes.service]\nname = \"Service\"\npostal_address = \"1 place\"\ntelephone = \"04 00 00 00 00\"\n\
             data_protection = \"Vos droits.\"\n"
        ));
    }
    toml
}
