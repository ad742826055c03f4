//! What the benchmarks share: timing in rounds, and contestants that need more than a closure.

pub mod fanout;
pub mod rounds;
