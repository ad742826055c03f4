//! What the programs behind `cargo xtask corpus`, `vectors`, `conformance` and `crash`, and the
//! tests of the real server, share.

pub mod browser;
pub mod conformance;
pub mod corpus;
pub mod crash;
pub mod end_to_end;
pub mod expected;
pub mod http;
pub mod program;
pub mod reader;
pub mod vectors;
pub mod wire;
