//! How runs end: with an end, or with an error and no end.

use super::*;
use crate::decoder::Decoder;
use crate::event::{EndStatus, ErrorKind, StreamError};
use crate::format::Format;

const HI: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"busy\",\"type\":\"overloaded_error\"}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const RESET: Result<&str, &str> = Err("connection reset");

/// Runs over the bytes of a provider, checks that callbacks and result agree with the events, and
/// returns the events.
#[track_caller]
fn run(body: &[Result<&'static str, &'static str>]) -> Vec<String> {
    let source = || DecodedEvents::new(Decoder::new(Format::OpenAiChat), body.iter().copied());
    let mut handler = handler();
    let events: Vec<_> = handler.iter_events(source()).collect();
    assert_eq!(handler.buffer().content(), "Hi");
    let result = handler.process_stream(source());
    match &events.last().expect("an event").body {
        EventBody::End(end) => assert_eq!(result.unwrap(), Some(end.content.clone())),
        _ => {
            let is_error = |event: &&StreamEvent| matches!(event.body, EventBody::Error(_));
            let last = events.iter().rfind(is_error).expect("an error");
            assert_eq!(result.unwrap_err().to_string(), last.content());
        }
    }
    briefs(events.into_iter())
}

#[test]
fn a_whole_stream_has_an_end() {
    assert_eq!(run(&[Ok(HI), Ok(DONE)]), ["start", "delta Hi", "end Hi"]);
}

#[test]
fn an_error_that_the_provider_survives_is_an_event_like_others() {
    assert_eq!(run(&[Ok(HI), Ok(ERROR), Ok(DONE)]), ["start", "delta Hi", "error busy", "end Hi"],);
}

#[test]
fn a_failed_stream_has_its_own_error() {
    assert_eq!(run(&[Ok(HI), Ok(ERROR)]), ["start", "delta Hi", "error busy"]);
    assert_eq!(run(&[Ok(ERROR), Ok(HI)]), ["start", "error busy", "delta Hi"]);
}

#[test]
fn a_cut_stream_has_an_error_that_says_so() {
    let cut = "error stream ended before the provider said that it was done";
    assert_eq!(run(&[Ok(HI)]), ["start", "delta Hi", cut]);

    let mut handler = handler();
    let events =
        DecodedEvents::new(Decoder::new(Format::OpenAiChat), [Ok::<_, &str>(HI)].into_iter());
    let error = handler.process_stream(events).unwrap_err();
    assert_eq!(error.stream_error().code.as_deref(), Some("incomplete"));
    assert!(error.is_retryable());
}

#[test]
fn a_broken_source_has_its_error_unless_all_was_said() {
    assert_eq!(run(&[Ok(HI), RESET]), ["start", "delta Hi", "error connection reset"]);
    assert_eq!(run(&[Ok(HI), Ok(DONE), RESET]), ["start", "delta Hi", "end Hi"]);
}

#[test]
fn held_text_comes_before_the_error_of_the_source() {
    let mut handler = handler().add_processor(Hoard::default());
    let events = briefs(handler.iter_events([Ok("a"), Ok("b"), Err("gone"), Ok("c")]));
    assert_eq!(events, ["start", "delta ab", "error gone"]);
}

#[test]
fn the_kind_of_an_error_is_kept() {
    let mut handler = handler();
    let error = StreamError::new(ErrorKind::Timeout, "no bytes for 30 s");
    let items = [Input::from("a"), Input::from(error.clone())];
    assert_eq!(handler.process_stream(items).unwrap_err().stream_error(), &error);
}

#[test]
fn a_source_of_events_must_say_that_it_is_complete() {
    let mut handler = handler();
    assert!(handler.process_stream([StreamEvent::delta("a")]).is_err());
    assert!(handler.process_stream([StreamEvent::delta("a"), StreamEvent::end("")]).is_ok());
}

#[test]
fn what_comes_after_the_end_is_ignored() {
    let mut handler = handler();
    let items = [StreamEvent::start(), StreamEvent::end("other"), StreamEvent::delta("late")];
    assert_eq!(briefs(handler.iter_events(items)), ["start", "end "]);
    handler.push("late");
    handler.finish();
    assert_eq!(handler.next_event(), None);
}

#[test]
fn a_failed_end_without_an_error_gets_one() {
    let mut handler = handler();
    let mut end = StreamEvent::end("");
    if let EventBody::End(end) = &mut end.body {
        end.status = EndStatus::Failed;
    }
    assert_eq!(briefs(handler.iter_events([end])), ["start", "error stream failed"]);
}

#[test]
fn the_sources_own_start_is_the_start() {
    let mut named = StreamEvent::start();
    if let EventBody::Start(start) = &mut named.body {
        start.model = Some("m".to_owned());
    }
    let items = || [named.clone(), StreamEvent::delta("a"), named.clone(), StreamEvent::end("")];
    let mut handler = handler();
    let events: Vec<_> = handler.iter_events(items()).collect();
    assert_eq!(events[0], named);
    assert_eq!(events.len(), 4);

    let mut without_starts = handler.add_processor(|event: StreamEvent| {
        (event.event_type() != StreamEventType::Start).then_some(event)
    });
    let events = briefs(without_starts.iter_events(items()));
    assert_eq!(events, ["start", "delta a", "end a"], "only the second start was processed");
}

#[test]
fn an_empty_source_of_text_is_whole() {
    assert_eq!(briefs(handler().iter_events([""; 0])), ["start", "end "]);
}
