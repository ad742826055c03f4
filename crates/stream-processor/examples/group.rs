//! Orders that several processes add up together, by customer, over a server of NATS.
//!
//! Start it in as many terminals as you like with `group nats://127.0.0.1:4222`, and in one more
//! with `group nats://127.0.0.1:4222 publish 1000`.
//! Kill some, start others: every customer's sums come out once and in order, whoever adds them up.
//! A line on the input (Enter) has a process leave.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;
use stream_log::{AppendBatch, Log, LogConfig, LogName, LogStoreExt, Namespace};
use stream_log_nats::{NatsOptions, NatsStore};
use stream_model::{Event, ProducerId, now::now};
use stream_processor::{Group, LogSink, LogSource, StreamProcessor};
use tokio::sync::oneshot;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [server] => work(server).await,
        [server, "publish", orders] => publish(server, orders.parse()?).await,
        _ => {
            write("group nats://HOST:PORT [publish ORDERS]");
            Ok(())
        }
    }
}

async fn open(server: &str) -> Result<Arc<NatsStore>, Box<dyn std::error::Error>> {
    Ok(Arc::new(NatsStore::open(server, NatsOptions::default()).await?))
}

async fn log(store: &NatsStore, name: &str) -> Result<Arc<dyn Log>, Box<dyn std::error::Error>> {
    let name = LogName::new(Namespace::Topic, name)?;
    Ok(store.get_or_create(&name, LogConfig::default()).await?)
}

/// An order is a customer and what it costs.
async fn publish(server: &str, orders: u64) -> Outcome {
    let store = open(server).await?;
    let log = log(&store, "orders").await?;
    let customers = ["ann", "bob", "cleo", "dan", "eve", "finn", "gil", "hana"];
    for _ in 0..orders {
        let customer = customers[fastrand::usize(..customers.len())];
        let order = Event::new(json!([customer, fastrand::u64(1..100)]));
        let receipt = log.append(AppendBatch::new(now()).record(order.encode())).await?;
        write(&format!("order {} of {customer}", receipt.first));
    }
    Ok(())
}

fn order(event: &Event) -> (String, u64) {
    event.parse().unwrap_or_default()
}

async fn work(server: &str) -> Outcome {
    let store = open(server).await?;
    let (orders, sums) = (log(&store, "orders").await?, log(&store, "sums").await?);
    let member = StreamProcessor::from_source(LogSource::events(orders))
        .scan(BTreeMap::new(), |sums: &mut BTreeMap<String, u64>, event: Event| {
            let (customer, cents) = order(&event);
            let sum = sums.entry(customer.clone()).or_default();
            *sum += cents;
            write(&format!("{customer}: {sum}"));
            Event::new(json!([customer, *sum]))
        })
        .log_sink(LogSink::new(sums, ProducerId::new("sums")?))
        .join_group(Group::new(store, "sums").partitions(8), |event| order(event).0)
        .await?;
    let (enter, is_entered) = oneshot::channel();
    std::thread::spawn(move || {
        // Whatever comes, or that nothing will.
        drop(std::io::stdin().read_line(&mut String::new()));
        enter.send(()).unwrap_or(());
    });
    let telling = async {
        let mut told = member.stats();
        while let Some(stats) = member.when(|stats| *stats != told).await {
            write(&format!("{stats:?}"));
            told = stats;
        }
    };
    tokio::select! {
        () = telling => {}
        _ = is_entered => {}
    }
    Ok(member.leave().await?)
}

/// Writes a line; who cannot be written to does not want to read.
fn write(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
