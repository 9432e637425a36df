//! What the agents do with the requests, in the ways agents have: how much on a day, and by which gesture, mail or call.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use vigie::domain::classify::FolderRole;

use super::civil::{at_second, civil, date};
use super::house::{ATTENTE, BUREAUX, INBOX, INCOMPLETE, KEYWORD, MAILBOXES, NO_REPLY, PHONE};
use super::letters::{self, Letter};
use super::story::{Event, Happening, Teller, seen};
use super::truth::{Settled, Turn};

/// Days on which nobody works although the calendar says so; the first three are written down afterwards.
const STRIKES: &[&str] = &["2026-03-17", "2026-03-18", "2026-03-19", "2026-10-06"];

/// By which gesture a request was settled: what undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gesture {
    /// A command.
    Declared,
    /// A keyword on its message.
    Keyword,
    /// A folder into which its message was moved.
    Folder,
}

impl Teller {
    /// The agents' day: the oldest first, as far as hands reach.
    pub fn work(&mut self, day: NaiveDate) {
        let least = if presence(day) > 0.0 { 3.0 } else { 0.0 };
        let hands = BUREAUX.iter().map(|bureau| (bureau.capacity * self.daily * presence(day)).max(least));
        let mut hands: Vec<f64> = hands.collect();
        let open = std::mem::take(&mut self.open);
        for number in open {
            let case = &self.cases[number];
            let (mailbox, bureau) = (&MAILBOXES[case.holder], MAILBOXES[case.holder].bureau);
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
        let case = &self.cases[number];
        let by_phone = MAILBOXES[case.holder].by_phone;
        // What happens while vigie does not run is kept simple.
        let (on_time, moved) = (seen(at) == at, case.holder != case.mailbox);
        let (held, flagged) = (case.held, case.flagged);
        let lot = self.dice.share();
        match lot {
            _ if lot < 0.01 => self.transfer(number, at),
            _ if lot < 0.025 => self.close(number, at),
            // Answered from a private telephone, or by a mail that is saved nowhere.
            _ if lot < 0.035 => self.invisible += 1,
            _ if lot < 0.05 && !flagged => self.flag(number, at),
            _ if lot < 0.08 && on_time => return self.pause(number, at),
            _ if lot < 0.10 && on_time && !moved => return self.hand_over(number, at),
            _ if lot < 0.14 && on_time && !held => return self.hold(number, at),
            _ if self.dice.chance(by_phone) => self.phone(number, at),
            _ => self.reply(number, at),
        }
        if self.cases[number].gesture.is_some() && self.dice.chance(0.12) {
            let day = civil(at).date() + TimeDelta::days(self.dice.between(1, 5));
            return self.undone.entry(day).or_default().push(number);
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

    fn settle(&mut self, number: usize, settled: Settled, gesture: Option<Gesture>) {
        let case = &mut self.cases[number];
        case.turns.push((settled.seen_at, Turn::Settled));
        (case.settled, case.gesture) = (Some(settled), gesture);
    }

    /// To another administration.
    fn transfer(&mut self, number: usize, at: DateTime<Utc>) {
        let at = seen(at);
        self.settle(number, Settled { status: "transferred", evidence: None, at, seen_at: at }, None);
        self.events.push(Event { at, what: Happening::Transfer { case: number } });
    }

    /// Nothing to answer: by a command, or by moving the message into the folder that says so.
    fn close(&mut self, number: usize, at: DateTime<Utc>) {
        let at = seen(at);
        let by_folder = self.dice.chance(0.5);
        let (gesture, what) = if by_folder {
            (Gesture::Folder, Happening::File { case: number, folder: NO_REPLY, leaves_first: self.dice.chance(0.5) })
        } else {
            (Gesture::Declared, Happening::Close { case: number })
        };
        self.settle(number, Settled { status: "closed", evidence: None, at, seen_at: at }, Some(gesture));
        self.events.push(Event { at, what });
    }

    /// By telephone: said in the mail client now, by a keyword or a folder, or declared when the agent thinks of it.
    fn phone(&mut self, number: usize, at: DateTime<Utc>) {
        let way = self.dice.share();
        if way < 0.5 {
            let at = seen(at);
            let (gesture, what) = if way < 0.25 {
                (Gesture::Keyword, Happening::Mark { case: number, marks: &[KEYWORD] })
            } else {
                let leaves_first = self.dice.chance(0.5);
                (Gesture::Folder, Happening::File { case: number, folder: PHONE, leaves_first })
            };
            let settled = Settled { status: "answered", evidence: Some("gesture"), at, seen_at: at };
            self.settle(number, settled, Some(gesture));
            self.events.push(Event { at, what });
            return;
        }
        let late = if self.dice.chance(0.25) { self.dice.between(30, 2_500) } else { 1 };
        let seen_at = seen(at + TimeDelta::minutes(late));
        let settled = Settled { status: "answered", evidence: Some("declaration"), at, seen_at };
        self.settle(number, settled, Some(Gesture::Declared));
        self.events.push(Event { at: seen_at, what: Happening::Phone { case: number, at } });
    }

    /// What was said by a gesture was a mistake, and is taken back by its like some days later: the first clock runs on.
    pub fn undo(&mut self, day: NaiveDate) {
        for number in self.undone.remove(&day).unwrap_or_default() {
            let bureau = &BUREAUX[MAILBOXES[self.cases[number].holder].bureau];
            let at = at_second(day, self.dice.between(bureau.opens, bureau.closes) * 60);
            let settled = self.cases[number].settled.unwrap();
            if seen(at) != at || settled.seen_at >= at {
                self.undone.entry(day + TimeDelta::days(1)).or_default().push(number);
                continue;
            }
            let leaves_first = self.dice.chance(0.5);
            let case = &mut self.cases[number];
            let what = match case.gesture.take().unwrap() {
                Gesture::Declared => Happening::Reopen { case: number },
                Gesture::Keyword => Happening::Mark { case: number, marks: &[] },
                Gesture::Folder => Happening::File { case: number, folder: INBOX, leaves_first },
            };
            case.turns.push((at, Turn::Reopened));
            (case.settled, case.free_at, case.flagged) = (None, at, false);
            self.open.push(number);
            self.events.push(Event { at, what });
        }
    }

    /// By a mail that is saved nowhere, from a client that flags the message: believed once no better proof has come.
    fn flag(&mut self, number: usize, at: DateTime<Utc>) {
        let at = seen(at);
        let seen_at = seen(at + TimeDelta::minutes(15));
        self.settle(number, Settled { status: "answered", evidence: Some("flag"), at, seen_at }, None);
        self.mark_answered(number, at);
    }

    fn mark_answered(&mut self, number: usize, at: DateTime<Utc>) {
        self.cases[number].flagged = true;
        self.events.push(Event { at, what: Happening::Mark { case: number, marks: &["\\Answered"] } });
    }

    /// Pieces are missing; they come some days later, by mail or by another way.
    fn pause(&mut self, number: usize, at: DateTime<Utc>) {
        // What lies in the folder already is not moved there once more.
        let by_folder = self.dice.chance(0.4) && !self.cases[number].filed;
        let leaves_first = self.dice.chance(0.5);
        let case = &mut self.cases[number];
        case.filed |= by_folder;
        case.turns.push((at, Turn::Halts));
        let what = if by_folder {
            Happening::File { case: number, folder: INCOMPLETE, leaves_first }
        } else {
            Happening::Pause { case: number }
        };
        self.events.push(Event { at, what });
        let day = civil(at).date() + TimeDelta::days(self.dice.between(1, 9));
        self.pieces.entry(day).or_default().push((number, at, by_folder));
    }

    pub fn pieces(&mut self, day: NaiveDate) {
        for (number, since, by_folder) in self.pieces.remove(&day).unwrap_or_default() {
            let at = self.moment(day);
            if seen(at) != at {
                self.pieces.entry(day + TimeDelta::days(1)).or_default().push((number, since, by_folder));
                continue;
            }
            if self.dice.chance(0.7) {
                self.add(number, at);
            } else if by_folder {
                self.cases[number].filed = false;
                let what = Happening::File { case: number, folder: INBOX, leaves_first: self.dice.chance(0.5) };
                self.events.push(Event { at, what });
            } else {
                self.events.push(Event { at, what: Happening::Resume { case: number } });
            }
            let case = &mut self.cases[number];
            case.free_at = at;
            case.turns.push((at, Turn::GoesOn(since)));
            self.open.push(number);
        }
    }

    /// To another watched mailbox: by a command, by forwarding the mail, or by moving it there by hand.
    fn hand_over(&mut self, number: usize, at: DateTime<Utc>) {
        let case = self.cases[number].clone();
        let others: Vec<usize> = (0..MAILBOXES.len()).filter(|other| *other != case.holder).collect();
        let to = *self.dice.pick(&others);
        let mut moved_at = at;
        match self.dice.between(0, 2) {
            0 => self.forward(number, to, at),
            1 if !case.twice && !case.filed => {
                let later = at + TimeDelta::seconds(self.dice.between(1, 90));
                let (copied, left) = if self.dice.chance(0.5) { (at, later) } else { (later, at) };
                self.events.push(Event { at: copied, what: Happening::Copy { case: number, to } });
                self.events.push(Event { at: left, what: Happening::Leave { case: number } });
                self.verdicts.insert((case.id, to), "duplicate");
                self.received += 1;
                moved_at = later;
            }
            _ => self.events.push(Event { at, what: Happening::HandOver { case: number, to } }),
        }
        let case = &mut self.cases[number];
        case.turns.push((moved_at, Turn::Moved(to)));
        (case.holder, case.free_at) = (to, moved_at);
        self.open.push(number);
    }

    /// « TR : » to the other mailbox, with a copy in the Sent folder.
    fn forward(&mut self, number: usize, to: usize, at: DateTime<Utc>) {
        let case = self.cases[number].clone();
        let id = self.id("w");
        let (from, to_name) = (MAILBOXES[case.holder].name, MAILBOXES[to].name);
        let bytes = letters::forward((from, to_name), &case.subject, (&id, &case.latest), at);
        let copied = at + TimeDelta::seconds(20);
        self.mail(to, FolderRole::Inbox, at, at, bytes.clone());
        self.mail(case.holder, FolderRole::Sent, copied, copied, bytes);
        for mailbox in [to, case.holder] {
            self.verdicts.insert((id.clone(), mailbox), "internal");
        }
        self.cases[number].flagged = false;
        self.events.push(Event { at: copied, what: Happening::Mark { case: number, marks: &["$Forwarded"] } });
    }

    /// « Réponse d’attente » by mail: no answer by these commitments.
    fn hold(&mut self, number: usize, at: DateTime<Utc>) {
        let case = self.cases[number].clone();
        let id = self.id("r");
        let writer = self.people.all[case.person].clone();
        let subject = format!("{ATTENTE} : {}", case.subject);
        let name = MAILBOXES[case.holder].name;
        let letter = Letter { from: &writer, to: name, subject: &subject, id: &id, answers: Some(&case.latest), at };
        self.mail(case.holder, FolderRole::Sent, at, at, letters::reply(&letter, &writer, false));
        self.verdicts.insert((id, case.holder), "reply");
        if self.dice.chance(0.5) {
            self.mark_answered(number, at + TimeDelta::seconds(1));
        }
        let case = &mut self.cases[number];
        (case.held, case.free_at) = (true, at);
        self.open.push(number);
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
        let name = MAILBOXES[case.holder].name;
        let subject = format!("Re: {}", case.subject);
        let letter = Letter { from: &writer, to: name, subject: &subject, id: &id, answers: Some(&case.latest), at };
        let bytes = letters::reply(&letter, &writer, by_agent);
        let role = if by_agent { FolderRole::Inbox } else { FolderRole::Sent };
        self.mail(case.holder, role, internal, appears, bytes);
        if late == 0 && seen(at) == at && !case.flagged && self.dice.chance(0.5) {
            // The client flags the message too, a moment after the copy: nothing is added to the better proof.
            self.mark_answered(number, at + TimeDelta::seconds(1));
        }
        let evidence = Some(if by_agent { "seen_reply" } else { "sent_reply" });
        let settled = Settled { status: "answered", evidence, at: internal, seen_at: seen(appears) };
        self.settle(number, settled, None);
        self.verdicts.insert((id.clone(), case.holder), "reply");
        if self.dice.chance(0.03) {
            self.absence(&case, &writer, &id, appears + TimeDelta::minutes(2));
        }
    }
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
    let either = |by_phone_then: f64, else_then: f64| if by_phone { by_phone_then } else { else_then };
    match (temper, age) {
        (0, 0) => either(0.05, 0.35),
        (0, _) => either(0.85, 0.7),
        (1, 0) => 0.1,
        (1, 1..4) => 0.45,
        (1, _) => 0.7,
        (2, 0) => 0.0,
        (2, 1..4) => 0.15,
        (2, _) => 0.45,
        (_, ..6) => 0.02,
        _ => 0.12,
    }
}
