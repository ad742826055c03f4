//! Pipelines by name, put together from processors by name.
//!
//! They treat one value when they are asked to, and so know neither sources nor sinks; for
//! events that come by themselves there is [`StreamProcessor`](crate::StreamProcessor).

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use stream_model::{BoxError, ErrorClass};

use crate::Cause;
use crate::limits::NAMES_MAX;

/// A step that is under way.
type StepFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A processor, or a middleware.
type Step<T> = Arc<dyn Fn(T) -> StepFuture<T> + Send + Sync>;

/// Who is told of an error, and of the last good value.
type ErrorHandler<T> = Arc<dyn Fn(&ProcessError, &T) + Send + Sync>;

/// Named pipelines of named processors.
///
/// Middleware comes first, in the order in which it was added, then the pipeline's processors in
/// theirs.
/// A processor that is added again is replaced in every pipeline.
///
/// # Examples
///
/// ```
/// use stream_processor::NamedPipelines;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut pipelines = NamedPipelines::new();
/// pipelines.add_processor("parse", async |n: String| n.parse::<i64>().map(|n| n.to_string()))?;
/// pipelines.add_processor("trim", async |n: String| Ok::<_, std::fmt::Error>(n.trim().to_owned()))?;
/// pipelines.create_pipeline("numbers", ["trim", "parse"])?;
/// pipelines.on_error("numbers", |error, last| eprintln!("{error} at {last:?}"));
/// assert_eq!(pipelines.process("numbers", " 007 ".to_owned()).await?, "7");
/// assert!(pipelines.process("numbers", "seven".to_owned()).await.is_err());
/// assert!(pipelines.create_pipeline("texts", ["missing"]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "StreamProcessor")]
#[doc(alias = "AdvancedStreamProcessor")]
#[derive(Clone)]
pub struct NamedPipelines<T> {
    processors: Vec<(String, Step<T>)>,
    numbers: HashMap<String, usize>,
    /// The processors of each pipeline, by their numbers.
    pipelines: HashMap<String, Vec<usize>>,
    middleware: Vec<Step<T>>,
    error_handlers: HashMap<String, ErrorHandler<T>>,
}

impl<T: Clone + Send + 'static> NamedPipelines<T> {
    /// No pipelines, and no processors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a processor, or replaces the one of this name.
    ///
    /// # Errors
    /// [`PipelineError::TooMany`] if there are [`NAMES_MAX`].
    pub fn add_processor<F, Fut, X>(
        &mut self,
        name: impl Into<String>,
        call: F,
    ) -> Result<(), PipelineError>
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, X>> + Send + 'static,
        X: Into<BoxError>,
    {
        let (name, step) = (name.into(), step(call));
        if let Some((_, old)) = self.number(&name).and_then(|n| self.processors.get_mut(n)) {
            *old = step;
            return Ok(());
        }
        admit(self.processors.len())?;
        self.numbers.insert(name.clone(), self.processors.len());
        self.processors.push((name, step));
        Ok(())
    }

    /// Makes a pipeline of processors that were added before, or replaces the one of this name.
    ///
    /// # Errors
    /// [`PipelineError`]; then nothing has changed.
    pub fn create_pipeline<I>(
        &mut self,
        name: impl Into<String>,
        processors: I,
    ) -> Result<(), PipelineError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let name = name.into();
        let number = |name: I::Item| {
            let unknown = || PipelineError::UnknownProcessor { name: name.as_ref().to_owned() };
            self.number(name.as_ref()).ok_or_else(unknown)
        };
        let numbers = processors.into_iter().map(number).collect::<Result<Vec<_>, _>>()?;
        if !self.pipelines.contains_key(&name) {
            admit(self.pipelines.len())?;
        }
        self.pipelines.insert(name, numbers);
        Ok(())
    }

    /// Puts a step before every pipeline.
    #[doc(alias = "use")]
    pub fn add_middleware<F, Fut, X>(&mut self, call: F)
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, X>> + Send + 'static,
        X: Into<BoxError>,
    {
        self.middleware.push(step(call));
    }

    /// Tells `handler` of a pipeline's errors and of the last good value; the last handler wins.
    pub fn on_error(
        &mut self,
        pipeline: impl Into<String>,
        handler: impl Fn(&ProcessError, &T) + Send + Sync + 'static,
    ) {
        self.error_handlers.insert(pipeline.into(), Arc::new(handler));
    }

    /// The names of the pipelines, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.pipelines.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Sends `data` through a pipeline.
    ///
    /// # Errors
    /// [`ProcessError`] if there is no such pipeline, or a step fails or panics; the pipeline's
    /// error handler was told before.
    ///
    /// # Cancel safety
    /// If the future is dropped, the step that is under way is, too, and none follows.
    pub async fn process(&self, pipeline: &str, data: T) -> Result<T, ProcessError> {
        let mut last = data;
        match self.run(pipeline, &mut last).await {
            Ok(()) => Ok(last),
            Err(error) => {
                if let Some(handler) = self.error_handlers.get(pipeline) {
                    // What a handler panics with is not what the caller asked about.
                    drop(catch_unwind(AssertUnwindSafe(|| handler(&error, &last))));
                }
                Err(error)
            }
        }
    }

    /// Replaces `last` by what each step makes of it.
    async fn run(&self, pipeline: &str, last: &mut T) -> Result<(), ProcessError> {
        let unknown = || ProcessError::UnknownPipeline { name: pipeline.to_owned() };
        let numbers = self.pipelines.get(pipeline).ok_or_else(unknown)?;
        let middleware = self.middleware.iter().map(|step| ("middleware", step));
        let processors = numbers.iter().filter_map(|number| self.processors.get(*number));
        let processors = processors.map(|(name, step)| (name.as_str(), step));
        for (name, step) in middleware.chain(processors) {
            let done = guarded(step, last.clone()).await;
            *last = done.map_err(|cause| ProcessError::Failed { step: name.to_owned(), cause })?;
        }
        Ok(())
    }

    fn number(&self, processor: &str) -> Option<usize> {
        self.numbers.get(processor).copied()
    }
}

fn step<T, F, Fut, X>(call: F) -> Step<T>
where
    T: 'static,
    F: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, X>> + Send + 'static,
    X: Into<BoxError>,
{
    Arc::new(move |data| {
        let future = call(data);
        Box::pin(async move { future.await.map_err(Into::into) })
    })
}

fn admit(present: usize) -> Result<(), PipelineError> {
    if present < NAMES_MAX { Ok(()) } else { Err(PipelineError::TooMany { limit: NAMES_MAX }) }
}

/// Runs a step; a panic is an error.
async fn guarded<T>(step: &Step<T>, data: T) -> Result<T, Cause> {
    let caught = catch_unwind(AssertUnwindSafe(|| step(data)));
    let mut future = caught.map_err(|payload| Cause::from_panic(&*payload))?;
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(done.map_err(Cause::Error)),
        Err(payload) => Poll::Ready(Err(Cause::from_panic(&*payload))),
    })
    .await
}

impl<T> Default for NamedPipelines<T> {
    fn default() -> Self {
        Self {
            processors: Vec::new(),
            numbers: HashMap::new(),
            pipelines: HashMap::new(),
            middleware: Vec::new(),
            error_handlers: HashMap::new(),
        }
    }
}

impl<T> fmt::Debug for NamedPipelines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedPipelines")
            .field("processors", &self.numbers)
            .field("pipelines", &self.pipelines)
            .finish_non_exhaustive()
    }
}

/// Why a pipeline, or a processor, was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A pipeline names a processor that was not added; the documents word it so.
    #[error("Processor {name} not found")]
    UnknownProcessor {
        /// The name.
        name: String,
    },
    /// There are as many as there may be.
    #[error("there are {limit}, and may be no more")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

impl PipelineError {
    /// What kind of failure it is.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownProcessor { .. } => ErrorClass::NotFound,
            Self::TooMany { .. } => ErrorClass::RateLimited,
        }
    }
}

/// Why a value did not get through a pipeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is no such pipeline; the documents word it so.
    #[error("Pipeline {name} not found")]
    UnknownPipeline {
        /// The name.
        name: String,
    },
    /// A step failed.
    #[error("{step} failed")]
    Failed {
        /// The processor's name, or `middleware`.
        step: String,
        /// Why.
        #[source]
        cause: Cause,
    },
}

impl ProcessError {
    /// What kind of failure it is.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownPipeline { .. } => ErrorClass::NotFound,
            Self::Failed { .. } => ErrorClass::Internal,
        }
    }
}
