//! OpenAI chat completion chunks.

use super::about::About;
use super::frame::Out;
use super::limits::ENCODER_TEXT_BYTES_MAX;
use super::object::{Array, NULL, Object};
use super::target::{Block, Call, Content, Note, Target};
use super::{usage, words};
use crate::event::{EndStatus, Finish, Opaque, RawJson, StreamError};
use crate::format::Format;

/// Writes chunks: one for each piece, with the name of the generation on each.
#[derive(Debug, Clone, Default)]
pub(super) struct Chat {
    /// How many choices have begun: clients expect all of those before them.
    choices: u32,
    /// Ended calls and their choices, for a snapshot: clients count them from the first on.
    calls: Vec<(u32, Call)>,
    calls_bytes: usize,
    citations: u32,
}

/// The object `raw` with an `index`, without which OpenAI's own client takes no second entry.
fn numbered(raw: &RawJson, index: u32) -> Option<RawJson> {
    let fields = raw.as_str().strip_prefix('{')?;
    let comma = if fields.trim_ascii_start().starts_with('}') { "" } else { "," };
    Some(RawJson::from_valid(format!("{{\"index\":{index}{comma}{fields}")))
}

/// Writes a chunk with these choices.
fn chunk(about: &About, out: &mut Out, choices: impl FnOnce(&mut Array<'_>)) {
    out.json(|chunk| {
        head(about, chunk);
        chunk.array("choices", choices);
    });
}

fn head(about: &About, chunk: &mut Object<'_>) {
    chunk.put("id", &*about.id("chatcmpl-"));
    chunk.put("object", "chat.completion.chunk");
    chunk.put("created", about.created());
    chunk.put("model", about.model());
}

/// Adds a choice with this delta.
fn choice(list: &mut Array<'_>, index: u32, delta: impl FnOnce(&mut Object<'_>)) {
    list.object(|choice| {
        choice.put("index", index).object("delta", delta).put("finish_reason", NULL);
    });
}

/// Adds to a delta what a call begins with, and the arguments that are known by now.
fn call_begins(delta: &mut Object<'_>, call: &Call, arguments: &str) {
    delta.array("tool_calls", |calls| {
        calls.object(|object| {
            object.put("index", call.index).put("id", &call.id).put("type", "function");
            object.object("function", |function| {
                function.put("name", &call.name).put("arguments", arguments);
            });
        });
    });
}

impl Chat {
    /// Begins all choices up to this one.
    fn reach(&mut self, choice: u32, about: &About, out: &mut Out) {
        if choice < self.choices {
            return;
        }
        let begun = std::mem::replace(&mut self.choices, choice.saturating_add(1));
        roles(begun..self.choices, about, out);
    }

    /// Writes a delta that holds a provider's own object.
    fn own_delta(
        &mut self,
        own: &Opaque,
        about: &About,
        out: &mut Out,
        delta: impl FnOnce(&mut Object<'_>),
    ) {
        self.reach(own.choice, about, out);
        chunk(about, out, |list| choice(list, own.choice, delta));
    }
}

fn roles(choices: std::ops::Range<u32>, about: &About, out: &mut Out) {
    chunk(about, out, |list| {
        for index in choices {
            choice(list, index, |delta| {
                delta.put("role", "assistant");
            });
        }
    });
}

impl Target for Chat {
    fn begin(&mut self, about: &About, out: &mut Out) {
        self.reach(0, about, out);
    }

    fn open(&mut self, block: &Block, about: &About, out: &mut Out) {
        self.reach(block.choice, about, out);
        if let Content::Call(call) = &block.content {
            chunk(about, out, |list| {
                choice(list, block.choice, |delta| call_begins(delta, call, ""));
            });
        }
    }

    fn append(&mut self, block: &Block, text: &str, about: &About, out: &mut Out) {
        chunk(about, out, |list| {
            choice(list, block.choice, |delta| match &block.content {
                Content::Text | Content::Opaque => {
                    delta.put("content", text);
                }
                Content::Reasoning => {
                    delta.put("reasoning_content", text);
                }
                Content::Refusal => {
                    delta.put("refusal", text);
                }
                Content::Call(call) => {
                    delta.array("tool_calls", |calls| {
                        calls.object(|object| {
                            object.put("index", call.index);
                            object.object("function", |function| {
                                function.put("arguments", text);
                            });
                        });
                    });
                }
            });
        });
    }

    fn close(&mut self, block: &Block, _about: &About, _out: &mut Out) {
        if let Content::Call(call) = &block.content {
            let mut call = call.clone();
            self.calls_bytes = self.calls_bytes.saturating_add(call.arguments.len());
            if self.calls_bytes > ENCODER_TEXT_BYTES_MAX {
                call.arguments.clear();
            }
            self.calls.push((block.choice, call));
        }
    }

    fn note(&mut self, note: Note<'_>, _block: Option<&Block>, about: &About, out: &mut Out) {
        if about.source != Some(Format::OpenAiChat) {
            return;
        }
        match note {
            Note::Logprobs(own) => {
                self.reach(own.choice, about, out);
                chunk(about, out, |list| {
                    list.object(|choice| {
                        choice.put("index", own.choice).object("delta", |_| {});
                        choice.put("logprobs", &own.raw).put("finish_reason", NULL);
                    });
                });
            }
            Note::Citation(own) => {
                let Some(citation) = numbered(&own.raw, self.citations) else { return };
                self.citations = self.citations.saturating_add(1);
                self.own_delta(own, about, out, |delta| {
                    delta.array("annotations", |list| {
                        list.put(&citation);
                    });
                });
            }
            Note::Block(own) if own.kind.as_deref() == Some("reasoning_details") => {
                self.own_delta(own, about, out, |delta| {
                    // The reasoning that may stand in them has been said.
                    delta.put("reasoning_content", "").put("reasoning_details", &own.raw);
                });
            }
            _ => {}
        }
    }

    fn finish(&mut self, finish: &Finish, about: &About, out: &mut Out) {
        self.reach(finish.choice, about, out);
        chunk(about, out, |list| {
            list.object(|choice| {
                choice.put("index", finish.choice).object("delta", |_| {});
                choice.put("finish_reason", words::chat(finish, about.source));
            });
        });
    }

    fn error(&mut self, error: &StreamError, about: &About, out: &mut Out) {
        out.json(|payload| {
            if let Some(raw) = about.own_error(error, Format::OpenAiChat) {
                payload.put("error", raw);
                return;
            }
            payload.object("error", |object| {
                object.put("message", &error.message);
                object.put("type", words::error_type(error));
                object.put("param", NULL).put("code", &error.code);
            });
        });
    }

    fn end(&mut self, status: EndStatus, about: &About, out: &mut Out) {
        // The counts come last of all: clients take each chunk's word on them, even a null.
        if about.usage.is_some() {
            out.json(|chunk| {
                head(about, chunk);
                chunk.nothing("choices");
                usage::openai(about, usage::CHAT, chunk);
            });
        }
        if status == EndStatus::Complete {
            out.text("[DONE]");
        }
    }

    fn snapshot(&mut self, open: &[Block], about: &About, out: &mut Out) {
        roles(0..self.choices, about, out);
        let ended = self.calls.iter().map(|(index, call)| (*index, call));
        let begun = open.iter().filter_map(|block| Some((block.choice, block.content.call()?)));
        for (index, call) in ended.chain(begun) {
            chunk(about, out, |list| {
                choice(list, index, |delta| call_begins(delta, call, &call.arguments));
            });
        }
        for finish in about.finishes() {
            self.finish(finish, about, out);
        }
    }

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Executor;

    /// The snapshot after one call whose two bytes of arguments come on top of `bytes`.
    fn snapshot_after(bytes: usize) -> String {
        let mut chat = Chat { calls_bytes: bytes, ..Chat::default() };
        let call = Call {
            id: "c".to_owned(),
            name: "f".to_owned(),
            by: Executor::Client,
            index: 0,
            arguments: "{}".to_owned(),
            complete: true,
            custom: false,
        };
        let block = Block { number: 0, choice: 0, part: 0, content: Content::Call(call) };
        let mut out = Out::default();
        chat.close(&block, &About::default(), &mut out);
        chat.snapshot(&[], &About::default(), &mut out);
        let frames = super::super::Frames::new(&out);
        frames.map(|frame| String::from_utf8_lossy(frame.data).into_owned()).collect()
    }

    #[test]
    fn a_citation_is_numbered_whatever_it_holds() {
        let check = |raw: &str, want: Option<&str>| {
            let got = numbered(&RawJson::from_valid(raw), 7);
            assert_eq!(got.as_ref().map(RawJson::as_str), want);
        };
        check(r#"{"url":"u"}"#, Some(r#"{"index":7,"url":"u"}"#));
        check("{ }", Some(r#"{"index":7 }"#));
        check("[]", None);
    }

    #[test]
    fn a_snapshot_repeats_arguments_up_to_the_bound() {
        assert!(snapshot_after(ENCODER_TEXT_BYTES_MAX - 2).contains(r#""arguments":"{}""#));
        assert!(snapshot_after(ENCODER_TEXT_BYTES_MAX - 1).contains(r#""arguments":"""#));
    }
}
