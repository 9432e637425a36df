//! What a new configuration changes about requests that are open: a calendar that moved their limit, and alerts that now
//! rise at other times. What is settled stands, and the limit in working days is the one under which each was opened.

use chrono::{DateTime, Utc};

use super::alert;
use super::deadline::deadline;
use super::decide::{Decision, Desk, change};
use super::request::{Change, Request, Status};

/// Decides about one open request under the configuration in force.
///
/// Nothing is decided where the calendar gives no deadline at all: a request keeps the one that it has.
pub fn on_configuration(desk: Desk<'_>, request: &Request, now: DateTime<Utc>, decision: &mut Decision) {
    if request.status != Status::Open {
        return;
    }
    let mut request = request.clone();
    if let Some(moved) = redated(desk, &request, now) {
        if change(&mut request, moved, None, decision) {
            decision.requests.push(request);
        }
        return;
    }
    let next = alert::next_alert(desk.clock(), &request);
    if next != request.next_alert_at {
        request.next_alert_at = next;
        decision.requests.push(request);
    }
}

/// What the calendar as it is now changes about the limit of an open request; `None` where that limit stands, or where the
/// calendar gives none.
#[must_use]
pub fn redated(desk: Desk<'_>, request: &Request, at: DateTime<Utc>) -> Option<Change> {
    let due = deadline(desk.calendar, request.received_at, request.allowed_days()).ok()?;
    if (due.due_on, due.due_at) == (request.due_on, request.due_at) {
        return None;
    }
    let redated = |next_alert_at| Change::Redated {
        at,
        due_on: due.due_on,
        due_at: due.due_at,
        calendar_revision: due.calendar_revision.clone(),
        next_alert_at,
    };
    // The alerts to come depend on what is left of those that were raised: that is the request's own rule.
    let mut dated = request.clone();
    dated.apply(&redated(None)).ok()?;
    Some(redated(alert::next_alert(desk.clock(), &dated)))
}
