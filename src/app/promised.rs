//! Letters and appointments that wait: in the morning digest, and in alerts at the levels of requests.
//!
//! The ledger says what is open, what is due and what was told already; a bureau looks each time that it opens. What is
//! written down later than that is told at the next opening, at the level that it has reached by then.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::tick::{clearance_name, digest_name};
use super::{Result, facts};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::decide::Desk;
use crate::domain::event::Event;
use crate::domain::french::french_date;
use crate::domain::indicator::case::Case;
use crate::domain::office::Office;
use crate::domain::promised::Promised;
use crate::mail::notice::ListFields;
use crate::store::{Schedules, Store, Turn};

/// How often registers are read again because somebody wrote into them meanwhile.
const MAX_READINGS: usize = 100;
/// Limits named in one mail; the most urgent come first.
const MAX_LINES: usize = 60;

/// The registers as a tick finds them.
#[derive(Debug, Default)]
pub(super) struct Registers {
    /// All that wait, of every bureau.
    waiting: Vec<Promised>,
    /// What agents were warned of and is settled: the bureau, the reference, and the entry that settled it.
    cleared: Vec<(String, String, i64)>,
    /// The entry up to which they were read; `None` where nobody asks for them now.
    head: Option<i64>,
}

async fn read(store: &Store, office: &Office) -> Result<Registers> {
    let nothing_received = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
    let folded = facts::load(store, office, nothing_received, None).await?;
    let owed = |case: &Case| {
        office.desk_of_bureau(&case.bureau).map_or_else(Vec::new, |desk| Promised::of(case, desk.calendar))
    };
    let cleared = |case: &Case| Some((case.bureau.clone(), case.reference.clone(), case.cleared_by?));
    Ok(Registers {
        waiting: folded.cases.iter().flat_map(owed).collect(),
        cleared: folded.cases.iter().filter_map(cleared).collect(),
        head: Some(folded.stamp.head.seq),
    })
}

/// Dates what waits by the calendars as they are now, an entry each; how many limits moved.
pub(super) async fn redate(store: &Store, office: &Office, now: DateTime<Utc>) -> Result<usize> {
    for _ in 0..MAX_READINGS {
        let registers = read(store, office).await?;
        let dated = |item: &Promised| {
            let calendar = office.desk_of_bureau(&item.bureau).map(|desk| desk.calendar)?;
            item.redated(calendar, now)
        };
        let moved: Vec<Event> = registers.waiting.iter().filter_map(dated).collect();
        let mut turn = store.begin().await?;
        if registers.are_stale(&mut turn).await? {
            continue;
        }
        for event in &moved {
            turn.write_down(event, now);
        }
        turn.commit().await?;
        return Ok(moved.len());
    }
    // Somebody imports a list just now: what that writes is dated by these calendars already.
    Ok(0)
}

/// All that wait, of every bureau.
pub(super) async fn waiting(store: &Store, office: &Office) -> Result<Vec<Promised>> {
    Ok(read(store, office).await?.waiting)
}

/// When a bureau looks next.
pub(super) fn look_name(bureau: &str) -> String {
    format!("promised:{bureau}")
}

/// Up to which entry a bureau was told what is settled.
fn cleared_name(bureau: &str) -> String {
    format!("cleared:{bureau}")
}

/// The registers, where a bureau is to look at them now, or to be told of them; nothing is read where none is.
pub(super) async fn due(
    store: &Store,
    schedules: &Schedules,
    office: &Office,
    now: DateTime<Utc>,
) -> Result<Registers> {
    let due = |name: &str| schedules.next(name).is_none_or(|at| at <= now);
    let asks = |bureau: &Bureau| {
        due(&look_name(&bureau.key))
            || due(&digest_name(&bureau.key))
            || (bureau.clearance_mail && due(&clearance_name(&bureau.key)))
    };
    if office.bureaux.iter().any(asks) { read(store, office).await } else { Ok(Registers::default()) }
}

impl Registers {
    /// Whether people wrote into them since they were read: then they are read again.
    pub(super) async fn are_stale(&self, turn: &mut Turn) -> Result<bool> {
        match self.head {
            Some(head) => Ok(turn.was_written_by_hand(head).await?),
            None => Ok(false),
        }
    }

    /// What waits in the bureaux that look now; each looks again when it opens next.
    pub(super) async fn looked_at<'a>(
        &'a self,
        turn: &mut Turn,
        office: &'a Office,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Desk<'a>, &'a Promised)>> {
        let mut seen = Vec::new();
        for bureau in &office.bureaux {
            let Some(desk) = office.desk_of_bureau(&bureau.key) else { continue };
            let look = look_name(&bureau.key);
            if turn.scheduled(&look).await?.is_some_and(|at| at > now) {
                continue;
            }
            let mut from = now;
            if bureau.hours.is_open(desk.calendar, now) {
                seen.extend(self.waiting.iter().filter(|item| item.bureau == bureau.key).map(|item| (desk, item)));
                from = desk.calendar.end_of_day(desk.calendar.civil(now));
            }
            let next = bureau.hours.next_open(desk.calendar, from);
            turn.schedule(&look, next.unwrap_or(DateTime::<Utc>::MAX_UTC)).await?;
        }
        Ok(seen)
    }

    /// Takes what a bureau was warned of and was settled since it was last told: who takes it tells it.
    pub(super) async fn take_cleared(&self, turn: &mut Turn, bureau: &str) -> Result<Vec<String>> {
        let Some(head) = self.head else { return Ok(Vec::new()) };
        let name = cleared_name(bureau);
        let told = turn.told(&name).await?.unwrap_or_default();
        turn.tell(&name, head).await?;
        let new = |(of, _, by): &&(String, String, i64)| of == bureau && *by > told && *by <= head;
        Ok(self.cleared.iter().filter(new).map(|(_, reference, _)| reference.clone()).collect())
    }
}

/// How agents say that one is done: they have a mail client, and somebody else keeps the register.
fn advice(bureau: &Bureau) -> String {
    let keepers: Vec<String> = bureau.officers.iter().map(Address::to_string).collect();
    let keepers = if keepers.is_empty() { String::new() } else { format!(" ({})", keepers.join(", ")) };
    format!(
        "Quand c’est fait, donnez la référence et la date à la personne qui tient le registre{keepers} : elle l’y inscrit, \
         et ces rappels cessent."
    )
}

/// What is due in a bureau within so many working days, the most urgent first; `None` where nothing is.
pub(super) fn list(desk: Desk<'_>, promised: &[Promised], horizon: i64, now: DateTime<Utc>) -> Option<ListFields> {
    let today = desk.calendar.civil(now);
    let left = |item: &Promised| desk.calendar.working_days_between(today, item.due_on);
    let mut items: Vec<&Promised> = promised.iter().filter(|item| left(item) <= horizon).collect();
    items.sort_by(|a, b| (a.due_on, &a.reference).cmp(&(b.due_on, &b.reference)));
    let line = |item: &&Promised| {
        let due = french_date(item.due_on);
        format!(
            "{} – {}, échéance le {due} ({})",
            item.reference,
            item.owed.french(),
            remaining(today, item.due_on, left(item))
        )
    };
    let mut lines: Vec<String> = items.iter().take(MAX_LINES).map(line).collect();
    if items.len() > MAX_LINES {
        lines.push(format!("… et la suite, moins urgente, dans le registre ({} échéances en tout)", items.len()));
    }
    let references: BTreeSet<&str> = items.iter().map(|item| item.reference.as_str()).collect();
    let count = references.len();
    let what = if count < 2 { "courrier ou rendez-vous" } else { "courriers ou rendez-vous" };
    (!lines.is_empty()).then(|| ListFields {
        told: format!("{count}\u{a0}{what} à traiter"),
        title: format!("Courriers et rendez-vous ({count})"),
        advice: advice(desk.bureau),
        lines,
    })
}

/// How much time is left, in words.
fn remaining(today: NaiveDate, due_on: NaiveDate, left: i64) -> String {
    let days = |count: i64| if count < 2 { "jour ouvré" } else { "jours ouvrés" };
    match (due_on < today, left) {
        (true, 0) => "échéance dépassée".to_owned(),
        (true, late) => format!("en retard de {}\u{a0}{}", -late, days(-late)),
        (false, 0) => "aujourd’hui".to_owned(),
        (false, left) => format!("il reste {left}\u{a0}{}", days(left)),
    }
}

/// Those of a bureau.
pub(super) fn of_bureau(promised: Vec<Promised>, bureau: &Bureau) -> Vec<Promised> {
    promised.into_iter().filter(|item| item.bureau == bureau.key).collect()
}

/// Those that a mail is about.
pub(super) fn among(promised: Vec<Promised>, references: &[String]) -> Vec<Promised> {
    promised.into_iter().filter(|item| references.contains(&item.reference)).collect()
}
