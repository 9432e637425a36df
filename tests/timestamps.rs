//! Seals stamped with the time by a real authority: `openssl ts` behind a little HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use support::shell::Shell;
use support::tls::{Authority, server_config};
use vigie::store::Store;

/// The configuration of `openssl ts`, after its manual.
const CONFIG: &str = "\
[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\nsigner_digest = sha256\n\
default_policy = 1.2.3.4\ndigests = sha256\nordering = no\ntsa_name = no\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n";

fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Plain or over TLS.
trait Stream: std::io::Read + std::io::Write {}
impl<T: std::io::Read + std::io::Write> Stream for T {}

/// An authority in a folder, answering a few queries on a port of its own; its URL.
fn authority(folder: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> String {
    std::fs::write(folder.join("tsa.cnf"), CONFIG).unwrap();
    std::fs::write(folder.join("serial"), "01\n").unwrap();
    let usage = "extendedKeyUsage = critical,timeStamping";
    let subject = "/CN=Horodatage d'essai";
    openssl(
        folder,
        &[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem", "-days", "2",
            "-subj", subject, "-addext", usage,
        ],
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://localhost:{}/tsr", listener.local_addr().unwrap().port());
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream: Box<dyn Stream> = match &tls {
                None => Box::new(stream.unwrap()),
                Some(tls) => {
                    let connection = rustls::ServerConnection::new(Arc::clone(tls)).unwrap();
                    Box::new(rustls::StreamOwned::new(connection, stream.unwrap()))
                }
            };
            let mut reader = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            // A client that trusts no such certificate hangs up.
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut query = vec![0; length];
            if length == 0 || reader.read_exact(&mut query).is_err() {
                continue;
            }
            std::fs::write(folder.join("query.tsq"), query).unwrap();
            let reply = ["ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr"];
            openssl(&folder, &reply);
            let body = std::fs::read(folder.join("reply.tsr")).unwrap();
            let head = "HTTP/1.0 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n";
            let mut stream = reader.into_inner();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            stream.flush().unwrap();
        }
    });
    url
}

#[tokio::test]
async fn each_seal_is_stamped_and_a_stamp_that_does_not_fit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let url = authority(folder.path(), None);
    let ca = folder.path().join("tsa.pem");
    let shell = Shell::on("vigie.db", &format!("timestamp_url = \"{url}\"\ntimestamp_ca = \"{}\"\n", ca.display()));
    Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap().close().await;
    shell.say(&["ledger", "key"]);
    shell.say(&["ledger", "seal"]);
    shell.say(&["ledger", "key", "--rotate"]);
    shell.say(&["ledger", "seal"]);
    let stamps = |shell: &Shell| {
        let entries = std::fs::read_dir(shell.path("seals")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "tsr")).collect::<Vec<_>>()
    };
    assert_eq!(stamps(&shell).len(), 3, "two seals and the rotation between them");
    assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
    let (first, second) = (&stamps(&shell)[0], &stamps(&shell)[1]);
    std::fs::copy(first, second).unwrap();
    let refused = shell.run(&["ledger", "verify"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("NON VÉRIFIÉ") && said.contains("horodatage"), "{said}");
}

#[tokio::test]
async fn an_authority_that_is_away_leaves_the_seal_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    authority(folder.path(), None);
    let ca = folder.path().join("tsa.pem");
    let away = "timestamp_url = \"http://127.0.0.1:9/tsr\"";
    let shell = Shell::on("vigie.db", &format!("{away}\ntimestamp_ca = \"{}\"\n", ca.display()));
    Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap().close().await;
    shell.say(&["ledger", "key"]);
    let output = shell.run(&["ledger", "seal"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not stamped"));
    assert_eq!(std::fs::read_dir(shell.path("seals")).unwrap().count(), 1, "the seal is there");
    assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
}

#[tokio::test]
async fn an_authority_over_tls_stamps_where_its_certificate_is_vouched_for_and_nowhere_else() {
    let (folder, house) = (tempfile::tempdir().unwrap(), Authority::new());
    let url = authority(folder.path(), Some(server_config(&house)));
    let stamper = std::fs::read_to_string(folder.path().join("tsa.pem")).unwrap();
    for (vouched, ca) in [(false, stamper.clone()), (true, format!("{stamper}{}", house.ca_pem))] {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, ca).unwrap();
        let shell =
            Shell::on("vigie.db", &format!("timestamp_url = \"{url}\"\ntimestamp_ca = \"{}\"\n", path.display()));
        Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap().close().await;
        shell.say(&["ledger", "key"]);
        let output = shell.run(&["ledger", "seal"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), vouched, "{said}");
        assert!(vouched || said.contains("TLS with localhost"), "{said}");
        assert_eq!(std::fs::read_dir(shell.path("seals")).unwrap().count(), 1 + usize::from(vouched));
        assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
    }
}
