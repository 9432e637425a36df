//! Submits bytes to the relay, and knows on which side of the final dot a loss fell.
//!
//! *Owns* the SMTP conversation with the submission server: TLS, login, and the [`Outcome`] of each submission.
//! *May import* `domain`. *Start reading* at [`submit`], then `session.rs` for the conversation itself.
//!
//! Deliberately absent: a pool and lettre's own `send()`. A cancelled `send()` puts a half-used connection back, whose
//! answers are then off by one; and `send()` mixes "refused" with "perhaps accepted". Here lettre's
//! `AsyncSmtpConnection` is driven command by command, each with its deadline and its exact reply code, and a
//! connection is kept only while nothing about it is in doubt. Logs: none; outcomes go back to the caller.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::domain::address::Address;

mod connect;
mod error;
mod sender;
mod session;
mod tls;

pub use error::Error;
pub use sender::Sender;

/// How the connection to the relay is protected. There is no opportunistic level: what is asked is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet (RFC 8314, port 465).
    Implicit,
    /// STARTTLS (RFC 3207, port 587), required: a relay that does not offer it is refused.
    StartTls,
    /// No TLS. Only towards the machine itself: any other peer is refused before anything is sent.
    Plain,
}

/// What the secret of a [`Login`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A password, for AUTH PLAIN, or LOGIN where the relay offers nothing better.
    Password,
    /// An OAuth 2 access token, for AUTH XOAUTH2.
    AccessToken,
}

/// Who vigie is to the relay.
#[derive(Debug, Clone)]
pub struct Login {
    /// The login, as the relay wants it.
    pub user: String,
    /// The password or token; never printed.
    pub secret: SecretString,
    /// What the secret is.
    pub kind: SecretKind,
}

/// The submission server and how to talk to it.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The name or address; with TLS the certificate must be for it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The protection that is required.
    pub security: Security,
    /// Authorities (PEM) trusted besides those of the system, such as the State's own PKI.
    pub ca_file: Option<PathBuf>,
    /// The login, where the relay wants one.
    pub login: Option<Login>,
    /// The name given in EHLO; by default the machine's.
    pub hello_name: Option<String>,
    /// How long each step may last.
    pub deadlines: Deadlines,
}

/// How long each step of the conversation may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// The TCP connection, for each address of the relay.
    pub connect: Duration,
    /// The greeting (some relays make strangers wait on purpose).
    pub greeting: Duration,
    /// EHLO, RSET and NOOP.
    pub hello: Duration,
    /// STARTTLS and the TLS handshake.
    pub tls: Duration,
    /// AUTH, all its steps.
    pub auth: Duration,
    /// MAIL FROM.
    pub mail: Duration,
    /// Each RCPT TO.
    pub recipient: Duration,
    /// DATA, until the relay is ready for the message.
    pub data: Duration,
    /// Writing the message.
    pub body: Duration,
    /// The relay's verdict after the final dot. Giving up here leaves the outcome unknown, so it is the longest.
    pub verdict: Duration,
    /// QUIT.
    pub farewell: Duration,
}

impl Default for Deadlines {
    /// RFC 5321 §4.5.3.2 where a loss costs something (verdict: 10 min), shorter where trying again is free.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            greeting: Duration::from_mins(1),
            hello: Duration::from_mins(1),
            tls: Duration::from_secs(30),
            auth: Duration::from_mins(1),
            mail: Duration::from_mins(1),
            recipient: Duration::from_mins(1),
            data: Duration::from_mins(2),
            body: Duration::from_mins(3),
            verdict: Duration::from_mins(10),
            farewell: Duration::from_secs(5),
        }
    }
}

/// One message to submit.
#[derive(Clone, Copy)]
pub struct Submission<'a> {
    /// The reverse-path; `None` for `<>`, which no server answers (RFC 5321 §4.5.5).
    pub reverse_path: Option<&'a Address>,
    /// Who receives it; at least one.
    pub recipients: &'a [Address],
    /// The message, headers and body, lines ended by CRLF.
    pub bytes: &'a [u8],
}

/// A step of the conversation, named in outcomes and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Settings, name resolution, TCP connection.
    Connect,
    /// The greeting.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS and the handshake.
    Tls,
    /// AUTH.
    Login,
    /// RSET or NOOP on an open connection.
    Reset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The message, before its final dot.
    Body,
    /// After the final dot.
    Verdict,
    /// QUIT.
    Farewell,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "waiting for the greeting",
            Self::Hello => "EHLO",
            Self::Tls => "the TLS handshake",
            Self::Login => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "sending the message",
            Self::Verdict => "waiting for the verdict",
            Self::Farewell => "QUIT",
        })
    }
}

/// One recipient that the relay refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// Its place in [`Submission::recipients`].
    pub index: usize,
    /// Whether trying again may succeed.
    pub temporary: bool,
    /// The reply code; `None` where vigie itself refused (no SMTPUTF8 for an address that needs it).
    pub code: Option<u16>,
    /// The relay's text. It may quote the address: keep it with the personal data, never log it.
    pub answer: String,
}

/// What became of a submission. Texts may quote addresses: store them with the personal data, log [`Self::summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay took the message over (250 after the final dot), for all recipients but those named.
    Accepted {
        /// The relay's text, its lines joined by spaces.
        answer: String,
        /// The relay's queue id, where its text gives one.
        queue_id: Option<String>,
        /// The recipients that were refused while others were accepted.
        refused: Vec<RefusedRecipient>,
    },
    /// The relay has not taken the message: sending it again cannot make two.
    Refused {
        /// Whether trying again may succeed. Everything before MAIL FROM is temporary: it is about the relay, not the mail.
        temporary: bool,
        /// The relay's text, or what went wrong.
        answer: String,
        /// The reply code, where the relay gave one.
        code: Option<u16>,
        /// The step that failed.
        stage: Stage,
        /// The recipients that were refused, where that is the reason.
        refused: Vec<RefusedRecipient>,
    },
    /// The final dot left and no clear verdict came back: the message may or may not have been taken.
    Unknown {
        /// What was lost and when.
        why: String,
    },
    /// vigie was told to stop before the final dot: nobody refused anything, and sending it again cannot make two.
    Stopped,
}

impl Outcome {
    /// What a log may say: the kind, the step, the reply code and the enhanced status; no text of the relay.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Accepted { queue_id, refused, .. } => {
                let queue = queue_id.as_deref().unwrap_or("without queue id");
                format!("accepted ({queue}), {} recipient(s) refused", refused.len())
            }
            Self::Refused { temporary, answer, code, stage, .. } => {
                let kind = if *temporary { "temporarily" } else { "finally" };
                let code = code.map_or_else(|| "no reply code".to_owned(), |code| code.to_string());
                let status = enhanced_status(answer).map(|status| format!(" {status}")).unwrap_or_default();
                format!("{kind} refused at {stage}: {code}{status}")
            }
            Self::Unknown { .. } => "unknown: lost after the final dot".to_owned(),
            Self::Stopped => "not sent: vigie was told to stop".to_owned(),
        }
    }
}

/// The enhanced status code (RFC 3463) that a relay's text begins with: `5.1.1`.
#[must_use]
pub fn enhanced_status(answer: &str) -> Option<&str> {
    let word = answer.split_whitespace().next()?;
    let mut parts = word.split('.');
    let class = parts.next()?;
    let numbers = parts.all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (matches!(class, "2" | "4" | "5") && word.matches('.').count() == 2 && numbers).then_some(word)
}

/// Submits one message over a connection of its own.
///
/// Never fails otherwise than by its [`Outcome`]. Dropping the future before it is ready leaves the outcome unknown;
/// to stop in good order use [`Sender::submit`], which takes a token.
pub async fn submit(relay: &Relay, submission: Submission<'_>) -> Outcome {
    let mut session = match session::Session::open(relay).await {
        Ok(session) => session,
        Err(error) => return error.into(),
    };
    let outcome = session.deliver(submission, &relay.deadlines, &CancellationToken::new()).await;
    // After a doubt the connection is dropped without a word: nobody knows what its next answer would answer.
    if session::keeps(&outcome) {
        // The outcome is known: no cancellation during QUIT may lose it, so the farewell goes on by itself, bounded.
        let farewell = relay.deadlines.farewell;
        tokio::spawn(async move { session.quit(farewell).await });
    }
    outcome
}

/// Goes as far as a submission can without a message: connection, TLS, login, NOOP, QUIT.
///
/// # Errors
/// What is wrong, exactly: an unknown name, a refused port, an untrusted certificate, a wrong password with the
/// relay's answer…
pub async fn probe(relay: &Relay) -> Result<(), Error> {
    let mut session = session::Session::open(relay).await?;
    session.noop(&relay.deadlines).await?;
    session.quit(relay.deadlines.farewell).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_enhanced_status_only_where_there_is_one() {
        for (answer, expected) in [
            ("5.1.1 <x@y>: no such user", Some("5.1.1")),
            ("4.7.0", Some("4.7.0")),
            ("no such user", None),
            ("1.2.3 odd", None),
            ("5.1 short", None),
            ("5.1.1.1 long", None),
            ("", None),
        ] {
            assert_eq!(enhanced_status(answer), expected, "{answer}");
        }
    }

    #[test]
    fn a_summary_never_quotes_the_relay() {
        let outcome = Outcome::Refused {
            temporary: false,
            answer: "5.1.1 <alice@example.org>: no such user".to_owned(),
            code: Some(550),
            stage: Stage::Recipient,
            refused: Vec::new(),
        };
        assert_eq!(outcome.summary(), "finally refused at RCPT TO: 550 5.1.1");
    }
}
