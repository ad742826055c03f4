//! The real server, killed under load again and again, and what it promised held against what it
//! has.
//!
//! Writers send each append until it is acknowledged; readers are cut at random and go on where
//! they were; meanwhile the server is killed (SIGKILL) and started again on the same directory.
//! In the end every record that was acknowledged must be there once, in order and whole, and
//! every reader must have read exactly that.
//!
//! What a killed process has written is kept by the operating system, so this shows nothing about
//! a power failure; the simulated disk of the log's own tests does.

mod audit;
mod campaign;
mod cluster;
pub mod full;
mod group;
mod link;
mod log;
mod mark;
mod pages;
mod pipeline;
mod reader;
mod stage;
mod web_socket;
mod writer;

pub use audit::{Ledger, Verdict, audit};
pub use campaign::{Plan, Report, run};
pub use cluster::{ClusterPlan, ClusterReport, run_on_cluster};
pub use group::{GroupPlan, GroupReport, run_groups, run_member};
pub use mark::Mark;
pub use pipeline::{PipelinePlan, PipelineReport, STARTED, run_pipeline, run_pipelines};
