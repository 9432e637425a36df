//! Encoded words (RFC 2047) that cut a character in two, mended before mail-parser decodes each on its own.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_parser::decoders::quoted_printable::quoted_printable_decode_char;

/// The longest encoded word that is looked at; RFC 2047 §2 allows 75 characters, some clients write whole subjects.
const MAX_WORD_OCTETS: usize = 4_096;

/// Base64 as mail clients write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Joins neighbouring UTF-8 words of which one is no whole text by itself; leaves everything else as it is.
pub(super) fn mend(line: &str) -> Cow<'_, str> {
    if line.matches("=?").nth(1).is_none() {
        return Cow::Borrowed(line);
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("=?") {
        let (before, from_word) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let run = Run::read(from_word);
        run.write(&mut out);
        rest = run.rest;
        if run.source.is_empty() {
            out.push_str("=?");
            rest = from_word.strip_prefix("=?").unwrap_or_default();
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Neighbouring UTF-8 words, separated by white space only.
struct Run<'x> {
    /// The octets that the words carry, together.
    octets: Vec<u8>,
    /// Whether a word alone is no UTF-8.
    cut: bool,
    /// The words as written; empty where there is none.
    source: &'x str,
    /// What follows.
    rest: &'x str,
}

impl<'x> Run<'x> {
    fn read(text: &'x str) -> Self {
        let mut run = Self { octets: Vec::new(), cut: false, source: "", rest: text };
        while let Some((octets, rest)) = utf8_word(run.rest.trim_start()) {
            run.cut |= std::str::from_utf8(&octets).is_err();
            run.octets.extend(octets);
            run.rest = rest;
            run.source = text.strip_suffix(rest).unwrap_or(text);
        }
        run
    }

    fn write(&self, out: &mut String) {
        if !self.cut || std::str::from_utf8(&self.octets).is_err() {
            out.push_str(self.source);
            return;
        }
        out.push_str("=?utf-8?Q?");
        for octet in &self.octets {
            // Writing into a String cannot fail.
            let _ = write!(out, "={octet:02X}");
        }
        out.push_str("?=");
    }
}

/// One UTF-8 encoded word at the beginning of a text: its octets, and what follows it.
fn utf8_word(text: &str) -> Option<(Vec<u8>, &str)> {
    let window = text.get(..text.floor_char_boundary(MAX_WORD_OCTETS))?;
    let (charset, rest) = window.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (data, rest) = rest.split_once("?=")?;
    let rest = text.get(window.len() - rest.len()..)?;
    let charset = charset.split('*').next()?;
    if !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("utf8") {
        return None;
    }
    match encoding {
        "B" | "b" => Some((BASE64.decode(data).ok()?, rest)),
        "Q" | "q" => Some((q_octets(data)?, rest)),
        _ => None,
    }
}

/// The Q encoding of RFC 2047 §4.2.
fn q_octets(data: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(data.len());
    let mut rest = data.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'=' => quoted_printable_decode_char(rest.next()?, rest.next()?)?,
            b'_' => b' ',
            other => other,
        });
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn joins_words_that_cut_a_character() {
        for (line, expected) in [
            ("plain", "plain"),
            ("=?utf-8?Q?a?= =?utf-8?Q?b?=", "=?utf-8?Q?a?= =?utf-8?Q?b?="),
            ("x =?utf-8?Q?=C3?= =?utf-8?B?qQ==?= y", "x =?utf-8?Q?=C3=A9?= y"),
            ("=?utf-8?Q?=C3?= =?utf-8?Q?=C3?=", "=?utf-8?Q?=C3?= =?utf-8?Q?=C3?="),
            ("=?iso-8859-1?Q?=E9?= =?utf-8?Q?=C3=A9?=", "=?iso-8859-1?Q?=E9?= =?utf-8?Q?=C3=A9?="),
            ("=?=?=?", "=?=?=?"),
            ("=?utf-8?Q?a?=<x@y.example>, =?utf-8?Q?=C3?=", "=?utf-8?Q?a?=<x@y.example>, =?utf-8?Q?=C3?="),
        ] {
            assert_eq!(mend(line), expected, "{line}");
        }
    }
}
