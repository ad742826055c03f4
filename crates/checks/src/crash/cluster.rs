//! Three of our servers on three of NATS, all of which fail in turn.
//!
//! Writers and readers know three addresses and nothing else: whatever does not answer, they ask
//! another server, with the same append or the same token.
//! Servers of both kinds are killed and stopped at the same time, and once all of NATS is gone.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::body::{Body, to_bytes};
use stream_log_nats::testkit::{NatsCluster, NatsServer};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep, timeout};

use super::campaign::{Report, create_logs, join, read_logs, spawn_readers, spawn_writers};
use super::reader::Way;
use super::stage::{PATIENCE, Stage};
use crate::http::send;
use crate::program::Program;

/// Servers of ours.
const SERVERS: usize = 3;

/// How long one answer may take; then another server is asked.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a stopped server stays so at most, every other time; long enough to be given up.
const STOPPED_FOR: Duration = Duration::from_millis(2500);

/// Appends that must be acknowledged while something is gone, and again after it is back.
const PROGRESS: u64 = 40;

/// How often anything is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Bytes of the answer with metrics.
const METRICS_BYTES_MAX: usize = 1 << 20;

/// What a server logs when its connection to the cluster is gone, and when an append failed.
const LOGGED: [&str; 2] = ["connection to the cluster lost", "cannot write to log"];

/// What is to be done.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// Our server's binary.
    pub server: PathBuf,
    /// The binary of NATS.
    pub nats: PathBuf,
    /// How often a server of NATS is killed or stopped, and how often one of ours.
    pub faults: usize,
    /// Decides where readers are cut.
    pub seed: u64,
}

/// What was done, and what is wrong.
#[derive(Debug, Clone, Default)]
pub struct ClusterReport {
    report: Report,
    faults: usize,
    took: Duration,
    outage: Duration,
}

impl ClusterReport {
    /// Whether nothing is wrong: with logs, with readers, and with what was claimed.
    pub fn is_clean(&self) -> bool {
        self.report.is_clean() && self.report.claims.iter().eq(["replicated"])
    }
}

impl fmt::Display for ClusterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, faults, took, outage } = self;
        writeln!(
            f,
            "{faults} faults of NATS and {faults} of our servers in {took:.0?}, \
             and {outage:.0?} without NATS, in metrics and logs of every server",
        )?;
        write!(f, "{report}")
    }
}

/// Runs the plan; needs a runtime with several threads.
///
/// # Errors
/// Says what could not be done, or what a server answered or did not tell.
///
/// # Cancel safety
/// Dropping the future kills all servers.
pub async fn run_on_cluster(plan: &ClusterPlan) -> anyhow::Result<ClusterReport> {
    let mut nats = block_in_place(|| NatsCluster::of(&plan.nats));
    let stage = Stage::new(ANSWER_TIMEOUT);
    let mut servers = Servers::start(plan, &nats.addresses(), &stage).await?;
    create_logs(&stage).await?;
    let mut writers = spawn_writers(&stage);
    let ways = [Way::Sse, Way::WebSocket, Way::CatchUp];
    let mut readers = spawn_readers(&stage, &mut fastrand::Rng::with_seed(plan.seed), &ways);

    let trouble = async {
        let outage = outage(&mut nats, &servers, &stage).await?;
        let begin = Instant::now();
        let nats = fail_nats(&mut nats, plan.faults, &stage);
        tokio::try_join!(nats, servers.fail(plan.faults, &stage))?;
        anyhow::Ok((outage, begin.elapsed()))
    };
    let (outage, took) = tokio::select! {
        times = trouble => times?,
        failed = first_failure(&mut writers) => return Err(failed),
        failed = first_failure(&mut readers) => return Err(failed),
    };
    stage.end_writing();
    let written = join(&mut writers).await?;
    let logs = read_logs(&stage).await?;
    stage.set_goals(logs.iter().map(|(path, log)| (path.clone(), log.len())).collect());
    let read = join(&mut readers).await?;
    let mut report = Report::after(servers.starts)?;
    report.judge(&logs, &written, &read);
    Ok(ClusterReport { report, faults: plan.faults, took, outage })
}

/// What the first of those says who end before they are told to.
async fn first_failure<T: 'static>(tasks: &mut JoinSet<anyhow::Result<T>>) -> anyhow::Error {
    match tasks.join_next().await {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => error.into(),
        _ => anyhow::anyhow!("a writer or reader ended too early"),
    }
}

/// Waits until more appends are acknowledged.
async fn progress(stage: &Stage) -> anyhow::Result<()> {
    let enough = stage.acknowledged() + PROGRESS;
    let reached = async {
        while stage.acknowledged() < enough {
            sleep(GLANCE).await;
        }
    };
    timeout(PATIENCE, reached).await.context("no append is acknowledged any more")
}

/// Takes all of NATS away until every server of ours says so, and says how long that took.
async fn outage(
    nats: &mut NatsCluster,
    servers: &Servers,
    stage: &Stage,
) -> anyhow::Result<Duration> {
    progress(stage).await?;
    let begin = Instant::now();
    block_in_place(|| nats.servers().iter_mut().for_each(NatsServer::kill));
    for server in servers.running() {
        server.tells("cluster_connected", |connected| connected == 0).await?;
        server.tells("cluster_failures", |failures| failures > 0).await?;
        server.logs(&LOGGED).await?;
    }
    block_in_place(|| nats.servers().iter_mut().for_each(NatsServer::restart));
    for server in servers.running() {
        server.tells("cluster_connected", |connected| connected == 1).await?;
        server.tells("cluster_connections", |connections| connections > 1).await?;
    }
    progress(stage).await?;
    Ok(begin.elapsed())
}

/// Kills and stops the servers of NATS in turn, each for as long as appends need to go on.
async fn fail_nats(nats: &mut NatsCluster, faults: usize, stage: &Stage) -> anyhow::Result<()> {
    for fault in 0..faults {
        let count = nats.servers().len();
        let server = nats.servers().get_mut(fault % count).context("a server of NATS")?;
        // Each is killed at one turn and stopped at the next.
        if fault % 2 == 0 {
            server.kill();
            progress(stage).await?;
            block_in_place(|| server.restart());
        } else {
            server.pause();
            progress(stage).await?;
            server.resume();
        }
        progress(stage).await?;
    }
    Ok(())
}

/// One server of ours, as long as it is not killed.
struct Server {
    program: Program,
    address: SocketAddr,
}

impl Server {
    /// Waits until a number of its metrics is as it should be.
    async fn tells(&self, name: &str, is: impl Fn(u64) -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            let told = self.metric(name).await?;
            if is(told) {
                return Ok(());
            }
            ensure!(begin.elapsed() < PATIENCE, "{} tells {name} {told}", self.address);
            sleep(GLANCE).await;
        }
    }

    async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let url = format!("{}/metrics", self.program.url());
        let answer = timeout(PATIENCE, send("GET", &url, &[], Body::empty())).await??;
        let text = to_bytes(answer.into_body(), METRICS_BYTES_MAX).await?;
        let text = String::from_utf8(text.to_vec())?;
        let name = format!("millstream_{name} ");
        let told = text.lines().find_map(|line| line.strip_prefix(&name));
        Ok(told.with_context(|| format!("no metric {name}"))?.parse()?)
    }

    /// Waits until it has logged all of these.
    async fn logs(&self, texts: &[&str]) -> anyhow::Result<()> {
        let begin = Instant::now();
        while let Some(missing) = texts.iter().find(|text| !self.program.log().contains(**text)) {
            ensure!(begin.elapsed() < PATIENCE, "{} does not log {missing:?}", self.address);
            sleep(GLANCE).await;
        }
        Ok(())
    }
}

/// Our servers.
struct Servers {
    binary: PathBuf,
    config: tempfile::NamedTempFile,
    servers: Vec<Option<Server>>,
    /// How long each start after a kill took.
    starts: Vec<Duration>,
}

impl Servers {
    async fn start(plan: &ClusterPlan, nats: &str, stage: &Stage) -> anyhow::Result<Self> {
        let config = tempfile::NamedTempFile::new()?;
        // Topics keep everything, so that offsets are places; polls end soon, so that readers are
        // cut; the cluster is given up early, so that this is seen.
        let text = format!(
            "engine = '{nats}'\nlong_poll = '500ms'\n\
             [topics]\nrecords_max = 1000000000\nbytes_max = 1000000000000\n\
             [nats]\nsynced = true\ntimeout = '3s'\n"
        );
        std::fs::write(config.path(), text)?;
        let binary = plan.server.clone();
        let mut all = Self { binary, config, servers: Vec::new(), starts: Vec::new() };
        for _ in 0..SERVERS {
            let server = all.start_one("127.0.0.1:0").await?;
            all.servers.push(Some(server));
        }
        all.announce(stage);
        Ok(all)
    }

    /// Starts a server, as often as it takes: the cluster may be without a leader.
    async fn start_one(&self, listen: &str) -> anyhow::Result<Server> {
        let config = self.config.path().display().to_string();
        let args = ["serve", "--listen", listen, "--config", &config];
        let begin = Instant::now();
        loop {
            match Program::start_logged(&self.binary, args).await {
                Ok(program) => {
                    let address = program.url().strip_prefix("http://").context("an address")?;
                    return Ok(Server { address: address.parse()?, program });
                }
                Err(error) if begin.elapsed() > PATIENCE => return Err(error),
                Err(_) => sleep(GLANCE).await,
            }
        }
    }

    fn running(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().flatten()
    }

    /// Tells everybody where servers listen.
    fn announce(&self, stage: &Stage) {
        stage.set_addresses(self.running().map(|server| server.address).collect());
    }

    /// Kills and stops servers in turn, each for as long as appends need to go on.
    async fn fail(&mut self, faults: usize, stage: &Stage) -> anyhow::Result<()> {
        for fault in 0..faults {
            let place = fault % SERVERS;
            // Each is killed at one turn and stopped at the next.
            if fault % 2 == 0 {
                self.kill(place, stage).await?;
            } else {
                self.stop(place, fault, stage).await?;
            }
            progress(stage).await?;
        }
        Ok(())
    }

    /// Clients are not told: they find nobody at the address.
    async fn kill(&mut self, place: usize, stage: &Stage) -> anyhow::Result<()> {
        let slot = self.servers.get_mut(place).and_then(Option::take);
        let Some(Server { program, address }) = slot else { bail!("no server to kill") };
        program.kill().await?;
        progress(stage).await?;
        let begin = Instant::now();
        let server = self.start_one(&address.to_string()).await?;
        self.starts.push(begin.elapsed());
        if let Some(slot) = self.servers.get_mut(place) {
            *slot = Some(server);
        }
        Ok(())
    }

    async fn stop(&mut self, place: usize, fault: usize, stage: &Stage) -> anyhow::Result<()> {
        let server = self.servers.get(place).and_then(Option::as_ref).context("a server")?;
        server.program.pause().await?;
        // Others go on at once; every other time it is gone for so long that it is given up.
        progress(stage).await?;
        if (fault / 2).is_multiple_of(2) {
            sleep(STOPPED_FOR).await;
        }
        server.program.resume().await
    }
}
