//! The auditor's sample: drawn by hashes, so that anybody draws the same one with `sha256sum` and no luck is needed.

use sha2::{Digest as _, Sha256};

use super::case::Case;
use crate::domain::ledger::hex;

/// How many digits of the hash are shown.
const SHOWN_DIGITS: usize = 16;

/// Draws cases: those whose SHA-256 of `SEED/REFERENCE` comes first, in that order, each with the head of its hash.
#[must_use]
pub fn draw<'a>(cases: impl IntoIterator<Item = &'a Case>, seed: &str, size: usize) -> Vec<(String, &'a Case)> {
    let rank = |case: &Case| hex(&Sha256::digest(format!("{seed}/{}", case.reference)));
    let mut ranked: Vec<(String, &Case)> = cases.into_iter().map(|case| (rank(case), case)).collect();
    ranked.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    ranked.truncate(size);
    ranked.into_iter().map(|(rank, case)| (rank.chars().take(SHOWN_DIGITS).collect(), case)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn a_seed_draws_the_same_cases_in_whatever_order_they_come() {
        let cases: Vec<Case> = (1..=200).map(|n| case(&format!("PAN-2026-{n:06}"))).collect();
        let names =
            |drawn: Vec<(String, &Case)>| drawn.into_iter().map(|(_, c)| c.reference.clone()).collect::<Vec<_>>();
        let drawn = names(draw(&cases, "2026", 20));
        assert_eq!(drawn, names(draw(cases.iter().rev(), "2026", 20)));
        assert_ne!(drawn, names(draw(&cases, "2027", 20)));
        // A larger sample only adds.
        assert_eq!(names(draw(&cases, "2026", 30)).get(..20), Some(drawn.as_slice()));
    }

    /// `printf '2026/PAN-2026-000001' | sha256sum`
    #[test]
    fn the_rank_is_what_sha256sum_says() {
        let one = [case("PAN-2026-000001")];
        assert_eq!(draw(&one, "2026", 1).first().map(|(rank, _)| rank.as_str()), Some("d34b868f58cfaf09"));
    }
}
