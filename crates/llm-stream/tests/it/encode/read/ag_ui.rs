//! Reads AG-UI events by the rules of the official client's verifier.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Kept, finish, objects, usage};
use llm_stream::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, StreamError, StreamEvent, ToolCall,
};

#[derive(Default)]
struct Reader {
    events: Vec<StreamEvent>,
    /// Open messages, spans and calls.
    open: BTreeMap<(&'static str, String), u32>,
    calls: Vec<ToolCall>,
    parts: u32,
    status: Option<EndStatus>,
    errors: Vec<String>,
}

pub(super) fn read(frames: &[&Kept]) -> Vec<StreamEvent> {
    let mut reader = Reader { events: vec![StreamEvent::start()], ..Reader::default() };
    for (place, event) in objects(frames).iter().enumerate() {
        assert_eq!(place == 0, event["type"] == "RUN_STARTED", "{event}");
        reader.event(event);
    }
    let status = reader.status.unwrap_or(EndStatus::Incomplete);
    assert!(reader.status.is_none() || reader.open.is_empty(), "open: {:?}", reader.open);
    let end = End { status, content: String::new() };
    reader.events.push(EventBody::End(Box::new(end)).into());
    reader.events
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

impl Reader {
    fn event(&mut self, event: &Value) {
        assert_eq!(self.status, None, "after the end: {event}");
        let message = || text(event, "messageId");
        match text(event, "type").as_str() {
            "RUN_STARTED" => assert_eq!(text(event, "threadId"), text(event, "runId")),
            "TEXT_MESSAGE_START" => self.opens("text", message()),
            "TEXT_MESSAGE_CONTENT" => self.delta("text", Channel::Text, event),
            "TEXT_MESSAGE_END" => self.closes("text", message()),
            "REASONING_START" => self.opens("span", message()),
            "REASONING_MESSAGE_START" => {
                assert_eq!(event["role"], "reasoning");
                self.opens("reasoning", message());
            }
            "REASONING_MESSAGE_CONTENT" => self.delta("reasoning", Channel::Reasoning, event),
            "REASONING_MESSAGE_END" => self.closes("reasoning", message()),
            "REASONING_END" => self.closes("span", message()),
            "REASONING_ENCRYPTED_VALUE" => assert_eq!(event["subtype"], "message"),
            "TOOL_CALL_START" => {
                self.opens("call", text(event, "toolCallId"));
                self.calls.push(ToolCall {
                    part: 1_000 + self.parts,
                    index: u32::try_from(self.calls.len()).unwrap(),
                    id: text(event, "toolCallId"),
                    name: text(event, "toolCallName"),
                    ..ToolCall::default()
                });
            }
            "TOOL_CALL_ARGS" => {
                let delta = text(event, "delta");
                self.call(event).arguments.push_str(&delta);
            }
            "TOOL_CALL_END" => {
                self.closes("call", text(event, "toolCallId"));
                let mut call = self.call(event).clone();
                call.complete = serde_json::from_str::<Value>(&call.arguments).is_ok();
                self.events.push(EventBody::ToolCall(Box::new(call)).into());
            }
            "RUN_FINISHED" => {
                self.status = Some(EndStatus::Complete);
                if event["result"].is_object() {
                    self.events.push(finish(&text(&event["result"], "finishReason")));
                }
                self.counts(event);
            }
            "RUN_ERROR" => {
                self.status = Some(EndStatus::Failed);
                let message = text(event, "message");
                if self.errors.last() != Some(&message) {
                    self.error(message);
                }
                self.counts(event);
            }
            "CUSTOM" if event["name"] == "error" => self.error(text(&event["value"], "message")),
            "CUSTOM" | "RAW" => {}
            _ => panic!("unknown event {event}"),
        }
    }

    fn opens(&mut self, kind: &'static str, id: String) {
        assert_eq!(self.open.insert((kind, id), self.parts), None);
        self.parts += 1;
    }

    fn closes(&mut self, kind: &'static str, id: String) {
        assert!(self.open.remove(&(kind, id)).is_some());
    }

    fn delta(&mut self, kind: &'static str, channel: Channel, event: &Value) {
        let part = self.open[&(kind, text(event, "messageId"))];
        let delta = Delta { choice: 0, part, channel, text: text(event, "delta") };
        self.events.push(EventBody::Delta(delta).into());
    }

    fn call(&mut self, event: &Value) -> &mut ToolCall {
        let id = text(event, "toolCallId");
        self.calls.iter_mut().find(|call| call.id == id).unwrap()
    }

    fn counts(&mut self, event: &Value) {
        if event["usage"][0].is_object() {
            self.events.push(usage(&event["usage"][0]));
        }
    }

    fn error(&mut self, message: String) {
        let error = StreamError::new(ErrorKind::Other, message.clone());
        self.events.push(EventBody::Error(Box::new(error)).into());
        self.errors.push(message);
    }
}
