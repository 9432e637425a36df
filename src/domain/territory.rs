//! Where a service sits: the territories whose public holidays differ, and the civil time of each.

use chrono_tz::Tz;

use super::names::names;

/// A territory with public holidays of its own (DOMAIN §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Territory {
    /// Metropolitan France without Alsace and Moselle.
    #[default]
    Metropole,
    /// Bas-Rhin, Haut-Rhin and Moselle (Code du travail L3134-13).
    AlsaceMoselle,
    /// Guadeloupe.
    Guadeloupe,
    /// Martinique.
    Martinique,
    /// Guyane.
    Guyane,
    /// La Réunion.
    LaReunion,
    /// Mayotte.
    Mayotte,
    /// Saint-Martin.
    SaintMartin,
    /// Saint-Barthélemy.
    SaintBarthelemy,
    /// Saint-Pierre-et-Miquelon.
    SaintPierreEtMiquelon,
    /// Polynésie française.
    PolynesieFrancaise,
    /// Nouvelle-Calédonie.
    NouvelleCaledonie,
    /// Wallis-et-Futuna.
    WallisEtFutuna,
}

names!(Territory {
    Metropole => "metropole",
    AlsaceMoselle => "alsace-moselle",
    Guadeloupe => "guadeloupe",
    Martinique => "martinique",
    Guyane => "guyane",
    LaReunion => "la-reunion",
    Mayotte => "mayotte",
    SaintMartin => "saint-martin",
    SaintBarthelemy => "saint-barthelemy",
    SaintPierreEtMiquelon => "saint-pierre-et-miquelon",
    PolynesieFrancaise => "polynesie-francaise",
    NouvelleCaledonie => "nouvelle-caledonie",
    WallisEtFutuna => "wallis-et-futuna",
});

impl Territory {
    /// Every territory, in the order of the declaration.
    pub const ALL: [Self; 13] = [
        Self::Metropole,
        Self::AlsaceMoselle,
        Self::Guadeloupe,
        Self::Martinique,
        Self::Guyane,
        Self::LaReunion,
        Self::Mayotte,
        Self::SaintMartin,
        Self::SaintBarthelemy,
        Self::SaintPierreEtMiquelon,
        Self::PolynesieFrancaise,
        Self::NouvelleCaledonie,
        Self::WallisEtFutuna,
    ];

    /// What a person reads.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Metropole => "Métropole",
            Self::AlsaceMoselle => "Alsace-Moselle",
            Self::Guadeloupe => "Guadeloupe",
            Self::Martinique => "Martinique",
            Self::Guyane => "Guyane",
            Self::LaReunion => "La Réunion",
            Self::Mayotte => "Mayotte",
            Self::SaintMartin => "Saint-Martin",
            Self::SaintBarthelemy => "Saint-Barthélemy",
            Self::SaintPierreEtMiquelon => "Saint-Pierre-et-Miquelon",
            Self::PolynesieFrancaise => "Polynésie française",
            Self::NouvelleCaledonie => "Nouvelle-Calédonie",
            Self::WallisEtFutuna => "Wallis-et-Futuna",
        }
    }

    /// The civil time of the territory's seat, where the configuration names no zone. Polynésie française has three:
    /// the Marquises and the Gambier must name theirs.
    #[must_use]
    pub fn zone(self) -> Tz {
        match self {
            Self::Metropole | Self::AlsaceMoselle => Tz::Europe__Paris,
            Self::Guadeloupe => Tz::America__Guadeloupe,
            Self::Martinique => Tz::America__Martinique,
            Self::Guyane => Tz::America__Cayenne,
            Self::LaReunion => Tz::Indian__Reunion,
            Self::Mayotte => Tz::Indian__Mayotte,
            Self::SaintMartin => Tz::America__Marigot,
            Self::SaintBarthelemy => Tz::America__St_Barthelemy,
            Self::SaintPierreEtMiquelon => Tz::America__Miquelon,
            Self::PolynesieFrancaise => Tz::Pacific__Tahiti,
            Self::NouvelleCaledonie => Tz::Pacific__Noumea,
            Self::WallisEtFutuna => Tz::Pacific__Wallis,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Territory;

    #[test]
    fn every_territory_is_read_back_from_its_name() {
        for territory in Territory::ALL {
            assert_eq!(Territory::from_name(territory.name()), Some(territory));
        }
        assert_eq!(Territory::from_name("Paris"), None);
    }
}
