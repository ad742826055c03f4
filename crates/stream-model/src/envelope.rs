//! Events as bytes: the form in which a log keeps them.
//!
//! ```text
//! version u8 = 1 | type u8 | data kind u8 | id kind u8
//! seconds since 1970 i64 | nanoseconds u32 | offset from UTC in seconds i32
//! id: 16 bytes of UUID, or length u16 and text
//! metadata: length u32 and JSON (0 for none)
//! data: the rest
//! ```
//! Numbers are big-endian.
//! The data lies at the end and unchanged, so decoding shares it instead of copying it.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::{Data, DataKind, Event, EventId, EventType, Metadata};

const VERSION: u8 = 1;
const ID_UUID: u8 = 0;
const ID_TEXT: u8 = 1;

impl Event {
    /// Writes the event as bytes that [`decode`](Self::decode) reads back.
    pub fn encode(&self) -> Bytes {
        let metadata = encode_metadata(self.metadata());
        let mut out = BytesMut::with_capacity(48 + metadata.len() + self.data().as_bytes().len());
        out.put_u8(VERSION);
        out.put_u8(type_code(self.event_type()));
        out.put_u8(kind_code(self.data().kind()));
        let text = match self.id().as_uuid() {
            Some(_) => String::new(),
            None => self.id().to_string(),
        };
        out.put_u8(if text.is_empty() { ID_UUID } else { ID_TEXT });
        let at = self.timestamp();
        out.put_i64(at.unix_timestamp());
        out.put_u32(at.nanosecond());
        out.put_i32(at.offset().whole_seconds());
        if let Some(uuid) = self.id().as_uuid() {
            out.put_slice(uuid.as_bytes());
        } else {
            // An id is at most 256 bytes long.
            out.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
            out.put_slice(text.as_bytes());
        }
        out.put_u32(u32::try_from(metadata.len()).unwrap_or(u32::MAX));
        out.put_slice(&metadata);
        out.put_slice(self.data().as_bytes());
        out.freeze()
    }

    /// Reads what [`encode`](Self::encode) wrote; the data is shared with `bytes`.
    ///
    /// # Errors
    /// [`EnvelopeError`] if the bytes are of another version, cut, or hold a value that no event
    /// has.
    pub fn decode(bytes: &Bytes) -> Result<Self, EnvelopeError> {
        let mut rest = bytes.clone();
        match rest.try_get_u8()? {
            VERSION => {}
            version => return Err(EnvelopeError::Version { version }),
        }
        let event_type = type_of(rest.try_get_u8()?)?;
        let kind = kind_of(rest.try_get_u8()?)?;
        let id_kind = rest.try_get_u8()?;
        let timestamp = decode_time(&mut rest)?;
        let id = decode_id(id_kind, &mut rest)?;
        let metadata_bytes = rest.try_get_u32()?;
        let metadata = decode_metadata(&take(&mut rest, size(metadata_bytes)?)?)?;
        if kind != DataKind::Binary && std::str::from_utf8(&rest).is_err() {
            return Err(EnvelopeError::Value("data"));
        }
        Ok(Self::builder()
            .id(id)
            .event_type(event_type)
            .data(Data::from_checked(kind, rest))
            .metadata(metadata)
            .timestamp(timestamp)
            .build())
    }
}

/// Why bytes are no event of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A newer or foreign form.
    #[error("expected event bytes of version {VERSION}, found {version}")]
    Version {
        /// The first byte.
        version: u8,
    },
    /// The bytes end too early.
    #[error("event bytes are cut")]
    Cut,
    /// A field holds what no event has.
    #[error("event bytes hold an impossible {0}")]
    Value(&'static str),
}

impl From<bytes::TryGetError> for EnvelopeError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Cut
    }
}

fn type_code(event_type: EventType) -> u8 {
    match event_type {
        EventType::Message => 0,
        EventType::Error => 1,
        EventType::Connect => 2,
        EventType::Disconnect => 3,
        EventType::Heartbeat => 4,
    }
}

fn type_of(code: u8) -> Result<EventType, EnvelopeError> {
    let found = EventType::ALL.into_iter().find(|kind| type_code(*kind) == code);
    found.ok_or(EnvelopeError::Value("type"))
}

fn kind_code(kind: DataKind) -> u8 {
    match kind {
        DataKind::Json => 0,
        DataKind::Text => 1,
        DataKind::Binary => 2,
    }
}

fn kind_of(code: u8) -> Result<DataKind, EnvelopeError> {
    let kinds = [DataKind::Json, DataKind::Text, DataKind::Binary];
    let found = kinds.into_iter().find(|kind| kind_code(*kind) == code);
    found.ok_or(EnvelopeError::Value("data kind"))
}

fn decode_time(rest: &mut Bytes) -> Result<OffsetDateTime, EnvelopeError> {
    const BAD: EnvelopeError = EnvelopeError::Value("timestamp");
    let (seconds, nanos) = (rest.try_get_i64()?, rest.try_get_u32()?);
    let offset = UtcOffset::from_whole_seconds(rest.try_get_i32()?).map_err(|_| BAD)?;
    let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| BAD)?;
    let at = at.replace_nanosecond(nanos).map_err(|_| BAD)?;
    at.checked_to_offset(offset).ok_or(BAD)
}

fn decode_id(kind: u8, rest: &mut Bytes) -> Result<EventId, EnvelopeError> {
    const BAD: EnvelopeError = EnvelopeError::Value("id");
    match kind {
        ID_UUID => Ok(EventId::from(Uuid::from_u128(rest.try_get_u128()?))),
        ID_TEXT => {
            let bytes = rest.try_get_u16()?;
            let text = take(rest, usize::from(bytes))?;
            EventId::new(std::str::from_utf8(&text).map_err(|_| BAD)?).map_err(|_| BAD)
        }
        _ => Err(BAD),
    }
}

fn encode_metadata(metadata: &Metadata) -> Vec<u8> {
    if metadata.is_empty() {
        return Vec::new();
    }
    #[expect(clippy::expect_used, reason = "a map of text to JSON values always serialises")]
    serde_json::to_vec(metadata).expect("metadata is JSON")
}

fn decode_metadata(bytes: &[u8]) -> Result<Metadata, EnvelopeError> {
    if bytes.is_empty() {
        return Ok(Metadata::new());
    }
    serde_json::from_slice(bytes).map_err(|_| EnvelopeError::Value("metadata"))
}

fn size(bytes: u32) -> Result<usize, EnvelopeError> {
    usize::try_from(bytes).map_err(|_| EnvelopeError::Cut)
}

fn take(rest: &mut Bytes, count: usize) -> Result<Bytes, EnvelopeError> {
    if rest.len() < count {
        return Err(EnvelopeError::Cut);
    }
    Ok(rest.split_to(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Event {
        Event::builder()
            .id(EventId::new("e1").unwrap())
            .event_type(EventType::Error)
            .data(Data::text("a\nb"))
            .meta("topic", "t")
            .timestamp(time::macros::datetime!(2026-02-03 04:05:06.789 +02:00))
            .build()
    }

    #[test]
    fn the_form_is_fixed() {
        let bytes = sample().encode();
        let head: &[u8] = &[1, 1, 1, 1, 0, 0, 0, 0, 0x69, 0x81, 0x57, 0xd2];
        assert_eq!(&bytes[..12], head);
        assert!(bytes.ends_with(b"\x00\x02e1\x00\x00\x00\x0d{\"topic\":\"t\"}a\nb"));
    }

    #[test]
    fn every_cut_before_the_data_is_noticed() {
        let bytes = sample().encode();
        for cut in 0..bytes.len() - 3 {
            assert_eq!(Event::decode(&bytes.slice(..cut)), Err(EnvelopeError::Cut), "{cut}");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let found = Event::decode(&Bytes::from_static(&[2]));
        assert_eq!(found, Err(EnvelopeError::Version { version: 2 }));
    }

    proptest! {
        #[test]
        fn events_read_back(
            id in "[^\r\n\0]{1,40}", text in ".*", topic in proptest::option::of("[a-z]{1,8}"),
            seconds in -1_000_000_000_i64..5_000_000_000, nanos in 0_u32..1_000_000_000,
            offset in -50_000_i32..50_000, kind in 0_u8..3,
        ) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let at = at.replace_nanosecond(nanos).unwrap();
            let data = match kind {
                0 => Data::from(serde_json::Value::from(text)),
                1 => Data::text(text),
                _ => Data::binary(text.into_bytes()),
            };
            let mut builder = Event::builder()
                .data(data)
                .timestamp(at.to_offset(UtcOffset::from_whole_seconds(offset).unwrap()));
            if let Ok(id) = EventId::new(&id) {
                builder = builder.id(id);
            }
            if let Some(topic) = topic {
                builder = builder.meta("topic", topic);
            }
            let event = builder.build();
            prop_assert_eq!(Event::decode(&event.encode()), Ok(event));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(Event::decode(&Bytes::from(bytes)));
        }
    }
}
