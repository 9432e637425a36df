//! The house cannot drift: these tests read the sources and name file, line and what to do.
//!
//! Each rule is tried on the sources under `src/`, and on a few lines that break it.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::path::Path;
use std::sync::LazyLock;

use rules::Finding;
use source::{Source, read_all};

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));

/// Fails with every finding of `rule` on the sources.
fn holds(rule: impl Fn(&Source) -> Vec<Finding>) {
    none(&SOURCES.iter().flat_map(rule).collect::<Vec<_>>());
}

fn none(findings: &[Finding]) {
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{} findings:\n{}", said.len(), said.join("\n"));
}

/// The lines on which `rule` finds something in `text`, taken for the file `path`.
fn lines(rule: impl Fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    rule(&Source::parse(path, text)).iter().map(|finding| finding.line).collect()
}

#[test]
fn imports_run_strictly_downward() {
    holds(rules::forbidden_arrows);
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let rule = |path: &str, text: &str| lines(rules::forbidden_arrows, path, text);
    assert_eq!(rule("domain/calendar.rs", "use crate::mail::parse;\nuse crate::domain::request::Id;\n"), [1]);
    assert_eq!(rule("domain/calendar.rs", "use crate::{\n    domain::verdict,\n    store,\n};\n"), [3]);
    assert_eq!(rule("domain/calendar.rs", "fn f() {\n    crate::store::save();\n}\n"), [2]);
    assert_eq!(rule("domain/calendar.rs", "fn f() {\n    println!(\"{}\", crate::store::NAME);\n}\n"), [2]);
    assert_eq!(rule("domain/calendar.rs", "use super::super::clock;\nuse super::request;\n"), [1]);
    assert_eq!(rule("domain/mod.rs", "use super::mail;\nuse self::request::Id;\n"), [1]);
    assert_eq!(rule("domain/calendar.rs", "mod inner {\n    use super::super::super::app;\n}\n"), [2]);
    assert_eq!(rule("imap/session.rs", "type T = crate::smtp::Outcome;\npub(crate) struct S;\n"), [1]);
    assert_eq!(rule("web/mod.rs", "use crate::app;\nuse crate::report;\nuse crate::store;\n"), [3]);
    assert_eq!(rule("app/ingest.rs", "use crate::clock;\n"), [1]);
    assert_eq!(rule("daemon/mod.rs", "use crate::clock;\nuse crate::cli;\n"), [2]);
    assert_eq!(rule("cli/run.rs", "use crate::daemon;\nuse crate::clock;\n"), [0; 0]);
    assert_eq!(rule("mail/parse.rs", "use crate::*;\n"), [1]);
    assert_eq!(rule("main.rs", "fn main() {\n    vigie::daemon::run();\n    vigie::cli::main();\n}\n"), [2]);
    assert_eq!(rule("kitchen/mod.rs", ""), [1]);
    assert_eq!(rule("mail/parse.rs", "#[cfg(test)]\nmod tests {\n    use crate::app;\n}\n"), [3]);
}

#[test]
fn only_clock_reads_the_clock() {
    holds(rules::clock_reads);
}

#[test]
fn a_reading_of_the_clock_is_found_however_it_is_written() {
    let rule = |path: &str, text: &str| lines(rules::clock_reads, path, text);
    for read in ["chrono::Utc::now()", "Local::now()", "std::time::SystemTime::now()", "Instant::now()"] {
        assert_eq!(rule("app/tick.rs", &format!("fn f() {{\n    g({read});\n}}\n")), [2], "{read}");
        assert_eq!(rule("app/tick.rs", &format!("fn f() {{\n    m!({read});\n}}\n")), [2], "{read} in a macro");
        assert_eq!(rule("clock.rs", &format!("fn f() {{\n    g({read});\n}}\n")), [0; 0], "{read} in clock.rs");
    }
    assert_eq!(rule("app/tick.rs", "fn f() {\n    g(Utc::now);\n}\n"), [2]);
    assert_eq!(rule("app/tick.rs", "use std::time::Instant as Moment;\n"), [1]);
    assert_eq!(rule("app/tick.rs", "fn f(since: Instant) {\n    since.elapsed();\n}\n"), [2]);
    assert_eq!(rule("app/tick.rs", "fn f(now: DateTime<Utc>) {\n    g(now);\n}\n"), [0; 0]);
}

#[test]
fn only_the_daemon_waits() {
    holds(rules::waits);
}

#[test]
fn a_wait_is_found_however_it_is_written() {
    let rule = |path: &str, text: &str| lines(rules::waits, path, text);
    assert_eq!(rule("imap/session.rs", "use tokio::time::sleep;\n"), [1]);
    assert_eq!(rule("imap/session.rs", "async fn f() {\n    tokio::time::sleep(d).await;\n}\n"), [2]);
    assert_eq!(rule("store/turn.rs", "use std::thread;\nfn f() {\n    thread::sleep(d);\n}\n"), [3]);
    assert_eq!(rule("imap/session.rs", "async fn f() {\n    tokio::select! { _ = time::sleep(d) => {} }\n}\n"), [2]);
    assert_eq!(rule("imap/session.rs", "async fn f() {\n    tokio::time::timeout(d, g()).await;\n}\n"), [0; 0]);
    assert_eq!(rule("daemon/mod.rs", "use tokio::time::sleep;\n"), [0; 0]);
}

#[test]
fn functions_fit_on_a_screen() {
    holds(rules::long_functions);
}

#[test]
fn a_long_function_is_found_in_impls_and_traits_too() {
    let body = |lines: usize| format!("fn long() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    let rule = |text: &str| lines(rules::long_functions, "app/tick.rs", text);
    assert_eq!(rule(&body(rules::MAX_FUNCTION)), [0; 0]);
    assert_eq!(rule(&body(rules::MAX_FUNCTION + 1)), [1]);
    assert_eq!(rule(&format!("impl A {{\n{}}}\n", body(rules::MAX_FUNCTION + 1))), [2]);
    assert_eq!(rule(&format!("trait A {{\n\n{}}}\n", body(rules::MAX_FUNCTION + 1))), [3]);
}

#[test]
fn files_are_short() {
    holds(rules::long_files);
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let code = |lines: usize| "const A: u8 = 1;\n".repeat(lines);
    let rule = |path: &str, text: &str| lines(rules::long_files, path, text);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code(200));
    assert_eq!(rule("app/tick.rs", &(code(rules::MAX_FILE) + &tests)), [0; 0]);
    assert_eq!(rule("app/tick.rs", &(code(rules::MAX_FILE + 1) + &tests)), [1]);
    assert_eq!(rule("main.rs", &code(rules::MAX_MAIN)), [0; 0]);
    assert_eq!(rule("main.rs", &code(rules::MAX_MAIN + 1)), [1]);
}

#[test]
fn nothing_panics_outside_tests() {
    holds(rules::abrupt_ends);
}

#[test]
fn a_panic_is_found_however_it_is_written() {
    let rule = |text: &str| lines(rules::abrupt_ends, "app/tick.rs", text);
    for call in ["a.unwrap()", "a.expect(\"b\")", "panic!()", "todo!()", "unimplemented!()", "a.map(Option::unwrap)"] {
        assert_eq!(rule(&format!("fn f() {{\n    {call};\n}}\n")), [2], "{call}");
        assert_eq!(rule(&format!("fn f() {{\n    m!({call});\n}}\n")), [2], "{call} in a macro");
        assert_eq!(
            rule(&format!("#[cfg(test)]\nmod tests {{\n    fn f() {{ {call}; }}\n}}\n")),
            [0; 0],
            "{call} in a test"
        );
        assert_eq!(rule(&format!("#[cfg(not(test))]\nfn f() {{\n    {call};\n}}\n")), [3], "{call} outside tests");
    }
    assert_eq!(rule("fn f() {\n    a.unwrap_or_default();\n    assert!(b != c);\n}\n"), [0; 0]);
}

#[test]
fn domain_and_mail_are_pure() {
    holds(rules::impurities);
}

#[test]
fn an_impurity_is_found_in_the_pure_rooms_only() {
    let rule = |path: &str, text: &str| lines(rules::impurities, path, text);
    for line in [
        "use tokio::sync::Mutex;",
        "use sqlx::Row;",
        "use std::{fmt, fs::File};",
        "use std::env;",
        "fn f(a: std::net::IpAddr) {}",
        "fn f() { tracing::info!(\"a\"); }",
        "fn f() { println!(\"a\"); }",
        "fn f() { m!(std::fs::read(a)); }",
        "async fn f() {}",
        "fn f() { g(async { 1 }); }",
        "fn f() { m!(a.await); }",
    ] {
        let text = format!("\n{line}\n");
        let found = rule("domain/alert.rs", &text);
        assert!(!found.is_empty() && found.iter().all(|at| *at == 2), "{line}: {found:?}");
        assert!(!rule("mail/parse.rs", &text).is_empty(), "{line}");
        assert_eq!(rule("smtp/session.rs", &text), [0; 0], "{line}");
    }
    assert_eq!(rule("domain/alert.rs", "use std::fmt;\nfn f(log: u8) -> u8 { m!(log) }\n"), [0; 0]);
}

#[test]
fn every_file_is_compiled() {
    none(&rules::dead_files(&SOURCES));
}

#[test]
fn a_file_that_nobody_declares_is_found() {
    let sources = [
        Source::parse("lib.rs", "pub mod domain;\n"),
        Source::parse("main.rs", "fn main() {}\n"),
        Source::parse("domain/mod.rs", "mod request;\n#[cfg(test)]\nmod tests;\n"),
        Source::parse("domain/request.rs", ""),
        Source::parse("domain/tests.rs", ""),
        Source::parse("domain/forgotten.rs", ""),
    ];
    let dead: Vec<String> = rules::dead_files(&sources).into_iter().map(|finding| finding.path).collect();
    assert_eq!(dead, ["domain/forgotten.rs"]);
}

#[test]
fn every_room_says_what_it_owns_what_it_may_import_and_where_to_start() {
    holds(rules::silent_rooms);
}

#[test]
fn a_silent_room_is_found() {
    let rule = |path: &str, text: &str| lines(rules::silent_rooms, path, text);
    assert_eq!(rule("app/mod.rs", "//! *Owns* a. *May import* b. *Start reading* at c.\n"), [0; 0]);
    assert_eq!(rule("app/mod.rs", "//! *Owns* a. *May import* b.\n"), [1]);
    assert_eq!(rule("app/mod.rs", "// *Owns* a. *May import* b. *Start reading* at c.\n"), [1]);
    assert_eq!(rule("app/inner/mod.rs", ""), [0; 0]);
}
