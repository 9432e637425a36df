//! The rest of the world: an SMTP server inside the test, that keeps every message and can be told to misbehave.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::process::{PATIENCE, text, wait_until};
use super::tls::{self, Authority};

/// The longest line and the longest message that the sink reads.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A message that arrived, with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// MAIL FROM; empty for the null reverse-path.
    pub sender: String,
    /// What follows the address of MAIL FROM, such as `BODY=8BITMIME SMTPUTF8`.
    pub parameters: String,
    /// RCPT TO, in order.
    pub recipients: Vec<String>,
    /// The message, dots undone, CRLF kept.
    pub bytes: Vec<u8>,
    /// Who authenticated, if anybody.
    pub login: Option<String>,
}

impl Mail {
    /// The message as text.
    pub fn text(&self) -> String {
        text(&self.bytes)
    }
}

/// A moment of an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client has just connected.
    Greeting,
    /// EHLO.
    Ehlo,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The final dot.
    Body,
    /// QUIT.
    Quit,
}

/// What the sink does once, when the stage that it names is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Takes the next message.
    Accept,
    /// Says this line instead of the usual one, for example `451 4.7.1 Revenez plus tard`.
    Say(Stage, &'static str),
    /// Says nothing any more, and keeps the connection open until the client closes it.
    Hang(Stage),
    /// Closes the connection without a word.
    Cut(Stage),
    /// Keeps the message, then closes the connection without having answered the final dot.
    KeepThenCut,
    /// Keeps the message, then says nothing any more.
    KeepThenHang,
}

impl Plan {
    fn stage(&self) -> Stage {
        match self {
            Self::Say(stage, _) | Self::Hang(stage) | Self::Cut(stage) => *stage,
            Self::Accept | Self::KeepThenCut | Self::KeepThenHang => Stage::Body,
        }
    }
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// In clear.
    #[default]
    None,
    /// STARTTLS is offered, and required before AUTH and MAIL.
    StartTls,
    /// TLS from the first byte.
    Implicit,
}

/// How a sink differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// TLS or not.
    pub protection: Protection,
    /// The certificate shown; made up when TLS is wanted and this is not said.
    pub authority: Option<Authority>,
    /// The only account, and authentication is then required.
    pub account: Option<(String, String)>,
    /// EHLO keywords left out, such as `SMTPUTF8`.
    pub without: Vec<&'static str>,
}

/// A running sink; dropping it closes its port.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Its authority, when it speaks TLS.
    pub authority: Option<Authority>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    config: Option<Arc<rustls::ServerConfig>>,
    state: Mutex<State>,
    connections: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    plan: VecDeque<Plan>,
    always: Option<Plan>,
    mails: Vec<Mail>,
}

impl Sink {
    /// A sink in clear that accepts everything.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// A sink that differs from the usual one.
    pub fn start_with(mut options: Options) -> Self {
        if options.protection != Protection::None && options.authority.is_none() {
            options.authority = Some(Authority::new());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, super::process::free_port()))
            .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port for the sink");
        let port = listener.local_addr().expect("its address").port();
        let authority = options.authority.clone();
        let shared = Arc::new(Shared {
            config: authority.as_ref().map(tls::server_config),
            options,
            state: Mutex::default(),
            connections: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || listen(&listener, &served));
        Self { port, authority, shared }
    }

    /// What to do with the next stages and messages, in order; afterwards everything is accepted again.
    pub fn plan(&self, plan: impl IntoIterator<Item = Plan>) {
        self.shared.state().plan.extend(plan);
    }

    /// What to do each time, until told otherwise by `None`; the plan goes first.
    pub fn always(&self, plan: Option<Plan>) {
        self.shared.state().always = plan;
    }

    /// The steps of the plan that nobody has reached yet.
    pub fn remaining_plan(&self) -> Vec<Plan> {
        self.shared.state().plan.iter().cloned().collect()
    }

    /// The messages so far, in the order of their final dots.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.state().mails.clone()
    }

    /// Takes the messages so far away.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.shared.state().mails)
    }

    /// Waits for `count` messages; fails when they do not come.
    pub fn wait_for(&self, count: usize) -> Vec<Mail> {
        let there = wait_until(PATIENCE, || self.shared.state().mails.len() >= count);
        let mails = self.mails();
        assert!(there, "{} messages in the sink, {count} expected: {mails:#?}", mails.len());
        mails
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is closed.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The step due at this stage, taken off the plan.
    fn due(&self, stage: Stage) -> Option<Plan> {
        let mut state = self.state();
        if state.plan.front().is_some_and(|plan| plan.stage() == stage) {
            return state.plan.pop_front();
        }
        if !state.plan.is_empty() {
            return None;
        }
        state.always.clone().filter(|plan| plan.stage() == stage)
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        // A client that hangs up is no fault of the sink: the session just ends.
        std::thread::spawn(move || drop(serve(stream, &shared)));
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

struct Session<'a> {
    shared: &'a Shared,
    stream: BufReader<Box<dyn Stream>>,
    raw: TcpStream,
    secure: bool,
    login: Option<String>,
}

/// What comes after a command.
enum Next {
    Go,
    StartTls,
    End,
}

fn serve(raw: TcpStream, shared: &Shared) -> io::Result<()> {
    raw.set_nodelay(true)?;
    let clone = raw.try_clone()?;
    let (stream, secure): (Box<dyn Stream>, bool) = match shared.options.protection {
        Protection::Implicit => (secured(clone, shared)?, true),
        Protection::None | Protection::StartTls => (Box::new(clone), false),
    };
    let mut session = Session { shared, stream: BufReader::new(stream), raw, secure, login: None };
    if !session.step(Stage::Greeting, "220 puits.example.org ESMTP")? {
        return Ok(());
    }
    let mut mail = None;
    loop {
        let line = session.line()?;
        match session.command(&line, &mut mail)? {
            Next::Go => {}
            Next::End => return Ok(()),
            Next::StartTls => {
                session.stream = BufReader::new(secured(session.raw.try_clone()?, shared)?);
                session.secure = true;
            }
        }
    }
}

fn secured(stream: TcpStream, shared: &Shared) -> io::Result<Box<dyn Stream>> {
    let config = shared.config.clone().ok_or_else(|| io::Error::other("no certificate"))?;
    let connection = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
    Ok(Box::new(rustls::StreamOwned::new(connection, stream)))
}

impl Session<'_> {
    fn command(&mut self, line: &str, mail: &mut Option<Mail>) -> io::Result<Next> {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let goes_on = match verb.as_str() {
            "EHLO" | "HELO" => self.step(Stage::Ehlo, &self.keywords())?,
            "STARTTLS" if self.shared.options.protection == Protection::StartTls && !self.secure => {
                self.say("220 2.0.0 Ready")?;
                return Ok(Next::StartTls);
            }
            "AUTH" => self.auth(line)?,
            "MAIL" if self.must_authenticate() => self.say("530 5.7.0 Authentication required")?,
            "MAIL" => {
                let (sender, parameters) = address(line);
                let login = self.login.clone();
                *mail = Some(Mail { sender, parameters, recipients: Vec::new(), bytes: Vec::new(), login });
                self.step(Stage::Mail, "250 2.1.0 Ok")?
            }
            "RCPT" => self.rcpt(line, mail.as_mut())?,
            "DATA" => match mail.take() {
                Some(mail) if !mail.recipients.is_empty() => self.data(mail)?,
                _ => self.say("503 5.5.1 No valid recipients")?,
            },
            "RSET" => {
                *mail = None;
                self.say("250 2.0.0 Ok")?
            }
            "NOOP" => self.say("250 2.0.0 Ok")?,
            "QUIT" => {
                self.step(Stage::Quit, "221 2.0.0 Bye")?;
                false
            }
            _ => self.say("502 5.5.2 Command not recognised")?,
        };
        Ok(if goes_on { Next::Go } else { Next::End })
    }

    fn keywords(&self) -> String {
        let mut words = vec!["PIPELINING", "SIZE 30000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        if self.shared.options.protection == Protection::StartTls && !self.secure {
            words.push("STARTTLS");
        }
        if self.shared.options.account.is_some() && self.is_protected() {
            words.push("AUTH PLAIN LOGIN");
        }
        words.retain(|word| !self.shared.options.without.iter().any(|name| word.starts_with(name)));
        words.insert(0, "puits.example.org");
        words.push("HELP");
        let last = words.len() - 1;
        let lines = words.iter().enumerate().map(|(n, word)| [if n == last { "250 " } else { "250-" }, word].concat());
        lines.collect::<Vec<_>>().join("\r\n")
    }

    fn is_protected(&self) -> bool {
        self.secure || self.shared.options.protection == Protection::None
    }

    fn must_authenticate(&self) -> bool {
        !self.is_protected() || (self.shared.options.account.is_some() && self.login.is_none())
    }

    fn auth(&mut self, line: &str) -> io::Result<bool> {
        let mut words = line.split_whitespace().skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let decode = |word: &str| STANDARD.decode(word).map(|bytes| text(&bytes)).unwrap_or_default();
        let initial = words.next().map(decode);
        let (login, password) = match mechanism.as_str() {
            "PLAIN" => {
                let said = match initial {
                    Some(said) => said,
                    None => decode(&self.ask("334 ")?),
                };
                let mut parts = said.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" => {
                let login = match initial {
                    Some(login) => login,
                    None => decode(&self.ask("334 VXNlcm5hbWU6")?),
                };
                (login, decode(&self.ask("334 UGFzc3dvcmQ6")?))
            }
            _ => return self.say("504 5.5.4 Unknown mechanism"),
        };
        let known = self.is_protected() && self.shared.options.account.as_ref() == Some(&(login.clone(), password));
        if !known {
            return self.step(Stage::Auth, "535 5.7.8 Authentication credentials invalid");
        }
        self.login = Some(login);
        self.step(Stage::Auth, "235 2.7.0 Authentication successful")
    }

    fn rcpt(&mut self, line: &str, mail: Option<&mut Mail>) -> io::Result<bool> {
        let Some(mail) = mail else { return self.say("503 5.5.1 MAIL first") };
        let due = self.shared.due(Stage::Rcpt);
        if !matches!(due, Some(Plan::Say(_, line)) if !line.starts_with('2')) {
            mail.recipients.push(address(line).0);
        }
        self.act(due.as_ref(), "250 2.1.5 Ok")
    }

    fn data(&mut self, mut mail: Mail) -> io::Result<bool> {
        let due = self.shared.due(Stage::Data);
        let refused = matches!(&due, Some(Plan::Say(_, line)) if !line.starts_with("354"));
        if !self.act(due.as_ref(), "354 End data with <CR><LF>.<CR><LF>")? {
            return Ok(false);
        }
        if refused {
            return Ok(true);
        }
        loop {
            let line = self.bytes()?;
            if line == b".\r\n" {
                break;
            }
            mail.bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let due = self.shared.due(Stage::Body);
        let kept = match &due {
            None | Some(Plan::Accept | Plan::KeepThenCut | Plan::KeepThenHang) => true,
            Some(Plan::Say(_, line)) => line.starts_with('2'),
            Some(Plan::Hang(_) | Plan::Cut(_)) => false,
        };
        if kept {
            self.shared.state().mails.push(mail);
        }
        self.act(due.as_ref(), "250 2.0.0 Ok: queued")
    }

    /// Does what the plan wants at this stage, or says the usual line; false when the session is over.
    fn step(&mut self, stage: Stage, usual: &str) -> io::Result<bool> {
        let due = self.shared.due(stage);
        self.act(due.as_ref(), usual)
    }

    fn act(&mut self, due: Option<&Plan>, usual: &str) -> io::Result<bool> {
        match due {
            None | Some(Plan::Accept) => self.say(usual),
            Some(Plan::Say(_, line)) => self.say(line),
            Some(Plan::Hang(_) | Plan::KeepThenHang) => {
                io::copy(&mut self.stream, &mut io::sink())?;
                Ok(false)
            }
            Some(Plan::Cut(_) | Plan::KeepThenCut) => {
                self.raw.shutdown(Shutdown::Both)?;
                Ok(false)
            }
        }
    }

    fn say(&mut self, line: &str) -> io::Result<bool> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        stream.flush()?;
        // RFC 5321 §3.8: after 421 the server closes.
        Ok(!line.starts_with("421"))
    }

    fn ask(&mut self, line: &str) -> io::Result<String> {
        self.say(line)?;
        self.line()
    }

    fn line(&mut self) -> io::Result<String> {
        self.bytes().map(|line| text(&line).trim_end().to_owned())
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_BYTES).read_until(b'\n', &mut line)?;
        if line.ends_with(b"\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// The address between angle brackets, and what follows it.
fn address(line: &str) -> (String, String) {
    let (_, rest) = line.split_once('<').unwrap_or_default();
    let (address, parameters) = rest.split_once('>').unwrap_or_default();
    (address.to_owned(), parameters.trim().to_owned())
}
