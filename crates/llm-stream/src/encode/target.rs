//! What a format must be able to write: the one trait that every output format implements.

use std::fmt;

use serde_json::{Map, Value};

use super::about::About;
use super::frame::Out;
use crate::event::{EndStatus, Executor, Finish, Logprobs, Opaque, RawEvent, StreamError};

/// A block between its beginning and its end: a text, some reasoning, a tool call.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// How many blocks of the stream began before it.
    pub(super) number: u32,
    pub(super) choice: u32,
    pub(super) part: u32,
    pub(super) content: Content,
}

/// What a block is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Text,
    Reasoning,
    Refusal,
    Call(Call),
    /// A provider's own block.
    Opaque,
}

/// A tool call that is being written.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) by: Executor,
    /// How many calls of the choice began before it.
    pub(super) index: u32,
    /// What has been written of them.
    pub(super) arguments: String,
    /// Whether the arguments are whole.
    pub(super) complete: bool,
    /// Whether the arguments are free text.
    pub(super) custom: bool,
}

/// Something that only some formats have a place for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Note<'a> {
    Signature(&'a str),
    Citation(&'a Opaque),
    Block(&'a Opaque),
    Logprobs(&'a Logprobs),
    Raw(&'a RawEvent),
    Custom(&'a str, Option<&'a Map<String, Value>>),
}

/// Writes the frames of one format.
///
/// The calls come in an order that any client understands: everything after `begin`, a block's
/// texts between its `open` and its `close`, nothing after `end`.
/// Of the frames that one event becomes, only the last may add text to what a client has: the
/// others begin or end something, and do no harm when they come twice.
pub(super) trait Target: fmt::Debug + Send + Sync {
    /// Begins the stream.
    fn begin(&mut self, about: &About, out: &mut Out);

    /// Begins a block.
    fn open(&mut self, block: &Block, about: &About, out: &mut Out);

    /// Adds text to a block; a call's arguments already include it.
    fn append(&mut self, block: &Block, text: &str, about: &About, out: &mut Out);

    /// Ends a block.
    fn close(&mut self, block: &Block, about: &About, out: &mut Out);

    /// Writes what the format has a place for; of a part, `block` is the open block.
    fn note(&mut self, _note: Note<'_>, _block: Option<&Block>, _about: &About, _out: &mut Out) {}

    /// Ends a choice; more of it may follow.
    fn finish(&mut self, _finish: &Finish, _about: &About, _out: &mut Out) {}

    /// Takes back what has been written, if the format can: another generation begins.
    fn restart(&mut self, _about: &About, _out: &mut Out) {}

    /// Reports an error; more may follow.
    fn error(&mut self, error: &StreamError, about: &About, out: &mut Out);

    /// Ends the stream.
    fn end(&mut self, status: EndStatus, about: &About, out: &mut Out);

    /// Begins the stream again for a client that has seen nothing of it.
    ///
    /// Open calls are repeated whole, because half a call is of no use.
    fn snapshot(&mut self, open: &[Block], about: &About, out: &mut Out) {
        self.begin(about, out);
        for block in open {
            self.reopen(block, about, out);
        }
    }

    /// Begins a block again, with all that has been written of a call.
    fn reopen(&mut self, block: &Block, about: &About, out: &mut Out) {
        self.open(block, about, out);
        if let Content::Call(call) = &block.content
            && !call.arguments.is_empty()
        {
            self.append(block, &call.arguments, about, out);
        }
    }

    /// A copy of the state.
    fn boxed_clone(&self) -> Box<dyn Target>;
}

impl Clone for Box<dyn Target> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

impl Content {
    /// Whether both are the same kind of thing.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The call, if it is one.
    pub(super) fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }
}
