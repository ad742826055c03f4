//! `millstream relay`: standard input into a resumable stream.

use axum::body::Body;
use axum::http::Request;
use millstream::relay::RelayId;
use tokio_util::io::ReaderStream;

use crate::cli::RelayArgs;
use crate::remote::Remote;

pub(crate) async fn run(args: RelayArgs) -> anyhow::Result<()> {
    let id = RelayId::new(&args.id)?;
    let path = match &args.provider {
        Some(provider) => format!("/llm/{id}?provider={provider}"),
        None => format!("/llm/{id}"),
    };
    let body = Body::from_stream(ReaderStream::new(tokio::io::stdin()));
    let request = Request::builder().header("content-type", "application/octet-stream");
    Remote::new(args.remote).post(&path, request, body).await
}
