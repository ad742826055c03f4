//! Everything that is tested from outside the crate.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod encode;
#[cfg(test)]
mod events;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod neutral;
