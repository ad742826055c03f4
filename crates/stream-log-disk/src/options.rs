//! How a log on disk behaves.

use stream_log::Durability;

use crate::limits::{FRAME_BYTES_MAX, LOGS_MAX, SEGMENT_BYTES, SEGMENT_BYTES_RANGE};
use crate::segment::HEADER_BYTES;

/// How a store on disk behaves; the defaults are what a server wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskOptions {
    segment_bytes: u32,
    durability: Durability,
    logs_max: usize,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, durability: Durability::Disk, logs_max: LOGS_MAX }
    }
}

impl DiskOptions {
    /// Bytes of a segment, 64 KiB to 1 GiB; 64 MiB otherwise.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u32) -> Self {
        let (least, most) = (*SEGMENT_BYTES_RANGE.start(), *SEGMENT_BYTES_RANGE.end());
        self.segment_bytes = bytes.clamp(least, most);
        self
    }

    /// What an append that asks for nothing waits for: [`Durability::Disk`] unless set otherwise,
    /// [`Durability::Os`] at least.
    #[must_use]
    pub fn durability(mut self, class: Durability) -> Self {
        self.durability = class.clamp(Durability::Os, Durability::Disk);
        self
    }

    /// Logs that the store holds; 10 million otherwise.
    #[must_use]
    pub fn logs_max(mut self, logs: usize) -> Self {
        self.logs_max = logs;
        self
    }

    pub(crate) fn segment(&self) -> u32 {
        self.segment_bytes
    }

    pub(crate) fn default_durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn logs(&self) -> usize {
        self.logs_max
    }

    /// Bytes of the longest frame: it must fit into a segment beside the frame that begins it.
    pub(crate) fn frame_bytes_max(&self) -> u32 {
        FRAME_BYTES_MAX.min(self.segment_bytes.saturating_sub(HEADER_BYTES + 256))
    }
}

/// How much room a store's segments take, as far as that is known without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes of all segments, up to the end of the last frame of each.
    pub segment_bytes: u64,
    /// Bytes of payload that logs let go of since segments were last looked through for what can
    /// be given back.
    pub garbage_bytes: u64,
    /// Bytes that compaction gave back since the store was opened.
    pub freed_bytes: u64,
}
