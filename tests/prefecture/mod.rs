//! An invented prefecture for the tests of the judge: three mailboxes, their policies, and an ordinary moment.
#![expect(clippy::expect_used, reason = "what is written here can be parsed, or the tests are worth nothing")]

use chrono::{DateTime, TimeDelta, Utc};
use vigie::domain::acknowledge::{Moment, SentCounts};
use vigie::domain::address::Address;
use vigie::domain::calendar::Territory;
use vigie::domain::classify::FolderRole;
use vigie::domain::nature::NatureRule;
use vigie::domain::policy::{
    Limits, MailboxPolicy, Mode, Nature, RecipientRule, Requester, RequesterRule, SentCopy, Watch,
};

/// An address.
pub fn address(text: &str) -> Address {
    Address::parse(text).expect("an address of the corpus")
}

/// An instant in UTC.
pub fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant of the corpus").to_utc()
}

/// The mailbox that a line of the corpus names.
pub fn policy(name: &str) -> MailboxPolicy {
    let rule = |id: &str, pattern: &str, requester| RequesterRule {
        id: id.to_owned(),
        pattern: pattern.to_owned(),
        requester,
        nature: Some(Nature::Advice),
    };
    MailboxPolicy {
        name: name.to_owned(),
        address: address(&format!("{name}@ain.example")),
        aliases: if name == "pref-pan" { vec![address("contact@ain.example")] } else { Vec::new() },
        bureau: "Accueil".to_owned(),
        reference_prefix: if name == "pref-pan" { "PAN" } else { "DOS" }.to_owned(),
        mode: Mode::Acknowledge,
        territory: Territory::default(),
        zone: chrono_tz::Europe::Paris,
        acknowledge_max_age: TimeDelta::days(3),
        recipient_rule: RecipientRule::From,
        internal_opens_request: name == "pref-elus",
        acknowledge_internal: false,
        acknowledge_unaddressed: false,
        internal_domains: vec!["ain.example".to_owned()],
        our_addresses: ["pref-pan", "pref-etrangers", "pref-elus", "jeanne.agent"]
            .map(|local| address(&format!("{local}@ain.example")))
            .to_vec(),
        trusted_servers: vec!["mx.ain.example".to_owned()],
        no_reply_senders: vec!["robot-*@*".to_owned()],
        form_senders: vec!["ne-pas-repondre@formulaires.example".to_owned(), "contact-web@ain.example".to_owned()],
        requesters: vec![
            rule("mairies", "*@mairie-*.example", Requester::Elected),
            rule("parlementaires", "*@depute-*.example", Requester::Elected),
        ],
        natures: NatureRule::usual(),
        default_nature: Nature::GeneralInfo,
        commitments: Vec::new(),
        perimeter: Vec::new(),
        limits: Limits::default(),
        gestures: Vec::new(),
        holding_subjects: Vec::new(),
        texts: Vec::new(),
        sent_copy: SentCopy::Never,
    }
}

/// The moment just after a message's receipt, long after the mailbox was switched on, with nothing sent yet.
pub fn moment(policy: &MailboxPolicy, received: Option<DateTime<Utc>>) -> Moment<'_> {
    let now = instant("2026-05-07T15:00:00Z");
    Moment {
        policy,
        watch: Some(Watch {
            watched_since: instant("2026-01-01T00:00:00Z"),
            acknowledging_since: Some(instant("2026-02-01T00:00:00Z")),
        }),
        folder: FolderRole::Inbox,
        received_at: received.unwrap_or(now),
        now,
        sent: SentCounts::default(),
        recent: &[],
        undeliverable: false,
        already_acknowledged: false,
    }
}
