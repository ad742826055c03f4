//! A help desk: messages to agents, a log of them in batches, and a wall that must not fall behind.

use std::time::Duration;

use futures_util::StreamExt as _;
use stream_async::{
    AsyncStream, AsyncStreamOptions, Batch, BatchOptions, BatchingStream, Delivery, ItemHandler,
    Message, MessageStream, Timing,
};
use stream_core::{Stream as _, Subscribe};
use stream_model::Event;

const AGENTS: [&str; 2] = ["ann", "bob"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Whoever writes to the log pays for one write in a batch and not for one each.
    let options = BatchOptions::default().events(3).timing(Timing::Linger);
    let log = BatchingStream::with_options(options.interval(Duration::from_millis(100)));
    log.on_batch(ItemHandler::new(|batch: &Batch| write(&format!("log: {} lines", batch.len()))))?;
    log.start()?;

    // The wall shows every message; whoever publishes waits for it.
    let wall = AsyncStream::with_options(AsyncStreamOptions::default().buffer(4))?;
    let mut shown = wall.consume(wall.subscribe(Subscribe::all()).await?);
    wall.start();
    let display = tokio::spawn(async move {
        while let Some(Ok(event)) = shown.next().await {
            write(&format!("wall: {}", event.data().as_str().unwrap_or("?")))?;
        }
        Ok::<(), std::io::Error>(())
    });

    let desk = MessageStream::new();
    desk.add_middleware(async |message: Message<String>| {
        (!message.content.trim().is_empty()).then_some(message)
    });
    for agent in AGENTS {
        let (log, wall) = (log.clone(), wall.clone());
        let handler = ItemHandler::asynchronous(move |message: Message<String>| {
            let (log, wall) = (log.clone(), wall.clone());
            async move {
                let line = format!("{} to {agent}: {}", message.sender, message.content);
                log.add(Event::text(line.clone())).await?;
                wall.publish(Event::text(line)).await.map(drop)
            }
        });
        desk.register(agent, handler)?;
    }

    for (receiver, content) in
        [("ann", "my order?"), ("bob", " "), ("bob", "refund!"), ("eve", "hi")]
    {
        let delivery = desk.send(Message::new("carl", receiver, content.to_owned())).await?;
        if delivery == Delivery::Undeliverable {
            write(&format!("desk: nobody is called {receiver}"))?;
        }
    }
    let to_all = Message::to_all("carl", "thank you".to_owned());
    assert_eq!(desk.send(to_all).await?, Delivery::Handled(AGENTS.len()));

    desk.close().await;
    log.stop().await;
    wall.stop().await;
    display.await??;
    Ok(())
}

fn write(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")
}
