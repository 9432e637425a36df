//! What the relay lets us send: token buckets that the store keeps, so that neither a restart nor a second node forgets
//! what has left. A State relay blocks the account that exceeds its quota (500 mails in 5 minutes and the like), and
//! then nothing leaves at all.
//!
//! A bucket holds half of the quota and refills by the other half within the span: whatever the moments chosen, no
//! window of that span sees more than the quota.

use chrono::{DateTime, TimeDelta, Utc};

/// At most so many mails within a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many mails.
    pub mails: u32,
    /// Within which span.
    pub within: TimeDelta,
}

/// What a bucket says to one more mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// It may leave; the bucket is then full again at this instant.
    Taken(DateTime<Utc>),
    /// It may leave at this instant, not before.
    Empty(DateTime<Utc>),
}

impl Quota {
    /// The stable name of its bucket: `400/300s`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}s", self.mails, self.within.num_seconds())
    }

    /// Takes one mail out of a bucket that is full again at `full_at`.
    ///
    /// A bucket is that one instant (the generic cell rate algorithm): each mail puts it off by the time that one token
    /// takes to come back. A clock that was set back never locks the bucket for longer than it takes to fill.
    #[must_use]
    pub fn draw(&self, full_at: DateTime<Utc>, now: DateTime<Utc>) -> Draw {
        let (one, depth) = (self.one(), self.depth());
        let full_at = full_at.clamp(now, now + depth);
        let after = full_at + one;
        let fits = now + depth;
        if after <= fits { Draw::Taken(after) } else { Draw::Empty(now + (after - fits)) }
    }

    /// How many mails a full bucket holds.
    fn capacity(&self) -> u32 {
        (self.mails / 2).max(1)
    }

    /// How long one token takes to come back, rounded up to the millisecond.
    fn one(&self) -> TimeDelta {
        let refill = i64::from(self.mails.saturating_sub(self.capacity()).max(1));
        let span = self.within.num_milliseconds().max(1);
        TimeDelta::milliseconds(span / refill + i64::from(span % refill != 0))
    }

    /// How long an empty bucket takes to fill.
    fn depth(&self) -> TimeDelta {
        self.one() * i32::try_from(self.capacity()).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + second)
    }

    /// The seconds at which mails leave that are tried at each second.
    fn leave(quota: Quota, seconds: i64) -> Vec<i64> {
        let (mut full_at, mut left) = (DateTime::UNIX_EPOCH, Vec::new());
        for second in 0..seconds {
            while let Draw::Taken(after) = quota.draw(full_at, at(second)) {
                full_at = after;
                left.push(second);
            }
        }
        left
    }

    #[test]
    fn no_window_sees_more_than_the_quota_and_the_bucket_is_used() {
        for (mails, seconds) in [(2, 10), (3, 10), (10, 60), (400, 300), (401, 300)] {
            let quota = Quota { mails, within: TimeDelta::seconds(seconds) };
            let left = leave(quota, 5 * seconds);
            let most = left.iter().map(|from| left.iter().filter(|at| (0..seconds).contains(&(**at - from))).count());
            assert!(most.max() <= Some(mails as usize), "{mails} in {seconds} s");
            assert!(left.len() >= 2 * mails as usize, "{mails} in {seconds} s: only {} left", left.len());
        }
    }

    #[test]
    fn an_empty_bucket_says_when_the_next_mail_may_leave() {
        let quota = Quota { mails: 4, within: TimeDelta::seconds(20) };
        let Draw::Taken(first) = quota.draw(DateTime::UNIX_EPOCH, at(0)) else { panic!("a full bucket gives") };
        let Draw::Taken(second) = quota.draw(first, at(0)) else { panic!("two are in it") };
        assert_eq!(quota.draw(second, at(0)), Draw::Empty(at(10)));
        assert!(matches!(quota.draw(second, at(10)), Draw::Taken(_)));
    }

    #[test]
    fn a_clock_set_back_locks_no_bucket_for_longer_than_it_takes_to_fill() {
        let quota = Quota { mails: 4, within: TimeDelta::seconds(20) };
        assert_eq!(quota.draw(at(1_000_000), at(0)), Draw::Empty(at(10)));
    }
}
