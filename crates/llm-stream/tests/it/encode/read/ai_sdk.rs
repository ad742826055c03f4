//! Reads a UI message stream by the rules of the AI SDK's own reader.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Kept, finish, objects, usage};
use llm_stream::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, Executor, StreamError, StreamEvent,
    ToolCall,
};

#[derive(Default)]
struct Reader {
    events: Vec<StreamEvent>,
    /// Open texts, and which part each is.
    texts: BTreeMap<String, u32>,
    calls: Vec<ToolCall>,
    parts: u32,
    started: bool,
    failed: bool,
    finished: bool,
}

pub(super) fn read(frames: &[&Kept]) -> Vec<StreamEvent> {
    let mut reader = Reader { events: vec![StreamEvent::start()], ..Reader::default() };
    for chunk in objects(frames) {
        reader.chunk(&chunk);
    }
    let done = frames.last().is_some_and(|frame| frame.data == "[DONE]");
    assert_eq!(done, reader.finished, "a finish and [DONE] belong together");
    assert!(!done || reader.texts.is_empty(), "open texts: {:?}", reader.texts);
    let status = match (done, reader.failed) {
        (true, false) => EndStatus::Complete,
        (true, true) => EndStatus::Failed,
        (false, _) => EndStatus::Incomplete,
    };
    let end = End { status, content: String::new() };
    reader.events.push(EventBody::End(Box::new(end)).into());
    reader.events
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

impl Reader {
    fn chunk(&mut self, chunk: &Value) {
        let kind = text(chunk, "type");
        assert!(self.started || kind == "start", "before the start: {chunk}");
        assert!(!self.finished, "after the finish: {chunk}");
        match kind.as_str() {
            "start" => self.started = !text(chunk, "messageId").is_empty(),
            "start-step" | "finish-step" | "source-url" => {}
            "reset-step" => {
                assert!(self.texts.is_empty(), "open texts in {chunk}");
                self.calls.clear();
                self.events.push(StreamEvent::start());
            }
            "text-start" | "reasoning-start" => {
                let known = self.texts.insert(text(chunk, "id"), self.parts);
                assert_eq!(known, None, "{chunk}");
                self.parts += 1;
            }
            "text-delta" => self.delta(chunk, Channel::Text),
            "reasoning-delta" => self.delta(chunk, Channel::Reasoning),
            "text-end" | "reasoning-end" => {
                assert!(self.texts.remove(&text(chunk, "id")).is_some(), "{chunk}");
            }
            "error" => {
                let error = StreamError::new(ErrorKind::Other, text(chunk, "errorText"));
                self.events.push(EventBody::Error(Box::new(error)).into());
            }
            "finish" => {
                self.finished = true;
                self.failed = chunk["finishReason"] == "error";
                if chunk["finishReason"].is_string() {
                    self.events.push(finish(&text(chunk, "finishReason")));
                }
                if chunk["messageMetadata"]["usage"].is_object() {
                    self.events.push(usage(&chunk["messageMetadata"]["usage"]));
                }
            }
            kind if kind.starts_with("data-") => assert!(chunk.get("data").is_some(), "{chunk}"),
            kind if kind.starts_with("tool-") => self.tool(kind, chunk),
            _ => panic!("unknown chunk {chunk}"),
        }
    }

    fn delta(&mut self, chunk: &Value, channel: Channel) {
        let part = *self.texts.get(&text(chunk, "id")).unwrap_or_else(|| panic!("{chunk}"));
        let delta = Delta { choice: 0, part, channel, text: text(chunk, "delta") };
        self.events.push(EventBody::Delta(delta).into());
    }

    fn tool(&mut self, kind: &str, chunk: &Value) {
        let id = text(chunk, "toolCallId");
        let place = self.calls.iter().position(|call| call.id == id);
        if kind == "tool-input-start" {
            assert_eq!(place, None, "{chunk}");
            let by_server = chunk["providerExecuted"] == true;
            self.calls.push(ToolCall {
                part: 1_000 + self.parts,
                index: u32::try_from(self.calls.len()).unwrap(),
                id,
                name: text(chunk, "toolName"),
                by: if by_server { Executor::Server } else { Executor::Client },
                ..ToolCall::default()
            });
            self.parts += 1;
            return;
        }
        let call = &mut self.calls[place.unwrap_or_else(|| panic!("{chunk}"))];
        match kind {
            "tool-input-delta" => call.arguments.push_str(&text(chunk, "inputTextDelta")),
            "tool-output-available" => assert!(chunk.get("output").is_some(), "{chunk}"),
            "tool-input-available" | "tool-input-error" => {
                call.complete = kind == "tool-input-available";
                assert_eq!(call.complete, chunk.get("errorText").is_none(), "{chunk}");
                let input = &chunk["input"];
                match input.as_str() {
                    Some(free) => assert_eq!(free, call.arguments),
                    None => assert_eq!(input.to_string(), value(&call.arguments).to_string()),
                }
                self.events.push(EventBody::ToolCall(Box::new(call.clone())).into());
            }
            _ => panic!("unknown chunk {chunk}"),
        }
    }
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}
