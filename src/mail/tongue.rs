//! How a language writes dates, hours and numbers of days. French and English write them out; any other language gets
//! the forms that every reader knows (`2026-05-07`, `16:50`) and words the rest in its template.

use chrono::{NaiveDate, NaiveTime, Timelike};
use chrono_tz::Tz;

use crate::domain::french::{french_date, french_time};
use crate::domain::wording::{FRENCH, primary};

/// A no-break space.
pub(super) const NBSP: char = '\u{a0}';

/// A language, as far as it writes dates out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    French,
    English,
    Other,
}

impl Tongue {
    /// The tongue of a language tag.
    pub(super) fn of(tag: &str) -> Self {
        match primary(tag) {
            FRENCH => Self::French,
            "en" => Self::English,
            _ => Self::Other,
        }
    }

    /// `jeudi 7 mai 2026`, `Thursday 7 May 2026`, `2026-05-07`; the day's number tied to its month.
    pub(super) fn date(self, date: NaiveDate) -> String {
        match self {
            Self::French => tied(&french_date(date)),
            Self::English => tied(&date.format("%A %-d %B %Y").to_string()),
            Self::Other => date.to_string(),
        }
    }

    /// `7 mai 2026`, `7 May 2026`, `2026-05-07`.
    pub(super) fn day(self, date: NaiveDate) -> String {
        let text = self.date(date);
        match self {
            Self::French | Self::English => {
                text.split_once(' ').map_or_else(|| text.clone(), |(_, day)| day.to_owned())
            }
            Self::Other => text,
        }
    }

    /// `16 h 50`, `16:50`.
    pub(super) fn time(self, time: NaiveTime) -> String {
        match self {
            Self::French => french_time(time),
            Self::English | Self::Other => format!("{:02}:{:02}", time.hour(), time.minute()),
        }
    }

    /// `heure de Paris`, `Paris time`, `Europe/Paris`.
    pub(super) fn zone(self, zone: Tz) -> String {
        match (self, place(zone)) {
            (Self::French, Some((french, _))) => format!("heure {french}"),
            (Self::French, None) => format!("heure de {}", zone.name()),
            (Self::English, Some((_, english))) => format!("{english} time"),
            (Self::English | Self::Other, _) => zone.name().to_owned(),
        }
    }

    /// `jeudi 7 mai 2026 à 16 h 50 (heure de Paris)`, `Thursday 7 May 2026 at 16:50 (Paris time)`.
    pub(super) fn at(self, date: NaiveDate, time: NaiveTime, zone: Tz) -> String {
        let (date, time, zone) = (self.date(date), self.time(time), self.zone(zone));
        match self {
            Self::French => format!("{date} à{NBSP}{time} ({zone})"),
            Self::English => format!("{date} at{NBSP}{time} ({zone})"),
            Self::Other => format!("{date} {time} ({zone})"),
        }
    }

    /// `5 jours ouvrés`, `5 working days`, `5`; in French zero is singular.
    pub(super) fn working_days(self, days: i64) -> String {
        let words = match self {
            Self::French if days < 2 => "jour ouvré",
            Self::French => "jours ouvrés",
            Self::English if days == 1 => "working day",
            Self::English => "working days",
            Self::Other => return days.to_string(),
        };
        format!("{days}{NBSP}{words}")
    }

    /// What silence makes of a *demande*: `acceptée`, `accepted`, `acceptance`.
    pub(super) fn decision(self, accepted: bool) -> &'static str {
        match (self, accepted) {
            (Self::French, true) => "acceptée",
            (Self::French, false) => "rejetée",
            (Self::English, true) => "accepted",
            (Self::English, false) => "rejected",
            (Self::Other, true) => "acceptance",
            (Self::Other, false) => "rejection",
        }
    }
}

/// A date whose day's number stays on the line of its month.
fn tied(text: &str) -> String {
    let mut words = text.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(weekday), Some(day), Some(rest)) => format!("{weekday} {day}{NBSP}{rest}"),
        _ => text.to_owned(),
    }
}

/// How the public calls a zone, in French and in English.
fn place(zone: Tz) -> Option<(&'static str, &'static str)> {
    Some(match zone {
        Tz::Europe__Paris => ("de Paris", "Paris"),
        Tz::Indian__Reunion => ("de La Réunion", "Réunion"),
        Tz::Indian__Mayotte => ("de Mayotte", "Mayotte"),
        Tz::America__Guadeloupe => ("de la Guadeloupe", "Guadeloupe"),
        Tz::America__Martinique => ("de la Martinique", "Martinique"),
        Tz::America__Cayenne => ("de Cayenne", "Cayenne"),
        Tz::America__Miquelon => ("de Saint-Pierre-et-Miquelon", "Saint Pierre and Miquelon"),
        Tz::America__Marigot => ("de Saint-Martin", "Saint Martin"),
        Tz::America__St_Barthelemy => ("de Saint-Barthélemy", "Saint Barthélemy"),
        Tz::Pacific__Noumea => ("de Nouméa", "Nouméa"),
        Tz::Pacific__Tahiti => ("de Tahiti", "Tahiti"),
        Tz::Pacific__Wallis => ("de Wallis-et-Futuna", "Wallis and Futuna"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_the_same_instant_its_own_way() {
        let date = NaiveDate::from_ymd_opt(2026, 5, 7).expect("a day");
        let time = NaiveTime::from_hms_opt(16, 50, 7).expect("a time");
        for (tag, at, days) in [
            ("fr", "jeudi 7 mai 2026 à 16 h 50 (heure de Paris)", "5 jours ouvrés"),
            ("en-GB", "Thursday 7 May 2026 at 16:50 (Paris time)", "5 working days"),
            ("de", "2026-05-07 16:50 (Europe/Paris)", "5"),
        ] {
            let tongue = Tongue::of(tag);
            assert_eq!(tongue.at(date, time, Tz::Europe__Paris).replace(NBSP, " "), at);
            assert_eq!(tongue.working_days(5).replace(NBSP, " "), days);
        }
        assert_eq!(Tongue::French.working_days(0).replace(NBSP, " "), "0 jour ouvré");
        assert_eq!(Tongue::English.day(date).replace(NBSP, " "), "7 May 2026");
        assert!(Tongue::French.at(date, time, Tz::Indian__Reunion).ends_with("(heure de La Réunion)"));
    }
}
