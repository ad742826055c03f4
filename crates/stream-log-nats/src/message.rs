//! One message of a log: what was appended together, and how the log stands after it.
//!
//! A message says which one it follows, so that a reader knows when one is missing, and carries an
//! id, so that a writer that never heard an answer finds its own again.

use bytes::Bytes;
use stream_log::Record;
use stream_model::{Offset, Producer, ProducerId, ProducerState};
use time::OffsetDateTime;

use crate::head::{Head, Stub};
use stream_log::codec::{Reader, narrow, put_bytes, put_time, put_varint, widen};

/// The first byte of every message; another format has another.
const FORMAT: u8 = 2;

/// A message by its number, which another one may get if it is lost, and its id, which none gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) at: u64,
    pub(crate) id: u64,
}

impl Link {
    /// No message: what the first one of a log follows.
    pub(crate) const NONE: Self = Self { at: 0, id: 0 };
}

/// What was appended together by one caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) time: OffsetDateTime,
    pub(crate) producer: Option<Producer>,
    pub(crate) records: Vec<Bytes>,
}

/// A message of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Which message it is, whatever its number turns out to be.
    pub(crate) id: u64,
    /// The message before it.
    pub(crate) after: Link,
    /// The history of its stream that whoever wrote it knew; 0 before it is written.
    pub(crate) history: u64,
    /// How the log stands after it.
    pub(crate) head: Head,
    pub(crate) batches: Vec<Batch>,
    /// All producers, the one that appended longest ago first; none unless they are written down.
    pub(crate) producers: Vec<(ProducerId, ProducerState)>,
}

impl Message {
    /// A message that appends nothing.
    pub(crate) fn bare(id: u64, after: Link, head: Head) -> Self {
        Self { id, after, history: 0, head, batches: Vec::new(), producers: Vec::new() }
    }

    /// The offset of its first record, or of the one that would come next.
    pub(crate) fn first(&self) -> Offset {
        let records: usize = self.batches.iter().map(|batch| batch.records.len()).sum();
        Offset::new(self.head.state.next.get().saturating_sub(widen(records)))
    }

    /// Its records, those that were trimmed since among them.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let records = self
            .batches
            .iter()
            .flat_map(|batch| batch.records.iter().map(|payload| (batch.time, payload.clone())));
        let offsets = self.first().get()..;
        offsets.zip(records).map(|(offset, (timestamp, payload))| Record {
            offset: Offset::new(offset),
            timestamp,
            payload,
        })
    }

    /// Its records without their payloads; `at` is its number.
    pub(crate) fn stubs(&self, at: u64) -> impl Iterator<Item = Stub> + '_ {
        let bytes: usize =
            self.batches.iter().flat_map(|batch| &batch.records).map(Bytes::len).sum();
        let mut before = self.head.bytes_ever.saturating_sub(widen(bytes));
        self.records().map(move |record| {
            let bytes_before = before;
            before = before.saturating_add(widen(record.payload.len()));
            Stub { offset: record.offset, at, time: record.timestamp, bytes_before }
        })
    }

    /// What each of its producers appended last, in the order of its batches.
    pub(crate) fn appended(&self) -> impl Iterator<Item = (ProducerId, ProducerState)> + '_ {
        let mut next = self.first();
        self.batches.iter().filter_map(move |batch| {
            let first = next;
            next = next.plus(widen(batch.records.len()));
            let Producer { id, epoch, seq } = batch.producer.clone()?;
            Some((id, ProducerState { epoch, seq, first, next }))
        })
    }

    pub(crate) fn encode(&self) -> Bytes {
        let payload: usize =
            self.batches.iter().flat_map(|batch| &batch.records).map(Bytes::len).sum();
        let mut out = Vec::with_capacity(payload + 512);
        out.push(FORMAT);
        out.extend_from_slice(&self.id.to_le_bytes());
        put_varint(&mut out, self.after.at);
        out.extend_from_slice(&self.after.id.to_le_bytes());
        put_varint(&mut out, self.history);
        self.head.put(&mut out);
        put_varint(&mut out, widen(self.producers.len()));
        for (id, state) in &self.producers {
            put_bytes(&mut out, id.as_str().as_bytes());
            for number in [state.epoch, state.seq, state.first.get(), state.next.get()] {
                put_varint(&mut out, number);
            }
        }
        put_varint(&mut out, widen(self.batches.len()));
        for batch in &self.batches {
            batch.put(&mut out);
        }
        out.into()
    }

    /// Reads the message with the number `at`; `None` if it is none of ours, or of a version to
    /// come.
    pub(crate) fn decode(bytes: &Bytes, at: u64) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.u8()? != FORMAT {
            return None;
        }
        let id = reader.u64()?;
        let after = Link { at: reader.varint()?, id: reader.u64()? };
        let history = reader.varint()?;
        let head = Head::take(&mut reader)?.stored_at(at);
        let producers = many(&mut reader, take_producer)?;
        let batches = many(&mut reader, |reader| Batch::take(reader, bytes))?;
        let message = Self { id, after, history, head, batches, producers };
        reader.0.is_empty().then_some(message)
    }
}

impl Batch {
    fn put(&self, out: &mut Vec<u8>) {
        put_time(out, self.time);
        match &self.producer {
            Some(Producer { id, epoch, seq }) => {
                put_bytes(out, id.as_str().as_bytes());
                put_varint(out, *epoch);
                put_varint(out, *seq);
            }
            // No producer has an empty name.
            None => put_bytes(out, &[]),
        }
        put_varint(out, widen(self.records.len()));
        for record in &self.records {
            put_bytes(out, record);
        }
    }

    fn take(reader: &mut Reader<'_>, whole: &Bytes) -> Option<Self> {
        let time = reader.time()?;
        let producer = match reader.text()? {
            "" => None,
            id => {
                let id = ProducerId::new(id).ok()?;
                Some(Producer { id, epoch: reader.varint()?, seq: reader.varint()? })
            }
        };
        // Payloads are parts of the message, not copies.
        let records = many(reader, |reader| reader.bytes().map(|record| whole.slice_ref(record)))?;
        Some(Self { time, producer, records })
    }
}

fn take_producer(reader: &mut Reader<'_>) -> Option<(ProducerId, ProducerState)> {
    let id = ProducerId::new(reader.text()?).ok()?;
    let (epoch, seq) = (reader.varint()?, reader.varint()?);
    let (first, next) = (Offset::new(reader.varint()?), Offset::new(reader.varint()?));
    Some((id, ProducerState { epoch, seq, first, next }))
}

/// A number, and as many items; each takes a byte at least, so the number cannot lie far.
fn many<'a, T>(
    reader: &mut Reader<'a>,
    mut take: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = narrow(reader.varint()?);
    if count > reader.0.len() {
        return None;
    }
    (0..count).map(|_| take(reader)).collect()
}

#[cfg(test)]
mod tests;
