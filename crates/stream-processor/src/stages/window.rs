//! Windows over event time.
//!
//! Times are milliseconds since 1970, and windows are aligned to that instant, so the same events
//! always fall into the same windows, whenever a pipeline was started.
//!
//! # Lateness
//!
//! The watermark is the greatest time seen less the lateness that is allowed: what is older is
//! not expected any more.
//! A window is closed, and its results go on, when the watermark reaches its end, or no item has
//! come for a while.
//! An item for a window that was closed is not lost in silence: it goes on as
//! [`Windowed::Late`].
//!
//! # Order
//!
//! Windows close by their end, and within a window keys come as they came first.

mod count;
mod hopping;
mod panes;
mod session;
mod watermark;

use std::time::Duration;

pub use self::count::CountWindow;
pub use self::hopping::HoppingWindow;
pub use self::session::SessionWindow;
pub use self::watermark::Lateness;
pub(super) use self::watermark::Watermark;
use super::Side;

/// What comes out of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Windowed<K, A, T> {
    /// What a key's items in a window that was closed amount to.
    Closed {
        /// The key.
        key: K,
        /// The first millisecond of the window.
        start_ms: i64,
        /// The millisecond after the window.
        end_ms: i64,
        /// What the items amount to.
        value: A,
    },
    /// An item that came too late.
    Late {
        /// The item.
        item: T,
        /// How many windows that it belongs to were closed; it counts in all others.
        missed: u64,
    },
}

impl<K, A, T> Windowed<K, A, T> {
    /// The key and what its items amount to, if a window was closed.
    pub fn closed(self) -> Option<(K, A)> {
        match self {
            Self::Closed { key, value, .. } => Some((key, value)),
            Self::Late { .. } => None,
        }
    }
}

impl<K, L: Clone, R: Clone> Windowed<K, (Vec<L>, Vec<R>), Side<L, R>> {
    /// Every two items of both kinds that are in the same window and have the same key.
    pub fn pairs(self) -> Vec<(L, R)> {
        let Some((_, (left, right))) = self.closed() else { return Vec::new() };
        let with_all = |left: &L| {
            let left = left.clone();
            right.iter().map(move |right| (left.clone(), right.clone()))
        };
        left.iter().flat_map(with_all).collect()
    }
}

/// Milliseconds, at least one.
pub(super) fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).max(1)
}
