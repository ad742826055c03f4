//! What a handler does with sources, processors and callbacks of every kind.

mod endings;
mod ways;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::event::{Delta, EventBody};
use crate::processor::{ProcessError, Processor};

#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
fn t0() -> Instant {
    Instant::now()
}

/// A handler whose clock stands still.
fn handler() -> StreamHandler {
    let now = t0();
    StreamHandler::new(move || now)
}

/// Where callbacks write what they saw.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An event in few words.
fn brief(event: &StreamEvent) -> String {
    match &event.body {
        EventBody::Delta(delta) => format!("delta {}", delta.text),
        EventBody::Error(error) => format!("error {}", error.message),
        EventBody::End(end) => format!("end {}", end.content),
        _ => event.event_type().to_string(),
    }
}

fn briefs(events: impl Iterator<Item = StreamEvent>) -> Vec<String> {
    events.map(|event| brief(&event)).collect()
}

/// A processor that holds all text back until the end.
#[derive(Debug, Default)]
struct Hoard(String);

impl Processor for Hoard {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        match event.body {
            EventBody::Delta(delta) => self.0.push_str(&delta.text),
            _ => out.push(event),
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        out.push(StreamEvent::delta(std::mem::take(&mut self.0)));
        Ok(())
    }

    fn reset(&mut self) {
        self.0.clear();
    }
}

/// A processor that doubles every delta and fails at one text, after letting the first copy out.
#[derive(Debug)]
struct DoubleUntil(&'static str);

impl Processor for DoubleUntil {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        out.push(event.clone());
        if event.delta_text() == self.0 {
            return Err(ProcessError::new(format!("met {}", self.0)));
        }
        out.push(event);
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a processor")]
fn upper(mut event: StreamEvent) -> Option<StreamEvent> {
    if let EventBody::Delta(delta) = &mut event.body {
        delta.text = delta.text.to_uppercase();
    }
    Some(event)
}

#[test]
fn processors_run_in_order_and_flush_through_those_behind() {
    let mut handler = handler().add_processor(Hoard::default()).add_processor(upper);
    assert_eq!(briefs(handler.iter_events(["a", "b"])), ["start", "delta AB", "end AB"]);

    let mut handler = StreamHandler::untimed().add_processor(upper).add_processor(Hoard::default());
    assert_eq!(briefs(handler.iter_events(["a", "b"])), ["start", "delta AB", "end AB"]);
}

#[test]
fn a_run_has_nothing_of_the_one_before() {
    let mut handler = handler().add_processor(Hoard::default());
    drop(handler.iter_events(["lost"]).next());
    assert_eq!(handler.process_stream(["ab"]).unwrap().as_deref(), Some("ab"));
    assert_eq!(handler.process_stream(["c"]).unwrap().as_deref(), Some("c"));
    assert_eq!((handler.stats().events_count, handler.stats().total_tokens), (1, 1));
    assert_eq!(handler.buffer().content(), "c");
}

#[test]
fn what_a_failing_processor_let_out_is_delivered() {
    let mut handler = handler().add_processor(DoubleUntil("b")).add_processor(upper);
    let events = briefs(handler.iter_events(["a", "b", "c"]));
    assert_eq!(events, ["start", "delta A", "delta A", "delta B", "error met b"]);
    assert_eq!(handler.buffer().content(), "AAB");
}

#[test]
fn a_panic_in_a_processor_is_its_error() {
    let mut handler = handler().add_processor(|event: StreamEvent| {
        assert_ne!(event.delta_text(), "bad", "unfit");
        Some(event)
    });
    let error = handler.process_stream(["a", "bad"]).unwrap_err();
    assert!(error.to_string().starts_with("processor panicked: "), "{error}");
    assert_eq!(handler.buffer().content(), "a");
}

#[test]
fn a_panic_in_a_callback_is_counted_and_stays_there() {
    let seen = Seen::default();
    let mut handler =
        handler().on_delta(|event| assert_ne!(event.delta_text(), "a", "unfit")).on_delta({
            let seen = seen.clone();
            move |event| seen.push(event.delta_text())
        });
    assert_eq!(handler.process_stream(["a", "b", "a"]).unwrap().as_deref(), Some("aba"));
    assert_eq!(seen.take(), ["a", "b", "a"]);
    assert_eq!(handler.callback_failures(), 2);
}

#[test]
fn text_is_that_of_the_first_choice() {
    let delta = |choice, channel, text: &str| {
        StreamEvent::from(EventBody::Delta(Delta { choice, part: 0, channel, text: text.into() }))
    };
    let mut handler = handler();
    let events = [
        delta(0, crate::Channel::Text, "yes"),
        delta(1, crate::Channel::Text, "no"),
        delta(0, crate::Channel::Reasoning, "hm"),
        StreamEvent::end(""),
    ];
    assert_eq!(handler.process_stream(events).unwrap().as_deref(), Some("yes"));
    assert_eq!(handler.stats().events_count, 3);
}

#[test]
fn text_is_kept_up_to_the_limit() {
    let mut handler = handler().content_chars(3);
    assert_eq!(handler.process_stream(["ab", "c"]).unwrap().as_deref(), Some("abc"));
    let events = briefs(handler.iter_events(["ab", "cd", "e"]));
    let error = "error text of 4 characters exceeds the buffer's 3";
    assert_eq!(events, ["start", "delta ab", error]);
    assert_eq!(handler.buffer().content(), "ab");

    let mut handler = handler.buffer_content(false);
    assert_eq!(handler.process_stream(["ab", "cd"]).unwrap(), None, "no text, no limit");
}

#[test]
fn a_dropped_iterator_ends_its_run() {
    let begin = t0();
    let clock = Arc::new(Mutex::new(begin));
    let mut handler = StreamHandler::new({
        let clock = Arc::clone(&clock);
        move || *clock.lock().unwrap()
    });
    let mut events = handler.iter_events(["a", "b"]);
    assert_eq!(briefs(events.by_ref().take(2)), ["start", "delta a"]);
    *clock.lock().unwrap() += Duration::from_millis(40);
    drop(events);
    assert!(handler.is_ended());
    assert_eq!(handler.next_event(), None);
    assert_eq!(handler.buffer().content(), "a");
    assert_eq!(format!("{:.3}", handler.stats().total_duration_ms), "40.000");
}

#[test]
fn all_types_are_shareable() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<StreamHandler>();
    check::<HandlerError>();
    check::<HandlerEvents<'_, std::vec::IntoIter<String>>>();
    check::<HandlerStream<'_, ()>>();
    check::<DecodedEvents<()>>();
}
