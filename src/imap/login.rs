//! From an open line to a session: greeting, STARTTLS, login.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use imap_proto::{Capability, Response, Status};
use secrecy::{ExposeSecret as _, SecretString};

use super::capabilities::Capabilities;
use super::credentials::{Credentials, Secret};
use super::endpoint::{self, Deadlines, Endpoint, Link, Security};
use super::error::{Error, ServerText};
use super::wire::{Command, Wire};

/// What the greeting said.
struct Greeting {
    /// The line is already logged in (PREAUTH).
    logged_in: bool,
    capabilities: Option<Capabilities>,
}

/// Dials, secures the line and logs in; gives the wire and what the server offers to this login.
pub(super) async fn open(
    endpoint: &Endpoint,
    credentials: &Credentials,
    tls: &Arc<rustls::ClientConfig>,
    deadlines: Deadlines,
) -> Result<(Wire, Capabilities), Error> {
    let tcp = endpoint::dial(endpoint, &deadlines).await?;
    let link = match endpoint.security {
        Security::Implicit => endpoint::secure(tcp, endpoint, tls, &deadlines).await?,
        Security::StartTls | Security::Plain => Link::Plain(tcp),
    };
    let mut wire = Wire::new(link, &endpoint.host, deadlines);
    let mut greeting = greet(&mut wire).await?;
    if endpoint.security == Security::StartTls {
        wire = start_tls(wire, &greeting, endpoint, tls, deadlines).await?;
        greeting.capabilities = None;
    }
    let offered = match greeting.capabilities {
        Some(offered) => offered,
        None => ask_capabilities(&mut wire).await?,
    };
    let offered = if greeting.logged_in { Some(offered) } else { log_in(&mut wire, credentials, &offered).await? };
    match offered {
        Some(offered) => Ok((wire, offered)),
        None => ask_capabilities(&mut wire).await.map(|offered| (wire, offered)),
    }
}

async fn greet(wire: &mut Wire) -> Result<Greeting, Error> {
    wire.claim()?;
    let limit = wire.deadlines().response;
    let greeting = wire.read("the greeting", limit, |wire, response| read_greeting(wire, response)).await??;
    wire.release();
    Ok(greeting)
}

fn read_greeting(wire: &Wire, response: &Response<'_>) -> Result<Greeting, Error> {
    let Response::Data { status, outcome } = response else { return Err(wire.unparsable("the greeting")) };
    match status {
        Status::Ok | Status::PreAuth => {
            Ok(Greeting { logged_in: *status == Status::PreAuth, capabilities: Capabilities::from_outcome(outcome) })
        }
        Status::Bye | Status::No | Status::Bad => {
            Err(Error::Greeting { host: wire.host(), server_text: ServerText::new(outcome) })
        }
    }
}

/// RFC 3501 §6.2.1. Whatever the server said before TLS is forgotten: an attacker on the line could have said it.
async fn start_tls(
    mut wire: Wire,
    greeting: &Greeting,
    endpoint: &Endpoint,
    tls: &Arc<rustls::ClientConfig>,
    deadlines: Deadlines,
) -> Result<Wire, Error> {
    let impossible = |reason: String| Error::StartTls { host: endpoint.host.clone(), reason };
    if greeting.logged_in {
        // RFC 9051 §11.1: a forged PREAUTH would keep the session in clear text
        return Err(impossible("the server claims that we are logged in already".to_owned()));
    }
    wire.exec(&Command::new("STARTTLS"), |_| {}).await.map_err(|error| match error {
        Error::Refused { server_text, .. } => impossible(format!("it answers {server_text}")),
        other => other,
    })?;
    let Link::Plain(tcp) = wire.into_link() else { return Err(impossible("TLS is on already".to_owned())) };
    let link = endpoint::secure(tcp, endpoint, tls, &deadlines).await?;
    Ok(Wire::new(link, &endpoint.host, deadlines))
}

async fn ask_capabilities(wire: &mut Wire) -> Result<Capabilities, Error> {
    let mut offered = None;
    wire.exec(&Command::new("CAPABILITY"), |response| {
        if let Some(heard) = announced(response) {
            offered = Some(heard);
        }
    })
    .await?;
    offered.ok_or_else(|| Error::Incomplete { host: wire.host(), command: "CAPABILITY", item: "the capabilities" })
}

/// The capabilities that a response announces. `ENABLED` arrives in the same shape, but never during a login.
fn announced(response: &Response<'_>) -> Option<Capabilities> {
    match response {
        Response::Capabilities(list) => Some(Capabilities::new(list)),
        Response::Done { outcome, .. } | Response::Data { outcome, .. } => Capabilities::from_outcome(outcome),
        _ => None,
    }
}

/// Logs in by the strongest way that fits; gives the capabilities if the server announced them meanwhile.
async fn log_in(
    wire: &mut Wire,
    credentials: &Credentials,
    offered: &Capabilities,
) -> Result<Option<Capabilities>, Error> {
    let login = credentials.login.as_str();
    match &credentials.secret {
        Secret::Password(password) => with_password(wire, login, password, offered).await,
        Secret::Bearer(token) => with_token(wire, login, token, offered).await,
    }
}

async fn with_password(
    wire: &mut Wire,
    login: &str,
    password: &SecretString,
    offered: &Capabilities,
) -> Result<Option<Capabilities>, Error> {
    let password = password.expose_secret();
    let plain_text = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let may_login = !offered.has("LOGINDISABLED");
    if !may_login && !offered.auth("PLAIN") {
        let reason = "the server accepts no password on this line; use TLS, or an OAuth token";
        return Err(Error::NoMechanism { host: wire.host(), reason });
    }
    if may_login && (plain_text(login) && plain_text(password) || !offered.auth("PLAIN")) {
        let command = Command::new("LOGIN").string(login).string(password);
        return run(wire, &command, &[password]).await;
    }
    // RFC 4616: UTF-8, which LOGIN cannot say
    let answer = BASE64.encode(format!("\0{login}\0{password}"));
    run(wire, &sasl(" PLAIN", &answer, offered), &[password, &answer]).await
}

async fn with_token(
    wire: &mut Wire,
    login: &str,
    token: &SecretString,
    offered: &Capabilities,
) -> Result<Option<Capabilities>, Error> {
    let token = token.expose_secret();
    // after a refusal the server sends its reasons and waits for one more line (RFC 7628 §3.2.3)
    let (mechanism, answer, after_refusal): (_, _, &[u8]) = if offered.auth("XOAUTH2") {
        (" XOAUTH2", format!("user={login}\x01auth=Bearer {token}\x01\x01"), b"")
    } else if offered.auth("OAUTHBEARER") {
        let login = login.replace('=', "=3D").replace(',', "=2C");
        (" OAUTHBEARER", format!("n,a={login},\x01auth=Bearer {token}\x01\x01"), b"AQ==")
    } else {
        let reason = "the server offers neither XOAUTH2 nor OAUTHBEARER; use a password";
        return Err(Error::NoMechanism { host: wire.host(), reason });
    };
    let answer = BASE64.encode(answer);
    run(wire, &sasl(mechanism, &answer, offered).line(after_refusal), &[token, &answer]).await
}

/// A mechanism of one answer, sent with the command where the server takes it (RFC 4959).
fn sasl<'a>(mechanism: &'static str, answer: &'a str, offered: &Capabilities) -> Command<'a> {
    let command = Command::new("AUTHENTICATE").text(mechanism);
    if offered.has("SASL-IR") { command.text(" ").text(answer) } else { command.line(answer.as_bytes()) }
}

async fn run(wire: &mut Wire, command: &Command<'_>, secrets: &[&str]) -> Result<Option<Capabilities>, Error> {
    let mut offered = None;
    let without = |text: ServerText| secrets.iter().fold(text, |text, secret| text.without(secret));
    let outcome = wire.exec(command, |response| offered = announced(response).or(offered.take())).await;
    match outcome {
        Ok(()) => Ok(offered),
        Err(Error::Refused { host, server_text, .. }) => Err(Error::Login { host, server_text: without(server_text) }),
        Err(Error::Bye { host, server_text, .. }) => Err(Error::Greeting { host, server_text: without(server_text) }),
        Err(other) => Err(other),
    }
}

/// Says who we are (RFC 2971), where the server wants to know: some open no folder to a stranger. Its answer is ignored.
pub(super) async fn identify(wire: &mut Wire, offered: &Capabilities) -> Result<(), Error> {
    if !offered.has("ID") {
        return Ok(());
    }
    let who = concat!(" (\"name\" \"vigie\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
    tolerate_refusal(wire.exec(&Command::new("ID").text(who), |_| {}).await)
}

/// Switches QRESYNC on (RFC 7162 §3.2.3); whether the server did.
pub(super) async fn enable_qresync(wire: &mut Wire, offered: &Capabilities) -> Result<bool, Error> {
    if !offered.qresync() {
        return Ok(false);
    }
    let mut enabled = false;
    let command = Command::new("ENABLE").text(" QRESYNC");
    let outcome = wire.exec(&command, |response| {
        if let Response::Capabilities(list) = response {
            enabled |= list.iter().any(|name| matches!(name, Capability::Atom(atom) if atom == "QRESYNC"));
        }
    });
    tolerate_refusal(outcome.await)?;
    Ok(enabled)
}

/// A courtesy that is refused costs nothing.
fn tolerate_refusal(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(Error::Refused { .. }) => Ok(()),
        other => other,
    }
}
