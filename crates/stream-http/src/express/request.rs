//! Recognises an append, or a request for live events, at the front of a connection's bytes
//! (RFC 9112).

use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Uri};
use httparse::{EMPTY_HEADER, Header, Request, Status};

use crate::durable::ROOT;
use crate::limits::{EXPRESS_HEAD_BYTES, EXPRESS_HEADERS};

/// How an append begins, and what may ask for live events.
const BEGINNINGS: [(&str, &str); 3] = [("POST ", ROOT), ("GET ", ROOT), ("GET ", "/topics/")];

/// What the front of the bytes is.
#[derive(Debug)]
pub(super) enum Front {
    /// The whole head of an append.
    Append(Head),
    /// The whole head of a request that may be for live events.
    Live(Box<http::Request<()>>),
    /// Not enough yet to tell.
    Incomplete,
    /// Anything else: the library knows what to do with it.
    Other,
}

/// The head of an append.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The stream's path below the root of all streams.
    pub(super) path: String,
    /// The name that the server is called by.
    pub(super) host: Authority,
    /// All other headers but those that are about the connection.
    pub(super) headers: HeaderMap,
    /// Bytes of the head itself.
    pub(super) head_bytes: usize,
    /// Bytes of the body, which follows.
    pub(super) body_bytes: usize,
}

/// Looks at what a connection has sent; a body has at most `body_bytes_max`.
pub(super) fn look(bytes: &[u8], body_bytes_max: usize) -> Front {
    if !BEGINNINGS.iter().any(|(method, path)| may_begin(bytes, method, path)) {
        return Front::Other;
    }
    let mut headers = [EMPTY_HEADER; EXPRESS_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(_)) if request.method == Some("GET") => {
            live(&request).map_or(Front::Other, |request| Front::Live(Box::new(request)))
        }
        Ok(Status::Complete(head_bytes)) => {
            let head = head(&request, head_bytes);
            head.filter(|head| head.body_bytes <= body_bytes_max)
                .map_or(Front::Other, Front::Append)
        }
        Ok(Status::Partial) if bytes.len() < EXPRESS_HEAD_BYTES => Front::Incomplete,
        Ok(Status::Partial) | Err(_) => Front::Other,
    }
}

/// Whether bytes are, or may become, a request that begins like this.
fn may_begin(bytes: &[u8], method: &str, path: &str) -> bool {
    let mut begin = method.bytes().chain(path.bytes());
    bytes.iter().all(|byte| begin.next().is_none_or(|expected| expected == *byte))
}

/// The request, if it may be for live events and has no body; what it says is for the routes to
/// understand.
fn live(request: &Request<'_, '_>) -> Option<http::Request<()>> {
    (request.version == Some(1)).then_some(())?;
    let uri: Uri = request.path?.parse().ok()?;
    let mut made = http::Request::get(uri).body(()).ok()?;
    for Header { name, value } in request.headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let changes = ["content-length", "transfer-encoding", "expect", "upgrade", "te"];
        // They change what follows, or what may be answered.
        (!changes.contains(&name.as_str())).then_some(())?;
        made.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    is_live(&made).then_some(made)
}

/// Whether the answer may be live events of one log: others need not be tried here.
fn is_live(request: &http::Request<()>) -> bool {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    if path.starts_with(ROOT) {
        return query.split('&').any(|pair| pair == "live=sse");
    }
    let events = ["text/event-stream", "*/*"];
    let wanted = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| events.iter().any(|event| value.contains(event)))
    };
    let mut accepted = request.headers().get_all(ACCEPT).iter().peekable();
    let is_one = !path.contains(['*', '>', '%']) && !query.contains("filter=");
    is_one && (accepted.peek().is_none() || accepted.any(wanted))
}

/// What the append says, if every part of it is as plain as can be.
fn head(request: &Request<'_, '_>, head_bytes: usize) -> Option<Head> {
    (request.version == Some(1)).then_some(())?;
    let path = request.path?.strip_prefix(ROOT).filter(|path| is_plain(path))?;
    let mut headers = HeaderMap::new();
    let (mut body_bytes, mut host) = (None, None);
    for Header { name, value } in request.headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        match name.as_str() {
            "host" if host.is_none() => host = Some(Authority::try_from(*value).ok()?),
            "content-length" if body_bytes.is_none() => body_bytes = Some(length(value)?),
            "connection" if value.eq_ignore_ascii_case(b"keep-alive") => {}
            // They change what follows, or what may be answered, or come twice; and a trace asks for
            // a span, which the lane does not have.
            "host" | "connection" | "content-length" | "transfer-encoding" | "expect"
            | "upgrade" | "te" | "origin" | "traceparent" => return None,
            _ => drop(headers.append(name, HeaderValue::from_bytes(value).ok()?)),
        }
    }
    Some(Head { path: path.to_owned(), host: host?, headers, head_bytes, body_bytes: body_bytes? })
}

/// Whether a path is a stream's, and means itself: without query, escapes, or the protocol's own.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&byte);
    !path.is_empty() && path.bytes().all(plain) && !path.starts_with("__")
}

/// A length in digits alone (RFC 9110, 8.6).
fn length(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "POST /v1/stream/a/b HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
        Stream-Seq: 7\r\nContent-Length: 3\r\n\r\n";

    fn look_at(text: &str) -> Front {
        look(text.as_bytes(), 10)
    }

    #[test]
    fn an_append_is_known_at_every_cut_as_soon_as_its_head_is_there() {
        let whole = format!("{PLAIN}abcPOST");
        for cut in 0..whole.len() {
            match look_at(&whole[..cut]) {
                Front::Incomplete => assert!(cut < PLAIN.len(), "cut at {cut}"),
                Front::Append(head) => {
                    assert!(cut >= PLAIN.len(), "cut at {cut}");
                    assert_eq!((head.path.as_str(), head.body_bytes), ("a/b", 3));
                    assert_eq!(head.host, "x");
                    assert_eq!(head.head_bytes, PLAIN.len());
                    let names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
                    assert_eq!(names, ["content-type", "stream-seq"]);
                }
                Front::Live(_) | Front::Other => panic!("cut at {cut}"),
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_library() {
        let changed = [
            ("POST", "PUT"),
            ("POST", "post"),
            ("/v1/stream/", "/topics/"),
            ("POST", "GET"),
            ("/v1/stream/", "http://x/v1/stream/"),
            ("a/b", ""),
            ("a/b", "a%20b"),
            ("a/b", "a?b"),
            ("a/b", "a#b"),
            ("a/b", "é"),
            ("a/b", "__ds/subscriptions/x"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("Host: x\r\n", ""),
            ("Host: x\r\n", "Host: x\r\nHost: x\r\n"),
            ("Host: x\r\n", "Host : x\r\n"),
            ("Host: x\r\n", "Host: a b\r\n"),
            ("Host: x\r\n", "Host: x\r\n y\r\n"),
            ("Content-Length: 3\r\n", ""),
            ("Length: 3", "Length: +3"),
            ("Length: 3", "Length: 3, 3"),
            ("Length: 3", "Length: 3\r\nContent-Length: 3"),
            ("Length: 3", "Length: 99999999999999999999999"),
            ("Length: 3", "Length: 11"),
            ("Length: 3", "Length: 3\r\nTransfer-Encoding: chunked"),
            ("Length: 3", "Length: 3\r\nExpect: 100-continue"),
            ("Length: 3", "Length: 3\r\nConnection: close"),
            ("Length: 3", "Length: 3\r\nConnection: keep-alive, upgrade"),
            ("Length: 3", "Length: 3\r\nOrigin: https://example.org"),
        ];
        for (from, to) in changed {
            let text = PLAIN.replacen(from, to, 1);
            assert!(matches!(look_at(&text), Front::Other), "{text}");
        }
        for kept in ["Length: 10", "Length: 3\r\nconnection: Keep-Alive", "Length: 003"] {
            let text = PLAIN.replacen("Length: 3", kept, 1);
            assert!(matches!(look_at(&text), Front::Append(_)), "{text}");
        }
    }

    #[test]
    fn what_may_be_live_is_tried_and_nothing_else() {
        let tried = [
            "GET /topics/a HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /topics/a?from=earliest HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nAccept: text/html, */*;q=0.1\r\nOrigin: null\r\n\r\n",
            "GET /v1/stream/a/b?offset=-1&live=sse HTTP/1.1\r\nAccept: x/y\r\n\r\n",
        ];
        for text in tried {
            for cut in 0..text.len() {
                assert!(matches!(look_at(&text[..cut]), Front::Incomplete), "{text} cut at {cut}");
            }
            let Front::Live(request) = look_at(&format!("{text}GET")) else { panic!("{text}") };
            let path = text.split(' ').nth(1).unwrap();
            assert_eq!(request.uri().to_string(), path);
            assert_eq!(request.headers().len(), text.matches(": ").count());
        }
        for text in [
            "GET /topics HTTP/1.1\r\n\r\n",
            "GET /topics/a HTTP/1.0\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nAccept: application/json\r\n\r\n",
            "GET /topics/a.* HTTP/1.1\r\n\r\n",
            "GET /topics/%61 HTTP/1.1\r\n\r\n",
            "GET /topics/a?filter=data.n>1 HTTP/1.1\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
            "GET /topics/a HTTP/1.1\r\nbad header\r\n\r\n",
            "GET /v1/stream/a HTTP/1.1\r\n\r\n",
            "GET /v1/stream/a?live=long-poll HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(look_at(text), Front::Other), "{text}");
        }
    }

    #[test]
    fn a_head_that_does_not_end_is_left_to_the_library() {
        let long = |bytes: usize| {
            let head = "POST /v1/stream/a HTTP/1.1\r\nX: ";
            head.to_owned() + &"y".repeat(bytes - head.len())
        };
        assert!(matches!(look_at(&long(EXPRESS_HEAD_BYTES - 1)), Front::Incomplete));
        assert!(matches!(look_at(&long(EXPRESS_HEAD_BYTES)), Front::Other));
        let many = |count: usize| PLAIN.replacen("Host", &("A: b\r\n".repeat(count) + "Host"), 1);
        assert!(matches!(look_at(&many(EXPRESS_HEADERS - 4)), Front::Append(_)));
        assert!(matches!(look_at(&many(EXPRESS_HEADERS - 3)), Front::Other));
    }
}
