//! What the server acknowledged is there when it comes back, killed or not.

use std::process::Stdio;

use axum::http::StatusCode;
use checks::http::{call, send};
use checks::program::Program;
use checks::reader::Reader;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{CHAT, binary};

/// A server that keeps everything in `data`.
async fn serve(data: &TempDir) -> Program {
    let path = data.path().to_str().unwrap();
    let args = ["serve", "--dev", "--listen", "127.0.0.1:0", "--data", path];
    Program::start(binary(), args).await.unwrap()
}

async fn publish(server: &Program, topic: &str, body: &'static str) -> Value {
    let url = format!("{}/topics/{topic}", server.url());
    let (status, answer) = call("POST", &url, &[], body).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer
}

/// What `inspect` tells of a folder.
async fn inspect(data: &TempDir) -> Value {
    let command = ["inspect", "--json", data.path().to_str().unwrap()];
    let output = Command::new(binary()).args(command).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn topics_survive_a_kill_and_readers_go_on_where_they_were() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(&data).await;
    let first = publish(&server, "demo", "0").await;
    assert_eq!(first["durability"], json!("disk"));
    let mut reader = Reader::open(&format!("{}/topics/demo?from=earliest", server.url()), None)
        .await
        .unwrap()
        .unwrap();
    let seen = reader.next().await.unwrap().unwrap();
    assert_eq!(seen.data, "0");
    publish(&server, "demo", "1").await;
    server.kill().await.unwrap();

    let server = serve(&data).await;
    let url = format!("{}/topics/demo", server.url());
    let mut reader = Reader::open(&url, Some(&seen.id)).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().data, "1");
    let next = publish(&server, "demo", "2").await;
    assert_eq!((&next["offset"], &next["epoch"]), (&json!(2), &first["epoch"]));
    assert_eq!(reader.next().await.unwrap().unwrap().data, "2");
}

#[tokio::test]
async fn durable_streams_survive_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(&data).await;
    let text = [("content-type", "text/plain")];
    let closing = [("content-type", "text/plain"), ("stream-closed", "true")];
    let url = |server: &Program| format!("{}/v1/stream/notes/1", server.url());
    assert_eq!(send("PUT", &url(&server), &text, "a").await.unwrap().status(), StatusCode::CREATED);
    assert!(send("POST", &url(&server), &text, "b").await.unwrap().status().is_success());
    server.kill().await.unwrap();

    let server = serve(&data).await;
    assert!(send("POST", &url(&server), &closing, "c").await.unwrap().status().is_success());
    server.kill().await.unwrap();

    let server = serve(&data).await;
    let answer = send("GET", &url(&server), &[], "").await.unwrap();
    assert_eq!(answer.headers()["stream-closed"], "true");
    let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
    assert_eq!(body, "abc");
}

#[tokio::test]
async fn a_relay_that_was_killed_has_an_end() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(&data).await;
    let mut pipe = Command::new(binary())
        .args(["relay", "chat-1", "--server", server.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let chat = std::fs::read(CHAT).unwrap();
    let mut stdin = pipe.stdin.take().unwrap();
    stdin.write_all(&chat[..chat.len() / 2]).await.unwrap();
    stdin.flush().await.unwrap();
    let url = |server: &Program| format!("{}/llm/chat-1", server.url());
    let mut reader = loop {
        // The pipe's own request may still be on its way.
        if let Ok(Some(reader)) = Reader::open(&url(&server), None).await {
            break reader;
        }
    };
    let before = reader.next().await.unwrap().unwrap();
    server.kill().await.unwrap();

    let server = serve(&data).await;
    let mut reader = Reader::open(&url(&server), Some(&before.id)).await.unwrap().unwrap();
    let seen = reader.read_to_end().await.unwrap();
    let kinds: Vec<&str> = seen.iter().map(|seen| seen.event.as_str()).collect();
    assert!(kinds.ends_with(&["error", "end"]), "{kinds:?}");
    // A second one would have readers forget what had come.
    assert_eq!((before.event.as_str(), kinds.contains(&"start")), ("start", false), "{kinds:?}");
}

#[tokio::test]
async fn a_folder_belongs_to_one_server_and_anybody_may_look() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(&data).await;
    publish(&server, "demo", "0").await;
    let path = data.path().to_str().unwrap();
    let second = ["serve", "--listen", "127.0.0.1:0", "--data", path];
    let refused = Command::new(binary()).args(second).output().await.unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("in use by another process"), "{told}");

    let seen = inspect(&data).await;
    assert_eq!(seen["damage"], json!([]));
    let log = &seen["logs"][0];
    assert_eq!((&log["name"], &log["next"]), (&json!("topic/demo"), &json!(1)));
    publish(&server, "demo", "1").await;
    server.ask_to_end().await.unwrap();
    assert!(server.wait().await.unwrap().success());
    assert_eq!(inspect(&data).await["logs"][0]["next"], json!(2));
}
