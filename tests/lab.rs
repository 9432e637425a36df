//! The test servers themselves: each one starts, does what the other tests ask of it, and goes away.

mod support;

use support::dovecot::{Dovecot, Filled, MailFolder, Options};
use support::imap::Client;
use support::process::text;
use support::tls::Authority;

const PAN: &str = "pref-pan@ain.example.org";
const MAIL: &[u8] = b"From: Alice <alice@example.org>\r\nTo: pref-pan@ain.example.org\r\nSubject: Titre\r\n\
    Message-ID: <a1@example.org>\r\n\r\nBonjour\r\n.\r\nfin\r\n";

#[test]
fn dovecot_delivers_appends_and_shows_messages() {
    let dovecot = Dovecot::start(&[(PAN, "secret")]);
    dovecot.deliver(PAN, MAIL);
    let date = chrono::DateTime::parse_from_rfc3339("2026-05-07T16:50:00+02:00").unwrap();
    let status = dovecot.append(PAN, "Éléments envoyés", MAIL, Some(date), "\\Seen");
    assert!(status.contains("APPENDUID"), "{status}");
    let delivered = dovecot.messages(PAN, "INBOX");
    assert_eq!(delivered.len(), 1);
    assert!(text(&delivered[0]).contains("\r\nBonjour\r\n.\r\nfin\r\n"), "{}", text(&delivered[0]));
    let mut imap = dovecot.imap(PAN);
    imap.select("Éléments envoyés");
    let said = imap.say("UID FETCH 1:* (INTERNALDATE FLAGS)");
    assert!(said.contains("7-May-2026 16:50:00 +0200") || said.contains("7-May-2026 14:50:00 +0000"), "{said}");
    assert!(said.contains("\\Seen"), "{said}");
    assert!(
        imap.say("LIST \"\" \"*\" RETURN (SPECIAL-USE)").contains("\\Sent) \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\"")
    );
}
