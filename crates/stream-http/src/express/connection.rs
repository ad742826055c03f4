//! One connection in the express lane.

use std::io;

use bytes::{Bytes, BytesMut};
use stream_model::now::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::date::Date;
use super::request::{Front, Head, look};
use super::response::put;
use super::turn::Turn;
use crate::app::App;
use crate::durable::append;
use crate::limits::EXPRESS_READ_BYTES;
use crate::shutdown::Shutdown;

/// Answers appends until something else comes; gives the connection back with what was read of
/// that.
///
/// `None` once the connection is over.
///
/// # Errors
/// If the connection broke.
///
/// # Cancel safety
/// Dropping the future cuts the connection; an append that was read may still be carried out.
pub(super) async fn serve(
    mut socket: TcpStream,
    app: &App,
    turn: &Turn,
) -> io::Result<Option<(TcpStream, BytesMut)>> {
    let mut shutdown = app.shutdown_signal();
    let (mut read, mut out, mut date) = (BytesMut::new(), Vec::new(), Date::default());
    loop {
        turn.step();
        let head = match look(&read, app.body_bytes_max()) {
            Front::Append(head) if app.lets_everybody_append(&head.host) => head,
            Front::Incomplete => {
                if !next(&mut socket, &mut read, &mut shutdown).await? {
                    return Ok(None);
                }
                continue;
            }
            Front::Append(_) | Front::Other => return Ok(Some((socket, read))),
        };
        let Head { path, headers, head_bytes, body_bytes, .. } = head;
        let Some(body) = body(&mut socket, &mut read, (head_bytes, body_bytes), turn).await? else {
            return Ok(None);
        };
        let answer = append(app, &path, &headers, body).await;
        let closes = shutdown.has_begun();
        let status = put(&mut out, answer, date.at(now()), closes);
        app.metrics().responded(status);
        socket.write_all(&out).await?;
        out.clear();
        if closes {
            return Ok(None);
        }
    }
}

/// Reads more of a request's head; says whether there was any.
async fn next(
    socket: &mut TcpStream,
    read: &mut BytesMut,
    shutdown: &mut Shutdown,
) -> io::Result<bool> {
    let idle = read.is_empty();
    read.reserve(EXPRESS_READ_BYTES);
    tokio::select! {
        biased;
        count = socket.read_buf(read) => Ok(count? > 0),
        () = shutdown.begun(), if idle => Ok(false),
    }
}

/// Takes the request off the front of what was read, once its body is there; `None` if the client
/// went away before.
async fn body(
    socket: &mut TcpStream,
    read: &mut BytesMut,
    (head_bytes, body_bytes): (usize, usize),
    turn: &Turn,
) -> io::Result<Option<Bytes>> {
    let bytes = head_bytes.saturating_add(body_bytes);
    while let Some(missing) = bytes.checked_sub(read.len()).filter(|missing| *missing > 0) {
        turn.step();
        // Room grows with what has come: a length is a claim.
        read.reserve(missing.min(read.len().max(EXPRESS_READ_BYTES)));
        if socket.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
    let mut request = read.split_to(bytes);
    Ok(Some(request.split_off(head_bytes).freeze()))
}
