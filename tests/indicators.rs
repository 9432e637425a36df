//! Figures against a second, naive computation over a generated year; Annexe 1 as the document reads; registers; reports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeDelta, Utc, Weekday};
use support::app::Vigie;
use vigie::app::register::{Hand, NewAppointment, NewLetter, Origin};
use vigie::app::verify::verify;
use vigie::app::{bilan, facts, import, refresh};
use vigie::domain::calendar::{Calendar, Closure, civil_time};
use vigie::domain::change::Change;
use vigie::domain::deadline::deadline;
use vigie::domain::effect::EffectKind;
use vigie::domain::event::Event;
use vigie::domain::evidence::Evidence;
use vigie::domain::holidays::HolidayRules;
use vigie::domain::indicator::annex::Annex;
use vigie::domain::indicator::outline::{By, Scope};
use vigie::domain::indicator::tally::{Measure, Outcome};
use vigie::domain::office::{Office, ReportRule};
use vigie::domain::period::Period;
use vigie::domain::policy::{Channel, Nature, Requester};
use vigie::domain::register::Authority;
use vigie::domain::request::{AcknowledgementState, MessageId, Request, RequestId, Status};
use vigie::domain::schedule::Schedule;
use vigie::report::bilan::Bilan;
use vigie::report::{figures, ods, views};
use vigie::store::{Details, Store};

/// Requests of the generated year.
const REQUESTS: u64 = 3_000;
/// When the ledger is read: some of the last requests are not yet due, others overdue.
const READ_AT: &str = "2026-12-29T16:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Numbers without chance: the same seed, the same year (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What really happened to a request, as the generator knows it.
#[derive(Debug, Clone)]
struct Truth {
    reference: String,
    mailbox: &'static str,
    requester: Requester,
    nature: Nature,
    official: bool,
    backlog: bool,
    received_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    transferred_at: Option<DateTime<Utc>>,
}

fn truth(dice: &mut Dice, n: u64) -> Truth {
    let received_at =
        at("2026-01-01T00:00:00Z") + TimeDelta::minutes(i64::try_from(dice.below(362 * 24 * 60)).unwrap());
    let after =
        |dice: &mut Dice, hours: u64| received_at + TimeDelta::hours(i64::try_from(1 + dice.below(hours)).unwrap());
    let seen = |at: DateTime<Utc>| (at < self::at(READ_AT)).then_some(at);
    let mut truth = Truth {
        reference: format!("PAN-2026-{n:06}"),
        mailbox: ["pref-pan", "pref-étrangers"][usize::try_from(dice.below(2)).unwrap()],
        requester: [Requester::Public, Requester::Public, Requester::Elected, Requester::LocalAuthority]
            [usize::try_from(dice.below(4)).unwrap()],
        nature: [Nature::GeneralInfo, Nature::Advice, Nature::Complaint, Nature::Suggestion]
            [usize::try_from(dice.below(4)).unwrap()],
        official: dice.below(10) > 0,
        backlog: dice.below(40) == 0,
        received_at,
        answered_at: None,
        closed_at: None,
        transferred_at: None,
    };
    match dice.below(20) {
        0..=13 => truth.answered_at = seen(after(dice, 150)),
        14 | 15 => truth.answered_at = seen(after(dice, 600)),
        16 => truth.closed_at = seen(after(dice, 300)),
        17 => truth.transferred_at = seen(after(dice, 300)),
        _ => {}
    }
    truth
}

fn request(office: &Office, truth: &Truth, n: u64) -> Request {
    let desk = office.desk(truth.mailbox).unwrap();
    let due = deadline(desk.calendar, truth.received_at, 5).unwrap();
    let id = i64::try_from(n).unwrap();
    Request {
        id: RequestId(id),
        reference: truth.reference.clone(),
        mailbox: truth.mailbox.into(),
        bureau: desk.policy.bureau.clone(),
        message: MessageId(id),
        person: None,
        requester: truth.requester,
        nature: truth.nature,
        commitment: "mail.user.info".into(),
        limit: 5,
        received_at: truth.received_at,
        due_on: due.due_on,
        due_at: due.due_at,
        calendar_revision: due.calendar_revision,
        again_of: None,
        backlog: truth.backlog,
        flagged: false,
        status: Status::Open,
        settled_at: None,
        holding_at: None,
        substantive_at: None,
        incomplete_since: None,
        suspended_days: 0,
        merged_into: None,
        deleted_at: None,
        forwarded_at: None,
        gesture: None,
        evidence: None,
        confidence: None,
        acknowledgement: AcknowledgementState::Withheld,
        acknowledged_at: None,
        alert_level: None,
        next_alert_at: None,
        alert_cleared: false,
    }
}

/// Writes a year into the ledger, through the store's own turns.
async fn year(vigie: &Vigie) -> Vec<Truth> {
    let mut dice = Dice(2026);
    let truths: Vec<Truth> = (1..=REQUESTS).map(|n| truth(&mut dice, n)).collect();
    let mut turn = vigie.store.begin().await.unwrap();
    for (n, truth) in (1..).zip(&truths) {
        let request = request(&vigie.office, truth, n);
        let opened = Event::RequestOpened {
            request: Box::new(request),
            message: format!("m{n}"),
            person: None,
            rule: "essai".into(),
            official: truth.official,
            again_of: None,
        };
        turn.write_down(&opened, truth.received_at);
        let evidence = Evidence::SentReply;
        let answered = truth.answered_at.map(|at| Change::Answered {
            at,
            evidence,
            confidence: evidence.confidence(),
            holding: false,
            by: None,
            way: None,
        });
        let closed = truth.closed_at.map(|at| Change::Closed { at, motive: "x".into(), note: None, by: "a".into() });
        let transferred =
            truth.transferred_at.map(|at| Change::Transferred { at, to: "x".into(), note: None, by: "a".into() });
        for change in answered.into_iter().chain(closed).chain(transferred) {
            let (reference, mailbox) = (truth.reference.clone(), truth.mailbox.to_owned());
            turn.write_down(&Event::Changed { reference, mailbox, message: None, change }, truth.received_at);
        }
    }
    let last = Event::Reconciled {
        mailbox: "pref-pan".into(),
        folder: "INBOX".into(),
        server: 0,
        store: 0,
        missing: 0,
        surplus: 0,
        repaired: true,
        at: at(READ_AT),
    };
    turn.write_down(&last, at(READ_AT));
    turn.commit().await.unwrap();
    truths
}

/// The second computation: its own working days, from the oracle's holidays, its own counting, its own rounding.
struct Naive {
    holidays: HashSet<NaiveDate>,
}

impl Naive {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/holidays.csv");
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("metropole,"));
        Self { holidays: lines.map(|line| day(line.split(',').nth(1).unwrap())).collect() }
    }

    fn works(&self, day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains(&day)
    }

    fn civil(at: DateTime<Utc>) -> NaiveDate {
        civil_time(chrono_tz::Europe::Paris, at).date()
    }

    /// Working days from one day to another.
    fn days(&self, from: NaiveDate, until: NaiveDate) -> i64 {
        let (mut count, mut day) = (0, from);
        while day < until {
            day += Duration::days(1);
            count += i64::from(self.works(day));
        }
        count
    }

    /// The last civil day in time.
    fn due(&self, received: NaiveDate) -> NaiveDate {
        let (mut left, mut day) = (5, received);
        while left > 0 {
            day += Duration::days(1);
            left -= i32::from(self.works(day));
        }
        day
    }

    /// The counts of some requests, under the names of the JSON keys.
    fn tally(&self, truths: &[&Truth]) -> BTreeMap<&'static str, String> {
        let today = Self::civil(at(READ_AT));
        let (mut counts, mut delays) = (BTreeMap::from([("received", 0_u64)]), Vec::new());
        for key in ["in_time", "late", "overdue", "pending", "closed", "transferred"] {
            counts.insert(key, 0);
        }
        for truth in truths.iter().filter(|truth| !truth.backlog) {
            *counts.get_mut("received").unwrap() += 1;
            let (received, due) = (Self::civil(truth.received_at), self.due(Self::civil(truth.received_at)));
            let ended = truth.closed_at.or(truth.transferred_at).map(Self::civil);
            let (key, until) = match (truth.answered_at.map(Self::civil), ended) {
                (Some(answered), _) if answered <= due => ("in_time", Some(answered)),
                (Some(answered), _) => ("late", Some(answered)),
                (None, Some(ended)) if ended <= due && truth.closed_at.is_some() => ("closed", None),
                (None, Some(ended)) if ended <= due => ("transferred", None),
                (None, Some(ended)) => ("overdue", Some(ended)),
                (None, None) if today <= due => ("pending", None),
                (None, None) => ("overdue", Some(today)),
            };
            *counts.get_mut(key).unwrap() += 1;
            delays.extend(until.map(|until| self.days(received, until)));
        }
        let judged = counts["in_time"] + counts["late"] + counts["overdue"];
        let rate = naive_rate(counts["in_time"], judged);
        let mut values: BTreeMap<&str, String> =
            counts.into_iter().map(|(key, count)| (key, count.to_string())).collect();
        values.insert("rate_percent", rate);
        delays.sort_unstable();
        let n = delays.len();
        let two = |value: f64| format!("{value:.2}");
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let (median, mean, p90) = if n == 0 {
            ("null".to_owned(), "null".to_owned(), "null".to_owned())
        } else {
            let median = (delays[(n - 1) / 2] + delays[n / 2]) as f64 / 2.0;
            // Half up, in integers: a float would round half to even.
            let sum: i64 = delays.iter().sum();
            let hundredths = (sum * 200 + i64::try_from(n).unwrap()) / (2 * i64::try_from(n).unwrap());
            // The least delay that nine in ten do not exceed.
            let enough = |limit: &&i64| 10 * delays.iter().filter(|days| days <= limit).count() >= 9 * n;
            let p90 = *delays.iter().find(enough).unwrap();
            (two(median), format!("{}.{:02}", hundredths / 100, hundredths % 100), two(p90 as f64))
        };
        values.extend([("median_days", median), ("mean_days", mean), ("p90_days", p90)]);
        values
    }
}

fn naive_rate(numerator: u64, denominator: u64) -> String {
    if denominator == 0 {
        return "null".to_owned();
    }
    let mut hundredths = (numerator * 20_000 + denominator) / (2 * denominator);
    if numerator < denominator && hundredths == 10_000 {
        hundredths = 9_999;
    }
    if numerator > 0 && hundredths == 0 {
        hundredths = 1;
    }
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The same number, however it is written: `5.5` is `5.50`.
fn written(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap()),
        other => other.to_string(),
    }
}

fn compare(naive: &BTreeMap<&'static str, String>, view: &serde_json::Value, what: &str) {
    for (key, expected) in naive {
        assert_eq!(&written(&view[*key]), expected, "{what}: {key}");
    }
}

#[tokio::test]
async fn a_generated_year_s_figures_equal_a_naive_computation_to_the_last_digit() {
    let vigie = Vigie::new(|_| {}).await;
    let truths = year(&vigie).await;
    let naive = Naive::new();
    let whole = Period::Year(2026);
    let folded = facts::load(&vigie.store, &vigie.office, whole.span(chrono_tz::Europe::Paris), None).await.unwrap();
    let material = folded.material(&vigie.office);
    let mut periods = vec![whole];
    periods.extend(whole.parts());
    periods.extend(whole.all_months());
    for period in periods {
        let of_period: Vec<&Truth> =
            truths.iter().filter(|truth| period.contains(Naive::civil(truth.received_at)) && truth.official).collect();
        compare_lines(&naive, &of_period, &material.annex(period), &folded.stamp);
        for group in material.groups(period, By::Mailbox, Scope::Official) {
            let of_group: Vec<&Truth> =
                of_period.iter().copied().filter(|truth| group.key == "all" || truth.mailbox == group.key).collect();
            let view = serde_json::to_value(views::group(&group, "mailbox", period, &folded.stamp, false)).unwrap();
            compare(&naive.tally(&of_group), &view, &format!("{period} {}", group.key));
        }
    }
}

fn compare_lines(naive: &Naive, of_period: &[&Truth], annex: &Annex, stamp: &vigie::domain::indicator::Stamp) {
    let complaint = |truth: &Truth| matches!(truth.nature, Nature::Complaint | Nature::Suggestion);
    let public = |truth: &Truth| truth.requester == Requester::Public;
    for line in annex.lines.iter().filter(|line| line.tally.is_some()) {
        let wanted: Vec<&Truth> = of_period
            .iter()
            .copied()
            .filter(|truth| match line.number {
                1 | 2 => !complaint(truth) && public(truth),
                3 | 4 => !complaint(truth) && !public(truth),
                5 | 6 => complaint(truth),
                number => panic!("line {number} counts no mail"),
            })
            .collect();
        let tally = naive.tally(&wanted);
        let view = serde_json::to_value(views::line(line, annex.period, stamp, true)).unwrap();
        compare(&tally, &view, &format!("{} line {}", annex.period, line.number));
        let expected = if line.number % 2 == 1 { &tally["received"] } else { &tally["rate_percent"] };
        assert_eq!(&written(&view["number"]), expected, "{} line {}", annex.period, line.number);
        let known = wanted.iter().filter(|truth| !truth.backlog).count();
        assert_eq!(view["requests"].as_array().unwrap().len(), known);
    }
    assert!(annex.lines[..6].iter().all(|line| line.tally.is_some()), "{}", annex.period);
}

/// What the document prints (bilan 2021, annexe 1), the one share without decimals written like the others.
const ANNEX_2021: &str = "\
Nombre de courriels de demande d'information générale reçus des usagers\t24758
Taux de réponse aux courriels des usagers dans le délai de 5 jours\t100,00 %
Nombre de courriels de demande de conseil reçus d'élus\t1897
Taux de réponse aux courriels des élus dans le délai de 5 jours\t96,00 %
Nombre de réclamations/suggestions reçues par courriels\t64
Taux de réponse aux suggestions/réclamations dans le délai de 5 jours\t95,00 %
Nombre de courriers de demande d'information reçus d'usagers\t274
Taux de réponse aux courriers des usagers dans le délai de 10 jours\t100,00 %
Taux de réponse aux courriers des élus dans le délai de 15 jours\t50,00 %
Taux de fixation de rendez-vous dans le délai de 4 jours ouvrés (élu ou cadre territorial)\t64,00 %
Taux de rendez-vous fixés dans le délai de 10 jours ouvrés (élus ou cadre territorial)\t40,00 %
Nombre d'usagers connectés au point numérique par jour\t3
Taux de satisfaction des usagers au point d'accueil numérique - enquête de satisfaction\t100,00 %
Nombre de connexions sur les réseaux sociaux (twitter et facebook)\t268151
Taux de connexion au site internet (nombre visiteurs/nombre d'habitants de l'Ain)\t9,00 %
Taux de mise à jour du site internet dans les 3 jours ouvrés\t100,00 %
Nombre d'appels reçus\t203015
Taux d'appels aboutis\t70,00 %
Délai d'information des élus en temps de crise\tmoins d'une heure
Nombre d'activations de la cellule de communication d'urgence opérationnelle\t3
Nombre d'exercices réalisés (mises en situation de crise)\t12
Taux d'activation dans les délais annoncés de la CIP\t/
";

fn hand<'a>(store: &'a Store, office: &'a Office, now: &str) -> Hand<'a> {
    Hand { store, office, by: "qualite", now: at(now) }
}

async fn annex(vigie: &Vigie, period: Period) -> (Annex, vigie::domain::indicator::Stamp) {
    let folded = facts::load(&vigie.store, &vigie.office, period.span(chrono_tz::Europe::Paris), None).await.unwrap();
    (folded.material(&vigie.office).annex(period), folded.stamp)
}

#[tokio::test]
async fn the_table_of_2021_from_imported_figures_reads_like_the_document_s() {
    let vigie = Vigie::new(|_| {}).await;
    let document =
        ANNEX_2021.replace("internet dans les 3 jours ouvrés\t100,00 %", "internet dans les 3 jours ouvrés\t100%");
    let (period, rules) = (Period::Year(2021), &vigie.office.indicators);
    let (values, unknown) = import::indicators(document.as_bytes(), rules, period, "bilan 2022").unwrap();
    assert_eq!((values.len(), unknown.as_slice()), (22, [].as_slice()));
    let hand = hand(&vigie.store, &vigie.office, "2022-06-01T08:00:00Z");
    assert_eq!(hand.indicators(&values).await.unwrap(), 22);
    assert_eq!(hand.indicators(&values).await.unwrap(), 0, "the same values again say nothing new");
    let (annex, stamp) = annex(&vigie, period).await;
    let sheet = figures::annex(&annex, &stamp);
    let lines: Vec<String> = sheet
        .rows
        .iter()
        .map(|row| format!("{}\t{}\n", row[1].french(), row[2].french().replace('\u{a0}', " ")))
        .collect();
    assert_eq!(lines.concat(), ANNEX_2021);
    // The same from the spreadsheet that vigie itself writes.
    let written = ods::write(&[sheet]).unwrap();
    let (again, _) = import::indicators(&written, rules, period, "bilan 2022").unwrap();
    assert_eq!(again, values);
    vigie.verify().await;
}

#[tokio::test]
async fn a_correction_is_a_new_entry_and_the_last_word_is_shown() {
    let vigie = Vigie::new(|_| {}).await;
    let period = Period::Quarter(2026, 1);
    let mut heads = Vec::new();
    for (value, now) in [("71,00 %", "2026-04-02T08:00:00Z"), ("72,50 %", "2026-04-03T08:00:00Z")] {
        let list = format!("phone.answered;{value}\n");
        let (values, _) = import::indicators(list.as_bytes(), &vigie.office.indicators, period, "standard").unwrap();
        hand(&vigie.store, &vigie.office, now).indicators(&values).await.unwrap();
        heads.push(vigie.store.head().await.unwrap().seq);
    }
    assert_eq!(vigie.ledger("indicator_set").await, 2);
    let (last, _) = annex(&vigie, period).await;
    assert_eq!(last.lines[17].value.french(), "72,50\u{a0}%");
    let first = facts::load(&vigie.store, &vigie.office, period.span(chrono_tz::Europe::Paris), Some(heads[0]));
    let first = first.await.unwrap();
    assert_eq!(first.material(&vigie.office).annex(period).lines[17].value.french(), "71,00\u{a0}%");
}

fn letter(received_on: &str, answered_on: Option<&str>, requester: Requester) -> NewLetter {
    NewLetter {
        bureau: "citoyennete".into(),
        requester,
        nature: Nature::GeneralInfo,
        received_on: day(received_on),
        official: true,
        details: Details { name: "Durand".into(), subject: "Voirie".into(), ..Details::default() },
        origin: Origin::default(),
        answered_on: answered_on.map(day),
    }
}

#[tokio::test]
async fn letters_are_timed_by_their_own_limits_and_corrections_hold() {
    let vigie = Vigie::new(|_| {}).await;
    let hand = hand(&vigie.store, &vigie.office, "2026-12-01T08:00:00Z");
    let letters = [
        // Ten working days after Thursday 7 May: 8, 14 and 25 May are off, so the last one is Tuesday 26.
        letter("2026-05-07", Some("2026-05-26"), Requester::Public),
        letter("2026-05-07", Some("2026-05-22"), Requester::Public),
        letter("2026-05-07", None, Requester::Public),
        letter("2026-05-07", Some("2026-06-02"), Requester::Elected),
        letter("2026-05-07", Some("2026-06-03"), Requester::Elected),
    ];
    let written = hand.letters(&letters).await.unwrap();
    assert_eq!(written.references[0], "COU-2026-000001");
    let rates = |annex: &Annex| {
        [7, 8].map(|at| (annex.lines[at].value.french().replace('\u{a0}', " "), annex.lines[at].requests.len()))
    };
    let month = Period::Month(2026, 5);
    assert_eq!(rates(&annex(&vigie, month).await.0), [("66,67 %".into(), 3), ("50,00 %".into(), 2)]);
    hand.answer_letter("COU-2026-000003", day("2026-05-11"), false).await.unwrap();
    hand.withdraw("COU-2026-000001", Channel::Letter).await.unwrap();
    hand.correct_letter("COU-2026-000005", &letter("2026-05-11", None, Requester::Elected)).await.unwrap();
    assert_eq!(rates(&annex(&vigie, month).await.0), [("100,00 %".into(), 2), ("100,00 %".into(), 2)]);
    assert!(hand.answer_letter("COU-2026-000002", day("2026-05-06"), false).await.is_err(), "before its receipt");
    assert!(hand.answer_letter("COU-2026-000002", day("2027-05-06"), false).await.is_err(), "in the future");
    assert!(hand.answer_letter("RDV-2026-000001", day("2026-05-12"), false).await.is_err(), "unknown");
    vigie.verify().await;
}

fn appointment(requested_on: &str, fixed: Option<(&str, &str)>) -> NewAppointment {
    NewAppointment {
        bureau: "citoyennete".into(),
        requester: Requester::Elected,
        authority: Authority::Prefect,
        requested_on: day(requested_on),
        official: true,
        details: Details {
            name: "=Martin".into(),
            quality: "maire".into(),
            town: "Exemple".into(),
            ..Details::default()
        },
        origin: Origin::default(),
        fixed: fixed.map(|(fixed_on, held_on)| (day(fixed_on), day(held_on))),
    }
}

#[tokio::test]
async fn an_appointment_has_two_clocks() {
    let vigie = Vigie::new(|_| {}).await;
    let hand = hand(&vigie.store, &vigie.office, "2026-07-01T08:00:00Z");
    let appointments = [
        // From Monday 1 June: four working days end on Friday 5, ten on Monday 15.
        appointment("2026-06-01", Some(("2026-06-05", "2026-06-15"))),
        appointment("2026-06-01", Some(("2026-06-08", "2026-06-12"))),
        appointment("2026-06-01", Some(("2026-06-02", "2026-06-16"))),
        appointment("2026-06-01", None),
        appointment("2026-06-30", None),
    ];
    hand.appointments(&appointments).await.unwrap();
    let month = Period::Month(2026, 6);
    let (table, stamp) = annex(&vigie, month).await;
    let rates = |annex: &Annex| [9, 10].map(|at| annex.lines[at].value.french().replace('\u{a0}', " "));
    assert_eq!(rates(&table), ["50,00 %", "50,00 %"], "one is not yet due, and counts in neither");
    hand.fix_appointment("RDV-2026-000002", day("2026-06-04"), day("2026-06-12")).await.unwrap();
    assert_eq!(rates(&annex(&vigie, month).await.0), ["75,00 %", "50,00 %"]);
    let folded = facts::load(&vigie.store, &vigie.office, month.span(stamp.zone), None).await.unwrap();
    let rows = folded.material(&vigie.office).appointment_rows(month);
    assert_eq!((rows.len(), rows[0].fixing_days, rows[0].holding_days), (5, Some(4), Some(10)));
    assert_eq!((rows[4].fixed_on, rows[4].fixing_days), (None, None));
    vigie.verify().await;
}

#[tokio::test]
async fn an_imported_list_brings_each_line_once() {
    let vigie = Vigie::new(|_| {}).await;
    let hand = hand(&vigie.store, &vigie.office, "2026-12-01T08:00:00Z");
    let list = "Reçu le;Répondu le;Demandeur;Nom;Objet\n07/05/2026;11/05/2026;usager;Durand;Voirie\n08/05/2026;;élu;Petit;=1+1\n";
    let letters = import::letters(list.as_bytes(), "citoyennete").unwrap();
    assert_eq!(hand.letters(&letters).await.unwrap().references.len(), 2);
    let again = hand.letters(&letters).await.unwrap();
    assert_eq!((again.references.len(), again.known), (0, 2));
    let wrong = import::letters(list.as_bytes(), "inconnu").unwrap();
    let fresh: Vec<NewLetter> =
        wrong.into_iter().map(|letter| NewLetter { origin: Origin::default(), ..letter }).collect();
    assert!(hand.letters(&fresh).await.is_err());
    assert_eq!(vigie.ledger("letter_registered").await, 2, "a list with a wrong line leaves nothing behind");
}

#[tokio::test]
async fn what_is_changed_in_the_register_beside_the_ledger_is_found() {
    let vigie = Vigie::new(|_| {}).await;
    let hand = hand(&vigie.store, &vigie.office, "2026-12-01T08:00:00Z");
    hand.letters(&[letter("2026-05-07", None, Requester::Public)]).await.unwrap();
    vigie.verify().await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    for (tamper, mend) in [
        ("UPDATE register_item SET name = 'Dupont'", "UPDATE register_item SET name = 'Durand'"),
        ("UPDATE register_item SET digest = 'x' || digest", "UPDATE register_item SET digest = substr(digest, 2)"),
        (
            "UPDATE register_item SET reference = 'COU-2026-000009'",
            "UPDATE register_item SET reference = 'COU-2026-000001'",
        ),
    ] {
        sqlx::query(tamper).execute(write).await.unwrap();
        assert!(!verify(&vigie.store, &[]).await.unwrap().ok, "{tamper}");
        sqlx::query(mend).execute(write).await.unwrap();
        vigie.verify().await;
    }
    let emptied = "UPDATE register_item SET name = '', subject = '', key = '', erased_at = 5";
    sqlx::query(emptied).execute(write).await.unwrap();
    let fault = verify(&vigie.store, &[]).await.unwrap().first_fault.unwrap();
    assert!(fault.contains("was emptied, and no entry"), "{fault}");
}

#[tokio::test]
async fn the_same_head_gives_the_same_bytes_whatever_was_written_since() {
    let vigie = Vigie::new(|_| {}).await;
    year(&vigie).await;
    let quarter = Period::Quarter(2026, 3);
    let head = vigie.store.head().await.unwrap().seq;
    let first = bilan::gather(&vigie.store, &vigie.office, quarter, None).await.unwrap();
    let (ods, pdf) = (bilan::ods(&first).unwrap(), bilan::pdf(&first).unwrap());
    let hand = hand(&vigie.store, &vigie.office, "2027-02-01T08:00:00Z");
    hand.letters(&[letter("2026-08-07", Some("2026-08-28"), Requester::Public)]).await.unwrap();
    let again = bilan::gather(&vigie.store, &vigie.office, quarter, Some(head)).await.unwrap();
    assert_eq!(bilan::ods(&again).unwrap(), ods);
    assert_eq!(bilan::pdf(&again).unwrap(), pdf);
    let now = bilan::gather(&vigie.store, &vigie.office, quarter, None).await.unwrap();
    assert_ne!(bilan::ods(&now).unwrap(), ods);
    assert!(bilan::gather(&vigie.store, &vigie.office, quarter, Some(head + 1_000)).await.is_err());
    keep("bilan.ods", &ods);
    keep("bilan.pdf", &pdf);
}

/// The calendar of every mailbox with a closure more.
fn close(office: &mut Office, from: &str, to: &str) {
    let closure = Closure { from: day(from), to: day(to), label: "Pont".to_owned(), suspends: true };
    for calendar in office.calendars.values_mut() {
        let closures = calendar.closures().iter().cloned().chain([closure.clone()]).collect();
        let (territory, zone, days) = (calendar.territory(), calendar.zone(), calendar.opening_days());
        *calendar = Calendar::new(territory, zone, HolidayRules::default(), closures, days);
    }
    office.digest = String::from("another configuration");
}

#[tokio::test]
async fn a_closure_added_later_moves_no_delay_of_the_past_and_its_own_days_do_not_count() {
    let mut vigie = Vigie::new(|_| {}).await;
    let start = at("2026-01-01T06:00:00Z");
    refresh::take_into_use(&vigie.store, &vigie.office, start).await.unwrap();
    year(&vigie).await;
    let quarter = Period::Quarter(2026, 3);
    let head = vigie.store.head().await.unwrap().seq;
    let first = bilan::gather(&vigie.store, &vigie.office, quarter, Some(head)).await.unwrap();
    let revision = vigie.office.calendars["citoyennete"].revision().to_owned();
    assert_eq!(first.stamp.calendars, [revision.as_str()]);
    assert_eq!(first.stamp.configuration, vigie.office.digest);

    close(&mut vigie.office, "2026-07-06", "2026-08-28");
    refresh::take_into_use(&vigie.store, &vigie.office, at("2027-02-01T06:00:00Z")).await.unwrap();
    assert_eq!(vigie.ledger("calendars").await, 2, "once a calendar, not once a start");
    let again = bilan::gather(&vigie.store, &vigie.office, quarter, Some(head)).await.unwrap();
    assert_eq!(bilan::ods(&again).unwrap(), bilan::ods(&first).unwrap());
    assert_eq!(bilan::pdf(&again).unwrap(), bilan::pdf(&first).unwrap());
    let views = |bilan: &Bilan| {
        let lines = &bilan.annex().unwrap().lines;
        let views = lines.iter().map(|line| views::line(line, quarter, &bilan.stamp, true));
        serde_json::to_string(&views.collect::<Vec<_>>()).unwrap()
    };
    assert_eq!(views(&again), views(&first));

    // What is written down from now on is counted by the new calendar.
    let hand = hand(&vigie.store, &vigie.office, "2027-02-02T08:00:00Z");
    hand.letters(&[letter("2026-07-03", Some("2026-08-31"), Requester::Elected)]).await.unwrap();
    let folded = facts::load(&vigie.store, &vigie.office, quarter.span(vigie.office.zone()), None).await.unwrap();
    let material = folded.material(&vigie.office);
    let letter = folded.cases.iter().find(|case| case.channel == Channel::Letter).unwrap();
    assert_eq!(
        letter.delay(material.reckoning(), Measure::Answer),
        Some(1),
        "closed from the 6th of July to the 28th of August"
    );
    assert_eq!(folded.stamp.calendars.len(), 2);
    assert_eq!(folded.stamp.configuration, "another configuration");
    let settled = |bilan: &Bilan| bilan.tracking.iter().map(|row| row.tally.answer.clone()).collect::<Vec<_>>();
    let now = bilan::gather(&vigie.store, &vigie.office, quarter, None).await.unwrap();
    assert_eq!(settled(&now)[0].of(Outcome::Late), settled(&first)[0].of(Outcome::Late));
}

/// Leaves a document for who wants to look at it: `VIGIE_KEEP=FOLDER cargo test --test indicators`.
fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("VIGIE_KEEP") {
        std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }
}

#[tokio::test]
async fn an_empty_ledger_gives_a_report_that_says_so() {
    let vigie = Vigie::new(|_| {}).await;
    let report = bilan::gather(&vigie.store, &vigie.office, Period::Month(2020, 2), None).await.unwrap();
    assert!(report.summary()[0].starts_with("Aucune demande n’est connue"), "{:?}", report.summary());
    assert!(bilan::pdf(&report).unwrap().starts_with(b"%PDF"));
    let annex = report.annex().unwrap();
    assert!(annex.lines.iter().all(|line| line.value.french() == "non renseigné"));
}

/// The report leaves on its day, once, with its documents and a summary in words; a retry has the same bytes.
#[tokio::test]
async fn the_referent_receives_the_quarter_s_report_once_and_the_same_at_every_attempt() {
    let vigie = Vigie::new(|office| {
        let schedule = Schedule::parse("0 8 5 1,4,7,10 *").unwrap();
        office.report = Some(ReportRule { schedule, recipients: office.bureaux[0].officers.clone() });
    })
    .await;
    year(&vigie).await;
    let tick = |now: &'static str| vigie::app::tick::tick(&vigie.store, &vigie.office, at(now));
    tick("2026-09-20T08:00:00Z").await.unwrap();
    let due = vigie.store.scheduled("report").await.unwrap().unwrap();
    assert_eq!(due, at("2026-10-05T06:00:00Z"), "the 5th at 8 in the morning, in Paris");
    // The machine was down on the day itself.
    tick("2026-10-07T08:00:00Z").await.unwrap();
    let relay = |due: &vigie::store::DueEffect| match due.effect.kind {
        EffectKind::Report if due.attempts.count < 2 => support::app::busy(),
        _ => support::app::accepted(),
    };
    let mut reports = Vec::new();
    for now in ["2026-10-07T08:00:00Z", "2026-10-07T09:00:00Z", "2027-01-06T08:00:00Z"] {
        tick(now).await.unwrap();
        let sent = vigie.send(at(now), relay).await;
        reports.extend(sent.into_iter().filter(|sent| sent.due.effect.kind == EffectKind::Report));
    }
    assert_eq!(reports.len(), 3, "the third quarter’s, refused once for now, and the fourth’s");
    assert_eq!(reports[0].bytes, reports[1].bytes);
    let first = &reports[0];
    assert_eq!(first.due.effect.recipients, vigie.office.bureaux[0].officers);
    let message = mail_parser::MessageParser::default().parse(&first.bytes).unwrap();
    assert_eq!(message.subject(), Some("[Vigie] Préfecture d’Exemple – bilan de la qualité, 3e trimestre 2026"));
    let text = message.body_text(0).unwrap();
    assert!(text.contains("dans le délai") && text.contains("--at-head"), "{text}");
    let names: Vec<&str> = message.attachments().filter_map(mail_parser::MimeHeaders::attachment_name).collect();
    assert_eq!(names, ["bilan-2026-T3.pdf", "bilan-2026-T3.ods"]);
    let heads: Vec<&[u8]> = message.attachments().map(|part| &part.contents()[..4]).collect();
    assert_eq!(heads, [b"%PDF".as_slice(), b"PK\x03\x04".as_slice()]);
    keep("bilan.eml", &first.bytes);
}
