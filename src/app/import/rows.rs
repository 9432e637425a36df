//! CSV as spreadsheets write it (comma, semicolon or tab; UTF-8 or Windows-1252) and ODS → rows of texts.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::ImportError;
use crate::domain::visible;

/// The largest content that a list may have, unpacked: an archive must not fill the memory.
pub(super) const MAX_OCTETS: u64 = 64 * 1024 * 1024;
/// The most rows of one list.
pub(super) const MAX_ROWS: usize = 100_000;
/// The most columns of one row.
const MAX_COLUMNS: usize = 100;

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it begins: the line of a CSV file, the row of a sheet; from 1.
    pub line: usize,
    /// Its cells, each on one line.
    pub cells: Vec<String>,
}

impl Row {
    /// How many of its cells say something.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_empty()).count()
    }
}

/// The rows of a list, empty ones among them where the form has them.
pub fn rows(bytes: &[u8]) -> Result<Vec<Row>, ImportError> {
    if bytes.starts_with(b"PK\x03\x04") { ods(bytes) } else { csv(bytes) }
}

fn csv(bytes: &[u8]) -> Result<Vec<Row>, ImportError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
    };
    // A title stands alone: the first line with any separator is the head.
    let head = text.lines().find(|line| line.contains([';', '\t', ','])).unwrap_or_default();
    let often = |separator: char| head.matches(separator).count();
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
        let line = record.position().map_or(0, |position| line_of(&text, position));
        rows.push(Row { line, cells: record.iter().map(clean).collect() });
    }
    Ok(rows)
}

/// The line on which a record begins: its position is that before the empty lines that were skipped.
fn line_of(text: &str, position: &csv::Position) -> usize {
    let number = |number: u64| usize::try_from(number).unwrap_or_default();
    let rest = text.get(number(position.byte())..).unwrap_or_default();
    let skipped = rest.chars().take_while(|c| matches!(c, '\r' | '\n')).filter(|c| *c == '\n').count();
    number(position.line()) + skipped
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
fn ods(bytes: &[u8]) -> Result<Vec<Row>, ImportError> {
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
    rows: Vec<Row>,
    row: Vec<String>,
    cell: String,
    in_paragraph: bool,
    repeated_cell: usize,
    repeated_row: usize,
    /// How many rows of the sheet came before.
    before: usize,
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
                let lines = self.before + 1..=self.before + times;
                self.rows.extend(lines.map(|line| Row { line, cells: self.row.clone() }));
                self.before += self.repeated_row;
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
