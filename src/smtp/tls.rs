//! TLS towards the relay: the system's authorities, and the house's besides. Verification is never skipped.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Relay;
use super::error::{Error, explain_tls};

/// The most authorities that one file may bring.
const MAX_AUTHORITIES: usize = 1_000;

/// Makes the connection speak TLS, the certificate checked against the relay's configured name.
pub(super) async fn handshake(relay: &Relay, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let config = client_config(relay.ca_file.as_deref()).await?;
    let name = ServerName::try_from(relay.host.clone())
        .map_err(|_| Error::TlsSetup { why: format!("{} is no name that a certificate can carry", relay.host) })?;
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| Error::Tls { host: relay.host.clone(), why: explain_tls(&error) })
}

/// Read anew for each connection, so that a renewed file needs no restart.
async fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let extra = match ca_file {
        Some(path) => authorities(path).await?,
        None => Vec::new(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier_provider = Arc::clone(&provider);
    // Reading the system's store is blocking work.
    let verifier = tokio::task::spawn_blocking(move || Verifier::new_with_extra_roots(extra, verifier_provider))
        .await
        .map_err(|error| Error::TlsSetup { why: error.to_string() })?
        .map_err(|error| Error::TlsSetup { why: error.to_string() })?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::TlsSetup { why: error.to_string() })?
        .dangerous() // the builder's word for "another verifier than webpki's": this one verifies more, not less
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

async fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let fault = |why: String| Error::CaFile { path: path.to_owned(), why };
    let pem = tokio::fs::read(path).await.map_err(|error| fault(error.to_string()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .take(MAX_AUTHORITIES)
        .collect::<Result<_, _>>()
        .map_err(|error| fault(format!("{error:?}")))?;
    if found.is_empty() { Err(fault("it holds no certificate in PEM form".to_owned())) } else { Ok(found) }
}
