//! LLM streams beside the crates that others use for them: decoding, partial JSON, filtering,
//! counting, handling.
//!
//! `bench llm [SECTION …]` runs the sections that are named, or all of them.
//! With `MILLSTREAM_CORPUS` set, decoding is also measured on the recordings that lie there.

use anyhow::bail;
use bench::llm::{filter, handler, normalisation, partial_json, tokens};

type Section = (&'static str, fn() -> anyhow::Result<()>);

const SECTIONS: [Section; 5] = [
    ("normalisation", normalisation::run),
    ("json", partial_json::run),
    ("filter", filter::run),
    ("tokens", tokens::run),
    ("handler", handler::run),
];

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = wanted.iter().find(|name| !SECTIONS.iter().any(|(known, _)| known == name))
    {
        let known = SECTIONS.map(|(name, _)| name).join(", ");
        bail!("no section {name}; there are {known}");
    }
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run()?;
        }
    }
    Ok(())
}
