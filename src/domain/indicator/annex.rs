//! Annexe 1: the lines of the indicators' table, from cases and from the values that people entered.
//!
//! Which lines there are, their labels and targets are configuration ([`usual`] is what a prefecture starts from); what
//! a key counts is decided here. Where the ledger knows cases of a line, they are what is shown, and a value entered by
//! hand for the same period is named beside it; where it knows none, the entered value is shown.

use super::Stamp;
use super::case::Case;
use super::hand::{Entered, Hands};
use super::tally::{Measure, Outcome, Reckoning, Tally};
use super::value::Value;
use crate::domain::calendars::CalendarHistory;
use crate::domain::names::names;
use crate::domain::office::Office;
use crate::domain::period::Period;
use crate::domain::policy::{Channel, Nature, Requester};

/// What form a line's value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A count, that adds up over time.
    Count,
    /// A mean count, that does not.
    Mean,
    /// A share.
    Share,
    /// A duration, or words about one.
    Duration,
    /// Words.
    Text,
}

names!(Form { Count => "count", Mean => "mean", Share => "share", Duration => "duration", Text => "text" });

/// A line of the table, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRule {
    /// The stable key.
    pub key: String,
    /// What people read.
    pub label: String,
    /// The form of its value.
    pub form: Form,
    /// The share aimed at, in hundredths of a percent.
    pub target: Option<u16>,
}

impl LineRule {
    /// All that it says, in one line: what the digest of the table is made from.
    #[must_use]
    pub fn canonical(&self) -> String {
        let target = self.target.map_or_else(|| "-".to_owned(), |target| target.to_string());
        format!("{} {} {target} {}", self.key, self.form.name(), self.label)
    }
}

/// The 22 lines of Annexe 1 (bilan 2021 of the préfecture de l'Ain), with their labels to the letter, and targets to begin
/// with: the national one for calls, else what was reached or is usual.
const USUAL: [(&str, Form, Option<u16>, &str); 22] = [
    (
        "mail.user.received",
        Form::Count,
        None,
        "Nombre de courriels de demande d'information générale reçus des usagers",
    ),
    (
        "mail.user.in_time",
        Form::Share,
        Some(10_000),
        "Taux de réponse aux courriels des usagers dans le délai de 5 jours",
    ),
    ("mail.elected.received", Form::Count, None, "Nombre de courriels de demande de conseil reçus d'élus"),
    (
        "mail.elected.in_time",
        Form::Share,
        Some(9600),
        "Taux de réponse aux courriels des élus dans le délai de 5 jours",
    ),
    ("complaint.received", Form::Count, None, "Nombre de réclamations/suggestions reçues par courriels"),
    (
        "complaint.in_time",
        Form::Share,
        Some(9500),
        "Taux de réponse aux suggestions/réclamations dans le délai de 5 jours",
    ),
    ("letter.user.received", Form::Count, None, "Nombre de courriers de demande d'information reçus d'usagers"),
    (
        "letter.user.in_time",
        Form::Share,
        Some(10_000),
        "Taux de réponse aux courriers des usagers dans le délai de 10 jours",
    ),
    (
        "letter.elected.in_time",
        Form::Share,
        Some(9000),
        "Taux de réponse aux courriers des élus dans le délai de 15 jours",
    ),
    (
        "appointment.fixed_in_time",
        Form::Share,
        Some(9000),
        "Taux de fixation de rendez-vous dans le délai de 4 jours ouvrés (élu ou cadre territorial)",
    ),
    (
        "appointment.held_in_time",
        Form::Share,
        Some(9000),
        "Taux de rendez-vous fixés dans le délai de 10 jours ouvrés (élus ou cadre territorial)",
    ),
    ("pan.visitors_per_day", Form::Mean, None, "Nombre d'usagers connectés au point numérique par jour"),
    (
        "pan.satisfaction",
        Form::Share,
        None,
        "Taux de satisfaction des usagers au point d'accueil numérique - enquête de satisfaction",
    ),
    ("social.connections", Form::Count, None, "Nombre de connexions sur les réseaux sociaux (twitter et facebook)"),
    (
        "site.connection_rate",
        Form::Share,
        None,
        "Taux de connexion au site internet (nombre visiteurs/nombre d'habitants de l'Ain)",
    ),
    ("site.update_in_time", Form::Share, None, "Taux de mise à jour du site internet dans les 3 jours ouvrés"),
    ("phone.received", Form::Count, None, "Nombre d'appels reçus"),
    ("phone.answered", Form::Share, Some(9000), "Taux d'appels aboutis"),
    ("crisis.notice_delay", Form::Duration, None, "Délai d'information des élus en temps de crise"),
    (
        "crisis.activations",
        Form::Count,
        None,
        "Nombre d'activations de la cellule de communication d'urgence opérationnelle",
    ),
    ("crisis.exercises", Form::Count, None, "Nombre d'exercices réalisés (mises en situation de crise)"),
    ("crisis.cip_activation", Form::Share, None, "Taux d'activation dans les délais annoncés de la CIP"),
];

/// The 22 lines of Annexe 1.
#[must_use]
pub fn usual() -> Vec<LineRule> {
    let rule = |(key, form, target, label): (&str, Form, Option<u16>, &str)| LineRule {
        key: key.to_owned(),
        label: label.to_owned(),
        form,
        target,
    };
    USUAL.map(rule).to_vec()
}

/// Which cases a line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    MailOfPublic,
    MailOfElected,
    Complaint,
    LetterOfPublic,
    LetterOfElected,
    Appointment,
}

impl Class {
    fn channel(self) -> Channel {
        match self {
            Self::MailOfPublic | Self::MailOfElected | Self::Complaint => Channel::Mail,
            Self::LetterOfPublic | Self::LetterOfElected => Channel::Letter,
            Self::Appointment => Channel::Appointment,
        }
    }
}

/// What a line reckons by itself: the cases, and the measure of a rate; no measure for a count.
fn reckoned(key: &str) -> Option<(Class, Option<Measure>)> {
    Some(match key {
        "mail.user.received" => (Class::MailOfPublic, None),
        "mail.user.in_time" => (Class::MailOfPublic, Some(Measure::Answer)),
        "mail.elected.received" => (Class::MailOfElected, None),
        "mail.elected.in_time" => (Class::MailOfElected, Some(Measure::Answer)),
        "complaint.received" => (Class::Complaint, None),
        "complaint.in_time" => (Class::Complaint, Some(Measure::Answer)),
        "letter.user.received" => (Class::LetterOfPublic, None),
        "letter.user.in_time" => (Class::LetterOfPublic, Some(Measure::Answer)),
        "letter.elected.in_time" => (Class::LetterOfElected, Some(Measure::Answer)),
        "appointment.fixed_in_time" => (Class::Appointment, Some(Measure::Answer)),
        "appointment.held_in_time" => (Class::Appointment, Some(Measure::Held)),
        _ => return None,
    })
}

/// Whether vigie reckons a key by itself.
#[must_use]
pub fn is_reckoned(key: &str) -> bool {
    reckoned(key).is_some()
}

fn is_elected(requester: Requester) -> bool {
    match requester {
        Requester::Elected | Requester::LocalOfficial | Requester::LocalAuthority => true,
        Requester::Public => false,
    }
}

/// What a mail is counted as, by what it asks.
fn class(case: &Case) -> Option<Class> {
    let elected = is_elected(case.requester);
    match (case.channel, case.nature) {
        (Channel::Mail, Nature::Complaint | Nature::Suggestion) => Some(Class::Complaint),
        (Channel::Mail, Nature::GeneralInfo | Nature::Advice) if elected => Some(Class::MailOfElected),
        (Channel::Mail, Nature::GeneralInfo | Nature::Advice) => Some(Class::MailOfPublic),
        (Channel::Letter, _) if elected => Some(Class::LetterOfElected),
        (Channel::Letter, _) => Some(Class::LetterOfPublic),
        (Channel::Appointment, _) => Some(Class::Appointment),
        (Channel::Mail, Nature::Appointment) | (Channel::Site | Channel::Callback, _) => None,
    }
}

/// Where a line's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// Folded from the ledger's cases.
    Ledger,
    /// Entered by hand.
    Hand(Entered),
    /// From nowhere: nobody gave it.
    None,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// How it was configured.
    pub rule: LineRule,
    /// Its value.
    pub value: Value,
    /// Where the value comes from.
    pub basis: Basis,
    /// The counts behind a value that is reckoned.
    pub tally: Option<Tally>,
    /// The requests behind it, and what became of each.
    pub requests: Vec<(String, Outcome)>,
    /// A value entered by hand for the same period, where the ledger's own is shown.
    pub besides: Option<Entered>,
}

/// The table of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annex {
    /// The period.
    pub period: Period,
    /// The lines, in the order of the configuration.
    pub lines: Vec<Line>,
    /// The cases of the period outside the official perimeter, that no line counts.
    pub outside: u64,
    /// The cases received before the watch began, that no rate counts.
    pub backlog: u64,
    /// Complaints and suggestions that came by letter: they count as letters, for the lines on complaints count mails.
    pub complaints_by_letter: u64,
    /// Mails that ask for an appointment: no line counts them, the register of appointments does.
    pub appointments_by_mail: u64,
}

/// What lines are made from.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The configuration.
    pub office: &'a Office,
    /// The lines wanted.
    pub rules: &'a [LineRule],
    /// The cases, at least all of the period.
    pub cases: &'a [Case],
    /// The values entered by hand.
    pub hands: &'a Hands,
    /// The calendars that held.
    pub calendars: &'a CalendarHistory,
    /// What all is computed from.
    pub stamp: &'a Stamp,
}

impl Material<'_> {
    /// By what delays are counted.
    #[must_use]
    pub fn reckoning(&self) -> Reckoning<'_> {
        Reckoning { calendars: self.calendars, head: self.stamp.head.seq, as_of: self.stamp.as_of }
    }

    /// The cases of a period, in the order of their receipt.
    pub fn of_period(&self, period: Period) -> impl Iterator<Item = &Case> {
        let (from, until) = period.span(self.stamp.zone);
        self.cases.iter().filter(move |case| from <= case.received_at && case.received_at < until)
    }

    /// The table of a period.
    #[must_use]
    pub fn annex(&self, period: Period) -> Annex {
        let (official, outside): (Vec<&Case>, Vec<&Case>) = self.of_period(period).partition(|case| case.official);
        let backlog = official.iter().filter(|case| case.backlog).count();
        let lines = (1..).zip(self.rules).map(|(number, rule)| self.line(number, rule, &official, period)).collect();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let of = |channel: Channel, natures: &[Nature]| {
            let counted = official.iter().filter(|case| !case.backlog && case.channel == channel);
            count(counted.filter(|case| natures.contains(&case.nature)).count())
        };
        Annex {
            period,
            lines,
            outside: count(outside.len()),
            backlog: count(backlog),
            complaints_by_letter: of(Channel::Letter, &[Nature::Complaint, Nature::Suggestion]),
            appointments_by_mail: of(Channel::Mail, &[Nature::Appointment]),
        }
    }

    fn line(&self, number: usize, rule: &LineRule, official: &[&Case], period: Period) -> Line {
        let entered = self.hands.value(&rule.key, period, matches!(rule.form, Form::Count | Form::Share));
        let mut line = Line {
            number,
            rule: rule.clone(),
            value: Value::Missing,
            basis: Basis::None,
            tally: None,
            requests: Vec::new(),
            besides: None,
        };
        if let Some((wanted, measure)) = reckoned(&rule.key) {
            let known: Vec<&Case> =
                official.iter().copied().filter(|case| !case.backlog && class(case) == Some(wanted)).collect();
            // Nothing of a register that nobody fills is "unknown", and not "none".
            let mut watched = self.of_period(period).filter(|case| !case.backlog);
            let in_use = watched.any(|case| case.channel == wanted.channel());
            if !known.is_empty() || (entered.is_none() && in_use) {
                self.reckon(&mut line, &known, measure);
                line.besides = entered;
                return line;
            }
        }
        if let Some(entered) = entered {
            line.value = entered.value.clone();
            line.basis = Basis::Hand(entered);
        }
        line
    }

    fn reckon(&self, line: &mut Line, known: &[&Case], measure: Option<Measure>) {
        let as_of = self.stamp.as_of;
        let answer = measure.unwrap_or(Measure::Answer);
        let tally = Tally::of(self.reckoning(), known.iter().copied(), answer);
        line.value = match measure {
            None => Value::Count(i64::try_from(tally.received).unwrap_or(i64::MAX)),
            Some(_) => Value::Share(tally.answer.rate()),
        };
        line.requests = known.iter().map(|case| (case.reference.clone(), case.outcome(answer, as_of))).collect();
        line.tally = Some(tally);
        line.basis = Basis::Ledger;
    }
}

impl Line {
    /// Whether the target is met; `None` without a target or a share.
    #[must_use]
    pub fn meets_target(&self) -> Option<bool> {
        let target = self.rule.target?;
        Some(self.value.hundredths()? >= i64::from(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_lines_are_22_with_distinct_keys() {
        let keys: std::collections::BTreeSet<String> = usual().into_iter().map(|rule| rule.key).collect();
        assert_eq!(keys.len(), 22);
        assert_eq!(keys.iter().filter(|key| is_reckoned(key)).count(), 11);
    }
}
