//! The configuration file's form. `config/vigie.toml` is the commented example; a test loads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::gestures::GestureFile;
use super::indicators::ReportFile;
use super::locate::{Step, line, line_of};

/// A parsed file, with its text for the lines of errors.
#[derive(Debug, Clone)]
pub struct Source<T = VigieFile> {
    /// Where it stands.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
    /// The same, parsed.
    pub file: T,
}

impl<T: serde::de::DeserializeOwned> Source<T> {
    /// Parses a text read from `path`.
    pub fn parse(path: &Path, text: String) -> Result<Self, Error> {
        let file = toml::from_str(&text).map_err(|error| Error::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line_of(&text, span.start)),
            what: error.message().to_owned(),
        })?;
        Ok(Self { path: path.to_owned(), text, file })
    }
}

impl<T> Source<T> {
    /// An error about the value at the end of the steps.
    pub(super) fn error(&self, steps: &[Step<'_>], what: impl Into<String>) -> Error {
        let mut key = String::new();
        for step in steps {
            match step {
                Step::Key(name) if key.is_empty() => key.push_str(name),
                Step::Key(name) => key = format!("{key}.{name}"),
                Step::Index(index) => key = format!("{key}[{index}]"),
            }
        }
        Error::Value { path: self.path.clone(), line: line(&self.text, steps), key, what: what.into() }
    }

    /// A path that the file names: relative ones start from the file's folder.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_owned() } else { self.path.parent().unwrap_or(Path::new(".")).join(path) }
    }
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VigieFile {
    /// The prefecture.
    pub prefecture: PrefectureFile,
    /// The database.
    pub store: StoreFile,
    /// The relay.
    pub smtp: SmtpFile,
    /// The calendar's switches and closures.
    #[serde(default)]
    pub calendar: CalendarFile,
    /// The bureaux.
    pub bureaux: Vec<BureauFile>,
    /// The mailboxes.
    pub mailboxes: Vec<MailboxFile>,
    /// What places and marks in the mail client mean, in every mailbox.
    #[serde(default)]
    pub gestures: Vec<GestureFile>,
    /// Texts for some requesters or natures, in every mailbox that has none of its own for them.
    #[serde(default)]
    pub texts: Vec<TextFile>,
    /// Limits of automatic mails.
    #[serde(default)]
    pub limits: LimitsFile,
    /// The folder of the texts.
    #[serde(default = "templates")]
    pub templates: PathBuf,
    /// The file of the commitments.
    #[serde(default = "commitments")]
    pub commitments: PathBuf,
    /// The file that says who writes from where.
    #[serde(default = "requesters")]
    pub requesters: PathBuf,
    /// Pages and health.
    #[serde(default)]
    pub web: WebFile,
    /// How long what is kept.
    #[serde(default)]
    pub retention: RetentionFile,
    /// The ledger's seals; none are made without it.
    pub ledger: Option<LedgerFile>,
    /// The file of the indicators' lines; the 22 of Annexe 1 by default.
    pub indicators: Option<PathBuf>,
    /// The report of the quarter; none is sent without it.
    pub report: Option<ReportFile>,
}

fn templates() -> PathBuf {
    "templates".into()
}

fn commitments() -> PathBuf {
    "commitments.toml".into()
}

fn requesters() -> PathBuf {
    "requesters.toml".into()
}

/// `[prefecture]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrefectureFile {
    /// What people read.
    pub name: String,
    /// Where it sits: decides the public holidays.
    pub territory: String,
    /// Its civil time; the territory's by default.
    pub zone: Option<String>,
    /// This node's name; the machine's by default.
    pub node: Option<String>,
    /// The administration's own domains.
    #[serde(default)]
    pub internal_domains: Vec<String>,
    /// Other addresses from which our side answers: agents' own mailboxes.
    #[serde(default)]
    pub our_addresses: Vec<String>,
    /// Servers whose Authentication-Results are believed.
    #[serde(default)]
    pub trusted_servers: Vec<String>,
    /// Sender patterns that no human reads, besides the usual ones.
    #[serde(default)]
    pub no_reply_senders: Vec<String>,
    /// Sender patterns of contact forms, which name who asks in Reply-To.
    #[serde(default)]
    pub form_senders: Vec<String>,
    /// From whom alerts and digests come.
    pub sender: String,
    /// Who is told of vigie's own troubles.
    #[serde(default)]
    pub administrators: Vec<String>,
    /// How long a mailbox may be unreadable before they are told.
    #[serde(default = "blind_after")]
    pub blind_after: String,
    /// When every folder is compared whole with its server: five fields of crontab, in civil time.
    #[serde(default = "reconcile")]
    pub reconcile: String,
}

fn reconcile() -> String {
    "0 4 * * *".into()
}

fn blind_after() -> String {
    "15m".into()
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFile {
    /// A path (`SQLite`) or a `postgres://` URL without password.
    pub url: String,
    /// The file that holds PostgreSQL's password.
    pub password_file: Option<PathBuf>,
}

/// A server: `[smtp]`, `[mailboxes.imap]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerFile {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `implicit`, `starttls`, or `plain` on loopback.
    #[serde(default = "implicit")]
    pub security: String,
    /// A certification authority besides the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// The whole login, as the server wants it.
    pub login: Option<String>,
    /// The file that holds the password; its first line is it.
    pub password_file: Option<PathBuf>,
    /// The name of the systemd credential that holds the password.
    pub password_credential: Option<String>,
    /// Connections that the server allows to this machine at a time; where mailboxes share a server, the least counts.
    pub max_connections: Option<u16>,
    /// Access tokens instead of a password.
    pub oauth: Option<OauthFile>,
}

/// `[mailboxes.imap.oauth]`: the client-credentials grant (RFC 6749 §4.4).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthFile {
    /// Where tokens are asked for: `https://…`.
    pub token_url: String,
    /// Who we are there.
    pub client_id: String,
    /// The file that holds the secret; its first line is it.
    pub client_secret_file: Option<PathBuf>,
    /// The name of the systemd credential that holds the secret.
    pub client_secret_credential: Option<String>,
    /// What the token is for.
    pub scope: Option<String>,
    /// A certification authority besides the system's (PEM).
    pub ca_file: Option<PathBuf>,
}

fn implicit() -> String {
    "implicit".into()
}

/// `[smtp]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpFile {
    /// The relay.
    pub server: ServerFile,
    /// `null` (RFC 3834 §3.3) or `mailbox`, for relays that refuse `<>`.
    #[serde(default = "null")]
    pub reverse_path: String,
    /// How long to wait before the one retry of a mail whose fate is unknown.
    #[serde(default = "unknown_retry_after")]
    pub unknown_retry_after: String,
    /// How many mails the relay lets leave, each within a span; none for a relay without quota.
    #[serde(default = "quotas")]
    pub quota: Vec<QuotaFile>,
}

/// `[[smtp.quota]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaFile {
    /// How many mails.
    pub mails: u32,
    /// Within which span.
    pub within: String,
}

/// Well below what State relays are known to allow: 500 in 5 minutes, 1 500 in an hour, 4 000 in 10 hours.
fn quotas() -> Vec<QuotaFile> {
    [(400, "5m"), (1_200, "1h"), (3_000, "10h")]
        .map(|(mails, within)| QuotaFile { mails, within: within.to_owned() })
        .into()
}

fn null() -> String {
    "null".into()
}

fn unknown_retry_after() -> String {
    "10m".into()
}

/// `[calendar]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarFile {
    /// Whether Good Friday is a public holiday in Alsace-Moselle.
    pub good_friday_in_alsace_moselle: Option<bool>,
    /// Days on which the service is closed.
    #[serde(default)]
    pub closures: Vec<ClosureFile>,
    /// The file of more closures: `vigie calendar import` writes it.
    pub closures_file: Option<PathBuf>,
}

/// The file of closures.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosuresFile {
    /// Days on which the service is closed.
    #[serde(default)]
    pub closures: Vec<ClosureFile>,
}

/// `[[calendar.closures]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosureFile {
    /// The first day, `2026-05-15`.
    pub from: String,
    /// The last day; the first one by default.
    pub to: Option<String>,
    /// What people read.
    pub label: String,
    /// Whether the count stands still meanwhile.
    pub suspends: bool,
    /// The bureaux that it closes, by key; all where none is named.
    #[serde(default)]
    pub bureaux: Vec<String>,
}

/// `[[bureaux]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BureauFile {
    /// Its key.
    pub key: String,
    /// What people read.
    pub label: String,
    /// The agents.
    pub agents: Vec<String>,
    /// The head of the bureau.
    #[serde(default)]
    pub heads: Vec<String>,
    /// The quality officer.
    #[serde(default)]
    pub quality_officers: Vec<String>,
    /// Working days left at which an alert rises, besides overdue.
    #[serde(default = "thresholds")]
    pub thresholds: Vec<u8>,
    /// The level from which the heads are warned too; -1 for overdue.
    #[serde(default = "heads_from")]
    pub heads_from: i8,
    /// The level from which the quality officers are warned too; -1 for overdue.
    #[serde(default = "quality_officers_from")]
    pub quality_officers_from: i8,
    /// Every how many working days what is overdue is called to mind; 0 for never.
    #[serde(default)]
    pub remind_every: u16,
    /// The days of the week that count as working days, `mon` to `sun`.
    #[serde(default = "opening_days")]
    pub opening_days: Vec<String>,
    /// The working hours, `09:00-12:00`.
    #[serde(default = "hours")]
    pub hours: Vec<String>,
    /// When the morning digest goes out: five fields of crontab, in civil time.
    #[serde(default = "digest")]
    pub digest: String,
    /// Whether the digest carries the deadlines as a calendar file.
    #[serde(default)]
    pub digest_ics: bool,
    /// Whether a mail says that what was warned of is done; the next digest says it anyway.
    #[serde(default)]
    pub clearance_mail: bool,
}

fn opening_days() -> Vec<String> {
    ["mon", "tue", "wed", "thu", "fri"].map(str::to_owned).into()
}

fn thresholds() -> Vec<u8> {
    vec![2, 1, 0]
}

fn heads_from() -> i8 {
    0
}

fn quality_officers_from() -> i8 {
    -1
}

fn hours() -> Vec<String> {
    vec!["08:30-12:00".into(), "13:30-17:00".into()]
}

fn digest() -> String {
    "30 8 * * 1-5".into()
}

/// `[[mailboxes]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxFile {
    /// Its name in commands.
    pub name: String,
    /// The functional address.
    pub address: String,
    /// Other addresses that lead to it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The bureau that answers.
    pub bureau: String,
    /// The head of references: `PAN`.
    pub prefix: String,
    /// `observe` (the default) or `acknowledge`.
    #[serde(default = "observe")]
    pub mode: String,
    /// Older messages are never acknowledged.
    #[serde(default = "max_age")]
    pub acknowledge_max_age: String,
    /// `from` or `return_path`.
    #[serde(default = "from")]
    pub acknowledge_to: String,
    /// Whether mail that names the mailbox in neither To nor Cc is acknowledged.
    #[serde(default)]
    pub acknowledge_unaddressed: bool,
    /// Whether internal mail opens a request.
    #[serde(default)]
    pub internal_opens_request: bool,
    /// Whether internal mail that opens a request is acknowledged.
    #[serde(default)]
    pub acknowledge_internal: bool,
    /// What is asked here, where nothing else says it.
    #[serde(default = "general_info")]
    pub nature: String,
    /// The acknowledgement's template.
    pub template: String,
    /// The template of the registration notice that goes first; none where the acknowledgement is immediate.
    pub registration: Option<String>,
    /// The working day on which the acknowledgement then leaves by itself.
    pub full_after: Option<u16>,
    /// Texts for some requesters or natures; the first match decides.
    #[serde(default)]
    pub texts: Vec<TextFile>,
    /// The languages offered besides French.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The one of them for those who write in yet another language.
    pub other_language: Option<String>,
    /// `never`, `foreign` (the default) or `always`.
    #[serde(default = "bilingual")]
    pub bilingual: String,
    /// Its server.
    pub imap: ServerFile,
    /// The folder where mail arrives.
    #[serde(default = "inbox")]
    pub inbox: String,
    /// The Sent folders; detected where empty.
    #[serde(default)]
    pub sent: Vec<String>,
    /// Whether a copy of each mail to the public is put into the first of them: `never` (the default) or `always`.
    #[serde(default = "sent_copy")]
    pub sent_copy: String,
    /// The folders of spam; detected where empty.
    #[serde(default)]
    pub junk: Vec<String>,
    /// Other folders to watch; `*` in a name stands for any characters.
    #[serde(default)]
    pub folders: Vec<String>,
    /// What places and marks in the mail client mean, in this mailbox.
    #[serde(default)]
    pub gestures: Vec<GestureFile>,
    /// How the subjects of holding replies read, `*` for any characters.
    #[serde(default)]
    pub holding_subjects: Vec<String>,
    /// How often the folders are scanned, IDLE or not.
    #[serde(default = "scan_every")]
    pub scan_every: String,
    /// What the texts say of the service.
    pub service: ServiceFile,
    /// When the mailbox counts in the official figures; always where nothing is said.
    #[serde(default)]
    pub perimeter: Vec<PerimeterFile>,
}

/// `[[mailboxes.perimeter]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerimeterFile {
    /// The first day of receipt; from the beginning where absent.
    pub from: Option<String>,
    /// The last day of receipt; for ever where absent.
    pub until: Option<String>,
    /// Whether what is received meanwhile counts.
    pub official: bool,
}

fn observe() -> String {
    "observe".into()
}

fn max_age() -> String {
    "7d".into()
}

fn from() -> String {
    "from".into()
}

fn sent_copy() -> String {
    "never".into()
}

fn bilingual() -> String {
    "foreign".into()
}

fn general_info() -> String {
    "general_info".into()
}

fn inbox() -> String {
    "INBOX".into()
}

fn scan_every() -> String {
    "5m".into()
}

/// `[[texts]]`, `[[mailboxes.texts]]`: a text for some requesters or natures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFile {
    /// Who asks; anyone where empty.
    #[serde(default)]
    pub requesters: Vec<String>,
    /// What is asked; anything where empty.
    #[serde(default)]
    pub natures: Vec<String>,
    /// The acknowledgement's template.
    pub template: String,
    /// The template of the registration notice that goes first; none where the acknowledgement is immediate.
    pub registration: Option<String>,
    /// The working day on which the acknowledgement then leaves by itself.
    pub full_after: Option<u16>,
    /// What silence means: `rejection`, `acceptance` or `none`; as for the mailbox where it is not said.
    pub implicit_decision: Option<String>,
    /// After how many months silence decides.
    pub silence_months: Option<u32>,
    /// The remedies and their delays.
    pub remedies: Option<String>,
}

/// `[mailboxes.service]`: the mandatory mentions (CRPA R112-11-1), as the texts show them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceFile {
    /// The service in charge.
    pub name: String,
    /// Its postal address, lines separated by line breaks.
    pub postal_address: String,
    /// Its telephone.
    pub telephone: String,
    /// When it answers the telephone or receives.
    #[serde(default)]
    pub opening_hours: String,
    /// Its website.
    #[serde(default)]
    pub website: String,
    /// The notice on personal data.
    pub data_protection: String,
    /// The signature, its lines separated by line breaks; the service and the prefecture where it is empty.
    #[serde(default)]
    pub signature: String,
    /// Whether silence means `rejection` (L231-4) or `acceptance` (L231-1); empty where nothing is decided here.
    #[serde(default)]
    pub implicit_decision: String,
    /// After how many months (L231-6); two where it is not said.
    pub silence_months: Option<u32>,
    /// The remedies and their delays, where there is an implicit decision.
    #[serde(default)]
    pub remedies: String,
    /// What is said otherwise in another language, by its tag.
    #[serde(default)]
    pub translations: BTreeMap<String, TranslationFile>,
}

/// `[mailboxes.service.translations.en]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranslationFile {
    /// The service in charge.
    #[serde(default)]
    pub name: String,
    /// When it answers the telephone or receives.
    #[serde(default)]
    pub opening_hours: String,
    /// The notice on personal data.
    #[serde(default)]
    pub data_protection: String,
    /// The remedies and their delays.
    #[serde(default)]
    pub remedies: String,
    /// The signature.
    #[serde(default)]
    pub signature: String,
}

/// `[limits]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Acknowledgements to one address within a day.
    pub per_address_per_day: Option<u32>,
    /// Acknowledgements to one domain within an hour.
    pub per_domain_per_hour: Option<u32>,
    /// Acknowledgements in one thread within a day.
    pub per_thread_per_day: Option<u32>,
    /// Acknowledgements of one mailbox within an hour.
    pub per_mailbox_per_hour: Option<u32>,
    /// Acknowledgements of all mailboxes within an hour.
    pub breaker_per_hour: Option<u32>,
    /// Messages of one sender within an hour over which sending is abusive.
    pub abusive_per_hour: Option<u32>,
    /// How long an address that bounced is left alone.
    pub undeliverable_for: Option<String>,
}

/// `[ledger]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFile {
    /// Whose ledger it is, in the seals: `prefecture.example.org/vigie`.
    pub origin: String,
    /// The file of the key that signs; `vigie ledger key` makes it.
    pub key_file: PathBuf,
    /// The folder into which seals are written.
    pub seals: PathBuf,
    /// The authority that stamps each seal with the time (RFC 3161): `http://…`; none by default.
    pub timestamp_url: Option<String>,
    /// The certificates that its stamps are checked against, in PEM.
    pub timestamp_ca: Option<PathBuf>,
}

/// `[retention]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionFile {
    /// Days after the closure for which addresses, names and subjects are kept; 90 by default.
    pub personal_days: Option<u16>,
    /// Full calendar years after that of the closure for which rows are kept; 3 by default.
    pub row_years: Option<u16>,
    /// Months for which the access log is kept; 12 by default.
    pub access_months: Option<u16>,
}

/// `[web]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebFile {
    /// Where health and pages are served: `127.0.0.1:8025`; nowhere by default.
    pub listen: Option<String>,
}

/// `commitments.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitmentsFile {
    /// The commitments, the first match decides.
    pub commitments: Vec<CommitmentFile>,
}

/// `[[commitments]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitmentFile {
    /// Its key.
    pub key: String,
    /// What people read.
    pub label: String,
    /// `mail`, `letter`, `appointment`, `site`, `callback`.
    pub channel: String,
    /// Who asks; anyone where empty.
    #[serde(default)]
    pub requesters: Vec<String>,
    /// What is asked; anything where empty.
    #[serde(default)]
    pub natures: Vec<String>,
    /// The mailboxes that it binds, by name; all where empty.
    #[serde(default)]
    pub mailboxes: Vec<String>,
    /// The limit, in working days.
    pub limit: u16,
    /// The share aimed at, in percent.
    pub target: f64,
    /// The first day of receipt that it covers.
    pub valid_from: Option<String>,
    /// The last day of receipt that it covers.
    pub valid_until: Option<String>,
    /// Whether a holding reply stops the clock.
    #[serde(default)]
    pub holding_reply_answers: bool,
    /// Whether an answer by telephone stops the clock.
    #[serde(default = "yes")]
    pub phone_answers: bool,
    /// Whether the service took the promise back.
    #[serde(default)]
    pub withdrawn: bool,
}

fn yes() -> bool {
    true
}

/// `requesters.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestersFile {
    /// The rules, the first match decides.
    #[serde(default)]
    pub rules: Vec<RequesterFile>,
    /// What is asked, by words; the first match decides, and those of the house come last.
    #[serde(default)]
    pub natures: Vec<NatureFile>,
}

/// `[[natures]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatureFile {
    /// Its id, named in reasons.
    pub id: String,
    /// What is asked.
    pub nature: String,
    /// Words, of which one must be there; accents and case do not count.
    pub words: Vec<String>,
    /// Words, of which none may be there.
    #[serde(default)]
    pub except: Vec<String>,
    /// Of whom; anyone where empty.
    #[serde(default)]
    pub requesters: Vec<String>,
    /// In which mailboxes; all where empty.
    #[serde(default)]
    pub mailboxes: Vec<String>,
    /// Whether the first lines of the text count too, besides the subject.
    #[serde(default)]
    pub first_lines: bool,
}

/// `[[rules]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequesterFile {
    /// Its id, named in reasons.
    pub id: String,
    /// Patterns on the whole address, `*` for any characters.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// A CSV file of addresses or domains besides, with a column `address`, `adresse`, `courriel`, `email` or `mail`.
    pub addresses: Option<PathBuf>,
    /// Who writes from there.
    pub requester: String,
    /// What they ask for, where the rule says so.
    pub nature: Option<String>,
}
