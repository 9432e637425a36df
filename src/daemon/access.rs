//! What a mailbox logs in with: its password, or an access token that is renewed before it expires.
//!
//! One token serves every mailbox of the same client, as a tenant's application has it; it is kept in memory only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::clock;
use crate::config::{OauthSettings, ServerSettings};
use crate::imap::{Credentials, Deadlines, Error, Secret, TokenSource, fetch_token};

/// The longest time before its expiry at which a token is renewed; of a short-lived one it is a quarter of its life.
const RENEWAL_MARGIN: Duration = Duration::from_mins(5);

/// A token, and when it is to be renewed.
#[derive(Debug, Clone)]
struct Held {
    token: SecretString,
    renew_at: Instant,
}

/// Who asks whom for what.
type Client = (String, u16, String, String, Option<String>);

/// The tokens of all mailboxes: each client asks once, and its other mailboxes wait for the answer.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Arc<Mutex<HashMap<Client, Keeper>>>);

/// The token of one client, and who waits for it.
type Keeper = Arc<Mutex<Option<Held>>>;

/// A way to log in.
#[derive(Debug, Clone)]
pub struct Access {
    login: String,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Password(SecretString),
    Token { source: TokenSource, tokens: Tokens },
}

/// What a login was granted.
#[derive(Debug)]
pub struct Grant {
    /// What to log in with.
    pub credentials: Credentials,
    /// When another grant is needed; `None` for never.
    pub renew_at: Option<Instant>,
    /// Whether it was asked for just now: a refusal of it is the server's last word.
    pub fresh: bool,
}

impl Access {
    /// A mailbox's way to log in.
    pub fn of(server: &ServerSettings, tokens: &Tokens) -> anyhow::Result<Self> {
        let login = server.login.clone().context("imap.login is missing")?;
        let way = match &server.oauth {
            Some(oauth) => Way::Token { source: token_source(oauth)?, tokens: tokens.clone() },
            None => Way::Password(server.password.clone().context("the password was not read")?),
        };
        Ok(Self { login, way })
    }

    /// What to log in with now.
    pub async fn grant(&self, deadlines: Deadlines) -> Result<Grant, Error> {
        let login = self.login.clone();
        match &self.way {
            Way::Password(password) => {
                let secret = Secret::Password(password.clone());
                Ok(Grant { credentials: Credentials { login, secret }, renew_at: None, fresh: true })
            }
            Way::Token { source, tokens } => {
                let (held, fresh) = tokens.hold(source, deadlines).await?;
                let secret = Secret::Bearer(held.token);
                Ok(Grant { credentials: Credentials { login, secret }, renew_at: Some(held.renew_at), fresh })
            }
        }
    }

    /// Forgets a token that a server refuses, unless another one was granted meanwhile.
    pub async fn forget(&self, refused: &Grant) {
        let (Way::Token { source, tokens }, Secret::Bearer(token)) = (&self.way, &refused.credentials.secret) else {
            return;
        };
        let place = tokens.place(source).await;
        let mut held = place.lock().await;
        if held.as_ref().is_some_and(|held| held.token.expose_secret() == token.expose_secret()) {
            *held = None;
        }
    }
}

impl Tokens {
    async fn place(&self, source: &TokenSource) -> Keeper {
        let TokenSource { host, port, path, client_id, scope, .. } = source;
        let client = (host.clone(), *port, path.clone(), client_id.clone(), scope.clone());
        Arc::clone(self.0.lock().await.entry(client).or_default())
    }

    /// A token that is good for a while yet, and whether it was asked for just now.
    async fn hold(&self, source: &TokenSource, deadlines: Deadlines) -> Result<(Held, bool), Error> {
        let place = self.place(source).await;
        let mut held = place.lock().await;
        let asked_at = clock::monotonic();
        if let Some(good) = held.as_ref().filter(|held| held.renew_at > asked_at) {
            return Ok((good.clone(), false));
        }
        let granted = fetch_token(source, deadlines).await?;
        let margin = RENEWAL_MARGIN.min(granted.lifetime / 4);
        let new = Held { token: granted.secret, renew_at: asked_at + granted.lifetime.saturating_sub(margin) };
        *held = Some(new.clone());
        Ok((new, true))
    }
}

fn token_source(oauth: &OauthSettings) -> anyhow::Result<TokenSource> {
    let OauthSettings { host, port, path, ca_file, client_id, client_secret, scope } = oauth.clone();
    let client_secret = client_secret.context("the client's secret was not read")?;
    Ok(TokenSource { host, port, path, ca_file, client_id, client_secret, scope })
}
