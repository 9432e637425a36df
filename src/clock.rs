//! The only reader of the system's clock: everywhere else `now` is a parameter.

use std::time::Instant;

use chrono::{DateTime, SubsecRound, Utc};

/// The instant, to the millisecond: the ledger's grain.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// A point on the clock that never goes back, for waits and durations.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}
