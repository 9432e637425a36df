//! A calendar as a text, one setting a line: what its revision is the hash of, and what the ledger keeps, so that days
//! counted once can be counted again when closures were added since.

use std::fmt::Write as _;

use chrono::{NaiveDate, Weekday, WeekdaySet};
use chrono_tz::Tz;

use super::calendar::{Calendar, Closure};
use super::holidays::{HolidayRules, SaintMartinAbolition};
use super::territory::Territory;

/// Raised whenever the code of `calendar.rs` or `holidays.rs` would give another answer for the same settings. Whoever
/// raises it keeps the old answer for texts that name the old number: the ledger holds such texts.
const RULES_VERSION: u32 = 1;
/// The most closures that are read from one text.
const MAX_CLOSURES: usize = 10_000;

/// Writes the settings. A label carries its length, so that no label can imitate another line.
pub(super) fn write(
    territory: Territory,
    zone: Tz,
    rules: HolidayRules,
    closures: &[Closure],
    opening_days: WeekdaySet,
) -> String {
    let HolidayRules { good_friday_in_alsace_moselle, saint_martin_abolition, pacific_local_days, matarii_from } =
        rules;
    let days: Vec<String> = opening_days.iter(Weekday::Mon).map(|day| day.number_from_monday().to_string()).collect();
    let mut text = format!(
        "vigie calendar {RULES_VERSION}\nterritory {}\nzone {}\ngood_friday_in_alsace_moselle {good_friday_in_alsace_moselle}\n\
         saint_martin_abolition {}\npacific_local_days {pacific_local_days}\nmatarii_from {matarii_from}\nopening_days {}\n",
        territory.name(),
        zone.name(),
        saint_martin_abolition.name(),
        days.join(" "),
    );
    for Closure { from, to, label, suspends } in closures {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "closure {from} {to} {suspends} {} {label}", label.len());
    }
    text
}

/// Reads the settings back; `None` for anything else, and for rules of another version.
pub(super) fn read(text: &str) -> Option<Calendar> {
    let mut rest = text;
    let version: u32 = setting(&mut rest, "vigie calendar")?.parse().ok()?;
    let territory = Territory::from_name(setting(&mut rest, "territory")?)?;
    let zone: Tz = setting(&mut rest, "zone")?.parse().ok()?;
    let rules = HolidayRules {
        good_friday_in_alsace_moselle: setting(&mut rest, "good_friday_in_alsace_moselle")?.parse().ok()?,
        saint_martin_abolition: SaintMartinAbolition::from_name(setting(&mut rest, "saint_martin_abolition")?)?,
        pacific_local_days: setting(&mut rest, "pacific_local_days")?.parse().ok()?,
        matarii_from: setting(&mut rest, "matarii_from")?.parse().ok()?,
    };
    let mut opening_days = WeekdaySet::EMPTY;
    for day in setting(&mut rest, "opening_days")?.split_whitespace() {
        let number: u8 = day.parse().ok().filter(|number| (1..=7).contains(number))?;
        opening_days.insert(Weekday::try_from(number - 1).ok()?);
    }
    let mut closures = Vec::new();
    while !rest.is_empty() && closures.len() < MAX_CLOSURES {
        closures.push(closure(&mut rest)?);
    }
    let calendar = Calendar::new(territory, zone, rules, closures, opening_days);
    (version == RULES_VERSION && rest.is_empty()).then_some(calendar)
}

/// The value of the line that comes next, which has to bear this name.
fn setting<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let (line, after) = rest.split_once('\n')?;
    *rest = after;
    line.strip_prefix(name)?.strip_prefix(' ').or_else(|| (line == name).then_some(""))
}

/// The closure that comes next: its label is as long as it says, whatever is in it.
fn closure(rest: &mut &str) -> Option<Closure> {
    let mut words = rest.strip_prefix("closure ")?.splitn(5, ' ');
    let from: NaiveDate = words.next()?.parse().ok()?;
    let to: NaiveDate = words.next()?.parse().ok()?;
    let suspends: bool = words.next()?.parse().ok()?;
    let length: usize = words.next()?.parse().ok()?;
    let (label, after) = words.next()?.split_at_checked(length)?;
    *rest = after.strip_prefix('\n')?;
    Some(Closure { from, to, label: label.to_owned(), suspends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::MONDAY_TO_FRIDAY;

    fn closed(label: &str) -> Closure {
        let day = NaiveDate::from_ymd_opt(2026, 5, 15).expect("a day");
        Closure { from: day, to: day, label: label.to_owned(), suspends: true }
    }

    #[test]
    fn a_calendar_read_from_its_text_is_the_same_calendar() {
        let six_days: WeekdaySet = [Weekday::Mon, Weekday::Tue, Weekday::Sat].into_iter().collect();
        for territory in Territory::ALL {
            for (closures, days) in [
                (vec![], MONDAY_TO_FRIDAY),
                (vec![closed("Pont de l’Ascension"), closed(""), closed("deux\nlignes\nclosure 2026-01-01")], six_days),
                (vec![closed("x")], WeekdaySet::EMPTY),
            ] {
                let calendar = Calendar::new(territory, territory.zone(), HolidayRules::default(), closures, days);
                assert_eq!(Calendar::read(&calendar.text()), Some(calendar));
            }
        }
    }

    #[test]
    fn a_text_that_was_never_written_is_no_calendar() {
        let text = Calendar::new(
            Territory::Metropole,
            Tz::Europe__Paris,
            HolidayRules::default(),
            vec![closed("Pont")],
            MONDAY_TO_FRIDAY,
        )
        .text();
        for (from, to) in [
            ("calendar 1", "calendar 2"),
            ("metropole", "Métropole"),
            ("opening_days 1 2", "opening_days 2 1"),
            ("opening_days 1", "opening_days 8"),
            ("true 4 Pont", "true 5 Pont"),
            ("true 4 Pont", "true 3 Pont"),
            ("2026-05-15 ", "2026-5-15 "),
            ("zone ", "zone  "),
        ] {
            assert!(text.contains(from));
            assert_eq!(Calendar::read(&text.replacen(from, to, 1)), None, "{to}");
        }
        assert_eq!(Calendar::read(""), None);
        assert_eq!(Calendar::read(&format!("{text}x")), None);
        assert_eq!(Calendar::read(text.trim_end()), None);
    }
}
