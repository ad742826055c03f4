//! `millstream relay`: standard input into a resumable stream.

use anyhow::{Context, bail};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use millstream::http::client::Client;
use millstream::relay::RelayId;
use tokio_util::io::ReaderStream;

use crate::cli::RelayArgs;

/// Bytes of the server's answer; it is a few hundred.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub(crate) async fn run(args: RelayArgs) -> anyhow::Result<()> {
    let id = RelayId::new(&args.id)?;
    let mut url = format!("{}/llm/{id}", args.server.trim_end_matches('/'));
    if let Some(provider) = &args.provider {
        url = format!("{url}?provider={provider}");
    }
    let body = Body::from_stream(ReaderStream::new(tokio::io::stdin()));
    let request = Request::post(&url).header("content-type", "application/octet-stream");
    let request = request.body(body).with_context(|| format!("cannot call {url}"))?;
    let response =
        Client::new().send(request).await.with_context(|| format!("cannot call {url}"))?;
    let status = response.status();
    let answer = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await?;
    let answer = String::from_utf8_lossy(&answer);
    if !status.is_success() {
        bail!("{url} answered {status}: {answer}");
    }
    println!("{answer}");
    Ok(())
}
