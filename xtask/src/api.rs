//! `cargo xtask api`: the public API of each library against the snapshot under `docs/api`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::executables::Executables;
use crate::finding::{Finding, conclude};
use crate::layers::libraries;
use crate::metadata::Workspace;
use crate::process::{cargo, program};

/// Where the snapshots lie.
const SNAPSHOTS: &str = "docs/api";

/// `cargo xtask api [--bless]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let blessing = args.flag("--bless");
    args.finish()?;
    if blessing { bless() } else { compare() }
}

/// Rewrites all snapshots and removes those of crates that are gone.
pub(crate) fn bless() -> Result<()> {
    let rendered = render()?;
    fs::create_dir_all(SNAPSHOTS)?;
    for path in stored()? {
        fs::remove_file(path)?;
    }
    for (name, text) in rendered {
        fs::write(snapshot(&name), text)?;
    }
    Ok(())
}

fn compare() -> Result<()> {
    let rendered = render()?;
    let expected: BTreeSet<PathBuf> = rendered.iter().map(|(name, _)| snapshot(name)).collect();
    let stale = stored()?.into_iter().filter(|path| !expected.contains(path));
    let mut findings: Vec<Finding> =
        stale.map(|path| Finding::of(&path.to_string_lossy(), "belongs to no library")).collect();
    for (name, now) in &rendered {
        let path = snapshot(name);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let changes = difference(&before, now);
        if !changes.is_empty() {
            println!("{}", changes.join("\n"));
            let what = "differs; if that is meant, run `cargo xtask api --bless` and read the diff";
            findings.push(Finding::of(&path.to_string_lossy(), what));
        }
    }
    conclude(findings, &format!("api: {} libraries as recorded", rendered.len()))
}

/// The public API of each library, by the name of its crate.
fn render() -> Result<Vec<(String, String)>> {
    let workspace = Workspace::load()?;
    let names: Vec<&str> = libraries(&workspace).map(|package| &*package.name).collect();
    // Build scripts look at RUSTC_BOOTSTRAP: in a folder of their own, they disturb nobody.
    let target_dir = workspace.target_dir.join("api");
    cargo(["doc", "--quiet", "--lib", "--no-deps", "--all-features"])
        .args(names.iter().map(|name| format!("--package={name}")))
        .args(["--target-dir".as_ref(), target_dir.as_os_str()])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json")
        .run()?;
    let built = Executables::build(&["--package=xtask", "--features=api", "--bin=render-api"])?;
    let file = |name: &str| target_dir.join("doc").join(name.replace('-', "_"));
    let json = names.iter().map(|name| file(name).with_extension("json"));
    program(built.path("render-api")?).args(json).run()?;
    let read = |name: &str| {
        let text = file(name).with_extension("txt");
        let text = fs::read_to_string(&text).with_context(|| text.display().to_string())?;
        Ok((name.to_owned(), text))
    };
    names.into_iter().map(read).collect()
}

fn snapshot(name: &str) -> PathBuf {
    Path::new(SNAPSHOTS).join(format!("{name}.txt"))
}

/// The snapshots that are there.
fn stored() -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(SNAPSHOTS) else { return Ok(Vec::new()) };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    Ok(paths)
}

/// What is gone and what is new; an API is a set of lines, so their order says nothing.
fn difference(before: &str, now: &str) -> Vec<String> {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (before.lines().collect(), now.lines().collect());
    let gone = before.lines().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let added = now.lines().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_is_gone_and_what_is_new() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), [""; 0]);
        assert_eq!(difference("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert_eq!(difference("", "a\n"), ["+ a"]);
    }
}
