//! The store's contract: one suite, run on `SQLite` and on `PostgreSQL`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails at the line that could not"
)]

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Executor as _;
use vigie::domain::address::Address;
use vigie::domain::effect::{Effect, EffectKind};
use vigie::domain::event::Event;
use vigie::domain::evidence::Evidence;
use vigie::domain::ledger::Head;
use vigie::domain::message::MessageFacts;
use vigie::domain::policy::{Mode, Nature, Requester, Watch};
use vigie::domain::quota::Quota;
use vigie::domain::receipt::{Rule, Times};
use vigie::domain::request::{AcknowledgementState, Change, MessageId, Request, RequestId, Status};
use vigie::domain::sighting::FlagSet;
use vigie::domain::verdict::Reason;
use vigie::store::statements::{LISTS, STATEMENTS};
use vigie::store::{
    AfterAttempt, Claim, DueEffect, Kept, Listing, LocationRow, MailboxRow, MessageRow, PlaceRow, RequestFilter,
    SentKey, Store,
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_778_000_000 + second, 0).expect("in range")
}

/// Runs a test on a fresh database of each engine.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let path = folder.path().join("vigie.db");
                let store = super::Store::open(path.to_str().expect("UTF-8")).await.expect("opens");
                super::$name(store).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let database = super::support::postgres::Postgres::database();
                let store = super::Store::open(&database).await.expect("opens");
                super::$name(store).await;
            })+
        }
    };
}

on_both!(
    every_statement_prepares,
    a_turn_is_written_whole_or_not_at_all,
    a_request_comes_back_as_it_was_saved,
    the_ledger_refuses_update_and_delete,
    a_mail_is_claimed_once_and_settled_once,
    a_quota_binds_all_nodes_and_mails_to_agents_go_first,
    a_second_holder_waits_for_the_lease_and_fences_the_first,
    numbers_run_without_holes_per_prefix_and_year,
    a_person_keeps_one_digest_and_two_persons_never_share_it,
    a_place_seen_again_is_not_gone,
);

async fn every_statement_prepares(store: Store) {
    for sql in STATEMENTS {
        let prepared = match &store {
            Store::Sqlite { write, .. } => write
                .acquire()
                .await
                .expect("a connection")
                .prepare(sqlx::SqlSafeStr::into_sql_str(*sql))
                .await
                .map(drop),
            Store::Postgres(pool) => pool
                .acquire()
                .await
                .expect("a connection")
                .prepare(sqlx::SqlSafeStr::into_sql_str(*sql))
                .await
                .map(drop),
        };
        prepared.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
}

/// How the texts begin that may read a growing table, or an index of it, whole: a person, the health page, the morning
/// digest or a purge asks them.
const ASKED_SELDOM: [&str; 8] = [
    "SELECT state, COUNT(*) FROM effect GROUP BY state",
    "SELECT reference, channel, name, quality, town, subject, note, origin, key, digest, erased_at FROM register_item",
    // From its end, as far back as a day: the first digest of a bureau.
    "SELECT seq FROM ledger WHERE recorded_at < $1 ORDER BY seq DESC LIMIT 1",
    "SELECT reference FROM request WHERE bureau = $1 AND status = 'answered' AND confidence = 'low'",
    "SELECT reference, mailbox, received_at, due_on, status, settled_at, incomplete_since, suspended_days FROM request",
    "UPDATE effect SET recipients = ''",
    "SELECT at, reader, question, about, shown FROM access_log",
    "SELECT m.message_id, m.mailbox, m.folder, m.received_at, m.from_kind",
];

/// What does not grow: a subquery of one row, a dozen of schedules, the mailboxes, the entries of an index that holds one for
/// each change of the calendars.
const SMALL: [&str; 4] =
    ["due", "schedule", "mailbox USING INDEX sqlite_autoindex_mailbox_1", "ledger USING INDEX ledger_calendars"];

/// In ten years too, a message must cost what it cost on the first day.
#[tokio::test]
async fn what_is_asked_all_day_reads_no_growing_table_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("vigie.db");
    let store = Store::open(path.to_str().expect("UTF-8")).await.expect("opens");
    let Store::Sqlite { write, .. } = &store else { panic!("SQLite") };
    let mut whole = Vec::new();
    let lists = LISTS.iter().map(|beginning| format!("{beginning}1, 2)"));
    for sql in STATEMENTS.iter().map(|sql| (*sql).to_owned()).chain(lists) {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(write).await.expect("a plan");
        let scanned = plan.iter().filter_map(|(.., step)| step.strip_prefix("SCAN "));
        whole.extend(scanned.filter(|table| !SMALL.contains(table)).map(|table| format!("{sql} -- {table}")));
    }
    for beginning in ASKED_SELDOM {
        assert!(whole.iter().any(|sql| sql.starts_with(beginning)), "is no longer read whole: {beginning}");
    }
    whole.retain(|sql| !ASKED_SELDOM.iter().any(|beginning| sql.starts_with(beginning)));
    assert!(whole.is_empty(), "read a growing table whole: {whole:#?}");
}

fn mode_event(second: i64) -> Event {
    Event::MailboxMode { mailbox: "pref-pan".into(), mode: Mode::Observe, at: at(second) }
}

async fn a_turn_is_written_whole_or_not_at_all(store: Store) {
    let mut abandoned = store.begin().await.expect("begins");
    abandoned.write_down(&mode_event(1), at(1));
    drop(abandoned);
    let mut turn = store.begin().await.expect("begins");
    for second in 0..1_000 {
        turn.write_down(&mode_event(second), at(second));
    }
    turn.commit().await.expect("commits");
    let mut head = Head::default();
    for entry in store.ledger_after(0).await.expect("reads") {
        head.follow(&entry).expect("follows");
    }
    assert_eq!(head, store.head().await.expect("reads"));
    assert_eq!(head.seq, 1_000);
}

fn request(id: i64) -> Request {
    Request {
        id: RequestId(id),
        reference: format!("PAN-2026-{id:06}"),
        mailbox: "pref-pan".into(),
        bureau: "citoyennete".into(),
        message: MessageId(id),
        person: None,
        requester: Requester::Elected,
        nature: Nature::Advice,
        commitment: "mail.elected.advice".into(),
        limit: 5,
        received_at: at(0),
        due_on: "2026-05-18".parse().expect("a date"),
        due_at: at(900_000),
        calendar_revision: "0123456789abcdef".into(),
        again_of: Some(RequestId(7)),
        backlog: false,
        flagged: true,
        status: Status::Open,
        settled_at: None,
        holding_at: None,
        substantive_at: None,
        incomplete_since: None,
        suspended_days: 0,
        merged_into: None,
        deleted_at: None,
        forwarded_at: None,
        gesture: None,
        evidence: None,
        confidence: None,
        acknowledgement: AcknowledgementState::Pending,
        acknowledged_at: None,
        alert_level: None,
        next_alert_at: Some(at(500)),
        alert_cleared: false,
    }
}

async fn a_request_comes_back_as_it_was_saved(store: Store) {
    let mut turn = store.begin().await.expect("begins");
    let mut saved = request(1);
    turn.save_requests(&[saved.clone(), request(2)]).await.expect("saves");
    turn.commit().await.expect("commits");
    let mut turn = store.begin().await.expect("begins");
    let due = turn.alerts_due(at(500), 10).await.expect("reads");
    assert_eq!(due, [request(1), request(2)]);
    let evidence = Evidence::SentReply;
    let answer = Change::Answered {
        at: at(60),
        evidence,
        confidence: evidence.confidence(),
        holding: false,
        by: None,
        way: None,
    };
    saved.apply(&answer).expect("open");
    turn.save_requests(&[request(1), saved.clone()]).await.expect("the last state counts");
    turn.commit().await.expect("commits");
    let line = store.request_line("PAN-2026-000001").await.expect("reads").expect("is there");
    assert_eq!(line.request, saved);
    let open = RequestFilter { status: "open".into(), ..RequestFilter::default() };
    assert_eq!(store.list_requests(&open).await.expect("reads").len(), 1);
    assert_eq!(store.next_alert().await.expect("reads"), Some(at(500)));
}

async fn the_ledger_refuses_update_and_delete(store: Store) {
    let mut turn = store.begin().await.expect("begins");
    turn.write_down(&mode_event(1), at(1));
    turn.commit().await.expect("commits");
    for sql in ["UPDATE ledger SET kind = 'x'", "DELETE FROM ledger"] {
        let refused = match &store {
            Store::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
            Store::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
        };
        let error = refused.expect_err(sql).to_string();
        assert!(error.contains("the ledger only grows"), "{error}");
    }
}

fn effect(id: &str) -> Effect {
    Effect {
        id: id.into(),
        kind: EffectKind::Acknowledgement,
        mailbox: "pref-pan".into(),
        bureau: String::new(),
        request: Some(RequestId(1)),
        recipients: vec![Address::parse("alice@example.org").expect("an address")],
        about: vec!["PAN-2026-000001".into()],
        level: None,
        created_at: at(0),
        due_at: at(0),
        warn_at: Some(at(400)),
    }
}

/// The mail that a node is given where the relay knows no quota.
async fn claim(store: &Store, holder: &str, now: DateTime<Utc>) -> Option<DueEffect> {
    match store.claim_due(holder, &[], now).await.expect("claims") {
        Claim::Mail(due) => Some(*due),
        Claim::Wait(_) | Claim::Nothing => None,
    }
}

async fn a_quota_binds_all_nodes_and_mails_to_agents_go_first(store: Store) {
    let mut turn = store.begin().await.expect("begins");
    let mut queued: Vec<(Effect, String)> = (0..4).map(|n| (effect(&format!("e{n}")), format!("e{n}@x"))).collect();
    let alert = Effect { kind: EffectKind::Alert, request: None, due_at: at(5), ..effect("alert") };
    queued.push((alert, "alert@x".to_owned()));
    turn.queue(&queued).await.expect("queues");
    turn.commit().await.expect("commits");
    let quotas =
        [Quota { mails: 100, within: TimeDelta::seconds(1) }, Quota { mails: 4, within: TimeDelta::seconds(20) }];
    let mut left = Vec::new();
    for (node, second) in [("a", 10), ("b", 10), ("a", 10), ("b", 19), ("b", 20), ("a", 20), ("a", 300)] {
        left.push(match store.claim_due(node, &quotas, at(second)).await.expect("claims") {
            Claim::Mail(due) => due.effect.id,
            Claim::Wait(until) => format!("until {}", (until - at(0)).num_seconds()),
            Claim::Nothing => "nothing".to_owned(),
        });
    }
    assert_eq!(left, ["alert", "e0", "until 20", "until 20", "e1", "until 30", "e2"]);
    assert!(matches!(store.claim_due("b", &quotas, at(300)).await.expect("claims"), Claim::Mail(_)));
    assert!(matches!(store.claim_due("b", &quotas, at(300)).await.expect("claims"), Claim::Nothing));
}

async fn a_mail_is_claimed_once_and_settled_once(store: Store) {
    let mut turn = store.begin().await.expect("begins");
    let queued = (effect("e1"), "e1@example.org".to_owned());
    turn.queue(&[queued.clone(), queued]).await.expect("the same mail twice is one");
    let named = turn.requests_by_message_id(&["e1@example.org".into()]).await.expect("reads");
    assert_eq!(named.get("e1@example.org"), Some(&RequestId(1)));
    turn.commit().await.expect("commits");
    assert_eq!(store.next_due().await.expect("reads"), Some(at(0)));
    assert!(claim(&store, "a", at(-1)).await.is_none(), "not due yet");
    let due = claim(&store, "a", at(1)).await.expect("is due");
    assert_eq!((due.effect, due.attempts.count), (effect("e1"), 1).into_parts_with_due(at(1)));
    assert!(claim(&store, "b", at(1)).await.is_none(), "already claimed");
    assert_eq!(store.interrupted("a", at(2)).await.expect("reads").len(), 1);
    assert_eq!(store.interrupted("b", at(2)).await.expect("reads").len(), 0);
    let after = AfterAttempt {
        state: "accepted",
        due_at: at(1),
        unknowns: 0,
        settled_at: Some(at(2)),
        answer: "250 ok",
        text: "",
        copy: false,
    };
    let mut turn = store.begin().await.expect("begins");
    assert!(turn.settle_effect("e1", &after).await.expect("settles"));
    assert!(!turn.settle_effect("e1", &after).await.expect("settles"), "only once");
    let to = Address::parse("Alice@example.org").expect("an address");
    let mailbox = SentKey::Mailbox("pref-pan".into());
    let keys = [SentKey::Address(to.canonical()), SentKey::Domain("example.org".into()), mailbox, SentKey::All];
    for key in keys.into_iter().chain([SentKey::Thread(RequestId(1))]) {
        let expected = i64::from(!matches!(key, SentKey::Thread(_)));
        assert_eq!(i64::from(turn.sent_since(&key, at(0)).await.expect("counts")), expected, "{key:?}");
        assert_eq!(turn.sent_since(&key, at(1)).await.expect("counts"), 0, "{key:?}");
    }
    turn.save_requests(&[request(1)]).await.expect("saves");
    assert_eq!(turn.sent_since(&SentKey::Thread(RequestId(1)), at(0)).await.expect("counts"), 1);
    turn.commit().await.expect("commits");
}

/// The effect as claimed: its due time is the time of the claim.
trait WithDue {
    fn into_parts_with_due(self, due_at: DateTime<Utc>) -> (Effect, u32);
}

impl WithDue for (Effect, u32) {
    fn into_parts_with_due(self, due_at: DateTime<Utc>) -> (Effect, u32) {
        (Effect { due_at, ..self.0 }, self.1)
    }
}

async fn a_second_holder_waits_for_the_lease_and_fences_the_first(store: Store) {
    let now = store.clock(at(0)).await.expect("tells the time");
    let minute = TimeDelta::seconds(60);
    let first = store.lease("pref-pan", "a", minute, now).await.expect("leases").expect("free");
    assert!(store.lease("pref-pan", "b", minute, now).await.expect("leases").is_none());
    let renewed = store.lease("pref-pan", "a", minute, now).await.expect("leases").expect("own");
    assert_eq!(renewed.epoch, first.epoch);
    store.release(&renewed).await.expect("releases");
    let second = store.lease("pref-pan", "b", minute, now).await.expect("leases").expect("free again");
    assert!(second.epoch > first.epoch);
    let mut turn = store.begin().await.expect("begins");
    assert!(turn.check_lease(&second).await.is_ok());
    assert!(turn.check_lease(&first).await.is_err(), "the first is fenced off");
}

async fn numbers_run_without_holes_per_prefix_and_year(store: Store) {
    for expected in 1..=3 {
        let mut turn = store.begin().await.expect("begins");
        assert_eq!(turn.peek_number("PAN", 2026).await.expect("peeks"), expected);
        turn.take_number("PAN", 2026);
        assert_eq!(turn.peek_number("PAN", 2027).await.expect("peeks"), 1, "another year");
        turn.commit().await.expect("commits");
    }
}

async fn a_person_keeps_one_digest_and_two_persons_never_share_it(store: Store) {
    let person = |text: &str| (Address::parse(text).expect("an address"), "Nom".to_owned());
    let mut turn = store.begin().await.expect("begins");
    let first = turn.persons(&[person("alice@example.org"), person("bob@example.org")]).await.expect("loads");
    turn.commit().await.expect("commits");
    let mut turn = store.begin().await.expect("begins");
    let again = turn.persons(&[person("Alice@Example.org")]).await.expect("loads");
    assert_eq!(again["alice@example.org"].digest, first["alice@example.org"].digest);
    assert_ne!(first["alice@example.org"].digest, first["bob@example.org"].digest);
}

fn message(id: i64) -> MessageRow {
    let facts = MessageFacts {
        message_id: Some(format!("m{id}@example.org")),
        subject: "Été\0".into(),
        ..MessageFacts::default()
    };
    MessageRow {
        id: MessageId(id),
        digest: format!("{id:064}"),
        mailbox: "pref-pan".into(),
        folder: "INBOX".into(),
        person: None,
        domain: String::new(),
        from_kind: "public",
        verdict: "request",
        reason: Reason::new("new_request"),
        request: 0,
        commitment: String::new(),
        due_on: String::new(),
        received_at: at(id),
        rule: Rule::InternalDate,
        times: Times { internal_date: Some(at(id)), received: None, date: None, observed_at: at(id) },
        acknowledgement: "withhold",
        acknowledgement_reason: Reason::new("observe_mode"),
        email_id: None,
        kept: Kept::of(&facts, true),
    }
}

async fn a_place_seen_again_is_not_gone(store: Store) {
    let mut turn = store.begin().await.expect("begins");
    let watch = Watch { watched_since: at(0), acknowledging_since: None };
    let row = MailboxRow { mode: Mode::Observe, watch, blind_since: None, blind_reported: false };
    turn.save_mailbox("pref-pan", row).await.expect("saves");
    let cursor = turn.folder("pref-pan", "INBOX", "inbox").await.expect("is made");
    assert_eq!(cursor.uid_validity, -1);
    let messages: Vec<MessageRow> = (1..=900).map(message).collect();
    turn.insert_messages(&messages).await.expect("a message with a NUL is stored");
    let place = |uid: i64| LocationRow {
        folder: cursor.id,
        uid_validity: 3,
        uid,
        message: MessageId(uid),
        seen_at: at(1),
        flags: FlagSet::default(),
    };
    turn.insert_locations(&(1..=900).map(place).collect::<Vec<_>>()).await.expect("stores");
    turn.mark_gone(cursor.id, 3, &[5, 6], at(2)).await.expect("marks");
    turn.insert_locations(&[place(5)]).await.expect("seen again");
    let answered = FlagSet::new(["\\Answered"]);
    turn.save_flags(cursor.id, 3, 7, &answered).await.expect("saves");
    let places = turn.places(cursor.id, 3, &(1..=900).collect::<Vec<_>>()).await.expect("reads");
    assert_eq!(places.len(), 899, "6 lies there no more");
    let seven = PlaceRow { uid: 7, message: MessageId(7), flags: answered };
    assert!(places.contains(&seven));
    turn.commit().await.expect("commits");
    let uids = store.uids(cursor.id, 3).await.expect("reads");
    assert!(uids.contains(&5) && !uids.contains(&6));
    assert_eq!(store.flagged_uids(cursor.id, 3).await.expect("reads"), [7]);
    assert_eq!(store.messages(&Listing::default()).await.expect("reads").len(), 900);
}
