//! Every command that shows a person's name, address or words leaves a line in the access log, and no other does. The list
//! of commands is read from the program itself: one that is new has to be named here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::collections::BTreeSet;

use support::app::{Vigie, at, message};
use support::shell::Shell;
use vigie::app::gesture::{self, Word};
use vigie::domain::gesture::{Gesture, Way};
use vigie::store::Store;

/// What is personal in this database, in capitals that stand nowhere else; an address in small letters.
const PERSONAL: [&str; 9] = [
    "QUIDAMNE",
    "quidam@example.org",
    "OBJETDUCOURRIEL",
    "MOTDELAGENT",
    "NOMDULETTRE",
    "OBJETDELALETTRE",
    "NOTEDELALETTRE",
    "NOMDELELU",
    "NOTEDURENDEZVOUS",
];
/// Commands that show what is in the database, each with arguments that make it show all that it can.
const READERS: [&str; 20] = [
    "access-log",
    "breaker",
    "commitments",
    "forecast",
    "indicator list",
    "indicators --period 2026 --explain",
    "indicators --period 2026 --by mailbox --explain",
    "ledger show",
    "ledger show PAN-2026-000001",
    "ledger show COU-2026-000001",
    "ledger verify",
    "letter list --period 2026",
    "messages",
    "purge",
    "request show PAN-2026-000001",
    "requests",
    "sample --period 2026 --size 9 --seed a",
    "status",
    "tracking-sheet appointments --period 2026",
    "tracking-sheet mail --period 2026 --details",
];
/// Commands that print their answer in one form.
const PLAIN: [&str; 3] = [
    "person export quidam@example.org",
    "ledger key",
    "request reclassify PAN-2026-000001 --requester public --nature complaint",
];
/// Commands that show nothing of the database but what they were just told, or a reference, and why.
const OTHERS: [(&str, &str); 45] = [
    ("appointment fix", "writes"),
    ("appointment add", "writes"),
    ("appointment correct", "writes"),
    ("appointment import", "writes"),
    ("appointment withdraw", "writes"),
    ("backup", "writes a file, which is kept as the database is"),
    ("breaker release", "counts"),
    ("calendar", "reads the configuration"),
    ("commitments apply", "references and dates"),
    ("calendar import", "reads a file"),
    ("check", "speaks to servers"),
    ("deadline", "reckons"),
    ("explain", "reads files"),
    ("indicator import", "writes"),
    ("indicator set", "writes"),
    ("ledger export", "digests alone; the occulted form not even those"),
    ("ledger seal", "a hash"),
    ("letter add", "writes"),
    ("letter answer", "writes"),
    ("letter correct", "writes"),
    ("letter import", "writes"),
    ("letter withdraw", "writes"),
    ("person erase", "an address that was given; references"),
    ("request", "see its verbs"),
    ("request acknowledge", "writes"),
    ("request answer", "writes"),
    ("request holding", "writes"),
    ("request close", "writes"),
    ("request transfer", "writes"),
    ("request suspend", "writes"),
    ("request resume", "writes"),
    ("request reopen", "writes"),
    ("request confirm", "writes"),
    ("request merge", "writes"),
    ("restore", "writes"),
    ("run", "shows nothing"),
    ("template lint", "reads the configuration"),
    ("template preview", "invents its requester"),
    ("letter", "see its verbs"),
    ("appointment", "see its verbs"),
    ("ledger", "see its verbs"),
    ("person", "see its verbs"),
    ("indicator", "see its verbs"),
    ("template", "see its verbs"),
    ("tracking-sheet", "mail and appointments"),
];

/// A database with everything personal in it.
async fn filled(shell: &Shell) {
    let store = Store::open(shell.path("vigie.db").to_str().unwrap()).await.unwrap();
    let mut vigie = Vigie::on(store.clone(), |_| {}).await;
    let address = vigie.address();
    let (from, subject) = ("QUIDAMNE Alix <quidam@example.org>", "OBJETDUCOURRIEL");
    vigie.receive(&[message(from, &address, "first@example.org", subject)], at(0)).await;
    vigie.receive(&[message(from, &address, "first@example.org", subject)], at(1)).await;
    vigie.receive(&[message(from, &address, "again@example.org", subject)], at(2)).await;
    vigie.send_all(at(3)).await;
    let text = Some("MOTDELAGENT".to_owned());
    let gesture = Gesture::Answer(Way::Phone);
    let word = Word { gesture, by: "Camille Exemple".to_owned(), at: at(5), text };
    gesture::gesture(&vigie.store, &vigie.office, "PAN-2026-000001", word, at(5)).await.unwrap();
    store.close().await;
    let letter = "letter add --bureau citoyennete --received-on 2026-05-04 --name NOMDULETTRE --subject OBJETDELALETTRE \
         --note NOTEDELALETTRE";
    shell.say(&letter.split_whitespace().collect::<Vec<_>>());
    let appointment = "appointment add --bureau citoyennete --requested-on 2026-05-04 --name NOMDELELU --quality maire \
         --authority prefect --note NOTEDURENDEZVOUS";
    shell.say(&appointment.split_whitespace().collect::<Vec<_>>());
}

/// The commands below a command, as its help lists them.
fn verbs(shell: &Shell, above: &[&str]) -> Vec<String> {
    let help = shell.say(&[above, &["--help"]].concat());
    let listed = help.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let named = listed.lines().take_while(|line| !line.is_empty());
    named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).filter(|name| name != "help").collect()
}

/// How many lines the access log has.
fn seen(shell: &Shell) -> usize {
    shell.json(&["access-log"]).len()
}

#[tokio::test]
async fn whoever_is_shown_something_personal_stands_in_the_access_log() {
    let shell = Shell::new();
    filled(&shell).await;
    let forms =
        ["table", "json", "csv"].iter().flat_map(|form| READERS.map(|reader| format!("{reader} --format {form}")));
    let mut showed = BTreeSet::new();
    for command in forms.chain(PLAIN.map(str::to_owned)) {
        let before = seen(&shell);
        let output = shell.run(&command.split_whitespace().collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let personal: Vec<&str> = PERSONAL.into_iter().filter(|mark| said.contains(mark)).collect();
        assert!(output.status.code() != Some(2), "{command}: {said}");
        // One request is one person's, also in the form that happens to leave the names out.
        let wanted = !personal.is_empty() || command.starts_with("request show");
        assert_eq!(seen(&shell) - before, usize::from(wanted), "{command} shows {personal:?}");
        if !personal.is_empty() {
            showed.insert(command.split(" --").next().unwrap().to_owned());
        }
    }
    let known = [
        "letter list",
        "person export quidam@example.org",
        "request reclassify PAN-2026-000001",
        "request show PAN-2026-000001",
        "requests",
        "tracking-sheet appointments",
    ];
    assert_eq!(showed.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

#[test]
fn no_command_is_forgotten_here() {
    let shell = Shell::new();
    let known = |name: &str| {
        let tried =
            READERS.iter().chain(&PLAIN).any(|reader| *reader == name || reader.starts_with(&format!("{name} ")));
        tried || OTHERS.iter().any(|(other, _)| *other == name)
    };
    let mut all = Vec::new();
    for verb in verbs(&shell, &[]) {
        all.extend(verbs(&shell, &[&verb]).into_iter().map(|below| format!("{verb} {below}")));
        all.push(verb);
    }
    assert!(all.len() > 40, "{all:?}");
    for verb in &all {
        assert!(known(verb), "vigie {verb} is neither tried nor named here");
    }
    for (name, _) in OTHERS {
        assert!(all.iter().any(|verb| verb == name), "vigie {name} is no command any more");
    }
}
