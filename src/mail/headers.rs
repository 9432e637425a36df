//! Header values that come from a stranger's message, made fit for ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

/// The most Message-IDs in References: the first and the newest are kept (as the thread's root and branch).
const MAX_REFERENCES: usize = 20;
/// The longest Message-ID that is repeated; one alone must fit on a line (RFC 5322 §2.1.1).
const MAX_MESSAGE_ID: usize = 250;
/// The longest quotation of a subject, in characters.
const MAX_SUBJECT: usize = 70;
/// The longest name of a requester that is repeated, in characters.
const MAX_NAME: usize = 60;
/// How many `Re:` and `TR:` are taken off a subject.
const MAX_PREFIXES: usize = 10;
/// The longest Thread-Index that is continued, in octets: 22, and 5 for each answer.
const MAX_THREAD_INDEX: usize = 22 + 5 * 100;
/// Top-level domains that mail programs link without a scheme and that no word, name or abbreviation ends in; `fr` is none:
/// subjects name `service-public.fr`.
const LINK_ENDINGS: &[&str] = &[
    "com", "net", "org", "info", "biz", "xyz", "top", "online", "site", "website", "click", "link", "shop", "store",
    "club", "live", "vip", "icu", "buzz", "app", "dev", "io", "ly", "ru", "cn", "tk", "ml", "ga", "cf", "gq", "cc",
    "ws", "ink",
];
/// Link shorteners under other domains.
const SHORTENERS: &[&str] = &[
    "t.co",
    "goo.gl",
    "is.gd",
    "v.gd",
    "tiny.cc",
    "urlz.fr",
    "urlr.me",
    "s.id",
    "rb.gy",
    "lc.cx",
    "shorturl.at",
    "lnk.bio",
    "cutt.us",
    "t.me",
    "wa.me",
    "dub.sh",
    "u.to",
    "qr.ae",
    "youtu.be",
    "linktr.ee",
    "amzn.to",
    "n9.cl",
    "did.li",
    "bl.ink",
];
/// 100-nanosecond ticks between 1601 (FILETIME) and 1970.
const FILETIME_EPOCH: i64 = 116_444_736_000_000_000;

/// A Message-ID that can be repeated, in its brackets; `None` for one that would break the header or a mail server.
pub(super) fn bracketed(message_id: &str) -> Option<String> {
    let id = message_id.trim().trim_start_matches('<').trim_end_matches('>');
    let fits =
        !id.is_empty() && id.len() <= MAX_MESSAGE_ID && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>".contains(&b));
    fits.then(|| format!("<{id}>"))
}

/// References of an answer (RFC 5322 §3.6.4): the parent's, then the parent; the oldest and the newest when too many.
pub(super) fn references(parents: &[String], parent: Option<&str>) -> Option<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in parents.iter().map(String::as_str).chain(parent).filter_map(bracketed) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > MAX_REFERENCES {
        ids.drain(1..=ids.len() - MAX_REFERENCES);
    }
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// The subject as it may be quoted: one line, no control or direction characters, no answer prefixes, shortened.
/// `None` where nothing is left, or where it carries a link: an acknowledgement must not carry a stranger's link to an
/// address that the stranger may have forged.
pub(super) fn quotable_subject(subject: &str) -> Option<String> {
    let line = one_line(subject);
    let mut rest = line.as_str();
    for _ in 0..MAX_PREFIXES {
        let Some((head, tail)) = rest.split_once(':') else { break };
        if !["re", "ré", "fw", "fwd", "tr", "aw", "sv", "wg"].contains(&head.trim().to_lowercase().as_str()) {
            break;
        }
        rest = tail.trim_start();
    }
    if rest.is_empty() || has_link(rest) { None } else { Some(shortened(rest, MAX_SUBJECT)) }
}

/// The requester's name as it may be repeated; `None` where it does not look like a name.
pub(super) fn quotable_name(name: &str) -> Option<String> {
    let name = one_line(name);
    let allowed = |c: char| c.is_alphabetic() || " -'’.,".contains(c);
    let fits = name.chars().count() <= MAX_NAME && name.chars().all(allowed) && name.chars().any(char::is_alphabetic);
    (fits && !has_link(&name)).then_some(name)
}

/// Whether a mail program, or a reader, would make a link of a part of the text.
fn has_link(text: &str) -> bool {
    let text = text.to_lowercase();
    let parts = text.split(|c: char| c.is_whitespace() || "()<>[]{}\"'«»’,;:|".contains(c));
    text.contains("://") || text.contains("www.") || text.contains("mailto:") || parts.into_iter().any(is_bare_link)
}

/// A link without its scheme: `evil.example/login`, `bit.ly`, `evil.com`; not `art.12/3`, `m.dupont`, `service-public.fr`.
fn is_bare_link(part: &str) -> bool {
    let (host, path) = part.split_once(['/', '?', '#']).unwrap_or((part, ""));
    let host = host.rsplit('@').next().unwrap_or(host).trim_matches(|c: char| !c.is_alphanumeric());
    let labels: Vec<&str> = host.split('.').collect();
    let ([first, .., last], false) = (labels.as_slice(), labels.contains(&"")) else { return false };
    let numeric = labels.len() == 4 && labels.iter().all(|label| label.parse::<u8>().is_ok());
    let named = last.chars().count() > 1 && last.chars().all(char::is_alphabetic);
    let worded = path.chars().any(char::is_alphabetic);
    // An abbreviation before a name has no other second part.
    let reached = worded && (numeric || (named && first.chars().count() > 1));
    let listed = LINK_ENDINGS.contains(last) && (!part.contains('@') || worded);
    reached || listed || SHORTENERS.contains(&host)
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let cut: String = text.chars().take(limit).collect();
    // At a word's end, unless that loses half of it.
    let end = cut.rfind(' ').filter(|end| *end > cut.len() / 2).unwrap_or(cut.len());
    format!("{}…", cut.get(..end).unwrap_or(&cut).trim_end())
}

/// The text on one line, without characters that hide or turn other characters; no-break spaces stay.
pub(super) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}');
    let visible = text.chars().map(|c| if breaks(c) { ' ' } else { c }).filter(|c| !is_hidden(*c));
    visible.collect::<String>().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text with its lines, without the same characters.
pub(super) fn lines(text: &str) -> String {
    text.lines().map(|line| line.chars().filter(|c| !is_hidden(*c)).collect::<String>()).collect::<Vec<_>>().join("\n")
}

/// Control characters, and those that change the direction of what follows or cannot be seen (Unicode TR 36): the property
/// `Default_Ignorable_Code_Point`, annotations and the replacement character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffd}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Outlook's Thread-Index of an answer: the parent's, and five octets for this mail ([MS-OXOMSG] 2.2.1.3): whether the
/// distance is long, the distance in time from the thread's start, and a number that here comes from the effect's id.
pub(super) fn thread_index(parent: &str, date: DateTime<Utc>, effect_id: &str) -> Option<String> {
    let mut index = STANDARD.decode(parent.split_whitespace().collect::<String>()).ok()?;
    let fits = index.len() >= 22 && (index.len() - 22).is_multiple_of(5) && index.len() + 5 <= MAX_THREAD_INDEX;
    if !fits {
        return None;
    }
    // The first six octets are the upper ones of the start's FILETIME.
    let start = index.iter().take(6).fold(0_u64, |ticks, octet| (ticks << 8) | u64::from(*octet)) << 16;
    let now = date.timestamp_micros().checked_mul(10)?.checked_add(FILETIME_EPOCH)?;
    let distance = u64::try_from(now).ok()?.saturating_sub(start);
    let long = distance >> 49 != 0;
    let bits = u32::try_from((distance >> if long { 23 } else { 18 }) & 0x7fff_ffff).ok()?;
    index.extend_from_slice(&(bits | if long { 1 << 31 } else { 0 }).to_be_bytes());
    index.push(*Sha256::digest(effect_id.as_bytes()).first()?);
    Some(STANDARD.encode(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_a_subject_on_one_line_without_answer_prefixes() {
        for (subject, expected) in [
            ("Demande de rendez-vous", Some("Demande de rendez-vous")),
            ("RE: TR : Re: carte grise", Some("carte grise")),
            ("a\r\nBcc: x@y", Some("a Bcc: x@y")),
            ("  espaces \t multiples ", Some("espaces multiples")),
            ("urgent\u{202e}gnitucexe", Some("urgentgnitucexe")),
            ("gagnez sur https://example.com", None),
            ("carte\u{ad} gri\u{61c}se\u{e0041} \u{3164}ici\u{fe0f}\u{2066}", Some("carte grise ici")),
            ("w\u{ad}ww.example.fr", None),
            ("", None),
            ("Re:", None),
        ] {
            assert_eq!(quotable_subject(subject).as_deref(), expected, "{subject}");
        }
    }

    #[test]
    fn quotes_no_link_without_a_scheme_and_every_ordinary_subject() {
        for subject in [
            "voir bit.ly/abc",
            "evil.example/login",
            "(evil.com)",
            "gagnez : evil.com.",
            "t.co",
            "192.0.2.1/login",
            "login@evil.example/x",
            "prefecture.fr?jeton=x",
        ] {
            assert_eq!(quotable_subject(subject), None, "{subject}");
        }
        for subject in [
            "Demande au titre de l’art.12",
            "Art. L.112-7 du CRPA",
            "M.Dupont",
            "M.Dupont/Mme.Martin",
            "S.A.R.L. Martin",
            "Dossier 2026.05/12",
            "Version 1.2.3.4",
            "Rendez-vous du 12.05.2026 à 10h/11h",
            "et/ou",
            "Titre de séjour...urgent",
            "service-public.fr ne répond pas",
            "mon adresse jeanne@example.com a changé",
        ] {
            assert_eq!(quotable_subject(subject).as_deref(), Some(subject));
        }
    }

    #[test]
    fn shortens_a_long_subject_at_a_word() {
        let subject = quotable_subject(&"mot ".repeat(40)).expect("a subject");
        assert!(subject.ends_with("mot…") && subject.chars().count() <= MAX_SUBJECT + 1, "{subject}");
        assert_eq!(quotable_subject(&"é".repeat(200)).map(|s| s.chars().count()), Some(MAX_SUBJECT + 1));
    }

    #[test]
    fn repeats_only_what_looks_like_a_name() {
        assert_eq!(quotable_name("Jean-Élie d’Ain, M.").as_deref(), Some("Jean-Élie d’Ain, M."));
        for name in ["gagnez 100 euros", "www.example.com", "<b>x</b>", "", "--", &"a".repeat(61)] {
            assert_eq!(quotable_name(name), None, "{name}");
        }
    }

    #[test]
    fn keeps_the_oldest_and_the_newest_references() {
        let parents: Vec<String> = (0..50).map(|n| format!("{n}@example.org")).collect();
        let references = references(&parents, Some("parent@example.org")).expect("references");
        let ids: Vec<&str> = references.split(' ').collect();
        assert_eq!(ids.len(), MAX_REFERENCES);
        assert_eq!((ids[0], ids[1], ids[19]), ("<0@example.org>", "<32@example.org>", "<parent@example.org>"));
    }

    #[test]
    fn leaves_out_ids_that_would_break_the_header() {
        let parents =
            ["a b".to_owned(), "ok@x".to_owned(), "x>\r\nBcc: y".to_owned(), "é@x".to_owned(), "a".repeat(300)];
        assert_eq!(references(&parents, Some("ok@x")).as_deref(), Some("<ok@x>"));
        assert_eq!(references(&[], None), None);
    }

    #[test]
    fn continues_a_thread_index_by_five_octets() {
        let start: DateTime<Utc> = "2026-05-07T14:50:00Z".parse().expect("a date");
        let ticks = (start.timestamp_micros() * 10 + FILETIME_EPOCH).to_be_bytes();
        let parent: Vec<u8> = ticks[..6].iter().copied().chain([7; 16]).collect();
        let later = start + chrono::TimeDelta::hours(1);
        let index = thread_index(&STANDARD.encode(&parent), later, "effect-1").expect("continued");
        let bytes = STANDARD.decode(index).expect("base64");
        assert_eq!((&bytes[..22], bytes.len()), (&parent[..], 27));
        let distance = u32::from_be_bytes([bytes[22], bytes[23], bytes[24], bytes[25]]);
        // 3 600 s in units of 2^18 ticks of 100 ns, and what the truncation of the start adds.
        assert!((137_329..=137_330).contains(&distance), "{distance}");
    }

    #[test]
    fn leaves_out_a_thread_index_that_is_none() {
        let date: DateTime<Utc> = "2026-05-07T14:50:00Z".parse().expect("a date");
        for parent in ["", "###", "AAAA", &STANDARD.encode([1; 23]), &STANDARD.encode([1; 22 + 5 * 200])] {
            assert_eq!(thread_index(parent, date, "e"), None, "{parent}");
        }
    }
}
