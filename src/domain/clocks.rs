//! The clocks of one request, each independent of the others: the registration notice, the acknowledgement, the call back
//! where the mailbox promises one, and the answer.
//!
//! The first two are the law's (CRPA R112-11-2), the others the service's commitments. Only the answer's clock raises
//! alerts here: the law's are watched over by the queue of mails.

use chrono::{DateTime, NaiveDate, Utc};

use super::deadline::deadline;
use super::decide::Desk;
use super::names::names;
use super::request::{AcknowledgementState, Request, Status};

/// The working days within which a registration notice is owed, where the acknowledgement is not immediate.
const REGISTRATION_LIMIT: u16 = 1;
/// The working days within which the acknowledgement is owed.
const ACKNOWLEDGEMENT_LIMIT: u16 = 10;

/// What a clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    /// *Accusé d'enregistrement électronique*; an immediate acknowledgement is one (CRPA L112-11).
    Registration,
    /// *Accusé de réception électronique*.
    Acknowledgement,
    /// *Rappel téléphonique*.
    Callback,
    /// The answer.
    Answer,
}

names!(ClockKind {
    Registration => "registration",
    Acknowledgement => "acknowledgement",
    Callback => "callback",
    Answer => "answer",
});

/// Where a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// It runs, and the limit is not past.
    Running,
    /// Stopped in time.
    Met,
    /// Stopped too late, or running past its limit.
    Missed,
    /// It stands still: pieces are missing.
    Suspended,
    /// Nothing is owed.
    NotOwed,
}

names!(ClockState {
    Running => "running",
    Met => "met",
    Missed => "missed",
    Suspended => "suspended",
    NotOwed => "not_owed",
});

/// One clock of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOf {
    /// What it counts.
    pub kind: ClockKind,
    /// The limit, in working days.
    pub limit: u16,
    /// The last day.
    pub due_on: NaiveDate,
    /// The first instant that is too late.
    pub due_at: DateTime<Utc>,
    /// When it was stopped.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: ClockState,
}

/// The clocks of a request at an instant, the shortest law first.
#[must_use]
pub fn clocks(desk: Desk<'_>, request: &Request, now: DateTime<Utc>) -> Vec<ClockOf> {
    let mut clocks: Vec<ClockOf> =
        [(ClockKind::Registration, REGISTRATION_LIMIT), (ClockKind::Acknowledgement, ACKNOWLEDGEMENT_LIMIT)]
            .into_iter()
            .filter_map(|(kind, limit)| {
                let owed = request.acknowledgement != AcknowledgementState::Withheld && !request.backlog;
                clock(desk, request, (kind, limit), request.acknowledged_at, now).map(|clock| unless(owed, clock))
            })
            .collect();
    let received_on = desk.calendar.civil(request.received_at);
    let callback = desk.policy.callback(request.requester, request.nature, received_on);
    let first_word = [request.holding_at, request.settled_at.filter(|_| request.status == Status::Answered)];
    let first_word = first_word.into_iter().flatten().min();
    let owed = matches!(request.status, Status::Open | Status::Answered) && !request.backlog;
    clocks.extend(
        callback
            .and_then(|promise| clock(desk, request, (ClockKind::Callback, promise.limit), first_word, now))
            .map(|clock| unless(owed, clock)),
    );
    clocks.push(unless(owed, answer(request, now)));
    clocks
}

fn unless(owed: bool, clock: ClockOf) -> ClockOf {
    if owed { clock } else { ClockOf { state: ClockState::NotOwed, ..clock } }
}

fn clock(
    desk: Desk<'_>,
    request: &Request,
    (kind, limit): (ClockKind, u16),
    stopped_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<ClockOf> {
    let due = deadline(desk.calendar, request.received_at, limit).ok()?;
    let state = state(stopped_at, due.due_at, now);
    Some(ClockOf { kind, limit, due_on: due.due_on, due_at: due.due_at, stopped_at, state })
}

/// The clock of the answer: the request's own, which closures and missing pieces may have moved.
fn answer(request: &Request, now: DateTime<Utc>) -> ClockOf {
    let stopped_at = request.settled_at.filter(|_| request.status == Status::Answered);
    let state = match request.incomplete_since {
        Some(_) => ClockState::Suspended,
        None => state(stopped_at, request.due_at, now),
    };
    let (due_on, due_at) = (request.due_on, request.due_at);
    ClockOf { kind: ClockKind::Answer, limit: request.limit, due_on, due_at, stopped_at, state }
}

fn state(stopped_at: Option<DateTime<Utc>>, due_at: DateTime<Utc>, now: DateTime<Utc>) -> ClockState {
    match stopped_at {
        Some(at) if at < due_at => ClockState::Met,
        None if now < due_at => ClockState::Running,
        Some(_) | None => ClockState::Missed,
    }
}

impl ClockKind {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Registration => "accusé d’enregistrement",
            Self::Acknowledgement => "accusé de réception",
            Self::Callback => "rappel téléphonique",
            Self::Answer => "réponse",
        }
    }
}

impl ClockState {
    /// What a person reads.
    #[must_use]
    pub fn french(self) -> &'static str {
        match self {
            Self::Running => "en cours",
            Self::Met => "tenu",
            Self::Missed => "dépassé",
            Self::Suspended => "suspendu",
            Self::NotOwed => "sans objet",
        }
    }
}
