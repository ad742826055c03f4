//! How a log stands after a message: all that its newest message must say, so that nobody has to
//! read another one to write the next.

use std::time::Duration;

use stream_log::{LogConfig, Retention, TailState};
use stream_model::{Epoch, Offset};
use time::OffsetDateTime;

use stream_log::codec::{Reader, put_option, put_time, put_varint};

/// The number that stands for the message itself, which does not know its own before it is stored.
pub(crate) const ITSELF: u64 = 0;

const CLOSED: u8 = 1;
const DELETED: u8 = 2;
const HAS_RECORD: u8 = 4;
const TOUCHED: u8 = 8;

/// How a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) state: TailState,
    pub(crate) config: LogConfig,
    /// Bytes of payload that were ever appended.
    pub(crate) bytes_ever: u64,
    /// Where the oldest record that is left begins; `None` in a log without records.
    pub(crate) oldest: Option<Stub>,
    /// When the last batch came; decides expiry.
    pub(crate) touched: Option<OffsetDateTime>,
    /// The message from which on all that is remembered of producers can be read; `None` if there
    /// never was one.
    pub(crate) producers_at: Option<u64>,
    /// Messages with producers since then.
    pub(crate) producers_behind: u32,
}

/// A record without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stub {
    pub(crate) offset: Offset,
    /// The message that holds it.
    pub(crate) at: u64,
    pub(crate) time: OffsetDateTime,
    /// Bytes of payload that were appended before it.
    pub(crate) bytes_before: u64,
}

impl Head {
    /// A log that was just made.
    pub(crate) fn new(epoch: Epoch, config: LogConfig) -> Self {
        Self {
            state: TailState::new(epoch),
            config,
            bytes_ever: 0,
            oldest: None,
            touched: None,
            producers_at: None,
            producers_behind: 0,
        }
    }

    /// Bytes of payload that the log holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.oldest.map_or(0, |oldest| self.bytes_ever.saturating_sub(oldest.bytes_before))
    }

    /// Lets `oldest` be the oldest record, or none be left.
    pub(crate) fn begin_at(&mut self, oldest: Option<Stub>) {
        self.oldest = oldest;
        self.state.earliest = oldest.map_or(self.state.next, |oldest| oldest.offset);
    }

    /// The oldest message that is needed still; `this` is the number of the newest.
    pub(crate) fn needed_from(&self, this: u64) -> u64 {
        let oldest = self.oldest.map_or(this, |oldest| oldest.at);
        oldest.min(self.producers_at.unwrap_or(this)).min(this)
    }

    /// The same head, told the number of the message that it came with.
    pub(crate) fn stored_at(mut self, this: u64) -> Self {
        let settle = |at: u64| if at == ITSELF { this } else { at };
        if let Some(oldest) = &mut self.oldest {
            oldest.at = settle(oldest.at);
        }
        self.producers_at = self.producers_at.map(settle);
        self
    }

    /// Whether the log's time has run out at `now`; one without a batch begins its time at `now`.
    pub(crate) fn is_expired(&self, now: OffsetDateTime, begun: OffsetDateTime) -> bool {
        self.config.ttl.is_some_and(|ttl| now - self.touched.unwrap_or(begun) >= ttl)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let Self { state, config, oldest, touched, .. } = self;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(state.closed, CLOSED)
            | flag(state.deleted, DELETED)
            | flag(oldest.is_some(), HAS_RECORD)
            | flag(touched.is_some(), TOUCHED);
        out.push(flags);
        out.extend_from_slice(&state.epoch.get().to_le_bytes());
        put_varint(out, state.next.get());
        put_varint(out, self.bytes_ever);
        if let Some(Stub { offset, at, time, bytes_before }) = *oldest {
            put_varint(out, offset.get());
            put_varint(out, at);
            put_time(out, time);
            put_varint(out, bytes_before);
        }
        if let Some(touched) = *touched {
            put_time(out, touched);
        }
        put_option(out, self.producers_at);
        put_varint(out, self.producers_behind.into());
        put_config(out, config);
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Option<Self> {
        let flags = reader.u8()?;
        let epoch = Epoch::new(reader.u64()?);
        let next = Offset::new(reader.varint()?);
        let bytes_ever = reader.varint()?;
        let oldest = if flags & HAS_RECORD == 0 { None } else { Some(take_stub(reader)?) };
        let touched = if flags & TOUCHED == 0 { None } else { Some(reader.time()?) };
        let producers_at = reader.option()?;
        let producers_behind = u32::try_from(reader.varint()?).ok()?;
        let config = take_config(reader)?;
        let state = TailState {
            epoch,
            earliest: oldest.map_or(next, |oldest| oldest.offset),
            next,
            closed: flags & CLOSED != 0,
            deleted: flags & DELETED != 0,
        };
        Some(Self { state, config, bytes_ever, oldest, touched, producers_at, producers_behind })
    }
}

fn take_stub(reader: &mut Reader<'_>) -> Option<Stub> {
    Some(Stub {
        offset: Offset::new(reader.varint()?),
        at: reader.varint()?,
        time: reader.time()?,
        bytes_before: reader.varint()?,
    })
}

fn put_config(out: &mut Vec<u8>, config: &LogConfig) {
    let LogConfig { retention, ttl, bytes_max } = config;
    let bound = |value: u64| (value != u64::MAX).then_some(value);
    put_option(out, bound(retention.records_max));
    put_option(out, bound(retention.bytes_max));
    put_option(out, retention.age_max.map(nanos));
    put_option(out, ttl.map(nanos));
    put_option(out, *bytes_max);
}

fn take_config(reader: &mut Reader<'_>) -> Option<LogConfig> {
    let retention = Retention {
        records_max: reader.option()?.unwrap_or(u64::MAX),
        bytes_max: reader.option()?.unwrap_or(u64::MAX),
        age_max: reader.option()?.map(Duration::from_nanos),
    };
    let ttl = reader.option()?.map(Duration::from_nanos);
    Some(LogConfig { retention, ttl, bytes_max: reader.option()? })
}

/// Longer ones than 584 years count as that.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX - 1)
}
