//! What the passing of time brings: alerts that rise, digests that fall due. Nothing else happens by itself.

use chrono::{DateTime, TimeDelta, Utc};

use super::promised::{self, Registers};
use super::{Result, blind_spot, marks};
use crate::domain::alert;
use crate::domain::decide::Desk;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::notices::{self, Stretch};
use crate::domain::office::Office;
use crate::domain::request::Request;
use crate::domain::warning::Warning;
use crate::store::{Store, Turn};

/// Requests looked at in one turn; the rest follows in the next, at once.
const REQUESTS_PER_TURN: i64 = 2_000;
/// How late a digest may still go out: after that its day is over and the next one says all.
const DIGEST_STALE_AFTER: TimeDelta = TimeDelta::hours(12);

/// What a bureau's first digest covers; each other covers what was written down since the one before it.
const FIRST_DIGEST: TimeDelta = TimeDelta::days(1);

/// How often a bureau is told at most that what it was warned of is settled.
const CLEARANCE_EVERY: TimeDelta = TimeDelta::hours(1);

/// The name of the reports' schedule.
const REPORT: &str = "report";
/// When the requests of a mailbox that is not in the configuration are looked at again.
const ORPHAN_WAIT: TimeDelta = TimeDelta::hours(1);

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Requests whose alert rose or was put off.
    pub looked_at: usize,
    /// Mails put into the queue.
    pub queued: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// Does what is due at `now`.
pub async fn tick(store: &Store, office: &Office, now: DateTime<Utc>) -> Result<Ticked> {
    let schedules = store.schedules().await?;
    let blind_spots = blind_spot::monthly(store, &schedules, office, now).await?;
    let registers = promised::due(store, &schedules, office, now).await?;
    let mut turn = store.begin().await?;
    if registers.are_stale(&mut turn).await? {
        return Ok(Ticked { more: true, ..Ticked::default() });
    }
    blind_spot::put_off(&mut turn, office, now).await?;
    let requests = turn.alerts_due(now, REQUESTS_PER_TURN).await?;
    let more = i64::try_from(requests.len()).unwrap_or(i64::MAX) >= REQUESTS_PER_TURN;
    let known: Vec<(Desk<'_>, Request)> =
        requests.iter().filter_map(|request| Some((office.desk(&request.mailbox)?, request.clone()))).collect();
    let orphaned = requests.iter().filter(|request| office.desk(&request.mailbox).is_none());
    let waiting = registers.looked_at(&mut turn, office, now).await?;
    let decision = notices::on_alerts_due(&known, &waiting, now);
    let mut changed = decision.requests;
    // A mailbox may come back into the configuration: its requests wait, they are not forgotten.
    let later = Some(now + ORPHAN_WAIT);
    changed.extend(orphaned.cloned().map(|request| Request { next_alert_at: later, ..request }));
    turn.save_requests(&changed).await?;
    let mut effects = decision.effects;
    effects.extend(digests(&mut turn, office, &registers, now).await?);
    effects.extend(clearances(&mut turn, office, &registers, now).await?);
    effects.extend(reports(&mut turn, office, now).await?);
    effects.extend(late(&mut turn, office, now).await?);
    effects.extend(blind_spots.iter().filter_map(|warning| warning.mail(office, now)));
    queue(&mut turn, office, &effects).await?;
    for event in &decision.events {
        turn.write_down(event, now);
    }
    let more = marks::look_again(&mut turn, office, now).await? || more;
    let ticked = Ticked { looked_at: changed.len(), queued: effects.len(), more };
    turn.commit().await?;
    Ok(ticked)
}

/// When the next tick has something to do; `None` where nothing ever is.
pub async fn next_wake(store: &Store, office: &Office) -> Result<Option<DateTime<Utc>>> {
    let mut wakes: Vec<DateTime<Utc>> = store.next_alert().await?.into_iter().collect();
    wakes.extend(store.next_warning().await?);
    wakes.extend(marks::next_look(store).await?);
    let schedules = store.schedules().await?;
    wakes.extend(blind_spot::next(&schedules, office));
    for bureau in office.bureaux.iter().filter(|bureau| office.desk_of_bureau(&bureau.key).is_some()) {
        wakes.extend(schedules.next(&digest_name(&bureau.key)));
        wakes.extend(schedules.next(&promised::look_name(&bureau.key)));
        if bureau.clearance_mail {
            wakes.extend(schedules.next(&clearance_name(&bureau.key)));
        }
    }
    if office.report.is_some() {
        wakes.extend(schedules.next(REPORT));
    }
    Ok(wakes.into_iter().min())
}

/// The report of the last whole quarter where it is due, its schedule moved on. One that was missed leaves late rather
/// than never; the same quarter leaves once.
async fn reports(turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<Option<Effect>> {
    let Some(rule) = &office.report else { return Ok(None) };
    let scheduled = turn.scheduled(REPORT).await?;
    if scheduled.is_some_and(|at| at > now) {
        return Ok(None);
    }
    let next = rule.schedule.next_after(now, office.zone()).unwrap_or(now + TimeDelta::days(1));
    turn.schedule(REPORT, next).await?;
    // The first time nothing was missed: vigie has only just learned when reports leave.
    Ok(scheduled.and_then(|_| super::bilan::due(office, turn.head_seq(), now)))
}

pub(super) fn digest_name(bureau: &str) -> String {
    format!("digest:{bureau}")
}

pub(super) fn clearance_name(bureau: &str) -> String {
    format!("clearance:{bureau}")
}

/// The digests that are due, each schedule moved on to its next firing.
async fn digests(turn: &mut Turn, office: &Office, registers: &Registers, now: DateTime<Utc>) -> Result<Vec<Effect>> {
    let mut due = Vec::new();
    for bureau in &office.bureaux {
        let Some(desk) = office.desk_of_bureau(&bureau.key) else { continue };
        let name = digest_name(&bureau.key);
        let scheduled = turn.scheduled(&name).await?;
        if scheduled.is_some_and(|at| at > now) {
            continue;
        }
        if let Some(at) = scheduled.filter(|at| now - *at < DIGEST_STALE_AFTER) {
            let cleared = take_cleared(turn, registers, &bureau.key).await?;
            let after = match turn.told(&name).await? {
                Some(told) => told,
                None => turn.last_entry_before(now - FIRST_DIGEST).await?,
            };
            let covers = Stretch { after, until: turn.head_seq() };
            turn.tell(&name, covers.until).await?;
            due.extend(notices::on_digest_due(bureau, (covers, cleared), at, now));
        }
        // Where none is found within reach, it is looked for again tomorrow: never at once, and never never.
        let next = alert::next_digest(desk.clock(), desk.policy.zone, now).unwrap_or(now + TimeDelta::days(1));
        turn.schedule(&name, next).await?;
    }
    Ok(due)
}

/// Says what was settled of what agents were warned of, once an hour at most and while they are at work; where a bureau
/// does not want these mails, its next digest says it.
async fn clearances(
    turn: &mut Turn,
    office: &Office,
    registers: &Registers,
    now: DateTime<Utc>,
) -> Result<Vec<Effect>> {
    let mut due = Vec::new();
    for bureau in office.bureaux.iter().filter(|bureau| bureau.clearance_mail) {
        let Some(desk) = office.desk_of_bureau(&bureau.key) else { continue };
        let name = clearance_name(&bureau.key);
        if turn.scheduled(&name).await?.is_some_and(|at| at > now) {
            continue;
        }
        if bureau.hours.is_open(desk.calendar, now) {
            let cleared = take_cleared(turn, registers, &bureau.key).await?;
            due.extend(notices::on_cleared(bureau, cleared, now));
        }
        let later = now + CLEARANCE_EVERY;
        turn.schedule(&name, bureau.hours.next_open(desk.calendar, later).unwrap_or(later)).await?;
    }
    Ok(due)
}

/// What a bureau was warned of and is settled: its requests, then its letters and appointments.
async fn take_cleared(turn: &mut Turn, registers: &Registers, bureau: &str) -> Result<Vec<String>> {
    let mut cleared = turn.take_cleared(bureau).await?;
    cleared.extend(registers.take_cleared(turn, bureau).await?);
    Ok(cleared)
}

/// Warns, once, of acknowledgements that have not left although the law's limit is near: refused for now by the relay,
/// held by the breaker, or kept waiting by the quota.
async fn late(turn: &mut Turn, office: &Office, now: DateTime<Utc>) -> Result<Vec<Effect>> {
    let mut mails = Vec::new();
    for row in turn.take_late(now).await? {
        let count = u32::try_from(row.mails).unwrap_or(u32::MAX);
        let oldest = DateTime::from_timestamp_millis(row.oldest).unwrap_or(now);
        turn.write_down(&Event::AcknowledgementsLate { mailbox: row.mailbox.clone(), count, oldest, at: now }, now);
        let warning = Warning::Late { mailbox: row.mailbox, at: now, count, oldest, answer: row.answer };
        mails.extend(warning.mail(office, now));
    }
    Ok(mails)
}

/// Puts mails to agents into the queue.
pub(super) async fn queue(turn: &mut Turn, office: &Office, effects: &[Effect]) -> Result<()> {
    let named: Vec<(Effect, String)> =
        effects.iter().map(|effect| (effect.clone(), format!("{}@{}", effect.id, office.sender.domain()))).collect();
    Ok(turn.queue(&named).await?)
}

/// Writes down which texts are in use from now on.
pub async fn note_texts(store: &Store, digest: &str, now: DateTime<Utc>) -> Result<()> {
    let mut turn = store.begin().await?;
    turn.write_down(&Event::Texts { digest: digest.to_owned(), at: now }, now);
    Ok(turn.commit().await?)
}

/// Writes down that a mailbox cannot be read, or can again; the first time it is warned of, and only then.
pub async fn report_blindness(
    store: &Store,
    office: &Office,
    mailbox: &str,
    sight: Sight<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut turn = store.begin().await?;
    let Some(mut row) = turn.mailbox(mailbox).await? else { return Ok(()) };
    match sight {
        Sight::Lost { since, cause } => {
            if row.blind_reported {
                return Ok(());
            }
            row.blind_since = Some(since);
            row.blind_reported = true;
            let event =
                Event::Blindness { mailbox: mailbox.to_owned(), since, over: false, cause: cause.to_owned(), at: now };
            turn.write_down(&event, now);
            let warning = Warning::Blind { mailbox: mailbox.to_owned(), since, cause: cause.to_owned() };
            queue(&mut turn, office, warning.mail(office, now).as_slice()).await?;
        }
        Sight::Regained => {
            let Some(since) = row.blind_since.take() else { return Ok(()) };
            row.blind_reported = false;
            let event =
                Event::Blindness { mailbox: mailbox.to_owned(), since, over: true, cause: String::new(), at: now };
            turn.write_down(&event, now);
        }
    }
    turn.save_mailbox(mailbox, row).await?;
    turn.commit().await?;
    Ok(())
}

/// Warns that a folder cannot be read, or that there is none for what was sent: the same folder once a week.
pub async fn report_unread(
    store: &Store,
    office: &Office,
    mailbox: &str,
    folder: Option<&str>,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let (mailbox, folder, cause) = (mailbox.to_owned(), folder.map(str::to_owned), cause.to_owned());
    let warning = Warning::Unread { mailbox, folder, at: now, cause };
    let mut turn = store.begin().await?;
    queue(&mut turn, office, warning.mail(office, now).as_slice()).await?;
    turn.commit().await?;
    Ok(())
}

/// Whether a mailbox can be read.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// Not since an instant, for a cause.
    Lost {
        /// Since when.
        since: DateTime<Utc>,
        /// What the server or the network said.
        cause: &'a str,
    },
    /// Again.
    Regained,
}
