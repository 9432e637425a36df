//! What stands in a cell → days, numbers and names, as people of the prefecture write them.

use chrono::{Datelike as _, NaiveDate};

use crate::app::register::FIRST_YEAR;
use crate::domain::indicator::annex::Form;
use crate::domain::policy::{Nature, Requester};
use crate::domain::register::{Authority, Reading};

/// A head or a label without accents, case or punctuation: `Reçu le` is `recu le`.
pub(super) fn fold(text: &str) -> String {
    let plain = text.chars().flat_map(char::to_lowercase).map(|c| match c {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        c if c.is_alphanumeric() => c,
        _ => ' ',
    });
    let plain: String = plain.collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A day, its year in four digits.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    let day: Option<NaiveDate> = text.parse().ok().or_else(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok());
    day.filter(|day| day.year() >= FIRST_YEAR)
}

pub(super) fn requester(text: &str) -> Option<Requester> {
    match fold(text).as_str() {
        "usager" | "public" => Some(Requester::Public),
        "elu" | "elected" => Some(Requester::Elected),
        "cadre territorial" | "local official" => Some(Requester::LocalOfficial),
        "collectivite" | "local authority" => Some(Requester::LocalAuthority),
        _ => None,
    }
}

pub(super) fn nature(text: &str) -> Option<Nature> {
    match fold(text).as_str() {
        "information" | "information generale" | "general info" => Some(Nature::GeneralInfo),
        "conseil" | "advice" => Some(Nature::Advice),
        "reclamation" | "complaint" => Some(Nature::Complaint),
        "suggestion" => Some(Nature::Suggestion),
        _ => None,
    }
}

pub(super) fn authority(text: &str) -> Option<Authority> {
    match fold(text).as_str() {
        "prefet" | "prefete" | "prefect" => Some(Authority::Prefect),
        "secretaire general" | "sg" | "secretary general" => Some(Authority::SecretaryGeneral),
        "sous prefet" | "sous prefete" | "sp" | "sub prefect" => Some(Authority::SubPrefect),
        "directeur" | "directrice" | "director" => Some(Authority::Director),
        _ => None,
    }
}

/// A value as people write it, in the form that a line expects.
#[must_use]
pub fn reading(form: Form, text: &str) -> Option<Reading> {
    let text = text.trim();
    if text == "/" || fold(text) == "sans objet" {
        return Some(Reading::NotApplicable);
    }
    match form {
        Form::Count => integer(text).map(Reading::Integer),
        Form::Mean => number(text),
        Form::Share => match text.split_once('/') {
            Some((numerator, denominator)) => {
                Some(Reading::Ratio { numerator: integer(numerator)?, denominator: integer(denominator)? })
            }
            None => percent(text).map(Reading::Percent),
        },
        Form::Duration => minutes(text).map(Reading::Duration).or_else(|| Some(Reading::Text(text.to_owned()))),
        Form::Text => Some(Reading::Text(text.to_owned())),
    }
}

fn integer(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // An empty text, of which all digits are digits, does not parse.
    digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// `24 758`, a count; `12,5`, a mean.
#[must_use]
pub fn number(text: &str) -> Option<Reading> {
    integer(text).map(Reading::Integer).or_else(|| hundredths(text).map(Reading::Mean))
}

/// `96,00 %`, `96.5`, `100%` in hundredths of a percent.
#[must_use]
pub fn percent(text: &str) -> Option<i64> {
    hundredths(&text.replace('%', ""))
}

/// A number of at most two decimals, in hundredths.
fn hundredths(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (whole, rest) = text.split_once([',', '.']).unwrap_or((&text, ""));
    if rest.len() > 2 {
        return None;
    }
    let rest = format!("{rest:0<2}");
    integer(whole)?.checked_mul(100)?.checked_add(integer(&rest)?)
}

/// `45 min`, `1 h 30`, `2 h` in minutes.
#[must_use]
pub fn minutes(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    if let Some((hours, rest)) = text.split_once('h') {
        let rest = rest.trim_end_matches("min").trim_end_matches("mn");
        let rest = if rest.is_empty() { 0 } else { integer(rest)? };
        return integer(hours)?.checked_mul(60)?.checked_add(rest);
    }
    integer(text.strip_suffix("min").or_else(|| text.strip_suffix("mn"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        for (form, text, expected) in [
            (Form::Count, "24 758", Some(Reading::Integer(24_758))),
            (Form::Count, "24\u{202f}758", Some(Reading::Integer(24_758))),
            (Form::Count, "-3", None),
            (Form::Count, "12,5", None),
            (Form::Mean, "12,5", Some(Reading::Mean(1250))),
            (Form::Mean, "12", Some(Reading::Integer(12))),
            (Form::Mean, "1,255", None),
            (Form::Mean, ",5", None),
            (Form::Share, "96,00 %", Some(Reading::Percent(9600))),
            (Form::Share, "100%", Some(Reading::Percent(10_000))),
            (Form::Share, "9/10", Some(Reading::Ratio { numerator: 9, denominator: 10 })),
            (Form::Share, "/", Some(Reading::NotApplicable)),
            (Form::Share, "beaucoup", None),
            (Form::Share, "%", None),
            (Form::Duration, "1 h 30", Some(Reading::Duration(90))),
            (Form::Duration, "45 min", Some(Reading::Duration(45))),
            (Form::Duration, "moins d'une heure", Some(Reading::Text("moins d'une heure".into()))),
        ] {
            assert_eq!(reading(form, text), expected, "{text}");
        }
    }
}
