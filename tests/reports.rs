//! Registers, indicators, tracking sheets, samples and documents, through the program itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The shipped configuration with a database of its own.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let copied = Command::new("cp").arg("-r").arg(&shipped).arg(folder.path().join("config")).status().unwrap();
        assert!(copied.success());
        let path = folder.path().join("config/vigie.toml");
        let database = folder.path().join("vigie.db");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("/var/lib/vigie/vigie.db", database.to_str().unwrap())).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { vigie::store::Store::open(database.to_str().unwrap()).await.unwrap().close().await });
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_vigie"))
            .arg("--config")
            .arg(self.path("config/vigie.toml"))
            .args(arguments)
            .env("USER", "qualite")
            .output()
            .unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.ok(&[arguments, &["--format", "json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_letter_s_life_is_told_by_the_commands() {
    let desk = Desk::new();
    let add =
        ["letter", "add", "--bureau", "citoyennete", "--received-on", "2026-05-07", "--name", "=cmd|' /C calc'!A0"];
    assert_eq!(desk.ok(&add), "COU-2026-000001\n");
    desk.ok(&["letter", "answer", "COU-2026-000001", "--on", "2026-05-20"]);
    let letters = desk.json(&["letter", "list", "--period", "2026-05"]);
    assert_eq!(letters[0]["due_on"], "2026-05-26");
    assert_eq!(letters[0]["outcome"], "in_time");
    assert_eq!(letters[0]["working_days"], 7);
    let csv = desk.ok(&["letter", "list", "--period", "2026-05", "--format", "csv"]);
    assert!(csv.contains("'=cmd|"), "{csv}");
    let lines = desk.json(&["indicators", "--period", "2026-T2", "--key", "letter.user.in_time", "--explain"]);
    assert_eq!(lines[0]["value"], "100,00\u{a0}%");
    assert_eq!(lines[0]["number"], 100.0);
    assert_eq!(lines[0]["requests"][0], "COU-2026-000001:in_time");
    assert_eq!(lines[0]["ledger_hash"].as_str().unwrap().len(), 64);
    let entries = desk.json(&["ledger", "show", "COU-2026-000001"]);
    assert_eq!(entries[0]["payload"]["by"], "qualite");
    assert!(!entries[0].to_string().contains("cmd"), "the ledger keeps no name");
    assert!(desk.ok(&["ledger", "verify"]).contains("intègre"));
    assert_eq!(desk.run(&["letter", "answer", "COU-2026-000009", "--on", "2026-05-20"]).status.code(), Some(1));
}

#[test]
fn hand_values_are_checked_against_the_form_of_their_indicator() {
    let desk = Desk::new();
    let set = |more: &[&str]| {
        let head = ["indicator", "set", more[0], "--period", "2026-T3", "--source", "standard"];
        desk.run(&[&head, &more[1..]].concat()).status.code()
    };
    assert_eq!(set(&["phone.answered", "--numerator", "81", "--denominator", "90"]), Some(0));
    assert_eq!(set(&["phone.received", "--value", "90"]), Some(0));
    assert_eq!(set(&["crisis.notice_delay", "--duration", "45 min"]), Some(0));
    assert_eq!(set(&["crisis.cip_activation", "--not-applicable"]), Some(0));
    assert_eq!(set(&["phone.answered", "--numerator", "91", "--denominator", "90"]), Some(2));
    assert_eq!(set(&["phone.received", "--text", "beaucoup"]), Some(2));
    assert_eq!(set(&["phone.unknown", "--value", "1"]), Some(2));
    assert_eq!(set(&["phone.received"]), Some(2));
    assert_eq!(set(&["phone.received", "--value", "1", "--text", "x"]), Some(2));
    let value = |line: usize| desk.json(&["indicators", "--period", "2026-T3"])[line - 1]["value"].clone();
    assert_eq!([value(17), value(18), value(19), value(22)], ["90", "90,00\u{a0}%", "45\u{a0}min", "/"]);
    let eighteenth = &desk.json(&["indicators", "--period", "2026-T3"])[17];
    assert_eq!(
        (&eighteenth["basis"], &eighteenth["source"], &eighteenth["entered_by"]),
        (&"hand".into(), &"standard".into(), &"qualite".into())
    );
    assert_eq!((&eighteenth["numerator"], &eighteenth["meets_target"]), (&81.into(), &true.into()));
}

#[test]
fn appointments_of_a_list_make_the_tracking_sheet() {
    let desk = Desk::new();
    let list = desk.path("rdv.csv");
    let text = "Date de demande;Nom;Qualité;Commune;Autorité;Date de fixation;Date du rendez-vous;Observations\n\
                01/06/2026;Martin;maire;Exemple;préfet;05/06/2026;15/06/2026;\n\
                01/06/2026;Petit;conseillère départementale;Exemple;sous-préfet;;;=HYPERLINK(\"x\")\n";
    std::fs::write(&list, text).unwrap();
    let import = ["appointment", "import", list.to_str().unwrap(), "--bureau", "citoyennete"];
    assert_eq!(desk.ok(&import), "RDV-2026-000001\nRDV-2026-000002\n");
    assert_eq!(desk.ok(&import), "");
    let rows = desk.json(&["tracking-sheet", "appointments", "--period", "2026-06"]);
    assert_eq!((&rows[0]["fixing"], &rows[0]["fixing_days"]), (&"in_time".into(), &4.into()));
    assert_eq!((&rows[0]["holding"], &rows[0]["holding_days"]), (&"in_time".into(), &10.into()));
    assert_eq!((&rows[1]["name"], &rows[1]["fixing"]), (&"Petit".into(), &"overdue".into()));
    let csv = desk.ok(&["tracking-sheet", "appointments", "--period", "2026-06", "--format", "csv"]);
    assert!(csv.contains("'=HYPERLINK"), "{csv}");
    let table = desk.ok(&["tracking-sheet", "appointments", "--period", "2026-06"]);
    assert!(table.contains("05/06/2026") && table.contains("oui"), "{table}");
    let sample = desk.json(&["sample", "--period", "2026-06", "--size", "1", "--seed", "audit"]);
    assert_eq!(sample.len(), 1);
    assert_eq!(sample, desk.json(&["sample", "--period", "2026-06", "--size", "1", "--seed", "audit"]));
    assert_eq!(sample[0]["entries"][0]["kind"], "appointment_requested");
}

#[test]
fn a_report_is_written_in_every_form() {
    let desk = Desk::new();
    desk.ok(&["indicator", "set", "phone.received", "--period", "2026-T3", "--value", "90", "--source", "standard"]);
    for (form, head) in [("ods", b"PK\x03\x04".as_slice()), ("pdf", b"%PDF-1.7".as_slice())] {
        let path = desk.path(&format!("bilan.{form}"));
        let output = path.to_str().unwrap();
        for verb in [
            ["indicators", "--period", "2026-T3"].as_slice(),
            &["tracking-sheet", "mail", "--period", "2026-T3"],
            &["tracking-sheet", "appointments", "--period", "2026-T3"],
        ] {
            desk.ok(&[verb, &["--format", form, "--output", output]].concat());
            let written = std::fs::read(&path).unwrap();
            assert!(written.starts_with(head), "{verb:?} {form}");
            if form == "pdf" {
                sound(&path);
            }
        }
    }
    let csv = desk.ok(&["indicators", "--period", "2026-T3", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 23);
    assert_eq!(desk.run(&["indicators", "--period", "2026-T9"]).status.code(), Some(2));
    assert_eq!(desk.run(&["indicators", "--period", "2026", "--at-head", "99"]).status.code(), Some(1));
}

#[test]
fn a_holding_reply_to_a_letter_is_no_answer_and_a_real_one_can_be_corrected_into_it() {
    let desk = Desk::new();
    desk.ok(&["letter", "add", "--bureau", "citoyennete", "--received-on", "2026-05-07"]);
    let outcome = || desk.json(&["letter", "list", "--period", "2026-05"])[0]["outcome"].clone();
    desk.ok(&["letter", "answer", "COU-2026-000001", "--on", "2026-05-11"]);
    assert_eq!(outcome(), "in_time");
    desk.ok(&["letter", "answer", "COU-2026-000001", "--on", "2026-05-11", "--holding"]);
    assert_eq!(outcome(), "overdue");
    let story = desk.ok(&["ledger", "show", "COU-2026-000001"]);
    assert!(story.contains("réponse d’attente au courrier, qui n’arrête pas le délai"), "{story}");
    assert!(story.contains("(écrit le "), "the day given is not the day on which it was written down: {story}");
}

#[test]
fn what_is_typed_can_forge_no_line_and_an_unknown_name_is_refused() {
    let desk = Desk::new();
    let add = ["letter", "add", "--bureau", "citoyennete", "--received-on"];
    let code = |arguments: &[&str]| desk.run(arguments).status.code();
    for agent in ["x\nn° 9 lundi : close", "\u{1b}[2J", "\u{202e}x", " "] {
        assert_eq!(code(&[&add[..], &["2026-05-07", "--agent", agent]].concat()), Some(2), "{agent:?}");
    }
    assert_eq!(code(&[&add[..], &["0001-01-01"]].concat()), Some(2));
    for wrong in [
        ["requests", "--mailbox", "nope"].as_slice(),
        &["messages", "--mailbox", "nope"],
        &["indicators", "--period", "2026", "--key", "nope"],
        &["indicators", "--period", "2026", "--perimeter", "all"],
        &["indicators", "--period", "2026", "--by", "month", "--key", "phone.received"],
        &["request", "reopen", "PAN-2026-000001", "--why", ""],
    ] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }
    assert_eq!(code(&["purge", "--list", "/dev/null", "--visa", "AD 2026-1"]), Some(1));
    assert!(!desk.ok(&["ledger", "show"]).contains("visa"), "nothing was approved");
    for wrong in [
        ["phone.answered", "--period", "2026", "--percent", "900"],
        ["crisis.notice_delay", "--period", "2026", "--duration", "99999999999 h"],
        ["phone.received", "--period", "2035", "--value", "1"],
    ] {
        assert_eq!(code(&[&["indicator", "set"], &wrong[..], &["--source", "essai"]].concat()), Some(2), "{wrong:?}");
    }
}

/// `qpdf --check` finds nothing, where qpdf is installed (`tests/run.sh` installs it).
fn sound(path: &Path) {
    match Command::new("qpdf").arg("--check").arg(path).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "qpdf is not installed");
        }
        checked => {
            let checked = checked.unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        }
    }
}
