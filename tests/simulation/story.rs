//! Day after day: what arrives, and what vigie must know of it; what the agents do is told by [`super::agents`].
//!
//! Start reading at [`tell`]. Truth is kept in two times: when a thing was so (`at`), and when vigie could see it
//! (`seen_at`): a copy of a reply that is saved two days later answers as of its own date, and silences alerts from the
//! day it is seen.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use vigie::domain::classify::FolderRole;

use super::agents::Gesture;
use super::civil::{Days, at_second, civil, date};
use super::dice::Dice;
use super::house::{BUREAUX, CLOSURES, MAILBOXES};
use super::letters::{self, Letter};
use super::people::{People, Person};
use super::truth::{Reckoned, Settled, Turn, reckon};

/// Vigie does not run from the first instant to the second.
pub const OUTAGE: (&str, &str) = ("2026-04-24T16:00:00Z", "2026-04-27T09:10:00Z");
/// How long an address that bounced gets no acknowledgement, as the shipped configuration says: then one is tried again.
const UNDELIVERABLE_FOR: TimeDelta = TimeDelta::days(1);
/// The day on which a form elsewhere breaks down, and everybody writes.
const BURST: (&str, usize, f64) = ("2026-06-16", 1, 500.0);
/// The limit of every commitment on mails, in working days.
const LIMIT: u16 = 5;
/// The limit for fixing an appointment that an élu asks for.
const FIXING: u16 = 4;
/// The mails of a whole year.
pub const YEAR: usize = 25_000;

/// How long, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Messages that arrive in the inboxes, about.
    pub mails: usize,
    pub from: &'static str,
    pub to: &'static str,
}

impl Plan {
    /// The year of the figures.
    pub fn year(seed: u64) -> Self {
        Self { seed, mails: YEAR, from: "2026-01-05", to: "2026-12-31" }
    }

    /// A part of it: strike, outage, late closure, burst.
    pub fn spring(seed: u64) -> Self {
        Self { seed, mails: 800, from: "2026-03-09", to: "2026-06-30" }
    }
}

/// A request of the story.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    /// The mailbox that received it.
    pub mailbox: usize,
    /// The mailbox that has it now.
    pub holder: usize,
    pub person: usize,
    pub subject: String,
    pub requester: &'static str,
    pub nature: &'static str,
    pub commitment: &'static str,
    /// Its limit, in working days.
    pub limit: u16,
    pub received_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub backlog: bool,
    pub settled: Option<Settled>,
    pub due: Vec<Reckoned>,
    /// What happened to its clock, in the order in which the story told it.
    pub turns: Vec<(DateTime<Utc>, Turn)>,
    /// By which gesture it was settled.
    pub gesture: Option<Gesture>,
    /// A holding reply was sent.
    pub held: bool,
    /// A client flagged it as answered.
    pub flagged: bool,
    /// It lies in the folder of what is incomplete.
    pub filed: bool,
    /// It was addressed to two mailboxes.
    pub twice: bool,
    /// From when on an agent may deal with it.
    pub free_at: DateTime<Utc>,
    pub acknowledgement: &'static str,
    /// Whether our acknowledgement came back: the relay took it, and it reached nobody.
    pub bounced: bool,
    pub temper: usize,
    /// What an agent would answer: the request's own Message-ID, or that of a later message.
    pub latest: String,
}

/// What a machine, or the requester, answers to our acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Absence,
    Bounce,
    FollowUp,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A message appears in a folder.
    Mail { mailbox: usize, role: FolderRole, internal_date: DateTime<Utc>, bytes: Vec<u8> },
    /// A message that names our acknowledgement of a case, whose Message-ID only vigie knows.
    Echo { case: usize, what: Echo, id: String },
    /// An agent declares an answer by telephone.
    Phone { case: usize, at: DateTime<Utc> },
    /// An agent closes a request without an answer.
    Close { case: usize },
    /// An agent hands it over.
    Transfer { case: usize },
    /// An agent finds pieces missing: the clock stands still.
    Pause { case: usize },
    /// The pieces came by another way: the clock goes on.
    Resume { case: usize },
    /// An agent denies what was declared.
    Reopen { case: usize },
    /// An agent hands it over to another watched mailbox.
    HandOver { case: usize, to: usize },
    /// An agent's mail client sets the flags and keywords of the message of a request: these, and no others.
    Mark { case: usize, marks: &'static [&'static str] },
    /// An agent moves the message to another folder of its mailbox; vigie sees it leave first, or appear first.
    File { case: usize, folder: &'static str, leaves_first: bool },
    /// An agent puts the message into the inbox of another mailbox.
    Copy { case: usize, to: usize },
    /// It is gone from where it lay first.
    Leave { case: usize },
    /// An agent deletes the message of a request.
    Delete { case: usize },
    /// The calendar gets one more closure.
    Closure,
    /// An ordinary moment of a working morning, at which a forecast is asked for.
    Morning,
}

/// When.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub what: Happening,
}

/// The whole of it.
pub struct Story {
    pub plan: Plan,
    pub people: Vec<Person>,
    pub cases: Vec<Case>,
    pub events: Vec<Event>,
    /// What each message is, by its Message-ID and mailbox.
    pub verdicts: HashMap<(String, usize), &'static str>,
    /// Messages that arrived in an inbox.
    pub received: usize,
    /// Requests that were answered where vigie cannot see it.
    pub invisible: usize,
    pub begins: DateTime<Utc>,
    pub ends: DateTime<Utc>,
}

/// Who tells it, and what was told so far.
pub struct Teller {
    plan: Plan,
    begins: DateTime<Utc>,
    /// The mails of an ordinary working day.
    pub daily: f64,
    pub dice: Dice,
    pub people: People,
    pub days: Days,
    pub cases: Vec<Case>,
    /// Those that the agents have not dealt with.
    pub open: Vec<usize>,
    pub events: Vec<Event>,
    pub verdicts: HashMap<(String, usize), &'static str>,
    bounced: HashMap<usize, DateTime<Utc>>,
    pub comebacks: BTreeMap<NaiveDate, Vec<usize>>,
    /// Requests whose pieces come on a day, each with the instant since which they are missing and whether a folder says so.
    pub pieces: BTreeMap<NaiveDate, Vec<(usize, DateTime<Utc>, bool)>>,
    /// Requests whose gesture is undone on a day.
    pub undone: BTreeMap<NaiveDate, Vec<usize>>,
    pub received: usize,
    pub invisible: usize,
    ids: usize,
}

/// When vigie sees what happens at an instant.
pub fn seen(at: DateTime<Utc>) -> DateTime<Utc> {
    let [from, until] = [OUTAGE.0, OUTAGE.1].map(|text| text.parse::<DateTime<Utc>>().unwrap());
    if (from..until).contains(&at) { until } else { at }
}

/// Tells the story of a plan; prints its seed, for the report of a failure.
pub fn tell(plan: Plan) -> Story {
    println!("the year of seed {}", plan.seed);
    let days = Days { closures: CLOSURES.iter().map(|(_, closed)| *closed).collect() };
    let (from, to) = (date(plan.from), date(plan.to));
    let weights: f64 = from.iter_days().take_while(|day| *day <= to).map(busyness).sum();
    let daily = plan.mails as f64 / weights;
    let begins = at_second(from, 7 * 3_600);
    let mut teller = Teller {
        plan,
        begins,
        daily,
        dice: Dice::new(plan.seed),
        people: People::default(),
        days,
        cases: Vec::new(),
        open: Vec::new(),
        events: Vec::new(),
        verdicts: HashMap::new(),
        bounced: HashMap::new(),
        comebacks: BTreeMap::new(),
        pieces: BTreeMap::new(),
        undone: BTreeMap::new(),
        received: 0,
        invisible: 0,
        ids: 0,
    };
    teller.backlog();
    for day in from.iter_days().take_while(|day| *day <= to) {
        teller.day(day, daily * busyness(day));
    }
    let decided = CLOSURES.iter().map(|(since, _)| since.parse().unwrap()).filter(|since| *since > begins);
    teller.events.extend(decided.map(|at| Event { at, what: Happening::Closure }));
    teller.finish()
}

/// How much is written on a day, an ordinary working day being 1.
fn busyness(day: NaiveDate) -> f64 {
    let of_week = match day.weekday() {
        Weekday::Mon => 1.3,
        Weekday::Tue => 1.1,
        Weekday::Wed => 0.9,
        Weekday::Thu => 1.0,
        Weekday::Fri => 0.8,
        Weekday::Sat => 0.25,
        Weekday::Sun => 0.2,
    };
    let of_month = [1.15, 1.0, 1.05, 1.0, 0.9, 1.05, 0.85, 0.65, 1.3, 1.1, 1.0, 0.85][day.month0() as usize];
    of_week * of_month
}

impl Teller {
    pub fn id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}{}@sim.example", self.ids)
    }

    /// A moment of a day, mostly while people are awake; now and then at the edge of the day.
    pub fn moment(&mut self, day: NaiveDate) -> DateTime<Utc> {
        let second = match self.dice.between(0, 199) {
            0 => 0,
            1 => 86_399,
            2..=9 => self.dice.between(1, 7 * 3_600),
            _ => self.dice.between(7 * 3_600, 22 * 3_600 - 1),
        };
        // On the first day nothing arrives before vigie runs: that is the backlog.
        at_second(day, second).max(self.begins)
    }

    pub fn mail(
        &mut self,
        mailbox: usize,
        role: FolderRole,
        internal: DateTime<Utc>,
        at: DateTime<Utc>,
        bytes: Vec<u8>,
    ) {
        self.received += usize::from(role == FolderRole::Inbox);
        let what = Happening::Mail { mailbox, role, internal_date: internal, bytes };
        self.events.push(Event { at: seen(at), what });
    }

    /// Messages that lay in the inboxes before vigie came.
    fn backlog(&mut self) {
        let begins = self.begins;
        for _ in 0..(self.plan.mails / 100).max(10) {
            let back = TimeDelta::minutes(self.dice.between(10, 60_000));
            let mailbox = self.mailbox();
            let person = self.people.citizen(&mut self.dice);
            self.ask(mailbox, person, (begins - back, begins), ("request", None));
        }
    }

    fn mailbox(&mut self) -> usize {
        let mut left = self.dice.share();
        MAILBOXES
            .iter()
            .position(|mailbox| {
                left -= mailbox.share;
                left < 0.0
            })
            .unwrap_or(0)
    }

    fn day(&mut self, day: NaiveDate, mails: f64) {
        for _ in 0..self.dice.times(mails * 0.62) {
            let (mailbox, at) = (self.mailbox(), self.moment(day));
            let person = self.writer(mailbox);
            self.ask(mailbox, person, (at, at), ("request", None));
        }
        if day == date(BURST.0) {
            self.burst(day);
        }
        for _ in 0..self.dice.times(mails * 0.25) {
            self.noise(day);
        }
        self.comebacks(day);
        self.pieces(day);
        if self.days.staffed(day) {
            self.undo(day);
        }
        if self.days.staffed(day) {
            self.work(day);
            self.events.push(Event { at: seen(at_second(day, 36_000)), what: Happening::Morning });
        }
        self.reminders(day);
    }

    fn writer(&mut self, mailbox: usize) -> usize {
        if self.dice.chance(MAILBOXES[mailbox].elected) {
            return self.people.elected(&mut self.dice);
        }
        let known = self.people.all.len();
        if known > 50 && self.dice.chance(0.15) {
            let person = self.dice.between(0, known as i64 - 1) as usize;
            if !self.people.all[person].elected {
                return person;
            }
        }
        self.people.citizen(&mut self.dice)
    }

    fn burst(&mut self, day: NaiveDate) {
        let count = (BURST.2 * self.plan.mails as f64 / YEAR as f64).max(60.0) as usize;
        for _ in 0..count {
            let at = at_second(day, self.dice.between(36_000, 37_200));
            let person = self.people.citizen(&mut self.dice);
            self.ask(BURST.1, person, (at, at), ("request", None));
        }
    }

    /// Somebody asks; `times` are INTERNALDATE and the moment at which the message appears.
    fn ask(
        &mut self,
        mailbox: usize,
        person: usize,
        times: (DateTime<Utc>, DateTime<Utc>),
        (verdict, answers): (&'static str, Option<&str>),
    ) -> usize {
        let (received_at, at) = times;
        let id = self.id("q");
        let complaint = self.dice.chance(0.004);
        let writer = self.people.all[person].clone();
        let meeting = !complaint && self.dice.chance(if writer.elected { 0.1 } else { 0.01 });
        let topic = letters::subject(&mut self.dice);
        let subject = match (complaint, meeting) {
            (true, _) => format!("Réclamation, {topic}"),
            (false, true) => format!("Demande de rendez-vous ({})", self.dice.between(1, 99_999)),
            (false, false) => topic,
        };
        let name = MAILBOXES[mailbox].name;
        let letter = Letter { from: &writer, to: name, subject: &subject, id: &id, answers, at: received_at };
        let bytes = letters::plain(&letter);
        let twice = self.dice.chance(0.01);
        if twice {
            // To two mailboxes, of which the second takes it in a moment later.
            let (other, moment) = ((mailbox + 1) % MAILBOXES.len(), TimeDelta::seconds(90));
            let [first, second] = letters::to_both(&bytes, name, MAILBOXES[other].name);
            self.mail(mailbox, FolderRole::Inbox, received_at, at, first);
            self.mail(other, FolderRole::Inbox, received_at + moment, at + moment, second);
            self.verdicts.insert((id.clone(), other), "duplicate");
        } else {
            self.mail(mailbox, FolderRole::Inbox, received_at, at, bytes);
        }
        self.verdicts.insert((id.clone(), mailbox), verdict);
        let nature = match (complaint, writer.elected) {
            (true, _) => "complaint",
            // Only those to whom appointments are promised ask for one by a word.
            (false, true) if meeting => "appointment",
            (false, true) => "advice",
            (false, false) => MAILBOXES[mailbox].nature,
        };
        let (commitment, limit) = match (nature, writer.elected) {
            ("complaint", _) => ("mail.complaint", LIMIT),
            ("appointment", _) => ("appointment.proposal", FIXING),
            (_, true) => ("mail.elected.advice", LIMIT),
            (_, false) => ("mail.user.info", LIMIT),
        };
        let mix = &BUREAUX[MAILBOXES[mailbox].bureau].mix;
        let lot = self.dice.share();
        let temper = (0..3).find(|kind| lot < mix[..=*kind].iter().sum()).unwrap_or(3);
        self.cases.push(Case {
            latest: id.clone(),
            id,
            mailbox,
            holder: mailbox,
            person,
            subject,
            requester: if writer.elected { "local_authority" } else { "public" },
            nature,
            commitment,
            limit,
            received_at,
            seen_at: seen(at),
            backlog: received_at < at,
            settled: None,
            due: Vec::new(),
            turns: Vec::new(),
            gesture: None,
            held: false,
            flagged: false,
            filed: false,
            twice,
            free_at: received_at,
            acknowledgement: "sent",
            bounced: false,
            temper,
        });
        self.open.push(self.cases.len() - 1);
        self.cases.len() - 1
    }

    /// Machines, lists, spam, colleagues.
    fn noise(&mut self, day: NaiveDate) {
        let (mailbox, at) = (self.mailbox(), self.moment(day));
        let id = self.id("n");
        let subject = letters::subject(&mut self.dice);
        let person = |address: String| Person { address, name: "Robot".into(), elected: false, refused: false };
        let (from, fields, verdict) = match self.dice.between(0, 9) {
            0..=2 => ("lettre@lettres.example", "List-Id: <lettre.lettres.example>\r\nPrecedence: list\r\n", "bulk"),
            3..=6 => ("offre@promo.example", "X-Spam-Flag: YES\r\n", "spam"),
            7 => ("application@notif.example", "Auto-Submitted: auto-generated\r\n", "automated"),
            _ => ("collegue@prefecture.example.org", "", "internal"),
        };
        let from = person(from.to_owned());
        let name = MAILBOXES[mailbox].name;
        let letter = Letter { from: &from, to: name, subject: &subject, id: &id, answers: None, at };
        let bytes = letters::marked(&letter, fields);
        self.mail(mailbox, FolderRole::Inbox, at, at, bytes);
        self.verdicts.insert((id, mailbox), verdict);
    }

    /// The requester's responder answers our reply.
    pub fn absence(&mut self, case: &Case, writer: &Person, reply: &str, at: DateTime<Utc>) {
        let id = self.id("o");
        let subject = format!("Absence : {}", case.subject);
        let name = MAILBOXES[case.holder].name;
        let letter = Letter { from: writer, to: name, subject: &subject, id: &id, answers: Some(reply), at };
        let bytes = letters::marked(&letter, "Auto-Submitted: auto-replied\r\n");
        self.mail(case.holder, FolderRole::Inbox, at, at, bytes);
        self.verdicts.insert((id, case.holder), "automated");
    }

    /// Requesters who write again after an answer: a request of its own where vigie knows of the answer by then.
    fn comebacks(&mut self, day: NaiveDate) {
        for number in self.comebacks.remove(&day).unwrap_or_default() {
            let at = self.moment(day);
            let case = self.cases[number].clone();
            if at <= case.received_at {
                continue;
            }
            if case.settled.is_some_and(|settled| settled.seen_at <= seen(at)) {
                self.ask(case.holder, case.person, (at, at), ("request_again", Some(&case.latest)));
            } else {
                self.add(number, at);
            }
        }
    }

    /// Requesters who wait, and what answers our acknowledgement by itself.
    fn reminders(&mut self, day: NaiveDate) {
        for number in self.open.clone() {
            let came = self.cases[number].received_at;
            let age = self.days.between(civil(came).date(), day);
            let first = civil(came).date() == day && !self.cases[number].backlog;
            let free_at = self.cases[number].free_at;
            let at = self.moment(day);
            if first && self.dice.chance(0.04) {
                self.echo(number);
            } else if age >= 2 && at > free_at && self.dice.chance(if age > 5 { 0.08 } else { 0.03 }) {
                self.add(number, at);
            }
        }
    }

    pub fn add(&mut self, number: usize, at: DateTime<Utc>) {
        let case = self.cases[number].clone();
        let id = self.id("f");
        let writer = self.people.all[case.person].clone();
        let name = MAILBOXES[case.mailbox].name;
        let subject = format!("Re: {}", case.subject);
        let letter = Letter { from: &writer, to: name, subject: &subject, id: &id, answers: Some(&case.latest), at };
        let bytes = letters::plain(&letter);
        self.mail(case.mailbox, FolderRole::Inbox, at, at, bytes);
        self.verdicts.insert((id.clone(), case.mailbox), "follow_up");
        self.cases[number].latest = id;
    }

    /// What our acknowledgement brings back, a minute after it.
    fn echo(&mut self, number: usize) {
        let case = &self.cases[number];
        let at = case.seen_at + TimeDelta::seconds(70);
        let refused = self.people.all[case.person].refused || self.bounced.contains_key(&case.person);
        let what = *self.dice.pick(&[Echo::Absence, Echo::Absence, Echo::Bounce, Echo::FollowUp]);
        if refused || (what == Echo::Bounce && self.people.all[case.person].elected) {
            return;
        }
        let (person, mailbox) = (case.person, case.mailbox);
        let id = self.id("e");
        let verdict = match what {
            Echo::Absence => "automated",
            Echo::Bounce => "bounce",
            Echo::FollowUp => "follow_up",
        };
        if what == Echo::Bounce {
            self.bounced.insert(person, seen(at));
            self.cases[number].bounced = true;
        }
        self.received += 1;
        self.verdicts.insert((id.clone(), mailbox), verdict);
        self.events.push(Event { at: seen(at), what: Happening::Echo { case: number, what, id } });
    }

    fn finish(mut self) -> Story {
        let decisions: Vec<DateTime<Utc>> = CLOSURES.iter().map(|(since, _)| since.parse().unwrap()).collect();
        let ends = at_second(date(self.plan.to), 86_399);
        for case in &mut self.cases {
            case.turns.retain(|(at, _)| *at <= ends);
            case.due = reckon(case, &decisions);
            let lost = |at: &DateTime<Utc>| *at < case.seen_at && case.received_at < *at + UNDELIVERABLE_FOR;
            let bounced = self.bounced.get(&case.person).is_some_and(lost);
            let refused = self.people.all[case.person].refused || case.bounced;
            case.acknowledgement = match (case.backlog || bounced, refused) {
                (true, _) => "withheld",
                (false, true) => "refused",
                (false, false) => "sent",
            };
        }
        self.events.sort_by_key(|event| event.at);
        self.events.retain(|event| event.at <= ends);
        for case in &mut self.cases {
            case.settled = case.settled.filter(|settled| settled.seen_at <= ends);
        }
        Story {
            plan: self.plan,
            people: self.people.all,
            cases: self.cases,
            events: self.events,
            verdicts: self.verdicts,
            received: self.received,
            invisible: self.invisible,
            begins: self.begins,
            ends,
        }
    }
}
