//! `cargo xtask features`: each library with no features, with each alone, and with all.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::layers::libraries;
use crate::metadata::{Package, Workspace};
use crate::process::cargo;

/// Checks every set of features that the plan has, of one crate or of all libraries.
///
/// Clippy rather than plain `check`, so that a warning in any set is an error.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let only = args.word();
    args.finish()?;
    let workspace = Workspace::load()?;
    let mut packages: Vec<&Package> = libraries(&workspace).collect();
    if let Some(name) = only {
        packages.retain(|package| package.name == name);
        packages.first().with_context(|| format!("no library `{name}` in the workspace"))?;
    }
    for package in packages {
        for set in plan(&package.features) {
            cargo(["clippy", "--quiet", "--lib", "--package", &package.name])
                .args(["--no-default-features", "--features", &set.join(",")])
                .args(["--", "--deny=warnings"])
                .run()?;
        }
    }
    Ok(())
}

/// The sets to check: none, each feature alone, all; two sets that switch on the same are one.
fn plan(features: &BTreeMap<String, Vec<String>>) -> Vec<Vec<&str>> {
    let none = Vec::new();
    let alone = features.keys().map(|name| vec![name.as_str()]);
    let all = features.keys().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let sets = std::iter::once(none).chain(alone).chain([all]);
    sets.filter(|set| seen.insert(switched_on(set, features))).collect()
}

/// Everything that `set` switches on, followed to the end, without the names of mere groups.
fn switched_on<'a>(
    set: &[&'a str],
    features: &'a BTreeMap<String, Vec<String>>,
) -> BTreeSet<&'a str> {
    let mut on = BTreeSet::new();
    let mut open: Vec<&str> = set.to_vec();
    while let Some(name) = open.pop() {
        if on.insert(name) {
            open.extend(features.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    // `default` has no code of its own: it is what it groups.
    on.remove("default");
    on
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the plan for features written as `name: what it switches on`.
    #[track_caller]
    fn check(features: &[&str], want: &[&str]) {
        let features = features.iter().map(|line| {
            let (name, on) = line.split_once(':').unwrap();
            (name.to_owned(), on.split_whitespace().map(str::to_owned).collect())
        });
        let features = features.collect();
        let got: Vec<String> = plan(&features).iter().map(|set| set.join("+")).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn without_features_there_is_one_set() {
        check(&[], &[""]);
        check(&["default:"], &[""]);
    }

    #[test]
    fn one_feature_alone_is_all() {
        check(&["stream: dep:tokio"], &["", "stream"]);
        check(&["default: stream", "stream: dep:tokio"], &["", "default"]);
    }

    #[test]
    fn two_features_make_four_sets() {
        check(&["a:", "b:"], &["", "a", "b", "a+b"]);
    }

    #[test]
    fn a_group_of_all_is_all() {
        check(&["a:", "b: a", "full: a b"], &["", "a", "b", "full"]);
    }
}
