//! What the administrators are told of vigie's own state, one mail each: the mail's id is made of what it is about, so
//! that the same trouble is told once.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

use super::address::Address;
use super::blind_spot::{BlindSpot, Sight};
use super::breaker::Trip;
use super::effect::{Effect, EffectKind, effect_id};
use super::ledger::rfc3339;
use super::message::MessageFacts;
use super::office::Office;
use super::verdict::{Automaton, Verdict};

/// How old a mailbox's own automatic answer may be to say that its absence message is on.
const RECENT: TimeDelta = TimeDelta::days(7);
/// What stands for an empty line.
const NOTHING: &str = "–";

/// What the administrators are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A mailbox cannot be read.
    Blind {
        /// The mailbox.
        mailbox: String,
        /// Since when.
        since: DateTime<Utc>,
        /// What the server or the network said.
        cause: String,
    },
    /// The store and the mail server still differ after a comparison and its repair.
    Gap {
        /// The mailbox.
        mailbox: String,
        /// The folder.
        folder: String,
        /// When.
        at: DateTime<Utc>,
        /// How many messages differ, of how many there and here.
        cause: String,
    },
    /// A folder that is to be read cannot be: what it holds, replies that stop clocks for one, stays unseen.
    Unread {
        /// The mailbox.
        mailbox: String,
        /// The folder; `None` where no Sent folder was found at all.
        folder: Option<String>,
        /// When.
        at: DateTime<Utc>,
        /// What the server said.
        cause: String,
    },
    /// The database takes no writing: nothing is recorded, nothing sent.
    Unwritable {
        /// Since when.
        since: DateTime<Utc>,
        /// What the database said.
        cause: String,
    },
    /// The breaker tripped: acknowledgements are held.
    BreakerTripped(Trip),
    /// Acknowledgements have not left, and the law's limit is near.
    Late {
        /// The mailbox.
        mailbox: String,
        /// When.
        at: DateTime<Utc>,
        /// How many.
        count: u32,
        /// When the oldest of their messages was received.
        oldest: DateTime<Utc>,
        /// The relay's last answer, where there is one.
        answer: String,
    },
    /// An absence message is switched on in the mailbox itself: it answers beside our acknowledgements, and in their stead.
    AnswersItself {
        /// The mailbox.
        mailbox: String,
        /// When one of its answers was seen.
        at: DateTime<Utc>,
    },
    /// Answers of a mailbox are not seen.
    BlindSpot {
        /// The mailbox.
        mailbox: String,
        /// When that was measured.
        at: DateTime<Utc>,
        /// What is not seen.
        spot: BlindSpot,
        /// The measure.
        sight: Sight,
    },
    /// A responder without any header is answered no more.
    Loop {
        /// The mailbox.
        mailbox: String,
        /// Its address, and that of the responder.
        parties: (Address, Address),
        /// When.
        at: DateTime<Utc>,
    },
}

impl Warning {
    /// The lines of [`Effect::about`]; none is empty, none holds a line break.
    #[must_use]
    pub fn about(&self) -> Vec<String> {
        let lines = match self {
            Self::Blind { mailbox, since, cause } => {
                vec!["blind".to_owned(), mailbox.clone(), rfc3339(*since), cause.clone()]
            }
            Self::Gap { mailbox, folder, at, cause } => {
                vec!["gap".to_owned(), mailbox.clone(), folder.clone(), rfc3339(*at), cause.clone()]
            }
            Self::Unread { mailbox, folder, at, cause } => {
                let week = week(*at);
                let folder = folder.clone().unwrap_or_default();
                vec!["unread".to_owned(), mailbox.clone(), folder, week, rfc3339(*at), cause.clone()]
            }
            Self::Unwritable { since, cause } => vec!["unwritable".to_owned(), rfc3339(*since), cause.clone()],
            Self::AnswersItself { mailbox, at } => {
                vec!["answers_itself".to_owned(), mailbox.clone(), week(*at), rfc3339(*at)]
            }
            Self::BreakerTripped(Trip { at, sent, limit }) => {
                vec!["breaker".to_owned(), rfc3339(*at), sent.to_string(), limit.to_string()]
            }
            Self::Late { mailbox, at, count, oldest, answer } => {
                let (at, oldest) = (rfc3339(*at), rfc3339(*oldest));
                vec!["late".to_owned(), mailbox.clone(), at, count.to_string(), oldest, answer.clone()]
            }
            Self::BlindSpot { mailbox, at, spot, sight } => {
                let mut lines = vec!["blind_spot".to_owned(), mailbox.clone(), rfc3339(*at), spot.name().to_owned()];
                let Sight { answered, in_sent, elsewhere, unseen, guessed, declared, sent_copies } = *sight;
                let counts = [answered, in_sent, elsewhere, unseen, guessed, declared, sent_copies];
                lines.extend(counts.map(|count| count.to_string()));
                lines
            }
            Self::Loop { mailbox, parties: (ours, theirs), at } => {
                let day = at.date_naive().to_string();
                let (domain, ours, theirs) = (theirs.domain().to_owned(), ours.to_string(), theirs.to_string());
                vec!["loop".to_owned(), mailbox.clone(), domain, day, ours, theirs, rfc3339(*at)]
            }
        };
        lines.iter().map(|line| one_line(line)).collect()
    }

    /// Reads [`Warning::about`] back.
    #[must_use]
    pub fn read(about: &[String]) -> Option<Self> {
        let (kind, rest) = about.split_first()?;
        match (kind.as_str(), rest) {
            ("blind", [mailbox, since, cause]) => {
                Some(Self::Blind { mailbox: mailbox.clone(), since: since.parse().ok()?, cause: cause.clone() })
            }
            ("gap", [mailbox, folder, at, cause]) => Some(Self::Gap {
                mailbox: mailbox.clone(),
                folder: folder.clone(),
                at: at.parse().ok()?,
                cause: cause.clone(),
            }),
            ("unread", [mailbox, folder, _, at, cause]) => Some(Self::Unread {
                mailbox: mailbox.clone(),
                folder: (folder != NOTHING).then(|| folder.clone()),
                at: at.parse().ok()?,
                cause: cause.clone(),
            }),
            ("unwritable", [since, cause]) => {
                Some(Self::Unwritable { since: since.parse().ok()?, cause: cause.clone() })
            }
            ("answers_itself", [mailbox, _, at]) => {
                Some(Self::AnswersItself { mailbox: mailbox.clone(), at: at.parse().ok()? })
            }
            ("breaker", [at, sent, limit]) => Some(Self::BreakerTripped(Trip {
                at: at.parse().ok()?,
                sent: sent.parse().ok()?,
                limit: limit.parse().ok()?,
            })),
            ("late", [mailbox, at, count, oldest, answer]) => Some(Self::Late {
                mailbox: mailbox.clone(),
                at: at.parse().ok()?,
                count: count.parse().ok()?,
                oldest: oldest.parse().ok()?,
                answer: answer.clone(),
            }),
            ("blind_spot", [mailbox, at, spot, counts @ ..]) => Some(Self::BlindSpot {
                mailbox: mailbox.clone(),
                at: at.parse().ok()?,
                spot: BlindSpot::from_name(spot)?,
                sight: read_sight(counts)?,
            }),
            ("loop", [mailbox, _, _, ours, theirs, at]) => Some(Self::Loop {
                mailbox: mailbox.clone(),
                parties: (Address::parse(ours)?, Address::parse(theirs)?),
                at: at.parse().ok()?,
            }),
            _ => None,
        }
    }

    /// The mail that says it; none where nobody is to be told.
    #[must_use]
    pub fn mail(&self, office: &Office, now: DateTime<Utc>) -> Option<Effect> {
        let about = self.about();
        let recipients = self.recipients(office);
        (!recipients.is_empty()).then(|| Effect {
            id: self.id(&about),
            kind: EffectKind::Operations,
            mailbox: self.mailbox().unwrap_or_default().to_owned(),
            bureau: String::new(),
            request: None,
            recipients,
            about,
            level: None,
            created_at: now,
            due_at: now,
            warn_at: None,
        })
    }

    /// The mailbox that it is about, where it is about one.
    #[must_use]
    pub fn mailbox(&self) -> Option<&str> {
        match self {
            Self::Blind { mailbox, .. }
            | Self::Gap { mailbox, .. }
            | Self::Unread { mailbox, .. }
            | Self::Late { mailbox, .. }
            | Self::AnswersItself { mailbox, .. }
            | Self::BlindSpot { mailbox, .. }
            | Self::Loop { mailbox, .. } => Some(mailbox),
            Self::BreakerTripped(_) | Self::Unwritable { .. } => None,
        }
    }

    /// What makes it the one it is: not the cause, which changes from one attempt to the next.
    fn id(&self, about: &[String]) -> String {
        let kept = match self {
            Self::Blind { .. } | Self::Late { .. } | Self::AnswersItself { .. } | Self::BlindSpot { .. } => 3,
            Self::BreakerTripped(_) | Self::Unwritable { .. } => 2,
            // One a day for a mailbox and a domain, one a week for a mailbox and a folder.
            Self::Gap { .. } | Self::Loop { .. } | Self::Unread { .. } => 4,
        };
        let parts: Vec<&str> = about.iter().take(kept).map(String::as_str).collect();
        effect_id(EffectKind::Operations, &parts)
    }

    fn recipients(&self, office: &Office) -> Vec<Address> {
        match self {
            Self::Blind { .. }
            | Self::Gap { .. }
            | Self::Unread { .. }
            | Self::BreakerTripped(_)
            | Self::Unwritable { .. }
            | Self::AnswersItself { .. }
            | Self::BlindSpot { .. }
            | Self::Loop { .. } => office.administrators.clone(),
            // The bureau too: only its agents can write to the requesters by hand.
            Self::Late { mailbox, .. } => {
                let mut recipients = office.administrators.clone();
                let bureau = office.desk(mailbox).map(|desk| desk.bureau);
                for address in bureau.into_iter().flat_map(|bureau| bureau.agents.iter().chain(&bureau.heads)) {
                    if !recipients.contains(address) {
                        recipients.push(address.clone());
                    }
                }
                recipients
            }
        }
    }
}

/// The warning that a message gives of an absence message in one of our mailboxes: that mailbox wrote it, a machine did,
/// and vigie did not (the State's platform answers `Auto: …`). What lies there since long is history.
#[must_use]
pub fn own_answer(
    office: &Office,
    facts: &MessageFacts,
    verdict: &Verdict,
    received_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Warning> {
    let author = facts.author()?;
    let recent = now.signed_duration_since(received_at) <= RECENT;
    let mailbox = office.mailboxes.iter().find(|mailbox| mailbox.is_mine(author))?;
    (recent && *verdict == Verdict::Automated(Automaton::AutoReply))
        .then(|| Warning::AnswersItself { mailbox: mailbox.name.clone(), at: received_at })
}

/// The week of an instant, as a part of an id.
fn week(at: DateTime<Utc>) -> String {
    let week = at.iso_week();
    format!("{}-S{:02}", week.year(), week.week())
}

fn read_sight(counts: &[String]) -> Option<Sight> {
    let counts: Vec<u32> = counts.iter().map_while(|count| count.parse().ok()).collect();
    let [answered, in_sent, elsewhere, unseen, guessed, declared, sent_copies] = *counts.as_slice() else {
        return None;
    };
    Some(Sight { answered, in_sent, elsewhere, unseen, guessed, declared, sent_copies })
}

fn one_line(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.trim().is_empty() { NOTHING.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_warning_is_about_is_read_back() {
        let at = DateTime::UNIX_EPOCH;
        let blind = Warning::Blind { mailbox: "pref-pan".into(), since: at, cause: "end of file".into() };
        let late = Warning::Late { mailbox: "p".into(), at, count: 3, oldest: at, answer: "451 4.7.1".into() };
        let parties = (Address::literal("p", "a.org"), Address::literal("robot", "b.org"));
        let looped = Warning::Loop { mailbox: "p".into(), parties, at };
        let unread = |folder| Warning::Unread { mailbox: "p".into(), folder, at, cause: "NO".into() };
        let (named, none) = (unread(Some("Envoyés".to_owned())), unread(None));
        let full = Warning::Unwritable { since: at, cause: "database or disk is full".into() };
        let itself = Warning::AnswersItself { mailbox: "p".into(), at };
        let trip = Warning::BreakerTripped(Trip { at, sent: 9, limit: 9 });
        for warning in [full, blind, named, none, itself, trip, late, looped] {
            assert_eq!(Warning::read(&warning.about()).as_ref(), Some(&warning));
        }
    }

    #[test]
    fn no_line_is_empty_or_broken() {
        let warning = Warning::Blind { mailbox: "pref-pan".into(), since: DateTime::UNIX_EPOCH, cause: "a\nb".into() };
        assert_eq!(warning.about().last().map(String::as_str), Some("a b"));
        assert_eq!(one_line(" "), "–");
    }
}
