//! Texts that show what they hold: no character that steers a terminal, breaks a line or turns the reading direction.

/// Whether a character shows as what it is. Control characters, line separators and those that turn the reading
/// direction (Unicode, annex 9) do not.
#[must_use]
pub fn shows(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with a mark in the place of each character that does not show.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if shows(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// The text on one line, a space in the place of each character that does not show.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if shows(c) { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_the_text_around_does_not_show() {
        assert_eq!(plain("a\nb\u{1b}[2Jc\u{202e}d\u{9b}"), "a\u{fffd}b\u{fffd}[2Jc\u{fffd}d\u{fffd}");
        assert_eq!(on_one_line("deux\r\nlignes"), "deux  lignes");
        let french = "L’œuvre\u{a0}: «\u{202f}à Évreux\u{202f}» – 1\u{202f}000\u{a0}€";
        assert_eq!(plain(french), french);
    }
}
