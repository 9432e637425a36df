//! A blocking SMTP and LMTP client of a few lines, independent of the one under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::imap::connect;
use super::process::text;
use super::tls;

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One SMTP session, greeted.
pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    /// Connects in clear and reads the greeting.
    pub fn connect(port: u16) -> Self {
        Self::greeted(Box::new(connect(port)))
    }

    /// Connects with TLS from the first byte.
    pub fn connect_tls(port: u16, ca_file: &Path) -> Self {
        Self::greeted(Box::new(tls::client(connect(port), ca_file)))
    }

    /// Connects in clear, then STARTTLS.
    pub fn connect_starttls(port: u16, ca_file: &Path) -> Self {
        let mut clear = BufReader::new(connect(port));
        let mut ask = |say: &str| {
            clear.get_mut().write_all(say.as_bytes()).expect("writing to SMTP");
            read_reply(&mut clear)
        };
        assert!(ask("").starts_with("220"));
        ask("EHLO essai.example.org\r\n");
        let said = ask("STARTTLS\r\n");
        assert!(said.starts_with("220"), "STARTTLS: {said}");
        let stream: TcpStream = clear.into_inner();
        Self { stream: BufReader::new(Box::new(tls::client(stream, ca_file))) }
    }

    fn greeted(stream: Box<dyn Stream>) -> Self {
        let mut client = Self { stream: BufReader::new(stream) };
        let said = read_reply(&mut client.stream);
        assert!(said.starts_with("220"), "greeting: {said}");
        client
    }

    /// Sends bytes and returns the reply, all its lines.
    pub fn say(&mut self, bytes: &[u8]) -> String {
        self.stream.get_mut().write_all(bytes).expect("writing to SMTP");
        self.stream.get_mut().flush().expect("writing to SMTP");
        read_reply(&mut self.stream)
    }

    /// Sends one line and fails unless the reply begins with `code`.
    pub fn expect(&mut self, line: &str, code: &str) -> String {
        let said = self.say(format!("{line}\r\n").as_bytes());
        assert!(said.starts_with(code), "{line}: {said}");
        said
    }

    /// AUTH PLAIN; the reply.
    pub fn authenticate(&mut self, login: &str, password: &str) -> String {
        self.say(format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{login}\0{password}"))).as_bytes())
    }

    /// One message from `sender` (`""` for none) to `recipient`; the reply to its final dot.
    pub fn send(&mut self, sender: &str, recipient: &str, bytes: &[u8]) -> String {
        self.expect(&format!("MAIL FROM:<{sender}>"), "250");
        self.expect(&format!("RCPT TO:<{recipient}>"), "250");
        self.expect("DATA", "354");
        self.say(&dot_stuffed(bytes))
    }
}

/// One message to a server in clear, as another mail server would send it; fails unless it is accepted.
pub fn relay(port: u16, sender: &str, recipient: &str, bytes: &[u8]) {
    let mut client = Client::connect(port);
    client.expect("EHLO essai.example.org", "250");
    let said = client.send(sender, recipient, bytes);
    assert!(said.starts_with("250"), "{said}");
    client.expect("QUIT", "221");
}

/// One message to an LMTP server; fails unless it is accepted.
pub fn lmtp(port: u16, sender: &str, recipient: &str, bytes: &[u8]) {
    let mut client = Client::connect(port);
    client.expect("LHLO essai.example.org", "250");
    let said = client.send(sender, recipient, bytes);
    assert!(said.starts_with("250"), "{said}");
    client.expect("QUIT", "221");
}

/// Whether the server on `port` greets, as IMAP, LMTP and SMTP servers do.
pub fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)) else { return false };
    if stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).is_err() {
        return false;
    }
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).is_ok_and(|size| size > 0)
}

/// A message as DATA wants it: CRLF, leading dots doubled, ended by a dot.
pub fn dot_stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for line in bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

fn read_reply(stream: &mut impl BufRead) -> String {
    let mut reply = String::new();
    loop {
        let mut line = Vec::new();
        let size = stream.read_until(b'\n', &mut line).unwrap_or_else(|error| panic!("no reply: {error} ({reply})"));
        assert!(size > 0, "the server hung up after {reply:?}");
        reply.push_str(&text(&line));
        if line.get(3) != Some(&b'-') {
            return reply;
        }
    }
}
