//! `millstream pub`: an event, or many, to a topic.

use axum::body::Body;
use axum::http::Request;
use tokio::io::AsyncReadExt;

use crate::cli::PubArgs;
use crate::remote::Remote;

pub(crate) async fn run(args: PubArgs) -> anyhow::Result<()> {
    let data = match args.data {
        Some(data) => data.into_bytes(),
        None => {
            let mut data = Vec::new();
            tokio::io::stdin().read_to_end(&mut data).await?;
            data
        }
    };
    let mut request = Request::builder();
    if args.lines {
        request = request.header("content-type", "application/x-ndjson");
    }
    if let Some(key) = args.idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let path = format!("/topics/{}", encoded(args.topic.as_str()));
    Remote::new(args.remote).post(&path, request, Body::from(data)).await
}

/// A name as it stands in a URL.
pub(crate) fn encoded(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}
