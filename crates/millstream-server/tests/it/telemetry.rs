//! What an operator is told: logs with the trace of each request, and spans at a collector.

use std::process::Stdio;

use checks::http::call;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::binary;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A server whose log is read.
struct Server {
    url: String,
    log: Lines<BufReader<ChildStderr>>,
    _child: Child,
}

impl Server {
    async fn start(env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary())
            .args(["serve", "--dev", "--memory", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { url, log, _child: child }
    }

    async fn publish(&self, headers: &[(&str, &str)]) {
        let topic = format!("{}/topics/a", self.url);
        let (status, _) = call("POST", &topic, headers, "1").await.unwrap();
        assert_eq!(status, 201);
    }

    /// The next line of the log that says so.
    async fn logged(&mut self, message: &str) -> Value {
        loop {
            let line = self.log.next_line().await.unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }
}

#[tokio::test]
async fn a_line_names_its_request_and_trace() {
    let mut server = Server::start(&[("MILLSTREAM_LOG", "stream_http=debug")]).await;
    server.publish(&[("traceparent", PARENT)]).await;
    let line = server.logged("answered").await;
    let span = &line["span"];
    assert_eq!(
        (&span["trace_id"], &span["parent_id"]),
        (&TRACE.into(), &"b7ad6b7169203331".into())
    );
    assert_eq!(span["http.route"], "/topics/{topic}");
    assert_eq!(span["http.response.status_code"], 201);
    server.publish(&[]).await;
    assert!(server.logged("answered").await["span"].get("trace_id").is_none());
}

#[cfg(feature = "otel")]
#[tokio::test]
async fn spans_of_a_trace_reach_the_collector() {
    use axum::Router;
    use axum::routing::post;
    use tokio::sync::mpsc;

    let (tell, mut told) = mpsc::unbounded_channel::<Vec<u8>>();
    let collect = async move |body: axum::body::Bytes| tell.send(body.to_vec()).unwrap();
    let router = Router::new().route("/v1/traces", post(collect));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "1")];
    let server = Server::start(&env).await;
    server.publish(&[("traceparent", PARENT)]).await;
    // The span is that of the publish: it has the trace's id, and the route in its name.
    let trace: Vec<u8> = (0..16)
        .map(|byte| u8::from_str_radix(&TRACE[2 * byte..2 * byte + 2], 16).unwrap())
        .collect();
    let holds = |spans: &[u8], part: &[u8]| spans.windows(part.len()).any(|one| one == part);
    let spans = told.recv().await.unwrap();
    for part in [&trace[..], b"POST /topics/{topic}", b"service.name", b"millstream"] {
        assert!(holds(&spans, part), "{}", String::from_utf8_lossy(&spans));
    }
}
