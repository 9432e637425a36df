//! What the prefecture decided for a mailbox: the checked form of its configuration that decisions read.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::address::Address;
use super::gesture::GestureRule;
use super::names::names;
use super::nature::NatureRule;
use super::territory::Territory;
use super::wording::Text;

/// Whether vigie may write to the public for a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything is recorded and explained, nothing is sent to the public.
    #[default]
    Observe,
    /// Requests are acknowledged.
    Acknowledge,
}

/// To whom an acknowledgement goes when From and Return-Path differ (CRPA R112-11-3; RFC 3834 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecipientRule {
    /// The address that the sender used, as the CRPA asks: From.
    #[default]
    From,
    /// The envelope's reverse-path, as RFC 3834 §4 prefers.
    ReturnPath,
}

/// Whether a copy of each mail to the public is put into the mailbox's Sent folder: the only thing that vigie ever writes
/// into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SentCopy {
    /// Never: the mailbox is left as it is.
    #[default]
    Never,
    /// Always, so that agents see what was said.
    Always,
}

/// Who asks (DOMAIN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Requester {
    /// *Usager*: anyone of the public.
    #[default]
    Public,
    /// *Élu*.
    Elected,
    /// *Cadre territorial*.
    LocalOfficial,
    /// *Collectivité*.
    LocalAuthority,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nature {
    /// *Demande d'information générale*.
    #[default]
    GeneralInfo,
    /// *Demande de conseil*.
    Advice,
    /// *Réclamation*.
    Complaint,
    /// *Suggestion*.
    Suggestion,
    /// *Demande de rendez-vous*.
    Appointment,
}

/// By which way a request comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// *Courriel*.
    Mail,
    /// *Courrier*.
    Letter,
    /// *Rendez-vous*.
    Appointment,
    /// *Site internet*.
    Site,
    /// *Rappel téléphonique* after a mail: a clock beside that of the answer, never instead of it.
    Callback,
}

/// What the service promises: channel × requester × nature → a limit in working days (DOMAIN §1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// The stable key, such as `mail.user.info`.
    pub key: String,
    /// What a person reads.
    pub label: String,
    /// By which way the request comes.
    pub channel: Channel,
    /// Who asks; empty for anyone.
    pub requesters: Vec<Requester>,
    /// What is asked; empty for anything.
    pub natures: Vec<Nature>,
    /// The mailboxes that it binds, by name; empty for all.
    pub mailboxes: Vec<String>,
    /// The limit, in working days; the day of receipt is day 0.
    pub limit: u16,
    /// The share of requests answered in time that the service aims at, in hundredths of a percent (10000 = 100 %).
    pub target: u16,
    /// The first day of receipt that the commitment covers.
    pub valid_from: Option<NaiveDate>,
    /// The last day of receipt that the commitment covers.
    pub valid_until: Option<NaiveDate>,
    /// Whether a holding reply stops the clock (default no).
    pub holding_reply_answers: bool,
    /// Whether an answer by telephone stops the clock (default yes).
    pub phone_answers: bool,
    /// Whether the service took the promise back: it covers nothing new, and alerts about what it covered stop.
    pub withdrawn: bool,
}

impl Commitment {
    /// All that decides, on one line: what its digest is made of, and what the ledger keeps of it.
    #[must_use]
    pub fn canonical(&self) -> String {
        let names = |names: Vec<&str>| if names.is_empty() { "*".to_owned() } else { names.join(",") };
        let day = |day: Option<NaiveDate>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
        format!(
            "{} {} {} {} {} limit={} target={} from={} until={} holding={} phone={} withdrawn={}",
            self.key,
            self.channel.name(),
            names(self.requesters.iter().map(|requester| requester.name()).collect()),
            names(self.natures.iter().map(|nature| nature.name()).collect()),
            names(self.mailboxes.iter().map(String::as_str).collect()),
            self.limit,
            self.target,
            day(self.valid_from),
            day(self.valid_until),
            self.holding_reply_answers,
            self.phone_answers,
            self.withdrawn,
        )
    }

    /// Whether it covers what arrives in a mailbox on a day.
    fn covers(&self, mailbox: &str, requester: Requester, nature: Nature, day: NaiveDate) -> bool {
        !self.withdrawn
            && (self.requesters.is_empty() || self.requesters.contains(&requester))
            && (self.natures.is_empty() || self.natures.contains(&nature))
            && (self.mailboxes.is_empty() || self.mailboxes.iter().any(|name| name == mailbox))
            && self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
    }
}

/// A span of days over which a mailbox counts in the official figures, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perimeter {
    /// The first day of receipt; from the beginning where absent.
    pub from: Option<NaiveDate>,
    /// The last day of receipt; for ever where absent.
    pub until: Option<NaiveDate>,
    /// Whether what is received meanwhile counts.
    pub official: bool,
}

/// How many automatic mails may leave; each is a number of mails within a span (DESIGN §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Acknowledgements to one address within a day.
    pub per_address_per_day: u32,
    /// Acknowledgements to one domain within an hour.
    pub per_domain_per_hour: u32,
    /// Acknowledgements in one thread within a day.
    pub per_thread_per_day: u32,
    /// Acknowledgements of one mailbox within an hour.
    pub per_mailbox_per_hour: u32,
    /// Acknowledgements of all mailboxes within an hour, over which the breaker trips.
    pub breaker_per_hour: u32,
    /// Messages from one address within an hour, over which sending is abusive (CRPA L112-11).
    pub abusive_per_hour: u32,
    /// How long an address that bounced is left alone, where nothing shows before that mail reaches it again.
    pub undeliverable_for: TimeDelta,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address_per_day: 10,
            per_domain_per_hour: 200,
            per_thread_per_day: 2,
            per_mailbox_per_hour: 300,
            breaker_per_hour: 1_000,
            abusive_per_hour: 60,
            undeliverable_for: TimeDelta::days(1),
        }
    }
}

/// All that a decision about one mailbox needs to know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxPolicy {
    /// The mailbox's name in configuration, commands and ledger: `pref-pan`.
    pub name: String,
    /// The functional address: From of every acknowledgement (CRPA R112-11-3).
    pub address: Address,
    /// Other addresses under which mail reaches the mailbox: aliases, redirections, former addresses.
    pub aliases: Vec<Address>,
    /// The bureau whose agents answer.
    pub bureau: String,
    /// The head of references: `PAN` gives `PAN-2026-000123`.
    pub reference_prefix: String,
    /// Whether vigie may write to the public.
    pub mode: Mode,
    /// Where the service sits: decides the public holidays.
    pub territory: Territory,
    /// The civil time in which days are counted.
    pub zone: Tz,
    /// Messages older than this at the time of decision are never acknowledged automatically.
    pub acknowledge_max_age: TimeDelta,
    /// Whom to acknowledge when From and Return-Path differ.
    pub recipient_rule: RecipientRule,
    /// Whether an internal message opens a clock.
    pub internal_opens_request: bool,
    /// Whether an internal message that opens a clock is acknowledged.
    pub acknowledge_internal: bool,
    /// Whether a mail that names the mailbox in neither To nor Cc (Bcc, redirection) is acknowledged all the same.
    pub acknowledge_unaddressed: bool,
    /// The administration's own domains (`ain.gouv.fr`).
    pub internal_domains: Vec<String>,
    /// Addresses of our side that answer: every watched mailbox, its aliases, and the agents' addresses.
    pub our_addresses: Vec<Address>,
    /// Server names (authserv-id, RFC 8601) whose Authentication-Results are believed.
    pub trusted_servers: Vec<String>,
    /// Patterns of sender addresses that no human reads (`noreply@*`), `*` standing for any characters.
    pub no_reply_senders: Vec<String>,
    /// Patterns of addresses from which a contact form writes for the public: who asks is in Reply-To.
    pub form_senders: Vec<String>,
    /// Domains and addresses of élus and collectivités, with who writes from there; the first match decides.
    pub requesters: Vec<RequesterRule>,
    /// What is asked, by words; the first match decides.
    pub natures: Vec<NatureRule>,
    /// What a message to this mailbox asks for, where nothing else says it.
    pub default_nature: Nature,
    /// The commitments in force, the first match decides.
    pub commitments: Vec<Commitment>,
    /// When the mailbox counts in the official figures: the first period that holds the day; always, where none does.
    pub perimeter: Vec<Perimeter>,
    /// How many automatic mails may leave.
    pub limits: Limits,
    /// What places and marks in the mail client mean, the first match decides.
    pub gestures: Vec<GestureRule>,
    /// Patterns of the subjects by which our side's holding replies are known, `*` standing for any characters.
    pub holding_subjects: Vec<String>,
    /// Which text answers whom, the first match decides.
    pub texts: Vec<Text>,
    /// Whether a copy of each mail to the public is put into the mailbox's Sent folder.
    pub sent_copy: SentCopy,
}

/// Says who writes from an address or a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequesterRule {
    /// The rule's id, named in reasons.
    pub id: String,
    /// A pattern on the whole address, `*` standing for any characters: `*@mairie-*.fr`, `depute@assemblee-nationale.fr`.
    pub pattern: String,
    /// Who writes from there.
    pub requester: Requester,
    /// What they ask for, where the rule says so.
    pub nature: Option<Nature>,
}

/// When vigie began to watch and to acknowledge a mailbox: what came before is recorded and never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The instant at which vigie first saw the mailbox.
    pub watched_since: DateTime<Utc>,
    /// The instant at which the mailbox was switched to [`Mode::Acknowledge`]; `None` while it observes.
    pub acknowledging_since: Option<DateTime<Utc>>,
}

impl Watch {
    /// A watch that has always been on: for explaining a message apart from any store.
    #[must_use]
    pub fn always() -> Self {
        Self { watched_since: DateTime::<Utc>::MIN_UTC, acknowledging_since: Some(DateTime::<Utc>::MIN_UTC) }
    }
}

impl MailboxPolicy {
    /// Whether the address is the mailbox's own, or one of its aliases.
    #[must_use]
    pub fn is_mine(&self, address: &Address) -> bool {
        self.address == *address || self.aliases.contains(address)
    }

    /// Whether the address belongs to our side and may answer for it.
    #[must_use]
    pub fn is_ours(&self, address: &Address) -> bool {
        self.is_mine(address) || self.our_addresses.contains(address)
    }

    /// Whether the address lies in one of the administration's own domains.
    #[must_use]
    pub fn is_internal(&self, address: &Address) -> bool {
        self.internal_domains.iter().any(|domain| address.is_in_domain(domain))
    }

    /// Whether a contact form writes from the address.
    #[must_use]
    pub fn is_form(&self, address: &Address) -> bool {
        let canonical = address.canonical();
        self.form_senders.iter().any(|pattern| matches_pattern(pattern, &canonical))
    }

    /// Whether a mail server is ours: one whose word is believed, or one in a domain of ours.
    #[must_use]
    pub fn is_our_server(&self, host: &str) -> bool {
        let within = |domain: &str| {
            let head = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at));
            head.is_some_and(|(head, tail)| {
                tail.eq_ignore_ascii_case(domain) && (head.is_empty() || head.ends_with('.'))
            })
        };
        self.trusted_servers.iter().any(|name| name.eq_ignore_ascii_case(host))
            || within(self.address.domain())
            || self.internal_domains.iter().any(|domain| within(domain))
    }

    /// The commitment that covers what came by a way on a day, from a requester, of a nature.
    #[must_use]
    pub fn commitment(
        &self,
        channel: Channel,
        requester: Requester,
        nature: Nature,
        day: NaiveDate,
    ) -> Option<&Commitment> {
        self.commitments.iter().find(|c| c.channel == channel && c.covers(&self.name, requester, nature, day))
    }

    /// The commitment that covers a mail: that of appointments where it asks for one and someone promised, else that
    /// of mails.
    #[must_use]
    pub fn commitment_of_mail(&self, requester: Requester, nature: Nature, day: NaiveDate) -> Option<&Commitment> {
        let appointment = match nature {
            Nature::Appointment => self.commitment(Channel::Appointment, requester, nature, day),
            Nature::GeneralInfo | Nature::Advice | Nature::Complaint | Nature::Suggestion => None,
        };
        appointment.or_else(|| self.commitment(Channel::Mail, requester, nature, day))
    }

    /// The version of a commitment that holds on a day; any of them where none does.
    #[must_use]
    pub fn commitment_of_key(&self, key: &str, day: NaiveDate) -> Option<&Commitment> {
        let holds = |c: &&Commitment| {
            c.valid_from.is_none_or(|from| from <= day) && c.valid_until.is_none_or(|until| day <= until)
        };
        let mut versions = self.commitments.iter().filter(|commitment| commitment.key == key);
        versions.clone().find(holds).or_else(|| versions.next())
    }

    /// The promise to call back after a mail, where the mailbox makes one.
    #[must_use]
    pub fn callback(&self, requester: Requester, nature: Nature, day: NaiveDate) -> Option<&Commitment> {
        self.commitment(Channel::Callback, requester, nature, day)
    }

    /// Whether the service took the promise of a key back.
    #[must_use]
    pub fn is_withdrawn(&self, key: &str) -> bool {
        let mut versions = self.commitments.iter().filter(|c| c.key == key).peekable();
        versions.peek().is_some() && versions.all(|commitment| commitment.withdrawn)
    }

    /// Whether some rule looks at the first lines of what the mailbox receives.
    #[must_use]
    pub fn reads_first_lines(&self) -> bool {
        let here = |rule: &NatureRule| rule.mailboxes.is_empty() || rule.mailboxes.contains(&self.name);
        self.natures.iter().any(|rule| rule.first_lines && here(rule))
    }

    /// Whether what the mailbox receives on a day counts in the official figures.
    #[must_use]
    pub fn is_official(&self, day: NaiveDate) -> bool {
        let holds = |p: &&Perimeter| p.from.is_none_or(|from| from <= day) && p.until.is_none_or(|until| day <= until);
        self.perimeter.iter().find(holds).is_none_or(|period| period.official)
    }

    /// The rule that says who writes from an address.
    #[must_use]
    pub fn requester_rule(&self, address: &Address) -> Option<&RequesterRule> {
        let address = address.canonical();
        self.requesters.iter().find(|rule| matches_pattern(&rule.pattern, &address))
    }
}

/// Whether `text` matches a pattern in which `*` stands for any run of characters; ASCII case does not count.
///
/// Without allocation: a prefecture lists hundreds of mairies, and each message is held against them all.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let mut parts = pattern.split(|octet| *octet == b'*');
    let head = parts.next().unwrap_or_default();
    let Some(tail) = parts.next_back() else { return text.eq_ignore_ascii_case(head) };
    // The ends first: they refuse nearly every text at once.
    let inside = text.len().checked_sub(head.len() + tail.len());
    let Some((start, rest)) = inside.and_then(|_| text.split_at_checked(head.len())) else { return false };
    let Some((mut middle, end)) = rest.split_at_checked(rest.len().saturating_sub(tail.len())) else { return false };
    if !start.eq_ignore_ascii_case(head) || !end.eq_ignore_ascii_case(tail) {
        return false;
    }
    for part in parts.filter(|part| !part.is_empty()) {
        let found = middle.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part));
        match found.and_then(|at| middle.get(at + part.len()..)) {
            Some(after) => middle = after,
            None => return false,
        }
    }
    true
}

names!(Mode { Observe => "observe", Acknowledge => "acknowledge" });
names!(SentCopy { Never => "never", Always => "always" });
names!(RecipientRule { From => "from", ReturnPath => "return_path" });
impl Requester {
    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Public => "usager",
            Self::Elected => "élu",
            Self::LocalOfficial => "cadre territorial",
            Self::LocalAuthority => "collectivité",
        }
    }
}

impl Nature {
    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::GeneralInfo => "information générale",
            Self::Advice => "conseil",
            Self::Complaint => "réclamation",
            Self::Suggestion => "suggestion",
            Self::Appointment => "rendez-vous",
        }
    }
}

names!(Requester { Public => "public", Elected => "elected", LocalOfficial => "local_official", LocalAuthority => "local_authority" });
names!(Nature { GeneralInfo => "general_info", Advice => "advice", Complaint => "complaint", Suggestion => "suggestion", Appointment => "appointment" });
names!(Channel { Mail => "mail", Letter => "letter", Appointment => "appointment", Site => "site", Callback => "callback" });

#[cfg(test)]
pub(super) mod tests {
    use super::{
        Address, Limits, MailboxPolicy, Mode, Nature, RecipientRule, SentCopy, Territory, TimeDelta, matches_pattern,
    };

    /// A mailbox for unit tests: nothing configured.
    pub fn policy() -> MailboxPolicy {
        MailboxPolicy {
            name: "pref-pan".to_owned(),
            address: Address::literal("pref-pan", "ain.example"),
            aliases: Vec::new(),
            bureau: "accueil".to_owned(),
            reference_prefix: "PAN".to_owned(),
            mode: Mode::Acknowledge,
            territory: Territory::default(),
            zone: chrono_tz::Europe::Paris,
            acknowledge_max_age: TimeDelta::days(3),
            recipient_rule: RecipientRule::From,
            internal_opens_request: false,
            acknowledge_internal: false,
            acknowledge_unaddressed: false,
            internal_domains: Vec::new(),
            our_addresses: Vec::new(),
            trusted_servers: Vec::new(),
            no_reply_senders: Vec::new(),
            form_senders: Vec::new(),
            requesters: Vec::new(),
            natures: Vec::new(),
            default_nature: Nature::GeneralInfo,
            perimeter: vec![],
            commitments: Vec::new(),
            limits: Limits::default(),
            gestures: Vec::new(),
            holding_subjects: Vec::new(),
            texts: Vec::new(),
            sent_copy: SentCopy::Never,
        }
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, expected) in [
            ("*@mairie-*.fr", "contact@mairie-bourg.fr", true),
            ("*@mairie-*.fr", "contact@bourg.fr", false),
            ("noreply@*", "NoReply@example.org", true),
            ("a*a", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*a*b*c", "xxaybbzc", true),
            ("*a*b*c", "xxaybbzcd", false),
            ("é*", "ecole", false),
            ("é*", "élu", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
