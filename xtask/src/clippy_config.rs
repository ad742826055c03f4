//! The `.clippy.toml` of each pure crate: what such a crate may not call.
//!
//! Clippy reads the nearest file only, so each file repeats the settings at the top of the workspace.

use std::fs;

use anyhow::{Context as _, Result};

use crate::finding::Finding;
use crate::layers::{HOUSE, Purity};

/// The settings that bind the whole workspace.
const SHARED: &str = ".clippy.toml";

const HEADER: &str =
    "# Written by `cargo xtask bless`: a pure crate is told the time and asks for nothing.\n\n";

/// What a pure crate may not call, and what it does instead.
///
/// A crate that does not know one of the foreign types simply cannot call it: `allow-invalid`.
const DISALLOWED: &str = r#"
disallowed-methods = [
    { path = "std::time::Instant::now", reason = "take `now` as an argument" },
    { path = "std::time::SystemTime::now", reason = "take `now` as an argument" },
    { path = "time::OffsetDateTime::now_utc", reason = "take `now` as an argument", allow-invalid = true },
    { path = "time::UtcDateTime::now", reason = "take `now` as an argument", allow-invalid = true },
    { path = "uuid::Uuid::now_v7", reason = "take the id as an argument", allow-invalid = true },
    { path = "uuid::Uuid::new_v4", reason = "take the id as an argument", allow-invalid = true },
    { path = "std::thread::sleep", reason = "return a deadline and let the driver wait" },
    { path = "std::thread::spawn", reason = "let the driver own the threads" },
    { path = "std::thread::scope", reason = "let the driver own the threads" },
]
disallowed-types = [
    { path = "std::net::TcpListener", reason = "bytes come in as an argument" },
    { path = "std::net::TcpStream", reason = "bytes come in as an argument" },
    { path = "std::net::UdpSocket", reason = "bytes come in as an argument" },
    { path = "std::process::Command", reason = "let the driver run programs" },
]
"#;

/// What the file of each pure crate must hold, given the settings of the workspace.
fn generated(shared: &str) -> String {
    format!("{HEADER}{shared}{DISALLOWED}")
}

/// The file of each pure crate that exists, and what it must hold.
fn wanted() -> Result<Vec<(String, String)>> {
    let shared = fs::read_to_string(SHARED).context(SHARED)?;
    let pure = HOUSE.iter().filter(|place| place.purity != Purity::Driver);
    let folders = pure.map(|place| format!("crates/{}", place.name));
    let existing =
        folders.filter(|folder| fs::exists(format!("{folder}/Cargo.toml")).unwrap_or(false));
    Ok(existing.map(|folder| (format!("{folder}/.clippy.toml"), generated(&shared))).collect())
}

/// Writes the files.
pub(crate) fn write() -> Result<()> {
    for (path, text) in wanted()? {
        fs::write(&path, text).with_context(|| path.clone())?;
        println!("wrote {path}");
    }
    Ok(())
}

/// The files that are missing or hold something else.
pub(crate) fn stale() -> Result<Vec<Finding>> {
    let differs = |(path, text): &(String, String)| {
        fs::read_to_string(path).map_or(true, |found| found != *text)
    };
    let describe =
        |(path, _): (String, String)| Finding::of(&path, "is not what `cargo xtask bless` writes");
    Ok(wanted()?.into_iter().filter(differs).map(describe).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thresholds_of_the_workspace_are_repeated() {
        let text = generated("too-many-lines-threshold = 70\n");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["too-many-lines-threshold"].as_integer(), Some(70));
        let methods = table["disallowed-methods"].as_array().unwrap();
        assert!(methods.iter().any(|m| m["path"].as_str() == Some("std::time::Instant::now")));
    }

    #[test]
    fn every_ban_has_a_reason() {
        let table: toml::Table = generated("").parse().unwrap();
        for list in ["disallowed-methods", "disallowed-types"] {
            for ban in table[list].as_array().unwrap() {
                assert!(ban["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{ban:?}");
            }
        }
    }
}
