//! What one writes in an afternoon: axum, tokio's broadcast channel, and server-sent events.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

/// Events that a subscriber may be behind; one that is further behind misses some.
const BEHIND: usize = 16 << 10;

type Events = Sender<Arc<str>>;

/// Serves on a port of loopback until the process ends: `POST /` publishes, `GET /` subscribes.
///
/// # Errors
/// If the port is taken.
///
/// # Cancel safety
/// Dropping the future ends all connections.
pub async fn serve(port: u16) -> std::io::Result<()> {
    let routes = Router::new().route("/", get(subscribe).post(publish));
    let app = routes.with_state(Sender::<Arc<str>>::new(BEHIND));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    axum::serve(tokio::net::TcpListener::bind(address).await?, app).await
}

async fn publish(State(events): State<Events>, body: String) -> StatusCode {
    // Nobody listens yet: that is no error.
    events.send(body.into()).map(drop).unwrap_or_default();
    StatusCode::NO_CONTENT
}

async fn subscribe(
    State(events): State<Events>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = unfold(events.subscribe(), async |mut events: Receiver<Arc<str>>| {
        loop {
            match events.recv().await {
                Ok(event) => return Some((Ok(Event::default().data(&*event)), events)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
