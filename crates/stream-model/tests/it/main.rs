//! The crate as its users see it.

#[cfg(test)]
mod promises;
#[cfg(test)]
mod vectors;
