//! What becomes of those who wait for a log: the answers, and the one message that makes them true.
//!
//! Everything is judged by how the log stood after message `last`.
//! The message is stored only if that is still the newest one, so answers hold once it is stored;
//! where nothing is to be written, they hold if the log still stands so.

use std::collections::VecDeque;

use stream_log::{
    Admission, AppendBatch, AppendError, AppendReceipt, Durability, Producers, TailState, TrimError,
};
use stream_model::{Offset, ProducerId, ProducerState};
use time::OffsetDateTime;

use crate::error::NatsError;
use crate::head::{Head, ITSELF, Stub};
use crate::limits::{APPEND_BYTES_EXTRA, CHECKPOINT_AFTER, RECORD_BYTES_EXTRA};
use crate::message::{Batch, Link, Message};
use stream_log::codec::{narrow, widen};

/// What somebody wants of a log.
#[derive(Debug)]
pub(crate) enum Ask {
    Append(AppendBatch),
    Close,
    Trim(Offset),
    Delete,
    /// Delete if the time of the log has run out at `now`; it began no later than `begun`.
    Expire {
        now: OffsetDateTime,
        begun: OffsetDateTime,
    },
}

impl Ask {
    /// Bytes that it takes in a message, at most.
    pub(crate) fn bytes_max(&self) -> usize {
        let Self::Append(batch) = self else { return APPEND_BYTES_EXTRA };
        let producer = batch.producer.as_ref().map_or(0, |producer| producer.id.as_str().len());
        let extra = batch.records.len().saturating_mul(RECORD_BYTES_EXTRA);
        batch.payload_bytes().saturating_add(extra).saturating_add(producer + APPEND_BYTES_EXTRA)
    }
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Appended(AppendReceipt),
    /// Closed, trimmed or deleted.
    Done,
    /// There was nothing to do.
    Nothing,
    Refused(AppendError),
    TrimRefused(TrimError),
    /// Nobody knows, or the cluster would not.
    Failed(NatsError),
}

/// What the answers are judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) head: &'a Head,
    /// The newest message.
    pub(crate) last: Link,
    /// All producers; may be missing only if none is asked for.
    pub(crate) producers: Option<&'a Producers>,
    /// Consecutive records without their payloads, of wherever they were needed last.
    pub(crate) stubs: &'a VecDeque<Stub>,
    /// Where retention goes on: what it [`Needs`](Plan::Needs) for the same who ask, of the same
    /// log, and nothing it has passed already.
    pub(crate) walked: Offset,
    /// What a stored message is as safe as.
    pub(crate) durability: Durability,
    /// Bytes that all producers may take when they are written down.
    pub(crate) checkpoint_bytes: usize,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Store the message; then these are the answers of the first who asked.
    Write(Box<Message>, Vec<Answer>),
    /// Nothing: these are the answers.
    Known(Vec<Answer>),
    /// Find out about the records from here on, and plan again.
    Needs(Offset),
}

/// Plans for all who ask, in their order; `id` is the message's.
pub(crate) fn plan<'a>(
    ground: Ground<'_>,
    asks: impl IntoIterator<Item = &'a Ask>,
    id: u64,
) -> Plan {
    if let Some(checkpoint) = checkpoint(ground, id) {
        return Plan::Write(Box::new(checkpoint), Vec::new());
    }
    let mut stage = Stage::new(ground);
    let mut answers = Vec::new();
    for ask in asks {
        match stage.take(ask) {
            Ok(answer) => answers.push(answer),
            Err(Unknown(offset)) => return Plan::Needs(offset),
        }
    }
    match stage.message(id) {
        Some(message) => Plan::Write(Box::new(message), answers),
        None => Plan::Known(answers),
    }
}

/// A message that writes all producers down, once those who would read them have too far to go.
fn checkpoint(ground: Ground<'_>, id: u64) -> Option<Message> {
    let producers = ground.producers?;
    let due = usize::try_from(CHECKPOINT_AFTER).ok()?.saturating_add(producers.iter().len() * 2);
    if narrow(ground.head.producers_behind.into()) < due || ground.head.state.deleted {
        return None;
    }
    let head = Head { producers_at: Some(ITSELF), producers_behind: 0, ..*ground.head };
    let producers = newest(producers, ground.checkpoint_bytes);
    Some(Message { producers, ..Message::bare(id, ground.last, head) })
}

/// As many of those who appended last as fit.
fn newest(producers: &Producers, bytes_max: usize) -> Vec<(ProducerId, ProducerState)> {
    let known: Vec<_> = producers.iter().collect();
    let mut bytes = 0_usize;
    let fitting = known.iter().rev().take_while(|(id, _)| {
        bytes = bytes.saturating_add(id.as_str().len() + APPEND_BYTES_EXTRA);
        bytes <= bytes_max
    });
    let mut fitting: Vec<_> = fitting.map(|(id, state)| ((*id).clone(), **state)).collect();
    fitting.reverse();
    fitting
}

/// A record that must be known to go on.
struct Unknown(Offset);

/// How the log would stand after the message that is being put together.
struct Stage<'a> {
    ground: Ground<'a>,
    head: Head,
    changed: bool,
    batches: Vec<Batch>,
    stubs: VecDeque<Stub>,
    producers: Producers,
}

impl<'a> Stage<'a> {
    fn new(ground: Ground<'a>) -> Self {
        Self {
            ground,
            head: *ground.head,
            changed: false,
            batches: Vec::new(),
            stubs: VecDeque::new(),
            producers: Producers::default(),
        }
    }

    fn take(&mut self, ask: &Ask) -> Result<Answer, Unknown> {
        let TailState { next, closed, deleted, .. } = self.head.state;
        match ask {
            Ask::Append(batch) => self.append(batch),
            Ask::Close if deleted => Ok(Answer::Refused(AppendError::Deleted)),
            Ask::Close if closed => Ok(Answer::Nothing),
            Ask::Close => {
                self.head.state.closed = true;
                self.changed = true;
                Ok(Answer::Done)
            }
            Ask::Trim(_) if deleted => Ok(Answer::TrimRefused(TrimError::Deleted)),
            Ask::Trim(before) if *before > next => {
                Ok(Answer::TrimRefused(TrimError::BeyondTail { asked: *before, tail: next }))
            }
            Ask::Trim(before) => self.trim(*before),
            Ask::Delete => Ok(self.delete()),
            Ask::Expire { now, begun } if self.head.is_expired(*now, *begun) => Ok(self.delete()),
            Ask::Expire { .. } => Ok(Answer::Nothing),
        }
    }

    fn append(&mut self, batch: &AppendBatch) -> Result<Answer, Unknown> {
        let admission = Admission {
            state: self.head.state,
            bytes: self.head.bytes(),
            config: &self.head.config,
            producers: self.producers_for(batch),
            durability: self.ground.durability,
        };
        match admission.judge(batch) {
            Ok(None) => self.admit(batch).map(Answer::Appended),
            Ok(Some(duplicate)) => Ok(Answer::Appended(duplicate)),
            Err(error) => Ok(Answer::Refused(error)),
        }
    }

    /// Where the batch's producer is to be looked up: what it appended in this message counts more.
    fn producers_for(&self, batch: &AppendBatch) -> Option<&Producers> {
        let id = &batch.producer.as_ref()?.id;
        if self.producers.get(id).is_some() { Some(&self.producers) } else { self.ground.producers }
    }

    fn admit(&mut self, batch: &AppendBatch) -> Result<AppendReceipt, Unknown> {
        let (head, time) = (&mut self.head, batch.timestamp);
        let first = head.state.next;
        for record in &batch.records {
            let offset = head.state.next;
            let stub = Stub { offset, at: ITSELF, time, bytes_before: head.bytes_ever };
            head.oldest.get_or_insert(stub);
            self.stubs.push_back(stub);
            head.bytes_ever = head.bytes_ever.saturating_add(widen(record.len()));
            head.state.next = offset.next();
        }
        head.touched = Some(time);
        head.state.closed |= batch.close;
        self.changed = true;
        let next = head.state.next;
        if let Some(producer) = &batch.producer {
            let state = ProducerState { epoch: producer.epoch, seq: producer.seq, first, next };
            self.producers.put(producer.id.clone(), state);
        }
        let (producer, records) = (batch.producer.clone(), batch.records.clone());
        self.batches.push(Batch { time, producer, records });
        // Ages are counted from the newest record: a batch without any changes nothing.
        if !batch.records.is_empty() {
            self.retain(time)?;
        }
        let (epoch, durability) = (self.head.state.epoch, self.ground.durability);
        Ok(AppendReceipt { epoch, first, next, durability, duplicate: false })
    }

    /// Lets go of what retention does not keep; the newest record stays.
    fn retain(&mut self, newest: OffsetDateTime) -> Result<(), Unknown> {
        let keep = self.head.config.retention;
        while let Some(oldest) = self.head.oldest {
            let next = self.head.state.next;
            let aged = keep.age_max.is_some_and(|age| newest - oldest.time > age);
            let many = next.since(oldest.offset) > keep.records_max;
            let over = aged || many || self.head.bytes() > keep.bytes_max;
            if !over || oldest.offset.next() >= next {
                break;
            }
            let by_count = Offset::new(next.get().saturating_sub(keep.records_max.max(1)));
            let passed = by_count.max(self.ground.walked);
            let stub = self.stub(oldest.offset.next().max(passed))?;
            self.head.begin_at(Some(stub));
        }
        Ok(())
    }

    fn trim(&mut self, before: Offset) -> Result<Answer, Unknown> {
        if before <= self.head.state.earliest {
            return Ok(Answer::Nothing);
        }
        let oldest = if before == self.head.state.next { None } else { Some(self.stub(before)?) };
        self.head.begin_at(oldest);
        self.changed = true;
        Ok(Answer::Done)
    }

    fn delete(&mut self) -> Answer {
        if self.head.state.deleted {
            return Answer::Nothing;
        }
        self.head.state.deleted = true;
        self.changed = true;
        Answer::Done
    }

    fn stub(&self, offset: Offset) -> Result<Stub, Unknown> {
        let find = |stubs: &VecDeque<Stub>| {
            let first = stubs.front()?.offset;
            stubs.get(narrow(offset.get().checked_sub(first.get())?)).copied()
        };
        find(&self.stubs).or_else(|| find(self.ground.stubs)).ok_or(Unknown(offset))
    }

    fn message(mut self, id: u64) -> Option<Message> {
        if !self.changed {
            return None;
        }
        if self.batches.iter().any(|batch| batch.producer.is_some()) {
            self.head.producers_at.get_or_insert(ITSELF);
            self.head.producers_behind = self.head.producers_behind.saturating_add(1);
        }
        let bare = Message::bare(id, self.ground.last, self.head);
        Some(Message { batches: self.batches, ..bare })
    }
}

#[cfg(test)]
mod tests;
