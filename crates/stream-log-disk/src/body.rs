//! What the body of each kind of frame holds.

use std::time::Duration;

use bytes::Bytes;
use stream_log::{LogConfig, Retention};
use stream_model::{Epoch, Producer, ProducerId};
use time::OffsetDateTime;

use stream_log::codec::{Reader, narrow, put_bytes, put_option, put_signed, put_varint, widen};

const HAS_PRODUCER: u8 = 1;
const CLOSES: u8 = 2;

/// What a batch's body says before the payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchMeta {
    pub(crate) timestamp: OffsetDateTime,
    /// Bytes of payload that the log was ever given before this batch.
    pub(crate) bytes_before: u64,
    pub(crate) producer: Option<Producer>,
    pub(crate) close: bool,
}

/// A batch's body, taken apart.
#[derive(Debug)]
pub(crate) struct BatchBody<'a> {
    pub(crate) meta: BatchMeta,
    /// Bytes of each payload.
    pub(crate) lengths: Lengths<'a>,
    pub(crate) payloads: &'a [u8],
}

/// The lengths of a batch's payloads, as they are written; nothing is kept of them.
#[derive(Debug, Clone)]
pub(crate) struct Lengths<'a>(Reader<'a>);

impl Iterator for Lengths<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.0.varint().map(narrow)
    }
}

/// Appends everything of a batch's body but the payloads.
pub(crate) fn put_batch(out: &mut Vec<u8>, meta: &BatchMeta, records: &[Bytes]) {
    let flags = if meta.producer.is_some() { HAS_PRODUCER } else { 0 };
    out.push(flags | if meta.close { CLOSES } else { 0 });
    put_signed(out, meta.timestamp.unix_timestamp());
    put_varint(out, meta.timestamp.nanosecond().into());
    put_varint(out, meta.bytes_before);
    if let Some(Producer { id, epoch, seq }) = &meta.producer {
        put_bytes(out, id.as_str().as_bytes());
        put_varint(out, *epoch);
        put_varint(out, *seq);
    }
    for record in records {
        put_varint(out, widen(record.len()));
    }
}

/// The second of the batch that was read last.
///
/// Batches follow each other closely, and finding out the date of a second takes longer than
/// everything else that is to be read of a small one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastSecond {
    seconds: i64,
    start: OffsetDateTime,
}

impl Default for LastSecond {
    fn default() -> Self {
        Self { seconds: 0, start: OffsetDateTime::UNIX_EPOCH }
    }
}

impl LastSecond {
    #[inline]
    fn at(&mut self, seconds: i64, nanos: u32) -> Option<OffsetDateTime> {
        if self.seconds != seconds {
            let start = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
            *self = Self { seconds, start };
        }
        self.start.replace_nanosecond(nanos).ok()
    }
}

/// Takes a batch's body of so many records apart; `None` if it has another form.
#[inline]
pub(crate) fn read_batch<'a>(
    body: &'a [u8],
    records: u32,
    last: &mut LastSecond,
) -> Option<BatchBody<'a>> {
    let mut reader = Reader(body);
    let flags = reader.u8()?;
    let seconds = reader.signed()?;
    let [nanos, bytes_before] = reader.varints()?;
    let timestamp = last.at(seconds, u32::try_from(nanos).ok()?)?;
    let producer = match flags & HAS_PRODUCER {
        0 => None,
        _ => Some(Producer {
            id: ProducerId::new(reader.text()?).ok()?,
            epoch: reader.varint()?,
            seq: reader.varint()?,
        }),
    };
    let start = reader.0;
    let mut sum = 0_usize;
    for _ in 0..records {
        sum = sum.checked_add(narrow(reader.varint()?))?;
    }
    let payloads = reader.0;
    let lengths = Lengths(Reader(start.get(..start.len() - payloads.len())?));
    let meta = BatchMeta { timestamp, bytes_before, producer, close: flags & CLOSES != 0 };
    (sum == payloads.len()).then_some(BatchBody { meta, lengths, payloads })
}

/// What a log is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateBody {
    pub(crate) name: String,
    pub(crate) epoch: Epoch,
    pub(crate) config: LogConfig,
}

/// Appends a creation's body.
pub(crate) fn put_create(out: &mut Vec<u8>, create: &CreateBody) {
    out.extend_from_slice(&create.epoch.get().to_le_bytes());
    put_bytes(out, create.name.as_bytes());
    put_config(out, &create.config);
}

/// Reads a creation's body; `None` if it has another form.
pub(crate) fn read_create(body: &[u8]) -> Option<CreateBody> {
    let mut reader = Reader(body);
    let epoch = Epoch::new(reader.u64()?);
    let name = reader.text()?.to_owned();
    let config = read_config(&mut reader)?;
    reader.0.is_empty().then_some(CreateBody { name, epoch, config })
}

/// Appends what a log is created with.
pub(crate) fn put_config(out: &mut Vec<u8>, config: &LogConfig) {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1);
    put_varint(out, config.retention.records_max);
    put_varint(out, config.retention.bytes_max);
    put_option(out, config.retention.age_max.map(nanos));
    put_option(out, config.ttl.map(nanos));
    put_option(out, config.bytes_max);
}

/// Reads what a log is created with; `None` if it has another form.
pub(crate) fn read_config(reader: &mut Reader<'_>) -> Option<LogConfig> {
    let retention = Retention {
        records_max: reader.varint()?,
        bytes_max: reader.varint()?,
        age_max: reader.option()?.map(Duration::from_nanos),
    };
    let ttl = reader.option()?.map(Duration::from_nanos);
    Some(LogConfig { retention, ttl, bytes_max: reader.option()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_batch_reads_back_and_no_part_of_it_does() {
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch: 1, seq: 2 };
        for (producer, close) in [(None, false), (Some(producer), true)] {
            let timestamp = datetime!(1969-12-31 23:59:59.000000001 UTC);
            let meta = BatchMeta { timestamp, bytes_before: 9, producer, close };
            let mut body = Vec::new();
            put_batch(&mut body, &meta, &[Bytes::from_static(b"one"), Bytes::new()]);
            body.extend_from_slice(b"one");
            let read = read_batch(&body, 2, &mut LastSecond::default()).unwrap();
            let lengths: Vec<usize> = read.lengths.collect();
            assert_eq!((read.meta, lengths, read.payloads), (meta, vec![3, 0], &b"one"[..]));
            assert!(
                (0..body.len())
                    .all(|cut| read_batch(&body[..cut], 2, &mut LastSecond::default()).is_none())
            );
        }
    }

    #[test]
    fn a_creation_reads_back_and_no_part_of_it_does() {
        let config = LogConfig {
            retention: Retention {
                records_max: 5,
                bytes_max: u64::MAX,
                age_max: Some(Duration::from_millis(3)),
            },
            ttl: Some(Duration::from_secs(9)),
            bytes_max: Some(0),
        };
        for config in [config, LogConfig::default()] {
            let create = CreateBody { name: "topic/a".into(), epoch: Epoch::new(7), config };
            let mut body = Vec::new();
            put_create(&mut body, &create);
            assert_eq!(read_create(&body), Some(create));
            assert!((0..body.len()).all(|cut| read_create(&body[..cut]).is_none()));
        }
    }
}
