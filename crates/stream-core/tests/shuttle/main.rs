//! The hub under a scheduler that tries many interleavings.
//!
//! The hub is compiled here a second time, with locks and atomics that hand every step to the
//! scheduler; a failing test prints the schedule that replays it.

#[cfg(test)]
mod explore;
#[cfg(test)]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "most of the hub's interface is not used here"
)]
#[path = "../../src/hub/mod.rs"]
mod hub;
#[cfg(test)]
#[expect(dead_code, unreachable_pub, reason = "the hub has only one of these bounds")]
#[path = "../../src/limits.rs"]
mod limits;
#[cfg(test)]
mod sync;
