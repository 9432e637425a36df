//! What programs may rely on: the keys of each listing, in their order, and the exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its scene fails at once, at the line that could not"
)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use support::house::{ETR, House, PAN, SENT, mail};
use support::process::text;

const MESSAGE: [&str; 12] = [
    "message_id",
    "mailbox",
    "folder",
    "received_at",
    "from_kind",
    "verdict",
    "reason",
    "request",
    "acknowledgement",
    "acknowledgement_reason",
    "commitment",
    "due_on",
];
const REQUEST: [&str; 16] = [
    "reference",
    "mailbox",
    "message_id",
    "requester",
    "nature",
    "commitment",
    "received_at",
    "due_on",
    "status",
    "answered_at",
    "evidence",
    "confidence",
    "within_limit",
    "acknowledgement",
    "acknowledged_at",
    "working_days_left",
];
/// Keys that stand besides those of the design, and are as stable.
const BESIDES: [&str; 18] = [
    "clocks",
    "bureaux",
    "alert",
    "miss_risk",
    "mails",
    "acknowledgement_why",
    "acknowledgement_failed_at",
    "reason_detail",
    "acknowledgement_detail",
    "backlog",
    "first_answer_at",
    "substantive_at",
    "incomplete_since",
    "suspended_days",
    "merged_into",
    "forwarded_at",
    "deleted_at",
    "doubtful",
];

/// The keys of an object on a line, in the order in which they are written.
fn keys(line: &str) -> Vec<String> {
    let (mut keys, mut depth, mut word, mut inside, mut escaped) = (Vec::new(), 0, String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => {
                inside = !inside;
                if inside {
                    word.clear();
                }
            }
            _ if inside => word.push(c),
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ':' if depth == 1 => keys.push(word.clone()),
            _ => {}
        }
    }
    keys
}

fn assert_keys(out: &str, expected: &[&str]) {
    assert!(!out.is_empty(), "nothing is listed");
    for line in out.lines() {
        let found = keys(line);
        let of_design: Vec<&String> = found.iter().filter(|key| !BESIDES.contains(&key.as_str())).collect();
        assert_eq!(of_design, expected, "{line}");
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value.as_object().unwrap().len(), found.len(), "one object a line: {line}");
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", text(&output.stderr)))
}

#[test]
fn listings_have_the_keys_of_the_design_and_commands_its_exit_codes() {
    let mut house = House::new("acknowledge", |toml| toml);
    let before = house.vigie(&["messages"]);
    assert_eq!(code(&before), 1, "there is no database yet: {}", text(&before.stderr));
    house.start();
    house.wait("both mailboxes watched", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
    house.receive(PAN, &mail("alice@example.org", PAN, "k1@example.org", "Question", ""));
    house.receive(ETR, &mail("maire@mairie-belley.example.org", ETR, "k2@example.org", "Question", ""));
    house.receive(PAN, &mail("absent@example.org", PAN, "k3@example.org", "Absent", "Auto-Submitted: auto-replied\n"));
    house.wait_sent(2);
    let reply = mail(PAN, "alice@example.org", "k4@x", "Re", "In-Reply-To: <k1@example.org>\n");
    house.dovecot.append(PAN, SENT, reply.replace('\n', "\r\n").as_bytes(), None, "\\Seen");
    house.wait_recorded(4);
    let out = |arguments: &[&str]| {
        let output = house.vigie(&[arguments, &["--format", "json"]].concat());
        assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_keys(&out(&["messages"]), &MESSAGE);
    assert_keys(&out(&["requests"]), &REQUEST);
    assert_keys(&out(&["ledger", "verify"]), &["entries", "head", "sealed", "ok", "first_fault", "warning"]);
    let file = house.path("un.eml");
    fs::write(&file, mail("alice@example.org", PAN, "k5@example.org", "Question", "")).unwrap();
    let file = file.display().to_string();
    let explained = [&["file"][..], &MESSAGE].concat();
    assert_keys(&out(&["explain", &file, "--mailbox", "pref-pan"]), &explained);
    let one = &house.json(&["requests", "--mailbox", "pref-pan"])[0];
    let reference = one["reference"].as_str().unwrap();
    assert_keys(&out(&["request", "show", reference]), &REQUEST);
    values(&house);
    refusals(&house, &file, reference);
    assert_eq!(house.stop("TERM"), Some(0));
}

/// The values that are one of a few, are.
fn values(house: &House) {
    for message in house.json(&["messages"]) {
        let acknowledgement = message["acknowledgement"].as_str().unwrap();
        assert!(["send", "withhold", "none"].contains(&acknowledgement), "{message}");
        assert!(message["received_at"].as_str().unwrap().ends_with('Z'), "{message}");
    }
    let requests = house.json(&["requests"]);
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert!(["open", "answered", "closed", "transferred"].contains(&request["status"].as_str().unwrap()));
        let states = ["pending", "sent", "withheld", "refused", "unknown"];
        assert!(states.contains(&request["acknowledgement"].as_str().unwrap()), "{request}");
    }
    let of = |id: &str| requests.iter().find(|request| request["message_id"] == id).unwrap();
    assert_eq!(of("k2@example.org")["requester"], "local_authority");
    assert!(of("k2@example.org")["working_days_left"].is_i64());
    assert_eq!(of("k1@example.org")["status"], "answered");
    assert!(of("k1@example.org")["working_days_left"].is_null());
    assert_eq!(house.json(&["requests", "--status", "open"]).len(), 1);
    assert_eq!(house.json(&["requests", "--mailbox", "pref-pan"]).len(), 1);
    assert!(house.json(&["requests", "--due-before", "2020-01-01"]).is_empty());
    assert!(house.json(&["requests", "--period", "2020-T1"]).is_empty());
}

/// 2 for usage and configuration, 1 where the answer is no.
fn refusals(house: &House, file: &str, reference: &str) {
    for arguments in [
        &["nulle-part"][..],
        &["requests", "--status", "perdue"],
        &["requests", "--period", "hier"],
        &["messages", "--format", "xml"],
        &["explain", file],
        &["explain", file, "--mailbox", "inconnue"],
        &["deadline", "--received", "hier", "--days", "5"],
        &["deadline", "--received", "2026-05-07T16:50", "--days", "5", "--territory", "atlantide"],
        &["request", "answer", reference, "--by", "pigeon"],
        &["request", "answer", reference, "--by", "phone", "--at", "2999-01-01T00:00:00Z"],
    ] {
        let output = house.vigie(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{arguments:?} says why");
    }
    for arguments in [
        &["request", "show", "PAN-1999-000001"][..],
        &["request", "answer", reference, "--by", "phone"],
        &["explain", "/nulle/part.eml", "--mailbox", "pref-pan"],
    ] {
        let output = house.vigie(arguments);
        assert_eq!(code(&output), 1, "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{arguments:?} says why");
    }
    assert_eq!(code(&house.vigie(&["--help"])), 0);
    assert_eq!(code(&house.vigie(&["check"])), 0);
}

#[test]
fn a_deadline_is_worked_out_without_a_server_or_a_database() {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/vigie.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["deadline", "--received", "2026-05-07T16:50", "--days", "5", "--territory", "metropole"])
        .args(["--format", "json", "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert_keys(&out, &["due_on", "due_at", "calendar_revision", "steps"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["due_on"], "2026-05-18");
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["date"], "2026-05-18");
    assert_eq!(steps.iter().filter(|step| step["counted"].is_u64()).filter(|s| s["counted"] != 0).count(), 5);
}
