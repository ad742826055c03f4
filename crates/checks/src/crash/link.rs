//! A connection that finds the server again, wherever it is after it was killed.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::time::{Instant, sleep, timeout};

use super::stage::{PATIENCE, Stage};
use crate::wire::Connection;

/// How long to wait before a broken connection is opened again.
const PAUSE: Duration = Duration::from_millis(2);

/// A client's way to the server.
#[derive(Debug)]
pub(super) struct Link {
    stage: Stage,
    connection: Option<Connection>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Where a durable stream goes on.
    pub(super) next_offset: Option<String>,
    pub(super) body: Vec<u8>,
    /// How often the request was sent.
    pub(super) sent: u32,
}

impl Reply {
    pub(super) fn text(&self) -> anyhow::Result<&str> {
        Ok(std::str::from_utf8(&self.body)?)
    }
}

impl Link {
    pub(super) fn new(stage: Stage) -> Self {
        Self { stage, connection: None }
    }

    /// Sends a request as often as it takes until the server answers it, whatever the answer, as
    /// long as it is not that the server cannot do it now.
    pub(super) async fn insist(&mut self, request: &[u8]) -> anyhow::Result<Reply> {
        let begin = Instant::now();
        for sent in 1.. {
            ensure!(begin.elapsed() < PATIENCE, "no answer after sending {sent} times");
            match self.once(request).await? {
                Some(reply) if reply.status < 500 => return Ok(Reply { sent, ..reply }),
                _ => sleep(PAUSE).await,
            }
        }
        bail!("no answer")
    }

    /// Sends a request once; `None` if the connection broke.
    pub(super) async fn once(&mut self, request: &[u8]) -> anyhow::Result<Option<Reply>> {
        let patience = self.stage.answer_timeout();
        let Some(connection) = self.connect().await? else { return Ok(None) };
        let Ok(Ok(answer)) = timeout(patience, connection.call(request)).await else {
            self.connection = None;
            return Ok(None);
        };
        let next_offset = answer.header("stream-next-offset").map(str::to_owned);
        let body = answer.body.to_vec();
        Ok(Some(Reply { status: answer.status, next_offset, body, sent: 1 }))
    }

    /// Sends a request and hangs up after `bytes` bytes of the answer.
    pub(super) async fn cut(&mut self, request: &[u8], bytes: usize) -> anyhow::Result<()> {
        self.connect().await?;
        if let Some(connection) = self.connection.take() {
            // Whether it was cut by us or by the server is the same.
            drop(timeout(PAUSE, connection.cut(request, bytes)).await);
        }
        Ok(())
    }

    /// The connection, opened if need be; `None` if nobody listens.
    async fn connect(&mut self) -> anyhow::Result<Option<&mut Connection>> {
        if self.connection.is_none() {
            let address = self.stage.address().await?;
            self.connection = Connection::open(address).await.ok();
        }
        Ok(self.connection.as_mut())
    }
}
