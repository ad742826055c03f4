//! The Vercel AI SDK's UI message stream, version 1.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::about::About;
use super::frame::Out;
use super::object::Object;
use super::target::{Block, Call, Content, Note, Target};
use super::{usage, words};
use crate::event::{EndStatus, Executor, Opaque, RawJson, StreamError};
use crate::format::Format;
use crate::stats::STATISTICS;

/// Writes the chunks of one message with one step.
#[derive(Debug, Clone, Default)]
pub(super) struct AiSdk {
    sources: u32,
    /// The ids of the calls that the provider runs, whose results it may tell.
    server_calls: Vec<String>,
}

/// Where a citation points, in any provider's form.
#[derive(Debug, Deserialize)]
struct Source {
    url: Option<String>,
    title: Option<String>,
    url_citation: Option<Box<Source>>,
}

/// The result of a call that the provider ran, in Anthropic's form.
#[derive(Debug, Deserialize)]
struct CallResult {
    tool_use_id: String,
    content: Box<RawValue>,
}

/// The id of a block of text or reasoning.
fn id(block: &Block) -> String {
    format!("part-{}", block.number)
}

/// What the chunks of a block of text or reasoning are called: of its beginning, a piece, its end.
fn kinds(block: &Block) -> [&'static str; 3] {
    match block.content {
        Content::Reasoning => ["reasoning-start", "reasoning-delta", "reasoning-end"],
        _ => ["text-start", "text-delta", "text-end"],
    }
}

fn call_head(call: &Call, chunk: &mut Object<'_>) {
    chunk.put("toolCallId", &call.id).put("toolName", &call.name);
    let by_provider = call.by == Executor::Server;
    chunk.put_some("providerExecuted", by_provider.then_some(true));
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

impl AiSdk {
    fn start(about: &About, out: &mut Out) {
        out.typed("start", |chunk| {
            chunk.put("messageId", about.stream());
        });
    }

    fn cite(&mut self, citation: &Opaque, out: &mut Out) {
        let Ok(Source { url, title, url_citation }) = citation.raw.parse() else { return };
        let nested = url_citation.map(|nested| (nested.url, nested.title));
        let (nested_url, nested_title) = nested.unwrap_or_default();
        let Some(url) = url.or(nested_url) else { return };
        out.typed("source-url", |chunk| {
            chunk.put("sourceId", format!("source-{}", self.sources)).put("url", url);
            chunk.put_some("title", title.or(nested_title));
        });
        self.sources = self.sources.saturating_add(1);
    }

    fn call_result(&self, block: &Opaque, out: &mut Out) {
        let Ok(CallResult { tool_use_id, content }) = block.raw.parse() else { return };
        if self.server_calls.contains(&tool_use_id) {
            out.typed("tool-output-available", |chunk| {
                chunk.put("toolCallId", tool_use_id);
                chunk.put("output", RawJson::from_valid(content.get()));
                chunk.put("providerExecuted", true);
            });
        }
    }

    fn close_call(&mut self, call: &Call, out: &mut Out) {
        if call.by == Executor::Server {
            self.server_calls.push(call.id.clone());
        }
        let kind = if call.complete { "tool-input-available" } else { "tool-input-error" };
        out.typed(kind, |chunk| {
            call_head(call, chunk);
            if call.complete && !call.custom && is_json(&call.arguments) {
                chunk.put("input", RawJson::from_valid(&*call.arguments));
            } else {
                chunk.put("input", &call.arguments);
            }
            let error = (!call.complete).then_some("the arguments were cut off");
            chunk.put_some("errorText", error);
        });
    }
}

impl Target for AiSdk {
    fn begin(&mut self, about: &About, out: &mut Out) {
        Self::start(about, out);
        out.typed("start-step", |_| {});
    }

    fn open(&mut self, block: &Block, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Call(call) => out.typed("tool-input-start", |chunk| call_head(call, chunk)),
            _ => out.typed(kinds(block)[0], |chunk| {
                chunk.put("id", id(block));
            }),
        }
    }

    fn append(&mut self, block: &Block, text: &str, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Call(call) => out.typed("tool-input-delta", |chunk| {
                chunk.put("toolCallId", &call.id).put("inputTextDelta", text);
            }),
            _ => out.typed(kinds(block)[1], |chunk| {
                chunk.put("id", id(block)).put("delta", text);
            }),
        }
    }

    fn close(&mut self, block: &Block, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Call(call) => self.close_call(call, out),
            _ => out.typed(kinds(block)[2], |chunk| {
                chunk.put("id", id(block));
            }),
        }
    }

    fn note(&mut self, note: Note<'_>, block: Option<&Block>, about: &About, out: &mut Out) {
        let reasoning = block.filter(|block| matches!(block.content, Content::Reasoning));
        match (note, reasoning) {
            (Note::Signature(signature), Some(block))
                if about.source == Some(Format::Anthropic) =>
            {
                out.typed("reasoning-delta", |chunk| {
                    chunk.put("id", id(block)).put("delta", "");
                    chunk.object("providerMetadata", |metadata| {
                        metadata.object("anthropic", |own| {
                            own.put("signature", signature);
                        });
                    });
                });
            }
            (Note::Citation(citation), _) => self.cite(citation, out),
            (Note::Block(block), _) => self.call_result(block, out),
            (Note::Custom(STATISTICS, fields), _) => {
                out.typed("message-metadata", |chunk| {
                    chunk.object("messageMetadata", |metadata| {
                        metadata.put(STATISTICS, fields);
                    });
                });
            }
            (Note::Custom(kind, fields), _) if !kind.is_empty() => {
                out.typed(&format!("data-{kind}"), |chunk| {
                    chunk.put("data", fields);
                });
            }
            _ => {}
        }
    }

    fn restart(&mut self, _about: &About, out: &mut Out) {
        self.server_calls.clear();
        out.typed("reset-step", |_| {});
    }

    fn error(&mut self, error: &StreamError, _about: &About, out: &mut Out) {
        out.typed("error", |chunk| {
            chunk.put("errorText", &error.message);
        });
    }

    fn end(&mut self, status: EndStatus, about: &About, out: &mut Out) {
        out.typed("finish-step", |_| {});
        out.typed("finish", |chunk| {
            let reason = match status {
                EndStatus::Complete => about.first_finish().map(words::ai_sdk),
                EndStatus::Failed | EndStatus::Incomplete => Some("error"),
            };
            chunk.put_some("finishReason", reason);
            let model = Some(about.model()).filter(|model| !model.is_empty());
            if model.is_some() || about.usage.is_some() {
                chunk.object("messageMetadata", |metadata| {
                    metadata.put_some("model", model);
                    if let Some(known) = &about.usage {
                        metadata.object("usage", |counts| usage::camel_case(known, counts));
                    }
                });
            }
        });
        out.text("[DONE]");
    }

    fn snapshot(&mut self, open: &[Block], about: &About, out: &mut Out) {
        // A client that still has the message goes on in its step, and loses no call in it.
        Self::start(about, out);
        for block in open {
            self.reopen(block, about, out);
        }
    }

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}
