//! TOML → checked settings. An unknown key is refused; every error names file, line and key.
//!
//! *Owns* the configuration file's form, its checks, the reading of secrets and of template files. *May import*
//! `domain`. *Start reading* at [`Settings::load`]; [`file`] is the form, [`check`] the checks.
//!
//! Deliberately absent: secrets in the file itself (they come from files or systemd credentials), and any default that
//! would let vigie write to the public.

mod addresses;
pub mod check;
pub mod file;
pub mod gestures;
pub mod ics;
pub mod indicators;
mod locate;
mod rules;
mod secret;
mod service;
mod time;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::domain::address::Address;
use crate::domain::ledger::{hex, unhex};
use crate::domain::office::Office;
use crate::domain::quota::Quota;
use crate::domain::schedule::Schedule;
use crate::domain::seal::SealKey;

/// The largest configuration, list or template file that is read.
const MAX_FILE_OCTETS: u64 = 4 * 1024 * 1024;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What decisions know of it.
    pub office: Office,
    /// The database's URL or path.
    pub store: String,
    /// This node's name.
    pub node: String,
    /// How each mailbox is reached.
    pub mailboxes: Vec<MailboxSettings>,
    /// The relay.
    pub smtp: SmtpSettings,
    /// The texts.
    pub templates: Vec<TemplateFile>,
    /// The folder of the texts.
    pub templates_folder: PathBuf,
    /// Where the pages and health are served; nowhere by default.
    pub web: Option<SocketAddr>,
    /// How the ledger is sealed; not at all by default.
    pub ledger: Option<LedgerSettings>,
    /// The file into which closures are imported.
    pub closures_file: Option<PathBuf>,
    /// How long a mailbox may be unreadable before it is warned of.
    pub blind_after: TimeDelta,
    /// When every folder is compared whole with its server.
    pub reconcile: Schedule,
}

/// How servers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet.
    Implicit,
    /// STARTTLS, required.
    StartTls,
    /// In the clear: loopback only.
    Plain,
}

/// A server, and who we are to it.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// A certification authority besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Who we are.
    pub login: Option<String>,
    /// By which word; absent with `--offline`, and where tokens are used.
    pub password: Option<SecretString>,
    /// Where access tokens come from, where they are used instead.
    pub oauth: Option<OauthSettings>,
    /// Connections that the server allows to this machine at a time.
    pub max_connections: Option<u16>,
}

/// Where access tokens come from (RFC 6749 §4.4).
#[derive(Debug, Clone)]
pub struct OauthSettings {
    /// The endpoint's host; always by TLS.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The path and query of its address.
    pub path: String,
    /// A certification authority besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Who we are there.
    pub client_id: String,
    /// By which word; absent with `--offline`.
    pub client_secret: Option<SecretString>,
    /// What the token is for.
    pub scope: Option<String>,
}

/// How one mailbox is reached.
#[derive(Debug, Clone)]
pub struct MailboxSettings {
    /// Its name.
    pub name: String,
    /// Its IMAP server.
    pub imap: ServerSettings,
    /// The folder where mail arrives.
    pub inbox: String,
    /// The Sent folders; detected where empty.
    pub sent: Vec<String>,
    /// The folders of spam; detected where empty.
    pub junk: Vec<String>,
    /// Other folders to watch; `*` in a name stands for any characters.
    pub folders: Vec<String>,
    /// Folders whose messages bear a gesture: watched where they exist.
    pub gesture_folders: Vec<String>,
    /// How often the folders are scanned, IDLE or not.
    pub scan_every: Duration,
}

/// The relay.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its server.
    pub server: ServerSettings,
    /// Whether acknowledgements leave with a null reverse-path (RFC 3834 §3.3).
    pub null_reverse_path: bool,
    /// How long to wait before the one retry of a mail whose fate is unknown.
    pub unknown_retry_after: TimeDelta,
    /// How many mails the relay lets leave; empty for a relay without quota.
    pub quotas: Vec<Quota>,
}

/// A text, as its files hold it.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Its name: the file's, without its ending.
    pub name: String,
    /// The plain text.
    pub text: String,
    /// The HTML, where there is one.
    pub html: Option<String>,
}

/// How the ledger is sealed.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// Whose ledger it is.
    pub origin: String,
    /// The file of the key that signs.
    pub key_file: PathBuf,
    /// The folder into which seals are written.
    pub seals: PathBuf,
    /// The authority that stamps each seal; none by default.
    pub timestamp: Option<TimestampSettings>,
}

/// An authority that stamps seals with the time (RFC 3161).
#[derive(Debug, Clone)]
pub struct TimestampSettings {
    /// Where it is asked: `http://…`.
    pub url: String,
    /// The certificates that its stamps are checked against.
    pub ca_file: PathBuf,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot be read: {cause}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is too large to be what it should be.
    #[error("{}: is larger than {MAX_FILE_OCTETS} octets", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file is not TOML, or has an unknown or missing key.
    #[error("{}:{line}: {what}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What.
        what: String,
    },
    /// A value cannot be.
    #[error("{}:{line}: {key}: {what}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong, and what to do.
        what: String,
    },
}

/// Whether secrets are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// All must be there.
    Read,
    /// Only the database's: commands that ask the store.
    Store,
    /// None is needed: commands that speak to no server.
    Skip,
}

impl Settings {
    /// Reads and checks a configuration file, and all that it names.
    pub fn load(path: &Path, secrets: Secrets) -> Result<Self, Error> {
        let text = read(path)?;
        let source = file::Source::parse(path, text)?;
        check::check(&source, secrets)
    }

    /// The settings of a mailbox.
    #[must_use]
    pub fn mailbox(&self, name: &str) -> Option<&MailboxSettings> {
        self.mailboxes.iter().find(|mailbox| mailbox.name == name)
    }

    /// From whom alerts and digests come.
    #[must_use]
    pub fn sender(&self) -> &Address {
        &self.office.sender
    }
}

impl LedgerSettings {
    /// Reads the key that signs: 32 octets in hexadecimal on the file's first line.
    pub fn key(&self) -> Result<SealKey, Error> {
        self.key_in(&self.key_file)
    }

    /// The same from another file: a key that is about to follow.
    pub fn key_in(&self, file: &Path) -> Result<SealKey, Error> {
        let text = read(file)?;
        let octets: Option<Vec<u8>> = unhex(text.lines().next().unwrap_or_default().trim());
        let secret: Option<[u8; 32]> = octets.and_then(|octets| octets.try_into().ok());
        let what = "is no key: 64 hexadecimal digits are expected; make one by `vigie ledger key`".to_owned();
        secret.map(|secret| SealKey::new(&self.origin, &secret)).ok_or_else(|| Error::Syntax {
            path: file.to_owned(),
            line: 1,
            what,
        })
    }
}

/// Reads the texts of a folder: a `.txt` each, and the `.html` beside it.
pub fn read_templates(folder: &Path) -> Result<Vec<TemplateFile>, Error> {
    let failed = |cause| Error::Read { path: folder.to_owned(), cause };
    let mut texts: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            texts.push(path);
        }
    }
    texts.sort();
    let mut templates = Vec::new();
    for path in texts {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let html_path = path.with_extension("html");
        let html = if html_path.exists() { Some(read(&html_path)?) } else { None };
        templates.push(TemplateFile { name, text: read(&path)?, html });
    }
    Ok(templates)
}

/// Reads a text file of bounded size; what a device or a pipe says of its own size is not believed.
fn read(path: &Path) -> Result<String, Error> {
    let failed = |cause| Error::Read { path: path.to_owned(), cause };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_OCTETS + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE_OCTETS {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

/// SHA-256 of texts, in hexadecimal.
fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    hex(&hasher.finalize())
}
