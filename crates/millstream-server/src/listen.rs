//! Listening, and saying where.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

/// Listens on `address` and prints where, as the first line of standard output.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another port with --listen, 0 for a free one")
    })?;
    let address = listener.local_addr()?;
    say(&format!("listening on http://{address}"));
    Ok((listener, address))
}

/// Prints a line; a server goes on if whoever read its first lines has gone.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap_or_default();
}
