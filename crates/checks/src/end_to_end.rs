//! The whole way: a recording, replayed as its provider would, through the server, to readers.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use axum::http::StatusCode;
use futures_util::future::try_join_all;
use millstream::llm::{Assembly, StreamEvent};
use serde_json::json;

use crate::corpus::Recording;
use crate::expected::differences;
use crate::http::call;
use crate::program::Program;
use crate::reader::{Reader, Seen};

/// Bytes after which a reader that is to be cut is cut at the latest, unless that is less than
/// one event.
const CUT_BYTES_MAX: usize = 4000;

/// A server that knows a replay of each recording as a provider.
#[derive(Debug)]
pub struct Stage {
    server: Program,
    _replays: Vec<Program>,
}

impl Stage {
    /// Starts the replays and the server; `pieces` is the size of a replay's chunks.
    ///
    /// # Errors
    /// Says which process did not start.
    ///
    /// # Cancel safety
    /// Dropping the future kills what was started.
    pub async fn start(
        binary: &Path,
        recordings: &[Recording],
        pieces: usize,
    ) -> anyhow::Result<Self> {
        let pieces = pieces.to_string();
        let replay = |recording: &Recording| {
            let path = recording.path.display().to_string();
            let args = [
                "replay",
                &path,
                "--listen",
                "127.0.0.1:0",
                "--interval",
                "0ms",
                "--chunk",
                &pieces,
            ];
            let args = args.map(ToOwned::to_owned);
            async move { Program::start(binary, args).await }
        };
        let replays = try_join_all(recordings.iter().map(replay)).await?;
        let mut config = String::new();
        for (number, (recording, replay)) in recordings.iter().zip(&replays).enumerate() {
            let (url, format) = (replay.url(), recording.format);
            writeln!(config, "[upstreams.r{number}]\nurl = '{url}/'\nformat = '{format}'")?;
        }
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), config)?;
        let path = file.path().display().to_string();
        let args = ["serve", "--dev", "--memory", "--listen", "127.0.0.1:0", "--config", &path];
        Ok(Self { server: Program::start(binary, args).await?, _replays: replays })
    }

    /// Sends recording `number` the whole way and says what came out wrong.
    ///
    /// Two readers read it live, one of them cut at random bytes again and again; a third comes
    /// after the end.
    ///
    /// # Errors
    /// Says what did not work, or what differed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the relay running.
    pub async fn check(
        &self,
        number: usize,
        recording: &Recording,
        seed: u64,
    ) -> anyhow::Result<()> {
        let url = format!("{}/llm/r{number}", self.server.url());
        let command = json!({"upstream": format!("r{number}"), "request": {}}).to_string();
        let headers = [("content-type", "application/json")];
        let (status, answer) = call("POST", &url, &headers, command).await?;
        ensure!(status == StatusCode::CREATED, "the relay was answered {status}: {answer}");

        let (whole, cut) = tokio::try_join!(read_whole(&url), read_cut(&url, seed))?;
        compare(&whole, &cut).context("the cut reader")?;
        compare(&whole, &read_whole(&url).await?).context("the late reader")?;
        let last = whole.last().context("no events")?;
        ensure!(Reader::open(&url, Some(&last.id)).await?.is_none(), "expected 204 after the end");

        let events: Vec<_> = whole
            .iter()
            .map(|seen| StreamEvent::from_json(&seen.data))
            .collect::<Result<_, _>>()?;
        for (event, seen) in events.iter().zip(&whole) {
            ensure!(
                event.event_type().as_str() == seen.event,
                "{} is named {}",
                seen.data,
                seen.event
            );
        }
        let assembly: Assembly = events.iter().collect();
        let differences = differences(&assembly, &recording.expected);
        ensure!(!recording.strict || differences.is_empty(), "{}", differences.join("\n"));
        Ok(())
    }
}

async fn read_whole(url: &str) -> anyhow::Result<Vec<Seen>> {
    let mut reader = Reader::open(url, None).await?.context("expected a stream, found 204")?;
    reader.read_to_end().await
}

/// Reads with a connection that breaks at random bytes, resuming each time.
async fn read_cut(url: &str, seed: u64) -> anyhow::Result<Vec<Seen>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut all: Vec<Seen> = Vec::new();
    let mut last_event_id: Option<String> = None;
    let mut bytes_max = CUT_BYTES_MAX;
    loop {
        let Some(mut reader) = Reader::open(url, last_event_id.as_deref()).await? else {
            return Ok(all);
        };
        let events = reader.read_bytes(random.usize(1..bytes_max)).await?;
        // An event larger than every cut would never arrive.
        bytes_max = if events.is_empty() { bytes_max * 2 } else { CUT_BYTES_MAX };
        all.extend(events);
        if !reader.last_event_id().is_empty() {
            last_event_id = Some(reader.last_event_id().to_owned());
        }
    }
}

fn compare(want: &[Seen], got: &[Seen]) -> anyhow::Result<()> {
    for (place, (want, got)) in want.iter().zip(got).enumerate() {
        ensure!(want == got, "event {place}: got {got:?}, want {want:?}");
    }
    if want.len() != got.len() {
        bail!("got {} events, want {}", got.len(), want.len());
    }
    Ok(())
}
