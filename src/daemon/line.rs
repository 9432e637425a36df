//! A line to a mailbox's server that can be laid anew in the middle of a task.

use std::time::Instant;

use super::access::Access;
use super::trust::Trust;
use crate::imap::{self, Deadlines, Endpoint, Error, Selected, Session};

/// A session, and what it takes to open another.
pub struct Line {
    endpoint: Endpoint,
    access: Access,
    trust: Trust,
    deadlines: Deadlines,
    renew_at: Option<Instant>,
    /// The session in use.
    pub session: Session,
}

impl Line {
    /// Connects and logs in.
    pub async fn open(endpoint: Endpoint, access: Access, trust: &Trust, deadlines: Deadlines) -> Result<Self, Error> {
        let (session, renew_at) = lay(&endpoint, &access, trust, deadlines).await?;
        Ok(Self { endpoint, access, trust: trust.clone(), deadlines, renew_at, session })
    }

    /// Lays the line anew and opens the folder again; `None` where its UIDs no longer mean the same.
    pub async fn relay(&mut self, folder: &str, uid_validity: u32) -> Result<Option<Selected>, Error> {
        (self.session, self.renew_at) = lay(&self.endpoint, &self.access, &self.trust, self.deadlines).await?;
        let selected = self.session.examine(folder, None).await?;
        Ok((selected.uidvalidity == uid_validity).then_some(selected))
    }

    /// Whether the token of this session nears its expiry: some servers end a session with it.
    #[must_use]
    pub fn is_expiring(&self, now: Instant) -> bool {
        self.renew_at.is_some_and(|renew_at| renew_at <= now)
    }
}

/// Logs in. A token that was granted earlier may have been revoked since: refused, it is tried once more with a new one.
async fn lay(
    endpoint: &Endpoint,
    access: &Access,
    trust: &Trust,
    deadlines: Deadlines,
) -> Result<(Session, Option<Instant>), Error> {
    let mut grant = access.grant(deadlines).await?;
    let ca_file = endpoint.ca_file.as_deref();
    let tls = trust.settings(ca_file)?;
    let mut session = imap::connect(endpoint, &grant.credentials, &tls, deadlines).await;
    if matches!(session, Err(Error::Tls { .. })) {
        trust.forget(ca_file);
    }
    if session.as_ref().is_err_and(Error::is_authentication) {
        access.forget(&grant).await;
        if !grant.fresh {
            grant = access.grant(deadlines).await?;
            session = imap::connect(endpoint, &grant.credentials, &tls, deadlines).await;
        }
    }
    Ok((session?, grant.renew_at))
}
