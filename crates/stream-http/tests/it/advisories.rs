//! Published holes of other servers and libraries, tried on this one.
//!
//! Each test names the advisories that it replays; `docs/SECURITY.md` lists them all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use stream_http::{App, AppOptions, Auth, serve};
use stream_log::MemoryStore;
use stream_model::now::now;
use stream_sse::{Decoded, Decoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

async fn start(options: AppOptions) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = App::new(Arc::new(MemoryStore::new()), options);
    tokio::spawn(serve(listener, app, std::future::pending(), Duration::ZERO));
    address
}

async fn asking() -> SocketAddr {
    start(AppOptions::default().auth(Auth::new().secret(SECRET).unwrap())).await
}

/// Sends bytes and reads until the server ends the connection or has said `until`.
async fn exchange(address: SocketAddr, bytes: &[u8], until: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that has seen enough may end the connection in the middle.
    socket.write_all(bytes).await.unwrap_or_default();
    let mut read = Vec::new();
    loop {
        let found = !until.is_empty() && read.windows(until.len()).any(|part| part == until);
        if found || socket.read_buf(&mut read).await.unwrap_or_default() == 0 {
            return read;
        }
    }
}

/// The answer to a request without a body, on a connection of its own.
async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    String::from_utf8(exchange(address, request.as_bytes(), b"").await).unwrap()
}

async fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> String {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    let answer = exchange(address, &[head.as_bytes(), body].concat(), b"").await;
    String::from_utf8(answer).unwrap()
}

/// The server is there, and as it was.
async fn is_well(address: SocketAddr) {
    let answer = get(address, "/healthz", "host: localhost\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// hono CVE-2026-29085, h3 CVE-2026-33128, eventsource-encoder CVE-2026-44214, sse-channel
/// CVE-2026-44217, and the panics of axum's `Event`: line breaks in what becomes a field.
#[tokio::test]
async fn nothing_that_is_published_becomes_a_field_of_its_own() {
    let address = start(AppOptions::default()).await;
    let hostile = "x\r\nevent: forged\rid: forged\ndata: forged\n\nretry: 1\r\n\r\n: \u{2028}\u{0}";
    let mut sent = Vec::new();
    for (content_type, body) in [
        ("text/plain", hostile.to_owned()),
        ("application/json", json!({ hostile: hostile }).to_string()),
        ("application/octet-stream", hostile.to_owned()),
    ] {
        let headers = format!("content-type: {content_type}\r\n");
        let answer = post(address, "/topics/a", &headers, body.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        sent.push(body);
    }
    // Names that the server itself puts into fields are refused, or cannot hold a line break.
    for (name, value) in [("id", "a\nb"), ("id", "a\rb"), ("id", "a\0b")] {
        let mut event = json!({"specversion": "1.0", "id": "i", "source": "/", "type": "t"});
        event[name] = json!(value);
        let headers = "content-type: application/cloudevents+json\r\n";
        let answer = post(address, "/topics/a", headers, event.to_string().as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    for path in ["/topics/a%0d%0ab", "/topics/a%0ab", "/v1/stream/a%0d%0ab"] {
        let answer = post(address, path, "", b"1").await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
    post(address, "/topics/a", "content-type: text/plain\r\n", b"the end").await;
    let read = b"GET /topics/a?from=0 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = exchange(address, read, b"data: the end\n\n").await;
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let mut decoder = Decoder::new();
    let mut events = decoder.push(&answer[head + 4..]);
    let mut seen = Vec::new();
    while let Some(Decoded::Event(event)) = events.next() {
        assert_eq!(event.event_type(), b"message");
        assert_eq!(event.retry(), None);
        seen.push(event.data_str().into_owned());
    }
    // Server-sent events have no carriage returns: a line break is a line break.
    let text = hostile.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(seen[0], text);
    assert_eq!(seen[1], sent[1], "JSON on one line, with its escapes");
    assert_eq!(seen.len(), sent.len() + 1);
}

/// rmcp CVE-2026-42559, MCP python CVE-2025-66416, MCP go CVE-2026-34742: a name that was made to
/// point to the loopback. Next.js CVE-2026-27977: an origin of `null` taken for none.
#[tokio::test]
async fn names_that_point_here_and_opaque_origins_do_not_open_the_loopback() {
    let address = start(AppOptions::default()).await;
    let upgrade = "upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for host in ["rebound.example", "127.0.0.1.nip.io", "localhost.example", "127.0.0.1@example"] {
        for path in ["/topics/a", "/ws", "/v1/stream/a", "/"] {
            let answer = get(address, path, &format!("host: {host}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{host} {path}: {answer}");
            assert!(!answer.starts_with("HTTP/1.1 404"), "{host} {path}: {answer}");
        }
    }
    for origin in ["null", "http://localhost.example", "file://", "http://example.org"] {
        let headers = format!("host: localhost\r\norigin: {origin}\r\n{upgrade}");
        let answer = get(address, "/ws", &headers).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{origin}: {answer}");
    }
}

fn token(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

/// Centrifugo CVE-2026-32301: an address made from claims that nobody has verified.
/// Centrifugo CVE-2026-49998: keys that are told apart by their id alone.
#[tokio::test]
async fn a_token_says_neither_where_its_key_is_nor_which_other_key_is_meant() {
    let lure = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", lure.local_addr().unwrap());
    let address = asking().await;
    let claims = json!({
        "exp": now().unix_timestamp() + 60, "iss": url, "aud": url, "subscribe": ["*"],
    });
    let foreign = EncodingKey::from_secret(b"a secret that this server has never heard of, long");
    for header in [
        Header { jku: Some(url.clone()), ..Header::default() },
        Header { x5u: Some(url.clone()), ..Header::default() },
        Header { kid: Some(url.clone()), ..Header::default() },
        Header { kid: Some("../../../../dev/null".to_owned()), ..Header::default() },
    ] {
        let token = token(&header, &claims, &foreign);
        let headers = format!("host: localhost\r\nauthorization: Bearer {token}\r\n");
        let answer = get(address, "/topics/a", &headers).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let visited = futures_util::FutureExt::now_or_never(lure.accept());
    assert!(visited.is_none(), "an address in a token was visited");
}

/// The classics that libraries have had: `none`, and a public key taken for a secret.
#[tokio::test]
async fn a_token_does_not_choose_its_algorithm() {
    let public = include_bytes!("../../testdata/keys/rsa.pub.pem");
    let auth = Auth::new().public_key(stream_http::Algorithm::Rs256, public).unwrap();
    let address = start(AppOptions::default().auth(auth)).await;
    let claims = json!({"exp": now().unix_timestamp() + 60, "subscribe": ["*"]});
    let confused =
        token(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(public));
    let part = |value: Value| BASE64.encode(value.to_string());
    let unsigned = ["none", "None", "NONE", "nOnE"].map(|name| {
        format!("{}.{}.", part(json!({"alg": name, "typ": "JWT"})), part(claims.clone()))
    });
    for token in unsigned.iter().chain([&confused]) {
        let headers = format!("host: localhost\r\nauthorization: Bearer {token}\r\n");
        let answer = get(address, "/topics/a", &headers).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
}

/// Mercure CVE-2026-39972: what one selector allows was remembered under a name that another pair
/// of selector and topic had too.
#[tokio::test]
async fn what_is_allowed_for_one_topic_is_not_allowed_for_one_that_looks_like_it() {
    let address = asking().await;
    let claims = json!({"exp": now().unix_timestamp() + 60, "subscribe": ["a", "a.b_c", "d.*"]});
    let token = token(&Header::default(), &claims, &EncodingKey::from_secret(SECRET));
    let headers =
        format!("host: localhost\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n");
    // First those that are allowed, so that whatever is remembered is remembered.
    for (topic, allowed) in [
        ("a", true),
        ("a.b_c", true),
        ("d.e", true),
        ("a_b.c", false),
        ("a.b.c", false),
        ("a.b", false),
        ("d.e.f", false),
        ("d", false),
        ("A", false),
    ] {
        let answer = get(address, &format!("/topics/{topic}"), &headers).await;
        assert_eq!(!answer.starts_with("HTTP/1.1 403"), allowed, "{topic}: {answer}");
    }
}

/// A handshake whose answer has come.
async fn web_socket(address: SocketAddr, more: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.windows(4).any(|part| part == b"\r\n\r\n") {
        assert!(socket.read_buf(&mut read).await.unwrap() > 0);
    }
    (socket, String::from_utf8_lossy(&read).into_owned())
}

/// NATS CVE-2026-27889 (a panic before authentication), websocket RUSTSEC-2022-0035 (memory for a
/// length that is only claimed), and frames that RFC 6455 forbids.
#[tokio::test]
async fn a_broken_frame_ends_its_connection_and_nothing_else() {
    let address = start(AppOptions::default()).await;
    let mask = [0x80_u8, 0, 0, 0, 0];
    let frames: [&[u8]; 9] = [
        &[0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
        &[0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
        &[0x82, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0, b'x'],
        // Bits that an extension would have to give a meaning.
        &[0xF1, 0x80, 0, 0, 0, 0],
        // Kinds that there are not, a control frame in pieces, and one that is too long.
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x89, 0xFE, 0, 126, 0, 0, 0, 0],
        // A frame without a mask, and the end of a message that never began.
        &[0x81, 0x01, b'x'],
        &[0x80, 0x80, 0, 0, 0, 0],
    ];
    for frame in frames {
        let (mut socket, _) = web_socket(address, "").await;
        socket.write_all(frame).await.unwrap();
        // A frame that only waits for its rest is cut off by this side.
        socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // The end may be a reset.
        socket.read_to_end(&mut rest).await.unwrap_or_default();
    }
    let (mut socket, _) = web_socket(address, "").await;
    socket.write_all(&[&[0x81][..], &mask].concat()).await.unwrap();
    is_well(address).await;
}

/// NATS CVE-2026-27571: a small frame that unpacks to a large one, before anybody is asked who
/// they are; and Granian, whose worker died of a subprotocol that is no text.
#[tokio::test]
async fn a_handshake_offers_nothing_that_could_be_abused() {
    let address = start(AppOptions::default()).await;
    let (_socket, head) =
        web_socket(address, "sec-websocket-extensions: permessage-deflate\r\n").await;
    assert!(!head.to_lowercase().contains("sec-websocket-extensions"), "{head}");
    let answer = exchange(
        address,
        b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
          sec-websocket-protocol: caf\xe9\r\n\r\n",
        b"hello",
    )
    .await;
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    // tungstenite RUSTSEC-2023-0065: a head that does not end.
    let long = format!("sec-websocket-protocol: {}\r\n", "x".repeat(1 << 20));
    let answer = get(address, "/ws", &format!("host: localhost\r\n{long}")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    is_well(address).await;
}

/// axum-core RUSTSEC-2022-0055: a body without a bound.
#[tokio::test]
async fn a_body_that_does_not_end_is_not_read_to_its_end() {
    let address = start(AppOptions::default()).await;
    for path in ["/topics/a", "/v1/stream/a"] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let chunk = [b"100000\r\n", &vec![b'x'; 1 << 20][..], b"\r\n"].concat();
        // The server reads on for a while, so that its answer arrives, and then no more.
        let mut sent = 0;
        while sent < 100 && socket.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 100, "{path}");
    }
    is_well(address).await;
}

/// The depth of JSON, and mercurius CVE-2026-30241: a limit that HTTP kept and WebSocket did not.
#[tokio::test]
async fn depth_does_not_reach_the_end_of_the_stack_on_any_transport() {
    let address = start(AppOptions::default()).await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let structured =
        format!(r#"{{"specversion":"1.0","id":"i","source":"/","type":"t","data":{deep}}}"#);
    for (path, content_type, body) in [
        ("/topics/a", "application/json", &deep),
        ("/topics/a", "application/x-ndjson", &deep),
        ("/topics/a", "application/cloudevents+json", &structured),
        ("/llm/x", "application/json", &deep),
        ("/v1/stream/a", "application/json", &deep),
    ] {
        let headers = format!("content-type: {content_type}\r\n");
        let answer = post(address, path, &headers, body.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{path} {content_type}: {answer}");
    }
    let (mut socket, _) = web_socket(address, "").await;
    let message = format!(r#"{{"publish":{{"id":"p","topic":"a","data":{deep}}}}}"#);
    let length = u64::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 0xFF][..], &length, &[0; 4], message.as_bytes()].concat();
    socket.write_all(&frame).await.unwrap();
    let mut read = Vec::new();
    let is_answered = |read: &[u8]| {
        let text = String::from_utf8_lossy(read);
        text.contains("\"published\"") || text.contains("\"error\"")
    };
    while !is_answered(&read) {
        assert!(socket.read_buf(&mut read).await.unwrap() > 0);
    }
    // Whatever was taken is read back by those who look into it.
    let headers = "host: localhost\r\naccept: application/json\r\n";
    get(address, "/topics/a?from=0", headers).await;
    let filtered = "/events?topic=a&filter=data.x%3D1";
    exchange(
        address,
        format!("GET {filtered} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes(),
        b"\r\n\r\n",
    )
    .await;
    is_well(address).await;
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;

/// `GET /`, or `POST /`, of `localhost` by the static table of RFC 7541.
fn request(method: u8) -> Vec<u8> {
    [&[method, 0x86, 0x84, 0x41, 9][..], b"localhost"].concat()
}

/// h2 RUSTSEC-2023-0034 and RUSTSEC-2024-0003 (requests that are taken back at once),
/// RUSTSEC-2024-0332 (a head that never ends), RUSTSEC-2026-0258 (data that is empty).
#[tokio::test]
async fn floods_over_http2_end_the_connection_and_not_the_server() {
    let address = start(AppOptions::default()).await;
    let (get, post) = (request(0x82), request(0x83));
    let greeting = [PREFACE, &h2(SETTINGS, 0, 0, &[])].concat();
    let resets = (0..20_000_u32).flat_map(|number| {
        let stream = 2 * number + 1;
        [h2(HEADERS, 5, stream, &get), h2(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });
    let continued = (0..20_000).flat_map(|_| h2(CONTINUATION, 0, 1, &[0x40, 1, b'x', 1, b'y']));
    let empty = (0..200_000).flat_map(|_| h2(DATA, 0, 1, &[]));
    for flood in [
        resets.collect::<Vec<u8>>(),
        [h2(HEADERS, 0, 1, &get), continued.collect()].concat(),
        [h2(HEADERS, 4, 1, &post), empty.collect()].concat(),
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let (mut reading, mut writing) = socket.split();
        let mut answer = Vec::new();
        let flooding = async {
            // The server may end the connection in the middle, which is what is wanted.
            writing.write_all(&[&greeting[..], &flood].concat()).await.unwrap_or_default();
            writing.shutdown().await.unwrap_or_default();
        };
        tokio::join!(flooding, async {
            reading.read_to_end(&mut answer).await.unwrap_or_default()
        });
        is_well(address).await;
    }
}
