//! An iCalendar file (RFC 5545) → the closures that it holds, each checked before anything is written.
//!
//! Only whole days are taken: an appointment is no closure. What repeats (RRULE, RDATE) is refused rather than guessed:
//! each closure is a decision of its own, with its own dates.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use icalendar::parser::{Calendar, Component, read_calendar, unfold};

use super::file::{ClosuresFile, Source};
use super::{Error, read};
use crate::domain::calendar::Closure;

/// What ends a calendar.
const END: &str = "END:VCALENDAR";
/// The most events of one file.
const MAX_EVENTS: usize = 1_000;
/// The longest closure, in days: a year.
const MAX_DAYS: i64 = 366;
/// The longest label that is kept, in characters.
const MAX_LABEL: usize = 120;

/// Why a file of closures is not taken.
#[derive(Debug, thiserror::Error)]
pub enum IcsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] Error),
    /// It is no iCalendar file.
    #[error("{}: is no iCalendar file (RFC 5545): {what}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What the parser said.
        what: String,
    },
    /// One of its events is no closure.
    #[error("{}: the event {event:?} {what}", path.display())]
    Event {
        /// Which file.
        path: PathBuf,
        /// The event's summary.
        event: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The list of closures cannot be written.
    #[error("{}: cannot be written: {cause}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// Reads the closures of a file; `label` replaces what each event is called.
pub fn closures(path: &Path, label: Option<&str>, suspends: bool) -> Result<Vec<Closure>, IcsError> {
    parse(path, &read(path)?, label, suspends)
}

fn parse(path: &Path, text: &str, label: Option<&str>, suspends: bool) -> Result<Vec<Closure>, IcsError> {
    let form = |what: &str| IcsError::Form { path: path.to_owned(), what: what.to_owned() };
    let text = unfold(text.trim_start_matches('\u{feff}'));
    // A file may hold several calendars, one after the other (RFC 5545 §3.4); the parser reads one.
    let calendars = text.split_inclusive(END).map(str::trim_start).filter(|calendar| !calendar.is_empty());
    let calendars: Vec<Calendar<'_>> =
        calendars.map(read_calendar).collect::<Result<_, _>>().map_err(|what| form(&first_words(&what)))?;
    let components = calendars.iter().flat_map(|calendar| &calendar.components);
    let events: Vec<&Component<'_>> = components.filter(|component| component.name == "VEVENT").collect();
    if events.is_empty() {
        return Err(form("it holds no event"));
    }
    if events.len() > MAX_EVENTS {
        return Err(form(&format!("it holds {} events, at most {MAX_EVENTS} are expected", events.len())));
    }
    let mut closures = Vec::new();
    for event in events.into_iter().filter(|event| value(event, "STATUS") != Some("CANCELLED")) {
        let summary = value(event, "SUMMARY").map(|text| label_of(&unescaped(text))).unwrap_or_default();
        let wrong = |what: String| IcsError::Event { path: path.to_owned(), event: summary.clone(), what };
        let (from, to) = days(event).map_err(wrong)?;
        let label = label.map_or_else(|| summary.clone(), label_of);
        if label.trim().is_empty() {
            return Err(wrong(format!("of {from} has no name: give --label")));
        }
        closures.push(Closure { from, to, label, suspends });
    }
    closures.sort();
    closures.dedup();
    Ok(closures)
}

/// A name of one line that people can read.
fn label_of(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect()
}

/// The parser draws a picture of what it could not read; its first line says what and where.
fn first_words(what: &str) -> String {
    let first = what.trim_start_matches("error: ").lines().next().unwrap_or_default();
    label_of(first.trim_end_matches(':'))
}

/// The first and the last day of an event that lasts whole days.
fn days(event: &Component<'_>) -> Result<(NaiveDate, NaiveDate), String> {
    for repeats in ["RRULE", "RDATE", "EXDATE"] {
        if value(event, repeats).is_some() {
            return Err(format!(
                "repeats ({repeats}), and a closure is decided once: write each occurrence as an event of its own"
            ));
        }
    }
    let start = value(event, "DTSTART").ok_or("has no beginning (DTSTART)")?;
    let whole_day = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    let from = whole_day(start)
        .ok_or_else(|| format!("begins at {start}: a closure takes whole days, written DTSTART;VALUE=DATE:20260515"))?;
    let to = match (value(event, "DTEND"), value(event, "DURATION")) {
        // RFC 5545 §3.6.1: the end is exclusive, and an event with a beginning only lasts one day.
        (Some(end), _) => {
            // Some calendars write the day of the beginning as the end; none means a day before it.
            whole_day(end).filter(|end| *end >= from).and_then(|end| end.pred_opt()).map(|last| last.max(from))
        }
        (None, Some(duration)) => duration
            .strip_prefix('P')
            .and_then(|rest| rest.strip_suffix('D'))
            .and_then(|days| days.parse().ok())
            .and_then(|days: i64| from.checked_add_signed(chrono::TimeDelta::try_days(days - 1)?)),
        (None, None) => Some(from),
    };
    let to = to.filter(|to| *to >= from).ok_or("has an end that is no whole day after its beginning")?;
    if (to - from).num_days() >= MAX_DAYS {
        return Err(format!("lasts from {from} to {to}: a closure of more than a year is none"));
    }
    Ok((from, to))
}

fn value<'e>(event: &'e Component<'_>, name: &str) -> Option<&'e str> {
    event.find_prop(name).map(|property| property.val.as_str())
}

/// RFC 5545 §3.3.11.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n' | 'N') => plain.push(' '),
                Some(other) => plain.push(other),
                None => {}
            },
            c => plain.push(c),
        }
    }
    plain.trim().to_owned()
}

/// Adds closures to the file that the configuration names; it is replaced in one step, or left as it was.
pub fn append(path: &Path, closures: &[Closure], bureaux: &[String]) -> Result<(), IcsError> {
    let mut text = read(path)?.trim_end().to_owned();
    for closure in closures {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let bureaux: Vec<String> = bureaux.iter().map(|key| quoted(key)).collect();
        text.push_str(&format!(
            "\n\n[[closures]]\nfrom = \"{}\"\nto = \"{}\"\nlabel = {}\nsuspends = {}\n",
            closure.from,
            closure.to,
            quoted(&closure.label),
            closure.suspends
        ));
        if !bureaux.is_empty() {
            text.push_str(&format!("bureaux = [{}]\n", bureaux.join(", ")));
        }
    }
    Source::<ClosuresFile>::parse(path, text.clone())?;
    let failed = |cause| IcsError::Write { path: path.to_owned(), cause };
    let beside = path.with_extension("toml.new");
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &str) -> Result<Vec<Closure>, String> {
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//FR\r\n{events}END:VCALENDAR\r\n");
        parse(Path::new("ponts.ics"), &text, None, true).map_err(|error| error.to_string())
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VEVENT\r\nUID:1@x\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:VEVENT\r\n")
    }

    fn spans(events: &str) -> Vec<(String, String, String)> {
        let closures = read(events).expect("closures");
        closures.into_iter().map(|c| (c.from.to_string(), c.to.to_string(), c.label)).collect()
    }

    fn owned(from: &str, to: &str, label: &str) -> (String, String, String) {
        (from.to_owned(), to.to_owned(), label.to_owned())
    }

    #[test]
    fn reads_whole_days_and_knows_that_the_end_is_exclusive() {
        let one = event("SUMMARY:Pont de l’Ascension\r\nDTSTART;VALUE=DATE:20260515\r\nDTEND;VALUE=DATE:20260516\r\n");
        let alone = event("SUMMARY:Fermeture\\, archives\r\nDTSTART;VALUE=DATE:20260803\r\n");
        let week = event("SUMMARY:Travaux\r\nDTSTART;VALUE=DATE:20260810\r\nDURATION:P5D\r\n");
        let gone = event("SUMMARY:Annulé\r\nSTATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20260901\r\n");
        assert_eq!(
            spans(&[one, alone, week, gone].concat()),
            [
                owned("2026-05-15", "2026-05-15", "Pont de l’Ascension"),
                owned("2026-08-03", "2026-08-03", "Fermeture, archives"),
                owned("2026-08-10", "2026-08-14", "Travaux"),
            ]
        );
    }

    #[test]
    fn unfolds_long_lines() {
        let long = event("SUMMARY:Fermeture exception\r\n nelle\r\nDTSTART;VALUE=DATE:20260515\r\n");
        assert_eq!(spans(&long), [owned("2026-05-15", "2026-05-15", "Fermeture exceptionnelle")]);
    }

    #[test]
    fn says_why_an_event_is_no_closure() {
        for (lines, said) in [
            ("SUMMARY:Lundis\r\nDTSTART;VALUE=DATE:20260504\r\nRRULE:FREQ=WEEKLY\r\n", "\"Lundis\" repeats (RRULE)"),
            ("SUMMARY:Réunion\r\nDTSTART:20260504T140000Z\r\n", "\"Réunion\" begins at 20260504T140000Z"),
            ("SUMMARY:Rien\r\n", "has no beginning"),
            ("DTSTART;VALUE=DATE:20260504\r\n", "has no name: give --label"),
            ("SUMMARY:Long\r\nDTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20290504\r\n", "more than a year"),
            ("SUMMARY:Fin\r\nDTSTART;VALUE=DATE:20260504\r\nDTEND:20260504T180000Z\r\n", "no whole day"),
            ("SUMMARY:À l’envers\r\nDTSTART;VALUE=DATE:20260504\r\nDTEND;VALUE=DATE:20260503\r\n", "no whole day"),
        ] {
            let error = read(&event(lines)).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        assert!(read("").expect_err("nothing").contains("holds no event"));
        let error = parse(Path::new("x.ics"), "<html>", None, true).expect_err("no calendar").to_string();
        assert!(error.starts_with("x.ics: is no iCalendar file"), "{error}");
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("closures.toml");
        let closures = read(&event("SUMMARY:Pont \"long\"\r\nDTSTART;VALUE=DATE:20260515\r\n")).expect("closures");
        assert!(append(&path, &closures, &[]).is_err(), "a file that is not there is not made: its name is mistyped");
        std::fs::write(&path, "# Les fermetures\n").expect("written");
        append(&path, &closures, &[]).expect("written");
        append(&path, &closures, &["etrangers".to_owned()]).expect("written");
        let source: Source<ClosuresFile> = Source::parse(&path, super::read(&path).expect("read")).expect("parsed");
        let found: Vec<_> = source.file.closures.iter().map(|c| (c.label.as_str(), c.bureaux.len())).collect();
        assert_eq!(found, [("Pont \"long\"", 0), ("Pont \"long\"", 1)]);
    }
}
