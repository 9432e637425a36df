//! What can go wrong with the relay, and what each failure means for the message at hand.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Outcome, RefusedRecipient, Stage};

/// Final codes that ask for a login or TLS (RFC 4954 §6, RFC 3207 §4): the configuration is at fault, not the mail.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];

/// A failure of the conversation with the relay.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The relay's name gives no address.
    #[error("the relay's name {host} cannot be resolved ({source}): check the name and the resolver")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's word.
        source: io::Error,
    },
    /// No address of the relay answers.
    #[error("cannot connect to the relay {host}:{port} ({source}): check the port and the firewall")]
    Connect {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// The last address's failure.
        source: io::Error,
    },
    /// Security is `Plain` and the relay is another machine.
    #[error("the relay {host} is not this machine: without TLS only the loopback is allowed, use STARTTLS or TLS")]
    NotLoopback {
        /// The name.
        host: String,
    },
    /// The EHLO name could not stand in a command.
    #[error("the EHLO name {name:?} is no host name")]
    HelloName {
        /// The name.
        name: String,
    },
    /// The file of trusted authorities cannot be read.
    #[error("the authorities' file {path} cannot be read: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The machine's own TLS set-up fails.
    #[error("TLS cannot be set up on this machine: {why}")]
    TlsSetup {
        /// What is wrong.
        why: String,
    },
    /// The handshake failed: certificate, name, date, or no TLS on that port.
    #[error("TLS with the relay {host} failed: {why}")]
    Tls {
        /// The name.
        host: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// STARTTLS is required, and not offered.
    #[error("the relay {host} does not offer STARTTLS, which is required: nothing was sent")]
    NoStartTls {
        /// The name.
        host: String,
    },
    /// The relay offers no login that the secret fits.
    #[error("the relay offers none of the login methods that the configured secret can serve ({wanted})")]
    NoMechanism {
        /// The methods that would do.
        wanted: &'static str,
    },
    /// A step lasted too long.
    #[error("{stage} lasted more than {} s", limit.as_secs_f32())]
    Deadline {
        /// The step.
        stage: Stage,
        /// How long it may last.
        limit: Duration,
    },
    /// The relay answered with 4xx or 5xx.
    #[error("the relay refuses {stage}: {code} {answer}")]
    Refused {
        /// The step.
        stage: Stage,
        /// The reply code.
        code: u16,
        /// The relay's text.
        answer: String,
    },
    /// The relay answered what no relay should at that step.
    #[error("the relay answers {stage} with {got}, where {expected} is due")]
    Unexpected {
        /// The step.
        stage: Stage,
        /// What came.
        got: String,
        /// What should have come.
        expected: &'static str,
    },
    /// The connection broke.
    #[error("the connection broke during {stage}: {why}")]
    Lost {
        /// The step.
        stage: Stage,
        /// How.
        why: String,
    },
    /// No recipient was accepted.
    #[error("the relay refuses every recipient ({})", recipients.len())]
    NoRecipient {
        /// Each refusal.
        recipients: Vec<RefusedRecipient>,
    },
    /// The message cannot be carried by this relay, or at all.
    #[error("the message cannot be submitted: {why}")]
    Message {
        /// What is wrong.
        why: &'static str,
    },
    /// vigie was told to stop before the final dot.
    #[error("stopped before the message was sent")]
    Stopped,
    /// The final dot left, and no clear verdict came.
    #[error("no verdict after the final dot: {why}")]
    Doubt {
        /// What happened.
        why: String,
    },
}

impl Error {
    /// Whether trying again may succeed. Whatever precedes MAIL FROM is about the relay, its certificate or our login:
    /// the mail itself is not judged, so it must not be given up for it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { stage, code, .. } => *stage < Stage::Mail || *code < 500 || LOGIN_CODES.contains(code),
            Self::NoRecipient { recipients } => recipients.iter().any(|refusal| refusal.temporary),
            Self::Message { .. } => false,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NotLoopback { .. }
            | Self::HelloName { .. }
            | Self::CaFile { .. }
            | Self::TlsSetup { .. }
            | Self::Tls { .. }
            | Self::NoStartTls { .. }
            | Self::NoMechanism { .. }
            | Self::Deadline { .. }
            | Self::Unexpected { .. }
            | Self::Lost { .. }
            | Self::Stopped
            | Self::Doubt { .. } => true,
        }
    }

    /// The step that failed.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NotLoopback { .. }
            | Self::HelloName { .. }
            | Self::CaFile { .. }
            | Self::TlsSetup { .. } => Stage::Connect,
            Self::Tls { .. } | Self::NoStartTls { .. } => Stage::Tls,
            Self::NoMechanism { .. } => Stage::Login,
            Self::Deadline { stage, .. }
            | Self::Refused { stage, .. }
            | Self::Unexpected { stage, .. }
            | Self::Lost { stage, .. } => *stage,
            Self::NoRecipient { .. } => Stage::Recipient,
            Self::Message { .. } | Self::Stopped => Stage::Mail,
            Self::Doubt { .. } => Stage::Verdict,
        }
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        let temporary = error.is_temporary();
        let stage = error.stage();
        match error {
            Error::Doubt { why } => Self::Unknown { why },
            Error::Stopped => Self::Stopped,
            Error::Refused { code, answer, .. } => {
                Self::Refused { temporary, answer, code: Some(code), stage, refused: Vec::new() }
            }
            Error::NoRecipient { recipients } => {
                let first = recipients.first();
                Self::Refused {
                    temporary,
                    answer: first.map(|refusal| refusal.answer.clone()).unwrap_or_default(),
                    code: first.and_then(|refusal| refusal.code),
                    stage,
                    refused: recipients,
                }
            }
            other => Self::Refused { temporary, answer: other.to_string(), code: None, stage, refused: Vec::new() },
        }
    }
}

/// The certificate's fault in words that say what to do.
pub(super) fn explain_tls(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return format!("{error}; is this port really one for TLS?");
    };
    match tls {
        rustls::Error::InvalidCertificate(fault) => format!("{tls}; {}", advice(fault)),
        rustls::Error::InvalidMessage(_) => format!("{tls}; the relay does not speak TLS on this port"),
        other => other.to_string(),
    }
}

fn advice(fault: &rustls::CertificateError) -> &'static str {
    match fault {
        rustls::CertificateError::UnknownIssuer => {
            "its certificate comes from an authority that this machine does not trust: name that authority in ca_file"
        }
        rustls::CertificateError::BadSignature => {
            "its certificate names an authority that ca_file holds, and is not signed by it: was that authority renewed? \
             This machine does not trust it until ca_file holds the new one"
        }
        rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name: configure the relay under the name of its certificate"
        }
        rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: the relay's administrator must renew it"
        }
        rustls::CertificateError::NotValidYet | rustls::CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check this machine's clock"
        }
        _ => "its certificate cannot be believed",
    }
}
