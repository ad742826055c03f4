//! Stages in a time that is given.

use std::time::{Duration, Instant};

use crate::{Fault, Flow, Moment, Pipeline, Stage};

/// Stages without a source, to which the test tells the time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_processor::Pipeline;
/// use stream_processor::testkit::VirtualRun;
///
/// let ms = Duration::from_millis;
/// let mut run = VirtualRun::new(Pipeline::empty().debounce(ms(10)));
/// run.push('a').advance(ms(5)).push('b').advance(ms(50)).finish();
/// assert_eq!(run.outputs(), [(ms(15), 'b')]);
/// ```
#[derive(Debug)]
pub struct VirtualRun<C, T> {
    stage: C,
    begin: Instant,
    moment: Moment,
    position: u64,
    outputs: Vec<(Duration, T)>,
    faults: Vec<Fault>,
    is_over: bool,
}

impl<C, T> VirtualRun<C, T> {
    /// Begins at 0.
    pub fn new<In>(pipeline: Pipeline<In, C>) -> Self
    where
        C: Stage<In, Out = T>,
    {
        let (begin, outputs, faults) = (Instant::now(), Vec::new(), Vec::new());
        let (stage, moment) = (pipeline.into_stage(), Moment::new(begin));
        Self { stage, begin, moment, position: 0, outputs, faults, is_over: false }
    }

    /// Takes an item; once a stage wants no more, items have no effect.
    pub fn push<In>(&mut self, item: In) -> &mut Self
    where
        C: Stage<In, Out = T>,
    {
        if self.is_over {
            return self;
        }
        self.moment.set_position(self.position);
        self.position += 1;
        self.step(|stage, moment, out| stage.push(item, moment, out))
    }

    /// Tells the stages up to which time everything is there, in milliseconds since 1970.
    pub fn watermark<In>(&mut self, at_ms: i64) -> &mut Self
    where
        C: Stage<In, Out = T>,
    {
        self.moment.set_watermark_ms(at_ms);
        self.step(C::advance)
    }

    /// Lets time pass; deadlines come at their times.
    pub fn advance<In>(&mut self, time: Duration) -> &mut Self
    where
        C: Stage<In, Out = T>,
    {
        let until = self.moment.now() + time;
        while let Some(due) = self.stage.deadline().filter(|due| *due <= until) {
            self.moment.set_now(due.max(self.moment.now()));
            self.step(C::advance);
            if self.stage.deadline() == Some(due) {
                // It waits for something else than time.
                break;
            }
        }
        self.moment.set_now(until);
        self
    }

    /// Says that no item follows.
    pub fn finish<In>(&mut self) -> &mut Self
    where
        C: Stage<In, Out = T>,
    {
        loop {
            let mut is_all = false;
            self.step(|stage, moment, out| {
                is_all = stage.finish(moment, out);
                Flow::Continue(())
            });
            let Some(due) = self.stage.deadline().filter(|_| !is_all) else { return self };
            self.moment.set_now(due.max(self.moment.now()));
        }
    }

    /// What came out, and when, counted from the beginning.
    pub fn outputs(&self) -> &[(Duration, T)] {
        &self.outputs
    }

    /// What could not be treated.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether a stage wants no more.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn step<In>(&mut self, call: impl FnOnce(&mut C, &mut Moment, &mut Vec<T>) -> Flow) -> &mut Self
    where
        C: Stage<In, Out = T>,
    {
        let mut out = Vec::new();
        self.is_over |= call(&mut self.stage, &mut self.moment, &mut out).is_break();
        let at = self.moment.now().saturating_duration_since(self.begin);
        self.outputs.extend(out.into_iter().map(|item| (at, item)));
        self.faults.extend(self.moment.take_faults());
        self
    }
}
