//! Decodes every recording of a corpus, sends it the whole way through the real server, and
//! counts what came out right.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use checks::corpus::{Recording, read};
use checks::end_to_end::Stage;
use checks::expected::differences;
use clap::Parser;
use millstream::llm::{Assembly, Decoder, Format, StreamEvent, decode};

/// Bytes of a replay's chunks: small enough to cut events.
const PIECE_BYTES: usize = 97;

/// Recordings that are replayed at a time, each by a process of its own.
const STAGE_SIZE: usize = 50;

#[derive(Debug, Parser)]
struct Args {
    /// The folder with MANIFEST.tsv
    #[arg(long)]
    dir: PathBuf,
    /// The `millstream` binary
    #[arg(long)]
    server: PathBuf,
    /// Where random cuts start from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let recordings = read(&args.dir)?;
    let mut formats: BTreeMap<Format, (usize, usize)> = BTreeMap::new();
    for part in recordings.chunks(STAGE_SIZE) {
        let stage = Stage::start(&args.server, part, PIECE_BYTES).await?;
        for (number, recording) in part.iter().enumerate() {
            let result = match check_decoding(recording) {
                Ok(()) => stage.check(number, recording, args.seed).await,
                wrong => wrong,
            };
            let (right, total) = formats.entry(recording.format).or_default();
            *total += 1;
            match result {
                Ok(()) => *right += 1,
                Err(error) => println!("{} (seed {}): {error:#}", recording.name, args.seed),
            }
        }
    }
    for (format, (right, total)) in &formats {
        println!("{format} {right}/{total}");
    }
    let passed: usize = formats.values().map(|(right, _)| right).sum();
    let failed = recordings.len() - passed;
    println!("corpus: {passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Decodes the recording whole and byte by byte.
fn check_decoding(recording: &Recording) -> anyhow::Result<()> {
    let events = decode(recording.format, &recording.bytes);
    let mut decoder = Decoder::new(recording.format);
    let mut single: Vec<StreamEvent> = Vec::with_capacity(events.len());
    for byte in recording.bytes.chunks(1) {
        decoder.push(byte);
        single.extend(std::iter::from_fn(|| decoder.next_event()));
    }
    decoder.finish();
    single.extend(std::iter::from_fn(|| decoder.next_event()));
    ensure!(events == single, "byte by byte it decodes to other events than whole");
    let assembly: Assembly = events.iter().collect();
    let differences = differences(&assembly, &recording.expected);
    ensure!(!recording.strict || differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}
