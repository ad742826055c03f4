//! Connections that left the lane, as the library takes them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::slots::Slot;

/// A connection between two event loops.
#[derive(Debug)]
pub(super) struct Moving {
    pub(super) socket: std::net::TcpStream,
    /// What was read already.
    pub(super) read: BytesMut,
    pub(super) slot: Slot,
}

/// What comes out of the lane.
#[derive(Debug)]
pub(crate) struct HandedOver(pub(super) mpsc::Receiver<Moving>);

impl HandedOver {
    /// The next connection; `None` once the lane is over.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Rewound> {
        loop {
            let Moving { socket, read, slot } = self.0.recv().await?;
            // One that cannot be watched is closed.
            if let Ok(socket) = TcpStream::from_std(socket) {
                return Some(Rewound { read, socket, _slot: slot });
            }
        }
    }
}

/// A socket some of whose bytes were read already, and are read again.
#[derive(Debug)]
pub(crate) struct Rewound {
    read: BytesMut,
    socket: TcpStream,
    _slot: Slot,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buffer);
        }
        let count = self.read.len().min(buffer.remaining());
        buffer.put_slice(self.read.get(..count).unwrap_or_default());
        self.read.advance(count);
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
