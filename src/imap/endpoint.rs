//! Where a server is, and the way there: resolution, TCP, TLS.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::CertificateError;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::Error;

/// Silence after which the system probes a connection; a firewall forgets idle ones after a few minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
/// Time between two probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// Time that sent data may stay unacknowledged before the system declares the connection dead.
const USER_TIMEOUT: Duration = Duration::from_secs(90);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// How the line to the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314), usually on port 993.
    Implicit,
    /// TLS after a command in clear text, usually on port 143. No login is ever sent before TLS.
    StartTls,
    /// Clear text, towards this machine only.
    Plain,
}

/// One IMAP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address; the certificate must bear it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the line is protected.
    pub security: Security,
    /// PEM file of the house's certificate authority, trusted beside the system's; see [`tls_config`].
    pub ca_file: Option<PathBuf>,
}

/// How long each step may take. Every wait of this room is bounded by one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Resolution, and each TCP connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The greeting, and each response within a command: a server that is busy keeps sending.
    pub response: Duration,
    /// A whole command.
    pub command: Duration,
    /// The server's consent to IDLE.
    pub idle_start: Duration,
    /// The end of an IDLE that we asked to end.
    pub idle_done: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(15),
            response: Duration::from_mins(1),
            command: Duration::from_mins(10),
            idle_start: Duration::from_secs(30),
            idle_done: Duration::from_secs(15),
        }
    }
}

/// The TLS configuration of every connection that trusts the system's authorities and those of `ca_file`.
///
/// Reads files: build it once at start and share it.
pub fn tls_config(ca_file: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Error> {
    let extra = ca_file.map(read_authorities).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(|source| match ca_file {
        Some(path) => Error::CaFile { path: path.to_owned(), reason: source.to_string() },
        None => Error::TlsSetup { source },
    })?;
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::TlsSetup { source })?
        // "dangerous" is rustls's word for any verifier but its own; this one verifies chain, name and dates.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The certificates of a PEM file, at least one.
fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unusable = |reason: String| Error::CaFile { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|cause| unusable(cause.to_string()))?;
    let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match authorities {
        Ok(list) if list.is_empty() => Err(unusable("it holds no certificate".to_owned())),
        Ok(list) => Ok(list),
        Err(cause) => Err(unusable(cause.to_string())),
    }
}

/// A line to the server, in clear text or not.
#[derive(Debug)]
pub(super) enum Link {
    /// Clear text.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A TCP connection to the first address that accepts one.
pub(super) async fn dial(endpoint: &Endpoint, deadlines: &Deadlines) -> Result<TcpStream, Error> {
    let Endpoint { host, port, .. } = endpoint;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(endpoint, deadlines).await? {
        if endpoint.security == Security::Plain && !address.ip().is_loopback() {
            return Err(Error::PlainRefused { host: host.clone() });
        }
        match timeout(deadlines.connect, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                prepare(&tcp).map_err(|source| connect_error(host, *port, source))?;
                return Ok(tcp);
            }
            Ok(Err(cause)) => last = cause,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {:?}", deadlines.connect)),
        }
    }
    Err(connect_error(host, *port, last))
}

fn connect_error(host: &str, port: u16, source: io::Error) -> Error {
    Error::Connect { host: host.to_owned(), port, source: Arc::new(source) }
}

/// The addresses of the server, in the system's order.
async fn resolve(endpoint: &Endpoint, deadlines: &Deadlines) -> Result<Vec<SocketAddr>, Error> {
    let failed = |source| Error::Resolve { host: endpoint.host.clone(), source: Arc::new(source) };
    let lookup = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port));
    match timeout(deadlines.connect, lookup).await {
        Ok(Ok(addresses)) => Ok(addresses.take(MAX_ADDRESSES).collect()),
        Ok(Err(cause)) => Err(failed(cause)),
        Err(_) => Err(failed(io::Error::new(io::ErrorKind::TimedOut, "the resolver does not answer"))),
    }
}

/// A line that dies is noticed: IDLE waits on a silent one for minutes. Without `nodelay` each command costs 44 ms.
fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// TLS over an open connection.
pub(super) async fn secure(
    tcp: TcpStream,
    endpoint: &Endpoint,
    config: &Arc<rustls::ClientConfig>,
    deadlines: &Deadlines,
) -> Result<Link, Error> {
    let Endpoint { host, port, .. } = endpoint;
    let Ok(name) = ServerName::try_from(host.clone()) else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "no certificate can bear this host name");
        return Err(Error::Resolve { host: host.clone(), source: Arc::new(source) });
    };
    match timeout(deadlines.tls, TlsConnector::from(Arc::clone(config)).connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(Link::Tls(Box::new(stream))),
        Ok(Err(source)) => {
            let (reason, temporary) = tls_reason(&source);
            Err(Error::Tls { host: host.clone(), port: *port, reason, temporary, source: Arc::new(source) })
        }
        Err(_) => Err(Error::Deadline { host: host.clone(), command: "the TLS handshake", after: deadlines.tls }),
    }
}

/// What is wrong with the handshake and what to do about it, and whether it may pass by itself.
fn tls_reason(failure: &io::Error) -> (Cow<'static, str>, bool) {
    let cause = failure.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let reason = match cause {
        Some(rustls::Error::InvalidCertificate(certificate)) => certificate_reason(certificate),
        Some(rustls::Error::InvalidMessage(_)) => {
            "the server does not speak TLS on this port; use STARTTLS, or the port of implicit TLS (993)".into()
        }
        Some(other) => format!("{other}; ask the mail service what its server accepts").into(),
        None => return (format!("the connection was lost in the handshake ({failure})").into(), true),
    };
    (reason, false)
}

fn certificate_reason(certificate: &CertificateError) -> Cow<'static, str> {
    match certificate {
        CertificateError::UnknownIssuer => {
            "the certificate comes from an authority unknown to this machine; give that authority's certificate in \
             ca_file, or add it to the system's"
                .into()
        }
        CertificateError::BadSignature => {
            "the certificate bears the name of a known authority but not its signature; give that authority's current \
             certificate in ca_file"
                .into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate was made for another name; set the host to the name that the certificate bears".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired; ask the mail service to renew it, and check this machine's clock".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet; check this machine's clock".into()
        }
        other => format!("the certificate is refused ({other}); ask the mail service for a valid one").into(),
    }
}
