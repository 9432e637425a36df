//! What a template's form owes its readers, and what its words may not claim: headings, contrast and tables of the HTML
//! (RGAA 4.1), and dates or decisions that nobody computed.

use super::tags::Tag;

/// The least contrast between a text and its background (WCAG 2.1, 1.4.3; RGAA 4.1, criterion 3.2).
const LEAST_CONTRAST: f64 = 4.5;
/// The colours of a page that names none.
const BLACK_ON_WHITE: (Colour, Colour) = ((0, 0, 0), (255, 255, 255));

/// Red, green, blue.
type Colour = (u8, u8, u8);

/// The months by which a written date is known.
const MONTHS: [&str; 24] = [
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
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Words that announce what silence will mean.
const CLAIMS: [&str; 9] = [
    "réputée acceptée",
    "réputée rejetée",
    "décision implicite",
    "acceptation implicite",
    "rejet implicite",
    "silence vaut",
    "deemed accepted",
    "deemed rejected",
    "implicit decision",
];

/// The first fault in the order of the headings: one h1, first, and no level left out (RGAA 4.1, criterion 9.1).
pub(super) fn headings(tags: &[Tag]) -> Option<String> {
    let levels: Vec<u8> = tags.iter().filter_map(|tag| level(&tag.name)).collect();
    let (first, others) = levels.split_first().unzip();
    if first != Some(&1) || others.is_some_and(|others| others.contains(&1)) {
        return Some("il faut un titre h1, un seul, avant tout autre titre".to_owned());
    }
    let skipped = levels.windows(2).find(|pair| matches!(pair, [before, after] if *after > *before + 1));
    skipped.map(|pair| {
        format!("le titre h{} ne suit pas un titre h{}", pair.last().unwrap_or(&0), pair.first().unwrap_or(&0))
    })
}

fn level(name: &str) -> Option<u8> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

/// The tables that are neither marked as layout nor have a heading cell (RGAA 4.1, criteria 5.3 and 5.6).
pub(super) fn has_bare_table(tags: &[Tag]) -> bool {
    let bare = tags.iter().any(|tag| tag.name == "table" && tag.attribute("role").as_deref() != Some("presentation"));
    bare && !tags.iter().any(|tag| tag.name == "th")
}

/// The first text whose colour is too near that of its background, and their contrast. A tag that says only one of the
/// two takes the other from the body.
pub(super) fn low_contrast(tags: &[Tag]) -> Option<String> {
    let (mut text, mut ground) = BLACK_ON_WHITE;
    for tag in tags {
        let style = tag.attribute("style").unwrap_or_default();
        let own =
            (colour(&style, "color"), colour(&style, "background-color").or_else(|| colour(&style, "background")));
        if tag.name == "body" {
            (text, ground) = (own.0.unwrap_or(text), own.1.unwrap_or(ground));
        }
        if own == (None, None) {
            continue;
        }
        let contrast = contrast(own.0.unwrap_or(text), own.1.unwrap_or(ground));
        if contrast < LEAST_CONTRAST {
            let figures = format!("{contrast:.1}").replace('.', ",");
            return Some(format!("le contraste du texte de l’élément {} est de {figures} pour 4,5 au moins", tag.name));
        }
    }
    None
}

/// A colour of a style, where it is written in hexadecimal, or is one that a page has anyway.
fn colour(style: &str, property: &str) -> Option<Colour> {
    let value = style.split(';').filter_map(|part| part.split_once(':')).find(|(name, _)| name.trim() == property)?.1;
    match value.trim().trim_end_matches("!important").trim_end() {
        "white" => return Some((255, 255, 255)),
        "black" => return Some((0, 0, 0)),
        _ => {}
    }
    let digits: Vec<u8> =
        value.trim().strip_prefix('#')?.chars().map_while(|c| c.to_digit(16)?.try_into().ok()).collect();
    match digits.as_slice() {
        [red, green, blue] => Some((red * 17, green * 17, blue * 17)),
        [red, red2, green, green2, blue, blue2] => Some((red * 16 + red2, green * 16 + green2, blue * 16 + blue2)),
        _ => None,
    }
}

/// The contrast of two colours (WCAG 2.1, "contrast ratio").
fn contrast(one: Colour, two: Colour) -> f64 {
    let (one, two) = (luminance(one), luminance(two));
    (one.max(two) + 0.05) / (one.min(two) + 0.05)
}

fn luminance((red, green, blue): Colour) -> f64 {
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.03928 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/// A date that stands in a wording although no value of it holds one: `known` are the wording's own values.
pub(super) fn claimed_date(wording: &str, known: &[String]) -> Option<String> {
    let mut rest = wording.to_lowercase();
    let mut values: Vec<String> = known.iter().map(|value| value.to_lowercase()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values.iter().filter(|value| value.len() > 4) {
        rest = rest.replace(value.as_str(), " ");
    }
    let words: Vec<&str> = rest.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    let trimmed = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let numeric = words.iter().map(|word| trimmed(word)).find(|word| is_numeric_date(word));
    let written = words.windows(2).find(|pair| match pair {
        [day, month] => is_day(&trimmed(day)) && MONTHS.contains(&trimmed(month).as_str()),
        _ => false,
    });
    numeric.or_else(|| written.map(|pair| pair.iter().map(|word| trimmed(word)).collect::<Vec<_>>().join(" ")))
}

fn is_day(word: &str) -> bool {
    let digits = word.strip_suffix("er").unwrap_or(word);
    digits.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day))
}

/// `18/05/2026`, `18.05.26`, `2026-05-18`.
fn is_numeric_date(word: &str) -> bool {
    ['/', '.', '-'].iter().any(|separator| {
        let parts: Vec<&str> = word.split(*separator).collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let numbers: Vec<u16> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        let (day, month) = (1..=31, 1..=12);
        match (lengths.as_slice(), numbers.as_slice()) {
            ([1..=2, 1..=2, 2 | 4], [first, second, _]) => {
                // the English of America writes the month first
                (day.contains(first) && month.contains(second)) || (month.contains(first) && day.contains(second))
            }
            ([4, 2, 2], [_, second, third]) => month.contains(second) && day.contains(third),
            _ => false,
        }
    })
}

/// Words that say what silence will mean, in a wording about no *demande*.
pub(super) fn claimed_decision(wording: &str) -> Option<&'static str> {
    let wording = wording.to_lowercase();
    CLAIMS.into_iter().find(|claim| wording.contains(claim))
}

#[cfg(test)]
mod tests {
    use super::super::tags::tags;
    use super::*;

    #[test]
    fn measures_contrast_as_wcag_does() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 0.01);
        assert!((contrast((0x76, 0x76, 0x76), (255, 255, 255)) - 4.54).abs() < 0.01);
        let found = |html: &str| low_contrast(&tags(html));
        assert_eq!(
            found("<body style=\"color: #161616; background-color: #ffffff\"><p style=\"color: #767676\">"),
            None
        );
        assert!(found("<body><p style=\"color:#aaa\">").is_some_and(|why| why.contains("2,3")), "grey on white");
        assert!(found("<body style=\"background-color:#000\"><p style=\"color:#222222\">").is_some());
        assert!(found("<body><p style=\"color: white\">").is_some(), "white on white");
        assert!(found("<body><p style=\"color:#fff;background-color:#000091\">").is_none());
    }

    #[test]
    fn headings_descend_one_level_at_a_time() {
        assert_eq!(headings(&tags("<h1></h1><h2></h2><h3></h3><h2></h2>")), None);
        for wrong in ["<h2></h2>", "<p></p>", "<h1></h1><h3></h3>", "<h1></h1><h1></h1>", "<h2></h2><h1></h1>"] {
            assert!(headings(&tags(wrong)).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_table_is_layout_or_has_headings() {
        assert!(has_bare_table(&tags("<table><tr><td></td></tr></table>")));
        assert!(!has_bare_table(&tags("<table role=\"presentation\"><tr><td></td></tr></table>")));
        assert!(!has_bare_table(&tags("<table><tr><th scope=\"col\"></th></tr></table>")));
    }

    #[test]
    fn a_date_that_nobody_computed_is_found() {
        let known = ["jeudi 7 mai 2026".to_owned(), "2026-05-07".to_owned()];
        for (wording, expected) in [
            ("Reçu le jeudi 7 mai 2026.", None),
            ("Reçu le 2026-05-07, réponse sous 5 jours", None),
            ("Réponse avant le 18 juin 2026.", Some("18 juin")),
            ("Réponse avant le 1er juin.", Some("1er juin")),
            ("by 18 June 2026", Some("18 june")),
            ("Réponse le 18/06/2026", Some("18/06/2026")),
            ("Réponse le 18/06/26.", Some("18/06/26")),
            ("by 06.18.26", Some("06.18.26")),
            ("la ligne 40-50-60", None),
            ("Article R. 112-11-1 du code, 01000 Bourg", None),
            ("tél. 04 74 32 30 00, ouvert de 9 h à 12 h", None),
        ] {
            assert_eq!(claimed_date(wording, &known).as_deref(), expected, "{wording}");
        }
    }
}
