//! The first lines of a message's text, for the rules that look at them. They are judged by and forgotten: nothing of them
//! is stored, logged or shown.

use mail_parser::MessageParser;

/// Lines that are looked at.
const MAX_LINES: usize = 12;
/// Characters that are looked at.
const MAX_CHARS: usize = 800;
/// Octets of the beginning of a body that are read for it.
const MAX_OCTETS: usize = 32 * 1024;

/// The first lines that the author wrote: neither empty nor quoted. `None` where no text can be read.
#[must_use]
pub fn first_lines(header: &[u8], start: &[u8]) -> Option<String> {
    let start = start.get(..MAX_OCTETS).unwrap_or(start);
    let mut message = header.to_vec();
    if !message.ends_with(b"\r\n\r\n") && !message.ends_with(b"\n\n") {
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(start);
    let parsed = MessageParser::default().parse(&message)?;
    let text = parsed.body_text(0)?;
    let own = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('>'));
    let lines: Vec<&str> = own.take(MAX_LINES).collect();
    Some(lines.join("\n").chars().take(MAX_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_author_s_own_first_lines_in_any_form() {
        let header = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
                       Content-Transfer-Encoding: quoted-printable\r\n\r\n";
        let lines = first_lines(header, b"Bonjour,\r\n\r\n> cit=E9\r\nje suis m=E9content.\r\n").expect("a text");
        assert_eq!(lines, "Bonjour,\nje suis m\u{e9}content.");
        let html = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
        let lines = first_lines(html, "<p>Réclamation</p><p>…</p>".as_bytes()).expect("a text");
        assert!(lines.starts_with("Réclamation"), "{lines}");
    }

    #[test]
    fn is_bounded() {
        let lines = first_lines(b"From: a@example.org\r\n\r\n", "mot ".repeat(50_000).as_bytes()).expect("a text");
        assert!(lines.chars().count() <= MAX_CHARS);
    }
}
