//! Layers point down: the table of crates, and the proof that each imports lower layers only.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::args::Args;
use crate::finding::{Finding, conclude};
use crate::metadata::{Package, Workspace};
use crate::process::cargo;

/// Where a crate stands in the house.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// A crate imports crates of a lower number only; tests may import any.
    layer: u8,
    pub(crate) purity: Purity,
    /// Why the crate exists, in one line.
    purpose: &'static str,
}

/// How much of a crate is free of clocks, threads, files, sockets and runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purity {
    /// All of it, whatever its features.
    Whole,
    /// What is left without its default features.
    Core,
    /// None of it is promised.
    Driver,
}

/// Every crate of the workspace, lowest layer first; one that is not built yet is simply absent.
#[rustfmt::skip]
pub(crate) const HOUSE: &[Place] = &[
    place("stream-model", 0, Purity::Whole, "what an event, a topic and a position are"),
    place("stream-core", 1, Purity::Driver, "the one fan-out, and streams in memory"),
    place("stream-protocol", 1, Purity::Whole, "what readers and servers say to each other"),
    place("stream-sse", 2, Purity::Core, "server-sent events: a codec, and a stream behind a feature"),
    place("stream-async", 2, Purity::Driver, "bounded queues, batches and WebSocket messages"),
    place("stream-log", 2, Purity::Driver, "the contract of a durable log, and one in memory"),
    place("llm-stream", 3, Purity::Whole, "bytes of model providers into typed events"),
    place("stream-processor", 3, Purity::Driver, "pipelines of stages over events"),
    place("stream-log-disk", 3, Purity::Driver, "the embedded log on a disk"),
    place("stream-log-nats", 3, Purity::Driver, "the same contract over NATS"),
    place("llm-relay", 4, Purity::Driver, "one provider stream kept for readers who come and go"),
    place("stream-load", 4, Purity::Driver, "a load generator that checks what it gets"),
    place("stream-http", 5, Purity::Driver, "HTTP routes over the operations below"),
    place("millstream", 6, Purity::Driver, "the facade: one crate that re-exports the others"),
    place("millstream-server", 7, Purity::Driver, "the server binary, the facade's first user"),
    place("checks", 7, Purity::Driver, "long checks on recorded streams and golden cases"),
    place("xtask", 7, Purity::Driver, "the tool that runs all of this"),
    place("bench", 8, Purity::Driver, "claims of speed, beside peers, with results checked"),
];

/// Crates that a pure crate must not reach by any way.
const IMPURE: &[&str] = &["hyper", "mio", "reqwest", "socket2", "tokio"];

/// Foreign crates whose knowledge is confined, and the only libraries that may import them.
const CONFINED: &[(&str, &[&str])] =
    &[("async-nats", &["stream-log-nats"]), ("axum", &["stream-http"])];

/// Sources of chance, which a pure crate takes as an argument.
const CHANCE: &[&str] = &["fastrand", "getrandom", "rand"];

/// The one pure crate that makes ids; its own rules confine that to one file.
const MAKES_IDS: &str = "stream-model";

/// The layer from which on there are programs, which may import what they like.
const PROGRAMS: u8 = 7;

const fn place(name: &'static str, layer: u8, purity: Purity, purpose: &'static str) -> Place {
    Place { name, layer, purity, purpose }
}

/// For each crate of the workspace, the crates that it imports outside its tests.
type Imports<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// `cargo xtask layers`
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let workspace = Workspace::load()?;
    let mut findings = breaches(&imports(&workspace));
    for (place, selection) in pure_graphs(&workspace) {
        let tree = cargo(["tree", "--edges=normal", "--prefix=none", "--format={p}"]);
        let tree = tree.args(["--package", place.name]).args(selection).read()?;
        findings.extend(impurities(place.name, selection, &tree));
    }
    let clean = format!("layers: {} crates, every import points down", workspace.packages.len());
    conclude(findings, &clean)
}

fn imports(workspace: &Workspace) -> Imports<'_> {
    let packages = workspace.packages.iter();
    packages.map(|package| (&*package.name, package.imports().collect())).collect()
}

/// The crates that others are meant to import: those with a public API of their own.
pub(crate) fn libraries(workspace: &Workspace) -> impl Iterator<Item = &Package> {
    let is_program = |name: &str| find(name).is_some_and(|place| place.layer >= PROGRAMS);
    let packages = workspace.packages.iter().filter(|package| package.is_library());
    packages.filter(move |package| !is_program(&package.name))
}

/// The graphs that must be free of [`IMPURE`] crates: a crate, and the features to look at.
fn pure_graphs(workspace: &Workspace) -> Vec<(&'static Place, &'static [&'static str])> {
    const NONE: &[&str] = &["--no-default-features"];
    const ALL: &[&str] = &["--all-features"];
    let mut graphs = Vec::new();
    for place in HOUSE.iter().filter(|place| workspace.package(place.name).is_some()) {
        match place.purity {
            Purity::Whole => graphs.extend([(place, NONE), (place, ALL)]),
            Purity::Core => graphs.push((place, NONE)),
            Purity::Driver => {}
        }
    }
    graphs
}

/// Every import that the table forbids, and every crate that the table forgot.
fn breaches(imports: &Imports<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, imported) in imports {
        let Some(place) = find(name) else {
            findings
                .push(Finding::of(name, "stands in no layer; give it one in xtask/src/layers.rs"));
            continue;
        };
        for other in imported {
            let what = if imports.contains_key(other) {
                upward(place, other)
            } else {
                confined(place, other)
            };
            findings.extend(what.map(|what| Finding::of(name, what)));
        }
    }
    findings
}

fn find(name: &str) -> Option<&'static Place> {
    HOUSE.iter().find(|place| place.name == name)
}

/// What is wrong if `place` imports our own crate `other`.
fn upward(place: &Place, other: &str) -> Option<String> {
    let other = find(other)?;
    let (from, to) = (place.layer, other.layer);
    (to >= from).then(|| {
        let Place { name, purpose, .. } = other;
        format!("layer {from} imports {name} of layer {to} ({purpose})")
    })
}

/// What is wrong if `place` imports the foreign crate `other`.
fn confined(place: &Place, other: &str) -> Option<String> {
    if CHANCE.contains(&other) && place.purity != Purity::Driver && place.name != MAKES_IDS {
        return Some(format!("is pure but imports {other}"));
    }
    let (_, homes) = CONFINED.iter().find(|(foreign, _)| *foreign == other)?;
    let allowed = place.layer >= PROGRAMS || homes.contains(&place.name);
    (!allowed).then(|| format!("imports {other}, which only {} may know", homes.join(", ")))
}

/// The impure crates in `tree`, which has one `name version` on each line.
fn impurities(name: &str, selection: &[&str], tree: &str) -> Vec<Finding> {
    let reached = |impure: &&&str| tree.lines().any(|l| l.split(' ').next() == Some(**impure));
    let describe = |impure: &&str| {
        let selection = selection.join(" ");
        Finding::of(name, format!("is pure but reaches {impure} with {selection}"))
    };
    IMPURE.iter().filter(reached).map(describe).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Checks the breaches of a made-up workspace, written as `crate: import import`.
    #[track_caller]
    fn check(graph: &[&str], want: &[&str]) {
        let imports = graph.iter().map(|line| {
            let (name, imported) = line.split_once(':').unwrap();
            (name, imported.split_whitespace().collect())
        });
        let got: Vec<String> =
            breaches(&imports.collect()).iter().map(Finding::to_string).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn imports_that_point_down_are_fine() {
        check(
            &["stream-model: serde", "stream-core: stream-model tokio", "llm-relay: stream-core"],
            &[],
        );
    }

    #[test]
    fn an_import_that_points_up_or_sideways_is_caught() {
        check(
            &["stream-model: stream-core", "stream-core:"],
            &["stream-model: layer 0 imports stream-core of layer 1 \
               (the one fan-out, and streams in memory)"],
        );
        check(
            &["stream-log:", "stream-sse: stream-log"],
            &["stream-sse: layer 2 imports stream-log of layer 2 \
               (the contract of a durable log, and one in memory)"],
        );
    }

    #[test]
    fn a_crate_outside_the_table_is_caught() {
        check(
            &["stream-extras: stream-model", "stream-model:"],
            &["stream-extras: stands in no layer; give it one in xtask/src/layers.rs"],
        );
    }

    #[test]
    fn a_confined_crate_is_caught_outside_its_home() {
        check(&["stream-http: axum", "bench: axum"], &[]);
        check(&["llm-relay: axum"], &["llm-relay: imports axum, which only stream-http may know"]);
    }

    #[test]
    fn chance_in_a_pure_crate_is_caught() {
        check(&["stream-model: fastrand", "llm-relay: fastrand"], &[]);
        check(&["llm-stream: fastrand"], &["llm-stream: is pure but imports fastrand"]);
    }

    #[test]
    fn a_wrong_edge_in_the_answer_of_cargo_is_caught_and_a_test_edge_is_free() {
        let dependencies = |kind| {
            format!(
                r#"{{"target_directory": "/t", "packages": [
                {{"name": "stream-http", "manifest_path": "/crates/stream-http/Cargo.toml"}},
                {{"name": "stream-sse", "manifest_path": "/crates/stream-sse/Cargo.toml",
                  "dependencies": [{{"name": "stream-http", "kind": {kind}}}]}}]}}"#
            )
        };
        let count = |kind| {
            let workspace = Workspace::parse(&dependencies(kind), Path::new("/")).unwrap();
            breaches(&imports(&workspace)).len()
        };
        assert_eq!(count("null"), 1);
        assert_eq!(count(r#""build""#), 1);
        assert_eq!(count(r#""dev""#), 0);
    }

    #[test]
    fn a_runtime_anywhere_below_a_pure_crate_is_caught() {
        let tree = "stream-sse v0.1.0 (/x)\nmemchr v2.8.0\ntokio-stream v0.1.0\ntokio v1.47.0\n";
        let findings = impurities("stream-sse", &["--no-default-features"], tree);
        let want = "is pure but reaches tokio with --no-default-features";
        assert_eq!(findings, [Finding::of("stream-sse", want)]);
        assert_eq!(impurities("x", &[], "x v0.1.0\ntokio-stream v0.1.0\n"), []);
    }

    #[test]
    fn the_table_goes_up_and_says_why_each_crate_exists() {
        assert!(HOUSE.is_sorted_by_key(|place| place.layer));
        for place in HOUSE {
            assert!(place.purpose.len() > 10, "{}", place.name);
            assert_eq!(HOUSE.iter().filter(|other| other.name == place.name).count(), 1);
        }
    }
}
