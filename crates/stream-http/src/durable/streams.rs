//! All streams: finding, making, forking and deleting them.

use std::collections::HashMap;
use std::sync::Arc;

use http::StatusCode;
use parking_lot::Mutex;
use stream_log::{
    AppendBatch, Log, LogConfig, LogName, LogStore, LogStoreExt, Namespace, ReadFrom, ReadLimit,
    Retention, Tail,
};
use stream_model::Offset;
use stream_model::now::{new_epoch, now};
use stream_protocol::durable::create::{Create, Creation, ForkRequest};
use stream_protocol::durable::record::{Description, encode_append};
use stream_protocol::durable::{Family, FamilyEvent, Lifetime, Refusal, StreamOffset, StreamPath};
use time::OffsetDateTime;
use tracing::warn;

use super::family::FamilyLog;
use super::locks::PathLocks;
use super::respond::{append_refused, read_refused, store_refused};
use super::seqs::Seqs;
use super::stream::{Stream, damaged};
use super::used::Used;

/// Names read at once when all streams are looked through.
const NAMES: usize = 1000;

/// The streams of a store.
#[derive(Debug)]
pub(crate) struct Streams {
    store: Arc<dyn LogStore>,
    /// Whether other servers have the same streams.
    shared: bool,
    known: Mutex<HashMap<StreamPath, Arc<Stream>>>,
    /// Held for a path while what stands there is made, loaded or deleted.
    ///
    /// Whoever holds one may wait for that of the stream's source, never the other way round.
    locks: PathLocks,
}

impl Streams {
    pub(crate) fn new(store: Arc<dyn LogStore>, shared: bool) -> Self {
        Self { store, shared, known: Mutex::default(), locks: PathLocks::default() }
    }

    /// The stream at `path`, for whoever wants to use it.
    pub(super) async fn find(&self, path: &StreamPath) -> Result<Arc<Stream>, Refusal> {
        match self.look_up(path).await? {
            Found::Alive(stream) => Ok(stream),
            Found::Deleted => Err(Refusal::deleted()),
            Found::Nothing => Err(Refusal::not_found()),
        }
    }

    /// What stands at `path` now; a stream whose time has run out is ended.
    async fn look_up(&self, path: &StreamPath) -> Result<Found, Refusal> {
        let Some(stream) = self.get(path).await? else { return Ok(Found::Nothing) };
        if !stream.is_deleted() && stream.may_be_deleted() {
            let mut family = stream.family.lock().await;
            family.refresh(&*self.store).await?;
            if family.family().is_deleted() {
                stream.mark_deleted();
            }
        }
        if !stream.is_deleted() && stream.is_over_everywhere().await? {
            self.end(&stream).await?;
        }
        if !stream.is_deleted() {
            return Ok(Found::Alive(stream));
        }
        // One without forks is gone altogether.
        let kept = self.known.lock().get(path).is_some_and(|known| Arc::ptr_eq(known, &stream));
        Ok(if kept { Found::Deleted } else { Found::Nothing })
    }

    /// Whatever stands at `path`, alive or not.
    async fn get(&self, path: &StreamPath) -> Result<Option<Arc<Stream>>, Refusal> {
        let known = self.known(path);
        if known.is_some() {
            return Ok(known);
        }
        let _guard = self.locks.lock(path).await;
        self.get_locked(path).await
    }

    /// A stream that was used before, unless another server has deleted its log since.
    fn known(&self, path: &StreamPath) -> Option<Arc<Stream>> {
        let mut known = self.known.lock();
        let stream = known.get(path).cloned()?;
        if stream.is_gone() {
            known.remove(path);
            return None;
        }
        Some(stream)
    }

    /// As [`get`](Self::get), for one who holds the path's lock.
    async fn get_locked(&self, path: &StreamPath) -> Result<Option<Arc<Stream>>, Refusal> {
        let known = self.known(path);
        if known.is_some() {
            return Ok(known);
        }
        let Some((log, description)) = self.describe(path).await? else { return Ok(None) };
        let source = match &description.fork {
            None => None,
            Some(fork) => {
                let path = StreamPath::new(&fork.source).map_err(|error| damaged(&error))?;
                // A fork's source is never let go of before the fork.
                let source = Box::pin(self.get(&path)).await?;
                Some(source.ok_or_else(|| damaged(&SourceMissing))?)
            }
        };
        let family = FamilyLog::load(&*self.store, path).await?;
        let tail = log.tail().await.map_err(|error| read_refused(&error))?;
        let seqs = Seqs::load(&*log, tail.state.next).await?;
        let used = self.used(path, description.lifetime).await?;
        let state = (used, seqs);
        let stream = Stream::new(path.clone(), description, log, source, family, state, &tail);
        Ok(Some(self.keep(stream, tail)))
    }

    async fn used(&self, path: &StreamPath, lifetime: Lifetime) -> Result<Used, Refusal> {
        if self.shared { Used::shared(&self.store, path, lifetime).await } else { Ok(Used::now()) }
    }

    /// Keeps a stream for whoever asks for it next, and hears whether another server deletes it.
    fn keep(&self, stream: Stream, tail: Tail) -> Arc<Stream> {
        let stream = if self.shared { stream.watched_by(tail.watch) } else { stream };
        let stream = Arc::new(stream);
        self.known.lock().insert(stream.path.clone(), Arc::clone(&stream));
        stream
    }

    /// The log at `path` and what it says it is; `None` if there is none, or one whose making
    /// was cut off before its first record.
    async fn describe(
        &self,
        path: &StreamPath,
    ) -> Result<Option<(Arc<dyn Log>, Description)>, Refusal> {
        let log = self.store.get(&stream_log(path)).await;
        let Some(log) = log.map_err(|error| store_refused(&error))? else { return Ok(None) };
        let first = log.read(ReadFrom::Earliest, ReadLimit::records(1)).await;
        let first = first.map_err(|error| read_refused(&error))?;
        let Some(record) = first.records.first() else { return Ok(None) };
        let description = Description::decode(&record.payload).map_err(|error| damaged(&error))?;
        Ok(Some((log, description)))
    }

    /// Makes what is asked for, or finds it made; says whether it was made now.
    pub(super) async fn create(
        &self,
        path: &StreamPath,
        create: Create,
    ) -> Result<(Arc<Stream>, bool), Refusal> {
        // Before the lock: a fork's source may stand at this very path.
        if let Some(found) = self.existing(path, &create).await? {
            return Ok((found, false));
        }
        let source = match create.fork() {
            None => None,
            Some(fork) => Some(self.source(fork).await?),
        };
        let _guard = self.locks.lock(path).await;
        if let Some(found) = self.get_locked(path).await? {
            // Somebody else was faster.
            if found.is_deleted() {
                return Err(Refusal::path_blocked());
            }
            return Ok((agrees(&create, found).await?, false));
        }
        let stream = match (create.fork().cloned(), source) {
            (Some(request), Some(source)) => self.fork(path, create, &request, source).await?,
            _ => self.make(path, create.plain(new_epoch().get())?, None).await?,
        };
        Ok((stream, true))
    }

    /// The stream that a request to make one finds made.
    async fn existing(
        &self,
        path: &StreamPath,
        create: &Create,
    ) -> Result<Option<Arc<Stream>>, Refusal> {
        match self.look_up(path).await? {
            Found::Alive(found) => agrees(create, found).await.map(Some),
            Found::Deleted => Err(Refusal::path_blocked()),
            Found::Nothing => Ok(None),
        }
    }

    /// The stream that a fork is to be made of.
    async fn source(&self, fork: &ForkRequest) -> Result<Arc<Stream>, Refusal> {
        match self.look_up(&fork.source).await? {
            Found::Alive(source) => Ok(source),
            Found::Deleted => Err(Refusal::path_blocked()),
            Found::Nothing => Err(Refusal::not_found()),
        }
    }

    async fn fork(
        &self,
        path: &StreamPath,
        create: Create,
        request: &ForkRequest,
        source: Arc<Stream>,
    ) -> Result<Arc<Stream>, Refusal> {
        let at = match request.offset {
            None => source.state().await?.tail,
            Some(offset) => source.resolve(offset).await.map_err(as_invalid)?,
        };
        let next = if request.sub_offset > 0 { source.piece(at).await? } else { None };
        let life = new_epoch().get();
        let offset = source.offset(at);
        let creation = create.forked(request, &source.description, offset, next.as_ref(), life)?;
        let mut family = source.family.lock().await;
        let blocked = |family: &Family| {
            if family.is_deleted() { Err(Refusal::path_blocked()) } else { Ok(()) }
        };
        let event = FamilyEvent::Forked(path.as_str().to_owned());
        family.record(&*self.store, event, blocked).await?;
        // Another server may have let go of the source, or of a fork that it found unmade.
        let made = match source.state().await {
            Ok(_) => self.make(path, creation, Some(Arc::clone(&source))).await,
            Err(refusal) => Err(refusal),
        };
        if made.is_err() {
            let event = FamilyEvent::Released(path.as_str().to_owned());
            family.record(&*self.store, event, always).await?;
            return made;
        }
        family.refresh(&*self.store).await?;
        if family.family().forks().all(|fork| fork != *path) {
            self.known.lock().remove(path);
            let deleted = self.store.delete(&stream_log(path)).await;
            deleted.map_err(|error| store_refused(&error))?;
            return Err(Refusal::path_blocked());
        }
        made
    }

    /// Makes the log of a new stream, whose lock is held: the description and the first content
    /// in one piece.
    async fn make(
        &self,
        path: &StreamPath,
        creation: Creation,
        source: Option<Arc<Stream>>,
    ) -> Result<Arc<Stream>, Refusal> {
        let Creation { mut description, pieces, closed } = creation;
        let log = self.store.get_or_create(&stream_log(path), LogConfig::default()).await;
        let log = log.map_err(|error| store_refused(&error))?;
        let tail = log.tail().await.map_err(|error| read_refused(&error))?;
        description.epoch = Some(tail.state.epoch.get());
        // Only one server makes a stream, whoever else asks for it at the same time.
        let mut batch = AppendBatch::new(now()).expected_tail(Offset::ZERO);
        batch.records.push(description.encode());
        batch.records.extend(pieces.iter().map(|piece| encode_append(None, piece)));
        batch.close = closed;
        log.append(batch).await.map(|_| ()).map_err(|error| append_refused(&error))?;
        let family = FamilyLog::load(&*self.store, path).await?;
        let state = (self.used(path, description.lifetime).await?, Seqs::none());
        let stream = Stream::new(path.clone(), description, log, source, family, state, &tail);
        Ok(self.keep(stream, tail))
    }

    /// Deletes the stream at `path`.
    pub(super) async fn delete(&self, path: &StreamPath) -> Result<(), Refusal> {
        let stream = self.find(path).await?;
        self.end(&stream).await
    }

    /// Ends a stream that was deleted or whose time has run out: it is kept for its forks, if it
    /// has any.
    async fn end(&self, stream: &Arc<Stream>) -> Result<(), Refusal> {
        let _guard = self.locks.lock(&stream.path).await;
        let mut family = stream.family.lock().await;
        family.refresh(&*self.store).await?;
        if family.family().is_deleted() {
            stream.mark_deleted();
            return Ok(());
        }
        self.let_go_of_lost_forks(stream, &mut family).await?;
        family.record(&*self.store, FamilyEvent::Deleted, always).await?;
        stream.mark_deleted();
        if family.family().is_over() {
            drop(family);
            return self.purge(stream).await;
        }
        if stream.is_shared() {
            // That is what other servers see, and look at the family then.
            stream.log.close().await.map_err(|error| append_refused(&error))?;
        }
        Ok(())
    }

    /// Forgets forks whose making was cut off.
    async fn let_go_of_lost_forks(
        &self,
        stream: &Stream,
        family: &mut FamilyLog,
    ) -> Result<(), Refusal> {
        let forks: Vec<_> = family.family().forks().collect();
        for path in forks {
            let described = self.describe(&path).await?;
            let is_ours =
                described.and_then(|(_, description)| description.fork).is_some_and(|fork| {
                    fork.source == stream.path.as_str()
                        && fork.source_life == stream.description.life
                });
            if !is_ours {
                let event = FamilyEvent::Released(path.as_str().to_owned());
                family.record(&*self.store, event, always).await?;
            }
        }
        Ok(())
    }

    /// Lets go of a stream's data, and of that of deleted sources which were kept for it.
    async fn purge(&self, stream: &Arc<Stream>) -> Result<(), Refusal> {
        let mut stream = Arc::clone(stream);
        loop {
            let deleted = self.store.delete(&stream_log(&stream.path)).await;
            deleted.map_err(|error| store_refused(&error))?;
            stream.family.lock().await.delete(&*self.store).await?;
            stream.used.delete().await?;
            self.known.lock().remove(&stream.path);
            let Some(source) = stream.source.clone() else { return Ok(()) };
            let mut family = source.family.lock().await;
            let event = FamilyEvent::Released(stream.path.as_str().to_owned());
            family.record(&*self.store, event, always).await?;
            if !family.family().is_over() {
                return Ok(());
            }
            drop(family);
            stream = source;
        }
    }

    /// Ends the streams whose time has run out, and forgets what nobody has used of late; what
    /// is forgotten is loaded again when it is wanted.
    pub(crate) async fn clean(&self, now: OffsetDateTime) {
        let over: Vec<_> = {
            let mut known = self.known.lock();
            known.retain(|_, stream| {
                Arc::strong_count(stream) > 1 || stream.description.lifetime.deadline(now).is_some()
            });
            known.values().filter(|stream| stream.is_over(now)).cloned().collect()
        };
        for stream in over {
            let ended = match stream.is_over_everywhere().await {
                Ok(true) => self.end(&stream).await,
                other => other.map(|_| ()),
            };
            if let Err(refusal) = ended {
                warn!(path = %stream.path, ?refusal, "cannot let go of an expired stream");
            }
        }
    }

    /// Where the stream at `path` ends; `None` if there is none.
    pub(super) async fn tail(&self, path: &StreamPath) -> Result<Option<StreamOffset>, Refusal> {
        match self.find(path).await {
            Ok(stream) => Ok(Some(stream.offset(stream.state().await?.tail))),
            Err(refusal) if refusal.problem.status().is_client_error() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The paths at which something stands.
    pub(super) async fn paths(&self) -> Result<Vec<StreamPath>, Refusal> {
        let mut paths = Vec::new();
        let mut after = None;
        loop {
            let names = self.store.list(Namespace::Durable, after.as_ref(), NAMES).await;
            let names = names.map_err(|error| store_refused(&error))?;
            paths.extend(names.iter().filter_map(|name| StreamPath::new(name.name()).ok()));
            after = names.last().cloned();
            if names.len() < NAMES {
                return Ok(paths);
            }
        }
    }

    /// Gets to know the streams of a store that was used before whose time runs out, so that they
    /// are let go of even if nobody asks for them again.
    pub(crate) async fn load(&self) {
        for path in self.paths().await.unwrap_or_default() {
            if let Err(refusal) = self.load_if_limited(&path).await {
                warn!(%path, ?refusal, "cannot load a stream");
            }
        }
    }

    async fn load_if_limited(&self, path: &StreamPath) -> Result<(), Refusal> {
        if let Some((_, description)) = self.describe(path).await?
            && description.lifetime != Lifetime::Unlimited
        {
            self.get(path).await?;
        }
        Ok(())
    }
}

/// What stands at a path.
enum Found {
    /// A stream that may be used.
    Alive(Arc<Stream>),
    /// A deleted stream that is kept for its forks.
    Deleted,
    Nothing,
}

/// The stream that was found, if it is what the request asks for.
async fn agrees(create: &Create, found: Arc<Stream>) -> Result<Arc<Stream>, Refusal> {
    let closed = found.state().await?.closed;
    create.matches(&found.description, closed).map(|()| found)
}

/// A fork asks for a place in its source: that it is not there is the request's own fault,
/// whatever a reader would be told.
fn as_invalid(mut refusal: Refusal) -> Refusal {
    if refusal.problem.status() == StatusCode::GONE {
        refusal.problem = Box::new(refusal.problem.with_status(StatusCode::BAD_REQUEST));
    }
    refusal
}

/// A fork stands without the stream that holds its beginning.
#[derive(Debug, thiserror::Error)]
#[error("expected the source of a fork")]
struct SourceMissing;

/// What is no matter of the family's state.
#[expect(clippy::unnecessary_wraps, reason = "others refuse")]
fn always(_: &Family) -> Result<(), Refusal> {
    Ok(())
}

/// The log of a stream.
pub(super) fn stream_log(path: &StreamPath) -> LogName {
    #[expect(clippy::expect_used, reason = "a path is shorter than a log's name may be")]
    LogName::new(Namespace::Durable, path.as_str()).expect("every path is a log's name")
}

/// A log that keeps its newest record alone.
pub(super) const NEWEST: LogConfig = LogConfig {
    retention: Retention { records_max: 1, bytes_max: u64::MAX, age_max: None },
    ttl: None,
    bytes_max: None,
};

/// A log that belongs to the protocol itself: no stream's path begins like this.
pub(super) fn reserved_log(kind: &str, name: &str) -> LogName {
    #[expect(clippy::expect_used, reason = "names are bounded so that their logs have room")]
    LogName::new(Namespace::Durable, &format!("__ds/{kind}/{name}")).expect("bounded before")
}
