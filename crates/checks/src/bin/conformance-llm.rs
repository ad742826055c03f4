//! Serves our encodings over loopback to the clients that providers publish, compares what they
//! assemble with our own reading, and counts what came out right; once straight, and once through
//! the real server's proxy.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use checks::conformance::{Client, decoded, differences, ours, samples, serve};
use checks::program::Program;
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
    /// The binary that they are read through, too
    #[arg(long)]
    server: PathBuf,
    /// A folder of recorded streams with MANIFEST.tsv, to be read too
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let samples = Arc::new(samples(args.dir.as_deref())?);
    let current = Arc::new(AtomicUsize::new(0));
    let (address, server) = serve(Arc::clone(&samples), Arc::clone(&current)).await?;
    let proxy = proxy(&args.server, address).await?;
    let (python, node) = (args.python.as_path(), args.node.as_path());
    let chat = ("chat.py", OutputFormat::OpenAiChat);
    let responses = ("responses.py", OutputFormat::OpenAiResponses);
    let anthropic = ("messages.py", OutputFormat::Anthropic);
    let own = |format: OutputFormat| format!("http://{address}/{format}");
    let proxied = |path: &str| format!("{}{path}", proxy.url());
    let mut failed = 0;
    let rows = [
        ("openai chat", python, chat, own(chat.1)),
        ("openai chat through the proxy", python, chat, proxied("/v1")),
        ("openai responses", python, responses, own(responses.1)),
        ("openai responses through the proxy", python, responses, proxied("/v1")),
        ("anthropic", python, anthropic, own(anthropic.1)),
        ("anthropic through the proxy", python, anthropic, proxied("")),
        ("ai sdk", node, ("ai_sdk.mjs", OutputFormat::AiSdk), own(OutputFormat::AiSdk)),
    ];
    let total = rows.len() * samples.len();
    for (name, program, (script, format), url) in rows {
        let mut client = Client::start(program, args.scripts.join(script))?;
        let mut wrong = 0;
        for (number, sample) in samples.iter().enumerate() {
            let is_proxied = url.starts_with(proxy.url());
            current.store(number, Ordering::SeqCst);
            let found = match client.read(&url).await {
                Ok(said) => {
                    // The proxy decodes what it is sent, and mends what it knows to be wrong.
                    let sent = if is_proxied { decoded(format, &sample.events) } else { None };
                    differences(&said, &ours(format, sent.as_ref().unwrap_or(&sample.events)))
                }
                Err(error) => vec![format!("{error:#}")],
            };
            if !found.is_empty() {
                wrong += 1;
                println!("{} by {name}:\n  {}", sample.name, found.join("\n  "));
            }
        }
        println!("{name} {}/{}", samples.len() - wrong, samples.len());
        failed += wrong;
    }
    server.abort();
    println!("conformance: {} passed, {failed} failed", total - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The real server, with us as the provider behind each of its routes for SDKs.
async fn proxy(binary: &Path, provider: SocketAddr) -> anyhow::Result<Program> {
    let upstream = |(format, path): (OutputFormat, &str)| {
        let url = format!("http://{provider}/{format}/{path}");
        format!("[upstreams.{format}]\nurl = '{url}'\nformat = '{format}'\n")
    };
    let upstreams = [
        (OutputFormat::OpenAiChat, "chat/completions"),
        (OutputFormat::OpenAiResponses, "responses"),
        (OutputFormat::Anthropic, "v1/messages"),
    ];
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), upstreams.map(upstream).concat())?;
    let args = ["serve", "--dev", "--memory", "--listen", "127.0.0.1:0", "--config"];
    let args = args.into_iter().map(OsStr::new).chain([file.path().as_os_str()]);
    Program::start(binary, args).await
}
