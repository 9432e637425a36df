//! Scenarios that read like the domain: what happens to a prefecture, and what vigie says about it.
//!
//! A scenario is a file of `tests/scenarios/`. A line is a command, or a fact that the command before it must bring
//! about, marked by `>`; a `#` begins a comment. The facts are what the ledger says and which mails are to leave, in
//! order and all of them: a fact that is not in the file fails as much as one that is missing.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

#[path = "scenarios/hands.rs"]
mod hands;

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday, WeekdaySet};
use chrono_tz::Tz;
use serde_json::Value;
use vigie::app::gesture::{Word, gesture};
use vigie::app::ingest::switch_on;
use vigie::app::refresh::take_into_use;
use vigie::app::sending::{Attempt, Proof, Ready, prepare, settle};
use vigie::app::tick::{next_wake, tick};
use vigie::config::{Secrets, Settings};
use vigie::domain::calendar::{Calendar, Closure, instant_in};
use vigie::domain::classify::FolderRole;
use vigie::domain::effect::{EffectKind, Outcome};
use vigie::domain::gesture::{Gesture, GestureRule, Means, Sign};
use vigie::domain::holidays::HolidayRules;
use vigie::domain::ledger::LedgerEntry;
use vigie::domain::opening::OpeningHours;
use vigie::domain::policy::Commitment;
use vigie::mail::template::Templates;
use vigie::store::{Claim, Store};

const ZONE: Tz = chrono_tz::Europe::Paris;
/// Ticks that one `advance` may take.
const MAX_TICKS: usize = 2_000;

struct Prefecture {
    settings: Settings,
    store: Store,
    templates: Templates,
    now: DateTime<Utc>,
    told: i64,
    uid: u32,
    /// The messages that agents can put their hands on.
    mails: hands::Mails,
    /// Facts of the ticks on the way.
    pending: Vec<String>,
    /// Whether morning digests are facts of the scenario.
    digests: bool,
}

impl Prefecture {
    async fn open(at: DateTime<Utc>, mode: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let text = std::fs::read_to_string(shipped.join("vigie.toml")).expect("the shipped configuration");
        let closures = format!("= \"{}\"", shipped.join("closures.toml").display());
        let text = text.replace("= \"closures.toml\"", &closures);
        let text = text.replace("mode = \"observe\"", &format!("mode = \"{mode}\""));
        let text =
            text.replace("template = \"pref-etrangers\"", &format!("mode = \"{mode}\"\ntemplate = \"pref-etrangers\""));
        let mut config = String::new();
        for key in ["templates", "commitments", "requesters"] {
            let file = if key == "templates" { key.to_owned() } else { format!("{key}.toml") };
            config.push_str(&format!("{key} = \"{}\"\n", shipped.join(file).display()));
        }
        let rest: Vec<&str> = text
            .lines()
            .filter(|line| !["templates =", "commitments =", "requesters ="].iter().any(|key| line.starts_with(key)))
            .collect();
        config.push_str(&rest.join("\n"));
        let path: PathBuf = folder.path().join("vigie.toml");
        std::fs::write(&path, config).expect("written");
        let settings = Settings::load(&path, Secrets::Skip).expect("the shipped configuration loads");
        let store = Store::in_memory().await.expect("opens");
        let templates = vigie::daemon::templates(&settings).expect("the shipped templates");
        let mut prefecture = Self {
            settings,
            store,
            templates,
            now: at,
            told: 0,
            uid: 0,
            mails: hands::Mails::new(),
            pending: Vec::new(),
            digests: false,
        };
        for mailbox in ["pref-pan", "pref-étrangers"] {
            let desk = prefecture.settings.office.desk(mailbox).expect("a desk");
            switch_on(&prefecture.store, desk, at).await.expect("switched on");
        }
        tick(&prefecture.store, &prefecture.settings.office, at).await.expect("ticks");
        prefecture.facts().await;
        prefecture
    }

    /// Carries out what an agent says by a command.
    async fn says(&mut self, reference: &str, wanted: Gesture, at: DateTime<Utc>) {
        let word = Word { gesture: wanted, by: "agent".to_owned(), at, text: None };
        let said = gesture(&self.store, &self.settings.office, reference, word, self.now).await;
        if let Err(refused) = said {
            self.pending.push(format!("refused: {}", refused.to_string().replace('\u{a0}', " ")));
        }
    }

    /// Lets time pass: every wake on the way is served, and the clock set back is looked at.
    async fn advance(&mut self, to: DateTime<Utc>) {
        if to < self.now {
            self.now = to;
            tick(&self.store, &self.settings.office, to).await.expect("ticks");
        }
        for _ in 0..MAX_TICKS {
            let wake = next_wake(&self.store, &self.settings.office).await.expect("reads");
            let Some(wake) = wake.filter(|wake| *wake <= to) else { break };
            self.now = self.now.max(wake);
            tick(&self.store, &self.settings.office, self.now).await.expect("ticks");
            let facts = self.news().await;
            self.pending.extend(facts);
        }
        self.now = to;
    }

    /// Gives every bureau another calendar.
    fn calendars(&mut self, change: impl Fn(&Calendar) -> Calendar) {
        for calendar in self.settings.office.calendars.values_mut() {
            *calendar = change(calendar);
        }
    }

    /// Changes the commitments of a key.
    fn commitments(&mut self, key: &str, change: impl Fn(&mut Commitment)) {
        let mailboxes = self.settings.office.mailboxes.iter_mut();
        let mut found: Vec<_> =
            mailboxes.flat_map(|policy| &mut policy.commitments).filter(|commitment| commitment.key == key).collect();
        assert!(!found.is_empty(), "no commitment is called {key}");
        for commitment in &mut found {
            change(commitment);
        }
    }

    /// Takes the configuration into use, as a reload does.
    async fn reload(&mut self) {
        take_into_use(&self.store, &self.settings.office, self.now).await.expect("taken into use");
    }

    /// What happened since the last time.
    async fn facts(&mut self) -> Vec<String> {
        let mut facts = std::mem::take(&mut self.pending);
        facts.extend(self.news().await);
        facts
    }

    /// What the ledger says since the last time, and which mails are to leave.
    async fn news(&mut self) -> Vec<String> {
        let mut facts = Vec::new();
        let mut mails = Vec::new();
        for entry in self.store.ledger_after(self.told).await.expect("reads") {
            self.told = entry.seq;
            facts.extend(fact(&entry));
        }
        while let Claim::Mail(due) = self.store.claim_due("scenario", &[], self.now).await.expect("claims") {
            let to: Vec<String> = due.effect.recipients.iter().map(|to| to.local().to_owned()).collect();
            let about =
                if due.effect.level.is_some() { format!(": {}", due.effect.about.join(", ")) } else { String::new() };
            let office = &self.settings.office;
            let mut outcome = Outcome::Accepted { answer: "250 ok".to_owned(), queue_id: None };
            // Only what may have been undone is worded: wording every digest would take its time.
            if due.effect.kind == EffectKind::TransferNotice {
                let ready = prepare(&self.store, office, &self.templates, &due, self.now).await.expect("written");
                if let Ready::Withdraw(why) = ready {
                    outcome = Outcome::Withdrawn { why };
                }
            }
            let withdrawn = matches!(outcome, Outcome::Withdrawn { .. });
            let attempt = Attempt { outcome, summary: "said the relay".to_owned(), proof: Proof::default() };
            settle(&self.store, office, &due, &attempt, TimeDelta::minutes(10), self.now).await.expect("settled");
            if withdrawn || (due.effect.kind == EffectKind::Digest && !self.digests) {
                continue;
            }
            mails.push(format!("{} to {}{about}", due.effect.kind.name(), to.join(", ")));
        }
        mails.sort();
        facts.extend(mails);
        facts
    }
}

fn fact(entry: &LedgerEntry) -> Option<String> {
    let payload: Value = serde_json::from_str(&entry.payload).expect("JSON");
    let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
    let request = entry.request.clone().unwrap_or_default();
    match entry.kind.as_str() {
        "message_recorded" if text("acknowledgement") == "withhold" => {
            Some(format!("no acknowledgement: {}", text("acknowledgement_reason")))
        }
        "message_recorded" if text("verdict") == "request" => None,
        "message_recorded" if request.is_empty() => Some(format!("{}: {}", text("verdict"), text("reason"))),
        "message_recorded" => Some(format!("{} of {request}", text("verdict"))),
        "message_relinked" => Some(format!("message relinked to {request}")),
        "request_opened" => {
            Some(format!("{request} opened; due {} ({} working days)", text("due_on"), payload["limit"]))
        }
        "request_answered" => Some(format!("{request} answered ({})", text("evidence"))),
        "request_redated" => Some(format!("{request} dated anew; due {}", text("due_on"))),
        "request_closed" => Some(format!("{request} closed")),
        "request_merged" => Some(format!("{request} merged into {}", text("into"))),
        "request_transferred" => Some(format!("{request} transferred")),
        "request_reopened" => Some(format!("{request} reopened ({})", text("why"))),
        "request_suspended" => Some(format!("{request} incomplete")),
        "request_resumed" => Some(format!("{request} resumed ({} days); due {}", payload["suspended"], text("due_on"))),
        "request_moved" => Some(format!("{request} moved to {}", text("mailbox"))),
        "request_forwarded" => Some(format!("{request} forwarded")),
        "request_message_gone" => Some(format!("{request}: its message is gone")),
        "request_message_back" => Some(format!("{request}: its message is back")),
        "holding_reply_seen" => Some(format!("{request} held ({})", text("evidence"))),
        "substantive_reply_seen" => Some(format!("{request} answered on the substance ({})", text("evidence"))),
        "answer_confirmed" => Some(format!("{request} confirmed")),
        "alert_raised" => Some(match payload["level"].as_i64() {
            Some(-1) => format!("{request} overdue"),
            Some(level @ ..-1) => format!("{request} overdue, reminder {}", -1 - level),
            level => format!("{request}: {} working days left", level.unwrap_or_default()),
        }),
        "mailbox_mode"
        | "configuration"
        | "calendars"
        | "mail_settled"
        | "acknowledgement_state"
        | "transfer_notice_wanted" => None,
        other => Some(other.to_owned()),
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    let civil =
        ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"].iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    instant_in(ZONE, civil.unwrap_or_else(|| panic!("{text:?} is no civil time")))
}

/// The value after a word of a command: `from alice` → `alice`.
fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    words.iter().position(|known| *known == word).and_then(|at| words.get(at + 1).copied())
}

/// The address of someone: `alice` is alice@example.org.
fn person(name: &str) -> String {
    if name.contains('@') { name.to_owned() } else { format!("{name}@example.org") }
}

/// The headers that a command's line asks for; a subject stands between quotation marks.
fn headers(line: &str, from: &str, to: &str, now: DateTime<Utc>) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = words.as_slice();
    let subject = line.split('"').nth(1).unwrap_or("Demande");
    let mut text = format!("From: {from}\nTo: {to}\nSubject: {subject}\nDate: {}\n", now.to_rfc2822());
    if let Some(id) = after(words, "id") {
        text.push_str(&format!("Message-ID: {id}\n"));
    }
    if let Some(re) = after(words, "re") {
        text.push_str(&format!("In-Reply-To: {re}\nReferences: {re}\n"));
    }
    if words.contains(&"automatic") {
        text.push_str("Auto-Submitted: auto-replied\n");
    }
    text.push('\n');
    text
}

async fn command(prefecture: &mut Prefecture, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[0] {
        "receive" => {
            let from = person(after(&words, "from").expect("from whom"));
            let to = format!("{}@prefecture.example.org", words[1].replace('é', "e"));
            let received = after(&words, "dated").map_or(prefecture.now, instant);
            let header = headers(line, &from, &to, received);
            let folder = after(&words, "in").map(|_| line.split_once(" in ").expect("a folder").1);
            prefecture.arrives(words[1], folder, &header, received).await;
        }
        "reply" => {
            let from = format!("{}@prefecture.example.org", words[1].replace('é', "e"));
            let to = person(after(&words, "to").expect("to whom"));
            let sent = after(&words, "dated").map_or(prefecture.now, instant);
            let header = headers(line, &from, &to, sent);
            prefecture.put(words[1], FolderRole::Sent, &header, sent).await;
        }
        "advance" => prefecture.advance(instant(words[2])).await,
        // The clock jumps: nothing on the way was served.
        "jump" => {
            prefecture.now = instant(words[2]);
            tick(&prefecture.store, &prefecture.settings.office, prefecture.now).await.expect("ticks");
        }
        "wait" => {
            let minutes: i64 = words[1].parse().expect("minutes");
            let to = prefecture.now + TimeDelta::minutes(minutes);
            prefecture.advance(to).await;
        }
        "holding-subject" => {
            let (_, pattern) = line.split_once(' ').expect("a pattern");
            for mailbox in &mut prefecture.settings.office.mailboxes {
                mailbox.holding_subjects.push(pattern.to_owned());
            }
        }
        "gesture-transfers" => {
            let (_, folder) = line.split_once(' ').expect("a folder");
            let means = Means::Transferred("DDT de l’Ain".to_owned());
            let rule = GestureRule { sign: Sign::Folder(folder.to_owned()), means };
            for mailbox in &mut prefecture.settings.office.mailboxes {
                mailbox.gestures.push(rule.clone());
            }
        }
        _ if hands::hands(prefecture, &words, line).await => {}
        _ => configure(prefecture, &words).await,
    }
}

/// What the administrator changes; each takes the configuration into use.
async fn configure(prefecture: &mut Prefecture, words: &[&str]) {
    match words[0] {
        "closure" => {
            let closure = Closure {
                from: words[1].parse().expect("the first day"),
                to: words[2].parse().expect("the last day"),
                label: "Fermeture".to_owned(),
                suspends: words[3] == "suspends",
            };
            prefecture.calendars(|calendar| {
                let closures = calendar.closures().iter().cloned().chain([closure.clone()]).collect();
                let days = calendar.opening_days();
                Calendar::new(calendar.territory(), calendar.zone(), HolidayRules::default(), closures, days)
            });
        }
        "reopen-closures" => {
            prefecture.calendars(|calendar| Calendar::of(calendar.territory()));
        }
        "open-on" => {
            let days: WeekdaySet = words[1..].iter().map(|day| day.parse::<Weekday>().expect("a day")).collect();
            prefecture.calendars(|calendar| {
                let closures = calendar.closures().to_vec();
                Calendar::new(calendar.territory(), calendar.zone(), HolidayRules::default(), closures, days)
            });
        }
        "hours" => {
            let time = |text: &str| text.parse::<NaiveTime>().expect("a time of the day");
            let slots = words[1..].iter().map(|slot| slot.split_once('-').expect("from and to"));
            let slots: Vec<_> =
                slots.map(|(from, to)| (time(&format!("{from}:00")), time(&format!("{to}:00")))).collect();
            let hours = OpeningHours::new(slots).expect("hours");
            for bureau in &mut prefecture.settings.office.bureaux {
                bureau.hours = hours.clone();
            }
        }
        "bureau" => {
            let mut mailboxes = prefecture.settings.office.mailboxes.iter_mut();
            let mailbox = mailboxes.find(|policy| policy.name == words[1]).expect("a mailbox");
            words[2].clone_into(&mut mailbox.bureau);
        }
        "remind-every" => {
            let every = words[1].parse().expect("working days");
            for bureau in &mut prefecture.settings.office.bureaux {
                bureau.remind_every = every;
            }
        }
        "withdraw" => {
            prefecture.commitments(words[1], |commitment| commitment.withdrawn = true);
        }
        "holding-counts" => prefecture.commitments(words[1], |commitment| commitment.holding_reply_answers = true),
        "phone-counts-not" => prefecture.commitments(words[1], |commitment| commitment.phone_answers = false),
        "limit" => {
            let limit = words[2].parse().expect("working days");
            prefecture.commitments(words[1], |commitment| commitment.limit = limit);
        }
        other => panic!("{other:?} is no command"),
    }
    prefecture.reload().await;
}

/// A line of a scenario without its comment.
fn meaning(line: &str) -> &str {
    line.split_once('#').map_or(line, |(meaning, _)| meaning).trim()
}

async fn play(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).expect("a scenario");
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, meaning(line)))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let (_, first) = lines[0];
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(words[0], "at", "{}: a scenario begins with `at TIME`", path.display());
    let mode = if words.contains(&"observing") { "observe" } else { "acknowledge" };
    let mut prefecture = Prefecture::open(instant(words[1]), mode).await;
    prefecture.digests = words.contains(&"digests");
    let mut rest = &lines[1..];
    while let Some((at, line)) = rest.first() {
        command(&mut prefecture, line).await;
        let facts = rest[1..].iter().take_while(|(_, line)| line.starts_with('>')).count();
        let expected: Vec<String> =
            rest[1..=facts].iter().map(|(_, line)| line.trim_start_matches('>').trim().to_owned()).collect();
        let found = prefecture.facts().await;
        if found != expected {
            return Err(format!("{}:{at}: {line}\n  expected {expected:#?}\n  found    {found:#?}", path.display()));
        }
        rest = &rest[facts + 1..];
    }
    let verified = vigie::app::verify::verify(&prefecture.store, &[]).await.expect("verifies");
    if verified.ok { Ok(()) } else { Err(format!("{}: {:?}", path.display(), verified.first_fault)) }
}

#[tokio::test]
async fn every_scenario_plays_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the scenarios").map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.sort();
    assert!(paths.len() >= 8, "the scenarios are there");
    let mut faults = Vec::new();
    for path in &paths {
        faults.extend(play(path).await.err());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
