//! `vigie explain` on what people point it at: old messages, folders, and files that are no messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const TO_US: &str = "To: pref-pan@prefecture.example.org\nMessage-ID: <a@b.example>\n\nBonjour\n";

fn explain(arguments: &[&Path]) -> (Output, Vec<Value>) {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["explain", "--mailbox", "pref-pan", "--mode", "acknowledge", "--format", "json", "--config"])
        .arg(config)
        .args(arguments)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let rows = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output, rows)
}

#[test]
fn an_old_message_is_judged_at_the_moment_of_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    for (name, head, received) in [
        ("received", "Received: from a by b; Mon, 1 Sep 2003 10:00:00 +0200\nFrom: a@b.example\n", "2003-09-01"),
        ("dated", "Date: Tue, 2 Sep 2003 10:00:00 +0200\nFrom: a@b.example\n", "2003-09-02"),
        (
            "mbox",
            "From a@b.example Wed Sep  3 10:00:00 2003\nDate: 3 Sep 2003 10:00 GMT\nFrom: a@b.example\n",
            "2003-09-03",
        ),
        (
            "clock",
            "Received: from a by b; Mon, 1 Sep 2093 10:00:00 +0200\nDate: 4 Sep 2003 10:00 GMT\nFrom: a@b.example\n",
            "2003-09-04",
        ),
        ("undated", "From: a@b.example\n", "20"),
        ("future", "Date: Tue, 2 Sep 2093 10:00:00 +0200\nFrom: a@b.example\n", "20"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, format!("{head}{TO_US}")).unwrap();
        let (output, rows) = explain(&[&file]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(rows[0]["acknowledgement"], "send", "{name}: {}", rows[0]);
        assert!(rows[0]["received_at"].as_str().unwrap().starts_with(received), "{name}: {}", rows[0]);
    }
}

#[test]
fn a_receipt_in_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message");
    fs::write(&file, format!("From: a@b.example\n{TO_US}")).unwrap();
    let (output, rows) = explain(&[&file, Path::new("--received-at"), Path::new("2093-09-02T10:00:00Z")]);
    assert_eq!((output.status.code(), rows.len()), (Some(2), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("septembre 2093 à "));
    let (output, _) = explain(&[&file, Path::new("--received-at"), Path::new("2003-09-02T10:00:00Z")]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_folder_is_explained_file_by_file_and_what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
    write("a-message", format!("From: a@b.example\n{TO_US}").as_bytes());
    write("b-empty", b"");
    write("c-binary", &(0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    write("d-header-only", format!("From: a@b.example\n{}", "X-A: b\n".repeat(100_000)).as_bytes());
    write("e-one-line", "x".repeat(5_000_000).as_bytes());
    write(".hidden", b"From: a@b.example\n\n");
    fs::create_dir(folder.path().join("cur")).unwrap();
    let (output, rows) = explain(&[folder.path()]);
    assert_eq!(output.status.code(), Some(0));
    let verdicts: Vec<&str> = rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["request", "unreadable", "unreadable", "request", "unreadable"]);

    let (output, rows) = explain(&[&folder.path().join("nowhere"), &folder.path().join("a-message")]);
    assert_eq!((output.status.code(), rows.len()), (Some(1), 1), "the others go on");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere"));
}

#[test]
fn the_corpus_is_explained_by_the_command_as_by_the_rules() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let messages = fs::read_dir(&corpus).unwrap().count();
    let (output, rows) = explain(&[&corpus]);
    assert_eq!((output.status.code(), rows.len()), (Some(0), messages));
    assert!(rows.iter().all(|row| row["reason"].is_string() && row["acknowledgement_reason"].is_string()));
}

#[test]
fn a_preview_shows_what_would_leave_first_or_the_kind_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config");
    let (from, to) = (shipped.join("vigie.toml"), shipped.display().to_string());
    let text = fs::read_to_string(&from).unwrap();
    // its files stay where they are; the first mailbox registers first
    let text = text.replace("= \"commitments.toml\"", &format!("= \"{to}/commitments.toml\""));
    let text = text.replace("= \"requesters.toml\"", &format!("= \"{to}/requesters.toml\""));
    let text = text.replace("= \"closures.toml\"", &format!("= \"{to}/closures.toml\""));
    let text = text.replace("= \"indicators.toml\"", &format!("= \"{to}/indicators.toml\""));
    let text = text.replace("= \"templates\"", &format!("= \"{to}/templates\""));
    let text = text.replace("template = \"pref-pan\"", "template = \"pref-pan\"\nregistration = \"enregistrement\"");
    let (config, asked) = (folder.path().join("vigie.toml"), folder.path().join("asked"));
    fs::write(&config, text).unwrap();
    fs::write(&asked, format!("From: a@b.example\nContent-Language: en\n{TO_US}")).unwrap();
    let preview = |mailbox: &str, kind: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.args(["template", "preview", "--mailbox", mailbox, "--config"]).arg(&config).arg(&asked).args(kind);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).replace("=\r\n", ""))
    };
    let (code, mail) = preview("pref-pan", &[]);
    assert!(code == Some(0) && mail.contains("X-Vigie: registration"), "{mail}");
    let (code, mail) = preview("pref-pan", &["--kind", "acknowledgement"]);
    assert!(code == Some(0) && mail.contains("X-Vigie: acknowledgement"), "{mail}");
    let (_, mail) = preview("pref-étrangers", &["--kind", "transfer"]);
    assert!(mail.contains("X-Vigie: transfer") && mail.contains("Content-Language: fr, en"), "{mail}");
    assert!(mail.contains("passed on"), "{mail}");
    let (code, said) = preview("pref-étrangers", &["--kind", "registration"]);
    assert!(code != Some(0) && said.contains("no registration notice"), "{said}");
}

#[test]
fn a_preview_of_a_mail_that_would_not_be_sent_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
    let preview = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.args(["template", "preview", "--mailbox", "pref-pan", "--config"]).arg(&config);
        let output = command.arg(file).output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (asked, robot) = (folder.path().join("asked"), folder.path().join("robot"));
    fs::write(&asked, format!("From: a@b.example\n{TO_US}")).unwrap();
    fs::write(&robot, format!("Auto-Submitted: auto-replied\nFrom: a@b.example\n{TO_US}")).unwrap();

    let (code, mail, errors) = preview(&asked);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(!mail.contains("X-Vigie-Preview"), "{mail}");

    let (code, mail, errors) = preview(&robot);
    assert_eq!(code, Some(1));
    assert!(errors.contains("aucun accusé ne partirait"), "{errors}");
    assert!(mail.starts_with("X-Vigie-Preview: no acknowledgement would be sent ("), "{mail}");

    let (code, _, errors) = preview(&folder.path().join("nowhere"));
    assert_eq!(code, Some(1));
    assert!(errors.contains("nowhere: "), "{errors}");
}
