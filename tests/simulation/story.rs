//! Day after day: what arrives, what the agents do, and what vigie must know of it.
//!
//! Start reading at [`tell`]. Truth is kept in two times: when a thing was so (`at`), and when vigie could see it
//! (`seen_at`): a copy of a reply that is saved two days later answers as of its own date, and silences alerts from the
//! day it is seen.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use vigie::domain::classify::FolderRole;

use super::civil::{Days, at_second, civil, date};
use super::dice::Dice;
use super::house::{BUREAUX, CLOSURES, MAILBOXES, known};
use super::letters::{self, Letter};
use super::people::{People, Person};

/// Days on which nobody works although the calendar says so; the first three are written down afterwards.
const STRIKES: &[&str] = &["2026-03-17", "2026-03-18", "2026-03-19", "2026-10-06"];
/// Vigie does not run from the first instant to the second.
pub const OUTAGE: (&str, &str) = ("2026-04-24T16:00:00Z", "2026-04-27T09:10:00Z");
/// The day on which a form elsewhere breaks down, and everybody writes.
const BURST: (&str, usize, f64) = ("2026-06-16", 1, 500.0);
/// The limit of every commitment on mails, in working days.
const LIMIT: u16 = 5;
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

/// How a request ended, as far as vigie can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub status: &'static str,
    pub evidence: Option<&'static str>,
    pub at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

/// The last day of a limit, as it is reckoned from an instant on.
#[derive(Debug, Clone, Copy)]
pub struct Reckoned {
    pub since: DateTime<Utc>,
    pub due: NaiveDate,
    /// Pieces are missing: the clock stands still, and nothing is said.
    pub standing: bool,
    /// The clock goes on: what was said before the halt is said anew.
    pub anew: bool,
}

/// A request of the story.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub mailbox: usize,
    pub person: usize,
    pub subject: String,
    pub requester: &'static str,
    pub nature: &'static str,
    pub commitment: &'static str,
    pub received_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub backlog: bool,
    pub settled: Option<Settled>,
    pub due: Vec<Reckoned>,
    /// When its pieces were missing; the second instant is when the clock went on.
    pauses: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    /// From when on an agent may deal with it.
    free_at: DateTime<Utc>,
    pub acknowledgement: &'static str,
    /// Whether our acknowledgement came back: the relay took it, and it reached nobody.
    pub bounced: bool,
    temper: usize,
    /// What an agent would answer: the request's own Message-ID, or that of a later message.
    latest: String,
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
    /// An agent's mail client puts a flag or a keyword on the message of a request.
    Mark { case: usize, mark: &'static str },
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

struct Teller {
    plan: Plan,
    /// The mails of an ordinary working day.
    daily: f64,
    dice: Dice,
    people: People,
    days: Days,
    cases: Vec<Case>,
    /// Those that the agents have not dealt with.
    open: Vec<usize>,
    events: Vec<Event>,
    verdicts: HashMap<(String, usize), &'static str>,
    bounced: HashMap<usize, DateTime<Utc>>,
    comebacks: BTreeMap<NaiveDate, Vec<usize>>,
    /// Requests whose pieces come on a day.
    pieces: BTreeMap<NaiveDate, Vec<usize>>,
    received: usize,
    invisible: usize,
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
    let mut teller = Teller {
        plan,
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
        received: 0,
        invisible: 0,
        ids: 0,
    };
    let begins = at_second(from, 7 * 3_600);
    teller.backlog(begins);
    for day in from.iter_days().take_while(|day| *day <= to) {
        teller.day(day, daily * busyness(day));
    }
    let decided = CLOSURES.iter().map(|(since, _)| since.parse().unwrap()).filter(|since| *since > begins);
    teller.events.extend(decided.map(|at| Event { at, what: Happening::Closure }));
    teller.finish(begins)
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

/// How many of a bureau's agents are there.
fn presence(day: NaiveDate) -> f64 {
    let between = |from: &str, to: &str| date(from) <= day && day <= date(to);
    match () {
        () if STRIKES.contains(&day.to_string().as_str()) => 0.0,
        () if between("2026-08-03", "2026-08-21") || between("2026-12-24", "2026-12-31") => 0.5,
        () if between("2026-02-16", "2026-02-20") => 0.7,
        () => 1.0,
    }
}

/// The chance that a request is dealt with on a day, by its temper and its age in working days.
fn readiness(temper: usize, age: i64, by_phone: bool) -> f64 {
    let pressed = age >= 4;
    match temper {
        0 if age == 0 => {
            if by_phone {
                0.05
            } else {
                0.35
            }
        }
        0 => {
            if by_phone {
                0.85
            } else {
                0.7
            }
        }
        1 if age == 0 => 0.1,
        1 => {
            if pressed {
                0.7
            } else {
                0.45
            }
        }
        2 if age == 0 => 0.0,
        2 => {
            if pressed {
                0.45
            } else {
                0.15
            }
        }
        _ => {
            if age > 5 {
                0.12
            } else {
                0.02
            }
        }
    }
}

impl Teller {
    fn id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}{}@sim.example", self.ids)
    }

    /// A moment of a day, mostly while people are awake; now and then at the edge of the day.
    fn moment(&mut self, day: NaiveDate) -> DateTime<Utc> {
        let second = match self.dice.between(0, 199) {
            0 => 0,
            1 => 86_399,
            2..=9 => self.dice.between(1, 7 * 3_600),
            _ => self.dice.between(7 * 3_600, 22 * 3_600 - 1),
        };
        at_second(day, second)
    }

    fn mail(&mut self, mailbox: usize, role: FolderRole, internal: DateTime<Utc>, at: DateTime<Utc>, bytes: Vec<u8>) {
        self.received += usize::from(role == FolderRole::Inbox);
        let what = Happening::Mail { mailbox, role, internal_date: internal, bytes };
        self.events.push(Event { at: seen(at), what });
    }

    /// Messages that lay in the inboxes before vigie came.
    fn backlog(&mut self, begins: DateTime<Utc>) {
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
        let topic = letters::subject(&mut self.dice);
        let subject = if complaint { format!("Réclamation, {topic}") } else { topic };
        let writer = self.people.all[person].clone();
        let name = MAILBOXES[mailbox].name;
        let letter = Letter { from: &writer, to: name, subject: &subject, id: &id, answers, at: received_at };
        let bytes = letters::plain(&letter);
        if self.dice.chance(0.01) {
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
            (false, true) => "advice",
            (false, false) => MAILBOXES[mailbox].nature,
        };
        let commitment = match (nature, writer.elected) {
            ("complaint", _) => "mail.complaint",
            (_, true) => "mail.elected.advice",
            (_, false) => "mail.user.info",
        };
        let mix = &BUREAUX[MAILBOXES[mailbox].bureau].mix;
        let lot = self.dice.share();
        let temper = (0..3).find(|kind| lot < mix[..=*kind].iter().sum()).unwrap_or(3);
        self.cases.push(Case {
            latest: id.clone(),
            id,
            mailbox,
            person,
            subject,
            requester: if writer.elected { "local_authority" } else { "public" },
            nature,
            commitment,
            received_at,
            seen_at: seen(at),
            backlog: received_at < at,
            settled: None,
            due: Vec::new(),
            pauses: Vec::new(),
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

    /// The agents' day: the oldest first, as far as hands reach.
    fn work(&mut self, day: NaiveDate) {
        let mut hands: Vec<f64> = BUREAUX
            .iter()
            .map(|bureau| {
                (bureau.capacity * self.daily * presence(day)).max(if presence(day) > 0.0 { 3.0 } else { 0.0 })
            })
            .collect();
        let open = std::mem::take(&mut self.open);
        for number in open {
            let case = &self.cases[number];
            let (mailbox, bureau) = (&MAILBOXES[case.mailbox], MAILBOXES[case.mailbox].bureau);
            let came = civil(case.received_at);
            let minutes = (civil(case.free_at) - day.and_hms_opt(0, 0, 0).unwrap()).num_minutes();
            let earliest = (minutes + 10).max(BUREAUX[bureau].opens);
            let age = self.days.between(came.date(), day);
            let chance = readiness(case.temper, age, mailbox.by_phone > 0.5) * presence(day);
            let latest = BUREAUX[bureau].closes - 10;
            if hands[bureau] < 1.0 || earliest >= latest || !self.dice.chance(chance) {
                self.open.push(number);
                continue;
            }
            hands[bureau] -= 1.0;
            let at = at_second(day, self.dice.between(earliest, latest) * 60 + self.dice.between(1, 59));
            self.deal(number, at);
        }
    }

    /// An agent deals with a request, in one of the ways agents have.
    fn deal(&mut self, number: usize, at: DateTime<Utc>) {
        let by_phone = MAILBOXES[self.cases[number].mailbox].by_phone;
        let lot = self.dice.share();
        match lot {
            _ if lot < 0.01 => self.gesture(number, at, "transferred", Happening::Transfer { case: number }),
            _ if lot < 0.025 => self.gesture(number, at, "closed", Happening::Close { case: number }),
            // Answered from a private telephone, or by a mail that is saved nowhere.
            _ if lot < 0.035 => self.invisible += 1,
            _ if lot < 0.05 => self.flag(number, at),
            _ if lot < 0.08 && seen(at) == at => return self.pause(number, at),
            _ if self.dice.chance(by_phone) => self.phone(number, at),
            _ => self.reply(number, at),
        }
        if self.dice.chance(0.05) {
            let later = at + TimeDelta::minutes(self.dice.between(5, 20_000));
            self.events.push(Event { at: seen(later), what: Happening::Delete { case: number } });
        }
        if self.dice.chance(0.07) {
            let day = civil(at).date() + TimeDelta::days(self.dice.between(1, 6));
            self.comebacks.entry(day).or_default().push(number);
        }
    }

    fn settle(&mut self, number: usize, settled: Settled) {
        self.cases[number].settled = Some(settled);
    }

    fn gesture(&mut self, number: usize, at: DateTime<Utc>, status: &'static str, what: Happening) {
        self.settle(number, Settled { status, evidence: None, at: seen(at), seen_at: seen(at) });
        self.events.push(Event { at: seen(at), what });
    }

    /// By telephone, declared at once or when the agent thinks of it.
    fn phone(&mut self, number: usize, at: DateTime<Utc>) {
        if self.dice.chance(0.3) {
            // By a keyword in the mail client: the agent is seen to say so now.
            let at = seen(at);
            self.settle(number, Settled { status: "answered", evidence: Some("gesture"), at, seen_at: at });
            let what = Happening::Mark { case: number, mark: "$VigieTelephone" };
            self.events.push(Event { at, what });
            return;
        }
        let late = if self.dice.chance(0.25) { self.dice.between(30, 2_500) } else { 1 };
        let seen_at = seen(at + TimeDelta::minutes(late));
        self.settle(number, Settled { status: "answered", evidence: Some("declaration"), at, seen_at });
        self.events.push(Event { at: seen_at, what: Happening::Phone { case: number, at } });
    }

    /// By a mail that is saved nowhere, from a client that flags the message: believed once no better proof has come.
    fn flag(&mut self, number: usize, at: DateTime<Utc>) {
        let at = seen(at);
        let seen_at = seen(at + TimeDelta::minutes(15));
        self.settle(number, Settled { status: "answered", evidence: Some("flag"), at, seen_at });
        self.events.push(Event { at, what: Happening::Mark { case: number, mark: "\\Answered" } });
    }

    /// Pieces are missing; they come some days later, by mail or by another way.
    fn pause(&mut self, number: usize, at: DateTime<Utc>) {
        self.cases[number].pauses.push((at, None));
        self.events.push(Event { at, what: Happening::Pause { case: number } });
        let day = civil(at).date() + TimeDelta::days(self.dice.between(1, 9));
        self.pieces.entry(day).or_default().push(number);
    }

    fn pieces(&mut self, day: NaiveDate) {
        for number in self.pieces.remove(&day).unwrap_or_default() {
            let at = self.moment(day);
            if seen(at) != at {
                self.pieces.entry(day + TimeDelta::days(1)).or_default().push(number);
                continue;
            }
            if self.dice.chance(0.7) {
                self.add(number, at);
            } else {
                self.events.push(Event { at, what: Happening::Resume { case: number } });
            }
            let case = &mut self.cases[number];
            case.free_at = at;
            case.pauses.last_mut().unwrap().1 = Some(at);
            self.open.push(number);
        }
    }

    /// By mail: the copy lies in the Sent folder at once, days later, or reaches the mailbox as a copy.
    fn reply(&mut self, number: usize, at: DateTime<Utc>) {
        let case = self.cases[number].clone();
        let id = self.id("r");
        let by_agent = self.dice.chance(0.08);
        let late = if !by_agent && self.dice.chance(0.08) { self.dice.between(600, 5_000) } else { 0 };
        let appears = at + TimeDelta::minutes(late);
        // A mail client that is offline saves the copy with the date of the mail, or with that of the saving.
        let internal = if self.dice.chance(0.5) { at } else { appears };
        let writer = self.people.all[case.person].clone();
        let name = MAILBOXES[case.mailbox].name;
        let letter =
            Letter { from: &writer, to: name, subject: &case.subject, id: &id, answers: Some(&case.latest), at };
        let bytes = letters::reply(&letter, &writer, by_agent);
        let role = if by_agent { FolderRole::Inbox } else { FolderRole::Sent };
        self.mail(case.mailbox, role, internal, appears, bytes);
        if late == 0 && seen(at) == at && self.dice.chance(0.5) {
            // The client flags the message too, a moment after the copy: nothing is added to the better proof.
            let flagged = at + TimeDelta::seconds(1);
            self.events.push(Event { at: flagged, what: Happening::Mark { case: number, mark: "\\Answered" } });
        }
        let evidence = Some(if by_agent { "seen_reply" } else { "sent_reply" });
        self.settle(number, Settled { status: "answered", evidence, at: internal, seen_at: seen(appears) });
        self.verdicts.insert((id.clone(), case.mailbox), "reply");
        if self.dice.chance(0.03) {
            self.absence(&case, &writer, &id, appears + TimeDelta::minutes(2));
        }
    }

    /// The requester's responder answers our reply.
    fn absence(&mut self, case: &Case, writer: &Person, reply: &str, at: DateTime<Utc>) {
        let id = self.id("o");
        let subject = format!("Absence : {}", case.subject);
        let name = MAILBOXES[case.mailbox].name;
        let letter = Letter { from: writer, to: name, subject: &subject, id: &id, answers: Some(reply), at };
        let bytes = letters::marked(&letter, "Auto-Submitted: auto-replied\r\n");
        self.mail(case.mailbox, FolderRole::Inbox, at, at, bytes);
        self.verdicts.insert((id, case.mailbox), "automated");
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
                let mailbox = case.mailbox;
                self.ask(mailbox, case.person, (at, at), ("request_again", Some(&case.latest)));
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
            let at = self.moment(day);
            if first && self.dice.chance(0.04) {
                self.echo(number);
            } else if age >= 2 && at > came && self.dice.chance(if age > 5 { 0.08 } else { 0.03 }) {
                self.add(number, at);
            }
        }
    }

    fn add(&mut self, number: usize, at: DateTime<Utc>) {
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

    fn finish(mut self, begins: DateTime<Utc>) -> Story {
        let decisions: Vec<DateTime<Utc>> = CLOSURES.iter().map(|(since, _)| since.parse().unwrap()).collect();
        for case in &mut self.cases {
            case.due = reckon(case, &decisions);
            let bounced = self.bounced.get(&case.person).is_some_and(|at| *at < case.seen_at);
            let refused = self.people.all[case.person].refused || case.bounced;
            case.acknowledgement = match (case.backlog || bounced, refused) {
                (true, _) => "withheld",
                (false, true) => "refused",
                (false, false) => "sent",
            };
        }
        self.events.sort_by_key(|event| event.at);
        let ends = at_second(date(self.plan.to), 86_000);
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
            begins,
            ends,
        }
    }
}

/// What moves a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A closure is decided.
    Decided,
    /// Pieces are missing.
    Halts,
    /// They came; they had been missing since an instant.
    GoesOn(DateTime<Utc>),
}

/// The last day of a request's limit, and how it moved while the request was open.
fn reckon(case: &Case, decisions: &[DateTime<Utc>]) -> Vec<Reckoned> {
    let day = civil(case.received_at).date();
    let mut turns: Vec<(DateTime<Utc>, Turn)> =
        decisions.iter().filter(|at| case.seen_at < **at).map(|at| (*at, Turn::Decided)).collect();
    for (from, to) in &case.pauses {
        turns.push((*from, Turn::Halts));
        turns.extend(to.map(|to| (to, Turn::GoesOn(*from))));
    }
    turns.sort();
    let (mut halted, mut standing) = (0, false);
    let first = known(case.seen_at).after(day, LIMIT);
    let mut reckoned = vec![Reckoned { since: case.seen_at, due: first, standing, anew: false }];
    for (at, turn) in turns {
        if case.settled.is_some_and(|settled| settled.seen_at <= at) {
            break;
        }
        let days = known(at);
        match turn {
            Turn::Decided => {}
            Turn::Halts => standing = true,
            Turn::GoesOn(since) => {
                standing = false;
                halted += u16::try_from(days.between(civil(since).date(), civil(at).date())).unwrap();
            }
        }
        let anew = matches!(turn, Turn::GoesOn(_));
        reckoned.push(Reckoned { since: at, due: days.after(day, LIMIT + halted), standing, anew });
    }
    reckoned
}
