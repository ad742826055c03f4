//! Spans for an OpenTelemetry collector, by OTLP over HTTP.
//!
//! The usual variables say where and how: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`),
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
//! `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`.

use anyhow::Context;
use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use millstream::http::AppOptions;
use millstream::http::client::Client;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Span, Subscriber, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Bytes of a collector's answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where spans are sent.
pub(crate) struct Collector(SdkTracerProvider);

impl Collector {
    /// The collector that the variables name, if they do.
    ///
    /// Must be called within the runtime that sends.
    pub(crate) fn from_env() -> anyhow::Result<Option<Self>> {
        let is_named = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
        if !is_named {
            return Ok(None);
        }
        let client = Sender { client: Client::new(), runtime: Handle::current() };
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.context("the variables OTEL_EXPORTER_OTLP_* name no collector")?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("millstream");
        }
        let builder = SdkTracerProvider::builder().with_resource(resource.build());
        Ok(Some(Self(builder.with_batch_exporter(exporter).build())))
    }

    /// What takes the spans in.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("millstream"))
    }

    /// Sends what is left.
    pub(crate) fn close(self) {
        let closed = tokio::task::block_in_place(|| self.0.shutdown());
        if let Err(error) = closed {
            warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Has the span of each request continue the trace that its headers name.
pub(crate) fn equip(app: AppOptions) -> AppOptions {
    app.on_request(|span: &Span, headers: &HeaderMap| {
        let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Nobody exports spans if there is no layer for that.
        span.set_parent(context).unwrap_or_default();
    })
}

/// Sends from the runtime, whichever thread asks.
#[derive(Debug)]
struct Sender {
    client: Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let response = client.send(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await?;
            Ok::<_, HttpError>(Response::from_parts(head, body))
        });
        sent.await?
    }
}
