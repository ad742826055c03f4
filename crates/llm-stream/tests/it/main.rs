//! Everything that is tested from outside the crate.

#[cfg(test)]
mod corpus;
