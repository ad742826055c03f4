//! The stages that a pipeline is made of; its operators make them.
//!
//! They have names so that types can be written down, and constructors for those who put a chain
//! together at run time; [`StreamProcessor`](crate::StreamProcessor) has a method for each.

mod batch;
mod choose;
mod dynamic;
mod each;
mod join;
mod keyed;
mod map_async;
mod pace;
mod remember;
mod split;
mod try_map;
mod window;

/// Shows a stage by its name, as closures show nothing.
macro_rules! debug_by_name {
    ($($name:ident<$($param:ident),*>),* $(,)?) => {$(
        impl<$($param),*> std::fmt::Debug for $name<$($param),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
use debug_by_name;

pub use batch::Batch;
pub use choose::{Skip, SkipWhile, Take, TakeUntil, TakeWhile};
pub use dynamic::BoxStage;
pub use each::{Filter, FilterMap, FlatMap, Map, Tap};
pub use join::{IntervalJoin, Joined, Side};
pub use keyed::{Keyed, KeyedState};
pub(crate) use map_async::MapAsyncOptions;
pub use map_async::{ByKey, Fallible, Lane, MapAsync, NoLanes, Order, Plain, Settle};
pub use pace::{Conflate, Debounce, Sample, Throttle};
pub use remember::{Distinct, DistinctUntilChanged, Fold, Scan};
pub use split::Split;
pub use try_map::TryMap;
pub use window::{CountWindow, HoppingWindow, Lateness, SessionWindow, Windowed};
