//! What a provider sent for one answer.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use llm_stream::Format;

/// What a provider sent for one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The format of its bytes.
    pub format: Format,
    /// All of them.
    pub bytes: Vec<u8>,
}

/// The environment variable that names a folder of recordings with a manifest.
const CORPUS: &str = "MILLSTREAM_CORPUS";

/// The recordings in SSE framing of the folder that the environment names; none if it names none.
///
/// # Errors
/// Says which file cannot be read, or is listed with an unknown format.
pub fn recorded() -> anyhow::Result<Option<Vec<Recording>>> {
    let Some(folder) = std::env::var_os(CORPUS) else { return Ok(None) };
    let folder = Path::new(&folder);
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv"))
        .with_context(|| format!("cannot read the manifest in {}", folder.display()))?;
    let mut recordings = Vec::new();
    for line in manifest.lines().skip(1) {
        let mut fields = line.split('\t');
        let (Some(file), Some(format), Some(framing)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if framing == "sse" {
            let bytes = fs::read(folder.join(file)).with_context(|| file.to_owned())?;
            recordings.push(Recording { format: format_of(format)?, bytes });
        }
    }
    Ok(Some(recordings))
}

/// The manifest writes formats with underscores, and Gemini's Interactions as `other`.
fn format_of(name: &str) -> anyhow::Result<Format> {
    match name {
        "other" => Ok(Format::GeminiInteractions),
        name => name.replace('_', "-").parse().with_context(|| format!("format {name}")),
    }
}
