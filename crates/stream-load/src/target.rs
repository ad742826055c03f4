//! How a server is spoken to.

use std::net::SocketAddr;
use std::sync::Arc;

/// How to subscribe.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Where the server listens.
    pub address: SocketAddr,
    /// What a subscriber sends first.
    pub request: Vec<u8>,
    /// What it sends when the head of the answer is there.
    pub then: Vec<u8>,
    /// What the server sends when the subscriber will get everything that is published from then
    /// on; not empty.
    pub ready: Vec<u8>,
}

/// Makes of an event what is sent to publish it.
pub type Encode = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// How to publish.
#[derive(Clone)]
pub struct Publish {
    /// Where the server listens.
    pub address: SocketAddr,
    /// What a publisher sends first.
    pub greeting: Vec<u8>,
    /// What it sends for each event.
    pub request: Encode,
    /// Whether each is answered by a response of HTTP.
    pub is_answered: bool,
}

impl std::fmt::Debug for Publish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publish").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A subscription by `GET`, with headers as lines that end with CR LF; the subscriber is ready
/// with the head of the answer.
pub fn http_get(address: SocketAddr, path: &str, headers: &str) -> Subscribe {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n");
    let (request, ready) = (request.into_bytes(), b"\r\n\r\n".to_vec());
    Subscribe { address, request, then: Vec::new(), ready }
}

/// Publishing by `POST`, with headers as lines that end with CR LF.
pub fn http_post(address: SocketAddr, path: &str, headers: &str) -> Publish {
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: ");
    let request = move |event: &[u8]| {
        let length = format!("{}\r\n\r\n", event.len());
        [head.as_bytes(), length.as_bytes(), event].concat()
    };
    Publish { address, greeting: Vec::new(), request: Arc::new(request), is_answered: true }
}

/// A subscription over a WebSocket (RFC 6455) by the text message `subscribe`, to which the server
/// says `ready`.
pub fn web_socket(address: SocketAddr, path: &str, subscribe: &str, ready: &str) -> Subscribe {
    // The key is any sixteen bytes; what is made of it is not looked at.
    let headers = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let request = http_get(address, path, headers).request;
    Subscribe { address, request, then: text_frame(subscribe), ready: ready.as_bytes().to_vec() }
}

/// A client's frame, with a mask of zeros, which leaves the text as it is.
fn text_frame(text: &str) -> Vec<u8> {
    const FINAL_TEXT: u8 = 0x81;
    const MASKED: u8 = 0x80;
    let mut frame = vec![FINAL_TEXT];
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ ..126), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | 0x7e);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(MASKED | 0x7f);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_length() {
        assert_eq!(text_frame("ab"), b"\x81\x82\0\0\0\0ab");
        for (bytes, head) in [(125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = text_frame(&"x".repeat(bytes));
            assert_eq!(frame.len(), head + 4 + bytes);
            let length =
                frame[2..head].iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            assert_eq!(if head == 2 { usize::from(frame[1] & 0x7f) } else { length }, bytes);
        }
    }

    #[test]
    fn a_request_carries_its_event() {
        let publish = http_post(([127, 0, 0, 1], 7).into(), "/a", "x: y\r\n");
        let want = "POST /a HTTP/1.1\r\nhost: 127.0.0.1:7\r\nx: y\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!((publish.request)(b"abc"), want.as_bytes());
    }
}
