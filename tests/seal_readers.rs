//! Two readers of seals, vigie's and the verifier that stands alone: whatever a note looks like, they say the same of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use vigie::domain::ledger::Head;
use vigie::domain::seal::{KeyRing, SealKey};

const ORIGIN: &str = "prefecture.example.org/vigie";
/// Reads lines of JSON `[trusted key, rotations, note]`; says the size that the note seals, or `null`.
const ALONE: &str = "
import json, sys
sys.path.insert(0, sys.argv[1])
import vigie_verify as v
for line in sys.stdin:
    key, rotations, note = json.loads(line)
    try:
        print(v.read_seal(note, v.key_ring(v.read_key(key), rotations))[0])
    except v.Wrong:
        print('null')
";

/// A question to both.
struct Case {
    what: String,
    trusted: SealKey,
    rotations: Vec<String>,
    note: String,
}

fn key(secret: u8) -> SealKey {
    SealKey::new(ORIGIN, &[secret; 32])
}

fn head(seq: i64) -> Head {
    Head { seq, hash: "5b".repeat(32) }
}

fn case(what: impl Into<String>, rotations: &[&String], note: impl Into<String>) -> Case {
    let rotations = rotations.iter().map(|rotation| (*rotation).clone()).collect();
    Case { what: what.into(), trusted: key(1), rotations, note: note.into() }
}

/// The note with a bit of its octet at a place changed, the octet doubled and taken away.
fn mangled(note: &str) -> impl Iterator<Item = Case> + '_ {
    (0..note.len()).flat_map(move |at| {
        let mut changed = note.as_bytes().to_vec();
        changed[at] ^= 1 << (at % 7);
        let without = [&note.as_bytes()[..at], &note.as_bytes()[at + 1..]].concat();
        let doubled = [&note.as_bytes()[..=at], &note.as_bytes()[at..]].concat();
        let texts = [changed, without, doubled].into_iter().filter_map(|octets| String::from_utf8(octets).ok());
        texts.map(move |text| case(format!("octet {at}"), &[], text))
    })
}

/// Notes that are not what they seem.
fn odd() -> Vec<Case> {
    let (old, new, third) = (key(1), key(2), key(3));
    let other = SealKey::new("prefecture.example.org/autre", &[1; 32]);
    let note = old.seal(&head(7));
    let (text, signature) = note.split_once("\n\n").unwrap();
    let rotation = old.hand_over(&new, &head(10));
    let (rotation_text, signatures) = rotation.split_once("\n\n").unwrap();
    let half = format!("{rotation_text}\n\n{}\n", signatures.lines().next().unwrap());
    let further = new.hand_over(&third, &head(20));
    let renamed = old.hand_over(&other, &head(10));
    let noise = |count: usize| "\u{2014} somebody AAAAAAAA\n".repeat(count);
    vec![
        case("a seal", &[], &note),
        case("a seal of an empty ledger", &[], old.seal(&head(0))),
        case("another key of the same name", &[], new.seal(&head(7))),
        case("another ledger", &[], other.seal(&head(7))),
        case(
            "another ledger's name over the key's signature",
            &[],
            note.replacen(ORIGIN, "prefecture.example.org/autre", 1),
        ),
        case("after a rotation", &[&rotation], new.seal(&head(11))),
        case("after two rotations, out of order", &[&further, &rotation], third.seal(&head(21))),
        case("a retired key, later", &[&rotation], old.seal(&head(11))),
        case("a retired key, at its last entry", &[&rotation], old.seal(&head(10))),
        case("a retired key in the middle, later", &[&rotation, &further], new.seal(&head(21))),
        case("a rotation as a seal", &[&rotation], &rotation),
        case("half a rotation", &[&half], new.seal(&head(11))),
        case("half a rotation as a seal", &[&half], &half),
        case("a rotation to another name", &[&renamed], other.seal(&head(11))),
        case("a rotation to another name, as a seal", &[&renamed], &renamed),
        // Signed by the trusted key, and of the ledger of another name.
        Case { trusted: other.clone(), ..case("another origin than the key's name", &[], &renamed) },
        case("a seal given as a rotation", &[&note], &note),
        case("no rotation at all", &[&"rotation\na\nb\nrotation a b\n".to_owned()], &note),
        case("signatures of others", &[], format!("{text}\n\n{}{signature}", noise(99))),
        case("too many signatures of others", &[], format!("{text}\n\n{}{signature}", noise(100))),
        case("a short signature of others", &[], format!("{text}\n\n\u{2014} somebody AAA=\n{signature}")),
        case("signed twice", &[], format!("{note}{signature}")),
        case("no signature", &[], format!("{text}\n\n")),
        case("no empty line", &[], format!("{text}\n{signature}")),
        case("two notes in one", &[], format!("{note}\n{note}")),
        case("more words", &[], note.replacen(" prefecture", "  prefecture", 1)),
        case("a longer signature", &[], note.trim_end().to_owned() + "AAAA\n"),
        case("a hyphen for the dash", &[], note.replacen('\u{2014}', "-", 1)),
        case("a tab", &[], note.replacen(ORIGIN, &format!("{ORIGIN}\t"), 1)),
        case("an empty file", &[], ""),
        case("a line", &[], "\n"),
        case("two lines", &[], "\n\n"),
        case("a long note", &[], format!("{}\n{note}", "x".repeat(17 * 1024))),
    ]
}

/// What the verifier that stands alone says of each.
fn alone(cases: &[Case]) -> Vec<Option<i64>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/verify");
    let mut child = Command::new("python3")
        .args(["-B", "-c", ALONE])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = child.stdin.take().unwrap();
    let reader = std::thread::spawn(move || child.wait_with_output().unwrap());
    for Case { trusted, rotations, note, .. } in cases {
        writeln!(input, "{}", serde_json::json!([trusted.verifier().encode(), rotations, note])).unwrap();
    }
    drop(input);
    let output = reader.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn both_readers_say_the_same_of_every_note() {
    let rotation = key(1).hand_over(&key(2), &head(10));
    let mut cases = odd();
    cases.extend(mangled(&key(1).seal(&head(7))));
    cases.extend(mangled(&rotation));
    let answers = alone(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut believed = 0;
    for (Case { what, trusted, rotations, note }, alone) in cases.iter().zip(answers) {
        let own = KeyRing::new(trusted.verifier(), rotations).open(note).ok().map(|seal| seal.head.seq);
        assert_eq!(own, alone, "{what}: {note:?}");
        believed += usize::from(own.is_some());
    }
    // A rotation is believed for its first signature: what becomes of the second is another key's affair.
    assert!((10..cases.len() / 2).contains(&believed), "{believed} of {} are believed", cases.len());
}
