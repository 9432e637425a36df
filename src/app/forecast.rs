//! What a bureau's past says of its open requests, from the store.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::Result;
use crate::domain::deadline::working_days_left;
use crate::domain::decide::Desk;
use crate::domain::forecast::{Case, Exposed, Forecast, Outlook, WINDOW, outlook};
use crate::domain::office::Office;
use crate::store::{PastRequest, Store};

/// The open requests of a bureau, each with its risk, and the sum of them.
#[derive(Debug, Clone, PartialEq)]
pub struct BureauForecast {
    /// The open requests.
    pub open: Vec<Exposed>,
    /// The bureau as a whole.
    pub outlook: Outlook,
}

/// Forecasts for a bureau at an instant; `None` where its history is too short.
pub async fn of_bureau(
    store: &Store,
    office: &Office,
    bureau: &str,
    now: DateTime<Utc>,
) -> Result<Option<BureauForecast>> {
    let Some(desk) = office.desk_of_bureau(bureau) else { return Ok(None) };
    let today = desk.calendar.civil(now);
    let Some(first) = desk.calendar.subtract_working_days(today, WINDOW) else { return Ok(None) };
    let past = store.past_requests(bureau, desk.calendar.instant(first, NaiveTime::MIN)).await?;
    let Some(forecast) = Forecast::learn(past.iter().filter_map(|request| case(desk, request, now))) else {
        return Ok(None);
    };
    let forecast = forecast.paced(answers_a_day(desk, &past, today));
    let share = desk.bureau.hours.share_left(desk.calendar, now);
    // While pieces are missing the clock stands still: nothing can be missed, and when it goes on nobody knows.
    let runs = |request: &&PastRequest| request.open && request.incomplete_since.is_none();
    let ages: Vec<u16> = past.iter().filter(runs).map(|request| age(desk, request, now)).collect();
    let strain = forecast.strain(&ages, share);
    let exposed = |request: &PastRequest| Exposed {
        reference: request.reference.clone(),
        left: working_days_left(desk.calendar, request.due_on, today),
        risk: match working_days_left(desk.calendar, request.due_on, today) {
            _ if desk.calendar.end_of_day(request.due_on) <= now => 1.0,
            left => forecast.miss(age(desk, request, now), left, share, &strain),
        },
    };
    let open: Vec<Exposed> = past.iter().filter(runs).map(exposed).collect();
    let outlook = outlook(&forecast, &open);
    Ok(Some(BureauForecast { open, outlook }))
}

/// How many requests the bureau settled on each working day before today, from the first one on which it settled any.
fn answers_a_day(desk: Desk<'_>, past: &[PastRequest], today: NaiveDate) -> Vec<u32> {
    let mut settled: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    for day in past.iter().filter_map(|request| request.settled_at).map(|at| desk.calendar.civil(at)) {
        *settled.entry(day).or_default() += 1;
    }
    let Some(first) = settled.keys().next().copied() else { return Vec::new() };
    let days = first.iter_days().take_while(|day| *day < today).filter(|day| desk.calendar.is_working(*day));
    days.map(|day| settled.get(&day).copied().unwrap_or_default()).collect()
}

/// What is learnt from a request; nothing from one that was settled before it was received. One whose pieces are missing
/// was open until they were found to be.
fn case(desk: Desk<'_>, request: &PastRequest, now: DateTime<Utc>) -> Option<Case> {
    let until = request.settled_at.or(request.incomplete_since).unwrap_or(now);
    (until >= request.received_at).then(|| Case { age: age(desk, request, until), settled: !request.open })
}

/// Working days for which the clock of a request ran until an instant.
fn age(desk: Desk<'_>, request: &PastRequest, until: DateTime<Utc>) -> u16 {
    let days = desk.calendar.working_days_between(desk.calendar.civil(request.received_at), desk.calendar.civil(until));
    u16::try_from(days).unwrap_or_default().saturating_sub(request.suspended_days)
}
