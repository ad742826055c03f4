//! What the programs of this crate find.

#[cfg(test)]
mod vectors;
