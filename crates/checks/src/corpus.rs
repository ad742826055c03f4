//! Recorded provider streams in a folder with a manifest.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use millstream::llm::Format;
use serde_json::Value;

/// One recorded stream and what it must decode to.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its path below the corpus.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The format of its bytes.
    pub format: Format,
    /// Whether the expectation is one whole message.
    pub strict: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it must decode to.
    pub expected: Value,
}

/// Reads every recording that `dir/MANIFEST.tsv` lists.
///
/// # Errors
/// Says which file is missing or broken.
pub fn read(dir: &Path) -> anyhow::Result<Vec<Recording>> {
    let path = dir.join("MANIFEST.tsv");
    let manifest = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the manifest {}", path.display()))?;
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().context("the manifest is empty")?;
    let column = |name: &str| {
        let found = head.iter().position(|field| *field == name);
        found.with_context(|| format!("the manifest has no column {name}"))
    };
    let columns = [column("file")?, column("format")?, column("expected")?, column("strict")?];
    let recordings: Vec<_> = lines
        .map(|line| {
            let fields = columns.map(|column| line.get(column).copied().unwrap_or_default());
            recording(dir, fields).with_context(|| format!("manifest line of {:?}", fields[0]))
        })
        .collect::<Result<_, _>>()?;
    ensure!(!recordings.is_empty(), "the manifest lists no recording");
    Ok(recordings)
}

fn recording(dir: &Path, [name, format, expected, strict]: [&str; 4]) -> anyhow::Result<Recording> {
    let path = dir.join(name);
    let expected = std::fs::read(dir.join(expected)).context("cannot read the expectation")?;
    Ok(Recording {
        name: name.to_owned(),
        format: parse_format(format)?,
        strict: strict == "yes",
        bytes: std::fs::read(&path).context("cannot read the recording")?,
        expected: serde_json::from_slice(&expected).context("the expectation is no JSON")?,
        path,
    })
}

/// The manifest writes formats with underscores, and Gemini's Interactions as `other`.
fn parse_format(name: &str) -> anyhow::Result<Format> {
    match name {
        "other" => Ok(Format::GeminiInteractions),
        name => name.replace('_', "-").parse().ok().context("no format that is known"),
    }
}
