//! One reader of many topics: all that its selectors take now, and those that are made later.
//!
//! Within a topic, events come in order; between topics there is no order.
//! Where the reader stands in each of them is one resume token, from which it goes on with every
//! topic that it knew, and takes from the beginning what was made since.

mod feed;
mod find;

use std::collections::{HashMap, VecDeque};
use std::future::Future;

use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{self, BoxStream, SelectAll};
use futures_util::{FutureExt, StreamExt};
use stream_core::{Cursor, TryNext};
use stream_log::{Behind, LogReader, Next, ReadError, ReadFrom, ReadLimit, StoreError};
use stream_model::{Epoch, Offset, StreamPosition, Topic};
use stream_protocol::session::Gap;
use stream_protocol::subscribe::{SlowPolicy, StartAt};
use stream_protocol::{CloseCode, Interest, Positions};
use tracing::warn;

pub(crate) use self::feed::{ManyFeed, ManyForm};
use crate::app::{App, topic_log_name};
use crate::feed::{behind, session_gap};
use crate::item::TopicItem;
use crate::limits::{MANY_READ_BYTES, TOPICS_PER_READER};

/// Reads many topics.
pub(crate) struct ManyReader {
    app: App,
    interest: Interest,
    behind: Behind,
    births: Cursor<Topic>,
    /// Topics that were made and are not followed yet.
    born: VecDeque<Topic>,
    /// Whether topics may have been made unheard.
    may_have_missed: bool,
    followed: HashMap<Topic, Followed>,
    positions: Positions,
    steps: SelectAll<BoxStream<'static, Step>>,
    /// Once the server goes down: what must still be delivered.
    drain_to: Option<Vec<(Topic, Offset)>>,
}

/// A topic that is read.
struct Followed {
    epoch: Epoch,
    live: std::sync::Arc<stream_log::LiveLog<TopicItem>>,
    stop: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

/// What one topic's reader found.
struct Step {
    topic: Topic,
    epoch: Epoch,
    what: What,
}

enum What {
    Record(TopicItem, Offset),
    Gap(stream_log::Gap),
    End { deleted: bool },
    TooSlow,
    Failed(ReadError),
}

/// What the reader of many topics found.
pub(crate) enum Seen {
    /// An event; the reader's positions are after it.
    Event(TopicItem),
    /// Nothing that this reader takes.
    Nothing,
    Gap(Topic, Gap),
    Deleted(Topic),
    /// There is no going on, and why.
    End(CloseCode),
}

/// Why many topics cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("expected patterns that take at most {TOPICS_PER_READER} topics with short names")]
    TooMany,
}

impl ManyReader {
    /// Reads what `interest` takes, from `start`.
    ///
    /// # Errors
    /// [`OpenError`]; without a word of `start` a reader begins at the live end, and no single
    /// offset means anything for many topics: it is taken for the live end too.
    pub(crate) async fn open(
        app: &App,
        interest: Interest,
        start: &StartAt<Positions>,
        slow: SlowPolicy,
    ) -> Result<Self, OpenError> {
        // Before the topics are listed, so that none is made unseen between the two.
        let births = app.births();
        let mut reader = Self {
            app: app.clone(),
            births,
            born: VecDeque::new(),
            may_have_missed: false,
            followed: HashMap::new(),
            positions: Positions::default(),
            steps: SelectAll::new(),
            drain_to: None,
            interest,
            behind: behind(slow),
        };
        for topic in find::topics(app.store(), &reader.interest).await? {
            let from = first_read(start, &topic);
            reader.join(topic, from).await?;
        }
        reader.check_size()?;
        Ok(reader)
    }

    /// What resumes the reader; `None` if it has become too long.
    pub(crate) fn token(&self) -> Option<String> {
        self.positions.token()
    }

    /// Topics that are followed.
    pub(crate) fn topics(&self) -> usize {
        self.followed.len()
    }

    /// Takes what is next without waiting.
    pub(crate) fn try_next(&mut self) -> Option<Seen> {
        // Polled once: what it waits for is waited for again by `next`.
        std::pin::pin!(self.next()).now_or_never()
    }

    /// Takes what is next, waiting for it.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: a topic that was made is forgotten only when it is
    /// followed, and readers keep what they are about to find.
    pub(crate) async fn next(&mut self) -> Seen {
        if let Some(topic) = self.born.front().cloned() {
            let seen = self.welcome(topic).await;
            self.born.pop_front();
            return seen;
        }
        if self.may_have_missed {
            return self.look_again().await;
        }
        let step = tokio::select! {
            biased;
            heard = hear(&mut self.births, &self.interest) => {
                match heard {
                    Some(topic) => self.born.push_back(topic),
                    None => self.may_have_missed = true,
                }
                return Seen::Nothing;
            }
            Some(step) = self.steps.next(), if !self.steps.is_empty() => step,
        };
        self.take(step)
    }

    /// Follows a topic that was made, in place of an older one of its name.
    async fn welcome(&mut self, topic: Topic) -> Seen {
        let known = self.followed.get(&topic);
        if known.is_some_and(|known| !known.live.state().deleted) {
            return Seen::Nothing;
        }
        if self.followed.remove(&topic).is_some() {
            self.positions.remove(&topic);
            // Told before anything of the new one; the birth is heard of again.
            self.born.push_back(topic.clone());
            return Seen::Deleted(topic);
        }
        let joined = self.join(topic, ReadFrom::Offset(Offset::ZERO)).await;
        match joined.and_then(|()| self.check_size()) {
            Ok(()) => Seen::Nothing,
            Err(OpenError::TooMany) => Seen::End(CloseCode::TooManyTopics),
            Err(error) => {
                warn!(%error, "reader of many topics ended: a new topic cannot be read");
                Seen::End(CloseCode::Unavailable)
            }
        }
    }

    /// Finds the topics that were made unheard.
    async fn look_again(&mut self) -> Seen {
        match find::topics(self.app.store(), &self.interest).await {
            Ok(topics) => {
                let unknown = topics.into_iter().filter(|topic| !self.followed.contains_key(topic));
                self.born.extend(unknown);
                self.may_have_missed = false;
                Seen::Nothing
            }
            Err(error) => {
                warn!(%error, "reader of many topics ended: topics cannot be listed");
                Seen::End(CloseCode::Unavailable)
            }
        }
    }

    /// Follows `topic`, if it is there.
    async fn join(&mut self, topic: Topic, from: ReadFrom) -> Result<(), OpenError> {
        let name = topic_log_name(&topic);
        let Some(log) = self.app.store().get(&name).await? else { return Ok(()) };
        let live = self.app.topics().follow(&name, log).await?;
        let epoch = live.epoch();
        let limit = ReadLimit { bytes_max: MANY_READ_BYTES, ..ReadLimit::default() };
        let reader = LogReader::open(std::sync::Arc::clone(&live), from)?;
        let reader = reader.limit(limit).when_behind(self.behind);
        self.positions.set(&topic, reader.position());
        let (stop, stopped) = AbortHandle::new_pair();
        let steps = Abortable::new(steps(topic.clone(), epoch, reader), stopped);
        self.steps.push(steps.boxed());
        self.followed.insert(topic, Followed { epoch, live, stop });
        Ok(())
    }

    fn check_size(&self) -> Result<(), OpenError> {
        let fits = self.followed.len() <= TOPICS_PER_READER && self.positions.token().is_some();
        if fits { Ok(()) } else { Err(OpenError::TooMany) }
    }

    fn take(&mut self, Step { topic, epoch, what }: Step) -> Seen {
        if self.followed.get(&topic).is_none_or(|followed| followed.epoch != epoch) {
            return Seen::Nothing; // of a topic that another has replaced
        }
        match what {
            What::Record(item, offset) => {
                self.positions.set(&topic, StreamPosition { epoch, offset: offset.next() });
                let taken = item.event().is_none_or(|event| self.interest.takes_event(event));
                if taken { Seen::Event(item) } else { Seen::Nothing }
            }
            What::Gap(gap) => {
                let gap = session_gap(gap);
                let position = match gap {
                    Gap::Trimmed { to, .. } | Gap::Damaged { to, .. } | Gap::Lagged { to, .. } => {
                        StreamPosition { epoch, offset: to }
                    }
                    Gap::EpochChanged { earliest, .. } => earliest,
                };
                self.positions.set(&topic, position);
                Seen::Gap(topic, gap)
            }
            What::End { deleted: true } => {
                self.followed.remove(&topic);
                self.positions.remove(&topic);
                Seen::Deleted(topic)
            }
            What::End { deleted: false } => Seen::Nothing,
            What::TooSlow => Seen::End(CloseCode::TooSlow),
            What::Failed(error) => {
                warn!(%error, %topic, "reader ended: its log cannot be read");
                Seen::End(CloseCode::Unavailable)
            }
        }
    }

    /// Takes what the topics hold now as all that must still be delivered.
    pub(crate) fn begin_drain(&mut self) {
        let tails = self.followed.iter();
        let tails = tails.map(|(topic, followed)| (topic.clone(), followed.live.state().next));
        self.drain_to = Some(tails.collect());
    }

    /// Whether that was delivered.
    pub(crate) fn is_drained(&self) -> bool {
        let Some(tails) = &self.drain_to else { return false };
        tails.iter().all(|(topic, to)| {
            self.positions.get(topic).is_none_or(|position| position.offset >= *to)
        })
    }
}

/// The next topic that is made and taken; `None` if some were missed.
async fn hear(births: &mut Cursor<Topic>, interest: &Interest) -> Option<Topic> {
    loop {
        match births.next().await {
            TryNext::Item(topic) if interest.takes_topic(topic) => return Some(topic.clone()),
            TryNext::Item(_) | TryNext::Empty => {}
            TryNext::Lagged { .. } => return None,
            // The app, which holds the hub, lives as long as its readers.
            TryNext::Closed => std::future::pending().await,
        }
    }
}

/// Where a reader begins in a topic that is there when it comes.
fn first_read(start: &StartAt<Positions>, topic: &Topic) -> ReadFrom {
    match start {
        StartAt::Earliest => ReadFrom::Earliest,
        StartAt::Unsaid | StartAt::Latest | StartAt::Offset(_) => ReadFrom::Latest,
        // A topic that the reader did not know has been made since, and nothing of it was read;
        // if its beginning is gone already, the reader is told.
        StartAt::Token(positions) => {
            positions.get(topic).map_or(ReadFrom::Offset(Offset::ZERO), ReadFrom::Position)
        }
    }
}

/// A topic's records as they come, up to its end or a failure.
fn steps(
    topic: Topic,
    epoch: Epoch,
    reader: LogReader<TopicItem>,
) -> impl stream::Stream<Item = Step> + Send {
    stream::unfold(Some(reader), move |reader| {
        let topic = topic.clone();
        async move {
            let mut reader = reader?;
            let what = next_of(&mut reader).await;
            let goes_on = matches!(what, What::Record(..) | What::Gap(_));
            Some((Step { topic, epoch, what }, goes_on.then_some(reader)))
        }
    })
}

fn next_of(reader: &mut LogReader<TopicItem>) -> impl Future<Output = What> + Send {
    reader.next().map(|next| match next {
        Ok(Next::Record(offset, item)) => What::Record(item.clone(), offset),
        Ok(Next::Gap(gap)) => What::Gap(gap),
        Ok(Next::End(state)) => What::End { deleted: state.deleted },
        Ok(Next::TooSlow) => What::TooSlow,
        Err(error) => What::Failed(error),
    })
}
