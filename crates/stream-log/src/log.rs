//! What every log promises.

use async_trait::async_trait;
use bytes::Bytes;
use stream_model::Offset;
use time::OffsetDateTime;

use crate::{
    AppendBatch, AppendError, AppendReceipt, ReadBatch, ReadError, ReadFrom, ReadLimit, Tail,
    TrimError,
};

/// An append-only sequence of records, numbered from 0 without gaps.
///
/// # Guarantees
///
/// - Order: every reader sees the same records at the same offsets.
///   A batch lies in one piece.
/// - Safety before acknowledgement: an append answers when its records are as safe as its
///   receipt says, and no reader sees a record that is not.
/// - Retry: an append that carries a [`Producer`](stream_model::Producer) happens once, however
///   often it is sent.
///   Without one, [`AppendError::has_no_side_effects`] tells whether a retry can duplicate.
/// - Gaps are told: a read of a trimmed record, or of another life of the log, is an error and
///   never other data.
///
/// The `conformance` module (feature `conformance`) holds a backend to them.
#[async_trait]
pub trait Log: Send + Sync + std::fmt::Debug {
    /// Appends a batch, all of it or nothing.
    ///
    /// # Errors
    /// [`AppendError`] says whether anything may have been written.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the append: it may or may not happen.
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError>;

    /// Reads consecutive records; at the tail there are none.
    ///
    /// # Errors
    /// [`ReadError`] if the position is trimmed away, of another epoch, or beyond the tail.
    ///
    /// # Cancel safety
    /// A read changes nothing.
    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError>;

    /// Where the log ends, and a way to hear when that changes.
    ///
    /// # Errors
    /// [`ReadError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    async fn tail(&self) -> Result<Tail, ReadError>;

    /// Lets go of the records before `before`; going back is no error and does nothing.
    ///
    /// # Errors
    /// [`TrimError::BeyondTail`] if there is no such record.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the trim.
    async fn trim(&self, before: Offset) -> Result<(), TrimError>;

    /// Takes no more records; closing a closed log does nothing.
    ///
    /// # Errors
    /// [`AppendError`] as for [`append`](Self::append).
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the closing.
    async fn close(&self) -> Result<Tail, AppendError>;
}

/// What follows from the five methods of a [`Log`].
#[async_trait]
pub trait LogExt: Log {
    /// Appends one record.
    ///
    /// # Errors
    /// As [`Log::append`].
    ///
    /// # Cancel safety
    /// As [`Log::append`].
    async fn append_one(
        &self,
        timestamp: OffsetDateTime,
        payload: Bytes,
    ) -> Result<AppendReceipt, AppendError> {
        self.append(AppendBatch::new(timestamp).record(payload)).await
    }

    /// Reads on from `from` up to the present tail, however much that is.
    ///
    /// # Errors
    /// As [`Log::read`].
    ///
    /// # Cancel safety
    /// A read changes nothing.
    async fn read_all(&self, from: ReadFrom) -> Result<ReadBatch, ReadError> {
        let mut all = self.read(from, ReadLimit::default()).await?;
        while all.next < all.tail {
            let more = self.read(ReadFrom::Offset(all.next), ReadLimit::default()).await?;
            all.records.extend(more.records);
            all.next = more.next;
        }
        Ok(all)
    }
}

impl<L: Log + ?Sized> LogExt for L {}
