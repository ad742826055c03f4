//! A stream whose subscribers are WebSocket clients.
//!
//! What is published goes to every client as one JSON text message, which is made once, and to
//! those who subscribe to the stream itself.
//! These are also told when a client comes and goes: events of the types `connect` and
//! `disconnect` with `{"client_id": …}` as data, which no client gets.
//!
//! # Limits
//!
//! Events wait for a client in a queue of [`WebSocketOptions::client_events`]; one that falls
//! behind is disconnected with code 1013, unless the options say otherwise.
//! At most [`CLIENTS_MAX`](crate::limits::CLIENTS_MAX) clients are connected, and at most
//! [`DIRECT_MESSAGES`](crate::limits::DIRECT_MESSAGES) wait for one client alone; more are refused.
//!
//! # Dead clients
//!
//! A client whose transport fails is removed at once, and so is one that does not answer a ping,
//! or does not take what is written, within [`WebSocketOptions::peer_timeout`].
//!
//! # Closing
//!
//! [`WebSocketStream::disconnect`] gives a client what was published before and then a close frame
//! with code 1000; one that connects again under the same id replaces the one before, which gets
//! code 4000; [`WebSocketStream::close`] ends all with code 1001.
//!
//! # Drop
//!
//! When the last handle is gone, connections are dropped without a word.

mod options;
mod peer;
mod published;
mod pump;
mod transport;
#[cfg(feature = "tungstenite")]
mod tungstenite;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_core::{
    Capacity, Failure, Hub, PublishError, Receipt, Stream, Subscribe, SubscribeError, Subscribers,
    Together,
};
use stream_model::{
    Epoch, Event, EventType, Offset, StreamPosition, Subscription, SubscriptionId, now,
};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

pub use self::options::WebSocketOptions;
pub use self::peer::{Peer, PeerOutput};
use self::published::{Published, text_of};
use self::pump::{Direct, End, Pump, State};
pub use self::transport::{Frame, Transport};
#[cfg(feature = "tungstenite")]
pub use self::tungstenite::Tungstenite;
use crate::handlers::{ItemHandler, Joined, NoRuntime};
use crate::limits::{CLIENT_ID_BYTES_MAX, CLIENTS_MAX, DIRECT_MESSAGES};

/// Close codes: RFC 6455 section 7.4.1, and one of our own.
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const REPLACED: u16 = 4000;

/// A [`Stream`] to WebSocket clients.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// With the feature `tungstenite`, over a pipe that might as well be a socket:
///
#[cfg_attr(feature = "tungstenite", doc = "```")]
#[cfg_attr(not(feature = "tungstenite"), doc = "```ignore")]
/// use futures_util::StreamExt as _;
/// use stream_async::{Tungstenite, WebSocketStream};
/// use stream_core::Stream;
/// use stream_model::Event;
/// use tokio_tungstenite::{accept_async, client_async};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (ours, theirs) = tokio::io::duplex(4096);
/// let (server, client) =
///     tokio::try_join!(accept_async(ours), client_async("ws://localhost/", theirs))?;
/// let stream = WebSocketStream::new();
/// stream.connect("alice", Tungstenite::new(server))?;
/// stream.publish(Event::text("to all")).await?;
///
/// let (mut alice, _) = client;
/// let message = alice.next().await.expect("a message is sent")?;
/// let event: serde_json::Value = serde_json::from_str(message.to_text()?)?;
/// assert_eq!(event["data"], "to all");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WebSocketStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// To sockets.
    sockets: Hub<Published>,
    /// To the stream's own subscribers, who get the same in the same order, and notices besides.
    hub: Hub<Published>,
    incoming: Hub<ClientMessage>,
    subscribers: Subscribers,
    clients: Mutex<HashMap<Arc<str>, Client>>,
    /// One for each client.
    tasks: Mutex<JoinSet<()>>,
    handlers: Mutex<Vec<Joined<ClientMessage>>>,
    failures: Arc<AtomicU64>,
    closed: AtomicBool,
    epoch: Epoch,
    options: WebSocketOptions,
}

/// What the stream knows of a client.
#[derive(Debug)]
struct Client {
    subscription: SubscriptionId,
    direct: mpsc::Sender<Direct>,
    close_code: Arc<AtomicU16>,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMessage {
    /// Which client.
    pub client_id: Arc<str>,
    /// Its message, text or binary.
    pub frame: Frame,
}

/// Why a client was not connected; its connection is dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The stream is closed.
    #[error("the stream is closed")]
    Closed,
    /// The client's id is empty or too long.
    #[error("expected a client id of 1 to {limit} bytes, found {bytes}")]
    Id {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The stream has as many clients as it may.
    #[error("the stream has {limit} clients, and may have no more")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// A connection needs a tokio runtime to run in, and there is none here.
    #[error("a connection needs a tokio runtime")]
    NoRuntime,
    /// The client's queue cannot be had.
    #[error("cannot subscribe")]
    Subscribe(#[from] SubscribeError),
}

impl WebSocketStream {
    /// A stream without clients, with the default options.
    pub fn new() -> Self {
        Self::with_options(WebSocketOptions::default())
    }

    /// A stream without clients that treats them as `options` say.
    pub fn with_options(options: WebSocketOptions) -> Self {
        Self(Arc::new(Inner {
            sockets: Hub::new(Capacity::items(options.client_events)),
            hub: Hub::new(Capacity::items(options.client_events)),
            incoming: Hub::new(Capacity::items(1)),
            subscribers: Subscribers::default(),
            clients: Mutex::default(),
            tasks: Mutex::default(),
            handlers: Mutex::default(),
            failures: Arc::default(),
            closed: AtomicBool::new(false),
            epoch: now::new_epoch(),
            options,
        }))
    }

    /// Sends a client what is published from now on; the stream owns the connection until it ends.
    ///
    /// A client that is connected under the same id is replaced.
    /// The result may be given to [`unsubscribe`](Stream::unsubscribe), which disconnects it.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect<T: Transport>(
        &self,
        client_id: &str,
        transport: T,
    ) -> Result<SubscriptionId, ConnectError> {
        let runtime = runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let bytes = client_id.len();
        if !(1..=CLIENT_ID_BYTES_MAX).contains(&bytes) {
            return Err(ConnectError::Id { bytes, limit: CLIENT_ID_BYTES_MAX });
        }
        let options = &self.0.options;
        let request = Subscribe::all().queue(options.client_events).overflow(options.overflow);
        let hub = &self.0.sockets;
        let (subscription, events) = self.0.subscribers.open(hub, hub.next(), request)?;
        let (direct, directs) = mpsc::channel(DIRECT_MESSAGES);
        let close_code = Arc::new(AtomicU16::new(GOING_AWAY));
        let client_id: Arc<str> = client_id.into();
        self.enter(
            &client_id,
            Client { subscription: subscription.id(), direct, close_code: Arc::clone(&close_code) },
        )?;
        let now = Instant::now();
        let pump = Pump {
            client_id: Arc::clone(&client_id),
            transport,
            events,
            direct: directs,
            incoming: self.0.incoming.clone(),
            close_code,
            peer: Peer::new(options.ping_interval, options.peer_timeout, now.into_std()),
            sleep: Box::pin(sleep_until(now)),
            state: State::default(),
        };
        self.0.notify(EventType::Connect, &client_id);
        let id = subscription.id();
        let task = run(Arc::downgrade(&self.0), subscription, pump);
        let mut tasks = self.0.tasks.lock();
        // Those that are done by now, so that they do not pile up.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &runtime);
        Ok(id)
    }

    /// Notes a client, and ends the one that it replaces.
    fn enter(&self, client_id: &Arc<str>, client: Client) -> Result<(), ConnectError> {
        let mut clients = self.0.clients.lock();
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(ConnectError::Closed);
        }
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(client_id) {
            return Err(ConnectError::TooMany { limit: CLIENTS_MAX });
        }
        let replaced = clients.insert(Arc::clone(client_id), client);
        drop(clients);
        if let Some(replaced) = replaced {
            self.0.end(client_id, &replaced, REPLACED);
        }
        Ok(())
    }

    /// Ends a client's connection when it has had what was published before; `false` if there is
    /// no such client.
    pub fn disconnect(&self, client_id: &str) -> bool {
        let client = self.0.clients.lock().remove(client_id);
        client.inspect(|client| self.0.end(client_id, client, NORMAL)).is_some()
    }

    /// Sends an event to one client alone, and returns whether it went to the network.
    ///
    /// It may overtake events that wait for the client.
    ///
    /// # Cancel safety
    /// A dropped future may have sent the event.
    pub async fn send_to(&self, client_id: &str, event: Event) -> bool {
        let Some(text) = text_of(&event) else { return false };
        let direct = self.0.clients.lock().get(client_id).map(|client| client.direct.clone());
        let Some(direct) = direct else { return false };
        let (sent, done) = oneshot::channel();
        direct.try_send(Direct { text, sent }).is_ok() && done.await.is_ok()
    }

    /// Gives `handler` the text and binary messages of all clients from now on.
    ///
    /// A client is read no faster than asynchronous handlers take its messages.
    ///
    /// # Errors
    /// [`NoRuntime`] for an asynchronous handler outside of a tokio runtime.
    pub fn on_message(&self, handler: ItemHandler<ClientMessage>) -> Result<(), NoRuntime> {
        let failures = Arc::clone(&self.0.failures);
        let report = Arc::new(move |failure: &Failure, message: &ClientMessage| {
            failures.fetch_add(1, Ordering::Relaxed);
            warn!(%failure, client = %message.client_id, "message handler failed");
        });
        let joined = Joined::new(&self.0.incoming, handler, report)?;
        self.0.handlers.lock().push(joined);
        Ok(())
    }

    /// The ids of the clients that are connected, sorted.
    pub fn clients(&self) -> Vec<Arc<str>> {
        let mut clients: Vec<_> = self.0.clients.lock().keys().cloned().collect();
        clients.sort_unstable();
        clients
    }

    /// How often a message handler failed or panicked.
    pub fn handler_failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Takes nothing more, ends every client when it has had what was published before, then every
    /// subscription, and waits for all that, and for asynchronous handlers.
    ///
    /// A client that takes nothing is waited for no longer than
    /// [`WebSocketOptions::peer_timeout`].
    ///
    /// # Cancel safety
    /// The stream is closed in any case; clients and handlers that are not done are dropped.
    pub async fn close(&self) {
        let clients = {
            let mut clients = self.0.clients.lock();
            self.0.closed.store(true, Ordering::SeqCst);
            std::mem::take(&mut *clients)
        };
        for (client_id, client) in &clients {
            self.0.end(client_id, client, GOING_AWAY);
        }
        let mut tasks = std::mem::take(&mut *self.0.tasks.lock());
        while tasks.join_next().await.is_some() {}
        self.0.sockets.close();
        self.0.hub.close();
        self.0.incoming.close();
        self.0.subscribers.cancel_all();
        self.0.subscribers.finished().await;
        let handlers = std::mem::take(&mut *self.0.handlers.lock());
        for handler in handlers {
            handler.finished().await;
        }
    }

    /// How many subscriptions there are, those of clients among them.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }
}

impl Inner {
    /// Ends the connection of a client that was taken out.
    fn end(&self, client_id: &str, client: &Client, code: u16) {
        client.close_code.store(code, Ordering::Relaxed);
        self.subscribers.cancel(client.subscription);
        self.notify(EventType::Disconnect, client_id);
    }

    /// Takes a client out whose connection has ended, unless that was done, or another has its id.
    fn leave(&self, client_id: &str, subscription: SubscriptionId) {
        let mut clients = self.clients.lock();
        if clients.get(client_id).is_some_and(|client| client.subscription == subscription) {
            clients.remove(client_id);
            drop(clients);
            self.notify(EventType::Disconnect, client_id);
        }
    }

    /// Tells the stream's own subscribers.
    fn notify(&self, event_type: EventType, client_id: &str) {
        let data = serde_json::json!({ "client_id": client_id });
        let event = Event::builder().event_type(event_type).data(data).build();
        self.hub.publish(Published::new(event), 1);
    }
}

/// Runs a connection to its end; keeps the stream alive only then.
async fn run<T: Transport>(stream: Weak<Inner>, subscription: Subscription, mut pump: Pump<T>) {
    let end = poll_fn(|cx| pump.poll(cx)).await;
    match &end {
        End::Failed(error) => warn!(client = %pump.client_id, %error, "connection failed"),
        End::Dead => warn!(client = %pump.client_id, "client is dead"),
        End::Closed | End::Left => debug!(client = %pump.client_id, ?end, "client left"),
    }
    if let Some(stream) = stream.upgrade() {
        stream.leave(&pump.client_id, subscription.id());
    }
}

/// `publish` sends an event to all clients; it waits only for subscribers that asked for it.
#[async_trait]
impl Stream for WebSocketStream {
    #[doc(alias = "broadcast")]
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(PublishError::Closed);
        }
        let weight = event.data().as_bytes().len();
        let both = Together::new(&self.0.hub, [&self.0.sockets]);
        let sent = both.send(Published::new(event), weight).await;
        let number = sent.map_err(|_| PublishError::Closed)?;
        let offset = Offset::new(number);
        Ok(Receipt::new(StreamPosition { epoch: self.0.epoch, offset }))
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(SubscribeError::Closed);
        }
        let remembered = request.replayed().min(self.0.options.client_events);
        self.0.subscribers.join(&self.0.hub, self.0.hub.recall(remembered), request)
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

impl Default for WebSocketStream {
    fn default() -> Self {
        Self::new()
    }
}
