//! What the programs of this crate find.

#[cfg(test)]
mod groups;
#[cfg(test)]
mod vectors;
