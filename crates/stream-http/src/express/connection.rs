//! One connection in the express lane.

use std::io;

use bytes::{Bytes, BytesMut};
use stream_model::now::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::date::Date;
use super::live::Desk;
use super::request::{Front, Head, look};
use super::response::put;
use super::turn::Turn;
use crate::app::App;
use crate::durable::{LastUsed, append};
use crate::limits::EXPRESS_READ_BYTES;
use crate::shutdown::Shutdown;
use crate::slots::Slot;

/// What became of a connection.
pub(super) enum Left {
    /// It is over, or in other hands.
    Done,
    /// It is for the library, with what was read.
    Library(TcpStream, BytesMut, Slot),
}

/// Answers appends until something else comes; a reader of live events goes to a shard, and
/// everything else is given back with what was read of it.
///
/// # Errors
/// If the connection broke.
///
/// # Cancel safety
/// Dropping the future cuts the connection; an append that was read may still be carried out.
pub(super) async fn serve(
    (mut socket, slot): (TcpStream, Slot),
    app: &App,
    desk: &Desk,
    turn: &Turn,
) -> io::Result<Left> {
    let mut shutdown = app.shutdown_signal();
    let (mut read, mut out, mut date) = (BytesMut::new(), Vec::new(), Date::default());
    let mut last = LastUsed::default();
    // A connection that has sent a request may rest; one that has begun a head may not.
    let head_timeout = app.head_timeout();
    let mut deadline = Some(Instant::now() + head_timeout);
    loop {
        turn.step();
        let head = match look(&read, app.body_bytes_max()) {
            Front::Append(head) if app.lets_everybody_append(&head.host) => head,
            Front::Incomplete => {
                if !next(&mut socket, &mut read, &mut shutdown, deadline).await? {
                    return Ok(Left::Done);
                }
                deadline = deadline.or_else(|| Some(Instant::now() + head_timeout));
                continue;
            }
            Front::Live(request) => match desk.ask(app, *request).await {
                Some(seated) => {
                    // What came behind the request is never answered, as this answer has no end.
                    seated.begin((socket, slot), desk, date.at(now())).await?;
                    return Ok(Left::Done);
                }
                None => return Ok(Left::Library(socket, read, slot)),
            },
            Front::Append(_) | Front::Other => return Ok(Left::Library(socket, read, slot)),
        };
        let Head { path, headers, head_bytes, body_bytes, .. } = head;
        let Some(body) = body(&mut socket, &mut read, (head_bytes, body_bytes), turn).await? else {
            return Ok(Left::Done);
        };
        let answer = append(app, (&path, &mut last), &headers, body).await;
        let closes = shutdown.has_begun();
        let status = put(&mut out, answer, date.at(now()), closes);
        app.metrics().responded(status);
        socket.write_all(&out).await?;
        out.clear();
        if closes {
            return Ok(Left::Done);
        }
        deadline = (!read.is_empty()).then(|| Instant::now() + head_timeout);
    }
}

/// Reads more of a request's head; says whether there was any in time.
async fn next(
    socket: &mut TcpStream,
    read: &mut BytesMut,
    shutdown: &mut Shutdown,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    let idle = read.is_empty();
    read.reserve(EXPRESS_READ_BYTES);
    let too_late = async {
        match deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        count = socket.read_buf(read) => Ok(count? > 0),
        () = shutdown.begun(), if idle => Ok(false),
        () = too_late => Ok(false),
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
