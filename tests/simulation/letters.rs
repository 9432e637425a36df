//! What they write: the bytes of each kind of mail.

use chrono::{DateTime, Utc};

use super::dice::Dice;
use super::house::DOMAIN;
use super::people::Person;

const TOPICS: &[&str] = &[
    "titre de séjour",
    "renouvellement de récépissé",
    "permis de conduire perdu",
    "carte grise",
    "passeport pour mineur",
    "rendez-vous en ligne impossible",
    "naturalisation",
    "regroupement familial",
    "association loi 1901",
    "manifestation sportive",
    "certificat d’immatriculation",
    "changement d’adresse",
    "attestation de dépôt",
    "visite médicale du permis",
    "déclaration de détention d’arme",
    "document de circulation",
    "duplicata",
    "legs",
    "subvention DETR",
    "contrôle de légalité",
    "arrêté municipal",
    "élections",
    "débit de boissons",
    "taxi",
];
const OPENINGS: &[&str] =
    &["", "Demande : ", "Question sur ", "Urgent : ", "Information ", "Besoin d’aide, ", "Suivi de dossier, "];

/// A subject, as people write it.
pub fn subject(dice: &mut Dice) -> String {
    let opening = *dice.pick(OPENINGS);
    format!("{opening}{} ({})", dice.pick(TOPICS), dice.between(1, 99_999))
}

/// What a mail needs to be written.
pub struct Letter<'a> {
    pub from: &'a Person,
    /// The mailbox's name.
    pub to: &'a str,
    pub subject: &'a str,
    pub id: &'a str,
    /// The Message-ID that it answers.
    pub answers: Option<&'a str>,
    pub at: DateTime<Utc>,
}

fn encoded(subject: &str) -> String {
    use base64::Engine as _;
    format!("=?UTF-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(subject))
}

fn head(letter: &Letter<'_>, extra: &str) -> String {
    let Letter { from, to, subject, id, at, .. } = letter;
    let date = at.to_rfc2822();
    let thread = letter.answers.map_or_else(String::new, |id| format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n"));
    format!(
        "Return-Path: <{address}>\r\nDelivered-To: {to}@{DOMAIN}\r\nReceived: from mx.example.org (mx.example.org \
         [192.0.2.1])\r\n\tby imap.{DOMAIN} with LMTP; {date}\r\nFrom: {name} <{address}>\r\nTo: <{to}@{DOMAIN}>\r\n\
         Subject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\n{thread}{extra}MIME-Version: 1.0\r\n",
        address = from.address,
        name = from.name,
        subject = encoded(subject),
    )
}

/// An ordinary mail.
pub fn plain(letter: &Letter<'_>) -> Vec<u8> {
    format!("{}Content-Type: text/plain\r\n\r\nBonjour,\r\n", head(letter, "")).into_bytes()
}

/// The two copies of a mail that is addressed to two mailboxes: each server's trace names its own.
pub fn to_both(mail: &[u8], first: &str, second: &str) -> [Vec<u8>; 2] {
    let alone = format!("\r\nTo: <{first}@{DOMAIN}>\r\n");
    let both = format!("\r\nTo: <{first}@{DOMAIN}>, <{second}@{DOMAIN}>\r\n");
    let text = String::from_utf8_lossy(mail).replace(&alone, &both);
    let trace = |name: &str| format!("\r\nDelivered-To: {name}@{DOMAIN}\r\n");
    [text.clone().into_bytes(), text.replace(&trace(first), &trace(second)).into_bytes()]
}

/// A mail with header fields that make it a machine's or a list's.
pub fn marked(letter: &Letter<'_>, fields: &str) -> Vec<u8> {
    format!("{}Content-Type: text/plain\r\n\r\nBonjour,\r\n", head(letter, fields)).into_bytes()
}

/// What an agent sends: from the mailbox, or from the agent's own address with the mailbox in copy.
pub fn reply(letter: &Letter<'_>, to: &Person, by_agent: bool) -> Vec<u8> {
    let Letter { to: mailbox, subject, id, at, .. } = letter;
    let parent = letter.answers.unwrap_or_default();
    let (from, copy) = if by_agent {
        (format!("agent.{mailbox}@{DOMAIN}"), format!("Cc: <{mailbox}@{DOMAIN}>\r\n"))
    } else {
        (format!("{mailbox}@{DOMAIN}"), String::new())
    };
    format!(
        "From: <{from}>\r\nTo: <{}>\r\n{copy}Subject: {}\r\nDate: {}\r\nMessage-ID: <{id}>\r\nIn-Reply-To: <{parent}>\r\n\
         References: <{parent}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nBonjour,\r\n",
        to.address,
        encoded(subject),
        at.to_rfc2822(),
    )
    .into_bytes()
}

/// What an agent of the first mailbox forwards to the second: `ids` are its own Message-ID and the one that it names.
pub fn forward((from, to): (&str, &str), subject: &str, (id, parent): (&str, &str), at: DateTime<Utc>) -> Vec<u8> {
    let (subject, date) = (encoded(&format!("TR : {subject}")), at.to_rfc2822());
    format!(
        "From: <{from}@{DOMAIN}>\r\nTo: <{to}@{DOMAIN}>\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\n\
         In-Reply-To: <{parent}>\r\nReferences: <{parent}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n\
         Pour attribution.\r\n"
    )
    .into_bytes()
}

/// A delivery report about the acknowledgement `about`, which did not reach its person.
pub fn bounce(letter: &Letter<'_>, about: &str) -> Vec<u8> {
    let Letter { from, to, id, at, .. } = letter;
    let (address, date) = (&from.address, at.to_rfc2822());
    format!(
        "Return-Path: <>\r\nDelivered-To: {to}@{DOMAIN}\r\nFrom: MAILER-DAEMON@mx.example.org\r\nTo: <{to}@{DOMAIN}>\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nDate: {date}\r\nMessage-ID: <{id}>\r\nAuto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nunknown user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{about}>\r\nTo: <{address}>\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}
