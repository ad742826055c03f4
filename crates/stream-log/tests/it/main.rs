//! What the crate promises, shown from outside.

#[cfg(test)]
mod events;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod reader;
