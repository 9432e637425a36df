//! The file's form → checked settings: every value parsed once, every name resolved, every error placed.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::file::{MailboxFile, QuotaFile, ServerFile, Source};
use super::gestures;
use super::indicators::{indicators, report};
use super::locate::Step::{self, Index, Key};
use super::rules::{commitments, requesters};
use super::time::{bureaux, time};
use super::{
    Error, LedgerSettings, MailboxSettings, Secrets, Security, ServerSettings, Settings, SmtpSettings, TemplateFile,
    TimestampSettings, digest, read, read_templates, secret, service,
};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::nature::NatureRule;
use crate::domain::office::{Office, Service};
use crate::domain::policy::{
    Commitment, Limits, MailboxPolicy, Mode, Nature, Perimeter, RecipientRule, RequesterRule, SentCopy,
};
use crate::domain::quota::Quota;
use crate::domain::register::{APPOINTMENT_PREFIX, LETTER_PREFIX};
use crate::domain::retention::Retention;
use crate::domain::schedule::Schedule;
use crate::domain::seal::is_key_name;
use crate::domain::territory::Territory;

/// The most mailboxes that one configuration may watch.
const MAX_MAILBOXES: usize = 1_000;
/// The longest span of time that a setting may hold.
const MAX_SPAN_SECONDS: u64 = 366 * 24 * 3_600;

/// Checks a parsed file, and reads what it names.
pub fn check(source: &Source, secrets: Secrets) -> Result<Settings, Error> {
    let file = &source.file;
    let time = time(source)?;
    let (commitments, commitments_text) = commitments(&source.resolve(&file.commitments))?;
    let rules = requesters(&source.resolve(&file.requesters))?;
    let (indicators, indicators_text) = indicators(source)?;
    let templates_folder = source.resolve(&file.templates);
    let templates = read_templates(&templates_folder)?;
    let bureaux = bureaux(source)?;
    let report = report(source, &bureaux)?;
    let shared = Shared {
        zone: time.zone,
        territory: time.territory,
        our_addresses: our_addresses(source)?,
        internal_domains: internal_domains(source)?,
        commitments,
        requesters: rules.requesters,
        natures: rules.natures,
        limits: limits(source)?,
        templates: &templates,
    };
    let Watched { mailboxes, policies, services } = watched(source, &bureaux, &shared, secrets)?;
    let sender = sender(source, &policies)?;
    let digest = digest([source.text.as_str(), &commitments_text, &rules.texts, &time.closures_text, &indicators_text]);
    let names = file.mailboxes.iter().map(|mailbox| mailbox.name.as_str()).collect();
    known_mailboxes(source, &shared.commitments, &names)?;
    let administrators =
        addresses(source, &[Key("prefecture"), Key("administrators")], &file.prefecture.administrators)?;
    let ledger = ledger(source)?;
    let seal_key = match (&ledger, secrets) {
        (Some(ledger), Secrets::Read) => Some(ledger.key()?),
        (Some(_), Secrets::Store | Secrets::Skip) | (None, _) => None,
    };
    Ok(Settings {
        ledger,
        office: Office {
            name: file.prefecture.name.clone(),
            indicators,
            report,
            mailboxes: policies,
            calendars: time.calendars,
            services,
            seal_key,
            bureaux,
            sender,
            administrators,
            retention: retention(source)?,
            digest,
        },
        store: store_url(source, secrets)?,
        node: file.prefecture.node.clone().unwrap_or_else(machine_name),
        mailboxes,
        smtp: smtp(source, secrets)?,
        templates,
        templates_folder,
        web: web(source)?,
        closures_file: time.closures_file,
        blind_after: blind_after(source)?,
        reconcile: Schedule::parse(&file.prefecture.reconcile)
            .map_err(|error| source.error(&[Key("prefecture"), Key("reconcile")], error.to_string()))?,
    })
}

/// The mailboxes: how each is reached, what is decided for it, and what its texts say.
struct Watched {
    mailboxes: Vec<MailboxSettings>,
    policies: Vec<MailboxPolicy>,
    services: HashMap<String, Service>,
}

fn watched(source: &Source, bureaux: &[Bureau], shared: &Shared<'_>, secrets: Secrets) -> Result<Watched, Error> {
    let file = &source.file;
    let (mut names, mut reached) = (HashSet::new(), HashSet::new());
    let mut mailboxes = Vec::new();
    let mut policies = Vec::new();
    let mut services = HashMap::new();
    if file.mailboxes.is_empty() || file.mailboxes.len() > MAX_MAILBOXES {
        return Err(source.error(&[Key("mailboxes")], format!("between 1 and {MAX_MAILBOXES} mailboxes are expected")));
    }
    for (index, mailbox) in file.mailboxes.iter().enumerate() {
        let at = At { source, index };
        if !names.insert(mailbox.name.as_str()) {
            return Err(at.error("name", format!("the name {:?} is given twice", mailbox.name)));
        }
        let policy = at.policy(mailbox, bureaux, shared)?;
        for (key, address) in
            [("address", &policy.address)].into_iter().chain(policy.aliases.iter().map(|a| ("aliases", a)))
        {
            if !reached.insert(address.canonical()) {
                return Err(at.error(key, format!("{address} leads to a mailbox already")));
            }
        }
        policies.push(policy);
        services.insert(mailbox.name.clone(), service::service(&at, mailbox)?);
        mailboxes.push(at.mailbox(mailbox, secrets)?);
    }
    Ok(Watched { mailboxes, policies, services })
}

/// What all mailboxes share.
struct Shared<'a> {
    zone: Tz,
    territory: Territory,
    our_addresses: Vec<Address>,
    internal_domains: Vec<String>,
    commitments: Vec<Commitment>,
    requesters: Vec<RequesterRule>,
    natures: Vec<NatureRule>,
    limits: Limits,
    templates: &'a [TemplateFile],
}

/// A mailbox's place in the file.
pub(super) struct At<'a> {
    pub(super) source: &'a Source,
    pub(super) index: usize,
}

impl At<'_> {
    pub(super) fn error(&self, key: &str, what: impl Into<String>) -> Error {
        self.source.error(&[Key("mailboxes"), Index(self.index), Key(key)], what)
    }

    fn address(&self, key: &str, text: &str) -> Result<Address, Error> {
        address(self.source, &[Key("mailboxes"), Index(self.index), Key(key)], text)
    }

    fn span(&self, key: &str, text: &str) -> Result<TimeDelta, Error> {
        span(self.source, &[Key("mailboxes"), Index(self.index), Key(key)], text)
    }

    fn name<T>(&self, key: &str, text: &str, read: impl Fn(&str) -> Option<T>, expected: &str) -> Result<T, Error> {
        read(text).ok_or_else(|| self.error(key, format!("{text:?} is none of {expected}")))
    }

    fn policy(&self, file: &MailboxFile, bureaux: &[Bureau], shared: &Shared<'_>) -> Result<MailboxPolicy, Error> {
        let prefecture = &self.source.file.prefecture;
        if file.name.is_empty() || file.name.contains(char::is_whitespace) {
            return Err(self.error("name", "a name without spaces is expected, such as \"pref-pan\""));
        }
        if file.prefix.is_empty() || !file.prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err(self.error("prefix", "capital letters A–Z and digits are expected, such as \"PAN\""));
        }
        if [LETTER_PREFIX, APPOINTMENT_PREFIX].contains(&file.prefix.as_str()) {
            return Err(self.error("prefix", format!("{} is the prefix of a register: take another", file.prefix)));
        }
        if !bureaux.iter().any(|bureau| bureau.key == file.bureau) {
            return Err(self.error("bureau", format!("no [[bureaux]] has the key {:?}", file.bureau)));
        }
        Ok(MailboxPolicy {
            name: file.name.clone(),
            address: self.address("address", &file.address)?,
            aliases: file.aliases.iter().map(|text| self.address("aliases", text)).collect::<Result<_, _>>()?,
            bureau: file.bureau.clone(),
            reference_prefix: file.prefix.clone(),
            mode: self.name("mode", &file.mode, Mode::from_name, "\"observe\", \"acknowledge\"")?,
            territory: shared.territory,
            zone: shared.zone,
            acknowledge_max_age: self.span("acknowledge_max_age", &file.acknowledge_max_age)?,
            recipient_rule: self.name(
                "acknowledge_to",
                &file.acknowledge_to,
                RecipientRule::from_name,
                "\"from\", \"return_path\"",
            )?,
            internal_opens_request: file.internal_opens_request,
            acknowledge_internal: file.acknowledge_internal,
            acknowledge_unaddressed: file.acknowledge_unaddressed,
            internal_domains: shared.internal_domains.clone(),
            our_addresses: shared.our_addresses.clone(),
            trusted_servers: prefecture.trusted_servers.clone(),
            no_reply_senders: prefecture.no_reply_senders.clone(),
            form_senders: prefecture.form_senders.clone(),
            requesters: shared.requesters.clone(),
            natures: shared.natures.clone(),
            default_nature: self.name(
                "nature",
                &file.nature,
                Nature::from_name,
                "\"general_info\", \"advice\", \"complaint\", \"suggestion\", \"appointment\"",
            )?,
            commitments: shared.commitments.clone(),
            perimeter: self.perimeter(file)?,
            limits: shared.limits,
            gestures: gestures::rules(self.source, self.index, file)?,
            holding_subjects: file.holding_subjects.clone(),
            texts: service::texts(self, file, shared.templates)?,
            sent_copy: self.name("sent_copy", &file.sent_copy, SentCopy::from_name, "\"never\", \"always\"")?,
        })
    }

    fn mailbox(&self, file: &MailboxFile, secrets: Secrets) -> Result<MailboxSettings, Error> {
        self.folders(file)?;
        let scan_every = self.span("scan_every", &file.scan_every)?;
        if scan_every.is_zero() {
            return Err(self.error("scan_every", "a second at least is expected, such as \"5m\""));
        }
        let steps = [Key("mailboxes"), Index(self.index), Key("imap")];
        let imap = server(self.source, &steps, &file.imap, secrets)?;
        if imap.login.is_none() {
            return Err(self.source.error(&steps, "login is missing"));
        }
        Ok(MailboxSettings {
            name: file.name.clone(),
            imap,
            inbox: file.inbox.clone(),
            sent: file.sent.clone(),
            junk: file.junk.clone(),
            folders: file.folders.clone(),
            gesture_folders: gestures::folders(&gestures::rules(self.source, self.index, file)?),
            scan_every: scan_every.to_std().unwrap_or(Duration::from_mins(5)).max(Duration::from_secs(1)),
        })
    }
}

impl At<'_> {
    fn perimeter(&self, file: &MailboxFile) -> Result<Vec<Perimeter>, Error> {
        let mut periods = Vec::new();
        for (index, period) in file.perimeter.iter().enumerate() {
            let steps = |key| [Key("mailboxes"), Index(self.index), Key("perimeter"), Index(index), Key(key)];
            let day = |key: &'static str, text: &Option<String>| {
                text.as_ref().map(|text| date(self.source, &steps(key), text)).transpose()
            };
            let (from, until) = (day("from", &period.from)?, day("until", &period.until)?);
            if from.zip(until).is_some_and(|(from, until)| until < from) {
                return Err(self.source.error(&steps("until"), "comes before from"));
            }
            periods.push(Perimeter { from, until, official: period.official });
        }
        Ok(periods)
    }

    /// A folder is read for one purpose: named twice, its messages would be judged by whichever reading came first.
    fn folders(&self, file: &MailboxFile) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let inbox = std::iter::once(("inbox", &file.inbox));
        let sent = file.sent.iter().map(|name| ("sent", name));
        for (key, name) in inbox.chain(sent).chain(file.folders.iter().map(|name| ("folders", name))) {
            if name.is_empty() {
                return Err(self.error(key, "the name of a folder is expected"));
            }
            // RFC 3501 §5.1: INBOX is the one name that is written in any case.
            let one = if name.eq_ignore_ascii_case("INBOX") { "INBOX" } else { name.as_str() };
            if !seen.insert(one) {
                return Err(self.error(key, format!("the folder {name:?} is named twice")));
            }
        }
        Ok(())
    }
}

/// From whom the mails to agents come. Not from a watched mailbox: it would take their replies for requests of the public.
fn sender(source: &Source, mailboxes: &[MailboxPolicy]) -> Result<Address, Error> {
    let steps = [Key("prefecture"), Key("sender")];
    let sender = address(source, &steps, &source.file.prefecture.sender)?;
    match mailboxes.iter().find(|mailbox| mailbox.is_mine(&sender)) {
        Some(mailbox) => {
            let what = format!("{sender} is the watched mailbox {:?}: vigie needs an address of its own", mailbox.name);
            Err(source.error(&steps, what))
        }
        None => Ok(sender),
    }
}

/// A commitment binds mailboxes that there are: a name mistyped would promise nothing to anybody.
fn known_mailboxes(source: &Source, commitments: &[Commitment], names: &HashSet<&str>) -> Result<(), Error> {
    let unknown = |commitment: &&Commitment| commitment.mailboxes.iter().any(|name| !names.contains(name.as_str()));
    match commitments.iter().find(unknown) {
        None => Ok(()),
        Some(commitment) => {
            let what = format!("the commitment {:?} names a mailbox that is not in this file", commitment.key);
            Err(source.error(&[Key("mailboxes")], what))
        }
    }
}

/// The administration's own domains: one that no address can lie in would make strangers of colleagues.
fn internal_domains(source: &Source) -> Result<Vec<String>, Error> {
    let domains = &source.file.prefecture.internal_domains;
    for (index, domain) in domains.iter().enumerate() {
        if Address::parse(&format!("x@{domain}")).is_none() || domain.contains('@') {
            let steps = [Key("prefecture"), Key("internal_domains"), Index(index)];
            return Err(source.error(&steps, format!("{domain:?} is not a domain such as \"ain.gouv.fr\"")));
        }
    }
    Ok(domains.clone())
}

/// Every address of our side: the mailboxes, their aliases, the agents, and what the file adds.
fn our_addresses(source: &Source) -> Result<Vec<Address>, Error> {
    let file = &source.file;
    let mut ours = addresses(source, &[Key("prefecture"), Key("our_addresses")], &file.prefecture.our_addresses)?;
    for (index, mailbox) in file.mailboxes.iter().enumerate() {
        let at = At { source, index };
        ours.push(at.address("address", &mailbox.address)?);
        for alias in &mailbox.aliases {
            ours.push(at.address("aliases", alias)?);
        }
    }
    for (index, bureau) in file.bureaux.iter().enumerate() {
        for (key, texts) in [("agents", &bureau.agents), ("heads", &bureau.heads)] {
            ours.extend(addresses(source, &[Key("bureaux"), Index(index), Key(key)], texts)?);
        }
    }
    ours.push(address(source, &[Key("prefecture"), Key("sender")], &file.prefecture.sender)?);
    Ok(ours)
}

fn limits(source: &Source) -> Result<Limits, Error> {
    let (file, usual) = (&source.file.limits, Limits::default());
    let undeliverable_for = match &file.undeliverable_for {
        Some(text) => span(source, &[Key("limits"), Key("undeliverable_for")], text)?,
        None => usual.undeliverable_for,
    };
    for (key, limit) in [
        ("per_address_per_day", file.per_address_per_day),
        ("per_domain_per_hour", file.per_domain_per_hour),
        ("per_thread_per_day", file.per_thread_per_day),
        ("per_mailbox_per_hour", file.per_mailbox_per_hour),
        ("breaker_per_hour", file.breaker_per_hour),
        ("abusive_per_hour", file.abusive_per_hour),
    ] {
        if limit == Some(0) {
            let what = "at least 1 is expected; a mailbox that is to send nothing has mode = \"observe\"";
            return Err(source.error(&[Key("limits"), Key(key)], what));
        }
    }
    Ok(Limits {
        per_address_per_day: file.per_address_per_day.unwrap_or(usual.per_address_per_day),
        per_domain_per_hour: file.per_domain_per_hour.unwrap_or(usual.per_domain_per_hour),
        per_thread_per_day: file.per_thread_per_day.unwrap_or(usual.per_thread_per_day),
        per_mailbox_per_hour: file.per_mailbox_per_hour.unwrap_or(usual.per_mailbox_per_hour),
        breaker_per_hour: file.breaker_per_hour.unwrap_or(usual.breaker_per_hour),
        abusive_per_hour: file.abusive_per_hour.unwrap_or(usual.abusive_per_hour),
        undeliverable_for,
    })
}

fn smtp(source: &Source, secrets: Secrets) -> Result<SmtpSettings, Error> {
    let file = &source.file.smtp;
    let null_reverse_path = match file.reverse_path.as_str() {
        "null" => true,
        "mailbox" => false,
        other => {
            let steps = [Key("smtp"), Key("reverse_path")];
            return Err(source.error(&steps, format!("{other:?} is none of \"null\", \"mailbox\"")));
        }
    };
    Ok(SmtpSettings {
        server: server(source, &[Key("smtp"), Key("server")], &file.server, secrets)?,
        null_reverse_path,
        unknown_retry_after: span(source, &[Key("smtp"), Key("unknown_retry_after")], &file.unknown_retry_after)?,
        quotas: quotas(source, &file.quota)?,
    })
}

fn quotas(source: &Source, quotas: &[QuotaFile]) -> Result<Vec<Quota>, Error> {
    let steps = |index, key| [Key("smtp"), Key("quota"), Index(index), Key(key)];
    let quota = |(index, file): (usize, &QuotaFile)| {
        let within = span(source, &steps(index, "within"), &file.within)?;
        if file.mails < 2 {
            return Err(source.error(&steps(index, "mails"), "2 mails at least are expected"));
        }
        if within.is_zero() {
            return Err(source.error(&steps(index, "within"), "a span longer than nothing is expected"));
        }
        Ok(Quota { mails: file.mails, within })
    };
    quotas.iter().enumerate().map(quota).collect()
}

fn server(source: &Source, steps: &[Step<'_>], file: &ServerFile, secrets: Secrets) -> Result<ServerSettings, Error> {
    let at = |key: &'static str| [steps, &[Key(key)]].concat();
    let security = match file.security.as_str() {
        "implicit" => Security::Implicit,
        "starttls" => Security::StartTls,
        "plain" if is_loopback(&file.host) => Security::Plain,
        "plain" => return Err(source.error(&at("security"), "\"plain\" is for loopback only: use \"starttls\"")),
        other => {
            let what = format!("{other:?} is none of \"implicit\", \"starttls\", \"plain\"");
            return Err(source.error(&at("security"), what));
        }
    };
    let ca_file = file.ca_file.as_ref().map(|path| source.resolve(path));
    if let Some(path) = ca_file.as_ref().filter(|path| !path.is_file()) {
        return Err(source.error(&at("ca_file"), format!("{} is not a readable file", path.display())));
    }
    if file.port == 0 {
        return Err(source.error(&at("port"), "a port is expected, such as 993 or 465"));
    }
    if file.max_connections == Some(0) {
        return Err(source.error(&at("max_connections"), "at least one connection is needed"));
    }
    let oauth = secret::oauth(source, steps, file, secrets)?;
    let password = match (&file.login, secrets) {
        (None, _) | (Some(_), Secrets::Skip | Secrets::Store) => None,
        (Some(_), Secrets::Read) if oauth.is_some() => None,
        (Some(_), Secrets::Read) => Some(secret::password(source, steps, file)?),
    };
    Ok(ServerSettings {
        host: file.host.clone(),
        port: file.port,
        security,
        ca_file,
        login: file.login.clone(),
        password,
        oauth,
        max_connections: file.max_connections,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn store_url(source: &Source, secrets: Secrets) -> Result<String, Error> {
    let file = &source.file.store;
    if !file.url.starts_with("postgres") {
        return Ok(source.resolve(Path::new(file.url.trim_start_matches("sqlite:"))).display().to_string());
    }
    let (Some(path), Secrets::Read | Secrets::Store) = (&file.password_file, secrets) else {
        return Ok(file.url.clone());
    };
    let steps = [Key("store"), Key("password_file")];
    let text = read(&source.resolve(path)).map_err(|error| source.error(&steps, error.to_string()))?;
    let Some((scheme, rest)) = file.url.split_once("://") else { return Ok(file.url.clone()) };
    let Some((user, place)) = rest.split_once('@') else {
        return Err(source.error(&[Key("store"), Key("url")], "a user is expected: postgres://USER@HOST/DATABASE"));
    };
    let word = percent_encoded(text.lines().next().unwrap_or_default());
    Ok(format!("{scheme}://{user}:{word}@{place}"))
}

/// Every octet as `%XX`: what a URL's password may hold without being read as something else.
fn percent_encoded(word: &str) -> String {
    word.bytes().fold(String::new(), |encoded, octet| format!("{encoded}%{octet:02X}"))
}

fn ledger(source: &Source) -> Result<Option<LedgerSettings>, Error> {
    let Some(file) = &source.file.ledger else { return Ok(None) };
    if !is_key_name(&file.origin) {
        let what = "a name without spaces and \"+\" is expected, such as \"prefecture.example.org/vigie\"";
        return Err(source.error(&[Key("ledger"), Key("origin")], what));
    }
    Ok(Some(LedgerSettings {
        origin: file.origin.clone(),
        key_file: source.resolve(&file.key_file),
        seals: source.resolve(&file.seals),
        timestamp: timestamp(source, file)?,
    }))
}

fn timestamp(source: &Source, file: &super::file::LedgerFile) -> Result<Option<TimestampSettings>, Error> {
    match (&file.timestamp_url, &file.timestamp_ca) {
        (Some(url), Some(ca)) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Some(TimestampSettings { url: url.clone(), ca_file: source.resolve(ca) }))
        }
        (Some(_), Some(_)) => {
            let what = "an address that begins with \"http://\" or \"https://\" is expected";
            Err(source.error(&[Key("ledger"), Key("timestamp_url")], what))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            Err(source.error(&[Key("ledger")], "timestamp_url and timestamp_ca go together"))
        }
    }
}

fn retention(source: &Source) -> Result<Retention, Error> {
    let file = &source.file.retention;
    if file.personal_days == Some(0) {
        let what = "a day at least is expected: an answer may still come back, or be asked about";
        return Err(source.error(&[Key("retention"), Key("personal_days")], what));
    }
    let usual = Retention::default();
    Ok(Retention {
        personal_days: file.personal_days.unwrap_or(usual.personal_days),
        row_years: file.row_years.unwrap_or(usual.row_years),
        access_months: file.access_months.unwrap_or(usual.access_months),
    })
}

/// How long a mailbox may be blind before the administrators are told: at once would be at every lost connection.
fn blind_after(source: &Source) -> Result<TimeDelta, Error> {
    let steps = [Key("prefecture"), Key("blind_after")];
    let span = span(source, &steps, &source.file.prefecture.blind_after)?;
    if span.is_zero() { Err(source.error(&steps, "a second at least is expected, such as \"15m\"")) } else { Ok(span) }
}

fn web(source: &Source) -> Result<Option<std::net::SocketAddr>, Error> {
    let Some(text) = &source.file.web.listen else { return Ok(None) };
    let wrong =
        |_| source.error(&[Key("web"), Key("listen")], format!("{text:?} is not of the form \"127.0.0.1:8025\""));
    text.parse().map(Some).map_err(wrong)
}

fn address<T>(source: &Source<T>, steps: &[Step<'_>], text: &str) -> Result<Address, Error> {
    Address::parse(text).ok_or_else(|| source.error(steps, format!("{text:?} is not a mail address")))
}

pub(super) fn addresses(source: &Source, steps: &[Step<'_>], texts: &[String]) -> Result<Vec<Address>, Error> {
    let one = |(index, text): (usize, &String)| address(source, &[steps, &[Index(index)]].concat(), text);
    texts.iter().enumerate().map(one).collect()
}

pub(super) fn date<T>(source: &Source<T>, steps: &[Step<'_>], text: &str) -> Result<NaiveDate, Error> {
    text.parse().map_err(|_| source.error(steps, format!("{text:?} is not a date such as \"2026-05-15\"")))
}

/// A span such as `90s`, `15m`, `12h`, `7d`.
fn span(source: &Source, steps: &[Step<'_>], text: &str) -> Result<TimeDelta, Error> {
    let wrong = || source.error(steps, format!("{text:?} is not a span such as \"90s\", \"15m\", \"12h\", \"7d\""));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text.trim_end_matches(unit).trim().parse().map_err(|_| wrong())?;
    let seconds = count.checked_mul(factor).filter(|seconds| *seconds <= MAX_SPAN_SECONDS).ok_or_else(wrong)?;
    i64::try_from(seconds).map(TimeDelta::seconds).map_err(|_| wrong())
}

/// The machine's name, for the ledger of who did what on which node.
fn machine_name() -> String {
    // The unit hides /proc/sys; /etc/hostname is there all the same.
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|name| name.trim().to_owned());
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "vigie".to_owned())
}
