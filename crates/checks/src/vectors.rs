//! The golden suites: the documented behaviour case by case, run through the facade.
//!
//! A suite is a JSON file `{"schema": 1, "suite": name, "cases": [...]}` and a case
//! `{id, truth, input, expect}`.
//! The suite's runner takes the input and says what came out of it, in the shape of the
//! expectation, which it does not see; one comparison serves all suites.
//!
//! # Cuts
//!
//! Where a result must not depend on how the input is cut, the runner cuts it in every way that it
//! can afford, and fails the case if two ways differ.
//! Streams are run with handlers of each kind and with queues, likewise.
//!
//! # Time
//!
//! Cases with timers run on tokio's paused clock, so they take no time, and instants are exact.
//!
//! # Comparison
//!
//! - At the top, and in a `dict`, the keys that the expectation has are compared; elsewhere, all.
//! - Integers must be the same; of two numbers with a fraction, a relative 10⁻⁹ may be missing.
//! - `$uuid` is any UUID, `$now` a time within the run; what is called `timestamp` is an instant,
//!   however it is written.
//! - An `error` that is `true`, or a name that was only seen in the original, is any error; other
//!   errors are expected as they are written.

mod batching;
mod compare;
mod cuts;
mod event;
mod event_log;
mod filter;
mod guide;
mod handler;
mod json;
mod named;
mod processor;
mod sse;
mod stats;
mod streams;
mod text;
mod timed;
mod websocket;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File};
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use millstream::model::now::now;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The folder of the suites that the project keeps.
pub const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors");

/// The form of the files.
const SCHEMA: u64 = 1;

/// Says what comes out of an input.
///
/// Errors of what is tested are part of that; an error of the runner is an input that it does not
/// understand, or a result that depends on how the input is cut.
type Runner = fn(&Value) -> anyhow::Result<Value>;

const RUNNERS: &[(&str, Runner)] = &[
    ("async_stream", timed::async_stream),
    ("batching", batching::batching),
    ("broadcast", streams::broadcasts),
    ("chunk_stream", text::chunk_stream),
    ("content_filter", filter::content_filter),
    ("content_filter_delta", filter::content_filter_delta),
    ("event_dict", event::event_dict),
    ("event_log", event_log::event_log),
    ("guide_pipeline", named::guide_pipeline),
    ("guide_streams", guide::guide_streams),
    ("in_memory", streams::in_memory),
    ("json_partial", json::json_partial),
    ("json_stream", json::json_stream),
    ("json_values", json::json_stream),
    ("llm_handler", handler::llm_handler),
    ("processor", processor::processor),
    ("should_receive", event::should_receive),
    ("sse_frame", sse::sse_frame),
    ("sse_parse", sse::sse_parse),
    ("sse_stream", timed::sse_stream),
    ("stats", stats::stats),
    ("stream_buffer", text::stream_buffer),
    ("topic_stream", streams::topic_stream),
    ("websocket", websocket::websocket),
];

/// The golden cases of one behaviour.
#[derive(Debug, Clone, Deserialize)]
pub struct Suite {
    schema: u64,
    /// What it is called.
    #[serde(rename = "suite")]
    pub name: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// An input and what must come out of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// What it is called, in all suites.
    pub id: String,
    /// Who says so.
    pub truth: Truth,
    /// What goes in, in a form of the suite's own.
    pub input: Value,
    /// What comes out, in a form of the suite's own.
    pub expect: Value,
}

/// Who says that an expectation is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Truth {
    /// The system that the documents describe did so.
    Original,
    /// A public standard.
    Standard,
    /// The documents' own text.
    Contract,
    /// This project.
    Design,
}

/// How many cases of a suite are right, and what is wrong with the others.
///
/// It shows as a line for each difference, then one for the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The suite.
    pub suite: String,
    /// How many cases it has that can be run.
    pub cases: usize,
    /// How many nobody can run yet.
    pub uncovered: usize,
    /// Those that failed.
    pub failures: Vec<Failure>,
}

/// A case whose result differs from the expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The case.
    pub id: String,
    /// What was expected and what was found instead, at least one of them.
    pub differences: Vec<String>,
}

/// Reads every suite in `dir`, by file name.
///
/// # Errors
/// Says which file cannot be read or has another form, or that there is none.
pub fn read(dir: &Path) -> anyhow::Result<Vec<Suite>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    ensure!(!paths.is_empty(), "no suites in {}", dir.display());
    paths.sort();
    let read = |path: &Path| read_suite(path).with_context(|| path.display().to_string());
    paths.iter().map(|path| read(path)).collect()
}

fn read_suite(path: &Path) -> anyhow::Result<Suite> {
    let suite: Suite = serde_json::from_reader(BufReader::new(File::open(path)?))?;
    ensure!(suite.schema == SCHEMA, "schema {} is not {SCHEMA}", suite.schema);
    Ok(suite)
}

impl Suite {
    /// Runs every case, if there is a runner for them.
    pub fn run(&self) -> Outcome {
        let (suite, mut failures) = (self.name.clone(), Vec::new());
        let Some((_, run)) = RUNNERS.iter().find(|(name, _)| *name == self.name) else {
            return Outcome { suite, cases: 0, uncovered: self.cases.len(), failures };
        };
        for case in &self.cases {
            let differences = case.differences(*run);
            if !differences.is_empty() {
                failures.push(Failure { id: case.id.clone(), differences });
            }
        }
        Outcome { suite, cases: self.cases.len(), uncovered: 0, failures }
    }
}

impl Case {
    /// What is wrong with the case.
    fn differences(&self, run: Runner) -> Vec<String> {
        let begin = now();
        match catch_unwind(AssertUnwindSafe(|| run(&self.input))) {
            Ok(Ok(found)) => compare::differences(self, &found, begin),
            Ok(Err(error)) => vec![format!("cannot be run: {error:#}")],
            Err(_) => vec!["panicked".to_owned()],
        }
    }
}

impl Outcome {
    /// How many cases are right.
    pub fn passed(&self) -> usize {
        self.cases - self.failures.len()
    }

    /// How many cases are wrong.
    pub fn failed(&self) -> usize {
        self.failures.len()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, cases, uncovered, failures } = self;
        for Failure { id, differences } in failures {
            for difference in differences {
                writeln!(f, "{id}: {difference}")?;
            }
        }
        match uncovered {
            0 => write!(f, "{suite} {}/{cases}", self.passed()),
            _ => write!(f, "{suite} not covered yet: {uncovered} cases"),
        }
    }
}

/// Reads an input in the form that its runner knows.
fn parse<T: DeserializeOwned>(input: &Value) -> anyhow::Result<T> {
    T::deserialize(input).map_err(|error| anyhow!("unknown form of input: {error}"))
}
