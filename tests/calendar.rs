//! Closures and promises that change while vigie runs, by the commands that people type: checked and shown, then applied,
//! then followed by what is open, with an entry each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::fs;
use std::process::Output;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use support::house::{House, PAN, mail};
use support::shell::Shell;
use vigie::store::{RequestFilter, Store};

/// The most that a refusal may take to say, in octets: a file that is none is not printed back.
const SHORT: usize = 2_000;

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//prefecture//ponts//FR\r\n{events}END:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\r\nUID:1@prefecture.example.org\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:VEVENT\r\n")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A configuration whose closures stand in a file of its own.
fn shell() -> Shell {
    let shell = Shell::new();
    let text = fs::read_to_string(shell.path("vigie.toml")).unwrap();
    let (before, after) = text.split_once("closures_file = \"").unwrap();
    let (_, after) = after.split_once('"').unwrap();
    fs::write(shell.path("vigie.toml"), format!("{before}closures_file = \"closures.toml\"{after}")).unwrap();
    fs::write(shell.path("closures.toml"), "# Les fermetures\n").unwrap();
    shell
}

fn closures(shell: &Shell) -> String {
    fs::read_to_string(shell.path("closures.toml")).unwrap()
}

/// Imports a file, and applies it.
fn import(shell: &Shell, text: &str) -> Output {
    fs::write(shell.path("ponts.ics"), text).unwrap();
    let file = shell.path("ponts.ics");
    shell.run(&["calendar", "import", file.to_str().unwrap(), "--suspends", "--apply"])
}

#[test]
fn what_is_no_list_of_closures_is_refused_with_its_reason_and_nothing_is_written() {
    let shell = shell();
    let day = "DTSTART;VALUE=DATE:20260515\r\n";
    let good = event(&format!("SUMMARY:Pont\r\n{day}"));
    let named = |lines: &str| calendar(&(good.clone() + &event(lines)));
    let many: String = (0..1_001).map(|_| good.clone()).collect();
    let cut = calendar(&good).replace("END:VCALENDAR\r\n", "");
    for (what, text) in [
        ("nothing", String::new()),
        ("a page", "<!doctype html><html><body>Erreur 404</body></html>".to_owned()),
        ("no event", calendar("")),
        ("cut off", cut),
        ("too many events", calendar(&many)),
        ("a huge file", "X".repeat(20_000_000)),
        ("a huge line", calendar(&event(&format!("SUMMARY:{}\r\nDTSTART:x\r\n", "é".repeat(500_000))))),
        ("it repeats", named(&format!("SUMMARY:Lundis\r\n{day}RRULE:FREQ=WEEKLY\r\n"))),
        ("more dates", named(&format!("SUMMARY:Ponts\r\n{day}RDATE;VALUE=DATE:20260520\r\n"))),
        ("an hour of UTC", named("SUMMARY:Réunion\r\nDTSTART:20260504T140000Z\r\n")),
        ("an hour of a zone", named("SUMMARY:Réunion\r\nDTSTART;TZID=Europe/Paris:20260504T140000\r\n")),
        ("a midnight of a zone", named("SUMMARY:Pont\r\nDTSTART;TZID=Europe/Paris:20260504T000000\r\n")),
        ("no beginning", named("SUMMARY:Rien\r\n")),
        ("no name", named(day)),
        ("backwards", named(&format!("SUMMARY:À l’envers\r\n{day}DTEND;VALUE=DATE:20260514\r\n"))),
        ("of hours", named(&format!("SUMMARY:Heures\r\n{day}DURATION:PT5H\r\n"))),
        ("of years", named(&format!("SUMMARY:Long\r\n{day}DTEND;VALUE=DATE:20290515\r\n"))),
        ("no such day", named("SUMMARY:Jamais\r\nDTSTART;VALUE=DATE:20260231\r\n")),
    ] {
        let output = import(&shell, &text);
        let said = words(&output);
        assert!(!output.status.success(), "{what}: {said}");
        assert!(said.contains("ponts.ics") && said.len() < SHORT, "{what}: {said}");
        assert_eq!(closures(&shell), "# Les fermetures\n", "{what}");
    }
}

#[test]
fn a_list_of_closures_is_read_whole_shown_and_written_once() {
    let shell = shell();
    let (first, second) = (
        event("SUMMARY:Fermeture exception\r\n nelle\\, archives\r\nDTSTART;VALUE=DATE:20260515\r\n"),
        event("SUMMARY:Travaux\r\nDTSTART;VALUE=DATE:20260810\r\nDTEND;VALUE=DATE:20260815\r\n"),
    );
    let cancelled = event("SUMMARY:Annulée\r\nSTATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20260901\r\n");
    // Two calendars in one file, as an export of several does.
    let text = format!("\u{feff}{}{}", calendar(&(first + &cancelled)), calendar(&second));
    fs::write(shell.path("ponts.ics"), &text).unwrap();
    let file = shell.path("ponts.ics");
    let shown = shell.json(&["calendar", "import", file.to_str().unwrap(), "--suspends"]);
    let spans: Vec<(&str, &str, &str)> = shown
        .iter()
        .map(|view| (view["from"].as_str().unwrap(), view["to"].as_str().unwrap(), view["label"].as_str().unwrap()))
        .collect();
    let expected =
        [("2026-05-15", "2026-05-15", "Fermeture exceptionnelle, archives"), ("2026-08-10", "2026-08-14", "Travaux")];
    assert_eq!(spans, expected);
    assert_eq!(closures(&shell), "# Les fermetures\n", "shown, not written");
    assert!(import(&shell, &text).status.success());
    let written = closures(&shell);
    assert_eq!(written.matches("[[closures]]").count(), 2, "{written}");
    let days = shell.json(&["calendar", "--year", "2026"]);
    assert_eq!(days.iter().filter(|day| day["kind"] == "closure").count(), 6);
    let again = import(&shell, &text);
    assert!(again.status.success(), "{}", words(&again));
    assert_eq!(closures(&shell), written, "a second import changes nothing");
    assert!(words(&again).contains("déjà dans la configuration"), "{}", words(&again));
}

#[test]
fn a_closure_that_one_bureau_has_already_is_still_to_be_added_for_the_others() {
    let shell = shell();
    fs::write(shell.path("ponts.ics"), calendar(&event("SUMMARY:Pont\r\nDTSTART;VALUE=DATE:20260515\r\n"))).unwrap();
    let file = shell.path("ponts.ics");
    let file = file.to_str().unwrap();
    let known = |more: &[&str]| {
        let shown = shell.json(&[&["calendar", "import", file, "--suspends"], more].concat());
        shown[0]["known"].as_bool().unwrap()
    };
    assert!(!known(&["--bureau", "citoyennete", "--apply"]));
    assert!(known(&["--bureau", "citoyennete"]));
    assert!(!known(&["--bureau", "etrangers"]) && !known(&["--bureau", "citoyennete", "--bureau", "etrangers"]));
    assert!(!known(&["--apply"]), "for all");
    assert!(known(&[]) && known(&["--bureau", "etrangers"]));
}

/// What vigie holds of its open requests: reference, due day, instant of the next alert.
fn open(house: &House) -> Vec<(String, NaiveDate, DateTime<Utc>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(house.path("vigie.db").to_str().unwrap()).await.unwrap();
        let filter = RequestFilter { status: "open".into(), ..RequestFilter::default() };
        let lines = store.list_requests(&filter).await.unwrap();
        let found = lines.into_iter().map(|line| line.request);
        let found = found.map(|request| (request.reference, request.due_on, request.next_alert_at.unwrap())).collect();
        store.close().await;
        found
    })
}

fn entries(house: &House, kind: &str) -> Vec<Value> {
    house.json(&["ledger", "show"]).into_iter().filter(|entry| entry["kind"] == kind).collect()
}

fn reload(house: &House) {
    let before = house.log().matches("the new configuration is in force").count();
    house.signal("HUP");
    let taken = |house: &House| house.log().matches("the new configuration is in force").count() > before;
    house.wait("the new configuration is taken", taken);
}

/// A running vigie with two open requests and one that was answered, its closures and commitments in files of its own.
fn running() -> House {
    let mut house = House::new("acknowledge", |text| {
        let (before, after) = text.split_once("commitments = \"").unwrap();
        let (_, after) = after.split_once('"').unwrap();
        format!("{before}commitments = \"commitments.toml\"{after}\n[calendar]\nclosures_file = \"closures.toml\"\n")
    });
    fs::write(house.path("closures.toml"), "").unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/config/commitments.toml"), house.path("commitments.toml")).unwrap();
    house.start();
    house.wait("the mailboxes are watched", |house| house.json(&["status"]).len() == 2);
    for name in ["alice", "bob", "carole"] {
        house
            .receive(PAN, &mail(&format!("{name}@example.org"), PAN, &format!("{name}@x.example.org"), "Question", ""));
    }
    house.wait_recorded(3);
    house.vigie(&["request", "answer", "PAN-2026-000003", "--by", "phone"]);
    house
}

#[test]
fn a_closure_imported_while_vigie_runs_redates_what_is_open_once_and_the_alerts_follow() {
    let mut house = running();
    let settled = |house: &House| house.json(&["requests", "--status", "answered"])[0]["due_on"].clone();
    let (answered, before) = (settled(&house), open(&house));
    assert_eq!(before.len(), 2);
    // The day of the next alert is closed: that alert and the limit move by one working day.
    let day = before[0].2.with_timezone(&chrono_tz::Europe::Paris).date_naive();
    let lines = format!("SUMMARY:Pont\r\nDTSTART;VALUE=DATE:{}\r\n", day.format("%Y%m%d"));
    fs::write(house.path("ponts.ics"), calendar(&event(&lines))).unwrap();
    let file = house.path("ponts.ics");
    let file = file.to_str().unwrap();
    for (arguments, applied) in [(vec!["--suspends"], false), (vec!["--suspends", "--apply"], true)] {
        let output = house.vigie(&[vec!["calendar", "import", file], arguments].concat());
        assert!(output.status.success(), "{}", words(&output));
        let text = fs::read_to_string(house.path("closures.toml")).unwrap();
        assert_eq!(text.contains("[[closures]]"), applied);
        reload(&house);
        let redated = entries(&house, "request_redated");
        assert_eq!(redated.len(), if applied { 2 } else { 0 });
    }
    let after = open(&house);
    for ((reference, due_on, alert), (known, due_before, alert_before)) in after.iter().zip(&before) {
        assert_eq!(reference, known);
        assert!(due_on > due_before && alert > alert_before, "{reference}: {due_on} {alert}");
    }
    assert_eq!(settled(&house), answered, "what is settled stands");
    // A second import, and another reload, change nothing.
    house.vigie(&["calendar", "import", file, "--suspends", "--apply"]);
    reload(&house);
    assert_eq!(entries(&house, "request_redated").len(), 2);
    assert_eq!(open(&house), after);
    let verified = house.json(&["ledger", "verify"]);
    assert_eq!(verified[0]["ok"], true, "{verified:?}");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn a_new_promise_holds_for_what_is_open_once_it_is_applied_and_the_alerts_follow() {
    let mut house = running();
    let before = open(&house);
    let text = fs::read_to_string(house.path("commitments.toml")).unwrap();
    let (head, tail) = text.split_once("\"mail.user.info\"").unwrap();
    let tail = tail.replacen("limit = 5", "limit = 7", 1);
    fs::write(house.path("commitments.toml"), format!("{head}\"mail.user.info\"{tail}")).unwrap();
    reload(&house);
    assert_eq!(open(&house), before, "a change of rule redates nothing by itself");
    let apply = ["commitments", "apply", "--since", "2020-01-01"];
    let shown = house.json(&apply);
    let told: Vec<(&Value, &Value)> = shown.iter().map(|moved| (&moved["new_limit"], &moved["applied"])).collect();
    assert_eq!(told, [(&Value::from(7), &Value::from(false)), (&Value::from(7), &Value::from(false))]);
    assert_eq!(open(&house), before, "shown, not done");
    let done = house.json(&[apply.as_slice(), &["--yes", "--agent", "qualite"]].concat());
    assert_eq!(done.len(), 2);
    let after = open(&house);
    for (((reference, due_on, alert), (known, due_before, alert_before)), moved) in after.iter().zip(&before).zip(&done)
    {
        assert_eq!((reference.as_str(), reference.as_str()), (known.as_str(), moved["reference"].as_str().unwrap()));
        assert_eq!(moved["new_due_on"], due_on.to_string());
        assert!(due_on > due_before && alert > alert_before, "{reference}: {due_on} {alert}");
    }
    let written = entries(&house, "request_reclassified");
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|entry| entry["payload"]["by"].as_str().unwrap().starts_with("qualite")), "{written:?}");
    assert!(house.json(&[apply.as_slice(), &["--yes"]].concat()).is_empty(), "done once");
    let verified = house.json(&["ledger", "verify"]);
    assert_eq!(verified[0]["ok"], true, "{verified:?}");
    assert_eq!(house.stop("TERM"), Some(0));
}
