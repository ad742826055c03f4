//! All ways to run a handler do the same.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use proptest::prelude::*;

use super::*;

/// A stream that is not ready every other time.
struct Halting<I> {
    items: I,
    is_ready: bool,
}

fn halting<I: IntoIterator>(items: I) -> Halting<I::IntoIter> {
    Halting { items: items.into_iter(), is_ready: false }
}

impl<I: Iterator + Unpin> Stream for Halting<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<I::Item>> {
        self.is_ready = !self.is_ready;
        if self.is_ready {
            Poll::Ready(self.items.next())
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

/// Polls a future to its end.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// All that a stream yields.
fn collect<S: Stream + Unpin>(mut stream: S) -> Vec<S::Item> {
    let next = |stream: &mut S| {
        block_on(std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)))
    };
    std::iter::from_fn(|| next(&mut stream)).collect()
}

#[derive(Debug, Clone)]
enum Item {
    Text(String),
    Event(StreamEvent),
    Failed,
}

impl From<Item> for Input {
    fn from(item: Item) -> Self {
        match item {
            Item::Text(text) => text.into(),
            Item::Event(event) => event.into(),
            Item::Failed => Err::<String, _>("gone").into(),
        }
    }
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        8 => "[ab ]{0,3}".prop_map(Item::Text),
        2 => "[ab ]{0,3}".prop_map(|text| Item::Event(StreamEvent::delta(text))),
        1 => Just(Item::Event(StreamEvent::start())),
        1 => Just(Item::Event(StreamEvent::error("in band"))),
        1 => Just(Item::Event(StreamEvent::end(""))),
        1 => Just(Item::Failed),
    ]
}

/// A handler that writes down what its callbacks see.
fn watched(seen: &Seen) -> StreamHandler {
    let handler = handler().add_processor(DoubleUntil("ab")).add_processor(upper);
    let types = [
        StreamEventType::Start,
        StreamEventType::Delta,
        StreamEventType::Error,
        StreamEventType::End,
    ];
    types.into_iter().fold(handler, |handler, kind| {
        let seen = seen.clone();
        handler.on_event(kind, move |event| seen.push(brief(event)))
    })
}

proptest! {
    #[test]
    fn iterated_pushed_and_polled_runs_agree(items in proptest::collection::vec(item(), 0..12)) {
        let seen = Seen::default();
        let mut handler = watched(&seen);

        let iterated: Vec<_> = handler.iter_events(items.clone()).collect();
        let expected = briefs(iterated.iter().cloned());
        prop_assert_eq!(seen.take(), expected.clone(), "callbacks of an iterated run");
        let (content, stats) = (handler.buffer().clone(), handler.stats());

        let result = handler.process_stream(items.clone());
        prop_assert_eq!(seen.take(), expected.clone(), "callbacks of a processed run");
        prop_assert_eq!(handler.buffer(), &content);
        prop_assert_eq!(handler.stats(), stats);

        let polled = collect(handler.stream_events(halting(items.clone())));
        prop_assert_eq!(&polled, &iterated);
        prop_assert_eq!(seen.take(), expected.clone(), "callbacks of a polled run");

        let awaited = block_on(handler.process_stream_async(halting(items.clone())));
        prop_assert_eq!(seen.take(), expected, "callbacks of an awaited run");
        prop_assert_eq!(&awaited, &result);

        let ends = iterated.iter().filter(|event| matches!(event.body, EventBody::End(_))).count();
        prop_assert_eq!(ends, usize::from(result.is_ok()), "an end if and only if it is whole");
    }
}

#[test]
fn bytes_are_decoded_from_a_stream() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";
    let bytes = body.bytes().map(|byte| Ok::<_, std::io::Error>([byte]));
    let decoder = crate::Decoder::new(crate::Format::OpenAiChat);
    let mut events = DecodedEvents::new(decoder, halting(bytes));
    assert!(!events.is_done());
    let text = block_on(handler().process_stream_async(Pin::new(&mut events)));
    assert_eq!(text.unwrap().as_deref(), Some("Hi"));
    assert!(events.is_done());
}

#[test]
fn a_dropped_stream_ends_its_run() {
    let mut handler = handler();
    {
        let mut run = pin!(handler.process_stream_async(halting(["a", "b", "c"])));
        let mut context = Context::from_waker(Waker::noop());
        assert!(run.as_mut().poll(&mut context).is_pending());
    }
    assert!(handler.is_ended());
    assert_eq!(handler.buffer().content(), "a");
}
