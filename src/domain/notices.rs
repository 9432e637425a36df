//! Which mails agents get: alerts by bureau and level, what was settled of them, and the morning digest.

use chrono::{DateTime, Utc};

use super::alert::{self, Bureau, Rise};
use super::decide::{Decision, Desk, change};
use super::effect::{Effect, EffectKind, effect_id};
use super::ledger::rfc3339;
use super::promised::Promised;
use super::request::{Change, Request};

/// What rose: one mail a bureau and level.
#[derive(Debug, Default)]
struct Groups<'a>(Vec<(i64, &'a Bureau, Vec<String>)>);

impl<'a> Groups<'a> {
    fn add(&mut self, level: i64, bureau: &'a Bureau, reference: &str) {
        match self.0.iter_mut().find(|(known, other, _)| *known == level && other.key == bureau.key) {
            // Both clocks of an appointment may reach the same level.
            Some((_, _, references)) if references.iter().any(|known| known == reference) => {}
            Some((_, _, references)) => references.push(reference.to_owned()),
            None => self.0.push((level, bureau, vec![reference.to_owned()])),
        }
    }
}

/// Decides about the requests whose alert may be due, and about the letters and appointments of the bureaux that look at
/// theirs now: one mail a bureau and level, for all that reached it.
#[must_use]
pub fn on_alerts_due(
    requests: &[(Desk<'_>, Request)],
    promised: &[(Desk<'_>, &Promised)],
    now: DateTime<Utc>,
) -> Decision {
    let (mut decision, mut groups) = (Decision::default(), Groups::default());
    for (desk, request) in requests {
        let mut request = request.clone();
        match alert::rise(desk.clock(), &request, now) {
            Rise::Raise(level, next) => {
                if !change(&mut request, Change::AlertRaised { at: now, level, next }, None, &mut decision) {
                    continue;
                }
                groups.add(level, desk.bureau, &request.reference);
            }
            Rise::Wait(at) => request.next_alert_at = Some(at),
            Rise::Never => request.next_alert_at = None,
        }
        decision.requests.push(request);
    }
    for (desk, promised) in promised.iter().filter(|(desk, item)| !desk.policy.is_withdrawn(&item.commitment)) {
        match alert::rise_of(desk.clock(), promised.due(), now) {
            Rise::Raise(level, _) => {
                groups.add(level, desk.bureau, &promised.reference);
                decision.events.push(promised.alerted(level, now));
            }
            // The bureau looks again when it opens next.
            Rise::Wait(_) | Rise::Never => {}
        }
    }
    let mails = groups.0.into_iter().filter_map(|group| alert_mail(group, now));
    decision.effects = mails.collect();
    decision
}

/// One mail about all that reached a level in a bureau; none where it has nobody to write to.
fn alert_mail((level, bureau, references): (i64, &Bureau, Vec<String>), now: DateTime<Utc>) -> Option<Effect> {
    let recipients = bureau.recipients(level);
    // A level rises again where a request was given more time: that is another mail.
    let (level_name, raised_at) = (level.to_string(), rfc3339(now));
    let head = [bureau.key.as_str(), &level_name, &raised_at];
    let parts: Vec<&str> = head.into_iter().chain(references.iter().map(String::as_str)).collect();
    let id = effect_id(EffectKind::Alert, &parts);
    (!recipients.is_empty()).then(|| Effect {
        recipients,
        level: Some(level),
        ..to_bureau(EffectKind::Alert, id, bureau, references, now)
    })
}

/// The mail that says that what agents were warned of is settled; none where there is nothing of the kind.
#[must_use]
pub fn on_cleared(bureau: &Bureau, references: Vec<String>, now: DateTime<Utc>) -> Option<Effect> {
    let at = rfc3339(now);
    let head = [bureau.key.as_str(), &at];
    let parts: Vec<&str> = head.into_iter().chain(references.iter().map(String::as_str)).collect();
    let id = effect_id(EffectKind::Clearance, &parts);
    (!references.is_empty() && !bureau.agents.is_empty())
        .then(|| to_bureau(EffectKind::Clearance, id, bureau, references, now))
}

/// A stretch of the ledger: what a digest counts is what was written down between the last one and itself, so that
/// nothing falls between two of them, however late it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The last entry before it.
    pub after: i64,
    /// Its last entry.
    pub until: i64,
}

/// The morning digest of a bureau, for the firing at `scheduled`; `cleared` are the references that agents were warned of
/// and that were settled since the last one.
#[must_use]
pub fn on_digest_due(
    bureau: &Bureau,
    (covers, cleared): (Stretch, Vec<String>),
    scheduled: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Effect> {
    let about = std::iter::once(format!("{}..{}", covers.after, covers.until)).chain(cleared).collect();
    let mut recipients = bureau.agents.clone();
    recipients.extend(bureau.heads.iter().filter(|head| !bureau.agents.contains(head)).cloned());
    let id = effect_id(EffectKind::Digest, &[&bureau.key, &rfc3339(scheduled)]);
    (!recipients.is_empty()).then(|| Effect { recipients, ..to_bureau(EffectKind::Digest, id, bureau, about, now) })
}

/// What a digest counts, and the references of what was settled since the last one, as [`on_digest_due`] wrote them;
/// `None` where it does not say it.
#[must_use]
pub fn digest_covers(effect: &Effect) -> Option<(Stretch, &[String])> {
    let (first, cleared) = effect.about.split_first()?;
    let (after, until) = first.split_once("..")?;
    Some((Stretch { after: after.parse().ok()?, until: until.parse().ok()? }, cleared))
}

/// A mail to the agents of a bureau, due at once.
fn to_bureau(kind: EffectKind, id: String, bureau: &Bureau, about: Vec<String>, now: DateTime<Utc>) -> Effect {
    Effect {
        id,
        kind,
        mailbox: String::new(),
        bureau: bureau.key.clone(),
        request: None,
        recipients: bureau.agents.clone(),
        about,
        level: None,
        created_at: now,
        due_at: now,
        warn_at: None,
    }
}
