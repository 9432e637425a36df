//! A disk that is full, a file that cannot be written, a database that cannot be opened.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::house::{ADMIN, House, PAN, mail};
use support::shell::Shell;
use vigie::store::Store;

/// A small disk of its own; unmounted when it is dropped.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(size: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("vigie-disk-").tempdir().unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "vigie-essai"]).arg(folder.path());
        assert!(mount.status().expect("mount runs").success(), "mounting needs root");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Leaves no octet free.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.path("ballast")).unwrap();
        for size in [65_536, 4_096, 512, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `/health` says: the status line's code and the text.
fn health(port: u16) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("vigie listens");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    (code, answer)
}

fn ask(n: u32) -> String {
    mail(&format!("usager{n}@example.org"), PAN, &format!("m{n}@example.org"), "Titre de séjour", "")
}

#[test]
fn on_a_full_disk_nothing_is_taken_in_nothing_is_lost_and_all_goes_on_by_itself() {
    let (disk, port) = (Disk::new("12m"), free_port());
    let url = disk.path("vigie.db");
    let mut house = House::new("acknowledge", |text| {
        let text = text.replace("url = \"vigie.db\"", &format!("url = \"{}\"", url.display()));
        text.replace("[smtp]\n", &format!("[web]\nlisten = \"127.0.0.1:{port}\"\n[smtp]\n"))
    });
    house.start();
    house.receive(PAN, &ask(1));
    house.wait_sent(1);
    assert_eq!(health(port).0, 200);

    disk.fill();
    house.receive(PAN, &ask(2));
    house.wait("the trouble in the log", |house| house.log().contains("the database takes no writing"));
    house.wait("the trouble in the health", |_| health(port).0 == 503);
    assert!(health(port).1.contains("full"), "{}", health(port).1);
    let status = house.vigie(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&status.stderr).contains("LECTURE SEULE"));
    house.wait("a mail to the administrators", |house| {
        let mails = house.dovecot.messages(ADMIN, "INBOX");
        mails.iter().any(|mail| String::from_utf8_lossy(mail).contains("criture"))
    });
    assert_eq!(house.sink.mails().len(), 1, "what is not recorded is not acknowledged");

    disk.empty();
    let mails = house.wait_sent(2);
    assert_eq!(mails.len(), 2, "each is acknowledged once");
    house.wait("the health again", |_| health(port).0 == 200);
    let entries = house.json(&["ledger", "show"]);
    assert!(entries.iter().any(|entry| entry["kind"] == "store_writable_again"), "the ledger says what was missed");
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
    assert_eq!(house.json(&["requests"]).len(), 2);
}

#[tokio::test]
async fn a_backup_onto_a_full_disk_says_so_and_leaves_nothing_half_written() {
    let (disk, shell) = (Disk::new("1m"), Shell::new());
    Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap().close().await;
    disk.fill();
    let output = shell.run(&["backup", disk.path("copie.vigie").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("full"), "{said}");
    let left: Vec<_> = std::fs::read_dir(disk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["ballast"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named_and_ends_the_daemon_so_that_systemd_tries_again() {
    let (disk, shell) = (Disk::new("12m"), Shell::new());
    let url = disk.path("vigie.db");
    Store::open(url.to_str().unwrap()).await.unwrap().close().await;
    let text = std::fs::read_to_string(shell.path("vigie.toml")).unwrap();
    std::fs::write(
        shell.path("vigie.toml"),
        text.replace("url = \"vigie.db\"", &format!("url = \"{}\"", url.display())),
    )
    .unwrap();
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(disk.folder.path());
        assert!(mount.status().unwrap().success());
    };
    remount("ro");
    let output = shell.run(&["breaker", "release"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(url.to_str().unwrap()), "the file is named: {said}");
    remount("rw");
    assert!(shell.run(&["requests"]).status.success());
}

#[test]
fn a_database_that_cannot_be_opened_ends_the_daemon_with_one() {
    let house = House::new("observe", |text| text.replace("url = \"vigie.db\"", "url = \"/dev/null/vigie.db\""));
    let output = house.vigie(&["run"]);
    assert_eq!(output.status.code(), Some(1), "systemd starts it again on 1, not on 2");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/dev/null/vigie.db") && said.contains("cannot be opened"), "{said}");
    assert!(Path::new("/dev/null").exists());
}
