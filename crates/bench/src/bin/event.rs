//! Making an event: ours beside a struct with a random UUID, a `serde_json::Value` and the time.
//!
//! Everybody starts from the same JSON text and ends with an event that can be shared; what comes
//! out is compared before anything is timed.
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, in round numbers, and stops at what it did not expect"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use anyhow::ensure;
use bench::rounds::{Contestant, fastest, ratio};
use millstream::Event;
use millstream::model::now;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

const ROUNDS: usize = 15;
const EVENTS: usize = 200_000;
const TEXT: &str = r#"{"order":4711,"state":"shipped","lines":[{"sku":"A-1","n":2},{"sku":"B-7","n":1}],"note":"left at the door, as agreed","total":129.5}"#;

/// What one would write first.
struct Plain {
    id: Uuid,
    kind: String,
    data: Value,
    metadata: HashMap<String, Value>,
    timestamp: OffsetDateTime,
}

impl Plain {
    fn new(text: &str) -> Arc<Self> {
        Arc::new(Self {
            id: Uuid::new_v4(),
            kind: "message".to_owned(),
            data: serde_json::from_str(text).expect("it is JSON"),
            metadata: HashMap::new(),
            timestamp: OffsetDateTime::now_utc(),
        })
    }
}

fn main() -> anyhow::Result<()> {
    let ours = Event::json(TEXT)?;
    let plain = Plain::new(TEXT);
    ensure!(ours.to_dict()?["data"] == plain.data, "the two hold different data");
    ensure!(plain.metadata.is_empty() && plain.kind == "message" && !plain.id.is_nil());
    ensure!((plain.timestamp - ours.timestamp()).abs() < time::Duration::MINUTE);

    let mut contestants = [
        Contestant::new("id and timestamp", || repeat(now::stamp)),
        Contestant::new("Event::text", || repeat(|| Event::text(TEXT))),
        Contestant::new("Event::json, checked and kept as it came", || {
            repeat(|| Event::json(TEXT));
        }),
        Contestant::new("uuid v4 + serde_json::Value + HashMap", || repeat(|| Plain::new(TEXT))),
    ];
    let times = fastest(ROUNDS, &mut contestants);
    let peer = times.last().copied().unwrap_or_default();
    println!("events of {} bytes, fastest of {ROUNDS}", TEXT.len());
    println!("{:>10} {:>16}", "ns each", "times the peer");
    for (contestant, time) in contestants.iter().zip(times) {
        let each = time.as_secs_f64() * 1e9 / EVENTS as f64;
        println!("{each:>10.1} {:>16.2}  {}", ratio(peer, time), contestant.name);
    }
    Ok(())
}

fn repeat<T>(make: impl Fn() -> T) {
    for _ in 0..EVENTS {
        drop(black_box(make()));
    }
}
