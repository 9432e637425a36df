//! Indicators and tracking sheets → sheets of cells.

use std::collections::BTreeMap;

use super::sheet::{Cell, Chart, Sheet};
use crate::domain::french::{counted, french_date, french_time};
use crate::domain::indicator::Stamp;
use crate::domain::indicator::annex::{Annex, Basis, Line};
use crate::domain::indicator::outline::{By, Group, Scope};
use crate::domain::indicator::sheet::{AppointmentRow, Detail, MailRow};
use crate::domain::indicator::tally::{Outcome, Tally};
use crate::domain::indicator::value::{Share, Value, percent};
use crate::domain::period::Period;
use crate::domain::reasons;

/// Digits of a hash that people compare by eye.
const SHORT_HASH: usize = 16;

/// What the personal part of an appointment says; kept out of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// Who asks.
    pub name: String,
    /// In what quality.
    pub quality: String,
    /// Of which town.
    pub town: String,
    /// Remarks.
    pub note: String,
}

impl Value {
    /// The cell of the value.
    #[must_use]
    pub fn cell(&self) -> Cell {
        match self {
            Self::Count(count) => Cell::Count(*count),
            Self::Mean(hundredths) => Cell::Decimal(*hundredths),
            Self::Share(_) | Self::Percent(_) => match self.hundredths() {
                Some(hundredths) => Cell::Percent(hundredths),
                None => Cell::text("/"),
            },
            Self::Minutes(_) | Self::Text(_) | Self::NotApplicable | Self::Missing => Cell::text(self.french()),
        }
    }
}

/// Annexe 1.
#[must_use]
pub fn annex(annex: &Annex, stamp: &Stamp) -> Sheet {
    let title = format!("Indicateurs qualité – {}, {}", stamp.prefecture, annex.period.french());
    let heads =
        ["N°", "Indicateur", "Valeur", "Cible", "Numérateur", "Dénominateur", "En cours, non échues", "Origine"];
    let mut sheet = Sheet::new("Indicateurs", title, &heads);
    for line in &annex.lines {
        sheet.push(line_row(line));
    }
    sheet.notes = notes(annex, stamp);
    sheet
}

fn line_row(line: &Line) -> Vec<Cell> {
    let share = line.value.share();
    let pending = line.tally.as_ref().filter(|_| share.is_some()).map(pending);
    vec![
        Cell::count(u64::try_from(line.number).unwrap_or(u64::MAX)),
        Cell::text(&line.rule.label),
        line.value.cell(),
        Cell::maybe(line.rule.target, |target| Cell::Percent(i64::from(target))),
        Cell::maybe(share, |share: Share| Cell::count(share.numerator)),
        Cell::maybe(share, |share: Share| Cell::count(share.denominator)),
        Cell::maybe(pending, Cell::count),
        Cell::text(origin(&line.basis)),
    ]
}

/// Not yet due, whether the clock runs or stands still.
fn pending(tally: &Tally) -> u64 {
    tally.answer.of(Outcome::Pending) + tally.answer.of(Outcome::Suspended)
}

fn origin(basis: &Basis) -> String {
    match basis {
        Basis::Ledger => "registre".to_owned(),
        Basis::Hand(entered) => format!("saisie : {}", entered.source).replace(" :", "\u{a0}:"),
        Basis::None => String::new(),
    }
}

/// What a figure of few cases, or one with a hand value beside it, has to be read with.
fn remarks(line: &Line) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Value::Share(share) = &line.value
        && let Some((low, high)) = share.interval()
    {
        remarks.push(format!(
            "Ligne {}\u{a0}: {} cas seulement, taux réel entre {} et {} (intervalle de Wilson à 95\u{a0}%).",
            line.number,
            share.denominator,
            percent(low),
            percent(high)
        ));
    }
    if let Some(besides) = &line.besides {
        let (value, source) = (besides.value.french(), &besides.source);
        remarks.push(format!("Ligne {}\u{a0}: valeur saisie par ailleurs {value} ({source}).", line.number));
    }
    remarks
}

fn notes(annex: &Annex, stamp: &Stamp) -> Vec<String> {
    let mut notes: Vec<String> = annex.lines.iter().flat_map(remarks).collect();
    notes.extend(uncounted(annex));
    notes.extend(provenance(stamp));
    notes
}

/// What the lines do not count, or do not count where somebody might look for it.
fn uncounted(annex: &Annex) -> Vec<String> {
    let told = [
        (
            annex.outside,
            "demande hors du périmètre officiel n’est pas comptée.",
            "demandes hors du périmètre officiel ne sont pas comptées.",
        ),
        (
            annex.backlog,
            "demande antérieure à la surveillance n’est pas comptée.",
            "demandes antérieures à la surveillance ne sont pas comptées.",
        ),
        (
            annex.complaints_by_letter,
            "réclamation ou suggestion reçue par courrier est comptée avec les courriers\u{a0}: les lignes sur les \
             réclamations comptent les courriels.",
            "réclamations ou suggestions reçues par courrier sont comptées avec les courriers\u{a0}: les lignes sur les \
             réclamations comptent les courriels.",
        ),
        (
            annex.appointments_by_mail,
            "courriel demandant un rendez-vous n’est compté dans aucune ligne\u{a0}: celles sur les rendez-vous comptent \
             le registre (vigie appointment add).",
            "courriels demandant un rendez-vous ne sont comptés dans aucune ligne\u{a0}: celles sur les rendez-vous \
             comptent le registre (vigie appointment add).",
        ),
    ];
    told.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| counted(*count, one, many)).collect()
}

/// What the figures were computed from, so that anybody can compute them again.
#[must_use]
pub fn provenance(stamp: &Stamp) -> Vec<String> {
    let civil = crate::domain::calendar::civil_time(stamp.zone, stamp.as_of);
    let short = |hash: &str| hash.chars().take(SHORT_HASH).collect::<String>();
    vec![
        format!(
            "Calculé sur le registre à son écriture n°\u{a0}{}, du {} à {} (empreinte {}…).",
            stamp.head.seq,
            french_date(civil.date()),
            french_time(civil.time()),
            short(&stamp.head.hash)
        ),
        format!(
            "Configuration {}…, libellés et cibles {}…, calendrier {}.",
            short(&stamp.configuration),
            short(&stamp.table),
            if stamp.calendars.is_empty() { "inconnu".to_owned() } else { stamp.calendars.join(", ") }
        ),
    ]
}

/// The columns of counts that sheets share.
const TALLY_HEADS: [&str; 14] = [
    "Reçues",
    "Dans le délai",
    "Hors délai",
    "Sans réponse, échues",
    "En cours, non échues",
    "Closes sans suite",
    "Transmises",
    "Taux",
    "Taux, 1re réponse humaine",
    "Taux, réponse au fond",
    "Délai médian (j)",
    "Délai moyen (j)",
    "9e décile (j)",
    "Délais en cours",
];

fn tally_cells(tally: &Tally) -> Vec<Cell> {
    let rate = |share: Share| Cell::maybe(share.hundredths(), Cell::Percent);
    let of = |outcome| Cell::count(tally.answer.of(outcome));
    let delays = tally.delays;
    vec![
        Cell::count(tally.received),
        of(Outcome::InTime),
        of(Outcome::Late),
        of(Outcome::Overdue),
        Cell::count(pending(tally)),
        of(Outcome::Closed),
        of(Outcome::Transferred),
        rate(tally.answer.rate()),
        rate(tally.first_human.rate()),
        rate(tally.substantive.rate()),
        Cell::maybe(delays, |delays| Cell::Decimal(delays.median)),
        Cell::maybe(delays, |delays| Cell::Decimal(delays.mean)),
        Cell::maybe(delays, |delays| Cell::Decimal(delays.p90)),
        Cell::count(tally.growing),
    ]
}

/// The figures by mailbox, bureau, commitment or month.
#[must_use]
pub fn groups(groups: &[Group], by: By, scope: Scope, period: Period, stamp: &Stamp) -> Sheet {
    let (name, head) = match by {
        By::Mailbox => ("Par boîte", "Boîte"),
        By::Bureau => ("Par bureau", "Bureau"),
        By::Commitment => ("Par engagement", "Engagement"),
        By::Month => ("Par mois", "Mois"),
    };
    let heads: Vec<&str> = std::iter::once(head).chain(TALLY_HEADS).collect();
    let title = format!("{name} – {}, {} ({})", stamp.prefecture, period.french(), scope.french());
    let mut sheet = Sheet::new(name, title, &heads);
    for group in groups {
        sheet.push(std::iter::once(Cell::text(&group.label)).chain(tally_cells(&group.tally)).collect());
    }
    if groups.iter().any(|group| group.tally.growing > 0) {
        sheet.notes.push("Les délais des demandes échues sans réponse comptent pour ce qu’ils ont atteint\u{a0}: ils grandissent encore.".into());
    }
    sheet.notes.extend(provenance(stamp));
    sheet
}

/// The trend: one row a period, the rates of the lines that have one.
#[must_use]
pub fn trend(annexes: &[Annex], stamp: &Stamp) -> Option<Sheet> {
    let last = annexes.last()?;
    let shown: Vec<usize> = (0..last.lines.len())
        .filter(|at| {
            annexes.iter().any(|annex| {
                annex.lines.get(*at).is_some_and(|line| line.tally.is_some() && line.value.hundredths().is_some())
            })
        })
        .collect();
    if shown.is_empty() {
        return None;
    }
    let labels =
        shown.iter().filter_map(|at| last.lines.get(*at)).map(|line| short_label(&line.rule.key, &line.rule.label));
    let heads: Vec<String> = std::iter::once("Période".to_owned()).chain(labels).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut sheet = Sheet::new("Tendance", format!("Évolution des taux – {}", stamp.prefecture), &heads);
    for annex in annexes {
        let value = |at: &usize| annex.lines.get(*at).and_then(|line| line.value.hundredths());
        let cells = shown.iter().map(|at| Cell::maybe(value(at), Cell::Percent));
        sheet.push(std::iter::once(Cell::text(annex.period.french())).chain(cells).collect());
    }
    let columns: Vec<usize> = (1..=shown.len()).collect();
    let description = describe_trend(&sheet);
    sheet.chart = Some(Chart { title: "Taux de réponse dans les délais".into(), description, columns, bars: false });
    Some(sheet)
}

/// The chart in words: each line from its first to its last value.
fn describe_trend(sheet: &Sheet) -> String {
    let sentence = |(at, head): (usize, &String)| {
        let values: Vec<String> = sheet
            .rows
            .iter()
            .filter_map(|row| row.get(at))
            .filter(|cell| **cell != Cell::Empty)
            .map(Cell::french)
            .collect();
        let (first, last) = (values.first()?, values.last()?);
        Some(if values.len() == 1 { format!("{head} : {last}") } else { format!("{head} : de {first} à {last}") })
    };
    let sentences: Vec<String> = sheet.heads.iter().enumerate().skip(1).filter_map(sentence).collect();
    format!("{}.", sentences.join(" ; ").replace(" :", "\u{a0}:").replace(" ;", "\u{202f};"))
}

/// A label short enough for a legend.
#[must_use]
pub fn short_label(key: &str, label: &str) -> String {
    match key {
        "mail.user.in_time" => "Courriels, usagers".to_owned(),
        "mail.elected.in_time" => "Courriels, élus".to_owned(),
        "complaint.in_time" => "Réclamations".to_owned(),
        "letter.user.in_time" => "Courriers, usagers".to_owned(),
        "letter.elected.in_time" => "Courriers, élus".to_owned(),
        "appointment.fixed_in_time" => "Rendez-vous, fixation".to_owned(),
        "appointment.held_in_time" => "Rendez-vous, tenue".to_owned(),
        _ => label.replace('\'', "’"),
    }
}

/// What people read for a verdict that opens no request.
fn verdict_french(verdict: &str) -> &str {
    match verdict {
        "follow_up" => "compléments",
        "reply" => "réponses du service",
        "automated" => "automatiques",
        "bounce" => "avis de non-remise",
        "bulk" => "listes",
        "spam" => "indésirables",
        "abusive" => "envois abusifs",
        "internal" => "internes",
        "duplicate" => "doublons",
        other => other,
    }
}

fn listed(counts: &BTreeMap<String, u64>, name: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = counts.iter().map(|(key, count)| format!("{}\u{a0}: {count}", name(key))).collect();
    parts.join(" ; ").replace(" ;", "\u{202f};")
}

fn why_unacknowledged(code: &str) -> String {
    match code {
        "" => "sans motif connu".to_owned(),
        "pending" => "à envoyer".to_owned(),
        "refused" => "non remis".to_owned(),
        "unknown" => "issue inconnue".to_owned(),
        code => reasons::french(code).trim_end_matches('.').to_owned(),
    }
}

/// *Tableau de suivi courriels*: a row a mailbox and month.
#[must_use]
pub fn mails(rows: &[MailRow], period: Period, stamp: &Stamp) -> Sheet {
    let first = ["Boîte", "Mois", "Messages", "Hors champ", "Hors champ, par nature"];
    let last = ["Accusés envoyés", "Accusés non envoyés", "Non envoyés, par motif", "En alerte"];
    let heads: Vec<&str> = first.into_iter().chain(TALLY_HEADS).chain(last).collect();
    let title = format!("Tableau de suivi des courriels – {}, {}", stamp.prefecture, period.french());
    let mut sheet = Sheet::new("Suivi courriels", title, &heads);
    for row in rows {
        let mut cells = vec![
            Cell::text(&row.mailbox),
            Cell::text(row.month.french()),
            Cell::count(row.messages),
            Cell::count(row.out_of_scope.values().sum()),
            Cell::text(listed(&row.out_of_scope, |verdict| verdict_french(verdict).to_owned())),
        ];
        cells.extend(tally_cells(&row.tally));
        cells.extend([
            Cell::count(row.acknowledged),
            Cell::count(row.unacknowledged.values().sum()),
            Cell::text(listed(&row.unacknowledged, why_unacknowledged)),
            Cell::count(row.alerted),
        ]);
        sheet.push(cells);
    }
    sheet.notes = provenance(stamp);
    sheet
}

/// The requests one by one.
#[must_use]
pub fn details(details: &[Detail], period: Period, stamp: &Stamp) -> Sheet {
    let heads = [
        "Référence",
        "Boîte",
        "Engagement",
        "Reçue le",
        "Échéance",
        "Répondue le",
        "Délai (j ouvrés)",
        "Résultat",
        "Accusé",
    ];
    let title = format!("Détail des demandes – {}, {}", stamp.prefecture, period.french());
    let mut sheet = Sheet::new("Détail", title, &heads);
    let acknowledgement = |name: &str| {
        crate::domain::request::AcknowledgementState::from_name(name).map_or("", |state| state.french()).to_owned()
    };
    for detail in details {
        sheet.push(vec![
            Cell::text(&detail.reference),
            Cell::text(&detail.mailbox),
            Cell::text(&detail.commitment),
            Cell::Day(detail.received_on),
            Cell::Day(detail.due_on),
            Cell::maybe(detail.answered_on, Cell::Day),
            Cell::maybe(detail.days, Cell::Count),
            Cell::text(detail.outcome.french()),
            Cell::text(acknowledgement(&detail.acknowledgement)),
        ]);
    }
    sheet.notes = provenance(stamp);
    sheet
}

/// Whether an appointment's clock was met: `oui`, `non`, or nothing while it runs.
fn met(outcome: Outcome) -> Cell {
    match outcome {
        Outcome::InTime => Cell::text("oui"),
        Outcome::Late | Outcome::Overdue => Cell::text("non"),
        Outcome::Pending
        | Outcome::Suspended
        | Outcome::Closed
        | Outcome::Transferred
        | Outcome::Merged
        | Outcome::Backlog => Cell::Empty,
    }
}

/// *Tableau de suivi des rendez-vous avec les élus*.
#[must_use]
pub fn appointments(rows: &[(AppointmentRow, Who)], period: Period, stamp: &Stamp) -> Sheet {
    let heads = [
        "Demande",
        "Demandeur",
        "Qualité",
        "Commune",
        "Autorité",
        "Date de demande",
        "Date de fixation",
        "Délai (j ouvrés)",
        "≤ 4 ?",
        "Date du rendez-vous",
        "Délai (j ouvrés)",
        "≤ 10 ?",
        "Observations",
    ];
    let title = format!("Tableau de suivi des rendez-vous des élus – {}, {}", stamp.prefecture, period.french());
    let mut sheet = Sheet::new(
        "Suivi rendez-vous",
        title,
        &heads.map(|head| head.replace(" ?", "\u{202f}?")).each_ref().map(String::as_str),
    );
    for (row, who) in rows {
        sheet.push(vec![
            Cell::text(&row.reference),
            Cell::text(&who.name),
            Cell::text(&who.quality),
            Cell::text(&who.town),
            Cell::text(row.authority.french()),
            Cell::Day(row.requested_on),
            Cell::maybe(row.fixed_on, Cell::Day),
            Cell::maybe(row.fixing_days, Cell::Count),
            met(row.fixing),
            Cell::maybe(row.held_on, Cell::Day),
            Cell::maybe(row.holding_days, Cell::Count),
            met(row.holding),
            Cell::text(&who.note),
        ]);
    }
    sheet.notes = provenance(stamp);
    sheet
}
