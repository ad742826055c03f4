//! Shows streams to a real browser and compares the events it saw with the decoder's.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use checks::browser::chromium::Chromium;
use checks::browser::server::Server;
use checks::browser::{Seen, cases, ours};
use clap::Parser;

/// Differences that are printed; more tell nothing new.
const SHOWN: usize = 10;

#[derive(Debug, Parser)]
struct Args {
    /// The browser
    #[arg(long)]
    chromium: PathBuf,
    /// How many random streams
    #[arg(long, default_value_t = 10_000)]
    random: usize,
    /// Where random streams and cuts start from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the browser may take for everything
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    patience: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let by_hand = cases::by_hand();
    let hand_made = by_hand.len();
    let mut streams = by_hand;
    streams.extend(cases::at_random(args.random, args.seed));

    let theirs = show(&args, &streams).await?;
    ensure!(theirs.len() == streams.len(), "the browser told of {} streams", theirs.len());
    let mut wrong = Vec::new();
    let mut random = fastrand::Rng::with_seed(args.seed);
    for (number, (stream, theirs)) in streams.iter().zip(&theirs).enumerate() {
        let ours = ours::events(&ours::cut(stream, &mut random))?;
        if ours != *theirs {
            wrong.push(number);
            if wrong.len() <= SHOWN {
                let stream = stream.escape_ascii();
                println!(
                    "stream {number} (seed {}): {stream}\n  ours {ours:?}\n  browser {theirs:?}",
                    args.seed
                );
            }
        }
    }
    let wrong_by_hand = wrong.iter().filter(|number| **number < hand_made).count();
    println!("by hand {}/{hand_made}", hand_made - wrong_by_hand);
    println!("at random {}/{}", args.random - (wrong.len() - wrong_by_hand), args.random);
    println!("conformance sse: {} passed, {} failed", streams.len() - wrong.len(), wrong.len());
    let events: usize = theirs.iter().map(Vec::len).sum();
    ensure!(events > streams.len() / 4, "the browser saw {events} events only: too few to compare");
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the browser saw in each stream.
async fn show(args: &Args, streams: &[Vec<u8>]) -> anyhow::Result<Vec<Vec<Seen>>> {
    let mut server = Server::start(streams.to_vec(), args.seed).await?;
    let mut browser = Chromium::open(&args.chromium, &server.url())?;
    tokio::select! {
        results = server.results() => results,
        error = browser.crashed() => Err(error),
        () = tokio::time::sleep(args.patience) => bail!("the browser told nothing within {:?}", args.patience),
    }
}
