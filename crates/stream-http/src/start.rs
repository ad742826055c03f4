//! Where a request starts to read, as the log understands it.

use stream_log::{ReadFrom, TailState};
use stream_protocol::subscribe::StartAt;

/// The log's word for where a reader starts, with `unsaid` for one that does not say.
pub(crate) fn read_from(start: StartAt, unsaid: ReadFrom) -> ReadFrom {
    match start {
        StartAt::Unsaid => unsaid,
        StartAt::Earliest => ReadFrom::Earliest,
        StartAt::Latest => ReadFrom::Latest,
        StartAt::Offset(offset) => ReadFrom::Offset(offset),
        StartAt::Token(token) => ReadFrom::Position(token.position()),
    }
}

/// Whether a reader that comes back has everything of a stream that is over.
///
/// It is answered 204, which ends an `EventSource` (WHATWG HTML 9.2.3).
pub(crate) fn has_everything(start: StartAt, state: &TailState) -> bool {
    match start {
        StartAt::Token(token) => state.closed && token.position() == state.position(),
        _ => false,
    }
}
