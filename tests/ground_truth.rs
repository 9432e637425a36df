//! Some three hundred messages of more than seventy shapes through real servers, against what is known of each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use support::generator::{ETRANGERS, Mailing, PAN, Place, Truth, generate};
use support::house::{House, SENT};
use support::postgres::Postgres;
use support::sink::Mail;
use vigie::clock;

/// From what the traffic grows where `VIGIE_SEED` says nothing else.
const SEED: u64 = 20_260_507;
/// Messages of the traffic, besides those that follow the acknowledgements.
const MESSAGES: usize = 250;

#[test]
fn every_message_is_judged_as_its_truth_says_on_sqlite() {
    play(&mut House::new("acknowledge", |toml| toml));
}

#[test]
fn every_message_is_judged_as_its_truth_says_on_postgresql() {
    let url = format!("url = \"{}\"", Postgres::database());
    play(&mut House::new("acknowledge", |toml| toml.replace("url = \"vigie.db\"", &url)));
}

fn play(house: &mut House) {
    house.start();
    house.wait("both mailboxes watched", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
    let seed = std::env::var("VIGIE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let start = (clock::now() - chrono::TimeDelta::days(3)).fixed_offset();
    let mut told = generate(seed, start, MESSAGES).mailings;
    deliver(house, &told, 0);
    house.wait("every acknowledgement of the traffic", |house| house.sink.mails().len() >= owed(&told));
    let traffic = told.len();
    told.extend(follow(&told, &house.sink.mails()));
    deliver(house, &told, traffic);
    let copies = to_both(house, told.len());
    house.wait("every acknowledgement", |house| house.sink.mails().len() >= owed(&told) + copies);
    house.wait("every acknowledgement settled", |house| {
        house.json(&["requests"]).iter().all(|request| request["acknowledgement"] != "pending")
    });
    check_verdicts(house, &told);
    check_acknowledgements(house, &told, copies);
    check_replies(house, &told);
    let verified = &house.json(&["ledger", "verify"])[0];
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(house.stop("TERM"), Some(0));
    println!("{} messages, {} acknowledgements", told.len() + 2 * copies, owed(&told) + copies);
}

fn owed(told: &[Mailing]) -> usize {
    told.iter().filter(|mailing| mailing.truth.acknowledged).count()
}

/// Delivers the messages from a place on, in waves: what continues a thread comes once the thread so far is recorded.
fn deliver(house: &House, told: &[Mailing], from: usize) {
    let ids: Vec<String> = told.iter().map(|mailing| id(&mailing.bytes)).collect();
    let texts: Vec<String> = told.iter().map(|mailing| String::from_utf8_lossy(&mailing.bytes).into_owned()).collect();
    let mut threads: Vec<usize> = (0..told.len()).collect();
    let mut waves: Vec<usize> = vec![0; told.len()];
    for at in 0..told.len() {
        let parent = (0..at).rev().find(|n| !ids[*n].is_empty() && texts[at].contains(&ids[*n]));
        // The parent may itself be named by an acknowledgement only: the truth then says whose thread it is.
        let parent = parent.or(told[at].truth.belongs_to.filter(|first| *first < at));
        let Some(parent) = parent else { continue };
        threads[at] = threads[parent];
        let before = (0..at).filter(|n| threads[*n] == threads[at]).map(|n| waves[n]).max().unwrap_or_default();
        waves[at] = before + 1;
    }
    let mut there = from;
    for wave in 0..=waves.iter().copied().max().unwrap_or_default() {
        let due: Vec<&Mailing> = (from..told.len()).filter(|n| waves[*n] == wave).map(|n| &told[n]).collect();
        for mailing in &due {
            put(house, mailing);
        }
        there += due.len();
        house.wait_recorded(there);
    }
}

fn put(house: &House, mailing: &Mailing) {
    match mailing.place {
        Place::Inbox => house.postfix.deliver(&mailing.sender, mailing.mailbox, &mailing.bytes),
        Place::AppendedToInbox => drop(house.dovecot.append(mailing.mailbox, "INBOX", &mailing.bytes, None, "")),
        Place::Sent => drop(house.dovecot.append(mailing.mailbox, SENT, &mailing.bytes, None, "\\Seen")),
    }
}

/// The value of a header field of a message, unfolded no further than its first line.
fn field(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim().to_owned()
}

/// The Message-ID in brackets; empty where there is none.
fn id(bytes: &[u8]) -> String {
    field(bytes, "Message-ID")
}

/// What follows an acknowledgement: its bounces, machines that answer it, people who do, and our answers to it.
fn follow(told: &[Mailing], sent: &[Mail]) -> Vec<Mailing> {
    let mut more = Vec::new();
    let mut opened: Vec<(usize, &Mailing, &Mail)> = told
        .iter()
        .enumerate()
        .filter(|(at, mailing)| mailing.truth.belongs_to == Some(*at) && mailing.truth.acknowledged)
        .filter(|(at, _)| told.iter().filter(|other| other.truth.belongs_to == Some(*at)).count() == 1)
        .filter_map(|(at, mailing)| {
            let wanted = id(&mailing.bytes);
            let mail = sent.iter().find(|mail| !wanted.is_empty() && field(&mail.bytes, "In-Reply-To") == wanted)?;
            Some((at, mailing, mail))
        })
        .collect();
    assert!(opened.len() >= FOLLOWERS.len(), "{} unanswered requests", opened.len());
    opened.truncate(FOLLOWERS.len() * 2);
    for (shape, (at, request, mail)) in FOLLOWERS.iter().cycle().zip(opened) {
        let acknowledgement = id(&mail.bytes);
        let person = mail.recipients[0].clone();
        let number = told.len() + more.len();
        let text = (shape.write)(&person, request.mailbox, &acknowledgement, &format!("<suite{number}@example.org>"));
        more.push(Mailing {
            shape: shape.name,
            bytes: text.replace('\n', "\r\n").into_bytes(),
            mailbox: request.mailbox,
            place: shape.place,
            sender: if shape.null { String::new() } else { person.clone() },
            delay: request.delay,
            truth: Truth {
                verdict: shape.verdict,
                belongs_to: (!matches!(shape.verdict, "automated")).then_some(at),
                acknowledged: false,
            },
        });
        if shape.verdict == "duplicate" {
            let last = more.last_mut().expect("just pushed");
            last.bytes.clone_from(&request.bytes);
        }
    }
    more
}

/// A message that follows an acknowledgement.
struct Follower {
    name: &'static str,
    verdict: &'static str,
    place: Place,
    null: bool,
    /// Requester, mailbox, Message-ID of the acknowledgement, Message-ID of this message.
    write: fn(&str, &str, &str, &str) -> String,
}

fn thread(parent: &str) -> String {
    format!("In-Reply-To: {parent}\nReferences: {parent}\n")
}

fn report(person: &str, returned: &str, acknowledgement: &str, own: &str) -> String {
    format!(
        "From: MAILER-DAEMON@relais.example.org\nTo: x@prefecture.example.org\nSubject: Undelivered Mail\nMessage-ID: {own}\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"lim\"\n\n\
         --lim\n\nNon remis.\n--lim\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relais.example.org\n\n\
         Final-Recipient: rfc822; {person}\nAction: failed\nStatus: 5.1.1\n\n--lim\nContent-Type: {returned}\n\n\
         From: pref@prefecture.example.org\nMessage-ID: {acknowledgement}\nSubject: Accus\n\n--lim--\n"
    )
}

fn absence(person: &str, mailbox: &str, parent: &str, own: &str, subject: &str, more: &str) -> String {
    format!("From: {person}\nTo: {mailbox}\nSubject: {subject}\nMessage-ID: {own}\n{}{more}\nAbsent.\n", thread(parent))
}

const FOLLOWERS: &[Follower] = &[
    Follower {
        name: "bounce_of_acknowledgement_headers",
        verdict: "bounce",
        place: Place::Inbox,
        null: true,
        write: |person, _, parent, own| report(person, "text/rfc822-headers", parent, own),
    },
    Follower {
        name: "bounce_of_acknowledgement_whole",
        verdict: "bounce",
        place: Place::Inbox,
        null: true,
        write: |person, _, parent, own| report(person, "message/rfc822", parent, own),
    },
    Follower {
        name: "absence_with_header",
        verdict: "automated",
        place: Place::Inbox,
        null: true,
        write: |person, mailbox, parent, own| {
            absence(person, mailbox, parent, own, "Absence", "Auto-Submitted: auto-replied\n")
        },
    },
    Follower {
        name: "absence_in_french_without_header",
        verdict: "automated",
        place: Place::Inbox,
        null: false,
        write: |person, mailbox, parent, own| {
            absence(person, mailbox, parent, own, "=?UTF-8?Q?R=C3=A9ponse_automatique_:_votre_demande?=", "")
        },
    },
    Follower {
        name: "absence_in_english_without_header",
        verdict: "automated",
        place: Place::Inbox,
        null: false,
        write: |person, mailbox, parent, own| absence(person, mailbox, parent, own, "Automatic reply: PAN", ""),
    },
    Follower {
        name: "absence_in_german_without_header",
        verdict: "automated",
        place: Place::Inbox,
        null: false,
        write: |person, mailbox, parent, own| absence(person, mailbox, parent, own, "Abwesenheitsnotiz: PAN", ""),
    },
    Follower {
        name: "read_receipt_of_acknowledgement",
        verdict: "automated",
        place: Place::Inbox,
        null: true,
        write: |person, mailbox, parent, own| {
            format!(
                "From: {person}\nTo: {mailbox}\nSubject: Lu : votre demande\nMessage-ID: {own}\nMIME-Version: 1.0\n\
                 Content-Type: multipart/report; report-type=disposition-notification; boundary=\"lim\"\n\n--lim\n\nLu.\n\
                 --lim\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; {person}\n\
                 Original-Message-ID: {parent}\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--lim--\n"
            )
        },
    },
    Follower {
        name: "requester_answers_acknowledgement",
        verdict: "follow_up",
        place: Place::Inbox,
        null: false,
        write: |person, mailbox, parent, own| {
            let thread = thread(parent);
            format!(
                "From: {person}\nTo: {mailbox}\nSubject: Re: votre demande\nMessage-ID: {own}\n{thread}\nEt encore.\n"
            )
        },
    },
    Follower {
        name: "agent_answers_acknowledgement",
        verdict: "reply",
        place: Place::Sent,
        null: false,
        write: |person, mailbox, parent, own| {
            let thread = thread(parent);
            format!("From: {mailbox}\nTo: {person}\nSubject: Re: votre demande\nMessage-ID: {own}\n{thread}\nVoici.\n")
        },
    },
    Follower {
        name: "agent_answers_by_references_only",
        verdict: "reply",
        place: Place::Sent,
        null: false,
        write: |person, mailbox, parent, own| {
            format!(
                "From: {mailbox}\nTo: {person}\nSubject: Votre demande\nMessage-ID: {own}\n\
                 References: <ancien@example.org>\n\t{parent}\n\nVoici.\n"
            )
        },
    },
    Follower {
        name: "agent_answers_from_own_address_in_copy",
        verdict: "reply",
        place: Place::Inbox,
        null: false,
        write: |person, mailbox, parent, own| {
            let thread = thread(parent);
            format!(
                "From: Jeanne <jeanne.agent@prefecture.example.org>\nTo: {person}\nCc: {mailbox}\nSubject: Re: x\n\
                 Message-ID: {own}\n{thread}\nVoici.\n"
            )
        },
    },
    Follower {
        name: "request_uploaded_again",
        verdict: "duplicate",
        place: Place::AppendedToInbox,
        null: false,
        write: |_, _, _, _| String::new(),
    },
];

/// The same message to both mailboxes, several times: whichever sees it first opens the request. How many.
fn to_both(house: &House, recorded: usize) -> usize {
    let copies = 4;
    for number in 0..copies {
        let message = format!(
            "From: double{number}@libre.example.org\r\nTo: {PAN}, {ETRANGERS}\r\nSubject: Deux bureaux\r\n\
             Message-ID: <deux{number}@libre.example.org>\r\n\r\nQui est competent ?\r\n"
        );
        for mailbox in [PAN, ETRANGERS] {
            house.postfix.deliver(&format!("double{number}@libre.example.org"), mailbox, message.as_bytes());
        }
    }
    house.wait_recorded(recorded + 2 * copies);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in house.json(&["messages"]) {
        if let Some(id) = line["message_id"].as_str().filter(|id| id.starts_with("deux")) {
            found.entry(id.to_owned()).or_default().push(line["verdict"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(found.len(), copies);
    for (id, mut verdicts) in found {
        verdicts.sort();
        assert_eq!(verdicts, ["duplicate", "request"], "{id}");
    }
    copies
}

/// Every message has one verdict, which is the one of its truth, and belongs to the request of its truth.
fn check_verdicts(house: &House, told: &[Mailing]) {
    let lines = house.json(&["messages"]);
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let references = references(&lines);
    for (at, mailing) in told.iter().enumerate() {
        let key = id(&mailing.bytes).trim_matches(['<', '>']).to_owned();
        let truth = &mailing.truth;
        let request = truth.belongs_to.map_or_else(String::new, |first| {
            let first_id = id(&told[first].bytes);
            // A request without Message-ID is found by nothing; a later request of a thread has its own reference.
            if truth.verdict == "request_again" || first == at && first_id.is_empty() {
                return "own".to_owned();
            }
            references.get(first_id.trim_matches(['<', '>'])).cloned().unwrap_or_default()
        });
        let acknowledged = if truth.acknowledged { "send" } else { "-" };
        expected.entry(key).or_default().push(format!("{} {request} {acknowledged}", truth.verdict));
    }
    for line in &lines {
        let key = line["message_id"].as_str().unwrap_or_default();
        if key.starts_with("deux") {
            continue;
        }
        let verdict = line["verdict"].as_str().unwrap_or_default();
        let request = line["request"].as_str().unwrap_or_default();
        let belongs = !matches!(verdict, "automated" | "bulk" | "spam" | "internal");
        let own = verdict == "request_again" || (key.is_empty() && !request.is_empty());
        // A bounce of nothing that vigie sent belongs to nothing.
        let request = if own { "own" } else { request };
        let request = if belongs { request } else { "" };
        let acknowledged = if line["acknowledgement"] == "send" { "send" } else { "-" };
        found.entry(key.to_owned()).or_default().push(format!("{verdict} {request} {acknowledged}"));
    }
    let shapes: HashMap<String, &str> =
        told.iter().map(|mailing| (id(&mailing.bytes).trim_matches(['<', '>']).to_owned(), mailing.shape)).collect();
    let mut wrong = Vec::new();
    for (key, mut truth) in expected {
        let mut verdicts = found.remove(&key).unwrap_or_default();
        truth.sort();
        verdicts.sort();
        if truth != verdicts {
            wrong.push(format!("{} {key}: {truth:?} expected, {verdicts:?} found", shapes[&key]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), told.len(), wrong.join("\n"));
    assert!(found.is_empty(), "nobody sent {found:?}");
}

/// The reference of the request that each message opened, by its Message-ID.
fn references(lines: &[Value]) -> HashMap<String, String> {
    let opens = |line: &&Value| matches!(line["verdict"].as_str(), Some("request" | "request_again" | "unreadable"));
    let named = |line: &Value| Some((line["message_id"].as_str()?.to_owned(), line["request"].as_str()?.to_owned()));
    lines.iter().filter(opens).filter_map(named).collect()
}

/// One acknowledgement for each message that is owed one, to who asked; none for any other.
fn check_acknowledgements(house: &House, told: &[Mailing], copies: usize) {
    let mut expected: Vec<String> = told
        .iter()
        .filter(|mailing| mailing.truth.acknowledged)
        .map(|mailing| id(&mailing.bytes))
        .chain((0..copies).map(|number| format!("<deux{number}@libre.example.org>")))
        .collect();
    let mails = house.sink.mails();
    let mut found: Vec<String> = mails.iter().map(|mail| field(&mail.bytes, "In-Reply-To")).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "acknowledgements");
    let senders: HashMap<String, &str> =
        told.iter().map(|mailing| (id(&mailing.bytes), mailing.sender.as_str())).collect();
    for mail in &mails {
        assert_eq!(mail.sender, "", "a null reverse-path");
        assert_eq!(mail.recipients.len(), 1);
        let parent = field(&mail.bytes, "In-Reply-To");
        if let Some(sender) = senders.get(&parent).filter(|_| !parent.is_empty()) {
            assert_eq!(&mail.recipients[0], sender, "{parent}");
        }
    }
}

/// A request is answered exactly when its truth has a reply.
fn check_replies(house: &House, told: &[Mailing]) {
    let statuses: HashMap<String, String> = house
        .json(&["requests"])
        .iter()
        .filter_map(|request| {
            Some((request["message_id"].as_str()?.to_owned(), request["status"].as_str()?.to_owned()))
        })
        .collect();
    for (at, mailing) in told.iter().enumerate().filter(|(at, mailing)| mailing.truth.belongs_to == Some(*at)) {
        let key = id(&mailing.bytes).trim_matches(['<', '>']).to_owned();
        let Some(status) = statuses.get(&key).filter(|_| !key.is_empty()) else { continue };
        let answered = told.iter().any(|other| other.truth.verdict == "reply" && other.truth.belongs_to == Some(at));
        assert_eq!(status, if answered { "answered" } else { "open" }, "{} {key}", mailing.shape);
    }
}
