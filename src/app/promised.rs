//! Letters and appointments that wait: in the morning digest, and in alerts at the levels of requests.
//!
//! They have no state machine and need none: the register says what is open and due, a bureau looks each time that it
//! opens, and what rose since it last looked is told. An item that is written down late is told by its next level, and by
//! the digest meanwhile.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Result, facts};
use crate::domain::alert::{self, Bureau};
use crate::domain::decide::{Desk, alert_mail};
use crate::domain::effect::Effect;
use crate::domain::french::french_date;
use crate::domain::indicator::case::{Case, End};
use crate::domain::office::Office;
use crate::domain::policy::Channel;
use crate::mail::notice::ListFields;
use crate::store::{Schedules, Store, Turn};

/// How agents say that one is done.
const ADVICE: &str = "Quand c’est fait, dites-le au registre : « vigie letter answer RÉFÉRENCE » pour un courrier, « vigie \
     appointment fix RÉFÉRENCE » pour un rendez-vous.";

/// A letter that waits for its answer, or an appointment for its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promised {
    reference: String,
    bureau: String,
    commitment: String,
    /// What has to be done, as people read it.
    what: &'static str,
    received_on: NaiveDate,
    due_on: NaiveDate,
}

/// All that wait, of every bureau.
pub(super) async fn waiting(store: &Store, office: &Office) -> Result<Vec<Promised>> {
    let nothing_received = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
    let folded = facts::load(store, office, nothing_received, None).await?;
    Ok(folded
        .cases
        .into_iter()
        .filter(|case| case.end == End::Open)
        .filter_map(|case| promised(office, case))
        .collect())
}

fn promised(office: &Office, case: Case) -> Option<Promised> {
    let what = match case.channel {
        Channel::Letter => "courrier à répondre",
        Channel::Appointment => "rendez-vous à fixer",
        Channel::Mail | Channel::Site | Channel::Callback => return None,
    };
    let received_on = office.desk_of_bureau(&case.bureau)?.calendar.civil(case.received_at);
    let Case { reference, bureau, commitment, due_on, .. } = case;
    Some(Promised { reference, bureau, commitment, what, received_on, due_on })
}

/// When a bureau looks next.
pub(super) fn look_name(bureau: &str) -> String {
    format!("promised:{bureau}")
}

/// Up to when a bureau was told.
fn told_name(bureau: &str) -> String {
    format!("promised-told:{bureau}")
}

/// What waits, where a bureau is to look now; nothing is read where none is.
pub(super) async fn due(
    store: &Store,
    schedules: &Schedules,
    office: &Office,
    now: DateTime<Utc>,
) -> Result<Vec<Promised>> {
    let looks = |bureau: &Bureau| schedules.next(&look_name(&bureau.key)).is_some_and(|at| at <= now);
    if office.bureaux.iter().any(looks) { waiting(store, office).await } else { Ok(Vec::new()) }
}

/// One mail a bureau and level for what rose since each bureau last looked; each looks again when it opens next.
pub(super) async fn raise(
    turn: &mut Turn,
    office: &Office,
    promised: &[Promised],
    now: DateTime<Utc>,
) -> Result<Vec<Effect>> {
    let mut mails = Vec::new();
    for bureau in &office.bureaux {
        let Some(desk) = office.desk_of_bureau(&bureau.key) else { continue };
        let look = look_name(&bureau.key);
        let scheduled = turn.scheduled(&look).await?;
        if scheduled.is_some_and(|at| at > now) {
            continue;
        }
        let opens = |from| bureau.hours.next_open(desk.calendar, from);
        if scheduled.is_some() && !bureau.hours.is_open(desk.calendar, now) {
            turn.schedule(&look, opens(now).unwrap_or(DateTime::<Utc>::MAX_UTC)).await?;
            continue;
        }
        // The first time nothing was missed: what is late already stands in the digest.
        if let Some(told) = turn.scheduled(&told_name(&bureau.key)).await? {
            mails.extend(risen(desk, bureau, promised, (told, now)));
        }
        turn.schedule(&told_name(&bureau.key), now).await?;
        let tomorrow = desk.calendar.end_of_day(desk.calendar.civil(now));
        turn.schedule(&look, opens(tomorrow).unwrap_or(DateTime::<Utc>::MAX_UTC)).await?;
    }
    Ok(mails)
}

fn risen(desk: Desk<'_>, bureau: &Bureau, promised: &[Promised], span: (DateTime<Utc>, DateTime<Utc>)) -> Vec<Effect> {
    let mut groups: Vec<(i64, Vec<String>)> = Vec::new();
    for item in promised.iter().filter(|item| item.bureau == bureau.key) {
        if desk.policy.is_withdrawn(&item.commitment) {
            continue;
        }
        let Some(level) = alert::level_reached(desk.clock(), (item.received_on, item.due_on), span) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == level) {
            Some((_, references)) => references.push(item.reference.clone()),
            None => groups.push((level, vec![item.reference.clone()])),
        }
    }
    groups.into_iter().filter_map(|(level, references)| alert_mail((level, bureau, references), span.1)).collect()
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
            item.what,
            remaining(item.due_on < today, left(item))
        )
    };
    let lines: Vec<String> = items.iter().map(line).collect();
    let title = format!("Courriers et rendez-vous ({})", lines.len());
    (!lines.is_empty()).then(|| ListFields { title, advice: ADVICE.to_owned(), lines })
}

/// How much time is left, in words.
fn remaining(overdue: bool, left: i64) -> String {
    let days = |count: i64| if count < 2 { "jour ouvré" } else { "jours ouvrés" };
    match (overdue, left) {
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
