//! The rules of the house, each a function from sources to findings.

use std::collections::BTreeSet;
use std::fmt;

use crate::source::{Mention, Place, Source, module_of};

/// The longest function, in lines.
pub const MAX_FUNCTION: usize = 70;
/// The longest file, its test module left out, in lines.
pub const MAX_FILE: usize = 800;
/// The longest `main.rs`, in lines.
pub const MAX_MAIN: usize = 40;

/// Which rooms a room may import, besides itself. Every top-level module is in this table.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("mail", &["domain"]),
    ("config", &["domain"]),
    ("store", &["domain"]),
    ("imap", &["domain"]),
    ("smtp", &["domain"]),
    ("report", &["domain"]),
    ("app", &["domain", "mail", "store", "report"]),
    ("web", &["domain", "app", "report"]),
    ("daemon", &["domain", "clock", "mail", "config", "store", "imap", "smtp", "report", "app", "web"]),
    ("cli", &["domain", "clock", "mail", "config", "store", "imap", "smtp", "report", "app", "web", "daemon"]),
    ("main", &["cli", "clock"]),
];

/// Rooms without input, output, time, chance or logs.
const PURE: [&str; 2] = ["domain", "mail"];
/// What a pure room may not name, by the beginning of the path.
const IMPURE_PATHS: &[&[&str]] = &[
    &["tokio"],
    &["tokio_util"],
    &["futures_util"],
    &["async_imap"],
    &["sqlx"],
    &["tracing"],
    &["log"],
    &["getrandom"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
];
/// What a pure room may not write to.
const IMPURE_MACROS: [&str; 5] = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
/// Types whose `now` reads the clock.
const CLOCKS: [&str; 4] = ["Utc", "Local", "SystemTime", "Instant"];
/// Functions that wait.
const WAITS: [&str; 5] = ["sleep", "sleep_until", "sleep_ms", "park_timeout", "interval"];
/// Calls that end the program or a task.
const ABRUPT: [&str; 8] =
    ["unwrap", "expect", "unwrap_err", "expect_err", "panic!", "todo!", "unimplemented!", "unreachable!"];
/// What a room's head comment says.
const HEADINGS: [&str; 3] = ["*Owns*", "*May import*", "*Start reading*"];

/// A rule broken somewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, from `src/`.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.path, self.line, self.what)
    }
}

fn found(source: &Source, at: Place, what: String) -> Finding {
    Finding { path: source.path.clone(), line: at.line, what }
}

/// Imports that the house's plan does not draw, in tests too.
pub fn forbidden_arrows(source: &Source) -> Vec<Finding> {
    let room = source.room();
    if room == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        let what = format!("`{room}` is not a room of the plan; add it to ARROWS with what it may import");
        return vec![Finding { path: source.path.clone(), line: 1, what }];
    };
    let mut findings = Vec::new();
    for mention in &source.mentions {
        let Some(target) = target_room(mention) else { continue };
        if target == "*" {
            let what = "imports the whole crate; name the room instead".to_owned();
            findings.push(found(source, mention.at, what));
        } else if target != room && is_room(&target) && !allowed.contains(&target.as_str()) {
            let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            let path = mention.segments.join("::");
            let what = format!(
                "`{path}`: {room} may import {may}, not {target}; move the code, or pass the value in as an argument"
            );
            findings.push(found(source, mention.at, what));
        }
    }
    findings
}

fn is_room(name: &str) -> bool {
    ARROWS.iter().any(|(room, _)| *room == name)
}

/// The top-level module that a path leads to, when it leaves from `crate`, `super`, `self` or the library's name.
fn target_room(mention: &Mention) -> Option<String> {
    let mut module = mention.within.clone();
    let mut segments = mention.segments.iter().map(String::as_str).peekable();
    match segments.next()? {
        "crate" | "vigie" => module.clear(),
        "self" => {}
        "super" => {
            module.pop();
            while segments.next_if_eq(&"super").is_some() {
                module.pop();
            }
        }
        _ => return None,
    }
    let rest = segments.filter(|segment| *segment != "self").map(str::to_owned);
    module.extend(rest);
    module.into_iter().next()
}

/// Readings of the system's clock outside `clock.rs`, in tests too.
pub fn clock_reads(source: &Source) -> Vec<Finding> {
    if source.path == "clock.rs" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for mention in &source.mentions {
        let last = mention.segments.last().map(String::as_str).unwrap_or_default();
        let of_clock = |name: &String| CLOCKS.contains(&name.as_str());
        let reads = last == "now" && mention.segments.iter().rev().nth(1).is_some_and(of_clock);
        if reads || (mention.renamed.is_some() && CLOCKS.contains(&last)) {
            let path = mention.segments.join("::");
            let what = format!("`{path}` reads the clock, or hides that it does; take `now` as a parameter");
            findings.push(found(source, mention.at, what));
        }
    }
    for call in source.calls.iter().filter(|call| call.name == "elapsed") {
        let what = "`elapsed` reads the clock; subtract two instants that were passed in".to_owned();
        findings.push(found(source, call.at, what));
    }
    findings
}

/// Waiting outside the daemon, in tests too.
pub fn waits(source: &Source) -> Vec<Finding> {
    if source.room() == "daemon" {
        return Vec::new();
    }
    let waiting = source.mentions.iter().filter(|mention| {
        let [.., module, name] = mention.segments.as_slice() else { return false };
        ["time", "thread"].contains(&module.as_str()) && WAITS.contains(&name.as_str())
    });
    waiting
        .map(|mention| {
            let path = mention.segments.join("::");
            found(source, mention.at, format!("`{path}` waits; return when to come back, the daemon waits"))
        })
        .collect()
}

/// Functions that are too long, tests included.
pub fn long_functions(source: &Source) -> Vec<Finding> {
    let long = source.functions.iter().filter(|function| function.lines > MAX_FUNCTION);
    long.map(|function| {
        let (name, lines) = (&function.name, function.lines);
        let what =
            format!("`{name}` has {lines} lines, {MAX_FUNCTION} are the most; keep the branches, move the leaves out");
        found(source, function.at, what)
    })
    .collect()
}

/// Files that are too long without their test module.
pub fn long_files(source: &Source) -> Vec<Finding> {
    let lines = source.lines.saturating_sub(source.test_lines);
    let (most, advice) = if source.path == "main.rs" {
        (MAX_MAIN, "main hands its arguments to cli and returns its exit code")
    } else {
        (MAX_FILE, "split it by what its parts own")
    };
    if lines <= most {
        return Vec::new();
    }
    let what = format!("{lines} lines without tests, {most} are the most; {advice}");
    vec![Finding { path: source.path.clone(), line: 1, what }]
}

/// Calls that panic, outside tests.
pub fn abrupt_ends(source: &Source) -> Vec<Finding> {
    let calls = source.calls.iter().filter(|call| ABRUPT.contains(&call.name.as_str()));
    let calls = calls.map(|call| (call.at, call.name.clone()));
    // `Option::unwrap` as a function.
    let paths = source.mentions.iter().filter(|mention| {
        mention.segments.len() > 1 && mention.segments.last().is_some_and(|last| ABRUPT.contains(&last.as_str()))
    });
    let paths = paths.map(|mention| (mention.at, mention.segments.join("::")));
    calls
        .chain(paths)
        .filter(|(at, _)| !at.in_test)
        .map(|(at, name)| found(source, at, format!("`{name}` ends the task; return an error that names what failed")))
        .collect()
}

/// Waiting, input, output, chance and logs in a pure room, outside tests.
pub fn impurities(source: &Source) -> Vec<Finding> {
    if !PURE.contains(&source.room()) {
        return Vec::new();
    }
    let room = source.room();
    let asyncs = source.asyncs.iter().map(|word| (word.at, word.name.clone()));
    let macros = source.calls.iter().filter(|call| IMPURE_MACROS.contains(&call.name.as_str()));
    let macros = macros.map(|call| (call.at, call.name.clone()));
    let paths = source.mentions.iter().filter(|mention| IMPURE_PATHS.iter().any(|path| begins(mention, path)));
    let paths = paths.map(|mention| (mention.at, mention.segments.join("::")));
    asyncs
        .chain(macros)
        .chain(paths)
        .filter(|(at, _)| !at.in_test)
        .map(|(at, name)| {
            found(source, at, format!("`{name}`: {room} is pure; return a value and let a shell act on it"))
        })
        .collect()
}

fn begins(mention: &Mention, path: &[&str]) -> bool {
    let segments: Vec<&str> = mention.segments.iter().map(String::as_str).collect();
    // A lone `log` or `tokio` is a variable or a word inside a macro, not a crate.
    segments.len() > 1 && segments.starts_with(path)
}

/// Files that no `mod` declares.
pub fn dead_files(sources: &[Source]) -> Vec<Finding> {
    let declared: BTreeSet<Vec<String>> =
        sources.iter().flat_map(|source| &source.declared).map(|module| module.module.clone()).collect();
    let dead = sources.iter().filter(|source| {
        let module = module_of(&source.path);
        !module.is_empty() && !declared.contains(&module)
    });
    dead.map(|source| {
        let what = "no `mod` declares this file, so it is not compiled; declare it or remove it".to_owned();
        Finding { path: source.path.clone(), line: 1, what }
    })
    .collect()
}

/// Rooms that do not say what they own, what they may import and where to start reading.
pub fn silent_rooms(source: &Source) -> Vec<Finding> {
    let is_head = source.path.strip_suffix("/mod.rs").is_some_and(|room| !room.contains('/'));
    if !is_head {
        return Vec::new();
    }
    let missing: Vec<&str> = HEADINGS.into_iter().filter(|heading| !source.head.contains(heading)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let what = format!("the head comment of this room lacks {}", missing.join(", "));
    vec![Finding { path: source.path.clone(), line: 1, what }]
}
