//! `millstream bench`: load on a server, and what came of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};

use anyhow::{Context as _, ensure};
use axum::http::Uri;
use stream_load::{
    Load, Outcome, Process, Publish, Server, Subscribe, http_get, http_post, run as put_load,
    web_socket,
};

use crate::cli::{BenchArgs, Transport};

const TEXT: &str = "content-type: text/plain\r\n";

/// Blocks, as nothing else has to be done meanwhile.
pub(crate) fn run(args: BenchArgs) -> anyhow::Result<()> {
    let address = address(&args.remote.server)?;
    let headers = match &args.remote.token {
        Some(token) => format!("authorization: Bearer {token}\r\n"),
        None => String::new(),
    };
    let (subscribe, publish) = protocol(&args, address, &headers);
    if args.transport == Transport::Durable {
        make_stream(&publish, &path(&args), &headers)?;
    }
    let BenchArgs { subscribers, threads, publishers, bytes, time, .. } = args;
    let load = Load { subscribers, threads, publishers, bytes, time };
    let process = args.pid.map(Process::new);
    let server = Server { subscribe: &subscribe, publish: &publish, process };
    let outcome = put_load(server, load, args.rate)?;
    print(&outcome, args.pid.is_some());
    ensure!(outcome.wrong == 0, "{} events were lost, came twice or out of order", outcome.wrong);
    Ok(())
}

fn print(outcome: &Outcome, knows_process: bool) {
    println!("deliveries/s       {:>12.0}", outcome.deliveries_per_second);
    println!("asked for          {:>12.0}", outcome.asked_per_second);
    println!("latency p50        {:>12.2} ms", outcome.p50_ms);
    println!("latency p99        {:>12.2} ms", outcome.p99_ms);
    println!("latency max        {:>12.2} ms", outcome.max_ms);
    println!("lost               {:>12}", outcome.lost);
    println!("duplicates         {:>12}", outcome.duplicates);
    if knows_process {
        println!("server CPU         {:>12.2} us per delivery", outcome.cpu_us);
        println!("server memory      {:>12} bytes", outcome.memory_bytes);
    }
}

fn path(args: &BenchArgs) -> String {
    match args.transport {
        Transport::Durable => format!("/v1/stream/{}", args.topic),
        Transport::Sse | Transport::Websocket => format!("/topics/{}", args.topic),
    }
}

fn protocol(args: &BenchArgs, address: SocketAddr, headers: &str) -> (Subscribe, Publish) {
    let path = path(args);
    let subscribe = match args.transport {
        Transport::Sse => {
            http_get(address, &path, &format!("accept: text/event-stream\r\n{headers}"))
        }
        Transport::Durable => http_get(address, &format!("{path}?offset=now&live=sse"), headers),
        Transport::Websocket => {
            let command = serde_json::json!({"subscribe": {"id": "b", "topics": [args.topic]}});
            web_socket(address, ("/ws", headers), &command.to_string(), "\"subscribed\"")
        }
    };
    (subscribe, http_post(address, &path, &format!("{TEXT}{headers}")))
}

/// Where a server of plain HTTP is.
fn address(server: &str) -> anyhow::Result<SocketAddr> {
    let uri: Uri = server.parse().with_context(|| format!("{server} is no address"))?;
    ensure!(uri.scheme_str() == Some("http"), "expected http://HOST:PORT, found {server}");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut found = (host, uri.port_u16().unwrap_or(80)).to_socket_addrs()?;
    found.next().with_context(|| format!("{host} has no address"))
}

fn make_stream(publish: &Publish, path: &str, headers: &str) -> anyhow::Result<()> {
    let address = publish.address;
    let mut socket = TcpStream::connect(address)?;
    let request = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{TEXT}{headers}\
         content-length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 20"), "{path} was answered {answer}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_an_address() {
        for good in ["http://127.0.0.1:4437", "http://127.0.0.1:4437/"] {
            assert_eq!(address(good).unwrap(), SocketAddr::from(([127, 0, 0, 1], 4437)));
        }
        assert_eq!(address("http://[::1]").unwrap().port(), 80);
        for bad in ["127.0.0.1:4437", "https://127.0.0.1", "http://"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
