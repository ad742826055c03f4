//! The load generator, as one runs it by hand.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::{binary, serve};

async fn bench(server: &str, args: &[&str]) -> (bool, String) {
    let base = ["bench", "--server", server, "--subscribers", "20", "--publishers", "2"];
    let load = ["--rate", "200", "--time", "200ms"];
    let mut command = Command::new(binary());
    command.args(base).args(load).args(args).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn every_transport_delivers_everything_once() {
    let server = serve(&[]).await;
    for transport in ["sse", "websocket", "durable"] {
        let (is_well, text) = bench(server.url(), &["--transport", transport]).await;
        assert!(is_well, "{transport}: {text}");
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.unwrap().split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
        };
        assert!(value("deliveries/s") > 0.0, "{text}");
        assert!(value("lost").abs() < 0.5 && value("duplicates").abs() < 0.5, "{text}");
        assert!(!text.contains("server CPU"), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_is_told() {
    let (is_well, text) = bench("https://127.0.0.1", &[]).await;
    assert!(!is_well && text.contains("expected http://HOST:PORT"), "{text}");
    let server = serve(&[]).await;
    let (is_well, text) = bench(server.url(), &["--topic", "$sys.x"]).await;
    assert!(!is_well && text.contains("403"), "{text}");
}
