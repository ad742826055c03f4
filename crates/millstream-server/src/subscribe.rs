//! `millstream sub` and `tail`: events on standard output as they come.
//!
//! A lost connection is made anew, and goes on after the last event that was printed.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::io::StreamReader;

use crate::cli::SubArgs;
use crate::publish::encoded;
use crate::remote::{Remote, read};

/// How long the first wait for a lost server is; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// How long a wait becomes at most.
const RETRY_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: SubArgs) -> anyhow::Result<()> {
    let query = query(&args);
    let remote = Remote::new(args.remote);
    let mut printer = Printer { json: args.json, left: args.count, resume: None };
    let mut wait = RETRY_FIRST;
    while printer.left != Some(0) {
        let before = printer.resume.clone();
        match connect(&remote, &query, &mut printer).await? {
            Ended::ForGood => break,
            Ended::Lost(why) => eprintln!("millstream: {why}; trying again"),
        }
        if printer.left == Some(0) {
            break;
        }
        // A server that let us read is there again.
        wait = if printer.resume == before { wait } else { RETRY_FIRST };
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
    Ok(())
}

fn query(args: &SubArgs) -> String {
    let topics = args.topics.iter().map(|topic| ("topic", topic.as_str()));
    let filters = args.filter.iter().map(|condition| ("filter", condition.as_str()));
    let pairs = topics.chain(filters).chain([("from", args.from.as_str())]);
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    pairs.join("&")
}

/// How a connection ended.
enum Ended {
    /// Coming back would not help, or enough was printed.
    ForGood,
    Lost(String),
}

async fn connect(remote: &Remote, query: &str, printer: &mut Printer) -> anyhow::Result<Ended> {
    let mut request = Request::builder().header("accept", "application/x-ndjson");
    if let Some(resume) = &printer.resume {
        request = request.header("last-event-id", resume);
    }
    let path = format!("/events?{query}");
    let response = match remote.send(&path, request, Body::empty()).await? {
        Ok(response) => response,
        Err(error) => return Ok(Ended::Lost(error.to_string())),
    };
    if response.status().is_server_error() {
        return Ok(Ended::Lost(format!("the server answered {}", response.status())));
    }
    if !response.status().is_success() {
        let (status, answer) = read(response).await?;
        bail!("the server answered {status}: {answer}");
    }
    let body = response.into_body().into_data_stream();
    let body = body.map(|chunk| chunk.map_err(std::io::Error::other));
    let mut lines = BufReader::new(StreamReader::new(body)).split(b'\n');
    loop {
        match lines.next_segment().await {
            Ok(Some(line)) => {
                if !printer.print(&line)? {
                    return Ok(Ended::ForGood);
                }
            }
            Ok(None) => return Ok(Ended::Lost("the connection ended".to_owned())),
            Err(error) => return Ok(Ended::Lost(format!("the connection broke: {error}"))),
        }
    }
}

/// A line that the server sends.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    disconnect: Option<Disconnect>,
    resume: Option<String>,
}

#[derive(Deserialize)]
struct Disconnect {
    reason: String,
    reconnect: bool,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

struct Printer {
    json: bool,
    /// Events that are still to be printed, if they are counted.
    left: Option<u64>,
    resume: Option<String>,
}

impl Printer {
    /// Prints what a line holds; says whether to go on.
    fn print(&mut self, line: &[u8]) -> anyhow::Result<bool> {
        let text = std::str::from_utf8(line)?;
        let Line { event, disconnect, resume } = serde_json::from_str(text)?;
        match (event, disconnect) {
            (Some(event), _) => {
                self.print_event(event)?;
                self.left = self.left.map(|left| left.saturating_sub(1));
            }
            (None, Some(Disconnect { reason, reconnect: false })) => {
                bail!("the server ended the subscription: {reason}")
            }
            // Gaps are for people to know of; the rest is for machines.
            (None, None)
                if !text.starts_with("{\"hello\"") && !text.starts_with("{\"heartbeat\"") =>
            {
                eprintln!("millstream: {text}");
            }
            (None, _) => {}
        }
        self.resume = resume.or(self.resume.take());
        Ok(self.left != Some(0))
    }

    fn print_event(&self, event: &RawValue) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let entry: Entry<'_> = serde_json::from_str(event.get())?;
        match entry.data {
            Some(data) if !self.json => match serde_json::from_str(data.get())? {
                Value::String(text) => writeln!(out, "{text}")?,
                _ => writeln!(out, "{data}")?,
            },
            _ => writeln!(out, "{event}")?,
        }
        Ok(out.flush()?)
    }
}
