//! The requests to JetStream that logs need, each bounded in time and in number.
//!
//! They are written out here, and not taken from a client's JetStream part, because the three that
//! matter most are not in it as they are needed: storing if a subject's newest message is a certain
//! one, reading a page of one subject, and asking the leader.

mod answers;

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, HeaderMap, Message as Reply, Request, RequestErrorKind, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use self::answers::{Acknowledgement, Answered, Got, Purged};
pub(crate) use self::answers::{Made, StreamInfo};
use crate::error::NatsError;
use crate::limits::{ATTEMPT_WAIT, REQUESTS_MAX, RETRY_PAUSE};
use crate::message::{Link, Message};
use crate::shard::{Shard, write};

/// JetStream's number for a subject whose newest message is another one than was expected.
const WRONG_LAST: [u32; 2] = [10071, 10164];

/// JetStream's number for a message that is not there.
const NO_MESSAGE: u32 = 10037;

/// JetStream's number for a stream that is not there.
const NO_STREAM: u32 = 10059;

/// JetStream's number for a stream that is there with another configuration.
const OTHER_STREAM: u32 = 10058;

/// JetStream's numbers for a cluster or stream that has no leader now.
const LEADERLESS: [u32; 2] = [10008, 10009];

/// Bytes of the longest answer that is looked through for such a number.
const ERROR_BYTES_MAX: usize = 1024;

/// A message and its number.
pub(crate) type Stored = (u64, Message);

/// What became of a message that was to be stored.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is stored, with this number.
    Stored(u64),
    /// Another message came before it; it is not stored.
    Conflict,
}

/// The connection, with a bound on the requests at once.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    permits: Semaphore,
    /// How long an operation may take in all.
    patience: Duration,
}

impl Api {
    pub(crate) fn new(client: Client, patience: Duration) -> Self {
        Self { client, permits: Semaphore::new(REQUESTS_MAX), patience }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Which connection this is, counted from the first; `None` while there is none.
    pub(crate) fn connection(&self) -> Option<u64> {
        let connects = self.client.statistics().connects.load(Ordering::Relaxed);
        (self.client.connection_state() == State::Connected).then_some(connects)
    }

    /// When an operation that begins now has taken too long.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Stores a message, which was made in a history, if the newest of its subject is the one with
    /// the number `after`, or in any case.
    ///
    /// An answer that is lost leads to the same message being sent again, which cannot be stored
    /// twice: its own first copy has made `after` wrong.
    pub(crate) async fn publish(
        &self,
        shard: &Shard,
        subject: &str,
        after: Option<u64>,
        (message, history): (&Message, u64),
        deadline: Instant,
    ) -> Result<Published, NatsError> {
        let body = write(message, history);
        let published = self.send(&shard.stream, subject, after, body, deadline).await?;
        if let Published::Stored(at) = published {
            shard.note(Link { at, id: message.id });
        }
        Ok(published)
    }

    /// Stores the message that says which history a stream has, if the newest such message is the
    /// one that this one follows.
    pub(crate) async fn write_history(
        &self,
        shard: &Shard,
        message: &Message,
        deadline: Instant,
    ) -> Result<Published, NatsError> {
        let (subject, after) = (shard.history_subject(), Some(message.after.at));
        self.send(&shard.stream, &subject, after, message.encode(), deadline).await
    }

    async fn send(
        &self,
        stream: &str,
        subject: &str,
        after: Option<u64>,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Published, NatsError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", stream);
        if let Some(after) = after {
            headers.insert("Nats-Expected-Last-Subject-Sequence", after.to_string());
        }
        let request = || Request::new().headers(headers.clone()).payload(body.clone());
        let reply = self.ask("append", subject, request, deadline).await?;
        match serde_json::from_slice(&reply.payload) {
            Ok(Acknowledgement { error: None, seq }) if seq > 0 => Ok(Published::Stored(seq)),
            Ok(Acknowledgement { error: Some(error), .. })
                if WRONG_LAST.contains(&error.err_code) =>
            {
                Ok(Published::Conflict)
            }
            Ok(Acknowledgement { error: Some(error), .. }) => Err(error.refused("append")),
            _ => Err(NatsError::Malformed { at: 0 }),
        }
    }

    /// The newest message of a subject, by the word of the stream's leader.
    pub(crate) async fn last(
        &self,
        shard: &Shard,
        subject: &str,
    ) -> Result<Option<Stored>, NatsError> {
        self.get(shard, &json!({ "last_by_subj": subject })).await
    }

    /// The first message of a subject with the number `from` or a larger one, by the word of the
    /// stream's leader.
    pub(crate) async fn next(
        &self,
        shard: &Shard,
        subject: &str,
        from: u64,
    ) -> Result<Option<Stored>, NatsError> {
        self.get(shard, &json!({ "next_by_subj": subject, "seq": from })).await
    }

    /// The id of the message with the number `at`; `None` if there is none of ours.
    pub(crate) async fn id_at(&self, shard: &Shard, at: u64) -> Result<Option<u64>, NatsError> {
        let got = self.get_body(&shard.stream, &json!({ "seq": at })).await?;
        Ok(got.and_then(|(at, body)| Some(Message::decode(&body, at)?.id)))
    }

    /// The message that says which history a stream has, and that; `None` if it never lost
    /// anything.
    pub(crate) async fn history(&self, shard: &Shard) -> Result<Option<(Link, u64)>, NatsError> {
        let what = json!({ "last_by_subj": shard.history_subject() });
        let Some((at, body)) = self.get_body(&shard.stream, &what).await? else { return Ok(None) };
        let message = Message::decode(&body, at).ok_or(NatsError::Malformed { at })?;
        Ok(Some((Link { at, id: message.id }, message.head.state.epoch.get())))
    }

    async fn get(&self, shard: &Shard, what: &Value) -> Result<Option<Stored>, NatsError> {
        let Some((at, body)) = self.get_body(&shard.stream, what).await? else { return Ok(None) };
        Ok(Some((at, shard.read(&body, at)?)))
    }

    async fn get_body(
        &self,
        stream: &str,
        what: &Value,
    ) -> Result<Option<(u64, Bytes)>, NatsError> {
        let got: Answered<Got> =
            self.json("read", &format!("$JS.API.STREAM.MSG.GET.{stream}"), what).await?;
        match got {
            Answered::Error { error } if error.err_code == NO_MESSAGE => Ok(None),
            Answered::Error { error } => Err(error.refused("read")),
            Answered::Done(Got { message }) => {
                let at = message.seq;
                let body = STANDARD.decode(message.data);
                body.map(|body| Some((at, body.into()))).map_err(|_| NatsError::Malformed { at })
            }
        }
    }

    /// Messages of a subject from the number `from` on, at least one if there is one, by the word
    /// of any server that has the stream: it may not have the newest ones yet.
    pub(crate) async fn page(
        &self,
        shard: &Shard,
        subject: &str,
        from: u64,
        (messages, bytes): (u32, u32),
    ) -> Result<Vec<Stored>, NatsError> {
        // A page in one request is known since 2.11.
        if !self.client.is_server_compatible(2, 11, 0) {
            return Ok(self.next(shard, subject, from).await?.into_iter().collect());
        }
        let request = json!({
            "next_by_subj": subject, "seq": from, "batch": messages.max(2), "max_bytes": bytes,
        });
        let deadline = self.deadline();
        loop {
            match self.page_once(shard, &request).await {
                Err(error) if error.may_pass() && Instant::now() < deadline => {
                    sleep(RETRY_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn page_once(&self, shard: &Shard, request: &Value) -> Result<Vec<Stored>, NatsError> {
        let unavailable = NatsError::Unavailable { what: "read" };
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|_| unavailable.clone())?;
        let inbox = self.client.new_inbox();
        let subscribed = self.client.subscribe(inbox.clone()).await;
        let mut replies = subscribed.map_err(|_| unavailable.clone())?;
        let subject = format!("$JS.API.DIRECT.GET.{}", shard.stream);
        let sent = self.client.publish_with_reply(subject, inbox, body(request)).await;
        sent.map_err(|_| unavailable.clone())?;
        let mut page = Vec::new();
        let collect = async {
            while let Some(reply) = replies.next().await {
                match reply.status {
                    Some(StatusCode::NO_RESPONDERS) => return Err(unavailable.clone()),
                    // The end of the page, or nothing at all.
                    Some(status) if status != StatusCode::OK => return Ok(()),
                    _ => page.push(stored(shard, &reply)?),
                }
            }
            Err(unavailable.clone())
        };
        match timeout(ATTEMPT_WAIT, collect).await {
            Ok(Ok(())) => Ok(page),
            Ok(Err(error)) => Err(error),
            // What came is as good as a short page.
            Err(_) if !page.is_empty() => Ok(page),
            Err(_) => Err(NatsError::Timeout { what: "read" }),
        }
    }

    /// Gives back a subject's messages before the number `before`.
    pub(crate) async fn purge(
        &self,
        stream: &str,
        subject: &str,
        before: u64,
    ) -> Result<(), NatsError> {
        let request = json!({ "filter": subject, "seq": before });
        let subject = format!("$JS.API.STREAM.PURGE.{stream}");
        match self.json::<Answered<Purged>>("purge", &subject, &request).await? {
            Answered::Done(_) => Ok(()),
            Answered::Error { error } => Err(error.refused("purge")),
        }
    }

    /// What a stream is and holds, with the subjects that match a filter; `None` if it is not
    /// there.
    pub(crate) async fn stream(
        &self,
        stream: &str,
        filter: Option<(&str, usize)>,
    ) -> Result<Option<StreamInfo>, NatsError> {
        let request = filter.map_or_else(
            || json!({}),
            |(filter, offset)| json!({ "subjects_filter": filter, "offset": offset }),
        );
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        match self.json("look at a stream", &subject, &request).await? {
            Answered::Done(info) => Ok(Some(info)),
            Answered::Error { error } if error.err_code == NO_STREAM => Ok(None),
            Answered::Error { error } => Err(error.refused("look at a stream")),
        }
    }

    /// Makes a stream, unless it is there.
    pub(crate) async fn make_stream(&self, name: &str, config: &Value) -> Result<(), NatsError> {
        let subject = format!("$JS.API.STREAM.CREATE.{name}");
        match self.json::<Answered<Made>>("make a stream", &subject, config).await? {
            Answered::Error { error } if error.err_code != OTHER_STREAM => {
                Err(error.refused("make a stream"))
            }
            _ => Ok(()),
        }
    }

    async fn json<T: DeserializeOwned>(
        &self,
        what: &'static str,
        subject: &str,
        request: &Value,
    ) -> Result<T, NatsError> {
        let payload = body(request);
        let request = || Request::new().payload(payload.clone());
        let reply = self.ask(what, subject, request, self.deadline()).await?;
        serde_json::from_slice(&reply.payload).map_err(|_| NatsError::Malformed { at: 0 })
    }

    /// Sends a request until somebody answers it, or the time is up.
    async fn ask(
        &self,
        what: &'static str,
        subject: &str,
        request: impl Fn() -> Request,
        deadline: Instant,
    ) -> Result<Reply, NatsError> {
        let permit = tokio::time::timeout_at(deadline, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| NatsError::Timeout { what })?;
        let mut in_doubt = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let request = request().timeout(Some(left.min(ATTEMPT_WAIT)));
            // The time counts from here: a lost connection takes requests without sending them.
            let asked = timeout(left, self.client.send_request(subject.to_owned(), request));
            match asked.await {
                Ok(Ok(reply)) if !is_leaderless(&reply) => return Ok(reply),
                Ok(Ok(_)) => {}
                Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {}
                Ok(Err(error)) if error.kind() == RequestErrorKind::MaxPayloadExceeded => {
                    let description = error.to_string();
                    return Err(NatsError::Refused { what, code: 0, description });
                }
                Ok(Err(_)) | Err(_) => in_doubt = true,
            }
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(if in_doubt {
                    NatsError::Timeout { what }
                } else {
                    NatsError::Unavailable { what }
                });
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}

/// Whether it says that nobody can answer now.
fn is_leaderless(reply: &Reply) -> bool {
    reply.payload.len() <= ERROR_BYTES_MAX
        && serde_json::from_slice(&reply.payload).is_ok_and(|answer| {
            let Acknowledgement { error, .. } = answer;
            error.is_some_and(|error| LEADERLESS.contains(&error.err_code))
        })
}

fn body(request: &Value) -> Bytes {
    request.to_string().into()
}

/// The message that a server gave or sent out again, with the number that it was stored with.
pub(crate) fn stored(shard: &Shard, reply: &Reply) -> Result<Stored, NatsError> {
    let number = reply.headers.as_ref().and_then(|headers| headers.get("Nats-Sequence"));
    let at = number.and_then(|number| number.as_str().parse().ok());
    let at = at.ok_or(NatsError::Malformed { at: 0 })?;
    Ok((at, shard.read(&reply.payload, at)?))
}
