//! Time stamps of seals by an authority (RFC 3161): beside a seal, the authority's signed word that it existed by then.
//!
//! Requests and answers are made and checked by the `openssl` program; only the HTTP between them is ours, for an answer
//! proves itself by its signature. A stamp that cannot be had today is asked for again with the next seal.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::seals;
use crate::config::{LedgerSettings, TimestampSettings};
use crate::imap::tls_config;

/// The ending of a stamp's file.
pub const ENDING: &str = "tsr";
/// How long the authority may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// The largest answer that is read.
const MAX_ANSWER_OCTETS: u64 = 64 * 1024;
/// Seals without a stamp that are stamped at a time.
const STAMPS_AT_A_TIME: usize = 8;

/// Asks for the stamps that are missing, the newest seals first; how many came.
pub async fn stamp_missing(ledger: &LedgerSettings) -> anyhow::Result<usize> {
    let Some(settings) = &ledger.timestamp else { return Ok(0) };
    let missing: Vec<PathBuf> =
        seals::all_files(&ledger.seals)?.into_iter().filter(|seal| !stamp_of(seal).exists()).collect();
    let mut stamped = 0;
    for seal in missing.iter().rev().take(STAMPS_AT_A_TIME) {
        stamp(settings, seal).await.with_context(|| format!("stamping {}", seal.display()))?;
        stamped += 1;
    }
    Ok(stamped)
}

/// The file of a seal's stamp: its whole name, for a rotation and a seal may stand at one place.
fn stamp_of(seal: &Path) -> PathBuf {
    let mut name = seal.as_os_str().to_owned();
    name.push(".");
    name.push(ENDING);
    name.into()
}

/// Asks for one stamp, believes it only if it fits, and keeps it beside the seal.
async fn stamp(settings: &TimestampSettings, seal: &Path) -> anyhow::Result<()> {
    let query = openssl(Command::new("openssl").args(["ts", "-query", "-sha256", "-cert", "-data"]).arg(seal))?;
    let answer = timeout(DEADLINE, post(settings, &query)).await.context("the authority does not answer")??;
    let unfinished = stamp_of(seal).with_extension("tsr-new");
    std::fs::write(&unfinished, answer).with_context(|| format!("writing {}", unfinished.display()))?;
    let fits = fits(settings, seal, &unfinished);
    if fits.is_err() {
        std::fs::remove_file(&unfinished)?;
        return fits;
    }
    let path = stamp_of(seal);
    std::fs::rename(&unfinished, &path).with_context(|| format!("writing {}", path.display()))
}

/// Fails where a stamp that lies beside a seal of the configured folder does not fit it; how many do.
pub fn check(ledger: &LedgerSettings) -> anyhow::Result<usize> {
    let Some(settings) = &ledger.timestamp else { return Ok(0) };
    let mut checked = 0;
    for seal in seals::all_files(&ledger.seals)? {
        let stamp = stamp_of(&seal);
        if stamp.exists() {
            fits(settings, &seal, &stamp).with_context(|| format!("{}", stamp.display()))?;
            checked += 1;
        }
    }
    Ok(checked)
}

fn fits(settings: &TimestampSettings, seal: &Path, stamp: &Path) -> anyhow::Result<()> {
    let mut verify = Command::new("openssl");
    verify.args(["ts", "-verify", "-data"]).arg(seal).arg("-in").arg(stamp).arg("-CAfile").arg(&settings.ca_file);
    openssl(&mut verify).map(drop)
}

/// What openssl writes; its own words where it fails.
fn openssl(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output().context("openssl cannot be run: is it installed?")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}

/// Posts a query by HTTP/1.0, whose answers are never in pieces; the answer's body. Over TLS the authority's certificate has
/// to be one that the system or the configured file vouches for.
async fn post(settings: &TimestampSettings, query: &[u8]) -> anyhow::Result<Vec<u8>> {
    let url = &settings.url;
    let (scheme, rest) = url.split_once("://").with_context(|| format!("{url} is no address"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let over_tls = scheme == "https";
    let (host, port) = place(authority, if over_tls { 443 } else { 80 });
    let head = format!(
        "POST /{path} HTTP/1.0\r\nHost: {authority}\r\nContent-Type: application/timestamp-query\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        query.len()
    );
    let request = [head.as_bytes(), query].concat();
    let stream = TcpStream::connect((host, port)).await.with_context(|| format!("connecting to {host}:{port}"))?;
    if !over_tls {
        return exchange(stream, &request).await;
    }
    let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name of a server"))?;
    let tls = TlsConnector::from(tls_config(Some(&settings.ca_file))?);
    let stream = tls.connect(name, stream).await.with_context(|| format!("TLS with {host}:{port}"))?;
    exchange(stream, &request).await
}

/// The host and the port of an authority, `[::1]:8080` included.
fn place(authority: &str, usual: u16) -> (&str, u16) {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(usual)),
        Some(_) | None => (authority, usual),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> anyhow::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    // Some servers close without a farewell; whether the answer is whole is told by its signature.
    match stream.take(MAX_ANSWER_OCTETS).read_to_end(&mut answer).await {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("the authority speaks no HTTP")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer);
    let status = head.lines().next().unwrap_or_default().to_owned();
    if status.split(' ').nth(1) != Some("200") {
        bail!("the authority answers {status}");
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        assert_eq!(place("tsa.example.org", 80), ("tsa.example.org", 80));
        assert_eq!(place("tsa.example.org:3161", 80), ("tsa.example.org", 3161));
        assert_eq!(place("[::1]:3161", 443), ("::1", 3161));
        assert_eq!(place("[::1]", 443), ("::1", 443));
    }
}
