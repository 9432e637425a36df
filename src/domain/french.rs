//! Dates, times, counts and quotations as a person of the prefecture reads them.
//!
//! Deliberately absent: locales. vigie speaks French to agents; templates in other languages bring their own dates.

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Weekday};

/// The months, January first.
const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// The name of a day of the week: `lundi`.
#[must_use]
pub fn french_weekday(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "lundi",
        Weekday::Tue => "mardi",
        Weekday::Wed => "mercredi",
        Weekday::Thu => "jeudi",
        Weekday::Fri => "vendredi",
        Weekday::Sat => "samedi",
        Weekday::Sun => "dimanche",
    }
}

/// The name of a month, from 1: `août`; empty for what is no month.
#[must_use]
pub fn french_month(month: u32) -> &'static str {
    let at = month.checked_sub(1).and_then(|month| usize::try_from(month).ok());
    at.and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
}

/// A long date: `lundi 18 mai 2026`, `vendredi 1er mai 2026`.
#[must_use]
pub fn french_date(date: NaiveDate) -> String {
    let month = french_month(date.month());
    let ordinal = if date.day() == 1 { "er" } else { "" };
    format!("{} {}{ordinal} {month} {}", french_weekday(date.weekday()), date.day(), date.year())
}

/// A short date: `18/05/2026`.
#[must_use]
pub fn french_day(date: NaiveDate) -> String {
    date.format("%d/%m/%Y").to_string()
}

/// A time to the minute, `16 h 50`, with no-break spaces so that it stays on one line.
#[must_use]
pub fn french_time(time: NaiveTime) -> String {
    format!("{}\u{a0}h\u{a0}{:02}", time.hour(), time.minute())
}

/// A rank: `1er`, `2e`.
#[must_use]
pub fn french_rank(number: u16) -> String {
    if number == 1 { "1er".to_owned() } else { format!("{number}e") }
}

/// A count and what is counted: `1 demande`, `2 demandes`; in French nought is singular.
#[must_use]
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count}\u{a0}{}", if count < 2 { one } else { many })
}

/// Words as they were written by somebody: `« Voirie »`.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("«\u{a0}{text}\u{a0}»")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_in_full() {
        for (year, month, day, expected) in [
            (2026, 5, 18, "lundi 18 mai 2026"),
            (2026, 5, 1, "vendredi 1er mai 2026"),
            (2027, 8, 31, "mardi 31 août 2027"),
            (2028, 2, 29, "mardi 29 février 2028"),
        ] {
            assert_eq!(NaiveDate::from_ymd_opt(year, month, day).map(french_date).as_deref(), Some(expected));
        }
    }

    #[test]
    fn keeps_a_time_on_one_line() {
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 59).map(french_time);
        assert_eq!(time(16, 50).as_deref(), Some("16\u{a0}h\u{a0}50"));
        assert_eq!(time(9, 5).as_deref(), Some("9\u{a0}h\u{a0}05"));
    }

    #[test]
    fn what_is_counted_is_singular_below_two() {
        let say = |count: usize| counted(count, "jour ouvré", "jours ouvrés");
        assert_eq!(say(0), "0\u{a0}jour ouvré");
        assert_eq!(say(1), "1\u{a0}jour ouvré");
        assert_eq!(say(2), "2\u{a0}jours ouvrés");
    }
}
