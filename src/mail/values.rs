//! The value of one field → what it says. The only door to mail-parser: each call is given one unfolded, decoded line,
//! bounded in length, and a panic inside it costs that one field, never the message.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Utc};
use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address as Parsed, ContentType, HeaderValue};

use crate::domain::address::Address;

use super::words::mend;

/// The longest value that is read; the rest of a longer one is ignored.
const MAX_VALUE_OCTETS: usize = 65_536;
/// The most encoded words that are decoded of one value: mail-parser looks for the end of each that has none through
/// the whole line.
const MAX_ENCODED_WORDS: usize = 1_000;
/// The most addresses that are kept of one field.
const MAX_ADDRESSES: usize = 2_000;
/// The most Message-IDs that are kept of one field: the newest ones count.
const MAX_IDS: usize = 200;
/// The longest line that RFC 5322 §2.1.1 allows, and so the longest Message-ID and subject that are kept.
const MAX_LINE_CHARS: usize = 998;
/// The most tokens that are kept of a list.
const MAX_TOKENS: usize = 32;
/// The longest token that is kept.
const MAX_TOKEN_CHARS: usize = 64;
/// Years outside are absurd: no mail was dated before, none of ours will be dated after.
const YEARS: std::ops::RangeInclusive<i32> = 1980..=2100;

/// One mailbox of an address field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// The display name.
    pub name: Option<String>,
    /// The address, where it can be parsed.
    pub address: Option<Address>,
}

/// A value on one line: unfolded, UTF-8 or else windows-1252, without control characters.
pub(super) fn line(value: &[u8]) -> Cow<'_, str> {
    let value = value.get(..MAX_VALUE_OCTETS).unwrap_or(value).trim_ascii();
    let text = match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        // mail-parser would put U+FFFD; older French clients write windows-1252.
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(value).0,
    };
    if text.bytes().any(|octet| octet.is_ascii_control()) {
        // The white space that begins a continuation line stands for the whole folding (RFC 5322 §2.2.3).
        Cow::Owned(text.replace("\r\n", "").replace('\n', "").replace(|c: char| c.is_ascii_control(), " "))
    } else {
        text
    }
}

/// Runs mail-parser on one line. `None` where it panics.
fn guarded<T>(line: &str, read: impl FnOnce(HeaderValue<'_>) -> T, kind: Kind) -> Option<T> {
    let mut text = mend(line).into_owned();
    if text.matches("=?").nth(MAX_ENCODED_WORDS).is_some() {
        text = text.replace("=?", "= ?");
    }
    text.push('\n');
    catch_unwind(AssertUnwindSafe(|| {
        let mut stream = MessageStream::new(text.as_bytes());
        read(match kind {
            Kind::Text => stream.parse_unstructured(),
            Kind::Addresses => stream.parse_address(),
            Kind::Date => stream.parse_date(),
            Kind::ContentType => stream.parse_content_type(),
        })
    }))
    .ok()
}

/// The grammars that are left to mail-parser.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Addresses,
    Date,
    ContentType,
}

/// A text with its encoded words (RFC 2047) decoded, on one line.
pub(super) fn text(line: &str) -> String {
    let decoded = if line.contains("=?") {
        guarded(line, |value| value.into_text().map(Cow::into_owned), Kind::Text).flatten()
    } else {
        None
    };
    one_line(decoded.as_deref().unwrap_or(line))
}

fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_LINE_CHARS).collect();
    let trimmed = clean.trim();
    if trimmed.len() == clean.len() { clean } else { trimmed.to_owned() }
}

/// The mailboxes of an address field, those of groups included.
pub(super) fn mailboxes(line: &str) -> Vec<Mailbox> {
    let read = |value: HeaderValue<'_>| match value {
        HeaderValue::Address(Parsed::List(list)) => list.iter().take(MAX_ADDRESSES).map(mailbox).collect(),
        HeaderValue::Address(Parsed::Group(groups)) => {
            groups.iter().flat_map(|group| &group.addresses).take(MAX_ADDRESSES).map(mailbox).collect()
        }
        _ => Vec::new(),
    };
    let found: Vec<Mailbox> = guarded(line, read, Kind::Addresses).unwrap_or_default();
    if found.iter().any(|mailbox| mailbox.address.is_some()) {
        return found;
    }
    // Some clients encode the whole field, address included, against RFC 2047 §5.
    let whole = || if line.contains("=?") { lenient(&text(line)) } else { None };
    lenient(line).or_else(whole).map_or(found, |one| vec![one])
}

/// The addresses of an address field, as far as they can be parsed.
pub(super) fn addresses(line: &str) -> Vec<Address> {
    mailboxes(line).into_iter().filter_map(|mailbox| mailbox.address).collect()
}

/// Whether one author of an address field names two addresses outside its brackets, as where another field was folded
/// into it: `a@b.example Bcc: c@d.example`.
pub(super) fn is_ambiguous(line: &str) -> bool {
    let (mut bare, mut quoted, mut bracketed, mut escaped) = (String::new(), false, false, false);
    for c in without_comments(line).chars() {
        quoted ^= c == '"' && !escaped && !bracketed;
        bracketed = (bracketed || (c == '<' && !quoted)) && (c != '>' || quoted);
        if !quoted && !bracketed && c != '"' {
            bare.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    bare.split([',', ';']).any(|author| {
        let label = author.split_once(':').is_some_and(|(label, _)| label.contains('@'));
        let after = author.split_once('>').is_some_and(|(_, after)| after.contains('@'));
        label
            || after
            || author.split_whitespace().filter(|word| word.contains('@') && !word.starts_with("=?")).count() > 1
    })
}

fn mailbox(addr: &Addr<'_>) -> Mailbox {
    let name = addr.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Mailbox { name, address: addr.address.as_deref().and_then(address) }
}

/// One address; needless quotes around the local part are taken off (RFC 5322 §3.4.1), needed ones make it unusable.
pub(super) fn address(text: &str) -> Option<Address> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    match text.strip_prefix('"').and_then(|rest| rest.rsplit_once("\"@")) {
        Some((local, domain)) => Address::parse(&format!("{local}@{domain}")),
        None => Address::parse(text),
    }
}

/// The one address of a field that is no address list by the grammar: `a@b.example <a@b.example>`, `"a"@b.example`.
fn lenient(line: &str) -> Option<Mailbox> {
    let (name, rest) = line.rsplit_once('<').unwrap_or(("", line));
    let written = rest.split('>').next()?;
    // A route before the address (RFC 5322 §4.4) is obsolete, and says nothing of whose it is.
    let unrouted = written.strip_prefix('@').and_then(|routed| routed.split_once(':')).map(|(_, address)| address);
    let bare = unrouted.unwrap_or(written).trim_start();
    let address = address(bare.strip_prefix("mailto:").unwrap_or(bare))?;
    let name = Some(text(name.trim().trim_matches('"'))).filter(|name| !name.is_empty());
    Some(Mailbox { name, address: Some(address) })
}

/// The Message-IDs of a field, without brackets; of a field without brackets, its one word.
pub(super) fn ids(line: &str) -> Vec<String> {
    let mut ids: Vec<String> = line
        .split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>'))
        .map(|(id, _)| id.split_whitespace().collect::<String>())
        .filter(|id| !id.is_empty() && id.len() <= MAX_LINE_CHARS)
        .collect();
    let bare = line.trim().trim_matches(['<', '>']);
    if ids.is_empty() && !bare.is_empty() && bare.len() <= MAX_LINE_CHARS && !bare.contains(char::is_whitespace) {
        ids.push(bare.to_owned());
    }
    if ids.len() > MAX_IDS {
        ids.drain(..ids.len() - MAX_IDS);
    }
    ids
}

/// A date; `None` where it cannot be read or is absurd.
pub(super) fn date(line: &str) -> Option<DateTime<Utc>> {
    let read = guarded(line, |value| value.as_datetime().copied(), Kind::Date).flatten();
    // mail-parser wants seconds before a zone written in letters, RFC 5322 §3.3 does not.
    let at = match read {
        Some(read) => instant(&read),
        None => DateTime::parse_from_rfc2822(line.trim()).ok().map(|at| at.to_utc()),
    };
    at.filter(|at| YEARS.contains(&at.year()))
}

fn instant(read: &mail_parser::DateTime) -> Option<DateTime<Utc>> {
    let offset = i32::from(read.tz_hour) * 3600 + i32::from(read.tz_minute) * 60;
    let zone = FixedOffset::east_opt(if read.tz_before_gmt { -offset } else { offset })?;
    let day = NaiveDate::from_ymd_opt(i32::from(read.year), u32::from(read.month), u32::from(read.day))?;
    // A leap second (RFC 5322 §3.3) counts as the second before it.
    let second = u32::from(if read.second == 60 { 59 } else { read.second });
    let local = day.and_hms_opt(u32::from(read.hour), u32::from(read.minute), second)?;
    local.and_local_timezone(zone).single().map(|at| at.to_utc())
}

/// A media type, with the parameters that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// `type/subtype`, lower case.
    pub name: String,
    /// What delimits the parts of a multipart.
    pub boundary: Option<String>,
    /// What a `multipart/report` reports, lower case.
    pub report_type: Option<String>,
    /// The method of a calendar message (RFC 5546), lower case.
    pub method: Option<String>,
}

/// The value of a Content-Type field.
pub(super) fn content_type(line: &str) -> Option<Media> {
    guarded(line, |value| value.as_content_type().map(media), Kind::ContentType).flatten()
}

fn media(read: &ContentType<'_>) -> Media {
    let name = match read.c_subtype.as_deref() {
        Some(subtype) => format!("{}/{subtype}", read.c_type),
        None => read.c_type.to_string(),
    };
    Media {
        name: name.to_ascii_lowercase(),
        boundary: read.attribute("boundary").map(str::to_owned).filter(|boundary| !boundary.is_empty()),
        report_type: read.attribute("report-type").map(token),
        method: read.attribute("method").map(token),
    }
}

/// A text without its comments (RFC 5322 §3.2.2), nested ones included; an open comment swallows the rest.
pub(super) fn without_comments(text: &str) -> Cow<'_, str> {
    if !text.contains('(') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in text.chars() {
        let opens = c == '(' && !quoted && !escaped;
        let closes = c == ')' && !quoted && !escaped && depth > 0;
        depth += usize::from(opens);
        if depth == 0 {
            out.push(c);
        }
        depth -= usize::from(closes);
        quoted ^= c == '"' && !escaped && depth == 0;
        escaped = c == '\\' && !escaped;
    }
    Cow::Owned(out)
}

/// The keyword of a value such as Auto-Submitted's (RFC 3834 §5): lower case, without comments and parameters. Of
/// garbage, its first word. `None` where nothing is written.
pub(super) fn keyword(line: &str) -> Option<String> {
    let first_word = |text: &str| {
        let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '"'));
        words.find(|word| !word.is_empty()).map(token)
    };
    first_word(&without_comments(line)).or_else(|| first_word(line))
}

/// The tokens of a list, lower case, however they are separated.
pub(super) fn tokens(line: &str) -> Vec<String> {
    without_comments(line)
        .split(|c: char| c.is_whitespace() || matches!(c, ';' | ','))
        .filter(|word| !word.is_empty())
        .take(MAX_TOKENS)
        .map(token)
        .collect()
}

fn token(word: &str) -> String {
    word.chars().take(MAX_TOKEN_CHARS).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_keyword_through_comments_parameters_and_case() {
        for (value, expected) in [
            ("auto-replied", Some("auto-replied")),
            ("No", Some("no")),
            ("no; x=y", Some("no")),
            ("(c) No (d)", Some("no")),
            ("(a (nested \\) one) b) auto-generated (why)", Some("auto-generated")),
            ("auto-replied(vacation);owner-email=\"a@b\"", Some("auto-replied")),
            ("no(auto-replied)", Some("no")),
            ("\"no\"", Some("no")),
            ("zorglub 42", Some("zorglub")),
            ("(never closed", Some("(never")),
            ("", None),
            ("  ;", None),
        ] {
            assert_eq!(keyword(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn reads_addresses_in_every_shape() {
        for (value, expected) in [
            ("alice@example.org", "alice@example.org"),
            ("Alice <alice@example.org>", "alice@example.org"),
            ("\"Martin, Alice\" <alice@example.org>, Bob <bob@example.org>", "alice@example.org bob@example.org"),
            ("alice@example.org <alice@example.org>", "alice@example.org"),
            ("alice@example.org (Alice (Martin))", "alice@example.org"),
            ("\"alice\"@example.org", "alice@example.org"),
            ("<\"alice\"@example.org>", "alice@example.org"),
            ("Élus: a@example.org, B <b@example.org>;, c@example.org", "a@example.org b@example.org c@example.org"),
            ("undisclosed-recipients:;", ""),
            ("<>", ""),
            ("", ""),
            ("Alice", ""),
            ("<\"alice martin\"@example.org>", ""),
            ("=?utf-8?Q?Andr=C3=A9?= <andre@préfecture.example>", "andre@xn--prfecture-c4a.example"),
            ("<@relay.example:alice@example.org>", "alice@example.org"),
            ("<mailto:alice@example.org>", "alice@example.org"),
            ("=?utf-8?Q?Alice_=3Calice=40example.org=3E?=", "alice@example.org"),
            ("Alice <@a.example,@b.example:alice@example.org>", "alice@example.org"),
            ("Pete(A nice \\) chap) <pete(his account)@silly.example(his host)>", "pete@silly.example"),
        ] {
            let found: Vec<String> = addresses(value).iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), expected, "{value}");
        }
    }

    #[test]
    fn sees_two_addresses_in_one_author() {
        for (value, expected) in [
            ("jeanne@example.net Bcc: evil@evil.example", true),
            ("jeanne@example.net\tBcc: <evil@evil.example>", true),
            ("Jeanne <jeanne@example.net> Bcc: evil@evil.example", true),
            ("jeanne@example.net evil@evil.example", true),
            ("alice@example.org <alice@example.org>", false),
            ("\"a@b.example: c@d.example\" <alice@example.org>", false),
            ("Élus: a@example.org, B <b@example.org>;, c@example.org", false),
            ("Alice <@a.example,@b.example:alice@example.org>", false),
            ("mailto:alice@example.org", false),
            ("Pete(A nice \\) chap) <pete(his account)@silly.example(his host)>", false),
            ("\"Never closed a@b.example: <alice@example.org>", false),
        ] {
            assert_eq!(is_ambiguous(value), expected, "{value}");
        }
    }

    #[test]
    fn decodes_a_subject_on_one_line() {
        for (value, expected) in [
            ("Bonjour", "Bonjour"),
            ("=?utf-8?B?Q2FydGUgZ3Jpc8OpZQ==?=", "Carte grisée"),
            ("=?iso-8859-1?Q?Pr=E9fecture?= de l'Ain", "Préfecture de l'Ain"),
            ("=?utf-8?Q?Pr=C3?= =?utf-8?Q?=A9fecture?=", "Préfecture"),
            ("=?x-nowhere?Q?abc?=", "abc"),
            ("=?utf-8?Q?jamais fini", "=?utf-8?Q?jamais fini"),
            ("", ""),
        ] {
            assert_eq!(text(value), expected, "{value}");
        }
    }

    #[test]
    fn reads_raw_octets_as_utf8_or_else_windows_1252() {
        assert_eq!(line("Préfecture".as_bytes()), "Préfecture");
        assert_eq!(line(b"Pr\xE9fecture \x80"), "Préfecture €");
        assert_eq!(line(b" a\r\n b\x00c\rd "), "a b c d");
    }

    #[test]
    fn refuses_absurd_dates() {
        for (value, expected) in [
            ("Thu, 7 May 2026 16:50:00 +0200", Some("2026-05-07T14:50:00+00:00")),
            ("07 May 26 16:50 GMT", Some("2026-05-07T16:50:00+00:00")),
            ("Thu, 7 May 2026 23:59:60 +0000 (UTC)", Some("2026-05-07T23:59:59+00:00")),
            ("Thu, 7 May 1026 16:50:00 +0200", None),
            ("Thu, 7 May 9999 16:50:00 +0200", None),
            ("Thu, 37 May 2026 16:50:00 +0200", None),
            ("jeudi", None),
            ("", None),
        ] {
            assert_eq!(date(value).map(|at| at.to_rfc3339()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn reads_message_ids_even_badly_written() {
        for (value, expected) in [
            ("<a@b>", "a@b"),
            ("<a@b> <c@d>", "a@b c@d"),
            ("<a@b><c@d> (comment)", "a@b c@d"),
            ("a@b", "a@b"),
            ("Your message of Monday <a@b>", "a@b"),
            ("Your message of Monday", ""),
            ("<a b@c>", "ab@c"),
            ("<a@b", "a@b"),
            ("<>", ""),
        ] {
            assert_eq!(ids(value).join(" "), expected, "{value}");
        }
    }
}
