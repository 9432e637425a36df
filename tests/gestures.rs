//! Which gestures agents can make at all, as `vigie check` finds on a real server.
#![allow(clippy::unwrap_used, reason = "a test fails at the line that could not")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::dovecot::{MailFolder, Options};
use support::house::House;
use support::process::text;

/// A gesture by keyword, and two by folder, of which the server has the first.
const GESTURES: &str = "\n[[gestures]]\nkeyword = \"$VigieTelephone\"\nmeans = \"answered\"\nby = \"phone\"\n\
     \n[[gestures]]\nfolder = \"Vigie/Sans suite\"\nmeans = \"no_reply_needed\"\n\
     \n[[gestures]]\nfolder = \"Vigie/Incomplet\"\nmeans = \"incomplete\"\n";

/// What `vigie check` says of a server: it is no fault.
fn check(options: Options) -> String {
    let folders = [Options::default().folders, vec![MailFolder::plain("Vigie/Sans suite")]].concat();
    let house = House::with("observe", Options { folders, ..options }, |text| text + GESTURES);
    let output = house.vigie(&["check"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    said
}

#[test]
fn check_names_the_gesture_folders_that_are_not_there_yet() {
    let said = check(Options::default());
    assert!(said.contains("Vigie/Incomplet") && said.contains("n’existe pas encore"), "{said}");
    assert!(!said.contains("Vigie/Sans suite"), "{said}");
    assert!(!said.contains("$VigieTelephone"), "a server that keeps keywords: {said}");
}

#[test]
fn check_names_the_keywords_that_the_server_will_not_keep_and_says_what_to_do() {
    // The account may read and mark as read, as a delegate of a shared mailbox often may; it may set no other flag.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let rights = folder.path().join("acl");
    fs::write(&rights, "* owner lrsk\n").unwrap();
    let extra = format!("mail_plugins = acl\nplugin {{\n  acl = vfile:{}\n}}\n", rights.display());
    let said = check(Options { extra, ..Options::default() });
    let line = said.lines().find(|line| line.contains("$VigieTelephone")).unwrap_or_default();
    assert!(line.contains("ne garde pas de mots-clés dans INBOX") && line.contains("préférez des dossiers"), "{said}");
}
