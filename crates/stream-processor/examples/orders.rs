//! Orders of a shop: the urgent ones are priced by a slow service, what is broken is left out and
//! told, and the till gets batches.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::json;
use stream_async::{BatchOptions, Timing};
use stream_core::{InMemoryStream, StreamExt as _};
use stream_model::{Event, EventType};
use stream_processor::{NamedPipelines, StreamMonitor, StreamProcessor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (orders, till) = (InMemoryStream::new(), InMemoryStream::new());

    let batches = BatchOptions::default().events(2).timing(Timing::Linger);
    let running = StreamProcessor::new(orders.clone())
        .filter(|event: &Event| event.event_type() == EventType::Message)
        .try_map(|event: &Event| event.parse::<(String, u32)>())
        .named("parse")
        .filter(|(_, pieces): &(String, u32)| *pieces > 0)
        .map_async(const { NonZeroUsize::new(8).unwrap() }, async |(what, pieces)| {
            tokio::time::sleep(Duration::from_millis(5)).await;
            json!({ "what": what, "cents": pieces * 250 })
        })
        .named("price")
        .batch(batches.interval(Duration::from_millis(50)))
        .map(|orders: Vec<serde_json::Value>| Event::new(json!(orders)))
        .sink(till.clone())
        .on_fault(|fault| {
            write(&format!("order {} is broken: {}", fault.origin.position(), fault.cause));
        })
        .start()
        .await?;

    let monitor = StreamMonitor::new();
    for order in [json!(["tea", 2]), json!("gibberish"), json!(["milk", 0]), json!(["jam", 1])] {
        monitor.record_metric("bytes", f64::from(u32::try_from(order.to_string().len())?));
        orders.publish_data(order).await?;
    }
    running.flush().await?;
    for batch in till.recent(10) {
        write(&format!("till: {}", batch.data().as_str().unwrap_or("?")));
    }
    write(&format!("{:?}", running.counts()));
    running.drain().await?;
    if let Some(bytes) = monitor.statistics("bytes") {
        write(&format!("an order takes {:.1} bytes, {} at most", bytes.mean, bytes.max));
    }

    // The same by name, one value at a time.
    let mut names = NamedPipelines::new();
    names
        .add_processor("trim", async |text: String| Ok::<_, std::fmt::Error>(text.trim().into()))?;
    names.add_processor("digits", async |text: String| {
        text.parse::<u64>().map(|number| number.to_string())
    })?;
    names.create_pipeline("customer", ["trim", "digits"])?;
    names.on_error("customer", |error, last| write(&format!("{error} at {last:?}")));
    write(&names.process("customer", " 0042 ".to_owned()).await?);
    drop(names.process("customer", "nobody".to_owned()).await);
    Ok(())
}

/// Writes a line; who cannot be written to does not want to read.
fn write(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
