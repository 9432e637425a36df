//! `[calendar]`, the file of closures and `[[bureaux]]` → when each bureau works, and how it is warned.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{NaiveTime, Weekday, WeekdaySet};
use chrono_tz::Tz;

use super::check::{addresses, date};
use super::file::{BureauFile, ClosureFile, ClosuresFile, Source};
use super::locate::Step::{self, Index, Key};
use super::{Error, read};
use crate::domain::alert::Bureau;
use crate::domain::calendar::{Calendar, Closure};
use crate::domain::holidays::HolidayRules;
use crate::domain::opening::OpeningHours;
use crate::domain::schedule::Schedule;
use crate::domain::territory::Territory;

/// The most closures that a configuration may list: one for every day of ten years.
const MAX_CLOSURES: usize = 3_660;
/// The most working days between two reminders: a year.
const MAX_REMIND_EVERY: u16 = 250;

/// The days of the week as the file writes them.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// When the prefecture works.
pub(super) struct Time {
    pub territory: Territory,
    pub zone: Tz,
    /// The calendar of each bureau, by its key.
    pub calendars: HashMap<String, Calendar>,
    /// The file into which closures are imported.
    pub closures_file: Option<PathBuf>,
    /// The text of that file.
    pub closures_text: String,
}

/// A closure, and the bureaux that it closes; all where none is named.
struct Scoped {
    closure: Closure,
    bureaux: Vec<String>,
}

pub(super) fn time(source: &Source) -> Result<Time, Error> {
    let prefecture = &source.file.prefecture;
    let steps = [Key("prefecture"), Key("territory")];
    let territory = Territory::from_name(&prefecture.territory).ok_or_else(|| {
        let known = Territory::ALL.map(Territory::name).join(", ");
        source.error(&steps, format!("{:?} is no territory; there are {known}", prefecture.territory))
    })?;
    let zone = match &prefecture.zone {
        None => territory.zone(),
        Some(name) => name.parse().map_err(|_| {
            source.error(&[Key("prefecture"), Key("zone")], format!("{name:?} is no zone such as \"Europe/Paris\""))
        })?,
    };
    let mut rules = HolidayRules::default();
    if let Some(good_friday) = source.file.calendar.good_friday_in_alsace_moselle {
        rules.good_friday_in_alsace_moselle = good_friday;
    }
    let mut closures = closures(source, &[Key("calendar"), Key("closures")], &source.file.calendar.closures)?;
    let closures_file = source.file.calendar.closures_file.as_ref().map(|path| source.resolve(path));
    let mut closures_text = String::new();
    if let Some(path) = &closures_file {
        if !path.exists() {
            // A name that is mistyped would lose every closure, and with it days of every limit.
            let what =
                format!("{} does not exist; create it, empty, for « vigie calendar import » to fill", path.display());
            return Err(source.error(&[Key("calendar"), Key("closures_file")], what));
        }
        let (more, text) = closures_of_file(path)?;
        closures.extend(more);
        closures_text = text;
    }
    let known = |key: &String| source.file.bureaux.iter().any(|bureau| bureau.key == *key);
    if let Some(unknown) = closures.iter().flat_map(|scoped| &scoped.bureaux).find(|key| !known(key)) {
        let what = format!("a closure names the bureau {unknown:?}, and no [[bureaux]] has that key");
        return Err(source.error(&[Key("calendar")], what));
    }
    let mut calendars = HashMap::new();
    for (index, bureau) in source.file.bureaux.iter().enumerate() {
        let days = opening_days(source, index, bureau)?;
        let closes = |scoped: &&Scoped| scoped.bureaux.is_empty() || scoped.bureaux.contains(&bureau.key);
        let closures = closures.iter().filter(closes).map(|scoped| scoped.closure.clone()).collect();
        calendars.insert(bureau.key.clone(), Calendar::new(territory, zone, rules, closures, days));
    }
    Ok(Time { territory, zone, calendars, closures_file, closures_text })
}

/// The closures of the file that `vigie calendar import` writes, and its text.
fn closures_of_file(path: &Path) -> Result<(Vec<Scoped>, String), Error> {
    let source: Source<ClosuresFile> = Source::parse(path, read(path)?)?;
    Ok((closures(&source, &[Key("closures")], &source.file.closures)?, source.text))
}

fn closures<T>(source: &Source<T>, at: &[Step<'_>], files: &[ClosureFile]) -> Result<Vec<Scoped>, Error> {
    if files.len() > MAX_CLOSURES {
        return Err(source.error(at, format!("at most {MAX_CLOSURES} closures are expected")));
    }
    let mut closures = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let steps = |key| [at, &[Index(index), Key(key)]].concat();
        let from = date(source, &steps("from"), &file.from)?;
        let to = file.to.as_ref().map_or(Ok(from), |to| date(source, &steps("to"), to))?;
        if to < from {
            return Err(source.error(&steps("to"), format!("{to} comes before {from}")));
        }
        let closure = Closure { from, to, label: file.label.clone(), suspends: file.suspends };
        closures.push(Scoped { closure, bureaux: file.bureaux.clone() });
    }
    Ok(closures)
}

fn opening_days(source: &Source, index: usize, file: &BureauFile) -> Result<WeekdaySet, Error> {
    let steps = [Key("bureaux"), Index(index), Key("opening_days")];
    let mut days = WeekdaySet::EMPTY;
    for text in &file.opening_days {
        let found = WEEKDAYS.iter().find(|(name, _)| name == text);
        let (_, day) = found.ok_or_else(|| {
            let known: Vec<&str> = WEEKDAYS.iter().map(|(name, _)| *name).collect();
            source.error(&steps, format!("{text:?} is none of {}", known.join(", ")))
        })?;
        days.insert(*day);
    }
    if days.is_empty() {
        return Err(source.error(&steps, "at least one day is expected: nothing would ever fall due"));
    }
    Ok(days)
}

pub(super) fn bureaux(source: &Source) -> Result<Vec<Bureau>, Error> {
    let mut bureaux: Vec<Bureau> = Vec::new();
    for (index, file) in source.file.bureaux.iter().enumerate() {
        if bureaux.iter().any(|bureau| bureau.key == file.key) {
            let steps = [Key("bureaux"), Index(index), Key("key")];
            return Err(source.error(&steps, format!("the key {:?} is given twice", file.key)));
        }
        bureaux.push(bureau(source, index, file)?);
    }
    Ok(bureaux)
}

fn bureau(source: &Source, index: usize, file: &BureauFile) -> Result<Bureau, Error> {
    let steps = |key| [Key("bureaux"), Index(index), Key(key)];
    if file.agents.is_empty() {
        return Err(source.error(&steps("agents"), "at least one agent is expected: alerts must reach someone"));
    }
    if file.remind_every > MAX_REMIND_EVERY {
        return Err(
            source.error(&steps("remind_every"), format!("at most {MAX_REMIND_EVERY} working days are expected"))
        );
    }
    let hours = slots(&file.hours).and_then(|slots| OpeningHours::new(slots).map_err(|error| error.to_string()));
    Ok(Bureau {
        key: file.key.clone(),
        label: file.label.clone(),
        agents: addresses(source, &steps("agents"), &file.agents)?,
        heads: addresses(source, &steps("heads"), &file.heads)?,
        heads_from: i64::from(file.heads_from),
        officers: addresses(source, &steps("quality_officers"), &file.quality_officers)?,
        officers_from: i64::from(file.quality_officers_from),
        thresholds: file.thresholds.iter().map(|level| i64::from(*level)).collect(),
        remind_every: file.remind_every,
        hours: hours.map_err(|what| source.error(&steps("hours"), what))?,
        digest: Schedule::parse(&file.digest).map_err(|error| source.error(&steps("digest"), error.to_string()))?,
        digest_ics: file.digest_ics,
        clearance_mail: file.clearance_mail,
    })
}

fn slots(texts: &[String]) -> Result<Vec<(NaiveTime, NaiveTime)>, String> {
    let slot = |text: &String| {
        let (from, to) = text.split_once('-')?;
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        Some((time(from)?, time(to)?))
    };
    let wrong = |text: &String| format!("{text:?} is not of the form \"09:00-12:00\"");
    texts.iter().map(|text| slot(text).ok_or_else(|| wrong(text))).collect()
}
