//! The truth against what vigie says, as tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use vigie::domain::effect::EffectKind;
use vigie::store::{Listing, RequestFilter, RequestLine};

use super::alarms::{self, Alarm, is_open};
use super::civil::civil;
use super::house::{BUREAUX, MAILBOXES, known};
use super::story::{Case, Story, seen};
use super::world::World;

/// Differences that are printed of each kind.
const SHOWN: usize = 12;

/// What was compared, and how it differed.
#[derive(Debug, Default)]
pub struct Findings {
    pub requests: usize,
    pub messages: usize,
    pub alarms: usize,
    pub digests: usize,
    pub differences: Vec<String>,
}

/// Compares all that vigie says at the end with the truth, and prints the tables.
pub async fn compare(world: &World<'_>) -> Findings {
    let story = world.story;
    let lines = world.store.list_requests(&RequestFilter::default()).await.unwrap();
    let by_id: HashMap<&str, &RequestLine> = lines.iter().map(|line| (line.message_id.as_str(), line)).collect();
    let mut findings = Findings { requests: lines.len(), ..Findings::default() };
    for case in &story.cases {
        match by_id.get(case.id.as_str()) {
            Some(line) => {
                if let Some(difference) = request(case, line) {
                    let story = told_of(world, &line.request.reference).await;
                    findings.differences.push(format!("{difference}; {:?}{story}", case.turns));
                }
            }
            None => findings.differences.push(format!("{} opened no request: {case:?}", case.id)),
        }
    }
    let known: BTreeSet<&str> = story.cases.iter().map(|case| case.id.as_str()).collect();
    let unknown = lines.iter().filter(|line| !known.contains(line.message_id.as_str()));
    findings.differences.extend(unknown.map(|line| format!("{} is no request", line.message_id)));
    if lines.len() != story.cases.len() {
        findings.differences.push(format!("{} requests where {} are true", lines.len(), story.cases.len()));
    }
    messages(world, &mut findings).await;
    acknowledgements(world, &mut findings);
    alerts(world, &by_id, &mut findings).await;
    digests(world, &mut findings);
    mailboxes(story);
    for difference in findings.differences.iter().take(SHOWN) {
        println!("  DIFFERENCE {difference}");
    }
    println!(
        "{} requests, {} messages, {} alerts, {} digests compared: {} differences",
        findings.requests,
        findings.messages,
        findings.alarms,
        findings.digests,
        findings.differences.len()
    );
    findings
}

/// How a request differs from the truth about it.
fn request(case: &Case, line: &RequestLine) -> Option<String> {
    let request = &line.request;
    let truth = [
        MAILBOXES[case.holder].name.to_owned(),
        case.requester.to_owned(),
        case.nature.to_owned(),
        case.commitment.to_owned(),
        case.received_at.to_string(),
        case.due_on().to_string(),
        case.settled.map_or("open", |settled| settled.status).to_owned(),
        case.settled.map(|settled| settled.at.to_string()).unwrap_or_default(),
        case.settled.and_then(|settled| settled.evidence).unwrap_or_default().to_owned(),
        case.acknowledgement.to_owned(),
        case.backlog.to_string(),
    ];
    let said = [
        request.mailbox.clone(),
        request.requester.name().to_owned(),
        request.nature.name().to_owned(),
        request.commitment.clone(),
        request.received_at.to_string(),
        request.due_on.to_string(),
        request.status.name().to_owned(),
        request.settled_at.map(|at| at.to_string()).unwrap_or_default(),
        request.evidence.map(vigie::domain::evidence::Evidence::name).unwrap_or_default().to_owned(),
        request.acknowledgement.name().to_owned(),
        request.backlog.to_string(),
    ];
    let wrong: Vec<String> =
        truth.iter().zip(&said).filter(|(truth, said)| truth != said).map(|(t, s)| format!("{s} for {t}")).collect();
    (!wrong.is_empty()).then(|| format!("{} {}: {}", request.reference, case.id, wrong.join(", ")))
}

/// The ledger's story of a request, as `vigie ledger show` tells it.
async fn told_of(world: &World<'_>, reference: &str) -> String {
    let zone = world.settings.office.zone();
    let story = vigie::app::story::of(&world.store, reference, zone).await.unwrap();
    let lines: Vec<String> = story.iter().map(|told| format!("\n      {} {}", told.at, told.text)).collect();
    lines.concat()
}

async fn messages(world: &World<'_>, findings: &mut Findings) {
    let mut told: BTreeMap<&'static str, usize> = BTreeMap::new();
    for line in world.store.messages(&Listing::default()).await.unwrap() {
        findings.messages += 1;
        let mailbox = MAILBOXES.iter().position(|mailbox| mailbox.name == line.mailbox).unwrap();
        let truth = world.story.verdicts.get(&(line.message_id.clone(), mailbox)).copied().unwrap_or("nothing");
        *told.entry(truth).or_default() += 1;
        if truth != line.verdict {
            let (id, reason) = (&line.message_id, &line.reason);
            findings.differences.push(format!("{id} is {truth}, said {} ({reason})", line.verdict));
        }
    }
    println!("\nmessages by what they are: {told:?}");
}

/// Each request that is acknowledged was, once, to the one who asked.
fn acknowledgements(world: &World<'_>, findings: &mut Findings) {
    let story = world.story;
    let mut expected: HashMap<(String, String), usize> = HashMap::new();
    for case in story.cases.iter().filter(|case| case.acknowledgement == "sent" || case.bounced) {
        expected.insert((story.people[case.person].address.clone(), case.id.clone()), 1);
    }
    for (whom, times) in &world.acknowledgements {
        if expected.get(whom) != Some(times) {
            findings.differences.push(format!("acknowledged {times} times: {whom:?}"));
        }
    }
    let missing = expected.keys().filter(|whom| !world.acknowledgements.contains_key(*whom));
    findings.differences.extend(missing.map(|whom| format!("never acknowledged: {whom:?}")));
}

async fn alerts(world: &World<'_>, by_id: &HashMap<&str, &RequestLine>, findings: &mut Findings) {
    let ids: HashMap<&str, &str> = by_id.iter().map(|(id, line)| (line.request.reference.as_str(), *id)).collect();
    let due = alarms::due(world.story);
    let mut told: BTreeSet<Alarm> = BTreeSet::new();
    let (mut twice, mut closed, mut mails) = (0, 0, BTreeMap::<i64, usize>::new());
    let mut moments: BTreeMap<(DateTime<Utc>, usize, i64), usize> = BTreeMap::new();
    for mail in world.mailed.iter().filter(|mail| mail.effect.kind == EffectKind::Alert) {
        let bureau = BUREAUX.iter().position(|bureau| bureau.key == mail.effect.bureau).unwrap();
        let level = mail.effect.level.unwrap();
        *mails.entry(level).or_default() += 1;
        *moments.entry((mail.at, bureau, level)).or_default() += 1;
        closed += usize::from(!is_open(&BUREAUX[bureau], &known(mail.at), mail.at));
        for reference in &mail.effect.about {
            let case = ids.get(reference.as_str()).map_or_else(|| reference.clone(), |id| (*id).to_owned());
            twice += usize::from(!told.insert(Alarm { at: mail.at, bureau, level, case }));
        }
    }
    println!("\nalerts            due    told  missed  superfluous   mails");
    for kind in [3, 2, 1, 0, -1, -2] {
        // All reminders are one line.
        let is = |level: i64| level.max(-2) == kind;
        let of = |alarms: &BTreeSet<Alarm>| alarms.iter().filter(|alarm| is(alarm.level)).count();
        let missed = due.difference(&told).filter(|alarm| is(alarm.level)).count();
        let superfluous = told.difference(&due).filter(|alarm| is(alarm.level)).count();
        let name = match kind {
            -2 => "reminders".to_owned(),
            -1 => "overdue".to_owned(),
            left => format!("{left} days left"),
        };
        let sent: usize = mails.iter().filter(|(level, _)| is(**level)).map(|(_, mails)| mails).sum();
        println!("{name:<14} {:>6} {:>7} {missed:>7} {superfluous:>12} {sent:>7}", of(&due), of(&told));
    }
    println!("told twice: {twice}, out of hours: {closed}");
    findings.alarms = due.len();
    let missed = due.difference(&told).map(|alarm| ("missed", alarm));
    let superfluous = told.difference(&due).map(|alarm| ("superfluous", alarm));
    for (number, (how, alarm)) in missed.chain(superfluous).enumerate() {
        let line = by_id.get(alarm.case.as_str()).filter(|_| number < SHOWN);
        let story = match line {
            Some(line) => told_of(world, &line.request.reference).await,
            None => String::new(),
        };
        findings.differences.push(format!("alert {how}: {alarm:?}{story}"));
    }
    if twice + closed > 0 {
        findings.differences.push(format!("{twice} alerts told twice, {closed} out of hours"));
    }
    // One mail a bureau, level and moment, however many requests.
    for ((at, bureau, level), sent) in moments.iter().filter(|(_, sent)| **sent > 1) {
        let bureau = BUREAUX[*bureau].key;
        findings.differences.push(format!("{sent} alert mails to {bureau} of level {level} at {at}"));
    }
}

/// Each bureau gets its digest on each working morning, once.
fn digests(world: &World<'_>, findings: &mut Findings) {
    let story = world.story;
    let mornings: Vec<DateTime<Utc>> = civil(story.begins)
        .date()
        .iter_days()
        .take_while(|day| *day <= civil(story.ends).date())
        .map(|day| (day, super::civil::at_second(day, 31_500)))
        .filter(|(day, at)| known(*at).works(*day))
        .map(|(_, at)| seen(at))
        .collect();
    for bureau in &BUREAUX {
        let of_bureau =
            |mail: &&super::world::Mailed| mail.effect.kind == EffectKind::Digest && mail.effect.bureau == bureau.key;
        let got: Vec<DateTime<Utc>> = world.mailed.iter().filter(of_bureau).map(|mail| mail.at).collect();
        findings.digests += got.len();
        if got != mornings {
            let other = got.iter().zip(&mornings).find(|(a, b)| a != b);
            findings.differences.push(format!(
                "digests of {}: {} for {}, {other:?}",
                bureau.key,
                got.len(),
                mornings.len()
            ));
        }
    }
}

fn mailboxes(story: &Story) {
    println!("\n{:<18} {:>8} {:>8} {:>8} {:>8} {:>8}", "mailbox", "requests", "in time", "late", "open", "closed");
    for (number, mailbox) in MAILBOXES.iter().enumerate() {
        let cases: Vec<&Case> = story.cases.iter().filter(|case| case.holder == number).collect();
        let count = |test: &dyn Fn(&Case) -> bool| cases.iter().filter(|case| test(case)).count();
        let answered = |case: &Case| case.settled.is_some_and(|settled| settled.status == "answered");
        println!(
            "{:<18} {:>8} {:>8} {:>8} {:>8} {:>8}",
            mailbox.name,
            cases.len(),
            count(&|case| answered(case) && !case.is_late()),
            count(&|case| answered(case) && case.is_late()),
            count(&|case| case.settled.is_none()),
            count(&|case| case.settled.is_some_and(|settled| settled.status != "answered")),
        );
    }
    println!("answered where vigie cannot see it: {}; messages received: {}", story.invisible, story.received);
}
