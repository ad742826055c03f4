//! Follows a stream of server-sent events on standard input and prints each event as a JSON line.
//!
//! Try `curl -sN https://example.org/events | cargo run --example tail`.

use std::io::{self, Read, Write};

use serde_json::{Value, json};
use stream_sse::{Decoded, Decoder, EventRef};

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    let mut decoder = Decoder::new().report_comments();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let len = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut events = decoder.push(chunk.get(..len).unwrap_or_default());
        while let Some(item) = events.next() {
            print(&mut output, item)?;
        }
        output.flush()?;
    }
    while let Some(item) = decoder.finish() {
        print(&mut output, item)?;
    }
    output.flush()
}

fn print(output: &mut impl Write, item: Decoded<'_>) -> io::Result<()> {
    let line = match item {
        Decoded::Event(event) => describe(&event),
        Decoded::Comment(text) => json!({ "comment": String::from_utf8_lossy(text) }),
        Decoded::Damage(damage) => json!({ "damage": damage.to_string() }),
        _ => return Ok(()),
    };
    writeln!(output, "{line}")
}

/// Data that is JSON is shown as JSON, all else as text.
fn describe(event: &EventRef<'_>) -> Value {
    let data = serde_json::from_slice(event.data()).unwrap_or_else(|_| json!(event.data_str()));
    let mut line = json!({ "event": event.event_type_str(), "data": data });
    if let (Some(id), Some(line)) = (event.id(), line.as_object_mut()) {
        line.insert("id".to_owned(), json!(id));
    }
    line
}
