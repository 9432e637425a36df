//! What users of other desk software suffered from, each with the test that keeps it from happening here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

use std::fs;
use std::path::Path;

/// The cases of the family A, on acknowledgements and loops.
const CASES: usize = 30;

/// Whether what a line of the table names exists: `file.rs::test`, or a message of the corpus that is judged.
fn exists(place: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some((file, name)) = place.split_once("::") {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        let heads = ["#[test]\n", "#[tokio::test]\n", "#[tokio::test(flavor = \"multi_thread\")]\n"];
        let named = |head: &str| {
            ["fn ", "async fn "].iter().any(|kind| {
                let (outside, inside) = (format!("{head}{kind}{name}("), format!("{head}    {kind}{name}("));
                source.contains(&outside) || source.contains(&inside)
            })
        };
        heads.into_iter().any(named)
    } else {
        let expected = fs::read_to_string(root.join("tests/corpus/expected.tsv")).unwrap();
        let name = Path::new(place).file_name().unwrap().to_str().unwrap();
        root.join(place).is_file() && expected.contains(name.trim_end_matches(".eml"))
    }
}

#[test]
fn every_case_names_a_test_that_exists() {
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer_cases/a.tsv")).unwrap();
    let lines: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), CASES);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line[0], format!("A{}", index + 1));
        assert!(exists(line[2]), "{}: {} is no test", line[0], line[2]);
    }
}

#[test]
fn a_test_that_is_not_there_is_found_missing() {
    assert!(!exists("tests/judge.rs::a_test_that_nobody_wrote") && !exists("tests/corpus/nobody.eml"));
}
