//! The corpus: invented messages, each with what vigie says of it. `corpus/expected.tsv` is read line by line; a message
//! without a line, and a line without a message, are faults. Random mutations of all of them never panic.
#![expect(clippy::expect_used, reason = "a test that cannot read its corpus has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use vigie::domain::acknowledge::{Acknowledgement, acknowledge};
use vigie::domain::classify::{Context, FolderRole, Links, classify};
use vigie::domain::message::{Defect, MessageFacts};
use vigie::domain::policy::{MailboxPolicy, Nature, Requester};
use vigie::domain::reasons::french;
use vigie::domain::requester::requester_and_nature;
use vigie::domain::verdict::{Reason, Verdict};
use vigie::mail;

use prefecture::{moment, policy};

mod prefecture;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Reads a file of the corpus as the daemon reads a message: the header first, the body where it is wanted.
fn read(raw: &[u8]) -> MessageFacts {
    let (header, body) = mail::split(raw);
    let size = u64::try_from(raw.len()).expect("a size");
    let facts = mail::parse(header, None, size);
    if mail::wants_body(&facts) { mail::parse(header, Some(body), size) } else { facts }
}

fn judge(facts: &MessageFacts, policy: &MailboxPolicy) -> (Verdict, Reason, Acknowledgement) {
    let context = Context { policy, folder: FolderRole::Inbox, links: Links::default() };
    let (verdict, reason) = classify(facts, &context);
    let acknowledgement = acknowledge(facts, &verdict, &moment(policy, facts.received));
    (verdict, reason, acknowledgement)
}

fn messages() -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder()).expect("the folder of the corpus");
    let files =
        entries.map(|entry| entry.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "eml"));
    files
        .map(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).expect("a name");
            (name, fs::read(&path).expect("a message"))
        })
        .collect()
}

fn facts(file: &str) -> MessageFacts {
    read(messages().get(file).expect("a file of the corpus"))
}

#[test]
fn every_message_of_the_corpus_is_judged_as_expected() {
    let messages = messages();
    let expected = fs::read_to_string(folder().join("expected.tsv")).expect("the expectations");
    let (mut faults, mut seen) = (Vec::new(), 0);
    for line in expected.lines().skip(1) {
        let file = line.split('\t').next().unwrap_or_default();
        let mailbox = line.split('\t').nth(1).unwrap_or_default();
        let facts = read(messages.get(file).expect("a message for each line"));
        let (verdict, reason, acknowledgement) = judge(&facts, &policy(mailbox));
        let (what, why) = match &acknowledgement {
            Acknowledgement::Send { reason, .. } => ("send", reason.code),
            Acknowledgement::Withhold(reason) => ("withhold", reason.code),
            Acknowledgement::None => ("none", ""),
        };
        let found = [file, mailbox, verdict.name(), reason.code, what, why].join("\t");
        if found != line {
            faults.push(format!("expected {line}\n   found {found}"));
        }
        for code in [reason.code, why].into_iter().filter(|code| !code.is_empty()) {
            assert_ne!(french(code), french("unknown"), "{code} has no French explanation");
        }
        seen += 1;
    }
    assert_eq!(seen, messages.len(), "each message has its line");
    assert!(seen >= 380, "the corpus is large");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn reports_name_what_bounced_and_for_whom() {
    for (file, original, failed, status) in [
        ("dsn-postfix.eml", "vigie-1@ain.example", "inconnu@example.org", "5.1.1"),
        ("dsn-postfix-delayed.eml", "vigie-2@ain.example", "", "4.4.1"),
        ("dsn-exchange-fr.eml", "vigie-3@ain.example", "parti@bois.example", "5.1.10"),
        ("dsn-gmail.eml", "vigie-4@ain.example", "nulle.part@mail.example", "5.1.1"),
        ("dsn-exim.eml", "vigie-5@ain.example", "casse@example.net", "5.7.1"),
        ("dsn-exim-warning.eml", "vigie-6@ain.example", "", ""),
        ("dsn-qmail.eml", "vigie-7@ain.example", "personne@qmail.example", "5.1.1"),
        ("dsn-mixed-recipients.eml", "", "b@example.org", "4.2.2"),
        ("mdn-displayed.eml", "vigie-9@ain.example", "", ""),
        ("report-arf-abuse.eml", "vigie-10@ain.example", "", ""),
    ] {
        let report = facts(file).report.expect("a report");
        assert_eq!(report.original_message_ids.join(" "), original, "{file}");
        let addresses: Vec<String> = report.failed_recipients.iter().map(ToString::to_string).collect();
        assert_eq!(addresses.join(" "), failed, "{file}");
        assert_eq!(report.status.as_deref().unwrap_or_default(), status, "{file}");
    }
}

#[test]
fn decodes_what_french_clients_write() {
    for (file, subject, name) in [
        ("citizen-thunderbird.eml", "Horaires du point d'accueil numérique", "Alice Martin"),
        ("citizen-split-encoded-words.eml", "Préfecture de l'Ain", "Inès Girard"),
        ("broken-raw-latin1.eml", "Carte grisée", "Hélène Lefèvre"),
        ("broken-raw-latin1-mixed-with-utf8.eml", "déjà vu", "Hélène"),
        ("citizen-webmail-base64-subject.eml", "Déclaration de cession d’un véhicule", "André Lefèvre"),
        ("broken-folding-with-tabs-and-blanks.eml", "sur plusieurs lignes", ""),
        ("broken-nul-octets.eml", "a b c", ""),
    ] {
        let facts = facts(file);
        let words: Vec<&str> = facts.subject.split_whitespace().collect();
        assert_eq!(words.join(" "), subject, "{file}");
        assert_eq!(facts.from_name.as_deref().unwrap_or_default(), name, "{file}");
    }
}

#[test]
fn says_who_asks_and_what_for() {
    for (file, mailbox, requester, nature, rule) in [
        ("citizen-thunderbird.eml", "pref-pan", Requester::Public, Nature::GeneralInfo, "default"),
        ("elus-maire.eml", "pref-elus", Requester::Elected, Nature::Advice, "mairies"),
        ("elus-parlementaire.eml", "pref-elus", Requester::Elected, Nature::Advice, "parlementaires"),
        ("complaint-reclamation.eml", "pref-pan", Requester::Public, Nature::Complaint, "subject_complaint"),
        ("complaint-plainte.eml", "pref-etrangers", Requester::Public, Nature::Complaint, "subject_complaint"),
        ("complaint-suggestion.eml", "pref-pan", Requester::Public, Nature::Suggestion, "subject_suggestion"),
    ] {
        let found = requester_and_nature(&facts(file), &policy(mailbox));
        assert_eq!(found, (requester, nature, rule.to_owned()), "{file}");
    }
}

#[test]
fn notes_what_is_wrong_with_the_form() {
    for (file, defect) in [
        ("broken-empty-file.eml", Defect::NoHeaders),
        ("broken-no-from.eml", Defect::NoSender),
        ("broken-from-unparsable.eml", Defect::UnparsableSender),
        ("broken-duplicate-from.eml", Defect::DuplicateFrom),
        ("broken-duplicate-message-id.eml", Defect::DuplicateMessageId),
        ("broken-no-message-id.eml", Defect::NoMessageId),
        ("broken-absurd-date.eml", Defect::UnreadableDate),
        ("broken-raw-latin1.eml", Defect::RawOctets),
    ] {
        assert!(facts(file).has(defect), "{file}: {defect:?}");
    }
    assert_eq!(facts("citizen-thunderbird.eml").defects, []);
}

#[test]
fn survives_sizes_that_no_mail_has() {
    let head = "From: alice@example.org\nTo: pref-pan@ain.example\n";
    let nested = (0..3_000).map(|n| format!("--b{n}\nContent-Type: multipart/mixed; boundary=b{}\n\n", n + 1));
    let report = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nContent-Type: multipart/report; \
                  report-type=delivery-status; boundary=b0\n\n";
    for (message, verdict) in [
        (format!("{head}Subject: {}\n\n", "x".repeat(5_000_000)), "request"),
        (format!("{head}{}\n", "X-A: b\n".repeat(200_000)), "request"),
        (format!("{head}Cc: {}\n\n", "a@example.org, ".repeat(100_000)), "request"),
        (format!("{head}Auto-Submitted: {}\n\n", "(".repeat(500_000)), "automated"),
        (format!("{head}Subject: {}\n\n", "=?utf-8?Q?x".repeat(6_000)), "request"),
        (format!("{head}Cc: {}\n\n", "=?utf-8?Q?x ".repeat(6_000)), "request"),
        (format!("{head}Subject:{}\n\n", " =?utf-8?Q?=C3?=".repeat(4_000)), "request"),
        (format!("{head}References: {}\n\n", "<a@b> ".repeat(100_000)), "request"),
        (format!("{report}{}", nested.collect::<String>()), "bounce"),
    ] {
        let (found, ..) = judge(&read(message.as_bytes()), &policy("pref-pan"));
        assert_eq!(found.name(), verdict, "{}…", message.chars().take(120).collect::<String>());
    }
}

/// One change of a message's octets.
fn mutated(message: &mut Vec<u8>, at: usize, octet: u8, how: u8) {
    let at = if message.is_empty() { 0 } else { at % message.len() };
    match how % 6 {
        0 => message.iter_mut().skip(at).take(1).for_each(|o| *o = octet),
        1 => message.insert(at, octet),
        2 => drop(message.drain(at..(at + usize::from(octet)).min(message.len()))),
        3 => message.truncate(at),
        4 => {
            let copy: Vec<u8> = message.iter().skip(at).take(usize::from(octet)).copied().collect();
            message.splice(at..at, copy);
        }
        _ => drop(message.splice(at..at, [b'\r', b'\n', octet, b'=', b'?', b'(', b'<', b'"', b'\\'])),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_the_corpus_panics(
        which in 0_usize..1_000,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..40),
    ) {
        let messages = messages();
        let mut message = messages.values().nth(which % messages.len()).cloned().unwrap_or_default();
        for (at, octet, how) in changes {
            mutated(&mut message, at, octet, how);
        }
        judge(&read(&message), &policy("pref-pan"));
        let facts = mail::parse(&message, Some(&message), 0);
        prop_assert_eq!(facts.size, 0);
    }

    #[test]
    fn no_random_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..2_000)) {
        judge(&read(&octets), &policy("pref-pan"));
    }
}
