//! Mailboxes that an agent's login opens: shared folders, and logins and passwords as the mail services give them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vigie::daemon::folders::choose;
use vigie::daemon::sync::Pass;
use vigie::domain::classify::FolderRole;

use crate::request;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::post::{FIRST, Post};
use crate::support::process::{account, give};

/// Logins and passwords of delegated access, each with what some server or client gets wrong.
const LOGINS: [(&str, &str); 4] = [
    ("agent.-.pref-pan", "mot de passe"),
    ("agent+pref-pan", r#"avec "guillemets" et \ barre"#),
    ("agent@prefecture.example.org", "accentué à l’ancienne, œuvré"),
    ("prefecture_agent", "fin {3}"),
];

#[tokio::test]
async fn a_shared_mailbox_is_read_through_an_agent_s_login() {
    let folder = tempfile::Builder::new().prefix("vigie-partage-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    give(folder.path(), &account("dovecot").0);
    let namespace = format!(
        "auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@+\n\
         namespace partage {{\n  type = public\n  prefix = \"Boite partagée/\"\n  separator = /\n\
         location = maildir:{0}:INDEX={0}/index\n  subscriptions = no\n  list = children\n}}\n",
        folder.path().display()
    );
    let dovecot = Dovecot::start_with(&LOGINS, Options { extra: namespace, ..Options::default() });
    let mut client = dovecot.imap(LOGINS[0].0);
    let inbox = "Boite partagée/pref-pan";
    for name in [inbox, "Boite partagée/pref-pan/Éléments envoyés", "Boite partagée/pref-pan/R&D"] {
        client.ok(&format!("CREATE \"{}\"", crate::support::imap::encode_folder(name)));
    }
    client.append(inbox, &request("a"), None, "");
    for (login, password) in LOGINS {
        let mut post = Post::at(dovecot.imap_port).await;
        let mailbox = post.settings.mailboxes.iter_mut().find(|one| one.name == FIRST).unwrap();
        mailbox.imap.login = Some(login.to_owned());
        mailbox.imap.password = Some(password.to_owned().into());
        inbox.clone_into(&mut mailbox.inbox);
        mailbox.folders = vec!["Boite partagée/*".to_owned()];
        let mut line = post.line(FIRST).await;
        let listed = line.session.list().await.unwrap();
        let chosen = choose(post.settings.mailbox(FIRST).unwrap(), &listed);
        let of = |role| -> Vec<&str> {
            chosen.iter().filter(|folder| folder.role == role).map(|folder| folder.name.as_str()).collect()
        };
        assert_eq!(of(FolderRole::Inbox), [inbox], "{login}");
        assert!(of(FolderRole::Sent).contains(&"Boite partagée/pref-pan/Éléments envoyés"), "{login}: {chosen:?}");
        assert!(of(FolderRole::Other).contains(&"Boite partagée/pref-pan/R&D"), "{login}: {chosen:?}");
        for folder in &chosen {
            post.pass(FIRST, &folder.name, folder.role, Pass::Scan).await;
        }
        assert_eq!(post.recorded().await.len(), 1, "{login}");
        assert_eq!(post.lying().await, [(inbox.to_owned(), 1, 1)], "{login}");
    }
}
