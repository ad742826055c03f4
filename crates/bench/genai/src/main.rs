//! Decodes with `genai` what it is handed over a pipe.
//!
//! First it reads recordings, each a line `recording FORMAT BYTES` and its bytes; then commands:
//! `decode CHUNK_BYTES` and `transport CHUNK_BYTES`.
//! It answers each with a line of two lengths, then so many bytes of text and of reasoning.

mod server;

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context as _, bail};
use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};

use self::server::Server;

/// A stream of one provider, and genai's name for the provider.
struct Recording {
    kind: AdapterKind,
    bytes: Vec<u8>,
}

/// What all recordings say.
#[derive(Default)]
struct Said {
    text: String,
    reasoning: String,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    let mut recordings = Vec::new();
    let mut peer: Option<Peer> = None;
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["recording", format, length] => {
                let mut bytes = vec![0; length.parse()?];
                input.read_exact(&mut bytes)?;
                recordings.push(Recording { kind: kind(format)?, bytes });
            }
            [what, chunk_bytes] => {
                let peer = match &mut peer {
                    Some(peer) => peer,
                    none => none.insert(Peer::new(std::mem::take(&mut recordings))?),
                };
                let said = runtime.block_on(peer.run(what, chunk_bytes))?;
                writeln!(output, "{} {}", said.text.len(), said.reasoning.len())?;
                output.write_all(said.text.as_bytes())?;
                output.write_all(said.reasoning.as_bytes())?;
                output.flush()?;
            }
            _ => bail!("unknown command {line:?}"),
        }
        line.clear();
    }
    Ok(())
}

fn kind(format: &str) -> anyhow::Result<AdapterKind> {
    Ok(match format {
        "openai-chat" => AdapterKind::OpenAI,
        "openai-responses" => AdapterKind::OpenAIResp,
        "anthropic" => AdapterKind::Anthropic,
        "gemini" => AdapterKind::Gemini,
        _ => bail!("genai has no {format}"),
    })
}

/// The two clients, and the server that both read from.
struct Peer {
    kinds: Vec<AdapterKind>,
    server: Server,
    http: reqwest::Client,
    genai: Client,
}

impl Peer {
    fn new(recordings: Vec<Recording>) -> anyhow::Result<Self> {
        let http = reqwest::Client::new();
        let genai = Client::builder().with_reqwest(http.clone()).build()?;
        let kinds = recordings.iter().map(|recording| recording.kind).collect();
        let bodies = recordings.into_iter().map(|recording| recording.bytes).collect();
        Ok(Self { kinds, server: Server::start(bodies)?, http, genai })
    }

    async fn run(&self, what: &str, chunk_bytes: &str) -> anyhow::Result<Said> {
        let mut said = Said::default();
        for (number, kind) in self.kinds.iter().enumerate() {
            let url = format!("http://{}/{chunk_bytes}/{number}/", self.server.address);
            match what {
                "decode" => self.decode(*kind, url, &mut said).await?,
                "transport" => self.transport(&url).await?,
                _ => bail!("unknown command {what}"),
            }
        }
        Ok(said)
    }

    async fn decode(&self, kind: AdapterKind, url: String, said: &mut Said) -> anyhow::Result<()> {
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(url),
            auth: AuthData::from_single("none"),
            model: ModelIden::new(kind, "any"),
        };
        let request = ChatRequest::from_user("any");
        let answer = self.genai.exec_chat_stream(target, request, None).await?;
        let mut events = answer.stream;
        while let Some(event) = events.next().await {
            match event? {
                ChatStreamEvent::Chunk(chunk) => said.text.push_str(&chunk.content),
                ChatStreamEvent::ReasoningChunk(chunk) => said.reasoning.push_str(&chunk.content),
                _ => {}
            }
        }
        Ok(())
    }

    async fn transport(&self, url: &str) -> anyhow::Result<()> {
        let answer = self.http.post(url).body("{}").send().await?;
        let mut body = answer.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.context("the server broke off")?;
            std::hint::black_box(chunk);
        }
        Ok(())
    }
}
