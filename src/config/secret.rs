//! Passwords and tokens: named in the configuration, held in files or systemd credentials, never in the text.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::file::{OauthFile, ServerFile, Source};
use super::locate::Step::{self, Key};
use super::{Error, OauthSettings, Secrets, read};

/// The port of HTTPS.
const HTTPS: u16 = 443;

/// Where a secret is to be found, and the keys that say so.
struct Hidden<'a> {
    file: Option<&'a Path>,
    file_key: &'static str,
    credential: Option<&'a str>,
    credential_key: &'static str,
    /// The key that is blamed where neither is given, and what is missing.
    missing: (&'static str, &'static str),
}

/// The password, from the file or the systemd credential that the server's table names.
pub(super) fn password(source: &Source, steps: &[Step<'_>], file: &ServerFile) -> Result<SecretString, Error> {
    let hidden = Hidden {
        file: file.password_file.as_deref(),
        file_key: "password_file",
        credential: file.password_credential.as_deref(),
        credential_key: "password_credential",
        missing: ("login", "no password: give password_file or password_credential"),
    };
    reveal(source, steps, &hidden)
}

/// Where tokens come from; the secret only where secrets are read.
pub(super) fn oauth(
    source: &Source,
    steps: &[Step<'_>],
    file: &ServerFile,
    secrets: Secrets,
) -> Result<Option<OauthSettings>, Error> {
    let Some(oauth) = &file.oauth else { return Ok(None) };
    let inner = [steps, &[Key("oauth")]].concat();
    let at = |key: &'static str| [inner.as_slice(), &[Key(key)]].concat();
    if steps.first().is_some_and(|step| matches!(step, Key("smtp"))) {
        return Err(source.error(&inner, "tokens are for IMAP only: give the relay a password, or trust this machine"));
    }
    if file.login.is_none() {
        return Err(source.error(&inner, "login is missing: a token says who asks, the login which mailbox"));
    }
    if file.password_file.is_some() || file.password_credential.is_some() {
        return Err(source.error(&inner, "a password is given too: one of them"));
    }
    let Some((host, port, path)) = https(&oauth.token_url) else {
        let what = format!("{:?} is no address of the form https://HOST/PATH", oauth.token_url);
        return Err(source.error(&at("token_url"), what));
    };
    let ca_file = oauth.ca_file.as_ref().map(|path| source.resolve(path));
    if let Some(path) = ca_file.as_ref().filter(|path| !path.is_file()) {
        return Err(source.error(&at("ca_file"), format!("{} is not a readable file", path.display())));
    }
    let client_secret = match secrets {
        Secrets::Read => Some(client_secret(source, &inner, oauth)?),
        Secrets::Skip | Secrets::Store => None,
    };
    let (client_id, scope) = (oauth.client_id.clone(), oauth.scope.clone());
    Ok(Some(OauthSettings { host, port, path, ca_file, client_id, client_secret, scope }))
}

fn client_secret(source: &Source, steps: &[Step<'_>], oauth: &OauthFile) -> Result<SecretString, Error> {
    let hidden = Hidden {
        file: oauth.client_secret_file.as_deref(),
        file_key: "client_secret_file",
        credential: oauth.client_secret_credential.as_deref(),
        credential_key: "client_secret_credential",
        missing: ("client_id", "no secret: give client_secret_file or client_secret_credential"),
    };
    reveal(source, steps, &hidden)
}

fn reveal(source: &Source, steps: &[Step<'_>], hidden: &Hidden<'_>) -> Result<SecretString, Error> {
    let at = |key: &'static str| [steps, &[Key(key)]].concat();
    let (path, key) = match (hidden.file, hidden.credential) {
        (Some(path), None) => (source.resolve(path), hidden.file_key),
        (None, Some(name)) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                let what =
                    "systemd gave no credentials: is LoadCredential= in the unit? ($CREDENTIALS_DIRECTORY is not set)";
                source.error(&at(hidden.credential_key), what)
            })?;
            (PathBuf::from(folder).join(name), hidden.credential_key)
        }
        (Some(_), Some(_)) => {
            let what = format!("{} is given too: one of them", hidden.credential_key);
            return Err(source.error(&at(hidden.file_key), what));
        }
        (None, None) => return Err(source.error(&at(hidden.missing.0), hidden.missing.1)),
    };
    let text = read(&path).map_err(|error| source.error(&at(key), format!("the secret cannot be read: {error}")))?;
    let word = text.lines().next().unwrap_or_default();
    if word.is_empty() {
        return Err(source.error(&at(key), format!("{} is empty", path.display())));
    }
    Ok(SecretString::from(word.to_owned()))
}

/// Host, port and path of an address; nothing but HTTPS, as the secret travels in it.
fn https(url: &str) -> Option<(String, u16, String)> {
    let rest = url.strip_prefix("https://")?;
    let (authority, path) = rest.split_once('/').map_or((rest, String::from("/")), |(a, p)| (a, format!("/{p}")));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, HTTPS),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let printable = path.bytes().all(|byte| byte.is_ascii_graphic());
    (!host.is_empty() && host.chars().all(fits) && printable).then(|| (host.to_owned(), port, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_address_and_refuses_what_is_none() {
        let found = https("https://login.example.org/abc/oauth2/v2.0/token?a=b");
        assert_eq!(found, Some(("login.example.org".into(), 443, "/abc/oauth2/v2.0/token?a=b".into())));
        assert_eq!(https("https://localhost:8443"), Some(("localhost".into(), 8443, "/".into())));
        for wrong in ["http://a/b", "https:///b", "https://a b/c", "https://a:x/", "https://u:p@h/", "https://a/ b", ""]
        {
            assert_eq!(https(wrong), None, "{wrong}");
        }
    }
}
