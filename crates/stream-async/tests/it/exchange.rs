//! Events by type and messages by receiver: once, in order, and never lost in silence.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use stream_async::limits::HANDLER_ITEMS;
use stream_async::{
    Delivery, EventStream, GenericEvent, ItemHandler, Message, MessageStream, SendError,
};

type Seen<T> = Arc<Mutex<Vec<T>>>;

fn collect(seen: &Seen<u32>) -> ItemHandler<GenericEvent<u32>> {
    let seen = Arc::clone(seen);
    ItemHandler::new(move |event: &GenericEvent<u32>| seen.lock().unwrap().push(event.data))
}

async fn emit(stream: &EventStream<u32>, data: u32) -> Delivery {
    stream.emit(GenericEvent::new("t", data)).await.unwrap()
}

#[tokio::test]
async fn each_event_is_handled_once_with_and_without_a_processor() {
    let (stream, seen) = (EventStream::new(), Seen::default());
    stream.on("t", collect(&seen)).unwrap();
    assert_eq!(emit(&stream, 1).await, Delivery::Handled(1));
    let processor = tokio::spawn({
        let stream = stream.clone();
        async move { stream.process().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(emit(&stream, 2).await, Delivery::Queued);
    assert_eq!(*seen.lock().unwrap(), [1]);
    tokio::task::yield_now().await;
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    assert_eq!(emit(&stream, 3).await, Delivery::Queued);
    stream.close().await;
    processor.await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn what_a_processor_leaves_behind_comes_first() {
    let (stream, seen) = (EventStream::new(), Seen::default());
    stream.on("t", collect(&seen)).unwrap();
    {
        let mut processor = std::pin::pin!(stream.process());
        assert!(processor.as_mut().now_or_never().is_none());
        assert_eq!(emit(&stream, 1).await, Delivery::Queued);
    }
    assert_eq!(emit(&stream, 2).await, Delivery::Handled(1));
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn so_many_wait_for_a_processor_and_no_more() {
    let stream = EventStream::with_capacity(2);
    let mut processor = std::pin::pin!(stream.process());
    assert!(processor.as_mut().now_or_never().is_none());
    for n in 0..2 {
        assert_eq!(emit(&stream, n).await, Delivery::Queued);
    }
    assert!(emit(&stream, 2).now_or_never().is_none());
}

#[tokio::test]
async fn the_last_error_handler_of_a_type_is_told_and_others_are_counted() {
    let (stream, told, seen) = (EventStream::new(), Seen::default(), Seen::default());
    let fails = |event: &GenericEvent<u32>| match event.data {
        0 => Err("a handler fails"),
        _ => panic!("a handler panics"),
    };
    stream.on("t", ItemHandler::new(fails)).unwrap();
    stream.on("t", collect(&seen)).unwrap();
    emit(&stream, 0).await;
    assert_eq!((stream.counts().failures, stream.counts().unhandled), (1, 1));
    for name in ["first", "last"] {
        let told = Arc::clone(&told);
        stream.on_error("t", move |failure, event| {
            told.lock().unwrap().push(format!("{name}: {failure} at {}", event.data));
        });
    }
    for n in 0..2 {
        emit(&stream, n).await;
    }
    let want = ["last: a handler fails at 0", "last: panicked: a handler panics at 1"];
    assert_eq!(*told.lock().unwrap(), want);
    assert_eq!((stream.counts().failures, stream.counts().unhandled), (3, 1));
    assert_eq!(*seen.lock().unwrap(), [0, 0, 1], "the next handler misses nothing");
}

#[tokio::test]
async fn an_error_handler_that_panics_harms_nobody() {
    let (stream, seen) = (EventStream::new(), Seen::default());
    stream.on("t", ItemHandler::new(|_: &GenericEvent<u32>| Err::<(), _>("it fails"))).unwrap();
    stream.on("t", collect(&seen)).unwrap();
    stream.on_error("t", |_, _| panic!("an error handler panics"));
    assert_eq!(emit(&stream, 1).await, Delivery::Handled(2));
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[tokio::test]
async fn middleware_may_drop_and_may_fail() {
    let (stream, seen) = (EventStream::new(), Seen::default());
    stream.on("t", collect(&seen)).unwrap();
    stream.add_middleware(async |event: GenericEvent<u32>| match event.data {
        0 => Ok(None),
        1 => Err("it fails"),
        _ => Ok(Some(event)),
    });
    assert_eq!(emit(&stream, 0).await, Delivery::Dropped);
    let failed = stream.emit(GenericEvent::new("t", 1)).await;
    assert!(matches!(failed, Err(SendError::Middleware(_))));
    assert_eq!(emit(&stream, 2).await, Delivery::Handled(1));
    assert_eq!(*seen.lock().unwrap(), [2]);
}

#[tokio::test]
async fn a_handler_may_emit_and_register() {
    let (stream, seen) = (EventStream::new(), Seen::default());
    let (inner, late) = (stream.clone(), Arc::clone(&seen));
    let handler = move |event: &GenericEvent<u32>| {
        if event.data == 1 {
            inner.on("t", collect(&late)).unwrap();
            let emitted = inner.emit(GenericEvent::new("t", 2)).now_or_never();
            assert!(emitted.unwrap().is_ok());
        }
    };
    stream.on("t", ItemHandler::new(handler)).unwrap();
    emit(&stream, 1).await;
    assert_eq!(*seen.lock().unwrap(), [2]);
    assert_eq!(stream.counts().failures, 0);
}

#[tokio::test]
async fn an_asynchronous_handler_that_leaves_gets_what_came_before() {
    let (stream, seen) = (EventStream::new(), Seen::<u32>::default());
    let late = Arc::clone(&seen);
    let handler = ItemHandler::asynchronous(move |event: GenericEvent<u32>| {
        let seen = Arc::clone(&late);
        async move {
            tokio::task::yield_now().await;
            seen.lock().unwrap().push(event.data);
        }
    });
    let id = stream.on("t", handler).unwrap();
    for n in 1..=2 {
        emit(&stream, n).await;
    }
    assert!(stream.off(id));
    assert_eq!(emit(&stream, 3).await, Delivery::Undeliverable);
    stream.close().await;
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn so_many_wait_for_an_asynchronous_handler_and_no_more() {
    let stream = EventStream::new();
    let stuck = ItemHandler::asynchronous(async |_: GenericEvent<u32>| {
        std::future::pending::<()>().await;
    });
    stream.on("t", stuck).unwrap();
    emit(&stream, 0).await;
    // The handler takes the first.
    tokio::task::yield_now().await;
    for n in 0..HANDLER_ITEMS {
        let emitted = emit(&stream, u32::try_from(n).unwrap()).now_or_never();
        assert_eq!(emitted, Some(Delivery::Handled(1)), "{n}");
    }
    assert_eq!(emit(&stream, 0).now_or_never(), None);
}

#[tokio::test]
async fn a_message_that_nobody_gets_is_reported() {
    let (stream, seen) = (MessageStream::new(), Seen::default());
    let mut ids = Vec::new();
    for name in ["bob", "eve"] {
        let seen = Arc::clone(&seen);
        let handler = ItemHandler::new(move |message: &Message<u32>| {
            seen.lock().unwrap().push(format!("{name} {}", message.content));
        });
        ids.push(stream.register(name, handler).unwrap());
    }
    let to = |receiver: &str, n| Message::new("alice", receiver, n);
    assert_eq!(stream.send(to("eve", 1)).await.unwrap(), Delivery::Handled(1));
    assert_eq!(stream.send(to("ann", 2)).await.unwrap(), Delivery::Undeliverable);
    assert_eq!(stream.send(Message::to_all("alice", 3)).await.unwrap(), Delivery::Handled(2));
    for id in ids {
        assert!(stream.unregister(id));
        assert!(!stream.unregister(id));
    }
    assert_eq!(stream.send(Message::to_all("alice", 4)).await.unwrap(), Delivery::Undeliverable);
    assert_eq!(stream.counts().undeliverable, 2);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, ["bob 3", "eve 1", "eve 3"]);
}

#[tokio::test]
async fn a_closed_stream_takes_nothing() {
    let stream = EventStream::new();
    stream.close().await;
    let refused = stream.emit(GenericEvent::new("t", 1)).await;
    assert!(matches!(refused, Err(SendError::Closed)));
    stream.process().await;
}
