//! A day in which everything happens to a mailbox at once, drawn by a seeded generator against a real Dovecot: what is
//! recorded in the end is what the server holds, each message once, on every rung of the ladder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, FixedOffset, TimeDelta};
use support::chance::Chance;
use support::dovecot::{Dovecot, MailFolder, Options};
use support::house::{PAN, mail};
use support::imap::{Client, encode_folder};
use support::post::{FIRST, Post, USERS};
use vigie::clock;
use vigie::daemon::sync::{Pass, Watched};
use vigie::domain::classify::FolderRole;

/// The seed, unless `VIGIE_SEED` says another.
const SEED: u64 = 20_261_124;
/// Quarters of an hour in a day.
const STEPS: u64 = 96;
/// The folders of the mailbox; an agent moves messages between them.
const FOLDERS: [(&str, FolderRole); 3] =
    [("INBOX", FolderRole::Inbox), ("Traités", FolderRole::Other), ("Archives 2026", FolderRole::Other)];

/// A message on the server: its UID and its Message-ID.
type There = (u32, String);

struct Day {
    dovecot: Dovecot,
    post: Post,
    chance: Chance,
    now: DateTime<FixedOffset>,
    arrived: u64,
    restarts: usize,
    renumbered: u32,
}

impl Day {
    async fn dawn(without: Vec<&'static str>, seed: u64) -> Self {
        let folders = FOLDERS[1..].iter().map(|(name, _)| MailFolder::plain(name)).collect();
        let dovecot = Dovecot::start_with(&USERS, Options { folders, without, ..Options::default() });
        let post = Post::at(dovecot.imap_port).await;
        let now = clock::now().fixed_offset() - TimeDelta::days(1);
        Self { dovecot, post, chance: Chance::new(seed), now, arrived: 0, restarts: 0, renumbered: 100 }
    }

    fn client(&self) -> Client {
        self.dovecot.imap(PAN)
    }

    fn arrive(&mut self, client: &mut Client) {
        self.arrived += 1;
        let id = format!("m{}@example.org", self.arrived);
        let from = format!("Usager {0} <u{0}@example.org>", self.arrived % 40);
        let text = mail(&from, PAN, &id, &format!("Demande {}", self.arrived), "").replace('\n', "\r\n");
        let folder = if self.chance.one_in(12) { "Traités" } else { "INBOX" };
        client.append(folder, text.as_bytes(), Some(self.now), if self.chance.one_in(3) { "\\Seen" } else { "" });
    }

    /// What happens between two looks of vigie.
    async fn happen(&mut self) {
        let mut client = self.client();
        for _ in 0..self.chance.below(4) {
            self.arrive(&mut client);
        }
        for _ in 0..self.chance.below(3) {
            self.disturb(&mut client).await;
        }
        if self.chance.one_in(30) {
            self.restarts += 1;
            drop(client);
            if self.chance.one_in(2) {
                self.dovecot.kill();
            } else {
                self.dovecot.stop();
            }
            self.dovecot.start_again();
        }
    }

    async fn disturb(&mut self, client: &mut Client) {
        let from = FOLDERS[self.chance.below(FOLDERS.len())].0;
        let to = FOLDERS[self.chance.below(FOLDERS.len())].0;
        let there = held(client, from);
        if there.is_empty() {
            return;
        }
        let (uid, id) = there[self.chance.below(there.len())].clone();
        let target = encode_folder(to);
        match self.chance.below(12) {
            0..=4 if from != to => drop(client.ok(&format!("UID MOVE {uid} \"{target}\""))),
            5 => drop(client.ok(&format!("UID COPY {uid} \"{target}\""))),
            // what was never seen must not be deleted: nobody could know of it
            6 | 7 if self.is_recorded(&id).await => {
                client.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                client.ok(&format!("UID EXPUNGE {uid}"));
            }
            8 => {
                let flags = ["\\Seen", "\\Answered", "$Forwarded", "\\Flagged", "VigieTransmis"];
                let flag = flags[self.chance.below(flags.len())];
                let sign = if self.chance.one_in(2) { '+' } else { '-' };
                client.ok(&format!("UID STORE 1:* {sign}FLAGS ({flag})"));
            }
            9 if self.chance.one_in(3) => {
                self.renumbered += 1;
                let validity = self.renumbered.to_string();
                self.dovecot.doveadm(&["mailbox", "update", "--uid-validity", &validity, "-u", PAN, from]);
                // Dovecot ends a session whose open folder was renumbered
                *client = self.client();
            }
            _ => {}
        }
    }

    async fn is_recorded(&self, id: &str) -> bool {
        self.post.recorded().await.iter().any(|row| row.0 == id)
    }

    /// vigie looks at one folder.
    async fn look(&mut self, folder: usize, pass: Pass) {
        let (name, role) = FOLDERS[folder];
        self.post.pass(FIRST, name, role, pass).await;
    }
}

/// What lies in a folder, which stays selected.
fn held(client: &mut Client, folder: &str) -> Vec<There> {
    client.select(folder);
    let reply = client.ok("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
    let text = String::from_utf8_lossy(&reply.untagged).into_owned();
    let uids = text
        .split("UID ")
        .skip(1)
        .filter_map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok());
    let ids = text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0.to_owned()));
    uids.zip(ids).collect()
}

async fn day(without: Vec<&'static str>) {
    let seed = std::env::var("VIGIE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("VIGIE_SEED={seed}");
    let mut day = Day::dawn(without, seed).await;
    for _ in 0..STEPS {
        day.now += TimeDelta::minutes(15);
        day.happen().await;
        // things go on while vigie reads one folder after the other
        for _ in 0..FOLDERS.len() {
            let folder = day.chance.below(FOLDERS.len());
            let pass = if day.chance.one_in(6) { Pass::Scan } else { Pass::Glance };
            day.look(folder, pass).await;
            if day.chance.one_in(3) {
                let mut client = day.client();
                day.disturb(&mut client).await;
            }
        }
    }
    println!("{} messages, {} restarts, UIDs renumbered {} times", day.arrived, day.restarts, day.renumbered - 100);
    assert!(day.arrived > 80 && day.restarts > 0 && day.renumbered > 100, "a quiet day proves nothing");
    evening(&mut day).await;
}

/// Server and store agree, folder by folder; each message is recorded once and opened one request.
async fn evening(day: &mut Day) {
    let mut line = day.post.line(FIRST).await;
    for (name, role) in FOLDERS {
        let watched = Watched { name: name.to_owned(), role };
        let found = day.post.reader(FIRST).reconcile(&mut line, &watched).await.unwrap();
        assert_eq!((found.missing, found.surplus, found.left), (vec![], vec![], vec![]), "{name}");
        assert_eq!(found.server, found.store, "{name}");
    }
    let mut client = day.client();
    let places = day.post.places().await;
    for (name, _) in FOLDERS {
        let server: BTreeSet<There> = held(&mut client, name).into_iter().collect();
        let store = places.iter().filter(|place| place.1 == name && place.5);
        let store: BTreeSet<There> = store.map(|place| (u32::try_from(place.2).unwrap(), place.4.clone())).collect();
        assert_eq!(store, server, "{name}");
    }
    let recorded = day.post.recorded().await;
    let first: Vec<_> = recorded.iter().filter(|row| row.1 != "duplicate").collect();
    let ids: HashSet<&str> = first.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(first.len(), ids.len(), "no message is judged twice");
    assert_eq!(u64::try_from(ids.len()).unwrap(), day.arrived, "none is lost");
    day.post.verify().await;
}

#[tokio::test]
async fn a_day_of_churn_leaves_no_difference_with_qresync() {
    day(vec![]).await;
}

#[tokio::test]
async fn a_day_of_churn_leaves_no_difference_with_condstore() {
    day(vec!["QRESYNC"]).await;
}

#[tokio::test]
async fn a_day_of_churn_leaves_no_difference_on_the_lowest_rung() {
    day(vec!["QRESYNC", "CONDSTORE"]).await;
}
