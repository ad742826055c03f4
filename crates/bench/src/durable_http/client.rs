//! What one says to a server: a stream is made, appended to, and read back.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use checks::wire::{Connection, request};

use super::load::{PAYLOAD_BYTES, writer_of};
use super::redis::{Redis, command};

/// What a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The Durable Streams protocol; the paths of streams begin with this.
    DurableStreams(&'static str),
    /// Redis, with its own streams.
    Redis,
}

const BYTES: &[(&str, &str)] = &[("content-type", "application/octet-stream")];

impl Protocol {
    /// The request of one append.
    pub fn append(self, stream: &str, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::DurableStreams(root) => {
                request("POST", &format!("{root}{stream}"), BYTES, payload)
            }
            Self::Redis => command(&[b"XADD", stream.as_bytes(), b"*", b"d", payload]),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub enum Client {
    /// To a server of durable streams, and how their paths begin.
    Http(Connection, &'static str),
    /// To Redis.
    Redis(RedisClient),
}

/// A connection to Redis.
#[derive(Debug)]
pub struct RedisClient(Redis);

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    ///
    /// # Cancel safety
    /// Dropping the future opens nothing.
    pub async fn open(protocol: Protocol, address: SocketAddr) -> anyhow::Result<Self> {
        Ok(match protocol {
            Protocol::DurableStreams(root) => Self::Http(Connection::open(address).await?, root),
            Protocol::Redis => Self::Redis(RedisClient(Redis::open(address).await?)),
        })
    }

    /// Makes a stream, where it is not made by its first append.
    ///
    /// # Errors
    /// Says what was answered.
    ///
    /// # Cancel safety
    /// The connection is of no more use.
    pub async fn create(&mut self, stream: &str) -> anyhow::Result<()> {
        let Self::Http(connection, root) = self else { return Ok(()) };
        let create = request("PUT", &format!("{root}{stream}"), BYTES, b"");
        let status = connection.call(&create).await?.status;
        ensure!(status == 201, "{stream} was answered {status}");
        Ok(())
    }

    /// Sends the request of an append and waits for its acknowledgement.
    ///
    /// # Errors
    /// Says what was answered instead.
    ///
    /// # Cancel safety
    /// The connection is of no more use.
    pub async fn append(&mut self, append: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Http(connection, _) => {
                let status = connection.call(append).await?.status;
                ensure!(status == 200 || status == 204, "an append was answered {status}");
            }
            Self::Redis(RedisClient(redis)) => {
                let texts = redis.call(append).await?.len();
                ensure!(texts == 1, "an append was answered with {texts} texts");
            }
        }
        Ok(())
    }

    /// Counts the appends of each writer that `stream` holds, then deletes it.
    ///
    /// # Errors
    /// Says what else it holds, or what was answered.
    ///
    /// # Cancel safety
    /// The connection is of no more use.
    pub async fn count_and_delete(
        &mut self,
        stream: &str,
        counts: &mut [u64],
    ) -> anyhow::Result<()> {
        match self {
            Self::Http(connection, root) => {
                let path = format!("{root}{stream}");
                let bytes = read(connection, &path).await?;
                ensure!(bytes.len() % PAYLOAD_BYTES == 0, "{path} ends within an append");
                count(bytes.chunks(PAYLOAD_BYTES), counts)?;
                let status = connection.call(&request("DELETE", &path, &[], b"")).await?.status;
                ensure!(status == 204, "{path} was answered {status}");
            }
            Self::Redis(RedisClient(redis)) => {
                let texts =
                    redis.call(&command(&[b"XRANGE", stream.as_bytes(), b"-", b"+"])).await?;
                // An entry is its id, its field's name, and the payload.
                count(texts.chunks(3).filter_map(|entry| entry.get(2).copied()), counts)?;
                redis.call(&command(&[b"DEL", stream.as_bytes()])).await?;
            }
        }
        Ok(())
    }
}

/// A durable stream from its beginning to its tail.
async fn read(connection: &mut Connection, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut offset = "-1".to_owned();
    loop {
        let page = request("GET", &format!("{path}?offset={offset}"), &[], b"");
        let answer = connection.call(&page).await?;
        ensure!(answer.status == 200, "{path} was answered {}", answer.status);
        bytes.extend_from_slice(answer.body);
        if answer.header("stream-up-to-date").is_some() || answer.body.is_empty() {
            return Ok(bytes);
        }
        offset = answer.header("stream-next-offset").context("no next offset")?.to_owned();
    }
}

fn count<'a>(payloads: impl Iterator<Item = &'a [u8]>, counts: &mut [u64]) -> anyhow::Result<()> {
    for payload in payloads {
        let writer = writer_of(payload).context("an append that nobody sent")?;
        *counts.get_mut(writer).context("an append of nobody")? += 1;
    }
    Ok(())
}
