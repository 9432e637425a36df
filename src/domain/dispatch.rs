//! The mails that acknowledge a request, and when each must have left (CRPA L112-11, R112-11-2): the acknowledgement at
//! once, or a registration notice at once and the acknowledgement some working days later.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::address::Address;
use super::deadline::deadline;
use super::decide::Desk;
use super::effect::{Effect, EffectKind, effect_id};
use super::request::Request;
use super::wording::{Registration, choose};

/// The working days within which a registration notice is owed, or the acknowledgement that makes it needless.
const NOTICE_LIMIT: u16 = 1;
/// The working days within which the acknowledgement is owed after a registration notice.
const FULL_LIMIT: u16 = 10;
/// How long before such a limit somebody is warned: time enough to write by hand.
const LEGAL_MARGIN: TimeDelta = TimeDelta::hours(12);
/// How long a mail may take to leave before anybody is warned.
const QUEUE_GRACE: TimeDelta = TimeDelta::minutes(15);
/// The civil hour at which an acknowledgement leaves by itself on its day.
const LEAVES_AT_HOUR: u32 = 8;

/// The mails that acknowledge a request to an address; `message` stands for the message that opened it. The first one
/// leaves at once.
#[must_use]
pub fn mails(desk: Desk<'_>, request: &Request, to: &Address, message: &str, now: DateTime<Utc>) -> Vec<Effect> {
    let mail = |kind: EffectKind, due_at, limit| Effect {
        id: effect_id(kind, &[&desk.policy.name, &request.reference, message]),
        kind,
        mailbox: desk.policy.name.clone(),
        bureau: String::new(),
        request: Some(request.id),
        recipients: vec![to.clone()],
        about: vec![request.reference.clone()],
        level: None,
        created_at: now,
        due_at,
        warn_at: Some(late_at(desk, request.received_at, limit, due_at)),
    };
    let text = choose(&desk.policy.texts, request.requester, request.nature);
    match text.and_then(|text| text.registration.as_ref()) {
        None => vec![mail(EffectKind::Acknowledgement, now, NOTICE_LIMIT)],
        Some(registration) => {
            let full_at = full_at(desk, request.received_at, registration).max(now);
            vec![
                mail(EffectKind::RegistrationNotice, now, NOTICE_LIMIT),
                mail(EffectKind::Acknowledgement, full_at, FULL_LIMIT),
            ]
        }
    }
}

/// When the acknowledgement leaves by itself after a registration notice.
fn full_at(desk: Desk<'_>, received_at: DateTime<Utc>, registration: &Registration) -> DateTime<Utc> {
    let received_on = desk.calendar.civil(received_at);
    let day = desk.calendar.add_working_days(received_on, registration.full_after);
    let time = NaiveTime::from_hms_opt(LEAVES_AT_HOUR, 0, 0).unwrap_or_default();
    desk.calendar.instant(day.unwrap_or(received_on), time)
}

/// When a mail that has not left becomes a risk: at noon of the last day that the law gives. What was late from the
/// start is given a moment to leave.
fn late_at(desk: Desk<'_>, received_at: DateTime<Utc>, limit: u16, due_at: DateTime<Utc>) -> DateTime<Utc> {
    let legal = deadline(desk.calendar, received_at, limit).map_or(due_at, |due| due.due_at);
    (legal - LEGAL_MARGIN).max(due_at + QUEUE_GRACE)
}
