//! The real binary as a process, over real sockets.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod cluster_durable;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod relays;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod support;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod topics;
