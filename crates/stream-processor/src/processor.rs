//! A pipeline while it is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use stream_core::Stream;
use stream_model::Event;

use crate::delivery::Notices;
use crate::driver::Keep;
use crate::moment::Policies;
use crate::plan::Plan;
use crate::sinks::Sinks;
use crate::source::{Connect, FromStream, Subscribed};
use crate::stage::{Chain, Identity};
use crate::{CircuitChange, Fault, Flow, LogSink, Moment, OnError, Roll, Stage};

/// Items from a source, through stages, into sinks.
///
/// Every method takes the processor and returns another, so a clone is a branch that shares
/// nothing, and starting uses it up.
/// Items go through the stages in call order; sinks get what comes out of the last one, wherever
/// they are named.
///
/// `In` is what the source gives, `C` the chain of stages; without a source it is a [`Pipeline`].
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, StreamExt};
/// use stream_model::{Event, EventType};
/// use stream_processor::StreamProcessor;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
/// let running = StreamProcessor::new(input.clone())
///     .filter(|event: &Event| event.event_type() == EventType::Message)
///     .try_map(|event: &Event| {
///         let mut data = event.data().to_value()?;
///         data["processed"] = true.into();
///         Ok::<_, stream_model::DataError>(event.to_builder().data(data).build())
///     })
///     .sink(output.clone())
///     .start()
///     .await?;
/// input.publish_data(serde_json::json!({"order": 7})).await?;
/// running.drain().await?;
/// assert_eq!(output.recent(1)[0].data().to_value()?["processed"], true);
/// # Ok(())
/// # }
/// ```
pub struct StreamProcessor<In, S = (), C = Identity> {
    pub(crate) source: S,
    pub(crate) chain: C,
    pub(crate) settings: Settings,
    /// How source items are kept for dead letters.
    pub(crate) keep: Option<Keep<In>>,
}

/// What a pipeline is besides its source and its stages.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) plan: Plan,
    pub(crate) policies: Policies,
    pub(crate) sinks: Sinks,
    pub(crate) on_fault: Option<Report>,
    pub(crate) notices: Notices,
    pub(crate) dead_letters: Option<Arc<dyn Stream>>,
}

impl Settings {
    /// Takes over what was said about stages that now follow the present ones.
    fn append(&mut self, other: Self) {
        self.policies.append(other.policies, self.plan.len());
        self.plan.append(other.plan);
        self.sinks.append(other.sinks);
        self.on_fault = self.on_fault.take().or(other.on_fault);
        self.notices = std::mem::take(&mut self.notices).or(other.notices);
        self.dead_letters = self.dead_letters.take().or(other.dead_letters);
    }
}

/// Who is told what went wrong.
pub(crate) type Report = Arc<dyn Fn(&Fault) + Send + Sync>;

/// Stages without a source yet.
///
/// It can be appended to another with [`StreamProcessor::through`], or run over a list.
pub type Pipeline<In, C = Identity> = StreamProcessor<In, (), C>;

impl<In> Pipeline<In> {
    /// No stages yet, and no source.
    pub fn empty() -> Self {
        Self::bare(())
    }
}

impl<In> Default for Pipeline<In> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<S: Stream> StreamProcessor<Event, Subscribed<S>> {
    /// The events that `source` publishes from the start of the pipeline on.
    ///
    /// Publishers wait for a pipeline that cannot keep up; [`Subscribed`] has other choices, for
    /// [`from_source`](StreamProcessor::from_source).
    pub fn new(source: S) -> Self {
        Self::bare(Subscribed::new(source))
    }
}

impl<S: futures_core::Stream + Send> StreamProcessor<S::Item, FromStream<S>> {
    /// The items of any [`futures_core::Stream`].
    pub fn from_stream(items: S) -> Self {
        Self::bare(FromStream::new(items))
    }
}

impl<S: Connect> StreamProcessor<S::Item, S> {
    /// The items of any source.
    pub fn from_source(source: S) -> Self {
        Self::bare(source)
    }
}

impl<In, S> StreamProcessor<In, S> {
    fn bare(source: S) -> Self {
        Self { source, chain: Identity, settings: Settings::default(), keep: None }
    }
}

impl<S, C> StreamProcessor<Event, S, C> {
    /// Publishes the events that are set aside ([`OnError::dead_letter`]) to `target`, each as
    /// [`DeadLetter`](crate::DeadLetter) says.
    ///
    /// The pipeline goes on once `target` has taken the letter, and ends if it does not.
    #[must_use]
    pub fn dead_letters(mut self, target: impl Stream + 'static) -> Self {
        self.settings.dead_letters = Some(Arc::new(target));
        self.keep = Some(Event::clone);
        self
    }
}

impl<In, S, C> StreamProcessor<In, S, C> {
    /// Publishes what comes out of the last stage to `target`, whatever is called after this.
    ///
    /// Sinks get an event one after the other, in call order, and the next event after that; a
    /// target that makes its publishers wait slows the pipeline down, and nothing is lost.
    #[must_use]
    pub fn sink(mut self, target: impl Stream + 'static) -> Self {
        self.settings.sinks.add(None, target);
        self
    }

    /// As [`sink`](Self::sink), for the events that [`route`](Self::route) sends to `name`.
    #[must_use]
    pub fn sink_as(mut self, name: impl Into<String>, target: impl Stream + 'static) -> Self {
        self.settings.sinks.add(Some(name.into()), target);
        self
    }

    /// Appends what comes out of the last stage to a log, whatever is called after this.
    ///
    /// It gets the events after the sinks that are streams, many at once, and the pipeline waits
    /// until they are as safe as the log makes them.
    #[must_use]
    pub fn log_sink(mut self, sink: LogSink) -> Self {
        self.settings.sinks.add_log(None, sink);
        self
    }

    /// As [`log_sink`](Self::log_sink), for the events that [`route`](Self::route) sends to `name`.
    #[must_use]
    pub fn log_sink_as(mut self, name: impl Into<String>, sink: LogSink) -> Self {
        self.settings.sinks.add_log(Some(name.into()), sink);
        self
    }

    /// Says for each event to which sink it goes, by name; it may depend on the event alone.
    ///
    /// Sinks without a name get every event besides; one that goes to a name that no sink has, is
    /// logged and counted.
    #[must_use]
    pub fn route(mut self, to: impl Fn(&Event) -> String + Send + Sync + 'static) -> Self {
        self.settings.sinks.route_by(to);
        self
    }

    /// Says what happens to items that cannot be treated or delivered, where nothing else is said.
    #[must_use]
    pub fn on_error(mut self, policy: OnError) -> Self {
        self.settings.policies.pipeline = policy;
        self
    }

    /// Says what happens to items that the stage before cannot treat.
    #[must_use]
    pub fn stage_on_error(mut self, policy: OnError) -> Self {
        if let Some(stage) = self.settings.plan.last() {
            self.settings.policies.stages.push((stage, policy));
        }
        self
    }

    /// Tells `report` of every item that cannot be treated, whatever becomes of it.
    ///
    /// It is called by the pipeline, so it should be quick.
    #[must_use]
    pub fn on_fault(mut self, report: impl Fn(&Fault) + Send + Sync + 'static) -> Self {
        self.settings.on_fault = Some(Arc::new(report));
        self
    }

    /// Tells `report` of every circuit that opens, is tried or closes again.
    #[must_use]
    pub fn on_circuit(mut self, report: impl Fn(&CircuitChange) + Send + Sync + 'static) -> Self {
        self.settings.notices.report = Some(Arc::new(report));
        self
    }

    /// Publishes every change of a circuit to `target`: an event of the topic
    /// [`CIRCUIT_TOPIC`](crate::CIRCUIT_TOPIC) whose data are `name`, `is_sink` and `circuit`.
    ///
    /// The pipeline goes on also if `target` does not take it.
    #[must_use]
    pub fn circuit_events(mut self, target: impl Stream + 'static) -> Self {
        self.settings.notices.events = Some(Arc::new(target));
        self
    }

    /// The stages, in call order.
    pub fn plan(&self) -> &Plan {
        &self.settings.plan
    }

    /// Appends a stage of the kind `kind`.
    pub(crate) fn chained<B>(
        mut self,
        kind: &'static str,
        stage: B,
    ) -> StreamProcessor<In, S, Chain<C, B>> {
        self.settings.plan.add(kind);
        self.with_chain(|chain| Chain::new(chain, stage))
    }

    /// Appends the stages of `other`, with what was said about them.
    pub(crate) fn joined<T, D>(
        mut self,
        other: Pipeline<T, D>,
    ) -> StreamProcessor<In, S, Chain<C, D>> {
        self.settings.append(other.settings);
        self.with_chain(|chain| Chain::new(chain, other.chain))
    }

    /// Appends a stage that consists of two pipelines, made by `join`.
    pub(crate) fn forked<T, A, B, D>(
        mut self,
        first: Pipeline<T, A>,
        second: Pipeline<T, B>,
        join: impl FnOnce(A, B) -> D,
    ) -> StreamProcessor<In, S, Chain<C, D>> {
        self.settings.plan.add("split");
        self.settings.append(first.settings);
        self.settings.append(second.settings);
        let fork = join(first.chain, second.chain);
        self.with_chain(|chain| Chain::new(chain, fork))
    }

    pub(crate) fn with_chain<D>(self, change: impl FnOnce(C) -> D) -> StreamProcessor<In, S, D> {
        let Self { source, chain, settings, keep } = self;
        StreamProcessor { source, chain: change(chain), settings, keep }
    }
}

impl<In, C: Stage<In>> Pipeline<In, C> {
    /// The stages as one, for whoever drives them; it tries items again as was said.
    pub fn into_stage(self) -> C {
        let Self { mut chain, settings, .. } = self;
        chain.enroll(&mut Roll::new(settings.policies));
        chain
    }

    /// Runs `items` through the stages at once and returns what comes out.
    ///
    /// Time stands still until everything is waited for, and then leaps to the next deadline.
    /// Items that cannot be treated are left out.
    /// Futures that are not ready at once need a running pipeline, and nothing comes of them here.
    pub fn over(self, items: impl IntoIterator<Item = In>) -> Vec<C::Out> {
        let (mut chain, mut out) = (self.into_stage(), Vec::new());
        let mut moment = Moment::new(Instant::now());
        for (item, position) in items.into_iter().zip(0..) {
            while !chain.is_ready() && leap(&mut chain, &mut moment, &mut out) {}
            moment.set_position(position);
            if chain.push(item, &mut moment, &mut out).is_break() {
                break;
            }
        }
        while !chain.finish(&mut moment, &mut out) && leap(&mut chain, &mut moment, &mut out) {}
        out
    }
}

/// Goes on to the next deadline; returns whether there was one.
fn leap<In, C: Stage<In>>(chain: &mut C, moment: &mut Moment, out: &mut Vec<C::Out>) -> bool {
    let Some(deadline) = chain.deadline() else { return false };
    moment.set_now(deadline.max(moment.now()));
    // A stage that wants no more says so again when it is given something.
    let (Flow::Continue(()) | Flow::Break(())) = chain.advance(moment, out);
    true
}

impl<In, S: Clone, C: Clone> Clone for StreamProcessor<In, S, C> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            chain: self.chain.clone(),
            settings: self.settings.clone(),
            keep: self.keep,
        }
    }
}

impl<In, S, C> fmt::Debug for StreamProcessor<In, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProcessor").field("plan", &self.settings.plan).finish_non_exhaustive()
    }
}
