//! Licences of everything that the workspace depends on, from the fields that cargo reports.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::finding::Finding;
use crate::metadata::{list, text};

/// Licences that ask for no more than a notice: fit for what we ship.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Licences whose own files stay open: fit for tests, benches and tools, which nobody ships.
const WEAK_COPYLEFT: &[&str] = &["MPL-2.0"];

/// Crates of the workspace that are run here and shipped to nobody.
const TOOLS: &[&str] = &["bench", "checks", "xtask"];

/// One foreign crate as cargo's metadata has it.
#[derive(Debug)]
struct Foreign<'a> {
    /// Name and version.
    shown: String,
    license: Option<&'a str>,
    /// Whether a crate that we ship imports it, directly or not.
    is_shipped: bool,
}

/// Every foreign crate in the answer of `cargo metadata` whose licence is not on the list.
pub(crate) fn findings(metadata: &str) -> Result<Vec<Finding>> {
    let value: Value = serde_json::from_str(metadata).context("answer of cargo metadata")?;
    let foreign = foreign(&value)?;
    Ok(foreign.iter().filter_map(breach).collect())
}

fn breach(foreign: &Foreign<'_>) -> Option<Finding> {
    let Foreign { shown, license, is_shipped } = foreign;
    let Some(license) = license else {
        return Some(Finding::of(shown, "names no licence"));
    };
    let allowed =
        |name: &str| PERMISSIVE.contains(&name) || (!is_shipped && WEAK_COPYLEFT.contains(&name));
    let audience = if *is_shipped { "what we ship" } else { "tools" };
    (!is_allowed(license, &allowed))
        .then(|| Finding::of(shown, format!("licence {license} is not fit for {audience}")))
}

/// The crates of `metadata` that come from elsewhere.
fn foreign(metadata: &Value) -> Result<Vec<Foreign<'_>>> {
    let shipped = shipped(metadata)?;
    let elsewhere = list(metadata, "packages").filter(|package| !package["source"].is_null());
    let describe = |package| {
        Ok(Foreign {
            shown: format!("{} {}", text(package, "name")?, text(package, "version")?),
            license: package["license"].as_str(),
            is_shipped: shipped.contains(text(package, "id")?),
        })
    };
    elsewhere.map(describe).collect()
}

/// The ids of all crates that our own, tools apart, reach outside their tests.
fn shipped(metadata: &Value) -> Result<BTreeSet<&str>> {
    let mut imports = BTreeMap::new();
    for node in list(&metadata["resolve"], "nodes") {
        let normal = list(node, "deps")
            .filter(|dependency| list(dependency, "dep_kinds").any(|kind| kind["kind"] != "dev"));
        let ids = normal.filter_map(|dependency| dependency["pkg"].as_str());
        imports.insert(text(node, "id")?, ids.collect::<Vec<_>>());
    }
    let ours = list(metadata, "packages").filter(|package| {
        let is_tool = package["name"].as_str().is_some_and(|name| TOOLS.contains(&name));
        package["source"].is_null() && !is_tool
    });
    let mut open = ours.map(|package| text(package, "id")).collect::<Result<Vec<_>>>()?;
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(imports.get(id).into_iter().flatten());
        }
    }
    Ok(reached)
}

/// Whether `expression` can be met by licences that are `allowed`.
///
/// SPDX as crates use it: names, `WITH`, `AND`, `OR` (the older `/` means `OR`) and brackets.
fn is_allowed(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all_of(rest, allowed);
    while let ["OR", tail @ ..] = rest {
        *rest = tail;
        met |= all_of(rest, allowed);
    }
    met
}

fn all_of(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(rest, allowed);
    while let ["AND", tail @ ..] = rest {
        *rest = tail;
        met &= one(rest, allowed);
    }
    met
}

fn one(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let met = any_of(rest, allowed);
            let closed = rest.split_off_first() == Some(&")");
            met && closed
        }
        [name, "WITH", exception, tail @ ..] => {
            *rest = tail;
            allowed(&format!("{name} WITH {exception}"))
        }
        [name, tail @ ..] => {
            *rest = tail;
            allowed(name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, want: bool) {
        assert_eq!(
            is_allowed(expression, &|name| PERMISSIVE.contains(&name)),
            want,
            "{expression}"
        );
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "MIT AND (ISC OR GPL-3.0)",
        ] {
            check(good, true);
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "GPL-2.0 WITH x", "", "(MIT", "MIT )", "OR MIT"] {
            check(bad, false);
        }
    }

    /// A workspace of two crates, of which one is a tool; `importer` uses the foreign crate `f`.
    fn metadata(importer: &str, kind: &str, license: &str) -> String {
        format!(
            r#"{{"packages": [
                {{"name": "stream-model", "id": "stream-model", "version": "0", "source": null}},
                {{"name": "bench", "id": "bench", "version": "0", "source": null}},
                {{"name": "f", "id": "f", "version": "1.0.0", "source": "x", "license": {license}}}],
              "resolve": {{"nodes": [{{"id": "{importer}", "deps": [
                {{"pkg": "f", "dep_kinds": [{{"kind": {kind}}}]}}]}}]}}}}"#
        )
    }

    /// Checks what is said of a foreign crate of this licence.
    #[track_caller]
    fn check_crate(importer: &str, kind: &str, license: &str, want: &[&str]) {
        let found = findings(&metadata(importer, kind, license)).unwrap();
        let found: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn weak_copyleft_is_for_tools_and_tests_alone() {
        let mpl = r#""MPL-2.0""#;
        check_crate("bench", "null", mpl, &[]);
        check_crate("stream-model", r#""dev""#, mpl, &[]);
        let want = ["f 1.0.0: licence MPL-2.0 is not fit for what we ship"];
        check_crate("stream-model", "null", mpl, &want);
        check_crate("stream-model", r#""build""#, mpl, &want);
    }

    #[test]
    fn strong_copyleft_and_no_licence_are_for_nobody() {
        let want = ["f 1.0.0: licence GPL-3.0 is not fit for tools"];
        check_crate("bench", "null", r#""GPL-3.0""#, &want);
        check_crate("bench", "null", "null", &["f 1.0.0: names no licence"]);
    }
}
