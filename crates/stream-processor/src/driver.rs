//! What moves items from a source through the stages, and tells them the time.

mod progress;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use stream_model::Event;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::warn;

use self::progress::{Halt, Progress};
use crate::counts::Counters;
use crate::limits::{BATCH_ITEMS, BOXED_ITEMS, PANICS_IN_A_ROW};
use crate::plan::Plan;
use crate::policy::LastResort;
use crate::processor::{Report, Settings};
use crate::{
    Batches, Cause, CircuitChange, DeadLetter, Fault, Flow, Moment, Roll, RunError, Source,
    SourceError, Sourced, Stage,
};

/// How an item is kept until what became of it is delivered.
pub(crate) type Keep<T> = fn(&T) -> Event;

/// A source, and the stages that its items go through.
pub(crate) struct Driver<S: Source, C> {
    pub(crate) source: S,
    pub(crate) chain: C,
    moment: Moment,
    phase: Phase,
    /// Whether nothing may be taken just now.
    is_paused: bool,
    /// What follows when no item does.
    at_end: Phase,
    /// Whether the source said that nothing is there by now.
    pub(crate) is_waiting: bool,
    /// Items taken in the present batch.
    taken: usize,
    /// Whether an item is among the stages: then a panic is its.
    is_treating: bool,
    panics: usize,
    timer: Option<Pin<Box<Sleep>>>,
    /// The position after the newest item that was taken.
    next: u64,
    keep: Option<Keep<S::Item>>,
    /// Events that may have to be set aside yet, oldest first.
    originals: VecDeque<(u64, Event)>,
    /// Events to be set aside.
    pub(crate) letters: Vec<Event>,
    /// Circuits that nobody was told of yet.
    pub(crate) circuits: Vec<CircuitChange>,
    plan: Plan,
    on_fault: Option<Report>,
    pub(crate) counters: Arc<Counters>,
}

/// How far a pipeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    /// No item follows; the stages empty themselves.
    Finishing,
    /// No item follows, and the stages keep what they have.
    Resting,
    Ended,
}

/// What a turn of the driver came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be something to hand on, and there will be more.
    More,
    /// That was all.
    End,
}

impl<S: Source, C: Stage<S::Item>> Driver<S, C> {
    pub(crate) fn new(source: S, mut chain: C, settings: &Settings) -> Self {
        chain.enroll(&mut Roll::new(settings.policies.clone()));
        let (now, seed) = (Instant::now().into_std(), fastrand::u64(..));
        let mut moment = Moment::of(settings.policies.clone(), now, seed);
        moment.set_batching(chain.batches() == Batches::Wanted);
        Self {
            source,
            chain,
            moment,
            phase: Phase::Reading,
            is_paused: false,
            at_end: Phase::Finishing,
            is_waiting: false,
            taken: 0,
            is_treating: false,
            panics: 0,
            timer: None,
            next: 0,
            keep: None,
            originals: VecDeque::new(),
            letters: Vec::new(),
            circuits: Vec::new(),
            plan: settings.plan.clone(),
            on_fault: settings.on_fault.clone(),
            counters: Arc::default(),
        }
    }

    /// Keeps events until they are through, so that they can be set aside.
    pub(crate) fn keeping(self, keep: Option<Keep<S::Item>>) -> Self {
        Self { keep, ..self }
    }

    /// Says that everything that came out, or was set aside, is where it was to go.
    pub(crate) fn settle(&mut self) {
        let before = self.chain.held().unwrap_or(self.next);
        while self.originals.pop_front_if(|(position, _)| *position < before).is_some() {}
        self.source.acknowledge(before);
    }

    /// As [`settle`](Self::settle), where what the stages hold is safe.
    pub(crate) fn settle_all(&mut self) {
        self.originals.clear();
        self.source.acknowledge(self.next);
    }

    /// Takes nothing from the source, or goes on.
    pub(crate) fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Takes nothing new, and lets the stages keep what they have.
    pub(crate) fn rest_at_the_end(&mut self) {
        self.at_end = Phase::Resting;
        self.source.close();
    }

    /// Whether everything was taken, and the stages keep what they have.
    pub(crate) fn is_resting(&self) -> bool {
        self.phase == Phase::Resting
    }

    /// Whether nothing will ever come out.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// The position after the newest item that was taken.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Goes on after the item before `next`.
    pub(crate) fn go_to(&mut self, next: u64, is_over: bool) {
        self.next = next;
        if is_over {
            self.phase = Phase::Ended;
        }
    }

    /// Does what there is to do, at most one batch of it, and adds what comes out to `out`.
    ///
    /// It is ready when something was done, whether or not anything came out.
    pub(crate) fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<C::Out>,
    ) -> Poll<Result<Step, RunError>> {
        loop {
            if self.phase == Phase::Ended {
                return Poll::Ready(Ok(Step::End));
            }
            self.taken = 0;
            self.moment.set_now(Instant::now().into_std());
            self.moment.set_waker(cx.waker());
            let before = out.len();
            let done = self.guarded(|driver| driver.turn(cx, out));
            self.counters.emitted(out.len() - before);
            self.counters.taken(self.taken);
            self.report_circuits();
            self.report_faults()?;
            done?;
            if self.taken > 0 || out.len() > before || self.is_over() {
                return Poll::Ready(Ok(Step::More));
            }
            if !self.is_due(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Whether a deadline of a stage has come; otherwise the task is woken when it does.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.chain.deadline().map(Instant::from_std) else {
            self.timer = None;
            return false;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).is_ready()
    }

    /// Whether nothing is left of what came from the source before it said that nothing is there.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_waiting && self.chain.held().is_none() && self.phase == Phase::Reading
    }

    fn turn(&mut self, cx: &mut Context<'_>, out: &mut Vec<C::Out>) -> Result<(), RunError> {
        // While the first stages come to their end, the deadlines of the others go on.
        self.advance(out);
        let read = self.read(cx, out);
        if self.taken > 0 {
            self.advance(out);
        }
        read?;
        let watermark_ms = self.source.watermark_ms();
        if let Some(at_ms) = watermark_ms.filter(|_| watermark_ms != self.moment.watermark_ms()) {
            self.moment.set_watermark_ms(at_ms);
            self.advance(out);
        }
        if self.phase == Phase::Finishing && !self.moment.is_fatal() {
            self.is_treating = true;
            if self.chain.finish(&mut self.moment, out) {
                self.phase = Phase::Ended;
            }
            self.is_treating = false;
        }
        Ok(())
    }

    fn is_reading(&self) -> bool {
        self.phase == Phase::Reading && !self.is_paused
    }

    /// Takes what is ready, as much of it as belongs to one batch.
    fn read(&mut self, cx: &mut Context<'_>, out: &mut Vec<C::Out>) -> Result<(), RunError> {
        while self.is_reading() && self.taken < BATCH_ITEMS && self.chain.is_ready() {
            self.is_waiting = false;
            let halted = match self.keep {
                Some(_) => self.treat::<true>(cx, out),
                None => self.treat::<false>(cx, out),
            };
            match halted {
                Halt::NoRoom => {}
                Halt::Enough => self.phase = Phase::Finishing,
                Halt::Other(Poll::Ready(Some(SourceError::Missed { missed }))) => {
                    self.count_missed(missed);
                }
                Halt::Other(Poll::Ready(Some(error @ SourceError::Unreadable { .. }))) => {
                    warn!(%error, "left out what is no item");
                    self.counters.missed(1);
                }
                Halt::Other(Poll::Ready(Some(error))) => return Err(RunError::Source(error)),
                Halt::Other(Poll::Ready(None)) => self.phase = self.at_end,
                Halt::Other(Poll::Pending) => {
                    self.is_waiting = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Treats items until there is something else to do; `KEEPS` says whether they are kept, as
    /// an item that may be is in memory, where a loop that keeps none has it in registers.
    fn treat<const KEEPS: bool>(&mut self, cx: &mut Context<'_>, out: &mut Vec<C::Out>) -> Halt {
        let together = self.treat_together::<KEEPS>(cx, out);
        together.unwrap_or_else(|| self.treat_ready::<KEEPS>(cx, out))
    }

    /// Treats item after item.
    ///
    /// Most of what a pipeline of little work costs is in this loop, so what it counts is in
    /// registers until it ends, be it by a panic; and a function of its own has more of them.
    #[inline(never)]
    fn treat_ready<const KEEPS: bool>(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<C::Out>,
    ) -> Halt {
        let Self { source, chain, moment, keep, originals, .. } = self;
        let home = (&mut self.taken, &mut self.next, &mut self.is_treating);
        let mut progress = Progress { taken: *home.0, next: None, is_treating: false, home };
        let mut is_enough = false;
        let halted = source.poll_each(cx, |Sourced { position, item }| {
            progress.taken += 1;
            progress.next = Some(position + 1);
            moment.set_position(position);
            if KEEPS && let Some(keep) = keep {
                originals.push_back((position, keep(&item)));
            }
            progress.is_treating = true;
            let flow = chain.push(item, moment, out);
            progress.is_treating = false;
            is_enough = flow.is_break();
            let has_room = progress.taken < BATCH_ITEMS && chain.is_ready();
            if has_room { flow } else { Flow::Break(()) }
        });
        if is_enough { Halt::Enough } else { Halt::of(halted) }
    }

    /// Takes items for a first stage that treats several at once, and has it treat them.
    fn treat_together<const KEEPS: bool>(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<C::Out>,
    ) -> Option<Halt> {
        let Self { source, chain, moment, keep, originals, .. } = self;
        let queue = if moment.is_batching() { chain.queue()? } else { return None };
        let (mut taken, mut next) = (self.taken, self.next);
        let halted = source.poll_each(cx, |Sourced { position, item }| {
            taken += 1;
            next = position + 1;
            if KEEPS && let Some(keep) = keep {
                originals.push_back((position, keep(&item)));
            }
            queue.push_from(position, item);
            let is_enough = taken >= BATCH_ITEMS || queue.len() >= BOXED_ITEMS;
            if is_enough { Flow::Break(()) } else { Flow::Continue(()) }
        });
        (self.taken, self.next) = (taken, next);
        self.advance(out);
        Some(Halt::of(halted))
    }

    fn advance(&mut self, out: &mut Vec<C::Out>) {
        self.is_treating = true;
        if self.chain.advance(&mut self.moment, out).is_break() {
            self.phase = Phase::Finishing;
        }
        self.is_treating = false;
    }

    /// Calls `work` until it returns: a stage that panics loses its item and no other.
    fn guarded<R>(&mut self, mut work: impl FnMut(&mut Self) -> R) -> R {
        loop {
            match catch_unwind(AssertUnwindSafe(|| work(self))) {
                Ok(result) => {
                    self.panics = 0;
                    return result;
                }
                Err(payload) if self.is_treating && self.panics < PANICS_IN_A_ROW => {
                    self.is_treating = false;
                    self.panics += 1;
                    let cause = Cause::from_panic(&*payload);
                    let fault = Fault::once(None, self.moment.origin(), cause);
                    if self.moment.fault(fault).is_break() {
                        self.phase = Phase::Finishing;
                    }
                }
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
    }

    fn count_missed(&self, missed: u64) {
        warn!(missed, "the pipeline is too slow for its source");
        self.counters.missed(missed);
    }

    /// Logs and tells which circuits have come into another state.
    fn report_circuits(&mut self) {
        if !self.moment.has_circuits() {
            return;
        }
        for (stage, circuit) in self.moment.take_circuits() {
            let name = self.plan.name(stage);
            self.circuits.push(CircuitChange { name, is_sink: false, circuit });
        }
    }

    /// Counts, logs and tells what went wrong.
    fn report_faults(&mut self) -> Result<(), RunError> {
        if !self.moment.has_faults() {
            return Ok(());
        }
        for fault in self.moment.take_faults() {
            self.tell(&fault);
            let is_over = match self.moment.last_resort(&fault) {
                LastResort::Skip => false,
                LastResort::Fail => true,
                LastResort::DeadLetter => !self.set_aside(&fault),
            };
            if is_over {
                self.phase = Phase::Ended;
                return Err(RunError::Stage(fault));
            }
        }
        Ok(())
    }

    fn tell(&self, fault: &Fault) {
        self.counters.failed();
        let stage = fault.stage.map(|stage| self.plan.name(stage));
        let (position, cause) = (fault.origin.position(), &fault.cause);
        warn!(stage, position, %cause, attempts = fault.attempts, "cannot treat an item");
        if let Some(report) = &self.on_fault
            && catch_unwind(AssertUnwindSafe(|| report(fault))).is_err()
        {
            warn!("the report of a fault panicked");
        }
    }

    /// Writes the letter for the event that could not be treated, and returns whether there is one.
    fn set_aside(&mut self, fault: &Fault) -> bool {
        let position = fault.origin.position();
        let at = self.originals.partition_point(|(kept, _)| *kept < position);
        let Some((kept, event)) = self.originals.get(at) else { return false };
        let stage = fault.stage.map_or_else(|| "?".to_owned(), |stage| self.plan.name(stage));
        let told = DeadLetter::new(stage, &fault.cause, fault.attempts).after(fault.spent);
        let told = DeadLetter { position: Some(position), ..told };
        self.letters.push(told.letter(event));
        *kept == position
    }
}
