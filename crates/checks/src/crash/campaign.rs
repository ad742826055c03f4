//! Writers, readers and kills, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::audit::{Verdict, audit};
use super::link::Link;
use super::log::{Retry, Target};
use super::mark::Mark;
use super::reader::{self, Read, Way};
use super::stage::{PATIENCE, Stage};
use super::writer::{self, Written};
use crate::program::Program;

/// Topics, and as many durable streams.
const LOGS: u32 = 2;

/// Writers of each log.
const WRITERS: u32 = 8;

/// The server is killed within this time after it has acknowledged enough.
const KILL_WITHIN: Duration = Duration::from_millis(30);

/// How long one answer may take; then the request is sent again.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the count of acknowledged appends is looked at.
const GLANCE: Duration = Duration::from_millis(1);

/// Topics keep everything, so that offsets are places; polls end soon, so that readers are cut.
const CONFIG: &str =
    "long_poll = '500ms'\n[topics]\nrecords_max = 1000000000\nbytes_max = 1000000000000\n";

/// The records of each log, by its path.
pub(super) type Logs = BTreeMap<String, Vec<Mark>>;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary.
    pub server: PathBuf,
    /// What it is told beside `serve`: where it keeps its data.
    pub keep: Vec<String>,
    /// How often it is killed.
    pub kills: u32,
    /// Appends that must be acknowledged in all.
    pub appends: u64,
    /// Decides when it is killed, and where readers are cut.
    pub seed: u64,
}

/// What was done, and what is wrong.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What is wrong with the logs.
    pub verdict: Verdict,
    /// Readers that read anything else than what the log has.
    pub wrong_readers: Vec<String>,
    /// What servers said that acknowledged appends survive.
    pub claims: BTreeSet<String>,
    kills: u32,
    acknowledged: u64,
    records: usize,
    unanswered: u64,
    happened: u64,
    repeated: u64,
    readers: usize,
    cuts: u64,
    starts: Vec<Duration>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.wrong_readers.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, acknowledged, records, unanswered, happened, repeated, .. } = self;
        writeln!(f, "{kills} kills, {acknowledged} appends acknowledged, {records} records")?;
        writeln!(f, "{unanswered} appends without an answer, of which {happened} had happened")?;
        writeln!(f, "{repeated} acknowledged appends sent again")?;
        writeln!(f, "claimed: {}", self.claims.iter().cloned().collect::<Vec<_>>().join(", "))?;
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let median = starts.get(starts.len() / 2).copied().unwrap_or_default();
        let longest = starts.last().copied().unwrap_or_default();
        writeln!(f, "started again in {median:.0?}, at worst in {longest:.0?}")?;
        writeln!(f, "appends: {}", self.verdict)?;
        for wrong in &self.wrong_readers {
            writeln!(f, "reader of {wrong}")?;
        }
        let right = self.readers - self.wrong_readers.len();
        let (readers, cuts) = (self.readers, self.cuts);
        write!(
            f,
            "readers: {right}/{readers} read every record once and in order, cut {cuts} times"
        )
    }
}

/// Runs the plan.
///
/// # Errors
/// Says what could not be done, or what the server answered that no server may.
///
/// # Cancel safety
/// Dropping the future kills the server.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let stage = Stage::new(ANSWER_TIMEOUT);
    let (mut server, _) = start(&plan.server, &[], &plan.keep, &stage).await?;
    create_logs(&stage).await?;
    let mut writers = spawn_writers(&stage);
    let mut readers = spawn_readers(&stage, &mut random, &[Way::Sse, Way::CatchUp]);

    let mut report = Report { kills: plan.kills, ..Report::default() };
    for kill in 1..=plan.kills {
        let enough = plan.appends * u64::from(kill) / u64::from(plan.kills + 1);
        wait_for(enough, &stage, &mut writers, &mut readers).await?;
        sleep(KILL_WITHIN.mul_f64(random.f64())).await;
        stage.set_addresses(Vec::new());
        server.kill().await?;
        let (again, time) = start(&plan.server, &[], &plan.keep, &stage).await?;
        (server, report.starts) = (again, [report.starts, vec![time]].concat());
    }
    wait_for(plan.appends, &stage, &mut writers, &mut readers).await?;
    stage.end_writing();
    let written = join(&mut writers).await?;
    let logs = read_logs(&stage).await?;
    stage.set_goals(logs.iter().map(|(path, log)| (path.clone(), log.len())).collect());
    let read = join(&mut readers).await?;
    report.judge(&logs, &written, &read);
    server.ask_to_end().await?;
    ensure!(server.wait().await?.success(), "the server did not end well");
    Ok(report)
}

/// Starts `program` with `words` and what makes a server of it; says how long that took.
pub(super) async fn start(
    program: &Path,
    words: &[String],
    keep: &[String],
    stage: &Stage,
) -> anyhow::Result<(Program, Duration)> {
    let begin = Instant::now();
    let config = tempfile::NamedTempFile::new()?;
    std::fs::write(config.path(), CONFIG)?;
    let path = config.path().display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--config", &path].map(str::to_owned);
    let server = Program::start(program, words.iter().chain(&serve).chain(keep)).await?;
    let address = server.url().strip_prefix("http://").context("expected an address")?.parse()?;
    stage.set_addresses(vec![address]);
    Ok((server, begin.elapsed()))
}

/// The logs that are written and read.
pub(super) fn targets() -> impl Iterator<Item = Target> {
    let topics = (0..LOGS).map(|number| Target::Topic(format!("crash.{number}")));
    topics.chain((0..LOGS).map(|number| Target::Stream(format!("crash/{number}"))))
}

pub(super) async fn create_logs(stage: &Stage) -> anyhow::Result<()> {
    let mut link = Link::new(stage.clone());
    for request in targets().filter_map(|target| target.create()) {
        let reply = link.insist(&request).await?;
        ensure!(reply.status == 201, "the stream was answered {}", reply.status);
    }
    Ok(())
}

/// The writers of all logs, each with the log's path.
pub(super) fn spawn_writers(stage: &Stage) -> JoinSet<anyhow::Result<(String, Written)>> {
    let mut writers = JoinSet::new();
    let all = targets().flat_map(|target| (0..WRITERS).map(move |_| target.clone()));
    for (writer, target) in (0..).zip(all) {
        let is_topic = matches!(target, Target::Topic(_));
        let retry = if is_topic && writer % 2 == 0 { Retry::Key } else { Retry::Producer };
        let (stage, path) = (stage.clone(), target.path());
        let work = async move {
            let written = writer::write(stage, target, writer, retry).await;
            Ok((path.clone(), written.with_context(|| format!("writer {writer} of {path}"))?))
        };
        writers.spawn(work);
    }
    writers
}

/// A reader of each log for each way, each with the log's path; topics are read in these ways.
pub(super) fn spawn_readers(
    stage: &Stage,
    random: &mut fastrand::Rng,
    of_topics: &[Way],
) -> JoinSet<anyhow::Result<(String, Read)>> {
    let mut readers = JoinSet::new();
    let ways = |target: &Target| match target {
        Target::Topic(_) => of_topics,
        Target::Stream(_) => &[Way::Sse, Way::LongPoll, Way::CatchUp],
    };
    for target in targets() {
        for way in ways(&target).iter().copied() {
            let (stage, path, seed) = (stage.clone(), target.path(), random.u64(..));
            let read = reader::read(stage, target.clone(), way, seed);
            let work = async move {
                let who = format!("{path} by {way:?}");
                let read = read.await.with_context(|| format!("reader of {who}"))?;
                Ok((path, read))
            };
            readers.spawn(work);
        }
    }
    readers
}

/// Waits until `enough` appends are acknowledged; ends early with anybody's failure.
async fn wait_for<W: 'static, R: 'static>(
    enough: u64,
    stage: &Stage,
    writers: &mut JoinSet<anyhow::Result<W>>,
    readers: &mut JoinSet<anyhow::Result<R>>,
) -> anyhow::Result<()> {
    let (mut known, mut since) = (stage.acknowledged(), Instant::now());
    while known < enough {
        ensure!(since.elapsed() < PATIENCE, "no append is acknowledged after {known}");
        if let Some(ended) = writers.try_join_next() {
            ended??;
        }
        if let Some(ended) = readers.try_join_next() {
            ended??;
        }
        sleep(GLANCE).await;
        let now = stage.acknowledged();
        if now > known {
            (known, since) = (now, Instant::now());
        }
    }
    Ok(())
}

pub(super) async fn join<T: 'static>(
    tasks: &mut JoinSet<anyhow::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut results = Vec::new();
    while let Some(ended) = tokio::time::timeout(PATIENCE, tasks.join_next()).await? {
        results.push(ended??);
    }
    Ok(results)
}

/// Reads every log from its beginning to its tail.
pub(super) async fn read_logs(stage: &Stage) -> anyhow::Result<Logs> {
    let mut logs = BTreeMap::new();
    for target in targets() {
        let path = target.path();
        let marks = reader::read_to_tail(stage.clone(), target).await;
        logs.insert(path.clone(), marks.with_context(|| format!("all of {path}"))?);
    }
    Ok(logs)
}

impl Report {
    /// A report of kills, by the time that each start after one took.
    pub(super) fn after(starts: Vec<Duration>) -> anyhow::Result<Self> {
        Ok(Self { kills: u32::try_from(starts.len())?, starts, ..Self::default() })
    }

    /// Holds what writers were told and readers read against what the logs have.
    pub(super) fn judge(
        &mut self,
        logs: &Logs,
        written: &[(String, Written)],
        read: &[(String, Read)],
    ) {
        for (path, log) in logs {
            let own = written.iter().filter(|(of, _)| of == path);
            let ledgers: Vec<_> = own.map(|(_, written)| written.ledger.clone()).collect();
            self.verdict = self.verdict.and(audit(log, &ledgers));
            self.records += log.len();
        }
        for (_, written) in written {
            self.acknowledged += u64::from(written.ledger.acknowledged);
            self.unanswered += written.unanswered;
            self.happened += written.happened;
            self.repeated += written.repeated;
            self.claims.extend(written.claims.iter().cloned());
        }
        self.readers = read.len();
        for (path, read) in read {
            self.cuts += read.cuts;
            let log = logs.get(path).map(Vec::as_slice).unwrap_or_default();
            let same = read.marks.iter().zip(log).take_while(|(left, right)| left == right).count();
            if same < log.len().max(read.marks.len()) {
                let (got, want) = (read.marks.get(same), log.get(same));
                self.wrong_readers.push(format!("{path}: record {same}: {got:?}, not {want:?}"));
            }
        }
    }
}
