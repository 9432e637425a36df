//! What a configuration may not say, and the line that tells where it says it.
#![expect(clippy::expect_used, reason = "the shipped configuration is there, or the tests are worth nothing")]

use std::fs;
use std::path::Path;

use vigie::config::{Secrets, Settings};

/// Loads the shipped configuration with one text of a file replaced; the error, or nothing.
fn load_with(file: &str, old: &str, new: &str) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let main = fs::read_to_string(shipped.join("vigie.toml")).expect("the shipped configuration");
    let templates = format!("templates = \"{}\"", shipped.join("templates").display());
    let mut texts = vec![("vigie.toml", main.replace("templates = \"templates\"", &templates))];
    for name in ["commitments.toml", "requesters.toml", "closures.toml"] {
        texts.push((name, fs::read_to_string(shipped.join(name)).expect("a shipped list")));
    }
    for (name, text) in texts {
        assert!(name != file || text.contains(old), "{old} stands nowhere in {name}");
        let text = if name == file { text.replacen(old, new, 1) } else { text };
        fs::write(folder.path().join(name), text).expect("written");
    }
    let loaded = Settings::load(&folder.path().join("vigie.toml"), Secrets::Skip);
    loaded.err().map(|error| error.to_string()).unwrap_or_default()
}

#[track_caller]
fn refused(file: &str, old: &str, new: &str, said: &str) {
    let error = load_with(file, old, new);
    assert!(error.contains(said), "{new}: {error:?}");
}

#[test]
fn the_shipped_configuration_is_accepted() {
    assert_eq!(load_with("vigie.toml", "", ""), "");
}

#[test]
fn one_address_leads_to_one_mailbox() {
    let (old, said) = ("pref-etrangers@prefecture.example.org\"\nbureau", "mailboxes[1].address: Pref-PAN@");
    refused("vigie.toml", old, "Pref-PAN@prefecture.example.org\"\nbureau", said);
    refused("vigie.toml", old, "point-numerique@prefecture.example.org\"\nbureau", "leads to a mailbox already");
}

#[test]
fn a_folder_is_read_for_one_purpose() {
    refused("vigie.toml", "sent = []", "sent = [\"Inbox\"]", "mailboxes[0].sent: the folder \"Inbox\" is named twice");
    refused("vigie.toml", "folders = []", "folders = [\"A\", \"A\"]", "mailboxes[0].folders: the folder \"A\"");
    refused("vigie.toml", "inbox = \"INBOX\"", "inbox = \"\"", "mailboxes[0].inbox: the name of a folder");
}

#[test]
fn an_internal_domain_is_one_that_an_address_can_lie_in() {
    for wrong in ["@prefecture.example.org", "", "prefecture example"] {
        let new = format!("internal_domains = [\"{wrong}\"]");
        refused("vigie.toml", "internal_domains = [\"prefecture.example.org\"]", &new, "internal_domains[0]");
    }
}

#[test]
fn what_the_public_is_told_is_what_it_is_called() {
    for (old, new, said) in [
        ("telephone = \"04 00 00 00 00\"", "telephone = \"à compléter\"", "service.telephone: a telephone number"),
        ("website = \"https://", "website = \"javascript:", "service.website: an address that begins"),
        (
            "sender = \"vigie@",
            "sender = \"pref-pan@",
            "prefecture.sender: pref-pan@prefecture.example.org is the watched",
        ),
    ] {
        refused("vigie.toml", old, new, said);
    }
}

#[test]
fn a_limit_is_one_that_a_calendar_holds() {
    for wrong in ["60000", "0"] {
        let new = format!("limit = {wrong}");
        refused("commitments.toml", "limit = 5", &new, "limit: between 1 and 1000 working days");
    }
}

#[test]
fn versions_of_a_commitment_follow_one_another() {
    let old = "limit = 5\ntarget = 95.0\n";
    let again =
        "[[commitments]]\nkey = \"mail.complaint\"\nlabel = \"x\"\nchannel = \"mail\"\nlimit = 3\ntarget = 95.0\n";
    let until = format!("{old}valid_until = \"2026-06-30\"\n{again}");
    refused(
        "commitments.toml",
        old,
        &format!("{old}{again}"),
        "two versions of \"mail.complaint\" hold on the same day",
    );
    refused("commitments.toml", old, &format!("{until}valid_from = \"2026-06-30\"\n"), "two versions");
    assert_eq!(load_with("commitments.toml", old, &format!("{until}valid_from = \"2026-07-01\"\n")), "");
    refused(
        "commitments.toml",
        old,
        &format!("{old}valid_from = \"2026-07-01\"\nvalid_until = \"2026-06-30\"\n"),
        "comes before",
    );
    refused("commitments.toml", "[\"pref-pan\"]", "[\"pref-pam\"]", "\"pan.callback\" names a mailbox that is not");
}

#[test]
fn a_bureau_opens_on_some_day_and_a_perimeter_runs_forwards() {
    let days = "opening_days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]";
    refused("vigie.toml", days, "opening_days = []", "bureaux[0].opening_days: at least one day");
    refused("vigie.toml", days, "opening_days = [\"lundi\"]", "\"lundi\" is none of mon, tue");
    refused("vigie.toml", "remind_every = 0", "remind_every = 999", "bureaux[0].remind_every: at most 250");
    let period = "[[mailboxes.perimeter]]\nfrom = \"2026-07-01\"\nuntil = \"2026-06-01\"\nofficial = false\n\n[mailboxes.service]";
    refused("vigie.toml", "[mailboxes.service]", period, "mailboxes[0].perimeter[0].until: comes before from");
    let closure =
        "[[calendar.closures]]\nfrom = \"2026-05-15\"\nlabel = \"x\"\nsuspends = true\nbureaux = [\"x\"]\n\n[limits]";
    refused("vigie.toml", "[limits]", closure, "a closure names the bureau \"x\"");
}

#[test]
fn a_rule_meets_somebody() {
    refused("requesters.toml", "id = \"elus.parlement\"\npatterns = [", "id = \"x\"\n_ = [", "unknown field");
    let nobody = "[[rules]]\nid = \"x\"\nrequester = \"elected\"\n\n[[rules]]\nid = \"elus.parlement\"";
    refused("requesters.toml", "[[rules]]\nid = \"elus.parlement\"", nobody, "the rule would meet nobody");
    let words =
        "[[natures]]\nid = \"x\"\nnature = \"complaint\"\nwords = [\" \"]\n\n[[rules]]\nid = \"elus.parlement\"";
    refused("requesters.toml", "[[rules]]\nid = \"elus.parlement\"", words, "natures[0].words: at least one word");
}

#[test]
fn a_file_without_end_is_too_large() {
    let error = Settings::load(Path::new("/dev/zero"), Secrets::Skip).expect_err("refused").to_string();
    assert!(error.starts_with("/dev/zero: is larger than"), "{error}");
}

#[test]
fn the_shipped_lines_of_indicators_are_the_usual_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let text = fs::read_to_string(shipped.join("vigie.toml")).expect("the shipped configuration");
    let inside = |name: &str| format!("= \"{}\"", shipped.join(name).display());
    let text = text
        .replace("# indicators = ", "indicators = ")
        .replace("# [report]", "[report]")
        .replace("= \"templates\"", &inside("templates"))
        .replace("= \"commitments.toml\"", &inside("commitments.toml"))
        .replace("= \"requesters.toml\"", &inside("requesters.toml"))
        .replace("= \"closures.toml\"", &inside("closures.toml"))
        .replace("= \"indicators.toml\"", &inside("indicators.toml"));
    let path = folder.path().join("vigie.toml");
    fs::write(&path, text).expect("written");
    let settings = Settings::load(&path, Secrets::Skip).expect("accepted");
    assert_eq!(settings.office.indicators, vigie::domain::indicator::annex::usual());
    assert_eq!(
        settings.office.report.expect("a report").recipients.len(),
        1,
        "the quality officer of both bureaux, once"
    );
}

#[test]
fn a_mistyped_file_of_closures_is_refused_rather_than_read_as_none() {
    refused("vigie.toml", "\"closures.toml\"", "\"cloture.toml\"", "calendar.closures_file: ");
    refused("vigie.toml", "\"closures.toml\"", "\"cloture.toml\"", "does not exist");
}
