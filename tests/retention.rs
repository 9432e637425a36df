//! What is forgotten, when, under which visa; and that neither the chain nor any figure notices.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use support::app::{Vigie, at, message};
use support::postgres::Postgres;
use support::shell::Shell;
use vigie::app::facts;
use vigie::app::gesture::{self, Word};
use vigie::app::register::{Hand, NewAppointment, NewLetter};
use vigie::app::retention::{self, PurgeLine, Retention};
use vigie::domain::address::Address;
use vigie::domain::effect::EffectKind;
use vigie::domain::gesture::Gesture;
use vigie::domain::policy::{Channel, Nature, Requester};
use vigie::domain::register::Authority;
use vigie::store::{Details, Store};

const BY: &str = "Camille Exemple";

/// Requests of Alice (two, both closed), Bruno (one closed, one open), and a newsletter.
async fn house(store: Store) -> Vigie {
    let mut vigie = Vigie::on(store, |_| {}).await;
    let to = vigie.address();
    let mails = [
        message("Alice Exemple <alice@example.org>", &to, "a1@example.org", "Titre de séjour"),
        message("Alice Exemple <alice@example.org>", &to, "a2@example.org", "Carte grise"),
        message("Bruno Exemple <bruno@example.org>", &to, "b1@example.org", "Association"),
        message("Bruno Exemple <bruno@example.org>", &to, "b2@example.org", "Permis"),
        message("lettre@example.com", &to, "l1@example.com", "Lettre\r\nList-Id: <lettre.example.com>"),
    ];
    vigie.receive(&mails, at(0)).await;
    vigie.send_all(at(1)).await;
    for reference in ["PAN-2026-000001", "PAN-2026-000002", "PAN-2026-000003"] {
        let gesture = Gesture::Close { motive: "sans objet".to_owned() };
        let text = Some("Madame Exemple a rappelé".to_owned());
        let word = Word { gesture, by: BY.to_owned(), at: at(60), text };
        gesture::gesture(&vigie.store, &vigie.office, reference, word, at(60)).await.unwrap();
    }
    vigie
}

/// An embedded database in a file.
async fn on_disk() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("vigie.db").to_str().unwrap()).await.unwrap();
    (folder, store)
}

fn day(days: i64) -> DateTime<Utc> {
    at(60) + TimeDelta::days(days)
}

async fn list(vigie: &Vigie, now: DateTime<Utc>) -> Vec<PurgeLine> {
    retention::list(&vigie.store, Retention::default(), &vigie.office, now).await.unwrap()
}

async fn purge_all(vigie: &Vigie, now: DateTime<Utc>) -> usize {
    let lines = list(vigie, now).await;
    if lines.is_empty() {
        return 0;
    }
    retention::purge(&vigie.store, Retention::default(), &lines, &retention::csv(&lines), "AD01-2026-17", BY, now)
        .await
        .unwrap()
}

/// Every text of every table but the ledger's, to look for what should be gone.
async fn everything(store: &Store) -> String {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copie");
    store.copy_into(&copy).await.unwrap();
    let octets = std::fs::read(&copy).unwrap();
    String::from_utf8_lossy(&octets).into_owned()
}

async fn forgets_after_ninety_days(store: Store) {
    let vigie = house(store).await;
    assert_eq!(list(&vigie, day(89)).await, [], "nothing is listed too early");
    let lines = list(&vigie, day(91)).await;
    let named: Vec<(&str, &str)> = lines.iter().map(|line| (line.stage, line.name.as_str())).take(3).collect();
    let closed = [1, 2, 3].map(|n| format!("PAN-2026-00000{n}"));
    assert_eq!(named, closed.each_ref().map(|name| ("personal", name.as_str())));
    assert_eq!((lines.len(), lines[3].kind, lines[3].category.as_str()), (4, "message", "bulk"));
    let before = vigie.ledger("request_opened").await;
    assert_eq!(purge_all(&vigie, day(91)).await, 4);
    let kept = everything(&vigie.store).await;
    for gone in [
        "alice@example.org",
        "Alice Exemple",
        "Titre de séjour",
        "Carte grise",
        "Association",
        "a1@example.org",
        "a rappelé",
    ] {
        assert!(!kept.contains(gone), "{gone} is still there");
    }
    for stays in ["bruno@example.org", "Permis", "PAN-2026-000001"] {
        assert!(kept.contains(stays), "{stays} is gone: its request is open");
    }
    assert_eq!(vigie.requests().await.len(), 4);
    assert_eq!(vigie.ledger("request_opened").await, before);
    vigie.verify().await;
    assert_eq!(list(&vigie, day(92)).await, [], "what was forgotten is not listed again");
}

#[tokio::test]
async fn addresses_names_and_subjects_are_forgotten_ninety_days_after_the_closure_and_the_chain_holds() {
    let (folder, store) = on_disk().await;
    forgets_after_ninety_days(store.clone()).await;
    store.close().await;
    let octets = std::fs::read(folder.path().join("vigie.db")).unwrap();
    for gone in ["alice@example.org", "Carte grise"] {
        let found = octets.windows(gone.len()).any(|window| window == gone.as_bytes());
        assert!(!found, "{gone} is still in the free space of the file");
    }
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let postgres = Postgres::start();
    forgets_after_ninety_days(Store::open(&postgres.create_database()).await.unwrap()).await;
    registers_are_emptied(Store::open(&postgres.create_database()).await.unwrap()).await;
    rows_go_after_three_full_years(Store::open(&postgres.create_database()).await.unwrap()).await;
}

fn hand(vigie: &Vigie, now: DateTime<Utc>) -> Hand<'_> {
    Hand { store: &vigie.store, office: &vigie.office, by: BY, now }
}

fn date(at: DateTime<Utc>) -> chrono::NaiveDate {
    at.date_naive()
}

/// A letter of that person about that subject, received on the first day, answered on the next or not yet.
fn letter(name: &str, subject: &str, answered: bool) -> NewLetter {
    NewLetter {
        bureau: "citoyennete".into(),
        requester: Requester::Public,
        nature: Nature::GeneralInfo,
        received_on: date(day(0)),
        official: true,
        details: Details {
            name: name.into(),
            subject: subject.into(),
            town: "Villebourg".into(),
            ..Details::default()
        },
        origin: String::new(),
        answered_on: answered.then(|| date(day(1))),
    }
}

fn appointment(name: &str, held: Option<i64>) -> NewAppointment {
    NewAppointment {
        bureau: "citoyennete".into(),
        requester: Requester::Elected,
        authority: Authority::Prefect,
        requested_on: date(day(0)),
        official: true,
        details: Details { name: name.into(), note: "Pont communal".into(), ..Details::default() },
        origin: String::new(),
        fixed: held.map(|days| (date(day(1)), date(day(days)))),
    }
}

async fn cases(vigie: &Vigie) -> Vec<vigie::domain::indicator::case::Case> {
    facts::load(&vigie.store, &vigie.office, (day(0), day(0)), None).await.unwrap().cases
}

async fn registers_are_emptied(store: Store) {
    let vigie = Vigie::on(store, |_| {}).await;
    let now = hand(&vigie, day(2));
    let letters = [
        letter("Chloé Inventée", "Voirie", true),
        letter("Denis Inventé", "Clôture", false),
        letter("Erreur de saisie", "Doublon", false),
    ];
    let written = now.letters(&letters).await.unwrap().references;
    now.withdraw(&written[2], Channel::Letter).await.unwrap();
    let asked = [appointment("Maire Inventée", Some(20)), appointment("Adjoint Inventé", None)];
    let asked = now.appointments(&asked).await.unwrap().references;
    let figures = cases(&vigie).await;
    assert_eq!(list(&vigie, day(90)).await, [], "nothing is listed too early");
    let named = |lines: &[PurgeLine]| {
        lines.iter().map(|line| (line.stage, line.kind, line.result.clone(), line.name.clone())).collect::<Vec<_>>()
    };
    let gone = |kind, result: &str, name: &str| ("personal", kind, result.to_owned(), name.to_owned());
    let (answered, withdrawn) = (gone("letter", "answered", &written[0]), gone("letter", "withdrawn", &written[2]));
    let held = gone("appointment", "held", &asked[0]);
    assert_eq!(
        named(&list(&vigie, day(100)).await),
        [answered.clone(), withdrawn.clone()],
        "it is not held long enough"
    );
    let lines = list(&vigie, day(111)).await;
    assert_eq!(named(&lines), [answered, withdrawn, held]);
    // What is written about an item after the list was made keeps that item.
    let stale = retention::csv(&lines);
    hand(&vigie, day(111)).correct_letter(&written[0], &letter("Chloé Inventée", "Voirie", true)).await.unwrap();
    let refused = retention::purge(&vigie.store, Retention::default(), &lines, &stale, "V", BY, day(111)).await;
    assert!(refused.unwrap_err().to_string().contains(&written[0]));
    assert_eq!(purge_all(&vigie, day(111)).await, 3);
    for item in vigie.store.register_items("letter").await.unwrap() {
        let (kept, empty) = (item.reference == written[1], item.details == Details::default());
        assert_eq!((empty, item.key.is_empty()), (!kept, !kept), "{item:?}");
    }
    let left: Vec<String> =
        vigie.store.register_items("appointment").await.unwrap().into_iter().map(|item| item.details.name).collect();
    assert_eq!(left, ["", "Adjoint Inventé"]);
    assert_eq!(cases(&vigie).await, figures, "no figure changes");
    assert_eq!(vigie.ledger("letter_registered").await, 4);
    vigie.verify().await;
    assert_eq!(list(&vigie, day(112)).await, [], "what was emptied is not listed again");
    // Described anew, it holds a person again, and is listed again.
    hand(&vigie, day(112)).correct_letter(&written[0], &letter("Chloé Inventée", "Voirie", true)).await.unwrap();
    assert_eq!(list(&vigie, day(113)).await.len(), 1);
    assert_eq!(purge_all(&vigie, day(113)).await, 1);
    vigie.verify().await;
}

#[tokio::test]
async fn letters_and_appointments_are_emptied_ninety_days_after_their_end_and_no_figure_changes() {
    let (_folder, store) = on_disk().await;
    registers_are_emptied(store.clone()).await;
    let kept = everything(&store).await;
    for gone in ["Chloé", "Voirie", "Erreur de saisie", "Maire Inventée"] {
        assert!(!kept.contains(gone), "{gone} is still there");
    }
}

#[tokio::test]
async fn a_person_is_told_and_forgotten_in_the_registers_too() {
    let (_folder, store) = on_disk().await;
    let vigie = house(store).await;
    let alice = Address::parse("alice@example.org").unwrap();
    let letters = [
        letter("Mme EXEMPLE Alice", "Voirie", true),
        letter("Exemple", "Homonyme", true),
        letter("Zoé Inventée", "Écrit aussi de zoe@example.org.", true),
    ];
    let written = hand(&vigie, day(2)).letters(&letters).await.unwrap().references;
    let file = retention::person_file(&vigie.store, &vigie.office, &alice, BY, day(2)).await.unwrap();
    let told: Vec<(&str, &str)> =
        file.items.iter().map(|item| (item.reference.as_str(), item.subject.as_str())).collect();
    assert_eq!(told, [(written[0].as_str(), "Voirie")], "one family name tells nobody");
    let waiting =
        hand(&vigie, day(2)).appointments(&[appointment("Alice Exemple", Some(20))]).await.unwrap().references;
    let erase =
        async |who: &Address, now| retention::erase_person(&vigie.store, &vigie.office, who, ("2026-5", BY), now).await;
    let refused = erase(&alice, day(3)).await.unwrap_err();
    assert!(refused.to_string().contains(&waiting[0]), "{refused}");
    let erased = erase(&alice, day(21)).await.unwrap();
    assert_eq!(erased, (2, vec![written[0].clone(), waiting[0].clone()]));
    // Who only ever wrote on paper has no row of their own.
    let zoe = Address::parse("zoe@example.org").unwrap();
    assert_eq!(erase(&zoe, day(21)).await.unwrap(), (0, vec![written[2].clone()]));
    assert!(erase(&zoe, day(21)).await.is_err());
    let kept = everything(&vigie.store).await;
    assert!(!kept.contains("EXEMPLE Alice") && !kept.contains("zoe@example.org") && kept.contains("Homonyme"));
    vigie.verify().await;
}

#[tokio::test]
async fn a_mail_on_its_way_when_its_request_is_forgotten_is_forgotten_by_the_next_purge() {
    let (_folder, store) = on_disk().await;
    let vigie = house(store).await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    let mails = "UPDATE effect SET state = $1, settled_at = $2, about = 'Sous-préfecture de Chloé' WHERE request = 1";
    sqlx::query(mails).bind("pending").bind(0_i64).execute(write).await.unwrap();
    purge_all(&vigie, day(91)).await;
    assert!(everything(&vigie.store).await.contains("alice@example.org"), "it has yet to leave");
    sqlx::query(mails).bind("accepted").bind(day(91).timestamp_millis()).execute(write).await.unwrap();
    let names: Vec<String> = list(&vigie, day(92)).await.into_iter().map(|line| line.name).collect();
    assert_eq!(names, ["PAN-2026-000001"]);
    purge_all(&vigie, day(92)).await;
    let kept = everything(&vigie.store).await;
    assert!(!kept.contains("alice@example.org") && !kept.contains("de Chloé"));
    assert_eq!(list(&vigie, day(93)).await, []);
}

#[tokio::test]
async fn what_was_mailed_to_agents_is_forgotten_by_the_purge() {
    let (_folder, store) = on_disk().await;
    let vigie = house(store).await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    let mails = "UPDATE effect SET request = 0, recipients = 'agente@example.org', settled_at = $1 WHERE request = 1";
    sqlx::query(mails).bind(day(0).timestamp_millis()).execute(write).await.unwrap();
    purge_all(&vigie, day(89)).await;
    assert!(everything(&vigie.store).await.contains("agente@example.org"));
    purge_all(&vigie, day(91)).await;
    assert!(!everything(&vigie.store).await.contains("agente@example.org"));
}

async fn rows_go_after_three_full_years(store: Store) {
    let mut vigie = house(store).await;
    purge_all(&vigie, day(91)).await;
    let late_2029 = "2029-12-31T22:00:00Z".parse().unwrap();
    assert_eq!(list(&vigie, late_2029).await, [], "2026 is kept for all of 2027, 2028 and 2029");
    let in_2030 = "2029-12-31T23:30:00Z".parse().unwrap();
    let lines = list(&vigie, in_2030).await;
    assert_eq!(lines.iter().filter(|line| line.stage == "rows").count(), 4, "{lines:?}");
    purge_all(&vigie, in_2030).await;
    let left: Vec<String> = vigie.requests().await.into_iter().map(|line| line.request.reference).collect();
    assert_eq!(left, ["PAN-2026-000004"]);
    assert_eq!(vigie.ledger("request_opened").await, 4, "the ledger keeps every figure");
    vigie.verify().await;
    // The server numbers its folder anew, and the message still lies there: it is never taken for a new one.
    let mut turn = vigie.store.begin().await.unwrap();
    let folder = turn.folder(&vigie.office.mailboxes[0].name, "INBOX", "inbox").await.unwrap();
    turn.supersede(folder.id, in_2030).await.unwrap();
    turn.commit().await.unwrap();
    let to = vigie.address();
    let again = message("Alice Exemple <alice@example.org>", &to, "a1@example.org", "Titre de séjour");
    let ingested = vigie.receive(&[again], in_2030).await;
    assert_eq!((ingested.recorded, ingested.opened), (0, 0));
    vigie.verify().await;
}

#[tokio::test]
async fn rows_go_after_three_full_years_and_every_figure_stays() {
    rows_go_after_three_full_years(Store::in_memory().await.unwrap()).await;
}

#[tokio::test]
async fn a_list_that_names_what_may_not_go_is_refused_whole() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    let lines = list(&vigie, day(91)).await;
    let entries = vigie.store.head().await.unwrap().seq;
    for foreign in ["personal;request;PAN-2026-000004;", "rows;request;PAN-2026-000001;", "n’importe quoi"] {
        let text = format!("{}{foreign}\n", retention::csv(&lines));
        let refused = retention::purge(&vigie.store, Retention::default(), &lines, &text, "V", BY, day(91)).await;
        assert!(refused.is_err(), "{foreign}");
    }
    assert_eq!(vigie.store.head().await.unwrap().seq, entries, "nothing was done");
}

#[tokio::test]
async fn a_purge_that_is_stopped_on_its_way_says_how_much_is_gone() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    hand(&vigie, day(9)).letters(&[letter("Chloé", "Voirie", true)]).await.unwrap();
    let lines = list(&vigie, day(120)).await;
    let before = lines.iter().filter(|line| line.kind != "letter").count();
    assert!(before > 0 && lines.len() == before + 1, "{lines:?}");
    hand(&vigie, day(120)).correct_letter("COU-2026-000001", &letter("Chloé", "Voirie", false)).await.unwrap();
    let csv = retention::csv(&lines);
    let stopped = retention::purge(&vigie.store, Retention::default(), &lines, &csv, "V", BY, day(120)).await;
    let said = stopped.unwrap_err().to_string();
    assert!(said.contains("arrêt à COU-2026-000001") && said.contains(&format!("{before} éléments")), "{said}");
    assert_eq!(list(&vigie, day(120)).await.iter().filter(|line| line.kind != "letter").count(), 0, "they are gone");
    vigie.verify().await;
}

#[tokio::test]
async fn a_purge_that_is_not_in_the_ledger_is_taken_for_a_fault() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    let Store::Sqlite { write, .. } = &vigie.store else { panic!("SQLite") };
    sqlx::query("DELETE FROM request WHERE reference = 'PAN-2026-000001'").execute(write).await.unwrap();
    let found = vigie::app::verify::verify(&vigie.store, &[]).await.unwrap();
    assert!(found.first_fault.is_some_and(|fault| fault.contains("request")));
}

#[tokio::test]
async fn a_person_is_shown_what_is_kept_of_them_and_can_be_forgotten_once_answered() {
    let (_folder, store) = on_disk().await;
    let vigie = house(store).await;
    let (alice, bruno) = (Address::parse("Alice@example.org").unwrap(), Address::parse("bruno@example.org").unwrap());
    let file = retention::person_file(&vigie.store, &vigie.office, &alice, BY, day(1)).await.unwrap();
    assert_eq!(
        file.messages.iter().map(|kept| kept.subject.as_str()).collect::<Vec<_>>(),
        ["Titre de séjour", "Carte grise"]
    );
    assert_eq!(vigie.ledger("personal_data_shown").await, 1);
    let refused =
        retention::erase_person(&vigie.store, &vigie.office, &bruno, ("2026-4", BY), day(1)).await.unwrap_err();
    assert!(refused.to_string().contains("PAN-2026-000004"), "{refused}");
    let erased = retention::erase_person(&vigie.store, &vigie.office, &alice, ("2026-5", BY), day(1)).await.unwrap();
    assert_eq!(erased, (2, Vec::new()));
    let kept = everything(&vigie.store).await;
    assert!(!kept.contains("alice@example.org") && !kept.contains("Carte grise") && kept.contains("bruno@example.org"));
    assert!(retention::person_file(&vigie.store, &vigie.office, &alice, BY, day(1)).await.is_err());
    vigie.verify().await;
}

#[tokio::test]
async fn whoever_is_shown_personal_data_is_written_down_for_twelve_months() {
    let shell = Shell::new();
    let url = shell.path("vigie.db").display().to_string();
    house(Store::open(&url).await.unwrap()).await.store.close().await;
    shell.say(&["requests"]);
    shell.say(&["request", "show", "PAN-2026-000001"]);
    shell.say(&["person", "export", "alice@example.org"]);
    shell.json(&["requests"]);
    let log = shell.json(&["access-log"]);
    let told: Vec<(&str, &str, i64)> = log
        .iter()
        .map(|line| {
            (line["reader"].as_str().unwrap(), line["question"].as_str().unwrap(), line["shown"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(told, [("camille", "requests", 4), ("camille", "request show", 1), ("camille", "person export", 2)]);
    let store = Store::open(&url).await.unwrap();
    let later = vigie::clock::now() + TimeDelta::days(373);
    retention::note_access(&store, Retention::default(), ("camille", "requests", ""), 1, later).await.unwrap();
    assert_eq!(store.access_log(DateTime::UNIX_EPOCH).await.unwrap().len(), 1, "older lines are dropped");
    store.close().await;
}

#[tokio::test]
async fn the_command_lists_first_and_purges_only_a_list_with_its_visa() {
    let shell = Shell::new();
    let url = shell.path("vigie.db").display().to_string();
    house(Store::open(&url).await.unwrap()).await.store.close().await;
    let list = shell.say(&["purge", "--format", "csv"]);
    std::fs::write(shell.path("liste.csv"), &list).unwrap();
    assert_eq!(shell.run(&["purge", "--list", "liste.csv"]).status.code(), Some(2), "a visa is asked for");
    let lines = list.lines().count() - 1;
    let said = shell.say(&["purge", "--list", "liste.csv", "--visa", "AD01-2026-17", "--by", BY]);
    assert!(said.contains(&format!("{lines} éléments")), "{said}");
    let approved =
        shell.json(&["ledger", "show"]).into_iter().find(|entry| entry["kind"] == "disposal_approved").unwrap();
    assert_eq!((&approved["payload"]["visa"], &approved["payload"]["by"]), (&"AD01-2026-17".into(), &BY.into()));
    assert_eq!(shell.json(&["ledger", "verify"])[0]["ok"], true);
}

#[tokio::test]
async fn a_purge_is_proposed_by_the_digest_once_a_week_and_never_done_by_itself() {
    let vigie = house(Store::in_memory().await.unwrap()).await;
    let bureau = vigie.office.mailboxes[0].bureau.clone();
    let mut proposed = Vec::new();
    for august in 1..=18 {
        let now: DateTime<Utc> = format!("2026-08-{august:02}T10:00:00Z").parse().unwrap();
        vigie::app::tick::tick(&vigie.store, &vigie.office, now).await.unwrap();
        let sent = vigie.send_all(now).await;
        let of_bureau =
            |sent: &&support::app::Sent| sent.due.effect.kind == EffectKind::Digest && sent.due.effect.bureau == bureau;
        for digest in sent.iter().filter(of_bureau) {
            let text = support::app::plain_text(&digest.bytes).split_whitespace().collect::<Vec<_>>().join(" ");
            if text.contains("Durée de conservation échue") {
                assert!(text.contains("3 demandes closes gardent des données personnelles"), "{text}");
                assert!(text.contains("Rien ne s’efface tout seul") && text.contains("vigie purge --list"), "{text}");
                proposed.push(august);
            }
        }
    }
    assert_eq!(proposed, [3, 10, 17], "the Mondays from the ninetieth day on");
    assert_eq!(list(&vigie, day(104)).await.iter().filter(|line| line.kind == "request").count(), 3, "nothing went");
    purge_all(&vigie, day(104)).await;
    let now: DateTime<Utc> = "2026-08-24T10:00:00Z".parse().unwrap();
    for now in [now - TimeDelta::days(1), now] {
        vigie::app::tick::tick(&vigie.store, &vigie.office, now).await.unwrap();
    }
    let texts: String = vigie.send_all(now).await.iter().map(|sent| support::app::plain_text(&sent.bytes)).collect();
    assert!(!texts.is_empty() && !texts.contains("conservation échue"), "{texts}");
}
