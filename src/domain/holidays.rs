//! The public holidays of a year in a territory, from the law; nothing is looked up.
//!
//! National days: Code du travail L3133-1. Alsace-Moselle: L3134-13. Abolition of slavery: L3422-2 and decree 83-1003
//! as amended by decree 2012-553. Pacific: the local labour codes.
//!
//! Deliberately absent: local customs that no text makes a *jour férié* (Mi-Carême, Good Friday and 21 July in the
//! Antilles). A service that closes then says so by a closure.

use chrono::{NaiveDate, TimeDelta};

use super::names::names;
use super::territory::Territory;

/// A public holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holiday {
    /// 1 January.
    NewYear,
    /// The Friday before Easter.
    GoodFriday,
    /// The Monday after Easter.
    EasterMonday,
    /// 1 May.
    LabourDay,
    /// 8 May.
    VictoryDay,
    /// The Thursday 39 days after Easter.
    Ascension,
    /// The Monday 50 days after Easter.
    WhitMonday,
    /// 14 July.
    NationalDay,
    /// 15 August.
    Assumption,
    /// 1 November.
    AllSaints,
    /// 11 November.
    ArmisticeDay,
    /// 25 December.
    Christmas,
    /// 26 December, in Alsace-Moselle.
    SecondChristmas,
    /// The day of the abolition of slavery, overseas.
    Abolition,
    /// 5 March, Polynésie française.
    GospelArrival,
    /// 29 June, Polynésie française, until Matāri'i replaced it.
    Autonomy,
    /// 20 November, Polynésie française.
    Matarii,
    /// 24 September, Nouvelle-Calédonie.
    Citizenship,
    /// 28 April, Wallis-et-Futuna.
    PeterChanel,
    /// 29 June, Wallis-et-Futuna.
    PeterAndPaul,
    /// 29 July, Wallis-et-Futuna.
    TerritoryDay,
}

impl Holiday {
    /// The name that a person reads, in the words of the Code du travail.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NewYear => "1er janvier",
            Self::GoodFriday => "Vendredi saint",
            Self::EasterMonday => "Lundi de Pâques",
            Self::LabourDay => "1er mai",
            Self::VictoryDay => "8 mai",
            Self::Ascension => "Ascension",
            Self::WhitMonday => "Lundi de Pentecôte",
            Self::NationalDay => "14 juillet",
            Self::Assumption => "Assomption",
            Self::AllSaints => "Toussaint",
            Self::ArmisticeDay => "11 novembre",
            Self::Christmas => "Jour de Noël",
            Self::SecondChristmas => "Second jour de Noël",
            Self::Abolition => "Abolition de l’esclavage",
            Self::GospelArrival => "Arrivée de l'Évangile",
            Self::Autonomy => "Fête de l'autonomie",
            Self::Matarii => "Matāri'i",
            Self::Citizenship => "Fête de la Citoyenneté",
            Self::PeterChanel => "Saint Pierre Chanel",
            Self::PeterAndPaul => "Saints Pierre et Paul",
            Self::TerritoryDay => "Fête du Territoire",
        }
    }
}

/// On which day Saint-Martin commemorates the abolition of slavery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaintMartinAbolition {
    /// 27 May, with Guadeloupe, as the Code du travail still reads.
    May27,
    /// 28 May: decree 2012-553, and practice.
    #[default]
    May28,
}

names!(SaintMartinAbolition { May27 => "05-27", May28 => "05-28" });

/// What the law leaves to places, or sources dispute; the defaults are the answers that we recommend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HolidayRules {
    /// Alsace-Moselle: whether Good Friday is off. In law only where there is a protestant temple (L3134-13).
    pub good_friday_in_alsace_moselle: bool,
    /// Saint-Martin: the day of the abolition of slavery.
    pub saint_martin_abolition: SaintMartinAbolition,
    /// Polynésie française, Nouvelle-Calédonie, Wallis-et-Futuna: whether the days of the local labour codes are off.
    pub pacific_local_days: bool,
    /// Polynésie française: the first year in which Matāri'i (20 November) replaces 29 June.
    pub matarii_from: i32,
}

impl Default for HolidayRules {
    fn default() -> Self {
        Self {
            good_friday_in_alsace_moselle: true,
            saint_martin_abolition: SaintMartinAbolition::default(),
            pacific_local_days: true,
            matarii_from: 2025,
        }
    }
}

/// National days on a fixed date: month, day (L3133-1).
const NATIONAL_FIXED: [(u32, u32, Holiday); 8] = [
    (1, 1, Holiday::NewYear),
    (5, 1, Holiday::LabourDay),
    (5, 8, Holiday::VictoryDay),
    (7, 14, Holiday::NationalDay),
    (8, 15, Holiday::Assumption),
    (11, 1, Holiday::AllSaints),
    (11, 11, Holiday::ArmisticeDay),
    (12, 25, Holiday::Christmas),
];

/// National days that follow Easter, in days after it (L3133-1).
const NATIONAL_MOVABLE: [(i64, Holiday); 3] =
    [(1, Holiday::EasterMonday), (39, Holiday::Ascension), (50, Holiday::WhitMonday)];

/// Good Friday, in days after Easter.
const GOOD_FRIDAY: (i64, Holiday) = (-2, Holiday::GoodFriday);

/// The holidays of a year in the order of their dates; two that fall on one day are two entries.
#[must_use]
pub fn holidays(territory: Territory, rules: HolidayRules, year: i32) -> Vec<(NaiveDate, Holiday)> {
    let good_friday = match territory {
        Territory::AlsaceMoselle => rules.good_friday_in_alsace_moselle,
        Territory::PolynesieFrancaise => rules.pacific_local_days,
        Territory::Metropole
        | Territory::Guadeloupe
        | Territory::Martinique
        | Territory::Guyane
        | Territory::LaReunion
        | Territory::Mayotte
        | Territory::SaintMartin
        | Territory::SaintBarthelemy
        | Territory::SaintPierreEtMiquelon
        | Territory::NouvelleCaledonie
        | Territory::WallisEtFutuna => false,
    };
    let fixed = NATIONAL_FIXED
        .iter()
        .copied()
        .chain(local_days(territory, rules, year))
        .filter_map(|(month, day, holiday)| Some((NaiveDate::from_ymd_opt(year, month, day)?, holiday)));
    let movable = NATIONAL_MOVABLE.iter().copied().chain(good_friday.then_some(GOOD_FRIDAY)).filter_map(
        |(days_after, holiday)| Some((easter(year)?.checked_add_signed(TimeDelta::days(days_after))?, holiday)),
    );
    let mut all: Vec<(NaiveDate, Holiday)> = fixed.chain(movable).collect();
    all.sort_unstable();
    all
}

/// The territory's own days on a fixed date: month, day.
fn local_days(territory: Territory, rules: HolidayRules, year: i32) -> Vec<(u32, u32, Holiday)> {
    let days = match territory {
        Territory::Metropole | Territory::SaintPierreEtMiquelon => vec![],
        Territory::AlsaceMoselle => vec![(12, 26, Holiday::SecondChristmas)],
        Territory::Guadeloupe => vec![(5, 27, Holiday::Abolition)],
        Territory::Martinique => vec![(5, 22, Holiday::Abolition)],
        Territory::Guyane => vec![(6, 10, Holiday::Abolition)],
        Territory::LaReunion => vec![(12, 20, Holiday::Abolition)],
        Territory::Mayotte => vec![(4, 27, Holiday::Abolition)],
        Territory::SaintMartin => match rules.saint_martin_abolition {
            SaintMartinAbolition::May27 => vec![(5, 27, Holiday::Abolition)],
            SaintMartinAbolition::May28 => vec![(5, 28, Holiday::Abolition)],
        },
        Territory::SaintBarthelemy => vec![(10, 9, Holiday::Abolition)],
        Territory::PolynesieFrancaise if year < rules.matarii_from => {
            vec![(3, 5, Holiday::GospelArrival), (6, 29, Holiday::Autonomy)]
        }
        Territory::PolynesieFrancaise => vec![(3, 5, Holiday::GospelArrival), (11, 20, Holiday::Matarii)],
        Territory::NouvelleCaledonie => vec![(9, 24, Holiday::Citizenship)],
        Territory::WallisEtFutuna => {
            vec![(4, 28, Holiday::PeterChanel), (6, 29, Holiday::PeterAndPaul), (7, 29, Holiday::TerritoryDay)]
        }
    };
    if is_pacific(territory) && !rules.pacific_local_days { vec![] } else { days }
}

/// Whether the territory's own days come from a labour code of its own.
fn is_pacific(territory: Territory) -> bool {
    match territory {
        Territory::PolynesieFrancaise | Territory::NouvelleCaledonie | Territory::WallisEtFutuna => true,
        Territory::Metropole
        | Territory::AlsaceMoselle
        | Territory::Guadeloupe
        | Territory::Martinique
        | Territory::Guyane
        | Territory::LaReunion
        | Territory::Mayotte
        | Territory::SaintMartin
        | Territory::SaintBarthelemy
        | Territory::SaintPierreEtMiquelon => false,
    }
}

/// Easter Sunday of a Gregorian year (Meeus, *Astronomical Algorithms*, ch. 8). `None` where chrono has no such date.
#[must_use]
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (century, year_of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let golden = year.rem_euclid(19);
    let moon_correction = (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let epact = (19 * golden + century - century.div_euclid(4) - moon_correction + 15).rem_euclid(30);
    let to_sunday =
        (32 + 2 * century.rem_euclid(4) + 2 * (year_of_century / 4) - epact - year_of_century % 4).rem_euclid(7);
    let exception = (golden + 11 * epact + 22 * to_sunday) / 451;
    let day_from_march = epact + to_sunday - 7 * exception + 114;
    NaiveDate::from_ymd_opt(
        year,
        u32::try_from(day_from_march / 31).ok()?,
        u32::try_from(day_from_march % 31 + 1).ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(territory: Territory, rules: HolidayRules, year: i32) -> Vec<String> {
        holidays(territory, rules, year).into_iter().map(|(date, _)| date.format("%m-%d").to_string()).collect()
    }

    #[test]
    fn finds_easter_in_the_years_where_shortcuts_fail() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (1954, 4, 18),
            (1981, 4, 19),
            (2000, 4, 23),
            (2026, 4, 5),
            (2049, 4, 18),
            (2076, 4, 19),
        ] {
            assert_eq!(easter(year), NaiveDate::from_ymd_opt(year, month, day), "{year}");
        }
    }

    #[test]
    fn easter_is_a_sunday_of_march_or_april_in_every_year_of_the_calendar() {
        use chrono::Datelike;
        for year in -5_000..=9_999 {
            let date = easter(year).expect("a date");
            assert_eq!((date.weekday(), date.year()), (chrono::Weekday::Sun, year));
            assert!((22..=56).contains(&(date.month() * 31 + date.day() - 93)), "{date}");
        }
    }

    #[test]
    fn a_national_year_has_eleven_days() {
        assert_eq!(
            dates(Territory::Metropole, HolidayRules::default(), 2026),
            ["01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"]
        );
    }

    #[test]
    fn good_friday_in_alsace_moselle_is_a_switch() {
        let without = HolidayRules { good_friday_in_alsace_moselle: false, ..HolidayRules::default() };
        assert!(dates(Territory::AlsaceMoselle, HolidayRules::default(), 2026).contains(&"04-03".to_owned()));
        assert!(!dates(Territory::AlsaceMoselle, without, 2026).contains(&"04-03".to_owned()));
        assert!(dates(Territory::AlsaceMoselle, without, 2026).contains(&"12-26".to_owned()));
    }

    #[test]
    fn saint_martin_commemorates_on_the_configured_day() {
        let rules = HolidayRules { saint_martin_abolition: SaintMartinAbolition::May27, ..HolidayRules::default() };
        assert!(dates(Territory::SaintMartin, HolidayRules::default(), 2026).contains(&"05-28".to_owned()));
        assert!(dates(Territory::SaintMartin, rules, 2026).contains(&"05-27".to_owned()));
    }

    #[test]
    fn without_local_days_the_pacific_keeps_the_national_ones() {
        let rules = HolidayRules { pacific_local_days: false, ..HolidayRules::default() };
        for territory in [Territory::PolynesieFrancaise, Territory::NouvelleCaledonie, Territory::WallisEtFutuna] {
            assert_eq!(dates(territory, rules, 2026), dates(Territory::Metropole, rules, 2026));
        }
    }
}
