//! Builds programs of the workspace and says where they lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::metadata::{list, text};
use crate::process::cargo;

/// Programs by name.
#[derive(Debug)]
pub(crate) struct Executables(BTreeMap<String, PathBuf>);

impl Executables {
    /// Runs `cargo build` with `args`, which name packages, features and binaries.
    pub(crate) fn build(args: &[&str]) -> Result<Self> {
        println!("$ cargo build {}", args.join(" "));
        let build = cargo(["build", "--message-format=json-render-diagnostics"]).args(args);
        Self::parse(&build.read()?)
    }

    /// Reads cargo's messages, one JSON value on each line.
    fn parse(messages: &str) -> Result<Self> {
        let mut found = BTreeMap::new();
        for line in messages.lines().filter(|line| line.starts_with('{')) {
            let message: Value = serde_json::from_str(line).context("message of cargo build")?;
            let target = &message["target"];
            let is_program = list(target, "kind").any(|kind| kind == "bin");
            if let (true, Some(path)) = (is_program, message["executable"].as_str()) {
                found.insert(text(target, "name")?.to_owned(), PathBuf::from(path));
            }
        }
        Ok(Self(found))
    }

    /// Where the program `name` lies.
    pub(crate) fn path(&self, name: &str) -> Result<&Path> {
        let path = self.0.get(name).map(PathBuf::as_path);
        path.with_context(|| format!("cargo built no program `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_programs_among_the_messages() {
        let messages = r#"{"reason": "compiler-artifact", "executable": null, "target": {"kind": ["lib"], "name": "l"}}
{"reason": "compiler-artifact", "executable": "/t/debug/deps/it-1", "target": {"kind": ["test"], "name": "it"}}
{"reason": "compiler-artifact", "executable": "/t/debug/tool", "target": {"kind": ["bin"], "name": "tool"}}
{"reason": "build-finished", "success": true}"#;
        let executables = Executables::parse(messages).unwrap();
        assert_eq!(executables.path("tool").unwrap(), Path::new("/t/debug/tool"));
        let missing = executables.path("it").unwrap_err().to_string();
        assert_eq!(missing, "cargo built no program `it`");
    }
}
