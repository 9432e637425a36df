//! The prefecture as its configuration describes it: mailboxes, bureaux, calendars, and the desk of each decision.

use std::collections::HashMap;

use super::address::Address;
use super::alert::Bureau;
use super::calendar::Calendar;
use super::decide::Desk;
use super::policy::MailboxPolicy;

/// All that decisions know of the configuration, checked.
#[derive(Debug, Clone)]
pub struct Office {
    /// The watched mailboxes.
    pub mailboxes: Vec<MailboxPolicy>,
    /// The calendar of each mailbox, by its name.
    pub calendars: HashMap<String, Calendar>,
    /// The bureaux.
    pub bureaux: Vec<Bureau>,
    /// From whom alerts and digests come.
    pub sender: Address,
    /// Who is told of vigie's own troubles.
    pub administrators: Vec<Address>,
    /// SHA-256 of the configuration, in hexadecimal.
    pub digest: String,
}

impl Office {
    /// The desk at which a mailbox's messages are decided.
    #[must_use]
    pub fn desk(&self, mailbox: &str) -> Option<Desk<'_>> {
        let policy = self.mailboxes.iter().find(|policy| policy.name == mailbox)?;
        let calendar = self.calendars.get(mailbox)?;
        let bureau = self.bureau(&policy.bureau)?;
        Some(Desk { policy, calendar, bureau })
    }

    /// The civil time in which the prefecture works.
    #[must_use]
    pub fn zone(&self) -> chrono_tz::Tz {
        self.mailboxes.first().map_or(chrono_tz::Europe::Paris, |mailbox| mailbox.zone)
    }

    /// A bureau, by its key.
    #[must_use]
    pub fn bureau(&self, key: &str) -> Option<&Bureau> {
        self.bureaux.iter().find(|bureau| bureau.key == key)
    }

    /// The desk of any mailbox of a bureau: for what concerns the bureau as a whole.
    #[must_use]
    pub fn desk_of_bureau(&self, key: &str) -> Option<Desk<'_>> {
        let policy = self.mailboxes.iter().find(|policy| policy.bureau == key)?;
        self.desk(&policy.name)
    }
}
