//! A provider's stream, from its bytes to readers that leave, come back, and come late.

use std::path::PathBuf;
use std::process::Stdio;

use axum::http::StatusCode;
use checks::corpus::Recording;
use checks::end_to_end::Stage;
use checks::http::call;
use checks::program::Program;
use checks::reader::{Reader, Seen};
use millstream::llm::{Assembly, EndStatus, Format, StreamEvent};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{CHAT, binary, serve};

async fn read_all(url: &str, after: Option<&str>) -> Vec<Seen> {
    match Reader::open(url, after).await.unwrap() {
        Some(mut reader) => reader.read_to_end().await.unwrap(),
        None => Vec::new(),
    }
}

fn assembly(seen: &[Seen]) -> Assembly {
    let mut assembly = Assembly::default();
    for seen in seen {
        assembly.push(&StreamEvent::from_json(&seen.data).unwrap());
    }
    assembly
}

/// Relays `body` as `id` and gives everything that a reader sees of it.
async fn relay(server: &Program, id: &str, query: &str, body: Vec<u8>) -> Vec<Seen> {
    let url = format!("{}/llm/{id}", server.url());
    let headers = [("content-type", "application/octet-stream")];
    let (status, answer) = call("POST", &format!("{url}{query}"), &headers, body).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    read_all(&url, None).await
}

#[tokio::test]
async fn every_way_of_reading_gives_the_same() {
    let recording = Recording {
        name: "chat".into(),
        path: PathBuf::from(CHAT),
        format: Format::OpenAiChat,
        strict: true,
        bytes: std::fs::read(CHAT).unwrap(),
        expected: json!({
            "choices": [{
                "index": 0,
                "text": "Der Mühlbach treibt das Rad, das Rad treibt den Stein – \
                         水は流れ続ける 🌊, and nothing is lost on the way.",
                "reasoning": "", "refusal": "", "finish_reason": "tool_calls",
                "tool_calls": [{
                    "id": "call_1", "name": "lookup", "by": "client",
                    "arguments": "{\"name\":\"Bächle\",\"tags\":[\"a\",\"b 🌊\"]}",
                }],
            }],
            "usage": {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46},
            "errors": [], "terminal": true, "model": "example-1",
        }),
    };
    let recordings = vec![recording; 8];
    let stage = Stage::start(binary(), &recordings, 13).await.unwrap();
    for (number, recording) in recordings.iter().enumerate() {
        stage.check(number, recording, number as u64).await.unwrap();
    }
}

#[tokio::test]
async fn a_reader_resumes_after_every_event() {
    let server = serve(&[]).await;
    let all = relay(&server, "chat", "", std::fs::read(CHAT).unwrap()).await;
    let url = format!("{}/llm/chat", server.url());
    assert!(all.len() > 20);
    for (place, seen) in all.iter().enumerate() {
        assert_eq!(read_all(&url, Some(&seen.id)).await, all[place + 1..], "after {place}");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_stops_nothing() {
    let server = serve(&[]).await;
    let url = format!("{}/llm/live", server.url());
    let (pieces, body) = tokio::sync::mpsc::channel::<&'static str>(1);
    let body = futures_util::stream::unfold(body, async |mut body| {
        Some((Ok::<_, std::io::Error>(body.recv().await?), body))
    });
    let post = tokio::spawn({
        let url = format!("{url}?provider=openai-chat");
        async move { call("POST", &url, &[], axum::body::Body::from_stream(body)).await.unwrap() }
    });
    pieces.send("data: {\"choices\":[{\"delta\":{\"content\":\"one \"}}]}\n\n").await.unwrap();
    // The relay may not have been made yet when the first reader asks.
    let mut reader = loop {
        match Reader::open(&url, None).await {
            Ok(reader) => break reader.unwrap(),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let seen = [reader.next().await.unwrap().unwrap(), reader.next().await.unwrap().unwrap()];
    assert_eq!((seen[0].event.as_str(), seen[1].event.as_str()), ("start", "delta"));
    drop(reader);
    pieces.send("data: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n\n").await.unwrap();
    pieces.send("data: [DONE]\n\n").await.unwrap();
    drop(pieces);
    assert_eq!(post.await.unwrap().0, StatusCode::CREATED);
    let rest = read_all(&url, Some(&seen[1].id)).await;
    let all = read_all(&url, None).await;
    assert_eq!([&seen[..], &rest[..]].concat(), all);
    assert_eq!(assembly(&all).text(), "one two");
}

#[tokio::test]
async fn a_provider_that_closes_in_mid_event_is_an_end_that_says_so() {
    let server = serve(&[]).await;
    let bytes = std::fs::read(CHAT).unwrap();
    let cut = bytes.len() / 2;
    let all = relay(&server, "cut", "", bytes[..cut].to_vec()).await;
    let assembly = assembly(&all);
    assert_eq!(assembly.status(), Some(EndStatus::Incomplete));
    assert!(assembly.text().starts_with("Der Mühlbach treibt"));
}

#[tokio::test]
async fn a_provider_that_breaks_off_is_an_error_event() {
    let args = ["replay", CHAT, "--listen", "127.0.0.1:0", "--interval", "0ms", "--cut", "37"];
    let replay = Program::start(binary(), args).await.unwrap();
    let config = format!("[upstreams.p]\nurl = '{}/v1'\nformat = 'openai-chat'", replay.url());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let server = serve(&["--config", file.path().to_str().unwrap()]).await;
    let url = format!("{}/llm/broken", server.url());
    let headers = [("content-type", "application/json")];
    let command = r#"{"upstream":"p","request":{"stream":true}}"#;
    let (status, answer) = call("POST", &url, &headers, command).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let all = read_all(&url, None).await;
    let events: Vec<_> = all.iter().map(|seen| seen.event.as_str()).collect();
    assert!(events.ends_with(&["error", "metadata", "end"]), "{events:?}");
    assert_eq!(assembly(&all).status(), Some(EndStatus::Incomplete));
}

#[tokio::test]
async fn invalid_utf8_is_replaced_and_fatal_to_nobody() {
    let server = serve(&[]).await;
    let mut body =
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\xfe\xc3b\"}}]}\n\n".to_vec();
    body.extend(b"data: [DONE]\n\n");
    let all = relay(&server, "utf8", "?provider=openai-chat", body).await;
    let assembly = assembly(&all);
    assert_eq!(assembly.text(), "a\u{fffd}\u{fffd}\u{fffd}b");
    assert_eq!(assembly.status(), Some(EndStatus::Complete));
}

#[tokio::test]
async fn stopping_ends_a_generation_and_a_second_start_is_a_conflict() {
    let args = ["replay", CHAT, "--listen", "127.0.0.1:0", "--interval", "1h"];
    let replay = Program::start(binary(), args).await.unwrap();
    let config = format!("[upstreams.p]\nurl = '{}/v1'\nformat = 'openai-chat'", replay.url());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let server = serve(&["--config", file.path().to_str().unwrap()]).await;
    let url = format!("{}/llm/slow", server.url());
    let headers = [("content-type", "application/json")];
    let command = r#"{"upstream":"p","request":{}}"#;
    let (status, _) = call("POST", &url, &headers, command).await.unwrap();
    assert_eq!(status, StatusCode::CREATED);
    let (status, answer) = call("POST", &url, &headers, command).await.unwrap();
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(answer["type"], "urn:millstream:problem:relay-exists");

    let mut reader = Reader::open(&url, None).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().event, "start");
    let (status, _) = call("POST", &format!("{url}/stop"), &[], "").await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    let last = reader.read_to_end().await.unwrap().pop().unwrap();
    assert_eq!(last.event, "end");
    assert!(last.data.contains(r#""reason":"stopped""#), "{}", last.data);
    let (status, answer) = call("POST", &format!("{url}/stop"), &[], "").await.unwrap();
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("ended")));
}

#[tokio::test]
async fn standard_input_can_be_relayed() {
    let server = serve(&[]).await;
    let mut child = Command::new(binary())
        .args(["relay", "piped", "--server", server.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&std::fs::read(CHAT).unwrap()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains(r#""status":"complete""#));
    let all = read_all(&format!("{}/llm/piped", server.url()), None).await;
    assert!(assembly(&all).text().ends_with("nothing is lost on the way."));
}

#[tokio::test]
async fn a_shutdown_ends_a_running_relay_in_order() {
    let args = ["replay", CHAT, "--listen", "127.0.0.1:0", "--interval", "1h"];
    let replay = Program::start(binary(), args).await.unwrap();
    let config = format!("[upstreams.p]\nurl = '{}/v1'\nformat = 'openai-chat'", replay.url());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let server = serve(&["--config", file.path().to_str().unwrap(), "--drain", "30s"]).await;
    let url = format!("{}/llm/slow", server.url());
    let headers = [("content-type", "application/json")];
    let command = r#"{"upstream":"p","request":{}}"#;
    assert_eq!(call("POST", &url, &headers, command).await.unwrap().0, StatusCode::CREATED);
    let mut reader = Reader::open(&url, None).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().event, "start");
    server.ask_to_end().await.unwrap();
    let last = reader.read_to_end().await.unwrap().pop().unwrap();
    assert_eq!(last.event, "end");
    assert!(last.data.contains(r#""reason":"shutdown""#), "{}", last.data);
    assert!(server.wait().await.unwrap().success());
}
