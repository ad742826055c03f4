//! What the benchmarks share: timing in rounds.

pub mod rounds;
