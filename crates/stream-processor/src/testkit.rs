//! What tests of pipelines need: time that is given, sources and sinks that do as they are told,
//! failures by chance, and what every backend must do.
//!
//! | type | what it is |
//! |---|---|
//! | [`VirtualRun`] | stages without a source, in a time that the test gives |
//! | [`TestSource`] | items, watermarks, gaps and the end, when the test says so |
//! | [`TestSink`] | keeps what it gets, refuses or holds it up when the test says so |
//! | [`RandomFail`] | fails by chance, the same way for the same seed |
//! | [`conformance`] | what a pipeline expects of everything that it reads or writes |

pub mod conformance;

mod random_fail;
mod sink;
mod source;
mod virtual_run;

pub use random_fail::{ByChance, RandomFail};
pub use sink::TestSink;
pub use source::{TestSource, TestSourceHandle};
pub use virtual_run::VirtualRun;
