//! Who appends, and which append it is: what makes a retry harmless.
//!
//! The rules are those of the Durable Streams Protocol, "Idempotent producers", which every log
//! of this workspace keeps: the state is committed together with the data.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::{PRODUCER_ID_BYTES_MAX, PRODUCER_NUMBER_MAX};
use crate::{ErrorClass, Offset};

/// A producer's name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProducerId(Arc<str>);

impl ProducerId {
    /// Takes `text` as a producer's name.
    ///
    /// # Errors
    /// [`ProducerIdError`] if it is empty, longer than [`PRODUCER_ID_BYTES_MAX`] bytes, or holds a
    /// control character.
    pub fn new(text: &str) -> Result<Self, ProducerIdError> {
        let fits = (1..=PRODUCER_ID_BYTES_MAX).contains(&text.len());
        if !fits || text.chars().any(char::is_control) {
            return Err(ProducerIdError);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProducerId {
    type Err = ProducerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Debug for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProducerId({:?})", self.0)
    }
}

/// The text is no producer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a producer id of 1 to {PRODUCER_ID_BYTES_MAX} bytes without control characters")]
pub struct ProducerIdError;

/// One append of one producer in one of its lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Who appends.
    pub id: ProducerId,
    /// Which life of it: raised when a producer starts anew and shuts earlier lives out.
    pub epoch: u64,
    /// Which append of that life, from 0 without gaps.
    pub seq: u64,
}

/// What a log remembers of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    /// Its newest life.
    pub epoch: u64,
    /// The last append of that life.
    pub seq: u64,
    /// The first record of the last append.
    pub first: Offset,
    /// The offset after its last record.
    pub next: Offset,
}

/// What to do with an append that carries a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is new: append it.
    Append,
    /// It was appended before: answer as then, append nothing.
    Duplicate,
}

impl Producer {
    /// Judges this append by what the log remembers of the producer.
    ///
    /// # Errors
    /// [`ProducerError`] if the producer is fenced, leaves a gap, or starts a life in its middle.
    pub fn judge(&self, state: Option<&ProducerState>) -> Result<Verdict, ProducerError> {
        if self.epoch > PRODUCER_NUMBER_MAX || self.seq > PRODUCER_NUMBER_MAX {
            return Err(ProducerError::OutOfRange);
        }
        match state {
            Some(state) if self.epoch < state.epoch => {
                Err(ProducerError::Fenced { current: state.epoch })
            }
            Some(state) if self.epoch == state.epoch => self.judge_seq(state),
            _ if self.seq == 0 => Ok(Verdict::Append),
            Some(_) => Err(ProducerError::EpochStart { received: self.seq }),
            None => Err(ProducerError::Gap { expected: 0, received: self.seq }),
        }
    }

    fn judge_seq(&self, state: &ProducerState) -> Result<Verdict, ProducerError> {
        let expected = state.seq.saturating_add(1);
        match self.seq {
            seq if seq <= state.seq => Ok(Verdict::Duplicate),
            seq if seq == expected => Ok(Verdict::Append),
            received => Err(ProducerError::Gap { expected, received }),
        }
    }
}

/// Why a producer's append was refused; nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// A newer life of this producer has appended.
    #[error("producer fenced by epoch {current}")]
    Fenced {
        /// The newest epoch.
        current: u64,
    },
    /// An append before this one is missing.
    #[error("expected producer sequence {expected}, received {received}")]
    Gap {
        /// The next one in order.
        expected: u64,
        /// The one that came.
        received: u64,
    },
    /// A new life does not start with sequence 0.
    #[error("expected a new producer epoch to start at sequence 0, received {received}")]
    EpochStart {
        /// The one that came.
        received: u64,
    },
    /// A number is larger than [`PRODUCER_NUMBER_MAX`].
    #[error("expected producer numbers of at most {PRODUCER_NUMBER_MAX}")]
    OutOfRange,
}

impl ProducerError {
    /// What kind of failure it is.
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Fenced { .. } => ErrorClass::Fenced,
            Self::Gap { .. } => ErrorClass::Conflict,
            Self::EpochStart { .. } | Self::OutOfRange => ErrorClass::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        state: Option<(u64, u64)>,
        (epoch, seq): (u64, u64),
        want: Result<Verdict, ProducerError>,
    ) {
        let at = Offset::ZERO;
        let state = state.map(|(epoch, seq)| ProducerState { epoch, seq, first: at, next: at });
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch, seq };
        assert_eq!(producer.judge(state.as_ref()), want);
    }

    #[test]
    fn the_protocol_s_table() {
        check(None, (0, 0), Ok(Verdict::Append));
        check(None, (5, 0), Ok(Verdict::Append));
        check(None, (0, 1), Err(ProducerError::Gap { expected: 0, received: 1 }));
        check(Some((1, 3)), (1, 4), Ok(Verdict::Append));
        check(Some((1, 3)), (1, 3), Ok(Verdict::Duplicate));
        check(Some((1, 3)), (1, 0), Ok(Verdict::Duplicate));
        check(Some((1, 3)), (1, 5), Err(ProducerError::Gap { expected: 4, received: 5 }));
        check(Some((1, 3)), (2, 0), Ok(Verdict::Append));
        check(Some((1, 3)), (2, 1), Err(ProducerError::EpochStart { received: 1 }));
        check(Some((1, 3)), (0, 4), Err(ProducerError::Fenced { current: 1 }));
    }

    #[test]
    fn numbers_beyond_json_are_refused() {
        check(None, (PRODUCER_NUMBER_MAX, 0), Ok(Verdict::Append));
        check(None, (PRODUCER_NUMBER_MAX + 1, 0), Err(ProducerError::OutOfRange));
    }

    #[test]
    fn names_have_bounds() {
        assert!(ProducerId::new(&"p".repeat(PRODUCER_ID_BYTES_MAX)).is_ok());
        for bad in [String::new(), "p".repeat(PRODUCER_ID_BYTES_MAX + 1), "a\nb".to_owned()] {
            assert_eq!(ProducerId::new(&bad), Err(ProducerIdError));
        }
    }
}
