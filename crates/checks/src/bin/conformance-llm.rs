//! Serves our encodings over loopback to the clients that providers publish, compares what they
//! assemble with our own reading, and counts what came out right.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use checks::conformance::{Client, Sample, differences, ours, samples, serve};
use clap::Parser;
use millstream::llm::OutputFormat;

#[derive(Debug, Parser)]
struct Args {
    /// The Python that the clients of OpenAI and Anthropic are installed for
    #[arg(long)]
    python: PathBuf,
    /// The Node that the AI SDK runs in
    #[arg(long)]
    node: PathBuf,
    /// The folder of the scripts
    #[arg(long)]
    scripts: PathBuf,
    /// A folder of recorded streams with MANIFEST.tsv, to be read too
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let samples = Arc::new(samples(args.dir.as_deref())?);
    let (address, server) = serve(Arc::clone(&samples)).await?;
    let (python, node) = (args.python.as_path(), args.node.as_path());
    let mut failed = 0;
    for (name, program, script, format) in [
        ("openai chat", python, "chat.py", OutputFormat::OpenAiChat),
        ("openai responses", python, "responses.py", OutputFormat::OpenAiResponses),
        ("anthropic", python, "messages.py", OutputFormat::Anthropic),
        ("ai sdk", node, "ai_sdk.mjs", OutputFormat::AiSdk),
    ] {
        let script = args.scripts.join(script);
        let base = format!("http://{address}/{format}");
        let wrong = check(program, &script, &base, format, &samples).await;
        let wrong = wrong.with_context(|| name)?;
        println!("{name} {}/{}", samples.len() - wrong, samples.len());
        failed += wrong;
    }
    server.abort();
    println!("conformance: {} passed, {failed} failed", 4 * samples.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has one client read every stream, and counts what it reads otherwise than we do.
async fn check(
    program: &Path,
    script: &Path,
    base: &str,
    format: OutputFormat,
    samples: &[Sample],
) -> anyhow::Result<usize> {
    let mut client = Client::start(program, script)?;
    let mut wrong = 0;
    for (number, sample) in samples.iter().enumerate() {
        let found = match client.read(&format!("{base}/{number}")).await {
            Ok(said) => differences(&said, &ours(format, &sample.events)),
            Err(error) => vec![format!("{error:#}")],
        };
        if !found.is_empty() {
            wrong += 1;
            println!("{} as {format}:\n  {}", sample.name, found.join("\n  "));
        }
    }
    Ok(wrong)
}
