//! The crate's behaviour at its boundary.

#[cfg(test)]
mod auto_traits;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod chunking;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod encoding;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod lending;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod reconnect;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
