//! A simulated year of a prefecture, held against what its teller knows: every state, every date, every alert, and the
//! forecasts. `VIGIE_YEAR_MAILS=25000` lives the whole of it (`tests/bench.sh`); the test lives a smaller one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails at the line that could not; its counts are far below what a float holds"
)]

mod judge;
mod naive;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod world;

use vigie::app::verify::verify;
use vigie::clock::monotonic;

/// The mails of the test's own year: enough for every fate, and for the forecasts to begin.
const MAILS: usize = 800;
/// What it grows from.
const SEED: u64 = 2_026;

#[tokio::test]
async fn a_simulated_year_ends_as_its_teller_knows() {
    let wanted = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let mails = wanted("VIGIE_YEAR_MAILS").unwrap_or(MAILS);
    let seed = wanted("VIGIE_YEAR_SEED").map_or(SEED, |seed: usize| seed as u64);
    println!("a year of {mails} mails, seed {seed}");
    let story = story::tell(seed, mails);
    let mut world = world::World::new().await;
    let began = monotonic();
    world.live(&story, story::end()).await;
    let took = monotonic() - began;
    let judged = judge::judge(&story, &world).await;
    let verified = verify(&world.store, &[]).await.expect("read");
    println!("{}", judged.table(&story, &world, took));
    assert!(judged.faults.is_empty(), "{} faults:\n{}", judged.faults.len(), judged.faults.join("\n"));
    assert!(verified.ok, "{:?}", verified.first_fault);
    if let Some(calibration) = judged.calibration {
        assert!(calibration.brier < calibration.base, "the forecast says less than the base rate: {calibration:?}");
    }
}
