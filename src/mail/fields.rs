//! A block of octets → its header fields, whatever the line endings; nothing is decoded here.

/// The longest field name that is believed to be one.
const MAX_NAME_OCTETS: usize = 120;
/// The most fields that are read of one block; what follows is ignored.
const MAX_FIELDS: usize = 20_000;

/// One header field: the name as written, the value still folded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'x> {
    /// The name, without the colon.
    pub name: &'x [u8],
    /// All that follows the colon, line breaks of the folding included.
    pub value: &'x [u8],
}

/// The fields of a block, in order, up to the first empty line.
pub(super) fn fields(block: &[u8]) -> Fields<'_> {
    Fields { rest: without_preamble(block), line_end: line_end_of(block), left: MAX_FIELDS }
}

/// Iterates over the fields of a block.
#[derive(Debug)]
pub(super) struct Fields<'x> {
    rest: &'x [u8],
    line_end: u8,
    left: usize,
}

impl<'x> Iterator for Fields<'x> {
    type Item = Field<'x>;

    fn next(&mut self) -> Option<Field<'x>> {
        while self.left > 0 && !self.rest.is_empty() {
            let (line, mut rest) = cut_line(self.rest, self.line_end);
            if is_empty_line(line) {
                self.rest = &[];
                return None;
            }
            let mut length = line.len();
            while matches!(rest.first(), Some(b' ' | b'\t')) {
                let (continuation, after) = cut_line(rest, self.line_end);
                length += continuation.len();
                rest = after;
            }
            let whole = self.rest.get(..length).unwrap_or(line);
            self.rest = rest;
            self.left -= 1;
            if let Some(field) = field_of(whole) {
                return Some(field);
            }
        }
        None
    }
}

/// Splits at the first empty line, which belongs to neither; without one, all is header.
pub(super) fn split_at_empty_line(raw: &[u8]) -> (&[u8], &[u8]) {
    let line_end = line_end_of(raw);
    let mut rest = raw;
    let mut read = 0;
    while !rest.is_empty() {
        let (line, after) = cut_line(rest, line_end);
        if is_empty_line(line) {
            return (raw.get(..read).unwrap_or(raw), after);
        }
        read += line.len();
        rest = after;
    }
    (raw, &[])
}

/// The lines of a text, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line_end = line_end_of(text);
    text.split(move |octet| *octet == line_end).map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// What stands before a header block in a file without belonging to it: a byte order mark, empty lines, an mbox line.
pub(super) fn without_preamble(raw: &[u8]) -> &[u8] {
    let mut rest = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    while let Some((b'\r' | b'\n', after)) = rest.split_first() {
        rest = after;
    }
    let mbox = rest.strip_prefix(b">").unwrap_or(rest).strip_prefix(b"From ");
    // `From : alice@example.org` is a field in the obsolete syntax (RFC 5322 §4.5).
    if mbox.is_some_and(|after| !after.trim_ascii_start().starts_with(b":")) {
        rest = cut_line(rest, line_end_of(rest)).1;
    }
    rest
}

/// A lone CR ends lines only where no LF does: inside a line it is noise, and must not smuggle a field in.
fn line_end_of(block: &[u8]) -> u8 {
    if block.contains(&b'\n') || !block.contains(&b'\r') { b'\n' } else { b'\r' }
}

/// The first line with its end, and what follows.
fn cut_line(text: &[u8], line_end: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|octet| *octet == line_end) {
        Some(at) => text.split_at_checked(at + 1).unwrap_or((text, &[])),
        None => (text, &[]),
    }
}

fn is_empty_line(line: &[u8]) -> bool {
    line.iter().all(|octet| matches!(octet, b'\r' | b'\n'))
}

fn field_of(line: &[u8]) -> Option<Field<'_>> {
    let colon = line.iter().take(MAX_NAME_OCTETS).position(|octet| *octet == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    // RFC 5322 §3.6.8: printable US-ASCII but the colon.
    let readable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    readable.then(|| Field { name, value: value.get(1..).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(block: &[u8], expected: &[(&str, &str)]) {
        let found: Vec<(String, String)> = fields(block)
            .map(|f| {
                (
                    String::from_utf8_lossy(f.name).into_owned(),
                    String::from_utf8_lossy(f.value.trim_ascii()).into_owned(),
                )
            })
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(block));
    }

    #[test]
    fn reads_fields_up_to_the_empty_line() {
        check(b"A: 1\r\nB: 2\r\n\r\nC: 3\r\n", &[("A", "1"), ("B", "2")]);
        check(b"A: 1\nB : 2", &[("A", "1"), ("B", "2")]);
        check(b"A: 1\rB: 2\r\rC: 3", &[("A", "1"), ("B", "2")]);
    }

    #[test]
    fn keeps_a_folded_value_together() {
        check(b"A: 1\r\n 2\r\n\t3\r\nB: 4\r\n", &[("A", "1\r\n 2\r\n\t3"), ("B", "4")]);
    }

    #[test]
    fn skips_what_is_no_field() {
        check(b"From alice Mon\nA: 1\nnonsense\nb c: 2\n: 3\nD: 4\n", &[("A", "1"), ("D", "4")]);
        check(b"\xEF\xBB\xBF\r\n\r\nA: 1", &[("A", "1")]);
        check(b"", &[]);
        check(b"\x00\xFF\xFE", &[]);
    }

    #[test]
    fn a_lone_cr_inside_a_line_smuggles_no_field_in() {
        check(b"Subject: x\rAuto-Submitted: no\r\nTo: y\r\n", &[("Subject", "x\rAuto-Submitted: no"), ("To", "y")]);
    }

    #[test]
    fn splits_header_and_body() {
        assert_eq!(split_at_empty_line(b"A: 1\r\n\r\nbody\r\n\r\nx"), (&b"A: 1\r\n"[..], &b"body\r\n\r\nx"[..]));
        assert_eq!(split_at_empty_line(b"A: 1\n\nbody"), (&b"A: 1\n"[..], &b"body"[..]));
        assert_eq!(split_at_empty_line(b"A: 1"), (&b"A: 1"[..], &b""[..]));
        assert_eq!(split_at_empty_line(b""), (&b""[..], &b""[..]));
    }
}
