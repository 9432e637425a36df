//! The one `exec` under every command.
//!
//! A `Wire` is a line to the server with its parser (`async-imap`'s reading half). It believes a tagged OK and nothing
//! else: NO and BAD are errors that carry the server's words; BYE, end of file, silence and what cannot be parsed are
//! errors after which the wire refuses to be used. So is a future dropped in the middle of a command: the wire is
//! marked as unusable when a command starts, and as usable again only when its tagged answer has come.
//!
//! Commands are written by us rather than by `async-imap`, which would log passwords at its trace level and has no way
//! to send a literal or to log in after PREAUTH.

use std::borrow::Cow;
use std::io;
use std::panic::AssertUnwindSafe;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use async_imap::Client;
use futures_util::FutureExt as _;
use imap_proto::{MailboxDatum, Response, Status};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio::time::timeout;

use super::endpoint::{Deadlines, Link};
use super::error::{Error, ServerText};

/// A piece of a command.
enum Part<'a> {
    /// Sent as it is.
    Text(Cow<'a, str>),
    /// Announced by its length, sent when the server is ready (RFC 3501 §4.3).
    Literal(Cow<'a, [u8]>),
    /// A line of its own, sent when the server asks for it (RFC 3501 §6.2.2).
    Line(&'a [u8]),
}

/// A command and its arguments.
pub(super) struct Command<'a> {
    name: &'static str,
    parts: Vec<Part<'a>>,
}

impl<'a> Command<'a> {
    /// A command without arguments, by the name that errors will bear.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, parts: vec![Part::Text(Cow::Borrowed(name))] }
    }

    /// Adds text that is already in the protocol's form.
    pub(super) fn text(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds a space and a string.
    pub(super) fn string(self, value: &str) -> Self {
        self.text(" ").bare_string(value)
    }

    /// Adds a string: quoted where it can be, a literal otherwise.
    pub(super) fn bare_string(self, value: &str) -> Self {
        if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            self.text(format!("\"{escaped}\""))
        } else {
            self.literal(value.as_bytes().to_vec())
        }
    }

    /// Adds octets as a literal.
    pub(super) fn literal(mut self, octets: impl Into<Cow<'a, [u8]>>) -> Self {
        self.parts.push(Part::Literal(octets.into()));
        self
    }

    /// Adds a line that answers the server's next continuation request.
    pub(super) fn line(mut self, line: &'a [u8]) -> Self {
        self.parts.push(Part::Line(line));
        self
    }
}

/// What a response means to the command that runs.
enum Step {
    /// Its end.
    End(Result<(), Error>),
    /// The server is ready for the piece that waits.
    Ready,
    /// There is more to come.
    More,
}

/// What the server let slip beside its answers. A hint, never the truth.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// Messages in the folder, as last heard.
    pub(super) exists: u32,
    /// Whether something appeared, vanished or changed its flags since the folder was last read.
    pub(super) changed: bool,
    /// Whether something changed in another folder since the last wait (RFC 5465).
    pub(super) elsewhere: bool,
    /// Whether the server said that it tells nothing any more (RFC 5465 §5.8).
    pub(super) overflowed: bool,
}

impl Hints {
    /// Whether there is news, here or elsewhere; it is none the next time.
    pub(super) fn take_news(&mut self) -> bool {
        let elsewhere = std::mem::take(&mut self.elsewhere);
        std::mem::take(&mut self.changed) || elsewhere
    }
}

/// A line to the server with its parser.
pub(super) struct Wire {
    client: Client<BufWriter<Link>>,
    host: Arc<str>,
    deadlines: Deadlines,
    tags: u64,
    usable: bool,
    /// What the server let slip.
    pub(super) hints: Hints,
}

impl Wire {
    /// A parser on a line that has just been opened; the greeting is still to be read.
    pub(super) fn new(link: Link, host: &str, deadlines: Deadlines) -> Self {
        let client = Client::new(BufWriter::new(link));
        Self { client, host: host.into(), deadlines, tags: 0, usable: true, hints: Hints::default() }
    }

    /// The line itself. What the parser had read ahead is dropped: nothing said before TLS counts after it.
    pub(super) fn into_link(self) -> Link {
        self.client.into_inner().into_inner()
    }

    /// The server, for errors.
    pub(super) fn host(&self) -> String {
        self.host.to_string()
    }

    /// The deadlines of every step.
    pub(super) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Sends a command and hands every response up to its tagged OK, that one included, to `on`.
    pub(super) async fn exec(
        &mut self,
        command: &Command<'_>,
        on: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), Error> {
        self.claim()?;
        let limit = self.deadlines.command;
        match timeout(limit, self.dialogue(command, on)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.late(command.name, limit)),
        }
    }

    async fn dialogue(&mut self, command: &Command<'_>, mut on: impl FnMut(&Response<'_>) + Send) -> Result<(), Error> {
        let tag = self.next_tag();
        let mut parts = command.parts.iter();
        self.write(command.name, format!("{tag} ").as_bytes()).await?;
        let mut awaited = self.send(command.name, &mut parts).await?;
        loop {
            let limit = self.deadlines.response;
            let step = self.read(command.name, limit, |wire, response| {
                match (wire.settle(command.name, &tag, response), response) {
                    (Some(Ok(())), last) => {
                        on(last);
                        Step::End(Ok(()))
                    }
                    (Some(Err(error)), _) => Step::End(Err(error)),
                    (None, Response::Continue(_)) => Step::Ready,
                    (None, other) => {
                        on(other);
                        Step::More
                    }
                }
            });
            match (step.await?, awaited) {
                (Step::End(outcome), _) => return outcome,
                (Step::Ready, Some(octets)) => {
                    self.write(command.name, octets).await?;
                    awaited = self.send(command.name, &mut parts).await?;
                }
                (Step::Ready | Step::More, _) => {}
            }
        }
    }

    /// The end of the command, if `response` is it: its tagged answer, a good-bye, or an answer to nobody.
    pub(super) fn settle(
        &mut self,
        name: &'static str,
        awaited: &str,
        response: &Response<'_>,
    ) -> Option<Result<(), Error>> {
        match response {
            Response::Done { tag, status, outcome } if tag.0 == awaited => {
                self.usable = true;
                Some(match status {
                    Status::Ok => Ok(()),
                    _ => {
                        Err(Error::Refused { host: self.host(), command: name, server_text: ServerText::new(outcome) })
                    }
                })
            }
            Response::Done { .. } => Some(Err(self.unparsable(name))),
            Response::Data { status: Status::Bye, outcome } if name != "LOGOUT" => {
                Some(Err(Error::Bye { host: self.host(), command: name, server_text: ServerText::new(outcome) }))
            }
            other => {
                self.overhear(name, other);
                None
            }
        }
    }

    /// Notes that messages appeared, vanished, or changed their flags while another command ran than those that ask for
    /// flags.
    fn overhear(&mut self, name: &'static str, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Exists(count)) => {
                self.hints.changed |= *count != self.hints.exists;
                self.hints.exists = *count;
            }
            Response::Expunge(_) => {
                self.hints.changed = true;
                self.hints.exists = self.hints.exists.saturating_sub(1);
            }
            Response::Vanished { earlier: false, .. } => self.hints.changed = true,
            Response::Fetch(..) => self.hints.changed |= !matches!(name, "UID FETCH" | "EXAMINE"),
            Response::MailboxData(MailboxDatum::Status { .. }) => self.hints.elsewhere = true,
            // the parser does not know the code, and leaves it in the text
            Response::Data { status: Status::Ok, outcome } => {
                let text = outcome.information.as_deref().unwrap_or_default();
                self.hints.overflowed |= text.starts_with("[NOTIFICATIONOVERFLOW");
            }
            _ => {}
        }
    }

    /// Marks the wire as in the middle of a command.
    pub(super) fn claim(&mut self) -> Result<(), Error> {
        let usable = std::mem::replace(&mut self.usable, false);
        if usable { Ok(()) } else { Err(Error::Abandoned { host: self.host() }) }
    }

    /// Marks the wire as between commands.
    pub(super) fn release(&mut self) {
        self.usable = true;
    }

    /// A tag that no earlier command bore.
    pub(super) fn next_tag(&mut self) -> String {
        self.tags += 1;
        format!("V{}", self.tags)
    }

    /// Sends up to the next piece that must wait for the server, and gives that piece; `None` when all is sent.
    async fn send<'c>(
        &mut self,
        name: &'static str,
        parts: &mut slice::Iter<'c, Part<'_>>,
    ) -> Result<Option<&'c [u8]>, Error> {
        for part in parts.by_ref() {
            let waits = match part {
                Part::Text(text) => {
                    self.write(name, text.as_bytes()).await?;
                    continue;
                }
                Part::Literal(octets) => {
                    self.write(name, format!("{{{}}}\r\n", octets.len()).as_bytes()).await?;
                    octets.as_ref()
                }
                Part::Line(line) => {
                    self.write(name, b"\r\n").await?;
                    line
                }
            };
            self.flush(name).await?;
            return Ok(Some(waits));
        }
        self.write(name, b"\r\n").await?;
        self.flush(name).await?;
        Ok(None)
    }

    /// Puts octets into the buffer of what is to be sent.
    pub(super) async fn write(&mut self, name: &'static str, octets: &[u8]) -> Result<(), Error> {
        self.client.get_mut().write_all(octets).await.map_err(|cause| self.closed(name, Some(cause)))
    }

    /// Sends what was written.
    pub(super) async fn flush(&mut self, name: &'static str) -> Result<(), Error> {
        self.client.get_mut().flush().await.map_err(|cause| self.closed(name, Some(cause)))
    }

    /// Hands the next response to `take`. Dropping this future loses nothing: what was read stays in the parser.
    ///
    /// imap-proto panics on some hostile lines; caught here, such a line is one that cannot be parsed, and the message
    /// that bears it can be isolated like any other.
    pub(super) async fn read<T>(
        &mut self,
        name: &'static str,
        limit: Duration,
        take: impl FnOnce(&mut Self, &Response<'_>) -> T,
    ) -> Result<T, Error> {
        let reading = AssertUnwindSafe(self.client.read_response()).catch_unwind();
        match timeout(limit, reading).await {
            Ok(Ok(Ok(Some(response)))) => Ok(take(self, response.parsed())),
            Ok(Ok(Ok(None))) => Err(self.closed(name, None)),
            Ok(Ok(Err(cause))) => Err(self.broken(name, cause)),
            Ok(Err(_panic)) => Err(self.unparsable(name)),
            Err(_) => Err(self.late(name, limit)),
        }
    }

    /// Tells a parse error from a lost line: `async-imap` gives both as `io::Error`, the former as `Other`. The text
    /// of a parse error quotes the server's line, headers included, and is therefore dropped.
    fn broken(&self, name: &'static str, cause: io::Error) -> Error {
        match cause.kind() {
            io::ErrorKind::Other => self.unparsable(name),
            _ => self.closed(name, Some(cause)),
        }
    }

    fn closed(&self, command: &'static str, cause: Option<io::Error>) -> Error {
        Error::Closed { host: self.host(), command, source: cause.map(Arc::new) }
    }

    /// The error of a step that took too long.
    pub(super) fn late(&self, command: &'static str, after: Duration) -> Error {
        Error::Deadline { host: self.host(), command, after }
    }

    /// The error of an answer that cannot be read.
    pub(super) fn unparsable(&self, command: &'static str) -> Error {
        Error::Unparsable { host: self.host(), command }
    }
}
