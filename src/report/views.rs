//! Figures as programs read them: stable English keys in `snake_case`, one object a line.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::figures::Who;
use crate::domain::indicator::Stamp;
use crate::domain::indicator::annex::{Basis, Line};
use crate::domain::indicator::outline::Group;
use crate::domain::indicator::sheet::{AppointmentRow, Detail, MailRow};
use crate::domain::indicator::tally::{Outcome, Tally};
use crate::domain::indicator::value::{Share, Value};
use crate::domain::ledger::rfc3339;
use crate::domain::period::Period;

/// What figures were computed from.
#[derive(Debug, Clone, Serialize)]
pub struct StampView {
    ledger_seq: i64,
    ledger_hash: String,
    as_of: String,
    #[serde(serialize_with = "or_null")]
    configuration: String,
    table: String,
    #[serde(serialize_with = "or_null")]
    calendars: String,
}

/// Counts, rates and delays.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TallyView {
    received: Option<u64>,
    in_time: Option<u64>,
    late: Option<u64>,
    overdue: Option<u64>,
    pending: Option<u64>,
    suspended: Option<u64>,
    closed: Option<u64>,
    transferred: Option<u64>,
    merged: Option<u64>,
    rate_percent: Json,
    first_human_percent: Json,
    substantive_percent: Json,
    median_days: Json,
    mean_days: Json,
    p90_days: Json,
}

/// A line of Annexe 1.
#[derive(Debug, Clone, Serialize)]
pub struct LineView {
    period: String,
    line: usize,
    key: String,
    label: String,
    value: String,
    form: &'static str,
    number: Json,
    numerator: Option<u64>,
    denominator: Option<u64>,
    interval_low: Json,
    interval_high: Json,
    target_percent: Json,
    meets_target: Option<bool>,
    basis: &'static str,
    source: Option<String>,
    entered_by: Option<String>,
    entered_at: Option<String>,
    entered_besides: Option<String>,
    #[serde(flatten)]
    tally: TallyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<String>>,
    #[serde(flatten)]
    stamp: StampView,
}

/// A group of requests.
#[derive(Debug, Clone, Serialize)]
pub struct GroupView {
    period: String,
    by: &'static str,
    group: String,
    label: String,
    #[serde(flatten)]
    tally: TallyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<String>>,
    #[serde(flatten)]
    stamp: StampView,
}

/// Hundredths as a JSON number with two decimals.
#[must_use]
pub fn number(hundredths: Option<i64>) -> Json {
    let Some(hundredths) = hundredths else { return Json::Null };
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    serde_json::from_str(&format!("{sign}{whole}.{rest:02}")).unwrap_or_default()
}

impl From<&Stamp> for StampView {
    fn from(stamp: &Stamp) -> Self {
        Self {
            ledger_seq: stamp.head.seq,
            ledger_hash: stamp.head.hash.clone(),
            as_of: rfc3339(stamp.as_of),
            configuration: stamp.configuration.clone(),
            table: stamp.table.clone(),
            calendars: stamp.calendars.join(" "),
        }
    }
}

impl From<&Tally> for TallyView {
    fn from(tally: &Tally) -> Self {
        let of = |outcome| Some(tally.answer.of(outcome));
        Self {
            received: Some(tally.received),
            in_time: of(Outcome::InTime),
            late: of(Outcome::Late),
            overdue: of(Outcome::Overdue),
            pending: of(Outcome::Pending),
            suspended: of(Outcome::Suspended),
            closed: of(Outcome::Closed),
            transferred: of(Outcome::Transferred),
            merged: of(Outcome::Merged),
            rate_percent: number(tally.answer.rate().hundredths()),
            first_human_percent: number(tally.first_human.rate().hundredths()),
            substantive_percent: number(tally.substantive.rate().hundredths()),
            median_days: number(tally.delays.map(|delays| delays.median)),
            mean_days: number(tally.delays.map(|delays| delays.mean)),
            p90_days: number(tally.delays.map(|delays| delays.p90)),
        }
    }
}

/// A line of a period; with its requests where `explain` asks for them, each as `REFERENCE:outcome`.
#[must_use]
pub fn line(line: &Line, period: Period, stamp: &Stamp, explain: bool) -> LineView {
    let share = line.value.share();
    let interval = share.and_then(Share::interval);
    let (basis, entered) = match &line.basis {
        Basis::Ledger => ("ledger", None),
        Basis::Hand(entered) => ("hand", Some(entered)),
        Basis::None => ("none", None),
    };
    LineView {
        period: period.to_string(),
        line: line.number,
        key: line.rule.key.clone(),
        label: line.rule.label.clone(),
        value: line.value.french(),
        form: line.rule.form.name(),
        number: plain(&line.value),
        numerator: share.map(|share| share.numerator),
        denominator: share.map(|share| share.denominator),
        interval_low: number(interval.map(|(low, _)| low)),
        interval_high: number(interval.map(|(_, high)| high)),
        target_percent: number(line.rule.target.map(i64::from)),
        meets_target: line.meets_target(),
        basis,
        source: entered.map(|entered| entered.source.clone()),
        entered_by: entered.map(|entered| entered.by.clone()),
        entered_at: entered.map(|entered| rfc3339(entered.at)),
        entered_besides: line.besides.as_ref().map(|besides| besides.value.french()),
        tally: line.tally.as_ref().map(TallyView::from).unwrap_or_default(),
        requests: explain.then(|| {
            line.requests.iter().map(|(reference, outcome)| format!("{reference}:{}", outcome.name())).collect()
        }),
        stamp: stamp.into(),
    }
}

/// The value as a number: a count, a mean, a percentage, minutes; `null` for words.
fn plain(value: &Value) -> Json {
    match value {
        Value::Count(count) => (*count).into(),
        Value::Minutes(minutes) => (*minutes).into(),
        Value::Mean(hundredths) => number(Some(*hundredths)),
        Value::Share(_) | Value::Percent(_) => number(value.hundredths()),
        Value::Text(_) | Value::NotApplicable | Value::Missing => Json::Null,
    }
}

/// An absent text is `null`, and never an empty one.
pub fn or_null<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(text) }
}

/// A group of a period.
#[must_use]
pub fn group(group: &Group, by: &'static str, period: Period, stamp: &Stamp, explain: bool) -> GroupView {
    GroupView {
        period: period.to_string(),
        by,
        group: group.key.clone(),
        label: group.label.clone(),
        tally: (&group.tally).into(),
        requests: explain.then(|| group.requests.clone()),
        stamp: stamp.into(),
    }
}

/// A row of the mails' tracking sheet.
#[derive(Debug, Clone, Serialize)]
pub struct MailRowView {
    mailbox: String,
    month: String,
    messages: u64,
    out_of_scope: u64,
    out_of_scope_by: Json,
    acknowledged: u64,
    unacknowledged: u64,
    unacknowledged_by: Json,
    alerted: u64,
    #[serde(flatten)]
    tally: TallyView,
    #[serde(flatten)]
    stamp: StampView,
}

/// A row of the mails' tracking sheet.
#[must_use]
pub fn mail_row(row: &MailRow, stamp: &Stamp) -> MailRowView {
    let by =
        |counts: &BTreeMap<String, u64>| counts.iter().map(|(key, count)| (key.clone(), (*count).into())).collect();
    MailRowView {
        mailbox: row.mailbox.clone(),
        month: row.month.to_string(),
        messages: row.messages,
        out_of_scope: row.out_of_scope.values().sum(),
        out_of_scope_by: Json::Object(by(&row.out_of_scope)),
        acknowledged: row.acknowledged,
        unacknowledged: row.unacknowledged.values().sum(),
        unacknowledged_by: Json::Object(by(&row.unacknowledged)),
        alerted: row.alerted,
        tally: (&row.tally).into(),
        stamp: stamp.into(),
    }
}

/// A line of detail of the mails' tracking sheet.
#[derive(Debug, Clone, Serialize)]
pub struct DetailView {
    reference: String,
    mailbox: String,
    #[serde(serialize_with = "or_null")]
    commitment: String,
    received_on: String,
    due_on: String,
    answered_on: Option<String>,
    working_days: Option<i64>,
    outcome: &'static str,
    #[serde(serialize_with = "or_null")]
    acknowledgement: String,
    #[serde(flatten)]
    stamp: StampView,
}

/// A line of detail of the mails' tracking sheet.
#[must_use]
pub fn detail(detail: &Detail, stamp: &Stamp) -> DetailView {
    DetailView {
        reference: detail.reference.clone(),
        mailbox: detail.mailbox.clone(),
        commitment: detail.commitment.clone(),
        received_on: detail.received_on.to_string(),
        due_on: detail.due_on.to_string(),
        answered_on: detail.answered_on.map(|day| day.to_string()),
        working_days: detail.days,
        outcome: detail.outcome.name(),
        acknowledgement: detail.acknowledgement.clone(),
        stamp: stamp.into(),
    }
}

/// A line of the appointments' tracking sheet.
#[derive(Debug, Clone, Serialize)]
pub struct AppointmentView {
    reference: String,
    requester: &'static str,
    #[serde(serialize_with = "or_null")]
    name: String,
    #[serde(serialize_with = "or_null")]
    quality: String,
    #[serde(serialize_with = "or_null")]
    town: String,
    authority: &'static str,
    requested_on: String,
    fixed_on: Option<String>,
    fixing_days: Option<i64>,
    fixing: &'static str,
    held_on: Option<String>,
    holding_days: Option<i64>,
    holding: &'static str,
    #[serde(serialize_with = "or_null")]
    note: String,
    #[serde(flatten)]
    stamp: StampView,
}

/// A line of the appointments' tracking sheet.
#[must_use]
pub fn appointment(row: &AppointmentRow, who: &Who, stamp: &Stamp) -> AppointmentView {
    AppointmentView {
        reference: row.reference.clone(),
        requester: row.requester.name(),
        name: who.name.clone(),
        quality: who.quality.clone(),
        town: who.town.clone(),
        authority: row.authority.name(),
        requested_on: row.requested_on.to_string(),
        fixed_on: row.fixed_on.map(|day| day.to_string()),
        fixing_days: row.fixing_days,
        fixing: row.fixing.name(),
        held_on: row.held_on.map(|day| day.to_string()),
        holding_days: row.holding_days,
        holding: row.holding.name(),
        note: who.note.clone(),
        stamp: stamp.into(),
    }
}
