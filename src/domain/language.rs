//! In which language somebody seems to write: by the script of the subject, which a human chose, then by what the mail
//! client says of the message (Content-Language), then by what its user reads (Accept-Language).
//!
//! Deliberately absent: guessing from words. A subject of three words tells English from French too badly, and the body
//! is never read; a mailbox that strangers write to answers everyone in two languages instead (`bilingual = "always"`).

use super::message::MessageFacts;

/// Letters of a script that make a subject one of it: a name or a word in passing is not enough.
const ENOUGH_LETTERS: usize = 3;

/// The language tag, lower case; empty where nothing tells.
#[must_use]
pub fn language_of(facts: &MessageFacts) -> String {
    let written = script_language(&facts.subject).map(str::to_owned);
    written.or_else(|| facts.languages.first().cloned()).unwrap_or_default()
}

/// The language that a foreign script stands for: the most spoken of those written in it.
fn script_language(subject: &str) -> Option<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    let mut latin = 0;
    for language in subject.chars().filter(|c| c.is_alphabetic()).map(of_letter) {
        match (language, counts.iter_mut().find(|(known, _)| Some(*known) == language)) {
            (None, _) => latin += 1,
            (Some(_), Some((_, count))) => *count += 1,
            (Some(language), None) => counts.push((language, 1)),
        }
    }
    let (language, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= ENOUGH_LETTERS && count > latin).then_some(language)
}

fn of_letter(letter: char) -> Option<&'static str> {
    match letter {
        '\u{0370}'..='\u{03ff}' | '\u{1f00}'..='\u{1fff}' => Some("el"),
        '\u{0400}'..='\u{052f}' => Some("ru"),
        '\u{0530}'..='\u{058f}' => Some("hy"),
        '\u{0590}'..='\u{05ff}' => Some("he"),
        '\u{0600}'..='\u{077f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => Some("ar"),
        '\u{0900}'..='\u{097f}' => Some("hi"),
        '\u{0980}'..='\u{09ff}' => Some("bn"),
        '\u{0b80}'..='\u{0bff}' => Some("ta"),
        '\u{0e00}'..='\u{0e7f}' => Some("th"),
        '\u{10a0}'..='\u{10ff}' => Some("ka"),
        '\u{1200}'..='\u{137f}' => Some("am"),
        '\u{3040}'..='\u{30ff}' => Some("ja"),
        '\u{4e00}'..='\u{9fff}' => Some("zh"),
        '\u{ac00}'..='\u{d7af}' => Some("ko"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_speaks_before_the_headers() {
        for (subject, headers, expected) in [
            ("Titre de séjour", &[][..], ""),
            ("Titre de séjour", &["fr-fr", "en-us"][..], "fr-fr"),
            ("Residence permit", &["en-us"][..], "en-us"),
            ("طلب تجديد بطاقة الإقامة", &["fr-fr"][..], "ar"),
            ("Продление вида на жительство", &[][..], "ru"),
            ("Fwd: Продление вида на жительство", &[][..], "ru"),
            ("居留许可", &[][..], "zh"),
            ("Dossier de Мария", &[][..], ""),
            ("", &["de"][..], "de"),
        ] {
            let facts = MessageFacts {
                subject: subject.to_owned(),
                languages: headers.iter().map(|tag| (*tag).to_owned()).collect(),
                ..MessageFacts::default()
            };
            assert_eq!(language_of(&facts), expected, "{subject}");
        }
    }
}
