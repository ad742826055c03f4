//! Logs in memory: the executable specification, and the engine of `--memory`.
//!
//! What it holds ends with the process; its receipts say [`Durability::Memory`].

mod log;
mod store;

pub use self::log::MemoryLog;
pub use self::store::MemoryStore;
