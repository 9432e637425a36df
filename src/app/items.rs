//! Letters and appointments whose personal part is still there: when they were closed, and whose they are.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{Result, facts};
use crate::domain::indicator::case::Case;
use crate::domain::office::Office;
use crate::store::{Facts, RegisterItem, Store};

/// Words that stand before a name and are none.
const CIVILITIES: [&str; 6] = ["m", "mr", "mme", "mlle", "monsieur", "madame"];
/// The words of which a name has to consist to tell a person: many bear one family name.
const WORDS_OF_A_NAME: usize = 2;

/// A letter or an appointment whose personal part is still there.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What is stored of it.
    pub stored: RegisterItem,
    /// `letter` or `appointment`.
    pub kind: &'static str,
    /// What is asked; empty once it was withdrawn.
    pub nature: &'static str,
    /// `open`, `answered`, `held` or `withdrawn`.
    pub result: &'static str,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// When it was answered, held or withdrawn.
    pub closed_at: Option<DateTime<Utc>>,
    /// The place of the last entry about it.
    pub last: i64,
}

/// What the entries by hand say of an item besides its case.
#[derive(Debug, Clone, Copy, Default)]
struct Trace {
    received_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    last: i64,
}

/// All of them, by reference.
pub(super) async fn load(store: &Store, office: &Office) -> Result<Vec<Item>> {
    let now = DateTime::UNIX_EPOCH;
    let folded = facts::load(store, office, (now, now), None).await?;
    let cases: HashMap<&str, &Case> = folded.cases.iter().map(|case| (case.reference.as_str(), case)).collect();
    let mut traces: HashMap<String, Trace> = HashMap::new();
    store
        .facts(Facts::ByHand, folded.stamp.head.seq, |row| {
            let at = DateTime::from_timestamp_millis(row.occurred_at).unwrap_or_default();
            let withdrawn = matches!(row.kind.as_str(), "letter_withdrawn" | "appointment_withdrawn");
            let trace = traces.entry(row.request).or_insert(Trace { received_at: at, ..Trace::default() });
            trace.withdrawn_at = trace.withdrawn_at.or(withdrawn.then_some(at));
            trace.last = row.seq;
        })
        .await?;
    let mut items = Vec::new();
    for kind in ["letter", "appointment"] {
        let stored = store.register_items(kind).await?.into_iter().filter(|stored| !stored.key.is_empty());
        items.extend(stored.filter_map(|stored| {
            let trace = *traces.get(&stored.reference)?;
            let case = cases.get(stored.reference.as_str()).copied();
            Some(item(kind, stored, trace, case))
        }));
    }
    Ok(items)
}

fn item(kind: &'static str, stored: RegisterItem, trace: Trace, case: Option<&Case>) -> Item {
    let Trace { received_at, withdrawn_at, last } = trace;
    let (nature, received_at) = case.map_or(("", received_at), |case| (case.nature.name(), case.received_at));
    let settled_at = case.and_then(|case| match &case.meeting {
        Some(meeting) => meeting.held_at,
        None => case.answered_at.max(case.substantive_at),
    });
    let result = match (withdrawn_at, settled_at, kind) {
        (Some(_), _, _) => "withdrawn",
        (None, None, _) => "open",
        (None, Some(_), "appointment") => "held",
        (None, Some(_), _) => "answered",
    };
    Item { stored, kind, nature, result, received_at, closed_at: withdrawn_at.or(settled_at), last }
}

impl Item {
    /// Whether what an agent typed holds a person's address, or gives exactly their name (in any order and case).
    pub(super) fn is_of(&self, address: &str, name: &str) -> bool {
        let details = &self.stored.details;
        let texts = [&details.name, &details.quality, &details.town, &details.subject, &details.note];
        let holds = |text: &&String| {
            let is_between = |c: char| c.is_whitespace() || "<>()[],;:\"'".contains(c);
            text.to_lowercase().split(is_between).any(|word| word.trim_end_matches('.') == address)
        };
        let wanted = words(name);
        texts.iter().any(holds) || (wanted.len() >= WORDS_OF_A_NAME && words(&details.name) == wanted)
    }
}

/// The words of a name, without what stands before it.
fn words(name: &str) -> HashSet<String> {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter(|word| !CIVILITIES.contains(word)).map(str::to_owned).collect()
}
