//! The morning digest of a bureau: what is due, what an agent should look at, and yesterday's figures.

use chrono::{DateTime, Utc};

use super::forecast::of_bureau;
use super::query::days_left;
use super::texts::{Written, bureau_of, gestures, head, item};
use super::{Result, promised};
use crate::domain::alert::Bureau;
use crate::domain::effect::Effect;
use crate::domain::gesture::{Means, Sign, Way};
use crate::domain::notices::{self, Stretch};
use crate::domain::office::Office;
use crate::domain::reasons;
use crate::domain::request::{AcknowledgementState, Request};
use crate::mail::ics;
use crate::mail::notice::{Attachment, Condition, DigestCounts, DigestFields, ListFields, Notice};
use crate::store::{RequestFilter, RequestLine, Store};

/// The template of the morning digest.
const DIGEST: &str = "point-du-matin";
/// Working days left from which the digest names a request.
const DIGEST_HORIZON: i64 = 2;
/// References named in one line of the digest.
const MAX_NAMES: usize = 10;
/// Guessed answers that are looked at for one digest; the others are there tomorrow.
const MAX_GUESSED: i64 = 500;

/// The morning digest of a bureau: it goes out also when there is nothing to say.
pub async fn digest(store: &Store, office: &Office, effect: &Effect, now: DateTime<Utc>) -> Result<Written> {
    let bureau = bureau_of(office, effect)?;
    let of_bureau_filter = RequestFilter { bureau: bureau.key.clone(), ..RequestFilter::default() };
    let open = store.list_requests(&RequestFilter { status: "open".into(), ..of_bureau_filter.clone() }).await?;
    let open: Vec<&RequestLine> = open.iter().filter(|line| !line.request.backlog).collect();
    let running: Vec<&RequestLine> = open.iter().copied().filter(|line| line.request.is_running()).collect();
    let urgent =
        |line: &&&RequestLine| days_left(office, &line.request, now).is_some_and(|left| left <= DIGEST_HORIZON);
    let items = running.iter().filter(urgent).filter_map(|line| item(office, line, now)).collect();
    let (covers, cleared) = notices::digest_covers(effect).unwrap_or((Stretch { after: 0, until: 0 }, &[]));
    let withheld = store.withheld_in(&bureau.key, covers).await?;
    let happened = store.happened(&bureau.key, covers).await?;
    let mut conditions = blind_mailboxes(store, office, bureau).await?;
    conditions.extend(not_delivered(&open));
    conditions.extend(super::blind_spot::conditions(store, office, bureau, now).await?);
    conditions.extend(super::retention::condition(store, office, bureau, now).await?);
    let forecast = of_bureau(store, office, &bureau.key, now).await?;
    let mut lists = lists(store, office, bureau, &open, cleared).await?;
    lists.extend(listed(&withheld));
    if let Some(desk) = office.desk_of_bureau(&bureau.key) {
        let waiting = promised::of_bureau(promised::waiting(store, office).await?, bureau);
        lists.splice(..0, promised::list(desk, &waiting, DIGEST_HORIZON, now));
    }
    let fields = DigestFields {
        head: head(office, bureau, effect, DIGEST),
        day: office.desk_of_bureau(&bureau.key).map_or_else(|| now.date_naive(), |desk| desk.calendar.civil(now)),
        counts: DigestCounts {
            received: happened.opened,
            answered: happened.answered,
            acknowledged: happened.acknowledged,
            withheld: count(withheld.len()),
            open: count(open.len()),
        },
        forecast: forecast.map(|forecast| forecast.outlook.french()),
        items,
        lists,
        conditions,
        gestures: gestures(office, bureau),
        seal: match &office.seal_key {
            Some(key) => Some(key.seal(&store.head().await?)),
            None => None,
        },
        attachments: deadlines(bureau, effect, &running).into_iter().collect(),
    };
    Ok(Some((Notice::Digest(fields), office.sender.clone())))
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What an agent should look at besides the limits.
async fn lists(
    store: &Store,
    office: &Office,
    bureau: &Bureau,
    open: &[&RequestLine],
    cleared: &[String],
) -> Result<Vec<ListFields>> {
    let guessed = store.guessed(&bureau.key, MAX_GUESSED).await?;
    let incomplete = chosen(open, |request| request.incomplete_since.is_some());
    let mut lists = vec![
        to_verify(office, bureau, &guessed, open),
        ListFields {
            advice: "Le délai reprend dès que le demandeur écrit, ou quand son message revient dans la boîte."
                .to_owned(),
            ..list("Pièces manquantes demandées, délai suspendu", &incomplete)
        },
        list("Déjà signalées, réglées depuis le dernier point", cleared),
    ];
    lists.retain(|list| !list.lines.is_empty());
    Ok(lists)
}

fn chosen(open: &[&RequestLine], wanted: impl Fn(&Request) -> bool) -> Vec<String> {
    open.iter().map(|line| &line.request).filter(|request| wanted(request)).map(|r| r.reference.clone()).collect()
}

fn list(title: &str, references: &[String]) -> ListFields {
    let lines = if references.is_empty() { Vec::new() } else { vec![named(references)] };
    ListFields { told: String::new(), title: format!("{title} ({})", references.len()), advice: String::new(), lines }
}

/// What was only concluded, and how agents put it right: they have a mail client, and no command.
fn to_verify(office: &Office, bureau: &Bureau, guessed: &[String], open: &[&RequestLine]) -> ListFields {
    let doubtful = |wanted: fn(&Request) -> bool| chosen(open, |request| request.is_doubtful() && wanted(request));
    let gone = doubtful(|request| request.deleted_at.is_some());
    let forwarded = doubtful(|request| request.deleted_at.is_none());
    let confirm = match mail_folder(office, bureau) {
        Some(folder) => format!("déplacez son message dans « {folder} »"),
        None => "dites-le au référent ou à la référente qualité".to_owned(),
    };
    let kinds = [
        ("réponse supposée", format!("si elle a bien été faite, {confirm}"), guessed),
        ("transférée par courriel, sans réponse connue", format!("si une réponse a été faite, {confirm}"), &forwarded),
        ("message disparu de la boîte, sans réponse", "remettez-le dans la boîte".to_owned(), &gone),
    ];
    let line = |(what, act, references): &(&str, String, &[String])| {
        (!references.is_empty())
            .then(|| format!("{} – {what} : {act} ; sinon, répondez au demandeur.", named(references)))
    };
    let lines = kinds.iter().filter_map(line).collect();
    let count = guessed.len() + gone.len() + forwarded.len();
    let told = match count {
        0 => String::new(),
        1 => "1\u{a0}demande à vérifier".to_owned(),
        many => format!("{many}\u{a0}demandes à vérifier"),
    };
    ListFields { told, title: format!("À vérifier ({count})"), advice: String::new(), lines }
}

/// The folder by which agents say that a mail was the answer.
fn mail_folder<'a>(office: &'a Office, bureau: &Bureau) -> Option<&'a str> {
    let policies = office.mailboxes.iter().filter(|policy| policy.bureau == bureau.key);
    policies.flat_map(|policy| &policy.gestures).find_map(|rule| match (&rule.means, &rule.sign) {
        (Means::Answered(Way::Mail), Sign::Folder(folder)) => Some(folder.as_str()),
        (_, Sign::Folder(_) | Sign::Keyword(_)) => None,
    })
}

/// The acknowledgements that were withheld, by reason.
fn listed(withheld: &[(String, String)]) -> Option<ListFields> {
    let mut by_reason: Vec<(String, Vec<String>)> = Vec::new();
    for (reference, reason) in withheld {
        match by_reason.iter_mut().find(|(known, _)| known == reason) {
            Some((_, references)) => references.push(reference.clone()),
            None => by_reason.push((reason.clone(), vec![reference.clone()])),
        }
    }
    let line = |(reason, references): &(String, Vec<String>)| {
        let reason = reasons::french(reason).trim_end_matches('.');
        format!("{reason}\u{a0}: {} ({})", references.len(), named(references))
    };
    (!withheld.is_empty()).then(|| ListFields {
        told: String::new(),
        title: format!("Accusés de réception retenus ({})", withheld.len()),
        advice: String::new(),
        lines: by_reason.iter().map(line).collect(),
    })
}

/// The first references of a list, and how many more there are.
fn named(references: &[String]) -> String {
    let first: Vec<&str> = references.iter().take(MAX_NAMES).map(String::as_str).collect();
    match references.len().saturating_sub(MAX_NAMES) {
        0 => first.join(", "),
        1 => format!("{} et 1 autre", first.join(", ")),
        more => format!("{} et {more} autres", first.join(", ")),
    }
}

/// The deadlines of the open requests as a calendar file, where the bureau wants it.
fn deadlines(bureau: &Bureau, effect: &Effect, running: &[&RequestLine]) -> Option<Attachment> {
    let due = |line: &&RequestLine| (line.request.due_on, line.request.reference.clone());
    bureau.digest_ics.then(|| Attachment {
        name: "echeances.ics".to_owned(),
        media_type: "text/calendar; charset=utf-8; method=PUBLISH",
        bytes: ics::deadlines(&bureau.label, effect.created_at, running.iter().map(due)).into_bytes(),
    })
}

/// The open requests whose acknowledgement the relay refused for good, or lost: their requesters know nothing.
fn not_delivered(open: &[&RequestLine]) -> Option<Condition> {
    let lost = |line: &&&RequestLine| {
        matches!(line.request.acknowledgement, AcknowledgementState::Refused | AcknowledgementState::Unknown)
    };
    let lines: Vec<&&RequestLine> = open.iter().filter(lost).collect();
    let oldest = lines.iter().map(|line| line.request.received_at).min()?;
    let named: Vec<&str> = lines.iter().take(MAX_NAMES).map(|line| line.request.reference.as_str()).collect();
    let more = if lines.len() > MAX_NAMES { ", …" } else { "" };
    Some(Condition {
        title: match lines.len() {
            1 => "Un accusé de réception n’a pas été remis, ou l’on ignore s’il l’a été".to_owned(),
            many => format!("{many} accusés de réception n’ont pas été remis, ou l’on ignore s’ils l’ont été"),
        },
        since: oldest,
        advice: format!("Prévenez les demandeurs par une autre voie : {}{more}.", named.join(", ")),
    })
}

async fn blind_mailboxes(store: &Store, office: &Office, bureau: &Bureau) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for mailbox in office.mailboxes.iter().filter(|mailbox| mailbox.bureau == bureau.key) {
        if let Some(since) = store.mailbox(&mailbox.name).await?.and_then(|row| row.blind_since) {
            conditions.push(Condition {
                title: format!("La boîte {} n’est plus lue", mailbox.name),
                since,
                advice: "Prévenez le SIDSIC : les nouveaux messages ne sont ni comptés ni accusés.".to_owned(),
            });
        }
    }
    Ok(conditions)
}
