//! A token endpoint of the tests' own: HTTPS, the client-credentials grant, and tokens that a Dovecot can check by itself.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::process::PATIENCE;
use super::tls::{self, Authority};

/// The key under which tokens are signed.
const KEY: &[u8] = b"la clef des jetons d'essai, 32 o";

/// What the endpoint answers next, instead of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

#[derive(Debug)]
struct State {
    forms: Vec<String>,
    instead: VecDeque<Answer>,
    lifetime: u64,
    /// Whether the token really lasts only so many seconds, whatever is said.
    truly: Option<u64>,
}

/// A running endpoint; it lives as long as the test process.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Its loopback port.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Tokens {
    /// An endpoint whose tokens last so many seconds. The token's `email` is the client that asks.
    pub fn start(authority: &Authority, lifetime: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its port").port();
        let state = Arc::new(Mutex::new(State { forms: Vec::new(), instead: VecDeque::new(), lifetime, truly: None }));
        let (config, shared) = (tls::server_config(authority), Arc::clone(&state));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a TLS server");
                serve(connection, client.expect("a client"), &shared);
            }
        });
        Self { port, state }
    }

    /// Answers the next request otherwise.
    pub fn answer_once(&self, status: u16, body: &str) {
        let answer = Answer { status, body: body.to_owned() };
        self.state.lock().unwrap_or_else(PoisonError::into_inner).instead.push_back(answer);
    }

    /// Tokens last shorter than the endpoint says, as one that is revoked.
    pub fn truly_lasts(&self, seconds: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).truly = Some(seconds);
    }

    /// The forms that were posted.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).forms.clone()
    }

    /// Puts the key where [`dovecot`] looks for it: below `folder`.
    pub fn write_key(folder: &std::path::Path) {
        let folder = folder.join("default/HS256");
        std::fs::create_dir_all(&folder).expect("the folder of keys");
        std::fs::write(folder.join("default"), STANDARD.encode(KEY)).expect("the key");
    }

    /// What makes Dovecot believe tokens that are signed with the key below `folder`.
    pub fn dovecot(folder: &std::path::Path) -> String {
        let path = folder.join("oauth2.conf");
        let text = format!(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/\nusername_attribute = email\n",
            folder.display()
        );
        std::fs::write(&path, text).expect("oauth2.conf");
        format!("passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n", path.display())
    }
}

fn serve(mut connection: rustls::ServerConnection, mut client: TcpStream, state: &Arc<Mutex<State>>) {
    client.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    let mut stream = BufReader::new(rustls::Stream::new(&mut connection, &mut client));
    let mut length = 0;
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line), Ok(1..)) {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut form = vec![0; length];
    stream.read_exact(&mut form).expect("a form");
    let form = String::from_utf8(form).expect("a form is ASCII");
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forms.push(form.clone());
        let instead = state.instead.pop_front();
        instead.unwrap_or_else(|| granted(&form, state.lifetime, state.truly))
    };
    let Answer { status, body } = answer;
    let answer = format!(
        "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(answer.as_bytes()).expect("answering");
    stream.get_mut().flush().expect("answering");
    connection.send_close_notify();
    let _ = connection.complete_io(&mut client);
}

fn granted(form: &str, lifetime: u64, truly: Option<u64>) -> Answer {
    let client = form_urlencoded::parse(form.as_bytes()).find(|(key, _)| key == "client_id").expect("a client").1;
    let now = vigie::clock::now().timestamp();
    let claims = format!(
        "{{\"iss\":\"essai\",\"sub\":\"{client}\",\"email\":\"{client}\",\"iat\":{},\"nbf\":{},\"exp\":{}}}",
        now - 5,
        now - 5,
        now + i64::try_from(truly.unwrap_or(lifetime)).expect("a lifetime")
    );
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("a key");
    mac.update(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let body = format!("{{\"token_type\":\"Bearer\",\"expires_in\":{lifetime},\"access_token\":\"{token}\"}}");
    Answer { status: 200, body }
}
