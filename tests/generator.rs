//! The generated traffic is what it says: reproducible, varied, invented, and judged as its truth says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a traffic that lacks what it refers to fails at once"
)]

mod support;

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, FixedOffset};
use support::dovecot::Dovecot;
use support::generator::{ETRANGERS, INTERNAL_DOMAIN, Mailing, PAN, Place, Traffic, generate};
use support::process::text;
use vigie::domain::acknowledge::{Acknowledgement, acknowledge};
use vigie::domain::address::Address;
use vigie::domain::classify::{Context, FolderRole, Links, ThreadLink, classify};
use vigie::domain::request::RequestId;
use vigie::mail;

mod prefecture;

fn start() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-05-07T08:00:00+02:00").unwrap()
}

fn traffic(seed: u64) -> Traffic {
    generate(seed, start(), 250)
}

#[test]
fn the_same_seed_gives_the_same_traffic() {
    let bytes = |seed| traffic(seed).mailings.into_iter().map(|mailing| mailing.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn traffic_has_many_shapes_in_the_order_of_time() {
    let mailings = traffic(1).mailings;
    let shapes: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.shape).collect();
    assert!(mailings.len() >= 250 && shapes.len() >= 60, "{} messages of {} shapes", mailings.len(), shapes.len());
    assert!(mailings.windows(2).all(|pair| pair[0].delay <= pair[1].delay));
    let verdicts: BTreeSet<&str> = mailings.iter().map(|mailing| mailing.truth.verdict).collect();
    assert_eq!(verdicts.len(), 11, "{verdicts:?}");
}

#[test]
fn everybody_in_the_traffic_is_invented() {
    for mailing in traffic(2).mailings {
        let all = text(&mailing.bytes);
        let domains = all.split('@').skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').next().unwrap().to_lowercase()
        });
        for domain in domains {
            assert!(domain == "example.org" || domain.ends_with(".example.org"), "{}: {domain}", mailing.shape);
        }
    }
}

#[test]
fn truths_name_earlier_requests() {
    let mailings = traffic(3).mailings;
    for (at, mailing) in mailings.iter().enumerate() {
        let Some(first) = mailing.truth.belongs_to else { continue };
        assert!(first <= at, "{}", mailing.shape);
        let opened = mailings[first].truth.verdict;
        assert!(matches!(opened, "request" | "unreadable"), "{}: {opened}", mailing.shape);
        assert_eq!(mailings[first].mailbox, mailing.mailbox, "{}", mailing.shape);
    }
}

#[test]
fn a_real_server_takes_the_traffic() {
    let dovecot = Dovecot::start(&[(PAN, "secret"), (ETRANGERS, "secret")]);
    let mailings = traffic(4).mailings;
    for mailing in &mailings {
        mailing.deliver(&dovecot, "Éléments envoyés");
    }
    let folders = [(PAN, "INBOX"), (PAN, "Éléments envoyés"), (ETRANGERS, "INBOX"), (ETRANGERS, "Éléments envoyés")];
    let there: usize = folders.iter().map(|(mailbox, folder)| dovecot.messages(mailbox, folder).len()).sum();
    assert_eq!(there, mailings.len());
}

/// What a ledger would know so far.
#[derive(Default)]
struct Memory {
    requests: HashMap<String, usize>,
    requesters: HashMap<usize, Address>,
    answered: HashSet<usize>,
    seen: HashMap<String, usize>,
}

/// The judge's own rules, on facts read from the bytes, agree with the truth told beside each shape.
#[test]
fn the_judge_agrees_with_the_truth() {
    for seed in [11, 12, 13] {
        let mut memory = Memory::default();
        for (at, mailing) in traffic(seed).mailings.iter().enumerate() {
            judge(&mut memory, at, mailing);
        }
    }
}

fn judge(memory: &mut Memory, at: usize, mailing: &Mailing) {
    let mut bytes = mailing.bytes.clone();
    if mailing.place == Place::Inbox {
        bytes.splice(0..0, format!("Return-Path: <{}>\r\n", mailing.sender).into_bytes());
    }
    let (header, body) = mail::parse::split(&bytes);
    let facts = mail::parse(header, Some(body), bytes.len() as u64);
    let mut policy = prefecture::policy("pref-pan");
    policy.address = prefecture::address(mailing.mailbox);
    policy.our_addresses = vec![prefecture::address(PAN), prefecture::address(ETRANGERS)];
    policy.internal_domains = vec![INTERNAL_DOMAIN.to_owned()];
    let id = facts.message_id.clone().unwrap_or_default();
    let request = facts.ancestors().find_map(|id| memory.requests.get(id)).copied();
    let number = |at: usize| RequestId(i64::try_from(at).unwrap());
    let thread = request.map(|request| {
        let requester = &memory.requesters[&request];
        let everybody = || facts.to.iter().chain(&facts.cc).chain(&facts.bcc);
        ThreadLink {
            request: number(request),
            answered: memory.answered.contains(&request),
            by_requester: facts.author() == Some(requester),
            to_requester: everybody().any(|address| address == requester),
        }
    });
    let duplicate_of = memory.seen.get(&id).filter(|_| !id.is_empty()).map(|first| Some(number(*first)));
    let links =
        Links { duplicate_of, put_by_hand: false, thread, by_subject: None, bounced: None, recent_from_sender: 0 };
    let folder = if mailing.place == Place::Sent { FolderRole::Sent } else { FolderRole::Inbox };
    let (verdict, reason) = classify(&facts, &Context { policy: &policy, folder, links });
    let shape = mailing.shape;
    assert_eq!(verdict.name(), mailing.truth.verdict, "{shape}: {}\n{}", reason.code, text(&mailing.bytes));
    let mut moment = prefecture::moment(&policy, None);
    moment.folder = folder;
    let acknowledgement = acknowledge(&facts, &verdict, &moment);
    let sent = matches!(acknowledgement, Acknowledgement::Send { .. });
    assert_eq!(sent, mailing.truth.acknowledged, "{shape}: {acknowledgement:?}\n{}", text(&mailing.bytes));
    if let Some(request) = verdict.request() {
        assert_eq!(Some(request), mailing.truth.belongs_to.map(number), "{shape}: {}", reason.code);
    }
    let opened = if verdict.opens_request() { Some(at) } else { request };
    memory.seen.entry(id.clone()).or_insert(at);
    if verdict.opens_request()
        && let Some(author) = facts.author()
    {
        memory.requesters.insert(at, author.clone());
    }
    if verdict.name() == "reply" {
        memory.answered.extend(request);
    }
    if let Some(opened) = opened.filter(|opened| memory.requesters.contains_key(opened)) {
        memory.requests.insert(id, opened);
    }
}
