//! Lists that people keep in spreadsheets → rows of texts, and what registers take of them.
//!
//! CSV as spreadsheets write it (comma, semicolon or tab; UTF-8 or Windows-1252) and ODS. Every error names its line, and
//! one wrong line refuses the whole list: half an import is worse than none.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use chrono::{Datelike as _, NaiveDate};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use sha2::{Digest as _, Sha256};

use super::register::{FIRST_YEAR, NewAppointment, NewLetter};
use crate::domain::indicator::annex::{Form, LineRule};
use crate::domain::ledger::hex;
use crate::domain::period::Period;
use crate::domain::policy::{Nature, Requester};
use crate::domain::register::{Authority, HandValue, Reading};
use crate::domain::visible;
use crate::store::Details;

/// The largest content that a list may have, unpacked: an archive must not fill the memory.
const MAX_OCTETS: u64 = 64 * 1024 * 1024;
/// The most rows of one list.
const MAX_ROWS: usize = 100_000;
/// The most columns of one row.
const MAX_COLUMNS: usize = 100;
/// How a day is written.
const A_DAY: &str = "une date, année en quatre chiffres (31/12/2026 ou 2026-12-31)";
/// How many digits of a line's digest stand for it in the register.
const ORIGIN_DIGITS: usize = 32;

/// What is wrong with a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is neither CSV nor ODS.
    #[error("le fichier n’est ni un CSV ni un ODS lisible : {0}")]
    Form(String),
    /// It is too large.
    #[error("le fichier dépasse {MAX_ROWS} lignes ou {MAX_OCTETS} octets")]
    TooLarge,
    /// A quote is opened and not closed, or closed in the midst of a cell: what follows would be read as one cell.
    #[error("ligne {0} : un guillemet ouvert n’est pas refermé à la fin de sa cellule")]
    Quote(usize),
    /// A column is missing.
    #[error("la colonne {0:?} manque")]
    Column(&'static str),
    /// A cell is not what its column expects.
    #[error("ligne {line}, colonne {column:?} : {value:?} n’est pas {expected}")]
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
}

/// The rows of a list.
pub fn rows(bytes: &[u8]) -> Result<Vec<Vec<String>>, ImportError> {
    if bytes.starts_with(b"PK\x03\x04") { ods(bytes) } else { csv(bytes) }
}

fn csv(bytes: &[u8]) -> Result<Vec<Vec<String>>, ImportError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
    };
    let first = text.lines().next().unwrap_or_default();
    let often = |separator: char| first.matches(separator).count();
    let delimiter = [';', '\t', ','].into_iter().max_by_key(|separator| (often(*separator), *separator != ','));
    let delimiter = delimiter.unwrap_or(',');
    quoted_wholly(&text, delimiter)?;
    let delimiter = u8::try_from(delimiter).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| ImportError::Form(error.to_string()))?;
        if rows.len() >= MAX_ROWS || record.len() > MAX_COLUMNS {
            return Err(ImportError::TooLarge);
        }
        rows.push(record.iter().map(clean).collect());
    }
    Ok(rows)
}

/// Where a reader of CSV stands.
#[derive(Clone, Copy)]
enum Within {
    /// Before the first character of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// In a quoted cell; opened on this line.
    Quoted(usize),
    /// After a quote in a quoted cell, which closes it unless another follows.
    Closing(usize),
}

/// Refuses a list in which a quoted cell does not end where it should: a lenient reader would swallow whole lines.
fn quoted_wholly(text: &str, delimiter: char) -> Result<(), ImportError> {
    let (mut within, mut line) = (Within::Start, 1);
    for c in text.chars() {
        let ends = c == delimiter || c == '\n' || c == '\r';
        within = match (within, c) {
            (Within::Start, '"') => Within::Quoted(line),
            (Within::Quoted(opened), '"') => Within::Closing(opened),
            (Within::Closing(opened), '"') | (Within::Quoted(opened), _) => Within::Quoted(opened),
            (Within::Start | Within::Bare | Within::Closing(_), _) if ends => Within::Start,
            (Within::Closing(opened), ' ') => Within::Closing(opened),
            (Within::Closing(opened), _) => return Err(ImportError::Quote(opened)),
            (Within::Start | Within::Bare, _) => Within::Bare,
        };
        line += usize::from(c == '\n');
    }
    match within {
        Within::Quoted(opened) => Err(ImportError::Quote(opened)),
        Within::Start | Within::Bare | Within::Closing(_) => Ok(()),
    }
}

/// A cell on one line, without the spaces around it, and without the apostrophe by which our own CSV disarms a formula.
fn clean(cell: &str) -> String {
    let cell = visible::on_one_line(cell);
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest.to_owned(),
        Some(_) | None => cell.to_owned(),
    }
}

/// The rows of the first sheet of an ODS file, each cell as people see it.
fn ods(bytes: &[u8]) -> Result<Vec<Vec<String>>, ImportError> {
    let form = |error: &dyn std::fmt::Display| ImportError::Form(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| form(&error))?;
    let content = archive.by_name("content.xml").map_err(|error| form(&error))?;
    let mut text = String::new();
    content.take(MAX_OCTETS + 1).read_to_string(&mut text).map_err(|error| form(&error))?;
    if text.len() as u64 > MAX_OCTETS {
        return Err(ImportError::TooLarge);
    }
    let mut reader = Reader::from_str(&text);
    let mut sheet = OdsSheet::default();
    loop {
        match reader.read_event().map_err(|error| form(&error))? {
            Event::Start(tag) => sheet.open(&tag)?,
            Event::Empty(tag) => {
                sheet.open(&tag)?;
                sheet.close(tag.local_name().as_ref())?;
            }
            Event::Text(piece) if sheet.in_paragraph => {
                sheet.cell.push_str(&piece.xml10_content());
            }
            Event::GeneralRef(name) if sheet.in_paragraph => sheet.cell.push_str(&entity(&name)),
            Event::End(tag) => {
                if sheet.close(tag.local_name().as_ref())? {
                    return Ok(sheet.rows);
                }
            }
            Event::Eof => return Ok(sheet.rows),
            Event::Text(_)
            | Event::GeneralRef(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

/// What a named or numbered character stands for.
fn entity(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.to_string();
    }
    match name.as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
    .to_owned()
}

/// A spreadsheet's first sheet on its way out of the XML.
#[derive(Default)]
struct OdsSheet {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
    in_paragraph: bool,
    repeated_cell: usize,
    repeated_row: usize,
}

impl OdsSheet {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), ImportError> {
        match tag.local_name().as_ref() {
            "table-row" => {
                self.row.clear();
                self.repeated_row = repeated(tag, "number-rows-repeated")?;
            }
            "table-cell" | "covered-table-cell" => {
                self.cell.clear();
                self.repeated_cell = repeated(tag, "number-columns-repeated")?;
            }
            "p" => {
                if !self.cell.is_empty() {
                    self.cell.push(' ');
                }
                self.in_paragraph = true;
            }
            "s" | "tab" | "line-break" if self.in_paragraph => self.cell.push(' '),
            _ => {}
        }
        Ok(())
    }

    /// Closes an element; whether the first sheet is over.
    fn close(&mut self, name: &str) -> Result<bool, ImportError> {
        match name {
            "p" => self.in_paragraph = false,
            "table-cell" | "covered-table-cell" => {
                let cell = clean(&self.cell);
                // A spreadsheet fills its width with one repeated empty cell.
                let times = if cell.is_empty() { self.repeated_cell.min(MAX_COLUMNS) } else { self.repeated_cell };
                if self.row.len() + times > 2 * MAX_COLUMNS {
                    return Err(ImportError::TooLarge);
                }
                self.row.extend(std::iter::repeat_n(cell, times));
                self.cell.clear();
            }
            "table-row" => {
                while self.row.last().is_some_and(String::is_empty) {
                    self.row.pop();
                }
                let times = if self.row.is_empty() { self.repeated_row.min(1) } else { self.repeated_row };
                if self.rows.len() + times > MAX_ROWS {
                    return Err(ImportError::TooLarge);
                }
                self.rows.extend(std::iter::repeat_n(self.row.clone(), times));
            }
            "table" => return Ok(true),
            _ => {}
        }
        Ok(false)
    }
}

fn repeated(tag: &BytesStart<'_>, name: &str) -> Result<usize, ImportError> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| ImportError::Form(error.to_string()))?;
        if attribute.key.local_name().as_ref() == name {
            return Ok(attribute.value.parse().unwrap_or(1).clamp(1, MAX_ROWS));
        }
    }
    Ok(1)
}

/// A list with a head: columns by their names.
struct List {
    columns: HashMap<String, usize>,
    rows: Vec<Vec<String>>,
}

impl List {
    fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        let mut rows = rows(bytes)?.into_iter();
        let heads = rows.next().unwrap_or_default();
        let columns = heads.iter().enumerate().map(|(at, head)| (fold(head), at)).collect();
        Ok(Self { columns, rows: rows.collect() })
    }

    /// The lines that are not empty, with their numbers.
    fn lines(&self) -> impl Iterator<Item = Row<'_>> {
        let rows = self.rows.iter().enumerate().filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()));
        rows.map(|(at, cells)| Row { list: self, line: at + 2, cells })
    }
}

/// A line of a list.
struct Row<'a> {
    list: &'a List,
    line: usize,
    cells: &'a [String],
}

impl Row<'_> {
    /// The text of a column under any of its names; empty where there is none.
    fn text(&self, names: &[&str]) -> &str {
        let at = names.iter().find_map(|name| self.list.columns.get(*name));
        at.and_then(|at| self.cells.get(*at)).map_or("", String::as_str)
    }

    fn cell<T>(
        &self,
        column: &'static str,
        text: &str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ImportError> {
        let wrong = || ImportError::Cell { line: self.line, column, value: text.to_owned(), expected };
        read(text).ok_or_else(wrong)
    }

    fn day(&self, column: &'static str, names: &[&str]) -> Result<Option<NaiveDate>, ImportError> {
        match self.text(names) {
            "" => Ok(None),
            text => self.cell(column, text, A_DAY, day).map(Some),
        }
    }

    fn wanted_day(&self, column: &'static str, names: &[&str]) -> Result<NaiveDate, ImportError> {
        self.day(column, names)?.ok_or(ImportError::Cell {
            line: self.line,
            column,
            value: String::new(),
            expected: A_DAY,
        })
    }

    fn requester(&self, usual: Requester) -> Result<Requester, ImportError> {
        match self.text(&["demandeur", "requester"]) {
            "" => Ok(usual),
            text => self.cell("demandeur", text, "usager, élu, cadre territorial ou collectivité", requester),
        }
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
    fn origin(&self, occurrences: &mut HashMap<String, usize>) -> String {
        let own = self.text(&["numero", "number"]);
        if !own.is_empty() {
            return own.to_owned();
        }
        let mut digest = hex(&Sha256::digest(self.cells.join("\u{1f}").as_bytes()));
        digest.truncate(ORIGIN_DIGITS);
        // Two lines that say the same are two letters: the second is told from the first by its rank.
        let rank = occurrences.entry(digest.clone()).or_default();
        *rank += 1;
        format!("{digest}-{rank}")
    }
}

/// A head or a label without accents, case or punctuation: `Reçu le` is `recu le`.
fn fold(text: &str) -> String {
    let plain = text.chars().flat_map(char::to_lowercase).map(|c| match c {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        c if c.is_alphanumeric() => c,
        _ => ' ',
    });
    let plain: String = plain.collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A day, its year in four digits.
fn day(text: &str) -> Option<NaiveDate> {
    let day: Option<NaiveDate> = text.parse().ok().or_else(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok());
    day.filter(|day| day.year() >= FIRST_YEAR)
}

fn requester(text: &str) -> Option<Requester> {
    match fold(text).as_str() {
        "usager" | "public" => Some(Requester::Public),
        "elu" | "elected" => Some(Requester::Elected),
        "cadre territorial" | "local official" => Some(Requester::LocalOfficial),
        "collectivite" | "local authority" => Some(Requester::LocalAuthority),
        _ => None,
    }
}

fn nature(text: &str) -> Option<Nature> {
    match fold(text).as_str() {
        "information" | "information generale" | "general info" => Some(Nature::GeneralInfo),
        "conseil" | "advice" => Some(Nature::Advice),
        "reclamation" | "complaint" => Some(Nature::Complaint),
        "suggestion" => Some(Nature::Suggestion),
        _ => None,
    }
}

fn authority(text: &str) -> Option<Authority> {
    match fold(text).as_str() {
        "prefet" | "prefete" | "prefect" => Some(Authority::Prefect),
        "secretaire general" | "sg" | "secretary general" => Some(Authority::SecretaryGeneral),
        "sous prefet" | "sous prefete" | "sp" | "sub prefect" => Some(Authority::SubPrefect),
        "directeur" | "directrice" | "director" => Some(Authority::Director),
        _ => None,
    }
}

/// The letters of a list; `bureau` answers where a line names none.
pub fn letters(bytes: &[u8], bureau: &str) -> Result<Vec<NewLetter>, ImportError> {
    let list = List::read(bytes)?;
    let mut occurrences = HashMap::new();
    let letter = |row: Row<'_>| {
        let nature = match row.text(&["nature"]) {
            "" => Nature::GeneralInfo,
            text => row.cell("nature", text, "information, conseil, réclamation ou suggestion", nature)?,
        };
        Ok(NewLetter {
            bureau: own_or(row.text(&["bureau"]), bureau),
            requester: row.requester(Requester::Public)?,
            nature,
            received_on: row.wanted_day("reçu le", &["recu le", "received on"])?,
            official: true,
            details: row.details(),
            origin: row.origin(&mut occurrences),
            answered_on: row.day("répondu le", &["repondu le", "answered on"])?,
        })
    };
    list.lines().map(letter).collect()
}

/// The appointments of a list; `bureau` fixes them where a line names none.
pub fn appointments(bytes: &[u8], bureau: &str) -> Result<Vec<NewAppointment>, ImportError> {
    let list = List::read(bytes)?;
    let mut occurrences = HashMap::new();
    let appointment = |row: Row<'_>| {
        let fixed_on = row.day("date de fixation", &["date de fixation", "fixed on"])?;
        let held_on = row.day("date du rendez-vous", &["date du rendez vous", "held on"])?;
        Ok(NewAppointment {
            bureau: own_or(row.text(&["bureau"]), bureau),
            requester: row.requester(Requester::Elected)?,
            authority: row.cell(
                "autorité",
                row.text(&["autorite", "authority"]),
                "préfet, secrétaire général, sous-préfet ou directeur",
                authority,
            )?,
            requested_on: row.wanted_day("date de demande", &["date de demande", "requested on"])?,
            official: true,
            details: row.details(),
            origin: row.origin(&mut occurrences),
            fixed: fixed_on.zip(held_on),
        })
    };
    list.lines().map(appointment).collect()
}

fn own_or(own: &str, usual: &str) -> String {
    if own.is_empty() { usual.to_owned() } else { own.to_owned() }
}

/// The values of a past period: each row's first cell names the indicator, by key or label, and its second the value.
/// Rows that name none are given back.
pub fn indicators(
    bytes: &[u8],
    rules: &[LineRule],
    period: Period,
    source: &str,
) -> Result<(Vec<HandValue>, Vec<String>), ImportError> {
    let (mut values, mut unknown) = (Vec::new(), Vec::new());
    for (at, row) in rows(bytes)?.iter().enumerate() {
        let mut filled = row.iter().filter(|cell| !cell.is_empty());
        let (Some(name), Some(value)) = (filled.next(), filled.next()) else { continue };
        let Some(rule) = rules.iter().find(|rule| rule.key == *name || fold(&rule.label) == fold(name)) else {
            unknown.push(name.clone());
            continue;
        };
        let reading = reading(rule.form, value).ok_or_else(|| ImportError::Cell {
            line: at + 1,
            column: "valeur",
            value: value.clone(),
            expected: "de la forme que l’indicateur attend",
        })?;
        values.push(HandValue { key: rule.key.clone(), period, reading, source: source.to_owned() });
    }
    Ok((values, unknown))
}

/// A value as people write it, in the form that a line expects.
#[must_use]
pub fn reading(form: Form, text: &str) -> Option<Reading> {
    let text = text.trim();
    if text == "/" || fold(text) == "sans objet" {
        return Some(Reading::NotApplicable);
    }
    match form {
        Form::Count | Form::Mean => integer(text).map(Reading::Integer),
        Form::Share => match text.split_once('/') {
            Some((numerator, denominator)) => {
                Some(Reading::Ratio { numerator: integer(numerator)?, denominator: integer(denominator)? })
            }
            None => percent(text).map(Reading::Percent),
        },
        Form::Duration => minutes(text).map(Reading::Duration).or_else(|| Some(Reading::Text(text.to_owned()))),
        Form::Text => Some(Reading::Text(text.to_owned())),
    }
}

fn integer(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// `96,00 %`, `96.5`, `100%` in hundredths of a percent.
#[must_use]
pub fn percent(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '%').collect();
    let (whole, rest) = text.split_once([',', '.']).unwrap_or((&text, ""));
    if rest.len() > 2 {
        return None;
    }
    let rest = format!("{rest:0<2}");
    Some(integer(whole)?.checked_mul(100)?.checked_add(integer(&rest)?)?).filter(|_| !whole.is_empty())
}

/// `45 min`, `1 h 30`, `2 h` in minutes.
#[must_use]
pub fn minutes(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let number = |digits: &str| if digits.is_empty() { None } else { integer(digits) };
    if let Some((hours, rest)) = text.split_once('h') {
        let rest = rest.trim_end_matches("min").trim_end_matches("mn");
        let rest = if rest.is_empty() { 0 } else { number(rest)? };
        return number(hours)?.checked_mul(60)?.checked_add(rest);
    }
    number(text.strip_suffix("min").or_else(|| text.strip_suffix("mn"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::indicator::annex::usual;

    #[test]
    fn values_are_read_as_people_write_them() {
        for (form, text, expected) in [
            (Form::Count, "24 758", Some(Reading::Integer(24_758))),
            (Form::Count, "24\u{202f}758", Some(Reading::Integer(24_758))),
            (Form::Count, "-3", None),
            (Form::Share, "96,00 %", Some(Reading::Percent(9600))),
            (Form::Share, "100%", Some(Reading::Percent(10_000))),
            (Form::Share, "9/10", Some(Reading::Ratio { numerator: 9, denominator: 10 })),
            (Form::Share, "/", Some(Reading::NotApplicable)),
            (Form::Share, "beaucoup", None),
            (Form::Share, "%", None),
            (Form::Duration, "1 h 30", Some(Reading::Duration(90))),
            (Form::Duration, "45 min", Some(Reading::Duration(45))),
            (Form::Duration, "moins d'une heure", Some(Reading::Text("moins d'une heure".into()))),
        ] {
            assert_eq!(reading(form, text), expected, "{text}");
        }
    }

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
        assert_eq!((read[0].origin.as_str(), read[0].requester), ("12", Requester::Elected));
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
}
