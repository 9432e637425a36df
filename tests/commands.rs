//! What people type: names, dates and references, each taken in one way by every command; one table of exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::fs;
use std::process::Output;

use support::shell::Shell;

/// A database with a letter and an appointment in it.
fn scene() -> Shell {
    let shell = Shell::new();
    let path = shell.path("vigie.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { vigie::store::Store::open(path.to_str().unwrap()).await.unwrap().close().await });
    shell.say(&["letter", "add", "--bureau", "citoyennete", "--received-on", "04/05/2026", "--name", "Mme Exemple"]);
    let wanted = ["--bureau", "citoyennete", "--requested-on", "2026-05-04", "--authority", "prefect"];
    let who = ["--name", "M. Exemple", "--quality", "maire", "--town", "Saint-Exemple"];
    shell.say(&[&["appointment", "add"][..], &wanted, &who].concat());
    shell
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must end with a code, and gives what it said.
fn ends(shell: &Shell, code: i32, arguments: &[&str]) -> String {
    let output = shell.run(arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(!said.is_empty(), "{arguments:?} says why");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    let (first, second) = said.trim().rsplit_once(": ").unwrap_or(("", "-"));
    assert!(!first.ends_with(second), "said twice: {said}");
    said
}

#[test]
fn a_name_that_nobody_bears_is_an_error_of_usage_everywhere() {
    let shell = scene();
    fs::write(shell.path("liste.csv"), "reçu le;nom\n04/05/2026;Durand\n").unwrap();
    fs::write(shell.path("m.eml"), "From: a@example.org\n\nBonjour\n").unwrap();
    fs::write(shell.path("pont.ics"), "BEGIN:VCALENDAR\nEND:VCALENDAR\n").unwrap();
    let (since, received) = ("2026-05-04", "--received-on");
    for arguments in [
        &["messages", "--mailbox", "nulle"][..],
        &["requests", "--mailbox", "nulle"],
        &["explain", "m.eml", "--mailbox", "nulle"],
        &["template", "preview", "m.eml", "--mailbox", "nulle"],
        &["deadline", "--received", since, "--days", "5", "--mailbox", "nulle"],
        &["calendar", "--mailbox", "nulle"],
        &["tracking-sheet", "mail", "--period", "2026", "--mailbox", "nulle"],
        &["forecast", "--bureau", "nulle"],
        &["calendar", "import", "pont.ics", "--bureau", "nulle"],
        &["letter", "add", "--bureau", "nulle", received, since],
        &["letter", "correct", "COU-2026-000001", "--bureau", "nulle", received, since],
        &["letter", "import", "liste.csv", "--bureau", "nulle"],
        &["appointment", "add", "--bureau", "nulle", "--requested-on", since, "--authority", "prefect"],
        &["appointment", "import", "liste.csv", "--bureau", "nulle"],
        &["indicators", "--period", "2026", "--key", "nulle"],
        &["indicator", "set", "nulle", "--period", "2026", "--value", "1", "--source", "s"],
        &["deadline", "--received", since, "--days", "5", "--territory", "nulle"],
        &["calendar", "--territory", "nulle"],
    ] {
        assert!(ends(&shell, 2, arguments).contains("nulle"), "{arguments:?} names what is unknown");
    }
}

#[test]
fn a_period_or_a_day_that_is_none_is_an_error_of_usage_everywhere() {
    let shell = scene();
    for arguments in [
        &["messages", "--period"][..],
        &["requests", "--period"],
        &["indicators", "--period"],
        &["indicator", "set", "phone.received", "--value", "1", "--source", "s", "--period"],
        &["indicator", "import", "liste.csv", "--period"],
        &["letter", "list", "--period"],
        &["tracking-sheet", "mail", "--period"],
        &["tracking-sheet", "appointments", "--period"],
        &["sample", "--size", "1", "--seed", "s", "--period"],
    ] {
        for period in ["2026-13", "2026-T5", "hier", ""] {
            ends(&shell, 2, &[arguments, &[period]].concat());
        }
    }
    for arguments in [
        &["requests", "--due-before"][..],
        &["commitments", "apply", "--since"],
        &["letter", "add", "--bureau", "citoyennete", "--received-on"],
        &["letter", "answer", "COU-2026-000001", "--on"],
        &["appointment", "fix", "RDV-2026-000001", "--fixed-on", "2026-05-05", "--held-on"],
        &["deadline", "--days", "5", "--received"],
        &["request", "close", "PAN-2026-000001", "--motive", "spam", "--at"],
        &["explain", "m.eml", "--mailbox", "pref-pan", "--received-at"],
    ] {
        for day in ["2026-02-30", "31/04/2026", "hier", ""] {
            assert!(ends(&shell, 2, &[arguments, &[day]].concat()).contains("expected"), "{arguments:?} {day}");
        }
    }
    for (arguments, why) in [
        (&["letter", "add", "--bureau", "citoyennete", "--received-on", "2999-01-01"][..], "avenir"),
        (&["letter", "add", "--bureau", "citoyennete", "--received-on", "04/05/26"], "quatre chiffres"),
        (&["request", "close", "PAN-2026-000001", "--motive", "spam", "--at", "01/01/2999 09:00"], "avenir"),
        (&["explain", "m.eml", "--mailbox", "pref-pan", "--received-at", "2999-01-01T09:00"], "avenir"),
    ] {
        assert!(ends(&shell, 2, arguments).contains(why), "{arguments:?}");
    }
}

#[test]
fn what_the_store_or_a_folder_does_not_have_is_answered_with_no() {
    let shell = scene();
    shell.say(&["ledger", "key"]);
    let bureau = ["--bureau", "citoyennete"];
    for arguments in [
        &["request", "show", "PAN-2026-000009"][..],
        &["request", "close", "PAN-2026-000009", "--motive", "spam"],
        &["request", "acknowledge", "PAN-2026-000009"],
        &["request", "merge", "PAN-2026-000009", "PAN-2026-000008"],
        &["ledger", "show", "PAN-2026-000009"],
        &["letter", "answer", "COU-2026-000009", "--on", "2026-05-05"],
        &["letter", "withdraw", "RDV-2026-000001"],
        &["appointment", "fix", "COU-2026-000001", "--fixed-on", "2026-05-05", "--held-on", "2026-05-06"],
        &["letter", "answer", "COU-2026-000001", "--on", "2026-05-01"],
        &["person", "export", "personne@example.org"],
        &["indicators", "--period", "2026", "--at-head", "9999"],
        &["sample", "--period", "2026", "--size", "1", "--seed", "s", "--at-head", "9999"],
        &["breaker", "release"],
        &["explain", "nulle-part.eml", "--mailbox", "pref-pan"],
        &["template", "preview", "nulle-part.eml", "--mailbox", "pref-pan"],
        &["calendar", "import", "nulle-part.ics"],
        &[&["letter", "import", "nulle-part.csv"][..], &bureau].concat(),
        &[&["appointment", "import", "nulle-part.csv"][..], &bureau].concat(),
        &["indicator", "import", "nulle-part.csv", "--period", "2026"],
        &["purge", "--list", "nulle-part.csv", "--visa", "AD01"],
        &["restore", "nulle-part.vigie"],
    ] {
        ends(&shell, 1, arguments);
    }
    // That nothing could be verified is the answer, and no error beside it.
    let verdict = shell.run(&["ledger", "verify", "--seal", "nulle-part"]);
    let said = String::from_utf8_lossy(&verdict.stdout);
    assert_eq!((verdict.status.code(), said.contains("NON VÉRIFIÉ")), (Some(1), true), "{said}");
}

#[test]
fn a_program_that_asks_whether_the_ledger_is_whole_is_told_of_a_seal_that_is_none() {
    let shell = scene();
    shell.say(&["ledger", "key"]);
    fs::write(shell.path("sceau"), "ce n’est pas un sceau\n").unwrap();
    let output = shell.run(&["ledger", "verify", "--seal", "sceau", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["ok"], false);
    assert!(found["first_fault"].as_str().unwrap().contains("sceau"), "{found}");
}

/// The text of the README that documents the keys.
const README: &str = include_str!("../README.md");

/// Every key is documented, and what is absent is `null`: an empty text would say that something is known.
fn documented(command: &[&str], value: &serde_json::Value, verbatim: &str) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members.iter().filter(|(key, _)| *key != verbatim) {
                assert!(README.contains(&format!("`{key}`")), "{command:?}: the README does not tell `{key}`");
                assert_ne!(value, "", "{command:?}: {key} is absent, and not empty");
                documented(command, value, verbatim);
            }
        }
        serde_json::Value::Array(values) => {
            for value in values {
                documented(command, value, verbatim);
            }
        }
        _ => {}
    }
}

#[test]
fn each_listing_has_documented_keys_and_null_for_what_is_absent() {
    let shell = scene();
    let fixed = ["--fixed-on", "2026-05-05", "--held-on", "2026-05-12"];
    shell.say(&[&["appointment", "fix", "RDV-2026-000001"][..], &fixed].concat());
    shell.say(&["letter", "answer", "COU-2026-000001", "--on", "2026-05-05"]);
    fs::write(shell.path("pont.ics"), PONT).unwrap();
    fs::write(shell.path("m.eml"), "From: a@example.org\nTo: pref-pan@prefecture.example.org\n\nBonjour\n").unwrap();
    for command in [
        &["letter", "list", "--period", "2026"][..],
        &["tracking-sheet", "appointments", "--period", "2026"],
        &["tracking-sheet", "mail", "--period", "2026"],
        &["indicators", "--period", "2026"],
        &["indicators", "--period", "2026", "--by", "bureau"],
        &["indicator", "list"],
        &["sample", "--period", "2026", "--size", "2", "--seed", "s"],
        &["calendar", "--year", "2026"],
        &["calendar", "import", "pont.ics"],
        &["commitments"],
        &["breaker"],
        &["status"],
        &["forecast"],
        &["deadline", "--received", "2026-05-07", "--days", "5"],
        &["ledger", "verify"],
        &["ledger", "show"],
        &["explain", "m.eml", "--mailbox", "pref-pan"],
        &["purge"],
        &["access-log"],
    ] {
        let lines = shell.json(command);
        // What an entry says is printed as it stands in the ledger.
        for line in &lines {
            documented(command, line, "payload");
        }
    }
}

/// A day on which the prefecture is closed.
const PONT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nSUMMARY:Pont\r\n\
     DTSTART;VALUE=DATE:20260515\r\nDTEND;VALUE=DATE:20260516\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn a_reference_is_taken_in_small_letters_and_a_time_as_the_clocks_show_it() {
    let shell = scene();
    shell.say(&["letter", "answer", "cou-2026-000001", "--on", "06/05/2026"]);
    shell.say(&["appointment", "fix", "rdv-2026-000001", "--fixed-on", "05/05/2026", "--held-on", "2026-05-12"]);
    assert!(shell.say(&["ledger", "show", "cou-2026-000001"]).contains("mercredi 6 mai 2026"));
    let due = |received: &str| shell.json(&["deadline", "--received", received, "--days", "5"])[0]["due_on"].clone();
    assert_eq!(due("07/05/2026 16:50"), due("2026-05-07T14:50:00Z"));
}

#[test]
fn a_printed_tracking_sheet_is_read_back_in_each_form() {
    let printed = scene();
    let fixed = ["--fixed-on", "2026-05-05", "--held-on", "2026-05-12"];
    printed.say(&[&["appointment", "fix", "RDV-2026-000001"][..], &fixed].concat());
    let sheet = ["tracking-sheet", "appointments", "--period", "2026"];
    for (form, file) in [("csv", "suivi.csv"), ("ods", "suivi.ods")] {
        let path = printed.path(file);
        let import = ["appointment", "import", path.to_str().unwrap(), "--bureau", "citoyennete"];
        printed.say(&[&sheet[..], &["--format", form, "--output", path.to_str().unwrap()]].concat());
        // Where it was printed it brings nothing twice; elsewhere it brings all.
        assert_eq!(printed.say(&import), "", "{form}");
        let other = Shell::new();
        let database = other.path("vigie.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { vigie::store::Store::open(database.to_str().unwrap()).await.unwrap().close().await });
        assert_eq!(other.say(&import), "RDV-2026-000001\n", "{form}");
        let (of, here) = (&printed.json(&sheet)[0], &other.json(&sheet)[0]);
        for key in ["name", "quality", "town", "authority", "requested_on", "fixed_on", "held_on", "fixing", "holding"]
        {
            assert_eq!(of[key], here[key], "{form} {key}");
        }
    }
}

#[test]
fn a_list_that_grew_brings_what_is_new_and_says_where_it_disagrees() {
    let shell = scene();
    let path = shell.path("liste.csv");
    let import = |lines: &str| {
        fs::write(&path, format!("Numéro;Reçu le;Nom;Répondu le\n{lines}")).unwrap();
        shell.run(&["letter", "import", path.to_str().unwrap(), "--bureau", "citoyennete"])
    };
    let first = import("12;04/05/2026;Durand;\n13;05/05/2026;Petit;06/05/2026\n");
    assert_eq!(String::from_utf8(first.stdout).unwrap(), "COU-2026-000002\nCOU-2026-000003\n");
    let grown = import("12;04/05/2026;Durand;07/05/2026\n13;05/05/2026;Petit;06/05/2026\n14;06/05/2026;Roux;\n");
    assert!(grown.status.success(), "{}", said(&grown));
    assert_eq!(String::from_utf8_lossy(&grown.stdout), "COU-2026-000004\n");
    assert!(said(&grown).contains("complétée\u{a0}: COU-2026-000002"), "{}", said(&grown));
    assert!(said(&grown).contains("1\u{a0}ligne était déjà"), "{}", said(&grown));
    let letters = shell.json(&["letter", "list", "--period", "2026"]);
    assert_eq!(letters[1]["answered_on"], "2026-05-07");
    let other = import("12;04/05/2026;Durand;08/05/2026\n13;05/05/2026;Legrand;06/05/2026\n");
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("ligne 2") && said(&other).contains("répondu le"), "{}", said(&other));
    assert!(said(&other).contains("ligne 3") && said(&other).contains("nom"), "{}", said(&other));
    assert_eq!(shell.json(&["letter", "list", "--period", "2026"]), letters, "nothing was changed");
}

#[test]
fn what_a_list_must_not_say_is_refused_with_its_line() {
    let shell = scene();
    let path = shell.path("liste.csv");
    let file = path.to_str().unwrap();
    for (lines, why) in [
        ("", "aucune ligne"),
        ("nom\nDurand\n", "«\u{a0}reçu le\u{a0}» manque"),
        ("reçu le;nom\n04/05/2026;A\n05/05/2999;B\n", "ligne 3"),
        ("reçu le;bureau\n04/05/2026;nulle\n", "ligne 2"),
        ("numéro;reçu le\n7;04/05/2026\n7;04/05/2026\n", "ligne 3"),
    ] {
        fs::write(&path, lines).unwrap();
        let said = ends(&shell, 1, &["letter", "import", file, "--bureau", "citoyennete"]);
        assert!(said.contains(why), "{lines:?}: {said}");
    }
    fs::write(&path, "phone.received;90\nphone.received;91\n").unwrap();
    let said = ends(&shell, 1, &["indicator", "import", file, "--period", "2026-T2"]);
    assert!(said.contains("ligne 2"), "{said}");
    assert_eq!(shell.json(&["letter", "list", "--period", "2026"]).len(), 1);
}

#[test]
fn a_mean_may_have_decimals_and_a_count_may_not() {
    let shell = scene();
    let set = |key, value| ["indicator", "set", key, "--period", "2026-T2", "--source", "comptage", "--value", value];
    shell.say(&set("pan.visitors_per_day", "12,5"));
    let lines = shell.json(&["indicators", "--period", "2026-T2", "--key", "pan.visitors_per_day"]);
    assert_eq!((&lines[0]["value"], &lines[0]["number"]), (&"12,50".into(), &12.5.into()));
    ends(&shell, 2, &set("phone.received", "12,5"));
    ends(&shell, 2, &set("pan.visitors_per_day", "12,555"));
    assert!(shell.say(&["ledger", "verify"]).contains("intègre"));
}

#[test]
fn a_sample_of_an_empty_period_says_so() {
    let shell = scene();
    let sample = ["sample", "--period", "2025", "--size", "3", "--seed", "s"];
    assert!(shell.say(&sample).contains("rien à tirer"));
    let json = shell.run(&[&sample[..], &["--format", "json"]].concat());
    assert!(json.status.success() && json.stdout.is_empty() && said(&json).contains("rien à tirer"), "{}", said(&json));
}

#[test]
fn a_closed_output_is_no_reason_to_panic() {
    use std::process::{Command, Stdio};
    let shell = scene();
    let config = shell.path("vigie.toml");
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["ledger", "show"], 0),
        (&["ledger", "show", "--format", "csv"], 0),
        (&["letter", "list", "--period", "2026"], 0),
        (&["letter", "list", "--period", "hier"], 2),
        (&["request", "show", "PAN-2026-000009"], 1),
        (&["explain", "nulle-part.eml", "--mailbox", "pref-pan"], 1),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"));
        child.arg("--config").arg(&config).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
    }
}
