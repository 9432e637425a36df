//! One conversation: login, then per message MAIL, RCPT, DATA, the message, the verdict.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Auth;
use lettre::transport::smtp::extension::Extension;
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connect::{connect, within};
use super::error::Error;
use super::{Deadlines, Login, Outcome, RefusedRecipient, Relay, SecretKind, Stage, Submission};
use crate::domain::address::Address;

/// How much of a message is handed to the socket at a time, in octets.
const CHUNK: usize = 65_536;
/// The most challenges of one login.
const MAX_CHALLENGES: usize = 4;
/// The longest text of the relay that is kept, in characters.
const MAX_ANSWER: usize = 1_000;
/// The most recipients of one message.
const MAX_RECIPIENTS: usize = 100;
/// How long a verdict that is due is still waited for once vigie is told to stop: a second mail to the requester costs
/// more than a second of patience.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A connection past its login, between two messages.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(relay: &Relay) -> Result<Self, Error> {
        let mut session = Self { connection: connect(relay).await? };
        if let Some(login) = &relay.login {
            within(Stage::Login, relay.deadlines.auth, session.log_in(login)).await?;
        }
        Ok(session)
    }

    /// Forgets any message under way; an error means that the connection is of no more use.
    pub(super) async fn reset(&mut self, deadlines: &Deadlines) -> Result<(), Error> {
        self.command(Stage::Reset, deadlines.hello, "RSET\r\n", &[250], "250").await.map(drop)
    }

    /// Asks whether the relay is there.
    pub(super) async fn noop(&mut self, deadlines: &Deadlines) -> Result<(), Error> {
        self.command(Stage::Reset, deadlines.hello, "NOOP\r\n", &[250], "250").await.map(drop)
    }

    /// Says goodbye. Whatever the relay answers changes nothing: no message is under way.
    pub(super) async fn quit(&mut self, limit: Duration) {
        drop(self.command(Stage::Farewell, limit, "QUIT\r\n", &[221], "221").await);
    }

    /// Submits a message; on any doubt the caller must drop the session (see [`keeps`]).
    pub(super) async fn deliver(
        &mut self,
        submission: Submission<'_>,
        deadlines: &Deadlines,
        stop: &CancellationToken,
    ) -> Outcome {
        let dot = Dot::default();
        let told_to_stop = async {
            stop.cancelled().await;
            if dot.is_reached() {
                timeout(LAST_WORD, std::future::pending::<()>()).await.ok();
            }
        };
        let result = tokio::select! {
            biased;
            result = self.exchange(submission, deadlines, &dot) => result,
            () = told_to_stop => Err(if dot.is_reached() {
                Error::Doubt { why: "stopped while waiting for the relay's verdict".to_owned() }
            } else {
                Error::Stopped
            }),
        };
        result.unwrap_or_else(Outcome::from)
    }

    async fn exchange(&mut self, submission: Submission<'_>, limits: &Deadlines, dot: &Dot) -> Result<Outcome, Error> {
        let parameters = self.parameters(submission)?;
        let reverse_path = submission.reverse_path.map(envelope_form).unwrap_or_default();
        let mail = format!("MAIL FROM:<{reverse_path}>{parameters}\r\n");
        self.command(Stage::Mail, limits.mail, &mail, &[250], "250").await?;
        let refused = self.recipients(submission.recipients, limits).await?;
        self.command(Stage::Data, limits.data, "DATA\r\n", &[354], "354").await?;
        let answer = self.message(submission.bytes, limits, dot).await?;
        Ok(Outcome::Accepted { queue_id: queue_id(&answer), answer, refused })
    }

    /// The parameters of MAIL FROM; an error where the relay cannot carry the message.
    fn parameters(&self, submission: Submission<'_>) -> Result<&'static str, Error> {
        if submission.recipients.is_empty() || submission.recipients.len() > MAX_RECIPIENTS {
            return Err(Error::Message { why: "it must have between 1 and 100 recipients" });
        }
        if has_bare_line_end(submission.bytes) {
            // RFC 5321 §2.3.8; servers that take a bare LF for a line end make of it a second message (smuggling).
            return Err(Error::Message { why: "a CR or LF stands alone in it" });
        }
        let wide = needs_smtputf8(submission);
        if wide && !self.offers(Extension::SmtpUtfEight) {
            return Err(Error::Message { why: "it needs SMTPUTF8, which the relay does not offer" });
        }
        let eight = !submission.bytes.is_ascii();
        if eight && !self.offers(Extension::EightBitMime) {
            return Err(Error::Message { why: "it needs 8BITMIME, which the relay does not offer" });
        }
        Ok(match (wide, eight) {
            (false, false) => "",
            (false, true) => " BODY=8BITMIME",
            (true, false) => " SMTPUTF8",
            (true, true) => " BODY=8BITMIME SMTPUTF8",
        })
    }

    fn offers(&self, extension: Extension) -> bool {
        self.connection.server_info().supports_feature(extension)
    }

    /// Names the recipients; the refused ones come back, unless all are.
    async fn recipients(&mut self, recipients: &[Address], limits: &Deadlines) -> Result<Vec<RefusedRecipient>, Error> {
        let mut refused = Vec::new();
        for (index, recipient) in recipients.iter().enumerate() {
            let command = format!("RCPT TO:<{}>\r\n", envelope_form(recipient));
            match self.command(Stage::Recipient, limits.recipient, &command, &[250, 251], "250").await {
                Ok(_) => {}
                // 421 says that the relay hangs up (RFC 5321 §3.8): no other recipient will be heard.
                Err(Error::Refused { code, answer, stage }) if code != 421 => {
                    let temporary = Error::Refused { stage, code, answer: String::new() }.is_temporary();
                    refused.push(RefusedRecipient { index, temporary, code: Some(code), answer });
                }
                Err(error) => return Err(error),
            }
        }
        if refused.len() == recipients.len() { Err(Error::NoRecipient { recipients: refused }) } else { Ok(refused) }
    }

    /// Sends the message and its final dot; the relay's text when it says exactly 250.
    async fn message(&mut self, bytes: &[u8], limits: &Deadlines, dot: &Dot) -> Result<String, Error> {
        // lettre ends the message with CRLF before the dot: the message's own last one would make an empty line.
        let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        let body = Body { chunks: bytes.chunks(CHUNK), dot };
        let mut sending = pin!(self.connection.message_iter(body));
        let early = tokio::select! {
            biased;
            answer = &mut sending => Some(answer),
            reached = timeout(limits.body, dot.reached()) => match reached {
                Ok(()) => None,
                Err(_) => return Err(Error::Deadline { stage: Stage::Body, limit: limits.body }),
            },
        };
        let answer = match early {
            Some(answer) => answer,
            None => timeout(limits.verdict, sending).await.map_err(|_| Error::Doubt {
                why: format!("the relay said nothing in {} s", limits.verdict.as_secs_f32()),
            })?,
        };
        verdict(answer, dot)
    }

    async fn command(
        &mut self,
        stage: Stage,
        limit: Duration,
        command: &str,
        codes: &[u16],
        expected: &'static str,
    ) -> Result<Response, Error> {
        within(stage, limit, checked(stage, self.connection.command(command), codes, expected)).await
    }

    /// AUTH (RFC 4954). The secret goes to lettre's own encoding; no tracing is compiled into it.
    async fn log_in(&mut self, login: &Login) -> Result<(), Error> {
        let (mechanisms, wanted): (&[Mechanism], _) = match login.kind {
            SecretKind::Password => (&[Mechanism::Plain, Mechanism::Login], "PLAIN or LOGIN"),
            SecretKind::AccessToken => (&[Mechanism::Xoauth2], "XOAUTH2"),
        };
        let info = self.connection.server_info();
        let mechanism = info.get_auth_mechanism(mechanisms).ok_or(Error::NoMechanism { wanted })?;
        let credentials = Credentials::new(login.user.clone(), login.secret.expose_secret().to_owned());
        let first = Auth::new(mechanism, credentials.clone(), None).map_err(|error| explain(Stage::Login, &error))?;
        let mut response = self.connection.command(first).await.map_err(|error| explain(Stage::Login, &error))?;
        for _ in 0..MAX_CHALLENGES {
            if !response.has_code(334) {
                break;
            }
            let next = match mechanism {
                // After a challenge XOAUTH2 has failed; an empty line asks for the final code.
                Mechanism::Xoauth2 => self.connection.command("\r\n").await,
                Mechanism::Plain | Mechanism::Login => {
                    match Auth::new_from_response(mechanism, credentials.clone(), &response) {
                        Ok(next) => self.connection.command(next).await,
                        Err(error) => Err(error),
                    }
                }
            };
            response = next.map_err(|error| explain(Stage::Login, &error))?;
        }
        require(Stage::Login, response, &[235], "235").map(drop)
    }
}

/// Whether the connection may carry another message after this outcome: only where nothing is in doubt.
pub(super) fn keeps(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Accepted { .. } => true,
        Outcome::Refused { code, stage, .. } => *stage >= Stage::Mail && code.is_some_and(|code| code != 421),
        Outcome::Unknown { .. } | Outcome::Stopped => false,
    }
}

/// Where the message stands: set when its last octet has been written, just before the final dot is.
#[derive(Default)]
struct Dot {
    reached: AtomicBool,
    notify: Notify,
}

impl Dot {
    fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }

    async fn reached(&self) {
        self.notify.notified().await;
    }
}

/// The message in pieces. lettre asks for the next piece only when the one before is written and flushed; when none is
/// left it writes the final dot. Running dry is therefore the exact moment from which a loss is a doubt.
struct Body<'a> {
    chunks: std::slice::Chunks<'a, u8>,
    dot: &'a Dot,
}

impl<'a> Iterator for Body<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.chunks.next();
        if chunk.is_none() {
            self.dot.reached.store(true, Ordering::Release);
            self.dot.notify.notify_one();
        }
        chunk
    }
}

/// Reads the answer to the message: 250 is acceptance, 4xx and 5xx are refusals, anything else is doubt.
fn verdict(answer: Result<Response, lettre::transport::smtp::Error>, dot: &Dot) -> Result<String, Error> {
    match answer {
        Ok(response) if response.has_code(250) => Ok(text(&response)),
        Ok(response) => Err(Error::Doubt { why: format!("the relay answered {} where 250 is due", response.code()) }),
        Err(error) if !dot.is_reached() => Err(explain(Stage::Body, &error)),
        Err(error) => match explain(Stage::Verdict, &error) {
            refused @ Error::Refused { .. } => Err(refused),
            other => Err(Error::Doubt { why: other.to_string() }),
        },
    }
}

async fn checked(
    stage: Stage,
    answer: impl Future<Output = Result<Response, lettre::transport::smtp::Error>>,
    codes: &[u16],
    expected: &'static str,
) -> Result<Response, Error> {
    require(stage, answer.await.map_err(|error| explain(stage, &error))?, codes, expected)
}

/// lettre takes any 2xx or 3xx for a yes; an answer that belongs to another command must not pass for this one's.
fn require(stage: Stage, response: Response, codes: &[u16], expected: &'static str) -> Result<Response, Error> {
    if codes.contains(&u16::from(response.code())) {
        Ok(response)
    } else {
        Err(Error::Unexpected { stage, got: format!("{} {}", response.code(), text(&response)), expected })
    }
}

/// Says what a failure of lettre's means at a step.
pub(super) fn explain(stage: Stage, error: &lettre::transport::smtp::Error) -> Error {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if let Some(code) = error.status() {
        return Error::Refused { stage, code: u16::from(code), answer: source.chars().take(MAX_ANSWER).collect() };
    }
    let why = match source.as_str() {
        "incomplete response" => "the relay closed it".to_owned(),
        _ => error.to_string(),
    };
    Error::Lost { stage, why }
}

fn text(response: &Response) -> String {
    response.message().collect::<Vec<_>>().join(" ").chars().take(MAX_ANSWER).collect()
}

/// The queue id in the texts of Postfix (`queued as X`), Exim (`OK id=X`), Sendmail (`X Message accepted`) and
/// Exchange (`<…> [InternalId=X, …] Queued mail`).
fn queue_id(answer: &str) -> Option<String> {
    let after = |mark: &str| answer.split_once(mark).map(|(_, rest)| rest);
    let rest = match answer.split_once(" Message accepted for delivery") {
        Some((head, _)) => head.rsplit(' ').next(),
        None => after("queued as ").or_else(|| after("OK id=")).or_else(|| after("[InternalId=")),
    }?;
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let id = id.trim_end_matches('.');
    (!id.is_empty()).then(|| id.to_owned())
}

/// The address as a command carries it: a local part that is no dot-atom (`a..b`) goes between quotes (RFC 5321 §4.1.2).
fn envelope_form(address: &Address) -> String {
    let is_atom = address.local().split('.').all(|atom| !atom.is_empty());
    let quote = if is_atom { "" } else { "\"" };
    format!("{quote}{}{quote}@{}", address.local(), address.domain())
}

/// Whether an address or a header holds what only SMTPUTF8 (RFC 6531) carries. Domains are ASCII already.
fn needs_smtputf8(submission: Submission<'_>) -> bool {
    let addresses = submission.reverse_path.into_iter().chain(submission.recipients);
    let headers = submission.bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head = submission.bytes.get(..headers.unwrap_or(submission.bytes.len())).unwrap_or_default();
    !head.is_ascii() || addresses.into_iter().any(|address| !address.local().is_ascii())
}

fn has_bare_line_end(bytes: &[u8]) -> bool {
    let mut previous = 0;
    for octet in bytes.iter().copied().chain(std::iter::once(0)) {
        if (octet == b'\n') != (previous == b'\r') {
            return true;
        }
        previous = octet;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_queue_id_of_each_common_relay() {
        for (answer, expected) in [
            ("2.0.0 Ok: queued as 4XyZ", Some("4XyZ")),
            ("OK id=1tAbCd-000000001Xy-2dEf", Some("1tAbCd-000000001Xy-2dEf")),
            ("2.0.0 4A7FdE3r012345 Message accepted for delivery", Some("4A7FdE3r012345")),
            ("2.6.0 <a@b> [InternalId=1234567, Hostname=x] Queued mail for delivery", Some("1234567")),
            ("2.0.0 Ok: queued as 4XyZ.", Some("4XyZ")),
            ("2.0.0 Ok", None),
            ("queued as ", None),
        ] {
            assert_eq!(queue_id(answer).as_deref(), expected, "{answer}");
        }
    }

    #[test]
    fn quotes_a_local_part_that_is_no_dot_atom() {
        for (address, expected) in [
            ("alice.b@example.org", "alice.b@example.org"),
            ("a..b@example.org", "\"a..b\"@example.org"),
            (".a@example.org", "\".a\"@example.org"),
            ("renée@example.org", "renée@example.org"),
        ] {
            assert_eq!(envelope_form(&Address::parse(address).expect("valid")), expected);
        }
    }

    #[test]
    fn refuses_a_lone_cr_or_lf() {
        for (bytes, expected) in [
            ("a\r\nb", false),
            ("a\r\n", false),
            ("", false),
            ("a\nb", true),
            ("a\rb", true),
            ("a\r", true),
            ("\n", true),
        ] {
            assert_eq!(has_bare_line_end(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
