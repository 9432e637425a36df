//! What people type in free words: refused where it would not show as what it is, wherever it is read later.

use crate::domain::visible::shows;

/// The most characters of words that the ledger keeps as they are typed.
const MAX_WORDS: usize = 500;

/// A free text, which may be empty.
pub fn text(typed: &str) -> Result<String, String> {
    if !typed.chars().all(shows) {
        return Err("line breaks, control characters and marks of direction are refused".to_owned());
    }
    Ok(typed.to_owned())
}

/// Words that must say something: who, why, to whom, from where.
pub fn words(typed: &str) -> Result<String, String> {
    let said = text(typed)?.trim().to_owned();
    match said.chars().count() {
        0 => Err("words are expected, and there are none".to_owned()),
        1..=MAX_WORDS => Ok(said),
        _ => Err(format!("more than {MAX_WORDS} characters")),
    }
}
