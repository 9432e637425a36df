//! What vigie cannot see of a mailbox's answers, measured: answers that only a flag tells, and a Sent folder that receives
//! nothing. Said only where there were enough answers to judge by.

use chrono::TimeDelta;

use super::evidence::Evidence;

/// Over how long answers are counted.
pub const SPAN: TimeDelta = TimeDelta::days(90);
/// The fewest answers by which a mailbox is judged.
const ENOUGH: u32 = 10;
/// From how many answers in a hundred that left only a flag on there is something to say.
const SHARE: u32 = 20;

/// How the answers of a mailbox were seen, over [`SPAN`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sight {
    /// Answered requests.
    pub answered: u32,
    /// Of these, those whose answer lies in the mailbox's Sent folder.
    pub in_sent: u32,
    /// Those whose answer was seen elsewhere only: in copy, in another mailbox.
    pub elsewhere: u32,
    /// Those that only the mail client's flag tells: the answer itself was never seen.
    pub unseen: u32,
    /// Those that only recipient and subject tell.
    pub guessed: u32,
    /// Those that agents declared, by a command or a gesture.
    pub declared: u32,
    /// Messages that came into the Sent folders.
    pub sent_copies: u32,
}

/// What is not seen of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlindSpot {
    /// Its Sent folders received nothing, although its requests were answered.
    SentStaysEmpty,
    /// Too many answers left a flag and nothing else.
    AnswersUnseen,
}

super::names::names!(BlindSpot { SentStaysEmpty => "sent_stays_empty", AnswersUnseen => "answers_unseen" });

impl Sight {
    /// Counts answers of one evidence in.
    pub fn add(&mut self, evidence: Option<Evidence>, count: u32) {
        self.answered = self.answered.saturating_add(count);
        let seen = match evidence {
            Some(Evidence::SentReply) => &mut self.in_sent,
            Some(Evidence::SeenReply) => &mut self.elsewhere,
            Some(Evidence::Flag) => &mut self.unseen,
            Some(Evidence::SameSubject) => &mut self.guessed,
            Some(Evidence::Gesture | Evidence::Declaration | Evidence::Unproven) | None => &mut self.declared,
        };
        *seen = seen.saturating_add(count);
    }

    /// Answers that only a flag tells, in a hundred.
    #[must_use]
    pub fn unseen_percent(&self) -> u32 {
        self.unseen.saturating_mul(100).checked_div(self.answered).unwrap_or_default()
    }

    /// What is not seen; `None` where all is well, or too little was answered to judge.
    #[must_use]
    pub fn blind_spot(&self) -> Option<BlindSpot> {
        if self.answered < ENOUGH {
            None
        } else if self.sent_copies == 0 && self.declared < self.answered {
            Some(BlindSpot::SentStaysEmpty)
        } else if self.unseen_percent() >= SHARE {
            Some(BlindSpot::AnswersUnseen)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(counts: &[(Evidence, u32)], sent_copies: u32) -> Sight {
        let mut sight = Sight { sent_copies, ..Sight::default() };
        for (evidence, count) in counts {
            sight.add(Some(*evidence), *count);
        }
        sight
    }

    #[test]
    fn tells_flags_without_replies_and_a_sent_folder_without_mail() {
        use Evidence::{Declaration, Flag, SeenReply, SentReply};
        for (counts, copies, expected) in [
            (&[(SentReply, 8), (Flag, 2)][..], 8, Some(BlindSpot::AnswersUnseen)),
            (&[(SentReply, 9), (Flag, 1)][..], 9, None),
            (&[(Flag, 9)][..], 0, None),
            (&[(SeenReply, 30), (Flag, 1)][..], 0, Some(BlindSpot::SentStaysEmpty)),
            (&[(Declaration, 30)][..], 0, None),
        ] {
            assert_eq!(sight(counts, copies).blind_spot(), expected, "{counts:?}");
        }
    }
}
