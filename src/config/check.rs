//! The file's form → checked settings: every value parsed once, every name resolved, every error placed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use secrecy::SecretString;

use super::file::{
    BureauFile, CommitmentsFile, LimitsFile, MailboxFile, QuotaFile, RequestersFile, ServerFile, Source,
};
use super::locate::Step::{self, Index, Key};
use super::{
    Error, LedgerSettings, MailboxSettings, Secrets, Security, ServerSettings, Settings, SmtpSettings, TemplateFile,
    digest, read,
};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::calendar::{Calendar, Closure, MONDAY_TO_FRIDAY};
use crate::domain::holidays::HolidayRules;
use crate::domain::office::{ImplicitDecision, Office, Service};
use crate::domain::opening::OpeningHours;
use crate::domain::policy::{
    Channel, Commitment, Limits, MailboxPolicy, Mode, Nature, RecipientRule, Requester, RequesterRule,
};
use crate::domain::quota::Quota;
use crate::domain::schedule::Schedule;
use crate::domain::seal::is_key_name;
use crate::domain::territory::Territory;

/// The most mailboxes that one configuration may watch.
const MAX_MAILBOXES: usize = 1_000;
/// The longest span of time that a setting may hold.
const MAX_SPAN_SECONDS: u64 = 366 * 24 * 3_600;

/// The longest limit, in working days: beyond any that the law or a charter knows, and within what a calendar holds.
const MAX_LIMIT: u16 = 1_000;

/// Checks a parsed file, and reads what it names.
pub fn check(source: &Source, secrets: Secrets) -> Result<Settings, Error> {
    let file = &source.file;
    let (calendar, zone) = calendar(source)?;
    let (commitments, commitments_text) = commitments(&source.resolve(&file.commitments))?;
    let (requesters, requesters_text) = requesters(&source.resolve(&file.requesters))?;
    let templates = templates(source)?;
    let bureaux = bureaux(source)?;
    let shared = Shared {
        zone,
        territory: calendar.territory(),
        our_addresses: our_addresses(source)?,
        internal_domains: internal_domains(source)?,
        commitments,
        requesters,
        limits: limits(file.limits),
    };
    let (mut names, mut reached) = (HashSet::new(), HashSet::new());
    let mut mailboxes = Vec::new();
    let mut policies = Vec::new();
    if file.mailboxes.is_empty() || file.mailboxes.len() > MAX_MAILBOXES {
        return Err(source.error(&[Key("mailboxes")], format!("between 1 and {MAX_MAILBOXES} mailboxes are expected")));
    }
    for (index, mailbox) in file.mailboxes.iter().enumerate() {
        let at = At { source, index };
        if !names.insert(mailbox.name.as_str()) {
            return Err(at.error("name", format!("the name {:?} is given twice", mailbox.name)));
        }
        let policy = at.policy(mailbox, &bureaux, &shared)?;
        for (key, address) in
            [("address", &policy.address)].into_iter().chain(policy.aliases.iter().map(|a| ("aliases", a)))
        {
            if !reached.insert(address.canonical()) {
                return Err(at.error(key, format!("{address} leads to a mailbox already")));
            }
        }
        policies.push(policy);
        mailboxes.push(at.mailbox(mailbox, &templates, secrets)?);
    }
    let sender = address(source, &[Key("prefecture"), Key("sender")], &file.prefecture.sender)?;
    let digest = digest([source.text.as_str(), &commitments_text, &requesters_text]);
    let calendars = policies.iter().map(|policy| (policy.name.clone(), calendar.clone())).collect::<HashMap<_, _>>();
    let services = file.mailboxes.iter().map(|mailbox| (mailbox.name.clone(), service(mailbox))).collect();
    let administrators =
        addresses(source, &[Key("prefecture"), Key("administrators")], &file.prefecture.administrators)?;
    let ledger = ledger(source)?;
    let seal_key = match (&ledger, secrets) {
        (Some(ledger), Secrets::Read) => Some(ledger.key()?),
        (Some(_), Secrets::Store | Secrets::Skip) | (None, _) => None,
    };
    Ok(Settings {
        ledger,
        office: Office { mailboxes: policies, calendars, services, seal_key, bureaux, sender, administrators, digest },
        store: store_url(source, secrets)?,
        node: file.prefecture.node.clone().unwrap_or_else(machine_name),
        mailboxes,
        smtp: smtp(source, secrets)?,
        templates,
        web: web(source)?,
        blind_after: span(source, &[Key("prefecture"), Key("blind_after")], &file.prefecture.blind_after)?,
        reconcile: Schedule::parse(&file.prefecture.reconcile)
            .map_err(|error| source.error(&[Key("prefecture"), Key("reconcile")], error.to_string()))?,
    })
}

/// What all mailboxes share.
struct Shared {
    zone: Tz,
    territory: Territory,
    our_addresses: Vec<Address>,
    internal_domains: Vec<String>,
    commitments: Vec<Commitment>,
    requesters: Vec<RequesterRule>,
    limits: Limits,
}

/// A mailbox's place in the file.
struct At<'a> {
    source: &'a Source,
    index: usize,
}

impl At<'_> {
    fn error(&self, key: &str, what: impl Into<String>) -> Error {
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

    fn policy(&self, file: &MailboxFile, bureaux: &[Bureau], shared: &Shared) -> Result<MailboxPolicy, Error> {
        let prefecture = &self.source.file.prefecture;
        if file.name.is_empty() || file.name.contains(char::is_whitespace) {
            return Err(self.error("name", "a name without spaces is expected, such as \"pref-pan\""));
        }
        if file.prefix.is_empty() || !file.prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err(self.error("prefix", "capital letters A–Z and digits are expected, such as \"PAN\""));
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
            requesters: shared.requesters.clone(),
            default_nature: self.name(
                "nature",
                &file.nature,
                Nature::from_name,
                "\"general_info\", \"advice\", \"complaint\", \"suggestion\"",
            )?,
            commitments: shared.commitments.clone(),
            limits: shared.limits,
        })
    }

    fn mailbox(
        &self,
        file: &MailboxFile,
        templates: &[TemplateFile],
        secrets: Secrets,
    ) -> Result<MailboxSettings, Error> {
        if !templates.iter().any(|template| template.name == file.template) {
            let known: Vec<&str> = templates.iter().map(|template| template.name.as_str()).collect();
            let what = format!("no template is called {:?}; there are {}", file.template, known.join(", "));
            return Err(self.error("template", what));
        }
        let service = &file.service;
        for (key, value) in [
            ("name", &service.name),
            ("postal_address", &service.postal_address),
            ("telephone", &service.telephone),
            ("data_protection", &service.data_protection),
        ] {
            if value.trim().is_empty() {
                let steps = [Key("mailboxes"), Index(self.index), Key("service"), Key(key)];
                return Err(self.source.error(&steps, "is a mandatory mention (CRPA R112-11-1) and may not be empty"));
            }
        }
        if !service.implicit_decision.is_empty() && ImplicitDecision::from_name(&service.implicit_decision).is_none() {
            let steps = [Key("mailboxes"), Index(self.index), Key("service"), Key("implicit_decision")];
            return Err(self.source.error(&steps, "\"rejection\", \"acceptance\" or nothing is expected"));
        }
        if service.implicit_decision == "rejection" && service.remedies.trim().is_empty() {
            let steps = [Key("mailboxes"), Index(self.index), Key("service"), Key("remedies")];
            return Err(self.source.error(&steps, "an implicit rejection needs its remedies (CRPA R112-11-1)"));
        }
        self.folders(file)?;
        let scan_every = self.span("scan_every", &file.scan_every)?;
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
            scan_every: scan_every.to_std().unwrap_or(Duration::from_mins(5)).max(Duration::from_secs(1)),
        })
    }
}

impl At<'_> {
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

fn service(file: &MailboxFile) -> Service {
    let service = &file.service;
    Service {
        template: file.template.clone(),
        name: service.name.clone(),
        postal_address: service.postal_address.clone(),
        telephone: service.telephone.clone(),
        opening_hours: service.opening_hours.clone(),
        data_protection: service.data_protection.clone(),
        implicit_decision: ImplicitDecision::from_name(&service.implicit_decision),
        remedies: service.remedies.clone(),
    }
}

fn calendar(source: &Source) -> Result<(Calendar, Tz), Error> {
    let prefecture = &source.file.prefecture;
    let steps = [Key("prefecture"), Key("territory")];
    let territory = Territory::from_name(&prefecture.territory)
        .ok_or_else(|| source.error(&steps, format!("{:?} is no territory, see the README", prefecture.territory)))?;
    let zone = match &prefecture.zone {
        None => territory.zone(),
        Some(name) => name.parse().map_err(|_| {
            source.error(&[Key("prefecture"), Key("zone")], format!("{name:?} is no zone such as \"Europe/Paris\""))
        })?,
    };
    let mut rules = HolidayRules::default();
    if let Some(good_friday) = source.file.calendar.good_friday_in_alsace_moselle {
        rules.good_friday_in_alsace_moselle = good_friday;
    }
    let mut closures = Vec::new();
    for (index, closure) in source.file.calendar.closures.iter().enumerate() {
        let steps = |key| [Key("calendar"), Key("closures"), Index(index), Key(key)];
        let from = date(source, &steps("from"), &closure.from)?;
        let to = closure.to.as_ref().map_or(Ok(from), |to| date(source, &steps("to"), to))?;
        if to < from {
            return Err(source.error(&steps("to"), format!("{to} comes before {from}")));
        }
        closures.push(Closure { from, to, label: closure.label.clone(), suspends: closure.suspends });
    }
    Ok((Calendar::new(territory, zone, rules, closures, MONDAY_TO_FRIDAY), zone))
}

fn bureaux(source: &Source) -> Result<Vec<Bureau>, Error> {
    let mut bureaux: Vec<Bureau> = Vec::new();
    for (index, file) in source.file.bureaux.iter().enumerate() {
        if bureaux.iter().any(|bureau| bureau.key == file.key) {
            let steps = [Key("bureaux"), Index(index), Key("key")];
            return Err(source.error(&steps, format!("the key {:?} is given twice", file.key)));
        }
        bureaux.push(bureau(source, index, file)?);
    }
    Ok(bureaux)
}

fn bureau(source: &Source, index: usize, file: &BureauFile) -> Result<Bureau, Error> {
    let steps = |key| [Key("bureaux"), Index(index), Key(key)];
    if file.agents.is_empty() {
        return Err(source.error(&steps("agents"), "at least one agent is expected: alerts must reach someone"));
    }
    let hours = slots(&file.hours).and_then(|slots| OpeningHours::new(slots).map_err(|error| error.to_string()));
    Ok(Bureau {
        key: file.key.clone(),
        label: file.label.clone(),
        agents: addresses(source, &steps("agents"), &file.agents)?,
        heads: addresses(source, &steps("heads"), &file.heads)?,
        heads_from: i64::from(file.heads_from),
        officers: addresses(source, &steps("quality_officers"), &file.quality_officers)?,
        officers_from: i64::from(file.quality_officers_from),
        thresholds: file.thresholds.iter().map(|level| i64::from(*level)).collect(),
        hours: hours.map_err(|what| source.error(&steps("hours"), what))?,
        digest: Schedule::parse(&file.digest).map_err(|error| source.error(&steps("digest"), error.to_string()))?,
    })
}

fn slots(texts: &[String]) -> Result<Vec<(NaiveTime, NaiveTime)>, String> {
    let slot = |text: &String| {
        let (from, to) = text.split_once('-')?;
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        Some((time(from)?, time(to)?))
    };
    let wrong = |text: &String| format!("{text:?} is not of the form \"09:00-12:00\"");
    texts.iter().map(|text| slot(text).ok_or_else(|| wrong(text))).collect()
}

fn commitments(path: &Path) -> Result<(Vec<Commitment>, String), Error> {
    let source: Source<CommitmentsFile> = Source::parse(path, read(path)?)?;
    let mut commitments = Vec::new();
    for (index, file) in source.file.commitments.iter().enumerate() {
        let steps = |key| [Key("commitments"), Index(index), Key(key)];
        let name = |key: &'static str, what: &str| source.error(&steps(key), format!("{what:?} is not known"));
        let day = |key: &'static str, text: &Option<String>| {
            text.as_ref().map(|text| date(&source, &steps(key), text)).transpose()
        };
        if !(0.0..=100.0).contains(&file.target) {
            return Err(source.error(&steps("target"), "a percentage between 0 and 100 is expected"));
        }
        if file.limit > MAX_LIMIT {
            return Err(source.error(&steps("limit"), format!("at most {MAX_LIMIT} working days are expected")));
        }
        let requester = |text: &String| Requester::from_name(text).ok_or_else(|| name("requesters", text));
        let nature = |text: &String| Nature::from_name(text).ok_or_else(|| name("natures", text));
        commitments.push(Commitment {
            key: file.key.clone(),
            label: file.label.clone(),
            channel: Channel::from_name(&file.channel).ok_or_else(|| name("channel", &file.channel))?,
            requesters: file.requesters.iter().map(requester).collect::<Result<_, _>>()?,
            natures: file.natures.iter().map(nature).collect::<Result<_, _>>()?,
            limit: file.limit,
            target: hundredths(file.target),
            valid_from: day("valid_from", &file.valid_from)?,
            valid_until: day("valid_until", &file.valid_until)?,
            holding_reply_answers: file.holding_reply_answers,
            phone_answers: file.phone_answers,
        });
    }
    Ok((commitments, source.text))
}

/// A percentage between 0 and 100, in hundredths of a percent.
fn hundredths(percent: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie between 0 and 100")]
    let hundredths = (percent * 100.0).round() as u16;
    hundredths
}

fn requesters(path: &Path) -> Result<(Vec<RequesterRule>, String), Error> {
    let source: Source<RequestersFile> = Source::parse(path, read(path)?)?;
    let mut rules = Vec::new();
    for (index, file) in source.file.rules.iter().enumerate() {
        let unknown = |key: &'static str, what: &str| {
            source.error(&[Key("rules"), Index(index), Key(key)], format!("{what:?} is not known"))
        };
        let requester = Requester::from_name(&file.requester).ok_or_else(|| unknown("requester", &file.requester))?;
        let nature = match &file.nature {
            None => None,
            Some(name) => Some(Nature::from_name(name).ok_or_else(|| unknown("nature", name))?),
        };
        for pattern in &file.patterns {
            rules.push(RequesterRule { id: file.id.clone(), pattern: pattern.clone(), requester, nature });
        }
    }
    Ok((rules, source.text))
}

fn templates(source: &Source) -> Result<Vec<TemplateFile>, Error> {
    let folder = source.resolve(&source.file.templates);
    let failed = |cause| Error::Read { path: folder.clone(), cause };
    let mut texts: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
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

fn limits(file: LimitsFile) -> Limits {
    let usual = Limits::default();
    Limits {
        per_address_per_day: file.per_address_per_day.unwrap_or(usual.per_address_per_day),
        per_domain_per_hour: file.per_domain_per_hour.unwrap_or(usual.per_domain_per_hour),
        per_thread_per_day: file.per_thread_per_day.unwrap_or(usual.per_thread_per_day),
        per_mailbox_per_hour: file.per_mailbox_per_hour.unwrap_or(usual.per_mailbox_per_hour),
        breaker_per_hour: file.breaker_per_hour.unwrap_or(usual.breaker_per_hour),
        abusive_per_hour: file.abusive_per_hour.unwrap_or(usual.abusive_per_hour),
    }
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
    if file.max_connections == Some(0) {
        return Err(source.error(&at("max_connections"), "at least one connection is needed"));
    }
    let password = match (&file.login, secrets) {
        (None, _) | (Some(_), Secrets::Skip | Secrets::Store) => None,
        (Some(_), Secrets::Read) => Some(secret(source, steps, file)?),
    };
    Ok(ServerSettings {
        host: file.host.clone(),
        port: file.port,
        security,
        ca_file,
        login: file.login.clone(),
        password,
        max_connections: file.max_connections,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The password, from the file or the systemd credential that the server's table names.
fn secret(source: &Source, steps: &[Step<'_>], file: &ServerFile) -> Result<SecretString, Error> {
    let at = |key: &'static str| [steps, &[Key(key)]].concat();
    let (path, key) = match (&file.password_file, &file.password_credential) {
        (Some(path), None) => (source.resolve(path), "password_file"),
        (None, Some(name)) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                let what =
                    "systemd gave no credentials: is LoadCredential= in the unit? ($CREDENTIALS_DIRECTORY is not set)";
                source.error(&at("password_credential"), what)
            })?;
            (PathBuf::from(folder).join(name), "password_credential")
        }
        (Some(_), Some(_)) => {
            return Err(source.error(&at("password_file"), "password_credential is given too: one of them"));
        }
        (None, None) => {
            return Err(source.error(&at("login"), "no password: give password_file or password_credential"));
        }
    };
    let text = read(&path).map_err(|error| source.error(&at(key), format!("the password cannot be read: {error}")))?;
    let word = text.lines().next().unwrap_or_default();
    if word.is_empty() {
        return Err(source.error(&at(key), format!("{} is empty", path.display())));
    }
    Ok(SecretString::from(word.to_owned()))
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
    }))
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

fn addresses(source: &Source, steps: &[Step<'_>], texts: &[String]) -> Result<Vec<Address>, Error> {
    let one = |(index, text): (usize, &String)| address(source, &[steps, &[Index(index)]].concat(), text);
    texts.iter().enumerate().map(one).collect()
}

fn date<T>(source: &Source<T>, steps: &[Step<'_>], text: &str) -> Result<NaiveDate, Error> {
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
