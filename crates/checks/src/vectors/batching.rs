//! Batches, in virtual time: a script beside the ticks.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::ensure;
use millstream::asynchronous::{Batch, BatchOptions, BatchingStream, ItemHandler};
use millstream::model::Event;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep_until};

use super::parse;
use super::streams::ops::{self, block_on};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchingInput {
    new: Options,
    start: bool,
    script: Vec<Entry>,
    #[serde(default = "one")]
    handlers: usize,
    bad_handler: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    batch_size: Option<usize>,
    flush_interval: Option<f64>,
}

/// When, what, and which event.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Add(f64, Add, Value),
    Stop(f64, Stop),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Add {
    Add,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stop {
    Stop,
}

fn one() -> usize {
    1
}

/// A script to `{batches, producer_errors, left}`; once with handlers that are called and once
/// with handlers that are awaited, which must agree.
pub(super) fn batching(input: &Value) -> anyhow::Result<Value> {
    let input: BatchingInput = parse(input)?;
    let found = block_on(run(&input, false))?;
    let awaited = block_on(run(&input, true))?;
    ensure!(found == awaited, "depends on the way: {found} called, {awaited} awaited");
    Ok(found)
}

async fn run(input: &BatchingInput, is_async: bool) -> anyhow::Result<Value> {
    let mut options = BatchOptions::default();
    if let Some(events) = input.new.batch_size {
        options = options.events(events);
    }
    if let Some(seconds) = input.new.flush_interval {
        options = options.interval(Duration::from_secs_f64(seconds));
    }
    let (stream, begin) = (BatchingStream::with_options(options), Instant::now());
    let batches = Arc::new(Mutex::new(Vec::new()));
    if input.bad_handler.is_some() {
        stream.on_batch(bad(is_async))?;
    }
    for _ in 0..input.handlers {
        stream.on_batch(collecting(Arc::clone(&batches), begin, is_async))?;
    }
    if input.start {
        stream.start()?;
    }
    let mut errors = Vec::new();
    for entry in &input.script {
        let (Entry::Add(at, ..) | Entry::Stop(at, _)) = entry;
        sleep_until(begin + Duration::from_secs_f64(*at)).await;
        match entry {
            Entry::Add(_, Add::Add, data) => {
                let added = stream.add(Event::new(data.clone())).await;
                errors.extend(added.err().map(|error| error.to_string()));
            }
            Entry::Stop(_, Stop::Stop) => stream.stop().await,
        }
    }
    let left: Vec<Value> = stream.pending().iter().map(ops::data).collect();
    if is_async {
        // Handlers that are awaited have their turn.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    let batches = batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(json!({ "batches": batches, "producer_errors": errors, "left": left }))
}

fn collecting(
    batches: Arc<Mutex<Vec<Value>>>,
    begin: Instant,
    is_async: bool,
) -> ItemHandler<Batch> {
    let collect = move |batch: &Batch| {
        let data: Vec<Value> = batch.iter().map(ops::data).collect();
        let noted = json!([begin.elapsed().as_secs_f64(), data]);
        batches.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    };
    if !is_async {
        return ItemHandler::new(collect);
    }
    let collect = Arc::new(collect);
    ItemHandler::asynchronous(move |batch: Batch| {
        let collect = Arc::clone(&collect);
        async move { collect(&batch) }
    })
}

/// Fails, one time by an error and one time by a panic.
fn bad(is_async: bool) -> ItemHandler<Batch> {
    if is_async {
        return ItemHandler::asynchronous(async |_| Err::<(), _>("a handler fails"));
    }
    ItemHandler::new(|batch: &Batch| {
        if !batch.is_empty() {
            // A panic as any other, but one that no hook writes about.
            std::panic::resume_unwind(Box::new("a handler panics"));
        }
    })
}
