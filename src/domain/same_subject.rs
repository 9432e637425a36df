//! Subjects as they are compared: without the prefixes of answers and forwards, without the tags of gateways, folded.

use super::policy::MailboxPolicy;
use super::signs::folded;

/// Prefixes by which mail clients mark answers and forwards, in lower case without accents: French, English, German,
/// Spanish, Italian, Portuguese, Dutch, Scandinavian, Finnish, Polish.
const PREFIXES: &[&str] = &[
    "re", "ref", "rep", "rv", "tr", "transf", "trans", "fwd", "fw", "aw", "antw", "antwort", "wg", "i", "r", "res",
    "enc", "sv", "vs", "vl", "odp", "pd", "doorst",
];
/// Prefixes taken off one subject: more are a loop's.
const MAX_PREFIXES: usize = 20;
/// The fewest letters by which a subject can be told from another.
const MIN_LETTERS: usize = 4;

/// A subject without prefixes and tags, folded; `None` where too little is left to tell it from another's.
#[must_use]
pub fn normalised(subject: &str) -> Option<String> {
    let mut rest = folded(subject);
    for _ in 0..MAX_PREFIXES {
        let Some(shorter) = without_prefix(&rest) else { break };
        rest = shorter;
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    let told = words.iter().flat_map(|word| word.chars()).filter(|c| c.is_alphanumeric()).count();
    (told >= MIN_LETTERS).then(|| words.join(" "))
}

/// One prefix (`re:`, `re[2]:`, `tr :`) or one tag of a gateway (`[externe]`) less.
fn without_prefix(subject: &str) -> Option<String> {
    if let Some((_, rest)) = subject.strip_prefix('[').and_then(|tagged| tagged.split_once(']')) {
        return Some(rest.trim_start().to_owned());
    }
    let (prefix, rest) = subject.split_once(':')?;
    let word: String = prefix.trim_end().chars().take_while(|c| c.is_alphabetic()).collect();
    let counter = prefix.trim_end().strip_prefix(word.as_str()).unwrap_or_default();
    let counts = counter.chars().all(|c| c.is_ascii_digit() || "[]()^".contains(c));
    (counts && PREFIXES.contains(&word.as_str())).then(|| rest.trim_start().to_owned())
}

/// The reference of a request of the mailbox that a subject names: `PAN-2026-000123`.
#[must_use]
pub fn named_reference(subject: &str, prefix: &str) -> Option<String> {
    if prefix.is_empty() {
        return None;
    }
    let upper = subject.to_uppercase();
    let head = format!("{prefix}-");
    upper.match_indices(&head).find_map(|(at, _)| {
        let before = upper.get(..at).and_then(|text| text.chars().next_back());
        let rest = upper.get(at + head.len()..)?;
        let (year, number) = rest.split_once('-')?;
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        let whole = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()) && digits.len() >= 6;
        let starts = before.is_none_or(|c| !c.is_alphanumeric());
        (whole && starts).then(|| format!("{prefix}-{year}-{digits}"))
    })
}

/// Whether a subject of ours is one by which the configuration knows a holding reply.
#[must_use]
pub fn is_holding(subject: &str, policy: &MailboxPolicy) -> bool {
    let subject = folded(subject);
    policy.holding_subjects.iter().any(|pattern| super::policy::matches_pattern(&folded(pattern), &subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_tags_do_not_count() {
        for subject in [
            "Titre de séjour",
            "RE: Titre de séjour",
            "Ré : Titre de séjour",
            "TR : RE: titre  de Séjour",
            "AW: Titre de séjour",
            "RÉF: Titre de séjour",
            "Re[3]: Titre de séjour",
            "[EXTERNE] Fwd: Titre de séjour",
            "I: Titre de séjour",
        ] {
            assert_eq!(normalised(subject).as_deref(), Some("titre de sejour"), "{subject}");
        }
        assert_eq!(normalised("Rue de la Gare: travaux").as_deref(), Some("rue de la gare: travaux"));
    }

    #[test]
    fn a_subject_that_says_nothing_is_no_link() {
        for subject in ["", "Re:", "Re: …", "RDV", "Fwd: ?!"] {
            assert_eq!(normalised(subject), None, "{subject}");
        }
    }

    #[test]
    fn finds_the_reference_that_a_subject_names() {
        for (subject, expected) in [
            ("Votre demande PAN-2026-000123", Some("PAN-2026-000123")),
            ("RE: [pan-2026-000123] Titre", Some("PAN-2026-000123")),
            ("JAPAN-2026-000123", None),
            ("PAN-2026-12", None),
            ("PAN-20é6-000123", None),
            ("PAN-", None),
        ] {
            assert_eq!(named_reference(subject, "PAN").as_deref(), expected, "{subject}");
        }
    }
}
