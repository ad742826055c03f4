//! What the benchmarks share: timing in rounds, and tables.

pub mod rounds;
