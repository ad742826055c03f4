//! As much of the Redis protocol as appends to a stream and reads it back.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, used for one command after the other.
#[derive(Debug)]
pub(super) struct Redis {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A command as bytes.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

impl Redis {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a command and gives the texts of its answer, however they are nested.
    pub(super) async fn call(&mut self, command: &[u8]) -> anyhow::Result<Vec<&[u8]>> {
        self.buffer.clear();
        self.stream.write_all(command).await?;
        let mut reading = Reading::default();
        while !reading.advance(&self.buffer)? {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "redis hung up");
        }
        let text = |(begin, end): &(usize, usize)| self.buffer.get(*begin..*end);
        Ok(reading.texts.iter().filter_map(text).collect())
    }
}

/// How far an answer was understood.
#[derive(Debug)]
struct Reading {
    at: usize,
    /// Values that must still come.
    pending: usize,
    /// Where the texts lie.
    texts: Vec<(usize, usize)>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { at: 0, pending: 1, texts: Vec::new() }
    }
}

impl Reading {
    /// Goes on as far as the bytes reach; says whether the answer is whole.
    fn advance(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        while self.pending > 0 {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(line_bytes) = rest.windows(2).position(|pair| pair == b"\r\n") else {
                return Ok(false);
            };
            let line = std::str::from_utf8(rest.get(..line_bytes).unwrap_or_default())?;
            let (kind, value) = line.split_at_checked(1).context("an empty line")?;
            let begin = self.at + line_bytes + 2;
            match kind {
                "*" => {
                    self.pending += value.parse::<usize>()?;
                    self.at = begin;
                }
                "$" => {
                    let end = begin + value.parse::<usize>()?;
                    if bytes.len() < end + 2 {
                        return Ok(false);
                    }
                    self.texts.push((begin, end));
                    self.at = end + 2;
                }
                "+" | ":" => self.at = begin,
                _ => bail!("redis answered {line}"),
            }
            self.pending -= 1;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_answer_is_read_at_every_cut() {
        let bytes = b"*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$2\r\n\r\n\r\n:7\r\n";
        for cut in 0..bytes.len() {
            let mut reading = Reading::default();
            assert!(!reading.advance(&bytes[..cut]).unwrap(), "cut at {cut}");
            assert!(reading.advance(bytes).unwrap());
            let texts: Vec<_> = reading.texts.iter().map(|(from, to)| &bytes[*from..*to]).collect();
            assert_eq!(texts, [&b"1-0"[..], b"d", b"\r\n"]);
        }
        assert!(Reading::default().advance(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn a_command_has_its_lengths() {
        assert_eq!(command(&[b"XADD", b"s"]), b"*2\r\n$4\r\nXADD\r\n$1\r\ns\r\n");
    }
}
