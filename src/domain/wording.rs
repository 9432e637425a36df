//! Which text answers whom, in which languages, and what silence means for them: the prefecture's choices, and the law
//! that bounds them. What the texts say is `mail`'s matter.

use chrono::{Months, NaiveDate};

use super::names::names;
use super::policy::{Nature, Requester};

/// The language of the law: of two languages it comes first, and it alone counts (loi n° 94-665 du 4 août 1994).
pub const FRENCH: &str = "fr";

/// What silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImplicitDecision {
    /// CRPA L231-1.
    Acceptance,
    /// CRPA L231-4.
    Rejection,
}

names!(ImplicitDecision { Acceptance => "acceptance", Rejection => "rejection" });

/// What silence means, and from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// What it means.
    pub decision: ImplicitDecision,
    /// After how many civil months: two (L231-1, L231-4), unless a decree says otherwise (L231-6).
    pub months: u32,
    /// The remedies and their delays; empty where silence accepts.
    pub remedies: String,
}

impl Silence {
    /// The civil day on which the decision is born, for a demande received on a day: counted from date to date, and on
    /// the month's last day where it has none of that number.
    #[must_use]
    pub fn falls_on(&self, received_on: NaiveDate) -> Option<NaiveDate> {
        received_on.checked_add_months(Months::new(self.months))
    }
}

/// A registration notice that goes first, where the full acknowledgement is not immediate (CRPA L112-11, R112-11-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its template.
    pub template: String,
    /// The languages, besides French, in which that is there.
    pub translations: Vec<String>,
    /// The working day after the receipt on which the full acknowledgement leaves by itself, where nobody sent it
    /// before: from 1 to 10.
    pub full_after: u16,
}

/// A text, and whom it answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Who asks; empty for anyone.
    pub requesters: Vec<Requester>,
    /// What is asked; empty for anything.
    pub natures: Vec<Nature>,
    /// The template of the acknowledgement.
    pub template: String,
    /// The languages, besides French, in which the template is there.
    pub translations: Vec<String>,
    /// The notice that goes first; none where the acknowledgement is immediate.
    pub registration: Option<Registration>,
    /// What silence means, where demandes are dealt with.
    pub silence: Option<Silence>,
}

impl Text {
    /// Whether it answers a requester who asks for something.
    #[must_use]
    pub fn answers(&self, requester: Requester, nature: Nature) -> bool {
        (self.requesters.is_empty() || self.requesters.contains(&requester))
            && (self.natures.is_empty() || self.natures.contains(&nature))
    }

    /// What silence means for a request of a nature. A suggestion and an appointment ask for no decision; silence on a complaint never
    /// accepts it (L231-4, 2°), so that a text that says so claims nothing for complaints.
    #[must_use]
    pub fn silence_on(&self, nature: Nature) -> Option<&Silence> {
        let accepts = |silence: &Silence| silence.decision == ImplicitDecision::Acceptance;
        match nature {
            Nature::Suggestion | Nature::Appointment => None,
            Nature::Complaint if self.silence.as_ref().is_some_and(accepts) => None,
            Nature::GeneralInfo | Nature::Advice | Nature::Complaint => self.silence.as_ref(),
        }
    }
}

/// The first text that answers a requester who asks for something.
#[must_use]
pub fn choose(texts: &[Text], requester: Requester, nature: Nature) -> Option<&Text> {
    texts.iter().find(|text| text.answers(requester, nature))
}

/// When a mail is in two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bilingual {
    /// Never: the requester's language alone, where it is offered.
    Never,
    /// Where the requester does not write in French: French first, then their language.
    #[default]
    Foreign,
    /// Always: French first, then the requester's language or the usual foreign one.
    Always,
}

names!(Bilingual { Never => "never", Foreign => "foreign", Always => "always" });

/// In which languages a mailbox answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages {
    /// The languages offered besides French.
    pub offered: Vec<String>,
    /// The one for those who write in a language that is not offered; none for French alone.
    pub other: Option<String>,
    /// When a mail is in two languages.
    pub bilingual: Bilingual,
}

/// The languages of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The first, or the only one.
    pub first: String,
    /// The one that follows.
    pub second: Option<String>,
}

impl Languages {
    /// The languages of a mail to somebody who seems to speak `wanted` (a tag; empty where nothing tells), worded by a
    /// text that is there in French and in `translations`.
    #[must_use]
    pub fn choose(&self, wanted: &str, translations: &[String]) -> Spoken {
        let there = |language: &&String| translations.contains(language);
        let offered = |wanted: &str| self.offered.iter().find(|own| own.as_str() == wanted).filter(there);
        let own = offered(wanted).or_else(|| offered(primary(wanted)));
        let other = self.other.as_ref().filter(there);
        let speaks_french = wanted.is_empty() || primary(wanted) == FRENCH;
        let foreign = if speaks_french { None } else { own.or(other) };
        let usual = foreign.or(other).or_else(|| self.offered.iter().find(there));
        let (first, second) = match (self.bilingual, foreign) {
            (Bilingual::Never, Some(foreign)) => (foreign.as_str(), None),
            (Bilingual::Never | Bilingual::Foreign, None) => (FRENCH, None),
            (Bilingual::Foreign, Some(_)) | (Bilingual::Always, _) => (FRENCH, usual),
        };
        Spoken { first: first.to_owned(), second: second.cloned() }
    }
}

/// The first part of a language tag (BCP 47): `en` of `en-GB`.
#[must_use]
pub fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(requesters: &[Requester], natures: &[Nature], template: &str) -> Text {
        Text {
            requesters: requesters.to_vec(),
            natures: natures.to_vec(),
            template: template.to_owned(),
            ..Text::default()
        }
    }

    #[test]
    fn the_first_text_that_answers_decides() {
        let texts = [
            text(&[], &[Nature::Complaint, Nature::Suggestion], "reclamation"),
            text(&[Requester::Elected, Requester::LocalAuthority], &[], "elus"),
            text(&[], &[], "pref-pan"),
        ];
        for (requester, nature, expected) in [
            (Requester::Public, Nature::GeneralInfo, "pref-pan"),
            (Requester::Public, Nature::Complaint, "reclamation"),
            (Requester::LocalAuthority, Nature::Advice, "elus"),
            (Requester::Elected, Nature::Complaint, "reclamation"),
        ] {
            assert_eq!(choose(&texts, requester, nature).map(|text| text.template.as_str()), Some(expected));
        }
    }

    #[test]
    fn silence_falls_on_the_same_day_of_a_later_month_or_on_its_last() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let silence = |months| Silence { decision: ImplicitDecision::Rejection, months, remedies: "r".to_owned() };
        for (received, months, expected) in [
            ("2026-05-07", 2, "2026-07-07"),
            ("2026-12-31", 2, "2027-02-28"),
            ("2027-12-31", 2, "2028-02-29"),
            ("2026-07-31", 2, "2026-09-30"),
            ("2026-05-07", 4, "2026-09-07"),
        ] {
            assert_eq!(silence(months).falls_on(day(received)), Some(day(expected)), "{received} + {months}");
        }
    }

    #[test]
    fn silence_never_accepts_a_complaint_and_decides_on_no_suggestion() {
        let with = |decision| Text {
            silence: Some(Silence { decision, months: 2, remedies: "r".to_owned() }),
            ..text(&[], &[], "t")
        };
        let (accepting, rejecting) = (with(ImplicitDecision::Acceptance), with(ImplicitDecision::Rejection));
        assert!(accepting.silence_on(Nature::GeneralInfo).is_some());
        assert_eq!(accepting.silence_on(Nature::Complaint), None);
        assert!(rejecting.silence_on(Nature::Complaint).is_some());
        assert_eq!(rejecting.silence_on(Nature::Suggestion), None);
    }

    #[test]
    fn the_requester_s_language_is_spoken_where_it_is_there() {
        let there = ["en".to_owned(), "ar".to_owned()];
        let languages = |bilingual, other: Option<&str>| Languages {
            offered: there.to_vec(),
            other: other.map(str::to_owned),
            bilingual,
        };
        for (bilingual, other, wanted, translations, expected) in [
            (Bilingual::Foreign, None, "en-GB", &there[..], ("fr", Some("en"))),
            (Bilingual::Foreign, None, "fr-FR", &there[..], ("fr", None)),
            (Bilingual::Foreign, None, "", &there[..], ("fr", None)),
            (Bilingual::Foreign, None, "ru", &there[..], ("fr", None)),
            (Bilingual::Foreign, Some("en"), "ru", &there[..], ("fr", Some("en"))),
            (Bilingual::Foreign, Some("en"), "ar", &there[..1], ("fr", Some("en"))),
            (Bilingual::Foreign, Some("en"), "en", &[], ("fr", None)),
            (Bilingual::Never, None, "en", &there[..], ("en", None)),
            (Bilingual::Never, None, "de", &there[..], ("fr", None)),
            (Bilingual::Always, Some("en"), "fr", &there[..], ("fr", Some("en"))),
            (Bilingual::Always, Some("en"), "ar", &there[..], ("fr", Some("ar"))),
            (Bilingual::Always, None, "", &there[..], ("fr", Some("en"))),
            (Bilingual::Always, None, "", &[], ("fr", None)),
        ] {
            let spoken = languages(bilingual, other).choose(wanted, translations);
            assert_eq!((spoken.first.as_str(), spoken.second.as_deref()), expected, "{bilingual:?} {other:?} {wanted}");
        }
    }
}
