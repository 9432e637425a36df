//! Deadlines as an iCalendar file (RFC 5545), which a mail client offers to open in its calendar.
//!
//! Same inputs, same bytes: the stamp is the mail's own date, and each event is called by its request's reference, so that
//! a newer file replaces what an older one said.

use chrono::{DateTime, NaiveDate, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, Property};

/// The most deadlines of one file.
const MAX_DEADLINES: usize = 1_000;

/// The deadlines of a bureau's open requests, one whole-day event for each.
#[must_use]
pub fn deadlines(bureau: &str, stamp: DateTime<Utc>, due: impl Iterator<Item = (NaiveDate, String)>) -> String {
    let mut calendar = Calendar::empty();
    calendar.append_property(Property::new("VERSION", "2.0"));
    calendar.append_property(Property::new("PRODID", "-//vigie//vigie//FR"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    for (day, reference) in due.take(MAX_DEADLINES) {
        let event = Event::new()
            .uid(&format!("{reference}@vigie"))
            .timestamp(stamp)
            .summary(&format!("{bureau} : réponse à {reference}, dernier jour"))
            .all_day(day)
            .append_property(Property::new("TRANSP", "TRANSPARENT"))
            .done();
        calendar.push(event);
    }
    calendar.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_whole_day_and_the_same_file_each_time() {
        let stamp: DateTime<Utc> = "2026-05-18T06:30:00Z".parse().expect("an instant");
        let day: NaiveDate = "2026-05-19".parse().expect("a day");
        let file = || deadlines("Bureau, accueil", stamp, std::iter::once((day, "PAN-2026-000123".to_owned())));
        let text = file();
        assert_eq!(text, file());
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "METHOD:PUBLISH",
            "UID:PAN-2026-000123@vigie",
            "DTSTAMP:20260518T063000Z",
            "DTSTART;VALUE=DATE:20260519",
            "END:VEVENT",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains("SUMMARY:Bureau\\, accueil : réponse à PAN-2026-000123"), "{unfolded}");
    }
}
