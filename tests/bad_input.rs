//! What is wrong gets a clear word, and loses nothing: configuration, secrets, certificates, folders, texts, messages,
//! servers that are down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use support::house::{ADMIN, ETR, House, PAN, SENT, mail};
use support::process::{text, wait_until};
use support::tls::Authority;
use vigie::clock;

/// How long a relay's refusal is left alone before the next attempt, and a little more.
const RETRY: Duration = Duration::from_secs(90);
/// SIGTERM ends vigie within this.
const FAREWELL: Duration = Duration::from_secs(2);

fn unchanged(toml: String) -> String {
    toml
}

fn watched(house: &House) {
    house.wait("both mailboxes watched", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
}

/// Runs a command that must end with exit code 2, and gives what it said.
fn refused(house: &House, arguments: &[&str]) -> String {
    let output = house.vigie(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    said
}

/// The line of the configuration that holds a text, from 1.
fn line_of(house: &House, what: &str) -> usize {
    let toml = fs::read_to_string(house.path("vigie.toml")).unwrap();
    toml.lines().position(|line| line.contains(what)).expect(what) + 1
}

fn ask(from: &str, to: &str, id: &str) -> String {
    mail(from, to, id, "Ma demande", "")
}

/// The mails of the administrators.
fn warnings(house: &House) -> Vec<String> {
    house.dovecot.messages(ADMIN, "INBOX").iter().map(|bytes| text(bytes)).collect()
}

#[test]
fn a_wrong_configuration_is_refused_with_file_line_and_key() {
    let house = House::new("acknowledge", unchanged);
    let usual = house.usual("acknowledge");
    let wrong = [
        ("scan_every = \"2s\"", "scan_evry = \"2s\"", "scan_evry"),
        ("mode = \"acknowledge\"", "mode = \"acquitter\"", "mode"),
        ("territory = \"metropole\"", "territory = \"atlantide\"", "territory"),
        ("bureau = \"etrangers\"", "bureau = \"ailleurs\"", "bureau"),
        ("template = \"pref-pan\"", "template = \"inconnu\"", "template"),
        ("password_file = \"etr\"", "password_file = \"absent\"", "password_file"),
        ("password_file = \"etr\"", "", "login"),
        ("hours = [\"00:00-00:00\"]", "hours = [\"25:00-26:00\"]", "hours"),
        ("security = \"starttls\"", "security = \"aucune\"", "security"),
    ];
    for (right, replaced, key) in wrong {
        let toml = usual.replacen(right, replaced, 1);
        assert_ne!(toml, usual, "{right}");
        house.configure(&toml);
        for verb in ["run", "check"] {
            let said = refused(&house, &[verb]);
            assert!(said.contains(key), "{verb} {key}: {said}");
            assert!(!said.contains("panicked"), "{said}");
            let line = if replaced.is_empty() { None } else { Some(line_of(&house, replaced)) };
            let place = line.map_or("vigie.toml:".to_owned(), |line| format!("vigie.toml:{line}:"));
            assert!(said.contains(&place), "{place} expected: {said}");
        }
    }
    fs::remove_file(house.path("vigie.toml")).unwrap();
    let missing = refused(&house, &["check"]);
    assert!(missing.contains("vigie.toml"), "{missing}");
}

#[test]
fn a_missing_or_empty_secret_is_refused_by_its_key() {
    let house = House::new("acknowledge", unchanged);
    let line = line_of(&house, "password_file = \"etr\"");
    fs::write(house.path("etr"), "\n").unwrap();
    let empty = refused(&house, &["run"]);
    assert!(empty.contains(&format!("vigie.toml:{line}:")) && empty.contains("password_file"), "{empty}");
    fs::remove_file(house.path("etr")).unwrap();
    let missing = refused(&house, &["run"]);
    assert!(missing.contains(&format!("vigie.toml:{line}:")) && missing.contains("password_file"), "{missing}");
    // What speaks to no server needs no secret.
    assert_eq!(house.vigie(&["check", "--offline"]).status.code(), Some(0));
}

#[test]
fn a_text_that_does_not_render_is_refused_with_file_and_line() {
    let house = House::new("acknowledge", unchanged);
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates");
    let own = house.path("templates");
    fs::create_dir(&own).unwrap();
    for file in fs::read_dir(&config).unwrap().flatten() {
        fs::copy(file.path(), own.join(file.file_name())).unwrap();
    }
    let usual = house.usual("acknowledge").replace(&config.display().to_string(), &own.display().to_string());
    house.configure(&usual);
    assert_eq!(house.vigie(&["check", "--offline"]).status.code(), Some(0));
    let sound = fs::read_to_string(own.join("pref-pan.txt")).unwrap();
    for wrong in ["{{ inconnue }}", "{{ service.inconnu }}", "{% if limit %}", "{{ reference | jamais }}", "{{"] {
        let broken = format!("{sound}\n{wrong}\n");
        fs::write(own.join("pref-pan.txt"), &broken).unwrap();
        let line = broken.lines().count();
        for arguments in [["run"].as_slice(), &["check"], &["check", "--offline"]] {
            let said = refused(&house, arguments);
            assert!(said.contains("pref-pan.txt"), "{wrong}: {said}");
            let near = (line - 1..=line + 1).any(|line| said.contains(&format!("line {line}")));
            assert!(near, "{wrong}: line {line} expected: {said}");
        }
    }
    fs::write(own.join("pref-pan.txt"), sound.replacen("Kind: acknowledgement", "Kind: rien", 1)).unwrap();
    let said = refused(&house, &["run"]);
    assert!(said.contains("pref-pan.txt") && said.contains("line 1"), "{said}");
}

#[test]
fn a_refused_password_is_told_at_once_and_never_hammered() {
    let mut house = House::new("acknowledge", unchanged);
    fs::write(house.path("etr"), "faux mot\n").unwrap();
    house.start();
    house.wait("the administrators are told", |house| !warnings(house).is_empty());
    let warned = warnings(&house);
    assert_eq!(warned.len(), 1);
    assert!(warned[0].contains("Auto-Submitted: auto-generated"), "{}", warned[0]);
    // The other mailbox goes on.
    house.receive(PAN, &ask("alice@example.org", PAN, "p1@example.org"));
    house.wait_sent(1);
    let check = house.vigie(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("pref-étrangers"), "{}", text(&check.stdout));
    let status = house.vigie(&["status", "--format", "json"]);
    assert_eq!(status.status.code(), Some(1), "a blind mailbox is no good state");
    // One refusal is the daemon's, one the check's: more would lock the account.
    let refusals = house.dovecot.log().matches("auth failed").count();
    assert!(refusals <= 2, "{refusals} refused logins:\n{}", house.dovecot.log());
    assert!(!house.log().contains("faux mot"));
    fs::write(house.path("etr"), "etrangers\n").unwrap();
    house.signal("HUP");
    house.receive(ETR, &ask("bob@example.org", ETR, "e1@example.org"));
    house.wait_recorded(2);
    house.wait("it can be read again", |house| house.vigie(&["status"]).status.code() == Some(0));
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn a_certificate_that_nobody_vouches_for_makes_the_mailbox_blind_and_the_reason_known() {
    let mut house = House::new("acknowledge", unchanged);
    let other = Authority::new().write(&house.path("autre"));
    let ca = format!("ca_file = \"{}\"", house.dovecot.ca_file.display());
    let usual = house.usual("acknowledge").replace("[store]", "blind_after = \"1s\"\n[store]");
    let (before, after) = usual.rsplit_once(&ca).unwrap();
    house.configure(&format!("{before}ca_file = \"{}\"{after}", other.ca.display()));
    house.start();
    house.wait("the administrators are told", |house| !warnings(house).is_empty());
    house.receive(PAN, &ask("alice@example.org", PAN, "p1@example.org"));
    house.wait_sent(1);
    let check = house.vigie(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    let said = text(&check.stdout).to_lowercase();
    assert!(said.contains("certificate") || said.contains("certificat"), "{said}");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let adapt = |toml: String| {
        let toml = toml.replace("[store]", "blind_after = \"1s\"\n[store]");
        toml.replacen("prefix = \"ETR\"", "prefix = \"ETR\"\nsent = [\"Courriers partis\"]", 1)
    };
    let mut house = House::new("acknowledge", adapt);
    let check = house.vigie(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("Courriers partis"), "{}", text(&check.stdout));
    house.start();
    house.wait("the log names it", |house| house.log().contains("Courriers partis"));
    // What arrives is read and acknowledged all the same.
    house.receive(ETR, &ask("bob@example.org", ETR, "e1@example.org"));
    house.wait_sent(1);
    // The agents may make it: no restart is needed.
    house.dovecot.create(ETR, "Courriers partis");
    let reply = format!(
        "From: {ETR}\nTo: bob@example.org\nSubject: Re: Demande\nMessage-ID: <r1@prefecture.example.org>\n\
         In-Reply-To: <e1@example.org>\nDate: {}\n\nBonjour\n",
        clock::now().to_rfc2822()
    );
    house.dovecot.append(ETR, "Courriers partis", reply.replace('\n', "\r\n").as_bytes(), None, "\\Seen");
    house.wait("the folder is read", |house| house.json(&["requests"])[0]["status"] == "answered");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn an_inbox_that_does_not_exist_is_told_to_the_administrators() {
    let adapt = |toml: String| {
        let toml = toml.replace("[store]", "blind_after = \"1s\"\n[store]");
        toml.replacen("prefix = \"ETR\"", "prefix = \"ETR\"\ninbox = \"Courriers arrivés\"", 1)
    };
    let mut house = House::new("acknowledge", adapt);
    assert_eq!(house.vigie(&["check"]).status.code(), Some(1));
    house.start();
    house.wait("the administrators are told", |house| !warnings(house).is_empty());
    house.receive(PAN, &ask("alice@example.org", PAN, "p1@example.org"));
    house.wait_sent(1);
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn a_sent_folder_that_does_not_exist_is_told_to_the_administrators_once() {
    let adapt = |toml: String| toml.replacen("prefix = \"ETR\"", "prefix = \"ETR\"\nsent = [\"Envoyés partout\"]", 1);
    let mut house = House::new("acknowledge", adapt);
    house.start();
    house.wait("the administrators are told", |house| !warnings(house).is_empty());
    let scanned = || house.json(&["status"]).iter().map(|row| row["last_scan"].to_string()).max();
    let before = scanned();
    house.wait("another scan", |_| scanned() > before);
    let told = warnings(&house);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("Envoy"), "{}", told[0]);
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn acknowledgements_wait_for_a_relay_that_is_down() {
    let mut house = House::new("acknowledge", unchanged);
    house.start();
    watched(&house);
    house.postfix.stop();
    for number in 0..3 {
        let from = format!("usager{number}@example.org");
        house.receive_locally(PAN, &ask(&from, PAN, &format!("r{number}@example.org")));
    }
    house.wait_recorded(3);
    house.wait("an attempt", |house| house.log().contains("next attempt at"));
    // A crash meanwhile loses none of them.
    assert_eq!(house.stop("KILL"), None);
    house.start();
    assert!(house.json(&["requests"]).iter().all(|request| request["acknowledgement"] == "pending"));
    house.postfix.start_again();
    let there = wait_until(RETRY, || house.sink.mails().len() >= 3);
    assert!(there, "{} of 3\n{}", house.sink.mails().len(), house.log());
    house.wait("settled", |house| house.json(&["requests"]).iter().all(|r| r["acknowledgement"] == "sent"));
    assert_eq!(house.sink.mails().len(), 3);
}

#[test]
fn a_message_that_cannot_be_parsed_is_a_request_for_a_human() {
    let mut house = House::new("acknowledge", unchanged);
    house.start();
    watched(&house);
    let binary: Vec<u8> = (0..4_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
    let broken: [&[u8]; 4] = [b"\r\nBonjour.\r\n", &binary, b"ceci n'est pas un en-tete\r\n\r\nx\r\n", b"\r\n"];
    for bytes in broken {
        house.dovecot.append(PAN, "INBOX", bytes, None, "");
    }
    let messages = house.wait_recorded(broken.len());
    let references: Vec<&str> = messages.iter().filter_map(|message| message["request"].as_str()).collect();
    for message in &messages {
        assert_eq!(message["verdict"], "unreadable", "{message}");
        assert_eq!(message["acknowledgement"], "withhold", "{message}");
    }
    assert_eq!(references.len(), broken.len());
    assert!(house.json(&["requests"]).iter().all(|request| request["status"] == "open"));
    let flagged = |entry: &&serde_json::Value| entry["payload"]["flagged"] == true;
    let ledger = house.json(&["ledger", "show"]);
    assert_eq!(ledger.iter().filter(flagged).count(), broken.len());
    assert!(!house.log().contains("panicked"), "{}", house.log());
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn a_database_that_cannot_be_written_is_named() {
    let house = House::new("observe", unchanged);
    for place in ["absent/vigie.db", "dossier"] {
        fs::create_dir_all(house.path("dossier")).unwrap();
        house.configure(&house.usual("observe").replace("url = \"vigie.db\"", &format!("url = \"{place}\"")));
        let output = house.vigie(&["run"]);
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
        assert!(said.contains(&house.path(place).display().to_string()), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_bad_configuration_on_sighup_leaves_the_old_one_in_force_and_a_good_one_takes_effect() {
    let mut house = House::new("observe", unchanged);
    house.receive(PAN, &ask("avant@example.org", PAN, "h0@example.org"));
    house.wait("it is there", |house| !house.dovecot.messages(PAN, "INBOX").is_empty());
    // INTERNALDATE has whole seconds.
    wait_until(Duration::from_millis(1_100), || false);
    house.start();
    watched(&house);
    house.wait_recorded(1);
    house.receive(PAN, &ask("alice@example.org", PAN, "h1@example.org"));
    house.wait_recorded(2);
    house.configure(&house.usual("acknowledge").replacen("scan_every", "scan_evry", 1));
    house.signal("HUP");
    house.wait("the refusal is told", |house| house.log().contains("the old one stays in force"));
    assert!(house.log().contains("scan_evry"), "{}", house.log());
    // Commands refuse the file, the daemon goes on with what it has.
    refused(&house, &["messages"]);
    house.configure(&house.usual("observe"));
    house.receive(PAN, &ask("bob@example.org", PAN, "h2@example.org"));
    house.wait_recorded(3);
    assert!(house.sink.mails().is_empty(), "the old configuration observes");
    house.configure(&house.usual("acknowledge"));
    house.signal("HUP");
    house.wait("it is taken", |house| house.log().contains("the new configuration is in force"));
    let switched = |house: &House| {
        house.json(&["ledger", "show"]).iter().filter(|entry| entry["kind"] == "mailbox_mode").count() >= 4
    };
    house.wait("the switch is written down", switched);
    house.receive(PAN, &ask("carole@example.org", PAN, "h3@example.org"));
    let sent = house.wait_sent(1);
    assert_eq!(sent[0].recipients, ["carole@example.org"]);
    house.wait_recorded(4);
    let reasons: Vec<String> =
        house.json(&["messages"]).iter().map(|m| m["acknowledgement_reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons[0], "before_watch", "{reasons:?}");
    assert_eq!(house.sink.mails().len(), 1, "only what came after the switch");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn sigterm_ends_within_two_seconds_whatever_the_servers_do_and_loses_nothing() {
    let mut house = House::new("acknowledge", unchanged);
    house.start();
    watched(&house);
    assert_eq!(house.stop_within("TERM", FAREWELL), Some(0));
    house.start();
    watched(&house);
    // A relay that says nothing more in the middle of a submission.
    house.postfix.freeze();
    house.receive_locally(PAN, &ask("alice@example.org", PAN, "t1@example.org"));
    house.wait_recorded(1);
    assert_eq!(house.stop_within("TERM", FAREWELL), Some(0));
    house.postfix.thaw();
    house.start();
    house.wait_sent(1);
    house.wait("settled", |house| house.json(&["requests"])[0]["acknowledgement"] == "sent");
    // A mail server that says nothing more.
    house.dovecot.freeze();
    assert_eq!(house.stop_within("TERM", FAREWELL), Some(0));
    house.start_unwatched();
    wait_until(Duration::from_millis(500), || false);
    assert_eq!(house.stop_within("TERM", FAREWELL), Some(0));
    house.dovecot.thaw();
    house.start();
    house.receive(PAN, &ask("bob@example.org", PAN, "t2@example.org"));
    house.wait_sent(2);
    assert_eq!(house.json(&["ledger", "verify"])[0]["ok"], true);
    assert_eq!(house.stop_within("TERM", FAREWELL), Some(0));
    assert_eq!(house.sink.mails().len(), 2);
}

#[test]
fn a_reload_while_the_relay_is_mute_leaves_no_mail_behind() {
    let mut house = House::new("acknowledge", unchanged);
    house.start();
    watched(&house);
    house.postfix.freeze();
    house.receive_locally(PAN, &ask("alice@example.org", PAN, "m1@example.org"));
    house.wait_recorded(1);
    house.signal("HUP");
    house.wait("it is taken", |house| house.log().contains("the new configuration is in force"));
    house.postfix.thaw();
    house.wait_sent(1);
    house.wait("settled", |house| house.json(&["requests"])[0]["acknowledgement"] == "sent");
    assert_eq!(house.stop("TERM"), Some(0));
}

#[test]
fn systemd_is_told_of_the_start_the_progress_and_the_end() {
    let mut house = House::new("observe", unchanged);
    let path = house.path("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let path = path.display().to_string();
    house.start_with(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "600000")]);
    let mut heard = String::new();
    let mut hears = |what: &str| {
        let there = wait_until(Duration::from_secs(10), || {
            let mut bytes = [0; 4_096];
            while let Ok(size) = socket.recv(&mut bytes) {
                heard.push_str(&text(&bytes[..size]));
                heard.push('\n');
            }
            heard.contains(what)
        });
        assert!(there, "{what} expected:\n{heard}");
        std::mem::take(&mut heard)
    };
    hears("READY=1");
    hears("WATCHDOG=1");
    hears("STATUS=");
    house.signal("HUP");
    let said = hears("RELOADING=1");
    assert!(said.contains("MONOTONIC_USEC=") || hears("READY=1").contains("READY=1"), "{said}");
    hears("WATCHDOG=1");
    house.signal("TERM");
    hears("STOPPING=1");
    assert_eq!(house.stop_within("CONT", FAREWELL), Some(0));
}

#[test]
fn the_log_holds_no_password_subject_body_or_address() {
    let mut house = House::new("acknowledge", unchanged);
    fs::write(house.path("etr"), "mauvaisMotDePasse\n").unwrap();
    // Whatever filter is asked for.
    let filter = "trace,async_imap::client=trace,lettre::transport=trace,sqlx::query=trace,rustls::client=trace";
    house.start_with(&[("RUST_LOG", filter)]);
    house.wait("the administrators are told", |house| !warnings(house).is_empty());
    fs::write(house.path("etr"), "etrangers\n").unwrap();
    house.signal("HUP");
    house.wait("it can be read", |house| house.json(&["status"]).iter().all(|m| m["last_scan"].is_string()));
    let secret = "ObjetTresPrive";
    for (number, to) in [PAN, ETR].iter().cycle().take(8).enumerate() {
        let from = format!("Zelie Confidente <zelie.privee{number}@example.org>");
        let message = mail(&from, to, &format!("s{number}@secret.example.org"), secret, "X-Champ: ChampPrive\n");
        house.receive(to, &message);
    }
    house.wait_sent(8);
    let reply = mail(
        &format!("PAN <{PAN}>"),
        "zelie.privee0@example.org",
        "r@prefecture.example.org",
        secret,
        "In-Reply-To: <s0@secret.example.org>\n",
    );
    house.dovecot.append(PAN, SENT, reply.replace('\n', "\r\n").as_bytes(), None, "\\Seen");
    let broken = format!("From: <zelie.privee9@example.org\r\nSubject: {secret}\r\n\r\nPouvez-vous m’aider ?\r\n");
    house.dovecot.append(PAN, "INBOX", broken.as_bytes(), None, "");
    house.wait_recorded(10);
    house.dovecot.kick(PAN);
    house.postfix.stop();
    house.receive_locally(PAN, &mail("zelie.privee7@example.org", PAN, "s99@secret.example.org", secret, ""));
    house.wait_recorded(11);
    house.wait("an attempt", |house| house.log().contains("next attempt at"));
    assert_eq!(house.stop("TERM"), Some(0));
    let log = house.log();
    assert!(log.lines().count() > 20, "a busy run says something");
    let words = [
        "pan secret",
        "mauvaisMotDePasse",
        "etrangers\\n",
        "zelie",
        "Zelie",
        "Confidente",
        secret,
        "ChampPrive",
        "m’aider",
        "@example.org",
        "@prefecture.example.org",
        "secret.example.org",
    ];
    for word in words {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word:?} is in the log: {}", line.unwrap_or_default());
    }
}
