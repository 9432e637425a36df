//! Which folders of a mailbox are read, and what each is for.

use crate::config::MailboxSettings;
use crate::domain::classify::FolderRole;
use crate::domain::policy::matches_pattern;
use crate::imap::{ListedFolder, SpecialUse, find_junk, find_sent};

use super::sync::Watched;

/// Folders of one mailbox that are read; a pattern that fits more is cut.
const MAX_FOLDERS: usize = 500;

/// The folders to read, each once: where mail arrives, what was sent, spam, then the others that the configuration
/// names. A pattern finds neither drafts nor what was deleted.
#[must_use]
pub fn choose(settings: &MailboxSettings, listed: &[ListedFolder]) -> Vec<Watched> {
    let mut chosen = vec![Watched { name: settings.inbox.clone(), role: FolderRole::Inbox }];
    let mut add = |name: &str, role| {
        if chosen.len() < MAX_FOLDERS && !chosen.iter().any(|known| known.name == name) {
            chosen.push(Watched { name: name.to_owned(), role });
        }
    };
    let found = |configured: &[String], found: Vec<&ListedFolder>| -> Vec<String> {
        if configured.is_empty() { found.into_iter().map(|f| f.name.clone()).collect() } else { configured.to_vec() }
    };
    for name in found(&settings.sent, find_sent(listed)) {
        add(&name, FolderRole::Sent);
    }
    for name in found(&settings.junk, find_junk(listed)) {
        add(&name, FolderRole::Junk);
    }
    for wanted in &settings.folders {
        if !wanted.contains('*') {
            add(wanted, FolderRole::Other);
            continue;
        }
        for folder in listed.iter().filter(|folder| is_of_interest(folder) && matches_pattern(wanted, &folder.name)) {
            add(&folder.name, FolderRole::Other);
        }
    }
    // An agent makes the folder of a gesture when it is first needed: until then its absence is no trouble.
    for wanted in &settings.gesture_folders {
        if listed.iter().any(|folder| folder.name == *wanted && folder.is_selectable()) {
            add(wanted, FolderRole::Other);
        }
    }
    chosen
}

fn is_of_interest(folder: &ListedFolder) -> bool {
    let put_aside = [SpecialUse::All, SpecialUse::Drafts, SpecialUse::Flagged, SpecialUse::Trash];
    folder.is_selectable() && !folder.special_use.is_some_and(|own| put_aside.contains(&own))
}
