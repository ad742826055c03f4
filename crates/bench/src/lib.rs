//! What the benchmarks share: timing in rounds, tables, and the sections of the longer ones.

pub mod llm;
pub mod rounds;
pub mod table;
