//! The whole comparison of a folder with its server, and the repair of what differs.

use std::collections::HashSet;

use super::line::Line;
use super::sync::{Pass, Reader, Watched};
use crate::app::reconcile::Finding;

impl Reader<'_> {
    /// Compares a folder whole, repairs it by a rescan where it differs, and says what was found.
    ///
    /// An ordinary pass comes first: what arrived a moment ago is no difference. What is left is reckoned among the
    /// differences that were found, for the same reason.
    pub async fn reconcile(&self, line: &mut Line, folder: &Watched) -> anyhow::Result<Finding> {
        self.pass(line, folder, Pass::Scan).await?;
        let cursor = self.cursor(folder).await?;
        let found = self.compare(&mut line.session, &cursor).await?;
        let mut left = Vec::new();
        if !found.new.is_empty() || !found.gone.is_empty() {
            let (mailbox, name) = (&self.desk.policy.name, &folder.name);
            tracing::warn!(
                mailbox = %mailbox,
                folder = %name,
                missing = ?found.new,
                surplus = ?found.gone,
                "{name}: server and store differ; the folder is read anew"
            );
            self.pass(line, folder, Pass::Whole).await?;
            let still = self.compare(&mut line.session, &self.cursor(folder).await?).await?;
            let before: HashSet<u32> = found.new.iter().chain(&found.gone).copied().collect();
            left = still.new.into_iter().chain(still.gone).filter(|uid| before.contains(uid)).collect();
        }
        Ok(Finding {
            mailbox: self.desk.policy.name.clone(),
            folder: folder.name.clone(),
            server: found.server,
            store: found.store,
            missing: found.new,
            surplus: found.gone,
            left,
        })
    }
}
