//! What people ask of the store: views whose keys are stable, in English and `snake_case` (DESIGN §8).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Error, Result};
use crate::domain::alert::AlertState;
use crate::domain::clocks::{ClockOf, clocks};
use crate::domain::deadline::working_days_left;
use crate::domain::ledger::rfc3339;
use crate::domain::office::Office;
use crate::domain::request::{AcknowledgementState, Request, Status};
use crate::store::{Listing, MessageLine, RequestFilter, RequestLine, Store};

/// A message, as `messages` and `explain` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// Its file; only where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The Message-ID, without brackets.
    pub message_id: Option<String>,
    /// The mailbox.
    pub mailbox: String,
    /// The folder.
    pub folder: Option<String>,
    /// When it was received: RFC 3339, UTC.
    pub received_at: String,
    /// What kind of correspondent wrote it.
    pub from_kind: String,
    /// What it is.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// What the reason saw.
    pub reason_detail: Option<String>,
    /// The reference of its request.
    pub request: Option<String>,
    /// `send`, `withhold` or `none`.
    pub acknowledgement: String,
    /// Why.
    pub acknowledgement_reason: String,
    /// What that reason saw.
    pub acknowledgement_detail: Option<String>,
    /// The key of the commitment that covers it.
    pub commitment: Option<String>,
    /// The last civil day on which an answer is in time.
    pub due_on: Option<String>,
}

/// A request, as `requests` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestView {
    /// What people call it.
    pub reference: String,
    /// The mailbox.
    pub mailbox: String,
    /// The Message-ID of the message that opened it.
    pub message_id: Option<String>,
    /// What kind of person asks.
    pub requester: &'static str,
    /// What is asked.
    pub nature: &'static str,
    /// The key of the commitment.
    pub commitment: Option<String>,
    /// When it was received: RFC 3339, UTC.
    pub received_at: String,
    /// The last civil day on which an answer is in time.
    pub due_on: String,
    /// `open`, `answered`, `closed` or `transferred`.
    pub status: &'static str,
    /// When it was answered, which stopped the clock.
    pub answered_at: Option<String>,
    /// When our side first answered in any way, by a holding reply or on the substance.
    pub first_answer_at: Option<String>,
    /// When our side first answered on the substance.
    pub substantive_at: Option<String>,
    /// Since when pieces are missing and the clock stands still.
    pub incomplete_since: Option<String>,
    /// Working days by which the limit was put off because pieces were missing.
    pub suspended_days: u16,
    /// The reference of the request into which it was merged.
    pub merged_into: Option<String>,
    /// When our side forwarded it, which is no answer.
    pub forwarded_at: Option<String>,
    /// When its message was found in no watched folder any more.
    pub deleted_at: Option<String>,
    /// Whether an agent should confirm or deny what was concluded.
    pub doubtful: bool,
    /// What proves the answer.
    pub evidence: Option<&'static str>,
    /// How strongly.
    pub confidence: Option<&'static str>,
    /// Whether the answer came in time; `null` while that is open.
    pub within_limit: Option<bool>,
    /// `pending`, `sent`, `withheld`, `refused` or `unknown`.
    pub acknowledgement: &'static str,
    /// When the relay accepted the acknowledgement.
    pub acknowledged_at: Option<String>,
    /// Why it was withheld, refused or lost: a reason's code, `bounced`, `refused_by_relay` or `lost_link`.
    pub acknowledgement_why: Option<String>,
    /// What that reason saw: the status of the report that came back, such as `5.1.1`.
    pub acknowledgement_detail: Option<String>,
    /// When it turned out to be refused or lost.
    pub acknowledgement_failed_at: Option<String>,
    /// Working days left, 0 on the last day, negative once it is past; `null` once settled.
    pub working_days_left: Option<i64>,
    /// Whether it came before vigie watched the mailbox.
    pub backlog: bool,
    /// `none`, `open`, `escalated` or `reminded`: where the alert about it stands.
    pub alert: &'static str,
    /// The chance, from 0 to 1, that it misses its limit; `null` once settled, and where the bureau's history is short.
    pub miss_risk: Option<f64>,
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<MessageLine> for MessageView {
    fn from(line: MessageLine) -> Self {
        let received_at = DateTime::from_timestamp_millis(line.received_at).unwrap_or_default();
        Self {
            file: None,
            message_id: some(line.message_id),
            mailbox: line.mailbox,
            folder: some(line.folder),
            received_at: rfc3339(received_at),
            from_kind: line.from_kind,
            verdict: line.verdict,
            reason: line.reason,
            reason_detail: some(line.reason_detail),
            request: some(line.reference),
            acknowledgement: line.acknowledgement,
            acknowledgement_reason: line.acknowledgement_reason,
            acknowledgement_detail: some(line.acknowledgement_detail),
            commitment: some(line.commitment),
            due_on: some(line.due_on),
        }
    }
}

/// Working days left of an open request; `None` once it is settled, or where its mailbox left the configuration.
#[must_use]
pub fn days_left(office: &Office, request: &Request, now: DateTime<Utc>) -> Option<i64> {
    let desk = office.desk(&request.mailbox)?;
    let today = desk.calendar.civil(now);
    request.is_running().then(|| working_days_left(desk.calendar, request.due_on, today))
}

/// Why an acknowledgement did not leave or arrive, and what that reason saw; empty where it did, or still waits.
#[must_use]
pub fn why_not_acknowledged(line: &RequestLine) -> (String, String) {
    let status = line.failure.as_ref().and_then(|failure| failure.bounce_status.clone());
    match (line.request.acknowledgement, status) {
        (AcknowledgementState::Pending | AcknowledgementState::Sent, _) => (String::new(), String::new()),
        (AcknowledgementState::Withheld, _) => {
            (line.acknowledgement_reason.clone(), line.acknowledgement_detail.clone())
        }
        (AcknowledgementState::Refused | AcknowledgementState::Unknown, Some(status)) => ("bounced".to_owned(), status),
        (AcknowledgementState::Refused, None) => ("refused_by_relay".to_owned(), String::new()),
        (AcknowledgementState::Unknown, None) => ("lost_link".to_owned(), String::new()),
    }
}

/// A request as `requests` shows it at an instant.
#[must_use]
pub fn request_view(office: &Office, line: &RequestLine, now: DateTime<Utc>) -> RequestView {
    let request = &line.request;
    let (reason, detail) = why_not_acknowledged(line);
    RequestView {
        reference: request.reference.clone(),
        mailbox: request.mailbox.clone(),
        message_id: some(line.message_id.clone()),
        requester: request.requester.name(),
        nature: request.nature.name(),
        commitment: some(request.commitment.clone()),
        received_at: rfc3339(request.received_at),
        due_on: request.due_on.to_string(),
        status: request.status.name(),
        answered_at: request.settled_at.filter(|_| request.status == Status::Answered).map(rfc3339),
        first_answer_at: request.first_answer_at().map(rfc3339),
        substantive_at: request.substantive_at.map(rfc3339),
        incomplete_since: request.incomplete_since.map(rfc3339),
        suspended_days: request.suspended_days,
        merged_into: request.merged_into.clone(),
        forwarded_at: request.forwarded_at.map(rfc3339),
        deleted_at: request.deleted_at.map(rfc3339),
        doubtful: request.is_doubtful(),
        evidence: request.evidence.map(crate::domain::evidence::Evidence::name),
        confidence: request.confidence.map(crate::domain::evidence::Confidence::name),
        within_limit: request.within_limit(now),
        acknowledgement: request.acknowledgement.name(),
        acknowledged_at: request.acknowledged_at.map(rfc3339),
        acknowledgement_why: some(reason),
        acknowledgement_detail: some(detail),
        acknowledgement_failed_at: line.failure.as_ref().map(|failure| rfc3339(failure.at)),
        working_days_left: days_left(office, request, now),
        backlog: request.backlog,
        alert: office.bureau(&request.bureau).map_or(AlertState::Quiet, |bureau| bureau.alert_state(request)).name(),
        miss_risk: None,
    }
}

/// A clock of a request, as `request show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockView {
    /// `registration`, `acknowledgement`, `callback` or `answer`.
    pub clock: &'static str,
    /// The limit, in working days.
    pub limit: u16,
    /// The last day.
    pub due_on: String,
    /// The first instant that is too late: RFC 3339, UTC.
    pub due_at: String,
    /// `running`, `met`, `missed`, `suspended` or `not_owed`.
    pub state: &'static str,
    /// When it was stopped.
    pub stopped_at: Option<String>,
}

/// The clocks of a request; none where its mailbox left the configuration.
#[must_use]
pub fn clocks_view(office: &Office, request: &Request, now: DateTime<Utc>) -> Vec<ClockView> {
    let Some(desk) = office.desk(&request.mailbox) else { return Vec::new() };
    let view = |clock: ClockOf| ClockView {
        clock: clock.kind.name(),
        limit: clock.limit,
        due_on: clock.due_on.to_string(),
        due_at: rfc3339(clock.due_at),
        state: clock.state.name(),
        stopped_at: clock.stopped_at.map(rfc3339),
    };
    clocks(desk, request, now).into_iter().map(view).collect()
}

/// The chance of each open request to miss its limit, by reference; of bureaux whose history is long enough.
pub async fn risks(store: &Store, office: &Office, now: DateTime<Utc>) -> Result<HashMap<String, f64>> {
    let mut risks = HashMap::new();
    for bureau in &office.bureaux {
        let forecast = super::forecast::of_bureau(store, office, &bureau.key, now).await?;
        risks.extend(forecast.into_iter().flat_map(|found| found.open).map(|open| (open.reference, open.risk)));
    }
    Ok(risks)
}

impl RequestView {
    /// The same with its risk, to the thousandth.
    #[must_use]
    pub fn with_risk(self, risks: &HashMap<String, f64>) -> Self {
        let risk = risks.get(&self.reference).filter(|_| self.status == Status::Open.name());
        Self { miss_risk: risk.map(|risk| (risk * 1_000.0).round() / 1_000.0), ..self }
    }
}

/// Lists messages.
pub async fn messages(store: &Store, listing: &Listing) -> Result<Vec<MessageView>> {
    Ok(store.messages(listing).await?.into_iter().map(MessageView::from).collect())
}

/// Lists requests.
pub async fn requests(store: &Store, filter: &RequestFilter) -> Result<Vec<RequestLine>> {
    Ok(store.list_requests(filter).await?)
}

/// One request.
pub async fn request(store: &Store, reference: &str) -> Result<RequestLine> {
    let line = store.request_line(reference).await?;
    line.ok_or_else(|| Error::UnknownRequest(reference.to_owned()))
}
