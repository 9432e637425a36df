//! Who logs in, and with what. Neither is ever shown: a login is often an address.

use secrecy::SecretString;

/// What proves who logs in.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A password.
    Password(SecretString),
    /// An OAuth 2.0 access token (RFC 6750), without the word Bearer. Fetching it is the caller's work.
    Bearer(SecretString),
}

/// A login with its secret.
#[derive(Clone)]
pub struct Credentials {
    /// The whole login as the server wants it, for example `agent.-.balf`.
    pub login: String,
    /// The password or token.
    pub secret: Secret,
}

impl Credentials {
    /// A login with its password.
    pub fn password(login: impl Into<String>, password: impl Into<String>) -> Self {
        Self { login: login.into(), secret: Secret::Password(SecretString::from(password.into())) }
    }

    /// A login with its OAuth access token.
    pub fn bearer(login: impl Into<String>, token: impl Into<String>) -> Self {
        Self { login: login.into(), secret: Secret::Bearer(SecretString::from(token.into())) }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(withheld)")
    }
}
