//! One stream: its log, its source, and how it stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, ReadBatch, ReadError, ReadFrom, ReadLimit,
    Record, Tail, TailWatch,
};
use stream_model::now::now;
use stream_model::{Offset, Producer, ProducerError};
use stream_protocol::Problem;
use stream_protocol::durable::append::{Append, Appended, Plan};
use stream_protocol::durable::limits::{PAGE_APPENDS, PAGE_BYTES};
use stream_protocol::durable::read::{Page, ReadStart};
use stream_protocol::durable::record::{Description, decode_append, encode_append};
use stream_protocol::durable::{Lifetime, Refusal, StreamOffset, StreamPath};
use time::OffsetDateTime;
use tracing::error;

use super::family::FamilyLog;
use super::respond::{append_refused, read_refused};
use super::seqs::Seqs;
use super::used::Used;

/// The largest sequence of a producer: no append can have a later one.
const LAST_SEQ: u64 = stream_model::limits::PRODUCER_NUMBER_MAX;

/// How often an append with a `Stream-Seq` is tried that other servers come before.
const SEQ_TRIES: usize = 32;

/// A stream that is known.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) path: StreamPath,
    pub(super) description: Description,
    /// The first half of the tokens of its own appends.
    life: u64,
    pub(super) log: Arc<dyn Log>,
    /// The stream that this one is a fork of.
    pub(super) source: Option<Arc<Stream>>,
    /// Its forks; held while one is made or let go of.
    pub(super) family: tokio::sync::Mutex<FamilyLog>,
    /// Whether it lives on for its forks alone, as its family says too.
    deleted: AtomicBool,
    /// Hears whether another server deletes the log; `None` where there are no others.
    watch: Option<TailWatch>,
    /// When somebody last read or wrote, from which its time to live counts.
    pub(super) used: Used,
    seqs: Seqs,
}

/// How a stream stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// How many appends it holds, those of its source included.
    pub(super) tail: u64,
    pub(super) closed: bool,
}

impl Stream {
    pub(super) fn new(
        path: StreamPath,
        description: Description,
        log: Arc<dyn Log>,
        source: Option<Arc<Self>>,
        family: FamilyLog,
        (used, seqs): (Used, Seqs),
        tail: &Tail,
    ) -> Self {
        Self {
            life: description.life_in(tail.state.epoch.get()),
            path,
            description,
            log,
            source,
            deleted: AtomicBool::new(family.family().is_deleted()),
            family: tokio::sync::Mutex::new(family),
            watch: None,
            used,
            seqs,
        }
    }

    /// Listens for what other servers do to its log.
    pub(super) fn watched_by(self, watch: TailWatch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Whether another server has deleted its log.
    pub(super) fn is_gone(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.state().deleted)
    }

    /// Whether it was deleted, and is kept for its forks at most.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Refuses every use from now on, but for reads of its forks.
    pub(super) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
    }

    /// Whether it is there to be used, as far as this server alone can say: nobody else may have
    /// ended it, and no time may.
    pub(super) fn is_alive_here(&self) -> bool {
        let lives_on = self.description.lifetime == Lifetime::Unlimited;
        lives_on && !self.is_shared() && !self.is_deleted()
    }

    /// Whether its time has run out at `now`, as far as this server knows.
    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        self.description.lifetime.is_over(self.used.last(), now)
    }

    /// Whether its time has run out, whichever server it was used on.
    pub(super) async fn is_over_everywhere(&self) -> Result<bool, Refusal> {
        // Most streams live for ever, and need not know what time it is.
        if self.description.lifetime == Lifetime::Unlimited || !self.is_over(now()) {
            return Ok(false);
        }
        self.used.hear().await?;
        Ok(self.is_over(now()))
    }

    /// Counts as a use, where its time to live depends on that.
    pub(super) async fn touch(&self) -> Result<(), Refusal> {
        if let Lifetime::Ttl(_) = self.description.lifetime {
            self.used.touch().await?;
        }
        Ok(())
    }

    /// Whether another server may have deleted it and kept it for its forks: it closes it then.
    pub(super) fn may_be_deleted(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.state().closed)
    }

    /// Whether other servers have it, too.
    pub(super) fn is_shared(&self) -> bool {
        self.watch.is_some()
    }

    /// The token of a position.
    pub(super) fn offset(&self, number: u64) -> StreamOffset {
        let mut stream = self;
        loop {
            match (stream.description.own_offset(stream.life, number), &stream.source) {
                (Some(offset), _) => return offset,
                (None, Some(source)) => stream = source,
                // A fork without its source is never loaded.
                (None, None) => return StreamOffset::new(stream.life, number),
            }
        }
    }

    /// Where the append lies that comes after `number` others, as its log counts: behind the
    /// description.
    pub(super) fn log_offset(&self, number: u64) -> Offset {
        Offset::new(number.saturating_sub(self.description.base()).saturating_add(1))
    }

    /// How many appends there are if the log ends at `next`.
    pub(super) fn number(&self, next: Offset) -> u64 {
        self.description.base().saturating_add(next.get().saturating_sub(1))
    }

    /// The tail, and a way to hear of changes since.
    pub(super) async fn tail(&self) -> Result<(State, Tail), Refusal> {
        let tail = self.log.tail().await.map_err(|error| read_refused(&error))?;
        if tail.state.deleted {
            return Err(Refusal::not_found());
        }
        let state = State { tail: self.number(tail.state.next), closed: tail.state.closed };
        Ok((state, tail))
    }

    pub(super) async fn state(&self) -> Result<State, Refusal> {
        Ok(self.tail().await?.0)
    }

    /// The position at which a read starts.
    pub(super) async fn start(&self, start: ReadStart) -> Result<u64, Refusal> {
        match start {
            ReadStart::Beginning => Ok(0),
            ReadStart::Now => Ok(self.state().await?.tail),
            ReadStart::At(asked) => self.resolve(asked).await,
        }
    }

    /// The position of a token, if it is one of this stream.
    pub(super) async fn resolve(&self, asked: StreamOffset) -> Result<u64, Refusal> {
        let number = asked.number();
        let tail = self.state().await?.tail;
        // A token of an earlier life sorts before every token of this one, whatever its number.
        let is_beyond = number > tail && asked > self.offset(tail);
        if !is_beyond && self.offset(number) == asked {
            return Ok(number);
        }
        if self.is_shared() {
            self.look_for_a_loss().await?;
            // A cluster may have lost what it acknowledged without anybody left who saw it.
            return Err(Refusal::foreign_offset(asked));
        }
        Err(if is_beyond {
            Refusal::beyond_tail(asked, self.offset(tail))
        } else {
            Refusal::foreign_offset(asked)
        })
    }

    /// Refuses the request, for it to come again, if another server has found that appends were
    /// lost: the life that this server knows is over then, and with it what it says of tokens.
    async fn look_for_a_loss(&self) -> Result<(), Refusal> {
        let nowhere = ReadFrom::Offset(Offset::new(u64::MAX));
        match self.log.read(nowhere, ReadLimit::records(1)).await {
            Ok(_) | Err(ReadError::BeyondTail { .. }) => Ok(()),
            Err(error) => Err(read_refused(&error)),
        }
    }

    /// What lies after `start`, as much as one answer holds; a fork's reads go through all its
    /// sources.
    pub(super) async fn page(&self, start: u64) -> Result<Page, Refusal> {
        self.page_of(start, ReadLimit { records_max: PAGE_APPENDS, bytes_max: PAGE_BYTES }).await
    }

    /// What lies after `start`, up to a limit.
    pub(super) async fn page_of(&self, start: u64, mut limit: ReadLimit) -> Result<Page, Refusal> {
        let appends_max = limit.records_max;
        let mut pieces = Vec::new();
        let mut at = start;
        let state = loop {
            let (owner, end) = self.owner(at);
            if let Some(end) = end {
                let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
                limit.records_max = limit.records_max.min(left);
            }
            let batch = owner.read(at, limit).await?;
            at = at.saturating_add(batch.records.len() as u64);
            let read = decode(&batch.records, &mut pieces)?;
            if end.is_none() {
                break State { tail: self.number(batch.tail), closed: batch.closed };
            }
            limit.bytes_max = limit.bytes_max.saturating_sub(read);
            limit.records_max = appends_max.saturating_sub(pieces.len());
            let stuck = batch.records.is_empty();
            if limit.bytes_max == 0 || limit.records_max == 0 || stuck {
                break self.state().await?;
            }
        };
        let up_to_date = at == state.tail;
        Ok(Page {
            start: self.offset(start),
            next: self.offset(at),
            pieces,
            up_to_date,
            closed: up_to_date && state.closed,
        })
    }

    /// The stream whose log holds the append after `number` others, and where its part of this
    /// stream ends; the own part has no end.
    fn owner(&self, number: u64) -> (&Self, Option<u64>) {
        let (mut stream, mut end) = (self, None);
        while let Some(source) = &stream.source
            && number < stream.description.base()
        {
            end = Some(stream.description.base());
            stream = source;
        }
        (stream, end)
    }

    async fn read(&self, number: u64, limit: ReadLimit) -> Result<ReadBatch, Refusal> {
        let from = ReadFrom::Offset(self.log_offset(number));
        self.log.read(from, limit).await.map_err(|error| read_refused(&error))
    }

    /// What the append after `number` others holds, if there is one.
    pub(super) async fn piece(&self, number: u64) -> Result<Option<Bytes>, Refusal> {
        let batch = self.owner(number).0.read(number, ReadLimit::records(1)).await?;
        let mut pieces = Vec::new();
        decode(&batch.records, &mut pieces)?;
        Ok(pieces.pop())
    }

    /// Carries out an append.
    pub(super) async fn append(&self, append: &Append) -> Result<Appended, Refusal> {
        let plan = self.plan(append).await?;
        let Some(seq) = append.seq() else {
            if let Some(watch) = &self.watch {
                self.seqs.hear(&*self.log, watch.state().next).await?;
                let newest = self.seqs.newest();
                return self.commit(append, &plan, newest.as_ref(), None).await?.ok_or_else(moved);
            }
            let _beside = self.seqs.turn.read().await;
            let newest = self.seqs.newest();
            return self.commit(append, &plan, newest.as_ref(), None).await?.ok_or_else(moved);
        };
        let _alone = self.seqs.turn.write().await;
        for _ in 0..SEQ_TRIES {
            let expected = self.hear_all_seqs().await?;
            if let Err(refusal) = append.check_seq(self.seqs.newest().as_ref()) {
                return self.regressed(append, refusal).await;
            }
            // Otherwise another server was faster.
            if let Some(appended) = self.commit(append, &plan, Some(seq), expected).await? {
                if !appended.duplicate {
                    self.seqs.learn(seq.clone());
                }
                return Ok(appended);
            }
        }
        Err(moved())
    }

    /// Hears of every `Stream-Seq` up to the tail that is returned, if there are other servers.
    async fn hear_all_seqs(&self) -> Result<Option<Offset>, Refusal> {
        if !self.is_shared() {
            return Ok(None);
        }
        let (_, tail) = self.tail().await?;
        self.seqs.hear(&*self.log, tail.state.next).await?;
        Ok(Some(tail.state.next))
    }

    /// What is to be appended; that the stream is closed is asked only where that comes before
    /// what is wrong with the append, as otherwise its log says so.
    async fn plan(&self, append: &Append) -> Result<Plan, Refusal> {
        let content_type = &self.description.content_type;
        match append.plan(content_type, None) {
            Ok(plan) => Ok(plan),
            Err(refusal) => {
                let state = self.state().await?;
                if !state.closed {
                    return Err(refusal);
                }
                append.plan(content_type, Some(self.offset(state.tail)))
            }
        }
    }

    /// Appends, if the log ends at `expected` where that is said; `None` if it does not.
    async fn commit(
        &self,
        append: &Append,
        plan: &Plan,
        newest_seq: Option<&Bytes>,
        expected: Option<Offset>,
    ) -> Result<Option<Appended>, Refusal> {
        let seq = newest_seq.map(|seq| &**seq);
        let mut batch = AppendBatch::new(now());
        batch.records.extend(plan.piece.as_ref().map(|piece| encode_append(seq, piece)));
        let closed = plan.close;
        batch.close = closed;
        batch.producer = plan.producer.clone();
        batch.expected_tail = expected;
        match self.log.append(batch).await {
            Ok(receipt) if receipt.duplicate => self.repeated(append, receipt).await.map(Some),
            Ok(receipt) => {
                let tail = self.offset(self.number(receipt.next));
                Ok(Some(Appended { tail, duplicate: false, closed, producer_seq: None }))
            }
            Err(AppendError::TailMismatch { .. }) => Ok(None),
            Err(AppendError::Closed { tail }) => {
                let tail = self.offset(self.number(tail));
                if append.only_closes() {
                    let closed = true;
                    let duplicate = true;
                    return Ok(Some(Appended { tail, duplicate, closed, producer_seq: None }));
                }
                Err(Refusal::closed(tail))
            }
            Err(error) => Err(append_refused(&error)),
        }
    }

    /// What to say of an append that the log had already.
    async fn repeated(&self, append: &Append, receipt: AppendReceipt) -> Result<Appended, Refusal> {
        let producer_seq = match append.producer() {
            Some(producer) => self.highest_seq(producer).await,
            None => None,
        };
        Ok(Appended {
            tail: self.offset(self.number(receipt.next)),
            duplicate: true,
            closed: self.state().await?.closed,
            producer_seq,
        })
    }

    /// What to say of an append whose `Stream-Seq` is old: if its producer had it appended then,
    /// that it is; otherwise the refusal.
    async fn regressed(&self, append: &Append, refusal: Refusal) -> Result<Appended, Refusal> {
        let state = self.state().await?;
        let mut question = AppendBatch::new(now());
        question.producer = append.producer().cloned();
        match self.log.append(question).await {
            Ok(receipt) => self.repeated(append, receipt).await,
            Err(error @ AppendError::Producer(_)) => Err(append_refused(&error)),
            Err(_) if state.closed => Err(Refusal::closed(self.offset(state.tail))),
            // An append without records is refused as empty if it would be new.
            Err(_) => Err(refusal),
        }
    }

    /// The highest sequence that a producer has appended, as the log tells it to one who asks for
    /// far too much: an append without records, which is never carried out.
    async fn highest_seq(&self, producer: &Producer) -> Option<u64> {
        let mut question = AppendBatch::new(now());
        question.producer = Some(Producer { seq: LAST_SEQ, ..producer.clone() });
        match self.log.append(question).await {
            Err(AppendError::Producer(ProducerError::Gap { expected, .. })) => {
                expected.checked_sub(1)
            }
            _ => None,
        }
    }
}

/// Others append so fast that an append with a `Stream-Seq` never comes first.
fn moved() -> Refusal {
    let class = stream_model::ErrorClass::Unavailable;
    let problem = Problem::new(class, "stream-contended", "Others append all the time");
    problem.detail("the append was not carried out; try again").into()
}

/// Adds what the records hold to `pieces`, and says how many bytes that is.
fn decode(records: &[Record], pieces: &mut Vec<Bytes>) -> Result<usize, Refusal> {
    let mut bytes = 0;
    for record in records {
        let (_, piece) = decode_append(&record.payload).map_err(|error| damaged(&error))?;
        bytes += piece.len();
        pieces.push(piece);
    }
    Ok(bytes)
}

/// A log that holds something else than it should.
pub(super) fn damaged(damage: &dyn std::error::Error) -> Refusal {
    error!(%damage, "log is none of a durable stream");
    let class = stream_model::ErrorClass::Internal;
    Problem::new(class, "stream-damaged", "The stream is damaged").detail(damage.to_string()).into()
}
