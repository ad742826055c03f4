//! What the benchmarks share: timing in rounds, tables, and contestants that need more than a
//! closure.

pub mod delivery;
pub mod durable_http;
pub mod fanout;
pub mod llm;
pub mod log;
pub mod rounds;
pub mod shared;
pub mod table;
