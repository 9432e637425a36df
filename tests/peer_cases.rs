//! Every case of `peer_cases/b.md` and `c.md` is there, and every test or scenario that they name exists.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

const MAIL: &str = include_str!("peer_cases/b.md");
const CLOCK: &str = include_str!("peer_cases/c.md");

/// The rows: the case, and what is said of it.
fn rows(table: &str) -> Vec<(String, String)> {
    let cells = |line: &str| {
        let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        (cells[0].clone(), cells[1].clone())
    };
    table.lines().filter(|line| ["| B", "| C", "| D"].iter().any(|head| line.starts_with(head))).map(cells).collect()
}

/// The functions that bear `#[test]` or `#[tokio::test]`, or are listed for both databases.
fn tests_of(folder: &Path, found: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            tests_of(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let listed = text.split_once("on_both!(\n").and_then(|(_, rest)| rest.split_once(");"));
            found.extend(listed.into_iter().flat_map(|(list, _)| list.split(',')).map(|name| name.trim().to_owned()));
            for (at, line) in lines.iter().enumerate() {
                let marked = lines[at.saturating_sub(3)..at]
                    .iter()
                    .any(|above| above.contains("test") && above.starts_with("#["));
                let name =
                    line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                found.extend(name.filter(|_| marked).map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_case_is_there_once() {
    let cases = |table| rows(table).into_iter().map(|(case, _)| case).collect::<Vec<_>>();
    let expected = (1..=51).map(|n| format!("B{n}")).chain((1..=10).map(|n| format!("D{n}")));
    assert_eq!(cases(MAIL), expected.collect::<Vec<_>>());
    let expected = (1..=43).map(|n| format!("C{n}")).chain((11..=16).map(|n| format!("D{n}")));
    assert_eq!(cases(CLOCK), expected.collect::<Vec<_>>());
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    tests_of(&root.join("tests"), &mut known);
    tests_of(&root.join("src"), &mut known);
    for scenario in fs::read_dir(root.join("tests/scenarios")).unwrap() {
        known.insert(scenario.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
    }
    for (case, said) in rows(MAIL).into_iter().chain(rows(CLOCK)) {
        let named: Vec<&str> = said.split('`').skip(1).step_by(2).filter(|name| name.contains('_')).collect();
        for name in &named {
            assert!(known.contains(*name), "{case} names the test {name}, which does not exist");
        }
        let excused = ["Cannot apply", "Still to come", "Measured"].iter().any(|excuse| said.starts_with(excuse));
        assert!(excused || !named.is_empty(), "{case} has neither a test nor a reason");
    }
}
