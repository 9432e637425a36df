//! A new promise applied to what was opened under an old one: only when it is asked for, and with an entry each.

use chrono::{DateTime, NaiveDate, Utc};

use super::Result;
use crate::domain::alert;
use crate::domain::deadline::deadline;
use crate::domain::decide::{Decision, Desk, change};
use crate::domain::office::Office;
use crate::domain::request::{Change, Request, RequestId};
use crate::store::{Store, Turn};

/// Open requests looked at in one turn.
const REQUESTS_PER_TURN: i64 = 1_000;

/// A request that comes under another promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its reference.
    pub reference: String,
    /// The key and limit under which it was opened, and its last day.
    pub before: (String, u16, NaiveDate),
    /// Those that hold now.
    pub after: (String, u16, NaiveDate),
}

/// Which requests, and who decided it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The first day of receipt.
    pub since: NaiveDate,
    /// Who decided it.
    pub by: String,
    /// Whether it is carried out, or only told.
    pub carry_out: bool,
}

/// Brings the open requests received since a day under the commitments that hold today; what would change, or did.
pub async fn apply(store: &Store, office: &Office, wanted: &Wanted, now: DateTime<Utc>) -> Result<Vec<Moved>> {
    let (mut moved, mut after) = (Vec::new(), RequestId(0));
    loop {
        let mut turn = store.begin().await?;
        let requests = turn.open_requests(after, REQUESTS_PER_TURN).await?;
        let Some(last) = requests.last() else { return Ok(moved) };
        after = last.id;
        let mut decision = Decision::default();
        for request in requests {
            let Some(desk) = office.desk(&request.mailbox) else { continue };
            moved.extend(one(desk, request, wanted, now, &mut decision));
        }
        if wanted.carry_out {
            write(&mut turn, &decision, now).await?;
            turn.commit().await?;
        }
    }
}

async fn write(turn: &mut Turn, decision: &Decision, now: DateTime<Utc>) -> Result<()> {
    turn.save_requests(&decision.requests).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    Ok(())
}

fn one(
    desk: Desk<'_>,
    mut request: Request,
    wanted: &Wanted,
    now: DateTime<Utc>,
    decision: &mut Decision,
) -> Option<Moved> {
    if desk.calendar.civil(request.received_at) < wanted.since || !request.is_running() {
        return None;
    }
    let today = desk.calendar.civil(now);
    let promise = desk.policy.commitment_of_mail(request.requester, request.nature, today)?;
    if (promise.key.as_str(), promise.limit) == (request.commitment.as_str(), request.limit) {
        return None;
    }
    let allowed = promise.limit.saturating_add(request.suspended_days);
    let due = deadline(desk.calendar, request.received_at, allowed).ok()?;
    let before = (request.commitment.clone(), request.limit, request.due_on);
    let reclassified = Change::Reclassified {
        at: now,
        requester: request.requester,
        nature: request.nature,
        commitment: promise.key.clone(),
        limit: promise.limit,
        due_on: due.due_on,
        due_at: due.due_at,
        calendar_revision: due.calendar_revision,
        by: format!("{} (commitments apply --since {})", wanted.by, wanted.since),
    };
    if !change(&mut request, reclassified, None, decision) {
        return None;
    }
    request.next_alert_at = alert::next_alert(desk.clock(), &request);
    let after = (request.commitment.clone(), request.limit, request.due_on);
    let moved = Moved { reference: request.reference.clone(), before, after };
    decision.requests.push(request);
    Some(moved)
}
