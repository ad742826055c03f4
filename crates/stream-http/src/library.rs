//! The connections that the HTTP library has: all but those that the express lane keeps.
//!
//! # At the end of life
//!
//! When the server goes down, requests that have begun are answered, and then their connections
//! closed; dropping the future cuts them.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tracing::debug;

use crate::app::App;
use crate::express::{HandedOver, Rewound};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, HTTP2_STREAMS_MAX};
use crate::routes::router;
use crate::shutdown::Shutdown;

/// Serves what is handed over, until the server goes down and every connection is over.
///
/// # Cancel safety
/// Dropping the future cuts every connection.
pub(crate) async fn serve(mut handed_over: HandedOver, app: App) {
    let mut shutdown = app.shutdown_signal();
    let (head_timeout, router) = (app.head_timeout(), router(app));
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.begun() => break,
            connection = handed_over.next() => {
                let Some(connection) = connection else { break };
                open.spawn(one(connection, router.clone(), shutdown.clone(), head_timeout));
            }
            Some(_) = open.join_next() => {}
        }
    }
    while open.join_next().await.is_some() {}
}

async fn one(connection: Rewound, router: Router, mut shutdown: Shutdown, head_timeout: Duration) {
    let mut builder = Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(head_timeout);
    http1.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(HTTP2_STREAMS_MAX);
    http2.max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
    // WebSockets over HTTP/2 begin with a CONNECT.
    http2.enable_connect_protocol();
    let (io, service) = (TokioIo::new(connection), TowerToHyperService::new(router));
    let mut serving = pin!(builder.serve_connection_with_upgrades(io, service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.begun() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        debug!(error, "a connection broke");
    }
}
