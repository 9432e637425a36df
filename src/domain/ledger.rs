//! The ledger's entries: canonical bytes, and the chain that makes any rewriting show.
//!
//! # The canonical encoding
//!
//! An entry is one JSON object in the canonical form of RFC 8785 (JCS), restricted to what vigie needs: keys in
//! ascending order, no white space, UTF-8, strings escaped as RFC 8785 §3.2.2.2 says, integers without exponent, no
//! floating point, no `null` (a missing value is a missing key). Its keys are `kind`, `mailbox`, `occurred_at`,
//! `payload`, `previous`, `recorded_at`, `request` and `seq`; instants are RFC 3339 in UTC with milliseconds;
//! `previous` is the hash of the entry before, sixty-four zeros for the first.
//!
//! The hash of an entry is the SHA-256 of these bytes, in lower-case hexadecimal. It is not part of the object. Any
//! JCS implementation rebuilds the bytes: in Python,
//! `json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.
//!
//! Personal data (address, name, subject) never enter a payload: only digests keyed per person do, so that a purge
//! leaves the chain verifiable.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

/// The hash that the first entry names as its previous one.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A value of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A list.
    List(Vec<Value>),
}

/// What an entry says: named values, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload(BTreeMap<&'static str, Value>);

impl Payload {
    /// An empty payload.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, Value::Text(value.into()));
        self
    }

    /// Adds a text where there is one.
    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds an integer.
    #[must_use]
    pub fn int(mut self, name: &'static str, value: i64) -> Self {
        self.0.insert(name, Value::Int(value));
        self
    }

    /// Adds a truth value.
    #[must_use]
    pub fn flag(mut self, name: &'static str, value: bool) -> Self {
        self.0.insert(name, Value::Bool(value));
        self
    }

    /// Adds an instant.
    #[must_use]
    pub fn instant(self, name: &'static str, value: DateTime<Utc>) -> Self {
        self.text(name, rfc3339(value))
    }

    /// Adds a list of texts.
    #[must_use]
    pub fn list(mut self, name: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        self.0.insert(name, Value::List(values.into_iter().map(Value::Text).collect()));
        self
    }

    /// The payload's canonical JSON.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(64 + 32 * self.0.len());
        out.push('{');
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_string(&mut out, name);
            out.push(':');
            write_value(&mut out, value);
        }
        out.push('}');
        out
    }
}

/// An entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When the fact happened.
    pub occurred_at: DateTime<Utc>,
    /// What kind of fact: `request_opened`, `acknowledgement_settled`…
    pub kind: &'static str,
    /// The mailbox concerned.
    pub mailbox: Option<String>,
    /// The reference of the request concerned.
    pub request: Option<String>,
    /// What the fact is.
    pub payload: Payload,
}

/// An entry in its place: what the store keeps, and what the verifier reads back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place, from 1, without holes.
    pub seq: i64,
    /// When the fact happened.
    pub occurred_at: DateTime<Utc>,
    /// When it was written down.
    pub recorded_at: DateTime<Utc>,
    /// What kind of fact.
    pub kind: String,
    /// The mailbox concerned.
    pub mailbox: Option<String>,
    /// The reference of the request concerned.
    pub request: Option<String>,
    /// The payload's canonical JSON.
    pub payload: String,
    /// The hash of the entry before, in hexadecimal.
    pub previous: String,
    /// The hash of this entry, in hexadecimal.
    pub hash: String,
}

impl LedgerEntry {
    /// The bytes that the hash covers (see the module's head).
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(256 + self.payload.len());
        out.push_str("{\"kind\":");
        write_string(&mut out, &self.kind);
        if let Some(mailbox) = &self.mailbox {
            out.push_str(",\"mailbox\":");
            write_string(&mut out, mailbox);
        }
        out.push_str(",\"occurred_at\":");
        write_string(&mut out, &rfc3339(self.occurred_at));
        out.push_str(",\"payload\":");
        out.push_str(&self.payload);
        out.push_str(",\"previous\":");
        write_string(&mut out, &self.previous);
        out.push_str(",\"recorded_at\":");
        write_string(&mut out, &rfc3339(self.recorded_at));
        if let Some(request) = &self.request {
            out.push_str(",\"request\":");
            write_string(&mut out, request);
        }
        let _ = write!(out, ",\"seq\":{}}}", self.seq);
        out
    }

    /// The hash that the entry should have.
    #[must_use]
    pub fn expected_hash(&self) -> String {
        hex(&Sha256::digest(self.canonical().as_bytes()))
    }
}

/// The end of the chain, to which the next entry is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The place of the last entry; 0 for an empty ledger.
    pub seq: i64,
    /// The hash of the last entry; [`GENESIS`] for an empty ledger.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned() }
    }
}

impl Head {
    /// Gives a draft its place after this head, and moves the head on.
    pub fn chain(&mut self, draft: Draft, recorded_at: DateTime<Utc>) -> LedgerEntry {
        let mut entry = LedgerEntry {
            seq: self.seq + 1,
            occurred_at: draft.occurred_at,
            recorded_at,
            kind: draft.kind.to_owned(),
            mailbox: draft.mailbox,
            request: draft.request,
            payload: draft.payload.canonical(),
            previous: std::mem::take(&mut self.hash),
            hash: String::new(),
        };
        entry.hash = entry.expected_hash();
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
        entry
    }
}

/// What a walk over the chain found first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An entry is missing, doubled or out of order.
    Place {
        /// The place that was expected.
        expected: i64,
        /// The place that was found.
        found: i64,
    },
    /// An entry does not name the entry before it.
    Link {
        /// Where.
        seq: i64,
    },
    /// An entry's content is not what its hash says.
    Content {
        /// Where.
        seq: i64,
    },
}

impl Fault {
    /// The place of the first entry that cannot be believed.
    #[must_use]
    pub fn seq(&self) -> i64 {
        match self {
            Self::Place { expected, .. } => *expected,
            Self::Link { seq } | Self::Content { seq } => *seq,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Place { expected, found } => write!(f, "entry {expected} is missing: entry {found} stands there"),
            Self::Link { seq } => write!(f, "entry {seq} does not follow from the entry before it"),
            Self::Content { seq } => write!(f, "entry {seq} is not what its hash says"),
        }
    }
}

impl Head {
    /// Checks that an entry follows from this head, and moves the head on.
    pub fn follow(&mut self, entry: &LedgerEntry) -> Result<(), Fault> {
        if entry.seq != self.seq + 1 {
            return Err(Fault::Place { expected: self.seq + 1, found: entry.seq });
        }
        if entry.previous != self.hash {
            return Err(Fault::Link { seq: entry.seq });
        }
        if entry.hash != entry.expected_hash() {
            return Err(Fault::Content { seq: entry.seq });
        }
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
        Ok(())
    }
}

/// An instant as the ledger writes it: RFC 3339, UTC, milliseconds.
#[must_use]
pub fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Octets from hexadecimal; `None` where there is anything else.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect())
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) => write_string(out, text),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, value);
            }
            out.push(']');
        }
    }
}

/// Writes a JSON string as RFC 8785 §3.2.2.2 escapes it.
fn write_string(out: &mut String, text: &str) {
    let escaped = |c: char| c == '"' || c == '\\' || c < ' ';
    out.push('"');
    // Stretches without anything to escape, nearly all of every entry, are copied whole.
    for stretch in text.split_inclusive(escaped) {
        let mut chars = stretch.chars();
        match chars.next_back().filter(|c| escaped(*c)) {
            Some(c) => {
                out.push_str(chars.as_str());
                write_escaped(out, c);
            }
            None => out.push_str(stretch),
        }
    }
    out.push('"');
}

fn write_escaped(out: &mut String, c: char) {
    match c {
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        c if c < ' ' => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => out.extend(['\\', c]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("in range")
    }

    fn chain(length: i64) -> Vec<LedgerEntry> {
        let mut head = Head::default();
        (0..length)
            .map(|n| {
                let draft = Draft {
                    occurred_at: at(n),
                    kind: "request_opened",
                    mailbox: Some("pref-étrangers".into()),
                    request: Some(format!("ETR-2026-{n:06}")),
                    payload: Payload::new().int("limit", 5).text("note", "é\"\\\n\u{1}"),
                };
                head.chain(draft, at(n + 1))
            })
            .collect()
    }

    fn verify(entries: &[LedgerEntry]) -> Result<Head, Fault> {
        let mut head = Head::default();
        entries.iter().try_for_each(|entry| head.follow(entry)).map(|()| head)
    }

    #[test]
    fn escapes_what_rfc_8785_names_and_nothing_else() {
        for (text, written) in [
            ("", r#""""#),
            ("Délibération du 28 avril/\u{7f}", "\"Délibération du 28 avril/\u{7f}\""),
            ("a\"b\\\\c\"", r#""a\"b\\\\c\"""#),
            ("\u{8}\t\n\u{c}\r\0\u{1f}é", r#""\b\t\n\f\r\u0000\u001fé""#),
        ] {
            let mut out = String::new();
            write_string(&mut out, text);
            assert_eq!(out, written);
        }
    }

    #[test]
    fn encodes_as_the_test_vector_says() {
        let entries = chain(1);
        assert_eq!(
            entries[0].canonical(),
            "{\"kind\":\"request_opened\",\"mailbox\":\"pref-étrangers\",\"occurred_at\":\"1970-01-01T00:00:00.000Z\",\
             \"payload\":{\"limit\":5,\"note\":\"é\\\"\\\\\\n\\u0001\"},\"previous\":\"0000000000000000000000000000000000\
             000000000000000000000000000000\",\"recorded_at\":\"1970-01-01T00:00:01.000Z\",\
             \"request\":\"ETR-2026-000000\",\"seq\":1}"
        );
        assert_eq!(entries[0].hash, entries[0].expected_hash());
    }

    #[test]
    fn an_untouched_chain_verifies() {
        let entries = chain(5);
        assert_eq!(verify(&entries).map(|head| head.seq), Ok(5));
    }

    #[test]
    fn finds_a_changed_entry_a_hole_and_a_swap() {
        let mut changed = chain(5);
        changed[2].payload = changed[2].payload.replace('5', "6");
        assert_eq!(verify(&changed), Err(Fault::Content { seq: 3 }));

        let mut hole = chain(5);
        hole.remove(2);
        assert_eq!(verify(&hole), Err(Fault::Place { expected: 3, found: 4 }));

        let mut rehashed = chain(5);
        rehashed[2].kind = "request_closed".into();
        rehashed[2].hash = rehashed[2].expected_hash();
        assert_eq!(verify(&rehashed), Err(Fault::Link { seq: 4 }));
    }
}
