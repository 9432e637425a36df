//! How long each bureau had a request: the working days of its one clock, shared out.

use chrono::{DateTime, Utc};

use super::calendar::Calendar;

/// A bureau's part in the time that a request took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The bureau's key.
    pub bureau: String,
    /// Since when it had the request.
    pub from: DateTime<Utc>,
    /// Until when; `None` where it has it still.
    pub until: Option<DateTime<Utc>>,
    /// The working days after the first day, up to the last.
    pub working_days: i64,
}

/// Shares the time out: each step says since when a bureau had the request, in order; `settled_at` ends the last one.
/// The parts add up to the working days of the whole.
#[must_use]
pub fn shares(
    calendar: &Calendar,
    steps: &[(DateTime<Utc>, String)],
    settled_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<Share> {
    let ends = steps.iter().skip(1).map(|(at, _)| Some(*at)).chain([settled_at]);
    let share = |((from, bureau), until): (&(DateTime<Utc>, String), Option<DateTime<Utc>>)| Share {
        bureau: bureau.clone(),
        from: *from,
        until,
        working_days: calendar.working_days_between(calendar.civil(*from), calendar.civil(until.unwrap_or(now))),
    };
    steps.iter().zip(ends).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::territory::Territory;

    #[test]
    fn time_is_shared_by_bureau() {
        let calendar = Calendar::of(Territory::Metropole);
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        // Thursday; the 8th and Ascension are off.
        let steps = [(at("2026-05-07T08:00:00Z"), "a".to_owned()), (at("2026-05-12T08:00:00Z"), "b".to_owned())];
        let told = |settled: Option<&str>| {
            let shares = shares(&calendar, &steps, settled.map(at), at("2026-05-19T08:00:00Z"));
            shares.into_iter().map(|share| (share.bureau, share.working_days, share.until)).collect::<Vec<_>>()
        };
        let moved = Some(at("2026-05-12T08:00:00Z"));
        let settled = Some(at("2026-05-15T08:00:00Z"));
        let expected = [("a".to_owned(), 2, moved), ("b".to_owned(), 2, settled)];
        assert_eq!(told(Some("2026-05-15T08:00:00Z")), expected);
        let whole = calendar.working_days_between(
            calendar.civil(at("2026-05-07T08:00:00Z")),
            calendar.civil(at("2026-05-15T08:00:00Z")),
        );
        assert_eq!(whole, 4, "the parts add up");
        assert_eq!(told(None), [("a".to_owned(), 2, moved), ("b".to_owned(), 4, None)]);
    }
}
