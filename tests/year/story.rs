//! A year of six mailboxes and of the people behind them, from a seed; and what became of each question, which is
//! written down here and never asked of vigie. Everybody is invented, under `example.org`.

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use super::naive::{after, agents_work, date, round};
use super::support::generator::Random;

/// How a bureau lives.
pub struct Habit {
    /// Its mailbox.
    pub mailbox: &'static str,
    /// Its bureau.
    pub bureau: &'static str,
    /// The head of its references.
    pub prefix: &'static str,
    /// Its share of the mails, in thousandths.
    share: u32,
    /// Answers by telephone, in hundredths.
    phone: u32,
    /// Of the answers by mail, those whose copy comes late, in hundredths.
    late_copy: u32,
    /// Questions that nobody ever answers (deleted, forgotten), in thousandths.
    never: u32,
    /// Working days until the answer: a weight for each, from the same day on.
    delays: &'static [u32],
}

/// The six.
pub const HABITS: [Habit; 6] = [
    Habit {
        mailbox: "pref-pan",
        bureau: "citoyennete",
        prefix: "PAN",
        share: 290,
        phone: 75,
        late_copy: 10,
        never: 10,
        delays: &[10, 60, 15, 6, 4, 3, 2],
    },
    Habit {
        mailbox: "pref-étrangers",
        bureau: "etrangers",
        prefix: "ETR",
        share: 350,
        phone: 5,
        late_copy: 20,
        never: 30,
        delays: &[4, 18, 22, 20, 14, 10, 5, 3, 2, 1, 1],
    },
    Habit {
        mailbox: "pref-elus",
        bureau: "cabinet",
        prefix: "ELU",
        share: 75,
        phone: 25,
        late_copy: 5,
        never: 5,
        delays: &[15, 35, 20, 12, 8, 5, 3, 1, 1],
    },
    Habit {
        mailbox: "pref-titres",
        bureau: "titres",
        prefix: "TIT",
        share: 160,
        phone: 15,
        late_copy: 40,
        never: 20,
        delays: &[8, 25, 25, 18, 12, 6, 3, 2, 1],
    },
    Habit {
        mailbox: "pref-associations",
        bureau: "associations",
        prefix: "ASS",
        share: 75,
        phone: 10,
        late_copy: 15,
        never: 15,
        delays: &[5, 20, 20, 20, 15, 10, 5, 3, 2],
    },
    Habit {
        mailbox: "pref-reclamations",
        bureau: "qualite",
        prefix: "REC",
        share: 50,
        phone: 10,
        late_copy: 10,
        never: 10,
        delays: &[5, 15, 25, 25, 15, 10, 5],
    },
];

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Answered by mail; the copy of the answer lies in the Sent folder from another time on.
    Mailed { sent: NaiveDateTime, copied: NaiveDateTime },
    /// Answered by telephone, and said so later.
    Phoned { at: NaiveDateTime, told: NaiveDateTime },
    /// No answer is needed.
    Closed { at: NaiveDateTime },
    /// Another administration answers.
    Transferred { at: NaiveDateTime },
    /// Nothing: deleted, or forgotten.
    Never,
}

impl Fate {
    /// When vigie can know of it.
    pub fn known(self) -> Option<NaiveDateTime> {
        match self {
            Self::Mailed { copied, .. } => Some(round(copied)),
            Self::Phoned { told, .. } => Some(told),
            Self::Closed { at } | Self::Transferred { at } => Some(at),
            Self::Never => None,
        }
    }

    /// When it happened.
    pub fn settled(self) -> Option<NaiveDateTime> {
        match self {
            Self::Mailed { sent, .. } => Some(sent),
            Self::Phoned { at, .. } | Self::Closed { at } | Self::Transferred { at } => Some(at),
            Self::Never => None,
        }
    }

    /// The state of the request in the end.
    pub fn status(self) -> &'static str {
        match self {
            Self::Mailed { .. } | Self::Phoned { .. } => "answered",
            Self::Closed { .. } => "closed",
            Self::Transferred { .. } => "transferred",
            Self::Never => "open",
        }
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its place among the habits.
    pub habit: usize,
    /// Its Message-ID.
    pub id: String,
    /// Who asks.
    pub from: String,
    /// The subject.
    pub subject: String,
    /// The key of the commitment that holds.
    pub commitment: &'static str,
    /// When the mail server received it.
    pub at: NaiveDateTime,
    /// The message that it answers.
    pub re: Option<String>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What happens, and when vigie can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A question arrives.
    Asked(usize),
    /// Its author adds something.
    Added(usize, NaiveDateTime),
    /// A machine writes to a mailbox.
    Noise(usize, NaiveDateTime),
    /// The fate of a question is seen.
    Settled(usize),
    /// The strike is written into the configuration.
    Strike,
}

/// A year.
pub struct Story {
    /// The questions.
    pub asks: Vec<Ask>,
    /// What happens, in order.
    pub events: Vec<(NaiveDateTime, Event)>,
    /// How many mails come in from outside.
    pub mails: usize,
}

/// When in the day the public writes: a weight for each hour.
const BY_HOUR: [u32; 24] = [2, 1, 1, 1, 1, 1, 3, 8, 20, 40, 45, 40, 25, 25, 40, 40, 35, 25, 18, 14, 12, 10, 6, 4];

/// The first day.
pub fn first_day() -> NaiveDate {
    date((2026, 1, 1))
}

/// The end of the year: what happens later is not told.
pub fn end() -> NaiveDateTime {
    date((2027, 1, 1)).and_hms_opt(0, 0, 0).expect("midnight")
}

/// Tells a year of so many mails from outside.
pub fn tell(seed: u64, mails: usize) -> Story {
    let mut teller = Teller { random: Random(seed), story: Story { asks: vec![], events: vec![], mails: 0 } };
    while teller.story.mails < mails {
        let habit = teller.mailbox();
        let at = teller.moment();
        if teller.random.one_in(8) {
            teller.happen(round(at), Event::Noise(habit, at));
            teller.story.mails += 1;
        } else {
            teller.ask(habit, at, None);
        }
    }
    let mut story = teller.story;
    story.events.push((super::naive::declared(), Event::Strike));
    // Of two things of one instant the question comes first, so that its fate finds it.
    story.events.sort_by_key(|(at, event)| (*at, matches!(event, Event::Settled(_))));
    story
}

struct Teller {
    random: Random,
    story: Story,
}

impl Teller {
    fn chance(&mut self, of_a_thousand: u32) -> bool {
        self.random.below(1_000) < i64::from(of_a_thousand)
    }

    fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut point = self.random.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            point -= i64::from(*weight);
            if point < 0 {
                return place;
            }
        }
        weights.len() - 1
    }

    fn mailbox(&mut self) -> usize {
        let shares: Vec<u32> = HABITS.iter().map(|habit| habit.share).collect();
        self.weighted(&shares)
    }

    /// When the public writes: by day more than by night, in the week more than at its end.
    fn moment(&mut self) -> NaiveDateTime {
        loop {
            let day = first_day() + TimeDelta::days(self.random.below(365));
            let weight =
                [100, 90, 85, 85, 75, 22, 18][usize::try_from(day.weekday().num_days_from_monday()).expect("a day")];
            if self.random.below(100) >= weight {
                continue;
            }
            let hour = u32::try_from(self.weighted(&BY_HOUR)).expect("an hour");
            let (minute, second) = (self.random.below(60), self.random.below(60));
            let time = day.and_hms_opt(hour, 0, 0).expect("a time");
            let at = time + TimeDelta::minutes(minute) + TimeDelta::seconds(second);
            // The hour that the clocks skip, and the one that comes twice, are other tests' matter.
            if hour != 2 && hour != 3 {
                return at;
            }
        }
    }

    fn happen(&mut self, at: NaiveDateTime, event: Event) {
        if at < end() {
            self.story.events.push((at, event));
        }
    }

    fn ask(&mut self, habit: usize, at: NaiveDateTime, earlier: Option<(String, String)>) {
        let number = self.story.asks.len();
        let elected = habit == 2;
        let complaint = self.chance(if habit == 5 { 400 } else { 2 });
        let fate = self.fate(habit, at);
        let (from, re) = match earlier {
            Some((from, re)) => (from, Some(re)),
            None if elected => (format!("mairie@commune{number}.example.org"), None),
            None => (format!("usager{number}@foyer{number}.example.org"), None),
        };
        let what = if complaint {
            "Réclamation"
        } else {
            ["Titre de séjour", "Carte grise", "Association", "Permis"][number % 4]
        };
        let ask = Ask {
            habit,
            id: format!("q{number}@foyer.example.org"),
            from,
            subject: format!("{what}, dossier {number}"),
            commitment: match (complaint, elected) {
                (true, _) => "mail.complaint",
                (false, true) => "mail.elected.advice",
                (false, false) => "mail.user.info",
            },
            at,
            re,
            fate,
        };
        self.happen(round(at), Event::Asked(number));
        self.story.mails += 1;
        if let Some(known) = fate.known() {
            self.happen(known, Event::Settled(number));
        }
        self.story.asks.push(ask);
        self.add(number);
        self.ask_again(number);
    }

    /// Some write once more before they are answered.
    fn add(&mut self, number: usize) {
        let (asked, fate) = (self.story.asks[number].at, self.story.asks[number].fate);
        let until = fate.known().unwrap_or(end()).min(asked + TimeDelta::days(4));
        let room = (until - asked).num_minutes() - 60;
        if room > 30 && self.chance(60) {
            let at = asked + TimeDelta::minutes(30 + self.random.below(u32::try_from(room - 30).expect("days")));
            self.happen(round(at), Event::Added(number, at));
            self.story.mails += 1;
        }
    }

    /// Some write again after the answer: another question, under the same thread.
    fn ask_again(&mut self, number: usize) {
        if !self.chance(30) {
            return;
        }
        let Some(known) = self.story.asks[number].fate.known() else { return };
        let at = known + TimeDelta::minutes(600 + self.random.below(8_000));
        if at + TimeDelta::days(1) < end() && !(2..=3).contains(&at.hour()) {
            let (habit, earlier) = (self.story.asks[number].habit, &self.story.asks[number]);
            let earlier = (earlier.from.clone(), earlier.id.clone());
            self.ask(habit, at, Some(earlier));
        }
    }

    fn fate(&mut self, habit: usize, asked: NaiveDateTime) -> Fate {
        let habit = &HABITS[habit];
        if self.chance(habit.never) {
            return Fate::Never;
        }
        let at = self.office_hour(habit, asked);
        if self.chance(25) {
            return Fate::Closed { at };
        }
        if self.chance(15) {
            return Fate::Transferred { at };
        }
        if self.random.below(100) < i64::from(habit.phone) {
            let later = if self.random.one_in(3) { 30 + self.random.below(1_600) } else { 2 };
            return Fate::Phoned { at, told: at + TimeDelta::minutes(later) };
        }
        let late = self.random.below(100) < i64::from(habit.late_copy);
        let later = if late { 60 + self.random.below(4_000) } else { 0 };
        Fate::Mailed { sent: at, copied: at + TimeDelta::minutes(later) }
    }

    /// When an agent comes to it: after the bureau's usual delay, longer while colleagues are on leave, never on a day on
    /// which nobody works.
    fn office_hour(&mut self, habit: &Habit, asked: NaiveDateTime) -> NaiveDateTime {
        let mut days = u32::try_from(self.weighted(habit.delays)).expect("a few days");
        let on_leave = (asked.month() == 8 || asked.month() == 12 && asked.day() > 18) && self.random.one_in(2);
        if on_leave {
            days += 1 + u32::try_from(self.random.below(4)).expect("a few days");
        }
        let in_the_morning = asked.hour() >= 8 && asked.hour() < 14 && agents_work(asked.date());
        let day =
            if days == 0 && in_the_morning { asked.date() } else { after(asked.date(), days.max(1), agents_work) };
        let minute = self.random.below(5 * 60 + 30);
        let from_nine = day.and_hms_opt(9, 0, 0).expect("a time") + TimeDelta::minutes(minute);
        let at = if minute >= 150 { from_nine + TimeDelta::minutes(150) } else { from_nine };
        // Never before the question was seen.
        at.max(round(asked) + TimeDelta::minutes(15 + self.random.below(20)))
    }
}
