//! The authorities against which the servers' certificates are checked: read once for all mailboxes, not at each login.
//!
//! They are read anew after a handshake that failed, since the file may have been renewed meanwhile, and when the
//! configuration is reloaded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::imap::{Error, tls_config};

/// The TLS settings in use, by the file of authorities that they trust beside the system's.
#[derive(Debug, Clone, Default)]
pub struct Trust(Arc<Mutex<HashMap<Option<PathBuf>, Arc<rustls::ClientConfig>>>>);

impl Trust {
    /// The settings that trust the system's authorities and those of a file.
    pub fn settings(&self, ca_file: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = ca_file.map(Path::to_owned);
        if let Some(settings) = known.get(&key) {
            return Ok(Arc::clone(settings));
        }
        let settings = tls_config(ca_file)?;
        known.insert(key, Arc::clone(&settings));
        Ok(settings)
    }

    /// Reads a file's authorities anew the next time.
    pub fn forget(&self, ca_file: Option<&Path>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&ca_file.map(Path::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read_once_until_a_handshake_fails() {
        let trust = Trust::default();
        let first = trust.settings(None).unwrap();
        assert!(Arc::ptr_eq(&first, &trust.settings(None).unwrap()));
        trust.forget(None);
        assert!(!Arc::ptr_eq(&first, &trust.settings(None).unwrap()));
        let missing = Path::new("/nonexistent/authority.pem");
        assert!(matches!(trust.settings(Some(missing)), Err(Error::CaFile { .. })));
    }
}
