//! Certificates for the test servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// A certification authority, with a server certificate for `localhost` and 127.0.0.1.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "files and keys also go by these names: PEM is what tells them apart")]
pub struct Authority {
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// The server's certificate, PEM.
    pub cert_pem: String,
    /// The server's private key, PEM.
    pub key_pem: String,
}

/// The files of an [`Authority`].
#[derive(Debug, Clone)]
pub struct Files {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate.
    pub cert: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority; two of them do not trust each other, which is how "wrong CA" is tested.
    pub fn new() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// An authority whose server certificate is for other names, for "wrong name" tests.
    pub fn for_names(names: &[&str]) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::<String>::new()).expect("no name to refuse");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "Autorité d'essai");
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = ca.self_signed(&ca_key).expect("signing the authority").pem();

        let key = KeyPair::generate().expect("a key");
        let mut server =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        server.distinguished_name.push(DnType::CommonName, names[0]);
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let cert = server.signed_by(&key, &Issuer::new(ca, ca_key)).expect("signing the server");
        Self { ca_pem, cert_pem: cert.pem(), key_pem: key.serialize_pem() }
    }

    /// Writes the three files into `folder`.
    pub fn write(&self, folder: &Path) -> Files {
        fs::create_dir_all(folder).expect("the folder of certificates");
        let write = |name: &str, pem: &str| {
            let path = folder.join(name);
            fs::write(&path, pem).expect("writing a certificate");
            path
        };
        Files {
            ca: write("ca.pem", &self.ca_pem),
            cert: write("server.pem", &self.cert_pem),
            key: write("server.key", &self.key_pem),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A client's TLS settings that trust the authority in `ca_file` and no other.
pub fn client_config(ca_file: &Path) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).expect("the authority's certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A server's TLS settings under this authority.
pub fn server_config(authority: &Authority) -> Arc<rustls::ServerConfig> {
    let cert = CertificateDer::from_pem_slice(authority.cert_pem.as_bytes()).expect("the certificate");
    let key = PrivateKeyDer::from_pem_slice(authority.key_pem.as_bytes()).expect("the key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .expect("a certificate and its key");
    Arc::new(config)
}

/// A blocking TLS client to `localhost` over an open connection.
pub fn client<S: std::io::Read + std::io::Write>(
    stream: S,
    ca_file: &Path,
) -> rustls::StreamOwned<rustls::ClientConnection, S> {
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = rustls::ClientConnection::new(client_config(ca_file), name).expect("a TLS client");
    rustls::StreamOwned::new(connection, stream)
}
