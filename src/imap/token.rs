//! Access tokens for logins without a password: the client-credentials grant of OAuth 2.0 (RFC 6749 §4.4), one POST.
//!
//! Deliberately absent: grants that need a person before a browser, and any redirect: a token endpoint has none.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::timeout;

use super::endpoint::{self, Deadlines, Endpoint, Security, tls_config};
use super::error::Error;

/// Octets of an answer beyond which it is no token.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Characters kept of what the endpoint says in a refusal.
const REASON_LIMIT: usize = 300;
/// How long a token lasts whose endpoint does not say (RFC 6749 §5.1 only recommends that it does).
const USUAL_LIFETIME: Duration = Duration::from_mins(10);

/// Where tokens come from, and who asks for them.
#[derive(Debug, Clone)]
pub struct TokenSource {
    /// The endpoint's host; always by TLS.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The path and query of its URL.
    pub path: String,
    /// PEM file of the house's certificate authority, trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Who we are.
    pub client_id: String,
    /// By which word.
    pub client_secret: SecretString,
    /// What the token is for.
    pub scope: Option<String>,
}

/// A token, and how long it lasts from the moment it was asked for.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// Its lifetime.
    pub lifetime: Duration,
}

/// A successful answer (RFC 6749 §5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

/// A refusal (RFC 6749 §5.2).
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Asks for a token.
pub async fn fetch_token(source: &TokenSource, deadlines: Deadlines) -> Result<AccessToken, Error> {
    let Ok(answered) = timeout(deadlines.response, post(source, &deadlines)).await else {
        return Err(Error::Deadline {
            host: source.host.clone(),
            command: "the request for a token",
            after: deadlines.response,
        });
    };
    let (status, body) = answered?;
    read_answer(source, status, &body)
}

async fn post(source: &TokenSource, deadlines: &Deadlines) -> Result<(u16, Bytes), Error> {
    let TokenSource { host, port, ca_file, .. } = source;
    let server = Endpoint { host: host.clone(), port: *port, security: Security::Implicit, ca_file: ca_file.clone() };
    let tls = tls_config(ca_file.as_deref())?;
    let tcp = endpoint::dial(&server, deadlines).await?;
    let link = endpoint::secure(tcp, &server, &tls, deadlines).await?;
    let lost = |cause: hyper::Error| passing(source, format!("the connection was lost ({cause})"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(link)).await.map_err(lost)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(&source.path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form(source))))
        .map_err(|cause| passing(source, format!("the request cannot be made ({cause})")))?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok((status, Limited::new(response.into_body(), ANSWER_LIMIT).collect().await))
    };
    // the connection works while the exchange waits; what becomes of it afterwards changes nothing
    let (answered, _) = join(exchange, connection).await;
    let (status, body) = answered.map_err(lost)?;
    let body = body.map_err(|cause| passing(source, format!("its answer cannot be read ({cause})")))?;
    Ok((status, body.to_bytes()))
}

fn form(source: &TokenSource) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("client_id", &source.client_id);
    form.append_pair("client_secret", source.client_secret.expose_secret());
    if let Some(scope) = &source.scope {
        form.append_pair("scope", scope);
    }
    form.finish()
}

fn read_answer(source: &TokenSource, status: u16, body: &[u8]) -> Result<AccessToken, Error> {
    if status == 200 {
        let granted: Granted =
            serde_json::from_slice(body).map_err(|_| passing(source, "its answer holds no token".to_owned()))?;
        let lifetime = granted.expires_in.map_or(USUAL_LIFETIME, Duration::from_secs);
        return Ok(AccessToken { secret: SecretString::from(granted.access_token), lifetime });
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let said = format!("{} {}", refusal.error, refusal.error_description).replace(char::is_control, " ");
    let said = said.replace(source.client_secret.expose_secret(), "…");
    let said: String = said.trim().chars().take(REASON_LIMIT).collect();
    let reason = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}, {said}") };
    // RFC 6749 §5.2: 400 and 401 say what is wrong with the request; all else passes, or is the endpoint's own trouble
    let lasting = matches!(status, 400 | 401 | 403) && refusal.error != "temporarily_unavailable";
    Err(Error::Token { host: source.host.clone(), reason, temporary: !lasting })
}

fn passing(source: &TokenSource, reason: String) -> Error {
    Error::Token { host: source.host.clone(), reason, temporary: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> TokenSource {
        TokenSource {
            host: "login.example.org".to_owned(),
            port: 443,
            path: "/token".to_owned(),
            ca_file: None,
            client_id: "vigie".to_owned(),
            client_secret: SecretString::from("s3cret&=é"),
            scope: Some("https://outlook.office365.com/.default".to_owned()),
        }
    }

    #[test]
    fn asks_with_every_value_escaped() {
        let expected = "grant_type=client_credentials&client_id=vigie&client_secret=s3cret%26%3D%C3%A9\
             &scope=https%3A%2F%2Foutlook.office365.com%2F.default";
        assert_eq!(form(&source()), expected);
    }

    #[test]
    fn reads_a_token_with_its_lifetime_or_the_usual_one() {
        let read = |body: &str| read_answer(&source(), 200, body.as_bytes());
        let token = read(r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0"}"#).unwrap();
        assert_eq!((token.secret.expose_secret(), token.lifetime), ("eyJ0", Duration::from_secs(3599)));
        assert_eq!(read(r#"{"access_token":"eyJ0"}"#).unwrap().lifetime, USUAL_LIFETIME);
        assert!(read("<html>").unwrap_err().is_temporary());
    }

    #[test]
    fn a_wrong_secret_lasts_and_an_overloaded_endpoint_passes() {
        let body = r#"{"error":"invalid_client","error_description":"bad secret s3cret&=é\r\nTrace 1"}"#;
        let refused = read_answer(&source(), 401, body.as_bytes()).unwrap_err();
        assert!(refused.is_authentication() && !refused.is_temporary());
        assert!(refused.to_string().contains("invalid_client") && !refused.to_string().contains("s3cret"));
        for status in [429, 500, 503] {
            let passing = read_answer(&source(), status, b"").unwrap_err();
            assert!(passing.is_temporary() && !passing.is_authentication());
        }
    }
}
