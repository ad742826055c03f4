//! What the fuzz targets share: inputs that say how they are cut, and streams to damage.
//!
//! A broken law is a panic. Each target has a property test that holds the same law in every test
//! run; its first lines name it.

mod disk;
mod encoded;
mod input;
mod provider;

pub use disk::{check_files, whole_files};
pub use encoded::check_encoders;
pub use input::{Input, cut, cut_text};
pub use provider::{check_detection, check_provider};
