//! Requests for live events: the routes answer them, and a shard takes the connection.

use std::io;

use axum::Router;
use axum::body::Body;
use http::StatusCode;
use http::header::HeaderMap;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::response::put_head;
use crate::app::App;
use crate::live::{Seat, Shards, Ticket};
use crate::routes::uncounted;
use crate::slots::Slot;

/// Whom to ask, and where to put those who are let in.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    router: Router,
    shards: Shards,
    /// The server's runtime: what follows the logs belongs there, and the lane's own threads may
    /// wait for the disk.
    runtime: Handle,
}

/// A reader that was let in.
pub(super) struct Seated {
    status: StatusCode,
    headers: HeaderMap,
    seat: Seat,
}

impl Desk {
    /// Must be called within the server's runtime.
    pub(super) fn new(app: &App, shards: Shards) -> Self {
        Self { router: uncounted(app.clone()), shards, runtime: Handle::current() }
    }

    /// Has the routes answer a request; `None` if the answer is anything else than live events,
    /// which the library may find out again.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub(super) async fn ask(&self, app: &App, request: http::Request<()>) -> Option<Seated> {
        let ticket = Ticket::default();
        let mut request = request.map(|()| Body::empty());
        request.extensions_mut().insert(ticket.clone());
        let mut router = self.router.clone();
        let mut asking = JoinSet::new();
        asking.spawn_on(async move { router.call(request).await }, &self.runtime);
        let response = asking.join_next().await?.ok()?.ok()?;
        let seat = ticket.take()?;
        let (head, _) = response.into_parts();
        app.metrics().responded(head.status);
        Some(Seated { status: head.status, headers: head.headers, seat })
    }
}

impl Seated {
    /// Greets the reader, and gives it to a shard.
    ///
    /// # Errors
    /// If the connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future cuts the connection.
    pub(super) async fn begin(
        self,
        (mut socket, slot): (TcpStream, Slot),
        desk: &Desk,
        date: &str,
    ) -> io::Result<()> {
        let Self { status, headers, mut seat } = self;
        let mut out = Vec::new();
        put_head(&mut out, status, &headers, date);
        out.append(&mut seat.greeting);
        socket.write_all(&out).await?;
        desk.shards.join((socket.into_std()?, slot), seat);
        Ok(())
    }
}
