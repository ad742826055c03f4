//! Serves a page that reads every stream, and takes what it saw.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Seen, cases, ours};

/// Bytes that the page may send back: what thousands of short streams hold, many times over.
const RESULT_BYTES_MAX: usize = 256 << 20;

/// The streams, and where the results go.
#[derive(Clone)]
struct Shared {
    streams: Arc<[Vec<u8>]>,
    results: mpsc::Sender<Vec<Vec<Seen>>>,
    seed: u64,
}

/// A page on loopback, for as long as this lives.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    results: mpsc::Receiver<Vec<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves `streams`, cut where `seed` says.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(streams: Vec<Vec<u8>>, seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, results) = mpsc::channel(1);
        let shared = Shared { streams: streams.into(), results: tell, seed };
        let routes = Router::new()
            .route("/", get(|| async { Html(include_str!("page.html")) }))
            .route("/cases", get(names))
            .route("/stream/{number}", get(stream_of))
            .route("/results", post(take).layer(DefaultBodyLimit::max(RESULT_BYTES_MAX)))
            .with_state(shared);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the page is not served any more");
            }
        });
        Ok(Self { address, results, task })
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What the page saw, stream by stream.
    ///
    /// # Errors
    /// If the server has ended.
    pub async fn results(&mut self) -> anyhow::Result<Vec<Vec<Seen>>> {
        self.results.recv().await.context("the server ended before the page had told anything")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The names to listen for in each stream.
async fn names(State(shared): State<Shared>) -> Response {
    let names: Vec<_> = shared.streams.iter().map(|stream| cases::names(stream)).collect();
    Json(names).into_response()
}

async fn stream_of(State(shared): State<Shared>, Path(number): Path<usize>) -> Response {
    let Some(bytes) = shared.streams.get(number) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut random = fastrand::Rng::with_seed(shared.seed.wrapping_add(number as u64));
    let pieces: Vec<_> = ours::cut(bytes, &mut random)
        .into_iter()
        .map(|piece| Ok::<_, std::convert::Infallible>(piece.to_vec()))
        .collect();
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream::iter(pieces))).into_response()
}

async fn take(State(shared): State<Shared>, Json(results): Json<Vec<Vec<Seen>>>) -> StatusCode {
    match shared.results.send(results).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::GONE,
    }
}
