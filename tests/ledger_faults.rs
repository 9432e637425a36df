//! Ten thousand ways to tamper with a ledger of a thousand entries, given one earlier seal: every one is found, by vigie
//! and by the verifier that stands alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use support::app::{Vigie, at, message};
use support::generator::Random;
use vigie::app::export;
use vigie::app::verify::chain::Chain;
use vigie::app::verify::verify;
use vigie::domain::ledger::{Head, LedgerEntry};
use vigie::domain::seal::{Seal, SealKey};
use vigie::store::Store;

/// Entries that the seal covers.
const SEALED: usize = 1_000;
/// Faults that are tried on the chain itself.
const FAULTS: usize = 10_000;
/// Faults that are put into a database and looked for by the whole verification.
const FAULTS_IN_STORE: usize = 60;
/// What makes the sample the one it is; printed with each failure.
const SEED: u64 = 6;

/// A ledger as somebody left it, by how it differs from the true one, with the head that the store would show.
struct Tampered {
    what: &'static str,
    /// The first entry that may differ.
    from: usize,
    /// How many true entries are gone from there on.
    cut: usize,
    /// What stands there instead.
    put: Vec<LedgerEntry>,
    head: Head,
}

impl Tampered {
    /// The entries from the first that may differ on.
    fn tail<'a>(&'a self, truth: &'a [LedgerEntry]) -> impl Iterator<Item = &'a LedgerEntry> {
        self.put.iter().chain(&truth[self.from + self.cut..])
    }
}

/// A real ledger: requests received, acknowledged, settled.
async fn ledger() -> (Vigie, Vec<LedgerEntry>, Seal, String) {
    let mut vigie = Vigie::new(|office| {
        for mailbox in &mut office.mailboxes {
            mailbox.limits.per_domain_per_hour = u32::MAX;
            mailbox.limits.per_mailbox_per_hour = u32::MAX;
        }
    })
    .await;
    let address = vigie.address();
    let mut sealed = None;
    let mut number = 0_i64;
    loop {
        let minute = number * 30;
        let from = format!("Élodie Exemple <usager{number}@example.org>");
        let id = format!("m{number}@example.org");
        vigie.receive(&[message(&from, &address, &id, "Titre de séjour")], at(minute)).await;
        vigie.send_all(at(minute) + TimeDelta::seconds(5)).await;
        number += 1;
        let head = vigie.store.head().await.unwrap();
        let length = usize::try_from(head.seq).unwrap();
        if length >= SEALED && sealed.is_none() {
            let key = key();
            let note = key.seal(&head);
            sealed = Some((key.verifier().open(&note).unwrap(), note));
        }
        if length >= SEALED + 40 {
            break;
        }
    }
    let entries = vigie.store.ledger_after(0).await.unwrap();
    let (seal, note) = sealed.unwrap();
    assert_eq!(i64::try_from(entries.len()).unwrap(), vigie.store.head().await.unwrap().seq, "one page holds all");
    (vigie, entries, seal, note)
}

fn key() -> SealKey {
    SealKey::new("prefecture.example.org/vigie", &[6; 32])
}

/// Gives the entries that follow an entry their numbers, links and hashes anew, so that the chain holds again.
fn rechain(before: Head, entries: &mut [LedgerEntry]) {
    let Head { mut seq, mut hash } = before;
    for entry in entries {
        seq += 1;
        entry.seq = seq;
        entry.previous.clone_from(&hash);
        entry.hash = entry.expected_hash();
        hash.clone_from(&entry.hash);
    }
}

fn head_of(entries: &[LedgerEntry]) -> Head {
    entries.last().map_or_else(Head::default, |last| Head { seq: last.seq, hash: last.hash.clone() })
}

/// Changes one octet of one column of an entry.
fn change_octet(random: &mut Random, entry: &mut LedgerEntry) -> &'static str {
    let column = random.below(9);
    let (what, text) = match column {
        0 => {
            entry.seq += [1, -1, 256][usize::try_from(random.below(3)).unwrap()];
            return "a place";
        }
        1 => {
            entry.occurred_at += TimeDelta::milliseconds(1 << random.below(30));
            return "an instant";
        }
        2 => {
            entry.recorded_at -= TimeDelta::milliseconds(1 << random.below(30));
            return "a recording";
        }
        3 => ("a kind", &mut entry.kind),
        4 => ("a link", &mut entry.previous),
        5 => ("a hash", &mut entry.hash),
        6 if entry.mailbox.is_some() => ("a mailbox", entry.mailbox.as_mut().unwrap()),
        7 if entry.request.is_some() => ("a reference", entry.request.as_mut().unwrap()),
        _ => ("a payload", &mut entry.payload),
    };
    let places: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii()).map(|(at, _)| at).collect();
    let at = places[usize::try_from(random.below(u32::try_from(places.len()).unwrap())).unwrap()];
    let octet = text.as_bytes()[at];
    match random.below(3) {
        0 => text.replace_range(at..=at, ""),
        1 => text.insert(at, 'x'),
        _ => text.replace_range(at..=at, if octet == b'7' { "8" } else { "7" }),
    }
    what
}

/// One fault of the sample; `None` where it would change nothing.
fn tamper(random: &mut Random, truth: &[LedgerEntry]) -> Option<Tampered> {
    let below =
        |random: &mut Random, limit: usize| usize::try_from(random.below(u32::try_from(limit).unwrap())).unwrap();
    let from = below(random, SEALED - 1);
    let (mut what, mut cut, mut put) = match random.below(5) {
        0 | 1 => {
            let mut entry = truth[from].clone();
            let what = change_octet(random, &mut entry);
            (what, 1, vec![entry])
        }
        2 => ("a deletion", 1, Vec::new()),
        3 => {
            let other = from + 1 + below(random, SEALED - 1 - from);
            let mut swapped = truth[from..=other].to_vec();
            let last = swapped.len() - 1;
            swapped.swap(0, last);
            ("a swap", swapped.len(), swapped)
        }
        _ => {
            let forged = truth[below(random, SEALED)].clone();
            ("an insertion", 0, vec![LedgerEntry { payload: "{\"by\":\"personne\"}".into(), ..forged }])
        }
    };
    match random.below(16) {
        0 | 1 => {
            put.extend_from_slice(&truth[from + cut..]);
            rechain(head_of(&truth[..from]), &mut put);
            (what, cut) = ("a change that mends the chain", truth.len() - from);
        }
        2 => (what, cut, put) = ("a truncation", truth.len() - from, Vec::new()),
        _ => {}
    }
    if put == truth[from..from + cut] {
        return None;
    }
    // Whoever can write the ledger can write its head too.
    let last = put.last().filter(|_| from + cut == truth.len());
    let left = if from + cut == truth.len() { &truth[..from] } else { truth };
    let head = last.map_or_else(|| head_of(left), |last| Head { seq: last.seq, hash: last.hash.clone() });
    Some(Tampered { what, from, cut, put, head })
}

/// What the walk finds, begun where the ledger may differ.
fn walk(prefixes: &[Chain], truth: &[LedgerEntry], fault: &Tampered) -> Option<String> {
    let mut chain = prefixes[fault.from].clone();
    let broken = fault.tail(truth).find_map(|entry| chain.step(entry).err());
    broken.or_else(|| chain.end(&fault.head).err())
}

/// The faults of the sample, one after the other.
fn sample(truth: &[LedgerEntry]) -> impl Iterator<Item = Tampered> {
    let mut random = Random(SEED);
    std::iter::from_fn(move || std::iter::from_fn(|| Some(tamper(&mut random, truth))).flatten().next()).take(FAULTS)
}

/// The chain after each number of entries.
fn prefixes(truth: &[LedgerEntry], seal: &Seal) -> Vec<Chain> {
    let mut chain = Chain::new(std::slice::from_ref(seal));
    let mut all = vec![chain.clone()];
    for entry in truth {
        chain.step(entry).expect("the truth holds");
        all.push(chain.clone());
    }
    chain.end(&head_of(truth)).expect("the truth ends well");
    all
}

/// The verifier that stands alone, asked about each fault and at last about the truth: its answers, and vigie's own.
fn ask_both(truth: &[LedgerEntry], seal: &Seal, note: &str) -> Vec<(String, Option<String>, Option<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, kept) = (folder.path().join("registre.txt"), folder.path().join("kept.seal"));
    let lines: Vec<String> = truth.iter().map(export::line).collect();
    std::fs::write(&ledger, lines.concat()).unwrap();
    std::fs::write(&kept, note).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(root.join("tests/ledger_faults/faults.py"))
        .args([root.join("deploy/verify/vigie_verify.py"), ledger])
        .arg(key().verifier().encode())
        .arg(&kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    let reader = std::thread::spawn(move || child.wait_with_output().unwrap());
    let prefixes = prefixes(truth, seal);
    let mut asked = Vec::new();
    let untouched = Tampered { what: "nothing", from: 0, cut: 0, put: Vec::new(), head: head_of(truth) };
    for (number, fault) in sample(truth).chain([untouched]).enumerate() {
        let put: Vec<String> = fault.put.iter().map(|entry| export::line(entry).trim_end().to_owned()).collect();
        let head = (fault.head.seq, &fault.head.hash);
        let line = serde_json::json!({ "from": fault.from, "cut": fault.cut, "lines": put, "head": head });
        writeln!(input, "{line}").unwrap();
        let what = format!("seed {SEED}, fault {number}: {} at {}", fault.what, fault.from);
        asked.push((what, walk(&prefixes, truth, &fault)));
    }
    drop(input);
    let output = reader.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Option<String>> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), asked.len());
    asked.into_iter().zip(answers).map(|((what, own), alone)| (what, own, alone)).collect()
}

#[tokio::test]
async fn every_fault_is_found_given_one_earlier_seal_by_vigie_and_by_the_verifier_that_stands_alone() {
    let (_, truth, seal, note) = ledger().await;
    let mut answers = ask_both(&truth, &seal, &note);
    let (_, own, alone) = answers.pop().unwrap();
    assert_eq!((own, alone), (None, None), "the truth holds for both");
    assert_eq!(answers.len(), FAULTS);
    for (what, own, alone) in answers {
        assert!(own.is_some(), "{what} is not found");
        assert!(alone.is_some(), "{what} is not found by the verifier that stands alone");
    }
}

#[tokio::test]
async fn what_is_found_in_the_chain_is_found_in_the_database() {
    let (vigie, truth, seal, _) = ledger().await;
    assert_eq!(verify(&vigie.store, std::slice::from_ref(&seal)).await.unwrap().first_fault, None);
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    for sql in ["DROP TRIGGER ledger_refuses_update", "DROP TRIGGER ledger_refuses_delete"] {
        sqlx::query(sql).execute(write).await.unwrap();
    }
    for (number, fault) in sample(&truth).enumerate().step_by(FAULTS / FAULTS_IN_STORE) {
        // A table has no order but that of its places, and no two entries at one place.
        if fault.what == "a swap" || put(write, &truth, &fault).await.is_err() {
            continue;
        }
        let found = verify(&vigie.store, std::slice::from_ref(&seal)).await;
        let what = format!("seed {SEED}, fault {number}: {} at {}", fault.what, fault.from);
        assert!(found.is_err() || found.is_ok_and(|found| !found.ok), "{what} is not found");
    }
}

/// Writes the tampered ledger and its head over the true one.
async fn put(pool: &sqlx::SqlitePool, truth: &[LedgerEntry], fault: &Tampered) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("DELETE FROM ledger").execute(&mut *transaction).await?;
    let entries: Vec<&LedgerEntry> = truth[..fault.from].iter().chain(fault.tail(truth)).collect();
    for entries in entries.chunks(1_000) {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO ledger (seq, occurred_at, recorded_at, kind, mailbox, request, payload, previous, hash) ",
        );
        insert.push_values(entries, |mut row, entry| {
            row.push_bind(entry.seq)
                .push_bind(entry.occurred_at.timestamp_millis())
                .push_bind(entry.recorded_at.timestamp_millis())
                .push_bind(&entry.kind)
                .push_bind(entry.mailbox.clone().unwrap_or_default())
                .push_bind(entry.request.clone().unwrap_or_default())
                .push_bind(&entry.payload)
                .push_bind(&entry.previous)
                .push_bind(&entry.hash);
        });
        insert.build().execute(&mut *transaction).await?;
    }
    let head = sqlx::query("UPDATE head SET seq = $1, hash = $2").bind(fault.head.seq).bind(&fault.head.hash);
    head.execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Two ways to write one thing are two things: whoever forges an entry whose bytes two readers read differently (a name
/// twice, a number with a point, white space, an escape that is not needed) is found although its hash fits.
#[tokio::test]
async fn an_entry_that_two_readers_could_read_in_two_ways_is_refused_although_its_hash_fits() {
    for forged in [
        r#"{"by":"a","by":"b"}"#,
        r#"{"by": "a"}"#,
        r#"{"limit":5.0}"#,
        r#"{"limit":1e1}"#,
        r#"{"limit":-0}"#,
        r#"{"by":"\u0041"}"#,
        r#"{"by":"\/"}"#,
        r#"{"to":"a","by":"b"}"#,
        r#"{"by":null}"#,
        r#"{"by":"a"} "#,
        r#"{"list":["a",null]}"#,
        r#"{"list":[["a"]]}"#,
        r#"{"list":[{"by":"a"}]}"#,
        r#"{"by":{"to":"a"}}"#,
        r#"{"limit":9223372036854775808}"#,
        r#"{"limit":-9223372036854775809}"#,
        r#"{"limit":0005}"#,
        r#"{"limit":NaN}"#,
        r#"{"limit":Infinity}"#,
        r#"{"by":"\ud800"}"#,
        r#"{"by":"\ud83d\ude00"}"#,
        r#"{"by":"\u007f"}"#,
        r#"{"by":"\u001F"}"#,
        r#"{"by":'a'}"#,
        r#"{"by":"a",}"#,
        "\u{feff}{}",
        "[1]",
        "null",
        "",
        &format!(r#"{{"list":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)),
        &format!(r#"{{"list":{}"a"{}}}"#, "[".repeat(200), "]".repeat(200)),
        &format!("{}{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000)),
    ] {
        let store = Store::in_memory().await.unwrap();
        let mut entry = LedgerEntry {
            seq: 1,
            occurred_at: at(0),
            recorded_at: at(0),
            kind: "texts".into(),
            mailbox: None,
            request: None,
            payload: forged.to_owned(),
            previous: Head::default().hash,
            hash: String::new(),
        };
        entry.hash = entry.expected_hash();
        let Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
        let head = Head { seq: 1, hash: entry.hash.clone() };
        let tampered = Tampered { what: "a form", from: 0, cut: 0, put: vec![entry.clone()], head: head.clone() };
        for sql in ["DROP TRIGGER ledger_refuses_update", "DROP TRIGGER ledger_refuses_delete"] {
            sqlx::query(sql).execute(write).await.unwrap();
        }
        put(write, &[], &tampered).await.unwrap();
        let found = verify(&store, &[]).await.unwrap().first_fault.unwrap_or_default();
        let forged = forged.get(..60).unwrap_or(forged);
        assert!(found.contains("in the form in which"), "{forged}: {found}");
        assert!(alone(&entry).is_some(), "{forged} is not found by the verifier that stands alone");
    }
}

/// What the verifier that stands alone says of a ledger of one entry.
fn alone(entry: &LedgerEntry) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("registre.txt"), export::line(entry)).unwrap();
    std::fs::write(folder.path().join("tete.txt"), format!("1 {}\n", entry.hash)).unwrap();
    let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/verify/vigie_verify.py");
    let output = Command::new("python3").arg("-B").arg(verifier).arg(folder.path()).output().expect("python3 runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["first_fault"].as_str().map(str::to_owned)
}

/// Every octet of a short exported ledger, changed, taken away or doubled, one at a time.
#[tokio::test]
async fn every_single_octet_of_an_exported_file_counts() {
    let (_, truth, _, _) = ledger().await;
    let folder = tempfile::tempdir().unwrap();
    let short = &truth[..12];
    let text = short.iter().map(export::line).collect::<String>();
    let path: PathBuf = folder.path().join("registre.txt");
    std::fs::write(&path, &text).unwrap();
    let script = format!(
        "import sys; sys.path.insert(0, {folder:?})\nimport vigie_verify as v\nbase = open({path:?}, 'rb').read()\n\
         head = ({seq}, {hash:?})\ndef fault(octets):\n  if not octets.endswith(b'\\n'): return 'cut off'\n  \
         return v.verify_lines(octets.split(b'\\n')[:-1], head, [])[3]\n\
         assert fault(base) is None\nmissed = []\nfor at in range(len(base)):\n  \
         for new in (base[at] ^ 1, base[at] ^ 0x20, base[at] ^ 0x80):\n    \
         if fault(base[:at] + bytes([new]) + base[at + 1:]) is None: missed.append((at, new))\n  \
         if fault(base[:at] + base[at + 1:]) is None: missed.append((at, 'deleted'))\n  \
         if fault(base[:at] + base[at:at + 1] + base[at:]) is None: missed.append((at, 'doubled'))\nprint(len(base), missed)",
        folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/verify"),
        seq = short[11].seq,
        hash = short[11].hash,
    );
    let output = Command::new("python3").arg("-B").arg("-c").arg(script).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), format!("{} []", text.len()), "{}", String::from_utf8_lossy(&output.stderr));
}
