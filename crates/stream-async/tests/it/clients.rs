//! WebSocket clients that come, go, are replaced, are slow, and die.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use stream_async::limits::{CLIENT_ID_BYTES_MAX, CLIENTS_MAX, DIRECT_MESSAGES};
use stream_async::{
    ClientMessage, ConnectError, Frame, ItemHandler, WebSocketOptions, WebSocketStream,
};
use stream_core::{PublishError, Stream as _, Subscribe};
use stream_model::{Event, Subscription};

use crate::socket::{Client, socket};

fn event(n: u64) -> Event {
    Event::new(serde_json::json!(n))
}

fn connect(stream: &WebSocketStream, id: &str) -> Client {
    let (socket, client) = socket();
    stream.connect(id, socket).unwrap();
    client
}

/// Lets every connection do what there is to do.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What the stream told its own subscriber by now: types and data.
fn told(subscription: &mut Subscription) -> Vec<String> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|next| {
            let event = next.unwrap();
            let data = event.data().to_value().unwrap();
            format!("{} {}", event.event_type(), data["client_id"].as_str().unwrap_or("-"))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn clients_get_events_and_subscribers_hear_of_clients() {
    let stream = WebSocketStream::new();
    let mut subscriber = stream.subscribe(Subscribe::all()).await.unwrap();
    let (a, b) = (connect(&stream, "a"), connect(&stream, "b"));
    stream.publish(event(1)).await.unwrap();
    assert!(stream.disconnect("a"));
    assert!(!stream.disconnect("a"));
    stream.publish(event(2)).await.unwrap();
    settle().await;
    assert_eq!(a.sent(), ["1", "close 1000"], "what came before it left");
    assert_eq!(b.sent(), ["1", "2"]);
    assert_eq!(
        told(&mut subscriber),
        ["connect a", "connect b", "message -", "disconnect a", "message -"]
    );
    assert_eq!(stream.clients(), ["b".into()]);
    assert_eq!(stream.subscriptions(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_connects_again_replaces_itself() {
    let stream = WebSocketStream::new();
    let mut subscriber = stream.subscribe(Subscribe::all()).await.unwrap();
    let (old, new) = (connect(&stream, "a"), connect(&stream, "a"));
    stream.publish(event(1)).await.unwrap();
    settle().await;
    assert_eq!(old.sent(), ["close 4000"]);
    assert_eq!(new.sent(), ["1"]);
    drop(old);
    settle().await;
    assert_eq!(stream.clients(), ["a".into()], "the end of the old one does not concern the new");
    assert!(stream.send_to("a", event(2)).await);
    assert_eq!(new.sent(), ["2"]);
    assert_eq!(told(&mut subscriber), ["connect a", "disconnect a", "connect a", "message -"]);
    assert_eq!(stream.subscriptions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_fails_or_leaves_is_removed() {
    let stream = WebSocketStream::new();
    let mut subscriber = stream.subscribe(Subscribe::all()).await.unwrap();
    let (broken, leaving, gone) =
        (connect(&stream, "broken"), connect(&stream, "leaving"), connect(&stream, "gone"));
    broken.fail();
    assert!(!stream.send_to("broken", event(1)).await);
    leaving.say(Frame::Close { code: 1000, reason: String::new() });
    drop(gone);
    settle().await;
    assert!(stream.clients().is_empty());
    let mut told = told(&mut subscriber);
    told.sort();
    let want = ["broken", "gone", "leaving"];
    assert_eq!(told[3..], want.map(|id| format!("disconnect {id}")));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_dead() {
    let stream = WebSocketStream::new();
    let (silent, alive) = (connect(&stream, "silent"), connect(&stream, "alive"));
    tokio::time::sleep(Duration::from_millis(30_001)).await;
    assert_eq!((silent.sent(), alive.sent()), (vec!["ping".to_owned()], vec!["ping".to_owned()]));
    alive.say(Frame::Pong);
    tokio::time::sleep(Duration::from_millis(9_990)).await;
    assert_eq!(stream.clients().len(), 2);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(stream.clients(), ["alive".into()]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_dead() {
    let stream = WebSocketStream::new();
    let (stuck, other) = (connect(&stream, "stuck"), connect(&stream, "other"));
    stuck.block(true);
    stream.publish(event(1)).await.unwrap();
    let sent = tokio::spawn({
        let stream = stream.clone();
        async move { stream.send_to("stuck", event(2)).await }
    });
    tokio::time::sleep(Duration::from_millis(10_001)).await;
    assert_eq!(stream.clients(), ["other".into()]);
    assert!(!sent.await.unwrap(), "and whoever waits for it is told");
    assert_eq!(other.sent(), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_something_late_lives() {
    let stream = WebSocketStream::new();
    let client = connect(&stream, "a");
    client.block(true);
    stream.publish(event(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    client.block(false);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(stream.send_to("a", event(2)).await);
    assert_eq!(client.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_behind_is_told_to_come_back_later() {
    for (events, want) in [(3, vec!["1", "2", "3"]), (4, vec!["close 1013"])] {
        let stream = WebSocketStream::with_options(WebSocketOptions::default().client_events(3));
        let client = connect(&stream, "a");
        for n in 1..=events {
            stream.publish(event(n)).await.unwrap();
        }
        settle().await;
        assert_eq!(client.sent(), want);
        assert_eq!(stream.clients().is_empty(), events > 3);
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_messages_wait_for_one_client_and_no_more() {
    let stream = WebSocketStream::new();
    let client = connect(&stream, "a");
    let mut waiting: Vec<_> = (0..=DIRECT_MESSAGES as u64)
        .map(|n| {
            let stream = stream.clone();
            Box::pin(async move { stream.send_to("a", event(n)).await })
        })
        .collect();
    let one_past = waiting.pop().unwrap();
    for sending in &mut waiting {
        assert_eq!(sending.now_or_never(), None);
    }
    assert_eq!(one_past.now_or_never(), Some(false));
    for sending in waiting {
        assert!(sending.await);
    }
    assert_eq!(client.sent().len(), DIRECT_MESSAGES);
}

#[tokio::test(start_paused = true)]
async fn what_clients_say_reaches_handlers() {
    let (stream, messages) = (WebSocketStream::new(), Arc::new(Mutex::new(Vec::new())));
    let hears = Arc::clone(&messages);
    let slow = move |message: ClientMessage| {
        let hears = Arc::clone(&hears);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hears.lock().unwrap().push(format!("{} {:?}", message.client_id, message.frame));
        }
    };
    stream.on_message(ItemHandler::asynchronous(slow)).unwrap();
    let fails = |_: &ClientMessage| Err::<(), _>("a handler fails");
    stream.on_message(ItemHandler::new(fails)).unwrap();
    let client = connect(&stream, "a");
    client.say(Frame::Text("hi".into()));
    client.say(Frame::Pong);
    client.say(Frame::Binary([7].as_slice().into()));
    settle().await;
    stream.close().await;
    assert_eq!(*messages.lock().unwrap(), [r#"a Text("hi")"#, "a Binary([7])"]);
    assert_eq!(stream.handler_failures(), 2);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_everything_in_order() {
    let stream = WebSocketStream::new();
    let mut subscriber = stream.subscribe(Subscribe::all()).await.unwrap();
    let (a, stuck) = (connect(&stream, "a"), connect(&stream, "stuck"));
    stuck.block(true);
    stream.publish(event(1)).await.unwrap();
    let begin = tokio::time::Instant::now();
    stream.close().await;
    assert_eq!(begin.elapsed().as_secs(), 10, "one that takes nothing is waited for so long");
    assert_eq!(a.sent(), ["1", "close 1001"]);
    let mut told = told(&mut subscriber);
    told.sort();
    assert_eq!(
        told,
        ["connect a", "connect stuck", "disconnect a", "disconnect stuck", "message -"]
    );
    assert_eq!(subscriber.next().await, None);
    let (socket, _client) = socket();
    assert!(matches!(stream.connect("b", socket), Err(ConnectError::Closed)));
    assert!(matches!(stream.publish(event(2)).await, Err(PublishError::Closed)));
    assert!(stream.subscribe(Subscribe::all()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_a_client_disconnects_it() {
    let stream = WebSocketStream::new();
    let (socket, client) = socket();
    let id = stream.connect("a", socket).unwrap();
    assert!(stream.unsubscribe(id).await);
    settle().await;
    assert_eq!(client.sent(), ["close 1001"]);
    assert!(stream.clients().is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_its_connections() {
    let stream = WebSocketStream::new();
    let client = connect(&stream, "a");
    settle().await;
    drop(stream);
    settle().await;
    client.say(Frame::Pong);
    assert_eq!(client.sent(), Vec::<String>::new());
    assert!(client.is_abandoned());
}

#[tokio::test]
async fn ids_have_bounds() {
    let stream = WebSocketStream::new();
    for (bytes, fits) in
        [(0, false), (1, true), (CLIENT_ID_BYTES_MAX, true), (CLIENT_ID_BYTES_MAX + 1, false)]
    {
        let (socket, _client) = socket();
        assert_eq!(stream.connect(&"a".repeat(bytes), socket).is_ok(), fits, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_clients_as_there_may_be_and_one_more() {
    let stream = WebSocketStream::new();
    let clients: Vec<Client> =
        (0..CLIENTS_MAX).map(|number| connect(&stream, &number.to_string())).collect();
    let (one_more, _client) = socket();
    let refused = stream.connect("one more", one_more);
    assert!(matches!(refused, Err(ConnectError::TooMany { limit: CLIENTS_MAX })), "{refused:?}");
    // One that is there already may come again.
    let again = connect(&stream, "0");
    stream.publish(event(1)).await.unwrap();
    settle().await;
    assert_eq!(again.sent(), ["1"]);
    assert_eq!(clients[0].sent(), ["close 4000"]);
    assert_eq!(clients[CLIENTS_MAX - 1].sent(), ["1"]);
}
