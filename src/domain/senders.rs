//! Addresses that no human reads: mail systems, lists, robots, mailing services (RFC 3834 §2, RFC 5230 §4.6).

use super::address::Address;
use super::policy::{MailboxPolicy, matches_pattern};
use super::subjects::folded;

/// Local parts that no human reads, without separators: `no-reply`, `ne_pas_repondre`, `DoNotReply`…
const NO_REPLY_NAMES: &[&str] = &[
    "noreply",
    "donotreply",
    "donotrespond",
    "dontreply",
    "noanswer",
    "nepasrepondre",
    "nepasreponse",
    "sansreponse",
    "pasdereponse",
    "noresponder",
    "noresponse",
    "naoresponda",
    "norispondere",
    "nonrispondere",
    "nichtantworten",
    "keineantwort",
    "geenantwoord",
    "noemail",
    "unattended",
];

/// Local parts of mail systems, list managers and robots, without separators.
const SYSTEM_NAMES: &[&str] = &[
    "mailerdaemon",
    "maildaemon",
    "maildeliverysystem",
    "postmaster",
    "listserv",
    "listserver",
    "listproc",
    "majordomo",
    "sympa",
    "mailman",
    "ezmlm",
    "bounce",
    "bounces",
    "doublebounce",
    "root",
    "daemon",
    "nobody",
    "wwwdata",
    "httpd",
    "apache",
    "cron",
    "nagios",
    "zabbix",
    "wordpress",
    "robot",
    "autoresponder",
    "autoreply",
    "autorespond",
    "notification",
    "notifications",
];

/// How the display names of mail servers begin, lower case.
const SYSTEM_TITLES: &[&str] = &["mail delivery s", "mail deliver s", "mailer-daemon", "mailer daemon"];

/// Beginnings and endings of the local parts of lists and their bounces.
const LIST_HEADS: &[&str] = &["owner-", "bounce-", "bounces-", "bounce+", "bounces+", "return-"];
const LIST_TAILS: &[&str] = &["-request", "-owner", "-bounces", "-bounce", "-return"];

/// Marks of an envelope address that forwarders and relays rewrote from a human's: SRS, BATV, Gmail's forwarding.
const REWRITTEN_HEADS: &[&str] = &["srs0", "srs1", "prvs=", "btv1=="];
const REWRITTEN_MIDDLES: &[&str] = &["+srs=", "+srs0=", "+caf_="];

/// The pattern by which nobody reads what is sent to an address.
pub(super) fn no_reply<'p>(address: &Address, policy: &'p MailboxPolicy) -> Option<&'p str> {
    let canonical = address.canonical();
    let configured = policy.no_reply_senders.iter().find(|pattern| matches_pattern(pattern, &canonical));
    configured.map(String::as_str).or_else(|| built_in_no_reply(address.local()))
}

fn built_in_no_reply(local: &str) -> Option<&'static str> {
    let local = folded(local);
    // Words are joined from each of them on: `facture.ne-pas-repondre` is one, `bruno.reply` is none.
    let words: Vec<&str> = local.split(['-', '_', '.', '+']).collect();
    let joined = |from: usize| words.iter().skip(from).copied().collect::<String>();
    // Not the dots: `c.ron` is a person.
    let whole = local.replace(['-', '_'], "");
    let exact = SYSTEM_NAMES.iter().find(|name| whole == **name);
    let listed = || {
        let head = LIST_HEADS.iter().find(|head| local.starts_with(**head));
        head.or_else(|| LIST_TAILS.iter().find(|tail| local.ends_with(**tail)))
    };
    let named =
        || (0..words.len()).find_map(|from| NO_REPLY_NAMES.iter().find(|name| joined(from).starts_with(**name)));
    exact.or_else(listed).or_else(named).copied()
}

/// Whether an address is a mail server's own: `MAILER-DAEMON`, with or without a tag behind.
pub(super) fn is_daemon(address: &Address) -> bool {
    let local: String = address.local().chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    let local = local.to_ascii_lowercase();
    local.starts_with("mailerdaemon") || local == "maildaemon"
}

/// Whether a display name is a mail server's.
pub(super) fn is_system_title(name: &str) -> bool {
    let name = folded(name);
    SYSTEM_TITLES.iter().any(|title| name.starts_with(title))
}

/// Whether an envelope address was rewritten on the way from a human's (SRS, BATV, Gmail's forwarding).
pub(super) fn is_rewritten(address: &Address) -> bool {
    let local = address.local().to_ascii_lowercase();
    REWRITTEN_HEADS.iter().any(|head| local.starts_with(head))
        || REWRITTEN_MIDDLES.iter().any(|middle| local.contains(middle))
}

/// Whether an envelope address carries another one inside (VERP): a list's or a mailing service's.
pub(super) fn is_verp(address: &Address) -> bool {
    address.local().contains('=') && !is_rewritten(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_addresses_that_nobody_reads() {
        for (local, expected) in [
            ("noreply", true),
            ("No-Reply", true),
            ("no_reply", true),
            ("ne-pas-repondre", true),
            ("nepasrépondre", true),
            ("merci-de-ne-pas-repondre", true),
            ("facturation.ne-pas-repondre", true),
            ("noreply+42", true),
            ("DoNotReply", true),
            ("MAILER-DAEMON", true),
            ("postmaster", true),
            ("Post_Master", true),
            ("bounces+123", true),
            ("liste-request", true),
            ("owner-liste", true),
            ("listserv", true),
            ("www-data", true),
            ("notifications", true),
            ("bruno.reply", false),
            ("bruno", false),
            ("request", false),
            ("mairie", false),
            ("replay", false),
            ("no", false),
            ("c.ron", false),
            ("mercier", false),
        ] {
            assert_eq!(built_in_no_reply(local).is_some(), expected, "{local}");
        }
    }

    #[test]
    fn knows_envelopes_that_carry_an_address() {
        for (address, expected) in [
            ("liste-return-12-pref-pan=ain.example@listes.example", true),
            ("srs0=ab=cd=orange.example=alice@forwarder.example", false),
            ("SRS1=x==y@forwarder.example", false),
            ("bounces+SRS=44ldt=IX@forwarder.example", false),
            ("alice+SRS=44ldt=IX=example.org=alice@forwarder.example", false),
            ("prvs=123abc=alice@example.org", false),
            ("alice+caf_=pref-pan=ain.example@mail.example", false),
            ("alice@example.org", false),
        ] {
            assert_eq!(Address::parse(address).map(|a| is_verp(&a)), Some(expected), "{address}");
        }
    }

    #[test]
    fn knows_mail_servers() {
        for (address, expected) in [
            ("MAILER-DAEMON@example.org", true),
            ("mailer_daemon@example.org", true),
            ("Mailer-Daemon-12@example.org", true),
            ("daemon@example.org", false),
        ] {
            assert_eq!(Address::parse(address).map(|a| is_daemon(&a)), Some(expected), "{address}");
        }
    }
}
