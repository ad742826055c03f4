//! Server-sent events beside the crates that others read them with, and what writing one costs.
//!
//! The bytes are streams of four LLM providers, made up; with `MILLSTREAM_CORPUS` set, also the
//! recordings that lie there.
//! All decoders must find the same events with the same data before anything is timed.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;

use anyhow::ensure;
use bench::llm::{Recording, made_up_streams, recorded};
use bench::table::{Line, Unit, compare};
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, StreamExt, stream};
use millstream::sse::{Decoded, Decoder, Encoder, EventName, FrameRef, LastEventId};

const ROUNDS: usize = 15;
/// Bytes that a contestant reads in one run at least.
const RUN_BYTES: usize = 8_000_000;
const FRAMES: usize = 100_000;

fn main() -> anyhow::Result<()> {
    let mut recordings = made_up_streams();
    recordings.extend(recorded()?.unwrap_or_default());
    let input = joined(&recordings);
    for chunk_bytes in [64, 1400, 16_384] {
        decoding(&input, chunk_bytes)?;
    }
    encoding()
}

/// All streams behind each other, again and again, each ended by a blank line.
fn joined(recordings: &[Recording]) -> Bytes {
    let mut input = Vec::new();
    while input.len() < RUN_BYTES {
        for recording in recordings {
            input.extend_from_slice(&recording.bytes);
            input.extend_from_slice(b"\n\n");
        }
    }
    Bytes::from(input)
}

/// What is done with the data of each event.
type Take<'a> = &'a mut dyn FnMut(&[u8]);

/// A decoder of events.
struct Contender {
    name: &'static str,
    target: &'static str,
    decode: fn(&Bytes, chunk_bytes: usize, Take<'_>),
}

const CONTENDERS: [Contender; 6] = [
    Contender { name: "millstream", target: "", decode: ours },
    Contender { name: "millstream, data checked as UTF-8", target: "", decode: ours_checked },
    Contender { name: "sse-core 0.2.3", target: ">= 2", decode: sse_core },
    Contender { name: "sse-stream 0.3.0", target: ">= 2", decode: sse_stream },
    Contender { name: "sseer 0.3.1", target: ">= 2", decode: sseer },
    Contender { name: "eventsource-stream 0.2.3", target: ">= 2", decode: eventsource_stream },
];

fn decoding(input: &Bytes, chunk_bytes: usize) -> anyhow::Result<()> {
    let digest = |contender: &Contender| {
        let (mut events, mut hasher) = (0_usize, DefaultHasher::new());
        (contender.decode)(input, chunk_bytes, &mut |data| {
            events += 1;
            hasher.write(data);
            hasher.write_usize(data.len());
        });
        (events, hasher.finish())
    };
    let want = digest(&CONTENDERS[0]);
    ensure!(want.0 > 1000, "only {} events", want.0);
    for contender in &CONTENDERS {
        let got = digest(contender);
        ensure!(got == want, "{}: {} events, not {} alike", contender.name, got.0, want.0);
    }
    let lines = CONTENDERS.iter().map(|contender| {
        // Chunks of 64 bytes ask for less than those that hold whole events.
        let is_small = chunk_bytes < 1400 && !contender.target.is_empty();
        let target = if is_small { ">= 1" } else { contender.target };
        let run = move || {
            let mut bytes = 0;
            (contender.decode)(input, chunk_bytes, &mut |data| bytes += data.len());
            black_box(bytes);
        };
        Line::new(contender.name, input.len(), run).target(target)
    });
    let title = format!("decoding: {} events in chunks of {chunk_bytes} bytes", want.0);
    compare(&title, Unit::MEGABYTES_PER_SECOND, ROUNDS, lines.collect());
    Ok(())
}

fn ours(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let mut decoder = Decoder::new();
    for chunk in input.chunks(chunk_bytes) {
        let mut events = decoder.push(chunk);
        while let Some(item) = events.next() {
            if let Decoded::Event(event) = item {
                take(event.data());
            }
        }
    }
}

fn ours_checked(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let mut decoder = Decoder::new();
    for chunk in input.chunks(chunk_bytes) {
        let mut events = decoder.push(chunk);
        while let Some(item) = events.next() {
            if let Decoded::Event(event) = item {
                take(event.data_str().as_bytes());
            }
        }
    }
}

fn sse_core(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let mut decoder = sse_core::SseDecoder::new();
    for mut chunk in input.chunks(chunk_bytes) {
        while let Some(event) = decoder.next(&mut chunk) {
            if let Ok(sse_core::SseEvent::Message(message)) = event {
                take(message.data.as_bytes());
            }
        }
    }
}

fn sse_stream(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let chunks = stream::iter(input.chunks(chunk_bytes).map(Ok::<_, Infallible>));
    let mut events = sse_stream::SseByteStream::new(chunks);
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        if let Some(data) = event.data {
            take(data.as_bytes());
        }
    }
}

/// It wants chunks that it can share, which an HTTP library has; slices cost no copy either.
fn sseer(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let starts = (0..input.len()).step_by(chunk_bytes);
    let chunks = starts.map(|at| input.slice(at..input.len().min(at + chunk_bytes)));
    let chunks = stream::iter(chunks.map(Ok::<_, Infallible>));
    let mut events = sseer::EventStream::new(chunks);
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        take(event.data.as_bytes());
    }
}

fn eventsource_stream(input: &Bytes, chunk_bytes: usize, take: Take<'_>) {
    let chunks = stream::iter(input.chunks(chunk_bytes).map(Ok::<_, Infallible>));
    let mut events = chunks.eventsource();
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        take(event.data.as_bytes());
    }
}

/// One frame with an id, a name and 200 bytes of data, for one subscriber and for many.
fn encoding() -> anyhow::Result<()> {
    let id = LastEventId::parse("18c2f0a1.42")?;
    let event = EventName::parse("delta")?;
    let data = "x".repeat(200);
    let frame = FrameRef {
        id: Some(&id),
        event: Some(&event),
        data: Some(data.as_bytes()),
        ..FrameRef::default()
    };
    let by_format = || format!("id: {}\nevent: {}\ndata: {data}\n\n", id.as_str(), event.as_str());
    let mut encoder = Encoder::new();
    encoder.push(frame);
    ensure!(encoder.as_bytes() == by_format().as_bytes(), "the two ways to write a frame differ");
    encoder.clear();

    let lines = vec![
        Line::new("millstream, into one buffer", FRAMES, || {
            for _ in 0..FRAMES {
                encoder.clear();
                encoder.push(black_box(frame));
                black_box(encoder.as_bytes());
            }
        })
        .target("<= 20 ns"),
        Line::new("millstream, each into a buffer of its own", FRAMES, || {
            for _ in 0..FRAMES {
                let mut encoder = Encoder::new();
                encoder.push(black_box(frame));
                black_box(encoder.take());
            }
        }),
        Line::new("format!", FRAMES, || {
            for _ in 0..FRAMES {
                black_box(by_format());
            }
        }),
    ];
    compare("encoding: an event of 200 bytes", Unit::NANOSECONDS, ROUNDS, lines);

    for subscribers in [1, 10, 100, 1000] {
        let frames = FRAMES / subscribers;
        let deliveries = frames * subscribers;
        let mut encoder = Encoder::new();
        let mut queues: Vec<Vec<Bytes>> = vec![Vec::with_capacity(frames); subscribers];
        let once = Line::new("millstream: written once, shared", deliveries, || {
            for _ in 0..frames {
                encoder.push(black_box(frame));
                let bytes = Bytes::from(encoder.take());
                for queue in &mut queues {
                    queue.push(bytes.clone());
                }
            }
            queues.iter_mut().for_each(Vec::clear);
        });
        let mut copies: Vec<Vec<String>> = vec![Vec::with_capacity(frames); subscribers];
        let each = Line::new("written for each", deliveries, || {
            for _ in 0..frames {
                for queue in &mut copies {
                    queue.push(by_format());
                }
            }
            copies.iter_mut().for_each(Vec::clear);
        });
        let title = format!("encoding: for each of {subscribers} subscribers");
        compare(&title, Unit::NANOSECONDS, ROUNDS, vec![once, each]);
    }
    Ok(())
}
