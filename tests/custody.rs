//! Keys, seals and exports, as an administrator and an auditor handle them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::process::Command;

use serde_json::Value;
use support::app::{Vigie, at, message};
use support::shell::Shell;
use vigie::store::Store;

/// A database beside a configuration, with some requests in it.
async fn filled(shell: &Shell, requests: i64) {
    let store = Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap();
    let mut vigie = Vigie::on(store.clone(), |_| {}).await;
    let address = vigie.address();
    for number in 0..requests {
        let from = format!("Élodie Exemple <usager{number}@example.org>");
        vigie.receive(&[message(&from, &address, &format!("m{number}@example.org"), "Titre")], at(number)).await;
    }
    vigie.send_all(at(requests)).await;
    store.close().await;
}

/// What the verifier that stands alone says of an exported folder.
fn alone(shell: &Shell, folder: &str, arguments: &[&str]) -> Value {
    let output = Command::new("python3")
        .args(["-B".as_ref(), shell.path(folder).join("vigie_verify.py").as_os_str(), shell.path(folder).as_os_str()])
        .args(arguments)
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(output.status.success(), answer["ok"] == true);
    answer
}

#[tokio::test]
async fn a_key_that_replaced_another_is_believed_by_whoever_was_given_the_first() {
    let shell = Shell::new();
    let first = shell.say(&["ledger", "key"]).trim().to_owned();
    assert_eq!(shell.say(&["ledger", "key"]).trim(), first, "a key that is there stays");
    filled(&shell, 3).await;
    shell.say(&["ledger", "seal"]);
    let keys = shell.say(&["ledger", "key", "--rotate", "--by", "Camille Exemple"]);
    let keys: Vec<&str> = keys.lines().collect();
    assert_eq!((keys.len(), keys[1]), (2, first.as_str()));
    shell.say(&["ledger", "seal"]);
    for key in &keys {
        let found = &shell.json(&["ledger", "verify", "--key", key])[0];
        assert_eq!((&found["ok"], &found["sealed"]), (&Value::Bool(true), &found["entries"]), "{found}");
    }
    let rotated =
        shell.json(&["ledger", "show"]).into_iter().find(|entry| entry["kind"] == "seal_key_rotated").unwrap();
    assert_eq!(rotated["payload"]["by"], "Camille Exemple");
    assert_eq!((&rotated["payload"]["old"], &rotated["payload"]["new"]), (&first.into(), &keys[0].into()));
}

#[tokio::test]
async fn an_exported_ledger_is_verified_without_vigie() {
    let shell = Shell::new();
    filled(&shell, 5).await;
    let key = shell.say(&["ledger", "key"]).trim().to_owned();
    shell.say(&["ledger", "seal"]);
    shell.say(&["ledger", "key", "--rotate"]);
    shell.say(&["ledger", "export", "export"]);
    let (own, alone_says) = (&shell.json(&["ledger", "verify"])[0], alone(&shell, "export", &["--key", &key]));
    assert_eq!(alone_says["first_fault"], Value::Null);
    for name in ["entries", "head", "sealed", "ok"] {
        assert_eq!(own[name], alone_says[name], "{name}");
    }
    let path = shell.path("export/registre.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"limit\":5", "\"limit\":6", 1)).unwrap();
    let changed = alone(&shell, "export", &["--key", &key]);
    assert!(changed["first_fault"].as_str().unwrap().contains("is not what its hash says"), "{changed}");
    let stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(alone(&shell, "export", &["--key", stranger])["ok"], false, "the key that one was given decides");
}

#[tokio::test]
async fn an_occulted_export_names_nobody_and_keeps_its_place_in_the_chain() {
    let shell = Shell::new();
    filled(&shell, 2).await;
    shell.say(&["request", "close", "PAN-2026-000001", "--motive", "écrit par erreur", "--agent", "Camille Exemple"]);
    shell.say(&["ledger", "export", "--redacted", "public"]);
    let text = std::fs::read_to_string(shell.path("public/registre.txt")).unwrap();
    for named in ["Camille", "par erreur", "\"person\":\"", "Exemple <"] {
        assert!(!text.contains(named), "{named}");
    }
    assert!(text.contains("\"request_closed\"") && text.contains("PAN-2026-000001"));
    let refused = alone(&shell, "public", &[]);
    assert!(
        refused["first_fault"].as_str().unwrap().contains("occulted"),
        "whoever expects all of it is told: {refused}"
    );
    let found = alone(&shell, "public", &["--occulted"]);
    assert_eq!(found["ok"], true, "{found}");
    assert!(found["occulted"].as_i64().unwrap() >= 3);
}

/// The folder of a bundle's seals emptied, or the service's own: the ledger itself says that it was sealed.
#[tokio::test]
async fn seals_that_are_gone_are_missed_by_vigie_and_by_the_verifier_that_stands_alone() {
    let shell = Shell::new();
    filled(&shell, 3).await;
    let before = &shell.json(&["ledger", "verify"])[0];
    assert_eq!(
        (&before["ok"], &before["first_fault"]),
        (&true.into(), &Value::Null),
        "nothing was ever sealed: {before}"
    );
    assert!(before["warning"].as_str().unwrap().contains("no seal covers"), "{before}");
    assert!(shell.say(&["ledger", "verify"]).contains("Aucun sceau ne couvre ce registre"));
    let key = shell.say(&["ledger", "key"]).trim().to_owned();
    assert!(!shell.run(&["ledger", "verify", "--key", &key]).status.success(), "a key is given, and nothing signed");
    shell.say(&["ledger", "export", "unsealed"]);
    assert_eq!(alone(&shell, "unsealed", &[])["warning"].as_str().map(|told| told.contains("no seal")), Some(true));
    let unsigned = alone(&shell, "unsealed", &["--key", &key]);
    assert!(unsigned["first_fault"].as_str().unwrap().contains("nothing is signed"), "{unsigned}");

    shell.say(&["ledger", "seal"]);
    shell.say(&["ledger", "export", "export"]);
    let sealed = &shell.json(&["ledger", "verify"])[0];
    assert_eq!(
        (&sealed["ok"], &sealed["warning"], &sealed["sealed"]),
        (&true.into(), &Value::Null, &sealed["entries"])
    );
    assert_eq!(alone(&shell, "export", &["--key", &key])["ok"], true);

    std::fs::remove_dir_all(shell.path("seals")).unwrap();
    std::fs::remove_dir_all(shell.path("export/sceaux")).unwrap();
    let gone = shell.run(&["ledger", "verify"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stdout).contains("the folder of seals was emptied"));
    for arguments in [vec!["--key", &key], vec![]] {
        let told = alone(&shell, "export", &arguments);
        assert!(told["first_fault"].as_str().unwrap().contains("seals were taken away"), "{told}");
    }

    shell.say(&["ledger", "seal"]);
    let again = shell.run(&["ledger", "verify"]);
    assert_eq!(again.status.code(), Some(0), "sealed again, it holds");
    assert!(String::from_utf8_lossy(&again.stdout).contains("a recommencé dans un dossier vide"), "and the loss shows");
}

/// What a mail client does to a seal that an auditor keeps.
#[tokio::test]
async fn a_seal_saved_from_a_mail_with_other_line_breaks_is_believed_by_both() {
    let shell = Shell::new();
    filled(&shell, 3).await;
    let key = shell.say(&["ledger", "key"]).trim().to_owned();
    let note = shell.say(&["ledger", "seal"]);
    let (note, _) = note.split_once("\n# ").unwrap();
    shell.say(&["ledger", "export", "export"]);
    let kept = shell.path("kept.seal");
    let kept_name = kept.to_str().unwrap().to_owned();
    let forms = [
        note.replace('\n', "\r\n"),
        note.trim_end().to_owned(),
        format!("{note}\n\n"),
        note.trim_end().replace('\n', "\r\n"),
    ];
    for form in forms {
        std::fs::write(&kept, &form).unwrap();
        let found = &shell.json(&["ledger", "verify", "--seal", &kept_name, "--key", &key])[0];
        assert_eq!(found["ok"], true, "{form:?}: {found}");
        assert_eq!(alone(&shell, "export", &["--key", &key, "--seal", &kept_name])["ok"], true, "{form:?}");
    }
    std::fs::write(&kept, note.replacen("\n\n", "\n \n", 1)).unwrap();
    assert!(!shell.run(&["ledger", "verify", "--seal", &kept_name, "--key", &key]).status.success());
    assert_eq!(alone(&shell, "export", &["--key", &key, "--seal", &kept_name])["ok"], false);
}

/// Whoever reads the answer by a program gets one, whatever cannot be read.
#[tokio::test]
async fn what_cannot_be_read_is_answered_in_the_form_that_was_asked_for() {
    let shell = Shell::new();
    filled(&shell, 2).await;
    let key = shell.say(&["ledger", "key"]).trim().to_owned();
    shell.say(&["ledger", "seal"]);
    shell.say(&["ledger", "export", "export"]);
    let bad = shell.path("bad.seal");
    let name = bad.to_str().unwrap().to_owned();
    let long = b"x".repeat(70_000);
    for note in [b"".as_slice(), b"rien\n", b"\xff\xfe\n\n\xe2\x80\x94 a b\n", &long] {
        std::fs::write(&bad, note).unwrap();
        let output = shell.run(&["ledger", "verify", "--seal", &name, "--key", &key, "--format", "json"]);
        assert_eq!(output.status.code(), Some(1));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&found["ok"], &found["entries"]), (&false.into(), &0.into()), "{found}");
        assert!(found["first_fault"].as_str().unwrap().contains("bad.seal"), "{found}");
        assert_eq!(alone(&shell, "export", &["--key", &key, "--seal", &name])["ok"], false);
    }
    let refused = shell.run(&["ledger", "verify", "--key", "no key", "--format", "json"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "a key that is none is a wrong argument");
    let pool = sqlx::SqlitePool::connect(shell.path("vigie.db").to_str().unwrap()).await.unwrap();
    sqlx::query("DELETE FROM head").execute(&pool).await.unwrap();
    pool.close().await;
    let headless = &shell.json(&["ledger", "verify"])[0];
    assert_eq!(headless["ok"], false, "{headless}");
}
