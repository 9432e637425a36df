//! A whole year of a prefecture through `app`: how long it takes, whether all ends as it truly was, and what the forecasts
//! were worth. `cargo bench
//! --bench year` runs it alone, in a minute and without any server; `-- SEED` tells another year.
#![allow(clippy::expect_used, reason = "a bench that cannot set its scene ends at once")]

#[path = "../tests/simulation/mod.rs"]
mod simulation;

use std::time::Duration;

use simulation::calibration;
use simulation::story::{Plan, tell};
use simulation::verdict::compare;
use simulation::world::World;
use vigie::clock::monotonic;

/// The year whose figures are quoted.
const SEED: u64 = 2026;

fn main() {
    // Cargo adds `--bench`.
    let seed = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let story = tell(Plan::year(seed));
        let mut world = World::begin(&story).await;
        let began = monotonic();
        let (mut said, mut asking) = (Vec::new(), Duration::ZERO);
        world
            .live(async |world| {
                let began = monotonic();
                calibration::ask(world, &mut said).await;
                asking += began.elapsed();
            })
            .await;
        let took = began.elapsed().as_secs_f64() - asking.as_secs_f64();
        let findings = compare(&world).await;
        calibration::compare(&world, &said).await;
        let verified = vigie::app::verify::verify(&world.store, &[]).await.expect("the ledger is read");
        println!(
            "a year of {} mails lived in {:.1} s (at most 60), its forecasts asked in {:.1} s; ledger of {} entries whole: \
             {}; {} differences",
            story.received,
            took,
            asking.as_secs_f64(),
            verified.entries,
            verified.ok,
            findings.differences.len()
        );
    });
}
