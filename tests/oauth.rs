//! Logins by access token: a token endpoint of the tests' own, and a real Dovecot that checks what it grants.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use support::dovecot::{Dovecot, Options};
use support::house::{ADMIN, ETR, House, PAN, mail};
use support::process::text;
use support::tls::Authority;
use support::tokens::Tokens;
use vigie::config::{OauthSettings, Security, ServerSettings};
use vigie::daemon::access::{Access, Tokens as Held};
use vigie::daemon::line::Line;
use vigie::daemon::mailbox::endpoint;
use vigie::daemon::trust::Trust;
use vigie::imap::Deadlines;

/// The word by which the client is known at the endpoint.
const SECRET: &str = "le secret & l'autre=é";

/// A Dovecot that takes tokens, and the endpoint that grants them.
struct Scene {
    dovecot: Dovecot,
    tokens: Tokens,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(lifetime: u64) -> Self {
        Self::with(lifetime, "xoauth2 oauthbearer")
    }

    fn with(lifetime: u64, mechanisms: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("vigie-oauth-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Tokens::write_key(folder.path());
        fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        let authority = Authority::new();
        let tokens = Tokens::start(&authority, lifetime);
        let options = Options {
            auth_mechanisms: format!("plain {mechanisms}"),
            extra: Tokens::dovecot(folder.path()),
            authority,
            ..Options::default()
        };
        Self { dovecot: Dovecot::start_with(&[(ETR, "etrangers"), (PAN, "pan secret")], options), tokens, folder }
    }

    fn ca_file(&self) -> PathBuf {
        self.dovecot.ca_file.clone()
    }

    /// How a mailbox of the scene is reached.
    fn settings(&self, login: &str) -> ServerSettings {
        let oauth = OauthSettings {
            host: "localhost".to_owned(),
            port: self.tokens.port,
            path: "/tenant/token".to_owned(),
            ca_file: Some(self.ca_file()),
            client_id: login.to_owned(),
            client_secret: Some(SECRET.to_owned().into()),
            scope: None,
        };
        ServerSettings {
            host: "localhost".to_owned(),
            port: self.dovecot.imaps_port,
            security: Security::Implicit,
            ca_file: Some(self.ca_file()),
            login: Some(login.to_owned()),
            password: None,
            oauth: Some(oauth),
            max_connections: None,
        }
    }

    /// Logs in, and looks into the inbox.
    async fn visit(&self, held: &Held) -> Result<(), vigie::imap::Error> {
        let settings = self.settings(ETR);
        let access = Access::of(&settings, held).unwrap();
        let mut line = Line::open(endpoint(&settings), access, &Trust::default(), Deadlines::default()).await?;
        line.session.examine("INBOX", None).await?;
        line.session.logout().await;
        Ok(())
    }

    /// A prefecture whose second mailbox is reached by tokens.
    fn house(&self) -> House {
        let (port, ca) = (self.dovecot.imaps_port, self.ca_file().display().to_string());
        let (tokens, secret) = (self.tokens.port, self.folder.path().join("secret").display().to_string());
        House::new("observe", |toml| {
            let (head, tail) = toml.split_once("name = \"pref-étrangers\"").unwrap();
            let (before, after) = tail.split_once("[mailboxes.imap]").unwrap();
            let (_, service) = after.split_once("[mailboxes.service]").unwrap();
            format!(
                "{head}name = \"pref-étrangers\"{before}[mailboxes.imap]\nhost = \"localhost\"\nport = {port}\n\
                 ca_file = \"{ca}\"\nlogin = \"{ETR}\"\n[mailboxes.imap.oauth]\n\
                 token_url = \"https://localhost:{tokens}/tenant/token\"\nclient_id = \"{ETR}\"\n\
                 client_secret_file = \"{secret}\"\nscope = \"imap/.default\"\nca_file = \"{ca}\"\n\
                 [mailboxes.service]{service}"
            )
        })
    }
}

fn bytes(id: &str) -> Vec<u8> {
    mail("Alice <alice@example.org>", ETR, id, "Demande", "").replace('\n', "\r\n").into_bytes()
}

fn watched(house: &House) -> bool {
    house.json(&["status"]).iter().all(|mailbox| mailbox["last_scan"].is_string())
}

#[tokio::test]
async fn one_token_serves_many_sessions_by_either_mechanism() {
    for mechanism in ["xoauth2", "oauthbearer"] {
        let scene = Scene::with(3_600, mechanism);
        let held = Held::default();
        for _ in 0..3 {
            scene.visit(&held).await.unwrap();
        }
        let asked = scene.tokens.asked();
        assert_eq!(asked.len(), 1, "{mechanism}");
        assert!(asked[0].contains("client_secret=le+secret+%26+l%27autre%3D%C3%A9"), "{}", asked[0]);
    }
}

#[tokio::test]
async fn a_token_that_no_longer_serves_is_replaced_at_once_and_only_once() {
    let scene = Scene::new(3_600);
    scene.tokens.truly_lasts(1);
    let held = Held::default();
    scene.visit(&held).await.unwrap();
    let mut refused = false;
    // Dovecot counts whole seconds: the token serves for one or two of them
    while !refused {
        tokio::task::yield_now().await;
        scene.visit(&held).await.unwrap();
        refused = scene.tokens.asked().len() > 1;
    }
    // a fresh token that is refused is the server's last word
    fs::remove_file(scene.folder.path().join("default/HS256/default")).unwrap();
    scene.dovecot.doveadm(&["reload"]);
    let before = scene.tokens.asked().len();
    let error = scene.visit(&Held::default()).await.unwrap_err();
    assert!(error.is_authentication() || error.is_temporary(), "{error}");
    assert_eq!(scene.tokens.asked().len(), before + 1);
}

#[test]
fn a_mailbox_is_watched_past_the_end_of_its_tokens_without_being_blind() {
    let scene = Scene::new(8);
    let mut house = scene.house();
    house.start();
    house.wait("both mailboxes watched", watched);
    scene.dovecot.append(ETR, "INBOX", &bytes("a@example.org"), None, "");
    house.wait_recorded(1);
    house.wait("two more tokens", |_| scene.tokens.asked().len() >= 3);
    scene.dovecot.append(ETR, "INBOX", &bytes("b@example.org"), None, "");
    house.wait_recorded(2);
    assert!(!house.log().contains("cannot be read"), "{}", house.log());
    assert_eq!(house.stop("TERM"), Some(0));
    assert!(!house.log().contains("eyJ"), "no token in the log");
}

#[test]
fn a_refused_client_is_not_hammered_and_told_at_once_and_an_overloaded_endpoint_is_asked_again() {
    let scene = Scene::new(3_600);
    for _ in 0..2 {
        scene.tokens.answer_once(503, "");
    }
    let refusal = format!("{{\"error\":\"invalid_client\",\"error_description\":\"wrong: {SECRET}\"}}");
    for _ in 0..50 {
        scene.tokens.answer_once(401, &refusal);
    }
    let mut house = scene.house();
    house.start();
    // what the endpoint said is in the mail, encoded; its lines may be broken anywhere
    let warned = |house: &House| {
        let mails = house.dovecot.messages(ADMIN, "INBOX");
        mails.iter().map(|bytes| text(bytes).replace("=\r\n", "")).find(|mail| mail.contains("invalid_client"))
    };
    house.wait("the administrators are told", |house| warned(house).is_some());
    assert!(!warned(&house).unwrap().contains("le secret"));
    assert_eq!(scene.tokens.asked().len(), 3, "two that pass, one that lasts");
    assert!(!house.log().contains("le secret"));
    assert_eq!(house.stop("TERM"), Some(0));
}
