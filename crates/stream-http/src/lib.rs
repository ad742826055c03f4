//! The delivery contract over HTTP: topics, history, server-sent events and LLM relays.
//!
//! [`App`] holds the logs and everything that follows them; [`router`] mounts its routes
//! anywhere that axum runs, and [`serve`] owns a listener and ends every reader in order.
//! Handlers hold no rule of their own: what a request means and what a reader is told is decided
//! in `stream-protocol`.
//!
//! | route | what |
//! |---|---|
//! | `POST /topics/{topic}` | publish |
//! | `GET /topics/{topic}` | server-sent events or lines of JSON with resume, or a page of history; a pattern in place of the topic reads all that it takes |
//! | `GET /events?topic=…&topic=…` | many topics and patterns on one connection, resumed by one id |
//! | `GET /topics` | the topics |
//! | `GET /ws` | publish and subscribe over a WebSocket ([`stream_protocol::ws`]) |
//! | `POST /llm/{id}` | start a relay from the body, or from a configured provider |
//! | `GET /llm/{id}` | its events, from any position, also after the end |
//! | `POST /llm/{id}/stop` | stop the generation |
//! | `/v1/stream/{path}` | the Durable Streams protocol |
//! | `GET /llm` | the LLM streams |
//! | `GET /metrics` | what is counted, for Prometheus; the same as events of the topic `$sys.stats` |
//! | `GET /`, `/openapi.json` | the dashboard, and a description of the routes |
//! | `GET /healthz`, `/readyz` | probes |
//!
//! # Slow readers
//!
//! A reader is written to as fast as it reads; what it has not taken yet waits in the log, and
//! at most [`limits::CHUNK_BYTES`] of frames wait in memory for it.
//! If the log is trimmed meanwhile, the reader is told first.
//!
//! # Who may come
//!
//! Without [`Auth`] everybody who reaches the server may do everything, so it answers to the names
//! of loopback alone; [`AppOptions::origins`] adds names, and origins whose pages may use it.
//! With [`Auth`] it answers to any name, unless told otherwise, and tokens say what their bearers
//! may do ([`stream_protocol::grant`]).
//!
//! # Shutdown
//!
//! Relays end with their `end` event, readers get what the logs hold and a `disconnect` event
//! with their position, and what is still open after the drain time is cut.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use stream_http::{App, AppOptions, router};
//! use stream_log::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = App::new(Arc::new(MemoryStore::new()), AppOptions::default());
//! let router: axum::Router = router(app);
//! # drop(router);
//! # }
//! ```

mod app;
mod auth;
mod body;
mod caller;
mod chunk;
pub mod client;
mod connection;
mod dashboard;
mod durable;
mod express;
mod extract;
mod feed;
pub mod frame;
mod guard;
mod item;
mod library;
pub mod limits;
mod live;
mod llm;
mod many;
mod message;
mod metrics;
mod names;
mod options;
mod others;
mod page;
mod rates;
mod read;
mod reject;
mod rendition;
pub mod replay;
mod retry;
mod routes;
mod serve;
mod shutdown;
mod slots;
mod start;
mod stats;
mod topics;
mod trace;
mod upstream;
mod web_socket;
#[cfg(feature = "webhook")]
mod webhook;
mod ws;

pub use app::App;
pub use auth::{Algorithm, Auth, KeyError, sign_token};
pub use metrics::Buckets;
pub use options::AppOptions;
pub use retry::RetryPolicy;
pub use routes::router;
pub use serve::{ServeError, serve};
pub use stream_protocol::{Grant, OriginRules};
pub use upstream::{Upstream, UpstreamError};
pub use web_socket::AxumSocket;
#[cfg(feature = "webhook")]
pub use webhook::HttpWebhook;
