//! A subscription that runs: its state in memory, which follows its log.
//!
//! The state changes by being written: a change is made to a copy, which is appended where the log
//! ends, and holds once it is stored.
//! If another server was faster, its state is read and the change is made to that.
//! So a wake is sent by the one server that wrote down its lease, workers may report to any, and
//! when a server dies its lease runs out on the others.
//!
//! What a server hears of streams is not written at once; it is noted until a state has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stream_log::{AppendBatch, AppendError, Log, ReadFrom, ReadLimit, TailWatch};
use stream_model::Offset;
use stream_model::now::now;
use stream_protocol::durable::subscription::{Config, Fault, Subscription};
use stream_protocol::durable::{Refusal, StreamOffset, StreamPath};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::matching;
use super::routes::Failure;
use crate::durable::respond::{append_refused, read_refused};
use crate::durable::streams::Streams;

/// A subscription that is kept.
#[derive(Debug)]
pub(super) struct Active {
    state: Mutex<State>,
    log: Arc<dyn Log>,
    watch: TailWatch,
    /// Held while the state is changed: the first record of the log that is not known.
    next: tokio::sync::Mutex<Offset>,
    /// There may be something to send.
    pub(super) changed: Notify,
}

#[derive(Debug)]
struct State {
    machine: Subscription,
    /// What was heard of streams and is in the machine, but in no record of the log.
    notes: BTreeMap<String, Note>,
}

/// What was heard of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    Appended(StreamOffset),
    Deleted,
}

impl State {
    fn note(&mut self, path: &StreamPath, note: Note) -> bool {
        let concerned = apply(&mut self.machine, path, note);
        if concerned {
            self.notes.insert(path.as_str().to_owned(), note);
        }
        concerned
    }

    /// Goes on with a state that was stored; what is noted still is put on top.
    fn replace(&mut self, machine: Subscription) {
        self.machine = machine;
        for (path, note) in &self.notes {
            if let Ok(path) = StreamPath::new(path) {
                apply(&mut self.machine, &path, *note);
            }
        }
    }
}

fn apply(machine: &mut Subscription, path: &StreamPath, note: Note) -> bool {
    match note {
        Note::Appended(tail) => machine.handle_append(now(), path, tail),
        Note::Deleted => machine.handle_deletion(path),
    }
}

/// The state that a log holds, and where the log goes on; `None` if it holds none.
pub(super) async fn read(log: &dyn Log) -> Result<Option<(Subscription, Offset)>, Refusal> {
    let batch = log.read(ReadFrom::Earliest, ReadLimit::records(1)).await;
    let batch = batch.map_err(|error| read_refused(&error))?;
    let state = batch.records.first().map(|record| serde_json::from_slice(&record.payload));
    Ok(state.and_then(Result::ok).map(|machine| (machine, batch.next)))
}

impl Active {
    /// A subscription whose log goes on at `next`.
    pub(super) async fn new(
        machine: Subscription,
        log: Arc<dyn Log>,
        next: Offset,
    ) -> Result<Self, Refusal> {
        let watch = log.tail().await.map_err(|error| read_refused(&error))?.watch;
        let state = Mutex::new(State { machine, notes: BTreeMap::new() });
        let (next, changed) = (tokio::sync::Mutex::new(next), Notify::new());
        Ok(Self { state, log, watch, next, changed })
    }

    pub(super) fn id(&self) -> String {
        self.look(|machine| machine.id().to_owned())
    }

    pub(super) fn config(&self) -> Config {
        self.look(|machine| machine.config().clone())
    }

    /// Looks at the present state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Subscription) -> T) -> T {
        look(&self.state.lock().machine)
    }

    /// Hears of changes that are stored.
    pub(super) fn watch(&self) -> TailWatch {
        self.watch.clone()
    }

    /// Whether it was deleted, here or by another server.
    pub(super) fn is_deleted(&self) -> bool {
        self.watch.state().deleted
    }

    /// Lets what has run out run out; says whether a wake is due, and otherwise when to look again.
    pub(super) fn poll(&self) -> (bool, Option<OffsetDateTime>) {
        let mut state = self.state.lock();
        state.machine.handle_timeout(now());
        let at = state.machine.poll_timeout();
        (at.is_some_and(|at| at <= now()), at)
    }

    pub(super) fn note_append(&self, path: &StreamPath, tail: StreamOffset) {
        if self.state.lock().note(path, Note::Appended(tail)) {
            self.changed.notify_one();
        }
    }

    pub(super) fn note_deletion(&self, path: &StreamPath) {
        self.state.lock().note(path, Note::Deleted);
    }

    /// Changes the state, for good; `act` is done again if another server was faster.
    pub(super) async fn change<T>(
        &self,
        act: impl Fn(&mut Subscription) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let mut next = self.next.lock().await;
        loop {
            self.refresh(&mut next).await?;
            let (mut machine, noted) = {
                let state = self.state.lock();
                (state.machine.clone(), state.notes.clone())
            };
            let done = act(&mut machine)?;
            let record = serde_json::to_vec(&machine).unwrap_or_default();
            let batch = AppendBatch::new(now()).record(record).expected_tail(*next);
            match self.log.append(batch).await {
                Ok(receipt) => {
                    *next = receipt.next;
                    let mut state = self.state.lock();
                    state.notes.retain(|path, note| noted.get(path) != Some(note));
                    state.replace(machine);
                    self.changed.notify_one();
                    return Ok(done);
                }
                Err(AppendError::TailMismatch { .. }) => {}
                Err(error) => return Err(append_refused(&error).into()),
            }
        }
    }

    /// Takes what another server has stored.
    pub(super) async fn hear(&self) -> Result<(), Refusal> {
        self.refresh(&mut *self.next.lock().await).await
    }

    async fn refresh(&self, next: &mut Offset) -> Result<(), Refusal> {
        let tail = self.log.tail().await.map_err(|error| read_refused(&error))?;
        if tail.state.next > *next
            && let Some((machine, stored)) = read(&*self.log).await?
        {
            *next = stored;
            self.state.lock().replace(machine);
        }
        Ok(())
    }

    /// Hears where its streams end now.
    pub(super) async fn catch_up(&self, streams: &Streams) -> Result<(), Refusal> {
        let config = self.config();
        let mut tails = matching(streams, &config).await?;
        for path in self.look(|machine| machine.paths().collect::<Vec<_>>()) {
            if let Some(tail) = streams.tail(&path).await? {
                tails.push((path, tail));
            }
        }
        for (path, tail) in &tails {
            self.note_append(path, *tail);
        }
        Ok(())
    }
}
