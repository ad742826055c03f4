//! A provider's bytes to the frames that a reader gets, in one process: ours beside
//! `eventsource-stream` and `serde_json::Value`.
//!
//! Everybody reads the same made-up chat stream in chunks of the same size and must deliver the
//! same frames to the byte, which is checked before anything is timed.
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, in round numbers, and stops at what it did not expect"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::ensure;
use bench::rounds::{Contestant, fastest, ratio};
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{StreamExt, stream};
use millstream::http::frame::relay_frame;
use millstream::llm::Format;
use millstream::log::{
    AppendBatch, LiveLog, Log, LogConfig, LogReader, MemoryLog, Next, ReadFrom, Record,
};
use millstream::model::{Epoch, Offset};
use millstream::relay::{Ending, Moment, Relay, RelayOptions};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
const EPOCH: Epoch = Epoch::new(0x51ed_270b);
const ROUNDS: usize = 15;
const DELTAS: usize = 20_000;

fn main() -> anyhow::Result<()> {
    let input = chat(DELTAS);
    let events = input.split("\n\n").count() - 1;
    println!("{events} provider events, {:.1} MB", megabytes(&input));
    for chunk_bytes in [64, 1400] {
        compare(&input, chunk_bytes, events)?;
    }
    Ok(())
}

fn compare(input: &str, chunk_bytes: usize, events: usize) -> anyhow::Result<()> {
    let chunks: Vec<Bytes> =
        input.as_bytes().chunks(chunk_bytes).map(Bytes::copy_from_slice).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;

    let want = ours(&chunks, true);
    ensure!(want.frames > DELTAS as u64, "only {} frames", want.frames);
    ensure!(
        want == runtime.block_on(ours_through_a_log(&chunks, true)),
        "the log changed the frames"
    );
    ensure!(want == runtime.block_on(peer(&chunks, true)), "the peer delivered other frames");

    let mut contestants = [
        Contestant::new("millstream", || drop(ours(&chunks, false))),
        Contestant::new("millstream, kept in a log and followed", || {
            drop(runtime.block_on(ours_through_a_log(&chunks, false)));
        }),
        Contestant::new("eventsource-stream + serde_json::Value", || {
            drop(runtime.block_on(peer(&chunks, false)));
        }),
    ];
    let times = fastest(ROUNDS, &mut contestants);
    let peer_time = times.last().copied().unwrap_or_default();
    println!("\nchunks of {chunk_bytes} bytes, {} frames each, fastest of {ROUNDS}", want.frames);
    println!("{:>8} {:>10} {:>14}", "MB/s", "ns/event", "times the peer");
    for (contestant, time) in contestants.iter().zip(times) {
        let speed = megabytes(input) / time.as_secs_f64();
        let per_event = time.as_secs_f64() * 1e9 / events as f64;
        let times_peer = ratio(peer_time, time);
        println!("{speed:>8.0} {per_event:>10.0} {times_peer:>14.2}  {}", contestant.name);
    }
    Ok(())
}

fn megabytes(input: &str) -> f64 {
    input.len() as f64 / 1e6
}

/// A chat stream as OpenAI sends it.
fn chat(deltas: usize) -> String {
    const WORDS: [&str; 8] =
        ["The ", "mill", " stream", " carries", " every", " \"grain\"", ",\n", "Mühle – 水"];
    let chunk = |choices: Value, usage: Value| {
        json!({
            "id": "chatcmpl-BVb8gW8y2FQJzZ7Yw1xq3N5v", "object": "chat.completion.chunk",
            "created": 1_767_323_045, "model": "gpt-4.1-mini-2025-04-14",
            "service_tier": "default", "system_fingerprint": "fp_6f2eabb9a5",
            "choices": choices, "usage": usage,
        })
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let mut out = String::new();
    let mut put = |payload: Value| {
        write!(out, "data: {payload}\n\n").expect("memory is written");
    };
    for number in 0..deltas {
        let word = WORDS[number % WORDS.len()];
        put(chunk(choice(json!({"content": word}), Value::Null), Value::Null));
    }
    put(chunk(choice(json!({}), json!("stop")), Value::Null));
    put(chunk(
        json!([]),
        json!({"prompt_tokens": 9, "completion_tokens": 20_000, "total_tokens": 20_009}),
    ));
    out.push_str("data: [DONE]\n\n");
    out
}

/// Takes delivered frames.
///
/// What it does with each is cheap enough not to hide what came before, and tells any two runs of
/// frames apart that differ in a frame's length or in a byte among its last eight.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delivered {
    frames: u64,
    bytes: u64,
    checksum: u64,
    /// Every byte, kept only in the run that is compared.
    all: Option<Vec<u8>>,
}

impl Delivered {
    fn new(keep: bool) -> Self {
        Self { all: keep.then(Vec::new), ..Self::default() }
    }

    fn deliver(&mut self, frame: &[u8]) {
        let last = frame.last_chunk::<8>().copied().unwrap_or_default();
        self.checksum = self.checksum.rotate_left(5) ^ u64::from_le_bytes(last);
        self.frames += 1;
        self.bytes += frame.len() as u64;
        if let Some(all) = &mut self.all {
            all.extend_from_slice(frame);
        }
    }
}

/// The peer writes no statistics.
fn options() -> RelayOptions {
    RelayOptions::default().format(Format::OpenAiChat).statistics(false)
}

/// Bytes to records to frames.
fn ours(chunks: &[Bytes], keep: bool) -> Delivered {
    let mut sink = Delivered::new(keep);
    let mut offset = Offset::ZERO;
    let now = Moment::now();
    let mut relay = Relay::new(&options(), now);
    let mut deliver = |relay: &mut Relay| {
        for payload in relay.take_records() {
            sink.deliver(&relay_frame(EPOCH, Record { offset, timestamp: T0, payload }));
            offset = offset.next();
        }
    };
    for chunk in chunks {
        relay.push(now, chunk);
        deliver(&mut relay);
    }
    relay.finish(now, &Ending::Finished);
    deliver(&mut relay);
    sink
}

/// The same, appended to a log that a reader follows.
async fn ours_through_a_log(chunks: &[Bytes], keep: bool) -> Delivered {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::with_epoch(LogConfig::default(), EPOCH));
    let tail = log.tail().await.expect("a log in memory has a tail");
    let capacity = millstream::Capacity::items(1024);
    let live = LiveLog::start(Arc::clone(&log), tail, capacity, Arc::new(relay_frame));
    let mut reader = LogReader::open(Arc::new(live), ReadFrom::Earliest).expect("it is there");
    let write = async {
        let now = Moment::now();
        let mut relay = Relay::new(&options(), now);
        for chunk in chunks {
            relay.push(now, chunk);
            append(&*log, &mut relay).await;
            tokio::task::yield_now().await;
        }
        relay.finish(now, &Ending::Finished);
        append(&*log, &mut relay).await;
        log.close().await.expect("a log in memory closes");
    };
    let read = async {
        let mut sink = Delivered::new(keep);
        while let Next::Record(_, frame) = reader.next().await.expect("a log in memory is read") {
            sink.deliver(frame);
        }
        sink
    };
    tokio::join!(write, read).1
}

async fn append(log: &dyn Log, relay: &mut Relay) {
    let records = relay.take_records();
    if !records.is_empty() {
        let batch = AppendBatch::new(T0).records(records);
        let receipt = log.append(batch).await.expect("a log in memory takes everything");
        assert!(!receipt.duplicate);
    }
}

/// What one would write with `eventsource-stream` and `serde_json::Value`.
async fn peer(chunks: &[Bytes], keep: bool) -> Delivered {
    let mut frames = PeerFrames { sink: Delivered::new(keep), ..PeerFrames::default() };
    let chunks = stream::iter(chunks.iter().map(|chunk| Ok::<_, std::io::Error>(chunk.clone())));
    let mut events = chunks.eventsource();
    while let Some(event) = events.next().await {
        let data = event.expect("the input is well formed").data;
        if data == "[DONE]" {
            break;
        }
        let payload: Value = serde_json::from_str(&data).expect("the input is JSON");
        frames.payload(&payload);
    }
    frames.end()
}

/// Turns payloads into the frames that ours makes of them.
#[derive(Default)]
struct PeerFrames {
    sink: Delivered,
    next: u64,
    started: bool,
    told_extra: bool,
}

impl PeerFrames {
    fn payload(&mut self, payload: &Value) {
        if !self.started {
            self.started = true;
            let metadata = format!(
                r#"{{"format":"openai-chat","id":{},"model":{},"created":{}}}"#,
                payload["id"], payload["model"], payload["created"]
            );
            self.frame("start", "", &metadata);
        }
        let choice = &payload["choices"][0];
        if let Some(text) = choice["delta"]["content"].as_str() {
            self.frame("delta", text, "{}");
        }
        if !self.told_extra {
            self.told_extra = true;
            let metadata = format!(
                r#"{{"kind":"extra","fields":{{"service_tier":{},"system_fingerprint":{}}}}}"#,
                payload["service_tier"], payload["system_fingerprint"],
            );
            self.frame("metadata", "", &metadata);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            let metadata =
                format!(r#"{{"kind":"finish","reason":"{reason}","provider_reason":"{reason}"}}"#);
            self.frame("metadata", "", &metadata);
        }
        if payload["usage"].is_object() {
            let usage = &payload["usage"];
            let metadata = format!(
                r#"{{"kind":"usage","input_tokens":{},"output_tokens":{},"total_tokens":{},"raw":{usage}}}"#,
                usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"],
            );
            self.frame("metadata", "", &metadata);
        }
    }

    fn end(mut self) -> Delivered {
        self.frame("end", "", "{}");
        self.sink
    }

    fn frame(&mut self, kind: &str, delta: &str, metadata: &str) {
        self.next += 1;
        let delta = Value::from(delta);
        let timestamp = T0.format(&Rfc3339).expect("the time is after 1970");
        let frame = format!(
            "id: {EPOCH}.{}\nevent: {kind}\ndata: {{\"type\":\"{kind}\",\"content\":\"\",\
             \"delta\":{delta},\"metadata\":{metadata},\"timestamp\":\"{timestamp}\"}}\n\n",
            self.next
        );
        self.sink.deliver(frame.as_bytes());
    }
}
