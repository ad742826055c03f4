//! Processes that share a source on a server of NATS by key, of which some are killed (SIGKILL),
//! stopped for longer than anybody waits for them (SIGSTOP) and let go on, sent away, or added,
//! while the server itself is restarted now and then.
//!
//! Each key's numbers are added up; what comes out must be, for each key, every sum once and in
//! order.

mod member;
mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use millstream::log::{AppendBatch, Log, LogExt as _, ReadFrom};
use millstream::model::{Event, now};
use serde_json::json;
use stream_log_nats::testkit::NatsServer;
use tokio::time::{sleep, timeout};

pub use self::member::run_member;
use self::member::{GroupLogs, KEYS, SESSION};
use self::process::Process;

/// Numbers that are published at once, and the pause between.
const AT_ONCE: u64 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Processes at the beginning, and at most.
const FIRST: usize = 3;
const MOST: usize = 5;

/// How long the group may take until each partition has an owner, and to come to the end.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct GroupPlan {
    /// How often something happens to a process.
    pub troubles: u32,
    /// Decides what happens to which.
    pub seed: u64,
}

/// What was done, and what is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct GroupReport {
    kills: u32,
    stops: u32,
    additions: u32,
    departures: u32,
    restarts: u32,
    /// Commits and appends of processes whose partition had been taken over, all refused.
    fenced: u64,
    /// Processes that found out that they had been taken for dead, and came in again.
    returns: u64,
    results: usize,
    /// Sums that are missing, come twice, out of order or wrong.
    differences: usize,
    took: Duration,
}

impl GroupReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.differences == 0 && self.results > 0
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, stops, additions, departures, restarts, .. } = self;
        let Self { fenced, returns, results, differences, took, .. } = self;
        write!(f, "group: {kills} processes killed, {stops} stopped, {additions} added, ")?;
        write!(f, "{departures} sent away, the server restarted {restarts} times in {took:.0?}; ")?;
        write!(f, "{fenced} late commits refused, {returns} came in again; ")?;
        write!(f, "{results} results, {differences} of them other than undisturbed")
    }
}

/// Troubles processes that `child` makes, and says what came of it.
///
/// # Errors
/// Says what could not be done.
///
/// # Cancel safety
/// Dropping the future ends every process that it has started.
pub async fn run_groups(
    plan: &GroupPlan,
    child: impl Fn(&str) -> Command,
) -> anyhow::Result<GroupReport> {
    let begin = Instant::now();
    let server = NatsServer::start();
    let logs = GroupLogs::open(&server.address()).await?;
    let mut campaign = Campaign {
        random: fastrand::Rng::with_seed(plan.seed),
        server,
        child,
        processes: Vec::new(),
        report: GroupReport::default(),
    };
    for _ in 0..FIRST {
        campaign.add()?;
    }
    campaign.settle().await?;
    let is_over = AtomicBool::new(false);
    let troubles = async {
        for trouble in 1..=plan.troubles {
            campaign.trouble(trouble).await.with_context(|| format!("trouble {trouble}"))?;
        }
        is_over.store(true, Ordering::Relaxed);
        Ok(())
    };
    let (numbers, ()) = tokio::try_join!(publish(&*logs.input, &is_over), troubles)?;
    campaign.end().await?;
    let sums = sums(&*logs.output).await?;
    let report = campaign.report;
    let (results, differences) = (sums.values().map(Vec::len).sum(), differences(&sums, numbers));
    Ok(GroupReport { results, differences, took: begin.elapsed(), ..report })
}

/// Appends numbers, whatever happens to the server, until it is over, and closes the log; returns
/// how many there are.
async fn publish(input: &dyn Log, is_over: &AtomicBool) -> anyhow::Result<u64> {
    let mut published = 0;
    while !is_over.load(Ordering::Relaxed) {
        let numbers = published..published + AT_ONCE;
        let records: Vec<_> =
            numbers.map(|number| Event::new(json!([number % KEYS, number])).encode()).collect();
        member::insist(async || {
            let batch = AppendBatch::new(now::now()).records(records.iter().cloned());
            // Where the log ends says whether an append without an answer has happened.
            let tail = input.tail().await?.state.next;
            if tail.get() > published {
                return Ok(());
            }
            input.append(batch.expected_tail(tail)).await.map(drop).map_err(Into::into)
        })
        .await?;
        published += AT_ONCE;
        sleep(PAUSE).await;
    }
    member::insist(async || input.close().await.map(drop).map_err(Into::into)).await?;
    Ok(published)
}

/// What came out, by key, in order.
async fn sums(output: &dyn Log) -> anyhow::Result<BTreeMap<u64, Vec<u64>>> {
    let mut sums = BTreeMap::<u64, Vec<u64>>::new();
    for record in output.read_all(ReadFrom::Earliest).await?.records {
        let (key, sum) = Event::decode(&record.payload)?.parse()?;
        sums.entry(key).or_default().push(sum);
    }
    Ok(sums)
}

/// How many sums are not where one process would have put them.
fn differences(sums: &BTreeMap<u64, Vec<u64>>, numbers: u64) -> usize {
    let mut differences = 0;
    for key in 0..KEYS {
        let add = |sum: &mut u64, number: u64| {
            *sum += number;
            Some(*sum)
        };
        let numbers = (0..numbers).filter(|number| number % KEYS == key);
        let want: Vec<u64> = numbers.scan(0, add).collect();
        let got = sums.get(&key).map_or(&[][..], Vec::as_slice);
        let same = got.iter().zip(&want).filter(|(got, want)| got == want).count();
        differences += got.len().max(want.len()) - same;
    }
    differences
}

/// A group while something happens to it.
struct Campaign<F> {
    random: fastrand::Rng,
    server: NatsServer,
    child: F,
    processes: Vec<Process>,
    report: GroupReport,
}

impl<F: Fn(&str) -> Command> Campaign<F> {
    fn add(&mut self) -> anyhow::Result<()> {
        let process = Process::start((self.child)(&self.server.address()))?;
        self.processes.push(process);
        Ok(())
    }

    /// Waits until each partition is at work somewhere.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let settled = async {
            loop {
                let running: u32 = self.processes.iter().map(Process::running).sum();
                if running == member::PARTITIONS {
                    return;
                }
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, settled).await.context("the group does not settle")
    }

    /// What happens comes by turns, so that a short run has it all; to whom, is chance.
    async fn trouble(&mut self, number: u32) -> anyhow::Result<()> {
        let some = self.random.usize(..self.processes.len());
        match number % 5 {
            1 => {
                self.processes.swap_remove(some).kill()?;
                self.report.kills += 1;
            }
            2 => self.stop(some).await?,
            3 if self.processes.len() < MOST => {
                self.add()?;
                self.report.additions += 1;
            }
            4 if self.processes.len() > 1 => {
                let process = self.processes.swap_remove(some);
                self.take_leave(process).await?;
                self.report.departures += 1;
            }
            0 => {
                self.server.restart();
                self.report.restarts += 1;
            }
            _ => {}
        }
        while self.processes.len() < FIRST {
            self.add()?;
            self.report.additions += 1;
        }
        // Not always: what happens next may happen in the middle of this.
        if self.random.bool() {
            self.settle().await?;
        }
        sleep(SESSION.mul_f64(self.random.f64())).await;
        Ok(())
    }

    /// Stops a process for longer than the others wait for it.
    async fn stop(&mut self, some: usize) -> anyhow::Result<()> {
        let process = self.processes.get(some).context("no such process")?;
        process.pause()?;
        sleep(SESSION.mul_f64(1.5 + self.random.f64())).await;
        process.go_on()?;
        self.report.stops += 1;
        Ok(())
    }

    async fn take_leave(&mut self, mut process: Process) -> anyhow::Result<()> {
        process.send_away();
        self.await_end(process).await
    }

    async fn await_end(&mut self, mut process: Process) -> anyhow::Result<()> {
        let ended = timeout(PATIENCE, process.end()).await.context("a process does not end")?;
        let (fenced, returns) = ended?;
        self.report.fenced += fenced;
        self.report.returns += returns;
        Ok(())
    }

    /// Waits until everybody is at the end of the source.
    async fn end(&mut self) -> anyhow::Result<()> {
        ensure!(!self.processes.is_empty(), "nobody is left");
        for process in std::mem::take(&mut self.processes) {
            self.await_end(process).await?;
        }
        Ok(())
    }
}
