//! What the forecast said each morning, against what came true. Each forecast rests on what was known that morning, so
//! all of them are made before their outcome: nothing is learnt from what is tested.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Utc};
use vigie::app::forecast::of_bureau;
use vigie::store::RequestFilter;

use super::civil::civil;
use super::house::BUREAUX;
use super::story::Case;
use super::world::World;

/// The bars of the table.
const DECILES: usize = 10;

/// One forecast: of one open request on one morning.
#[derive(Debug, Clone)]
pub struct Said {
    pub at: DateTime<Utc>,
    pub reference: String,
    pub risk: f64,
}

/// A forecast with its outcome.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    bureau: usize,
    weekday: u32,
    risk: f64,
    missed: bool,
}

/// How good the forecasts were.
#[derive(Debug)]
pub struct Scores {
    pub forecasts: usize,
    /// The mean square of forecast less outcome: 0 is perfect.
    pub brier: f64,
    /// That of the share that missed, told of each: the best that one number can do, known afterwards only.
    pub base: f64,
    /// That of each bureau's own share.
    pub by_bureau: f64,
    /// Forecasts about requests whose pieces were missing: there should be none.
    pub misplaced: usize,
}

/// Asks the forecast of every bureau about every request that can still be answered in time.
pub async fn ask(world: &World<'_>, said: &mut Vec<Said>) {
    for bureau in &BUREAUX {
        let forecast = of_bureau(&world.store, &world.settings.office, bureau.key, world.now).await.unwrap();
        let open = forecast.into_iter().flat_map(|forecast| forecast.open);
        let in_time = open.filter(|request| request.left >= 0);
        said.extend(in_time.map(|open| Said { at: world.now, reference: open.reference, risk: open.risk }));
    }
}

/// Holds the forecasts against what came true, and prints the tables.
pub async fn compare(world: &World<'_>, said: &[Said]) -> Scores {
    let lines = world.store.list_requests(&RequestFilter::default()).await.unwrap();
    let ids: HashMap<&str, &str> =
        lines.iter().map(|line| (line.request.reference.as_str(), line.message_id.as_str())).collect();
    let cases: HashMap<&str, &Case> = world.story.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    // A request that the story does not know is a difference, and told as such.
    let case = |said: &Said| cases.get(ids[said.reference.as_str()]).copied();
    let outcomes: Vec<Outcome> = said.iter().filter_map(|said| outcome(world, said, case(said)?)).collect();
    println!("\nrisk           forecasts  forecast  observed");
    for decile in 0..DECILES {
        let of = |outcome: &Outcome| ((outcome.risk * DECILES as f64) as usize).min(DECILES - 1) == decile;
        line(&format!("{:>3} to {:>3} %", decile * 10, decile * 10 + 10), &outcomes, of);
    }
    for (day, name) in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"].iter().enumerate() {
        line(name, &outcomes, |outcome| outcome.weekday == day as u32);
    }
    let scores = Scores {
        misplaced: said.iter().filter(|said| case(said).is_some_and(|case| case.reckoned_at(said.at).standing)).count(),
        forecasts: outcomes.len(),
        brier: brier(&outcomes, |outcome| outcome.risk),
        base: constant(&outcomes),
        by_bureau: {
            let shares = (0..BUREAUX.len()).map(|bureau| share(&of_bureau_number(&outcomes, bureau)));
            let shares: Vec<f64> = shares.collect();
            brier(&outcomes, |outcome| shares[outcome.bureau])
        },
    };
    println!(
        "Brier score {:.4} of {} forecasts; base rate {:.4}, base rate of each bureau {:.4} (both known afterwards only): \
         better by {:.0} % and {:.0} %",
        scores.brier,
        scores.forecasts,
        scores.base,
        scores.by_bureau,
        100.0 * (1.0 - scores.brier / scores.base),
        100.0 * (1.0 - scores.brier / scores.by_bureau)
    );
    scores
}

/// What came true; nothing where the story ends before.
fn outcome(world: &World<'_>, said: &Said, case: &Case) -> Option<Outcome> {
    (case.due_on() < civil(world.story.ends).date()).then(|| Outcome {
        bureau: case.reckoned_at(said.at).bureau,
        weekday: civil(said.at).weekday().num_days_from_monday(),
        risk: said.risk,
        missed: case.is_late(),
    })
}

fn line(name: &str, outcomes: &[Outcome], of: impl Fn(&Outcome) -> bool) {
    let some: Vec<Outcome> = outcomes.iter().copied().filter(|outcome| of(outcome)).collect();
    if some.is_empty() {
        return;
    }
    let forecast = some.iter().map(|outcome| outcome.risk).sum::<f64>() / some.len() as f64;
    println!("{name:<14} {:>9} {:>7.1} % {:>7.1} %", some.len(), 100.0 * forecast, 100.0 * share(&some));
}

fn of_bureau_number(outcomes: &[Outcome], bureau: usize) -> Vec<Outcome> {
    outcomes.iter().copied().filter(|outcome| outcome.bureau == bureau).collect()
}

/// The share that missed.
fn share(outcomes: &[Outcome]) -> f64 {
    outcomes.iter().filter(|outcome| outcome.missed).count() as f64 / outcomes.len().max(1) as f64
}

fn constant(outcomes: &[Outcome]) -> f64 {
    let share = share(outcomes);
    brier(outcomes, |_| share)
}

fn brier(outcomes: &[Outcome], forecast: impl Fn(&Outcome) -> f64) -> f64 {
    let square = |outcome: &Outcome| (forecast(outcome) - f64::from(u8::from(outcome.missed))).powi(2);
    outcomes.iter().map(square).sum::<f64>() / outcomes.len().max(1) as f64
}
