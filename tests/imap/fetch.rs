//! Headers past messages whose answers cannot be read.

use vigie::imap::{Error, Fetched, HeaderQueue};

use crate::script::{Scripted, Step, dialogue, examined, hear, message, say, tagged};

/// Fetches `uids` with a connection for each dialogue, as the daemon would; messages received, poison, and the rest.
async fn fetch_all(server: &Scripted, uids: std::ops::RangeInclusive<u32>) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let (mut received, mut poisoned) = (Vec::new(), Vec::new());
    let mut queue = HeaderQueue::new(uids);
    while !queue.is_done() {
        let mut session = server.inbox().await;
        let outcome = session
            .fetch_headers(&mut queue, |fetched| match fetched {
                Fetched::Message { uid, header, .. } => {
                    assert_eq!(header, format!("Subject: n{uid:03}\r\n").into_bytes());
                    received.push(uid);
                }
                Fetched::Poison { uid, .. } => poisoned.push(uid),
            })
            .await;
        if let Err(error) = outcome {
            assert!(error.is_temporary(), "{error}");
        }
    }
    (received, poisoned, queue.report().missing.clone())
}

#[tokio::test]
async fn isolates_a_message_whose_answer_cannot_be_read() {
    for poison in [
        // a value in two levels of brackets, a date that makes the parser panic, and an octet that no grammar has
        &b"* 3 FETCH (UID 3 FLAGS ((Seen)) RFC822.SIZE 3)"[..],
        b"* 3 FETCH (UID 3 INTERNALDATE NIL BODY[HEADER]<0> {0}\r\n)",
        b"* 3 FETCH \0",
    ] {
        let first = vec![hear("UID FETCH 1:5 "), message(1), message(2), say(poison), message(4), Step::Hang];
        let alone = vec![hear("UID FETCH 3 "), say(poison), Step::Hang];
        let rest = vec![hear("UID FETCH 4:5 "), message(4), message(5), tagged("OK")];
        let server = Scripted::play(vec![
            dialogue([examined("", 5), first]),
            dialogue([examined("", 5), alone]),
            dialogue([examined("", 5), rest]),
        ])
        .await;
        let (received, poisoned, missing) = fetch_all(&server, 1..=5).await;
        assert_eq!((received, poisoned, missing), (vec![1, 2, 4, 5], vec![3], vec![]));
        server.finish().await;
    }
}

#[tokio::test]
async fn isolates_a_message_that_the_server_refuses_on_the_same_connection() {
    let server = Scripted::one(dialogue([
        examined("", 3),
        vec![hear("UID FETCH 1:3 "), message(1), tagged("NO [SERVERBUG] Internal error")],
        vec![hear("UID FETCH 2 "), tagged("NO [SERVERBUG] Internal error")],
        vec![hear("UID FETCH 3 "), message(3), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, _) = fetch_all(&server, 1..=3).await;
    assert_eq!((received, poisoned), (vec![1, 3], vec![2]));
    server.finish().await;
}

#[tokio::test]
async fn isolates_a_message_at_which_the_server_hangs_up_each_time() {
    let cut = || dialogue([examined("", 2), vec![hear("UID FETCH 1:2 ")]]);
    let alone = || dialogue([examined("", 2), vec![hear("UID FETCH 1 ")]]);
    let rest = dialogue([examined("", 2), vec![hear("UID FETCH 2 "), message(2), tagged("OK")]]);
    let server = Scripted::play(vec![cut(), cut(), cut(), alone(), alone(), alone(), rest]).await;
    let (received, poisoned, _) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, poisoned), (vec![2], vec![1]));
    server.finish().await;
}

#[tokio::test]
async fn gives_a_message_without_a_date_that_can_be_read() {
    let undated =
        "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"yesterday\" RFC822.SIZE 3 BODY[HEADER]<0> {15}\r\nSubject: n001\r\n)";
    let server = Scripted::one(dialogue([
        examined("", 2),
        vec![hear("UID FETCH 1:2 "), say(undated), message(2), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, _) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, poisoned), (vec![1, 2], vec![]));
}

#[tokio::test]
async fn asks_again_for_messages_that_an_answer_leaves_out_and_then_reports_them_missing() {
    let server = Scripted::one(dialogue([
        examined("", 5),
        vec![hear("UID FETCH 1:5 "), message(1), message(5), message(9), tagged("OK")],
        vec![hear("UID FETCH 2:4 "), message(3), tagged("OK")],
    ]))
    .await;
    let (received, poisoned, missing) = fetch_all(&server, 1..=5).await;
    assert_eq!((received, poisoned, missing), (vec![1, 5, 3], vec![], vec![2, 4]));
    server.finish().await;
}

#[tokio::test]
async fn does_not_take_another_sessions_change_of_flags_for_the_message() {
    let server = Scripted::one(dialogue([
        examined("", 2),
        vec![
            hear("UID FETCH 1:2 "),
            say("* 1 FETCH (UID 1 FLAGS (\\Seen))"),
            say("* 2 FETCH (FLAGS (\\Seen))"),
            message(1),
            message(2),
            message(1),
            tagged("OK"),
        ],
    ]))
    .await;
    let (received, _, missing) = fetch_all(&server, 1..=2).await;
    assert_eq!((received, missing), (vec![1, 2], vec![]));
}

#[tokio::test]
async fn stops_rather_than_call_a_whole_mailbox_poison() {
    let mut steps = examined("", 200);
    steps.extend((0..1000).flat_map(|_| [hear("UID FETCH"), tagged("NO [SERVERBUG] Internal error")]));
    let server = Scripted::one(steps).await;
    let mut session = server.inbox().await;
    let mut queue = HeaderQueue::new(1..=200);
    let error = session.fetch_headers(&mut queue, |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(queue.report().poisoned.len(), 50);
    assert!(!queue.is_done());
}
