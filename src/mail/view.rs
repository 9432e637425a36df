//! What templates see: words and figures made of a notice's fields, in the language of the template (`tongue.rs`).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::headers::{lines, one_line, quotable_name, quotable_subject};
use super::notice::{
    AckFields, AgentHead, AlertFields, Condition, Demande, DigestFields, Gesture, ItemFields, Level, ListFields,
    ReportFields, Service, Silence,
};
use super::template::Kind;
use super::tongue::{NBSP, Tongue};
use crate::domain::calendar::civil_time;
use crate::domain::policy::Nature;

/// The most requests named in one mail; the others are counted.
const MAX_ITEMS: usize = 100;

/// What the public's mails can say; each name here is a variable of the templates (`has_variable` names them again).
#[derive(Serialize)]
pub(super) struct AckView {
    reference: String,
    received: Instant,
    service: ServiceView,
    original_subject: Option<String>,
    requester_name: Option<String>,
    limit: Option<LimitView>,
    demande: Option<DemandeView>,
    data_protection: String,
    signature: String,
    signature_lines: Vec<String>,
    /// What announces the other language that follows; absent in a mail of one language.
    translation: Option<AnnouncementView>,
    /// Whether this is the second language of a mail.
    bilingual: bool,
    /// To whom the request was handed; in a transfer notice only.
    destination: Option<String>,
}

#[derive(Serialize)]
struct AnnouncementView {
    /// `English version below.`
    text: String,
    /// `en`
    language: String,
}

#[derive(Serialize)]
struct Instant {
    /// `jeudi 7 mai 2026`
    date: String,
    /// `7 mai 2026`
    day: String,
    /// `16 h 50`
    time: String,
    /// `heure de Paris`
    zone: String,
    /// `jeudi 7 mai 2026 à 16 h 50 (heure de Paris)`
    at: String,
    /// `2026-05-07`
    iso: String,
    /// `16:50`
    clock: String,
}

#[derive(Serialize)]
struct ServiceView {
    name: String,
    address: String,
    address_lines: Vec<String>,
    phone: String,
    email: String,
    hours: Option<String>,
    website: Option<String>,
}

#[derive(Serialize)]
struct LimitView {
    /// `5 jours ouvrés`
    days: String,
    /// `5`
    count: u16,
    /// `lundi 18 mai 2026`
    due_date: String,
}

#[derive(Serialize)]
struct DemandeView {
    /// `mardi 7 juillet 2026`
    date: String,
    /// `acceptée` or `rejetée`
    decision: &'static str,
    /// Present where silence means rejection.
    remedies: Option<String>,
    /// Present where silence means acceptance.
    attestation: Option<String>,
}

/// What an alert can say.
#[derive(Serialize)]
pub(super) struct AlertView {
    bureau: String,
    level: &'static str,
    page: Option<String>,
    items: Vec<ItemView>,
    total: usize,
    overdue: usize,
    hidden: usize,
    /// `PAN-2026-000123, PAN-2026-000124`; empty where nothing was settled.
    cleared: String,
    conditions: Vec<ConditionView>,
    gestures: Vec<GestureView>,
    /// `2 demandes à traiter, dont 1 en retard`
    headline: String,
    reminder: bool,
    lists: Vec<ListView>,
}

/// What a digest can say.
#[derive(Serialize)]
pub(super) struct DigestView {
    bureau: String,
    page: Option<String>,
    date: String,
    day: String,
    received: u32,
    answered: u32,
    acknowledged: u32,
    withheld: u32,
    open: u32,
    forecast: Option<String>,
    items: Vec<ItemView>,
    /// The same by urgency: what is late, due today, due on the next working day, due later.
    sections: Vec<SectionView>,
    lists: Vec<ListView>,
    total: usize,
    overdue: usize,
    hidden: usize,
    conditions: Vec<ConditionView>,
    gestures: Vec<GestureView>,
    seal: Option<String>,
    headline: String,
}

#[derive(Serialize)]
struct SectionView {
    title: &'static str,
    items: Vec<ItemView>,
}

#[derive(Serialize)]
struct ListView {
    title: String,
    advice: Option<String>,
    lines: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct ReportView {
    prefecture: String,
    period: String,
    sentences: Vec<String>,
    command: String,
    attachments: Vec<String>,
}

#[derive(Serialize, Clone)]
struct ItemView {
    reference: String,
    mailbox: String,
    requester: &'static str,
    nature: &'static str,
    address: Option<String>,
    /// `7 mai 2026 à 16 h 50`
    received: String,
    /// `5 jours ouvrés`
    age: String,
    /// `lundi 18 mai 2026`
    due_date: String,
    /// `il reste 2 jours ouvrés`
    remaining: String,
    overdue: bool,
    /// Under which heading of a digest it stands.
    section: &'static str,
}

#[derive(Serialize)]
struct ConditionView {
    title: String,
    since: String,
    advice: String,
}

#[derive(Serialize)]
struct GestureView {
    folder: String,
    meaning: String,
}

/// Whether a mail of this kind has a variable. Fields of list entries are checked when a sample is rendered.
pub(super) fn has_variable(kind: Kind, name: &str) -> bool {
    let known: &[&str] = match kind {
        Kind::Registration | Kind::Acknowledgement | Kind::Transfer => &ACK_VARIABLES,
        Kind::Alert => &ALERT_VARIABLES,
        Kind::Digest => &DIGEST_VARIABLES,
        Kind::Report => &REPORT_VARIABLES,
    };
    known.contains(&name)
}

const REPORT_VARIABLES: [&str; 6] = ["prefecture", "period", "sentences", "command", "attachments", "loop"];

const ACK_VARIABLES: [&str; 37] = [
    "reference",
    "destination",
    "received",
    "received.date",
    "received.day",
    "received.time",
    "received.zone",
    "received.at",
    "received.iso",
    "received.clock",
    "service",
    "service.name",
    "service.address",
    "service.address_lines",
    "service.phone",
    "service.email",
    "service.hours",
    "service.website",
    "original_subject",
    "requester_name",
    "limit",
    "limit.days",
    "limit.count",
    "limit.due_date",
    "demande",
    "demande.date",
    "demande.decision",
    "demande.remedies",
    "demande.attestation",
    "data_protection",
    "signature",
    "signature_lines",
    "translation",
    "translation.text",
    "translation.language",
    "bilingual",
    "loop",
];

const ALERT_VARIABLES: [&str; 14] = [
    "bureau",
    "lists",
    "level",
    "reminder",
    "page",
    "items",
    "total",
    "overdue",
    "hidden",
    "cleared",
    "conditions",
    "gestures",
    "headline",
    "loop",
];

const DIGEST_VARIABLES: [&str; 21] = [
    "bureau",
    "page",
    "date",
    "day",
    "received",
    "answered",
    "acknowledged",
    "withheld",
    "open",
    "forecast",
    "items",
    "sections",
    "lists",
    "total",
    "overdue",
    "hidden",
    "conditions",
    "gestures",
    "seal",
    "headline",
    "loop",
];

impl AckView {
    /// What a template in a language sees.
    pub(super) fn new(fields: &AckFields, language: &str) -> Self {
        let tongue = Tongue::of(language);
        Self {
            reference: one_line(&fields.reference),
            received: Instant::new(tongue, fields.zone, fields.received_at),
            service: ServiceView::new(&fields.service),
            original_subject: quotable_subject(&fields.original_subject),
            requester_name: fields.requester_name.as_deref().and_then(quotable_name),
            limit: fields.limit.map(|limit| LimitView {
                days: tongue.working_days(i64::from(limit.working_days)),
                count: limit.working_days,
                due_date: tongue.date(limit.due_on),
            }),
            demande: fields.demande.as_ref().map(|demande| DemandeView::new(tongue, demande)),
            data_protection: lines(fields.data_protection.trim()),
            signature: lines(fields.signature.trim()),
            signature_lines: list(&fields.signature),
            translation: None,
            bilingual: false,
            destination: fields.destination.as_deref().map(one_line).filter(|text| !text.is_empty()),
        }
    }

    /// As the first of two languages, the other announced.
    pub(super) fn followed_by(self, announcement: &str, language: &str) -> Self {
        let text = one_line(announcement);
        let translation = (!text.is_empty()).then(|| AnnouncementView { text, language: language.to_owned() });
        Self { translation, ..self }
    }

    /// As the second of two languages.
    pub(super) fn following(self) -> Self {
        Self { bilingual: true, ..self }
    }
}

impl Instant {
    fn new(tongue: Tongue, zone: Tz, instant: DateTime<Utc>) -> Self {
        let civil = civil_time(zone, instant);
        let (date, time) = (civil.date(), civil.time());
        Self {
            at: tongue.at(date, time, zone),
            day: tongue.day(date),
            iso: date.to_string(),
            clock: time.format("%H:%M").to_string(),
            date: tongue.date(date),
            time: tongue.time(time),
            zone: tongue.zone(zone),
        }
    }
}

impl ServiceView {
    fn new(service: &Service) -> Self {
        Self {
            name: one_line(&service.name),
            address: lines(service.address.trim()),
            address_lines: list(&service.address),
            phone: one_line(&service.phone),
            email: service.email.to_string(),
            hours: service.hours.as_deref().map(one_line),
            website: service.website.as_deref().map(one_line),
        }
    }
}

impl DemandeView {
    fn new(tongue: Tongue, demande: &Demande) -> Self {
        let (accepted, remedies, attestation) = match &demande.silence {
            Silence::Acceptance { attestation } => (true, None, Some(lines(attestation.trim()))),
            Silence::Rejection { remedies } => (false, Some(lines(remedies.trim())), None),
        };
        Self { date: tongue.date(demande.on), decision: tongue.decision(accepted), remedies, attestation }
    }
}

impl AlertView {
    pub(super) fn new(fields: &AlertFields) -> Self {
        let Listed { items, total, overdue, hidden } = Listed::new(&fields.head, &fields.items);
        let left = fields.items.iter().map(|item| item.working_days_left).min();
        let when = left.filter(|_| overdue == 0).map(within).unwrap_or_default();
        let headline = headline((total, overdue), &when, &fields.lists, &fields.conditions);
        Self {
            bureau: one_line(&fields.head.bureau),
            level: match fields.level {
                Level::Agents => "agents du bureau",
                Level::Head => "agents et chef de bureau",
                Level::QualityOfficer => "agents, chef de bureau et référent qualité",
                Level::Administrators => "administrateurs de Vigie",
            },
            page: fields.head.page.as_deref().map(one_line),
            headline: match (fields.cleared.is_empty(), fields.reminder) {
                (false, _) => cleared(fields.cleared.len()),
                (true, true) => format!("rappel, {headline}"),
                (true, false) => headline,
            },
            reminder: fields.reminder,
            lists: listed(&fields.lists),
            cleared: one_line(&fields.cleared.join(", ")),
            conditions: conditions(fields.head.zone, &fields.conditions),
            gestures: gestures(&fields.gestures),
            items,
            total,
            overdue,
            hidden,
        }
    }
}

fn cleared(count: usize) -> String {
    let what = if count < 2 { "demande signalée est réglée" } else { "demandes signalées sont réglées" };
    format!("{count}{NBSP}{what}")
}

/// The items of a digest, sorted by urgency, under what is to be done about them.
fn sections(items: &[ItemView]) -> Vec<SectionView> {
    let mut sections: Vec<SectionView> = Vec::new();
    for item in items {
        match sections.last_mut() {
            Some(section) if section.title == item.section => section.items.push(item.clone()),
            Some(_) | None => sections.push(SectionView { title: item.section, items: vec![item.clone()] }),
        }
    }
    sections
}

fn listed(lists: &[ListFields]) -> Vec<ListView> {
    let view = |list: &ListFields| ListView {
        title: one_line(&list.title),
        advice: Some(one_line(&list.advice)).filter(|advice| !advice.is_empty()),
        lines: list.lines.iter().map(|line| one_line(line)).collect(),
    };
    lists.iter().map(view).collect()
}

impl DigestView {
    pub(super) fn new(fields: &DigestFields) -> Self {
        let Listed { items, total, overdue, hidden } = Listed::new(&fields.head, &fields.items);
        Self {
            bureau: one_line(&fields.head.bureau),
            page: fields.head.page.as_deref().map(one_line),
            date: Tongue::French.date(fields.day),
            day: Tongue::French.day(fields.day),
            received: fields.counts.received,
            answered: fields.counts.answered,
            acknowledged: fields.counts.acknowledged,
            withheld: fields.counts.withheld,
            open: fields.counts.open,
            headline: headline((total, overdue), "", &fields.lists, &fields.conditions),
            conditions: conditions(fields.head.zone, &fields.conditions),
            gestures: gestures(&fields.gestures),
            seal: fields.seal.as_ref().map(|seal| seal.trim().to_owned()),
            forecast: fields.forecast.as_deref().map(one_line),
            sections: sections(&items),
            lists: listed(&fields.lists),
            items,
            total,
            overdue,
            hidden,
        }
    }
}

impl ReportView {
    pub(super) fn new(fields: &ReportFields) -> Self {
        Self {
            prefecture: one_line(&fields.head.bureau),
            period: one_line(&fields.period),
            sentences: fields.sentences.iter().map(|sentence| one_line(sentence)).collect(),
            command: one_line(&fields.command),
            attachments: fields.attachments.iter().map(|attachment| one_line(&attachment.name)).collect(),
        }
    }
}

/// The requests of a mail, the most urgent first.
struct Listed {
    items: Vec<ItemView>,
    total: usize,
    overdue: usize,
    hidden: usize,
}

impl Listed {
    fn new(head: &AgentHead, items: &[ItemFields]) -> Self {
        let mut sorted: Vec<&ItemFields> = items.iter().collect();
        sorted.sort_by(|a, b| {
            let urgency = |item: &ItemFields| (!item.overdue, item.working_days_left, item.due_on, item.received_at);
            urgency(a).cmp(&urgency(b)).then_with(|| a.reference.cmp(&b.reference))
        });
        Self {
            items: sorted.iter().take(MAX_ITEMS).map(|item| ItemView::new(head.zone, item)).collect(),
            total: items.len(),
            overdue: items.iter().filter(|item| item.overdue).count(),
            hidden: items.len().saturating_sub(MAX_ITEMS),
        }
    }
}

impl ItemView {
    fn new(zone: Tz, item: &ItemFields) -> Self {
        let received = Instant::new(Tongue::French, zone, item.received_at);
        Self {
            reference: one_line(&item.reference),
            mailbox: one_line(&item.mailbox),
            requester: item.requester.french(),
            nature: french_nature(item.nature),
            address: item.address.as_ref().map(ToString::to_string),
            received: format!("{} à{NBSP}{}", received.day, received.time),
            age: working_days(i64::from(item.age)),
            due_date: Tongue::French.date(item.due_on),
            remaining: remaining(item),
            overdue: item.overdue,
            section: match (item.overdue, item.working_days_left) {
                (true, _) => "En retard",
                (false, ..=0) => "À répondre aujourd’hui, dernier jour",
                (false, 1) => "À répondre pour le prochain jour ouvré",
                (false, _) => "À répondre ensuite",
            },
        }
    }
}

fn remaining(item: &ItemFields) -> String {
    match (item.overdue, item.working_days_left) {
        (true, 0) => "en retard depuis hier soir".to_owned(),
        (true, left) => format!("en retard de {}", working_days(left.abs())),
        (false, ..=0) => "à traiter aujourd’hui, dernier jour".to_owned(),
        (false, 1) => format!("il reste 1{NBSP}jour ouvré"),
        (false, left) => format!("il reste {}", working_days(left)),
    }
}

/// Until when what an alert is about can be answered in time: it is all of one level.
fn within(left: i64) -> String {
    if left <= 0 { " aujourd’hui".to_owned() } else { format!(" sous {}", working_days(left)) }
}

/// What the subject says: requests and by when, then what else waits, then incidents.
fn headline((total, overdue): (usize, usize), when: &str, lists: &[ListFields], conditions: &[Condition]) -> String {
    let plural = |n: usize, one: &str, many: &str| format!("{n}{NBSP}{}", if n < 2 { one } else { many });
    let mut parts = Vec::new();
    let to_do = plural(total, "demande à traiter", "demandes à traiter");
    match (total, overdue) {
        (0, _) => {}
        (_, 0) => parts.push(format!("{to_do}{when}")),
        (total, late) if late == total => parts.push(plural(total, "demande en retard", "demandes en retard")),
        (_, late) => parts.push(format!("{to_do}, dont {late} en retard")),
    }
    parts.extend(lists.iter().map(|list| one_line(&list.told)).filter(|told| !told.is_empty()));
    if !conditions.is_empty() {
        parts.push(plural(conditions.len(), "incident", "incidents"));
    }
    if parts.is_empty() { "rien à signaler".to_owned() } else { parts.join(", ") }
}

fn conditions(zone: Tz, conditions: &[Condition]) -> Vec<ConditionView> {
    let view = |condition: &Condition| ConditionView {
        title: one_line(&condition.title),
        since: Instant::new(Tongue::French, zone, condition.since).at,
        advice: lines(&condition.advice),
    };
    conditions.iter().take(MAX_ITEMS).map(view).collect()
}

fn gestures(gestures: &[Gesture]) -> Vec<GestureView> {
    let view =
        |gesture: &Gesture| GestureView { folder: one_line(&gesture.folder), meaning: one_line(&gesture.meaning) };
    gestures.iter().take(MAX_ITEMS).map(view).collect()
}

fn list(text: &str) -> Vec<String> {
    lines(text.trim()).lines().map(str::to_owned).collect()
}

/// `5 jours ouvrés`.
fn working_days(days: i64) -> String {
    Tongue::French.working_days(days)
}

fn french_nature(nature: Nature) -> &'static str {
    match nature {
        Nature::GeneralInfo => "demande d’information",
        Nature::Advice => "demande de conseil",
        Nature::Complaint => "réclamation",
        Nature::Suggestion => "suggestion",
        Nature::Appointment => "demande de rendez-vous",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mail::sample;

    /// The names that a serialised view holds, lists not entered.
    fn names(view: impl Serialize) -> BTreeSet<String> {
        let mut names = BTreeSet::from(["loop".to_owned()]);
        let value = serde_json::to_value(view).expect("a view is plain data");
        for (key, value) in value.as_object().expect("a view is a map") {
            names.insert(key.clone());
            names.extend(value.as_object().into_iter().flatten().map(|(inner, _)| format!("{key}.{inner}")));
        }
        names
    }

    #[test]
    fn the_lists_of_variables_say_what_the_views_hold() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            names(AckView::new(&sample::acknowledgement(), "fr").followed_by("English below.", "en")),
            set(&ACK_VARIABLES)
        );
        assert_eq!(names(AlertView::new(&sample::alert())), set(&ALERT_VARIABLES));
        assert_eq!(names(DigestView::new(&sample::digest())), set(&DIGEST_VARIABLES));
        assert_eq!(names(ReportView::new(&sample::report())), set(&REPORT_VARIABLES));
    }

    #[test]
    fn words_the_urgency_of_a_request() {
        let mut item = sample::item("R-1");
        for (overdue, left, expected) in [
            (true, -3, "en retard de 3 jours ouvrés"),
            (true, -1, "en retard de 1 jour ouvré"),
            (false, 0, "à traiter aujourd’hui, dernier jour"),
            (false, 1, "il reste 1 jour ouvré"),
            (false, 4, "il reste 4 jours ouvrés"),
        ] {
            (item.overdue, item.working_days_left) = (overdue, left);
            assert_eq!(remaining(&item).replace(NBSP, " "), expected);
        }
    }

    #[test]
    fn sorts_by_urgency_the_late_ones_first() {
        let item = |reference: &str, overdue, left| {
            let mut item = sample::item(reference);
            (item.overdue, item.working_days_left) = (overdue, left);
            item
        };
        let items = [item("A", false, 2), item("B", true, -1), item("C", false, 0), item("D", true, -5)];
        let listed = Listed::new(&sample::alert().head, &items);
        let order: Vec<&str> = listed.items.iter().map(|item| item.reference.as_str()).collect();
        assert_eq!((order, listed.overdue), (vec!["D", "B", "C", "A"], 2));
    }

    #[test]
    fn counts_the_requests_that_it_does_not_name() {
        let items = vec![sample::item("R"); MAX_ITEMS + 7];
        let listed = Listed::new(&sample::alert().head, &items);
        assert_eq!((listed.items.len(), listed.hidden, listed.total), (MAX_ITEMS, 7, MAX_ITEMS + 7));
    }
}
