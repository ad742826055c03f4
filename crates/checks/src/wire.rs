//! A lean HTTP/1.1 client on one connection that stays open: for load, and for being cut.
//!
//! Requests are bytes that their sender makes once; answers are read as far as a load generator
//! must: status, headers by name, and the body by its length or in chunks.

use std::fmt::Write as _;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of an answer; a longer one is an error.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Bytes that a read makes room for.
const READ_BYTES: usize = 16 << 10;

/// A request as bytes.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        // Writing to a string cannot fail.
        write!(head, "{name}: {value}\r\n").unwrap_or_default();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap_or_default();
    [head.as_bytes(), body].concat()
}

/// One connection, used for one request after the other.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// A body that came in chunks, put together.
    joined: Vec<u8>,
}

/// What came back; lives until the next request.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    head: &'a str,
    /// The body, whole.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The value of the first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").skip(1);
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    ///
    /// # Cancel safety
    /// Dropping the future opens nothing.
    pub async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_BYTES), joined: Vec::new() })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// If the connection broke, or the answer is none; the connection is of no more use then, and
    /// the server may have done what was asked.
    ///
    /// # Cancel safety
    /// A connection whose call was dropped is of no more use.
    pub async fn call(&mut self, request: &[u8]) -> std::io::Result<Answer<'_>> {
        self.send(request).await?;
        let head_bytes = self.read_head().await?;
        let head = text(self.buffer.get(..head_bytes).unwrap_or_default())?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| bad("expected a status line"))?;
        let has_body = status != 204 && status != 304;
        if has_body && header(head, "transfer-encoding").is_some() {
            self.read_chunks(head_bytes).await?;
            let head = text(self.buffer.get(..head_bytes).unwrap_or_default())?;
            return Ok(Answer { status, head, body: &self.joined });
        }
        let length = header(head, "content-length").filter(|_| has_body).unwrap_or("0");
        let length: usize = length.parse().map_err(|_| bad("expected a length"))?;
        self.read_to(head_bytes.saturating_add(length)).await?;
        let (head, rest) = self.buffer.split_at(head_bytes);
        let body = rest.get(..length).unwrap_or_default();
        Ok(Answer { status, head: text(head)?, body })
    }

    /// Sends a request, reads about `bytes` of what comes back, and hangs up.
    ///
    /// # Errors
    /// If the connection broke before.
    ///
    /// # Cancel safety
    /// Dropping the future hangs up.
    pub async fn cut(mut self, request: &[u8], bytes: usize) -> std::io::Result<()> {
        self.send(request).await?;
        self.read_to(bytes).await
    }

    async fn send(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.buffer.clear();
        self.stream.write_all(request).await
    }

    /// Reads up to the empty line and says how many bytes lie before what follows it.
    async fn read_head(&mut self) -> std::io::Result<usize> {
        let mut searched: usize = 0;
        loop {
            let rest = self.buffer.get(searched..).unwrap_or_default();
            if let Some(place) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return Ok(searched + place + 4);
            }
            searched = self.buffer.len().saturating_sub(3);
            self.read().await?;
        }
    }

    /// Puts the chunks together that begin at byte `at` of the buffer (RFC 9112, 7.1).
    async fn read_chunks(&mut self, mut at: usize) -> std::io::Result<()> {
        self.joined.clear();
        loop {
            let line_bytes = loop {
                let rest = self.buffer.get(at..).unwrap_or_default();
                match rest.windows(2).position(|bytes| bytes == b"\r\n") {
                    Some(bytes) => break bytes,
                    None => self.read().await?,
                }
            };
            let line = text(self.buffer.get(at..at + line_bytes).unwrap_or_default())?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| bad("expected a chunk"))?;
            let begin = at + line_bytes + 2;
            let end = begin.saturating_add(size);
            self.read_to(end.saturating_add(2)).await?;
            if size == 0 {
                return Ok(());
            }
            self.joined.extend_from_slice(self.buffer.get(begin..end).unwrap_or_default());
            at = end + 2;
        }
    }

    /// Reads until at least `bytes` bytes are there.
    async fn read_to(&mut self, bytes: usize) -> std::io::Result<()> {
        while self.buffer.len() < bytes {
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> std::io::Result<()> {
        if self.buffer.len() > ANSWER_BYTES_MAX {
            return Err(bad("answer too long"));
        }
        self.buffer.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(Error::from(ErrorKind::UnexpectedEof)),
            _ => Ok(()),
        }
    }
}

fn text(bytes: &[u8]) -> std::io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| bad("expected text"))
}

fn bad(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    /// Sends `answer` byte by byte to whoever asks, and returns what was understood.
    async fn check(answer: &'static [u8], want: (u16, &str)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            peer.set_nodelay(true).unwrap();
            for _ in 0..2 {
                peer.read_exact(&mut [0; REQUEST.len()]).await.unwrap();
                for byte in answer {
                    peer.write_all(&[*byte]).await.unwrap();
                }
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        for _ in 0..2 {
            let answer = connection.call(REQUEST).await.unwrap();
            assert_eq!((answer.status, str::from_utf8(answer.body).unwrap()), want);
            assert_eq!(answer.header("x-where"), Some("here"));
        }
        server.await.unwrap();
    }

    #[tokio::test]
    async fn answers_with_a_length_with_chunks_and_without_a_body_are_read() {
        check(b"HTTP/1.1 200 OK\r\nX-Where: here\r\nContent-Length: 3\r\n\r\nabc", (200, "abc"))
            .await;
        check(
            b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nx-where:here\r\n\r\n\
              2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            (201, "abc"),
        )
        .await;
        check(b"HTTP/1.1 204 No Content\r\nx-where: here\r\n\r\n", (204, "")).await;
    }

    #[test]
    fn a_request_has_its_length() {
        let bytes = request("POST", "/a", &[("x", "y")], b"abc");
        let want = "POST /a HTTP/1.1\r\nhost: localhost\r\nx: y\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(str::from_utf8(&bytes), Ok(want));
    }
}
