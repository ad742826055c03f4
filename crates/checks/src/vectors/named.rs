//! The guide's named pipelines, its factory of streams, monitor and validator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{anyhow, bail};
use millstream::asynchronous::{GuideStream, StreamFactory};
use millstream::processor::{NamedPipelines, StreamMonitor, StreamValidator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use super::streams::ops::block_on;

/// One of the guide's helpers, and what it is asked.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum GuideInput {
    Pipeline(PipelineInput),
    Factory(FactoryInput),
    Monitor(Vec<f64>),
    Validator(ValidatorInput),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineInput {
    processors: BTreeMap<String, String>,
    pipelines: BTreeMap<String, Vec<String>>,
    /// Basic and advanced processors are one type here.
    #[serde(default, rename = "advanced")]
    _advanced: bool,
    #[serde(default)]
    middleware: Vec<String>,
    #[serde(default)]
    on_error: Vec<String>,
    run: String,
    data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactoryInput {
    kind: String,
    buffer_size: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorInput {
    registered: BTreeMap<String, String>,
    /// What was registered before, under the same name.
    replaces: Option<String>,
    name: String,
    data: Value,
}

/// A helper's input to its answer.
pub(super) fn guide_pipeline(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        GuideInput::Pipeline(input) => pipeline(input),
        GuideInput::Factory(input) => Ok(factory(&input)),
        GuideInput::Monitor(values) => Ok(monitor(&values)),
        GuideInput::Validator(input) => validator(input),
    }
}

fn pipeline(input: PipelineInput) -> anyhow::Result<Value> {
    let mut pipelines = NamedPipelines::new();
    for (name, word) in input.processors {
        pipelines.add_processor(name, move |data| std::future::ready(apply(&word, &data)))?;
    }
    for word in input.middleware {
        pipelines.add_middleware(move |data| std::future::ready(apply(&word, &data)));
    }
    let saw = Arc::new(Mutex::new(Vec::new()));
    for name in input.on_error {
        let (saw, pipeline) = (Arc::clone(&saw), name.clone());
        pipelines.on_error(name, move |_, last| {
            let mut saw = saw.lock().unwrap_or_else(PoisonError::into_inner);
            saw.push(json!([pipeline, last]));
        });
    }
    let made = input.pipelines.into_iter();
    let made: Result<Vec<()>, _> =
        made.map(|(name, processors)| pipelines.create_pipeline(name, processors)).collect();
    let result = match made {
        Ok(_) => block_on(async { Ok(pipelines.process(&input.run, input.data).await) })?
            .map_err(|error| root(&error)),
        Err(error) => Err(error.to_string()),
    };
    let saw = saw.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(match result {
        Ok(result) => json!({ "result": result, "error_handler_saw": saw }),
        Err(error) => json!({ "error": error, "error_handler_saw": saw }),
    })
}

/// The error that the others stem from.
fn root(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// What a word of these cases makes of data.
fn apply(word: &str, data: &Value) -> Result<Value, String> {
    let number = |operand: &str| -> Result<(i64, i64), String> {
        let operand = operand.parse::<i64>().map_err(|error| error.to_string())?;
        Ok((data.as_i64().ok_or("no number")?, operand))
    };
    match word.split_once(':') {
        Some(("add", operand)) => number(operand).map(|(data, operand)| json!(data + operand)),
        Some(("mul", operand)) => number(operand).map(|(data, operand)| json!(data * operand)),
        None if word == "upper" => Ok(json!(data.as_str().ok_or("no text")?.to_uppercase())),
        None if word == "none" => Ok(Value::Null),
        None if word == "fail" => Err("KeyError".to_owned()),
        _ => Err(format!("unknown word {word}")),
    }
}

fn factory(input: &FactoryInput) -> Value {
    let mut factory = StreamFactory::default();
    if let Some(items) = input.buffer_size {
        factory = factory.capacity(items);
    }
    let made: Result<GuideStream<Value>, _> = factory.create(&input.kind);
    match made {
        Ok(stream) => json!({ "kind": stream.kind(), "capacity": stream.capacity() }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn monitor(values: &[f64]) -> Value {
    let monitor = StreamMonitor::new();
    for value in values {
        monitor.record_metric("metric", *value);
    }
    monitor.statistics("metric").map_or_else(
        || json!({}),
        |got| json!({ "mean": got.mean, "std": got.std, "min": got.min, "max": got.max }),
    )
}

fn validator(input: ValidatorInput) -> anyhow::Result<Value> {
    let mut validator = StreamValidator::new();
    for (name, word) in input.registered {
        for word in input.replaces.iter().chain([&word]) {
            let bound = word.strip_prefix("data_gt:").ok_or_else(|| anyhow!("unknown {word}"))?;
            let Ok(bound) = bound.parse::<f64>() else { bail!("no number: {bound}") };
            let is_greater = move |data: &Value| data.as_f64().is_some_and(|data| data > bound);
            validator.add_validator(name.clone(), is_greater);
        }
    }
    Ok(json!(validator.validate(&input.name, &input.data)))
}
