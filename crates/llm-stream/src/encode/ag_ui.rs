//! AG-UI events: one run that speaks one message.

use super::about::About;
use super::frame::Out;
use super::object::Object;
use super::target::{Block, Content, Note, Target};
use super::{usage, words};
use crate::event::{EndStatus, Finish, FinishReason, StreamError};

/// Writes the events of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct AgUi {
    /// The id of the run and of its message, as the first event has it.
    message: String,
}

impl AgUi {
    /// The id of a message of reasoning, which is one of its own.
    fn reasoning(&self, block: &Block) -> String {
        format!("{}-reasoning-{}", self.message, block.number)
    }

    fn run(&self, event: &mut Object<'_>) {
        event.put("threadId", &self.message).put("runId", &self.message);
    }
}

fn counts(about: &About, event: &mut Object<'_>) {
    if let Some(known) = &about.usage {
        event.array("usage", |list| {
            list.object(|counts| {
                let model = Some(about.model()).filter(|model| !model.is_empty());
                counts.put_some("model", model);
                usage::camel_case(known, counts);
            });
        });
    }
}

impl Target for AgUi {
    fn begin(&mut self, about: &About, out: &mut Out) {
        // A snapshot begins the run once more, when the provider may have named it otherwise.
        if self.message.is_empty() {
            about.stream().clone_into(&mut self.message);
        }
        out.typed("RUN_STARTED", |event| self.run(event));
    }

    fn open(&mut self, block: &Block, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Reasoning => {
                let id = self.reasoning(block);
                out.typed("REASONING_START", |event| {
                    event.put("messageId", &id);
                });
                out.typed("REASONING_MESSAGE_START", |event| {
                    event.put("messageId", &id).put("role", "reasoning");
                });
            }
            Content::Call(call) => out.typed("TOOL_CALL_START", |event| {
                event.put("toolCallId", &call.id).put("toolCallName", &call.name);
                event.put("parentMessageId", &self.message);
            }),
            _ => out.typed("TEXT_MESSAGE_START", |event| {
                event.put("messageId", &self.message).put("role", "assistant");
            }),
        }
    }

    fn append(&mut self, block: &Block, text: &str, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Reasoning => out.typed("REASONING_MESSAGE_CONTENT", |event| {
                event.put("messageId", self.reasoning(block)).put("delta", text);
            }),
            Content::Call(call) => out.typed("TOOL_CALL_ARGS", |event| {
                event.put("toolCallId", &call.id).put("delta", text);
            }),
            _ => out.typed("TEXT_MESSAGE_CONTENT", |event| {
                event.put("messageId", &self.message).put("delta", text);
            }),
        }
    }

    fn close(&mut self, block: &Block, _about: &About, out: &mut Out) {
        match &block.content {
            Content::Reasoning => {
                for kind in ["REASONING_MESSAGE_END", "REASONING_END"] {
                    out.typed(kind, |event| {
                        event.put("messageId", self.reasoning(block));
                    });
                }
            }
            Content::Call(call) => out.typed("TOOL_CALL_END", |event| {
                event.put("toolCallId", &call.id);
            }),
            _ => out.typed("TEXT_MESSAGE_END", |event| {
                event.put("messageId", &self.message);
            }),
        }
    }

    fn note(&mut self, note: Note<'_>, block: Option<&Block>, about: &About, out: &mut Out) {
        match note {
            Note::Signature(signature) => {
                let reasoning = block.filter(|block| matches!(block.content, Content::Reasoning));
                if let Some(block) = reasoning {
                    out.typed("REASONING_ENCRYPTED_VALUE", |event| {
                        event.put("subtype", "message").put("entityId", self.reasoning(block));
                        event.put("encryptedValue", signature);
                    });
                }
            }
            Note::Raw(own) => out.typed("RAW", |event| {
                event.put("event", &own.raw);
                event.put_some("source", about.source.map(crate::format::Format::as_str));
            }),
            Note::Custom(kind, fields) => out.typed("CUSTOM", |event| {
                event.put("name", kind).put("value", fields);
            }),
            Note::Citation(_) | Note::Block(_) | Note::Logprobs(_) => {}
        }
    }

    fn error(&mut self, error: &StreamError, _about: &About, out: &mut Out) {
        // An error of the run would have to be its last event, and more may follow.
        out.typed("CUSTOM", |event| {
            event.put("name", "error").object("value", |value| {
                value.put("message", &error.message).put("code", words::error_type(error));
            });
        });
    }

    fn end(&mut self, status: EndStatus, about: &About, out: &mut Out) {
        let finish = about.first_finish();
        let is_error = |finish: &Finish| finish.reason == FinishReason::Error;
        if status == EndStatus::Complete && !finish.is_some_and(is_error) {
            out.typed("RUN_FINISHED", |event| {
                self.run(event);
                if let Some(finish) = finish {
                    event.object("result", |result| {
                        result.put("finishReason", words::ai_sdk(finish));
                    });
                }
                counts(about, event);
            });
            return;
        }
        out.typed("RUN_ERROR", |event| {
            let error = about.error.as_ref();
            let message = error.map(|error| error.message.as_str());
            let reason = finish.map(|finish| finish.provider_reason.as_str());
            event.put("message", message.or(reason).unwrap_or_default());
            event.put_some("code", error.map(words::error_type));
            counts(about, event);
        });
    }

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}
