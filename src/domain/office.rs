//! The prefecture as its configuration describes it: mailboxes, bureaux, calendars, and the desk of each decision.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::alert::Bureau;
use super::calendar::Calendar;
use super::decide::Desk;
use super::indicator::annex::LineRule;
use super::ledger::hex;
use super::policy::{Commitment, MailboxPolicy, Nature, Perimeter};
use super::retention::Retention;
use super::schedule::Schedule;
use super::seal::SealKey;
use super::wording::Languages;

/// The set of rules that says which lines the indicators' table has, with which labels and targets.
const INDICATORS: &str = "indicators";

/// All that decisions know of the configuration, checked.
#[derive(Debug, Clone)]
pub struct Office {
    /// The prefecture's name.
    pub name: String,
    /// The lines of the indicators' table.
    pub indicators: Vec<LineRule>,
    /// When the report of the quarter leaves, and to whom; none is sent without it.
    pub report: Option<ReportRule>,
    /// The watched mailboxes.
    pub mailboxes: Vec<MailboxPolicy>,
    /// The calendar of each bureau, by its key.
    pub calendars: HashMap<String, Calendar>,
    /// What the texts say of each mailbox's service, by the mailbox's name.
    pub services: HashMap<String, Service>,
    /// The key that seals the ledger; none where it is not sealed, or where the command needs no secret.
    pub seal_key: Option<SealKey>,
    /// The bureaux.
    pub bureaux: Vec<Bureau>,
    /// From whom alerts and digests come.
    pub sender: Address,
    /// Who is told of vigie's own troubles.
    pub administrators: Vec<Address>,
    /// How long what is kept.
    pub retention: Retention,
    /// SHA-256 of the configuration, in hexadecimal.
    pub digest: String,
}

/// When the report of the last whole quarter leaves, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRule {
    /// When.
    pub schedule: Schedule,
    /// To whom.
    pub recipients: Vec<Address>,
}

/// What the texts say of a mailbox's service (CRPA R112-11-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The service in charge.
    pub name: String,
    /// Its postal address, lines separated by line breaks.
    pub postal_address: String,
    /// Its telephone.
    pub telephone: String,
    /// When it answers; empty where that is not said.
    pub opening_hours: String,
    /// Its website; empty for none.
    pub website: String,
    /// The notice on personal data.
    pub data_protection: String,
    /// The signature, its lines separated by line breaks.
    pub signature: String,
    /// In which languages it answers.
    pub languages: Languages,
    /// What is said otherwise in another language, by its tag.
    pub translations: BTreeMap<String, Translation>,
}

/// What a service says otherwise in another language; what is empty is said as in French.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    /// The service in charge.
    pub name: String,
    /// When it answers.
    pub opening_hours: String,
    /// The notice on personal data.
    pub data_protection: String,
    /// The remedies and their delays.
    pub remedies: String,
    /// The signature.
    pub signature: String,
}

impl Office {
    /// The desk at which a mailbox's messages are decided.
    #[must_use]
    pub fn desk(&self, mailbox: &str) -> Option<Desk<'_>> {
        let policy = self.mailboxes.iter().find(|policy| policy.name == mailbox)?;
        Some(Desk { policy, ..self.desk_of_bureau(&policy.bureau)? })
    }

    /// The sets of rules by which it judges, each with its SHA-256 in hexadecimal: two entries of the ledger that name
    /// the same digest were written under the same rules.
    #[must_use]
    pub fn rules(&self) -> Vec<(&'static str, String)> {
        let (mut calendars, mut requesters, mut perimeter) = (Vec::new(), Vec::new(), Vec::new());
        for policy in &self.mailboxes {
            if let Some(calendar) = self.calendars.get(&policy.bureau) {
                calendars.push(format!("{} {}", policy.name, calendar.revision()));
            }
            let day = |day: Option<chrono::NaiveDate>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
            let period = |p: &Perimeter| format!("{} {} {} {}", policy.name, day(p.from), day(p.until), p.official);
            perimeter.extend(policy.perimeter.iter().map(period));
        }
        for rule in self.mailboxes.iter().take(1).flat_map(|policy| &policy.requesters) {
            let nature = rule.nature.map_or("-", Nature::name);
            requesters.push(format!("{} {} {} {nature}", rule.id, rule.pattern, rule.requester.name()));
        }
        let lines: Vec<String> = self.indicators.iter().map(LineRule::canonical).collect();
        let digest = |lines: &[String]| hex(&Sha256::digest(lines.join("\n")));
        vec![
            ("commitments", digest(&self.commitments())),
            ("perimeter", digest(&perimeter)),
            ("calendar", digest(&calendars)),
            ("requesters", digest(&requesters)),
            (INDICATORS, digest(&lines)),
        ]
    }

    /// The digest of the lines of the indicators' table, their labels and targets.
    #[must_use]
    pub fn table_digest(&self) -> String {
        let rules = self.rules().into_iter();
        rules.filter(|(name, _)| *name == INDICATORS).map(|(_, digest)| digest).collect()
    }

    /// The commitments, one a line.
    #[must_use]
    pub fn commitments(&self) -> Vec<String> {
        let first = self.mailboxes.first();
        first.into_iter().flat_map(|policy| &policy.commitments).map(Commitment::canonical).collect()
    }

    /// The civil time in which the prefecture works.
    #[must_use]
    pub fn zone(&self) -> chrono_tz::Tz {
        self.mailboxes.first().map_or(chrono_tz::Europe::Paris, |mailbox| mailbox.zone)
    }

    /// The calendar of a mailbox; where it names none that is known, that of its bureau, else the prefecture's.
    #[must_use]
    pub fn calendar_of(&self, mailbox: &str, bureau: &str) -> Option<&Calendar> {
        let own = self.desk(mailbox).map(|desk| desk.calendar);
        let any = || self.mailboxes.first().and_then(|policy| self.calendars.get(&policy.bureau));
        own.or_else(|| self.calendars.get(bureau)).or_else(any)
    }

    /// A bureau, by its key.
    #[must_use]
    pub fn bureau(&self, key: &str) -> Option<&Bureau> {
        self.bureaux.iter().find(|bureau| bureau.key == key)
    }

    /// The desk of a bureau as a whole, with the policy of any of its mailboxes. A bureau may have none: it answers
    /// letters, or fixes appointments, and the prefecture's promises hold there as the first mailbox has them.
    #[must_use]
    pub fn desk_of_bureau(&self, key: &str) -> Option<Desk<'_>> {
        let own = self.mailboxes.iter().find(|policy| policy.bureau == key);
        let policy = own.or(self.mailboxes.first())?;
        Some(Desk { policy, calendar: self.calendars.get(key)?, bureau: self.bureau(key)? })
    }
}
