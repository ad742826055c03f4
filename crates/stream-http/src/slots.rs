//! How many connections there may be at once, and what becomes of one that is too many.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use stream_model::ErrorClass;
use stream_protocol::{PROBLEM_CONTENT_TYPE, Problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tracing::warn;

use crate::limits::{DISCARD_AT_END_BYTES, REFUSAL_TIMEOUT, REFUSALS_AT_ONCE};

/// The connections of a server, counted by the gauge that its metrics tell.
#[derive(Debug)]
pub(crate) struct Slots {
    open: Gauge,
    max: usize,
    refused: Counter,
    refusals: JoinSet<()>,
}

/// One connection; it counts as long as this lives, whoever has it.
#[derive(Debug)]
pub(crate) struct Slot(Gauge);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Slots {
    pub(crate) fn new(max: usize, open: Gauge, refused: Counter) -> Self {
        Self { open, max, refused, refusals: JoinSet::new() }
    }

    /// A slot for one more connection; `None` if there are too many.
    pub(crate) fn take(&self) -> Option<Slot> {
        let before = usize::try_from(self.open.inc()).unwrap_or_default();
        let slot = Slot(self.open.clone());
        (before < self.max).then_some(slot)
    }

    /// Tells a client that there are too many, whatever it wants, and closes its connection.
    ///
    /// Of [`REFUSALS_AT_ONCE`] more than that many are closed without a word.
    pub(crate) fn refuse(&mut self, socket: TcpStream) {
        if self.refused.inc() == 0 {
            warn!(limit = self.max, "too many connections; more are refused, and counted");
        }
        while self.refusals.try_join_next().is_some() {}
        if self.refusals.len() < REFUSALS_AT_ONCE {
            let answer = answer(self.max);
            self.refusals.spawn(async move {
                // A client that takes no answer gets none.
                drop(tokio::time::timeout(REFUSAL_TIMEOUT, tell(socket, &answer)).await);
            });
        }
    }
}

/// Writes the answer, and reads what the client has sent: closed before that, the connection would
/// be broken, and the answer thrown away.
async fn tell(mut socket: TcpStream, answer: &str) -> std::io::Result<()> {
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    let mut left = DISCARD_AT_END_BYTES;
    let mut discarded = [0; 4 << 10];
    while left > 0 {
        match socket.read(&mut discarded).await? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

fn answer(limit: usize) -> String {
    let title = "The server has as many connections as it may";
    let problem = Problem::new(ErrorClass::Unavailable, "connections-too-many", title)
        .detail("come again later, or have the operator raise `connections_max`")
        .with("limit", limit);
    let body = problem.to_json().to_string();
    let status = problem.status();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_CONTENT_TYPE}\r\ncontent-length: {}\r\n\
         retry-after: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
        RETRY_AFTER.as_secs(),
    )
}

/// When a client that was refused should come again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
