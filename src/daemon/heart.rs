//! Heartbeats: every loop of the daemon beats when it makes progress, and the watchdog is fed only while all do.
//!
//! A timer that beats by itself would go on while the loops are stuck; here a stuck loop starves the watchdog, and
//! systemd restarts the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// The heartbeats of all loops.
#[derive(Debug, Clone, Default)]
pub struct Heart {
    beats: Arc<Mutex<BTreeMap<String, Beat>>>,
    /// What ails although every loop makes progress: it shows in the health, and does not starve the watchdog.
    ailments: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

#[derive(Debug, Clone, Copy)]
struct Beat {
    last: Instant,
    patience: Duration,
}

/// One loop's heartbeat; the loop is forgotten when it is dropped.
#[derive(Debug)]
pub struct Pulse {
    name: String,
    patience: Duration,
    heart: Heart,
}

impl Heart {
    /// Starts the heartbeat of a loop that must make progress at least every `patience`.
    #[must_use]
    pub fn pulse(&self, name: impl Into<String>, patience: Duration) -> Pulse {
        let pulse = Pulse { name: name.into(), patience, heart: self.clone() };
        pulse.beat();
        pulse
    }

    /// The loops that made no progress for longer than they may, at a point of the monotonic clock.
    #[must_use]
    pub fn stuck(&self, now: Instant) -> Vec<String> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |beat: &Beat| now.saturating_duration_since(beat.last) > beat.patience;
        beats.iter().filter(|(_, beat)| late(beat)).map(|(name, _)| name.clone()).collect()
    }
}

impl Heart {
    /// Something ails: a part of vigie, and why.
    pub fn ail(&self, part: &'static str, why: String) {
        self.ailments.lock().unwrap_or_else(PoisonError::into_inner).insert(part, why);
    }

    /// It no longer does.
    pub fn heal(&self, part: &'static str) {
        self.ailments.lock().unwrap_or_else(PoisonError::into_inner).remove(part);
    }

    /// All that ails: loops that are stuck, and parts that cannot do their work.
    #[must_use]
    pub fn ills(&self, now: Instant) -> Vec<String> {
        let mut ills = self.stuck(now);
        let ailments = self.ailments.lock().unwrap_or_else(PoisonError::into_inner);
        ills.extend(ailments.iter().map(|(part, why)| format!("{part}: {why}")));
        ills
    }
}

impl Pulse {
    /// The loop made progress.
    pub fn beat(&self) {
        let mut beats = self.heart.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.insert(self.name.clone(), Beat { last: clock::monotonic(), patience: self.patience });
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.heart.beats.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_without_progress_is_named_and_a_finished_one_forgotten() {
        let heart = Heart::default();
        let _alive = heart.pulse("sender", Duration::from_mins(10));
        let stuck = heart.pulse("mailbox pref-pan", Duration::from_mins(1));
        let later = clock::monotonic() + Duration::from_mins(5);
        assert_eq!(heart.stuck(later), ["mailbox pref-pan"]);
        drop(stuck);
        assert!(heart.stuck(later).is_empty());
        heart.ail("store", "database or disk is full".to_owned());
        assert_eq!(heart.ills(later), ["store: database or disk is full"]);
        assert!(heart.stuck(later).is_empty(), "the watchdog is fed");
        heart.heal("store");
        assert!(heart.ills(later).is_empty());
    }
}
