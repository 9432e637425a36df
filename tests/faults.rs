//! Whatever happens to the line at whatever place, what is recorded in the end is what an undisturbed session records.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that could not")]

mod support;

use std::time::Duration;

use support::dovecot::{Dovecot, Filled};
use support::house::{PAN, mail};
use support::post::{FIRST, Place, Post, Recorded, USERS};
use support::proxy::{Fault, Proxy, boundaries};
use tokio::task::JoinSet;
use vigie::config::Settings;
use vigie::daemon::sync::{Pass, Watched};
use vigie::domain::classify::FolderRole;
use vigie::imap::Deadlines;
use vigie::store::Store;

/// Messages in the folder, the report counted.
const MESSAGES: u64 = 60;
/// Faults that are tried at the same time.
const AT_ONCE: usize = 12;
/// Of the places at which a line may be cut, one in so many is tried with a silent line: each costs a deadline.
const STALL_EVERY: usize = 23;
/// What begins an untagged response, and what ends the announcement of a literal.
const SIGNS: [&[u8]; 2] = [b"\n*", b"}"];
/// Of the comings of each sign, one in so many is corrupted.
const CORRUPT_EVERY: usize = 3;

/// How long a silent server is borne with here.
const SHORT: Duration = Duration::from_millis(400);

fn filled(n: u64) -> Filled {
    let text = match n {
        30 => include_str!("corpus/dsn-postfix.eml").replace("\r\n", "\n"),
        _ => mail(&format!("Usager <u{n}@example.org>"), PAN, &format!("f{n}@example.org"), "Demande", ""),
    };
    Filled { bytes: text.replace('\n', "\r\n").into_bytes(), internal_date: 1_772_528_400 + n, flags: "" }
}

type State = (Vec<Recorded>, Vec<Place>);

fn inbox() -> Watched {
    Watched { name: "INBOX".to_owned(), role: FolderRole::Inbox }
}

/// Reads the folder over a faulty line, then over a sound one; the state in the end, and what the server said at first.
async fn suffer(settings: Settings, server: u16, fault: Fault) -> (State, Vec<u8>) {
    let post = Post::with(settings, Store::in_memory().await.unwrap()).await;
    let proxy = Proxy::before(server, fault).await;
    let deadlines = match fault {
        Fault::Stall(_) | Fault::Corrupt(..) => Deadlines { response: SHORT, ..Deadlines::default() },
        Fault::None | Fault::Cut(_) | Fault::Split | Fault::Slow => Deadlines::default(),
    };
    if let Ok(mut line) = post.try_line(FIRST, Some(proxy.port), deadlines).await {
        let outcome = post.reader(FIRST).pass(&mut line, &inbox(), Pass::Scan).await;
        if matches!(fault, Fault::None | Fault::Split | Fault::Slow) {
            outcome.unwrap();
        }
    }
    let said = proxy.said();
    let mut line = post.line(FIRST).await;
    let passed = post.reader(FIRST).pass(&mut line, &inbox(), Pass::Scan).await.unwrap();
    let again = post.reader(FIRST).pass(&mut line, &inbox(), Pass::Whole).await.unwrap();
    assert_eq!((again.new, again.gone), (0, 0), "{fault:?}: something was left after {passed:?}");
    let places = post.places().await;
    ((post.recorded().await, places), said)
}

/// Tries every fault and names those after which the state differs.
async fn try_all(settings: &Settings, server: u16, faults: Vec<Fault>, expected: &State) {
    let (mut running, mut bad) = (JoinSet::new(), Vec::new());
    let mut faults = faults.into_iter();
    loop {
        while running.len() < AT_ONCE
            && let Some(fault) = faults.next()
        {
            let settings = settings.clone();
            running.spawn(async move { (fault, Box::pin(suffer(settings, server, fault)).await.0) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (fault, state) = ended.unwrap();
        if state != *expected {
            bad.push(fault);
        }
    }
    assert!(bad.is_empty(), "after {bad:?} the state is another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_any_place_changes_nothing_in_the_end() {
    let mut dovecot = Dovecot::start(&USERS);
    dovecot.fill(PAN, "INBOX", MESSAGES, filled);
    let server = dovecot.imap_port;
    let settings = Post::at(server).await.settings.clone();
    drop(Box::pin(suffer(settings.clone(), server, Fault::None)).await);
    let (expected, said) = Box::pin(suffer(settings.clone(), server, Fault::None)).await;
    assert_eq!(expected.0.len(), 60);
    assert_eq!(expected.0.iter().filter(|row| row.1 == "bounce").count(), 1);
    assert_eq!(expected.0.iter().filter(|row| row.1 == "request").count(), 59);
    let cuts = boundaries(&said);
    assert!(cuts.len() > 300, "{} places", cuts.len());
    let stalls = cuts.iter().step_by(STALL_EVERY).copied().map(Fault::Stall);
    let corruptions = SIGNS.iter().flat_map(|sign| {
        let comings = said.windows(sign.len()).filter(|octets| octets == sign).count();
        (0..comings).step_by(CORRUPT_EVERY).map(|nth| Fault::Corrupt(sign, nth))
    });
    let mut faults = vec![Fault::Split, Fault::Slow];
    faults.extend(cuts.iter().copied().map(Fault::Cut).chain(stalls).chain(corruptions));
    println!("{} faults at {} places of {} octets", faults.len(), cuts.len(), said.len());
    try_all(&settings, server, faults, &expected).await;
}
