//! Working days, closures, revisions; and the only place where instants become civil time and back.
//!
//! A day works when the service opens on that day of the week, and it is neither a public holiday nor in a closure that
//! suspends the count. Civil dates never pass through UTC: [`Calendar::civil`] says on which day an instant falls.
//!
//! Start reading at [`Calendar::day`].

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono::{Weekday, WeekdaySet};
use chrono_tz::{GapInfo, Tz};
use sha2::{Digest, Sha256};

use super::calendar_text;
use super::holidays::{HolidayRules, holidays};
pub use super::territory::Territory;

/// Jours ouvrés: Monday to Friday.
pub const MONDAY_TO_FRIDAY: WeekdaySet =
    WeekdaySet::from_array([Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]);

/// The years whose days off are worked out once; others cost the computation of a year per question.
const PREPARED_YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;
/// 1 January of the first prepared year, as chrono's day number of the common era.
const FIRST_PREPARED_DAY: i32 = 730_120;
/// Days in the prepared years.
const PREPARED_DAYS: usize = 36_890;

/// How far, in civil days, the search for a working day goes: a century. Beyond, everything is closed for ever.
const MAX_SEARCH_DAYS: u32 = 36_525;
/// How far, in civil days, working days are counted: a Gregorian cycle of 400 years.
const MAX_COUNTED_DAYS: usize = 146_097;

/// A span of days on which the service is closed (*pont*, *fermeture*).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closure {
    /// The first closed day.
    pub from: NaiveDate,
    /// The last closed day; before `from`, the closure covers nothing.
    pub to: NaiveDate,
    /// What a person reads: `Pont de l'Ascension`.
    pub label: String,
    /// Whether the count of working days stops meanwhile. If not, the closure is shown and its days count.
    pub suspends: bool,
}

impl Closure {
    fn contains(&self, date: NaiveDate) -> bool {
        self.from <= date && date <= self.to
    }
}

/// What a civil day is. Of several reasons not to work, the first of this list is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Day {
    /// A public holiday, on whatever day of the week; two on one day are joined by ` ; `.
    Holiday(String),
    /// A day of the week on which the service does not open.
    NotOpen(Weekday),
    /// A closure that suspends the count: its label.
    Closed(String),
    /// A closure that does not suspend: its label. The day counts, nobody is there.
    ClosedCounted(String),
    /// An ordinary working day.
    Working,
}

/// The working days of a service. Immutable: another setting is another calendar, with another revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    territory: Territory,
    zone: Tz,
    rules: HolidayRules,
    closures: Vec<Closure>,
    opening_days: WeekdaySet,
    /// One bit per prepared day, set on public holidays and in suspending closures.
    days_off: Vec<u64>,
    revision: String,
}

impl Calendar {
    /// A calendar for a territory, its civil time, the switches of the law, the closures, and the days of opening.
    #[must_use]
    pub fn new(
        territory: Territory,
        zone: Tz,
        rules: HolidayRules,
        mut closures: Vec<Closure>,
        opening_days: WeekdaySet,
    ) -> Self {
        closures.sort();
        let days_off = prepare(territory, rules, &closures);
        let mut calendar = Self { territory, zone, rules, closures, opening_days, days_off, revision: String::new() };
        calendar.revision = short_hash(&calendar.text());
        calendar
    }

    /// All that decides, one setting a line: what the revision is the hash of, and from which [`Self::read`] makes the
    /// same calendar again.
    #[must_use]
    pub fn text(&self) -> String {
        calendar_text::write(self.territory, self.zone, self.rules, &self.closures, self.opening_days)
    }

    /// The calendar that a text describes; `None` where [`Self::text`] never wrote it.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        calendar_text::read(text).filter(|calendar| calendar.text() == text)
    }

    /// The territory's calendar as the law gives it: its own zone, recommended switches, Monday to Friday, no closure.
    #[must_use]
    pub fn of(territory: Territory) -> Self {
        Self::new(territory, territory.zone(), HolidayRules::default(), Vec::new(), MONDAY_TO_FRIDAY)
    }

    /// The territory whose holidays hold.
    #[must_use]
    pub fn territory(&self) -> Territory {
        self.territory
    }

    /// The civil time in which days begin and end.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The days of the week on which the service opens.
    #[must_use]
    pub fn opening_days(&self) -> WeekdaySet {
        self.opening_days
    }

    /// The closures, by first day.
    #[must_use]
    pub fn closures(&self) -> &[Closure] {
        &self.closures
    }

    /// The holidays of a year, with the names that a person reads, in the order of their dates.
    #[must_use]
    pub fn holidays(&self, year: i32) -> Vec<(NaiveDate, &'static str)> {
        holidays(self.territory, self.rules, year).into_iter().map(|(date, holiday)| (date, holiday.label())).collect()
    }

    /// A short hash of all that decides: two calendars with one revision give the same answers.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// What a day is, and why. For the mere question whether it counts, [`Self::is_working`] is cheap.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> Day {
        let holidays = self.holidays(date.year());
        let names: Vec<&str> = holidays.iter().filter(|(day, _)| *day == date).map(|(_, name)| *name).collect();
        if !names.is_empty() {
            return Day::Holiday(names.join(" ; "));
        }
        if !self.opening_days.contains(date.weekday()) {
            return Day::NotOpen(date.weekday());
        }
        let covering = |suspends| self.closures.iter().find(|c| c.suspends == suspends && c.contains(date));
        match (covering(true), covering(false)) {
            (Some(closure), _) => Day::Closed(closure.label.clone()),
            (None, Some(closure)) => Day::ClosedCounted(closure.label.clone()),
            (None, None) => Day::Working,
        }
    }

    /// Whether a day counts as a working day.
    #[must_use]
    pub fn is_working(&self, date: NaiveDate) -> bool {
        self.opening_days.contains(date.weekday()) && !self.is_off(date)
    }

    /// Whether someone is at work on a day: it counts, and no closure covers it, not even one that does not suspend.
    #[must_use]
    pub fn is_staffed(&self, date: NaiveDate) -> bool {
        self.is_working(date) && !self.closures.iter().any(|closure| closure.contains(date))
    }

    fn is_off(&self, date: NaiveDate) -> bool {
        let Some((word, bit)) = prepared_bit(date) else { return self.is_off_beyond_preparation(date) };
        self.days_off.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn is_off_beyond_preparation(&self, date: NaiveDate) -> bool {
        holidays(self.territory, self.rules, date.year()).iter().any(|(day, _)| *day == date)
            || self.closures.iter().any(|closure| closure.suspends && closure.contains(date))
    }

    /// The `n`-th working day after a date; the date itself for 0, whatever it is. `None` when a century does not hold
    /// so many.
    #[must_use]
    pub fn add_working_days(&self, date: NaiveDate, n: u16) -> Option<NaiveDate> {
        self.walk(date, n, |day| day.succ_opt())
    }

    /// The `n`-th working day before a date; the date itself for 0. `None` when a century does not hold so many.
    #[must_use]
    pub fn subtract_working_days(&self, date: NaiveDate, n: u16) -> Option<NaiveDate> {
        self.walk(date, n, |day| day.pred_opt())
    }

    fn walk(&self, from: NaiveDate, n: u16, step: impl Fn(NaiveDate) -> Option<NaiveDate>) -> Option<NaiveDate> {
        let (mut date, mut left) = (from, n);
        for _ in 0..MAX_SEARCH_DAYS {
            if left == 0 {
                return Some(date);
            }
            date = step(date)?;
            left -= u16::from(self.is_working(date));
        }
        None
    }

    /// How many working days `d` there are with `after < d <= until`; when `until < after`, minus those with
    /// `until < d <= after`. Counting stops after four centuries.
    #[must_use]
    pub fn working_days_between(&self, after: NaiveDate, until: NaiveDate) -> i64 {
        let (first, last, sign) = if after <= until { (after, until, 1) } else { (until, after, -1) };
        let days = first.iter_days().skip(1).take(MAX_COUNTED_DAYS).take_while(|day| *day <= last);
        days.map(|day| i64::from(self.is_working(day))).sum::<i64>() * sign
    }

    /// The civil day on which an instant falls.
    #[must_use]
    pub fn civil(&self, instant: DateTime<Utc>) -> NaiveDate {
        civil_time(self.zone, instant).date()
    }

    /// The first instant after a civil day: the next local midnight, or what follows it where the clocks skip it.
    #[must_use]
    pub fn end_of_day(&self, date: NaiveDate) -> DateTime<Utc> {
        date.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, |next| self.instant(next, NaiveTime::MIN))
    }

    /// The instant of a civil time of the service; see [`instant_in`].
    #[must_use]
    pub fn instant(&self, date: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
        instant_in(self.zone, date.and_time(time))
    }
}

/// The civil time of an instant in a zone.
#[must_use]
pub fn civil_time(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    let utc = instant.naive_utc();
    // `with_timezone(…).naive_local()` panics at the ends of chrono's time; a hostile header may name such a year.
    utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix()).unwrap_or(utc)
}

/// The first instant at which the clocks of a zone show a civil time or a later one: a time that the clocks skip is the
/// instant after the gap, a time that comes twice is its first coming.
#[must_use]
pub fn instant_in(zone: Tz, civil: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&civil) {
        MappedLocalTime::Single(instant) => instant.to_utc(),
        MappedLocalTime::Ambiguous(first, second) => first.min(second).to_utc(),
        MappedLocalTime::None => {
            let after_gap = GapInfo::new(&civil, &zone).and_then(|gap| gap.end);
            // Without a gap the time lies at the ends of chrono's range, where an offset means nothing.
            after_gap.map_or_else(|| civil.and_utc(), |instant| instant.to_utc())
        }
    }
}

/// Where a prepared day's bit is: the word, and the mask. `None` outside the prepared years.
fn prepared_bit(date: NaiveDate) -> Option<(usize, u64)> {
    let day = usize::try_from(date.num_days_from_ce() - FIRST_PREPARED_DAY).ok()?;
    (day < PREPARED_DAYS).then_some((day / 64, 1 << (day % 64)))
}

fn prepare(territory: Territory, rules: HolidayRules, closures: &[Closure]) -> Vec<u64> {
    let mut bits = vec![0; PREPARED_DAYS.div_ceil(64)];
    let mut mark = |date| {
        if let Some((word, bit)) = prepared_bit(date)
            && let Some(bits) = bits.get_mut(word)
        {
            *bits |= bit;
        }
    };
    for year in PREPARED_YEARS {
        for (date, _) in holidays(territory, rules, year) {
            mark(date);
        }
    }
    let first = NaiveDate::from_num_days_from_ce_opt(FIRST_PREPARED_DAY).unwrap_or_default();
    for closure in closures.iter().filter(|closure| closure.suspends) {
        let days = closure.from.max(first).iter_days().take(PREPARED_DAYS);
        for date in days.take_while(|day| *day <= closure.to) {
            mark(date);
        }
    }
    bits
}

/// The first 8 octets of the SHA-256, in 16 hexadecimal digits.
fn short_hash(text: &str) -> String {
    let head = Sha256::digest(text).iter().take(8).fold(0_u64, |head, octet| head << 8 | u64::from(*octet));
    format!("{head:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn closure(from: &str, to: &str, suspends: bool) -> Closure {
        Closure { from: date(from), to: date(to), label: "Pont".to_owned(), suspends }
    }

    fn metropole(closures: Vec<Closure>) -> Calendar {
        Calendar::new(Territory::Metropole, Tz::Europe__Paris, HolidayRules::default(), closures, MONDAY_TO_FRIDAY)
    }

    #[test]
    fn says_what_a_day_is() {
        let calendar =
            metropole(vec![closure("2026-05-15", "2026-05-16", true), closure("2026-05-15", "2026-05-18", false)]);
        for (day, expected) in [
            ("2026-05-13", Day::Working),
            ("2026-05-14", Day::Holiday("Ascension".to_owned())),
            ("2026-05-15", Day::Closed("Pont".to_owned())),
            ("2026-05-16", Day::NotOpen(Weekday::Sat)),
            ("2026-05-18", Day::ClosedCounted("Pont".to_owned())),
            ("2026-08-15", Day::Holiday("Assomption".to_owned())),
        ] {
            assert_eq!(calendar.day(date(day)), expected, "{day}");
        }
        assert!(calendar.is_working(date("2026-05-18")));
        assert!(!calendar.is_staffed(date("2026-05-18")));
    }

    #[test]
    fn joins_the_names_of_two_holidays_on_one_day() {
        let calendar = Calendar::of(Territory::Martinique);
        assert_eq!(calendar.day(date("2031-05-22")), Day::Holiday("Ascension ; Abolition de l’esclavage".to_owned()));
    }

    #[test]
    fn the_prepared_days_are_those_of_the_prepared_years() {
        let first = NaiveDate::from_ymd_opt(*PREPARED_YEARS.start(), 1, 1).expect("a date");
        let last = NaiveDate::from_ymd_opt(*PREPARED_YEARS.end(), 12, 31).expect("a date");
        assert_eq!(first.num_days_from_ce(), FIRST_PREPARED_DAY);
        assert_eq!((last - first).num_days() + 1, i64::try_from(PREPARED_DAYS).expect("small"));
    }

    #[test]
    fn the_quick_answer_agrees_with_the_explained_one_inside_and_outside_the_prepared_years() {
        let calendar =
            metropole(vec![closure("1999-12-20", "2000-01-04", true), closure("2100-12-20", "2101-01-05", true)]);
        for start in ["1999-06-01", "2050-01-01", "2100-06-01"] {
            for day in date(start).iter_days().take(500) {
                let explained = match calendar.day(day) {
                    Day::Working | Day::ClosedCounted(_) => true,
                    Day::Holiday(_) | Day::NotOpen(_) | Day::Closed(_) => false,
                };
                assert_eq!(calendar.is_working(day), explained, "{day}");
            }
        }
    }

    #[test]
    fn counts_between_two_dates_in_both_directions() {
        let calendar = metropole(vec![]);
        for (after, until, expected) in [
            ("2026-05-07", "2026-05-18", 5),
            ("2026-05-18", "2026-05-07", -5),
            ("2026-05-15", "2026-05-17", 0),
            ("2026-05-15", "2026-05-15", 0),
        ] {
            assert_eq!(calendar.working_days_between(date(after), date(until)), expected, "{after} {until}");
        }
    }

    #[test]
    fn gives_up_when_everything_is_closed_for_ever() {
        let closed = metropole(vec![closure("2000-01-01", "2999-12-31", true)]);
        let never =
            Calendar::new(Territory::Metropole, Tz::Europe__Paris, HolidayRules::default(), vec![], WeekdaySet::EMPTY);
        for calendar in [closed, never] {
            assert_eq!(calendar.add_working_days(date("2026-05-07"), 1), None);
            assert_eq!(calendar.add_working_days(date("2026-05-07"), 0), Some(date("2026-05-07")));
        }
    }

    #[test]
    fn counts_saturdays_where_the_service_opens_on_them() {
        let opening = MONDAY_TO_FRIDAY.union(WeekdaySet::single(Weekday::Sat));
        let calendar = Calendar::new(Territory::Metropole, Tz::Europe__Paris, HolidayRules::default(), vec![], opening);
        assert_eq!(calendar.add_working_days(date("2026-06-05"), 1), Some(date("2026-06-06")));
    }

    #[test]
    fn a_day_ends_at_the_next_local_midnight_on_both_days_of_clock_change() {
        let calendar = metropole(vec![]);
        for (day, end) in [
            ("2026-03-28", "2026-03-28T23:00:00Z"),
            ("2026-03-29", "2026-03-29T22:00:00Z"),
            ("2026-10-25", "2026-10-25T23:00:00Z"),
        ] {
            assert_eq!(calendar.end_of_day(date(day)), at(end), "{day}");
        }
    }

    #[test]
    fn a_skipped_or_doubled_midnight_still_ends_the_day_once() {
        let zoned = |zone| Calendar::new(Territory::Metropole, zone, HolidayRules::default(), vec![], MONDAY_TO_FRIDAY);
        // Beirut skips midnight of 27/03/2022; Havana doubles it on 06/11/2022; Apia skips the whole of 30/12/2011.
        assert_eq!(zoned(Tz::Asia__Beirut).end_of_day(date("2022-03-26")), at("2022-03-26T22:00:00Z"));
        assert_eq!(zoned(Tz::America__Havana).end_of_day(date("2022-11-05")), at("2022-11-06T04:00:00Z"));
        assert_eq!(zoned(Tz::Pacific__Apia).end_of_day(date("2011-12-29")), at("2011-12-30T10:00:00Z"));
        assert_eq!(zoned(Tz::Pacific__Apia).end_of_day(date("2011-12-30")), at("2011-12-30T10:00:00Z"));
    }

    #[test]
    fn a_skipped_time_is_the_instant_after_the_gap_and_a_doubled_one_its_first_coming() {
        let calendar = metropole(vec![]);
        let half_past_two = NaiveTime::from_hms_opt(2, 30, 0).expect("a time");
        assert_eq!(calendar.instant(date("2026-03-29"), half_past_two), at("2026-03-29T01:00:00Z"));
        assert_eq!(calendar.instant(date("2026-10-25"), half_past_two), at("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        let calendar = Calendar::of(Territory::NouvelleCaledonie);
        for instant in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
            let day = calendar.civil(instant);
            let _ = (calendar.day(day), calendar.is_working(day), calendar.end_of_day(day));
            let _ = (calendar.add_working_days(day, 9), calendar.subtract_working_days(day, 9));
            let _ = calendar.working_days_between(day, date("2026-05-07"));
        }
        let _ = calendar.instant(NaiveDate::MIN, NaiveTime::MIN);
    }

    #[test]
    fn the_revision_changes_with_every_setting_and_with_nothing_else() {
        let pont = closure("2026-05-15", "2026-05-15", true);
        let noel = closure("2026-12-24", "2026-12-24", true);
        let rules = HolidayRules { matarii_from: 2026, ..HolidayRules::default() };
        let paris = Tz::Europe__Paris;
        let others = [
            Calendar::of(Territory::Metropole),
            Calendar::of(Territory::AlsaceMoselle),
            Calendar::new(Territory::Metropole, Tz::Indian__Reunion, HolidayRules::default(), vec![], MONDAY_TO_FRIDAY),
            Calendar::new(Territory::Metropole, paris, rules, vec![], MONDAY_TO_FRIDAY),
            Calendar::new(Territory::Metropole, paris, HolidayRules::default(), vec![], WeekdaySet::ALL),
            metropole(vec![pont.clone()]),
            metropole(vec![Closure { suspends: false, ..pont.clone() }]),
            metropole(vec![Closure { label: "Autre".to_owned(), ..pont.clone() }]),
            metropole(vec![pont.clone(), noel.clone()]),
        ];
        let distinct: std::collections::BTreeSet<&str> = others.iter().map(Calendar::revision).collect();
        assert_eq!(distinct.len(), others.len());
        assert_eq!(metropole(vec![noel.clone(), pont.clone()]).revision(), metropole(vec![pont, noel]).revision());
    }

    /// A change here re-dates every open request of every prefecture: it must be meant. The value is the head of the
    /// SHA-256 of the canonical text, computed by another program.
    #[test]
    fn the_revision_of_a_calendar_stays_the_same_from_one_release_to_the_next() {
        assert_eq!(Calendar::of(Territory::Metropole).revision(), "91fec036c0aa5b1f");
    }

    proptest! {
        #[test]
        fn adding_and_subtracting_agree_with_counting(
            territory in prop::sample::select(Territory::ALL.to_vec()), start in 730_000_i32..768_000, n in 1_u16..200,
        ) {
            let calendar = Calendar::of(territory);
            let start = NaiveDate::from_num_days_from_ce_opt(start).expect("a date");
            let later = calendar.add_working_days(start, n).expect("found");
            prop_assert!(calendar.is_working(later));
            prop_assert_eq!(calendar.working_days_between(start, later), i64::from(n));
            let earlier = calendar.subtract_working_days(start, n).expect("found");
            prop_assert!(calendar.is_working(earlier));
            let counted = calendar.working_days_between(start, earlier) - i64::from(calendar.is_working(earlier));
            prop_assert_eq!(counted + i64::from(calendar.is_working(start)), -i64::from(n));
        }
    }
}
