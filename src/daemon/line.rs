//! A line to a mailbox's server that can be laid anew in the middle of a task.

use std::sync::Arc;

use crate::imap::{self, Credentials, Deadlines, Endpoint, Error, Selected, Session};

/// A session, and what it takes to open another.
pub struct Line {
    endpoint: Endpoint,
    credentials: Credentials,
    tls: Arc<rustls::ClientConfig>,
    deadlines: Deadlines,
    /// The session in use.
    pub session: Session,
}

impl Line {
    /// Connects and logs in.
    pub async fn open(endpoint: Endpoint, credentials: Credentials, deadlines: Deadlines) -> Result<Self, Error> {
        let tls = imap::tls_config(endpoint.ca_file.as_deref())?;
        let session = imap::connect(&endpoint, &credentials, &tls, deadlines).await?;
        Ok(Self { endpoint, credentials, tls, deadlines, session })
    }

    /// Lays the line anew and opens the folder again; `None` where its UIDs no longer mean the same.
    pub async fn relay(&mut self, folder: &str, uid_validity: u32) -> Result<Option<Selected>, Error> {
        self.session = imap::connect(&self.endpoint, &self.credentials, &self.tls, self.deadlines).await?;
        let selected = self.session.examine(folder, None).await?;
        Ok((selected.uidvalidity == uid_validity).then_some(selected))
    }
}
