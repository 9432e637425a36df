//! IDLE, and servers that end it in every way but the right one.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie::imap::{Error, IdleEnd, UidRange};

use crate::script::{Scripted, Step, dialogue, examined, hear, say, tagged};

/// Idles for a second in a folder of three messages on a server that plays `steps` from IDLE on.
async fn idle(steps: Vec<Step>) -> Result<IdleEnd, Error> {
    let server = Scripted::one(dialogue([examined("IDLE", 3), steps])).await;
    let mut session = server.inbox().await;
    let end = session.idle(Duration::from_secs(1), &CancellationToken::new()).await;
    if end.is_ok() {
        server.finish().await;
    }
    end
}

#[tokio::test]
async fn wakes_from_idle_on_a_change_and_not_on_a_keep_alive() {
    for news in ["* 4 EXISTS", "* 2 EXPUNGE", "* VANISHED 2", "* 2 FETCH (FLAGS (\\Answered))"] {
        let steps = vec![
            hear("IDLE"),
            say("+ idling"),
            say("* OK Still here"),
            say(news),
            Step::Line("DONE".to_owned()),
            tagged("OK"),
        ];
        assert_eq!(idle(steps).await.unwrap(), IdleEnd::Changed, "{news}");
    }
    let still =
        vec![hear("IDLE"), say("+ idling"), say("* OK Still here"), Step::Line("DONE".to_owned()), tagged("OK")];
    assert_eq!(idle(still).await.unwrap(), IdleEnd::Timeout);
}

#[tokio::test]
async fn ends_idle_when_asked_to_stop() {
    let server = Scripted::one(dialogue([
        examined("IDLE", 3),
        vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(session.idle(Duration::from_mins(1), &stop).await.unwrap(), IdleEnd::Stopped);
    server.finish().await;
}

#[tokio::test]
async fn takes_a_server_that_ends_idle_by_itself_for_a_change() {
    assert_eq!(idle(vec![hear("IDLE"), say("+"), tagged("OK too long")]).await.unwrap(), IdleEnd::Changed);
    assert_eq!(idle(vec![hear("IDLE"), tagged("OK")]).await.unwrap(), IdleEnd::Changed);
}

#[tokio::test]
async fn takes_every_other_end_of_idle_for_an_error() {
    let refused = idle(vec![hear("IDLE"), tagged("BAD")]).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let bye = idle(vec![hear("IDLE"), say("+"), say("* BYE Autologout")]).await.unwrap_err();
    assert!(matches!(bye, Error::Bye { .. }), "{bye}");
    let end_of_file = idle(vec![hear("IDLE"), say("+")]).await.unwrap_err();
    assert!(matches!(end_of_file, Error::Closed { .. }), "{end_of_file}");
    let half_open = idle(vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), Step::Hang]).await.unwrap_err();
    assert!(matches!(half_open, Error::Deadline { .. }), "{half_open}");
}

#[tokio::test]
async fn wakes_at_once_for_what_arrived_since_the_folder_was_read() {
    let server = Scripted::one(dialogue([
        examined("IDLE", 3),
        vec![hear("UID SEARCH"), say("* SEARCH 1 2 3"), say("* 4 EXISTS"), tagged("OK")],
        vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    session.uids().await.unwrap();
    let (wait, stop) = (Duration::from_millis(50), CancellationToken::new());
    assert_eq!(session.idle(wait, &stop).await.unwrap(), IdleEnd::Changed);
    assert_eq!(session.idle(wait, &stop).await.unwrap(), IdleEnd::Timeout, "said once, not for ever");
    server.finish().await;
}

#[tokio::test]
async fn what_another_client_marks_is_news_whenever_the_server_says_it() {
    let marked = "* 2 FETCH (FLAGS (\\Answered))";
    let server = Scripted::one(dialogue([
        examined("IDLE", 3),
        vec![hear("NOOP"), say(marked), tagged("OK")],
        vec![hear("UID FETCH"), say("* 1 FETCH (UID 1 FLAGS ())"), tagged("OK")],
        vec![hear("NOOP"), tagged("OK")],
        vec![hear("IDLE"), say("+"), Step::Line("DONE".to_owned()), say(marked), tagged("OK")],
    ]))
    .await;
    let mut session = server.inbox().await;
    assert!(session.has_news().await.unwrap());
    session.flags(UidRange::ALL, None).await.unwrap();
    assert!(!session.has_news().await.unwrap(), "what was asked for is no news");
    let (wait, stop) = (Duration::from_millis(50), CancellationToken::new());
    assert_eq!(session.idle(wait, &stop).await.unwrap(), IdleEnd::Changed, "said while the wait ended");
    server.finish().await;
}

#[tokio::test]
async fn does_not_idle_where_the_server_cannot() {
    let server = Scripted::one(examined("", 3)).await;
    let mut session = server.inbox().await;
    let error = session.idle(Duration::from_secs(1), &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.leaves_session_usable(), "{error}");
}

#[tokio::test]
async fn a_refused_notify_costs_nothing_but_haste() {
    let server = Scripted::one(dialogue([
        examined("NOTIFY IDLE", 1),
        vec![
            hear(
                "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew \
             MessageExpunge FlagChange)) (mailboxes (\"A\" \"B\") (MessageNew",
            ),
            tagged("NO [NOTIFICATIONOVERFLOW] too much"),
            hear("LOGOUT"),
            tagged("OK"),
        ],
    ]))
    .await;
    let mut session = server.inbox().await;
    assert!(!session.notify(&["A".to_owned(), "B".to_owned()]).await.unwrap());
    session.logout().await;
    server.finish().await;
}
