//! The rules for manifests: one place for versions, one place for lints.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::finding::Finding;
use crate::tidy::TextFile;

/// What every crate takes from the workspace.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// The tables in which a crate names what it depends on.
const KINDS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Every breach in `manifests`, of which the one called `Cargo.toml` is the workspace's.
pub(crate) fn findings(manifests: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for TextFile { path, text } in manifests {
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                findings.push(Finding::of(path, error.message()));
                continue;
            }
        };
        let breaches = if path == "Cargo.toml" {
            shared = workspace_dependencies(&table).map(|(name, _)| name.clone()).collect();
            workspace_breaches(&table)
        } else {
            used.extend(dependencies(&table).map(|(name, _)| name.clone()));
            crate_breaches(&table)
        };
        findings.extend(breaches.into_iter().map(|what| Finding::of(path, what)));
    }
    let idle = shared.difference(&used);
    findings.extend(idle.map(|name| Finding::of("Cargo.toml", format!("no crate uses {name}"))));
    findings
}

/// The workspace switches on nothing by default: each crate asks for what it needs.
fn workspace_breaches(table: &Table) -> Vec<String> {
    let is_lean = |value: &Value| flag(value, "default-features") == Some(false);
    workspace_dependencies(table)
        .filter(|(_, value)| !is_lean(value))
        .map(|(name, _)| format!("{name} lacks `default-features = false`"))
        .collect()
}

/// A crate inherits its lints, its versions and its dependencies, and says what it is.
fn crate_breaches(table: &Table) -> Vec<String> {
    let mut breaches = Vec::new();
    if !table.get("lints").is_some_and(is_inherited) {
        breaches.push("lacks `[lints] workspace = true`".to_owned());
    }
    let package = table.get("package");
    for key in INHERITED {
        if !package.and_then(|package| package.get(key)).is_some_and(is_inherited) {
            breaches.push(format!("lacks `{key}.workspace = true`"));
        }
    }
    if package.and_then(|package| package.get("description")).is_none() {
        breaches.push("lacks a description".to_owned());
    }
    let own = dependencies(table).filter(|(_, value)| !is_inherited(value));
    breaches.extend(own.map(|(name, _)| format!("{name} does not come from the workspace")));
    breaches
}

fn workspace_dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let workspace = table.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    workspace.and_then(Value::as_table).into_iter().flatten()
}

/// All dependencies of a crate, those of one platform included.
fn dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(table).chain(targets.filter_map(|(_, value)| value.as_table()));
    let kinds = tables.flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)));
    kinds.filter_map(Value::as_table).flatten()
}

fn is_inherited(value: &Value) -> bool {
    flag(value, "workspace") == Some(true)
}

fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key).and_then(Value::as_bool)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[package]
name = "a"
description = "Counts"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
[dependencies]
serde = { workspace = true }
[target.'cfg(unix)'.dev-dependencies]
libc = { workspace = true }
[lints]
workspace = true
"#;

    /// Checks the findings for a crate and a workspace of these texts.
    #[track_caller]
    fn check(manifest: &str, workspace: &str, want: &[&str]) {
        let file =
            |path: &str, text: &str| TextFile { path: path.to_owned(), text: text.to_owned() };
        let files = [file("a/Cargo.toml", manifest), file("Cargo.toml", workspace)];
        let got: Vec<String> = findings(&files).iter().map(Finding::to_string).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn a_crate_that_inherits_everything_is_fine() {
        check(GOOD, "", &[]);
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_caught() {
        let text =
            GOOD.replace("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"warn\"");
        check(&text, "", &["a/Cargo.toml: lacks `[lints] workspace = true`"]);
    }

    #[test]
    fn a_crate_with_a_version_or_without_a_description_is_caught() {
        let text =
            GOOD.replace("version.workspace = true\nedition", "version = \"1.0.0\"\nedition");
        check(&text, "", &["a/Cargo.toml: lacks `version.workspace = true`"]);
        let text = GOOD.replace("description = \"Counts\"\n", "");
        check(&text, "", &["a/Cargo.toml: lacks a description"]);
    }

    #[test]
    fn a_dependency_past_the_workspace_is_caught() {
        for own in ["serde = \"1\"", "serde = { version = \"1\" }"] {
            let text = GOOD.replace("serde = { workspace = true }", own);
            check(&text, "", &["a/Cargo.toml: serde does not come from the workspace"]);
        }
        let text = GOOD.replace("libc = { workspace = true }", "libc = \"0.2\"");
        check(&text, "", &["a/Cargo.toml: libc does not come from the workspace"]);
    }

    #[test]
    fn a_shared_dependency_is_lean_and_used() {
        let lean =
            "[workspace.dependencies]\nserde = { version = \"1\", default-features = false }";
        check(GOOD, lean, &[]);
        let rich = "[workspace.dependencies]\nserde = \"1\"";
        check(GOOD, rich, &["Cargo.toml: serde lacks `default-features = false`"]);
        let idle = "[workspace.dependencies]\nrand = { version = \"1\", default-features = false }";
        check(GOOD, idle, &["Cargo.toml: no crate uses rand"]);
    }

    #[test]
    fn a_manifest_that_is_no_toml_is_caught() {
        let file = TextFile { path: "Cargo.toml".to_owned(), text: "[package".to_owned() };
        assert_eq!(findings(&[file]).len(), 1);
    }
}
