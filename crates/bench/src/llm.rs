//! The sections of `bench llm`: each beside its peers, with results that are checked first.

pub mod normalisation;
pub mod partial_json;

pub mod filter;
pub mod handler;
pub mod tokens;

mod answer;
mod genai;
mod made_up;
mod peers;
mod recording;

pub use made_up::streams as made_up_streams;
pub use recording::{Recording, recorded};
