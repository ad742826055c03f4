//! `cargo xtask tidy`: the rules of `docs/STYLE.md` that a machine can hold without false alarms.
//!
//! Each rule is a small function over the text of a file.

mod advisories;
mod licences;
mod manifests;
mod orphans;
mod rust_rules;
mod rust_text;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::clippy_config;
use crate::finding::{Finding, conclude};
use crate::layers::{HOUSE, Purity};
use crate::metadata::Workspace;
use crate::process::cargo;

use self::rust_text::RustText;

/// A file of the project and its path from the root, with `/`.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Folders of the root whose name starts with a dot and whose files are ours.
const DOT_FOLDERS: &[&str] = &[".cargo", ".ci", ".config", ".github"];

/// Folders that no rule looks into; fuzz targets and the peer of a bench are workspaces of their own.
const SKIPPED: &[&str] =
    &["node_modules", "target", "testdata", "crates/bench/genai", "crates/fuzz"];

/// `cargo xtask tidy`
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let workspace = Workspace::load()?;
    let sources = files_with_ending(".rs")?;
    let manifests = files_with_ending("Cargo.toml")?;
    let pages = files_with_ending(".md")?;

    let mut findings = rust_findings(&sources, &workspace);
    findings.extend(manifests::findings(&manifests));
    findings.extend(one_test_binary(&workspace));
    for file in sources.iter().chain(&manifests).chain(&pages).chain(&files_with_ending(".yml")?) {
        findings.extend(words::machine_paths(file));
    }
    findings.extend(words::unlinked_decisions(&pages));
    findings.extend(clippy_config::stale()?);
    let graph = cargo(["metadata", "--format-version=1", "--all-features"]).read()?;
    findings.extend(licences::findings(&graph)?);
    findings.extend(advisories::findings(&graph)?);

    let count = sources.len() + manifests.len() + pages.len();
    conclude(findings, &format!("tidy: {count} files in order"))
}

/// All breaches of the rules for Rust files.
fn rust_findings(sources: &[TextFile], workspace: &Workspace) -> Vec<Finding> {
    let parsed: Vec<RustText<'_>> = sources.iter().map(RustText::parse).collect();
    let targets = workspace.packages.iter().flat_map(|package| &package.targets);
    let roots: BTreeSet<&str> = targets.map(|target| &*target.root).collect();
    let pure: Vec<String> = HOUSE
        .iter()
        .filter(|place| place.purity != Purity::Driver)
        .map(|place| format!("crates/{}/src/", place.name))
        .collect();
    let mut findings = orphans::findings(&parsed, &roots);
    for source in &parsed {
        findings.extend(rust_rules::findings(source));
        if pure.iter().any(|folder| source.path.starts_with(folder)) {
            findings.extend(rust_rules::reaches_outside(source));
        }
    }
    findings
}

/// Test binaries that a crate may have besides: one counts what all of its threads allocate, the
/// other compiles the crate's sources with other locks.
const TEST_BINARIES_APART: [&str; 2] = ["memory", "shuttle"];

/// One integration-test binary per crate: each more is linked anew at every change.
fn one_test_binary(workspace: &Workspace) -> Vec<Finding> {
    let counts = |name: &str| !TEST_BINARIES_APART.contains(&name);
    let tests = |package: &crate::metadata::Package| {
        let tests = package.targets.iter().filter(|target| target.kind == "test");
        tests.filter(|target| counts(&target.name)).count()
    };
    let many = workspace.packages.iter().filter(|package| tests(package) > 1);
    many.map(|p| Finding::of(&p.folder, "has several test binaries; keep one, tests/it/main.rs"))
        .collect()
}

/// Every file of the project whose path ends in `ending`, sorted by path.
pub(crate) fn files_with_ending(ending: &str) -> Result<Vec<TextFile>> {
    let mut paths = Vec::new();
    walk(Path::new(""), ending, &mut paths)?;
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: String) -> Result<TextFile> {
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    Ok(TextFile { path, text })
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<String>) -> Result<()> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in fs::read_dir(here).with_context(|| here.display().to_string())? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let shown = path.to_string_lossy().replace('\\', "/");
        if entry.file_type()?.is_dir() {
            if is_ours(&shown) && !path.join("CACHEDIR.TAG").exists() {
                walk(&path, ending, found)?;
            }
        } else if shown.ends_with(ending) {
            found.push(shown);
        }
    }
    Ok(())
}

/// Whether a folder, given by its path from the root, holds files that the rules bind.
fn is_ours(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let hidden = name.starts_with('.') && !DOT_FOLDERS.contains(&path);
    !hidden && !SKIPPED.contains(&name) && !SKIPPED.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_hidden_or_foreign_is_left_alone() {
        for path in ["crates", "crates/stream-sse/src", ".github", "docs/adr"] {
            assert!(is_ours(path), "{path}");
        }
        for path in [".git", "target", "web/node_modules", "crates/fuzz", "docs/.cargo"] {
            assert!(!is_ours(path), "{path}");
        }
    }

    #[test]
    fn a_second_test_binary_is_caught() {
        let workspace = |names: &[&str]| {
            let target = |name: &&str| {
                format!(r#"{{"kind": ["test"], "name": "{name}", "src_path": "/{name}"}}"#)
            };
            let targets = names.iter().map(target).collect::<Vec<_>>().join(",");
            let package = format!(
                r#"{{"name": "a", "manifest_path": "/a/Cargo.toml", "targets": [{targets}]}}"#
            );
            let json = format!(r#"{{"target_directory": "/t", "packages": [{package}]}}"#);
            Workspace::parse(&json, Path::new("/")).unwrap()
        };
        assert_eq!(one_test_binary(&workspace(&["it"])), []);
        assert_eq!(one_test_binary(&workspace(&["it", "more"])).len(), 1);
        assert_eq!(one_test_binary(&workspace(&["it", "memory", "shuttle"])), []);
    }
}
