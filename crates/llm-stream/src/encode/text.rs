//! Plain text: the answer and nothing else.

use super::about::About;
use super::frame::Out;
use super::target::{Block, Target};
use crate::event::{EndStatus, StreamError};

/// Writes the text of the first choice.
#[derive(Debug, Clone, Default)]
pub(super) struct Text;

impl Target for Text {
    fn begin(&mut self, _about: &About, _out: &mut Out) {}

    fn open(&mut self, _block: &Block, _about: &About, _out: &mut Out) {}

    fn append(&mut self, _block: &Block, text: &str, _about: &About, out: &mut Out) {
        out.text(text);
    }

    fn close(&mut self, _block: &Block, _about: &About, _out: &mut Out) {}

    fn error(&mut self, _error: &StreamError, _about: &About, _out: &mut Out) {}

    fn end(&mut self, _status: EndStatus, _about: &About, _out: &mut Out) {}

    fn boxed_clone(&self) -> Box<dyn Target> {
        Box::new(self.clone())
    }
}
