//! The bounds of a request.

/// Bytes of a published body unless configured otherwise; a larger one is refused as too large.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Events in one published body; more are refused as too large.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;

/// Records on a page of history that names no limit.
pub const PAGE_RECORDS: usize = 100;

/// Records on a page of history; a larger limit is taken as this one.
pub const PAGE_RECORDS_MAX: usize = 1000;
