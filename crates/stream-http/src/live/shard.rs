//! One shard: a thread with an event loop, the records of its readers, and their sockets.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use stream_protocol::CloseCode;
use tracing::error;

use super::crowd::Readers;
use super::frames::{Frames, Part, Place};
use super::inbox::{Asked, Crowd, Inbox, Message};
use super::pages::{Wanted, Wants};
use super::reader::{Reader, State, Written};
use super::ring::Found;
use super::seat::{Ending, Seat};
use super::source::{Page, Source};
use super::wheel::{Tick, Wheel};
use crate::limits::{LIVE_REST, LIVE_SOCKET_BYTES};
use crate::metrics::{Kind, LiveMeter};
use crate::slots::Slot;

/// The waker's token; no reader has so large a key.
const WAKE: Token = Token(usize::MAX);

/// Events taken from the system at once.
const EVENTS: usize = 1024;

/// Writes to one reader before the others have their turn.
const WRITES: usize = 4;

/// The times that a shard keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) heartbeat: Duration,
    pub(super) write_timeout: Duration,
}

/// Everything of one shard.
pub(super) struct Shard {
    poll: Poll,
    inbox: Arc<Inbox>,
    wants: Wants,
    readers: Slab<Reader>,
    crowds: Slab<Readers>,
    by_source: HashMap<usize, usize>,
    /// Crowds that there were so far.
    count: u64,
    /// Crowds that have something new.
    due: VecDeque<usize>,
    /// When the next round may begin.
    rests_until: Instant,
    wheel: Wheel,
    times: Times,
    meter: LiveMeter,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Readers get what there is, and a last word.
    Draining,
    /// As before, and no more will come.
    Closing,
    Cut,
}

impl Shard {
    /// A shard, and how to tell it something.
    ///
    /// # Errors
    /// If the system has no event loop left.
    pub(super) fn new(
        wants: Wants,
        times: Times,
        meter: LiveMeter,
    ) -> io::Result<(Self, Arc<Inbox>)> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(mio::Waker::new(poll.registry(), WAKE)?));
        let shard = Self {
            poll,
            inbox: Arc::clone(&inbox),
            wants,
            readers: Slab::new(),
            crowds: Slab::new(),
            by_source: HashMap::new(),
            count: 0,
            due: VecDeque::new(),
            rests_until: Instant::now(),
            wheel: Wheel::new(Instant::now(), times.heartbeat.min(times.write_timeout)),
            times,
            meter,
            stage: Stage::Open,
        };
        Ok((shard, inbox))
    }

    /// Serves until it is told to end.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_over() {
            if let Err(error) = self.poll.poll(&mut events, self.timeout())
                && error.kind() != io::ErrorKind::Interrupted
            {
                error!(%error, "live readers are cut: their event loop failed");
                return;
            }
            for event in &events {
                self.ready(event);
            }
            for message in self.inbox.take() {
                self.handle(message);
            }
            self.deliver();
            self.turn_wheel();
            self.meter.flush();
        }
    }

    fn is_over(&self) -> bool {
        match self.stage {
            Stage::Open | Stage::Draining => false,
            Stage::Closing => self.readers.is_empty(),
            Stage::Cut => true,
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let round = (!self.due.is_empty()).then_some(self.rests_until);
        let deadline = self.wheel.deadline().into_iter().chain(round).min()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Writes to everybody for whom there is something new, and then rests for as long as that
    /// took: what comes meanwhile shares the system calls of the next round.
    fn deliver(&mut self) {
        let begin = Instant::now();
        if self.due.is_empty() || begin < self.rests_until {
            return;
        }
        // Those that are due again have their next turn after a look at everything else.
        for _ in 0..self.due.len() {
            self.deliver_next();
        }
        let end = Instant::now();
        let rest = end.saturating_duration_since(begin).min(LIVE_REST);
        self.rests_until = end.checked_add(rest).unwrap_or(end);
    }

    fn now(&self) -> Tick {
        self.wheel.tick(Instant::now())
    }

    /// A socket has changed.
    fn ready(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(reader) = self.readers.get_mut(key) else { return };
        let crowd = reader.crowd;
        // What a peer sends after its request has no meaning, and is never read; one that sends no
        // more has gone, as it has for the library.
        if event.is_error() || event.is_read_closed() || event.is_write_closed() {
            self.leave(key);
        } else if event.is_writable() && reader.state == State::Blocked {
            reader.state = State::Ready;
            self.serve(key);
            self.look_after(crowd);
        }
    }

    /// Has the crowd of a reader that was behind looked at again: it may be the slowest no more.
    fn look_after(&mut self, crowd: u32) {
        if let Some(crowd) = self.crowds.get(widen(crowd)).map(|readers| readers.crowd) {
            self.note_due(crowd);
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Join(socket, slot, seat) => self.join((socket, slot), *seat),
            Message::Due(crowd) => self.note_due(crowd),
            Message::Page(asked, page, _permit) => self.write_page(asked, &page),
            Message::Drain => self.drain(),
            Message::Close => self.stage = Stage::Closing,
            Message::Cut => self.stage = Stage::Cut,
        }
    }

    fn join(&mut self, (socket, slot): (TcpStream, Slot), seat: Seat) {
        give_up_after(&socket, self.times.write_timeout);
        bound_buffer(&socket);
        let mut socket = mio::net::TcpStream::from_std(socket);
        let now = self.now();
        let Seat { source, kind, next, ends, cursor, counted, .. } = seat;
        let entry = self.readers.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut socket, Token(key), interest);
        // One that cannot be watched is closed; a slab of more than four billion is none.
        let (Ok(()), Ok(small)) = (registered, u32::try_from(key)) else { return };
        let (at, ending) = ends.unzip();
        entry.insert(Reader {
            socket,
            _slot: slot,
            place: Place { next, own: bytes::Bytes::new() },
            crowd: 0,
            index: 0,
            state: State::Ready,
            closing: false,
            ending: ending.unwrap_or(Ending::Silent),
            ends: at.map_or(Tick::MAX, |at| self.wheel.tick(at)),
            spoken: now,
            timer: 0,
            cursor: cursor.unwrap_or_default(),
        });
        let crowd = self.crowd_of(source, kind, next);
        if let (Some(readers), Some(reader)) =
            (self.crowds.get_mut(crowd), self.readers.get_mut(key))
        {
            reader.index = readers.join(small);
            reader.crowd = u32::try_from(crowd).unwrap_or_default();
        }
        drop(counted);
        self.meter.joined(kind);
        self.schedule(key);
        self.serve(key);
    }

    /// The crowd of a source's readers, made if there is none.
    fn crowd_of(&mut self, source: Arc<dyn Source>, kind: Kind, from: u64) -> usize {
        let id = source.id();
        if let Some(known) = self.by_source.get(&id) {
            return *known;
        }
        self.count = self.count.saturating_add(1);
        let entry = self.crowds.vacant_entry();
        let crowd = Crowd { key: entry.key(), number: self.count };
        let mut readers = Readers::new(crowd, kind, source, from, &self.inbox);
        if self.stage != Stage::Open {
            readers.begin_drain();
        }
        entry.insert(readers);
        self.by_source.insert(id, crowd.key);
        self.note_due(crowd);
        crowd.key
    }

    fn note_due(&mut self, crowd: Crowd) {
        if let Some(readers) = self.crowds.get_mut(crowd.key)
            && readers.crowd == crowd
            && !std::mem::replace(&mut readers.is_due, true)
        {
            self.due.push_back(crowd.key);
        }
    }

    /// Writes what is new to the readers of the next log that has something.
    fn deliver_next(&mut self) {
        let Some(key) = self.due.pop_front() else { return };
        let Some(readers) = self.crowds.get_mut(key) else { return };
        readers.is_due = false;
        let has_more = readers.gather();
        let crowd = readers.crowd;
        // From the end, as a reader that leaves is replaced by the last one.
        let mut index = readers.keys.len();
        while let Some(before) = index.checked_sub(1) {
            index = before;
            let Some(readers) = self.crowds.get(key) else { return };
            if let Some(reader) = readers.keys.get(index) {
                self.serve(widen(*reader));
            }
        }
        let Some(readers) = self.crowds.get_mut(key).filter(|readers| readers.crowd == crowd)
        else {
            return;
        };
        let places = readers.keys.iter().filter_map(|key| self.readers.get(widen(*key)));
        let slowest = places.map(|reader| reader.place.next).min();
        readers.trim(slowest);
        if has_more || !readers.arm() {
            self.note_due(crowd);
        }
    }

    /// Writes to one reader what is due to it, unless something stands in the way.
    fn serve(&mut self, key: usize) {
        for _ in 0..WRITES {
            let Some(reader) = self.readers.get_mut(key) else { return };
            let Some(readers) = self.crowds.get(widen(reader.crowd)) else { return };
            if reader.state != State::Ready {
                return;
            }
            let found = readers.found(reader);
            let written = match found {
                Found::Due(due) if reader.cursor > 0 => {
                    let own: Vec<_> = readers
                        .ring
                        .parts(due)
                        .map(|part| own_cursor(readers, reader, part))
                        .collect();
                    let parts = own.iter().map(|(frames, from)| Part::new(frames, *from));
                    write(&mut self.meter, reader, readers.kind, parts)
                }
                Found::Due(due) => {
                    write(&mut self.meter, reader, readers.kind, readers.ring.parts(due))
                }
                _ if !reader.place.own.is_empty() => {
                    write(&mut self.meter, reader, readers.kind, std::iter::empty())
                }
                Found::Behind(until) => return self.ask(key, until),
                Found::UpToDate => return self.settle(key),
            };
            if !self.note_written(key, written) {
                return;
            }
        }
        // More is due; the next turn goes on.
        if let Some(crowd) = self.readers.get(key).map(|reader| reader.crowd) {
            self.look_after(crowd);
        }
    }

    /// Draws the conclusions of a write; says whether more can be written.
    fn note_written(&mut self, key: usize, written: Written) -> bool {
        let now = self.now();
        let Some(reader) = self.readers.get_mut(key) else { return false };
        match written {
            Written::Whole => {
                reader.spoken = now;
                true
            }
            Written::Cut => {
                reader.state = State::Blocked;
                false
            }
            Written::Broken => {
                self.leave(key);
                false
            }
        }
    }

    /// Asks for a page of the log.
    fn ask(&mut self, key: usize, until: Option<u64>) {
        let Some(reader) = self.readers.get_mut(key) else { return };
        let Some(readers) = self.crowds.get_mut(widen(reader.crowd)) else { return };
        reader.state = State::Waiting;
        let small = u32::try_from(key).unwrap_or(u32::MAX);
        if let Some(asked) = readers.ask(small, reader.place.next, until) {
            let (source, inbox) = (Arc::clone(&readers.source), Arc::clone(&self.inbox));
            // Nobody reads pages any more only when the server has ended.
            self.wants.send(Wanted { source, asked, inbox }).unwrap_or_default();
        }
    }

    /// A reader has everything that the ring has.
    fn settle(&mut self, key: usize) {
        let Some(reader) = self.readers.get_mut(key) else { return };
        let Some(readers) = self.crowds.get(widen(reader.crowd)) else { return };
        if reader.closing {
            self.finish(key);
        } else if readers.ended {
            // The log itself knows how it ended.
            self.ask(key, None);
        } else if readers.drain_to.is_some_and(|to| reader.place.next >= to) {
            reader.place.add_own(&readers.source.farewell(reader.place.next, CloseCode::Shutdown));
            reader.closing = true;
            self.serve(key);
        }
    }

    /// Writes a page to those who wait for it.
    fn write_page(&mut self, asked: Asked, page: &Page) {
        let crowd = asked.crowd;
        let Some(readers) = self.crowds.get_mut(crowd.key) else { return };
        if readers.crowd != crowd {
            return;
        }
        let kind = readers.kind;
        for key in readers.answered(asked).into_iter().map(widen) {
            let Some(readers) = self.crowds.get(crowd.key) else { return };
            let Some(reader) = self.readers.get_mut(key) else { continue };
            let waits = widen(reader.crowd) == crowd.key && reader.state == State::Waiting;
            if !waits || reader.place.next != asked.from {
                continue;
            }
            self.meter.paged(kind, &page.gaps);
            reader.state = State::Ready;
            reader.closing |= page.ends;
            let (frames, from) = own_cursor(readers, reader, Part::new(&page.frames, 0));
            let written = if page.frames.bytes().is_empty() {
                reader.place.next = page.frames.next();
                Written::Whole
            } else {
                write(&mut self.meter, reader, kind, std::iter::once(Part::new(&frames, from)))
            };
            if self.note_written(key, written) {
                self.serve(key);
            }
        }
        self.note_due(crowd);
    }

    /// Does what is due by the clock.
    fn turn_wheel(&mut self) {
        let now = self.now();
        for (tick, key) in self.wheel.turn(Instant::now()) {
            let key = widen(key);
            // An entry of a reader that has left, or has a newer one, means nothing.
            if self.readers.get(key).is_some_and(|reader| reader.timer == tick) {
                self.turn(key, now);
                self.schedule(key);
            }
        }
    }

    fn turn(&mut self, key: usize, now: Tick) {
        let (heartbeat, write_timeout) = (self.heartbeat_ticks(), self.write_timeout_ticks());
        let Some(reader) = self.readers.get_mut(key) else { return };
        let Some(readers) = self.crowds.get(widen(reader.crowd)) else { return };
        let silent = now.saturating_sub(reader.spoken);
        if reader.state == State::Blocked && silent >= write_timeout {
            self.meter.let_go();
            self.leave(key);
        } else if reader.ends <= now && !reader.closing {
            if reader.ending == Ending::Expired {
                let code = CloseCode::TokenExpired;
                reader.place.add_own(&readers.source.farewell(reader.place.next, code));
            }
            reader.closing = true;
            // A page that it waits for is of no more use.
            if reader.state == State::Waiting {
                reader.state = State::Ready;
            }
            self.serve(key);
        } else if reader.state == State::Ready && silent >= heartbeat && !reader.closing {
            reader.place.add_own(&readers.source.heartbeat());
            reader.spoken = now;
            self.serve(key);
        }
    }

    /// Has a reader's next time come up.
    fn schedule(&mut self, key: usize) {
        let (heartbeat, write_timeout) = (self.heartbeat_ticks(), self.write_timeout_ticks());
        let Some(reader) = self.readers.get_mut(key) else { return };
        let wait = if reader.state == State::Blocked { write_timeout } else { heartbeat };
        let wait = reader.spoken.saturating_add(wait);
        let at = if reader.closing { wait } else { wait.min(reader.ends) };
        let small = u32::try_from(key).unwrap_or(u32::MAX);
        reader.timer = self.wheel.put(small, at);
    }

    fn heartbeat_ticks(&self) -> Tick {
        self.wheel.ticks(self.times.heartbeat)
    }

    fn write_timeout_ticks(&self) -> Tick {
        self.wheel.ticks(self.times.write_timeout)
    }

    fn drain(&mut self) {
        self.stage = Stage::Draining;
        for (_, readers) in &mut self.crowds {
            readers.begin_drain();
        }
        let keys: Vec<_> = self.readers.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.serve(key);
        }
    }

    /// Ends a connection in order.
    fn finish(&mut self, key: usize) {
        if let Some(reader) = self.take_out(key) {
            reader.finish();
        }
    }

    /// Lets go of a connection.
    fn leave(&mut self, key: usize) {
        drop(self.take_out(key));
    }

    fn take_out(&mut self, key: usize) -> Option<Reader> {
        let reader = self.readers.try_remove(key)?;
        let crowd = widen(reader.crowd);
        let readers = self.crowds.get_mut(crowd)?;
        self.meter.left(readers.kind);
        let moved = readers.leave(reader.index);
        if let Some(moved) = moved.and_then(|moved| self.readers.get_mut(widen(moved))) {
            moved.index = reader.index;
        }
        if readers.keys.is_empty() {
            self.by_source.remove(&readers.source.id());
            self.crowds.remove(crowd);
        } else if reader.place.next < readers.ring.next() {
            self.look_after(reader.crowd);
        }
        Some(reader)
    }
}

/// Has the system give a connection up whose peer does not acknowledge what it was sent: one that
/// has vanished sends nothing that would tell.
#[cfg(target_os = "linux")]
fn give_up_after(socket: &TcpStream, time: Duration) {
    let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    // A socket that refuses this is given up later.
    rustix::net::sockopt::set_tcp_user_timeout(socket, millis).unwrap_or_default();
}

/// Bounds what the system keeps for a reader that does not read, which is megabytes otherwise.
#[cfg(target_os = "linux")]
fn bound_buffer(socket: &TcpStream) {
    rustix::net::sockopt::set_socket_send_buffer_size(socket, LIVE_SOCKET_BYTES)
        .unwrap_or_default();
}

#[cfg(not(target_os = "linux"))]
fn bound_buffer(_: &TcpStream) {}

#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &TcpStream, _: Duration) {}

/// Writes to a reader, and counts it.
fn write<'a>(
    meter: &mut LiveMeter,
    reader: &mut Reader,
    kind: Kind,
    parts: impl Iterator<Item = Part<'a>> + Clone,
) -> Written {
    let before = reader.place.next;
    let (written, bytes) = reader.write(parts);
    meter.wrote(kind, reader.place.next.saturating_sub(before), bytes);
    written
}

/// A part as a reader gets it that may have a cursor of its own.
fn own_cursor(readers: &Readers, reader: &Reader, part: Part<'_>) -> (Frames, usize) {
    let frames = match reader.cursor {
        0 => part.frames().clone(),
        cursor => readers.source.with_cursor(part.frames(), cursor),
    };
    (frames, part.from())
}

/// A key as an index.
fn widen(key: u32) -> usize {
    usize::try_from(key).unwrap_or(usize::MAX)
}
