//! The workspace as cargo describes it, cut down to what the commands ask for.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::cargo;

/// The crates of the workspace and where cargo builds them.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_dir: PathBuf,
}

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// From the root of the workspace, with `/`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// Each feature and what it switches on, as in the manifest.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// One dependency of a crate, under its real name.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether only tests, examples and benches use it.
    pub(crate) dev: bool,
}

/// One thing that cargo builds from a crate.
#[derive(Debug)]
pub(crate) struct Target {
    /// `lib`, `bin`, `test`, …
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Its first file, from the root of the workspace, with `/`.
    pub(crate) root: String,
}

impl Workspace {
    /// Asks cargo; needs no network.
    pub(crate) fn load() -> Result<Self> {
        let json = cargo(["metadata", "--format-version=1", "--no-deps"]).read()?;
        Self::parse(&json, &env::current_dir()?)
    }

    /// Reads the answer of `cargo metadata`; paths are kept from `root`.
    pub(crate) fn parse(json: &str, root: &Path) -> Result<Self> {
        let value: Value = serde_json::from_str(json).context("answer of cargo metadata")?;
        let target_dir = PathBuf::from(text(&value, "target_directory")?);
        let packages = list(&value, "packages").map(|package| Package::parse(package, root));
        Ok(Self { packages: packages.collect::<Result<_>>()?, target_dir })
    }

    /// The crate `name`, if it exists.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn parse(value: &Value, root: &Path) -> Result<Self> {
        let manifest = Path::new(text(value, "manifest_path")?);
        let folder = manifest.parent().context("a manifest lies in a folder")?;
        let features = value["features"].as_object().into_iter().flatten();
        Ok(Self {
            name: text(value, "name")?.to_owned(),
            folder: from_root(folder, root),
            dependencies: list(value, "dependencies").map(dependency).collect::<Result<_>>()?,
            features: features.map(|(name, on)| (name.clone(), strings(on))).collect(),
            targets: list(value, "targets").map(|t| target(t, root)).collect::<Result<_>>()?,
        })
    }

    /// Whether other crates can import it.
    pub(crate) fn is_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind == "lib")
    }

    /// The names of the crates that it imports outside its tests, build scripts included.
    pub(crate) fn imports(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|dependency| !dependency.dev).map(|it| &*it.name)
    }

    /// The names of its binaries.
    pub(crate) fn binaries(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter(|target| target.kind == "bin").map(|target| &*target.name)
    }
}

fn dependency(value: &Value) -> Result<Dependency> {
    Ok(Dependency { name: text(value, "name")?.to_owned(), dev: value["kind"] == "dev" })
}

fn target(value: &Value, root: &Path) -> Result<Target> {
    Ok(Target {
        kind: strings(&value["kind"]).into_iter().next().unwrap_or_default(),
        name: text(value, "name")?.to_owned(),
        root: from_root(Path::new(text(value, "src_path")?), root),
    })
}

fn from_root(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string().replace('\\', "/")
}

/// The text under `key`, which must be there.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata without `{key}`"))
}

/// The list under `key`, empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn strings(value: &Value) -> Vec<String> {
    let words = value.as_array().into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_says() {
        let json = r#"{"target_directory": "/w/target", "packages": [{
            "name": "b", "manifest_path": "/w/crates/b/Cargo.toml",
            "dependencies": [{"name": "a", "kind": null}, {"name": "p", "kind": "dev"}],
            "features": {"default": ["x"], "x": []},
            "targets": [{"kind": ["lib"], "name": "b", "src_path": "/w/crates/b/src/lib.rs"},
                        {"kind": ["bin"], "name": "tool", "src_path": "/w/crates/b/src/main.rs"}]
        }]}"#;
        let workspace = Workspace::parse(json, Path::new("/w")).unwrap();
        let package = workspace.package("b").unwrap();
        assert_eq!(workspace.target_dir, Path::new("/w/target"));
        assert_eq!(package.folder, "crates/b");
        assert_eq!(package.features["default"], ["x"]);
        assert!(package.is_library());
        assert_eq!(package.binaries().collect::<Vec<_>>(), ["tool"]);
        assert_eq!(package.targets[0].root, "crates/b/src/lib.rs");
        assert_eq!(package.dependencies.len(), 2);
        assert_eq!(package.imports().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn an_answer_without_a_needed_key_is_an_error() {
        let error = Workspace::parse(r#"{"packages": []}"#, Path::new("/")).unwrap_err();
        assert_eq!(error.to_string(), "cargo metadata without `target_directory`");
    }
}
