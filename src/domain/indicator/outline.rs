//! The same figures by mailbox, bureau, commitment or month.

use std::collections::BTreeMap;

use super::annex::Material;
use super::case::Case;
use super::tally::{Measure, Tally};
use crate::domain::names::names;
use crate::domain::period::Period;
use crate::domain::policy::Channel;

/// By what cases are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The mailbox that holds it.
    Mailbox,
    /// The bureau that answers.
    Bureau,
    /// The commitment that covers it.
    Commitment,
    /// The month of receipt.
    Month,
}

names!(By { Mailbox => "mailbox", Bureau => "bureau", Commitment => "commitment", Month => "month" });

/// Which cases are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Those of the official perimeter.
    #[default]
    Official,
    /// Those outside of it.
    Outside,
    /// All.
    All,
}

names!(Scope { Official => "official", Outside => "outside", All => "all" });

impl Scope {
    fn takes(self, case: &Case) -> bool {
        match self {
            Self::Official => case.official,
            Self::Outside => !case.official,
            Self::All => true,
        }
    }

    /// What people read.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Official => "périmètre officiel",
            Self::Outside => "hors périmètre officiel",
            Self::All => "tous périmètres",
        }
    }
}

/// A group and its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The stable name of the group.
    pub key: String,
    /// What people read.
    pub label: String,
    /// The counts.
    pub tally: Tally,
    /// The references behind them.
    pub requests: Vec<String>,
}

impl Material<'_> {
    /// The counts of a period, group by group, in the order of the groups' names; the last one is of all together.
    #[must_use]
    pub fn groups(&self, period: Period, by: By, scope: Scope) -> Vec<Group> {
        let mut groups: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        let taken: Vec<&Case> = self.of_period(period).filter(|case| scope.takes(case)).collect();
        for case in &taken {
            groups.entry(self.group_of(case, by)).or_default().push(case);
        }
        let mut all: Vec<Group> =
            groups.into_iter().map(|(key, cases)| self.group(self.label_of(&key, by), key, &cases)).collect();
        all.push(self.group("Ensemble".to_owned(), "all".to_owned(), &taken));
        all
    }

    fn group(&self, label: String, key: String, cases: &[&Case]) -> Group {
        let tally = Tally::of(self.reckoning(), cases.iter().copied(), Measure::Answer);
        Group { key, label, tally, requests: cases.iter().map(|case| case.reference.clone()).collect() }
    }

    fn group_of(&self, case: &Case, by: By) -> String {
        match by {
            By::Mailbox if case.mailbox.is_empty() => register_of(case.channel).to_owned(),
            By::Mailbox => case.mailbox.clone(),
            By::Bureau => case.bureau.clone(),
            By::Commitment => case.commitment.clone(),
            By::Month => {
                let civil = crate::domain::calendar::civil_time(self.stamp.zone, case.received_at);
                Period::month_of(civil.date()).to_string()
            }
        }
    }

    fn label_of(&self, key: &str, by: By) -> String {
        let label = match by {
            By::Mailbox => None,
            By::Bureau => self.office.bureau(key).map(|bureau| bureau.label.clone()),
            By::Commitment => {
                let mut known = self.office.mailboxes.iter().flat_map(|mailbox| &mailbox.commitments);
                known.find(|commitment| commitment.key == key).map(|commitment| commitment.label.clone())
            }
            By::Month => key.parse::<Period>().ok().map(Period::french),
        };
        let none = if key.is_empty() { "(aucun)" } else { key };
        label.unwrap_or_else(|| none.to_owned())
    }
}

/// The name of the register that stands where a mailbox would.
fn register_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Letter => "courriers",
        Channel::Appointment => "rendez-vous",
        Channel::Mail => "courriels",
        Channel::Site => "site",
        Channel::Callback => "rappels",
    }
}
