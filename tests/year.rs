//! A part of a prefecture's year, through `app` on a database in memory: strike, outage, a closure decided late, a burst,
//! and agents with their habits. At its end each request's state equals what the generator knows, and the forecasts asked on the way say more than the base rate. `cargo bench --bench
//! year` lives the whole year.
#![allow(clippy::panic, reason = "a test fails at the line that could not")]

mod simulation;

use simulation::calibration;
use simulation::story::{Plan, tell};
use simulation::verdict::compare;
use simulation::world::World;

/// Seeds of the gate: each another story.
const SEED: u64 = 2026;

#[tokio::test]
async fn a_spring_of_six_mailboxes_ends_as_it_truly_was_and_each_alert_went_out_once() {
    let story = tell(Plan::spring(SEED));
    let mut world = World::begin(&story).await;
    let mut said = Vec::new();
    world.live(async |world| calibration::ask(world, &mut said).await).await;
    let scores = calibration::compare(&world, &said).await;
    let findings = compare(&world).await;
    assert!(findings.differences.is_empty(), "{:#?}", findings.differences);
    assert!(findings.alarms > 100 && findings.requests > 500, "the story is too thin: {findings:?}");
    assert!(scores.forecasts > 500 && scores.misplaced == 0, "{scores:?}");
    assert!(scores.brier < scores.base, "the forecast says less than the base rate: {scores:?}");
    let verified = vigie::app::verify::verify(&world.store, &[]).await;
    assert!(verified.is_ok_and(|verified| verified.ok), "the ledger is not whole");
}
