//! What vigie cannot see of each mailbox's answers: measured, shown, and told with its remedy.

use chrono::{DateTime, Datelike, Days, Months, TimeDelta, Utc, Weekday};

use super::Result;
use crate::domain::alert::Bureau;
use crate::domain::blind_spot::{BlindSpot, SPAN, Sight};
use crate::domain::evidence::Evidence;
use crate::domain::office::Office;
use crate::domain::warning::Warning;
use crate::mail::notice::Condition;
use crate::store::{Schedules, Store, Turn};

/// The name of the schedule by which the administrators are told.
const SCHEDULE: &str = "blind_spot";
/// The day of the digests that name blind spots: once a week is enough.
const DIGEST_DAY: Weekday = Weekday::Mon;
/// What to do about answers that are kept out of sight.
const REMEDY: &str = "Réglez les logiciels de messagerie pour que les réponses soient enregistrées dans le dossier d’envoi de la \
     boîte partagée, ou mettez la boîte en copie cachée (Cci) de chaque réponse ; à défaut, dites chaque réponse par \
     un geste\u{a0}: le message de la demande, déplacé dans le dossier prévu.";

/// How the answers of a mailbox were seen lately.
pub async fn sight(store: &Store, mailbox: &str, now: DateTime<Utc>) -> Result<Sight> {
    let since = now - SPAN;
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let mut sight = Sight { sent_copies: count(store.sent_copies(mailbox, since).await?), ..Sight::default() };
    for (evidence, answers) in store.answers_by_evidence(mailbox, since).await? {
        sight.add(Evidence::from_name(&evidence), count(answers));
    }
    Ok(sight)
}

/// What the digest of a bureau says of it, once a week.
pub(super) async fn conditions(
    store: &Store,
    office: &Office,
    bureau: &Bureau,
    now: DateTime<Utc>,
) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for policy in office.mailboxes.iter().filter(|policy| policy.bureau == bureau.key) {
        let Some(desk) = office.desk(&policy.name) else { continue };
        if desk.calendar.civil(now).weekday() != DIGEST_DAY {
            continue;
        }
        let sight = sight(store, &policy.name, now).await?;
        conditions.extend(sight.blind_spot().map(|spot| condition(&policy.name, spot, &sight, now)));
    }
    Ok(conditions)
}

/// A blind spot in words.
pub(super) fn condition(mailbox: &str, spot: BlindSpot, sight: &Sight, now: DateTime<Utc>) -> Condition {
    let Sight { answered, unseen, elsewhere, .. } = *sight;
    let days = SPAN.num_days();
    let title = match spot {
        BlindSpot::AnswersUnseen => format!(
            "Boîte {mailbox}\u{a0}: {unseen} réponses sur {answered} ({}\u{a0}%) n’ont laissé qu’une marque «\u{a0}répondu\u{a0}» en {days} jours",
            sight.unseen_percent()
        ),
        BlindSpot::SentStaysEmpty => format!(
            "Boîte {mailbox}\u{a0}: le dossier d’envoi n’a rien reçu en {days} jours, pour {answered} réponses (dont {elsewhere} vues ailleurs)"
        ),
    };
    Condition { title, since: now - SPAN, advice: REMEDY.to_owned() }
}

/// What the administrators are told once a month: every mailbox with a blind spot.
pub(super) async fn monthly(
    store: &Store,
    schedules: &Schedules,
    office: &Office,
    now: DateTime<Utc>,
) -> Result<Vec<Warning>> {
    if schedules.next(SCHEDULE).is_none_or(|at| at > now) {
        return Ok(Vec::new());
    }
    let mut warnings = Vec::new();
    for policy in &office.mailboxes {
        let sight = sight(store, &policy.name, now).await?;
        if let Some(spot) = sight.blind_spot() {
            warnings.push(Warning::BlindSpot { mailbox: policy.name.clone(), at: now, spot, sight });
        }
    }
    Ok(warnings)
}

/// Moves the schedule on to the first working day of next month, at eight in the morning, once it is due.
pub(super) async fn put_off(turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<()> {
    /// A closure longer than this is none.
    const MAX_CLOSED_DAYS: u64 = 40;
    if turn.scheduled(SCHEDULE).await?.is_some_and(|at| at > now) {
        return Ok(());
    }
    let Some(desk) = office.mailboxes.first().and_then(|policy| office.desk(&policy.name)) else { return Ok(()) };
    let today = desk.calendar.civil(now);
    let first = today.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    let mut days = (0..MAX_CLOSED_DAYS).filter_map(|day| first?.checked_add_days(Days::new(day)));
    let day = days.find(|day| desk.calendar.is_working(*day));
    let morning = chrono::NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default();
    let next = day.map_or(now + TimeDelta::days(30), |day| desk.calendar.instant(day, morning));
    Ok(turn.schedule(SCHEDULE, next).await?)
}

/// When the administrators are told next; `None` where that was never planned.
pub(super) fn next(schedules: &Schedules, office: &Office) -> Option<DateTime<Utc>> {
    // Without any mailbox there is nothing to measure, and the schedule would never move on.
    office.mailboxes.first().and_then(|policy| office.desk(&policy.name))?;
    schedules.next(SCHEDULE)
}
