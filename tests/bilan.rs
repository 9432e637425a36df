//! The quarterly report through the program itself, with a real key: what a référent reads, and what an auditor verifies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use support::app::{Vigie, message};
use support::shell::Shell;
use vigie::app::gesture::{self, Word};
use vigie::app::register::{Hand, NewAppointment, NewLetter};
use vigie::domain::gesture::{Gesture, Way};
use vigie::domain::policy::{Nature, Requester};
use vigie::domain::register::Authority;
use vigie::store::{Details, Store};

/// Mails of the quarter.
const MAILS: i64 = 60;
const WRITTEN: &str = "2026-07-02T08:00:00Z";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn letter(received: &str, answered: Option<&str>, requester: Requester, nature: Nature) -> NewLetter {
    NewLetter {
        bureau: "citoyennete".into(),
        requester,
        nature,
        received_on: day(received),
        official: true,
        details: Details { name: "=HYPERLINK(\"http://example.org\")".into(), ..Details::default() },
        origin: String::new(),
        answered_on: answered.map(day),
    }
}

fn appointment(requested: &str, fixed: Option<(&str, &str)>) -> NewAppointment {
    NewAppointment {
        bureau: "citoyennete".into(),
        requester: Requester::Elected,
        authority: Authority::Prefect,
        requested_on: day(requested),
        official: true,
        details: Details { name: "@Zoé Exemple".into(), quality: "maire".into(), ..Details::default() },
        origin: String::new(),
        fixed: fixed.map(|(on, held)| (day(on), day(held))),
    }
}

/// A quarter of mails, letters and appointments, two of which waited long; the database beside the configuration.
async fn quarter(shell: &Shell) {
    let store = Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap();
    let mut vigie = Vigie::on(store.clone(), |_| {}).await;
    let address = vigie.address();
    let start: DateTime<Utc> = "2026-05-05T08:00:00Z".parse().unwrap();
    for number in 0..MAILS {
        let now = start + TimeDelta::hours(20 * number);
        let (from, subject) = match number % 10 {
            3 => ("maire@mairie-belley.example.org", "Demande de conseil"),
            5 => ("secretariat@mairie-belley.example.org", "Demande de rendez-vous avec Madame la préfète"),
            7 => ("usager@example.org", "Réclamation"),
            _ => ("usager@example.org", "Titre de séjour"),
        };
        let from = from.replace('@', &format!(".{number}@"));
        let from = if number % 10 == 3 { "maire@mairie-belley.example.org".to_owned() } else { from };
        vigie.receive(&[message(&from, &address, &format!("m{number}@example.org"), subject)], now).await;
        vigie.send_all(now).await;
        let at = now + TimeDelta::hours(if number % 9 == 0 { 24 * 12 } else { 3 });
        if number % 20 != 1 {
            let gesture = Gesture::Answer(Way::Phone);
            let word = Word { gesture, by: "Camille Exemple".to_owned(), at, text: None };
            let reference = format!("PAN-2026-{:06}", number + 1);
            gesture::gesture(&vigie.store, &vigie.office, &reference, word, at).await.unwrap();
        }
    }
    let hand = Hand { store: &vigie.store, office: &vigie.office, by: "qualite", now: WRITTEN.parse().unwrap() };
    let letters = [
        letter("2026-04-02", None, Requester::Public, Nature::GeneralInfo),
        letter("2026-05-07", Some("2026-05-20"), Requester::Public, Nature::GeneralInfo),
        letter("2026-05-11", Some("2026-05-12"), Requester::Public, Nature::Complaint),
        letter("2026-05-12", Some("2026-06-25"), Requester::Elected, Nature::Advice),
    ];
    hand.letters(&letters).await.unwrap();
    let appointments = [
        appointment("2026-04-03", Some(("2026-06-29", "2026-06-30"))),
        appointment("2026-05-04", Some(("2026-05-06", "2026-05-12"))),
        appointment("2026-06-29", None),
    ];
    hand.appointments(&appointments).await.unwrap();
    store.close().await;
    for value in [
        "phone.received --value 51203",
        "phone.answered --numerator 71 --denominator 90",
        "pan.visitors_per_day --value 3",
        "crisis.notice_delay --duration 45min",
        "crisis.cip_activation --not-applicable",
    ] {
        let arguments = format!("indicator set {value} --period 2026-T2 --source standard");
        shell.say(&arguments.split_whitespace().collect::<Vec<_>>());
    }
}

/// The text of a document, as `pdftotext` reads it, spaces that do not break as spaces.
fn text(path: &Path) -> String {
    let output = Command::new("pdftotext").args(["-layout".as_ref(), path.as_os_str(), "-".as_ref()]).output();
    let output = output.expect("pdftotext is missing: run tests/run.sh, or `apt-get install poppler-utils`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace(['\u{a0}', '\u{202f}'], " ")
}

/// Leaves a document for who wants to look at it: `VIGIE_KEEP=FOLDER cargo test --test bilan`.
fn keep(path: &Path) {
    if let Some(folder) = std::env::var_os("VIGIE_KEEP") {
        std::fs::copy(path, Path::new(&folder).join(path.file_name().unwrap())).unwrap();
    }
}

/// The document of a command, written into the shell's folder.
fn document(shell: &Shell, name: &str, command: &str) -> std::path::PathBuf {
    let path = shell.path(name);
    let (_, format) = name.rsplit_once('.').unwrap();
    let arguments: Vec<&str> = command.split_whitespace().collect();
    shell.say(&[&arguments[..], &["--format", format, "--output", path.to_str().unwrap()]].concat());
    keep(&path);
    path
}

#[tokio::test]
async fn the_report_names_the_seal_and_what_waited_longest() {
    let shell = Shell::new();
    quarter(&shell).await;
    shell.say(&["ledger", "key"]);
    shell.say(&["ledger", "seal"]);
    let pdf = text(&document(&shell, "bilan.pdf", "indicators --period 2026-T2"));
    for (name, command) in [
        ("bilan.ods", "indicators --period 2026-T2"),
        ("suivi.pdf", "tracking-sheet mail --period 2026-T2"),
        ("suivi.ods", "tracking-sheet mail --period 2026-T2"),
        ("rendez-vous.pdf", "tracking-sheet appointments --period 2026-T2"),
        ("rendez-vous.ods", "tracking-sheet appointments --period 2026-T2"),
        ("courriers.csv", "tracking-sheet appointments --period 2026-T2"),
    ] {
        document(&shell, name, command);
    }

    // The seal of the last entry stands in the document, line by line.
    let found = &shell.json(&["ledger", "verify"])[0];
    let entries = found["entries"].as_i64().unwrap();
    assert_eq!(found["sealed"], entries);
    let seal = std::fs::read_to_string(shell.path(&format!("seals/{entries:012}.seal"))).unwrap();
    let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
    for line in seal.lines().filter(|line| !line.is_empty()) {
        assert!(without_spaces(&pdf).contains(&without_spaces(line)), "{line}\n{pdf}");
    }
    assert!(pdf.contains(&format!("écriture n° {entries}")) && pdf.contains(found["head"].as_str().unwrap()), "{pdf}");
    assert!(!pdf.contains("n’est pas scellé"));

    // What waited longest stands first, whatever its channel.
    let (_, delays) = pdf.split_once("Retards notables").unwrap();
    let words = delays.lines().filter_map(|line| line.split_whitespace().next());
    let in_order: Vec<&str> = words.filter(|word| word.contains("-2026-")).collect();
    assert_eq!(in_order[0], "COU-2026-000001", "{delays}");
    let days = |reference: &str| -> i64 {
        let line = delays.lines().find(|line| line.trim_start().starts_with(reference)).unwrap();
        line.split_whitespace().next_back().unwrap().parse().unwrap()
    };
    assert_eq!(days("RDV-2026-000001"), 56, "from the 3rd of April to the 29th of June");
    assert_eq!(days("COU-2026-000004"), 30, "from the 12th of May to the 25th of June");
    let waited: Vec<i64> = in_order.iter().map(|reference| days(reference)).collect();
    assert!(waited.is_sorted_by(|a, b| a >= b), "{waited:?}");
    assert!(delays.contains(&format!("Les {} demandes qui ont attendu le plus longtemps", in_order.len())), "{delays}");

    // What the table does not count is said.
    assert!(pdf.contains("1 réclamation ou suggestion reçue par courrier est comptée avec les courriers"), "{pdf}");
    assert!(pdf.contains("6 courriels demandant un rendez-vous ne sont comptés dans aucune ligne"), "{pdf}");
}

#[tokio::test]
async fn a_single_delay_is_told_in_the_singular() {
    let shell = Shell::new();
    let store = Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap();
    let vigie = Vigie::on(store.clone(), |_| {}).await;
    let hand = Hand { store: &store, office: &vigie.office, by: "qualite", now: WRITTEN.parse().unwrap() };
    hand.letters(&[letter("2026-04-02", None, Requester::Public, Nature::GeneralInfo)]).await.unwrap();
    store.close().await;
    shell.say(&["ledger", "key"]);
    let pdf = text(&document(&shell, "un.pdf", "indicators --period 2026-T2"));
    assert!(pdf.contains("La seule demande répondue hors délai, ou restée sans réponse"), "{pdf}");
    assert!(
        pdf.contains("1 demande reste sans réponse au-delà du délai.") && pdf.contains("1 courrier d’usager"),
        "{pdf}"
    );
    for plural in ["Les 1 ", "1 demandes", "1 courriers", " 1 cas seulement, taux réels"] {
        assert!(!pdf.contains(plural), "{plural}: {pdf}");
    }
}

/// What `LibreOffice` makes of a document, as flat XML; `None` where it is not installed, which `tests/run.sh` does not do.
fn in_libreoffice(path: &Path) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("soffice");
    command.arg(format!("-env:UserInstallation=file://{}/profile", folder.path().display()));
    if path.extension().is_some_and(|ending| ending == "csv") {
        // Comma, quotes, UTF-8, formulas evaluated: what careless readers choose.
        command.arg("--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1");
    }
    command.args(["--headless", "--convert-to", "fods", "--outdir"]).arg(folder.path()).arg(path);
    match command.output() {
        Err(_) => {
            eprintln!("LibreOffice is not installed: not opened with it");
            None
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let made = files.find(|path| path.extension().is_some_and(|ending| ending == "fods"));
            Some(std::fs::read_to_string(made.unwrap_or_else(|| panic!("nothing came of it: {said}"))).unwrap())
        }
    }
}

#[tokio::test]
async fn nothing_that_somebody_wrote_is_a_formula_in_a_spreadsheet() {
    let shell = Shell::new();
    quarter(&shell).await;
    shell.say(&["ledger", "key"]);
    let csv = shell.path("courriers.csv");
    std::fs::write(&csv, shell.say(&["letter", "list", "--period", "2026-T2", "--format", "csv"])).unwrap();
    let sheets = [
        (csv, "=HYPERLINK("),
        (document(&shell, "rendez-vous.ods", "tracking-sheet appointments --period 2026-T2"), "@Zoé Exemple"),
        (document(&shell, "bilan.ods", "indicators --period 2026-T2"), "Bilan de la qualité"),
    ];
    for (path, named) in sheets {
        let Some(opened) = in_libreoffice(&path) else { return };
        assert!(opened.contains(named), "{}", path.display());
        assert!(!opened.contains("table:formula"), "{}", path.display());
    }
}
