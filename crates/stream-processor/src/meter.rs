//! What each stage does, counted while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::limits::METER_EVERY;
use crate::{Emit, Flow, Loader, Moment, Roll, SaveState, Saver, Stage, StageId, StateError};

/// What a stage has done since its pipeline was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageCounts {
    /// What the stage is called.
    pub name: String,
    /// Items that went in.
    pub taken: u64,
    /// Items that came out.
    pub emitted: u64,
    /// Items that it could not treat.
    pub failed: u64,
    /// Items that are in it now: under way, waiting or kept.
    pub waiting: u64,
    /// The mean time that treating an item takes, without the stages after it; measured for one
    /// item in [`METER_EVERY`].
    pub latency_mean: Duration,
    /// The longest that was measured.
    pub latency_max: Duration,
}

/// The same, while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    taken: AtomicU64,
    emitted: AtomicU64,
    failed: AtomicU64,
    waiting: AtomicU64,
    samples: AtomicU64,
    latency_ns: AtomicU64,
    latency_ns_max: AtomicU64,
}

impl Meter {
    pub(crate) fn read(&self, name: String) -> StageCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mean = read(&self.latency_ns).checked_div(read(&self.samples)).unwrap_or(0);
        StageCounts {
            name,
            taken: read(&self.taken),
            emitted: read(&self.emitted),
            failed: read(&self.failed),
            waiting: read(&self.waiting),
            latency_mean: Duration::from_nanos(mean),
            latency_max: Duration::from_nanos(read(&self.latency_ns_max)),
        }
    }

    fn sampled(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.samples.fetch_add(1, Ordering::Relaxed);
        self.latency_ns.fetch_add(nanos, Ordering::Relaxed);
        self.latency_ns_max.fetch_max(nanos, Ordering::Relaxed);
    }
}

/// A stage that is counted.
#[derive(Debug)]
pub struct Metered<B> {
    stage: B,
    id: StageId,
    meter: Arc<Meter>,
    /// Items until one is timed.
    until_timed: u64,
}

impl<B> Metered<B> {
    pub(crate) fn new(stage: B, meter: Arc<Meter>) -> Self {
        Self { stage, id: StageId::default(), meter, until_timed: 0 }
    }

    /// Calls the stage, and counts what comes out and what fails.
    fn watched<In, R>(
        &mut self,
        moment: &mut Moment,
        call: impl FnOnce(&mut B, &mut Moment, &mut u64) -> R,
    ) -> R
    where
        B: Stage<In>,
    {
        let (faults, mut emitted) = (moment.faults().len(), 0);
        let result = call(&mut self.stage, moment, &mut emitted);
        let own = moment.faults().iter().skip(faults).filter(|fault| fault.stage == Some(self.id));
        self.meter.failed.fetch_add(own.count() as u64, Ordering::Relaxed);
        self.meter.emitted.fetch_add(emitted, Ordering::Relaxed);
        self.meter.waiting.store(self.stage.depth() as u64, Ordering::Relaxed);
        result
    }
}

/// A clone counts into the same numbers.
impl<B: Clone> Clone for Metered<B> {
    fn clone(&self) -> Self {
        Self { stage: self.stage.clone(), meter: Arc::clone(&self.meter), ..*self }
    }
}

/// Counts what is emitted, and times what becomes of it.
struct Counted<'a, E: ?Sized> {
    out: &'a mut E,
    emitted: &'a mut u64,
    /// The time that the stages after this one took, where that is wanted.
    beyond: Option<Duration>,
}

impl<T, E: Emit<T> + ?Sized> Emit<T> for Counted<'_, E> {
    #[inline]
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow {
        *self.emitted += 1;
        let Some(beyond) = &mut self.beyond else { return self.out.emit(item, moment) };
        let begin = Instant::now();
        let flow = self.out.emit(item, moment);
        *beyond += begin.elapsed();
        flow
    }
}

impl<In, B: Stage<In>> Stage<In> for Metered<B> {
    type Out = B::Out;

    fn push<E>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<B::Out> + ?Sized,
    {
        self.meter.taken.fetch_add(1, Ordering::Relaxed);
        let is_timed = self.until_timed == 0;
        self.until_timed = if is_timed { METER_EVERY - 1 } else { self.until_timed - 1 };
        let begin = is_timed.then(Instant::now);
        let (flow, beyond) = self.watched(moment, |stage, moment, emitted| {
            let mut out = Counted { out, emitted, beyond: is_timed.then_some(Duration::ZERO) };
            (stage.push(item, moment, &mut out), out.beyond)
        });
        if let (Some(begin), Some(beyond)) = (begin, beyond) {
            self.meter.sampled(begin.elapsed().saturating_sub(beyond));
        }
        flow
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<B::Out> + ?Sized,
    {
        self.watched(moment, |stage, moment, emitted| {
            stage.advance(moment, &mut Counted { out, emitted, beyond: None })
        })
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<B::Out> + ?Sized,
    {
        self.watched(moment, |stage, moment, emitted| {
            stage.finish(moment, &mut Counted { out, emitted, beyond: None })
        })
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.next();
        self.stage.enroll(roll);
    }

    fn is_ready(&self) -> bool {
        self.stage.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        self.stage.deadline()
    }

    fn held(&self) -> Option<u64> {
        self.stage.held()
    }

    fn depth(&self) -> usize {
        self.stage.depth()
    }
}

impl<B: SaveState> SaveState for Metered<B> {
    fn is_settled(&self) -> bool {
        self.stage.is_settled()
    }

    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        self.stage.save(to)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.stage.restore(from)
    }
}
