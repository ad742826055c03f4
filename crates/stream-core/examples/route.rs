//! Routes lines by their first word, which is a topic: each topic filter given as an argument gets
//! its lines, and at the end all topics are counted.
//!
//! ```text
//! printf 'orders.eu.paid 7 EUR\norders.us.open 9 USD\nusers.new alice\n' |
//!     cargo run --example route -- 'orders.>' '*.*.paid'
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use stream_core::{Overflow, Stream as _, Subscribe, TopicStream};
use stream_model::{Event, Topic, TopicFilter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let stream = TopicStream::new();
    let mut subscriptions = Vec::new();
    for text in std::env::args().skip(1) {
        let filter: TopicFilter = text.parse()?;
        let print = move |event: Event| {
            let (filter, line) = (text.clone(), describe(&event));
            async move { writeln!(io::stdout(), "{filter:<20} {line}") }
        };
        // Reading waits for printing, so that no line is lost.
        let request = Subscribe::to(filter).async_handler(print).overflow(Overflow::Wait);
        subscriptions.push(stream.subscribe(request).await?);
    }
    let mut counts = BTreeMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (name, text) = line.split_once(' ').unwrap_or((&line, ""));
        match Topic::new(name) {
            Ok(topic) => {
                let receipt = stream.publish_in(&topic, Event::text(text)).await?;
                counts.insert(topic, receipt.position.offset.next());
            }
            Err(error) => writeln!(io::stderr(), "{name:?}: {error}")?,
        }
    }
    stream.close().await;
    for (topic, count) in counts {
        writeln!(io::stdout(), "{count:>8} {topic}")?;
    }
    Ok(())
}

fn describe(event: &Event) -> String {
    let topic = event.topic().unwrap_or_default();
    format!("{topic}: {}", event.data().as_str().unwrap_or_default())
}
