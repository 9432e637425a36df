//! A server that plays recorded dialogues, for what no real server can be made to say.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vigie::imap::{Credentials, Deadlines, Endpoint, Error, Security, Session, connect, tls_config};

/// How long a scripted server waits for the client's next line.
const PATIENCE: Duration = Duration::from_secs(10);

/// One step of a dialogue.
pub enum Step {
    /// The server says this line.
    Say(Vec<u8>),
    /// The server says these octets as they are.
    Raw(Vec<u8>),
    /// The client says a command that starts so (after its tag).
    Hear(String),
    /// The client says a line that is exactly so.
    Line(String),
    /// The client sends so many octets.
    Octets(usize),
    /// The server answers the last command, with its tag.
    Tagged(String),
    /// The server is silent until the client leaves.
    Hang,
}

/// The server says `line`.
pub fn say(line: impl Into<Vec<u8>>) -> Step {
    Step::Say(line.into())
}

/// The client says a command that starts with `prefix`.
pub fn hear(prefix: &str) -> Step {
    Step::Hear(prefix.to_owned())
}

/// The server ends the last command with `answer`.
pub fn tagged(answer: &str) -> Step {
    Step::Tagged(answer.to_owned())
}

/// What a FETCH of a header answers.
pub fn message(uid: u32) -> Step {
    say(format!(
        "* {uid} FETCH (UID {uid} FLAGS (\\Seen) INTERNALDATE \"07-May-2026 16:50:00 +0200\" RFC822.SIZE 1234 \
         BODY[HEADER]<0> {{15}}\r\nSubject: n{uid:03}\r\n)"
    ))
}

/// A dialogue up to a login with these capabilities.
pub fn logged_in(capabilities: &str) -> Vec<Step> {
    vec![
        say("* OK [CAPABILITY IMAP4rev1] ready"),
        hear("LOGIN "),
        tagged(&format!("OK [CAPABILITY IMAP4rev1 {capabilities}] in")),
    ]
}

/// A dialogue up to an open INBOX of `exists` messages.
pub fn examined(capabilities: &str, exists: u32) -> Vec<Step> {
    let mut steps = logged_in(capabilities);
    steps.extend([
        hear("EXAMINE \"INBOX\""),
        say(format!("* {exists} EXISTS")),
        say("* OK [UIDVALIDITY 7] valid"),
        say("* OK [UIDNEXT 1000] next"),
        tagged("OK [READ-ONLY] done"),
    ]);
    steps
}

/// The steps of one dialogue, joined.
pub fn dialogue(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

/// A running scripted server.
pub struct Scripted {
    /// Its loopback port.
    pub port: u16,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Plays one dialogue per connection, in order. A dialogue that is over closes its connection.
    pub async fn play(dialogues: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            for (number, steps) in dialogues.into_iter().enumerate() {
                let (tcp, _) = tokio::time::timeout(PATIENCE, listener.accept())
                    .await
                    .unwrap_or_else(|_| panic!("connection {number} never came"))
                    .unwrap();
                tcp.set_nodelay(true).unwrap();
                converse(tcp, steps).await;
            }
        });
        Self { port, task }
    }

    /// One dialogue.
    pub async fn one(steps: Vec<Step>) -> Self {
        Self::play(vec![steps]).await
    }

    /// Waits for the last dialogue to end, and fails if the client said anything else than the script.
    pub async fn finish(self) {
        self.task.await.unwrap();
    }

    /// Where the server is.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { host: "127.0.0.1".to_owned(), port: self.port, security: Security::Plain, ca_file: None }
    }

    /// A session of user `bob`.
    pub async fn connect(&self) -> Result<Session, Error> {
        self.connect_as(&Credentials::password("bob", "hunter2")).await
    }

    /// A session with these credentials.
    pub async fn connect_as(&self, credentials: &Credentials) -> Result<Session, Error> {
        connect(&self.endpoint(), credentials, &tls(), patience()).await
    }

    /// A session with INBOX open.
    pub async fn inbox(&self) -> Session {
        let mut session = self.connect().await.unwrap();
        session.examine("INBOX", None).await.unwrap();
        session
    }
}

/// Short deadlines, so that a mute server costs the test little.
pub fn patience() -> Deadlines {
    let short = Duration::from_millis(400);
    Deadlines {
        response: short,
        idle_start: short,
        idle_done: short,
        tls: Duration::from_secs(5),
        ..Deadlines::default()
    }
}

/// Any TLS settings: these servers speak clear text on loopback.
pub fn tls() -> Arc<rustls::ClientConfig> {
    tls_config(None).unwrap()
}

/// Plays a dialogue over a line.
pub async fn converse(line: impl AsyncRead + AsyncWrite + Unpin, steps: Vec<Step>) {
    let mut line = BufReader::new(line);
    let mut tag = String::new();
    for step in steps {
        match step {
            Step::Say(mut octets) => {
                octets.extend_from_slice(b"\r\n");
                line.write_all(&octets).await.unwrap();
            }
            Step::Raw(octets) => line.write_all(&octets).await.unwrap(),
            Step::Hear(prefix) => {
                let heard = read_line(&mut line).await;
                let (its_tag, command) = heard.split_once(' ').unwrap_or((heard.as_str(), ""));
                assert!(command.starts_with(&prefix), "the client says {command:?} instead of {prefix:?}");
                its_tag.clone_into(&mut tag);
            }
            Step::Line(expected) => assert_eq!(read_line(&mut line).await, expected),
            Step::Octets(count) => {
                let mut octets = vec![0; count];
                line.read_exact(&mut octets).await.unwrap();
            }
            Step::Tagged(answer) => line.write_all(format!("{tag} {answer}\r\n").as_bytes()).await.unwrap(),
            Step::Hang => {
                let mut rest = Vec::new();
                // a client that resets the connection has left as well
                let _ = tokio::time::timeout(PATIENCE, line.read_to_end(&mut rest)).await;
            }
        }
        line.flush().await.unwrap();
    }
}

async fn read_line(line: &mut BufReader<impl AsyncRead + Unpin>) -> String {
    let mut heard = String::new();
    let reading = tokio::time::timeout(PATIENCE, line.read_line(&mut heard));
    reading.await.expect("the client is silent").expect("the client's line");
    heard.trim_end_matches("\r\n").to_owned()
}
