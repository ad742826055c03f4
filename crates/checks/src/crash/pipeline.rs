//! A pipeline between logs on disk, killed again and again, and its output held against that of one
//! that nobody disturbed.
//!
//! The pipeline leaves out repeated events, counts by key in windows of event time, and keeps a
//! total for each key; its state, its open windows and its output must be as if nothing had
//! happened.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use millstream::disk::{DiskOptions, DiskStore};
use millstream::log::{
    AppendBatch, Log, LogConfig, LogExt as _, LogName, LogStoreExt as _, Namespace, ReadFrom,
};
use millstream::model::{Event, ProducerId, now};
use millstream::processor::{Checkpoints, Lateness, LogSink, LogSource, StreamProcessor, Windowed};
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::sleep;

/// Numbers that the pipeline reads.
const NUMBERS: u64 = 100_000;

/// Keys of the windows.
const KEYS: u64 = 50;

/// Milliseconds between two numbers, and of a window.
const STEP_MS: i64 = 3;
const WINDOW: Duration = Duration::from_secs(1);

/// How late a number may be.
const LATENESS: Duration = Duration::from_millis(200);

/// Repeats come within so many numbers.
const REPEATED_WITHIN: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// How often a checkpoint is made.
const INTERVAL: Duration = Duration::from_millis(2);

/// A pipeline that is to be killed rests at each such number, so that it does not come to its end.
const REST_AFTER: u64 = 20;

/// Numbers that are under way at a time.
const AT_A_TIME: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// How long it rests.
const REST: Duration = Duration::from_millis(1);

/// A child lives between these times after it has begun to work.
const LIFE: std::ops::Range<u64> = 0..40;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct PipelinePlan {
    /// How often the pipeline is killed.
    pub kills: u32,
    /// Decides what it reads, and when it is killed.
    pub seed: u64,
}

/// What was done, and what is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct PipelineReport {
    kills: u32,
    outputs: usize,
    /// Records of the output that differ from those of the pipeline that nobody disturbed.
    differences: usize,
    checkpoint_records: u64,
    took: Duration,
}

impl PipelineReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.differences == 0 && self.outputs > 0
    }
}

impl fmt::Display for PipelineReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, outputs, differences, checkpoint_records, took } = self;
        write!(f, "pipeline: {kills} kills in {took:.0?}, {outputs} results, ")?;
        write!(f, "{differences} of them other than undisturbed; ")?;
        write!(f, "{checkpoint_records} records of checkpoints left")
    }
}

/// Kills a pipeline in processes that `child` makes, and says what came of it.
///
/// # Errors
/// Says what could not be done.
///
/// # Cancel safety
/// Dropping the future stops the pipelines that run in this process; no other is left behind.
pub async fn run_pipelines(
    plan: &PipelinePlan,
    child: impl Fn(&Path) -> Command,
) -> anyhow::Result<PipelineReport> {
    let begin = Instant::now();
    let (killed, spared) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let numbers = numbers(plan.seed);
    for folder in [&killed, &spared] {
        fill(folder.path(), &numbers).await?;
    }
    run_pipeline(spared.path(), false).await.context("the pipeline that nobody disturbs")?;
    let mut random = fastrand::Rng::with_seed(plan.seed);
    for kill in 1..=plan.kills {
        let mut process = Victim::start(child(killed.path()))?;
        sleep(Duration::from_millis(random.u64(LIFE))).await;
        process.kill().with_context(|| format!("kill {kill}"))?;
    }
    run_pipeline(killed.path(), false).await.context("the last run")?;
    let (got, want) = (output(killed.path()).await?, output(spared.path()).await?);
    let same = got.iter().zip(&want).filter(|(got, want)| got == want).count();
    let differences = got.len().max(want.len()) - same;
    ensure!(
        want == expected(&numbers),
        "the pipeline that nobody disturbed came to something else"
    );
    let checkpoint_records = checkpoint_records(killed.path()).await?;
    let (kills, outputs, took) = (plan.kills, want.len(), begin.elapsed());
    Ok(PipelineReport { kills, outputs, differences, checkpoint_records, took })
}

/// A process that is killed, at the latest when it is dropped.
struct Victim(Child);

impl Victim {
    /// Starts a child, and waits until it has begun to work.
    fn start(mut command: Command) -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let mut child = Self(command.stdout(Stdio::piped()).spawn()?);
        let stdout = child.0.stdout.take().context("the child has no output")?;
        let mut line = String::new();
        std::io::BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.trim() == STARTED, "the child said {line:?}");
        Ok(child)
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        ensure!(self.0.try_wait()?.is_none(), "the pipeline came to its end before it was killed");
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if self.kill().is_err() {
            // It had ended.
        }
    }
}

/// What a child says when its pipeline runs.
pub const STARTED: &str = "started";

/// What the pipeline reads: numbers out of order, some of which come twice.
fn numbers(seed: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut numbers = Vec::new();
    for number in 0..NUMBERS {
        numbers.push((number + random.u64(0..40)).saturating_sub(random.u64(0..40)));
        if random.u8(..) < 20 {
            let newest = numbers.len() - 1;
            numbers.push(numbers[newest - random.usize(0..20).min(newest)]);
        }
    }
    numbers
}

fn place(number: u64) -> (i64, u64) {
    (number.cast_signed() * STEP_MS, number % KEYS)
}

/// Makes the log that the pipeline reads.
async fn fill(folder: &Path, numbers: &[u64]) -> anyhow::Result<()> {
    let store = open(folder)?;
    let input = log(&store, "input").await?;
    for numbers in numbers.chunks(1000) {
        let records = numbers.iter().map(|number| Event::new(json!(number)).encode());
        let receipt = input.append(AppendBatch::new(now::now()).records(records)).await?;
        ensure!(!receipt.duplicate, "the numbers were there before");
    }
    input.close().await?;
    Ok(())
}

fn open(folder: &Path) -> anyhow::Result<DiskStore> {
    Ok(DiskStore::open(folder, DiskOptions::default().segment_bytes(4 << 20))?)
}

async fn log(store: &DiskStore, name: &str) -> anyhow::Result<Arc<dyn Log>> {
    let name = LogName::new(Namespace::Topic, name)?;
    Ok(store.get_or_create(&name, LogConfig::default()).await?)
}

/// Goes on with the pipeline in `folder` until its source has ended; if it `rests`, not so fast.
///
/// # Errors
/// Says what the pipeline ended with.
///
/// # Cancel safety
/// Dropping the future stops the pipeline.
pub async fn run_pipeline(folder: &Path, rests: bool) -> anyhow::Result<()> {
    let store = open(folder)?;
    let (input, output) = (log(&store, "input").await?, log(&store, "output").await?);
    let checkpoints = log(&store, "checkpoints").await?;
    let numbers = StreamProcessor::from_source(LogSource::events(input))
        .filter_map(|event: Event| event.parse::<u64>().ok())
        .map_async(AT_A_TIME, move |number| async move {
            if rests && number % REST_AFTER == 0 {
                sleep(REST).await;
            }
            number
        })
        .distinct_by(REPEATED_WITHIN, |number| *number);
    let counts = numbers.tumbling_window(
        WINDOW,
        Lateness::up_to(LATENESS),
        |number| place(*number),
        0_u64,
        |count, _| *count += 1,
    );
    let totals = counts.scan(vec![0; usize::try_from(KEYS)?], |totals: &mut Vec<u64>, windowed| {
        total(totals, &windowed)
    });
    let running = totals
        .map(|text: String| {
            let (id, at) = (now::new_id(), OffsetDateTime::UNIX_EPOCH);
            Event::builder().id(id).timestamp(at).data(json!(text)).build()
        })
        .log_sink(LogSink::new(output, ProducerId::new("totals")?))
        .resume(Checkpoints::new(checkpoints).interval(INTERVAL))
        .await?;
    if rests {
        use std::io::Write as _;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{STARTED}")?;
        stdout.flush()?;
    }
    running.join().await?;
    Ok(())
}

/// What is written of a window, or of a number that came too late.
fn total(totals: &mut [u64], windowed: &Windowed<u64, u64, u64>) -> String {
    match windowed {
        Windowed::Closed { key, start_ms, value, .. } => {
            let total = usize::try_from(*key).ok().and_then(|key| totals.get_mut(key));
            let total = total.map_or(0, |total| {
                *total += value;
                *total
            });
            format!("{start_ms} {key}: {value}, {total} in all")
        }
        late => format!("{late:?}"),
    }
}

/// The same over a list, without logs and checkpoints.
fn expected(numbers: &[u64]) -> Vec<String> {
    let mut totals = vec![0; usize::try_from(KEYS).unwrap_or(0)];
    let pipeline = millstream::processor::Pipeline::empty()
        .distinct_by(REPEATED_WITHIN, |number: &u64| *number)
        .tumbling_window(
            WINDOW,
            Lateness::up_to(LATENESS),
            |number| place(*number),
            0_u64,
            |count, _| *count += 1,
        )
        .map(|windowed| total(&mut totals, &windowed));
    pipeline.over(numbers.iter().copied())
}

/// Everything that the pipeline in `folder` has written.
async fn output(folder: &Path) -> anyhow::Result<Vec<String>> {
    let store = open(folder)?;
    let records = log(&store, "output").await?.read_all(ReadFrom::Earliest).await?.records;
    let text = |payload: &Bytes| anyhow::Ok(Event::decode(payload)?.parse::<String>()?);
    records.iter().map(|record| text(&record.payload)).collect()
}

async fn checkpoint_records(folder: &Path) -> anyhow::Result<u64> {
    let state = log(&open(folder)?, "checkpoints").await?.tail().await?.state;
    Ok(state.next.since(state.earliest))
}
