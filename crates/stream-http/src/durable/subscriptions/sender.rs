//! Sends wakes: as signed requests to webhooks, or as events to a wake stream.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use stream_model::BoxError;
use stream_model::now::now;
use stream_protocol::durable::append::Append;
use stream_protocol::durable::subscription::target::{Reach, may_reach};
use stream_protocol::durable::subscription::{Delivery, Outcome, Wake};
use stream_protocol::durable::{Refusal, StreamPath};
use tower_service::Service;
use tracing::debug;

use super::keys::Keys;
use super::routes::{callback_url, id_text};
use crate::client::read_some;
use crate::durable::streams::Streams;
use crate::limits::{CONNECT_TIMEOUT, WEBHOOK_ANSWER_BYTES, WEBHOOK_TIMEOUT};

/// Which subscription is woken, and how it is reached.
#[derive(Debug)]
pub(super) struct Woken {
    pub(super) id: String,
    pub(super) wake_id: String,
    pub(super) base_url: String,
    pub(super) lease: Duration,
}

/// Sends wakes.
#[derive(Debug)]
pub(super) struct Sender {
    keys: Arc<Keys>,
    streams: Arc<Streams>,
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Body>,
}

impl Sender {
    pub(super) fn new(keys: Arc<Keys>, streams: Arc<Streams>, reach: Reach) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Resolver { reach });
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        // Every connection is checked anew, so none is kept.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { keys, streams, client }
    }

    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Sends a wake, and says what became of it.
    pub(super) async fn send(&self, woken: &Woken, wake: Wake) -> Outcome {
        let sent = match &wake.delivery {
            Delivery::Webhook(url) => self.call(url, woken, &wake).await,
            Delivery::PullWake(stream) => self.announce(stream, woken, &wake).await,
        };
        match sent {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Delivered,
            Err(error) => {
                debug!(id = woken.id, generation = wake.generation, error, "wake not delivered");
                Outcome::Failed { chance: fastrand::u64(..) }
            }
        }
    }

    /// Calls a webhook; says whether it has done everything at once (7.1).
    async fn call(&self, url: &str, woken: &Woken, wake: &Wake) -> Result<bool, BoxError> {
        let now = now();
        let body = json!({
            "subscription_id": woken.id,
            "wake_id": woken.wake_id,
            "generation": wake.generation,
            "streams": wake.streams,
            "callback_url": callback_url(&woken.base_url, &id_text(&woken.id)),
            "callback_token": self.keys.token(&woken.id, wake.generation, now),
        });
        let body = body.to_string();
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-signature", self.keys.sign(now, body.as_bytes()))
            .body(Body::from(body))?;
        // Who takes longer than its lease has lost it.
        let patience = WEBHOOK_TIMEOUT.min(woken.lease);
        let answer = tokio::time::timeout(patience, async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = read_some(Body::new(response.into_body()), WEBHOOK_ANSWER_BYTES).await;
            Ok::<_, BoxError>((status, body))
        });
        let (status, body) = answer.await??;
        if !status.is_success() {
            return Err(format!("the webhook answered {status}").into());
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok(answer["done"] == true)
    }

    /// Writes a wake event (7.2).
    ///
    /// Subscriptions are not told of it: one that follows its own wake stream would never sleep.
    async fn announce(&self, stream: &str, woken: &Woken, wake: &Wake) -> Result<bool, BoxError> {
        let milliseconds = now().unix_timestamp_nanos() / 1_000_000;
        let event = json!({
            "type": "wake",
            "subscription_id": woken.id,
            "stream": wake.first,
            "generation": wake.generation,
            "ts": i64::try_from(milliseconds).unwrap_or_default(),
        });
        self.append(stream, event.to_string().into()).await.map(|()| false).map_err(|refusal| {
            format!("cannot write to the wake stream {stream}: {}", refusal.problem.to_json())
                .into()
        })
    }

    async fn append(&self, stream: &str, event: Bytes) -> Result<(), Refusal> {
        let path = StreamPath::new(stream).map_err(|_| Refusal::not_found())?;
        let json = HeaderValue::from_static("application/json");
        let headers: HeaderMap = [(CONTENT_TYPE, json)].into_iter().collect();
        let append = Append::parse(&headers, event)?;
        let stream = self.streams.find(&path).await?;
        stream.append(&append).await.map(|_| ())
    }
}

/// Resolves names, and keeps addresses to itself that no webhook may reach: a name that was
/// harmless when it was checked may lead elsewhere later.
#[derive(Debug, Clone)]
struct Resolver {
    reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| may_reach(address.ip(), reach)).collect();
            if allowed.is_empty() {
                return Err(std::io::Error::other("no address that a webhook may reach"));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_leads_nowhere() {
        let resolve = async |reach| {
            let name = "localhost".parse().unwrap();
            Resolver { reach }.call(name).await.map(Iterator::count)
        };
        assert!(resolve(Reach::Public).await.is_err());
        assert!(resolve(Reach::PublicAndLoopback).await.unwrap() > 0);
    }
}
