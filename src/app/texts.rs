//! What mails to agents and administrators say: the store's facts gathered for `mail` to word. The public's are in
//! `letters.rs`.

use chrono::{DateTime, Utc};

use super::query::days_left;
use super::{Error, Result, promised};
use crate::domain::address::Address;
use crate::domain::alert::{Bureau, OVERDUE};
use crate::domain::effect::Effect;
use crate::domain::gesture::{Means, Sign, Way};
use crate::domain::office::Office;
use crate::domain::request::Request;
use crate::domain::warning::Warning;
use crate::mail::notice::{AgentHead, AlertFields, Condition, Gesture, ItemFields, Level, ListFields, Notice, Sender};
use crate::store::{RequestLine, Store};

/// The template of alerts to agents, and of warnings to administrators.
const ALERT: &str = "alerte";
/// A mail and the envelope's sender.
pub type Written = Option<(Notice, Address)>;

pub(super) fn head(office: &Office, bureau: &Bureau, effect: &Effect, template: &str) -> AgentHead {
    AgentHead {
        template: template.to_owned(),
        from: Sender { address: office.sender.clone(), name: Some("vigie".to_owned()) },
        to: effect.recipients.clone(),
        bureau: bureau.label.clone(),
        zone: office.zone(),
        page: None,
    }
}

pub(super) fn bureau_of<'a>(office: &'a Office, effect: &Effect) -> Result<&'a Bureau> {
    office.bureau(&effect.bureau).ok_or_else(|| Error::UnknownBureau(effect.bureau.clone()))
}

/// An alert about requests; none where all of them were answered meanwhile.
pub async fn alert(store: &Store, office: &Office, effect: &Effect, now: DateTime<Utc>) -> Result<Written> {
    let bureau = bureau_of(office, effect)?;
    let (mut items, mut others) = (Vec::new(), false);
    for reference in &effect.about {
        let line = store.request_line(reference).await?;
        others |= line.is_none();
        items.extend(line.filter(|line| line.request.is_running()).and_then(|line| item(office, &line, now)));
    }
    let lists = if others { registered(store, office, bureau, effect, now).await? } else { Vec::new() };
    if items.is_empty() && lists.is_empty() {
        return Ok(None);
    }
    let level = effect.level.unwrap_or_default();
    let reminder = level < OVERDUE;
    let level = match (level <= bureau.officers_from, level <= bureau.heads_from) {
        (true, _) => Level::QualityOfficer,
        (false, true) => Level::Head,
        (false, false) => Level::Agents,
    };
    let head = head(office, bureau, effect, ALERT);
    let fields = AlertFields {
        head,
        level,
        reminder,
        items,
        lists,
        cleared: Vec::new(),
        conditions: Vec::new(),
        gestures: gestures(office, bureau),
    };
    Ok(Some((Notice::Alert(fields), office.sender.clone())))
}

/// The letters and appointments that a mail is about, and that wait still.
async fn registered(
    store: &Store,
    office: &Office,
    bureau: &Bureau,
    effect: &Effect,
    now: DateTime<Utc>,
) -> Result<Vec<ListFields>> {
    let Some(desk) = office.desk_of_bureau(&bureau.key) else { return Ok(Vec::new()) };
    let named = promised::among(promised::waiting(store, office).await?, &effect.about);
    Ok(promised::list(desk, &named, i64::MAX, now).into_iter().collect())
}

/// What agents were warned of and is settled.
pub fn clearance(office: &Office, effect: &Effect) -> Result<Written> {
    let head = head(office, bureau_of(office, effect)?, effect, ALERT);
    let fields = AlertFields {
        head,
        level: Level::Agents,
        reminder: false,
        items: Vec::new(),
        lists: Vec::new(),
        cleared: effect.about.clone(),
        conditions: Vec::new(),
        gestures: Vec::new(),
    };
    Ok(Some((Notice::Alert(fields), office.sender.clone())))
}

/// The folders of the mail client into which agents move what they dealt with; those that close nothing are not told to
/// somebody who looks for a way to close.
pub(super) fn gestures(office: &Office, bureau: &Bureau) -> Vec<Gesture> {
    let mut found: Vec<Gesture> = Vec::new();
    for rule in office.mailboxes.iter().filter(|policy| policy.bureau == bureau.key).flat_map(|policy| &policy.gestures)
    {
        let Sign::Folder(folder) = &rule.sign else { continue };
        let closes = match rule.means {
            Means::Answered(_) | Means::Transferred(_) | Means::NoReplyNeeded(_) => true,
            Means::Holding | Means::Incomplete => false,
        };
        if !closes {
            continue;
        }
        if !found.iter().any(|known| known.folder == *folder) {
            found.push(Gesture { folder: folder.clone(), meaning: meaning(&rule.means) });
        }
    }
    found
}

fn meaning(means: &Means) -> String {
    match means {
        Means::Answered(Way::Phone) => "répondu par téléphone".to_owned(),
        Means::Answered(Way::Counter) => "répondu au guichet".to_owned(),
        Means::Answered(Way::Letter) => "répondu par courrier".to_owned(),
        Means::Answered(Way::Mail) => "répondu par un courriel que Vigie n’a pas reconnu".to_owned(),
        Means::Holding => "réponse d’attente envoyée".to_owned(),
        Means::Transferred(to) => format!("transmis à {to}"),
        Means::NoReplyNeeded(_) => "n’appelle pas de réponse".to_owned(),
        Means::Incomplete => "pièces manquantes demandées, le délai est suspendu".to_owned(),
    }
}

pub(super) fn item(office: &Office, line: &RequestLine, now: DateTime<Utc>) -> Option<ItemFields> {
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
        level: Level::Administrators,
        reminder: false,
        items: Vec::new(),
        lists: Vec::new(),
        cleared: Vec::new(),
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
                "Dernière réponse du relais : {answer}. Un accusé est dû sous un jour ouvré (CRPA, art. R112-11-2). Au SIDSIC : \
                 vérifiez le relais par « vigie check » et « vigie breaker ». Au bureau : écrivez vous-mêmes à ces demandeurs."
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
