//! Runs the published suite of Durable Streams against a server, and counts what it passed.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use checks::program::Program;
use clap::Parser;
use serde::Deserialize;
use stream_log_nats::testkit::NatsServer;
use tokio::process::Command;

/// What the server is started with: a port of its own, polls that do not make the suite wait, and
/// webhooks to the receivers that the suite starts beside it.
const SERVE: &[&str] =
    &["serve", "--listen", "127.0.0.1:0", "--long-poll", "500ms", "--allow-local-webhooks"];

/// Appends of the suite are larger than what NATS takes unless it is told.
const LARGE: &str = "max_payload: 8MB";

#[derive(Debug, Parser)]
struct Args {
    /// The folder of the suite, its packages installed
    #[arg(long)]
    suite: PathBuf,
    /// The binary to start
    #[arg(long, required_unless_present = "url")]
    server: Option<PathBuf>,
    /// The server of NATS to keep everything on, instead of a folder
    #[arg(long)]
    nats: Option<PathBuf>,
    /// A server that runs already
    #[arg(long)]
    url: Option<String>,
}

/// What vitest says of a run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_total_tests: usize,
    num_passed_tests: usize,
    test_results: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    assertion_results: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    full_name: String,
    status: String,
    failure_messages: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let report = match (&args.url, &args.server) {
        (Some(url), _) => run(&args.suite, url).await?,
        (None, Some(server)) => match &args.nats {
            Some(nats) => on_nats(&args.suite, server, nats).await?,
            None => on_disk(&args.suite, server).await?,
        },
        (None, None) => anyhow::bail!("expected --server or --url"),
    };
    for case in report.test_results.iter().flat_map(|file| &file.assertion_results) {
        if case.status != "passed" {
            let why = case.failure_messages.first().and_then(|message| message.lines().next());
            println!("{}: {}\n  {}", case.status, case.full_name, why.unwrap_or_default());
        }
    }
    let (passed, total) = (report.num_passed_tests, report.num_total_tests);
    println!("durable-streams: {passed}/{total}");
    Ok(if passed == total { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the suite against our server with a folder.
async fn on_disk(suite: &Path, server: &Path) -> anyhow::Result<Report> {
    let data = tempfile::tempdir()?;
    let folder = [OsStr::new("--data"), data.path().as_os_str()];
    let serve = SERVE.iter().map(OsStr::new).chain(folder);
    let server = Program::start(server, serve).await?;
    run(suite, server.url()).await
}

/// Runs the suite against our server with a server of NATS behind it.
async fn on_nats(suite: &Path, server: &Path, nats: &Path) -> anyhow::Result<Report> {
    let nats = NatsServer::of(nats, LARGE);
    let engine = ["--engine".to_owned(), nats.address()];
    let serve = SERVE.iter().map(|word| (*word).to_owned()).chain(engine);
    let server = Program::start(server, serve).await?;
    run(suite, server.url()).await
}

/// Runs the suite against `url`.
async fn run(suite: &Path, url: &str) -> anyhow::Result<Report> {
    let out = tempfile::NamedTempFile::new()?;
    // A test that fails makes the program fail: the report says which.
    Command::new(suite.join("node_modules/.bin/vitest"))
        .args(["run", "--reporter=json", "--outputFile"])
        .arg(out.path())
        .current_dir(suite)
        .env("SERVER_URL", url)
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot run vitest")?;
    let text = std::fs::read_to_string(out.path())?;
    let report: Report = serde_json::from_str(&text).context("vitest left no report")?;
    ensure!(report.num_total_tests > 0, "the suite ran no test");
    Ok(report)
}
