//! The *bilan* of a period: what the référent·e qualité and the auditor read, as ODS and as PDF, and in a few sentences.

use super::figures::{self, provenance, short_label};
use super::ods::{self, OdsError};
use super::page::{Block, Column, Curves};
use super::pdf::{self, About, PdfError, table};
use super::sheet::{Cell, Sheet};
use crate::domain::french::counted;
use crate::domain::indicator::Stamp;
use crate::domain::indicator::annex::{Annex, Line, is_reckoned};
use crate::domain::indicator::outline::{By, Group, Scope};
use crate::domain::indicator::sheet::{Detail, MailRow};
use crate::domain::indicator::tally::Outcome;
use crate::domain::indicator::value::{Value, decimal, percent};

/// The delays that a report names one by one.
pub const NOTABLE: usize = 20;

/// All that a report says.
#[derive(Debug, Clone)]
pub struct Bilan {
    /// What it was computed from.
    pub stamp: Stamp,
    /// The periods up to that of the report, the report's own the last.
    pub trail: Vec<Annex>,
    /// The figures by mailbox, those outside the official perimeter included.
    pub mailboxes: Vec<Group>,
    /// The figures by bureau.
    pub bureaux: Vec<Group>,
    /// The mails' tracking sheet.
    pub tracking: Vec<MailRow>,
    /// The requests that waited longest, answered late or not at all.
    pub notable: Vec<Detail>,
    /// The signed head of the ledger, where there is a key.
    pub seal: Option<String>,
}

impl Bilan {
    /// The table of the report's own period.
    #[must_use]
    pub fn annex(&self) -> Option<&Annex> {
        self.trail.last()
    }

    fn title(&self) -> String {
        let period = self.annex().map_or_else(String::new, |annex| annex.period.french());
        format!("Bilan de la qualité, {period}")
    }

    /// The summary: half a page of sentences.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let Some(annex) = self.annex() else { return Vec::new() };
        let mut sentences = vec![received(annex)];
        let before = self.trail.iter().rev().nth(1);
        sentences.extend(annex.lines.iter().filter_map(|line| rate(line, before)));
        sentences.extend(waiting(annex));
        let (missed, missing) = (missed(annex), missing(annex));
        if !missed.is_empty() {
            sentences.push(format!("Cibles non atteintes\u{a0}: {}.", missed.join(" ; ").replace(" ;", "\u{202f};")));
        }
        if !missing.is_empty() {
            sentences.push(format!("Restent à saisir, lignes {} du tableau.", missing.join(", ")));
        }
        sentences
    }

    /// The report as a spreadsheet.
    pub fn ods(&self) -> Result<Vec<u8>, OdsError> {
        let mut sheets = vec![summary_sheet(self)];
        if let Some(annex) = self.annex() {
            let period = annex.period;
            sheets.push(figures::annex(annex, &self.stamp));
            sheets.extend(figures::trend(&self.trail, &self.stamp));
            sheets.push(figures::groups(&self.mailboxes, By::Mailbox, Scope::All, period, &self.stamp));
            sheets.push(figures::groups(&self.bureaux, By::Bureau, Scope::All, period, &self.stamp));
            sheets.push(figures::mails(&self.tracking, period, &self.stamp));
            let mut notable = figures::details(&self.notable, period, &self.stamp);
            notable.name = "Retards notables".into();
            notable.title = format!("Retards notables – {}, {}", self.stamp.prefecture, period.french());
            sheets.push(notable);
        }
        ods::write(&sheets)
    }

    /// The report for printing and for the auditor.
    pub fn pdf(&self) -> Result<Vec<u8>, PdfError> {
        let about = About {
            title: format!("{} – {}", self.title(), self.stamp.prefecture),
            author: self.stamp.prefecture.clone(),
            as_of: self.stamp.as_of,
            foot: format!("{} – {}", self.stamp.prefecture, self.title()),
        };
        pdf::write(&about, &self.blocks(), false)
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks =
            vec![Block::Title(self.title()), Block::Subtitle(self.stamp.prefecture.clone()), Block::Space(12)];
        blocks.extend(provenance(&self.stamp).into_iter().map(Block::Small));
        blocks.push(Block::Heading("L’essentiel".into()));
        blocks.extend(self.summary().into_iter().map(Block::Paragraph));
        let Some(annex) = self.annex() else { return blocks };
        blocks.extend([Block::NewPage, Block::Heading("Indicateurs et cibles".into()), against_targets(annex)]);
        let notes = figures::annex(annex, &self.stamp).notes;
        let kept = notes.len().saturating_sub(provenance(&self.stamp).len());
        blocks.extend(notes.into_iter().take(kept).map(Block::Small));
        blocks.extend(self.trend());
        blocks.push(Block::Heading("Par boîte".into()));
        blocks.push(Block::Small(ALL_TRACKED.into()));
        blocks.push(groups(&self.mailboxes, "Boîte ou registre"));
        blocks.push(Block::Heading("Par bureau".into()));
        blocks.push(groups(&self.bureaux, "Bureau"));
        blocks.extend(self.delays());
        blocks.push(Block::Heading("Méthode".into()));
        blocks.extend(METHOD.iter().map(|text| Block::Paragraph((*text).to_owned())));
        blocks.extend(self.proof());
        blocks
    }

    fn trend(&self) -> Vec<Block> {
        let Some(sheet) = figures::trend(&self.trail, &self.stamp) else { return Vec::new() };
        let Some(chart) = &sheet.chart else { return Vec::new() };
        let value = |cell: &Cell| match cell {
            Cell::Percent(hundredths) => Some(*hundredths),
            Cell::Empty | Cell::Text(_) | Cell::Count(_) | Cell::Decimal(_) | Cell::Day(_) => None,
        };
        let column = |at: &usize| {
            let values = sheet.rows.iter().map(|row| row.get(*at).and_then(value)).collect();
            (sheet.heads.get(*at).cloned().unwrap_or_default(), values)
        };
        let curves = Curves {
            description: chart.description.clone(),
            points: self.trail.iter().map(|annex| annex.period.short()).collect(),
            series: chart.columns.iter().map(column).collect(),
        };
        vec![
            Block::Together(360),
            Block::Heading("Évolution".into()),
            Block::Paragraph(format!("{}\u{a0}: taux par période de réception.", chart.title)),
            Block::Chart(curves),
            table(&sheet),
        ]
    }

    fn delays(&self) -> Vec<Block> {
        let heading = Block::Heading("Retards notables".into());
        if self.notable.is_empty() {
            return vec![heading, Block::Paragraph("Aucune demande n’a dépassé son délai.".into())];
        }
        let mut columns = columns(&[
            ("Référence", 17),
            ("Reçue par", 15),
            ("Reçue le", 11),
            ("Échéance", 11),
            ("Résultat", 25),
            ("Jours ouvrés", 9),
        ]);
        for column in columns.iter_mut().skip(5) {
            column.right = true;
        }
        let row = |detail: &Detail| {
            let days = detail.days.map_or_else(String::new, |days| days.to_string());
            vec![
                detail.reference.clone(),
                detail.mailbox.clone(),
                Cell::Day(detail.received_on).french(),
                Cell::Day(detail.due_on).french(),
                detail.outcome.french().to_owned(),
                days,
            ]
        };
        let intro = match self.notable.len() {
            1 => "La seule demande répondue hors délai, ou restée sans réponse au-delà de son délai.".to_owned(),
            n => format!(
                "Les {n} demandes qui ont attendu le plus longtemps, répondues hors délai ou restées sans réponse au-delà \
                 de leur délai\u{a0}: courriels, courriers et rendez-vous, y compris hors du périmètre officiel."
            ),
        };
        vec![heading, Block::Paragraph(intro), Block::Table { columns, rows: self.notable.iter().map(row).collect() }]
    }

    /// How anybody can check the figures.
    fn proof(&self) -> Vec<Block> {
        let head = &self.stamp.head;
        let mut blocks = vec![
            Block::Heading("Sceau du registre".into()),
            Block::Paragraph(format!(
                "Ce bilan est tiré du registre tel qu’il était à l’écriture n°\u{a0}{}. La même commande, sur le même registre, \
                 donne les mêmes chiffres\u{a0}: vigie indicators --period {} --at-head {}.",
                head.seq,
                self.annex().map_or_else(String::new, |annex| annex.period.to_string()),
                head.seq
            )),
            Block::Small(format!("Empreinte de l’écriture\u{a0}: {}", head.hash)),
            Block::Small(format!("Empreinte de la configuration\u{a0}: {}", self.stamp.configuration)),
        ];
        match &self.seal {
            Some(seal) => {
                blocks.push(Block::Paragraph("Sceau signé (point de contrôle C2SP)\u{a0}:".into()));
                blocks.extend(seal.lines().filter(|line| !line.is_empty()).map(|line| Block::Small(line.to_owned())));
            }
            None => {
                blocks.push(Block::Small("Le registre n’est pas scellé\u{a0}: aucune clé n’est configurée.".into()));
            }
        }
        blocks
    }
}

/// What the tables of groups count, beside that of the indicators.
const ALL_TRACKED: &str = "Toutes les demandes suivies, y compris hors du périmètre officiel et celles que le tableau des \
     indicateurs ne compte pas.";

/// What the figures mean, for who reads them for the first time.
const METHOD: [&str; 6] = [
    "Une demande compte dans la période où elle a été reçue, quelle que soit la date de sa réponse. La date de réception est \
     celle du serveur de messagerie.",
    "Taux = réponses dans le délai ÷ (réponses dans le délai + réponses hors délai + demandes échues sans réponse). Les \
     demandes en cours et non échues sont montrées à part\u{202f}; celles qui n’appelaient pas de réponse ou ont été transmises \
     avant l’échéance aussi. Closes ou transmises après l’échéance, elles comptent comme non répondues.",
    "La réponse qui arrête le délai est la première réponse d’une personne\u{202f}; l’accusé de réception automatique n’en est \
     jamais une. Une réponse d’attente n’arrête le délai que si l’engagement le prévoit. La réponse au fond est comptée à part.",
    "Les délais sont en jours ouvrés du calendrier de la préfecture, le jour de réception étant le jour 0. Une demande échue \
     sans réponse compte pour le délai qu’elle a atteint\u{a0}: le silence n’abaisse aucune moyenne.",
    "Les taux sont arrondis au centième de pour cent, sans jamais être portés à 100,00\u{a0}% ni à 0,00\u{a0}%. Sous cent cas, \
     l’intervalle de Wilson à 95\u{a0}% dit ce que le taux peut valoir réellement.",
    "Les valeurs que vigie ne peut pas mesurer sont saisies, avec leur source et leur auteur\u{202f}; une correction est une \
     nouvelle écriture du registre, l’ancienne reste lisible.",
];

fn received(annex: &Annex) -> String {
    let count = |key: &str| {
        let line = annex.lines.iter().find(|line| line.rule.key == key)?;
        match line.value {
            Value::Count(count) => u64::try_from(count).ok(),
            Value::Mean(_)
            | Value::Share(_)
            | Value::Percent(_)
            | Value::Minutes(_)
            | Value::Text(_)
            | Value::NotApplicable
            | Value::Missing => None,
        }
    };
    let parts = [
        ("mail.user.received", "courriel d’usager", "courriels d’usagers"),
        ("mail.elected.received", "courriel d’élu", "courriels d’élus"),
        ("complaint.received", "réclamation ou suggestion", "réclamations ou suggestions"),
        ("letter.user.received", "courrier d’usager", "courriers d’usagers"),
    ];
    let named: Vec<String> =
        parts.iter().filter_map(|(key, one, many)| count(key).map(|count| counted(count, one, many))).collect();
    if named.is_empty() {
        return format!("Aucune demande n’est connue pour la période ({}).", annex.period.french());
    }
    format!("Reçus pendant la période ({})\u{a0}: {}.", annex.period.french(), named.join(", "))
}

/// A rate that vigie reckons, its target, and how it moved.
fn rate(line: &Line, before: Option<&Annex>) -> Option<String> {
    let (hundredths, tally) = (line.value.hundredths()?, line.tally.as_ref()?);
    let label = short_label(&line.rule.key, &line.rule.label);
    let mut text = format!("{label}\u{a0}: {}", percent(hundredths));
    if let Value::Share(share) = &line.value {
        text.push_str(&format!(" dans le délai ({} sur {})", share.numerator, share.denominator));
    }
    if let Some(target) = line.rule.target {
        let reached = if line.meets_target() == Some(true) { "atteinte" } else { "non atteinte" };
        text.push_str(&format!(", cible de {} {reached}", percent(i64::from(target))));
    }
    let known = before.and_then(|annex| annex.lines.iter().find(|known| known.rule.key == line.rule.key));
    if let Some(difference) = known.and_then(|known| known.value.hundredths()).map(|known| hundredths - known) {
        text.push_str(&match difference {
            0 => ", stable".to_owned(),
            up @ 1.. => format!(", en hausse de {}\u{a0}point", decimal(up)),
            down => format!(", en baisse de {}\u{a0}point", decimal(-down)),
        });
        if difference.abs() >= 200 {
            text.push('s');
        }
    }
    if let Some(delays) = tally.delays {
        text.push_str(&format!("\u{202f}; délai médian de {}", working_days(delays.median)));
    }
    Some(format!("{text}."))
}

/// Working days in words: `3 jours ouvrés`, `0,5 jour ouvré`.
fn working_days(hundredths: i64) -> String {
    let number = decimal(hundredths);
    let number = number.trim_end_matches('0').trim_end_matches(',');
    format!("{number}\u{a0}jour{s} ouvré{s}", s = if hundredths < 200 { "" } else { "s" })
}

/// What is still to be answered.
fn waiting(annex: &Annex) -> Option<String> {
    let of = |outcome| {
        let counted = annex
            .lines
            .iter()
            .filter(|line| matches!(line.value, Value::Share(_)) && line.rule.key != "appointment.held_in_time");
        counted.filter_map(|line| line.tally.as_ref()).map(|tally| tally.answer.of(outcome)).sum::<u64>()
    };
    let (overdue, pending) = (of(Outcome::Overdue), of(Outcome::Pending) + of(Outcome::Suspended));
    let told = [
        (overdue, "demande reste sans réponse au-delà du délai", "demandes restent sans réponse au-delà du délai"),
        (pending, "demande en cours n’est pas encore échue", "demandes en cours ne sont pas encore échues"),
    ];
    let parts: Vec<String> =
        told.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| counted(*count, one, many)).collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join("\u{202f}; ")))
}

fn missed(annex: &Annex) -> Vec<String> {
    let missed = annex.lines.iter().filter(|line| line.meets_target() == Some(false));
    missed.map(|line| format!("{} ({})", short_label(&line.rule.key, &line.rule.label), line.value.french())).collect()
}

/// The numbers of the lines that wait for a value from people.
fn missing(annex: &Annex) -> Vec<String> {
    let missing = annex.lines.iter().filter(|line| line.value == Value::Missing && !is_reckoned(&line.rule.key));
    missing.map(|line| line.number.to_string()).collect()
}

fn columns(named: &[(&str, u16)]) -> Vec<Column> {
    let column = |(head, weight): &(&str, u16)| Column { head: (*head).to_owned(), weight: *weight, right: false };
    named.iter().map(column).collect()
}

/// The lines, each with its target and whether it is met.
fn against_targets(annex: &Annex) -> Block {
    let mut columns = columns(&[("N°", 4), ("Indicateur", 50), ("Valeur", 14), ("Cible", 11), ("Atteinte", 10)]);
    for column in columns.iter_mut().skip(2) {
        column.right = true;
    }
    let row = |line: &Line| {
        let met = match line.meets_target() {
            Some(true) => "oui",
            Some(false) => "non",
            None => "",
        };
        vec![
            line.number.to_string(),
            line.rule.label.replace('\'', "’"),
            line.value.french(),
            line.rule.target.map_or_else(String::new, |target| percent(i64::from(target))),
            met.to_owned(),
        ]
    };
    Block::Table { columns, rows: annex.lines.iter().map(row).collect() }
}

/// The figures of groups, in fewer columns than the spreadsheet has.
fn groups(groups: &[Group], head: &str) -> Block {
    let named = [
        (head, 26),
        ("Reçues", 9),
        ("Dans le délai", 9),
        ("Hors délai", 9),
        ("Échues, sans réponse", 10),
        ("En cours", 9),
        ("Taux", 11),
        ("Médian (j)", 9),
        ("9e décile (j)", 9),
    ];
    let mut columns = columns(&named);
    for column in columns.iter_mut().skip(1) {
        column.right = true;
    }
    let row = |group: &Group| {
        let tally = &group.tally;
        let of = |outcome| tally.answer.of(outcome).to_string();
        let days = |days: Option<i64>| days.map_or_else(String::new, decimal);
        vec![
            group.label.clone(),
            tally.received.to_string(),
            of(Outcome::InTime),
            of(Outcome::Late),
            of(Outcome::Overdue),
            (tally.answer.of(Outcome::Pending) + tally.answer.of(Outcome::Suspended)).to_string(),
            tally.answer.rate().hundredths().map_or_else(|| "/".to_owned(), percent),
            days(tally.delays.map(|delays| delays.median)),
            days(tally.delays.map(|delays| delays.p90)),
        ]
    };
    Block::Table { columns, rows: groups.iter().map(row).collect() }
}

/// A sheet of the summary, for who opens only the spreadsheet.
fn summary_sheet(bilan: &Bilan) -> Sheet {
    let mut sheet = Sheet::new("Résumé", bilan.title(), &["L’essentiel"]);
    for sentence in bilan.summary() {
        sheet.push(vec![Cell::text(sentence)]);
    }
    sheet
}
