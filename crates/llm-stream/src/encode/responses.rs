//! OpenAI Responses: output items with their content, told in pieces and then whole.

mod item;

use super::about::About;
use super::frame::Out;
use super::limits::ENCODER_TEXT_BYTES_MAX;
use super::object::{NULL, Object};
use super::target::{Block, Content, Note, Target};
use super::{usage, words};
use crate::event::{EndStatus, Finish, FinishReason, Opaque, StreamError};
use crate::format::Format;
use item::{Item, ItemKind};

/// Writes the events of one response: each block is an output item.
#[derive(Debug, Clone, Default)]
pub(super) struct Responses {
    /// The response's id, which must not change.
    id: String,
    /// The number of the next event.
    sequence: u64,
    /// Whether events are being repeated, all with one number.
    is_repeating: bool,
    /// Items that have begun and not ended, by their numbers.
    open: Vec<(u32, Item)>,
    /// Items that have ended: the end of the response says all of them again.
    ended: Vec<Item>,
    /// Bytes that the items take.
    bytes: usize,
}

impl Responses {
    /// Writes an event of `kind`.
    fn event(&mut self, kind: &'static str, out: &mut Out, fill: impl FnOnce(&mut Object<'_>)) {
        out.named(kind, |event| {
            event.put("sequence_number", self.sequence);
            fill(event);
        });
        if !self.is_repeating {
            self.sequence = self.sequence.saturating_add(1);
        }
    }

    /// Writes an event about an open item.
    fn item_event(
        &mut self,
        kind: &'static str,
        number: u32,
        out: &mut Out,
        fill: impl FnOnce(&mut Object<'_>, &Item),
    ) {
        let open = std::mem::take(&mut self.open);
        if let Some((_, item)) = open.iter().find(|(known, _)| *known == number) {
            self.event(kind, out, |event| {
                event.put("output_index", number);
                fill(event, item);
            });
        }
        self.open = open;
    }

    fn item(&mut self, number: u32) -> Option<&mut Item> {
        self.open.iter_mut().find(|(known, _)| *known == number).map(|(_, item)| item)
    }

    /// Writes an event about the response as a whole.
    fn response(&mut self, kind: &'static str, status: &str, about: &About, out: &mut Out) {
        let (id, ended) = (std::mem::take(&mut self.id), std::mem::take(&mut self.ended));
        let is_over = status != "in_progress";
        self.event(kind, out, |event| {
            event.object("response", |response| {
                response.put("id", &id).put("object", "response");
                response.put("created_at", about.created()).put("status", status);
                if is_over {
                    ending(status, about, response);
                } else {
                    response.put("error", NULL).put("incomplete_details", NULL);
                    response.put("usage", NULL);
                }
                response.put("model", about.model());
                response.array("output", |output| {
                    for item in ended.iter().filter(|_| is_over) {
                        output.put(item.whole());
                    }
                });
                constants(response);
            });
        });
        self.id = id;
        self.ended = ended;
    }

    fn item_begins(&mut self, number: u32, out: &mut Out) {
        self.item_event("response.output_item.added", number, out, |event, item| {
            event.put("item", item.empty());
        });
        let Some(content) = self.item(number).and_then(|item| item.kind.content()) else { return };
        self.item_event(content.added, number, out, |event, item| {
            event.put("item_id", &item.id).put(content.index, 0_u32);
            event.object("part", |part| item.write_content("", part));
        });
    }

    /// Ends an item: says its content whole, piece by piece outwards.
    fn item_ends(&mut self, number: u32, out: &mut Out) {
        let Some(kind) = self.item(number).map(|item| item.kind) else { return };
        let content = kind.content();
        if let Some(done) = kind.done() {
            self.item_event(done, number, out, |event, item| {
                event.put("item_id", &item.id);
                if let Some(content) = content {
                    event.put(content.index, 0_u32);
                }
                event.put(kind.text_key(), &item.text);
                event.put_some("name", item.call_name());
            });
        }
        if let Some(content) = content {
            self.item_event(content.done, number, out, |event, item| {
                event.put("item_id", &item.id).put(content.index, 0_u32);
                event.object("part", |part| item.write_content(&item.text, part));
            });
        }
        self.item_event("response.output_item.done", number, out, |event, item| {
            event.put("item", item.whole());
        });
    }

    fn item_delta(&mut self, block: &Block, text: &str, out: &mut Out) {
        let Some(kind) = self.item(block.number).map(|item| item.kind) else { return };
        let Some(name) = kind.delta() else { return };
        self.item_event(name, block.number, out, |event, item| {
            event.put("item_id", &item.id);
            if let Some(content) = kind.content() {
                event.put(content.index, 0_u32);
            }
            event.put("delta", text);
            if kind == ItemKind::Text {
                event.nothing("logprobs");
            }
        });
    }

    /// Takes a provider's own item: what more it says of an open one, or a whole one.
    fn opaque(&mut self, number: u32, own: &Opaque, out: &mut Out) {
        let Some(item) = self.item(number) else { return };
        match item.kind {
            ItemKind::Opaque if item.raw.is_none() => item.take_own(own),
            ItemKind::Reasoning => return item.take_proof(&own.raw),
            _ => return,
        }
        self.item_begins(number, out);
        self.item_ends(number, out);
    }
}

/// The fields that tell how a response ended.
fn ending(status: &str, about: &About, response: &mut Object<'_>) {
    match about.error.as_ref().filter(|_| status == "failed") {
        Some(error) => response.object("error", |object| {
            object.put("code", words::error_code(error)).put("message", &error.message);
        }),
        None => response.put("error", NULL),
    };
    let details = about.first_finish().and_then(|finish| finish.details.as_ref());
    let is_native = about.source == Some(Format::OpenAiResponses);
    match details.filter(|_| status == "incomplete" && is_native) {
        Some(details) => response.put("incomplete_details", details),
        None if status == "incomplete" => response.object("incomplete_details", |object| {
            let reason = about.first_finish().map(|finish| finish.reason);
            let is_filter = reason == Some(FinishReason::ContentFilter);
            object.put("reason", if is_filter { "content_filter" } else { "max_output_tokens" });
        }),
        None => response.put("incomplete_details", NULL),
    };
    usage::openai(about, usage::RESPONSES, response);
}

/// The fields that say nothing here and that clients insist on.
fn constants(response: &mut Object<'_>) {
    response.put("instructions", NULL).object("metadata", |_| {});
    response.put("parallel_tool_calls", true).put("temperature", NULL).put("top_p", NULL);
    response.put("tool_choice", "auto").nothing("tools");
}

/// The event and the status with which a response ends.
fn ending_words(end: EndStatus, finish: Option<&Finish>) -> (&'static str, &'static str) {
    if end != EndStatus::Complete {
        return ("response.failed", "failed");
    }
    match finish.map(|finish| finish.reason) {
        Some(FinishReason::Length | FinishReason::ContentFilter) => {
            ("response.incomplete", "incomplete")
        }
        Some(FinishReason::Error) => ("response.failed", "failed"),
        _ => ("response.completed", "completed"),
    }
}

impl Target for Responses {
    fn begin(&mut self, about: &About, out: &mut Out) {
        self.id = about.id("resp_").into_owned();
        self.response("response.created", "in_progress", about, out);
        self.response("response.in_progress", "in_progress", about, out);
    }

    fn open(&mut self, block: &Block, _about: &About, out: &mut Out) {
        self.bytes = self.bytes.saturating_add(size_of::<Item>());
        self.open.push((block.number, Item::new(&self.id, block)));
        if !matches!(block.content, Content::Opaque) {
            self.item_begins(block.number, out);
        }
    }

    fn append(&mut self, block: &Block, text: &str, _about: &About, out: &mut Out) {
        let room = ENCODER_TEXT_BYTES_MAX.saturating_sub(self.bytes);
        let kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        self.bytes = self.bytes.saturating_add(kept.len());
        if let Some(item) = self.item(block.number) {
            item.text.push_str(kept);
        }
        self.item_delta(block, text, out);
    }

    fn close(&mut self, block: &Block, _about: &About, out: &mut Out) {
        let Some(item) = self.item(block.number) else { return };
        item.is_whole = block.content.call().is_none_or(|call| call.complete);
        if item.kind != ItemKind::Opaque {
            self.item_ends(block.number, out);
        }
        let place = self.open.iter().position(|(number, _)| *number == block.number);
        let item = place.map(|place| self.open.remove(place).1);
        self.ended.extend(item.filter(|_| self.bytes < ENCODER_TEXT_BYTES_MAX));
    }

    fn note(&mut self, note: Note<'_>, block: Option<&Block>, about: &About, out: &mut Out) {
        let is_native = about.source == Some(Format::OpenAiResponses);
        let Some(block) = block.filter(|_| is_native) else { return };
        match note {
            Note::Block(own) => self.opaque(block.number, own, out),
            Note::Citation(citation) if matches!(block.content, Content::Text) => {
                let Some(item) = self.item(block.number) else { return };
                let index = u64::try_from(item.annotations.len()).unwrap_or(u64::MAX);
                item.annotations.push(citation.raw.clone());
                let kind = "response.output_text.annotation.added";
                self.item_event(kind, block.number, out, |event, item| {
                    event.put("item_id", &item.id).put("content_index", 0_u32);
                    event.put("annotation_index", index).put("annotation", &citation.raw);
                });
            }
            _ => {}
        }
    }

    fn error(&mut self, error: &StreamError, _about: &About, out: &mut Out) {
        self.event("error", out, |event| {
            event.put("code", words::error_code(error));
            event.put("message", &error.message).put("param", NULL);
        });
    }

    fn end(&mut self, end: EndStatus, about: &About, out: &mut Out) {
        let (kind, status) = ending_words(end, about.first_finish());
        self.response(kind, status, about, out);
    }

    fn snapshot(&mut self, open: &[Block], about: &About, out: &mut Out) {
        // What is repeated has the number of the last event, so that the next one fits on.
        let next = self.sequence;
        self.sequence = next.saturating_sub(1);
        self.is_repeating = true;
        self.response("response.created", "in_progress", about, out);
        for block in open.iter().filter(|block| !matches!(block.content, Content::Opaque)) {
            self.item_begins(block.number, out);
            if let Some(call) = block.content.call().filter(|call| !call.arguments.is_empty()) {
                self.item_delta(block, &call.arguments, out);
            }
        }
        self.is_repeating = false;
        self.sequence = next;
    }

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use crate::encode::{OutputFormat, encode};
    use crate::event::{Channel, Delta, EventBody, Metadata, RawJson, Start, StreamEvent};

    /// The last frame of the end of a text "abé" that begins with `bytes` kept already.
    fn end_after(bytes: usize) -> String {
        let (about, mut out) = (About::default(), Out::default());
        let block = Block { number: 0, choice: 0, part: 0, content: Content::Text };
        let mut responses = Responses::default();
        responses.open(&block, &about, &mut out);
        responses.bytes = bytes;
        responses.append(&block, "ab\u{e9}", &about, &mut out);
        responses.close(&block, &about, &mut out);
        let last = super::super::Frames::new(&out).last();
        last.map(|frame| String::from_utf8_lossy(frame.data).into_owned()).unwrap_or_default()
    }

    /// What is read back from the encoding of `events`: its words, and its blocks.
    fn way_back(events: &[StreamEvent]) -> (String, Vec<String>) {
        let read = decode(Format::OpenAiResponses, &encode(OutputFormat::OpenAiResponses, events));
        let words = read.iter().map(StreamEvent::delta_text).collect();
        let blocks = read.iter().filter_map(|event| match &event.body {
            EventBody::Metadata(own) => match &**own {
                Metadata::Block(block) => Some(block.raw.as_str().to_owned()),
                _ => None,
            },
            _ => None,
        });
        (words, blocks.collect())
    }

    #[test]
    fn an_item_without_a_type_is_kept_and_never_said() {
        let item = r#"{"id":"i1","content":[{"type":"output_text","text":"Hi"}]}"#;
        let payload = format!(r#"{{"type":"response.output_item.done","item":{item}}}"#);
        let events = decode(Format::OpenAiResponses, format!("data: {payload}\n\n").as_bytes());
        assert!(events.iter().all(|event| event.delta_text().is_empty()));
        assert_eq!(way_back(&events), (String::new(), vec![item.to_owned()]));
    }

    #[test]
    fn a_proof_that_comes_late_does_not_say_its_words_again() {
        let start = Start { format: Some(Format::OpenAiResponses), ..Start::default() };
        let thought = |part, text: &str| {
            let (text, channel) = (text.to_owned(), Channel::Reasoning);
            StreamEvent::from(EventBody::Delta(Delta { choice: 0, part, channel, text }))
        };
        let item = r#"{"type":"reasoning","summary":[{"text":"First. "}],"encrypted_content":"p"}"#;
        let (kind, raw) = (Some("reasoning".to_owned()), RawJson::from_valid(item));
        let events = [
            EventBody::Start(Box::new(start)).into(),
            thought(0, "First. "),
            thought(1, "Second."),
            Metadata::Block(Opaque { choice: 0, part: 0, kind, raw }).into(),
        ];
        let (words, blocks) = way_back(&events);
        assert_eq!(words, "First. Second.");
        assert!(blocks.iter().any(|block| block.contains(r#""encrypted_content":"p""#)));
    }

    #[test]
    fn a_text_is_repeated_up_to_the_bound() {
        assert!(end_after(ENCODER_TEXT_BYTES_MAX - 4).contains("\"ab\u{e9}\""));
        assert!(end_after(ENCODER_TEXT_BYTES_MAX - 3).contains("\"ab\""), "no half characters");
        assert!(end_after(ENCODER_TEXT_BYTES_MAX).contains("\"text\":\"\""));
    }
}
