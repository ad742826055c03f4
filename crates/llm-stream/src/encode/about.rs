//! What is known of a stream as a whole, whatever it is written as.

use std::borrow::Cow;

use crate::event::{Finish, Identity, RawJson, Start, StreamError, Usage};
use crate::format::Format;

/// The names, the endings, the costs and the last error of a stream, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// What the caller named the stream.
    stream: Option<String>,
    /// What the provider named the generation.
    id: Option<String>,
    model: Option<String>,
    created: Option<u64>,
    /// The format that the stream was decoded from.
    pub(super) source: Option<Format>,
    finishes: Vec<Finish>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<StreamError>,
}

impl About {
    pub(super) fn set_stream(&mut self, id: String) {
        self.stream = Some(id).filter(|id| !id.is_empty());
    }

    /// Takes what a generation says of itself first.
    pub(super) fn start(&mut self, start: &Start) {
        self.source = start.format.or(self.source);
        self.created = start.created.or(self.created);
        self.id = start.id.clone().or(self.id.take());
        self.model = start.model.clone().or(self.model.take());
        self.finishes.clear();
    }

    /// Takes what a generation says of itself later.
    pub(super) fn identity(&mut self, identity: &Identity) {
        self.id = identity.id.clone().or(self.id.take());
        self.model = identity.model.clone().or(self.model.take());
    }

    /// Takes the end of a choice.
    pub(super) fn finish(&mut self, finish: &Finish) {
        self.finishes.retain(|known| known.choice != finish.choice);
        self.finishes.push(finish.clone());
    }

    /// What the ids of things without one are made from.
    pub(super) fn stream(&self) -> &str {
        self.stream.as_deref().or(self.id.as_deref()).unwrap_or("stream")
    }

    /// The provider's id of the generation, or one made from the stream's.
    pub(super) fn id(&self, prefix: &str) -> Cow<'_, str> {
        let own = self.id.as_deref().map(Cow::Borrowed);
        own.unwrap_or_else(|| Cow::Owned(format!("{prefix}{}", self.stream())))
    }

    /// The model, empty if it is unknown.
    pub(super) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    /// When the generation began, in Unix time; 0 if it is unknown.
    pub(super) fn created(&self) -> u64 {
        self.created.unwrap_or(0)
    }

    /// The provider's own error, where it has the form that its clients read: an object.
    pub(super) fn own_error<'a>(
        &self,
        error: &'a StreamError,
        native: Format,
    ) -> Option<&'a RawJson> {
        let is_native = self.source == Some(native);
        error.raw.as_ref().filter(|raw| is_native && raw.as_str().starts_with('{'))
    }

    /// How the first choice ended, if it did.
    pub(super) fn first_finish(&self) -> Option<&Finish> {
        self.finishes.iter().find(|finish| finish.choice == 0)
    }

    /// How each choice ended that did.
    pub(super) fn finishes(&self) -> &[Finish] {
        &self.finishes
    }
}
