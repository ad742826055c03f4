//! The Durable Streams protocol: requests in, decisions out.
//!
//! A stream is an append-only sequence at a URL path; the numbers in these pages are the sections
//! of the protocol's text.
//! Nothing here knows a log or a socket: the driver reads a request, asks how the stream stands,
//! lets these machines decide, and does what they say.
//!
//! | request | machine |
//! |---|---|
//! | `PUT` | [`create::Create`] |
//! | `POST` | [`append::Append`] |
//! | `GET` | [`read::Read`] and [`read::Page`], [`sse`] for live readers |
//! | requests below `__ds` | [`subscription`] |
//! | `HEAD`, `DELETE` | [`Answer::metadata`], [`Answer::deleted`] |
//!
//! # How a stream lies in its log
//!
//! The first record is a [`record::Description`], and each append is one record after it.
//! So a stream with its first content, and closed if that was asked for, is made by one append to
//! an empty log, and a position in the stream is a number of appends.
//!
//! # Examples
//!
//! ```
//! use http::HeaderMap;
//! use http::header::{CONTENT_TYPE, HeaderValue};
//! use stream_protocol::durable::append::Append;
//! use stream_protocol::durable::{ContentType, StreamOffset};
//!
//! let json = HeaderValue::from_static("application/json");
//! let headers: HeaderMap = [(CONTENT_TYPE, json)].into_iter().collect();
//! let append = Append::parse(&headers, r#"[{"n":1},{"n":2}]"#.into()).unwrap();
//!
//! let stream = ContentType::parse("application/json")?;
//! let plan = append.plan(&stream, None).unwrap();
//! assert_eq!(plan.piece.unwrap(), r#"{"n":1},{"n":2}"#);
//!
//! // Had the stream been closed, the client would be told where.
//! let refusal = append.plan(&stream, Some(StreamOffset::BEGINNING)).unwrap_err();
//! assert_eq!(refusal.problem.status(), 409);
//! assert_eq!(refusal.headers["stream-closed"], "true");
//! # Ok::<(), stream_protocol::durable::ContentTypeError>(())
//! ```

mod answer;
pub mod append;
mod content;
mod content_type;
pub mod create;
pub mod cursor;
mod family;
pub mod headers;
mod lifetime;
pub mod limits;
mod offset;
mod path;
pub mod read;
pub mod record;
mod refusal;
pub mod sse;
pub mod subscription;

pub use answer::Answer;
pub use content_type::{ContentType, ContentTypeError};
pub use family::{Family, FamilyEvent};
pub use lifetime::Lifetime;
pub use offset::{StreamOffset, StreamOffsetError};
pub use path::{StreamPath, StreamPathError};
pub use refusal::Refusal;
