//! A history of orders in one log: by topic, summed up, kept up to date, and replayed.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use stream_log::events::{EventLog, EventQuery, GroupBy, Replay, RunningSum, View, differences};
use stream_log::{LogConfig, MemoryLog};
use stream_model::{Event, TopicFilter};

fn order(topic: &str, customer: &str, euros: u64) -> Event {
    Event::builder().data(json!(euros)).meta("topic", topic).meta("customer", customer).build()
}

fn euros(event: &Event) -> Option<f64> {
    event.data().parse().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = EventLog::new(Arc::new(MemoryLog::new(LogConfig::default())));
    let orders = EventQuery::all().topic("orders.>".parse::<TopicFilter>()?);
    let mut turnover = View::new(orders.clone(), RunningSum::new(euros));

    for (topic, customer, euros) in
        [("orders.eu", "ann", 30), ("orders.us", "bob", 5), ("returns", "ann", 30)]
    {
        let receipt = log.append(&order(topic, customer, euros)).await?;
        turnover.catch_up(&log).await?;
        println!("{topic} at {}: turnover {:?}", receipt.first, turnover.projection().totals());
    }
    println!("topics: {:?}", log.topics().await?);

    let customer = |event: &Event| event.metadata().get_str("customer").map(str::to_owned);
    let by_customer = log.project(EventQuery::all(), GroupBy::new(customer)).await?;
    for (customer, events) in by_customer.groups() {
        println!("{customer}: {} events", events.len());
    }

    let with_tax = |rate: f64| Replay::new(move |logged| Some(euros(&logged.event)? * rate));
    let old = log.project(orders.clone(), with_tax(1.19)).await?;
    let new = log.project(orders, with_tax(1.20)).await?;
    println!("a new rate changes {:?}", differences(old.outputs(), new.outputs()));
    Ok(())
}
