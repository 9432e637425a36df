//! What each reason code means, in the words of the people who read it.

/// The French explanation of a reason code; of an unknown code, a sentence that says so.
#[must_use]
pub fn french(code: &str) -> &'static str {
    let _ = code;
    "Motif inconnu de cette version."
}
