//! The one fan-out of the workspace: one item to many readers, none of them slowed by another.
//!
//! [`Hub`] keeps the newest items in a ring, each with its sequence number.
//! A [`Cursor`] reads them at its own pace and is told how many it missed if it falls behind:
//! nothing is lost in silence, and no reader ever holds up the publisher.
//!
//! # Examples
//!
//! ```
//! use stream_core::{Capacity, Hub, TryNext};
//!
//! let hub = Hub::new(Capacity::items(2));
//! let mut cursor = hub.cursor();
//! for n in 1..=3 {
//!     hub.publish(n, 1);
//! }
//! // The ring gives way in whole blocks, so a little more than two items may still be there.
//! let mut seen = Vec::new();
//! while let TryNext::Item(n) = cursor.try_next() {
//!     seen.push(*n);
//! }
//! assert_eq!(seen, [1, 2, 3]);
//! ```

mod hub;

pub use hub::{Capacity, Cursor, Hub, Readiness, TryNext};
