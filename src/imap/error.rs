//! What can go wrong with an IMAP server, in words for the person who must act.
//!
//! Deliberately absent from every variant: what the server was sending when it could not be read (it may hold subjects
//! and addresses), and anything of the credentials.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imap_proto::{Outcome, ResponseCode};

/// Characters kept of what a server says in a refusal; the rest is cut.
const SERVER_TEXT_LIMIT: usize = 300;

/// Response codes (RFC 5530, RFC 9208) of refusals that pass by themselves.
const PASSING_CODES: [&str; 6] = ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA", "EXPUNGEISSUED"];

/// Response codes (RFC 5530) of refusals that last until somebody changes something.
const LASTING_CODES: [&str; 7] =
    ["NOPERM", "NONEXISTENT", "TRYCREATE", "CANNOT", "CLIENTBUG", "AUTHORIZATIONFAILED", "PRIVACYREQUIRED"];

/// Texts of refusals that pass by themselves, from servers that give no code.
const PASSING_TEXTS: [&str; 6] =
    ["try again", "temporar", "unavailable", "too many", "authenticated but not connected", "internal error"];

/// What a server said with a refusal: its response code, if any, and its text, on one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerText {
    /// The response code in capitals and without its arguments, such as `AUTHENTICATIONFAILED`.
    pub code: Option<String>,
    /// The text after the code.
    pub text: String,
}

impl ServerText {
    /// Reads the code from where the parser left it: codes that it does not know stay at the head of the text.
    pub(super) fn new(outcome: &Outcome<'_>) -> Self {
        let text = outcome.information.as_deref().unwrap_or_default();
        let (code, text) = match outcome.code.as_ref().and_then(code_name) {
            Some(name) => (Some(name.to_owned()), text),
            None => split_code(text),
        };
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SERVER_TEXT_LIMIT).collect();
        Self { code, text }
    }

    /// The same without `secret`: a server may quote the line that it refuses.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.text = self.text.replace(secret, "…");
        }
        self
    }

    /// Whether the server's words are those of a trouble that passes by itself.
    pub fn is_passing(&self) -> bool {
        if let Some(code) = self.code.as_deref() {
            return PASSING_CODES.contains(&code);
        }
        let text = self.text.to_lowercase();
        PASSING_TEXTS.iter().any(|passing| text.contains(passing))
    }

    /// Whether the server's code is one that lasts until somebody changes something.
    fn is_lasting(&self) -> bool {
        self.code.as_deref().is_some_and(|code| LASTING_CODES.contains(&code))
    }
}

impl std::fmt::Display for ServerText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.code, self.text.as_str()) {
            (Some(code), "") => write!(f, "[{code}]"),
            (Some(code), text) => write!(f, "[{code}] {text}"),
            (None, "") => f.write_str("(no text)"),
            (None, text) => f.write_str(text),
        }
    }
}

/// The code at the head of `[CODE arguments] text`, and the text.
fn split_code(text: &str) -> (Option<String>, &str) {
    let Some((code, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) else {
        return (None, text);
    };
    let name = code.split(' ').next().unwrap_or_default();
    (Some(name.to_ascii_uppercase()), rest.trim_start())
}

/// The name of a code that the parser knows and that a refusal can carry.
fn code_name(code: &ResponseCode<'_>) -> Option<&'static str> {
    match code {
        ResponseCode::Alert => Some("ALERT"),
        ResponseCode::BadCharset(_) => Some("BADCHARSET"),
        ResponseCode::Capabilities(_) => Some("CAPABILITY"),
        ResponseCode::Parse => Some("PARSE"),
        ResponseCode::ReadOnly => Some("READ-ONLY"),
        ResponseCode::TryCreate => Some("TRYCREATE"),
        ResponseCode::UidNotSticky => Some("UIDNOTSTICKY"),
        _ => None,
    }
}

/// A failure of the room, named after what failed. [`Error::is_temporary`] says whether to try again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The name of the server could not be resolved.
    #[error("{host}: the name cannot be resolved ({source}); check the host name and this machine's DNS")]
    Resolve {
        /// The server.
        host: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// No address of the server accepted the connection.
    #[error("{host}:{port}: no connection ({source}); check the port, the firewall and that the service runs")]
    Connect {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// What the system said of the last address tried.
        source: Arc<io::Error>,
    },
    /// Clear text was asked for towards another machine.
    #[error("{host}: clear text is for this machine only; set the security to implicit TLS or STARTTLS")]
    PlainRefused {
        /// The server.
        host: String,
    },
    /// The house's certificate authority cannot be used.
    #[error("{}: unusable certificate authority ({reason}); give a PEM file that this service may read", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS could not be set up, before any connection.
    #[error("TLS cannot be set up ({source}); install the system's certificates (ca-certificates) or give a ca_file")]
    TlsSetup {
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// The TLS handshake failed, or the certificate was refused.
    #[error("{host}:{port}: TLS failed: {reason}")]
    Tls {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// What is wrong and what to do.
        reason: Cow<'static, str>,
        /// Whether another try can succeed without anyone's hand.
        temporary: bool,
        /// What the TLS library said.
        source: Arc<io::Error>,
    },
    /// The server cannot or will not start TLS.
    #[error("{host}: STARTTLS is not possible ({reason}); use implicit TLS, usually on port 993")]
    StartTls {
        /// The server.
        host: String,
        /// What the server did.
        reason: String,
    },
    /// The server greeted with a refusal.
    #[error("{host}: the server turns us away: {server_text}; it may be overloaded or limit connections")]
    Greeting {
        /// The server.
        host: String,
        /// What it said.
        server_text: ServerText,
    },
    /// The server refused the login.
    #[error("{host}: login refused: {server_text}; check the login, its password or token, and the account")]
    Login {
        /// The server.
        host: String,
        /// What it said.
        server_text: ServerText,
    },
    /// The server offers no way to log in with what we have.
    #[error("{host}: no way to log in: {reason}")]
    NoMechanism {
        /// The server.
        host: String,
        /// What is missing, and what to do.
        reason: &'static str,
    },
    /// The server does not let us open this folder.
    #[error("{host}: folder “{name}” cannot be opened: {server_text}; check its name and the account's rights to it")]
    FolderMissing {
        /// The server.
        host: String,
        /// The folder, as configured.
        name: String,
        /// What the server said.
        server_text: ServerText,
    },
    /// The server answered NO or BAD to a command; the session can go on.
    #[error("{host}: {command} refused: {server_text}")]
    Refused {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
        /// What the server said.
        server_text: ServerText,
    },
    /// The server lacks what was asked for; nothing was sent.
    #[error("{host}: the server does not offer {capability}")]
    Unsupported {
        /// The server.
        host: String,
        /// The capability.
        capability: &'static str,
    },
    /// The caller asked for more octets than the room's limit; nothing was sent.
    #[error("{host}: {octets} octets asked for, {limit} is the limit")]
    TooMuch {
        /// The server.
        host: String,
        /// Octets asked for.
        octets: u32,
        /// The limit.
        limit: u32,
    },
    /// The connection ended during a command.
    #[error("{host}: connection lost during {command}{}; it is made again", because(source.as_deref()))]
    Closed {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
        /// What the system said; `None` for an end of file.
        source: Option<Arc<io::Error>>,
    },
    /// The server said good-bye during a command.
    #[error("{host}: the server ends the session during {command}: {server_text}; it is made again")]
    Bye {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
        /// What the server said.
        server_text: ServerText,
    },
    /// The server stayed silent, or took too long.
    #[error("{host}: no answer to {command} within {} s; the connection is given up and made again", after.as_secs_f32())]
    Deadline {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
        /// The deadline that passed.
        after: Duration,
    },
    /// The token endpoint gave no access token.
    #[error("{host} gives no access token: {reason}")]
    Token {
        /// The endpoint's host.
        host: String,
        /// What it said, or what became of the line to it.
        reason: String,
        /// Whether it may pass by itself.
        temporary: bool,
    },
    /// The server sent what cannot be read as IMAP. Its words are withheld: they may hold personal data.
    #[error("{host}: the answer to {command} cannot be read as IMAP; the connection is given up and made again")]
    Unparsable {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
    },
    /// The server said OK without an item that the protocol requires.
    #[error("{host}: the answer to {command} lacks {item}; the server does not follow the protocol")]
    Incomplete {
        /// The server.
        host: String,
        /// The command, without its arguments.
        command: &'static str,
        /// What is missing or cannot be understood.
        item: &'static str,
    },
    /// The session was used again after its dialogue was cut short.
    #[error("{host}: this session was cut short earlier and cannot be used again; connect anew")]
    Abandoned {
        /// The server.
        host: String,
    },
}

/// `" (cause)"`, or nothing.
fn because(source: Option<&io::Error>) -> String {
    source.map(|cause| format!(" ({cause})")).unwrap_or_default()
}

impl Error {
    /// Whether trying again, later and without anyone's hand, can succeed. What is unknown is temporary.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Greeting { .. }
            | Self::Closed { .. }
            | Self::Bye { .. }
            | Self::Deadline { .. }
            | Self::Unparsable { .. }
            | Self::Abandoned { .. } => true,
            Self::Tls { temporary, .. } | Self::Token { temporary, .. } => *temporary,
            // a login tried again and again gets the account locked: only what is known to pass is tried again
            Self::Login { server_text, .. } | Self::FolderMissing { server_text, .. } => server_text.is_passing(),
            Self::Refused { server_text, .. } => !server_text.is_lasting(),
            Self::PlainRefused { .. }
            | Self::CaFile { .. }
            | Self::TlsSetup { .. }
            | Self::StartTls { .. }
            | Self::NoMechanism { .. }
            | Self::Unsupported { .. }
            | Self::TooMuch { .. }
            | Self::Incomplete { .. } => false,
        }
    }

    /// Whether the credentials are what failed: the password or token is wrong, expired or not accepted.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Login { server_text, .. } => !server_text.is_passing(),
            Self::NoMechanism { .. } => true,
            Self::Token { temporary, .. } => !temporary,
            _ => false,
        }
    }

    /// Whether the session that gave this error can take another command. If not, connect anew.
    pub fn leaves_session_usable(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::FolderMissing { .. }
                | Self::Unsupported { .. }
                | Self::TooMuch { .. }
                | Self::Incomplete { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(information: &'static str) -> ServerText {
        ServerText::new(&Outcome { code: None, information: Some(Cow::Borrowed(information)) })
    }

    #[test]
    fn reads_a_code_that_the_parser_does_not_know() {
        let text = said("[AUTHENTICATIONFAILED] Authentication failed.");
        assert_eq!(text.code.as_deref(), Some("AUTHENTICATIONFAILED"));
        assert_eq!(text.to_string(), "[AUTHENTICATIONFAILED] Authentication failed.");
        assert_eq!(said("[METADATA MAXSIZE 10] no").code.as_deref(), Some("METADATA"));
        assert_eq!(said("[unclosed").text, "[unclosed");
    }

    #[test]
    fn keeps_server_text_on_one_line_and_short() {
        let long = Outcome { code: None, information: Some(Cow::Owned(format!("a\tb{}", "é".repeat(1000)))) };
        let text = ServerText::new(&long).text;
        assert!(text.starts_with("a b"));
        assert_eq!(text.chars().count(), SERVER_TEXT_LIMIT);
    }

    #[test]
    fn takes_an_overloaded_server_for_a_passing_trouble_and_a_wrong_password_for_a_lasting_one() {
        let login = |server_text| Error::Login { host: "h".to_owned(), server_text };
        for passing in ["[UNAVAILABLE] later", "Please try again later", "User is authenticated but not connected."] {
            assert!(login(said(passing)).is_temporary(), "{passing}");
            assert!(!login(said(passing)).is_authentication(), "{passing}");
        }
        for lasting in ["[AUTHENTICATIONFAILED] no", "LOGIN failed.", "[EXPIRED] password expired"] {
            assert!(!login(said(lasting)).is_temporary(), "{lasting}");
            assert!(login(said(lasting)).is_authentication(), "{lasting}");
        }
    }

    #[test]
    fn never_repeats_a_secret_that_the_server_quotes() {
        let text = said("invalid: LOGIN bob hunter2").without("hunter2");
        assert_eq!(text.text, "invalid: LOGIN bob …");
    }
}
