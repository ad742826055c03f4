//! Renders the public API of crates: for each `NAME.json` that rustdoc wrote, a `NAME.txt` beside it.
//!
//! Impls that the compiler adds to every type are left out; derived ones stay,
//! because losing `Clone` breaks callers.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result};
use public_api::Builder;

fn main() -> Result<()> {
    for json in env::args_os().skip(1).map(PathBuf::from) {
        let builder = Builder::from_rustdoc_json(&json);
        let api = builder.omit_blanket_impls(true).omit_auto_trait_impls(true).build();
        let api = api.with_context(|| json.display().to_string())?;
        fs::write(json.with_extension("txt"), api.to_string())?;
    }
    Ok(())
}
