//! WebSocket clients of an application that runs on axum.

use axum::Router;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use stream_async::{ClientMessage, Frame, ItemHandler, WebSocketStream};
use stream_core::{Stream as _, Subscribe};
use stream_http::AxumSocket;
use stream_model::{Event, EventType};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

async fn connect(
    Path(client): Path<String>,
    State(stream): State<WebSocketStream>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(async move |socket| {
        stream.connect(&client, AxumSocket::new(socket)).unwrap();
    })
}

#[tokio::test]
async fn events_and_messages_go_both_ways() {
    let stream = WebSocketStream::new();
    let mut comings = stream.subscribe(Subscribe::all()).await.unwrap();
    let (said, mut messages) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |message: &ClientMessage| said.send(message.frame.clone());
    stream.on_message(ItemHandler::new(handler)).unwrap();
    let app = Router::new().route("/{client}", any(connect)).with_state(stream.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let tcp = TcpStream::connect(address).await.unwrap();
    let (mut alice, _) = client_async("ws://localhost/alice", tcp).await.unwrap();
    let came = comings.next().await.unwrap().unwrap();
    assert_eq!(came.event_type(), EventType::Connect);
    stream.publish(Event::text("to all")).await.unwrap();
    assert!(stream.send_to("alice", Event::text("to alice")).await);
    let mut data = Vec::new();
    for _ in 0..2 {
        let message = alice.next().await.unwrap().unwrap();
        let dict: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        data.push(dict["data"].as_str().unwrap().to_owned());
    }
    data.sort();
    assert_eq!(data, ["to alice", "to all"]);

    alice.send(Message::text("hi")).await.unwrap();
    assert_eq!(messages.recv().await, Some(Frame::Text("hi".into())));
    stream.close().await;
    let last = alice.next().await.unwrap().unwrap();
    let Message::Close(Some(close)) = last else { panic!("expected a close frame: {last:?}") };
    assert_eq!(u16::from(close.code), 1001);
    server.abort();
}
