//! Anthropic Messages: content blocks by number, each begun and ended.

use super::about::About;
use super::frame::Out;
use super::object::{NULL, Object};
use super::target::{Block, Call, Content, Note, Target};
use super::{usage, words};
use crate::event::{EndStatus, ErrorKind, Executor, RawJson, StreamError, write_string};
use crate::format::Format;

/// Writes the events of one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Anthropic {
    /// How many blocks have begun.
    blocks: u32,
    /// The last provider's block whose beginning has been written.
    opaque: Option<u32>,
}

/// The key under which arguments that are no object lie in the object that they must be.
const FREE_TEXT_KEY: &str = "input";

fn block_starts(number: u32, out: &mut Out, block: impl FnOnce(&mut Object<'_>)) {
    out.named("content_block_start", |event| {
        event.put("index", number).object("content_block", block);
    });
}

fn delta(number: u32, kind: &str, out: &mut Out, fill: impl FnOnce(&mut Object<'_>)) {
    out.named("content_block_delta", |event| {
        event.put("index", number).object("delta", |delta| {
            delta.put("type", kind);
            fill(delta);
        });
    });
}

fn block_stops(number: u32, out: &mut Out) {
    out.named("content_block_stop", |event| {
        event.put("index", number);
    });
}

fn empty_text(block: &mut Object<'_>) {
    block.put("type", "text").put("text", "");
}

/// Whether a call's arguments are known to be, or not to be, an object; `None` of blanks.
fn is_object(arguments: &str) -> Option<bool> {
    arguments.trim_ascii_start().chars().next().map(|first| first == '{')
}

/// The next piece of a call's arguments as a piece of an object; all of them include `text`.
fn arguments_piece(call: &Call, text: &str) -> Option<String> {
    let before = call.arguments.len().saturating_sub(text.len());
    let was_known = call.arguments.get(..before).and_then(is_object).is_some();
    match (is_object(&call.arguments)?, was_known) {
        (true, true) => Some(text.to_owned()),
        (true, false) => Some(call.arguments.clone()),
        (false, true) => Some(escaped(text)),
        (false, false) => Some(format!("{{\"{FREE_TEXT_KEY}\":\"{}", escaped(&call.arguments))),
    }
}

/// `text` as the inside of a JSON string.
fn escaped(text: &str) -> String {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut quoted);
    let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    String::from_utf8_lossy(inside).into_owned()
}

fn message_start(placeholders: u32, about: &About, out: &mut Out) {
    out.named("message_start", |event| {
        event.object("message", |message| {
            message.put("id", &*about.id("msg_")).put("type", "message");
            message.put("role", "assistant").put("model", about.model());
            message.array("content", |content| {
                for _ in 0..placeholders {
                    content.object(empty_text);
                }
            });
            message.put("stop_reason", NULL).put("stop_sequence", NULL);
            usage::anthropic(about, message);
        });
    });
}

impl Anthropic {
    fn opaque(&mut self, block: &Block, raw: &RawJson, out: &mut Out) {
        let begins = matches!(block.content, Content::Opaque) && self.opaque != Some(block.number);
        if begins {
            self.opaque = Some(block.number);
            out.named("content_block_start", |event| {
                event.put("index", block.number).put("content_block", raw);
            });
        } else {
            out.named("content_block_delta", |event| {
                event.put("index", block.number).put("delta", raw);
            });
        }
    }
}

impl Target for Anthropic {
    fn begin(&mut self, about: &About, out: &mut Out) {
        message_start(0, about, out);
    }

    fn open(&mut self, block: &Block, _about: &About, out: &mut Out) {
        self.blocks = self.blocks.max(block.number.saturating_add(1));
        match &block.content {
            Content::Text | Content::Refusal => block_starts(block.number, out, empty_text),
            Content::Reasoning => block_starts(block.number, out, |object| {
                object.put("type", "thinking").put("thinking", "").put("signature", "");
            }),
            Content::Call(call) => block_starts(block.number, out, |object| {
                let kind = match call.by {
                    Executor::Client => "tool_use",
                    Executor::Server => "server_tool_use",
                };
                object.put("type", kind).put("id", &call.id).put("name", &call.name);
                object.object("input", |_| {});
            }),
            // Its beginning is the provider's object, which comes next.
            Content::Opaque => {}
        }
    }

    fn append(&mut self, block: &Block, text: &str, _about: &About, out: &mut Out) {
        let (kind, key) = match &block.content {
            Content::Reasoning => ("thinking_delta", "thinking"),
            Content::Call(call) => {
                if let Some(piece) = arguments_piece(call, text) {
                    delta(block.number, "input_json_delta", out, |delta| {
                        delta.put("partial_json", &piece);
                    });
                }
                return;
            }
            _ => ("text_delta", "text"),
        };
        delta(block.number, kind, out, |delta| {
            delta.put(key, text);
        });
    }

    fn close(&mut self, block: &Block, _about: &About, out: &mut Out) {
        if let Content::Call(call) = &block.content
            && is_object(&call.arguments) == Some(false)
        {
            delta(block.number, "input_json_delta", out, |delta| {
                delta.put("partial_json", "\"}");
            });
        }
        block_stops(block.number, out);
    }

    fn note(&mut self, note: Note<'_>, block: Option<&Block>, about: &About, out: &mut Out) {
        let Some(block) = block else { return };
        let is_native = about.source == Some(Format::Anthropic);
        match note {
            Note::Signature(signature) if matches!(block.content, Content::Reasoning) => {
                delta(block.number, "signature_delta", out, |delta| {
                    delta.put("signature", signature);
                });
            }
            Note::Citation(citation) if is_native && matches!(block.content, Content::Text) => {
                delta(block.number, "citations_delta", out, |delta| {
                    delta.put("citation", &citation.raw);
                });
            }
            Note::Block(own) if is_native => self.opaque(block, &own.raw, out),
            _ => {}
        }
    }

    fn error(&mut self, error: &StreamError, about: &About, out: &mut Out) {
        out.named("error", |event| {
            if let Some(raw) = about.own_error(error, Format::Anthropic) {
                event.put("error", raw);
                return;
            }
            event.object("error", |object| {
                object.put("type", words::error_type(error)).put("message", &error.message);
            });
        });
    }

    fn end(&mut self, status: EndStatus, about: &About, out: &mut Out) {
        let finish = about.first_finish();
        let word = finish.and_then(|finish| words::anthropic(finish, about.source));
        let nameless = finish.filter(|_| word.is_none() && about.error.is_none());
        if let Some(finish) = nameless {
            let message = format!("the provider ended the message: {}", finish.provider_reason);
            self.error(&StreamError::new(ErrorKind::Server, message), about, out);
        }
        out.named("message_delta", |event| {
            event.object("delta", |delta| {
                delta.put("stop_reason", word.filter(|_| status == EndStatus::Complete));
                delta.put("stop_sequence", finish.and_then(|f| f.stop_sequence.as_deref()));
                let is_native = about.source == Some(Format::Anthropic);
                let details = finish.and_then(|finish| finish.details.as_ref());
                delta.put_some("stop_details", details.filter(|_| is_native));
            });
            usage::anthropic(about, event);
        });
        if status == EndStatus::Complete && nameless.is_none() {
            out.named("message_stop", |_| {});
        }
    }

    fn snapshot(&mut self, open: &[Block], about: &About, out: &mut Out) {
        // Clients count the blocks, so those that are over are begun again with nothing in them.
        let first = open.first().map_or(self.blocks, |block| block.number);
        message_start(first, about, out);
        for number in first..self.blocks {
            match open.iter().find(|block| block.number == number) {
                Some(block) => self.reopen(block, about, out),
                None => {
                    block_starts(number, out, empty_text);
                    block_stops(number, out);
                }
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}
