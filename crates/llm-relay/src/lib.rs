//! Resumable LLM streams: a provider's bytes, decoded and kept in a log that any reader can
//! follow.
//!
//! The pump belongs to the relay and not to a request: a reader that leaves stops nothing, and a
//! reader that comes back, or late, or after the end, reads the log.
//!
//! [`Relay`] is the pure machine: bytes in, records out.
//! [`Relays`] drives one for each stream.
//!
//! # Overload
//!
//! The provider is read no faster than the log takes its events: at most one chunk of bytes and
//! its events are in memory for each relay.
//! A stream whose records exceed [`RelayOptions::bytes_max`] ends with an error event.
//!
//! # Filter and statistics
//!
//! With [`RelayOptions::filter`] nothing that matches a pattern reaches the log, so no reader, in
//! no format, ever sees it; a pattern that blocks ends the stream with an error event.
//! The event before the end has the [statistics](llm_stream::STATISTICS).
//!
//! # Closing
//!
//! The last record is always an `end` event, whatever happened: the provider was done, closed in
//! mid-event, fell silent, was stopped, or the server went down in order.
//!
//! # Several servers
//!
//! Where servers share a store ([`Relays::shared`]), any of them reads and stops a relay: whoever
//! stops one that runs elsewhere closes its log, and its pump sees that.
//! Servers tell each other by leases which relays they run, and end those of a server that is gone
//! with an error event ([`Relays::keep_lease`]).
//!
//! # Examples
//!
//! ```
//! use llm_relay::{Ending, Moment, Relay, RelayOptions};
//! use llm_stream::Format;
//!
//! let options = RelayOptions::default().format(Format::OpenAiChat);
//! let mut relay = Relay::new(&options, Moment::now());
//! relay.push(Moment::now(), b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n");
//! relay.finish(Moment::now(), &Ending::Finished);
//! let records = relay.take_records();
//! assert!(records[1].starts_with(br#"{"type":"delta","content":"","delta":"Hi""#));
//! assert!(records.last().unwrap().starts_with(br#"{"type":"end""#));
//! assert!(relay.is_finished());
//! ```

mod guard;
mod id;
mod lease;
mod moment;
mod options;
mod pump;
mod relay;
mod relays;

pub use id::{RelayId, RelayIdError};
pub use moment::Moment;
pub use options::RelayOptions;
pub use pump::Summary;
pub use relay::{Ending, Relay};
pub use relays::{Ended, Relays, StartError, StopOutcome};
