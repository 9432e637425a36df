//! `indicators.toml` and `[report]`: the lines of the indicators' table, and who is sent the quarter's report.

use std::collections::HashSet;

use serde::Deserialize;

use super::check::addresses;
use super::file::Source;
use super::locate::Step::{Index, Key};
use super::rules::hundredths;
use super::{Error, read};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::indicator::annex::{Form, LineRule, is_reckoned, usual};
use crate::domain::office::ReportRule;
use crate::domain::schedule::Schedule;

/// The most lines that one table may have.
const MAX_LINES: usize = 200;

/// `indicators.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndicatorsFile {
    /// The lines, in their order.
    lines: Vec<LineFile>,
}

/// `[[lines]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    /// Its key: one that vigie reckons by itself, or any other for a value entered by hand.
    key: String,
    /// What people read.
    label: String,
    /// `count`, `mean`, `share`, `duration` or `text`.
    form: String,
    /// The share aimed at, in percent.
    target: Option<f64>,
}

/// `[report]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// When the report of the last whole quarter leaves: five fields of crontab, in civil time.
    #[serde(default = "quarterly")]
    pub schedule: String,
    /// To whom; to the quality officers of all bureaux by default.
    #[serde(default)]
    pub recipients: Vec<String>,
}

fn quarterly() -> String {
    "0 8 5 1,4,7,10 *".into()
}

/// The lines of the table; the usual ones where no file is named. The file's text goes into the configuration's digest.
pub(super) fn indicators(source: &Source) -> Result<(Vec<LineRule>, String), Error> {
    let Some(path) = &source.file.indicators else { return Ok((usual(), String::new())) };
    let path = source.resolve(path);
    let file: Source<IndicatorsFile> = Source::parse(&path, read(&path)?)?;
    let mut keys = HashSet::new();
    let mut rules = Vec::new();
    if file.file.lines.is_empty() || file.file.lines.len() > MAX_LINES {
        return Err(file.error(&[Key("lines")], format!("between 1 and {MAX_LINES} lines are expected")));
    }
    for (index, line) in file.file.lines.iter().enumerate() {
        let error = |key: &'static str, what: String| file.error(&[Key("lines"), Index(index), Key(key)], what);
        if !keys.insert(line.key.as_str()) {
            return Err(error("key", format!("the key {:?} is given twice", line.key)));
        }
        rules.push(rule(line, error)?);
    }
    Ok((rules, file.text))
}

fn rule(line: &LineFile, error: impl Fn(&'static str, String) -> Error) -> Result<LineRule, Error> {
    let unknown = || error("form", format!("{:?} is none of count, mean, share, duration, text", line.form));
    let form = Form::from_name(&line.form).ok_or_else(unknown)?;
    if line.key.is_empty() || line.key.contains(char::is_whitespace) {
        return Err(error("key", "a key without spaces is expected, such as \"phone.received\"".into()));
    }
    let known = usual().into_iter().find(|known| known.key == line.key);
    if let Some(known) = known.filter(|known| is_reckoned(&line.key) && known.form != form) {
        return Err(error("form", format!("vigie reckons {:?} by itself, as a {}", line.key, known.form.name())));
    }
    if line.target.is_some_and(|target| !(0.0..=100.0).contains(&target)) {
        return Err(error("target", "a percentage between 0 and 100 is expected".into()));
    }
    Ok(LineRule { key: line.key.clone(), label: line.label.clone(), form, target: line.target.map(hundredths) })
}

/// When the report leaves, and to whom; `None` where there is no `[report]`.
pub(super) fn report(source: &Source, bureaux: &[Bureau]) -> Result<Option<ReportRule>, Error> {
    let Some(file) = &source.file.report else { return Ok(None) };
    let steps = |key| [Key("report"), Key(key)];
    let schedule =
        Schedule::parse(&file.schedule).map_err(|error| source.error(&steps("schedule"), error.to_string()))?;
    let mut recipients: Vec<Address> = addresses(source, &steps("recipients"), &file.recipients)?;
    if recipients.is_empty() {
        for officer in bureaux.iter().flat_map(|bureau| &bureau.officers) {
            if !recipients.contains(officer) {
                recipients.push(officer.clone());
            }
        }
    }
    if recipients.is_empty() {
        return Err(source.error(&steps("recipients"), "nobody would receive it: name quality officers or recipients"));
    }
    Ok(Some(ReportRule { schedule, recipients }))
}
