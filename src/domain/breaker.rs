//! The breaker: where more acknowledgements would leave within an hour than the prefecture allows, all of them are held
//! until a human looks and releases them (DESIGN §5). What is held is kept: a breaker that loses mail breaks promise 1.

use chrono::{DateTime, Utc};

/// How the breaker stands, for all mailboxes and all nodes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Why acknowledgements are held; `None` while they flow.
    pub trip: Option<Trip>,
    /// Acknowledgements decided before this instant no longer count: a human has looked at them.
    pub counted_from: Option<DateTime<Utc>>,
}

/// What tripped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trip {
    /// When.
    pub at: DateTime<Utc>,
    /// Acknowledgements decided within the hour before.
    pub sent: u32,
    /// How many are allowed.
    pub limit: u32,
}

impl Breaker {
    /// Whether one more acknowledgement, after `sent` within the hour, trips a breaker that has not tripped yet.
    #[must_use]
    pub fn admit(&self, sent: u32, limit: u32, now: DateTime<Utc>) -> Option<Trip> {
        (self.trip.is_none() && sent >= limit).then_some(Trip { at: now, sent, limit })
    }

    /// Whether acknowledgements are held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.trip.is_some()
    }

    /// The breaker after a human released it: what was decided until now is forgiven.
    #[must_use]
    pub fn released(now: DateTime<Utc>) -> Self {
        Self { trip: None, counted_from: Some(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trips_on_the_mail_that_would_exceed_the_limit_and_only_once() {
        let (now, closed) = (DateTime::UNIX_EPOCH, Breaker::default());
        assert_eq!(closed.admit(2, 3, now), None);
        let trip = closed.admit(3, 3, now);
        assert_eq!(trip, Some(Trip { at: now, sent: 3, limit: 3 }));
        assert_eq!(Breaker { trip, ..closed }.admit(3, 3, now), None);
    }

    #[test]
    fn a_limit_of_zero_lets_nothing_leave() {
        assert!(Breaker::default().admit(0, 0, DateTime::UNIX_EPOCH).is_some());
    }
}
