//! Real WebSocket connections, over a pipe.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use stream_async::{Tungstenite, WebSocketStream};
use stream_core::Stream as _;
use stream_model::Event;
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream as Connection;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

async fn connected(stream: &WebSocketStream, id: &str) -> Connection<DuplexStream> {
    let (ours, theirs) = duplex(1024);
    let server = Connection::from_raw_socket(ours, Role::Server, None).await;
    stream.connect(id, Tungstenite::new(server)).unwrap();
    Connection::from_raw_socket(theirs, Role::Client, None).await
}

/// The data of the event that comes next.
async fn data(client: &mut Connection<DuplexStream>) -> serde_json::Value {
    let message = client.next().await.unwrap().unwrap();
    let dict: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    dict["data"].clone()
}

#[tokio::test(start_paused = true)]
async fn events_messages_pings_and_the_end() {
    let stream = WebSocketStream::new();
    let mut client = connected(&stream, "a").await;
    stream.publish(Event::text("to all")).await.unwrap();
    assert_eq!(data(&mut client).await, "to all");

    let sending = tokio::spawn({
        let stream = stream.clone();
        async move { stream.send_to("a", Event::text("to a")).await }
    });
    assert_eq!(data(&mut client).await, "to a");
    assert!(sending.await.unwrap());

    // A client answers pings by itself, as long as it reads.
    for _ in 0..3 {
        assert!(client.next().await.unwrap().unwrap().is_ping());
    }
    client.send(Message::text("hi")).await.unwrap();
    assert_eq!(stream.clients(), ["a".into()]);

    stream.disconnect("a");
    let last = client.next().await.unwrap().unwrap();
    let Message::Close(Some(close)) = last else { panic!("expected a close frame: {last:?}") };
    assert_eq!(u16::from(close.code), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_is_removed() {
    let stream = WebSocketStream::new();
    let mut polite = connected(&stream, "polite").await;
    let rude = connected(&stream, "rude").await;
    polite.close(None).await.unwrap();
    drop(rude);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let answer = polite.next().await;
    assert!(matches!(answer, Some(Ok(Message::Close(_)))), "{answer:?}");
    assert!(stream.clients().is_empty());
}
