//! Lists that people keep in spreadsheets → what registers take of them.
//!
//! Every error names its line, and one wrong line refuses the whole list: half an import is worse than none. *Start
//! reading* at [`letters`]; [`rows()`] unpacks files, [`words`] reads cells.

mod rows;
pub mod words;

use std::collections::HashMap;

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use self::rows::{MAX_OCTETS, MAX_ROWS};
pub use self::rows::{Row, rows};
use self::words::{authority, day, fold, nature, reading, requester};
use super::register::{NewAppointment, NewLetter, Origin, Refused};
use crate::domain::french::quoted;
use crate::domain::indicator::annex::LineRule;
use crate::domain::indicator::value::Value;
use crate::domain::ledger::hex;
use crate::domain::period::Period;
use crate::domain::policy::{Nature, Requester};
use crate::domain::register::HandValue;
use crate::store::Details;

/// How a day is written.
const A_DAY: &str = "une date, année en quatre chiffres (31/12/2026 ou 2026-12-31)";
/// How many digits of a line's digest stand for it in the register.
const ORIGIN_DIGITS: usize = 32;
/// The column of the day on which a letter came, under its names.
const RECEIVED: Column = ("reçu le", &["recu le", "received on"]);
/// The column of the day on which a letter was answered.
const ANSWERED: Column = ("répondu le", &["repondu le", "answered on"]);
/// The column of the day on which an appointment was asked for.
const REQUESTED: Column = ("date de demande", &["date de demande", "requested on"]);
/// The column of the day on which its date was fixed.
const FIXED: Column = ("date de fixation", &["date de fixation", "fixed on"]);
/// The column of the day of the appointment.
const HELD: Column = ("date du rendez-vous", &["date du rendez vous", "held on"]);
/// The column of a line's own number; in what vigie prints, its reference.
const NUMBER: &[&str] = &["numero", "number", "reference", "demande"];

/// What people read for a column, and the names that it may have, [folded](fold).
type Column = (&'static str, &'static [&'static str]);

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is neither CSV nor ODS.
    #[error("le fichier n’est ni un CSV ni un ODS lisible\u{a0}: {0}")]
    Form(String),
    /// It is too large.
    #[error("le fichier dépasse {MAX_ROWS}\u{a0}lignes ou {MAX_OCTETS}\u{a0}octets")]
    TooLarge,
    /// Nothing stands in it, or nothing below the heads of its columns.
    #[error("le fichier n’a aucune ligne à inscrire")]
    Empty,
    /// A quote is opened and not closed, or closed in the midst of a cell: what follows would be read as one cell.
    #[error("ligne {0}\u{a0}: un guillemet ouvert n’est pas refermé à la fin de sa cellule")]
    Quote(usize),
    /// A column is missing.
    #[error("la colonne {} manque", quoted(.0))]
    Column(&'static str),
    /// A cell is not what its column expects.
    #[error("ligne {line}, colonne {}\u{a0}: {} n’est pas {expected}", quoted(column), written(value))]
    Cell {
        /// The line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A number, or an indicator, stands on two lines.
    #[error("ligne {line}\u{a0}: {} est déjà donné à la ligne {first}", quoted(name))]
    Twice {
        /// The second line.
        line: usize,
        /// The first.
        first: usize,
        /// What stands on both.
        name: String,
    },
    /// The register refuses a line.
    #[error("ligne {line}\u{a0}: {refused}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why.
        refused: Refused,
    },
}

/// What stands in a cell, in words.
fn written(value: &str) -> String {
    if value.is_empty() { "une cellule vide".to_owned() } else { quoted(value) }
}

/// A list with a head: columns by their names.
struct List {
    columns: HashMap<String, usize>,
    rows: Vec<Row>,
}

impl List {
    /// Reads a list whose head is the first row with the column that every line must fill: what stands above it is a title.
    fn read(bytes: &[u8], wanted: Column) -> Result<Self, ImportError> {
        let mut rows = rows(bytes)?;
        let is_head = |row: &Row| row.cells.iter().any(|cell| wanted.1.contains(&fold(cell).as_str()));
        let Some(head) = rows.iter().position(is_head) else {
            let nothing = rows.iter().all(|row| row.filled() == 0);
            return Err(if nothing { ImportError::Empty } else { ImportError::Column(wanted.0) });
        };
        let body = foot(rows.split_off(head + 1));
        let heads = rows.pop().map(|row| row.cells).unwrap_or_default();
        // Of two columns with one name the first counts.
        let columns = heads.iter().enumerate().rev().map(|(at, head)| (fold(head), at)).collect();
        let body: Vec<Row> = body.into_iter().filter(|row| row.filled() > 0).collect();
        if body.is_empty() {
            return Err(ImportError::Empty);
        }
        Ok(Self { columns, rows: body })
    }

    /// What each line says, its number or digest unlike that of any other.
    fn take<T>(&self, read: impl Fn(Line<'_>, Origin) -> Result<T, ImportError>) -> Result<Vec<T>, ImportError> {
        let (mut numbers, mut digests) = (HashMap::new(), HashMap::new());
        let mut all = Vec::new();
        for row in &self.rows {
            let line = Line { list: self, row };
            let origin = line.origin(&mut digests);
            if origin.own
                && let Some(first) = numbers.insert(origin.number.clone(), row.line)
            {
                return Err(ImportError::Twice { line: row.line, first, name: origin.number });
            }
            all.push(read(line, origin)?);
        }
        Ok(all)
    }
}

/// The rows without the notes at the end of a sheet: after an empty row, only texts that stand alone.
fn foot(mut rows: Vec<Row>) -> Vec<Row> {
    let alone =
        |row: &Row| row.filled() == 0 || (row.filled() == 1 && row.cells.first().is_some_and(|c| !c.is_empty()));
    let last = rows.iter().rposition(|row| !alone(row)).map_or(0, |at| at + 1);
    let notes = rows.iter().skip(last).position(|row| row.filled() == 0);
    if let Some(notes) = notes {
        rows.truncate(last + notes);
    }
    rows
}

/// A line of a list.
#[derive(Clone, Copy)]
struct Line<'a> {
    list: &'a List,
    row: &'a Row,
}

impl Line<'_> {
    /// The text of a column under any of its names; empty where there is none.
    fn text(&self, names: &[&str]) -> &str {
        let at = names.iter().find_map(|name| self.list.columns.get(*name));
        at.and_then(|at| self.row.cells.get(*at)).map_or("", String::as_str)
    }

    fn cell<T>(
        &self,
        column: &'static str,
        text: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ImportError> {
        let wrong = || ImportError::Cell { line: self.row.line, column, value: text.to_owned(), expected };
        read(text).ok_or_else(wrong)
    }

    fn wanted_day(&self, (column, names): Column) -> Result<NaiveDate, ImportError> {
        self.cell(column, self.text(names), A_DAY, day)
    }

    fn day(&self, column: Column) -> Result<Option<NaiveDate>, ImportError> {
        if self.text(column.1).is_empty() { Ok(None) } else { self.wanted_day(column).map(Some) }
    }

    fn requester(&self, usual: Requester) -> Result<Requester, ImportError> {
        match self.text(&["demandeur", "requester"]) {
            "" => Ok(usual),
            text => self.cell("demandeur", text, "usager, élu, cadre territorial ou collectivité", requester),
        }
    }

    fn bureau(&self, usual: &str) -> String {
        let own = self.text(&["bureau"]);
        if own.is_empty() { usual.to_owned() } else { own.to_owned() }
    }

    fn details(&self) -> Details {
        let text = |names: &[&str]| self.text(names).to_owned();
        Details {
            name: text(&["nom", "name"]),
            quality: text(&["qualite", "quality"]),
            town: text(&["commune", "town"]),
            subject: text(&["objet", "subject"]),
            note: text(&["observations", "note"]),
        }
    }

    /// Its own number in the list, or a digest of what it says.
    fn origin(&self, digests: &mut HashMap<String, usize>) -> Origin {
        let (line, own) = (Some(self.row.line), self.text(NUMBER));
        if !own.is_empty() {
            return Origin { line, number: own.to_owned(), own: true };
        }
        let mut digest = hex(&Sha256::digest(self.row.cells.join("\u{1f}").as_bytes()));
        digest.truncate(ORIGIN_DIGITS);
        // Two lines that say the same are two letters: the second is told from the first by its rank.
        let rank = digests.entry(digest.clone()).or_default();
        *rank += 1;
        Origin { line, number: format!("{digest}-{rank}"), own: false }
    }
}

/// The letters of a list; `bureau` answers where a line names none.
pub fn letters(bytes: &[u8], bureau: &str) -> Result<Vec<NewLetter>, ImportError> {
    List::read(bytes, RECEIVED)?.take(|line, origin| {
        let nature = match line.text(&["nature"]) {
            "" => Nature::GeneralInfo,
            text => line.cell("nature", text, "information, conseil, réclamation ou suggestion", nature)?,
        };
        Ok(NewLetter {
            bureau: line.bureau(bureau),
            requester: line.requester(Requester::Public)?,
            nature,
            received_on: line.wanted_day(RECEIVED)?,
            official: true,
            details: line.details(),
            origin,
            answered_on: line.day(ANSWERED)?,
        })
    })
}

/// The appointments of a list, with the columns of the tracking sheet; `bureau` fixes them where a line names none.
pub fn appointments(bytes: &[u8], bureau: &str) -> Result<Vec<NewAppointment>, ImportError> {
    List::read(bytes, REQUESTED)?.take(|line, origin| {
        let (requester, details) = asks(line)?;
        let expected = "préfet, secrétaire général, sous-préfet ou directeur";
        let fixed_on = line.day(FIXED)?;
        // One day without the other says nothing that could be timed, and is not dropped in silence.
        let fixed = match (fixed_on, line.day(HELD)?) {
            (None, None) => None,
            (Some(_), None) => Some((line.wanted_day(FIXED)?, line.wanted_day(HELD)?)),
            (_, Some(held_on)) => Some((line.wanted_day(FIXED)?, held_on)),
        };
        Ok(NewAppointment {
            bureau: line.bureau(bureau),
            requester,
            authority: line.cell("autorité", line.text(&["autorite", "authority"]), expected, authority)?,
            requested_on: line.wanted_day(REQUESTED)?,
            official: true,
            details,
            origin,
            fixed,
        })
    })
}

/// Who asks for an appointment: in the tracking sheet *Demandeur* is a name, where it is none of the kinds of requesters.
fn asks(line: Line<'_>) -> Result<(Requester, Details), ImportError> {
    let (usual, mut details) = (Requester::Elected, line.details());
    let named = line.text(&["demandeur"]);
    if details.name.is_empty() && !named.is_empty() && requester(named).is_none() {
        named.clone_into(&mut details.name);
        return Ok((usual, details));
    }
    Ok((line.requester(usual)?, details))
}

/// The values of a past period: each row's first cell, or the one after its number, names the indicator by key or label,
/// and the next one is the value. Rows that name none are given back; a value that is said to be missing is none.
pub fn indicators(
    bytes: &[u8],
    rules: &[LineRule],
    period: Period,
    source: &str,
) -> Result<(Vec<HandValue>, Vec<String>), ImportError> {
    let (mut values, mut unknown, mut lines) = (Vec::new(), Vec::new(), HashMap::new());
    for Row { line, cells } in rows(bytes)? {
        let mut filled: Vec<&String> = cells.iter().filter(|cell| !cell.is_empty()).collect();
        if filled.len() > 2 && filled.first().is_some_and(|number| number.parse::<usize>().is_ok()) {
            filled.remove(0);
        }
        let [name, value, ..] = filled.as_slice() else { continue };
        let Some(rule) = rules.iter().find(|rule| rule.key == **name || fold(&rule.label) == fold(name)) else {
            unknown.push((*name).clone());
            continue;
        };
        if **value == Value::Missing.french() {
            continue;
        }
        if let Some(first) = lines.insert(&rule.key, line) {
            return Err(ImportError::Twice { line, first, name: rule.key.clone() });
        }
        let wrong = || ImportError::Cell {
            line,
            column: "valeur",
            value: (*value).clone(),
            expected: "de la forme que l’indicateur attend",
        };
        let reading = reading(rule.form, value).ok_or_else(wrong)?;
        values.push(HandValue { key: rule.key.clone(), period, reading, source: source.to_owned() });
    }
    if values.is_empty() && unknown.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok((values, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::indicator::annex::usual;

    #[test]
    fn a_label_is_known_whatever_its_apostrophes_and_spaces() {
        let list = "Nombre d’appels  reçus;203015\nTaux d'appels aboutis;70,00 %\nAutre chose;1\n";
        let (values, unknown) = indicators(list.as_bytes(), &usual(), Period::Year(2021), "bilan").expect("readable");
        let keys: Vec<&str> = values.iter().map(|value| value.key.as_str()).collect();
        assert_eq!(keys, ["phone.received", "phone.answered"]);
        assert_eq!(unknown, ["Autre chose"]);
    }

    #[test]
    fn a_spreadsheet_s_csv_is_read_in_either_encoding() {
        let list = "Numéro;Reçu le;Répondu le;Demandeur;Nom;Objet\n12;07/05/2026;;élu;Durand;Voirie\n;2026-05-08;2026-05-11;;=1+1;\n";
        let in_1252 = encoding_rs::WINDOWS_1252.encode(list).0.into_owned();
        let read = letters(&in_1252, "citoyennete").expect("readable");
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].origin.number.as_str(), read[0].requester), ("12", Requester::Elected));
        assert_eq!(read[1].answered_on, NaiveDate::from_ymd_opt(2026, 5, 11));
        assert_eq!(read[1].details.name, "=1+1");
    }

    #[test]
    fn a_wrong_cell_is_named_by_line_and_column() {
        let wrong = letters(b"recu le,nom\n31/02/2026,Durand\n", "citoyennete").expect_err("no such day");
        assert!(matches!(wrong, ImportError::Cell { line: 2, column: "reçu le", .. }), "{wrong}");
    }

    #[test]
    fn a_year_of_two_digits_is_no_day() {
        for text in ["05/05/26", "05/05/0026", "0001-01-01"] {
            let list = format!("recu le,nom\n{text},Durand\n");
            let wrong = letters(list.as_bytes(), "citoyennete").expect_err("no such year");
            assert!(matches!(wrong, ImportError::Cell { line: 2, .. }), "{wrong}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_loses_no_line_in_silence() {
        let list = |lines: &str| letters(format!("recu le;nom;objet\n{lines}").as_bytes(), "citoyennete");
        let (first, rest) = ("2026-05-07;\"Durand;Voirie\n", "2026-05-08;Petit;\"Voirie\"\n2026-05-09;Roux;x\n");
        assert_eq!(list(&format!("{first}{rest}")).expect_err("not closed"), ImportError::Quote(2));
        assert_eq!(list(&format!("{rest}{first}")).expect_err("not closed"), ImportError::Quote(4));
        let whole = list("2026-05-07;\"Durand, dit \"\"le Grand\"\"\";\"deux\nlignes\"\r\n2026-05-08;12\" de haut;\n");
        let read = whole.expect("quoted as it should be");
        assert_eq!(read[0].details.name, "Durand, dit \"le Grand\"");
        assert_eq!(read[0].details.subject, "deux lignes");
        assert_eq!(read[1].details.name, "12\" de haut");
    }

    #[test]
    fn two_lines_that_say_the_same_are_two_letters() {
        let read = letters(b"recu le,nom\n2026-05-07,Durand\n2026-05-07,Durand\n", "citoyennete").expect("readable");
        assert_ne!(read[0].origin, read[1].origin);
    }

    #[test]
    fn a_number_or_an_indicator_given_twice_refuses_the_list() {
        let list = "numéro;reçu le;nom\n12;2026-05-07;Durand\n\n12;2026-05-08;Petit\n";
        let twice = |name: &str, first, line| ImportError::Twice { line, first, name: name.into() };
        assert_eq!(letters(list.as_bytes(), "citoyennete").map(drop), Err(twice("12", 2, 4)));
        let list = "phone.received;90\nNombre d'appels reçus;91\n";
        let read = indicators(list.as_bytes(), &usual(), Period::Year(2021), "bilan");
        assert_eq!(read.map(drop), Err(twice("phone.received", 1, 2)));
    }

    #[test]
    fn a_list_without_lines_or_without_its_column_is_said_to_be_so() {
        for nothing in ["", "\n\n", "reçu le;nom\n", "reçu le;nom\n;\n"] {
            assert_eq!(letters(nothing.as_bytes(), "citoyennete").map(drop), Err(ImportError::Empty), "{nothing:?}");
        }
        let other = letters(b"date;nom\n2026-05-07;Durand\n", "citoyennete");
        assert_eq!(other.map(drop), Err(ImportError::Column("reçu le")));
    }

    #[test]
    fn the_title_and_the_notes_of_a_sheet_are_no_lines() {
        let list = "Registre\n\nReçu le;Nom\n2026-05-07;Durand\n;\nCalculé sur le registre.\nConfiguration.\n";
        assert_eq!(letters(list.as_bytes(), "citoyennete").expect("readable").len(), 1);
        let lost = "Reçu le;Nom\n2026-05-07;Durand\nhier\n";
        let wrong = letters(lost.as_bytes(), "citoyennete").expect_err("no day");
        assert!(matches!(wrong, ImportError::Cell { line: 3, .. }), "{wrong}");
    }

    #[test]
    fn an_appointment_has_the_columns_of_the_tracking_sheet() {
        let list = "Demande;Demandeur;Qualité;Commune;Autorité;Date de demande;Date de fixation;Délai;Date du rendez-vous\n\
                    RDV-2026-000007;Mme Exemple;maire;Ville;préfet;04/05/2026;06/05/2026;2;12/05/2026\n\
                    ;collectivité;;;SG;04/05/2026;;;\n";
        let read = appointments(list.as_bytes(), "cabinet").expect("readable");
        assert_eq!((read[0].details.name.as_str(), read[0].requester), ("Mme Exemple", Requester::Elected));
        assert_eq!(read[0].fixed, NaiveDate::from_ymd_opt(2026, 5, 6).zip(NaiveDate::from_ymd_opt(2026, 5, 12)));
        assert_eq!(read[1].requester, Requester::LocalAuthority);
        let half = "autorité;date de demande;date de fixation\npréfet;04/05/2026;06/05/2026\n";
        let wrong = appointments(half.as_bytes(), "cabinet").expect_err("a day is missing");
        assert!(matches!(wrong, ImportError::Cell { line: 2, column: "date du rendez-vous", .. }), "{wrong}");
    }
}
