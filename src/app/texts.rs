//! What mails to agents and administrators say: the store's facts gathered for `mail` to word. The public's are in
//! `letters.rs`.

use chrono::{DateTime, TimeDelta, Utc};

use super::query::days_left;
use super::{Error, Result};
use crate::domain::address::Address;
use crate::domain::alert::Bureau;
use crate::domain::effect::Effect;
use crate::domain::office::Office;
use crate::domain::request::{AcknowledgementState, Request, Status};
use crate::domain::warning::Warning;
use crate::mail::notice::{
    AgentHead, AlertFields, Condition, DigestCounts, DigestFields, ItemFields, Level, Notice, Sender,
};
use crate::store::{RequestFilter, RequestLine, Store};

/// The template of alerts to agents, and of warnings to administrators.
const ALERT: &str = "alerte";
/// The template of the morning digest.
const DIGEST: &str = "point-du-matin";
/// The digest's figures cover this span.
const DIGEST_SPAN: TimeDelta = TimeDelta::days(1);
/// Working days left from which the digest names a request.
const DIGEST_HORIZON: i64 = 2;
/// References named in one line of the digest.
const DIGEST_NAMES: usize = 10;
/// A mail and the envelope's sender.
pub type Written = Option<(Notice, Address)>;

fn head(office: &Office, bureau: &Bureau, effect: &Effect, template: &str) -> AgentHead {
    AgentHead {
        template: template.to_owned(),
        from: Sender { address: office.sender.clone(), name: Some("vigie".to_owned()) },
        to: effect.recipients.clone(),
        bureau: bureau.label.clone(),
        zone: office.zone(),
        page: None,
    }
}

fn bureau_of<'a>(office: &'a Office, effect: &Effect) -> Result<&'a Bureau> {
    office.bureau(&effect.bureau).ok_or_else(|| Error::UnknownBureau(effect.bureau.clone()))
}

/// An alert about requests; none where all of them were answered meanwhile.
pub async fn alert(store: &Store, office: &Office, effect: &Effect, now: DateTime<Utc>) -> Result<Written> {
    let bureau = bureau_of(office, effect)?;
    let mut items = Vec::new();
    for reference in &effect.about {
        let line = store.request_line(reference).await?;
        items.extend(line.filter(|line| line.request.status == Status::Open).and_then(|line| item(office, &line, now)));
    }
    if items.is_empty() {
        return Ok(None);
    }
    let level = effect.level.unwrap_or_default();
    let level = match (level <= bureau.officers_from, level <= bureau.heads_from) {
        (true, _) => Level::QualityOfficer,
        (false, true) => Level::Head,
        (false, false) => Level::Agents,
    };
    let head = head(office, bureau, effect, ALERT);
    let fields = AlertFields { head, level, items, conditions: Vec::new(), gestures: Vec::new() };
    Ok(Some((Notice::Alert(fields), office.sender.clone())))
}

/// The morning digest of a bureau: it goes out also when there is nothing to say.
pub async fn digest(store: &Store, office: &Office, effect: &Effect, now: DateTime<Utc>) -> Result<Written> {
    let bureau = bureau_of(office, effect)?;
    let of_bureau = RequestFilter { bureau: bureau.key.clone(), ..RequestFilter::default() };
    let open = store.list_requests(&RequestFilter { status: "open".into(), ..of_bureau.clone() }).await?;
    let open: Vec<&RequestLine> = open.iter().filter(|line| !line.request.backlog).collect();
    let urgent =
        |line: &&&RequestLine| days_left(office, &line.request, now).is_some_and(|left| left <= DIGEST_HORIZON);
    let items = open.iter().filter(urgent).filter_map(|line| item(office, line, now)).collect();
    let since = now - DIGEST_SPAN;
    let lately = store.list_requests(&RequestFilter { from: Some(since), ..of_bureau.clone() }).await?;
    let answered = store.list_requests(&RequestFilter { status: "answered".into(), ..of_bureau }).await?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let acknowledged = |state| count(lately.iter().filter(|line| line.request.acknowledgement == state).count());
    let counts = DigestCounts {
        received: count(lately.len()),
        answered: count(answered.iter().filter(|line| line.request.settled_at >= Some(since)).count()),
        acknowledged: acknowledged(AcknowledgementState::Sent),
        withheld: acknowledged(AcknowledgementState::Withheld),
        open: count(open.len()),
    };
    let mut conditions = blind_mailboxes(store, office, bureau).await?;
    conditions.extend(not_delivered(&open));
    conditions.extend(super::blind_spot::conditions(store, office, bureau, now).await?);
    let fields = DigestFields {
        head: head(office, bureau, effect, DIGEST),
        day: office.desk_of_bureau(&bureau.key).map_or_else(|| now.date_naive(), |desk| desk.calendar.civil(now)),
        counts,
        items,
        conditions,
        gestures: Vec::new(),
        seal: match &office.seal_key {
            Some(key) => Some(key.seal(&store.head().await?)),
            None => None,
        },
    };
    Ok(Some((Notice::Digest(fields), office.sender.clone())))
}

/// The open requests whose acknowledgement the relay refused for good, or lost: their requesters know nothing.
fn not_delivered(open: &[&RequestLine]) -> Option<Condition> {
    let lost = |line: &&&RequestLine| {
        matches!(line.request.acknowledgement, AcknowledgementState::Refused | AcknowledgementState::Unknown)
    };
    let lines: Vec<&&RequestLine> = open.iter().filter(lost).collect();
    let oldest = lines.iter().map(|line| line.request.received_at).min()?;
    let named: Vec<&str> = lines.iter().take(DIGEST_NAMES).map(|line| line.request.reference.as_str()).collect();
    let more = if lines.len() > DIGEST_NAMES { ", …" } else { "" };
    Some(Condition {
        title: format!("{} accusés refusés par le relais ou d’issue inconnue", lines.len()),
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

fn item(office: &Office, line: &RequestLine, now: DateTime<Utc>) -> Option<ItemFields> {
    let request: &Request = &line.request;
    let desk = office.desk(&request.mailbox)?;
    let (received_on, today) = (desk.calendar.civil(request.received_at), desk.calendar.civil(now));
    Some(ItemFields {
        reference: request.reference.clone(),
        mailbox: request.mailbox.clone(),
        requester: request.requester,
        nature: request.nature,
        address: Address::parse(&line.address),
        received_at: request.received_at,
        age: u16::try_from(desk.calendar.working_days_between(received_on, today)).unwrap_or_default(),
        due_on: request.due_on,
        working_days_left: days_left(office, request, now).unwrap_or_default(),
        overdue: now >= request.due_at,
    })
}

/// A warning to the administrators.
pub fn operations(office: &Office, effect: &Effect) -> Written {
    let warning = Warning::read(&effect.about)?;
    let desk = warning.mailbox().and_then(|mailbox| office.desk(mailbox));
    let head = AgentHead {
        template: ALERT.to_owned(),
        from: Sender { address: office.sender.clone(), name: Some("vigie".to_owned()) },
        to: effect.recipients.clone(),
        bureau: desk.map_or_else(|| "Vigie".to_owned(), |desk| desk.bureau.label.clone()),
        zone: office.zone(),
        page: None,
    };
    let fields = AlertFields {
        head,
        level: Level::Agents,
        items: Vec::new(),
        conditions: vec![condition(&warning)],
        gestures: Vec::new(),
    };
    Some((Notice::Alert(fields), office.sender.clone()))
}

/// What to do while the database takes no writing.
const UNWRITABLE_ADVICE: &str = "Rien n’est perdu : les messages restent dans les boîtes. Mais rien n’est relevé ni accusé \
     tant que dure la panne : libérez de la place sur le disque de la base, ou rendez-la inscriptible ; vigie reprendra \
     d’elle-même.";

fn blind(mailbox: &str, since: DateTime<Utc>, cause: &str) -> Condition {
    Condition {
        title: format!("La boîte {mailbox} n’est plus lue"),
        since,
        advice: format!("Cause : {cause}. Vérifiez par « vigie check » ; vigie reprendra d’elle-même."),
    }
}

fn condition(warning: &Warning) -> Condition {
    match warning {
        Warning::Blind { mailbox, since, cause } => blind(mailbox, *since, cause),
        Warning::Gap { mailbox, folder, at, cause } => Condition {
            title: format!("Le registre de la boîte {mailbox} diffère du serveur (dossier {folder})"),
            since: *at,
            advice: format!("{cause} Vérifiez par « vigie check --reconcile » et dans la boîte elle-même."),
        },
        Warning::Unread { mailbox, folder: Some(folder), at, cause } => Condition {
            title: format!("Le dossier {folder} de la boîte {mailbox} n’est pas lu"),
            since: *at,
            advice: format!(
                "Cause : {cause}. Ce qu’il contient reste invisible, dont les réponses s’il s’agit d’un dossier d’envoi : \
                 corrigez son nom dans la configuration, puis vérifiez par « vigie check »."
            ),
        },
        Warning::Unread { mailbox, folder: None, at, .. } => Condition {
            title: format!("La boîte {mailbox} n’a pas de dossier d’envoi connu"),
            since: *at,
            advice:
                "Les réponses des agents ne sont pas vues : indiquez ce dossier (« sent ») dans la configuration, puis \
                     vérifiez par « vigie check »."
                    .to_owned(),
        },
        Warning::Late { mailbox, count, oldest, answer, .. } => Condition {
            title: format!(
                "{count} accusés de réception de la boîte {mailbox} ne sont pas partis, le délai légal approche"
            ),
            since: *oldest,
            advice: format!(
                "Dernière réponse du relais : {answer}. Un accusé est dû sous un jour ouvré (CRPA, art. R112-11-2) : vérifiez \
                 le relais par « vigie check » et « vigie breaker », ou écrivez vous-même aux demandeurs (« vigie requests »)."
            ),
        },
        Warning::AnswersItself { mailbox, at } => Condition {
            title: format!("La boîte {mailbox} répond d’elle-même : son message d’absence est activé"),
            since: *at,
            advice: "Désactivez-le dans la messagerie : il double l’accusé de réception, sans les mentions que la loi \
                     demande, et peut répondre à des automates."
                .to_owned(),
        },
        Warning::BlindSpot { mailbox, at, spot, sight } => super::blind_spot::condition(mailbox, *spot, sight, *at),
        Warning::Loop { mailbox, parties: (ours, theirs), at } => Condition {
            title: format!("Boucle arrêtée dans la boîte {mailbox}, entre {ours} et {theirs}"),
            since: *at,
            advice:
                "Un répondeur sans en-tête répond à nos accusés : il n’en reçoit plus. Ses messages restent comptés \
                     comme demandes : vérifiez-les par « vigie messages » et clôturez-les."
                    .to_owned(),
        },
        Warning::Unwritable { since, cause } => Condition {
            title: "La base de vigie n’accepte plus d’écriture".to_owned(),
            since: *since,
            advice: format!("Cause : {cause}. {UNWRITABLE_ADVICE}"),
        },
        Warning::BreakerTripped(trip) => Condition {
            title: format!(
                "Le disjoncteur retient tous les accusés de réception ({} partis dans l’heure, limite {})",
                trip.sent, trip.limit
            ),
            since: trip.at,
            advice: "Cherchez une boucle ou un afflux par « vigie messages », puis « vigie breaker release » pour les \
                     envoyer, ou « vigie breaker release --discard » pour les retirer."
                .to_owned(),
        },
    }
}
