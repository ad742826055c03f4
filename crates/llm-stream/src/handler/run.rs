//! One run of a handler, item by item.

use std::mem;

use super::{Clock, HandlerError, Input, StreamHandler};
use crate::buffer::StreamBuffer;
use crate::event::{Channel, Delta, EndStatus, ErrorKind, EventBody, StreamError, StreamEvent};

/// How far a run has come.
#[derive(Debug)]
pub(super) struct Run {
    phase: Phase,
    /// Whether there is a reader of events besides the callbacks.
    pub(super) hand_out: bool,
    /// Whether the source yields events, which say themselves where they end.
    of_events: bool,
    /// The error that the reader heard of last.
    last_error: Option<Box<StreamError>>,
    /// Whether nothing has come after it.
    ends_in_error: bool,
    /// What an end event that a processor let out says.
    end_of_chain: Option<EndStatus>,
    failure: Option<HandlerError>,
    /// What the processors let out of one item; kept for its room.
    outcome: Vec<StreamEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ended,
    /// Nothing has come yet.
    Waiting,
    Started,
}

impl StreamHandler {
    /// Begins a run: forgets the one before.
    pub fn begin(&mut self) {
        self.queue.clear();
        self.buffer = StreamBuffer::with_chars_max(self.content_chars_max);
        self.run = Run::new(Phase::Waiting);
        if let Some(Clock(now)) = &self.clock {
            self.recorder.begin(now());
        }
        if let Err(error) = self.chain.reset() {
            self.fail(error.into_stream_error());
        }
    }

    /// Takes the next item of the source; outside a run it is ignored.
    pub fn push(&mut self, item: impl Into<Input>) {
        if self.is_ended() {
            return;
        }
        match item.into() {
            Input::Text(text) => self.push_event(StreamEvent::delta(text)),
            Input::Failed(error) => {
                self.flush();
                self.fail(error);
            }
            Input::Event(event) => {
                self.run.of_events = true;
                match &event.body {
                    EventBody::Start(_) if self.run.phase == Phase::Waiting => {
                        self.run.phase = Phase::Started;
                        self.emit(event);
                    }
                    EventBody::End(end) => self.end(end.status),
                    _ => self.push_event(event),
                }
            }
        }
    }

    /// Says that the source has no more items; the run is then over.
    ///
    /// Text is complete where it stops; a source of events must have said so.
    pub fn finish(&mut self) {
        let status = if self.run.of_events { EndStatus::Incomplete } else { EndStatus::Complete };
        self.end(status);
    }

    /// The next event to hand out, until `None`.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        self.queue.pop_front()
    }

    /// Whether no run is going on: none has begun, or its last event is out or queued.
    pub fn is_ended(&self) -> bool {
        self.run.phase == Phase::Ended
    }

    /// Ends a run whose reader has left.
    pub(super) fn abandon(&mut self) {
        self.queue.clear();
        if self.is_ended() {
            return;
        }
        self.run.phase = Phase::Ended;
        if let Some(Clock(now)) = &self.clock {
            self.recorder.finish(now());
        }
    }

    /// The text, or why there is no whole one.
    pub(super) fn result(&mut self) -> Result<Option<String>, HandlerError> {
        match self.run.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(self.keep_content.then(|| self.buffer.content().to_owned())),
        }
    }

    /// Sends an event of the source through the processors.
    fn push_event(&mut self, event: StreamEvent) {
        self.start();
        if self.chain.is_empty() {
            self.deliver(event);
            return;
        }
        let mut outcome = mem::take(&mut self.run.outcome);
        let passed = self.chain.process(event, &mut outcome);
        outcome.drain(..).for_each(|event| self.deliver(event));
        self.run.outcome = outcome;
        if let Err(error) = passed {
            self.fail(error.into_stream_error());
        }
    }

    /// Delivers what the processors hold back, unless one of them fails.
    fn flush(&mut self) {
        self.start();
        let mut held = mem::take(&mut self.run.outcome);
        let flushed = self.chain.flush(&mut held);
        held.drain(..).for_each(|event| self.deliver(event));
        self.run.outcome = held;
        if let Err(error) = flushed {
            self.fail(error.into_stream_error());
        }
    }

    /// Begins with a bare start, if the source did not begin with its own.
    fn start(&mut self) {
        if self.run.phase == Phase::Waiting {
            self.run.phase = Phase::Started;
            self.emit(StreamEvent::start());
        }
    }

    /// Takes an event that came out of the processors.
    fn deliver(&mut self, event: StreamEvent) {
        if self.is_ended() {
            return;
        }
        match &event.body {
            EventBody::End(end) => {
                self.run.end_of_chain = Some(end.status);
                return;
            }
            EventBody::Error(error) => self.run.last_error = Some(error.clone()),
            EventBody::Delta(Delta { choice: 0, channel: Channel::Text, text, .. })
                if self.keep_content =>
            {
                if let Err(full) = self.buffer.append(text) {
                    let error = StreamError::new(ErrorKind::Limit, full.to_string());
                    self.fail(Box::new(error));
                    return;
                }
            }
            _ => {}
        }
        self.run.ends_in_error = matches!(event.body, EventBody::Error(_));
        self.emit(event);
    }

    /// Ends the run as the source says, or as a processor knows better.
    fn end(&mut self, status: EndStatus) {
        if self.is_ended() {
            return;
        }
        self.flush();
        if self.is_ended() {
            return;
        }
        let status = match status {
            EndStatus::Complete => self.run.end_of_chain.unwrap_or(status),
            _ => status,
        };
        match (status, self.run.last_error.take()) {
            (EndStatus::Complete, _) => {
                let content = if self.keep_content { self.buffer.content() } else { "" };
                self.emit(StreamEvent::end(content));
                self.run.phase = Phase::Ended;
            }
            (_, Some(error)) if status == EndStatus::Failed || self.run.ends_in_error => {
                self.run.failure = Some(HandlerError::new(error));
                self.run.phase = Phase::Ended;
            }
            _ => self.fail(Box::new(unexplained(status))),
        }
    }

    /// Ends the run with an error event, unless it has ended.
    fn fail(&mut self, error: Box<StreamError>) {
        if self.is_ended() {
            return;
        }
        self.start();
        self.run.failure = Some(HandlerError::new(error.clone()));
        self.emit(EventBody::Error(error).into());
        self.run.phase = Phase::Ended;
    }

    /// Hands an event to everybody.
    fn emit(&mut self, event: StreamEvent) {
        if let Some(Clock(now)) = &self.clock {
            self.recorder.record(now(), &event);
        }
        self.callbacks.call(&event);
        if self.run.hand_out {
            self.queue.push_back(event);
        }
    }
}

impl Run {
    /// No run at all.
    pub(super) fn none() -> Self {
        Self::new(Phase::Ended)
    }

    fn new(phase: Phase) -> Self {
        Self {
            phase,
            hand_out: true,
            of_events: false,
            last_error: None,
            ends_in_error: false,
            end_of_chain: None,
            failure: None,
            outcome: Vec::new(),
        }
    }
}

/// The error of a stream that is not whole and has not said why.
fn unexplained(status: EndStatus) -> StreamError {
    let message = match status {
        EndStatus::Failed => "stream failed",
        _ => "stream ended before the provider said that it was done",
    };
    let mut error = StreamError::new(ErrorKind::Server, message);
    error.code = Some(status.as_str().to_owned());
    error
}
