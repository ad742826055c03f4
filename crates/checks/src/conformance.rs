//! Our encodings, read by the clients that providers publish, and compared with our own reading.

mod client;
mod compare;
mod server;

pub use client::Client;
pub use compare::{Said, SaidCall, SaidChoice, decoded, differences, ours};
pub use server::serve;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use millstream::llm::{Format, StreamEvent, decode};

use crate::corpus;

/// The streams of the test data of `llm-stream`, one folder for each format.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../llm-stream/testdata");

/// A decoded stream and what it is called.
#[derive(Debug)]
pub struct Sample {
    /// Where it comes from.
    pub name: String,
    /// What it decodes to.
    pub events: Vec<StreamEvent>,
}

/// The streams that the project keeps, and those of the corpus in `dir` if there is one.
///
/// # Errors
/// Says which file is missing or broken.
pub fn samples(dir: Option<&Path>) -> anyhow::Result<Vec<Sample>> {
    let mut samples = fixtures()?;
    if let Some(dir) = dir {
        let recordings = corpus::read(dir)?.into_iter();
        samples.extend(recordings.map(|own| sample(own.name, own.format, &own.bytes)));
    }
    Ok(samples)
}

fn sample(name: String, format: Format, bytes: &[u8]) -> Sample {
    Sample { name, events: decode(format, bytes) }
}

fn fixtures() -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for format in Format::ALL {
        for path in files(&Path::new(FIXTURES).join(format.as_str()))? {
            if path.extension().is_some_and(|extension| extension != "jsonl") {
                let bytes = fs::read(&path)?;
                let name = path.file_name().unwrap_or_default().display();
                samples.push(sample(format!("{format}/{name}"), format, &bytes));
            }
        }
    }
    ensure!(!samples.is_empty(), "no streams below {FIXTURES}");
    Ok(samples)
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
