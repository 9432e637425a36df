//! How long what is kept (RGPD, article 5; Code du patrimoine, L212-2): rules on dates, and nothing that destroys.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::calendar::instant_in;

/// The days of a month, for spans that are given in months.
const DAYS_OF_MONTH: i64 = 31;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days after the closure for which addresses, names and subjects are kept.
    pub personal_days: u16,
    /// Full calendar years after that of the closure for which rows are kept.
    pub row_years: u16,
    /// Months for which the access log is kept.
    pub access_months: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { personal_days: 90, row_years: 3, access_months: 12 }
    }
}

impl Retention {
    /// How long after the closure addresses, names and subjects are kept.
    #[must_use]
    pub fn personal(self) -> TimeDelta {
        TimeDelta::days(self.personal_days.into())
    }

    /// What was closed before this instant, at `now`, has to lose its addresses, names and subjects.
    #[must_use]
    pub fn personal_before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.personal()
    }

    /// The first instant of the oldest year that is still kept whole.
    #[must_use]
    pub fn rows_before(self, zone: chrono_tz::Tz, now: DateTime<Utc>) -> DateTime<Utc> {
        let year = now.with_timezone(&zone).year() - i32::from(self.row_years);
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(NaiveDate::MIN);
        instant_in(zone, first.and_time(NaiveTime::MIN))
    }

    /// The first instant of which the access log still says who looked.
    #[must_use]
    pub fn access_since(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::days(i64::from(self.access_months) * DAYS_OF_MONTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_for_full_years_and_names_for_days() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-25T10:00:00Z");
        let kept = Retention::default();
        assert_eq!(kept.personal_before(now), at("2026-08-27T10:00:00Z"));
        assert_eq!(
            kept.rows_before(chrono_tz::Europe::Paris, now),
            at("2022-12-31T23:00:00Z"),
            "2023, 2024, 2025 are kept"
        );
    }
}
