//! A pipeline that is read.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::counts::Counts;
use crate::driver::{Driver, Step};
use crate::{Connect, RunError, Source, Stage, StartError, StreamProcessor};

/// What comes out of a pipeline, as a [`futures_core::Stream`].
///
/// It has no task: its reader drives it, and takes as much as it can use.
///
/// # Errors
/// An item may be a [`RunError`], after which comes the end.
///
/// # Drop
/// What is among the stages is dropped, and futures that are under way are aborted.
pub struct Output<S: Source, C: Stage<S::Item>> {
    driver: Driver<S, C>,
    batch: Vec<C::Out>,
    ready: VecDeque<C::Out>,
    is_over: bool,
}

impl<In, S, C> StreamProcessor<In, S, C>
where
    S: Connect<Item = In>,
    C: Stage<In>,
{
    /// Starts the pipeline for a reader, without a task; sinks and dead letters are left out, and
    /// what would be set aside ends the pipeline.
    ///
    /// # Errors
    /// [`StartError`] if the source is not to be had.
    ///
    /// # Cancel safety
    /// If the future is dropped, nothing was started.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use stream_processor::StreamProcessor;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let numbers = StreamProcessor::from_stream(stream::iter(1..=3)).map(|n| n * n);
    /// let squares: Vec<i32> = numbers.open().await?.map(|n| n.expect("nothing fails")).collect().await;
    /// assert_eq!(squares, [1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(self) -> Result<Output<S::Source, C>, StartError> {
        let Self { source, chain, settings, .. } = self;
        let driver = Driver::new(source.connect().await?, chain, &settings);
        Ok(Output { driver, batch: Vec::new(), ready: VecDeque::new(), is_over: false })
    }
}

impl<S: Source, C: Stage<S::Item>> Output<S, C> {
    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.driver.counters.read()
    }

    /// Takes nothing new from the source: what is there by now still comes, and then the end.
    pub fn close(&mut self) {
        self.driver.source.close();
    }
}

impl<S: Source, C: Stage<S::Item>> fmt::Debug for Output<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl<S, C> futures_core::Stream for Output<S, C>
where
    S: Source + Unpin,
    C: Stage<S::Item> + Unpin,
    C::Out: Unpin,
{
    type Item = Result<C::Out, RunError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            this.driver.settle();
            let step = std::task::ready!(this.driver.poll_step(cx, &mut this.batch));
            this.ready.extend(this.batch.drain(..));
            match step {
                Ok(Step::More) => {}
                Ok(Step::End) => this.is_over = true,
                Err(error) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
