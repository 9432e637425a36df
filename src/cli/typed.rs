//! What people type: instants, days, references and free words, each read in one way by every command, and refused with
//! a word that says what is expected.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::Failure;
use super::output::french_instant;
use crate::domain::calendar::instant_in;
use crate::domain::visible::shows;

/// The most characters of words that the ledger keeps as they are typed.
const MAX_WORDS: usize = 500;
/// The forms of a civil time without a zone.
const CIVIL: [&str; 6] = [
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
];

/// Who says or decides something.
#[derive(Debug, Clone, clap::Args)]
pub struct Author {
    /// Who says so; the login by default
    #[arg(long, env = "USER", default_value = "inconnu", value_parser = words)]
    pub agent: String,
}

/// A moment: with its offset, or as the clocks of the prefecture show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339.
    Instant(DateTime<Utc>),
    /// Civil time of a zone that the command knows.
    Civil(NaiveDateTime),
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let instant = typed.parse::<DateTime<FixedOffset>>().ok().map(|instant| Self::Instant(instant.to_utc()));
        let civil = || CIVIL.iter().find_map(|form| NaiveDateTime::parse_from_str(typed, form).ok());
        let midnight = || day(typed).ok().map(|day| day.and_time(NaiveTime::MIN));
        instant.or_else(|| civil().or_else(midnight).map(Self::Civil)).ok_or_else(|| {
            "a time such as 2026-05-07T16:50 (civil), \"07/05/2026 16:50\" or 2026-05-07T14:50:00Z is expected"
                .to_owned()
        })
    }
}

impl Moment {
    /// The instant, civil time being that of the zone.
    #[must_use]
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(instant) => instant,
            Self::Civil(civil) => instant_in(zone, civil),
        }
    }

    /// The instant of what has happened: nothing is told of the future.
    pub fn past(self, option: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        let at = self.instant(zone);
        if at > now {
            let what = format!("{option}\u{a0}: {} est dans l’avenir", french_instant(at, zone));
            return Err(Failure::Usage(anyhow::Error::msg(what)));
        }
        Ok(at)
    }
}

/// A day: `2026-05-18`, or as it is written on letters, `18/05/2026`.
pub fn day(typed: &str) -> Result<NaiveDate, String> {
    let day = typed.parse().ok().or_else(|| NaiveDate::parse_from_str(typed, "%d/%m/%Y").ok());
    day.ok_or_else(|| "a day such as 2026-05-18 or 18/05/2026 is expected".to_owned())
}

/// A reference, in capitals as it was given out, however it is typed.
#[expect(clippy::unnecessary_wraps, reason = "the form of a parser of arguments")]
pub fn reference(typed: &str) -> Result<String, String> {
    Ok(typed.trim().to_uppercase())
}

/// A free text, which may be empty.
pub fn text(typed: &str) -> Result<String, String> {
    if !typed.chars().all(shows) {
        return Err("line breaks, control characters and marks of direction are refused".to_owned());
    }
    Ok(typed.to_owned())
}

/// Words that must say something: who, why, to whom, from where.
pub fn words(typed: &str) -> Result<String, String> {
    let said = text(typed)?.trim().to_owned();
    match said.chars().count() {
        0 => Err("words are expected, and there are none".to_owned()),
        1..=MAX_WORDS => Ok(said),
        _ => Err(format!("more than {MAX_WORDS} characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_with_its_offset_or_as_the_clocks_show_it() {
        let paris = chrono_tz::Europe::Paris;
        for (typed, expected) in [
            ("2026-05-07T14:50:00Z", "2026-05-07T14:50:00Z"),
            ("2026-05-07T16:50:00+02:00", "2026-05-07T14:50:00Z"),
            ("2026-05-07T16:50", "2026-05-07T14:50:00Z"),
            ("2026-05-07 16:50:30", "2026-05-07T14:50:30Z"),
            ("07/05/2026 16:50", "2026-05-07T14:50:00Z"),
            ("07/05/2026", "2026-05-06T22:00:00Z"),
            ("2026-12-07", "2026-12-06T23:00:00Z"),
        ] {
            let moment: Moment = typed.parse().expect(typed);
            assert_eq!(moment.instant(paris), expected.parse::<DateTime<Utc>>().expect("an instant"), "{typed}");
        }
        for typed in ["", "hier", "16:50", "2026-02-30", "2026-05-07T25:00", "05/07"] {
            assert!(typed.parse::<Moment>().is_err(), "{typed}");
        }
    }

    #[test]
    fn a_reference_is_the_same_in_small_letters() {
        assert_eq!(reference(" pan-2026-000123 ").as_deref(), Ok("PAN-2026-000123"));
    }
}
