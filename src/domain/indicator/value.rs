//! How figures are written: decimal comma, hundredths, rounding that never flatters.

/// The square of the normal quantile of 97,5 % (an interval of 95 %), in millionths.
const Z_SQUARED: u128 = 3_841_459;
/// The quantile itself, in millionths.
const Z: u128 = 1_959_964;
/// What both are counted in.
const MILLION: u128 = 1_000_000;
/// A whole, in hundredths of a percent.
const WHOLE: i64 = 10_000;
/// Below this count a share is shown with its interval.
pub const SMALL_COUNT: u64 = 100;

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub numerator: u64,
    /// Of how many.
    pub denominator: u64,
}

impl Share {
    /// In hundredths of a percent, rounded half up, but never up to a whole nor down to nothing; `None` of nothing.
    #[must_use]
    pub fn hundredths(self) -> Option<i64> {
        let (n, d) = (u128::from(self.numerator), u128::from(self.denominator));
        let rounded = (2 * n * 10_000 + d).checked_div(2 * d)?;
        let rounded = i64::try_from(rounded).unwrap_or(i64::MAX);
        Some(if n == 0 || n >= d { rounded } else { rounded.clamp(1, WHOLE - 1) })
    }

    /// Wilson's interval of 95 %, in hundredths of a percent, where the count is small; `None` where it is not.
    #[must_use]
    pub fn interval(self) -> Option<(i64, i64)> {
        if self.denominator == 0 || self.denominator >= SMALL_COUNT || self.numerator > self.denominator {
            return None;
        }
        let (k, n) = (u128::from(self.numerator), u128::from(self.denominator));
        // (k + z²/2 ± z √(k(n−k)/n + z²/4)) / (n + z²), with everything in millionths.
        let under_root = k * (n - k) * MILLION * MILLION / n + Z_SQUARED * MILLION / 4;
        let half = Z * under_root.isqrt() / MILLION;
        let (middle, whole) = (k * MILLION + Z_SQUARED / 2, n * MILLION + Z_SQUARED);
        let share = |part: u128| i64::try_from((2 * part * 10_000 + whole) / (2 * whole)).unwrap_or(WHOLE);
        Some((share(middle.saturating_sub(half)), share((middle + half).min(whole))))
    }
}

/// A value of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A count.
    Count(i64),
    /// A mean count, in hundredths.
    Mean(i64),
    /// A share.
    Share(Share),
    /// A share of which only the result is known, in hundredths of a percent.
    Percent(i64),
    /// A duration, in minutes.
    Minutes(i64),
    /// Words.
    Text(String),
    /// *Sans objet*.
    NotApplicable,
    /// Nobody gave it.
    Missing,
}

impl Value {
    /// What people read: `96,00 %`, `24758`, `/`.
    #[must_use]
    pub fn french(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Mean(hundredths) => decimal(*hundredths),
            Self::Share(share) => share.hundredths().map_or_else(|| "/".to_owned(), percent),
            Self::Percent(hundredths) => percent(*hundredths),
            Self::Minutes(minutes) => duration(*minutes),
            Self::Text(text) => text.clone(),
            Self::NotApplicable => "/".to_owned(),
            Self::Missing => "non renseigné".to_owned(),
        }
    }

    /// The sum of two counts, or of two shares by both their numbers; `None` where the two cannot be added.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        if let (Self::Count(a), Self::Count(b)) = (self, other) {
            return Some(Self::Count(a.checked_add(*b)?));
        }
        let (Self::Share(a), Self::Share(b)) = (self, other) else { return None };
        Some(Self::Share(Share {
            numerator: a.numerator.checked_add(b.numerator)?,
            denominator: a.denominator.checked_add(b.denominator)?,
        }))
    }

    /// The share in hundredths of a percent, where it is one.
    #[must_use]
    pub fn hundredths(&self) -> Option<i64> {
        match self {
            Self::Share(share) => share.hundredths(),
            Self::Percent(hundredths) => Some(*hundredths),
            Self::Count(_) | Self::Mean(_) | Self::Minutes(_) | Self::Text(_) | Self::NotApplicable | Self::Missing => {
                None
            }
        }
    }

    /// The share by its two numbers, where both are known.
    #[must_use]
    pub fn share(&self) -> Option<Share> {
        match self {
            Self::Share(share) => Some(*share),
            Self::Count(_)
            | Self::Mean(_)
            | Self::Percent(_)
            | Self::Minutes(_)
            | Self::Text(_)
            | Self::NotApplicable
            | Self::Missing => None,
        }
    }
}

/// Hundredths with a decimal comma: `1,50`.
#[must_use]
pub fn decimal(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    format!("{sign}{whole},{rest:02}")
}

/// `96,00 %`, with the space that does not break.
#[must_use]
pub fn percent(hundredths: i64) -> String {
    format!("{}\u{a0}%", decimal(hundredths))
}

/// `45 min`, `1 h 30`.
#[must_use]
pub fn duration(minutes: i64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, _) => format!("{rest}\u{a0}min"),
        (_, 0) => format!("{hours}\u{a0}h"),
        (_, _) => format!("{hours}\u{a0}h\u{a0}{rest:02}"),
    }
}

/// Median, mean and ninth decile of delays in working days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// The median, in hundredths of a day.
    pub median: i64,
    /// The mean, in hundredths of a day, rounded half up.
    pub mean: i64,
    /// The ninth decile (nearest rank), in hundredths of a day.
    pub p90: i64,
    /// How many delays.
    pub count: usize,
}

impl Delays {
    /// The three of them; `None` without delays. The list is sorted in place.
    #[must_use]
    pub fn of(days: &mut [i64]) -> Option<Self> {
        days.sort_unstable();
        let count = days.len();
        let at = |index: usize| days.get(index).copied();
        let (low, high) = (at(count.checked_sub(1)? / 2)?, at(count / 2)?);
        let whole = i64::try_from(count).ok()?;
        let sum: i64 = days.iter().sum();
        let mean = (2 * sum * 100 + whole).div_euclid(2 * whole);
        let p90 = at((9 * count).div_ceil(10).checked_sub(1)?)? * 100;
        Some(Self { median: (low + high) * 50, mean, p90, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(numerator: u64, denominator: u64) -> Share {
        Share { numerator, denominator }
    }

    #[test]
    fn a_share_is_rounded_half_up_and_never_to_a_whole_or_to_nothing() {
        for (numerator, denominator, expected) in [
            (24_758, 24_758, Some("100,00\u{a0}%")),
            (24_757, 24_758, Some("99,99\u{a0}%")),
            (1, 50_000, Some("0,01\u{a0}%")),
            (0, 12, Some("0,00\u{a0}%")),
            (1, 3, Some("33,33\u{a0}%")),
            (2, 3, Some("66,67\u{a0}%")),
            (1, 16, Some("6,25\u{a0}%")),
            (1, 32, Some("3,13\u{a0}%")),
            (0, 0, None),
        ] {
            let written = share(numerator, denominator).hundredths().map(percent);
            assert_eq!(written.as_deref(), expected, "{numerator}/{denominator}");
        }
    }

    /// Values worked out in floating point by another program.
    #[test]
    fn a_small_count_has_wilson_s_interval() {
        for (numerator, denominator, low, high) in
            [(10, 10, 7225, 10_000), (0, 10, 0, 2775), (7, 11, 3538, 8483), (61, 64, 8710, 9839), (1, 2, 945, 9055)]
        {
            assert_eq!(share(numerator, denominator).interval(), Some((low, high)), "{numerator}/{denominator}");
        }
        assert_eq!(share(90, 100).interval(), None);
        assert_eq!(share(0, 0).interval(), None);
    }

    #[test]
    fn delays_are_summed_up_by_median_mean_and_ninth_decile() {
        assert_eq!(Delays::of(&mut []), None);
        let sum_up = |mut days: Vec<i64>| Delays::of(&mut days).map(|d| (d.median, d.mean, d.p90));
        assert_eq!(sum_up(vec![3]), Some((300, 300, 300)));
        assert_eq!(sum_up(vec![2, 1]), Some((150, 150, 200)));
        assert_eq!(sum_up((1..=10).collect()), Some((550, 550, 900)));
        assert_eq!(sum_up(vec![0, 0, 1]), Some((0, 33, 100)));
    }

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!([45, 60, 90].map(duration), ["45\u{a0}min", "1\u{a0}h", "1\u{a0}h\u{a0}30"]);
    }
}
