//! What vigie concluded of the year, against what the teller knows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use vigie::domain::effect::EffectKind;
use vigie::store::{RequestFilter, RequestLine};

use super::naive::{counts, days_between, declared, due, round};
use super::story::{Ask, HABITS, Story, end, first_day};
use super::world::World;

/// The limit of every commitment of the year, in working days.
const LIMIT: u32 = 5;
/// Faults that are told in full.
const MAX_FAULTS: usize = 30;

/// How good the forecasts were.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// By decile of the forecast risk: how many, the mean risk, the share that missed.
    pub deciles: Vec<(usize, f64, f64)>,
    /// The Brier score of the forecasts.
    pub brier: f64,
    /// The Brier score of the share that missed, forecast for each: the best that one number can do.
    pub base: f64,
}

/// What was found.
pub struct Judged {
    pub faults: Vec<String>,
    pub calibration: Option<Calibration>,
    alerts: Vec<(i64, usize, usize)>,
    states: BTreeMap<&'static str, usize>,
    late: usize,
    redated: usize,
}

/// The alerts that are due: by morning, bureau and level, the places of the questions.
type Expected = BTreeMap<(NaiveDateTime, &'static str, i64), Vec<usize>>;

/// Whether a question is seen by an instant, before whatever happens at that very instant.
fn seen(ask: &Ask, at: NaiveDateTime) -> bool {
    round(ask.at) < at
}

/// Whether a question is open, for all that vigie can know, just before an instant.
fn open(ask: &Ask, at: NaiveDateTime) -> bool {
    seen(ask, at) && ask.fate.known().filter(|known| *known < end()).is_none_or(|known| known >= at)
}

/// Whether the strike counts in a question's limit from an instant on: it was open when the strike was written down, or
/// came later.
fn knows_strike(ask: &Ask, at: NaiveDateTime) -> bool {
    at > declared() && (!seen(ask, declared()) || open(ask, declared()))
}

/// The last day of a question, as it stands at an instant.
fn due_at(ask: &Ask, at: NaiveDateTime) -> NaiveDate {
    due(ask.at.date(), LIMIT, knows_strike(ask, at))
}

/// Walks every morning of the year, and says who has to be warned of what: of each level once, the most urgent only.
fn expected_alerts(story: &Story) -> Expected {
    let mut expected = Expected::new();
    let mut raised: Vec<Option<i64>> = vec![None; story.asks.len()];
    let mut dated: Vec<Option<NaiveDate>> = vec![None; story.asks.len()];
    for day in first_day().iter_days().take_while(|day| *day < end().date()) {
        let morning = day.and_hms_opt(8, 30, 0).expect("a time");
        let known = morning > declared();
        if !counts(day, known) {
            continue;
        }
        for (place, ask) in story.asks.iter().enumerate().filter(|(_, ask)| open(ask, morning)) {
            let due = due_at(ask, morning);
            if dated[place].replace(due).is_some_and(|before| due > before) {
                raised[place] = None;
            }
            let left = if day > due { -1 } else { days_between(day, due, knows_strike(ask, morning)) };
            let level = [-1, 0, 1, 2].into_iter().find(|level| left <= *level);
            let Some(level) = level.filter(|level| raised[place].is_none_or(|before| *level < before)) else {
                continue;
            };
            raised[place] = Some(level);
            expected.entry((morning, HABITS[ask.habit].bureau, level)).or_default().push(place);
        }
    }
    expected
}

pub async fn judge(story: &Story, world: &World) -> Judged {
    let lines = world.store.list_requests(&RequestFilter::default()).await.expect("read");
    let by_id: HashMap<&str, &RequestLine> = lines.iter().map(|line| (line.message_id.as_str(), line)).collect();
    let mut judged = Judged {
        faults: Vec::new(),
        calibration: None,
        alerts: Vec::new(),
        states: BTreeMap::new(),
        late: 0,
        redated: 0,
    };
    let asked: Vec<&Ask> = story.asks.iter().filter(|ask| round(ask.at) < end()).collect();
    if lines.len() != asked.len() {
        judged.fault(format!("{} requests, and {} questions were asked", lines.len(), asked.len()));
    }
    for ask in &asked {
        judged.request(ask, by_id.get(ask.id.as_str()).copied());
    }
    if world.acknowledged != asked.len() {
        judged.fault(format!("{} acknowledgements for {} questions", world.acknowledged, asked.len()));
    }
    judged.alerts(story, world, &by_id);
    judged.digests(world);
    judged.calibration = calibration(story, world, &by_id);
    judged
}

impl Judged {
    fn fault(&mut self, what: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(what);
        }
    }

    /// The request of a question, against its fate.
    fn request(&mut self, ask: &Ask, line: Option<&RequestLine>) {
        let Some(line) = line else { return self.fault(format!("{} opened no request", ask.id)) };
        let request = &line.request;
        let known = ask.fate.known().filter(|known| *known < end());
        let status = if known.is_some() { ask.fate.status() } else { "open" };
        *self.states.entry(status).or_default() += 1;
        let due = due_at(ask, end());
        self.redated += usize::from(due != super::naive::due(ask.at.date(), LIMIT, false) && seen(ask, declared()));
        let settled = known.and(ask.fate.settled());
        self.late += usize::from(settled.is_none_or(|at| at.date() > due) && due < end().date());
        let found = (
            request.status.name(),
            request.settled_at.map(super::naive::civil),
            request.due_on,
            request.commitment.as_str(),
            request.acknowledgement.name(),
        );
        let expected = (status, settled, due, ask.commitment, "sent");
        if found != expected {
            self.fault(format!("{} of {}: {found:?} instead of {expected:?}", request.reference, ask.at));
        }
    }

    /// Each alert that is due, once, in one mail a bureau and level, at the opening; and no other.
    fn alerts(&mut self, story: &Story, world: &World, by_id: &HashMap<&str, &RequestLine>) {
        let expected = expected_alerts(story);
        let mut found: BTreeMap<(NaiveDateTime, &str, i64), Vec<Vec<String>>> = BTreeMap::new();
        for told in world.told.iter().filter(|told| told.kind == EffectKind::Alert) {
            let mut about = told.about.clone();
            about.sort();
            found.entry((told.at, &told.bureau, told.level)).or_default().push(about);
            let recipients = match told.level {
                ..=-1 => 3,
                0 => 2,
                1.. => 1,
            };
            if told.recipients != recipients {
                self.fault(format!("the alert of {} at level {} went to {}", told.at, told.level, told.recipients));
            }
        }
        for (key, places) in &expected {
            let mut references: Vec<String> = places
                .iter()
                .filter_map(|place| by_id.get(story.asks[*place].id.as_str()))
                .map(|line| line.request.reference.clone())
                .collect();
            references.sort();
            if found.get(key) != Some(&vec![references.clone()]) {
                self.fault(format!("{key:?}: {:?} instead of {references:?}", found.get(key)));
            }
        }
        for key in found.keys().filter(|key| !expected.contains_key(*key)) {
            self.fault(format!("{key:?}: superfluous"));
        }
        for level in [2, 1, 0, -1] {
            let mails = expected.iter().filter(|((_, _, found), _)| *found == level);
            let (mails, requests) = mails.fold((0, 0), |(mails, all), (_, places)| (mails + 1, all + places.len()));
            self.alerts.push((level, requests, mails));
        }
    }

    /// A digest for each bureau on each working day, also when there is nothing to say.
    fn digests(&mut self, world: &World) {
        let mornings: Vec<NaiveDateTime> = first_day()
            .iter_days()
            .take_while(|day| *day < end().date())
            .map(|day| day.and_hms_opt(8, 30, 0).expect("a time"))
            .filter(|morning| counts(morning.date(), *morning > declared()))
            .collect();
        for habit in &HABITS {
            let digests =
                world.told.iter().filter(|told| told.kind == EffectKind::Digest && told.bureau == habit.bureau);
            let found: Vec<NaiveDateTime> = digests.map(|told| told.at).collect();
            if found != mornings {
                self.fault(format!("{}: {} digests on {} mornings", habit.bureau, found.len(), mornings.len()));
            }
        }
    }

    /// What was found, to be read.
    pub fn table(&self, story: &Story, world: &World, took: Duration) -> String {
        let mut text = format!(
            "\n{} mails from outside, {} questions, {} events, lived in {:.1} s\n",
            story.mails,
            story.asks.len(),
            story.events.len(),
            took.as_secs_f64()
        );
        for (status, count) in &self.states {
            text.push_str(&format!("  {status:<12} {count:>6}\n"));
        }
        text.push_str(&format!("  late         {:>6}\n  dated anew   {:>6}\n", self.late, self.redated));
        text.push_str(&format!(
            "  acknowledged {:>6}\n\nlevel  requests  mails, each due once and sent once\n",
            world.acknowledged
        ));
        for (level, requests, mails) in &self.alerts {
            text.push_str(&format!("{level:>5} {requests:>9} {mails:>6}\n"));
        }
        let digests = world.told.iter().filter(|told| told.kind == EffectKind::Digest).count();
        text.push_str(&format!("digests {digests}; faults {}\n", self.faults.len()));
        if let Some(calibration) = &self.calibration {
            text.push_str("\nrisk        forecasts   forecast   observed\n");
            for (decile, (count, forecast, observed)) in calibration.deciles.iter().enumerate() {
                let (from, to) = (decile * 10, decile * 10 + 10);
                if *count == 0 {
                    continue;
                }
                text.push_str(&format!(
                    "{from:>3}–{to:>3} % {count:>10} {:>9.1} % {:>8.1} %\n",
                    forecast * 100.0,
                    observed * 100.0
                ));
            }
            text.push_str(&format!("Brier score {:.4}, of the base rate {:.4}\n", calibration.brier, calibration.base));
        }
        text
    }
}

/// Holds each morning's risks against what became of the requests, where the limit fell within the year.
fn calibration(story: &Story, world: &World, by_id: &HashMap<&str, &RequestLine>) -> Option<Calibration> {
    let missed: HashMap<&str, bool> = story
        .asks
        .iter()
        .filter_map(|ask| Some((by_id.get(ask.id.as_str())?.request.reference.as_str(), ask)))
        .filter(|(_, ask)| due_at(ask, end()) < end().date())
        .map(|(reference, ask)| (reference, ask.fate.settled().is_none_or(|at| at.date() > due_at(ask, end()))))
        .collect();
    let scored: Vec<(f64, f64)> = world
        .forecasts
        .iter()
        .filter_map(|forecast| Some((forecast.risk, f64::from(u8::from(*missed.get(forecast.reference.as_str())?)))))
        .collect();
    if scored.is_empty() {
        return None;
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    let base = mean(&mut scored.iter().map(|(_, missed)| *missed));
    let deciles = (0..10)
        .map(|decile| {
            let of_decile =
                |risk: f64| risk >= f64::from(decile) / 10.0 && (risk < f64::from(decile + 1) / 10.0 || decile == 9);
            let chosen: Vec<&(f64, f64)> = scored.iter().filter(|(risk, _)| of_decile(*risk)).collect();
            let risk = mean(&mut chosen.iter().map(|(risk, _)| *risk));
            (chosen.len(), risk, mean(&mut chosen.iter().map(|(_, missed)| *missed)))
        })
        .collect();
    let brier = mean(&mut scored.iter().map(|(risk, missed)| (risk - missed).powi(2)));
    Some(Calibration { deciles, brier, base: base * (1.0 - base) })
}
