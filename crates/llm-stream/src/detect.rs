//! Tells a stream's format from its first payloads.

use stream_sse::{Decoded, Decoder};

use crate::decoder::is_blank;
use crate::format::Format;
use crate::limits::DETECT_BYTES_MAX;
use crate::wire::tell;

/// Holds back the first bytes of a stream until they tell its format.
#[derive(Debug, Default)]
pub(crate) struct Detector {
    held: Vec<u8>,
    sse: Option<Box<Decoder>>,
}

impl Detector {
    /// Takes the next bytes and returns the format as soon as it is certain.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Option<Format> {
        let seen = self.held.len();
        self.held.extend_from_slice(chunk);
        let window = self.held.get(..DETECT_BYTES_MAX).unwrap_or(&self.held);
        let news = if self.sse.is_some() {
            window.get(seen..).unwrap_or_default()
        } else {
            match window.iter().find(|byte| !is_blank(**byte))? {
                // One format comes as a JSON array, one as NDJSON.
                b'[' => return Some(Format::Gemini),
                b'{' => return Some(Format::Ollama),
                _ => window,
            }
        };
        let mut events = self.sse.get_or_insert_default().push(news);
        while let Some(item) = events.next() {
            if let Decoded::Event(event) = item
                && let Some(format) = tell(&event.data_str())
            {
                return Some(format);
            }
        }
        None
    }

    /// Whether so many bytes are held back that it must give up.
    pub(crate) fn is_full(&self) -> bool {
        self.held.len() > DETECT_BYTES_MAX
    }

    /// The bytes so far.
    pub(crate) fn held_back(&self) -> &[u8] {
        &self.held
    }
}
