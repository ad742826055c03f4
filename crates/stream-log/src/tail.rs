//! Where a log ends, and being told when that changes.

use stream_model::{Epoch, Offset, StreamPosition};
use tokio::sync::watch;

use crate::{ReadError, ReadFrom};

/// How a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailState {
    /// The life of the log.
    pub epoch: Epoch,
    /// The oldest record that is left; the same as `next` if there is none.
    pub earliest: Offset,
    /// The offset that the next record gets.
    pub next: Offset,
    /// Whether no record will follow.
    pub closed: bool,
    /// Whether the log was deleted.
    pub deleted: bool,
}

impl TailState {
    /// The offset at which a read that asks for `from` starts.
    ///
    /// A position is told by a log that has come so far: one beyond the tail is of a log that has
    /// lost records since, and its epoch counts as another one.
    ///
    /// # Errors
    /// [`ReadError`] if there is no such record, or never was.
    pub fn resolve(&self, from: ReadFrom) -> Result<Offset, ReadError> {
        if self.deleted {
            return Err(ReadError::Deleted);
        }
        let asked = match from {
            ReadFrom::Earliest => self.earliest,
            ReadFrom::Latest => self.next,
            ReadFrom::Offset(offset) => offset,
            ReadFrom::Position(position)
                if position.epoch != self.epoch || position.offset > self.next =>
            {
                return Err(ReadError::EpochChanged { asked: position.epoch, current: self.epoch });
            }
            ReadFrom::Position(position) => position.offset,
        };
        if asked > self.next {
            return Err(ReadError::BeyondTail { asked, tail: self.next });
        }
        if asked < self.earliest {
            return Err(ReadError::Trimmed { asked, earliest: self.earliest });
        }
        Ok(asked)
    }

    /// The tail of a new log.
    pub const fn new(epoch: Epoch) -> Self {
        Self { epoch, earliest: Offset::ZERO, next: Offset::ZERO, closed: false, deleted: false }
    }

    /// The tail as a position.
    pub const fn position(&self) -> StreamPosition {
        StreamPosition { epoch: self.epoch, offset: self.next }
    }

    /// Whether no record will ever follow.
    pub const fn is_final(&self) -> bool {
        self.closed || self.deleted
    }
}

/// How a log stood when it was asked, with a way to hear of changes.
#[derive(Debug, Clone)]
pub struct Tail {
    /// How it stood.
    pub state: TailState,
    /// Hears of changes since.
    pub watch: TailWatch,
}

/// Hears of a log's changes, without polling.
#[derive(Debug, Clone)]
pub struct TailWatch(watch::Receiver<TailState>);

impl TailWatch {
    /// How the log stands now.
    pub fn state(&self) -> TailState {
        *self.0.borrow()
    }

    /// Waits until the log stands otherwise than when this was last asked, and says how.
    ///
    /// Many changes may show as one.
    /// `None` once the log is gone for good, and nothing will ever change.
    ///
    /// # Cancel safety
    /// Dropping the future loses no change.
    pub async fn changed(&mut self) -> Option<TailState> {
        self.0.changed().await.ok()?;
        Some(*self.0.borrow_and_update())
    }
}

/// The backend's side: tells every [`TailWatch`] how the log stands.
#[derive(Debug)]
pub struct TailSender(watch::Sender<TailState>);

/// A pair for a backend to keep and to hand out.
pub fn tail_channel(state: TailState) -> (TailSender, TailWatch) {
    let (sender, receiver) = watch::channel(state);
    (TailSender(sender), TailWatch(receiver))
}

impl TailSender {
    /// How the log stands now.
    pub fn state(&self) -> TailState {
        *self.0.borrow()
    }

    /// Tells everybody, if the state is another than before.
    pub fn send(&self, state: TailState) {
        self.0.send_if_modified(|known| std::mem::replace(known, state) != state);
    }

    /// Whether anybody may still hear of changes.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// A watch that has seen the present state.
    pub fn tail(&self) -> Tail {
        let mut receiver = self.0.subscribe();
        let state = *receiver.borrow_and_update();
        Tail { state, watch: TailWatch(receiver) }
    }
}
