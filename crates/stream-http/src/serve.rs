//! Owns the listener, and ends everything in order.

use std::future::Future;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::app::App;
use crate::express::lane;
use crate::library;
use crate::stats;

/// Serves `app` on `listener` until `shutdown` is ready, then drains for at most `drain`.
///
/// # Errors
/// [`ServeError`] if the listener failed.
///
/// # Cancel safety
/// Dropping the future cuts every connection.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> Result<(), ServeError> {
    app.recover().await;
    let (lane, handed_over) = lane(listener, app.clone())?;
    let mut stopped = app.shutdown_signal();
    let library = library::serve(handed_over, app.clone());
    let ending = app.clone();
    let drained = async move {
        tokio::select! {
            ((), ()) = async { tokio::join!(ending.keep_house(), stats::tell(&ending)) } => {}
            () = async {
                shutdown.await;
                info!("shutting down");
                ending.begin_shutdown().await;
            } => {}
        }
        stopped.begun().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(library, lane.run()) } => Ok(()),
        () = drained => {
            warn!(drain_s = drain.as_secs(), "cut what was still open after the drain time");
            Ok(())
        }
    }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve")]
pub struct ServeError(#[from] std::io::Error);
