//! What the crate promises, shown from outside.

#[cfg(test)]
mod relays;
#[cfg(test)]
mod shared;
