//! What a server tells of other folders, and servers that tell nothing, give it up, or hang up when asked.

use tokio_util::sync::CancellationToken;

use crate::request;
use crate::support::odd::{Message, Notify, Odd, OddFolder};
use crate::support::post::Post;

/// A server that offers NOTIFY and answers it so, with a folder of what was sent.
async fn server(notify: Notify) -> Odd {
    let server = Odd::start("IDLE NOTIFY").await;
    server.settings().list.push("(\\Sent) \"/\" Sent".to_owned());
    server.folder("Sent", |sent| *sent = OddFolder { uid_validity: 3, uid_next: Some(1), messages: Vec::new() });
    server.settings().notify = notify;
    server.arrive("INBOX", Message::new(1, request("first")));
    server
}

/// Plays `then` once vigie waits for news, until `count` messages are recorded; the watch ends well.
async fn watch(server: &Odd, count: usize, then: impl FnOnce()) {
    let post = Post::at(server.port).await;
    let stop = CancellationToken::new();
    let watching = post.watch(&stop);
    post.wait_recorded(1).await;
    while !server.tell("* OK Still here") {
        tokio::task::yield_now().await;
    }
    then();
    post.wait_recorded(count).await;
    stop.cancel();
    watching.await.unwrap().unwrap();
    post.verify().await;
}

#[tokio::test]
async fn what_is_told_of_another_folder_is_read_at_once() {
    let server = server(Notify::Granted).await;
    watch(&server, 2, || {
        server.arrive("Sent", Message::new(1, request("answer")));
        assert!(server.tell("* STATUS Sent (MESSAGES 1 UIDNEXT 2)"));
    })
    .await;
    assert_eq!((server.heard("NOTIFY"), server.heard("LOGIN")), (1, 1));
}

#[tokio::test]
async fn a_server_that_refuses_to_tell_is_asked_once_and_read_all_the_same() {
    let server = server(Notify::Refused).await;
    watch(&server, 3, || {
        server.arrive("Sent", Message::new(1, request("answer")));
        server.arrive("INBOX", Message::new(2, request("second")));
        assert!(server.tell("* 2 EXISTS"));
    })
    .await;
    assert_eq!((server.heard("NOTIFY"), server.heard("LOGIN")), (1, 1));
}

#[tokio::test]
async fn a_server_that_hangs_up_when_asked_to_tell_is_read_without() {
    let server = server(Notify::Dropped).await;
    watch(&server, 2, || {
        server.arrive("INBOX", Message::new(2, request("second")));
        assert!(server.tell("* 2 EXISTS"));
    })
    .await;
    assert_eq!((server.heard("NOTIFY"), server.heard("LOGIN")), (1, 2));
}

#[tokio::test]
async fn a_server_that_gives_the_telling_up_is_read_anew_and_not_asked_again() {
    let server = server(Notify::Granted).await;
    watch(&server, 3, || {
        // it tells of neither: after the overflow it tells nothing at all
        server.arrive("Sent", Message::new(1, request("answer")));
        server.arrive("INBOX", Message::new(2, request("second")));
        assert!(server.tell("* OK [NOTIFICATIONOVERFLOW] too many changes"));
    })
    .await;
    assert_eq!((server.heard("NOTIFY"), server.heard("LOGIN")), (1, 2));
}
