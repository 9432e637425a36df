//! The periods that are reported on: a year, a quarter, a month, in civil time.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::calendar::instant_in;
use super::french::french_month;

/// The first year that a period may name.
const FIRST_YEAR: i32 = 1970;
/// The last year that a period may name.
const LAST_YEAR: i32 = 2200;

/// A year, a quarter or a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// `2026`.
    Year(i32),
    /// `2026-T3`.
    Quarter(i32, u32),
    /// `2026-11`.
    Month(i32, u32),
}

/// A text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no period: 2026, 2026-T3 or 2026-11 is expected")]
pub struct NoPeriod(pub String);

impl std::str::FromStr for Period {
    type Err = NoPeriod;

    /// Reads `2026`, `2026-T3` (also `2026-Q3`) and `2026-11`.
    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let wrong = || NoPeriod(text.to_owned());
        let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
        let year = year.parse().ok().filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year)).ok_or_else(wrong)?;
        let Some(rest) = rest else { return Ok(Self::Year(year)) };
        let period = match rest.strip_prefix(['T', 't', 'Q', 'q']) {
            Some(quarter) => digits(quarter).filter(|n| (1..=4).contains(n)).map(|n| Self::Quarter(year, n)),
            None => digits(rest).filter(|n| (1..=12).contains(n)).map(|n| Self::Month(year, n)),
        };
        period.ok_or_else(wrong)
    }
}

impl fmt::Display for Period {
    /// The form that commands and the ledger use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year}"),
            Self::Quarter(year, quarter) => write!(f, "{year}-T{quarter}"),
            Self::Month(year, month) => write!(f, "{year}-{month:02}"),
        }
    }
}

impl Period {
    /// The month of a day.
    #[must_use]
    pub fn month_of(day: NaiveDate) -> Self {
        Self::Month(day.year(), day.month())
    }

    /// The quarter of a day.
    #[must_use]
    pub fn quarter_of(day: NaiveDate) -> Self {
        Self::Quarter(day.year(), day.month0() / 3 + 1)
    }

    /// Its first month, from 1, and how many months it has.
    fn months(self) -> (i32, u32, u32) {
        match self {
            Self::Year(year) => (year, 1, 12),
            Self::Quarter(year, quarter) => (year, quarter * 3 - 2, 3),
            Self::Month(year, month) => (year, month, 1),
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> NaiveDate {
        let (year, month, _) = self.months();
        // Both ends were checked when the period was read.
        NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default()
    }

    /// The first day after it.
    #[must_use]
    pub fn after(self) -> NaiveDate {
        let (_, _, months) = self.months();
        self.first().checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.first() <= day && day < self.after()
    }

    /// Its first instant and the first instant after it, in a civil time.
    #[must_use]
    pub fn span(self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let midnight = |day: NaiveDate| instant_in(zone, day.and_time(NaiveTime::MIN));
        (midnight(self.first()), midnight(self.after()))
    }

    /// The next shorter periods that fill it: quarters of a year, months of a quarter; none for a month.
    #[must_use]
    pub fn parts(self) -> Vec<Self> {
        match self {
            Self::Year(year) => (1..=4).map(|quarter| Self::Quarter(year, quarter)).collect(),
            Self::Quarter(year, quarter) => (0..3).map(|at| Self::Month(year, quarter * 3 - 2 + at)).collect(),
            Self::Month(..) => Vec::new(),
        }
    }

    /// The months that fill it.
    #[must_use]
    pub fn all_months(self) -> Vec<Self> {
        let (year, first, months) = self.months();
        (first..first + months).map(|month| Self::Month(year, month)).collect()
    }

    /// The period of the same length before it.
    #[must_use]
    pub fn previous(self) -> Self {
        match self {
            Self::Year(year) => Self::Year(year - 1),
            Self::Quarter(year, 1) => Self::Quarter(year - 1, 4),
            Self::Quarter(year, quarter) => Self::Quarter(year, quarter - 1),
            Self::Month(year, 1) => Self::Month(year - 1, 12),
            Self::Month(year, month) => Self::Month(year, month - 1),
        }
    }

    /// As many periods of this length as asked for, this one the last.
    #[must_use]
    pub fn trail(self, count: usize) -> Vec<Self> {
        let mut trail: Vec<Self> =
            std::iter::successors(Some(self), |period| Some(period.previous())).take(count).collect();
        trail.reverse();
        trail
    }

    /// What people read: `année 2026`, `3e trimestre 2026`, `novembre 2026`.
    #[must_use]
    pub fn french(self) -> String {
        match self {
            Self::Year(year) => format!("année {year}"),
            Self::Quarter(year, 1) => format!("1er trimestre {year}"),
            Self::Quarter(year, quarter) => format!("{quarter}e trimestre {year}"),
            Self::Month(year, month) => format!("{} {year}", french_month(month)),
        }
    }

    /// A short form for people: `2026`, `T3 2026`, `11/2026`.
    #[must_use]
    pub fn short(self) -> String {
        match self {
            Self::Year(year) => year.to_string(),
            Self::Quarter(year, quarter) => format!("T{quarter}\u{a0}{year}"),
            Self::Month(year, month) => format!("{month:02}/{year}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_a_quarter_or_a_month_and_nothing_else() {
        for text in ["2026", "2026-T3", "2026-11"] {
            assert_eq!(text.parse::<Period>().expect("a period").to_string(), text);
        }
        assert_eq!("2026-q1".parse(), Ok(Period::Quarter(2026, 1)));
        for text in ["", "hier", "2026-13", "2026-T5", "2026-0", "2026-+1", "1850", "2026-11-01"] {
            assert_eq!(text.parse::<Period>(), Err(NoPeriod(text.to_owned())));
        }
    }

    #[test]
    fn a_period_ends_where_the_next_begins() {
        let mut period = Period::Month(2028, 1);
        for _ in 0..30 {
            assert_eq!(period.previous().after(), period.first());
            period = period.previous();
        }
        assert_eq!(Period::Quarter(2026, 1).previous(), Period::Quarter(2025, 4));
        assert_eq!(Period::Quarter(2026, 4).parts(), Period::Quarter(2026, 4).all_months());
        assert_eq!(Period::Month(2026, 2).trail(3).first(), Some(&Period::Month(2025, 12)));
    }

    #[test]
    fn a_span_is_one_of_civil_time() {
        let (from, until) = Period::Quarter(2026, 3).span(Tz::Europe__Paris);
        assert_eq!(from.to_rfc3339(), "2026-06-30T22:00:00+00:00");
        assert_eq!(until.to_rfc3339(), "2026-09-30T22:00:00+00:00");
    }

    #[test]
    fn people_read_the_rank_of_a_quarter() {
        assert_eq!(Period::Quarter(2026, 1).french(), "1er trimestre 2026");
        assert_eq!(Period::Quarter(2026, 3).french(), "3e trimestre 2026");
        assert_eq!(Period::Month(2026, 8).french(), "août 2026");
    }
}
