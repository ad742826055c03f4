//! `GET /ws`: publish and subscribe over one WebSocket.
//!
//! What a client may say is decided in [`stream_protocol::ws`], and how it is worded by the
//! subprotocol that it names; what it is told beside answers is
//! decided by the same session as on every other transport.

mod outbox;
mod subscriptions;
mod words;

use std::collections::VecDeque;
use std::time::Instant;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, OptionFuture};
use serde_json::{Value, json};
use stream_model::{ErrorClass, Topic};
use stream_protocol::publish::Publish;
use stream_protocol::session::{Input, Output, Session};
use stream_protocol::subscribe::{SlowPolicy, StartAt};
use stream_protocol::ws::{Command, Refusal, cloud};
use stream_protocol::{Action, CloseCode, Interest, Positions, Problem};
use tracing::debug;

use self::outbox::Outbox;
use self::subscriptions::{Place, Subscriptions};
use self::words::Words;
use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::connection::present;
use crate::limits::{PUBLISHES_WAITING, TOPICS_PER_READER, WS_COMMAND_BYTES};
use crate::many::{ManyReader, OpenError, Seen};
use crate::reject::Reject;
use crate::shutdown::Shutdown;
use crate::topics;

/// `GET /ws`
pub(crate) async fn connect(
    State(app): State<App>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Reject> {
    caller.check_known()?;
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(ErrorClass::Invalid, "upgrade-expected", "This is a WebSocket")
            .with_status(http::StatusCode::UPGRADE_REQUIRED)
            .detail(rejection.body_text())
    })?;
    let bytes_max = app.body_bytes_max() + WS_COMMAND_BYTES;
    let upgrade = upgrade.max_message_size(bytes_max).max_frame_size(bytes_max);
    let upgrade = upgrade.protocols([cloud::SUBPROTOCOL]);
    Ok(upgrade.on_upgrade(|socket| async {
        if let Err(gone) = Connection::new(app, caller, socket).run().await {
            debug!(error = %gone, "WebSocket peer is gone");
        }
    }))
}

/// The peer cannot be written to, or read from.
#[derive(Debug, thiserror::Error)]
enum Gone {
    #[error(transparent)]
    Socket(#[from] axum::Error),
    #[error("nothing could be written for a while")]
    Stuck,
    #[error("no answer to two pings")]
    Silent,
    #[error("closed by the peer")]
    Closed,
}

/// A publish that waits for those before it.
struct Waiting {
    id: String,
    topic: Topic,
    publish: Publish,
}

/// One client.
struct Connection {
    app: App,
    caller: Caller,
    socket: WebSocket,
    session: Session<Place>,
    subscriptions: Subscriptions,
    outbox: Outbox,
    waiting: VecDeque<Waiting>,
    /// The publish that is carried out: one after the other, so that they keep their order.
    publishing: Option<BoxFuture<'static, Value>>,
    shutdown: Shutdown,
    draining: bool,
    closed: Option<CloseCode>,
    /// Heartbeats since the peer last said anything.
    unanswered: u32,
}

impl Connection {
    fn new(app: App, caller: Caller, socket: WebSocket) -> Self {
        let options = app.session_options().expires(caller.expires());
        let subprotocol = socket.protocol().and_then(|name| name.to_str().ok());
        let words = Words::new(subprotocol, app.public_url());
        Self {
            session: Session::new(options, present()),
            subscriptions: Subscriptions::new(app.metrics()),
            outbox: Outbox::new(words),
            waiting: VecDeque::new(),
            publishing: None,
            shutdown: app.shutdown_signal(),
            draining: false,
            closed: None,
            unanswered: 0,
            socket,
            caller,
            app,
        }
    }

    async fn run(mut self) -> Result<(), Gone> {
        loop {
            self.say();
            self.gather();
            self.outbox.flush(&mut self.socket).await?;
            if let Some(code) = self.closed {
                return outbox::close(&mut self.socket, code).await;
            }
            self.wait().await?;
        }
    }

    /// Writes what the session says.
    fn say(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(notice) => self.subscriptions.notice(&notice, &mut self.outbox),
                Output::Close(code) => self.closed = Some(code),
            }
        }
    }

    /// Adds the events that are there already, up to the size of one chunk.
    fn gather(&mut self) {
        while self.closed.is_none() && !self.outbox.is_full() {
            let Some((place, seen)) = self.subscriptions.try_next() else { break };
            self.handle_seen(place, seen);
        }
    }

    async fn wait(&mut self) -> Result<(), Gone> {
        let deadline = self.session.poll_timeout();
        let publishing = OptionFuture::from(self.publishing.as_mut());
        tokio::select! {
            biased;
            () = self.shutdown.begun(), if !self.draining => {
                self.draining = true;
                self.subscriptions.begin_drain();
                self.end_if_drained();
            }
            Some(answer) = publishing => {
                self.outbox.push(&answer);
                self.publishing = None;
                self.publish_next();
                self.end_if_drained();
            }
            message = self.socket.recv(), if self.waiting.len() < PUBLISHES_WAITING => {
                self.unanswered = 0;
                self.handle_message(message.ok_or(Gone::Closed)??).await?;
            }
            (place, seen) = self.subscriptions.next() => self.handle_seen(place, seen),
            () = tokio::time::sleep_until(deadline.into()) => self.beat(present())?,
        }
        Ok(())
    }

    /// Says that the connection is alive, and asks whether the peer is.
    fn beat(&mut self, now: Instant) -> Result<(), Gone> {
        if self.unanswered >= 2 {
            return Err(Gone::Silent);
        }
        self.unanswered += 1;
        self.session.handle_timeout(now);
        self.outbox.ping();
        Ok(())
    }

    async fn handle_message(&mut self, message: Message) -> Result<(), Gone> {
        match message {
            Message::Text(text) => match self.outbox.words().parse(text.as_str()) {
                Ok(command) => self.handle_command(command).await,
                Err(refusal) => self.outbox.push(&refusal.to_json()),
            },
            Message::Binary(_) => {
                let problem =
                    Problem::new(ErrorClass::Invalid, "command-invalid", "The message is no text");
                self.outbox.push(&Refusal { id: None, problem }.to_json());
            }
            // The library answers pings itself.
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return Err(Gone::Closed),
        }
        Ok(())
    }

    async fn handle_command(&mut self, command: Command) {
        match command {
            Command::Ping { id } => self.outbox.push(&json!({"pong": {"id": id}})),
            Command::Unsubscribe { id } => {
                let answer = self.subscriptions.remove(&id);
                self.outbox.push(&answer.unwrap_or_else(|refusal| refusal.to_json()));
            }
            Command::Publish { id, topic, publish } => {
                let allowed = self.caller.check(Action::Publish(&topic));
                match allowed.and_then(|()| self.check_size(&publish)) {
                    Ok(()) => self.waiting.push_back(Waiting { id, topic, publish }),
                    Err(Reject(problem)) => {
                        self.outbox.push(&Refusal { id: Some(id), problem }.to_json());
                    }
                }
                self.publish_next();
            }
            Command::Subscribe { id, interest, start, slow } => {
                let answer = match self.open(&id, interest, (&start, slow)).await {
                    Ok(reader) => self.subscriptions.add(id, reader),
                    Err(problem) => Refusal { id: Some(id), problem }.to_json(),
                };
                self.outbox.push(&answer);
            }
        }
    }

    /// The same bound as for the body of a request.
    fn check_size(&self, publish: &Publish) -> Result<(), Reject> {
        let limit = self.app.body_bytes_max();
        let bytes: usize = publish.events.iter().map(|event| event.data().as_bytes().len()).sum();
        if bytes > limit { Err(body::too_large(limit).into()) } else { Ok(()) }
    }

    async fn open(
        &mut self,
        id: &str,
        interest: Interest,
        (start, slow): (&StartAt<Positions>, SlowPolicy),
    ) -> Result<ManyReader, Problem> {
        self.subscriptions.check(id)?;
        self.caller.check_interest(&interest).map_err(|Reject(problem)| problem)?;
        let opened = ManyReader::open(&self.app, interest, start, slow).await;
        let reader = opened.map_err(|error| Reject::open(&error).0)?;
        if reader.topics() + self.subscriptions.topics() > TOPICS_PER_READER {
            return Err(Reject::open(&OpenError::TooMany).0);
        }
        Ok(reader)
    }

    /// Begins the next publish, if none is carried out.
    fn publish_next(&mut self) {
        if self.publishing.is_some() {
            return;
        }
        let Some(Waiting { id, topic, publish }) = self.waiting.pop_front() else { return };
        let app = self.app.clone();
        let publishing = async move {
            match topics::publish(&app, &topic, &publish).await {
                Ok(published) => {
                    let mut answer = published.answer;
                    answer["request"] = json!(id);
                    json!({"published": answer})
                }
                Err(Reject(problem)) => Refusal { id: Some(id), problem }.to_json(),
            }
        };
        self.publishing = Some(publishing.boxed());
    }

    fn handle_seen(&mut self, place: Place, seen: Seen) {
        if let Some(input) = self.subscriptions.handle(place, seen, &mut self.outbox) {
            self.session.handle_input(present(), input);
            self.say();
        }
        self.end_if_drained();
    }

    fn end_if_drained(&mut self) {
        let answered = self.publishing.is_none() && self.waiting.is_empty();
        if self.draining && answered && self.subscriptions.are_drained() {
            self.session.handle_input(present(), Input::Ended(CloseCode::Shutdown));
        }
    }
}
