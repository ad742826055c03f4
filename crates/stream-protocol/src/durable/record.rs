//! How a stream lies in its log: one record that describes it, then one for each append.

use bytes::{BufMut, Bytes};
use serde::{Deserialize, Serialize};

use super::{ContentType, Lifetime, StreamOffset};

/// Begins an append that came before any `Stream-Seq`.
const PLAIN: u8 = 0;
/// Begins an append that carries the newest `Stream-Seq`: its length in two bytes, then itself.
const WITH_SEQ: u8 = 1;

/// What a stream is, as its creation fixed it: the first record of its log, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What its appends hold.
    pub content_type: ContentType,
    /// When it expires.
    pub lifetime: Lifetime,
    /// The first half of the tokens of its own appends; later than that of its source.
    pub life: u64,
    /// The epoch of its log when that was made; `None` in streams that never say it.
    ///
    /// A log that has another one since has lost appends: see [`life_in`](Self::life_in).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Where it comes from, if it is a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
}

/// Where a fork comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The source's path.
    pub source: String,
    /// The source's life: another stream at its path is not the source.
    pub source_life: u64,
    /// How many appends it shares with its source.
    pub at: u64,
    /// How many bytes or messages of the next one it has taken as its own first append.
    pub sub_offset: u64,
    /// How many sources it has, and these have, down to a stream that is no fork.
    pub depth: u32,
}

impl Description {
    /// The record.
    pub fn encode(&self) -> Bytes {
        // Serialisation fails for maps with odd keys and for broken writers; there are neither.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Reads the record.
    ///
    /// # Errors
    /// [`RecordError`] if it was written by something else.
    pub fn decode(record: &[u8]) -> Result<Self, RecordError> {
        serde_json::from_slice(record).map_err(|_| RecordError)
    }

    /// How many appends before the stream's own belong to its source.
    pub fn base(&self) -> u64 {
        self.fork.as_ref().map_or(0, |fork| fork.at)
    }

    /// The same stream in the epoch that its log has now: the life moves as the epoch did, so that
    /// tokens of appends that were lost mean nothing any more.
    #[must_use]
    pub fn life_in(&self, epoch: u64) -> u64 {
        let moved = self.epoch.map_or(0, |made_in| epoch.wrapping_sub(made_in));
        self.life.wrapping_add(moved)
    }

    /// The position after `number` appends in the life `life`, of which the last is the stream's own; `None` if that
    /// one belongs to its source.
    pub fn own_offset(&self, life: u64, number: u64) -> Option<StreamOffset> {
        (number == 0 || number > self.base()).then(|| StreamOffset::new(life, number))
    }
}

/// An append as a record: what it adds, and the newest `Stream-Seq` up to it, so that the last
/// record of a log tells it.
pub fn encode_append(seq: Option<&[u8]>, piece: &[u8]) -> Bytes {
    let seq = seq.and_then(|seq| Some((u16::try_from(seq.len()).ok()?, seq)));
    // Just as long as it will be, so that it is not moved or held together by more memory.
    let head_bytes = seq.map_or(1, |(_, seq)| 3 + seq.len());
    let mut record = Vec::with_capacity(head_bytes + piece.len());
    match seq {
        None => record.put_u8(PLAIN),
        Some((length, seq)) => {
            record.put_u8(WITH_SEQ);
            record.put_u16(length);
            record.put_slice(seq);
        }
    }
    record.put_slice(piece);
    record.into()
}

/// The newest `Stream-Seq` and what the append added.
///
/// # Errors
/// [`RecordError`] if the record was written by something else.
pub fn decode_append(record: &Bytes) -> Result<(Option<Bytes>, Bytes), RecordError> {
    let (kind, rest) = record.split_first().ok_or(RecordError)?;
    match *kind {
        PLAIN => Ok((None, record.slice_ref(rest))),
        WITH_SEQ => {
            let (length, rest) = rest.split_first_chunk().ok_or(RecordError)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (seq, piece) = rest.split_at_checked(length).ok_or(RecordError)?;
            Ok((Some(record.slice_ref(seq)), record.slice_ref(piece)))
        }
        _ => Err(RecordError),
    }
}

/// The record is none of a durable stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a record of a durable stream")]
pub struct RecordError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_append_reads_back(seq: Option<Vec<u8>>, piece: Vec<u8>) {
            let record = encode_append(seq.as_deref(), &piece);
            let (read_seq, read_piece) = decode_append(&record).unwrap();
            prop_assert_eq!(read_seq.as_deref(), seq.as_deref());
            prop_assert_eq!(read_piece, piece);
        }

        #[test]
        fn no_record_makes_it_panic(record: Vec<u8>) {
            let record = Bytes::from(record);
            if let Ok((seq, piece)) = decode_append(&record) {
                prop_assert_eq!(encode_append(seq.as_deref(), &piece), record);
            }
        }
    }

    #[test]
    fn a_description_reads_back() {
        let at = time::macros::datetime!(2026-01-02 03:04:05.678 UTC);
        for lifetime in [Lifetime::Unlimited, Lifetime::Ttl(5), Lifetime::ExpiresAt(at)] {
            let fork = Fork {
                source: "a/b".to_owned(),
                source_life: u64::MAX,
                at: 7,
                sub_offset: 1,
                depth: 1,
            };
            for fork in [None, Some(fork)] {
                let content_type = ContentType::parse("Text/Plain; charset=utf-8").unwrap();
                let description =
                    Description { content_type, lifetime, life: 9, epoch: Some(3), fork };
                let read = Description::decode(&description.encode()).unwrap();
                assert_eq!(read, description);
                assert_eq!(read.content_type.as_str(), "Text/Plain; charset=utf-8");
            }
        }
        assert_eq!(Description::decode(b"{}"), Err(RecordError));
    }
}
