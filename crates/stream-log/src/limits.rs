//! The bounds of what the crate holds in memory.

/// Records that one block of an event log's index sums up.
///
/// A query reads whole blocks, so this is also how many records it may read in vain at each end.
pub const INDEX_BLOCK_RECORDS: usize = 1000;

/// Events that one page of a query holds; who asks for more gets this many and reads on.
pub const EVENT_PAGE_MAX: usize = 10_000;

/// Keys, events or totals that a projection holds; one more is refused, and nothing is dropped.
pub const PROJECTION_ENTRIES_MAX: usize = 1_000_000;
