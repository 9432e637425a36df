//! What a message bears in the agents' mail clients: the gesture by folder or keyword, and the client's own flags.

use chrono::{DateTime, Utc};

use super::gesture::{Borne, GestureRule, Lying, borne};

/// The mark of a gesture, before the instant since which it is borne, in milliseconds, and the name of its rule.
const GESTURE: &str = "gesture";
/// The mark of a message whose client says that it was answered, before the instant since which it does, in milliseconds.
const ANSWERED: &str = "answered";
/// The mark of a message whose client says that it was forwarded.
const FORWARDED: &str = "forwarded";

/// A gesture that a message bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The name of its rule.
    pub name: String,
    /// Since when it was seen.
    pub since: DateTime<Utc>,
}

/// What a message bears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its gestures, the latest first: that one counts. Under it lie those that were made before and never taken away.
    pub gestures: Vec<Made>,
    /// Since when it was seen to be flagged as answered.
    pub answered: Option<DateTime<Utc>>,
    /// Whether it is flagged as forwarded.
    pub forwarded: bool,
}

impl Marks {
    /// Reads what [`Marks::text`] wrote; what is none of it is passed over.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut marks = Self::default();
        for line in text.lines() {
            let (mark, said) = line.split_once(' ').unwrap_or((line, ""));
            match mark {
                GESTURE => marks.gestures.extend(
                    said.split_once(' ')
                        .and_then(|(since, name)| Some(Made { name: name.to_owned(), since: instant(since)? })),
                ),
                ANSWERED => marks.answered = instant(said),
                FORWARDED => marks.forwarded = true,
                _ => {}
            }
        }
        marks
    }

    /// The marks as they are stored, one a line.
    #[must_use]
    pub fn text(&self) -> String {
        let gesture = |made: &Made| format!("{GESTURE} {} {}", made.since.timestamp_millis(), made.name);
        let answered = self.answered.map(|since| format!("{ANSWERED} {}", since.timestamp_millis()));
        let forwarded = self.forwarded.then(|| FORWARDED.to_owned());
        let lines: Vec<String> = self.gestures.iter().map(gesture).chain(answered).chain(forwarded).collect();
        lines.join("\n")
    }

    /// Whether it bears the gesture of the rule of this name.
    #[must_use]
    pub fn bears(&self, name: &str) -> bool {
        self.gestures.iter().any(|made| made.name == name)
    }

    /// What the message bears by the places where it lies now; what lies nowhere any more keeps what it bore.
    #[must_use]
    pub fn seen_at(&self, rules: &[GestureRule], places: &[Lying], now: DateTime<Utc>) -> Self {
        if places.is_empty() {
            return self.clone();
        }
        Self {
            gestures: match borne(rules, places) {
                Borne::Rules(rules) => self.with(rules.into_iter().map(GestureRule::name).collect(), now),
                Borne::Nothing => Vec::new(),
                Borne::Unknown => self.gestures.clone(),
            },
            answered: places.iter().any(|place| place.flags.answered()).then(|| self.answered.unwrap_or(now)),
            forwarded: places.iter().any(|place| place.flags.forwarded()),
        }
    }

    /// Its gestures where these are borne now: the new ones upon those that stay.
    fn with(&self, names: Vec<String>, now: DateTime<Utc>) -> Vec<Made> {
        let staying: Vec<Made> = self.gestures.iter().filter(|made| names.contains(&made.name)).cloned().collect();
        let new = names.into_iter().filter(|name| !self.bears(name)).map(|name| Made { name, since: now });
        new.chain(staying).collect()
    }
}

fn instant(millis: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::classify::FolderRole;
    use crate::domain::gesture::{Means, Sign, Way};
    use crate::domain::sighting::FlagSet;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_778_000_000 + minute * 60, 0).expect("in range")
    }

    fn made(name: &str, minute: i64) -> Made {
        Made { name: name.into(), since: at(minute) }
    }

    fn place(folder: &str, flags: &[&str], minute: i64) -> Lying {
        let role = if folder == "INBOX" { FolderRole::Inbox } else { FolderRole::Other };
        Lying { folder: folder.into(), role, flags: FlagSet::new(flags.iter().copied()), seen_at: at(minute) }
    }

    fn rules() -> Vec<GestureRule> {
        vec![
            GestureRule { sign: Sign::Folder("Vigie/Incomplet".into()), means: Means::Incomplete },
            GestureRule { sign: Sign::Keyword("$VigieTelephone".into()), means: Means::Answered(Way::Phone) },
        ]
    }

    #[test]
    fn marks_are_read_back() {
        let gestures = vec![made("keyword:$VigieTelephone", 2), made("folder:Vigie/Sans suite", 1)];
        let marks = Marks { gestures, answered: Some(at(3)), forwarded: true };
        assert_eq!(Marks::from_text(&marks.text()), marks);
        assert_eq!(Marks::from_text(""), Marks::default());
        assert_eq!(Marks::default().text(), "");
    }

    #[test]
    fn what_lies_nowhere_keeps_what_it_bore() {
        let marks = Marks { gestures: vec![made("x", 0)], answered: Some(at(0)), forwarded: true };
        assert_eq!(marks.seen_at(&[], &[], at(9)), marks);
    }

    #[test]
    fn the_latest_gesture_lies_upon_the_earlier_ones() {
        let filed = Marks::default().seen_at(&rules(), &[place("Vigie/Incomplet", &[], 1)], at(1));
        assert_eq!(filed.gestures, [made("folder:Vigie/Incomplet", 1)]);
        let marked = filed.seen_at(&rules(), &[place("Vigie/Incomplet", &["$vigietelephone"], 1)], at(5));
        assert_eq!(marked.gestures, [made("keyword:$VigieTelephone", 5), made("folder:Vigie/Incomplet", 1)]);
        assert_eq!(marked.seen_at(&rules(), &[place("Vigie/Incomplet", &["$vigietelephone"], 1)], at(7)), marked);
        assert_eq!(marked.seen_at(&rules(), &[place("Vigie/Incomplet", &[], 1)], at(9)), filed);
        let taken_out = marked.seen_at(&rules(), &[place("INBOX", &["$VigieTelephone"], 9)], at(9));
        assert_eq!(taken_out.gestures, [made("keyword:$VigieTelephone", 5)]);
        assert_eq!(taken_out.seen_at(&rules(), &[place("INBOX", &[], 9)], at(9)), Marks::default());
    }
}
