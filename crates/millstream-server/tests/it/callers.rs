//! Tokens and the commands that use them, as an operator would.

use std::process::Stdio;

use axum::http::StatusCode;
use checks::http::call;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{binary, serve};

fn secret() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a secret of more than thirty-two bytes\n").unwrap();
    file
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).kill_on_drop(true).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command prints, if it succeeds.
async fn output(args: &[&str], input: &str) -> Result<String, String> {
    let mut child = command(args).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

async fn token(secret: &NamedTempFile, grants: &[&str]) -> String {
    let path = secret.path().to_str().unwrap();
    let args = [&["token", "--secret-file", path], grants].concat();
    output(&args, "").await.unwrap()
}

/// A command that goes on, and its lines.
struct Running {
    _child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = command(args).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    async fn next(&mut self) -> String {
        self.lines.next_line().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn tokens_say_who_may_publish_and_read() {
    let secret = secret();
    let path = secret.path().to_str().unwrap();
    let server = serve(&["--secret-file", path]).await;
    let url = server.url();
    let (status, _) = call("POST", &format!("{url}/topics/a"), &[], "1").await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let writer = token(&secret, &["--publish", "a"]).await;
    let reader = token(&secret, &["--subscribe", "*"]).await;
    let publish = |token: String| {
        let url = url.to_owned();
        async move { output(&["pub", "a", "{\"n\":1}", "--server", &url, "--token", &token], "").await }
    };
    assert!(publish(writer).await.unwrap().contains("\"offset\":0"));
    let refusal = publish(reader.clone()).await.unwrap_err();
    assert!(refusal.contains("the token's `publish` does not cover a"), "{refusal}");
    let read = ["tail", "a", "-n", "1", "--server", url, "--token", &reader];
    assert_eq!(output(&read, "").await.unwrap(), "{\"n\":1}");
    let everything = token(&secret, &["--all"]).await;
    let authorization = format!("Bearer {everything}");
    let headers = [("authorization", authorization.as_str())];
    let (status, _) = call("GET", &format!("{url}/metrics"), &headers, "").await.unwrap();
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_subscriber_prints_events_through_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let start = async |listen: &str| {
        let args = ["serve", "--dev", "--data", data, "--listen", listen];
        checks::program::Program::start(binary(), args).await.unwrap()
    };
    let server = start("127.0.0.1:0").await;
    let url = server.url().to_owned();
    let mut reader = Running::start(&["sub", "a.*", "--from", "earliest", "--server", &url]);
    output(&["pub", "a.x", "--lines", "--server", &url], "1\n\"two\"\n{\"three\": 3}\n")
        .await
        .unwrap();
    assert_eq!(
        [reader.next().await, reader.next().await, reader.next().await],
        ["1", "two", "{\"three\": 3}"]
    );
    server.kill().await.unwrap();
    let listen = url.strip_prefix("http://").unwrap();
    let server = start(listen).await;
    output(&["pub", "a.y", "--server", &url], "again").await.unwrap();
    assert_eq!(reader.next().await, "again");
    drop(server);
}
