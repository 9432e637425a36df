//! A blocking IMAP client of a few lines, independent of the one under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, FixedOffset};

use super::process::{PATIENCE, text};
use super::tls;

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One authenticated IMAP session.
pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
    tags: u32,
}

/// All that a server said to one command.
#[derive(Debug)]
pub struct Reply {
    /// The untagged lines, literals in place, as the server sent them.
    pub untagged: Vec<u8>,
    /// The literals of these lines, in order.
    pub literals: Vec<Vec<u8>>,
    /// The tagged line without its tag: `OK …`, `NO …` or `BAD …`.
    pub status: String,
}

impl Client {
    /// Connects without TLS and logs in.
    pub fn login(port: u16, login: &str, password: &str) -> Self {
        Self::start(Box::new(connect(port)), login, password)
    }

    /// Connects with TLS from the first byte and logs in.
    pub fn login_tls(port: u16, ca_file: &Path, login: &str, password: &str) -> Self {
        Self::start(Box::new(tls::client(connect(port), ca_file)), login, password)
    }

    fn start(stream: Box<dyn Stream>, login: &str, password: &str) -> Self {
        let mut client = Self { stream: BufReader::new(stream), tags: 0 };
        let greeting = client.line();
        assert!(greeting.starts_with(b"* OK"), "greeting: {}", text(&greeting));
        client.ok(&format!("LOGIN \"{login}\" \"{password}\""));
        client
    }

    /// Sends one command and reads until its tagged line.
    pub fn command(&mut self, command: &str) -> Reply {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send(format!("{tag} {command}\r\n").as_bytes());
        self.reply(&tag)
    }

    /// Like [`command`](Self::command), and fails unless the server says OK.
    pub fn ok(&mut self, command: &str) -> Reply {
        let reply = self.command(command);
        assert!(reply.status.starts_with("OK"), "{command}: {}", reply.status);
        reply
    }

    /// The answer to a command as text, its untagged lines and its status.
    pub fn say(&mut self, command: &str) -> String {
        let reply = self.command(command);
        format!("{}{}", text(&reply.untagged), reply.status)
    }

    /// Stores a message; `flags` as in `\Seen $Forwarded`. Returns the status line, which holds APPENDUID.
    pub fn append(&mut self, folder: &str, bytes: &[u8], date: Option<DateTime<FixedOffset>>, flags: &str) -> String {
        let date = date.map(|date| format!("\"{}\" ", date.format("%d-%b-%Y %H:%M:%S %z"))).unwrap_or_default();
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        let folder = encode_folder(folder);
        self.send(format!("{tag} APPEND \"{folder}\" ({flags}) {date}{{{}}}\r\n", bytes.len()).as_bytes());
        let go = self.line();
        assert!(go.starts_with(b"+"), "APPEND: {}", text(&go));
        self.send(bytes);
        self.send(b"\r\n");
        let reply = self.reply(&tag);
        assert!(reply.status.starts_with("OK"), "APPEND: {}", reply.status);
        reply.status
    }

    /// Selects a folder by its name in clear.
    pub fn select(&mut self, folder: &str) -> Reply {
        self.ok(&format!("SELECT \"{}\"", encode_folder(folder)))
    }

    /// The bytes of every message of a folder, in the order of their UIDs; sets no flag.
    pub fn messages(&mut self, folder: &str) -> Vec<Vec<u8>> {
        self.ok(&format!("EXAMINE \"{}\"", encode_folder(folder)));
        self.ok("UID FETCH 1:* (BODY.PEEK[])").literals
    }

    fn send(&mut self, bytes: &[u8]) {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).expect("writing to the IMAP server");
        stream.flush().expect("writing to the IMAP server");
    }

    fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("reading from the IMAP server");
        assert!(line.ends_with(b"\n"), "the IMAP server hung up after {:?}", text(&line));
        line
    }

    fn reply(&mut self, tag: &str) -> Reply {
        let mut reply = Reply { untagged: Vec::new(), literals: Vec::new(), status: String::new() };
        let tag = format!("{tag} ");
        loop {
            let line = self.line();
            if let Some(status) = line.strip_prefix(tag.as_bytes()) {
                text(status).trim_end().clone_into(&mut reply.status);
                return reply;
            }
            reply.untagged.extend_from_slice(&line);
            if let Some(size) = literal_size(&line) {
                let mut literal = vec![0; size];
                self.stream.read_exact(&mut literal).expect("reading a literal");
                reply.untagged.extend_from_slice(&literal);
                reply.literals.push(literal);
            }
        }
    }
}

/// A loopback connection that fails rather than wait for ever.
pub fn connect(port: u16) -> TcpStream {
    let stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_or_else(|error| panic!("connecting to {port}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

fn literal_size(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

/// A folder's name in modified UTF-7 (RFC 3501 §5.1.3).
pub fn encode_folder(name: &str) -> String {
    let mut out = String::new();
    let mut wide: Vec<u8> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut out, &mut wide);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            wide.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut out, &mut wide);
    out
}

fn flush(out: &mut String, wide: &mut Vec<u8>) {
    if !wide.is_empty() {
        out.push('&');
        out.push_str(&STANDARD_NO_PAD.encode(&wide).replace('/', ","));
        out.push('-');
        wide.clear();
    }
}
