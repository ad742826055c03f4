//! Serves each body over loopback, in chunks of the size that the path asks for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Context as _;

/// A thread that answers any request to `/CHUNK_BYTES/NUMBER/…` with the body of that number.
///
/// The bytes of an answer are made once, so that they cost nothing when they are measured; the
/// client's HTTP library gives them out in the chunks in which they were framed.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the thread, which lives as long as the process.
    pub fn start(bodies: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            let mut answers = Answers { bodies, made: HashMap::new() };
            for connection in listener.incoming().flatten() {
                // A client that is gone misses its answer, and nobody else does.
                drop(answers.serve(connection));
            }
        });
        Ok(Self { address })
    }
}

struct Answers {
    bodies: Vec<Vec<u8>>,
    made: HashMap<String, Vec<u8>>,
}

impl Answers {
    /// Answers the one request of a connection.
    fn serve(&mut self, mut connection: TcpStream) -> anyhow::Result<()> {
        connection.set_nodelay(true)?;
        let path = read_request(&mut BufReader::new(&connection))?;
        if !self.made.contains_key(&path) {
            let answer = self.answer(&path).with_context(|| format!("no body for {path}"))?;
            self.made.insert(path.clone(), answer);
        }
        connection.write_all(&self.made[&path])?;
        Ok(())
    }

    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        let mut segments = path.trim_start_matches('/').split('/');
        let chunk_bytes: usize = segments.next()?.parse().ok()?;
        let number: usize = segments.next()?.parse().ok()?;
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
            connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
        for chunk in self.bodies.get(number)?.chunks(chunk_bytes) {
            answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        Some(answer)
    }
}

/// Reads a request to its end and returns its path.
fn read_request(reader: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).context("no request line")?.to_owned();
    let mut body_bytes = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            body_bytes = value.trim().parse()?;
        }
    }
    reader.take(body_bytes).read_to_end(&mut Vec::new())?;
    Ok(path)
}
