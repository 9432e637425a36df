//! The two tracking sheets: mails per mailbox and month, and appointments of élus.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};

use super::annex::Material;
use super::case::{Case, End};
use super::tally::{Measure, Outcome, Tally};
use crate::domain::calendar::civil_time;
use crate::domain::period::Period;
use crate::domain::policy::{Channel, Requester};
use crate::domain::register::Authority;

/// A message, as the ledger recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The mailbox.
    pub mailbox: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// The verdict's name.
    pub verdict: String,
    /// Why it is not acknowledged, where it opens a request that is not; the reason's code.
    pub withheld: Option<String>,
    /// The request that it belongs to.
    pub request: Option<String>,
}

/// A row of the mails' sheet: a mailbox and a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRow {
    /// The mailbox.
    pub mailbox: String,
    /// The month.
    pub month: Period,
    /// All messages received, whatever they were.
    pub messages: u64,
    /// The messages that opened no request, by verdict.
    pub out_of_scope: BTreeMap<String, u64>,
    /// Acknowledgements accepted by the relay.
    pub acknowledged: u64,
    /// Requests not acknowledged, by the reason's code.
    pub unacknowledged: BTreeMap<String, u64>,
    /// Open requests about which an alert rose.
    pub alerted: u64,
    /// The requests, counted.
    pub tally: Tally,
}

/// A line of detail of the mails' sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The request's reference.
    pub reference: String,
    /// Its mailbox.
    pub mailbox: String,
    /// The commitment's key.
    pub commitment: String,
    /// The day of receipt.
    pub received_on: NaiveDate,
    /// The last day that is in time.
    pub due_on: NaiveDate,
    /// The day of the answer.
    pub answered_on: Option<NaiveDate>,
    /// The delay, in working days.
    pub days: Option<i64>,
    /// What became of it.
    pub outcome: Outcome,
    /// What became of its acknowledgement.
    pub acknowledgement: String,
}

/// A line of the appointments' sheet; what is personal of it stands in the register's own table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentRow {
    /// Its reference.
    pub reference: String,
    /// Who asks.
    pub requester: Requester,
    /// With whom.
    pub authority: Authority,
    /// The day of the demand.
    pub requested_on: NaiveDate,
    /// The day on which its date was fixed.
    pub fixed_on: Option<NaiveDate>,
    /// Working days from the demand to the fixing.
    pub fixing_days: Option<i64>,
    /// Whether that was in time.
    pub fixing: Outcome,
    /// The day of the appointment.
    pub held_on: Option<NaiveDate>,
    /// Working days from the demand to the appointment.
    pub holding_days: Option<i64>,
    /// Whether that is in time.
    pub holding: Outcome,
}

impl Material<'_> {
    fn civil(&self, instant: DateTime<Utc>) -> NaiveDate {
        civil_time(self.stamp.zone, instant).date()
    }

    /// The sheet of mails of a period: a row a mailbox and month, in that order.
    #[must_use]
    pub fn mail_rows(&self, period: Period, seen: &[Seen]) -> Vec<MailRow> {
        let mut cases: BTreeMap<(&str, Period), Vec<&Case>> = BTreeMap::new();
        for case in self.of_period(period).filter(|case| case.channel == Channel::Mail) {
            let month = Period::month_of(self.civil(case.received_at));
            cases.entry((&case.mailbox, month)).or_default().push(case);
        }
        let mut messages: BTreeMap<(&str, Period), Vec<&Seen>> = BTreeMap::new();
        for message in seen {
            let month = Period::month_of(self.civil(message.received_at));
            messages.entry((&message.mailbox, month)).or_default().push(message);
        }
        let places: BTreeSet<(&str, Period)> = cases.keys().chain(messages.keys()).copied().collect();
        let places = places.into_iter().filter(|(_, month)| period.contains(month.first()));
        let row = |(mailbox, month): (&str, Period)| {
            let of_place = |place| (cases.get(place), messages.get(place));
            let (cases, seen) = of_place(&(mailbox, month));
            let (cases, seen) = (cases.map_or(&[][..], Vec::as_slice), seen.map_or(&[][..], Vec::as_slice));
            self.mail_row(mailbox.to_owned(), month, cases, seen)
        };
        places.map(row).collect()
    }

    fn mail_row(&self, mailbox: String, month: Period, cases: &[&Case], seen: &[&Seen]) -> MailRow {
        let references: HashMap<&str, &Case> = cases.iter().map(|case| (case.reference.as_str(), *case)).collect();
        let mut row = MailRow {
            mailbox,
            month,
            messages: u64::try_from(seen.len()).unwrap_or(u64::MAX),
            out_of_scope: BTreeMap::new(),
            acknowledged: 0,
            unacknowledged: BTreeMap::new(),
            alerted: 0,
            tally: Tally::of(self.reckoning(), cases.iter().copied(), Measure::Answer),
        };
        let mut withheld: HashMap<&str, &str> = HashMap::new();
        for message in seen {
            let opens = message.withheld.is_some() || OPENING.contains(&message.verdict.as_str());
            match (opens, message.request.as_deref().filter(|reference| references.contains_key(reference))) {
                (true, Some(reference)) => {
                    withheld.insert(reference, message.withheld.as_deref().unwrap_or_default());
                }
                (true, None) | (false, _) => *row.out_of_scope.entry(message.verdict.clone()).or_default() += 1,
            }
        }
        for case in cases {
            row.alerted += u64::from(case.alerted && case.end == End::Open);
            if case.acknowledgement == "sent" {
                row.acknowledged += 1;
            } else {
                let why = withheld.get(case.reference.as_str()).copied().unwrap_or_default();
                let why = if case.acknowledgement == "withheld" { why } else { case.acknowledgement.as_str() };
                *row.unacknowledged.entry(why.to_owned()).or_default() += 1;
            }
        }
        row
    }

    /// The mails of a period one by one, in the order of their receipt.
    #[must_use]
    pub fn details(&self, period: Period) -> Vec<Detail> {
        self.of_period(period).filter(|case| case.channel == Channel::Mail).map(|case| self.detail(case)).collect()
    }

    /// All of a period, by whatever way it came, that was answered late or not at all past its limit.
    #[must_use]
    pub fn delays(&self, period: Period) -> Vec<Detail> {
        let details = self.of_period(period).map(|case| self.detail(case));
        details.filter(|detail| matches!(detail.outcome, Outcome::Late | Outcome::Overdue)).collect()
    }

    fn detail(&self, case: &Case) -> Detail {
        let place = match case.channel {
            Channel::Letter => "courrier",
            Channel::Appointment => "rendez-vous",
            Channel::Mail | Channel::Site | Channel::Callback => case.mailbox.as_str(),
        };
        Detail {
            reference: case.reference.clone(),
            mailbox: place.to_owned(),
            commitment: case.commitment.clone(),
            received_on: self.civil(case.received_at),
            due_on: case.due_on,
            answered_on: case.answered_at.map(|at| self.civil(at)),
            days: case.delay(self.reckoning(), Measure::Answer),
            outcome: case.outcome(Measure::Answer, self.stamp.as_of),
            acknowledgement: case.acknowledgement.clone(),
        }
    }

    /// The sheet of appointments asked for in a period, in the order of the demands.
    #[must_use]
    pub fn appointment_rows(&self, period: Period) -> Vec<AppointmentRow> {
        let as_of = self.stamp.as_of;
        let row = |case: &Case| {
            let meeting = case.meeting.as_ref()?;
            Some(AppointmentRow {
                reference: case.reference.clone(),
                requester: case.requester,
                authority: meeting.authority,
                requested_on: self.civil(case.received_at),
                fixed_on: case.answered_at.map(|at| self.civil(at)),
                fixing_days: case.delay(self.reckoning(), Measure::Answer),
                fixing: case.outcome(Measure::Answer, as_of),
                held_on: meeting.held_at.map(|at| self.civil(at)),
                holding_days: case.delay(self.reckoning(), Measure::Held),
                holding: case.outcome(Measure::Held, as_of),
            })
        };
        self.of_period(period).filter_map(row).collect()
    }
}

/// The verdicts that open a request.
const OPENING: [&str; 3] = ["request", "request_again", "unreadable"];
