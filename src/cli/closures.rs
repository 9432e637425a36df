//! `vigie calendar import FILE.ics`: closures, checked and shown, and written only when told.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::NaiveDate;
use serde::Serialize;

use super::output::{self, Format};
use super::{Answer, Failure, names, offline};
use crate::clock;
use crate::config::{Settings, ics};
use crate::domain::calendar::{Calendar, Closure, Day};
use crate::domain::french::{counted, french_date};
use crate::report::table::Table;

#[derive(Debug, clap::Args)]
pub struct Import {
    /// The iCalendar file (.ics); whole days only, nothing that repeats
    file: PathBuf,
    /// What people read, instead of what each event is called
    #[arg(long)]
    label: Option<String>,
    /// Their days are not counted as working days; without it they are, and the closures are only told of
    #[arg(long)]
    suspends: bool,
    /// The bureau that is closed, by key; all without it
    #[arg(long = "bureau")]
    bureaux: Vec<String>,
    /// Write them into the file that the configuration names
    #[arg(long)]
    apply: bool,
    /// The form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A closure of the file, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct View {
    from: String,
    to: String,
    label: String,
    suspends: bool,
    /// Whether the configuration has it already.
    known: bool,
    /// Days of it that count as working days today.
    working_days: usize,
    /// What somebody should look at.
    remarks: Vec<String>,
}

/// Checks a file of closures, and adds them where told.
pub fn import(config: &Path, arguments: &Import) -> Answer {
    let settings = offline(config)?;
    let calendar = calendar(&settings, &arguments.bureaux)?;
    let closures = ics::closures(&arguments.file, arguments.label.as_deref(), arguments.suspends)
        .map_err(|error| Failure::Failed(error.into()))?;
    let today = calendar.civil(clock::now());
    let mut views: Vec<View> = closures.iter().map(|closure| view(calendar, closure, today)).collect();
    for (view, closure) in views.iter_mut().zip(&closures) {
        view.known = is_known(&settings, &arguments.bureaux, closure);
    }
    output::listing(arguments.format, &views, || table(&closures, &views))?;
    let new: Vec<Closure> =
        closures.into_iter().zip(&views).filter(|(_, view)| !view.known).map(|(closure, _)| closure).collect();
    let said = if views.is_empty() {
        "Rien à ajouter\u{a0}: tous les événements de ce fichier sont annulés (STATUS:CANCELLED).\n".to_owned()
    } else if new.is_empty() {
        "Rien à ajouter\u{a0}: ces fermetures sont déjà dans la configuration.\n".to_owned()
    } else if arguments.apply {
        let path = settings.closures_file.as_deref().ok_or_else(|| {
            Failure::Usage(anyhow::anyhow!("the configuration names no file: add closures_file to [calendar]"))
        })?;
        ics::append(path, &new, &arguments.bureaux).map_err(|error| Failure::Failed(error.into()))?;
        // What was written must load: nobody should learn it at the next start.
        Settings::load(config, crate::config::Secrets::Skip)?;
        format!(
            "{} à {}. À prendre en compte par «\u{a0}systemctl reload vigie\u{a0}»\u{a0}: les échéances des demandes \
             ouvertes suivront.\n",
            counted(new.len(), "fermeture ajoutée", "fermetures ajoutées"),
            path.display()
        )
    } else {
        let days: usize = views.iter().filter(|view| !view.known && view.suspends).map(|view| view.working_days).sum();
        let new = counted(new.len(), "fermeture", "fermetures");
        let days = counted(days, "jour ouvré", "jours ouvrés");
        format!("{new} à ajouter, {days} de moins\u{202f}; rien n’est écrit sans --apply.\n")
    };
    if arguments.format == Format::Table {
        output::print(&said)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether every bureau that a closure closes has it already; all where none is named.
fn is_known(settings: &Settings, bureaux: &[String], closure: &Closure) -> bool {
    let same = |known: &Closure| (known.from, known.to, known.suspends) == (closure.from, closure.to, closure.suspends);
    let closed = settings.office.calendars.iter().filter(|(key, _)| bureaux.is_empty() || bureaux.contains(key));
    closed.map(|(_, calendar)| calendar).all(|calendar| calendar.closures().iter().any(same))
}

/// The calendar of the closed bureau, or the first one.
fn calendar<'a>(settings: &'a Settings, bureaux: &[String]) -> Result<&'a Calendar, Failure> {
    let office = &settings.office;
    for key in bureaux {
        names::bureau(office, key)?;
    }
    let of_bureau = bureaux.first().and_then(|key| office.desk_of_bureau(key)).map(|desk| desk.calendar);
    let first = || office.mailboxes.first().and_then(|mailbox| office.calendars.get(&mailbox.bureau));
    of_bureau.or_else(first).ok_or_else(|| Failure::Usage(anyhow::anyhow!("the configuration has no mailbox")))
}

fn view(calendar: &Calendar, closure: &Closure, today: NaiveDate) -> View {
    let days = || closure.from.iter_days().take_while(|day| *day <= closure.to);
    let mut remarks: Vec<String> = days().filter_map(|day| remark(day, &calendar.day(day))).collect();
    if closure.to < today {
        remarks.push("passée\u{a0}: les demandes encore ouvertes seront redatées, le reste ne change pas".to_owned());
    }
    View {
        from: closure.from.to_string(),
        to: closure.to.to_string(),
        label: closure.label.clone(),
        suspends: closure.suspends,
        known: false,
        working_days: days().filter(|day| calendar.is_working(*day)).count(),
        remarks,
    }
}

/// A feast that is no holiday, or a holiday that is one already: the feeds that people find hold both.
fn remark(date: NaiveDate, day: &Day) -> Option<String> {
    match day {
        Day::Holiday(name) => Some(format!("{} est déjà férié ({name})", french_date(date))),
        Day::Closed(label) => Some(format!("{} est déjà fermé ({label})", french_date(date))),
        Day::NotOpen(_) | Day::ClosedCounted(_) | Day::Working => None,
    }
}

fn table(closures: &[Closure], views: &[View]) -> Table {
    let mut table = Table::new(&["Fermeture", "Du", "Au", "Décompte", "Jours ouvrés", "Remarques"]);
    for (closure, view) in closures.iter().zip(views) {
        let known = view.known.then(|| "déjà dans la configuration".to_owned());
        let remarks: Vec<String> = known.into_iter().chain(view.remarks.iter().cloned()).collect();
        table.push(vec![
            closure.label.clone(),
            french_date(closure.from),
            french_date(closure.to),
            if closure.suspends { "suspendu" } else { "continue" }.to_owned(),
            view.working_days.to_string(),
            remarks.join("\u{202f}; "),
        ]);
    }
    table
}
