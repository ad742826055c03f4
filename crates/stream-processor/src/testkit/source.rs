//! A source that does as it is told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use stream_model::BoxError;

use crate::{Arrival, Source, SourceError, Sourced};

/// What a pipeline reads, said by a [`TestSourceHandle`].
///
/// Items are counted from 0.
/// A watermark reaches the stages after the items that were given before it.
pub struct TestSource<T> {
    script: Arc<Mutex<Script<T>>>,
}

/// The test's end of a [`TestSource`].
pub struct TestSourceHandle<T> {
    script: Arc<Mutex<Script<T>>>,
}

struct Script<T> {
    steps: VecDeque<Step<T>>,
    next: u64,
    watermark_ms: Option<i64>,
    acknowledged: u64,
    is_closing: bool,
    is_over: bool,
    waker: Option<Waker>,
}

enum Step<T> {
    Item(T),
    Watermark(i64),
    Missed(u64),
    Failed(BoxError),
    End,
}

impl<T> TestSource<T> {
    /// A source, and the handle that says what it gives.
    pub fn new() -> (Self, TestSourceHandle<T>) {
        let script = Arc::new(Mutex::new(Script {
            steps: VecDeque::new(),
            next: 0,
            watermark_ms: None,
            acknowledged: 0,
            is_closing: false,
            is_over: false,
            waker: None,
        }));
        (Self { script: Arc::clone(&script) }, TestSourceHandle { script })
    }
}

impl<T> TestSourceHandle<T> {
    /// Gives an item.
    pub fn push(&self, item: T) {
        self.add(Step::Item(item));
    }

    /// Says up to which time everything was given, in milliseconds since 1970.
    pub fn watermark(&self, at_ms: i64) {
        self.add(Step::Watermark(at_ms));
    }

    /// Says that so many items were missed.
    pub fn miss(&self, items: u64) {
        self.add(Step::Missed(items));
    }

    /// Fails for good.
    pub fn fail(&self, error: impl Into<BoxError>) {
        self.add(Step::Failed(error.into()));
    }

    /// Ends.
    pub fn end(&self) {
        self.add(Step::End);
    }

    /// The position before which the pipeline wants nothing again.
    pub fn acknowledged(&self) -> u64 {
        self.script.lock().acknowledged
    }

    /// Whether the pipeline wants nothing new.
    pub fn is_closed(&self) -> bool {
        self.script.lock().is_closing
    }

    fn add(&self, step: Step<T>) {
        let mut script = self.script.lock();
        script.steps.push_back(step);
        if let Some(waker) = script.waker.take() {
            waker.wake();
        }
    }
}

impl<T: Send> Source for TestSource<T> {
    type Item = T;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<T>>> {
        let mut script = self.script.lock();
        if script.is_over {
            return Poll::Ready(None);
        }
        match script.steps.pop_front() {
            Some(Step::Item(item)) => {
                let position = script.next;
                script.next += 1;
                Poll::Ready(Some(Ok(Sourced { position, item })))
            }
            Some(Step::Watermark(at_ms)) => {
                script.watermark_ms = Some(at_ms);
                // What was given before goes through the stages first.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Missed(missed)) => Poll::Ready(Some(Err(SourceError::Missed { missed }))),
            Some(Step::Failed(error)) => {
                script.is_over = true;
                Poll::Ready(Some(Err(SourceError::Failed(error))))
            }
            Some(Step::End) => {
                script.is_over = true;
                Poll::Ready(None)
            }
            None if script.is_closing => Poll::Ready(None),
            None => {
                script.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn watermark_ms(&self) -> Option<i64> {
        self.script.lock().watermark_ms
    }

    fn acknowledge(&mut self, before: u64) {
        self.script.lock().acknowledged = before;
    }

    fn close(&mut self) {
        self.script.lock().is_closing = true;
    }
}

impl<T> fmt::Debug for TestSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSource").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TestSourceHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSourceHandle").finish_non_exhaustive()
    }
}
